"""Hyper-parameters of a neural sequence-to-sequence model that training reads, as plain values, without torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

if TYPE_CHECKING:
    from nlmkit.core.component import Component


BATCH: Final = (100, 1500)
"""Default number of target events per step, at least and at most."""

LEAST_BATCHES: Final = 50
"""Steps of a pass for which batches are smaller than the largest."""

EPOCHS: Final = (10, 30)
"""Default number of passes over the training pairs, at least and at most."""

STEPS: Final = 1000
"""Steps for which there are more passes than the least."""


def enough_events(events: int) -> int:
    """Return the default number of target events per step, from that of all training pairs."""
    least, most = BATCH
    return min(most, max(least, events // LEAST_BATCHES))


def enough_epochs(steps: int) -> int:
    """Return the default number of passes over the training pairs, from the steps of a pass."""
    least, most = EPOCHS
    return min(most, max(least, math.ceil(STEPS / steps)))


class Widths(NamedTuple):
    """Widths of the input layers.

    Attributes:
        source: Of the vectors of source words, or dimension of vectors as sources.
        target: Of the vectors of target words.
    """

    source: int
    target: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Hyper-parameters of a component that training reads, except those of the optimization.

    Attributes:
        component: Registered name of the component.
        hyper_parameters: Hyper-parameters of a saved model, as JSON, which identify a run.
        seed: Random seed.
        epochs: Passes over the training pairs.
        batch: Target events per step.
        sort_within: Number of batches whose pairs are sorted by length together.
        weight_decay: L2 weight decay of matrices.
        label_smoothing: Share of the target spread over all words.
        unknown_rate: Probability with which once-seen words are read as ``<unk>``.
        patience: Number of epochs without improvement after which the run stops.
    """

    component: str
    hyper_parameters: Mapping[str, Any]
    seed: int
    epochs: int
    batch: int
    sort_within: int
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    unknown_rate: float = 0.0
    patience: int | None = None

    @classmethod
    def of(cls, component: Component, events: int) -> Self:
        """Return the values of a component's hyper-parameters, with defaults for those that it lacks.

        Args:
            component: The component.
            events: Events of all training targets, on which the defaults of ``batch`` and ``epochs`` depend.
        """
        known = component.hyper_parameters()
        names = [field.name for field in dataclasses.fields(cls) if field.name in known]
        values = {name: getattr(component, name) for name in names}
        if values["batch"] is None:
            values["batch"] = enough_events(events)
        if values["epochs"] is None:
            values["epochs"] = enough_epochs(math.ceil(events / values["batch"]))
        return cls(component=component.name, hyper_parameters=component.saved_params(), **values)
