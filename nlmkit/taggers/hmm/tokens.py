"""Distinct tokens: words together with the values of their feature columns."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nlmkit.text.tagged import TaggedSentences


@dataclasses.dataclass(frozen=True, eq=False)
class DistinctTokens:
    """The distinct tokens of some sentences.

    Attributes:
        words: Word of each.
        columns: Values of its feature columns, joined by tabs; empty without columns.
        ids: Distinct token of each token of the sentences: int64 [tokens].
    """

    words: list[str]
    columns: list[str]
    ids: NDArray[np.int64]

    @classmethod
    def of(cls, data: TaggedSentences) -> DistinctTokens:
        """Return the distinct tokens of sentences."""
        joint, parts = data.words.ids.astype(np.int64), [data.words, *data.features]
        for column in data.features:
            joint = np.unique(joint, return_inverse=True)[1] * len(column.types) + column.ids
        _, first, ids = np.unique(joint, return_index=True, return_inverse=True)
        values = [[part.types[id_] for id_ in part.ids[first].tolist()] for part in parts]
        return cls(values[0], ["\t".join(each) for each in zip(*values[1:], strict=True)] or [""] * len(first), ids)

    def __len__(self) -> int:
        return len(self.words)
