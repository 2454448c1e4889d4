"""n-gram features against a count of tuples, and their saved form."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.documents import ngram_features
from nlmkit.documents.ngram_features import NGramFeatures
from nlmkit.errors import NlmkitError, SavedModelError
from nlmkit.text import Corpus, TextPipeline, Vocabulary
from nlmkit.text.labelled import encode

TEXTS = st.lists(st.text("ab c", max_size=8), min_size=1, max_size=6)
SPACE = TextPipeline()


def counted(text: str, order: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(tuple(words[i : i + n]) for n in range(1, order + 1) for i in range(len(words) - n + 1))


def names(features: NGramFeatures, order: int) -> list[tuple[str, ...]]:
    """The words of every feature, from the arrays that are saved."""
    words, size = features.vocabulary.words, len(features.vocabulary)
    below: list[tuple[str, ...]] = [()]
    found = []
    for n in range(1, order + 1):
        codes = features.arrays()[f"ngrams.{n}"].tolist()
        below = [(*below[code // size], words[code % size]) for code in codes]
        found += below
    return found


def made(texts: list[str], order: int, min_documents: int) -> tuple[NGramFeatures, Corpus]:
    corpus = encode(texts, SPACE)
    vocabulary = Vocabulary.from_corpus(corpus)
    return NGramFeatures.of(corpus, vocabulary, order=order, min_documents=min_documents), corpus


@pytest.mark.slow
@given(TEXTS, TEXTS, st.integers(1, 4), st.integers(1, 2))
def test_counts_are_those_of_tuples(train: list[str], test: list[str], order: int, min_documents: int) -> None:
    features, _ = made(train, order, min_documents)
    documents = Counter(gram for text in train for gram in counted(text, order))
    expected = {gram for gram, number in documents.items() if number >= min_documents}
    columns = names(features, order)
    assert len(columns) == len(features)
    assert set(columns) == expected
    dense = features.matrix(encode([*test, "b zz a"], SPACE)).toarray()
    for row, text in zip(dense, [*test, "b zz a"], strict=True):
        found = {gram: int(value) for gram, value in zip(columns, row, strict=True) if value}
        assert found == {gram: n for gram, n in counted(text, order).items() if gram in expected}


@pytest.mark.slow
@given(TEXTS, st.integers(1, 4), st.integers(1, 2), st.sampled_from([63, 4]))
def test_counting_gives_the_matrix_at_once(train: list[str], order: int, min_documents: int, key_bits: int) -> None:
    _, corpus = made(train, order, min_documents)
    vocabulary = Vocabulary.from_corpus(corpus)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngram_features, "_KEY_BITS", key_bits)  # 4: keys that are too long to be packed
        features, matrix = NGramFeatures.counted(corpus, vocabulary, order=order, min_documents=min_documents)
        assert (features.matrix(corpus) != matrix).nnz == 0
    assert matrix.dtype == np.float64
    assert matrix.has_canonical_format
    columns = names(features, order)
    for row, text in zip(matrix.toarray(), train, strict=True):
        found = {gram: int(value) for gram, value in zip(columns, row, strict=True) if value}
        assert found == {gram: n for gram, n in counted(text, order).items() if gram in set(columns)}


@pytest.mark.slow
@given(TEXTS, st.text("abc ", max_size=10), st.integers(1, 3))
def test_the_weights_of_the_words_are_those_of_the_features_shared_out(train: list[str], text: str, order: int) -> None:
    features, _ = made(train, order, 1)
    weights = np.random.default_rng(0).normal(size=len(features))
    corpus = encode([text], SPACE)
    expected = np.zeros(corpus.tokens)
    words = text.split()
    occurrences = counted(text, order)
    for gram, weight in zip(names(features, order), weights, strict=True):
        for start in range(len(words) - len(gram) + 1):
            if tuple(words[start : start + len(gram)]) == gram:
                expected[start : start + len(gram)] += weight / occurrences[gram] / len(gram)
    assert features.token_weights(corpus, weights) == pytest.approx(expected)


def test_a_literal_unk_is_a_word_and_unknown_words_are_none() -> None:
    features, _ = made(["<unk> a"], 2, 1)
    matrix = features.matrix(encode(["<unk> a", "zz a", "a"], SPACE)).toarray()
    assert matrix.sum(axis=1).tolist() == [3, 1, 1]


def test_saved_arrays_give_the_features_back_and_damaged_ones_are_refused() -> None:
    features, corpus = made(["a b a", "b c"], 2, 1)
    arrays = features.arrays()
    again = NGramFeatures.from_arrays(arrays, features.vocabulary, 2)
    assert (again.matrix(corpus) != features.matrix(corpus)).nnz == 0
    for wrong, problem in (
        ({"ngrams.1": arrays["ngrams.1"]}, "'ngrams.2' is missing"),
        (arrays | {"ngrams.2": arrays["ngrams.2"][::-1]}, "not sorted"),
        (arrays | {"ngrams.1": np.array([3, 4, 99])}, "words missing from the vocabulary"),
        (arrays | {"ngrams.2": np.array([-1, 5])}, "words missing from the vocabulary"),
        (arrays | {"ngrams.2": np.array([10**6])}, "words missing from the vocabulary"),
        (arrays | {"ngrams.1": np.array([3.0])}, "dtype"),
    ):
        with pytest.raises(SavedModelError, match=problem):
            NGramFeatures.from_arrays(wrong, features.vocabulary, 2)


def test_a_missing_scipy_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    features, corpus = made(["a b"], 1, 1)
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(NlmkitError, match=r"pip install 'nlmkit\[classifiers\]'"):
        features.matrix(corpus)
