"""What every tagger inherits: forms of input, schemes, fitting, tagging, scoring and saving."""

from __future__ import annotations

import copy
import itertools
import logging
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.taggers import ToyTagger

from nlmkit.errors import DataError, HyperParameterError, NotFittedError, SavedModelError
from nlmkit.saving.state import FittedState
from nlmkit.taggers.base import Tagger
from nlmkit.taggers.known_words import as_bytes, of_bytes
from nlmkit.text import Corpus, TextPipeline, Tokenization
from nlmkit.text.tag_schemes import Span, convert, read_spans
from nlmkit.text.tagged import TaggedSentences

SENTENCES = [["the", "old", "cat", "sees", "Kyoto"], ["Ann", "Lee", "sleeps"], ["cats", "sleep"], []]
TAGS = [["B-NP", "I-NP", "I-NP", "O", "B-LOC"], ["B-NP", "I-NP", "O"], ["B-NP", "O"], []]


@pytest.fixture(scope="module")
def fitted() -> ToyTagger:
    return ToyTagger().fit(SENTENCES, TAGS)


def test_what_fit_sets(fitted: ToyTagger) -> None:
    assert fitted.tags_ == ("B-NP", "I-NP", "E-NP", "O", "S-LOC", "S-NP")  # BIOES, by first appearance
    assert (fitted.scheme_, fitted.inner_scheme_, fitted.is_segmenter_) == ("IOB2", "BIOES", False)
    assert fitted.pipeline_ == TextPipeline()
    assert fitted.layout_ is None
    assert fitted.feature_names_ == ()
    assert fitted.known_words_ == {word for sentence in SENTENCES for word in sentence}
    facts = {"sentences": 4, "tokens": 10, "scheme": "IOB2", "repairs": 0, "tags": 6, "known_words": 10, "notes": []}
    assert fitted.fit_report_ == facts
    assert repr(fitted) == "<ToyTagger(): fitted, 6 tags>"


def test_predictions_are_in_the_scheme_of_training(fitted: ToyTagger) -> None:
    assert fitted.predict(SENTENCES) == TAGS
    for scheme in ("IOB1", "BIOES", "BMES", "BILOU"):
        written = [convert(tags, "IOB2", scheme)[0] for tags in TAGS]
        tagger = ToyTagger(scheme=scheme).fit(SENTENCES, written)
        assert tagger.scheme_ == scheme
        assert tagger.tags_ == fitted.tags_
        assert tagger.predict(SENTENCES) == written
        assert tagger.n_best(SENTENCES[:1], 1)[0][0][1] == written[0]
        assert tagger.score(SENTENCES, TAGS) == 1  # whatever the scheme of the test data
    # Without a type and without O, as in segmented text.
    words = ToyTagger().fit([list("abcd")], [list("BEBE")])
    assert words.tags_ == ("B", "E", "S")  # without S no sentence of one token could be tagged
    assert words.is_segmenter_
    assert words.known_words_ == {"ab", "cd"}
    assert words.predict([["a"], ["a", "b", "c"]])[0] == ["S"]


def test_a_stated_scheme_overrides_the_detected_one() -> None:
    plain = ToyTagger(scheme="plain").fit(SENTENCES, TAGS)
    assert (plain.scheme_, plain.tags_) == ("plain", ("B-NP", "I-NP", "O", "B-LOC"))
    assert plain.score(SENTENCES, TAGS) == 1  # accuracy
    assert plain.report(SENTENCES, TAGS, resamples=0).f1 is None
    data = TaggedSentences(SENTENCES, TAGS)
    assert ToyTagger(scheme="plain").fit(data).digest == plain.digest
    mixed = [["a", "b"]], [["B-X", "X"]]  # tags of no scheme, wherever they are given
    assert ToyTagger(scheme="plain").fit(*mixed, valid=mixed).score(*mixed) == 1
    with pytest.raises(DataError, match="I-NP is not a tag of the scheme BMES"):
        ToyTagger(scheme="BMES").fit(data)
    with pytest.raises(HyperParameterError, match="scheme"):
        ToyTagger(scheme="IOB")


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["O", "B-X", "I-X", "I-Y"])), max_size=5), max_size=5
    ).filter(any)
)
@settings(max_examples=15, deadline=None)
def test_any_tags_are_learned_and_legal_ones_predicted(drawn: list[list[tuple[str, str]]]) -> None:
    words, tags = ([[pair[place] for pair in sentence] for sentence in drawn] for place in (0, 1))
    tagger = ToyTagger(scheme="IOB2").fit(words, tags)
    for length in range(1, 5):  # every length has a legal sequence
        assert len(tagger.predict([["a"] * length])[0]) == length
    for sentence, found in zip(words, tagger.predict(words), strict=True):
        assert not read_spans(found, "IOB2").repairs
        assert len(found) == len(sentence)
    assert tagger.fit_report_["repairs"] == sum(read_spans(each, "IOB2").repairs for each in tags)


