"""Which model has which option, and if not, why: one table, which the documentation prints and a test checks.

What a model does not have is no field of its component. What it has may still be without effect beside other options;
:func:`refuse` names such contradictions before training starts. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from nlmkit.errors import HyperParameterError
from nlmkit.nn.estimator import NeuralLanguageModel
from nlmkit.nn.options import (
    ArchitectureOptions,
    FeedForwardOptions,
    ForgetGateOptions,
    OptimisationOptions,
    RecurrentOptions,
    RegularisationOptions,
)
from nlmkit.nn.shorthands import rates_of_dropout

MODELS: Final = ("nnlm", "rnnlm", "lstm", "gru")

GROUPS: Final[Mapping[str, type]] = {
    "Text, input and start": NeuralLanguageModel,
    "Architecture": ArchitectureOptions,
    "Feed-forward": FeedForwardOptions,
    "Recurrent": RecurrentOptions,
    "Forget gate": ForgetGateOptions,
    "Regularisation": RegularisationOptions,
    "Optimisation": OptimisationOptions,
}
"""The groups of options, and who declares them."""

_NO_WINDOW: Final = "reads the whole history, not a window of words"

_OBJECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
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


class Needs(NamedTuple):
    """An option that has effect only beside others.

    Attributes:
        words: What it needs, to be read after "needs".
        holds: Whether that is so, from the component's values.
    """

    words: str
    holds: Callable[[Any], bool]


NEEDS: Final[Mapping[str, Needs]] = {
    "softmax_head": Needs("softmax=adaptive or auto", lambda model: model.softmax in ("adaptive", "auto")),
    "softmax_classes": Needs("softmax=class-factored", lambda model: model.softmax == "class-factored"),
    "softmax_samples": Needs("softmax=sampled", lambda model: model.softmax == "sampled"),
    "label_smoothing": Needs(
        "softmax=full, the only one that computes every word's probability in training",
        lambda model: model.softmax in ("full", "auto"),
    ),
    "forget_bias": Needs(
        "a start without start_from, from which the biases come otherwise", lambda model: model.start_from is None
    ),
    "tar": Needs(
        "bptt=2 or more: it compares neighbouring steps of a window", lambda model: model.bptt > 1 or model.bptt_random
    ),
    "dropout": Needs(
        "dropout_input, dropout_output or, between layers, dropout_hidden to be left to it",
        lambda model: any(getattr(model, rate) == model.dropout for rate in rates_of_dropout(model)),
    ),
    "dropout_hidden": Needs("layers=2 or more: it lies between layers", lambda model: model.layers > 1),
    "locked": Needs(
        "a dropout rate above 0", lambda model: _any(model, "dropout_input", "dropout_hidden", "dropout_output")
    ),
    "tune": Needs("representation", lambda model: model.representation is not None),
    "normalization": Needs("representation", lambda model: model.representation is not None),
    "oov": Needs("representation", lambda model: model.representation is not None),
    "noising_scheme": Needs("noising above 0", lambda model: model.noising > 0),
    "warmup": Needs("schedule=one-cycle or cosine", lambda model: model.schedule in ("one-cycle", "cosine")),
    "decay": Needs("schedule=plateau", lambda model: model.schedule == "plateau"),
    "averaging_window": Needs("averaging=nt-asgd", lambda model: model.averaging == "nt-asgd"),
    "ema_decay": Needs("averaging=ema", lambda model: model.averaging == "ema"),
}
"""What has no effect by itself. An option that stands where it was not set, at its default or preset's value, is never
refused."""


def objection(option: str, model: str) -> str | None:
    """Why a model does not have an option, to be read after the model's name; None if it has it.

    Args:
        option: Name of a hyper-parameter of one of the groups.
        model: Name of one of the components in :data:`MODELS`.

    Raises:
        KeyError: there is no such option or model.
    """
    if option not in options() or model not in MODELS:
        raise KeyError(f"no option {option!r} of a model {model!r}")
    return _OBJECTIONS.get(option, {}).get(model)


def options() -> dict[str, str]:
    """All options with their line of help, in the order of the groups."""
    return {
        field.name: field.metadata["nlmkit"]["help"] for group in GROUPS.values() for field in dataclasses.fields(group)
    }


def refuse_option_of_others(option: str, model: str) -> None:
    """Refuse an option that other neural models have and this one does not; anything else is left alone.

    Args:
        option: Any name.
        model: Name of any component.

    Raises:
        HyperParameterError: with the reason.
    """
    reason = _OBJECTIONS.get(option, {}).get(model)
    if reason is not None:
        raise HyperParameterError(f"{option} is not for {model}: it {reason}")


def refuse(component: NeuralLanguageModel) -> None:
    """Refuse what the model cannot have, and options that would have no effect beside the others.

    Args:
        component: A neural language model; one of a plugin is held to what it declares.

    Raises:
        HyperParameterError: with the reason.
    """
    for name, unset in component.values_unless_given().items():
        value = getattr(component, name)
        if value in (component.hyper_parameters()[name].default, unset):
            continue
        refuse_option_of_others(name, component.name)
        if name in NEEDS and not NEEDS[name].holds(component):
            raise HyperParameterError(f"{name}={value} has no effect: it needs {NEEDS[name].words}")
    _refuse_widths(component)


def _refuse_widths(component: NeuralLanguageModel) -> None:
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
    own_width = component.representation is None  # else the width, and the tie to frozen vectors, are not known yet
    if own_width and component.projection == "none" and component.tied and component.hidden != component.embedding:
        raise HyperParameterError(
            f"projection=none with tied weights needs hidden={component.hidden} to be embedding={component.embedding}"
        )


def _any(model: Any, *names: str) -> bool:
    return any(getattr(model, name, 0) > 0 for name in names)


def markdown() -> str:
    """The table of option × model in Markdown, then what options need to have effect."""
    lines = []
    for title, group in GROUPS.items():
        lines += [f"### {title}", "", f"| option | {' | '.join(MODELS)} | |", "|---" * (len(MODELS) + 2) + "|"]
        for field in dataclasses.fields(group):
            cells = [objection(field.name, model) or "✓" for model in MODELS]
            about = field.metadata["nlmkit"]["help"].replace("<", "&lt;")
            lines.append(f"| `{field.name}` | {' | '.join(cells)} | {about} |")
        lines.append("")
    lines += ["### Without effect by themselves", "", "| option | needs |", "|---|---|"]
    lines += [f"| `{name}` | {needs.words} |" for name, needs in NEEDS.items()]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page of the documentation that has the table."""
    return (
        "# Options of the neural language models\n\n"
        "Which model has which option, and if not, why: ✓ is an option that it has. `nlmkit show MODEL`\n"
        "tells defaults and bounds. This page is what `python -m nlmkit.nn.capabilities` prints.\n\n"
        f"{markdown()}"
    )


if __name__ == "__main__":
    sys.stdout.write(page())
