"""Merging of sorted tables in a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.external.store import Store

Rows = Mapping[str, NDArray[Any]]


class Cursor:
    """Rows of a table that are read from the front, as far as they are needed.

    Args:
        store: Store of the table.
        name: The table.
        columns: Columns to read; the first is sorted.
    """

    def __init__(self, store: Store, name: str, columns: Sequence[str]) -> None:
        self._rows = store.rows(name, columns)
        self._columns = tuple(columns)
        self._buffer: dict[str, NDArray[Any]] = {}
        self._read()

    def _read(self) -> None:
        for block in self._rows:
            if len(block[self._columns[0]]):
                self._buffer = dict(block)
                return
        self._buffer = {}

    @property
    def is_at_end(self) -> bool:
        """Whether no rows are left."""
        return not self._buffer

    @property
    def first(self) -> int:
        """Sort key of the next row."""
        return int(self._buffer[self._columns[0]][0])

    @property
    def last(self) -> int:
        """Greatest sort key that was read."""
        return int(self._buffer[self._columns[0]][-1])

    def below(self, bound: int) -> Rows | None:
        """Return rows that were read, with sort keys below ``bound``, and pass over them; None if there are none."""
        if self.is_at_end:
            return None
        count = int(np.searchsorted(self._buffer[self._columns[0]], bound))
        if not count:
            return None
        taken = {name: values[:count] for name, values in self._buffer.items()}
        self._buffer = {name: values[count:] for name, values in self._buffer.items()}
        if not len(self._buffer[self._columns[0]]):
            self._read()
        return taken


def together(cursors: Sequence[Cursor], *, unique: bool = False) -> Iterator[list[tuple[int, Rows]]]:
    """Yield rows of all cursors in batches, with the number of the cursor; keys increase from batch to batch.

    Rows with one sort key come in one batch, or else in several of one cursor each, by number; always in one if keys
    are ``unique`` in each table.
    """
    while waiting := [(number, cursor) for number, cursor in enumerate(cursors) if not cursor.is_at_end]:
        # a key that ends one buffer may go on in the next
        bound = min(cursor.last for _, cursor in waiting)
        batch = [(number, rows) for number, cursor in waiting if (rows := cursor.below(bound + unique)) is not None]
        if batch:
            yield batch
            continue
        for number, cursor in waiting:
            while (rows := cursor.below(bound + 1)) is not None:
                yield [(number, rows)]


def joined(batch: Sequence[tuple[int, Rows]], columns: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the rows of a batch as one table, sorted by the first column, then by number of the cursor."""
    if len(batch) == 1:
        return {name: batch[0][1][name] for name in columns}
    keys = np.concatenate([rows[columns[0]] for _, rows in batch]).astype(np.int64)
    bits = len(keys).bit_length()
    keys <<= bits
    keys |= np.arange(len(keys))
    keys.sort()
    order = keys & ((1 << bits) - 1)
    return {name: np.concatenate([rows[name] for _, rows in batch])[order] for name in columns}