def test_probabilities_agree_with_all_sequences(fitted: ToyTagger) -> None:
    sentence = ["the", "new", "cat"]
    (found,) = fitted.n_best([sentence], 1000)
    start, pairs, end = fitted.legal()
    wanted = [
        path
        for path in itertools.product(range(6), repeat=3)
        if start[path[0]] and pairs[path[0], path[1]] and pairs[path[1], path[2]] and end[path[2]]
    ]
    assert len(found) == len(wanted)
    assert sum(np.exp(score) for score, _ in found) == pytest.approx(1)
    assert sorted(found, key=lambda each: -each[0]) == found
    (values,) = fitted.predict_marginals([sentence])
    assert values.sum(axis=1) == pytest.approx(np.ones(3))
    for at, tag in itertools.product(range(3), ("B-NP", "O")):
        places = [place for place, inner in enumerate(fitted.tags_) if convert([inner], "BIOES", "IOB2")[0] == [tag]]
        if tag == "O":  # the one tag that is written alike in both schemes
            mass = sum(np.exp(score) for score, tags in found if tags[at] == tag)
            assert values[at, places].sum() == pytest.approx(mass)
    ((spans,), (best,)) = fitted.predict_spans([sentence]), fitted.predict([sentence])
    assert [span for span, _ in spans] == read_spans(best, "IOB2").spans == [Span("NP", 0, 3)]
    mass = sum(np.exp(score) for score, tags in found if Span("NP", 0, 3) in read_spans(tags, "IOB2").spans)
    assert spans[0][1] == pytest.approx(mass)


def test_words_are_looked_up_in_one_form_and_kept_as_given() -> None:
    tagger = ToyTagger().fit([["ＡＢ１", "x"]], [["B-X", "O"]])
    assert tagger.known_words_ == {"AB1", "x"}
    assert (tagger.predict_marginals([["AB1", "x"]])[0] == tagger.predict_marginals([["ＡＢ１", "x"]])[0]).all()
    data = TaggedSentences([["ＡＢ１", "AB1", "ｘ"]], [["B-X", "O", "O"]])
    seen = tagger.encode(data)
    assert seen.sentence(0) == ["AB1", "AB1", "x"]
    assert seen.words.types == ("AB1", "x")
    assert data.sentence(0) == ["ＡＢ１", "AB1", "ｘ"]
    assert tagger.report(data, resamples=0).oov_tokens == 0
    plain = ToyTagger(unicode_form=None).fit([["ＡＢ１", "x"]], [["B-X", "O"]])
    assert plain.known_words_ == {"ＡＢ１", "x"}
    assert plain.report(data, resamples=0).oov_tokens == 2


def test_all_forms_of_sentences(fitted: ToyTagger, tmp_path: Path) -> None:
    pairs = [list(zip(*both, strict=True)) for both in zip(SENTENCES, TAGS, strict=True)]
    for given_ in (
        (pairs,),
        ((SENTENCES, TAGS),),
        (TaggedSentences(SENTENCES, TAGS),),
        (tuple(SENTENCES), tuple(TAGS)),
    ):
        assert ToyTagger().fit(*given_).digest == fitted.digest
    wanted = fitted.predict(SENTENCES)
    lines = [" ".join(sentence) for sentence in SENTENCES]
    corpus = Corpus.read(iter(lines))
    for form in (lines, tuple(lines), np.array(lines), corpus, TaggedSentences(SENTENCES), iter(SENTENCES)):
        assert fitted.predict(form) == wanted
    file = tmp_path / "a.txt"
    rows = [
        "\n".join(f"{word}\t{tag}" for word, tag in zip(*both, strict=True))
        for both in zip(SENTENCES, TAGS, strict=True)
    ]
    file.write_text("\n\n".join(rows[:3]) + "\n", encoding="utf-8")
    read = ToyTagger().fit(TaggedSentences.read(file))
    assert read.predict(SENTENCES) == TAGS
    assert read.layout_ is not None
    assert read.layout_["format"] == "columns"


