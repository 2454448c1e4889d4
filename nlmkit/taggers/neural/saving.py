"""Loading of the network and the tables of a neural tagger from a saved model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.saving import require, require_array
from nlmkit.taggers.neural.tables import Tables
from nlmkit.training.torch_model import put_weights

if TYPE_CHECKING:
    from nlmkit.saving.state import FittedState
    from nlmkit.taggers.neural.module import TaggerModule

Channel = torch.Tensor | None

FOREIGN = "known_words"
"""Array of the base of taggers."""


def restored_tables(state: FittedState, words: int, *, pairs: str | None) -> tuple[Tables, dict[str, NDArray[Any]]]:
    """Return the tables of a saved tagger, and the arrays of its network.

    Args:
        state: Saved state.
        words: Size of the vocabulary.
        pairs: Name of the array of pairs; None if there are none.

    Raises:
        SavedModelError: Something is missing or invalid.
    """
    arrays = {name: array for name, array in state.arrays.items() if name not in (FOREIGN, pairs)}
    keys = np.empty(0, np.int64) if pairs is None else require_array(state.arrays, pairs, dtype="int64", shape=(None,))
    return Tables.restored(state.metadata, keys, words), arrays


def with_weights(
    arrays: Mapping[str, NDArray[Any]],
    *,
    words: int,
    sizes: Mapping[str, int],
    build: Callable[[Channel, Channel], TaggerModule],
) -> TaggerModule:
    """Rebuild a network and load saved weights, in evaluation mode.

    Args:
        arrays: Weights by torch name.
        words: Size of the vocabulary.
        sizes: Sizes by name; each must be the length of some array, which bounds memory before building.
        build: Builds the network from the tuned and the frozen word vectors.

    Raises:
        SavedModelError: Arrays are missing, unexpected, of a wrong shape or dtype, or contain NaN or infinity.
    """
    lengths = {length for array in arrays.values() for length in array.shape}
    for name, size in sizes.items():
        require(size in lengths, f"no array has the length {name}={size}; the arrays contradict the manifest")
    channels = {
        name: require_array(arrays, f"words.{name}", dtype="float32", shape=(words, None))
        for name in ("tuned", "frozen")
        if f"words.{name}" in arrays
    }
    require(bool(channels), "its word vectors are missing; save the model again")
    empty = {name: torch.zeros(matrix.shape) for name, matrix in channels.items()}
    module = build(empty.get("tuned"), empty.get("frozen"))
    put_weights(module, arrays)
    return module
