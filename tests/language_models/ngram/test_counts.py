"""Counts that are kept, updated, written to files and read from them: always the model of one fit over all text."""

from __future__ import annotations

import gzip
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import Corpus, NGram, NGramCountFiles, TextPipeline, load
from nlmkit.errors import DataError, ExportError, HyperParameterError, NlmkitError, SavedModelError
from nlmkit.language_models.ngram.combining import added, mapped
from nlmkit.language_models.ngram.counting import NGramCounts, count_ngrams
from nlmkit.language_models.ngram.kept_counts import KeptCounts
from nlmkit.language_models.ngram.smoothing import METHODS
from nlmkit.saving.state import FittedState

pytestmark = pytest.mark.slow

Text = list[list[str]]

TEXT: Text = [line.split() for line in ("a b a c", "b b", "", "a b d a b", "c", "d a b a c", "e a b")] * 3
VALID: Text = [["a", "b"], ["c", "a", "b"], ["b"]]

texts = st.lists(st.lists(st.sampled_from([*"abcdefg", "<unk>"]), max_size=6), min_size=1, max_size=12)


def fitted(text: Any, valid: Any = VALID, **options: Any) -> NGram:
    return NGram(**{"order": 3, "keep_counts": True, **options}).fit(text, valid=valid)


def require_same(one: NGram, other: NGram) -> None:
    states = one.fitted_state(), other.fitted_state()
    assert states[0].arrays.keys() == states[1].arrays.keys()
    for name, array in states[0].arrays.items():
        assert array.dtype == states[1].arrays[name].dtype, name
        assert np.array_equal(array, states[1].arrays[name]), name
    assert states[0].metadata == states[1].metadata
    assert one.vocabulary_ == other.vocabulary_
    assert np.array_equal(one.vocabulary_.counts, other.vocabulary_.counts)
    assert one.digest == other.digest


