"""Largest probabilities and sums of backoff tables, against the distributions that the tables give."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.errors import DataError
from nlmkit.language_models.ngram.arpa import read_arpa, write_arpa
from nlmkit.language_models.ngram.counting import count_ngrams
from nlmkit.language_models.ngram.smoothing.modified_kneser_ney import estimate
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.soundness import (
    Shorter,
    empty_context,
    gram_of,
    largest_unlisted,
    sampled_sums,
    suffixes_of,
    sums,
)
from nlmkit.language_models.ngram.table import BackoffTable

WORDS = ["<unk>", "<s>", "</s>", *"abcdef"]


def fitted(sentences: list[list[int]], order: int) -> BackoffTable:
    events = np.array([word for sentence in sentences for word in [*sentence, 2]], np.int32)
    counts = count_ngrams(events, order, len(WORDS))
    keep = [np.ones(len(level), bool) for level in counts.levels]
    return BackoffTable.from_estimate(counts, estimate(counts, Options(keep=keep)), keep)


def context(table: BackoffTable, k: int, index: int) -> tuple[int, ...]:
    return tuple(WORDS.index(word) for word in gram_of(table, WORDS, k, index).split())


sentences = st.lists(st.lists(st.integers(3, len(WORDS) - 1), max_size=6), min_size=1, max_size=8)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(sentences=sentences, order=st.integers(2, 4), shifts=st.lists(st.floats(-2, 2), min_size=1, max_size=7))
def test_all_contexts_are_as_their_distributions(sentences: list[list[int]], order: int, shifts: list[float]) -> None:
    """Of tables with arbitrary backoff weights: the largest unlisted probability, and the sum."""
    table = fitted(sentences, order)
    for backoffs in table.backoffs:
        backoffs += np.resize(shifts, len(backoffs))
    shorter = empty_context(table)
    samples = {sample.length: sample for sample in sampled_sums(table)}
    for k in range(1, order):
        largest = largest_unlisted(table, k, shorter)
        _, whole = sums(table, k, shorter, largest)
        for index in range(table.sizes[k - 1]):
            words = context(table, k, index)
            if words[-1] == 2:  # nothing follows </s>
                assert (largest[index], whole[index]) == (-math.inf, 1.0)
                continue
            distribution = table.distribution(words)
            listed = table.last[k][table.history[k] == index]
            unlisted = np.delete(distribution, listed)
            assert largest[index] == pytest.approx(float(unlisted.max()), abs=1e-12)
            assert whole[index] == pytest.approx(float(np.exp(distribution).sum()), rel=1e-9)
        assert samples[k].ids.tolist() == list(range(table.sizes[k - 1]))
        is_left = ~np.isneginf(largest)
        assert samples[k].sums[is_left] == pytest.approx(whole[is_left], rel=1e-9)
        assert suffixes_of(table, k + 1, np.arange(table.sizes[k])).tolist() == table.suffix[k].tolist()
        shorter = Shorter(largest, whole)


def test_a_sample_is_small_and_holds_the_shorter_contexts() -> None:
    """The same for the same table, at equal distances, and exact."""
    generator = np.random.default_rng(1)
    table = fitted(generator.integers(3, len(WORDS), (60, 9)).tolist(), 4)
    first, again = list(sampled_sums(table, 5)), list(sampled_sums(table, 5))
    assert [sample.ids.tolist() for sample in first] == [sample.ids.tolist() for sample in again]
    assert [len(sample.ids) <= 15 for sample in first] == [True] * 4
    assert all((np.abs(sample.sums - 1) < 1e-12).all() for sample in first)
    assert len(first[3].ids) == 5 < table.sizes[2]
    assert all(sample.agree.all() for sample in first)


def test_a_rounding_error_above_one_is_lowered_and_noted(tmp_path: Path) -> None:
    """No probability of the model that was read exceeds one."""
    text = """\\data\\
ngram 1=5
ngram 2=1

\\1-grams:
-2\t<unk>
-99\t<s>\t0
-0.02\t</s>
-2\ta\t0.02001
-2\tb\t0

\\2-grams:
-99\ta b

\\end\\
"""
    path = tmp_path / "rounded.arpa"
    path.write_text(text, encoding="utf-8")
    notes: list[str] = []
    table, words = read_arpa(path, note=notes.append)
    a, end = words.index("a"), words.index("</s>")
    assert -1e-9 < float(table.distribution((a,))[end]) <= 0.0
    assert float(table.score(np.array([a, end], np.int32))[0][1]) <= 0.0
    assert any(note.startswith("1 backoff weights lowered by less than 0.01%") for note in notes)
    path.write_text(text.replace("0.02001", "0.0202"), encoding="utf-8")
    with pytest.raises(DataError, match=r"line 9: the log10 backoff weight 0\.0202 of 'a' leads to probability"):
        read_arpa(path)


def test_a_context_that_gives_away_more_than_there_is_is_refused(tmp_path: Path) -> None:
    """Even if each of many words gets less than one."""
    rare = [f"w{number}" for number in range(1000)]
    lines = ["\\data\\", "ngram 1=1003", "ngram 2=1", "", "\\1-grams:", "-99\t<s>", "-4\t<unk>", "-4\t</s>"]
    lines += [f"-3.0001\t{word}\t{'2.5' if word == 'w7' else '0'}" for word in rare]
    path = tmp_path / "many.arpa"
    path.write_text("\n".join([*lines, "", "\\2-grams:", "-1\tw7 w8", "", "\\end\\", ""]), encoding="utf-8")
    with pytest.raises(DataError, match=r"line 16: .* 2\.5 of 'w7' .* probability 315\.9 for all unlisted words"):
        read_arpa(path)


def test_contexts_that_do_not_sum_to_one_are_noted(tmp_path: Path) -> None:
    """As other programs write some; those of a sound file are not."""
    table = fitted([[3, 4, 5], [3, 4, 6], [4, 5, 3, 3]], 3)
    path = tmp_path / "sound.arpa"
    write_arpa(path, table, WORDS)
    notes: list[str] = []
    read_arpa(path, note=notes.append)
    assert notes == []
    index = next(i for i in range(table.sizes[1]) if gram_of(table, WORDS, 2, i) == "a b")
    table.backoffs[1][index] -= 1.0
    write_arpa(path, table, WORDS)
    line = next(n for n, text in enumerate(path.read_text("utf-8").split("\n"), 1) if "\ta b\t" in text)
    read_arpa(path, note=notes.append)
    (note,) = notes
    assert note.startswith("the probabilities do not sum to 1 after 1 of ")
    assert f" after 'a b', line {line}): perplexities of this model are not comparable with others" in note
