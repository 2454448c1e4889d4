"""Tagging reports: figures against a calculation token by token, other libraries, and numbers found by hand."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.conlleval import count

from nlmkit.errors import DataError
from nlmkit.taggers.evaluation import tagging_report
from nlmkit.taggers.figures import accuracy_of, f1_of
from nlmkit.taggers.report import TaggingReport
from nlmkit.text.tag_schemes import convert
from nlmkit.text.tagged import Column, TaggedSentences

TAGS = ["O", "B-X", "I-X", "B-Y", "I-Y"]

sentences = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS), st.booleans()), max_size=7), min_size=1, max_size=5
).filter(any)


def both(drawn: list[list[tuple[str, str, bool]]]) -> tuple[list[list[str]], list[list[str]]]:
    """Tags, and predicted tags that are often the same."""
    gold = [[true for true, _, _ in sentence] for sentence in drawn]
    return gold, [[true if keep else guess for true, guess, keep in sentence] for sentence in drawn]


def percents(report: Any) -> tuple[float, float, float]:
    return 100 * report.precision, 100 * report.recall, 100 * report.f1


@given(sentences)
@settings(max_examples=40, deadline=None)
def test_figures_are_those_of_conlleval(drawn: list[list[tuple[str, str, bool]]]) -> None:
    gold, predicted = both(drawn)
    wanted = count(gold, predicted)
    for scheme in ("IOB1", "IOB2"):
        report = tagging_report(gold, predicted, scheme=scheme, resamples=0)
        assert percents(report) == pytest.approx(wanted.figures())
        assert report.accuracy == wanted.right / wanted.tokens
        assert (report.gold, report.predicted, report.correct) == tuple(
            sum(each.values()) for each in (wanted.gold, wanted.predicted, wanted.correct)
        )
        assert set(report.by_type) == {kind for kind in "XY" if wanted.gold[kind] or wanted.predicted[kind]}
        for kind, row in report.by_type.items():
            assert percents(row) == pytest.approx(wanted.figures(kind))
            assert (row.gold, row.predicted, row.correct) == (
                wanted.gold[kind],
                wanted.predicted[kind],
                wanted.correct[kind],
            )


@given(sentences)
@settings(max_examples=15, deadline=None)
def test_other_schemes_have_the_same_figures(drawn: list[list[tuple[str, str, bool]]]) -> None:
    """Spans are the same however they are written; conlleval itself misreads ``E`` before ``B``."""
    gold, predicted = both(drawn)
    wanted = count(gold, predicted)
    for scheme in ("BIOES", "BMES", "BILOU"):
        written = [[convert(tags, "IOB2", scheme)[0] for tags in some] for some in (gold, predicted)]
        report = tagging_report(*written, scheme=scheme, resamples=0)
        assert percents(report) == pytest.approx(wanted.figures())
    data = TaggedSentences([[str(at) for at, _ in enumerate(tags)] for tags in gold], gold, scheme="IOB2")
    guess = data.with_tags(Column.of(tag for tags in predicted for tag in convert(tags, "IOB2", "BILOU")[0]), "BILOU")
    assert percents(tagging_report(data, guess, resamples=0)) == pytest.approx(wanted.figures())


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("seqeval") is None, reason="seqeval is not installed")
def test_figures_are_those_of_seqeval() -> None:
    """By default, it reads malformed tags as conlleval does."""
    from seqeval.metrics import f1_score, precision_score, recall_score

    random = np.random.default_rng(3)
    for _ in range(20):
        gold = [random.choice(TAGS, size=6).tolist() for _ in range(8)]
        predicted = [[tag if random.random() < 0.6 else "B-X" for tag in tags] for tags in gold]
        report = tagging_report(gold, predicted, scheme="IOB2", resamples=0)
        wanted = [function(gold, predicted) for function in (precision_score, recall_score, f1_score)]
        assert [report.precision, report.recall, report.f1] == pytest.approx(wanted)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("nltk") is None, reason="NLTK is not installed")
def test_figures_are_those_of_nltk() -> None:
    from nltk.chunk.util import ChunkScore, conlltags2tree

    random = np.random.default_rng(4)
    gold = [random.choice(["O", "B-X", "I-X"], size=7).tolist() for _ in range(30)]
    predicted = [[tag if random.random() < 0.7 else "O" for tag in tags] for tags in gold]
    score = ChunkScore()
    for one, two in zip(gold, predicted, strict=True):
        score.score(*(conlltags2tree([("word", "part", tag) for tag in tags]) for tags in (one, two)))
    report = tagging_report(gold, predicted, scheme="IOB2", resamples=0)
    assert (report.precision, report.recall) == pytest.approx((score.precision(), score.recall()))
    assert report.f1 == pytest.approx(score.f_measure())


def test_percentages_are_printed_with_the_digits_of_conlleval() -> None:
    """371 of 539 predicted and 459 spans are conlleval's 68.83, 80.83 and 74.35 on the sample of CoNLL-2000."""
    gold = [["B-X"]] * 371 + [["B-X"]] * 88 + [["O"]] * 168
    predicted = [["B-X"]] * 371 + [["O"]] * 88 + [["B-X"]] * 168
    report = tagging_report(gold, predicted, resamples=0)
    lines = dict(line.split() for line in report.render().split("\n\n")[0].replace("sentences right", "s").splitlines())
    assert lines == {"F1": "74.35", "precision": "68.83", "recall": "80.83", "accuracy": "59.17", "s": "59.17"}