def require_equal_counts(one: NGramCounts, other: NGramCounts) -> None:
    assert one.order == other.order
    for mine, theirs in zip(one.levels, other.levels, strict=True):
        for name in ("first", "suffix", "history", "raw", "adjusted"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name


# ---------------------------------------------------------------------------------------------------------- update


@pytest.mark.parametrize("smoothing", METHODS)
def test_an_updated_model_is_that_of_one_fit_with_every_smoothing(smoothing: str) -> None:
    model = fitted(TEXT[:4], smoothing=smoothing)
    assert model.update(TEXT[4:9], valid=VALID) is model
    model.update(TEXT[9:], valid=VALID)
    require_same(model, fitted(TEXT, smoothing=smoothing))


@settings(max_examples=60, deadline=None)
@given(texts, texts, st.integers(1, 4), st.sampled_from(["modified-kneser-ney", "katz", "witten-bell"]))
def test_an_updated_model_is_that_of_one_fit(old: Text, new: Text, order: int, smoothing: str) -> None:
    options = {"order": order, "smoothing": smoothing}
    require_same(fitted(old, **options).update(new, valid=VALID), fitted(old + new, **options))


@pytest.mark.parametrize(
    "options",
    [{"prune": (0, 1)}, {"entropy_prune": 0.01}, {"precision": "float32"}, {"closed": True}, {"order": 1}],
    ids=str,
)
def test_options_of_the_model_apply_to_all_text(options: dict[str, Any]) -> None:
    require_same(fitted(TEXT[:5], **options).update(TEXT[5:], valid=VALID), fitted(TEXT, **options))


def test_a_vocabulary_file_keeps_its_words(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("z\nb\na\n")
    options = {"vocabulary_file": str(tmp_path / "words")}
    model = fitted(TEXT[:4], **options)
    (tmp_path / "words").unlink()
    model.update(TEXT[4:], valid=VALID)
    (tmp_path / "words").write_text("z\nb\na\n")
    require_same(model, fitted(TEXT, **options))


def test_tokens_of_a_trained_tokenizer_change_places_where_text_has_them() -> None:
    pytest.importorskip("tokenizers")
    lines = ["the cat sat on the mat", "a dog ran", "cats and dogs and mats"]
    trained = Corpus.read(lines * 3, TextPipeline(tokenizer="bpe:290"))
    assert trained.pipeline is not None
    old, new = Corpus.read(lines[:1], trained.pipeline), Corpus.read(lines[1:], trained.pipeline)
    both = fitted(Corpus.read(lines, trained.pipeline), valid=None)
    assert len(both.vocabulary_) > len(new.types) + 3
    require_same(fitted(old, valid=None).update(new), both)


def test_an_updated_model_is_saved_and_updated_again(tmp_path: Path) -> None:
    fitted(TEXT[:4]).save(tmp_path / "one")
    loaded = load(tmp_path / "one", NGram).update(TEXT[4:], valid=VALID)
    loaded.save(tmp_path / "one")
    again = load(tmp_path / "one", NGram)
    require_same(again, fitted(TEXT))
    require_same(again.update([["z"]], valid=VALID), fitted([*TEXT, ["z"]]))


def test_counts_are_kept_on_request_alone(tmp_path: Path) -> None:
    model = NGram(order=2).fit(TEXT)
    assert not [name for name in model.fitted_state().arrays if name.startswith("count.")]
    with pytest.raises(HyperParameterError, match="no counts to add to: fit it with keep_counts=true"):
        model.update(TEXT)
    with pytest.raises(ExportError, match="no counts to write: fit it with keep_counts=true"):
        model.export(tmp_path / "counts", "counts")
    assert "keep_counts" not in model.saved_params()


@pytest.mark.parametrize("limits", [{"vocabulary_size": 3}, {"min_count": 2}], ids=str)
def test_limits_that_more_text_may_change_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(HyperParameterError, match="more text can change which words are kept"):
        fitted(TEXT, **limits).update(TEXT)


def test_text_that_cannot_be_added_changes_nothing() -> None:
    model = fitted(TEXT, closed=True)
    before = model.digest
    with pytest.raises(DataError, match="the text to add is empty"):
        model.update([], valid=VALID)
    with pytest.raises(DataError, match="'<unk>' is not in the vocabulary"):
        model.update([["a", "<unk>"]], valid=VALID)
    with pytest.raises(HyperParameterError, match="requires validation text"):
        fitted(TEXT, smoothing="jelinek-mercer").update(TEXT)
    assert model.digest == before


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("count.first.2", lambda array: array + 100),
        ("count.history.2", lambda array: array - 100),
        ("count.first.3", lambda array: array[::-1].copy()),
        ("count.children.1", lambda array: array[:-1]),
        ("count.children.2", lambda array: array * 0),
        ("count.raw.2", lambda array: array.astype(np.int64)),
        ("count.raw.3", lambda array: array[1:]),
        ("count.raw.1", lambda array: array.astype(np.uint64) + 2**63),
    ],
)
def test_damaged_counts_are_an_error(name: str, change: Any) -> None:
    model = fitted(TEXT)
    arrays = dict(model.fitted_state().arrays)
    arrays[name] = change(arrays[name])
    model.restore(FittedState(arrays, model.fitted_state().metadata))
    with pytest.raises(SavedModelError, match="the saved model is damaged"):
        model.update(TEXT, valid=VALID)


def test_missing_counts_are_an_error() -> None:
    model = fitted(TEXT)
    arrays = {name: array for name, array in model.fitted_state().arrays.items() if name != "count.raw.2"}
    with pytest.raises(SavedModelError, match="its counts do not match an n-gram model of order 3"):
        model.restore(FittedState(arrays, model.fitted_state().metadata))


# -------------------------------------------------------------------------------------------------- counts combined


def counts_of(rows: list[list[int]], order: int, size: int = 9) -> NGramCounts:
    return count_ngrams(np.array([*itertools.chain(*([*row, 2] for row in rows))], np.int32), order, size)


sentences = st.lists(st.lists(st.sampled_from([0, 3, 4, 5, 6, 7, 8]), max_size=6), max_size=10)


@settings(max_examples=60, deadline=None)
@given(sentences, sentences, st.integers(1, 5))
def test_added_counts_are_those_of_both_texts(one: list[list[int]], other: list[list[int]], order: int) -> None:
    require_equal_counts(added(counts_of(one, order), counts_of(other, order)), counts_of(one + other, order))


