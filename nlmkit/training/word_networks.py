"""Loading of a network over word vectors from the arrays of a saved model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from numpy.typing import NDArray

from nlmkit.saving import require, require_array
from nlmkit.training.torch_model import put_weights

if TYPE_CHECKING:
    from torch import nn

M = TypeVar("M", bound="nn.Module")

Channel = torch.Tensor | None


def with_weights(
    arrays: Mapping[str, NDArray[Any]],
    *,
    words: int,
    sizes: Mapping[str, int],
    build: Callable[[Channel, Channel], M],
) -> M:
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
