"""The arithmetic of perplexity against plain Python, and what a report says beside the figure."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import NGram, __version__
from nlmkit.errors import NotNormalizedError
from nlmkit.language_models.report import PerplexityReport, comparable, line_figures, perplexity, perplexity_report
from nlmkit.text import Corpus, TextPipeline, Vocabulary

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=80)

VOCABULARY = Vocabulary(["the", "cat", "sat"])
TEXT = ["the cat sat", "", "the dög <unk>"]
# One value an event of TEXT: the cat sat </s>, </s>, the dög <unk> </s>. Powers of two, so that bits are exact.
BITS = [1, 2, 3, 1, 5, 1, 8, 4, 2]


def report(values: Any, source: Any = TEXT, vocabulary: Vocabulary = VOCABULARY, **changes: Any) -> PerplexityReport:
    arguments: dict[str, Any] = {
        "corpus": source if isinstance(source, Corpus) else Corpus.read(source),
        "vocabulary": vocabulary,
        "context": "sentence",
        "component": "ngram",
        "model_digest": "0123456789abcdef",
        "unknown_rule": "uniform-share",
        "adapted": False,
    }
    return perplexity_report(np.asarray(values, np.float64), **(arguments | changes))


def nats(bits: Any) -> Any:
    return -math.log(2) * np.asarray(bits, np.float64)


def test_every_figure_by_hand() -> None:
    result = report(nats(BITS))
    assert result.events == 9  # six words and three </s>
    assert result.sentences == 3
    assert result.oov == 1  # dög; the literal <unk> is an ordinary event
    assert result.log_prob == pytest.approx(-27 * math.log(2), rel=1e-15)
    assert result.perplexity == pytest.approx(2 ** (27 / 9), rel=1e-14)
    assert result.perplexity_excluding_oov == pytest.approx(2 ** ((27 - 8) / (9 - 1)), rel=1e-14)
    assert result.bits_per_token == pytest.approx(27 / 9, rel=1e-15)
    characters = len("the cat sat\n\nthe dög <unk>\n")
    assert result.bits_per_character == pytest.approx(27 / characters, rel=1e-15)
    assert result.bits_per_byte == pytest.approx(27 / (characters + 1), rel=1e-15)  # ö has two bytes
    assert result.vocabulary_size == 5  # <unk>, </s> and three words


def test_without_oov_both_perplexities_are_the_same() -> None:
    result = report(nats([1, 2, 3]), ["the cat"])
    assert result.oov == 0
    assert result.perplexity_excluding_oov == result.perplexity == pytest.approx(4)


def test_a_text_that_is_all_oov() -> None:
    result = report(nats([9, 9, 1]), ["x y"])
    assert result.oov == 2
    assert result.perplexity_excluding_oov == pytest.approx(2)
    assert result.perplexity == pytest.approx(2 ** (19 / 3))


def test_an_infinite_oov_event_leaves_the_other_perplexity_finite() -> None:
    result = report([-math.inf, -math.log(4), -math.log(4)], ["x the"])
    assert result.perplexity == math.inf
    assert result.log_prob == -math.inf
    assert result.bits_per_token == result.bits_per_character == result.bits_per_byte == math.inf
    assert result.perplexity_excluding_oov == pytest.approx(4)
    assert result.to_dict()["reasons"] == dict.fromkeys(
        ["perplexity", "log_prob", "bits_per_token", "bits_per_character", "bits_per_byte"],
        "infinite: an event of the text has probability zero",
    )


def test_a_text_without_sentences_has_no_perplexity() -> None:
    result = report([], [])
    assert math.isnan(result.perplexity)
    assert math.isnan(result.bits_per_token)
    assert (result.perplexity_excluding_oov, result.bits_per_character, result.bits_per_byte) == (None, None, None)
    assert (result.events, result.sentences, result.oov, result.log_prob) == (0, 0, 0, 0)
    values = result.to_dict()
    assert values["perplexity"] is None
    assert values["log_prob"] == 0
    assert values["reasons"]["perplexity"] == "no events: the text has no sentence"
    assert "undefined" in result.render().splitlines()[0]


def test_a_perplexity_too_large_for_a_float_is_infinite() -> None:
    result = report([-800.0, -800.0], ["the"])
    assert result.perplexity == math.inf
    assert result.log_prob == -1600
    values = result.to_dict()
    assert values["perplexity"] is None
    assert values["reasons"] == {
        "perplexity": "larger than the largest float",
        "perplexity_excluding_oov": "larger than the largest float",
    }


def test_token_lists_have_no_characters() -> None:
    result = report(nats([1, 1, 1]), [["the", "cat"]])
    assert result.bits_per_character is None
    assert result.bits_per_byte is None
    assert result.text_pipeline == "tok:given"
    reasons = result.to_dict()["reasons"]
    assert set(reasons) == {"bits_per_character", "bits_per_byte"}
    assert reasons["bits_per_byte"].startswith("no raw text")


@pytest.mark.parametrize(
    ("event", "value", "message"),
    [
        (0, math.nan, "sentence 1, event 1: the model's log-probability is NaN"),
        (4, math.nan, "sentence 2, event 1: the model's log-probability is NaN"),
        (8, math.nan, "sentence 3, event 4: the model's log-probability is NaN"),
        (7, 0.25, "sentence 3, event 3: the model's log-probability is 0.25, which is positive"),
        (3, math.inf, "sentence 1, event 4: the model's log-probability is inf, which is positive"),
    ],
)
def test_what_is_no_probability_is_named_with_its_place(event: int, value: float, message: str) -> None:
    values = nats(BITS)
    values[event] = value
    with pytest.raises(NotNormalizedError) as caught:
        report(values)
    assert str(caught.value).startswith(message)
    corpus = Corpus.read(TEXT)
    with pytest.raises(NotNormalizedError) as caught:
        line_figures(values, corpus.event_offsets, corpus.oov_events(VOCABULARY))
    assert str(caught.value).startswith(message)
    with pytest.raises(NotNormalizedError) as caught:
        perplexity(values, corpus.event_offsets)
    assert str(caught.value).startswith(message)


def test_rounding_above_zero_is_no_error() -> None:
    assert report([1e-6, 0.0], ["the"]).perplexity == pytest.approx(1, abs=1e-6)


def test_values_of_another_text_are_refused() -> None:
    with pytest.raises(ValueError, match=r"log_probs has shape \(8,\), the text has 9 events"):
        report(nats(BITS[:-1]))


def test_sums_are_float64_whatever_comes_in() -> None:
    values = np.full(100_001, -0.1, np.float32)
    result = report(values, [["the"] * 100_000])
    assert result.log_prob == pytest.approx(100_001 * float(np.float32(-0.1)), rel=1e-13)


def test_the_signature_is_one_line_with_every_label() -> None:
    corpus = Corpus.read(TEXT, TextPipeline(lowercase=True, unicode_form="NFC"))
    result = report(nats(BITS), corpus, context="stream", adapted=True, labels={"cache": "500"})
    assert result.signature == (
        f"nlmkit-ppl|v:{__version__}|ngram|tok:space|lc:yes|nf:nfc|unk:uniform-share|ctx:stream|adapt:yes|cache:500|"
        f"V:5|events:9:{corpus.events_digest}|vocab:{VOCABULARY.digest}|model:0123456789abcdef"
    )
    assert result.labels == {"cache": "500"}


def test_render_ends_with_the_signature_and_is_aligned() -> None:
    result = report(nats(BITS), labels={"cache": "500"})
    *rows, last = result.render().splitlines()
    assert last == result.signature
    column = len("bits per character") + 2
    assert all(row[column - 2 : column] == "  " and row[column] != " " for row in rows)
    shown = {row[:column].strip(): row[column:] for row in rows}
    assert shown["perplexity"] == "8.0000"
    assert shown["excluding OOV"] == "5.1874"
    assert shown["events"] == "9 (6 words, 3 </s>)"
    assert shown["OOV words"] == "1 (16.67%)"
    assert shown["bits per token"] == "3.0000"
    assert shown["vocabulary"] == "5 predictable types"
    assert shown["adapted to text"] == "no"
    assert shown["cache"] == "500"


def test_render_shows_what_is_no_number() -> None:
    shown = report([-math.inf, 0.0], [["x"]]).render().splitlines()
    assert shown[0].split() == ["perplexity", "inf"]
    assert any(row.split() == ["bits", "per", "byte", "undefined"] for row in shown)
    assert report([-700.0, 0.0], ["the"]).render().splitlines()[0].split()[1].endswith("e+152")
    assert "OOV words" in report(nats([1]), [""]).render()


def test_to_dict_holds_every_field_and_the_signature() -> None:
    result = report(nats(BITS), labels={"cache": "500"})
    values = result.to_dict(model="models/kn5")
    assert next(iter(values)) == "model"
    assert values["model"] == "models/kn5"
    assert values["reasons"] == {}
    assert values["signature"] == result.signature
    assert values["perplexity"] == result.perplexity
    assert values["events_digest"] == Corpus.read(TEXT).events_digest
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert "model" not in result.to_dict()


def test_reports_are_comparable_when_events_and_vocabulary_agree() -> None:
    one = report(nats(BITS))
    assert comparable(one, report(nats(BITS[::-1]), context="stream", adapted=True, component="lstm")) == []
    reordered = Vocabulary(["sat", "cat", "the"])
    assert comparable(one, report(nats(BITS), vocabulary=reordered)) == []
    (reason,) = comparable(one, report(nats([1]), [""]))
    assert reason.startswith("they cover different events (9:")
    assert "1:" in reason
    (reason,) = comparable(one, report(nats(BITS), vocabulary=Vocabulary(["the"])))
    assert reason.startswith("they have different vocabularies (5 types ")
    assert len(comparable(one, report(nats(BITS), vocabulary=Vocabulary(["the", "cat", "dog"])))) == 1
    assert len(comparable(one, report(nats([1]), [""], Vocabulary(["the"])))) == 2


def test_a_report_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        report(nats(BITS)).perplexity = 1.0  # type: ignore[misc]


# ------------------------------------------------------------------------------------------------ per line

sentences = st.lists(st.lists(st.sampled_from(["the", "cat", "sat", "x", "y", "<unk>"]), max_size=6), max_size=6)


@st.composite
def scored_texts(draw: st.DrawFn) -> tuple[list[list[str]], list[float]]:
    text = draw(sentences)
    events = sum(map(len, text)) + len(text)
    values = draw(st.lists(st.floats(-50, 0) | st.just(-math.inf), min_size=events, max_size=events))
    return text, values


def reference(pairs: list[tuple[float, bool]]) -> tuple[float, float]:
    """Log-probability and perplexity of (log-probability, OOV) pairs, in Python's exact sum."""
    total = math.fsum(value for value, _ in pairs) if all(math.isfinite(v) for v, _ in pairs) else -math.inf
    return total, (math.exp(-total / len(pairs)) if pairs else math.nan)


