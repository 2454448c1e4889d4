"""What training reads of a language model's hyper-parameters, as plain values. Nothing here imports torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from nlmkit.core.component import Component

BPTT: Final = 35
"""Rows of a window for models that have no option ``bptt``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelSettings:
    """What training reads of a language model's hyper-parameters, beside the optimization.

    Attributes:
        component: The component's name.
        hyper_parameters: All of its hyper-parameters as JSON, by which runs are told apart.
        seed: Of all that is drawn.
        epochs: Passes over the training text.
        batch: Columns read side by side.
        bptt: Rows of a window.
        bptt_random: Whether windows have random lengths.
        unknown_rate: Chance, an epoch, that a word that occurs once reads as ``<unk>``.
        noising: Rate of data noising.
        noising_scheme: What it puts in.
        state_reset: Chance, a window, of starting from the zero state.
        weight_decay: Of matrices.
        label_smoothing: Share of the target given to all words.
        softmax: The output layer.
        patience: Epochs without improvement after which the run stops.
    """

    component: str
    hyper_parameters: Mapping[str, Any]
    seed: int
    epochs: int
    batch: int
    unknown_rate: float
    bptt: int = BPTT
    bptt_random: bool = False
    noising: float = 0.0
    noising_scheme: str = "unigram"
    state_reset: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    softmax: str = "full"
    patience: int | None = None

    @classmethod
    def of(cls, component: Component) -> Self:
        """The values of a component's hyper-parameters; those that it does not have keep their defaults."""
        known = component.hyper_parameters()
        names = [field.name for field in dataclasses.fields(cls) if field.name in known]
        values = {name: getattr(component, name) for name in names}
        return cls(component=component.name, hyper_parameters=component.params_as_json(), **values)

    @property
    def has_plain_loss(self) -> bool:
        """Whether the training loss is a plain log-probability of the text."""
        replaces_targets = self.noising > 0 and self.noising_scheme == "kneser-ney"
        return self.label_smoothing == 0 and self.softmax != "sampled" and not replaces_targets
