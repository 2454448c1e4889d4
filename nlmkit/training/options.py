"""How weights are found: the hyper-parameters, declared once, and their values as the engine reads them.

Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Self

from nlmkit.core.parameters import param, value_of
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from nlmkit.core.component import Component


@dataclasses.dataclass(kw_only=True)
class OptimizationOptions:
    """How weights are found.

    These are the declarations of language models; other families declare them again with defaults and choices of their
    own, see :func:`nlmkit.core.presets.redeclared`.
    """

    optimizer: str = param("adamw", choices=("adamw", "adam", "sgd", "rmsprop", "adagrad"), help="update rule")
    lr: float = param(0.004, gt=0, help="learning rate; of one-cycle and cosine the highest")
    schedule: str = param(
        "one-cycle", choices=("constant", "plateau", "one-cycle", "cosine"), help="learning rate over time"
    )
    warmup: float = param(
        0.1,
        ge=0,
        lt=1,
        help="share of the steps that raise the rate, for one-cycle and cosine",
        needs=value_of("schedule", "one-cycle", "cosine"),
    )
    decay: float = param(
        0.25,
        gt=0,
        lt=1,
        help="factor of schedule=plateau at each epoch that does not improve",
        needs=value_of("schedule", "plateau"),
    )
    epochs: int = param(10, ge=1, le=100000, help="passes over the training text (--budget overrides)")
    batch: int = param(64, ge=1, le=65536, help="sequences read side by side")
    clip_norm: float | None = param(0.5, gt=0, help="largest norm of the gradient")
    clip_value: float | None = param(None, gt=0, help="largest absolute value of a gradient entry")
    averaging: str = param(
        "none", choices=("none", "asgd", "nt-asgd", "ema"), help="average of the weights that is kept"
    )
    averaging_window: int = param(
        5,
        ge=1,
        help="evaluations without improvement that start nt-asgd",
        needs=value_of("averaging", "nt-asgd"),
    )
    ema_decay: float = param(0.999, gt=0, lt=1, help="decay of averaging=ema", needs=value_of("averaging", "ema"))
    patience: int | None = param(None, ge=1, help="stop after so many epochs without improvement on validation text")


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