@pytest.mark.slow
@reproducible
@given(scored_texts())
def test_any_text_by_plain_python(scored: tuple[list[list[str]], list[float]]) -> None:
    text, values = scored
    result = report(values, text)
    unseen = [word not in ("the", "cat", "sat", "<unk>") for line in text for word in [*line, "<unk>"]]
    pairs = list(zip(values, unseen, strict=True))
    total, expected = reference(pairs)
    assert result.log_prob == pytest.approx(total, rel=1e-12, abs=1e-12)
    assert result.perplexity == pytest.approx(expected, rel=1e-11, nan_ok=True)
    assert repr(perplexity(np.array(values), Corpus.read(text).event_offsets)) == repr(result.perplexity)
    known = [pair for pair in pairs if not pair[1]]
    if known:
        assert result.perplexity_excluding_oov == pytest.approx(reference(known)[1], rel=1e-11)
    else:
        assert result.perplexity_excluding_oov is None
    assert result.oov == sum(unseen)
    json.dumps(result.to_dict(), allow_nan=False)

    corpus = Corpus.read(text)
    lines = line_figures(np.array(values), corpus.event_offsets, corpus.oov_events(VOCABULARY))
    assert lines.events.tolist() == [len(line) + 1 for line in text]
    assert int(lines.oov.sum()) == result.oov
    offset = 0
    for index, line in enumerate(text):
        own = pairs[offset : offset + len(line) + 1]
        offset += len(own)
        assert lines.log_prob[index] == pytest.approx(reference(own)[0], rel=1e-12, abs=1e-12)
        assert lines.perplexity[index] == pytest.approx(reference(own)[1], rel=1e-11)
        assert lines.oov[index] == sum(is_oov for _, is_oov in own)


