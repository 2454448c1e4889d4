"""Co-occurrence counts against hand calculation and against exact fractions, and in any memory."""

from __future__ import annotations

import math
import tracemalloc
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError
from nlmkit.representations.glove import spool
from nlmkit.representations.glove.cooccurrence import MAX_WINDOW, Cooccurrences, count_cooccurrences
from nlmkit.representations.glove.spool import Spools

A, B, C, SKIPPED = 0, 1, 2, -1
AMPLE = 2**28


def count(sentences: Sequence[Sequence[int]], size: int, *, memory: int = AMPLE, **options: Any) -> Any:
    """The counts as a dictionary."""
    offsets = np.cumsum([0, *map(len, sentences)])
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    with Spools(memory) as spools:
        return as_dictionary(count_cooccurrences(ids, offsets, size, spools=spools, **options))


def as_dictionary(counts: Cooccurrences) -> dict[tuple[int, int], float]:
    rows, columns, values = counts.arrays()
    pairs = list(zip(rows.tolist(), columns.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    assert len(counts) == len(pairs)
    return dict(zip(pairs, values.tolist(), strict=True))


def by_definition(
    sentences: Sequence[Sequence[int]], *, window: int, symmetric: bool = True, weighting: str = "harmonic"
) -> dict[tuple[int, int], float]:
    """Each pair by itself, in exact fractions, rounded once."""
    sums: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    for sentence in sentences:
        words = [word for word in sentence if word >= 0]
        for right in range(len(words)):
            for left in range(max(0, right - window), right):
                part = Fraction(1, right - left) if weighting == "harmonic" else Fraction(1)
                sums[words[left], words[right]] += part
                if symmetric:
                    sums[words[right], words[left]] += part
    return {pair: float(value) for pair, value in sums.items()}


def random_text(tokens: int, size: int, *, seed: int = 0) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    words = (size * generator.random(tokens) ** 2).astype(int)
    words[generator.random(tokens) < 0.05] = SKIPPED
    cuts = np.sort(generator.integers(0, tokens, tokens // 12))
    return [part.tolist() for part in np.split(words, cuts)]


def test_counts_by_hand() -> None:
    # a b c a: (a,b) at 1 and 2, (a,c) at 2 and 1, (b,c) at 1, (a,a) at 3.
    found = count([[A, B, C, A]], 3, window=3)
    assert found == {
        (A, A): 2 / 3,
        (A, B): 1.5,
        (A, C): 1.5,
        (B, A): 1.5,
        (B, C): 1.0,
        (C, A): 1.5,
        (C, B): 1.0,
    }


def test_a_window_ends_where_it_says() -> None:
    assert count([[A, B, C, A]], 3, window=1) == {
        (A, B): 1.0,
        (A, C): 1.0,
        (B, A): 1.0,
        (B, C): 1.0,
        (C, A): 1.0,
        (C, B): 1.0,
    }


def test_a_word_beside_itself_counts_twice() -> None:
    assert count([[A, A]], 1, window=5) == {(A, A): 2.0}
    assert count([[A, B, A]], 2, window=5)[A, A] == 1.0
    assert count([[A, A]], 1, window=5, symmetric=False) == {(A, A): 1.0}


def test_a_skipped_word_takes_no_place() -> None:
    assert count([[A, SKIPPED, SKIPPED, B]], 2, window=1) == {(A, B): 1.0, (B, A): 1.0}


def test_a_sentence_is_the_boundary() -> None:
    assert count([[A], [], [B], [SKIPPED]], 2, window=5) == {}
    assert count([], 2, window=5) == {}


def test_one_side_counts_left_word_by_right_word() -> None:
    assert count([[A, B, C]], 3, window=2, symmetric=False) == {(A, B): 1.0, (A, C): 0.5, (B, C): 1.0}


def test_uniform_weights() -> None:
    assert count([[A, B, C]], 3, window=2, weighting="uniform")[A, C] == 1.0


SENTENCES = st.lists(st.lists(st.integers(-1, 4), max_size=12), max_size=8)


@pytest.mark.slow
@given(SENTENCES, st.integers(1, 12), st.booleans(), st.sampled_from(["harmonic", "uniform"]))
def test_every_count_is_the_double_nearest_to_the_sum(
    sentences: list[list[int]], window: int, symmetric: bool, weighting: str
) -> None:
    options: dict[str, Any] = {"window": window, "symmetric": symmetric, "weighting": weighting}
    assert count(sentences, 5, **options) == by_definition(sentences, **options)


@given(SENTENCES, st.integers(1, 12))
def test_counts_are_symmetric_and_add_up(sentences: list[list[int]], window: int) -> None:
    found = count(sentences, 5, window=window)
    assert all(found[right, left] == value for (left, right), value in found.items())
    one_side = count(sentences, 5, window=window, symmetric=False)
    assert sum(found.values()) == pytest.approx(2 * sum(one_side.values()), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("symmetric", [True, False])
def test_memory_changes_nothing(symmetric: bool) -> None:
    text = random_text(4000, 60)
    options: dict[str, Any] = {"window": 9, "symmetric": symmetric}
    ample = count(text, 60, **options)
    assert ample == by_definition(text, **options)
    # Blocks of a thousand pairs; with nothing at all, everything lies in files, and is merged in tiny pieces.
    for memory in (0, 40_000, 400_000):
        assert count(text, 60, memory=memory, **options) == ample


def test_no_piece_of_a_merge_is_larger_than_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.representations.glove import cooccurrence

    sizes = []
    merge = cooccurrence._merged_piece

    def noted(pieces: Sequence[Any]) -> Any:
        sizes.append(sum(map(len, pieces)))
        return merge(pieces)

    monkeypatch.setattr(cooccurrence, "_merged_piece", noted)
    limit = 4 * cooccurrence._MERGE_WORK * 500
    count(random_text(12_000, 80), 80, window=9, memory=limit)
    assert len(sizes) > 10
    assert max(sizes) <= 500


def test_temporary_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool.tempfile, "tempdir", str(tmp_path))
    with Spools(0) as spools:
        count_cooccurrences(np.array([0, 1], np.int32), np.array([0, 2]), 2, window=2, spools=spools)
        assert spools.spilled
        assert list(tmp_path.glob("nlmkit-*/*.bin"))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(
        DataError, match=r"16 bytes cannot be written \(No space left on device\); free some disk space"
    ):
        count([[A, B]], 2, window=2, memory=0)


@pytest.mark.parametrize("window", [22, 40, MAX_WINDOW])
def test_wide_windows(window: int) -> None:
    text = random_text(1500, 20, seed=window)
    ids = np.concatenate(text).astype(np.int32)
    offsets = np.cumsum([0, *map(len, text)])
    with Spools(AMPLE) as spools:
        counts = count_cooccurrences(ids, offsets, 20, window=window, spools=spools)
        found = as_dictionary(counts)
    expected = by_definition(text, window=window)
    assert found.keys() == expected.keys()
    if counts.exact:
        assert found == expected
    assert counts.exact == (window < 40)
    assert all(math.isclose(found[pair], value, rel_tol=1e-9) for pair, value in expected.items())


@pytest.mark.parametrize("window", [0, MAX_WINDOW + 1])
def test_an_impossible_window_is_refused(window: int) -> None:
    with pytest.raises(ValueError, match="window must be from 1 to 127"):
        count([[A, B]], 2, window=window)


def test_too_many_words_are_refused() -> None:
    with pytest.raises(DataError, match="too many for co-occurrence counts"):
        count([[A, B]], 2**28, window=2)


def test_progress_counts_every_word() -> None:
    text = random_text(5000, 30)
    told: list[float] = []
    count(text, 30, window=5, memory=0, advance=told.append)
    assert sum(told) == 5000
    assert len(told) > 1


@pytest.mark.parametrize("limit", [2**20, 2**22])
def test_counting_keeps_to_its_memory(limit: int) -> None:
    tokens = 40_000
    ids = np.random.default_rng(3).integers(0, 3000, tokens).astype(np.int32)
    offsets = np.array([0, tokens])
    count([[A, B]], 3, window=2, memory=0)  # imports what it needs
    tracemalloc.start()
    try:
        with Spools(limit) as spools:
            counts = count_cooccurrences(ids, offsets, 3000, window=10, spools=spools)
            _, peak = tracemalloc.get_traced_memory()
            assert len(counts.stored) * 16 > 1.4 * limit
            assert spools.spilled
    finally:
        tracemalloc.stop()
    assert peak <= 1.1 * limit
