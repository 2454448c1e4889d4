import dataclasses
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toys.ngram_reference import BOS, EOS, Gram, Text
from toys.ngrams import event_ids

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram import occurrences
from nlmkit.language_models.ngram.counting import NGramCounts, count_ngrams, with_boundaries
from nlmkit.text.vocabulary import EOS_ID

SENTENCES = st.lists(st.lists(st.sampled_from([0, 3, 4, 5]), max_size=12).map(tuple), max_size=6)


def listed(counts: NGramCounts) -> list[list[Gram]]:
    """The n-grams of each order, spelt out from their suffixes."""
    rows: list[list[Gram]] = [[(word,) for word in counts.levels[0].first.tolist()]]
    for level in counts.levels[1:]:
        pairs = zip(level.first.tolist(), level.suffix.tolist(), strict=True)
        rows.append([(first, *rows[-1][suffix]) for first, suffix in pairs])
    return rows


def by_definition(sentences: list[Gram], order: int, size: int) -> Text:
    return Text(Counter(sentences), order, size)


@pytest.mark.slow
@given(sentences=SENTENCES, order=st.integers(1, 5))
def test_counts_by_definition(sentences: list[Gram], order: int) -> None:
    counts = count_ngrams(event_ids(sentences), order, 6)
    text = by_definition(sentences, order, 6)
    assert counts.order == order
    assert counts.vocabulary_size == 6
    for k, (level, grams) in enumerate(zip(counts.levels, listed(counts), strict=True), 1):
        assert set(grams) == set(text.grams(k))
        assert grams == sorted(grams, key=lambda gram: gram[::-1])
        assert level.raw.tolist() == [text.raw[gram] for gram in grams]
        assert level.adjusted.tolist() == [text.adjusted(gram) for gram in grams]
    for (lower, level), (shorter, longer) in zip(pairwise(counts.levels), pairwise(listed(counts)), strict=True):
        assert len(lower) == len(shorter)
        assert [shorter[index] for index in level.history] == [gram[:-1] for gram in longer]


@pytest.mark.slow
@pytest.mark.parametrize("part_words", [1, 2, 3, 4, 5, 6, 7])
@settings(max_examples=40)
@given(sentences=SENTENCES, order=st.integers(1, 5))
def test_parts_change_nothing(part_words: int, sentences: list[Gram], order: int) -> None:
    ids = event_ids(sentences)
    whole = count_ngrams(ids, order, 6)
    cut = count_ngrams(ids, order, 6, part_words=part_words)
    for one, other in zip(whole.levels, cut.levels, strict=True):
        for name in ("first", "suffix", "history", "raw", "adjusted"):
            expected, found = getattr(one, name), getattr(other, name)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected, err_msg=name)


def test_a_sentence_longer_than_a_part() -> None:
    sentence = tuple(np.random.default_rng(3).integers(3, 8, 1000).tolist())
    whole = count_ngrams(event_ids([sentence]), 4, 8)
    cut = count_ngrams(event_ids([sentence]), 4, 8, part_words=64)
    assert whole.levels[3].raw.sum() == 1000 - 1
    for one, other in zip(whole.levels, cut.levels, strict=True):
        np.testing.assert_array_equal(one.raw, other.raw)
        np.testing.assert_array_equal(one.history, other.history)


def test_sentences_begin_with_one_mark() -> None:
    text = with_boundaries(event_ids([(3, 4), (), (5,)]))
    assert text.words.tolist() == [BOS, 3, 4, EOS, BOS, EOS, BOS, 5, EOS]
    assert text.depth.tolist() == [0, 1, 2, 3, 0, 1, 0, 1, 2]
    assert text.words.dtype == text.depth.dtype == np.int32


@pytest.mark.parametrize("order", [1, 3])
def test_text_without_events(order: int) -> None:
    counts = count_ngrams(np.empty(0, np.int32), order, 4)
    assert [len(level) for level in counts.levels] == [4, 0, 0][:order]
    assert counts.levels[0].raw.tolist() == [0, 0, 0, 0]


def test_blank_lines() -> None:
    counts = count_ngrams(event_ids([(), (), ()]), 3, 3)
    assert listed(counts) == [[(0,), (BOS,), (EOS,)], [(BOS, EOS)], []]
    assert counts.levels[0].raw.tolist() == [0, 3, 3]
    assert counts.levels[0].adjusted.tolist() == [0, 0, 1]
    assert counts.levels[1].adjusted.tolist() == [3]


