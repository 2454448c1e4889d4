"""Reports of fits without what no two runs share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def without_timing(value: Any) -> Any:
    """Return a report, as JSON types, without the entries that tell time, so that equal seeds save equal bytes.

    These are ``seconds`` and what ends with ``_per_second``, at any depth.
    """
    if isinstance(value, Mapping):
        return {key: without_timing(item) for key, item in value.items() if not _tells_time(key)}
    return [without_timing(item) for item in value] if isinstance(value, (list, tuple)) else value


def _tells_time(key: str) -> bool:
    return key == "seconds" or key.endswith("_per_second")
