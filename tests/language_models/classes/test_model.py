"""``class-ngram``: the contract, its definition by hand, and bad files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import ClassNGram, NGram, load
from nlmkit.errors import DataError, ExportError, HyperParameterError, SavedModelError
from nlmkit.language_models.classes.files import read_classes
from nlmkit.language_models.ngram.smoothing import METHODS
from nlmkit.saving.state import FittedState
from nlmkit.testing import conformance

pytestmark = pytest.mark.slow

TEXT = [line.split() for line in ("a b a c", "b b", "", "a b d a b", "c", "d a b a c", "e a b")] * 3
VALID = [["a", "b"], ["c", "e", "b"]]
FILE = str(Path(__file__).with_name("animals.classes"))

CONFIGURED = [
    ClassNGram(classes=FILE, order=3),
    ClassNGram(classes=FILE, order=2, smoothing="jelinek-mercer", member_add_k=0.0),
    ClassNGram(classes=FILE, order=4, smoothing="katz", prune=(0, 1), precision="float32"),
    ClassNGram(classes=FILE, order=3, smoothing="stupid-backoff", min_count=3),
]

test_contract = conformance(*CONFIGURED, tolerance=0.0, sum_tolerance=1e-6)


def written(folder: Path, text: str) -> str:
    path = folder / "classes"
    path.write_text(text)
    return str(path)


def fitted(folder: Path, classes: str, text: Any = TEXT, **options: Any) -> ClassNGram:
    given = {"order": 3, "classes": written(folder, classes), **options}
    return ClassNGram(**given).fit(text, valid=VALID)


# ------------------------------------------------------------------------------------------------------ definition


def test_a_probability_is_that_of_the_class_times_that_of_the_word_in_it(tmp_path: Path) -> None:
    model = fitted(tmp_path, "X a\nX b\nY d\n", order=2, member_add_k=0.5)
    names = {"a": "X", "b": "X", "d": "Y"}
    classes = NGram(order=2).fit([[names.get(word, word) for word in sentence] for sentence in TEXT])
    counts = {word: sum(sentence.count(word) for sentence in TEXT) for word in "ab"}
    text = [["a", "d", "c", "b"], ["b"]]
    expected = classes.log_probs([[names.get(word, word) for word in sentence] for sentence in text])
    of_member = {word: math.log((counts[word] + 0.5) / (sum(counts.values()) + 1)) for word in "ab"}
    added = [of_member.get(word, 0.0) for sentence in text for word in [*sentence, "</s>"]]
    assert model.log_probs(text) == pytest.approx(expected + np.array(added), abs=1e-12)


@pytest.mark.parametrize("smoothing", METHODS)
def test_words_that_are_their_own_classes_give_the_ngram_model(smoothing: str, tmp_path: Path) -> None:
    model = fitted(tmp_path, "OTHER unseen\n", smoothing=smoothing)
    plain = NGram(order=3, smoothing=smoothing).fit(TEXT, valid=VALID)
    assert np.array_equal(model.log_probs([*TEXT, ["zz", "a"]]), plain.log_probs([*TEXT, ["zz", "a"]]))
    assert {**model.fit_report_, "classes": None} == {**plain.fit_report_, "classes": None}


def test_probabilities_of_the_file_are_scaled_to_the_vocabulary(tmp_path: Path) -> None:
    model = fitted(tmp_path, "X 0.2 a\nX 0.3 b\nX 0.5 unseen\n", order=1)
    row = model.next_log_probs(())
    assert math.exp(row[model.vocabulary_.id("a")] - row[model.vocabulary_.id("b")]) == pytest.approx(2 / 3)
    assert np.exp(row).sum() == pytest.approx(1.0, abs=1e-12)


def test_unseen_words_of_a_class_have_the_added_count(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("a\nb\nc\nd\ne\nf\ng\nh\n")
    options: dict[str, Any] = {"vocabulary_file": str(tmp_path / "words"), "order": 2}
    text = [["f", "g", "h"]]
    for added, finite in ((1.0, [True, True, True, True]), (0.0, [False, True, True, True])):
        model = fitted(tmp_path, "X a\nX f\nZ g\nZ h\n", member_add_k=added, **options)
        assert np.isfinite(model.log_probs(text)).tolist() == finite
        for row in model.distributions(text):
            assert np.exp(row).sum(axis=1) == pytest.approx(1.0, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    text=st.lists(st.lists(st.sampled_from([*"abcdef", "<unk>"]), max_size=6), min_size=1, max_size=10),
    classes=st.dictionaries(st.sampled_from("abcdefz"), st.sampled_from("XYZ"), min_size=1),
    order=st.integers(1, 3),
    smoothing=st.sampled_from(["modified-kneser-ney", "katz", "add-k", "witten-bell"]),
)
def test_probabilities_sum_to_one_and_batch_equals_state(
    text: list[list[str]], classes: dict[str, str], order: int, smoothing: str, tmp_path_factory: Any
) -> None:
    path = written(tmp_path_factory.mktemp("classes"), "".join(f"{word}\t{name}\n" for word, name in classes.items()))
    model = ClassNGram(classes=path, order=order, smoothing=smoothing).fit(text)
    chunks = list(model.distributions(text))
    for row in chunks:
        assert np.exp(row).sum(axis=1) == pytest.approx(1.0, abs=1e-9)
    ids = [[*model.vocabulary_.ids(sentence), 2] for sentence in text]
    by_state = [row[at, word] for row, words in zip(chunks, ids, strict=True) for at, word in enumerate(words)]
    assert np.array_equal(model.log_probs(text), by_state)


def test_a_closed_class_model_leaves_unk_nothing(tmp_path: Path) -> None:
    model = fitted(tmp_path, "X a\nX b\n", closed=True)
    assert model.unknown_rule == "closed"
    for row in model.distributions([["a", "zz", "c"]]):
        assert np.exp(row).sum(axis=1) == pytest.approx(1.0, abs=1e-9)
        assert (row[:, 0] == -math.inf).all()
    (tmp_path / "words").write_text("a\n")
    with pytest.raises(DataError, match="line 2: 'zz' is not in the vocabulary"):
        fitted(tmp_path, "X a\n", [["a"], ["zz"]], closed=True, vocabulary_file=str(tmp_path / "words"))


# ----------------------------------------------------------------------------------------------------------- saved


def test_a_saved_model_needs_no_class_file(tmp_path: Path) -> None:
    model = fitted(tmp_path, "a\tX\nb\tX\n")
    model.save(tmp_path / "model")
    (tmp_path / "classes").unlink()
    loaded = load(tmp_path / "model", ClassNGram)
    assert np.array_equal(loaded.log_probs(VALID), model.log_probs(VALID))
    assert (loaded.digest, loaded.fit_report_) == (model.digest, model.fit_report_)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("class_of", lambda array: array + 100),
        ("class_of", lambda array: array[::-1].copy()),
        ("class_of", lambda array: array.astype(np.int64)),
        ("member_log_prob", lambda array: array - 0.1),
        ("member_log_prob", lambda array: array * np.nan),
        ("member_log_prob", lambda array: array[:-1]),
        ("other", lambda _: np.zeros(1)),
    ],
)
def test_damaged_arrays_are_an_error(name: str, change: Any, tmp_path: Path) -> None:
    model = fitted(tmp_path, "X a\nX b\n")
    state = model.fitted_state()
    arrays = {**state.arrays, name: change(state.arrays.get(name))}
    with pytest.raises(SavedModelError, match="the saved model is damaged"):
        model.restore(FittedState(arrays, state.metadata, state.members))


def test_another_model_of_classes_is_an_error(tmp_path: Path) -> None:
    model = fitted(tmp_path, "X a\nX b\n")
    state = model.fitted_state()
    for members in ({}, {"model_": NGram(order=3)}, {"model_": NGram(order=2).fit(TEXT)}):
        with pytest.raises(SavedModelError, match="its n-gram model of classes is missing or another"):
            model.restore(FittedState(state.arrays, state.metadata, members))


def test_missing_classes_and_exports_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HyperParameterError, match="set classes=FILE"):
        ClassNGram().fit(TEXT)
    with pytest.raises(HyperParameterError, match="requires validation text"):
        ClassNGram(classes=FILE, smoothing="jelinek-mercer").fit(TEXT)
    with pytest.raises(HyperParameterError, match="smoothing must be one of"):
        ClassNGram(smoothing="imported")
    with pytest.raises(ExportError, match="class-ngram cannot be exported"):
        fitted(tmp_path, "X a\n").export(tmp_path / "lm.arpa")


# ----------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    "text",
    ["X a\nX b\nY c\n", "X  a \r\nX\tb\n\nY c", "a\tX\nb\tX\nc\tY\n", "X 0.5 a\nX 1e-1 b\nY 1 c\n"],
)
def test_each_format_gives_the_class_of_each_word(text: str, tmp_path: Path) -> None:
    members = read_classes(written(tmp_path, text))
    assert {word: member.name for word, member in members.items()} == {"a": "X", "b": "X", "c": "Y"}
    given = [0.5, 0.1, 1.0] if "0.5" in text else [None] * 3
    assert [member.probability for member in members.values()] == given


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("X a\nX new york\n", "line 2: an expansion of the class 'X' has several words"),
        ("X 0.5 new york\n", "line 1: an expansion of the class 'X' has several words"),
        ("X 0.5 a\nX b\n", "line 2: some words of the class 'X' have a probability and others have none"),
        ("X a\nY b\nY a\n", "line 3: the word 'a' has a class already, from line 1"),
        ("X 2 a\n", "line 1: 2 is not a probability"),
        ("X 0 a\n", "line 1: 0 is not a probability"),
        ("X a\nX\n", "line 2: expected CLASS word or CLASS probability word"),
        ("a\tX\nb X\n", "line 2: expected a word, a tab and its class"),
        ("a\tX\nb\tX\t3\n", "line 2: expected a word, a tab and its class"),
        ("X <unk>\n", "line 1: <unk> has no class"),
        ("</s> a\n", "line 1: </s> has no class"),
        ("\n\n", "no classes"),
    ],
)
def test_a_malformed_file_names_the_line(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem):
        read_classes(written(tmp_path, text))


def test_a_class_with_the_name_of_another_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2: the class 'c' has the name of a word that is in no class"):
        fitted(tmp_path, "X a\nc b\nc d\n")
    model = fitted(tmp_path, "c b\nc c\n")
    assert model.fit_report_["classes"] == 3 + 4
