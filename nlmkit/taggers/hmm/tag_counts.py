"""How often tags occur with things, such as words: sparse rows of counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.saving import ascends, require, require_array

Rows = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]

_ARRAYS = {"ends": "int64", "tags": "int32", "counts": "int32"}


@dataclasses.dataclass(frozen=True, eq=False)
class TagCounts:
    """Counts of tags per row; those that are zero are not kept.

    Attributes:
        ends: Where each row ends among the counts: int64 [rows].
        tags: Tag of each count, ascending in a row: int32 [counts].
        counts: int32 [counts], at least 1.
        number_of_tags: K.
    """

    ends: NDArray[np.int64]
    tags: NDArray[np.int32]
    counts: NDArray[np.int32]
    number_of_tags: int

    @classmethod
    def of(cls, rows: Rows, tags: Rows, number_of_rows: int, number_of_tags: int) -> TagCounts:
        """Count pairs of a row and a tag: [tokens] each; those of row −1 are left out."""
        inside = rows >= 0
        pairs = rows[inside].astype(np.int64) * number_of_tags + tags[inside]
        pairs, counts = np.unique(pairs, return_counts=True)
        sizes = np.bincount(pairs // number_of_tags, minlength=number_of_rows)
        return cls(
            np.cumsum(sizes, dtype=np.int64),
            (pairs % number_of_tags).astype(np.int32),
            counts.astype(np.int32),
            number_of_tags,
        )

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row of each count: int64 [counts]."""
        return np.repeat(np.arange(len(self)), np.diff(self.ends, prepend=0))

    def dense(self, rows: Rows, values: NDArray[Any] | None = None) -> Floats:
        """Return the counts of some rows, or other values in their places: float64 [n, K]; zeros for row −1."""
        sizes = np.diff(self.ends, prepend=0)
        found = np.zeros((len(rows), self.number_of_tags))
        places = np.flatnonzero(rows >= 0)
        own = rows[places]
        lengths = sizes[own]
        steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        at = np.repeat(self.ends[own] - lengths, lengths) + steps
        found[np.repeat(places, lengths), self.tags[at]] = (self.counts if values is None else values)[at]
        return found

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the arrays, for saving."""
        return {f"{prefix}.{name}": getattr(self, name) for name in _ARRAYS}

    @classmethod
    def restored(
        cls, arrays: Mapping[str, NDArray[Any]], prefix: str, number_of_rows: int, number_of_tags: int
    ) -> TagCounts:
        """Return the counts that ``arrays`` gave.

        Raises:
            SavedModelError: An array is missing, or the arrays contradict each other.
        """
        ends = require_array(arrays, f"{prefix}.ends", dtype="int64", shape=(number_of_rows,))
        counts = require_array(arrays, f"{prefix}.counts", dtype="int32", shape=(None,))
        tags = require_array(arrays, f"{prefix}.tags", dtype="int32", shape=(len(counts),))
        last = int(ends[-1]) if number_of_rows else 0
        sound = last == len(counts) and ascends(ends, strictly=False)
        require(sound, f"array '{prefix}.ends' does not fit its counts; save the model again")
        found = cls(np.asarray(ends), np.asarray(tags), np.asarray(counts), number_of_tags)
        if len(counts):
            require(int(counts.min()) > 0, f"array '{prefix}.counts' has counts below 1; save the model again")
            require(
                int(tags.min()) >= 0 and int(tags.max()) < number_of_tags,
                f"array '{prefix}.tags' has tags that do not exist; save the model again",
            )
            pairs = found.rows * number_of_tags + tags
            require(ascends(pairs), f"array '{prefix}.tags' repeats tags; save the model again")
        return found
