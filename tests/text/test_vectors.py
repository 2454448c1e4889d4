"""Vectors in memory: whatever holds numbers becomes float32 [n, d], or is refused by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nlmkit.errors import DataError
from nlmkit.text.parallel import ParallelTexts
from nlmkit.text.vectors import as_vectors, holds_vectors


@pytest.mark.parametrize(
    "data",
    [
        [[1, 2], [3, 4]],
        [(1, 2.0), (3, 4)],
        [np.array([1, 2]), np.array([3, 4])],
        np.array([[1, 2], [3, 4]], np.uint8),
        np.array([[1, 2], [3, 4]], ">f8"),
        np.asfortranarray([[1, 2], [3, 4]], np.float32),
        np.array([[1, 9, 2, 9], [3, 9, 4, 9]], np.float32)[:, ::2],
    ],
)
def test_what_holds_vectors(data: Any) -> None:
    assert holds_vectors(data)
    found = as_vectors(data)
    assert (found.dtype.name, found.flags.c_contiguous, found.flags.writeable) == ("float32", True, False)
    assert found.tolist() == [[1, 2], [3, 4]]
    pairs = ParallelTexts(data, ["a", "b"])
    assert (pairs.has_vectors, pairs.dimension, len(pairs)) == (True, 2, 2)
    assert repr(pairs) == "<ParallelTexts: 2 pairs, sources are vectors of 2 dimensions, from <pairs>>"


@pytest.mark.slow  # imports torch
def test_tensors_are_vectors() -> None:
    torch = pytest.importorskip("torch")
    assert as_vectors(torch.ones(2, 3, requires_grad=True)).tolist() == [[1] * 3] * 2
    assert ParallelTexts(torch.tensor([1, 2]), ["a", "b"]).required_vectors().tolist() == [[1], [2]]


def test_numbers_are_vectors_of_one_dimension() -> None:
    assert as_vectors([1, 2.5]).tolist() == [[1], [2.5]]
    assert as_vectors(np.array([True, False])).tolist() == [[1], [0]]


def test_the_vectors_are_the_callers_no_more() -> None:
    given = np.zeros((2, 3), np.float32)
    pairs = ParallelTexts(given, ["a", "b"])
    given[0, 0] = np.nan
    view = given[:]
    view.flags.writeable = False
    with pytest.raises(DataError, match="nan"):
        as_vectors(view)
    assert pairs.required_vectors()[0, 0] == 0
    assert as_vectors(pairs.sources) is pairs.sources


@pytest.mark.parametrize("data", [["a", "b"], [], iter([[1.0]]), np.array(["a"]), np.array([["a"]]), [["a", "b"]], "x"])
def test_what_holds_no_vectors(data: Any) -> None:
    assert not holds_vectors(data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([[1, 2], [3, float("nan")]], "here: row 2 of 2: number 2 of the vector is nan, which is not finite"),
        ([[1, -np.inf], [3, 4]], "here: row 1 of 2: number 2 of the vector is -inf, which is not finite"),
        ([[1, 2], [1e39, 4]], r"row 2 of 2: number 1 of the vector is 1e\+39, beyond float32"),
        ([[1, 2], [3]], "row 2 is a vector of 1 number, and row 1 a vector of 2 numbers"),
        ([[1, 2], 3], "row 2 is a number, and row 1 a vector of 2 numbers"),
        ([1, "a"], "row 2 is str, not a vector"),
        ([[1, "a"], [2, 3]], "of <U21, which is not a type of real numbers"),
        ([[1j, 2]], "of complex128, which is not"),
        (np.zeros((2, 3, 3)), r"shape \[2, 3, 3\]: expected two dimensions, .*reshape\(len\(array\), -1"),
        (np.zeros(()), r"shape \[\]: expected two dimensions"),
        (np.zeros((2, 0)), "no dimensions"),
        ([[10**400]], "not"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], "the vectors are not an array of numbers"),
    ],
)
def test_bad_vectors(data: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        ParallelTexts(data, ["a", "b"], source="here")
    assert caught.value.source == "here"


def test_counts_and_dimensions() -> None:
    with pytest.raises(DataError, match="2 vectors and 3 targets"):
        ParallelTexts([[1], [2]], ["a", "b", "c"])
    pairs = ParallelTexts([[1, 2]], ["a"])
    with pytest.raises(DataError, match="the vectors have 2 dimensions, expected 3"):
        pairs.required_vectors(3)
    with pytest.raises(DataError, match="sources are vectors, and texts are expected"):
        pairs.required_texts()
    with pytest.raises(DataError, match="sources are texts, and vectors are expected"):
        ParallelTexts(["a"], ["b"]).required_vectors()


def test_equal_vectors_are_one_source() -> None:
    pairs = ParallelTexts([[1, 2], [3, 4], [1, 2]], ["a", "b", "c"])
    first, references = pairs.references()
    assert first.tolist() == [0, 1]
    assert references == [["a", "c"], ["b"]]
    assert pairs.subset([2, 1]).required_vectors().tolist() == [[1, 2], [3, 4]]
    assert pairs.digest != pairs.subset([1, 0, 2]).digest
