"""A column of values, one per token, as ids of its distinct values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError


@dataclass(frozen=True, eq=False, repr=False)
class Column:
    """Values of tokens: words, tags or a feature. Immutable.

    Attributes:
        types: Distinct values. Some may not occur.
        ids: Value of each token, as an index into ``types``: int32 [tokens].

    Raises:
        DataError: An id is no index into ``types``, or a value is repeated there.
    """

    types: tuple[str, ...]
    ids: NDArray[np.int32]

    def __post_init__(self) -> None:
        ids = np.array(self.ids, np.int32)
        ids.flags.writeable = False
        object.__setattr__(self, "types", tuple(self.types))
        object.__setattr__(self, "ids", ids)
        if ids.ndim != 1 or (ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < len(self.types)):
            raise DataError("the ids of a column must be one-dimensional, each an index into its types")
        if len(set(self.types)) != len(self.types):
            raise DataError("the types of a column must differ from each other")

    @classmethod
    def of(cls, values: Iterable[str]) -> Column:
        """Return values as a column, its types in the order of their first appearance."""
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        ids = np.fromiter(map(numbers.__getitem__, values), np.int32)
        return cls(tuple(numbers), ids)

    def values(self) -> list[str]:
        """Return the value of each token."""
        types = self.types
        return [types[id_] for id_ in self.ids.tolist()]

    def counts(self) -> NDArray[np.int64]:
        """Count how often each type occurs: int64 [types]."""
        return np.bincount(self.ids, minlength=len(self.types)).astype(np.int64, copy=False)

    def take(self, tokens: NDArray[np.int64]) -> Column:
        """Return the values of these tokens, as ``compact``."""
        return _compact(self.types, self.ids[tokens])

    def compact(self) -> Column:
        """Return the same values with the types that occur, in the order of their first appearance."""
        return _compact(self.types, self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Column of {len(self)} tokens of {len(self.types)} types>"


def _compact(types: tuple[str, ...], ids: NDArray[np.int32]) -> Column:
    first = np.full(len(types), -1, np.int64)
    first[ids[::-1]] = np.arange(len(ids) - 1, -1, -1)  # of several tokens of a type the last one written stays
    occurring = np.flatnonzero(first >= 0)
    order = occurring[np.argsort(first[occurring])]
    place = np.empty(len(types), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return Column(tuple(types[id_] for id_ in order.tolist()), place[ids])
