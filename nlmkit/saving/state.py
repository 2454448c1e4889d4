"""A fitted component as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nlmkit.core.short_repr import short_repr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.core.component import Component


@dataclasses.dataclass(frozen=True)
class FittedState:
    """Fitted state of a component as data, saved in addition to its hyper-parameters.

    Attributes:
        arrays: Named arrays, saved as safetensors and memory-mapped on load.
        metadata: JSON-ready facts, kept in the manifest.
        members: Components created by ``fit``, by place (such as ``models_.0``). Components among the hyper-parameters
            are saved automatically.
    """

    arrays: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    members: Mapping[str, Component] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        return short_repr(self)