@settings(max_examples=60, deadline=None)
@given(sentences, st.lists(st.sampled_from([0, 3, 4]), min_size=6, max_size=6), st.integers(1, 5))
def test_mapped_counts_are_those_of_the_mapped_text(text: list[list[int]], targets: list[int], order: int) -> None:
    ids = np.array([0, 1, 2, *targets], np.int32)
    replaced = [[int(ids[word]) for word in row] for row in text]
    require_equal_counts(mapped(counts_of(text, order), ids, 5), counts_of(replaced, order, 5))


@settings(max_examples=40, deadline=None)
@given(sentences, st.integers(1, 4))
def test_kept_counts_are_restored(text: list[list[int]], order: int) -> None:
    counts = counts_of(text, order)
    arrays = KeptCounts.of(counts).arrays
    require_equal_counts(KeptCounts.restored(arrays, order).counts(order, 9), counts)


# ----------------------------------------------------------------------------------------------------- count files


def by_hand(text: Text, order: int) -> list[str]:
    """Lines of a count file, by definition: unigrams by first appearance, the others in any order."""
    found: Counter[tuple[str, ...]] = Counter()
    for sentence in text:
        marked = ("<s>", *sentence, "</s>")
        for k in range(1, order + 1):
            found.update(marked[at : at + k] for at in range(len(marked) - k + 1))
    return [f"{' '.join(gram)}\t{count}" for gram, count in found.items()]


