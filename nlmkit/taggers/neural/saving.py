"""Arrays of a saved neural tagger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from nlmkit.taggers.neural.tables import PREFIX
from nlmkit.taggers.saved_form import KNOWN_WORDS


def without_tables(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of the network among those of a saved tagger."""
    return {name: array for name, array in arrays.items() if name != KNOWN_WORDS and not name.startswith(PREFIX)}
