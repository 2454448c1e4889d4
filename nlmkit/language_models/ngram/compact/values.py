"""Stored logarithms of one order: float32, or codes of a codebook."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.compact.codebooks import codebook, encode
from nlmkit.language_models.ngram.compact.packing import Packed


@dataclasses.dataclass(frozen=True, eq=False)
class Values:
    """Logarithms by index.

    Attributes:
        table: The values themselves, or the codebook: float32.
        codes: Place of each value in the codebook; None without one.
    """

    table: NDArray[np.float32]
    codes: Packed | None = None

    @classmethod
    def of(cls, values: NDArray[np.floating[Any]], bits: int | None) -> Values:
        """Round values to float32, or quantise them to a codebook of 2^bits."""
        if bits is None:
            return cls(values.astype(np.float32))
        book = codebook(values, bits)
        codes = encode(values, book)
        # a code of the full width is always inside
        padded = np.concatenate([book, np.full((1 << bits) - len(book), book[-1] if len(book) else 0.0, np.float32)])
        return cls(padded, Packed.of(codes, bits))

    def __len__(self) -> int:
        return len(self.table) if self.codes is None else self.codes.size

    def __getitem__(self, index: int) -> float:
        return float(self.table[index if self.codes is None else self.codes[index]])

    def take(self, indices: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return some values: float32 [indices]."""
        return self.table[indices if self.codes is None else self.codes.take(indices)]

    def all(self) -> NDArray[np.float32]:
        """Return all values: float32 [n]."""
        return self.table if self.codes is None else self.table[self.codes.range(0, self.codes.size)]
