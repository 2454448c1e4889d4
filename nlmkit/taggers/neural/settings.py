"""Hyper-parameters of a neural tagger that training reads, as plain values. This module does not import torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from nlmkit.core.component import Component


EPOCHS: Final = (8, 30)
"""Default number of passes over the training sentences, at least and at most."""

STEPS: Final = 300
"""Steps for which there are more passes than the least."""


def enough_epochs(steps: int) -> int:
    """Return the default number of passes over the training sentences.

    Args:
        steps: Steps of a pass.
    """
    least, most = EPOCHS
    return min(most, max(least, math.ceil(STEPS / steps)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggerSettings:
    """Hyper-parameters of a component that training reads, except those of the optimization.

    Attributes:
        component: Registered name of the component.
        hyper_parameters: Hyper-parameters of a saved model, as JSON, which identify a run.
        seed: Random seed.
        epochs: Passes over the training sentences.
        batch: Sentences per step.
        sort_within: Number of batches whose sentences are sorted by length together.
        weight_decay: L2 weight decay of matrices.
        valid_share: Share of the training sentences held out, for messages.
        patience: Number of epochs without improvement after which the run stops.
    """

    component: str
    hyper_parameters: Mapping[str, Any]
    seed: int
    epochs: int
    batch: int
    sort_within: int
    weight_decay: float = 0.0
    valid_share: float = 0.0
    patience: int | None = None

    @classmethod
    def of(cls, component: Component, sentences: int) -> Self:
        """Return the values of a component's hyper-parameters, with defaults for those that it lacks.

        Args:
            component: The component.
            sentences: Number of training sentences, on which the default of ``epochs`` depends.
        """
        known = component.hyper_parameters()
        names = [field.name for field in dataclasses.fields(cls) if field.name in known]
        values = {name: getattr(component, name) for name in names}
        if values["epochs"] is None:
            values["epochs"] = enough_epochs(math.ceil(sentences / values["batch"]))
        return cls(component=component.name, hyper_parameters=component.saved_params(), **values)
