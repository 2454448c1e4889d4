"""Arrays of a saved neural tagger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from nlmkit.saving import require
from nlmkit.taggers.neural.tables import PREFIX
from nlmkit.taggers.saved_form import KNOWN_WORDS

if TYPE_CHECKING:
    from nlmkit.representations.base import Representation
    from nlmkit.taggers.neural.module import TaggerModule


def without_tables(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of the network among those of a saved tagger."""
    return {name: array for name, array in arrays.items() if name != KNOWN_WORDS and not name.startswith(PREFIX)}


def require_vectors(representation: Representation | None, module: TaggerModule) -> None:
    """Check that the representation of a saved tagger has vectors for words that its vocabulary lacks.

    Raises:
        SavedModelError: It is missing, or its vectors are of another width than those of the network.
    """
    fitted = representation is not None and representation.is_fitted
    require(fitted, "its representation is missing; save the model again")
    if representation is not None and representation.name != "one-hot":  # which has none
        own, width = representation.matrix.shape[1], module.words.channels[0].shape[1]
        require(own == width, f"its representation has vectors of width {own}, not {width}; save the model again")
