"""Hyper-parameters of a language model that training reads, as plain values. This module does not import torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from nlmkit.core.component import Component

BPTT: Final = 35
"""Rows per window for models without the option ``bptt``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelSettings:
    """Hyper-parameters of a language model that training reads, except those of the optimization.

    Attributes:
        component: Registered name of the component.
        hyper_parameters: All hyper-parameters as JSON, as they are saved, which identify a run.
        seed: Random seed.
        epochs: Passes over the training text.
        batch: Number of columns.
        bptt: Rows per window.
        bptt_random: Whether windows have random lengths.
        partial_shuffle: Whether columns are rotated by a random offset per epoch.
        unknown_rate: Probability per epoch that a once-seen word is read as ``<unk>``.
        noising: Rate of data noising.
        noising_scheme: Scheme of data noising.
        state_reset: Probability per window of starting from the zero state.
        weight_decay: Weight decay of matrices.
        label_smoothing: Share of the target spread over all words.
        softmax: The output layer.
        full_after: Share of the planned steps after which ``softmax=sampled`` trains on all words.
        patience: Number of epochs without improvement after which the run stops.
    """

    component: str
    hyper_parameters: Mapping[str, Any]
    seed: int
    epochs: int
    batch: int
    unknown_rate: float
    bptt: int = BPTT
    bptt_random: bool = False
    partial_shuffle: bool = False
    noising: float = 0.0
    noising_scheme: str = "unigram"
    state_reset: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    softmax: str = "full"
    full_after: float = 1.0
    patience: int | None = None

    @classmethod
    def of(cls, component: Component) -> Self:
        """Return the values of a component's hyper-parameters, with defaults for those that it lacks."""
        known = component.hyper_parameters()
        names = [field.name for field in dataclasses.fields(cls) if field.name in known]
        values = {name: getattr(component, name) for name in names}
        return cls(component=component.name, hyper_parameters=component.saved_params(), **values)

    @property
    def has_plain_loss(self) -> bool:
        """Whether the training loss is a plain log-probability of the text."""
        replaces_targets = self.noising > 0 and self.noising_scheme == "kneser-ney"
        return self.label_smoothing == 0 and self.softmax != "sampled" and not replaces_targets
