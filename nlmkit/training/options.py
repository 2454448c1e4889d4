"""How weights are found: the hyper-parameters of it, and their values as the engine reads them.

Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Self

from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from nlmkit.core.component import Component


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimization:
    """How weights are found, as plain values.

    Attributes:
        optimizer: ``adamw``, ``adam``, ``sgd``, ``rmsprop``, ``adagrad`` or ``adadelta``.
        lr: Learning rate; the highest where a schedule changes it.
        schedule: ``constant``, ``plateau``, ``one-cycle``, ``cosine`` or ``slanted-triangular``.
        warmup: Share of the steps that raise the rate.
        decay: Factor of ``plateau``.
        clip_norm: Largest norm of the gradient.
        clip_value: Largest absolute value of a gradient entry.
        averaging: ``none``, ``asgd``, ``nt-asgd`` or ``ema``.
        averaging_window: Evaluations without improvement that start ``nt-asgd``.
        ema_decay: Decay of ``ema``.
    """

    optimizer: str = "adamw"
    lr: float = 0.001
    schedule: str = "constant"
    warmup: float = 0.1
    decay: float = 0.5
    clip_norm: float | None = None
    clip_value: float | None = None
    averaging: str = "none"
    averaging_window: int = 5
    ema_decay: float = 0.999

    @classmethod
    def of(cls, component: Component) -> Self:
        """The values of a component's hyper-parameters; those that it does not have keep their defaults."""
        known = component.hyper_parameters()
        names = [field.name for field in dataclasses.fields(cls) if field.name in known]
        return cls(**{name: getattr(component, name) for name in names})

    def refuse_without_held_out(self, patience: int | None, watched: str) -> None:
        """Refuse what watches held-out data, where there are none.

        Args:
            patience: That of the component.
            watched: What is watched, and how to have it.

        Raises:
            HyperParameterError: An option watches it.
        """
        for name, value, watches in (
            ("schedule", self.schedule, self.schedule == "plateau"),
            ("averaging", self.averaging, self.averaging == "nt-asgd"),
            ("patience", patience, patience is not None),
        ):
            if watches:
                raise HyperParameterError(f"{name}={value} watches {watched}")