def test_every_figure_of_a_line_by_hand() -> None:
    corpus = Corpus.read(TEXT)
    characters = np.array([len(line) + 1 for line in TEXT])
    lines = line_figures(nats(BITS), corpus.event_offsets, corpus.oov_events(VOCABULARY), characters)
    assert lines.perplexity.tolist() == pytest.approx([2 ** (7 / 4), 2**5, 2 ** (15 / 4)], rel=1e-14)
    assert lines.perplexity_excluding_oov.tolist() == pytest.approx([2 ** (7 / 4), 2**5, 2 ** (7 / 3)], rel=1e-14)
    assert lines.bits_per_character is not None
    assert lines.bits_per_character.tolist() == pytest.approx([7 / 12, 5 / 1, 15 / 14], rel=1e-14)
    assert (lines.bits_per_character * characters).sum() / corpus.characters == pytest.approx(
        report(nats(BITS)).bits_per_character, rel=1e-14
    )
    assert line_figures(nats(BITS), corpus.event_offsets, corpus.oov_events(VOCABULARY)).bits_per_character is None


def test_a_line_of_unknown_words_keeps_its_end() -> None:
    lines = line_figures(np.array([-math.inf, -math.inf, -2.0]), np.array([0, 3]), np.array([True, True, False]))
    assert lines.perplexity.tolist() == [math.inf]
    assert lines.perplexity_excluding_oov.tolist() == [math.exp(2.0)]


