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
    """A fitted component as data: what a saved model holds beside the hyper-parameters.

    Attributes:
        arrays: Named arrays, saved as safetensors and memory-mapped on load.
        metadata: JSON-ready facts, kept in the manifest.
        members: Components that ``fit`` made, by place (such as ``models_.0``). Those that are hyper-parameters are
            saved without being named here.
    """

    arrays: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    members: Mapping[str, Component] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        return short_repr(self)
