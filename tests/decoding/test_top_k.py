"""The greatest values of rows, against sorting by value and column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.decoding.top_k import top_k
from nlmkit.errors import NotNormalizedError

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=80)


@reproducible
@given(
    seed=st.integers(0, 2**20),
    rows=st.integers(0, 4),
    width=st.one_of(st.integers(0, 40), st.integers(1000, 2000), st.sampled_from([1024, 1280])),
    k=st.one_of(st.integers(1, 8), st.integers(20, 60)),
    kinds=st.sampled_from([2, 5, 10**6]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_top_k_sorts_by_value_and_then_column(
    seed: int, rows: int, width: int, k: int, kinds: int, dtype: type[np.floating]
) -> None:
    drawn = np.random.default_rng(seed).integers(0, kinds, (rows, width + 3)).astype(dtype)
    drawn[drawn == 0] = -np.inf
    scores = drawn[:, 3:]  # as the caller cuts off the marks: not contiguous
    before = scores.copy()
    values, columns = top_k(scores, k)
    assert values.dtype == dtype
    for row, value, column in zip(scores, values, columns, strict=True):
        order = sorted(range(width), key=lambda at, row=row: (-row[at], at))[:k]
        assert column.tolist() == order
        assert value.tolist() == [row[at] for at in order]
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("at", [0, 700, 1999])
@pytest.mark.parametrize("k", [1, 3, 40])
def test_what_cannot_be_ranked_is_refused(bad: float, at: int, k: int) -> None:
    scores = np.zeros((2, 2000), np.float32)
    scores[1, at] = bad
    with pytest.raises(NotNormalizedError, match="NaN or infinite"):
        top_k(scores, k)
