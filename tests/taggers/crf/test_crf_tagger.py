"""``crf-tagger``: CRFsuite's own answers, its attributes by definition, and files that contradict themselves."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit import CRFTagger, RunOptions, load
from nlmkit.errors import HyperParameterError, NlmkitError, SavedModelError
from nlmkit.taggers.crf import model, training
from nlmkit.taggers.crf.attributes import Attributes, Views, Windows, learn, refuse_overflow
from nlmkit.taggers.crf.templates import character_templates, word_templates
from nlmkit.taggers.crf.views import character_class, shape, view
from nlmkit.text.tagged import TaggedSentences

pycrfsuite = pytest.importorskip("pycrfsuite", reason="python-crfsuite is not installed")

WORDS = [["Ann", "Lee", "sees", "3", "cats"], ["the", "cat", "sleeps"], [], ["Bo", "sings"], ["the", "cats", "sing"]]
TAGS = [["B-P", "I-P", "O", "B-N", "I-N"], ["B-N", "I-N", "O"], [], ["B-P", "O"], ["B-N", "I-N", "O"]]
COLUMN = [["N", "N", "V", "C", "N"], ["D", "N", "V"], [], ["N", "V"], ["D", "N", "V"]]


def data(tags: Any = TAGS, **options: Any) -> TaggedSentences:
    return TaggedSentences(WORDS, tags, features=[COLUMN], feature_names=["pos"], **options)


@pytest.fixture(scope="module")
def tagger() -> CRFTagger:
    return CRFTagger(iterations=30).fit(data())


def test_it_learns_its_sentences(tagger: CRFTagger) -> None:
    assert tagger.predict(data()) == TAGS
    assert tagger.fit_report_["units"] == "words"
    assert tagger.fit_report_["iterations"] <= 30
    assert tagger.fit_report_["weights"] == len(tagger.weights_.values) + len(tagger.tags_) ** 2
    assert tagger.predict_marginals(WORDS[1:2], features=[COLUMN[1:2]])[0].max(axis=1).min() > 0.5


# ---------------------------------------------------------------------------------------- the same as CRFsuite's own


def random_task(seed: int) -> tuple[TaggedSentences, TaggedSentences]:
    """Sentences of plain tags that depend on words and neighbors, with noise."""
    draw = np.random.default_rng(seed)

    def some(number: int) -> TaggedSentences:
        words, tags = [], []
        for _ in range(number):
            ids = draw.integers(0, 12, draw.integers(1, 9)).tolist()
            words.append([f"w{each}" for each in ids])
            noisy = [
                (each + before) % 4 if draw.random() < 0.8 else 3 for before, each in zip([0, *ids], ids, strict=False)
            ]
            tags.append([f"T{each}" for each in noisy])
        return TaggedSentences(words, tags)

    return some(60), some(40)


def test_sequences_and_probabilities_are_those_of_crfsuite(tmp_path: Path) -> None:
    train, test = random_task(1)
    tagger = CRFTagger(iterations=25, c2=0.1, affixes=1).fit(train)
    templates = tagger.attributes_.templates
    attributes, rows = learn(tagger.encode(train), templates, 1, advance=lambda: None)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", params={"c1": 0, "c2": 0.1, "max_iterations": 25}, verbose=False)
    for low, high, tags in zip(train.offsets, train.offsets[1:], train.tag_lists(), strict=False):
        trainer.append([[str(row) for row in token if row >= 0] for token in rows[:, low:high].T], tags)
    trainer.train(str(tmp_path / "model"))
    other = pycrfsuite.Tagger()
    other.open(str(tmp_path / "model"))

    seen = tagger.encode(test)
    views = Views(seen, attributes.values)
    shares = tagger.predict_marginals(test)
    for index, (words, predicted) in enumerate(zip(test.token_lists(), tagger.predict(test), strict=True)):
        found: list[list[str]] = [[] for _ in words]
        for tokens, numbers in Windows(views, seen.offsets, np.array([index])).rows(attributes):
            for token, number in zip(tokens, numbers, strict=True):
                found[token].append(str(number))
        assert predicted == other.tag(found)
        for time, tag in itertools.product(range(len(words)), range(len(tagger.tags_))):
            # Weights have six decimals in the text that CRFsuite writes.
            assert shares[index][time, tag] == pytest.approx(other.marginal(tagger.tags_[tag], time), abs=1e-4)


def test_weights_are_the_same_for_the_same_data(tagger: CRFTagger) -> None:
    assert CRFTagger(iterations=30).fit(data()).digest == tagger.digest
    assert CRFTagger(iterations=30, c2=0.5).fit(data()).digest != tagger.digest


def test_an_l1_penalty_and_a_least_count_leave_fewer_weights(tagger: CRFTagger) -> None:
    sparse = CRFTagger(iterations=30, c1=1.0).fit(data())
    assert sparse.fit_report_["weights"] < tagger.fit_report_["weights"] / 2
    rare = CRFTagger(iterations=30, min_count=2).fit(data())
    assert rare.fit_report_["attributes"] < tagger.fit_report_["attributes"] / 2


# ------------------------------------------------------------------------------------------------------- attributes


def test_attributes_are_what_templates_find() -> None:
    templates = word_templates(1, window=1, ngram=2, affixes=2)
    attributes, rows = learn(data(), templates, 1, advance=lambda: None)
    expected: dict[tuple[int, Any], set[tuple[int, int]]] = {}
    for number, template in enumerate(templates):
        for sentence, (words, column) in enumerate(zip(WORDS, COLUMN, strict=True)):
            for token in range(len(words)):
                values = []
                for name, offset in template:
                    at = token + offset
                    source = column if name.startswith("column") else words
                    values.append(view(name)(source[at]) if 0 <= at < len(words) else ("outside",))
                if None not in values:
                    expected.setdefault((number, tuple(values)), set()).add((sentence, token))
    found: dict[int, set[tuple[int, int]]] = {}
    places = [(sentence, token) for sentence, words in enumerate(WORDS) for token in range(len(words))]
    for number in range(len(templates)):
        for place, row in zip(places, rows[number].tolist(), strict=True):
            if row >= 0:
                found.setdefault(row, set()).add(place)
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, expected.values()))
    assert attributes.bases[-1] == len(expected)
    again = {row: set() for row in found}
    for tokens, numbers in Windows(Views(data(), attributes.values), data().offsets, np.arange(5)).rows(attributes):
        for token, number in zip(tokens.tolist(), numbers.tolist(), strict=True):
            again[number].add(places[token])
    assert again == found


def test_templates_stay_within_the_window() -> None:
    for window, ngram in itertools.product(range(4), range(1, 5)):
        for templates in (
            word_templates(1, window=window, ngram=ngram, affixes=4),
            character_templates(1, window=window, ngram=ngram),
        ):
            assert len(set(templates)) == len(templates)
            assert max(abs(offset) for template in templates for _, offset in template) == window
            assert max(map(len, templates)) <= max(ngram, 2)


def test_views_of_words_and_characters() -> None:
    assert [shape(word) for word in ("Smith", "U.S.", "1984", "e-mail", "中国")] == ["Xx", "X.X.", "d", "x-x", "x"]
    assert [character_class(each) for each in ("3", "三", "月", "a", "中", "，")] == [
        "number", "number", "date", "letter", "character", "mark",
    ]  # fmt: skip
    assert view("prefix2")("Ann") == "an"
    assert view("suffix2")("an") is None


def test_characters_are_found_in_the_data_or_stated() -> None:
    characters = TaggedSentences([list("中国人"), list("人民")], [["B", "E", "S"], ["B", "E"]])
    assert CRFTagger(iterations=5).fit(characters).fit_report_["units"] == "characters"
    stated = CRFTagger(iterations=5, units="words").fit(characters)
    assert stated.fit_report_["units"] == "words"
    assert any(part[0] == "suffix1" for template in stated.attributes_.templates for part in template)


def test_too_many_combinations_are_refused() -> None:
    many = {"word": range(2**32)}
    with pytest.raises(HyperParameterError, match=r"too many values to combine, 4294967296 \(word\) × .*lower ngram"):
        refuse_overflow((("word", 0), ("word", 1)), many)  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------- running CRFsuite


class Shown:
    """Keeps progress; ``stop`` interrupts at that stage."""

    def __init__(self, stop: str | None = None) -> None:
        self.stop, self.stages, self.notes = stop, [], []  # type: ignore[var-annotated]

    def start(self, description: str, total: float | None = None) -> None:
        self.stages.append(description)

    def advance(self, amount: float = 1) -> None:
        if self.stages[-1] == self.stop:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_gradient_descent_finds_the_same_optimum_and_repeats() -> None:
    train, test = random_task(3)
    exact = CRFTagger(iterations=2000, c2=2.0, affixes=1).fit(train)
    sgd = CRFTagger(optimizer="sgd", passes=1000, c2=2.0, affixes=1).fit(train)
    assert sgd.fit_report_["optimizer"] == "sgd"
    assert sgd.fit_report_["loss"] == pytest.approx(exact.fit_report_["loss"], rel=0.02)
    for one, other in zip(sgd.predict_marginals(test), exact.predict_marginals(test), strict=True):
        np.testing.assert_allclose(one, other, atol=0.06)
    few = [CRFTagger(optimizer="sgd", passes=3).fit(train) for _ in range(2)]
    assert few[0].fit_report_["iterations"] == 3
    assert few[0].digest == few[1].digest


def test_much_text_is_learned_by_gradient_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CRFTagger().fit(data()).fit_report_["optimizer"] == "lbfgs"
    assert CRFTagger(passes=5).fit(data()).fit_report_["optimizer"] == "sgd"
    monkeypatch.setattr(model, "MUCH_TEXT", 5)
    assert CRFTagger().fit(data()).fit_report_["optimizer"] == "sgd"
    for of_lbfgs in ({"iterations": 5}, {"c1": 0.1}):  # no option is ignored
        assert CRFTagger(**of_lbfgs).fit(data()).fit_report_["optimizer"] == "lbfgs"
        with pytest.raises(HyperParameterError, match="choose one"):
            CRFTagger(**of_lbfgs, passes=5).fit(data())
    assert CRFTagger(iterations=5, c1=0.1).fit(data()).fit_report_["optimizer"] == "lbfgs"
    with pytest.raises(HyperParameterError, match="c1 above 0 needs optimizer=lbfgs"):
        CRFTagger(optimizer="sgd", c1=0.1).fit(data())
    with pytest.raises(HyperParameterError, match="passes"):
        CRFTagger(optimizer="lbfgs", passes=5).fit(data())


def test_progress_is_shown() -> None:
    shown = Shown()
    CRFTagger(iterations=4).fit(data(), run=RunOptions(progress=shown))
    assert [stage for stage in shown.stages if stage in ("collecting attributes", "training")] == [
        "collecting attributes",
        "training",
    ]
    assert len(shown.notes) == 4
    assert shown.notes[0].startswith("loss ")


def test_an_interruption_ends_training_and_changes_nothing() -> None:
    tagger = CRFTagger(iterations=1000).fit(data())
    before = tagger.digest
    with pytest.raises(KeyboardInterrupt):
        tagger.fit(WORDS[1:2], TAGS[1:2], run=RunOptions(progress=Shown("training")))
    assert tagger.digest == before


def test_a_failure_of_crfsuite_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails:
        def open(self, name: str) -> None:
            raise ValueError("Error opening model file")

    monkeypatch.setattr(pycrfsuite, "Tagger", Fails)
    with pytest.raises(NlmkitError, match="CRFsuite failed with Error opening model file; is there room in"):
        CRFTagger(iterations=2).fit(data())


def test_weights_in_another_form_are_refused() -> None:
    with pytest.raises(NlmkitError, match="this version of CRFsuite writes models in another form"):
        training._read(b"TRANSITIONS = {\n  (1) 0 --> 1: 0.5\n}\n")
    with pytest.raises(NlmkitError, match="another form"):
        training._read(b"TRANSITIONS = {\n}\nSTATE_FEATURES = {\n  0 -> 1: 0.5\n}\n")


# ------------------------------------------------------------------------------------------------------------ saving


@pytest.mark.slow
def test_a_saved_model_is_loaded_and_used_without_crfsuite(tagger: CRFTagger, tmp_path: Path) -> None:
    tagger.save(tmp_path / "model")
    code = (
        "import sys; sys.modules['pycrfsuite'] = None; from nlmkit import load; "
        f"tagger = load({str(tmp_path / 'model')!r}); "
        "print(tagger.predict([['the', 'cat']], features=[[['D', 'N']]]), tagger.digest)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == f"[['B-N', 'I-N']] {tagger.digest}\n"
    assert load(tmp_path / "model").predict(data()) == TAGS


def changed(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def apply(arrays: dict[str, Any], metadata: dict[str, Any]) -> None:
        target = metadata if name in metadata else arrays
        target[name] = change(target[name])

    return apply


def put(value: Any, at: int = 0) -> Callable[[Any], Any]:
    def apply(array: Any) -> Any:
        copy = np.array(array)
        copy.flat[at] = value
        return copy

    return apply


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (changed("templates", lambda found: found[:-1]), "templates are not those of its hyper-parameters"),
        (changed("transitions", lambda found: found[:-1]), "array 'transitions' has shape"),
        (changed("transitions", put(np.nan)), "'transitions' contains NaN"),
        (changed("weights", put(np.inf)), "'weights' contains NaN or infinity"),
        (changed("weight_tags", put(99)), "'weight_tags' has tags that do not exist"),
        (changed("weight_ends", put(10**9, -1)), "'weight_ends' does not fit"),
        (changed("weight_ends", put(10**9)), "'weight_ends' does not fit"),
        (changed("weight_ends", lambda found: np.r_[2**62 + 9, -(2**62) - 9, found[2:]]), "'weight_ends' does not fit"),
        (changed("keys.1", put(10**15, -1)), "'keys.1' does not hold combinations"),
        (changed("keys.1", lambda found: found[::-1].copy()), "'keys.1' does not hold combinations"),
        (changed("keys.1", put(-1)), "'keys.1' does not hold combinations"),
        (changed("keys.1", lambda found: found[:-1]), "'weight_ends' has shape"),
        (changed("view.word", lambda found: found[:-1]), "'view.word' lacks the end"),
        (changed("view.word", lambda found: np.concatenate([found, found])), "'view.word' has a value twice"),
    ],
)
def test_files_that_contradict_themselves_are_refused(tagger: CRFTagger, change: Any, problem: str) -> None:
    state = tagger.fitted_state()
    arrays, metadata = dict(state.arrays), dict(state.metadata)
    change(arrays, metadata)
    other = CRFTagger(iterations=30)
    other.restore_text(None, tagger.pipeline_)
    with pytest.raises(SavedModelError, match=problem):
        other.restore(dataclasses.replace(state, arrays=arrays, metadata=metadata))


def test_attributes_without_weights_are_not_kept() -> None:
    attributes = Attributes(((), (("word", 0),)), {"word": ("a", "b")}, (np.array([0]), np.array([2, 3])))
    assert [keys.tolist() for keys in attributes.kept(np.array([False, False, True])).keys] == [[], [3]]