@pytest.mark.parametrize(
    ("sentences", "tags", "problem"),
    [
        ([], [], "no sentence to train on has a word"),
        ([[], []], [[], []], "no sentence to train on has a word"),
        (SENTENCES, None, "tags are missing: pass sentences and tags, or TaggedSentences"),
        ("abc", None, "tags are missing"),
        (SENTENCES, TAGS[:2], "4 sentences, and tags of 2"),
        (SENTENCES, [TAGS[0][1:], *TAGS[1:]], "sentence 1: 5 tokens, and tags of 4"),
        (TaggedSentences(SENTENCES, TAGS), TAGS, "these sentences already have tags: do not pass tags separately"),
        (TaggedSentences(SENTENCES), None, "the sentences have no tags: read them with a column of tags"),
        ([["a", "b", "c"]], [["B-X", "L-X", "E-X"]], "mixed tag schemes"),
        ({"a": 1}, None, "the list of sentences was given as a dict"),
        ([[f"w{at}" for at in range(5001)]], [[f"T{at}" for at in range(5001)]], "5001 different tags, such as 'T0'"),
    ],
)
def test_what_cannot_be_learned_is_one_clear_line(sentences: Any, tags: Any, problem: str) -> None:
    tagger = ToyTagger().fit(SENTENCES, TAGS)
    before = tagger.digest
    with pytest.raises(DataError, match=problem) as caught:
        tagger.fit(sentences, tags)
    assert "\n" not in str(caught.value)
    assert tagger.digest == before


def test_held_out_sentences() -> None:
    seen: list[Any] = []

    class Keeps(ToyTagger):
        def fit_sentences(self, data: TaggedSentences, *, valid: Any, run: Any) -> Any:
            seen.append((data, valid))
            return super().fit_sentences(data, valid=valid, run=run)

    tagger = Keeps().fit(SENTENCES, TAGS, valid=([["the", "ｃat", "sings"]], [["B-NP", "I-NP", "B-VP"]]))
    data, valid = seen[0]
    assert data.required_tags().types == tagger.tags_
    assert valid.sentence(0) == ["the", "cat", "sings"]
    assert valid.required_tags().ids.tolist() == [0, 2, 6]  # an unseen tag follows those of training
    assert valid.required_tags().types == (*tagger.tags_, "S-VP")
    assert tagger.fit_report_["notes"] == ["tags unseen in training always count as errors: S-VP"]
    predicted = tagger.predict([["the", "cat", "sings"]])[0]
    assert tagger.fit_report_["validation_f1"] == (2 * 1 / (2 + 1) if predicted[2] == "O" else 1 / 2)
    plain = ToyTagger().fit([["a", "b"]], [["N", "V"]], valid=([["a", "b"]], [["N", "N"]]))
    assert plain.fit_report_["validation_accuracy"] == 1 / 2
    for wrong, problem in (
        (([], []), "no validation sentence has a word"),
        (([["a"]], [["N"]]), "tags such as 'N' form no spans, but this kit-correct-tagger was trained on IOB2 tags"),
    ):
        with pytest.raises(DataError, match=problem):
            ToyTagger().fit(SENTENCES, TAGS, valid=wrong)


def test_malformed_tags_are_repaired_and_noted(fitted: ToyTagger, caplog: pytest.LogCaptureFixture) -> None:
    tags = [["I-NP", "I-NP", "I-NP", "O", "I-LOC"], *TAGS[1:]]
    with caplog.at_level(logging.WARNING, logger="nlmkit"):
        tagger = ToyTagger(scheme="IOB2").fit(SENTENCES, tags)
    assert tagger.tags_ == fitted.tags_
    assert tagger.fit_report_["repairs"] == 2
    (text,) = caplog.messages
    assert text.startswith("<sentences>: 2 of 10 tags were malformed and repaired")