def test_figures_of_unseen_words_by_hand() -> None:
    words = TaggedSentences([["the", "yak", "sees", "gnus"], ["the", "cat"]], [["B-N", "I-N", "O", "B-N"], ["B-N"] * 2])
    report = tagging_report(
        words,
        words.with_tags(Column.of(["B-N", "I-N", "O", "O", "B-N", "I-N"]), "IOB2"),
        known_words=frozenset({"the", "cat", "sees"}),
        resamples=0,
    )
    # Unseen are "yak" (right) and "gnus" (wrong), and the spans "the yak" (found) and "gnus"; "the" and "cat" are not.
    assert (report.oov_tokens, report.oov_accuracy, report.iv_accuracy) == (2, 1 / 2, 3 / 4)
    assert (report.oov_spans, report.oov_recall, report.iv_recall) == (2, 1 / 2, 0)
    without = tagging_report(words, words, resamples=0)
    assert without.oov_tokens is without.oov_recall is None
    assert without.reasons["oov_recall"] == "the words of training are unknown"
    all_known = tagging_report(words, words, known_words=frozenset({"the", "cat", "sees", "yak", "gnus"}), resamples=0)
    assert (all_known.oov_spans, all_known.oov_recall) == (0, None)
    assert all_known.reasons["oov_recall"] == "there are no spans of unseen words"


def segmented(*lines: str) -> TaggedSentences:
    """Words between spaces, as characters with BMES tags."""
    tags = [["S" if len(w) == 1 else f"B{'M' * (len(w) - 2)}E" for w in line.split()] for line in lines]
    characters = [list(line.replace(" ", "")) for line in lines]
    return TaggedSentences(characters, [list("".join(each)) for each in tags], scheme="BMES", tokenizer="char")


def test_recall_of_unseen_words_of_segmented_text() -> None:
    """``R_OOV`` and ``R_IV`` of the SIGHAN bakeoffs: words that training lacked, whatever their characters."""
    gold, predicted = segmented("我们 喜欢 大海", "海 大"), segmented("我们 喜 欢 大海", "海大")
    report = tagging_report(gold, predicted, known_words=frozenset({"我们", "喜欢", "海"}), segments=True, resamples=0)
    assert (report.oov_spans, report.oov_recall, report.iv_recall) == (2, 1 / 2, 1 / 3)
    assert report.oov_tokens is None
    assert report.reasons["oov_accuracy"] == "segmented text: see oov_recall"
    assert (report.gold, report.predicted, report.correct) == (5, 5, 2)
    assert [(each.kind, each.gold, each.predicted) for each in report.errors] == [
        ("split", "喜欢", "喜 欢"),
        ("merged", "海 大", "海大"),
    ]
    assert report.errors[0].examples[0].gold == "我们 喜欢 大海"
    assert report.errors[0].examples[0].predicted == "我们 喜 欢 大海"
    moved = tagging_report(segmented("大 海边"), segmented("大海 边"), segments=True, resamples=0)
    assert [each.kind for each in moved.errors] == ["moved"]


def test_repairs_are_counted() -> None:
    gold, predicted = [["I-X", "I-X", "O", "I-Y"]], [["B-X", "I-X", "I-Y", "B-Y"]]
    report = tagging_report(gold, predicted, scheme="IOB2", resamples=0)
    assert (report.gold_repairs, report.predicted_repairs) == (2, 1)
    assert report.accuracy == 1 / 4  # tags are compared as they are written
    assert report.recall == 1
    assert "malformed tags of the data, repaired as conlleval reads them: 2" in report.render()
    assert "malformed tags predicted, repaired as conlleval reads them: 1" in report.render()


