"""Table of the options that models lack, with reasons; printed in the documentation and checked by a test.

A component has no field for an option that its model lacks. Other options may still contradict each other;
``refuse`` reports this before training starts. This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nlmkit.core.component import Component
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.neural.input_vectors import InputOptions
from nlmkit.language_models.neural.options import ArchitectureOptions, RecurrentOptions

MODELS: Final = ("nnlm", "rnnlm", "lstm", "gru")

_NO_WINDOW: Final = "reads the whole history, not a window of words"

OBJECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "order": dict.fromkeys(("rnnlm", "lstm", "gru"), _NO_WINDOW),
    "direct": dict.fromkeys(("rnnlm", "lstm", "gru"), "has no window of vectors to connect to the output"),
    "layers": {"nnlm": "has one hidden layer, as published"},
    "layer_norm": {"nnlm": "has no recurrent layer whose output could be normalised"},
    "dropout_hidden": {"nnlm": "has only one hidden layer"},
    "dropout_recurrent": {"nnlm": "has no hidden state carried from step to step"},
    "weight_drop": {"nnlm": "has no recurrent weights"},
    "zoneout": {"nnlm": "has no state that could keep its value"},
    "ar": {"nnlm": "has no recurrent activations; weight_decay and dropout_output regularise it"},
    "tar": {"nnlm": "has no activations that should change slowly: each window is read separately"},
    "bptt": {"nnlm": "has nothing to propagate through time: its context is order−1 words"},
    "bptt_random": {"nnlm": "has nothing to propagate through time: its context is order−1 words"},
    "state_reset": {"nnlm": "has no state except its window of words"},
    "direction": {"nnlm": "reads the words before, as published"},
    "forget_bias": {
        "nnlm": "has no gates",
        "rnnlm": "has no gates",
        "gru": "has no forget gate: its update gate both keeps and admits",
    },
}
"""Models without an option, by option, each with the reason, to be appended to the model's name."""


def refuse_option_of_others(option: str, model: str) -> None:
    """Refuse an option that other neural models have but this one lacks; ignore any other name.

    Args:
        option: Any name.
        model: Name of any component.

    Raises:
        HyperParameterError: The option is refused, with the reason.
    """
    reason = OBJECTIONS.get(option, {}).get(model)
    if reason is not None:
        raise HyperParameterError(f"{option} is not for {model}: it {reason}")


def refuse(component: Component) -> None:
    """Refuse options that the model does not support, or that have no effect with the others.

    Args:
        component: A neural language model; one of a plugin is checked by its own declarations.

    Raises:
        HyperParameterError: The option is refused, with the reason.
    """
    for name, unset in component.values_unless_given().items():
        value = getattr(component, name)
        if value not in (component.hyper_parameters()[name].default, unset):
            refuse_option_of_others(name, component.name)
    component.refuse_without_effect()
    _refuse_widths(component)


def _refuse_widths(component: Component) -> None:
    """Refuse widths that contradict each other."""
    if not isinstance(component, ArchitectureOptions):
        return
    if component.projection == "last-layer":
        if not isinstance(component, RecurrentOptions):
            raise HyperParameterError(f"projection=last-layer requires a recurrent model, not {component.name}")
        if component.layers == 1:
            raise HyperParameterError(
                "projection=last-layer requires layers=2 or more; with one, set hidden to the width of the vectors"
            )
    # With a representation, the width and whether frozen vectors are tied are not known yet.
    own_width = not (isinstance(component, InputOptions) and component.representation is not None)
    if own_width and component.projection == "none" and component.tied and component.hidden != component.embedding:
        raise HyperParameterError(
            f"projection=none with tied weights: hidden={component.hidden} must equal embedding={component.embedding}"
        )