def test_feature_columns(fitted: ToyTagger) -> None:
    column = [[word[0] for word in sentence] for sentence in SENTENCES]
    other = [["x" for _ in sentence] for sentence in SENTENCES]
    data = TaggedSentences(SENTENCES, TAGS, features=[column, other], feature_names=["first", "same"])
    tagger = ToyTagger().fit(data)
    assert tagger.feature_names_ == ("first", "same")
    swapped = TaggedSentences(SENTENCES, TAGS, features=[other, column], feature_names=["same", "first"])
    wanted = np.concatenate(tagger.predict_marginals(data))
    assert (np.concatenate(tagger.predict_marginals(swapped)) == wanted).all()  # by name
    assert (np.concatenate(tagger.predict_marginals(SENTENCES, features=[column, other])) == wanted).all()
    assert tagger.score(swapped) == tagger.score(data)
    with pytest.raises(DataError, match=r"was trained with 2 feature columns \(first, same\), but the text has none"):
        tagger.predict(SENTENCES)
    with pytest.raises(DataError, match="was trained without feature columns, but the text has 2"):
        fitted.predict(data)
    with pytest.raises(DataError, match="features were given to texts: pass them with lists of tokens"):
        tagger.predict(["a b"], features=[column])
    with pytest.raises(DataError, match="features were given to TaggedSentences"):
        tagger.predict(data, features=[column])

    class Simple(ToyTagger):
        takes_features = False

    with pytest.raises(DataError, match="uses no feature columns, but there are: first, same"):
        Simple().fit(data)


def test_nothing_to_tag(fitted: ToyTagger) -> None:
    for name in ("predict", "predict_marginals", "predict_spans"):
        assert getattr(fitted, name)([]) == []
    assert fitted.n_best([], 1) == []
    assert fitted.predict([[], []]) == [[], []]
    assert fitted.predict_spans([[]]) == [[]]
    assert fitted.n_best([[]], 3) == [[(0.0, [])]]
    assert fitted.predict_marginals([[]])[0].shape == (0, 6)
    assert np.isnan(fitted.score([], []))
    with pytest.raises(DataError, match="no tokens to report on"):
        fitted.report([[]], [[]])
    with pytest.raises(DataError, match="not one text: pass a single text in a list"):
        fitted.predict("the cat")


def test_a_corpus_of_another_tokenization_is_refused(fitted: ToyTagger) -> None:
    foreign = Corpus.read(iter(["the cat"]), Tokenization("char"))
    with pytest.raises(DataError, match=r"tokenized with tok:char.*, but the tagger uses tok:space"):
        fitted.predict(foreign)


def test_tags_unseen_in_training_are_errors(fitted: ToyTagger, caplog: pytest.LogCaptureFixture) -> None:
    tags = [[tag.replace("LOC", "NEW") for tag in each] for each in TAGS]
    with caplog.at_level(logging.WARNING, logger="nlmkit"):
        report = fitted.report(SENTENCES, tags, resamples=0)
    assert caplog.messages == ["tags unseen in training always count as errors: S-NEW"]
    assert report.unseen_tags == ("S-NEW",)
    assert (report.by_type["NEW"].gold, report.by_type["NEW"].correct) == (1, 0)
    assert report.f1 == 2 * 3 / (4 + 4)
    assert "tags unseen in training, counted as errors: S-NEW" in report.render()
    assert (report.component, report.model_digest) == ("kit-correct-tagger", fitted.digest)
    assert report.text_pipeline == fitted.pipeline_.signature


def test_test_data_without_a_span_are_scored(fitted: ToyTagger) -> None:
    assert fitted.score([["cats", "sleep"]], [["O", "O"]]) == 0


def test_unfitted_use_is_refused() -> None:
    tagger = ToyTagger()
    uses: list[Callable[[], object]] = [
        lambda: tagger.predict(SENTENCES),
        lambda: tagger.n_best(SENTENCES, 2),
        lambda: tagger.score(SENTENCES, TAGS),
        lambda: tagger.report(SENTENCES, TAGS),
        lambda: tagger.fitted_state(),
    ]
    for use in uses:
        with pytest.raises(NotFittedError):
            use()


