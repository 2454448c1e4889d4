"""Which model lacks which option, and why: one table, which the documentation prints and a test checks.

What a model does not have is no field of its component. What it has may still be without effect beside other options;
:func:`refuse` names such contradictions before training starts. Nothing here imports torch.
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
    "dropout_hidden": {"nnlm": "has one hidden layer, so that nothing lies between layers"},
    "dropout_recurrent": {"nnlm": "has no hidden state that goes from step to step"},
    "weight_drop": {"nnlm": "has no recurrent weights"},
    "zoneout": {"nnlm": "has no state that could keep its value"},
    "ar": {"nnlm": "has no recurrent activations; weight_decay and dropout_output regularise it"},
    "tar": {"nnlm": "has no activations that should change slowly: each window is seen afresh"},
    "bptt": {"nnlm": "has nothing to propagate through time: its context is order−1 words"},
    "bptt_random": {"nnlm": "has nothing to propagate through time: its context is order−1 words"},
    "state_reset": {"nnlm": "has no state but its window of words"},
    "forget_bias": {
        "nnlm": "has no gates",
        "rnnlm": "has no gates",
        "gru": "has no forget gate: its update gate both keeps and admits",
    },
}
"""For an option, the models that do not have it, and the reason, to be read after the model's name."""


def refuse_option_of_others(option: str, model: str) -> None:
    """Refuse an option that other neural models have and this one does not; anything else is left alone.

    Args:
        option: Any name.
        model: Name of any component.

    Raises:
        HyperParameterError: with the reason.
    """
    reason = OBJECTIONS.get(option, {}).get(model)
    if reason is not None:
        raise HyperParameterError(f"{option} is not for {model}: it {reason}")


def refuse(component: Component) -> None:
    """Refuse what the model cannot have, and options that would have no effect beside the others.

    Args:
        component: A neural language model; one of a plugin is held to what it declares.

    Raises:
        HyperParameterError: with the reason.
    """
    for name, unset in component.values_unless_given().items():
        value = getattr(component, name)
        if value not in (component.hyper_parameters()[name].default, unset):
            refuse_option_of_others(name, component.name)
    component.refuse_without_effect()
    _refuse_widths(component)


def _refuse_widths(component: Component) -> None:
    """Refuse widths that do not fit together."""
    if not isinstance(component, ArchitectureOptions):
        return
    if component.projection == "last-layer":
        if not isinstance(component, RecurrentOptions):
            raise HyperParameterError(f"projection=last-layer is for recurrent models, {component.name} has one layer")
        if component.layers == 1:
            raise HyperParameterError(
                "projection=last-layer needs layers=2 or more: with one, set hidden to the width of the vectors"
            )
    # With a representation, the width and the tie to frozen vectors are not known yet.
    own_width = not (isinstance(component, InputOptions) and component.representation is not None)
    if own_width and component.projection == "none" and component.tied and component.hidden != component.embedding:
        raise HyperParameterError(
            f"projection=none with tied weights needs hidden={component.hidden} to be embedding={component.embedding}"
        )
