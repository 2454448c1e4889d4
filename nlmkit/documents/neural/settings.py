"""Hyper-parameters of a model of texts that training reads, as plain values. This module does not import torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from nlmkit.core.component import Component


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings:
    """Hyper-parameters of a component that training reads, except those of the optimization.

    Attributes:
        component: Registered name of the component.
        kind: Kind of the component.
        hyper_parameters: Hyper-parameters of a saved model, as JSON, which identify a run.
        seed: Random seed.
        epochs: Passes over the training texts.
        batch: Texts per step.
        sort_within: Number of batches whose texts are sorted by length together.
        weight_decay: L2 weight decay of matrices.
        max_norm: Maximum norm of the weights of an output; None for no limit.
        unfreeze: Parts trained in addition to the last layer: ``all``, ``gradual`` or ``none``.
        layer_rate: Ratio of the learning rates of a layer and of the layer below.
        valid_share: Share of the training texts held out, for messages.
        patience: Number of epochs without improvement after which the run stops.
        adversarial: Weight of the adversarial loss.
        virtual_adversarial: Weight of the virtual adversarial loss.
        adversarial_norm: Norm of the shifts of a text's word vectors, per square root of their number.
    """

    component: str
    kind: str
    hyper_parameters: Mapping[str, Any]
    seed: int
    epochs: int
    batch: int
    sort_within: int
    weight_decay: float = 0.0
    max_norm: float | None = None
    unfreeze: str = "all"
    layer_rate: float = 1.0
    valid_share: float = 0.0
    patience: int | None = None
    adversarial: float = 0.0
    virtual_adversarial: float = 0.0
    adversarial_norm: float = 0.0

    @classmethod
    def of(cls, component: Component) -> Self:
        """Return the values of a component's hyper-parameters, with defaults for those that it lacks."""
        known = component.hyper_parameters()
        names = [field.name for field in dataclasses.fields(cls) if field.name in known]
        values = {name: getattr(component, name) for name in names}
        saved = component.saved_params()
        return cls(component=component.name, kind=component.kind, hyper_parameters=saved, **values)
