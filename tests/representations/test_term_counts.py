"""Counts of neighbours and of documents, against counting by loops."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nlmkit.representations import term_counts
from nlmkit.representations.term_counts import KnownText, document_counts, known_text, rows_of_types, window_counts
from nlmkit.text import Corpus, Vocabulary

SIZE = 6
TEXTS = st.lists(st.lists(st.integers(0, SIZE - 1), max_size=8), max_size=8)


def text_of(sentences: Sequence[Sequence[int]]) -> KnownText:
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    return KnownText(ids, np.cumsum([0, *map(len, sentences)], dtype=np.int64))


def neighbours_by_loops(sentences: Sequence[Sequence[int]], window: int, linear: bool) -> NDArray[np.int64]:
    counts = np.zeros((SIZE, SIZE), np.int64)
    for sentence in sentences:
        for i, word in enumerate(sentence):
            for j, other in enumerate(sentence):
                if 0 < abs(i - j) <= window:
                    counts[word, other] += window + 1 - abs(i - j) if linear else 1
    return counts


def test_neighbours_of_a_small_text_are_those_counted_by_hand() -> None:
    # a b a c: a-b, a-a, b-a, b-c, a-c are at most two apart.
    counts = window_counts(text_of([[3, 4, 3, 5]]), SIZE, 2).toarray()
    assert counts[3:, 3:].tolist() == [[2, 2, 1], [2, 0, 1], [1, 1, 0]]
    assert counts.sum() == 10
    nearer = window_counts(text_of([[3, 4, 3, 5]]), SIZE, 2, linear=True).toarray()
    assert nearer[3:, 3:].tolist() == [[2, 4, 2], [4, 0, 1], [2, 1, 0]]


@settings(max_examples=50)
@given(TEXTS, st.integers(1, 9), st.booleans(), st.sampled_from([0, 500, 1 << 20]))
def test_neighbours_are_those_counted_by_loops_whatever_the_memory(
    sentences: list[list[int]], window: int, linear: bool, memory: int
) -> None:
    done: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(term_counts, "_LEAST_PAIRS", 1)
        counts = window_counts(text_of(sentences), SIZE, window, linear=linear, memory=memory, advance=done.append)
    assert counts.dtype == np.int64
    assert counts.has_canonical_format
    assert not (counts.data == 0).any()
    assert np.array_equal(counts.toarray(), neighbours_by_loops(sentences, window, linear))
    assert sum(done) == sum(map(len, sentences))


@settings(max_examples=50)
@given(TEXTS, st.integers(1, 4), st.sampled_from([0, 500, 1 << 20]))
def test_documents_are_those_counted_by_loops_whatever_the_memory(
    sentences: list[list[int]], lines: int, memory: int
) -> None:
    groups = (sentences[first : first + lines] for first in range(0, len(sentences), lines))
    documents = [[word for sentence in group for word in sentence] for group in groups]
    expected = [np.bincount(document, minlength=SIZE) for document in documents if document]
    done: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(term_counts, "_LEAST_PAIRS", 1)
        counts = document_counts(text_of(sentences), SIZE, lines, memory=memory, advance=done.append)
    assert counts.shape == (SIZE, len(expected))
    assert np.array_equal(counts.toarray(), np.array(expected, np.int64).reshape(len(expected), SIZE).T)
    assert sum(done) == sum(map(len, sentences))


def test_memory_of_counting_keeps_to_what_is_allowed() -> None:
    ids = np.random.default_rng(0).integers(0, 40, 300_000, dtype=np.int32)
    text = KnownText(ids, np.arange(0, 300_001, 100))
    peaks = {}
    for memory in (4 << 20, 1 << 30):
        tracemalloc.start()
        window_counts(text, 40, 10, memory=memory)
        peaks[memory] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[4 << 20] < 5 << 20
    assert peaks[1 << 30] > 20 << 20  # so the test would see it


def test_unknown_words_are_taken_out_and_bring_their_neighbours_together() -> None:
    corpus = Corpus.read([["a", "rare", "b"], [], ["b", "a"]])
    vocabulary = Vocabulary.from_corpus(corpus, min_count=2)
    assert vocabulary.words[3:] == ("a", "b")
    rows = rows_of_types(corpus, vocabulary)
    assert rows.tolist() == [3, -1, 4]
    text = known_text(corpus, rows)
    assert text.ids.tolist() == [3, 4, 4, 3]
    assert text.offsets.tolist() == [0, 2, 2, 4]
    assert text.has_pairs
    assert window_counts(text, 5, 1).toarray()[3, 4] == 2
    assert not known_text(corpus, np.array([3, -1, -1], np.int32)).has_pairs


def test_a_literal_unk_is_a_word_if_it_is_frequent_enough() -> None:
    corpus = Corpus.read([["a", "<unk>", "rare", "a"], ["a", "<unk>"]])
    vocabulary = Vocabulary.from_corpus(corpus, min_count=2)
    assert rows_of_types(corpus, vocabulary, 2).tolist() == [3, 0, -1]
    assert rows_of_types(corpus, vocabulary, 3).tolist() == [3, -1, -1]
    assert known_text(corpus, rows_of_types(corpus, vocabulary, 2)).ids.tolist() == [3, 0, 3, 3, 0]


def test_no_text_gives_no_counts() -> None:
    for sentences in ([], [[]], [[3]]):
        assert window_counts(text_of(sentences), SIZE, 3).nnz == 0
    assert document_counts(text_of([[], []]), SIZE).shape == (SIZE, 0)