def test_errors_of_spans_have_a_sort_and_examples() -> None:
    words = ["a", "b", "c", "d", "e", "f", "g"]
    gold = TaggedSentences([words, words[:2]], [["B-X", "I-X", "O", "B-Y", "O", "O", "B-X"], ["B-X", "O"]])
    predicted = [["B-X", "I-X", "I-X", "B-X", "B-Y", "O", "O"], ["O", "O"]]
    report = tagging_report(
        gold, gold.with_tags(Column.of(tag for tags in predicted for tag in tags), "IOB2"), resamples=0
    )
    found = [(each.kind, each.gold, each.predicted, each.count) for each in report.errors]
    assert found == [("missed", "X", "", 2), ("bounds", "X", "X", 1), ("type", "Y", "X", 1), ("spurious", "", "Y", 1)]
    missed, bounds = report.errors[0].examples, report.errors[1].examples
    assert [each.sentence for each in missed] == [1, 2]
    assert missed[1].gold == "[X a] b"
    assert missed[1].predicted == "a b"
    assert bounds[0].gold == "[X a b] c [Y d] e f [X g]"
    assert bounds[0].predicted == "[X a b c] [X d] [Y e] f g"


def test_errors_of_plain_tags_and_lines() -> None:
    data = TaggedSentences([["x"], list("abcdefghijklm")], [["N"], ["N"] * 13])
    data = TaggedSentences.of_columns(data.words, data.offsets, data.tags, lines=np.array([1, 5]), scheme="plain")
    predicted = data.with_tags(Column.of("N" * 8 + "V" + "N" * 5), "plain")
    (error,) = tagging_report(data, predicted, resamples=0).errors
    assert (error.kind, error.gold, error.predicted, error.count) == ("tag", "N", "V", 1)
    (example,) = error.examples
    assert (example.sentence, example.line) == (2, 5)
    assert example.gold == "… c d e f g [h]/N i j k l m"
    assert example.predicted == "… c d e f g [h]/V i j k l m"


def test_confusions_are_counted_by_tag() -> None:
    report = tagging_report([["N", "V", "N"], ["V"]], [["N", "N", "V"], ["A"]], scheme="plain", resamples=0)
    assert report.tags == ("N", "V", "A")
    assert report.confusion.tolist() == [[1, 1, 0], [1, 0, 1], [0, 0, 0]]
    assert report.by_type["V"].gold == 2
    assert report.by_type["V"].correct == 0
    assert report.f1 is report.precision is report.gold is None
    assert report.score == report.accuracy == 1 / 4
    assert report.reasons["f1"] == "plain tags form no spans"


def noisy(seed: int = 0) -> TaggingReport:
    random = np.random.default_rng(seed)
    gold = [random.choice(TAGS, size=random.integers(1, 9)).tolist() for _ in range(40)]
    predicted = [[tag if random.random() < 0.8 else "O" for tag in tags] for tags in gold]
    data = TaggedSentences([[f"w{random.integers(9)}" for _ in tags] for tags in gold], gold, scheme="IOB2")
    guess = data.with_tags(Column.of(tag for tags in predicted for tag in tags), "IOB2")
    return tagging_report(data, guess, known_words=frozenset({"w1", "w2", "w3", "w4", "w5"}), resamples=200, seed=seed)


def test_intervals_are_percentiles_over_resampled_sentences() -> None:
    """The same draws, each judged as a text of its own."""
    random = np.random.default_rng(7)
    gold = [random.choice(TAGS, size=4).tolist() for _ in range(12)]
    predicted = [[tag if random.random() < 0.7 else "B-X" for tag in tags] for tags in gold]
    report = tagging_report(gold, predicted, scheme="IOB2", resamples=50, seed=5)
    draws = np.random.default_rng(5).integers(12, size=(50, 12))
    values = np.array(
        [[*count(*([some[at] for at in draw] for some in (gold, predicted))).figures()] for draw in draws.tolist()]
    )
    for name, column in zip(("precision", "recall", "f1"), values.T, strict=True):
        assert report.intervals[name] == pytest.approx(np.quantile(column / 100, [0.025, 0.975]))
    kinds = [
        count(*([some[at] for at in draw] for some in (gold, predicted))).figures("Y")[2] for draw in draws.tolist()
    ]
    assert report.by_type["Y"].interval == pytest.approx(np.quantile(np.array(kinds) / 100, [0.025, 0.975]))
    assert tagging_report(gold, predicted, scheme="IOB2", resamples=0).intervals == {}


def test_intervals_do_not_depend_on_how_many_draws_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = noisy()
    monkeypatch.setattr("nlmkit.taggers.sentence_counts._AT_ONCE", 100)
    assert noisy().intervals == wanted.intervals
    assert noisy(1).intervals != wanted.intervals


