"""The part of a fit report that is the same in every run of the same fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TIMING: Final = frozenset({"seconds", "tokens_per_second", "words_per_second"})
"""Keys of a fit report whose values differ from run to run."""


def without_timing(value: Any) -> Any:
    """Return a report, JSON-ready, without its times at any depth, so that equal seeds save equal bytes."""
    if isinstance(value, Mapping):
        return {key: without_timing(item) for key, item in value.items() if key not in TIMING}
    return [without_timing(item) for item in value] if isinstance(value, (list, tuple)) else value