@settings(max_examples=40, deadline=None)
@given(text=texts, order=st.integers(1, 4), seed=st.randoms(use_true_random=False))
def test_a_model_of_counts_is_that_of_the_text(text: Text, order: int, seed: Any, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("counts") / "counts"
    lines = by_hand(text, order + 1)
    unigrams = [line for line in lines if " " not in line]
    others = [line for line in lines if " " in line]
    seed.shuffle(others)
    path.write_text("\n".join([*unigrams, *others]) + "\n")
    require_same(fitted(NGramCountFiles(path), order=order), fitted(text, order=order))


@pytest.mark.parametrize("smoothing", METHODS)
def test_written_counts_give_the_same_model_with_every_smoothing(smoothing: str, tmp_path: Path) -> None:
    model = fitted(TEXT, smoothing=smoothing)
    model.export(tmp_path / "counts.gz", "counts")
    require_same(fitted(NGramCountFiles(tmp_path / "counts.gz"), smoothing=smoothing), model)


def test_written_counts_are_all_counts_also_of_pruned_n_grams(tmp_path: Path) -> None:
    fitted(TEXT, prune=(0, 2), entropy_prune=0.1).export(tmp_path / "counts.gz", "counts")
    lines = gzip.decompress((tmp_path / "counts.gz").read_bytes()).decode().splitlines()
    assert sorted(lines) == sorted(by_hand(TEXT, 3))


@pytest.mark.parametrize("limits", [{"vocabulary_size": 3}, {"min_count": 4}, {"order": 2}], ids=str)
def test_limits_apply_to_counts_as_to_text(limits: dict[str, Any], tmp_path: Path) -> None:
    fitted(TEXT).export(tmp_path / "counts", "counts")
    require_same(fitted(NGramCountFiles(tmp_path / "counts"), **limits), fitted(TEXT, **limits))


def test_a_vocabulary_file_applies_to_counts_as_to_text(tmp_path: Path) -> None:
    fitted(TEXT).export(tmp_path / "counts", "counts")
    (tmp_path / "words").write_text("b\nzz\na\n")
    limits = {"vocabulary_file": str(tmp_path / "words")}
    model = fitted(TEXT, **limits)
    require_same(fitted(NGramCountFiles(tmp_path / "counts"), **limits), model)
    model.export(tmp_path / "limited", "counts")
    assert "zz\t0\n" in (tmp_path / "limited").read_text()


def test_one_file_per_order_with_srilms_spacing(tmp_path: Path) -> None:
    lines = by_hand(TEXT, 3)
    paths = []
    for k in (3, 1, 2):
        paths.append(tmp_path / f"{k}.gz")
        own = [line.replace("\t", "  \t") + "\r" for line in lines if line.count(" ") == k - 1]
        paths[-1].write_bytes(gzip.compress("\n".join([*own, ""]).encode()))
    require_same(fitted(NGramCountFiles(*paths)), fitted(TEXT))


GOOD = ["<s>\t2", "</s>\t2", "a\t3", "b\t1", "<s> a\t2", "a b\t1", "b </s>\t1", "a </s>\t1", "a a\t1"]


@pytest.mark.parametrize(
    ("line", "new", "problem"),
    [
        (6, "a c\t1", "line 6: the word 'c' is not among the unigrams"),
        (6, "a b\t2", "line 6: the n-gram 'a b' has a greater count than its last word"),
        (8, "b b\t2", "line 8: the n-gram 'b b' has a greater count than its last word"),
        (5, "<s> a\t3", "line 5: the n-gram '<s> a' has a greater count than its first word"),
        (9, "a b\t1", "line 9: the n-gram is listed twice, first in .*counts, line 6"),
        (4, "a\t1", "line 4: the n-gram is listed twice, first in .*counts, line 3"),
        (7, "b <s>\t1", "line 7: the n-gram 'b <s>' has <s> after another word"),
        (7, "</s> b\t1", "line 7: the n-gram '</s> b' has </s> before another word"),
        (7, "b </s>\t0", "line 7: the n-gram 'b </s>' has the count 0"),
        (3, "a\tx", "line 3: expected the words of an n-gram, a tab and its count"),
        (3, "a\t-3", "line 3: expected the words of an n-gram, a tab and its count"),
        (3, "3", "line 3: expected the words of an n-gram, a tab and its count"),
        (3, "", "line 3: expected the words of an n-gram, a tab and its count"),
        (3, "a\t1" + "0" * 30, "line 3: the count 1.* is too large"),
        (2, "d\t2", "line 7: the word '</s>' is not among the unigrams|the unigram </s> has no count"),
        (9, "a b a\t1", "line 9: the n-gram 'a b a' is counted, but not its last 2 words"),
    ],
)
def test_counts_that_contradict_each_other_name_the_line(line: int, new: str, problem: str, tmp_path: Path) -> None:
    lines = [*GOOD]
    lines[line - 1] = new
    (tmp_path / "counts").write_text("\n".join(lines) + "\n")
    order = 3 if new == "a b a\t1" else 2
    with pytest.raises(DataError, match=problem):
        fitted(NGramCountFiles(tmp_path / "counts"), order=order, valid=None)
    (tmp_path / "counts").write_text("\n".join(GOOD) + "\n")
    fitted(NGramCountFiles(tmp_path / "counts"), order=2, valid=None)


def test_the_line_is_that_of_the_right_file(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("\n".join(GOOD[:4]) + "\n")
    (tmp_path / "two").write_text("\n".join([GOOD[4], "b b\t5"]) + "\n")
    with pytest.raises(DataError, match="two, line 2: the n-gram 'b b' has a greater count"):
        fitted(NGramCountFiles(tmp_path / "one", tmp_path / "two"), order=2)


def test_missing_orders_and_unknown_words_are_errors(tmp_path: Path) -> None:
    fitted(TEXT).export(tmp_path / "counts", "counts")
    with pytest.raises(HyperParameterError, match=r"the highest order counted is 3: set order=3"):
        fitted(NGramCountFiles(tmp_path / "counts"), order=4)
    with pytest.raises(DataError, match="'c' is not in the vocabulary, and closed=true"):
        fitted(NGramCountFiles(tmp_path / "counts"), vocabulary_size=2, closed=True)
    with pytest.raises(DataError, match="no count files"):
        NGramCountFiles()
    with pytest.raises(NlmkitError):
        fitted(NGramCountFiles(tmp_path / "nothing"))


def test_words_that_a_count_file_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="a count file cannot hold the word 'a b'"):
        fitted([["a b", "c"]]).export(tmp_path / "counts", "counts")