def test_a_tagger_without_probabilities_of_spans_says_so() -> None:
    class Bare(ToyTagger):
        def span_log_probabilities(self, data: Any, paths: Any) -> Any:
            return Tagger.span_log_probabilities(self, data, paths)

    with pytest.raises(NotImplementedError, match="kit-correct-tagger has no probabilities of spans"):
        Bare().fit(SENTENCES, TAGS).predict_spans(SENTENCES)
    plain = Bare().fit([["a", "b"]], [["N", "V"]])
    assert [span for span, _ in plain.predict_spans([["b", "a"]])[0]] == [("V", 0, 1), ("N", 1, 2)]


def test_copies_of_a_fitted_tagger_tag_alike_also_in_threads(fitted: ToyTagger) -> None:
    wanted = np.concatenate(fitted.predict_marginals(SENTENCES))
    for again in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert again.digest == fitted.digest
        assert (np.concatenate(again.predict_marginals(SENTENCES)) == wanted).all()
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: fitted.predict(SENTENCES), range(20)):
            assert found == TAGS


def test_a_long_sentence_is_tagged(fitted: ToyTagger) -> None:
    sentence = ["the", "old", "cat", "sees", "Kyoto"] * 2_000
    (tags,) = fitted.predict([sentence])
    assert tags == TAGS[0] * 2_000


def restored(state: FittedState) -> ToyTagger:
    again = ToyTagger()
    again.pipeline_ = TextPipeline()
    again.restore(state)
    return again


def test_restored_state(fitted: ToyTagger) -> None:
    again = restored(fitted.fitted_state())
    assert again.predict(SENTENCES) == TAGS
    assert again.known_words_ == fitted.known_words_
    with pytest.raises(SavedModelError, match="a tagger without a text pipeline"):
        ToyTagger().restore(fitted.fitted_state())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("scheme", value) for value in (None, 3, "IOB", ["IOB2"])),
        *(("tags", value) for value in (None, [], "O", [1], ["O", "O"], [""], ["O", "X-NP"], ["B-NP", "E-NP"], {})),
        *(("feature_names", value) for value in (None, "a", ["a", "a"], [1])),
        ("tags", ["O", *(f"S-{number}" for number in range(5000))]),
        *(("layout", value) for value in ([], "x", 3, {"source": "x"}, {"format": {}}, {"scheme": "plain"})),
        *(("layout", {name: value}) for name in ("word_column", "tag_column") for value in (True, [1], 0.5)),
        *(("layout", {"feature_columns": value}) for value in (1, None, "pos", [None], [[1]])),
        *(("fit_report", value) for value in (None, [])),
    ],
)
def test_damaged_metadata_are_refused(fitted: ToyTagger, name: str, value: Any) -> None:
    state = fitted.fitted_state()
    with pytest.raises(SavedModelError, match="save the model again"):
        restored(FittedState(state.arrays, {**state.metadata, name: value}))


@pytest.mark.parametrize(
    "stored",
    [
        np.frombuffer(b"\xff\xfe\n", np.uint8),
        np.frombuffer(b"a\nb", np.uint8),
        np.frombuffer(b"b\na\n", np.uint8),
        np.frombuffer(b"a\na\n", np.uint8),
        np.frombuffer(b"\n", np.uint8),
        np.empty(0, np.uint8),
        np.zeros((1, 2), np.uint8),
        np.zeros(2, np.int64),
    ],
)
def test_damaged_words_are_refused(fitted: ToyTagger, stored: Any) -> None:
    state = fitted.fitted_state()
    with pytest.raises(SavedModelError, match="known_words"):
        restored(FittedState({**state.arrays, "known_words": stored}, state.metadata))
    with pytest.raises(SavedModelError, match="known_words"):
        restored(FittedState({k: v for k, v in state.arrays.items() if k != "known_words"}, state.metadata))


@given(st.sets(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1), min_size=1))
@settings(max_examples=10)
def test_known_words_are_stored_without_loss(words: set[str]) -> None:
    assert of_bytes(as_bytes(words)) == words


@pytest.mark.slow
def test_settings_are_chosen_by_scikit_learn() -> None:
    selection = pytest.importorskip("sklearn.model_selection", reason="scikit-learn is not installed")
    search = selection.GridSearchCV(ToyTagger(), {"alpha": [0.1, 1e6]}, cv=2, error_score="raise")
    search.fit(SENTENCES * 4, TAGS * 4)
    assert search.best_params_ == {"alpha": 0.1}
    assert search.best_score_ == 1
    assert search.predict(SENTENCES) == TAGS
    assert search.score(SENTENCES, TAGS) == 1
