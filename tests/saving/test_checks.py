"""The checks with which components meet loaded arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit.errors import SavedModelError
from nlmkit.saving import ascends, load_folder, require, require_array, require_weights

from .helpers import one_line, payload_path


def test_require() -> None:
    require(True, "not raised")
    with pytest.raises(SavedModelError, match=r"^offsets fall$"):
        require(False, "offsets fall")


def test_require_array_names_file_array_and_what_is_expected(model: Path) -> None:
    arrays = load_folder(model).arrays
    file = payload_path(model, "arrays")
    fitting: list[tuple[int | None, ...]] = [(2, 3), (None, 3), (2, None), (None, None)]
    for shape in fitting:
        assert require_array(arrays, "weights", dtype=np.float32, shape=shape) is arrays["weights"]
    refused: list[tuple[str, Any, tuple[int | None, ...], str]] = [
        ("bias", np.float32, (3,), "array 'bias' is missing; the file contains ['ids', 'weights']"),
        ("weights", np.float64, (2, 3), "has dtype float32, expected float64"),
        ("weights", np.int32, (2, 3), "has dtype float32, expected int32"),
        ("weights", np.float32, (2, 4), "has shape [2, 3], expected [2, 4]"),
        ("weights", np.float32, (3, 2), "has shape [2, 3]"),
        ("weights", np.float32, (None, 4), "expected [any, 4]"),
        ("weights", np.float32, (6,), "has shape [2, 3], expected [6]"),
        ("weights", np.float32, (2, 3, 1), "has shape [2, 3]"),
        ("ids", np.int32, (), "has shape [2], expected []"),
    ]
    for name, dtype, shape, part in refused:
        with pytest.raises(SavedModelError) as error:
            require_array(arrays, name, dtype=dtype, shape=shape)
        one_line(error, file, part)


def test_require_array_takes_any_mapping_and_either_byte_order() -> None:
    arrays = {"a": np.zeros((0, 2), ">i4"), "scalar": np.array(1.5)}
    assert require_array(arrays, "a", dtype="int32", shape=(0, 2)) is arrays["a"]
    assert require_array(arrays, "scalar", dtype=float, shape=()) is arrays["scalar"]
    with pytest.raises(SavedModelError, match=r"^array 'b' is missing"):
        require_array(arrays, "b", dtype=float, shape=())


def test_the_repr_of_the_arrays_is_short(model: Path) -> None:
    assert repr(load_folder(model).arrays) == "StoredArrays(ids: int32[2], weights: float32[2, 3])"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2e12, -3e38])
def test_weights_that_no_training_ends_with_are_refused(value: float) -> None:
    weights = np.ones((2, 3), np.float32)
    require_weights(weights, "w")
    require_weights(np.empty((0, 3), np.float32), "w")
    require_weights(np.full(3, 2**62), "counts")
    weights[1, 1] = value
    with pytest.raises(SavedModelError, match="array 'w' contains NaN or infinity, or a weight beyond 1e"):
        require_weights(weights, "w")


def test_ascending_integers_are_compared_without_overflow() -> None:
    far = 2**62 + 10
    for values, loosely, strictly in (
        ([], True, True),
        ([0, 1, 5], True, True),
        ([0, 0, 5], True, False),
        ([-1, 0], False, False),
        ([far, -far, 5], False, False),  # whose differences overflow to positive numbers
    ):
        array = np.array(values, np.int64)
        assert (ascends(array, strictly=False), ascends(array)) == (loosely, strictly)
