from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from nlmkit.language_models.ngram.external.packing import DTYPES, DamagedBlockError, pack, unpack

COLUMNS = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: arrays.arrays(np.dtype(name), st.integers(0, 60), elements=None)
)


def same(values: NDArray[Any]) -> None:
    found = unpack(pack(values))
    assert found.dtype == values.dtype
    assert found.tobytes() == values.tobytes()


@given(COLUMNS, st.booleans())
def test_any_column_comes_back(values: NDArray[Any], sort: bool) -> None:
    same(np.sort(values) if sort else values)


@given(st.lists(st.integers(0, 63), min_size=1, max_size=300), st.booleans())
def test_numbers_of_mixed_widths_come_back(bits: list[int], sort: bool) -> None:
    values = np.array([(1 << bit) - bit for bit in bits], np.int64)
    same(np.sort(values) if sort else values)


@pytest.mark.parametrize("name", ["i8", "u8"])
def test_the_whole_range_of_a_type_comes_back(name: str) -> None:
    limits = np.iinfo(name)
    same(np.array([limits.min, limits.max], name))
    same(np.array([limits.max, limits.min, 0], name))


def test_blocks_are_small_where_numbers_are_close() -> None:
    generator = np.random.default_rng(0)
    ones = np.where(generator.random(8000) < 0.01, 300, 1)
    assert len(pack(ones)) < 8000 / 8 + 80 * 2 + 60
    assert len(pack(np.arange(8000) * 7)) < 8000 + 60
    assert len(pack(np.full(8000, 1 << 60))) < 60


@given(st.data())
def test_a_changed_byte_is_found(data: st.DataObject) -> None:
    block = bytearray(pack(np.arange(40, dtype=np.int32) ** 3))
    at = data.draw(st.integers(0, len(block) - 1))
    block[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedBlockError):
        unpack(bytes(block))


@pytest.mark.parametrize("size", [0, 3, 30, -1])
def test_a_short_block_is_found(size: int) -> None:
    with pytest.raises(DamagedBlockError):
        unpack(pack(np.arange(40))[:size])


def test_other_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match=r"one-dimensional and numeric, not <U1 \[1\]"):
        pack(np.array(["a"]))
    with pytest.raises(TypeError, match=r"not int64 \[2, 2\]"):
        pack(np.zeros((2, 2), np.int64))
