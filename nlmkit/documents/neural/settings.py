"""What training reads of the hyper-parameters of a model of texts, as plain values. Nothing here imports torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from nlmkit.core.component import Component


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings:
    """What training reads of a component's hyper-parameters, beside the optimization.

    Attributes:
        component: The component's name.
        kind: Its kind.
        hyper_parameters: Those that a saved model has, as JSON, by which runs are told apart.
        seed: Of all that is drawn.
        epochs: Passes over the training texts.
        batch: Texts per step.
        sort_within: Batches whose texts are sorted by length among themselves.
        weight_decay: Of matrices.
        max_norm: Largest norm of an output's weights; None: no bound.
        unfreeze: What is trained beside the last layer: ``all``, ``gradual`` or ``none``.
        layer_rate: The learning rate of a layer is that of the layer above divided by this.
        valid_share: Share of the training texts held out, for messages.
        patience: Epochs without improvement after which the run stops.
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

    @classmethod
    def of(cls, component: Component) -> Self:
        """The values of a component's hyper-parameters; those that it does not have keep their defaults."""
        known = component.hyper_parameters()
        names = [field.name for field in dataclasses.fields(cls) if field.name in known]
        values = {name: getattr(component, name) for name in names}
        saved = component.saved_params()
        return cls(component=component.name, kind=component.kind, hyper_parameters=saved, **values)