def test_figures_of_lines_have_fixed_types() -> None:
    for source in (TEXT, []):
        corpus = Corpus.read(source)
        lines = line_figures(np.full(corpus.events, -1.0), corpus.event_offsets, corpus.oov_events(VOCABULARY))
        assert [array.dtype for array in (lines.log_prob, lines.events, lines.oov, lines.perplexity)] == [
            np.float64,
            np.int64,
            np.int64,
            np.float64,
        ]
        assert len(lines.log_prob) == len(lines.oov) == corpus.sentences


def test_a_hopeless_line_has_infinite_perplexity_without_warning() -> None:
    lines = line_figures(np.array([-5000.0, -5000.0]), np.array([0, 2]), np.array([False, False]))
    assert lines.perplexity.tolist() == [math.inf]
    assert lines.log_prob.tolist() == [-10000]


def test_blocks_of_a_text_give_the_lines_of_the_whole() -> None:
    random = np.random.default_rng(7)
    text = [["the"] * int(length) for length in random.integers(0, 40, 50)]
    corpus = Corpus.read(text)
    values = -random.exponential(size=corpus.events)
    whole = line_figures(values, corpus.event_offsets, corpus.oov_events(VOCABULARY))
    for index, line in enumerate(text):
        begin, end = corpus.event_offsets[index : index + 2]
        alone = line_figures(values[begin:end], np.array([0, end - begin]), np.zeros(len(line) + 1, bool))
        assert alone.log_prob[0] == whole.log_prob[index]
        assert alone.perplexity[0] == whole.perplexity[index]


def test_figures_of_a_line_are_exactly_those_of_a_report_on_it() -> None:
    random = np.random.default_rng(3)
    text = [list(random.choice(["the", "cat", "dög"], int(length))) for length in random.integers(0, 300, 60)]
    corpus = Corpus.read(text)
    values = -random.exponential(size=corpus.events)
    characters = np.array([len(" ".join(line)) + 1 for line in text])
    lines = line_figures(values, corpus.event_offsets, corpus.oov_events(VOCABULARY), characters)
    assert lines.bits_per_character is not None
    for index, line in enumerate(text):
        begin, end = corpus.event_offsets[index : index + 2]
        alone = report(values[begin:end], Corpus.read(iter([" ".join(line)])))
        assert (lines.log_prob[index], lines.perplexity[index]) == (alone.log_prob, alone.perplexity)
        assert lines.perplexity_excluding_oov[index] == alone.perplexity_excluding_oov
        assert lines.bits_per_character[index] == alone.bits_per_character


# ------------------------------------------------------------------------------------------------- from Python


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_a_models_figures_of_lines_are_those_of_its_log_probabilities(context: Any, tmp_path: Path) -> None:
    lm = NGram(order=2).fit(iter(["the cat sat", "the cat ran"]))
    lines = ["the dög", "", "the cat\tran \r"]
    (tmp_path / "t.txt").write_text("\n".join(lines), encoding="utf-8", newline="")
    corpus = Corpus.read(iter(lines))
    expected = line_figures(
        lm.log_probs(corpus, context=context),
        corpus.event_offsets,
        corpus.oov_events(lm.vocabulary_),
        np.array([len(line) + 1 for line in lines]),
    )
    for source in (tmp_path / "t.txt", iter(lines), corpus, [line.split() for line in lines]):
        found = lm.line_figures(source, context=context)
        for name in ("log_prob", "events", "oov", "perplexity", "perplexity_excluding_oov"):
            assert (getattr(found, name) == getattr(expected, name)).all()
        if source is corpus or isinstance(source, list):
            assert found.bits_per_character is None
        else:
            assert found.bits_per_character is not None
            assert (found.bits_per_character == expected.bits_per_character).all()


def test_scores_that_are_no_distribution_have_no_figures_of_lines() -> None:
    scorer = NGram(order=2, smoothing="stupid-backoff").fit(iter(["the cat sat"]))
    with pytest.raises(NotNormalizedError):
        scorer.line_figures(iter(["the cat"]))
