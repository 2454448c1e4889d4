"""Hyper-parameters of the optimization, declared once, and their values as read by the engine.

This module does not import torch.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Self

from nlmkit.core.parameters import param, value_of
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from nlmkit.core.component import Component


PLAIN_OPTIMIZERS: Final = ("adamw", "adam", "sgd", "rmsprop", "adagrad")
"""Optimizers that treat all parameters alike, so that any model can have them."""


@dataclasses.dataclass(kw_only=True)
class OptimizationOptions:
    """Hyper-parameters of the optimization.

    These are the declarations of language models; other models redeclare them with their own defaults and choices,
    see ``nlmkit.core.presets.redeclared``.
    """

    optimizer: str = param(
        "adamw",
        choices=(*PLAIN_OPTIMIZERS, "muon"),
        help="update rule; muon: momentum orthogonalized by Newton-Schulz steps, for the matrices between word vectors "
        "and output layer (Jordan 2024), adamw for the rest, with the same lr",
    )
    muon_steps: int = param(
        3,
        ge=1,
        le=6,
        help="Newton-Schulz steps of optimizer=muon",
        later=True,
        needs=value_of("optimizer", "muon"),
    )
    muon_every: int = param(
        1,
        ge=1,
        le=100,
        help="optimizer=muon updates the matrices at each step of this number only, with as many times the lr",
        later=True,
        needs=value_of("optimizer", "muon"),
    )
    lr: float = param(0.004, gt=0, help="learning rate; for one-cycle and cosine the maximum")
    schedule: str = param(
        "one-cycle", choices=("constant", "plateau", "one-cycle", "cosine"), help="schedule of the learning rate"
    )
    warmup: float = param(
        0.1,
        ge=0,
        lt=1,
        help="share of the steps in which the rate increases, for one-cycle and cosine",
        needs=value_of("schedule", "one-cycle", "cosine"),
    )
    decay: float = param(
        0.25,
        gt=0,
        lt=1,
        help="factor of the rate for schedule=plateau, after each epoch without improvement",
        needs=value_of("schedule", "plateau"),
    )
    epochs: int = param(10, ge=1, le=100000, help="passes over the training text (--budget overrides)")
    batch: int = param(64, ge=1, le=65536, help="number of sequences per step")
    clip_norm: float | None = param(0.5, gt=0, help="maximum norm of the gradient")
    clip_value: float | None = param(None, gt=0, help="maximum absolute value of a gradient entry")
    averaging: str = param("none", choices=("none", "asgd", "nt-asgd", "ema", "tail"), help="type of weight averaging")
    averaging_share: float = param(
        0.2,
        gt=0,
        le=1,
        help="share of the planned steps, at their end, of which averaging=tail averages the weights",
        later=True,
        needs=value_of("averaging", "tail"),
    )
    averaging_window: int = param(
        5,
        ge=1,
        help="number of evaluations without improvement after which nt-asgd starts",
        needs=value_of("averaging", "nt-asgd"),
    )
    ema_decay: float = param(0.999, gt=0, lt=1, help="decay of averaging=ema", needs=value_of("averaging", "ema"))
    patience: int | None = param(None, ge=1, help="stop after this many epochs without improvement on validation text")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimization:
    """Options of the optimization, as plain values.

    Attributes:
        optimizer: ``adamw``, ``adam``, ``sgd``, ``rmsprop``, ``adagrad``, ``adadelta`` or ``muon``.
        muon_steps: Newton–Schulz steps of ``muon``.
        muon_every: Steps per update of the matrices by ``muon``.
        lr: Learning rate; the maximum if a schedule changes it.
        schedule: ``constant``, ``plateau``, ``one-cycle``, ``cosine`` or ``slanted-triangular``.
        warmup: Share of the steps in which the rate increases.
        decay: Factor of ``plateau``.
        clip_norm: Maximum norm of the gradient.
        clip_value: Maximum absolute value of a gradient entry.
        averaging: ``none``, ``asgd``, ``nt-asgd``, ``ema`` or ``tail``.
        averaging_share: Share of the planned steps, at their end, that ``tail`` averages.
        averaging_window: Number of evaluations without improvement after which ``nt-asgd`` starts.
        ema_decay: Decay of ``ema``.
    """

    optimizer: str = "adamw"
    muon_steps: int = 3
    muon_every: int = 1
    lr: float = 0.001
    schedule: str = "constant"
    warmup: float = 0.1
    decay: float = 0.5
    clip_norm: float | None = None
    clip_value: float | None = None
    averaging: str = "none"
    averaging_share: float = 0.2
    averaging_window: int = 5
    ema_decay: float = 0.999

    @classmethod
    def of(cls, component: Component) -> Self:
        """Return the values of a component's hyper-parameters, with defaults for those that it lacks."""
        known = component.hyper_parameters()
        names = [field.name for field in dataclasses.fields(cls) if field.name in known]
        return cls(**{name: getattr(component, name) for name in names})

    def refuse_without_held_out(self, patience: int | None, watched: str) -> None:
        """Refuse options that require held-out data, if there are none.

        Args:
            patience: Patience of the component.
            watched: Name of the held-out data, and how to provide them.

        Raises:
            HyperParameterError: An option requires them.
        """
        for name, value, watches in (
            ("schedule", self.schedule, self.schedule == "plateau"),
            ("averaging", self.averaging, self.averaging == "nt-asgd"),
            ("patience", patience, patience is not None),
        ):
            if watches:
                raise HyperParameterError(f"{name}={value} requires {watched}")