def test_a_figure_without_resamples_in_which_it_is_defined_has_no_interval() -> None:
    data = TaggedSentences([["a"], ["b"]], [["N"], ["N"]], scheme="plain")
    report = tagging_report(data, data, known_words=frozenset({"a", "b"}), resamples=20)
    assert report.intervals["oov_accuracy"] is None
    assert report.intervals["iv_accuracy"] == (1, 1)


def test_a_report_is_strict_json_with_the_names_that_scripts_read() -> None:
    report = noisy()
    found = json.loads(json.dumps(report.to_dict("here"), allow_nan=False))
    assert next(iter(found)) == "model"
    assert {"f1", "precision", "recall", "accuracy", "by_type", "scheme", "oov_recall", "reasons"} <= set(found)
    assert found["f1"] == report.f1
    assert found["by_type"]["X"]["interval"] == list(report.by_type["X"].interval or ())
    assert found["confusion"] == report.confusion.tolist()
    assert found["errors"][0]["examples"][0]["sentence"] >= 1
    assert found["signature"] == report.signature
    assert report.signature.startswith("nlmkit-span-f1|v:")
    assert f"|scheme:IOB2|sentences:40:{report.texts_digest}" in report.signature
    assert len(repr(report)) < 3000
    assert str(report) == report.render()


def test_many_tags_have_cells_in_place_of_the_matrix() -> None:
    tags = [[f"T{number}" for number in range(150)]]
    report = tagging_report(tags, [tags[0][1:] + tags[0][:1]], scheme="plain", resamples=0)
    found = report.to_dict()
    assert found["confusion"] is None
    assert len(found["confusion_cells"]) == 150
    assert "more than 100 tags" in found["reasons"]["confusion"]
    assert "the 50 most frequent of 150 (--json has all):" in report.render()


def test_control_characters_are_escaped() -> None:
    data = TaggedSentences([["\x1b[31m"]], [["T\x07"]], scheme="plain")
    text = tagging_report(data, data.with_tags(Column.of(["U\x1b"]), "plain"), resamples=0).render()
    assert "\x1b" not in text
    assert "\x07" not in text


def test_nothing_wrong_is_said() -> None:
    assert "no errors" in tagging_report([["B-X"]], [["B-X"]], resamples=0).render()
    nothing = tagging_report([["O", "O"]], [["O", "O"]], resamples=0)
    assert (nothing.f1, nothing.precision, nothing.recall, nothing.accuracy) == (0, 0, 0, 1)  # as conlleval


@pytest.mark.parametrize(
    ("gold", "predicted", "problem"),
    [
        ([], [], "no tokens to report on"),
        ([[]], [[]], "no tokens to report on"),
        ([["O"]], [["O"], ["O"]], "tags of 1 sentences, and predicted tags of 2"),
        ([["O", "O"], ["O"]], [["O", "O"], ["O", "O"]], "sentence 2: 1 tags, and 2 predicted ones"),
        ([["B-X"]], [["S-X"]], "S-X is not a tag of the scheme IOB2"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_line(gold: Any, predicted: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        tagging_report(gold, predicted)
    assert "\n" not in str(caught.value)


@given(sentences)
@settings(max_examples=15, deadline=None)
def test_figures_between_epochs_are_those_of_the_report(drawn: list[list[tuple[str, str, bool]]]) -> None:
    gold, predicted = ([convert(tags, "IOB2", "BIOES")[0] for tags in some] for some in both(drawn))
    report = tagging_report(gold, predicted, scheme="BIOES", resamples=0)
    tags = sorted({tag for some in (gold, predicted) for each in some for tag in each})
    ids = [np.array([tags.index(tag) for each in some for tag in each]) for some in (gold, predicted)]
    offsets = np.cumsum([0, *map(len, gold)])
    assert f1_of(*ids, offsets, tags) == report.f1
    assert accuracy_of(*ids) == report.accuracy
    assert np.isnan(accuracy_of(np.empty(0), np.empty(0)))


@pytest.mark.parametrize(
    ("tags", "kind"),
    [(["O", "B-X"], "bounds"), (["B-X", "O"], "bounds"), (["O", "O"], "spurious"), (["B-X", "I-X"], "type")],
)
def test_a_segmenter_is_judged_on_spans_of_other_data(tags: list[str], kind: str) -> None:
    report = tagging_report(TaggedSentences([["a", "b"]], [tags]), [["B", "I"]], segments=True, resamples=0)
    assert (report.f1, report.predicted) == (0, 1)
    assert [error.kind for error in report.errors] == [kind] * len(report.errors) != []
