"""Row order of words inside a network: by frequency.

Rows of the word vectors and of the output layer are sorted by descending frequency; ``<s>``, which is never predicted,
has the last row, so the output layer covers all rows before it. Clusters of words (of the adaptive softmax) and classes
(of the class-factored one) are then ranges of rows.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import SavedModelError
from nlmkit.text.vocabulary import BOS_ID


@dataclasses.dataclass(frozen=True, eq=False)
class WordOrder:
    """Row of each word, and start of each cluster of rows.

    Attributes:
        rank: Row of each vocabulary id: int64 [V], a permutation with ``<s>`` last.
        cutoffs: First row of each cluster, then V − 1: int64 [clusters + 1], increasing from 0.
    """

    rank: NDArray[np.int64]
    cutoffs: NDArray[np.int64]

    @classmethod
    def by_frequency(cls, counts: NDArray[np.int64]) -> WordOrder:
        """Return one cluster of all words, the most frequent first, equally frequent ones by id.

        Args:
            counts: Training counts by vocabulary id: int64 [V].
        """
        keys = np.array(counts, np.int64)
        keys[BOS_ID] = -1
        rank = np.empty(len(keys), np.int64)
        rank[np.argsort(-keys, kind="stable")] = np.arange(len(keys))
        return cls(rank, np.array([0, len(keys) - 1]))

    @classmethod
    def from_arrays(cls, rank: NDArray[np.int64], cutoffs: NDArray[np.int64]) -> WordOrder:
        """Return the order of a saved model, checked.

        Raises:
            SavedModelError: The arrays are not a valid order of words.
        """
        size = len(rank)
        sound = (
            np.array_equal(np.sort(rank), np.arange(size))
            and rank[BOS_ID] == size - 1
            and len(cutoffs) >= 2
            and cutoffs[0] == 0
            and cutoffs[-1] == size - 1
            and bool((np.diff(cutoffs) > 0).all())
        )
        if not sound:
            raise SavedModelError(f"the saved model is damaged: the order of its {size} words is invalid")
        return cls(np.array(rank), np.array(cutoffs))

    def __len__(self) -> int:
        return len(self.rank)

    @property
    def words(self) -> int:
        """Number of words that can be predicted: V − 1."""
        return len(self.rank) - 1

    def sorted(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the counts by vocabulary id [V] as counts by row, without ``<s>``: int64 [V − 1]."""
        rows = np.empty(len(self), np.int64)
        rows[self.rank] = counts
        return rows[:-1]

    def with_cutoffs(self, cutoffs: NDArray[np.int64]) -> WordOrder:
        """Return the same rows with other clusters."""
        return WordOrder(self.rank, np.asarray(cutoffs, np.int64))

    def grown(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ranks of an extended vocabulary: old words keep their rows, new ones follow them.

        Args:
            ids: Old id of each id of the new vocabulary, −1 for a new word: int64 [V']. Every old id must
                occur once.

        Returns:
            int64 [V'].

        Raises:
            ValueError: An old word is missing or duplicated.
        """
        old = ids >= 0
        if not np.array_equal(np.sort(ids[old]), np.arange(len(self))):
            raise ValueError("an extended vocabulary must contain each old word once")
        rank = np.empty(len(ids), np.int64)
        rank[old] = self.rank[ids[old]]
        rank[~old] = self.words + np.arange((~old).sum())
        rank[BOS_ID] = len(ids) - 1
        return rank