@pytest.mark.parametrize("part_words", [1, 4, 100])
def test_progress_is_told_every_part(part_words: int) -> None:
    done: list[int] = []
    count_ngrams(event_ids([(3, 4, 5, 6, 3, 4)] * 3), 3, 7, part_words=part_words, advance=done.append)
    assert sum(done) == 21
    assert len(done) >= min(5, 21 // part_words)  # each word is in one part


def test_progress_of_single_words() -> None:
    done: list[int] = []
    count_ngrams(event_ids([(3, 4), ()]), 1, 5, advance=done.append)
    assert sum(done) == 4


def test_words_with_great_ids() -> None:
    size = 1 << 21
    ids = np.array([size - 1, 3, size - 1, EOS, 3, size - 1, size - 2, EOS] * 2, np.int32)
    small = np.array([5, 3, 5, EOS, 3, 5, 4, EOS] * 2, np.int32)
    great, plain = count_ngrams(ids, 3, size), count_ngrams(small, 3, 6)
    for one, other in zip(great.levels[1:], plain.levels[1:], strict=True):
        assert one.raw.tolist() == other.raw.tolist()
        assert one.adjusted.tolist() == other.adjusted.tolist()


def test_a_vocabulary_too_large_to_pack() -> None:
    with pytest.raises(HyperParameterError, match="too large to count"):
        count_ngrams(np.empty(0, np.int32), 2, (1 << 30) + 1)


@pytest.mark.slow
@pytest.mark.parametrize("size", [2**21, 2**23, 2**26])
def test_large_vocabularies_fit_into_the_keys(size: int) -> None:
    random = np.random.default_rng(0)
    words = random.integers(size - 40, size, 3000).astype(np.int32)
    words[::10] = 2
    words[-1] = 2
    small = np.where(words > 2, words - (size - 43), words).astype(np.int32)
    large, same = count_ngrams(words, 3, size), count_ngrams(small, 3, 43)
    for k in (1, 2):
        assert large.levels[k].raw.tolist() == same.levels[k].raw.tolist()
        assert large.levels[k].adjusted.tolist() == same.levels[k].adjusted.tolist()


def test_a_vocabulary_beyond_the_keys_is_refused() -> None:
    with pytest.raises(HyperParameterError, match="too large to count"):
        count_ngrams(np.array([2], np.int32), 2, 2**28)


def zipf_text(size: int, words: int = 500) -> NDArray[np.int32]:
    generator = np.random.default_rng(size)
    events = (generator.zipf(1.3, size) % words + 3).astype(np.int32)
    events[generator.random(size) < 0.1] = EOS_ID
    events[-1:] = EOS_ID
    return events


def assert_equal_counts(found: NGramCounts, expected: NGramCounts) -> None:
    for level, wanted in zip(found.levels, expected.levels, strict=True):
        for field in dataclasses.fields(level):
            values, of_wanted = getattr(level, field.name), getattr(wanted, field.name)
            assert values.dtype == of_wanted.dtype
            np.testing.assert_array_equal(values, of_wanted)


@pytest.mark.parametrize("workers", [2, 3, 5])
@pytest.mark.parametrize("size", [0, 1, 90_000, 200_000])
def test_threads_change_nothing(workers: int, size: int) -> None:
    events = zipf_text(size)
    one = count_ngrams(events, 4, 503)
    assert_equal_counts(count_ngrams(events, 4, 503, workers=workers, part_words=70_000), one)


@pytest.mark.parametrize("size", [0, 1, 5_000, 90_000])
@pytest.mark.parametrize("words", [5, 3000])
@pytest.mark.parametrize("workers", [1, 2])
def test_machine_code_counts_the_same(size: int, words: int, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    events = zipf_text(size, words)
    expected = count_ngrams(events, 5, words + 3)
    monkeypatch.setattr(occurrences, "COMPILED_WORDS", 0)
    assert_equal_counts(count_ngrams(events, 5, words + 3, workers=workers, part_words=20_000), expected)


def test_the_source_of_the_machine_code_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.language_models.ngram import counting_kernels

    events = zipf_text(3000, 20)
    expected = count_ngrams(events, 4, 23)
    for name, value in vars(counting_kernels).copy().items():
        if hasattr(value, "py_func"):
            monkeypatch.setattr(counting_kernels, name, value.py_func)
    monkeypatch.setattr(occurrences, "COMPILED_WORDS", 0)
    assert_equal_counts(count_ngrams(events, 4, 23), expected)


def test_keys_that_do_not_fit_are_sorted_as_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.language_models.ngram import counting_arrays

    events = zipf_text(3000)
    expected = count_ngrams(events, 4, 503)
    monkeypatch.setattr(counting_arrays, "_KEY_BITS", 20)
    assert_equal_counts(count_ngrams(events, 4, 503), expected)


def test_short_texts_start_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    events = zipf_text(300)
    expected = count_ngrams(events, 3, 503)
    monkeypatch.setitem(sys.modules, "nlmkit.language_models.ngram.counting_kernels", None)
    assert_equal_counts(count_ngrams(events, 3, 503), expected)
    monkeypatch.setattr(occurrences, "COMPILED_WORDS", 0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # numba is not installed
    assert_equal_counts(count_ngrams(events, 3, 503), expected)
