"""The page docs/neural-options.md: which neural language model has which option, and if not, why.

Run ``python docs/neural_options.py > docs/neural-options.md`` to write it anew. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Final

from nlmkit.core.parameters import Needs
from nlmkit.language_models.neural.capabilities import MODELS, OBJECTIONS
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.options import (
    ArchitectureOptions,
    FeedForwardOptions,
    ForgetGateOptions,
    OptimizationOptions,
    RecurrentOptions,
    RegularizationOptions,
)

GROUPS: Final[Mapping[str, type]] = {
    "Text, input and start": NeuralLanguageModel,
    "Architecture": ArchitectureOptions,
    "Feed-forward": FeedForwardOptions,
    "Recurrent": RecurrentOptions,
    "Forget gate": ForgetGateOptions,
    "Regularization": RegularizationOptions,
    "Optimization": OptimizationOptions,
}
"""The groups of options, and who declares them."""


def options() -> dict[str, str]:
    """All options with their line of help, in the order of the groups."""
    return {
        field.name: field.metadata["nlmkit"]["help"] for group in GROUPS.values() for field in dataclasses.fields(group)
    }


def objection(option: str, model: str) -> str | None:
    """Why a model does not have an option, to be read after the model's name; None if it has it.

    Args:
        option: Name of a hyper-parameter of one of the groups.
        model: Name of one of the components in ``MODELS``.

    Raises:
        KeyError: The option or model is unknown.
    """
    if option not in options() or model not in MODELS:
        raise KeyError(f"no option {option!r} of a model {model!r}")
    return OBJECTIONS.get(option, {}).get(model)


def needs() -> dict[str, Needs]:
    """What options have no effect without, by the name of the option."""
    found: dict[str, Needs] = {}
    for group in GROUPS.values():
        for field in dataclasses.fields(group):
            needed = field.metadata["nlmkit"]["needs"]
            if needed is not None:
                found[field.name] = needed
    return found


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
    lines += [f"| `{name}` | {needed.words} |" for name, needed in needs().items()]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page of the documentation that has the table."""
    return (
        "# Options of the neural language models\n\n"
        "Which model has which option, and if not, why: ✓ is an option that it has. `nlmkit show MODEL`\n"
        "prints defaults and bounds. `python docs/neural_options.py` prints this page.\n\n"
        f"{markdown()}"
    )


if __name__ == "__main__":
    sys.stdout.write(page())
