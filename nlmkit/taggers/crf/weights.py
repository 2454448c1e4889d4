"""Weights of attributes with tags, as sparse rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nlmkit.saving import ascends, require, require_array, require_weights

Ids = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class StateWeights:
    """Weights that are not zero, by attribute.

    Attributes:
        ends: Where the weights of each attribute end: int64 [attributes].
        tags: Tag of each weight: int32 [weights].
        values: float32 [weights].
    """

    ends: Ids
    tags: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, attributes: Ids, tags: Ids, values: NDArray[np.float64], number: int) -> tuple[Self, NDArray[np.bool_]]:
        """Return weights by attribute, and which of the attributes have any: bool [number].

        Args:
            attributes: Attribute of each weight, ascending.
            tags: Its tag.
            values: The weights.
            number: Number of attributes.
        """
        counts = np.bincount(attributes, minlength=number)
        used = counts > 0
        return cls(np.cumsum(counts[used]), tags.astype(np.int32), values.astype(np.float32)), used

    def add_to(self, scores: NDArray[np.float64], tokens: Ids, attributes: Ids) -> None:
        """Add the weights of attributes to the scores of tags, in place.

        Args:
            scores: [tokens, tags].
            tokens: Places in ``scores``.
            attributes: An attribute of each of them.
        """
        if not len(attributes):
            return
        high = self.ends[attributes]
        low = np.where(attributes > 0, self.ends[attributes - 1], 0)
        counts = high - low
        first = np.cumsum(counts) - counts
        at = np.arange(counts.sum()) + np.repeat(low - first, counts)
        places = np.repeat(tokens * scores.shape[1], counts) + self.tags[at]
        scores += np.bincount(places, self.values[at], minlength=scores.size).reshape(scores.shape)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays, for saving."""
        return {"weight_ends": self.ends, "weight_tags": self.tags, "weights": self.values}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], attributes: int, number_of_tags: int) -> Self:
        """Return the weights that ``arrays`` gave.

        Raises:
            SavedModelError: An array is missing, or the arrays contradict each other.
        """
        ends = require_array(arrays, "weight_ends", dtype="int64", shape=(attributes,))
        values = require_array(arrays, "weights", dtype="float32", shape=(None,))
        tags = require_array(arrays, "weight_tags", dtype="int32", shape=(len(values),))
        last = int(ends[-1]) if attributes else 0
        require(
            last == len(values) and ascends(ends, strictly=False),
            "array 'weight_ends' does not fit the weights; save the model again",
        )
        require(
            not len(tags) or (int(tags.min()) >= 0 and int(tags.max()) < number_of_tags),
            "array 'weight_tags' has tags that do not exist; save the model again",
        )
        require_weights(values, "weights")
        return cls(np.asarray(ends), np.asarray(tags), np.asarray(values))
