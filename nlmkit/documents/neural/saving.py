"""A network over texts from the arrays of a saved model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray

from nlmkit.saving import require, require_array
from nlmkit.training.torch_model import put_weights

if TYPE_CHECKING:
    from nlmkit.documents.neural.module import TextModule

Channel = torch.Tensor | None


def with_weights(
    arrays: Mapping[str, NDArray[Any]],
    *,
    words: int,
    sizes: Mapping[str, int],
    build: Callable[[Channel, Channel], TextModule],
) -> TextModule:
    """Build a network anew and put saved weights in; it is in evaluation mode.

    Args:
        arrays: The weights under their torch names.
        words: Size of the vocabulary.
        sizes: Sizes by name, each of which some array must have as a length: a bound before anything is built.
        build: Makes the network from the tuned and the frozen word vectors.

    Raises:
        SavedModelError: arrays are missing, superfluous, of a wrong shape or dtype, or hold NaN or infinity.
    """
    lengths = {length for array in arrays.values() for length in array.shape}
    for name, size in sizes.items():
        require(size in lengths, f"no array has the length {name}={size}; the arrays contradict the manifest")
    channels = {
        name: require_array(arrays, f"words.{name}", dtype="float32", shape=(words, None))
        for name in ("tuned", "frozen")
        if f"words.{name}" in arrays
    }
    require(bool(channels), "it has no word vectors; save the model again")
    empty = {name: torch.zeros(matrix.shape) for name, matrix in channels.items()}
    module = build(empty.get("tuned"), empty.get("frozen"))
    put_weights(module, arrays)
    return module
