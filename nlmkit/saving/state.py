"""A fitted component as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from nlmkit.core.short_repr import short_repr

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Savable(Protocol):
    """What a component must have to be saved; ``Component`` has it."""

    name: ClassVar[str]

    @property
    def is_fitted(self) -> bool:
        """Whether there is fitted state."""
        ...

    @property
    def digest(self) -> str:
        """Sixteen hex digits that identify a fitted component."""
        ...

    @property
    def known_digest(self) -> str | None:
        """The digest, where it was computed since the component last changed."""
        ...

    def remember_digest(self, digest: str) -> None:
        """Keep the digest until the component changes."""
        ...

    def check_fitted(self) -> None:
        """Raise NotFittedError unless there is fitted state."""
        ...

    def members(self) -> Mapping[str, Savable]:
        """Return the components among the values of the hyper-parameters, by place."""
        ...

    @classmethod
    def hyper_parameters(cls) -> Mapping[str, Any]:
        """Return the declared hyper-parameters by name."""
        ...

    def saved_params(self) -> dict[str, Any]:
        """Return the hyper-parameters as JSON types."""
        ...

    def fitted_state(self) -> FittedState:
        """Return the fitted state as arrays and JSON."""
        ...


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
    members: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        return short_repr(self)
