"""``dropout`` of the neural language models, one rate for several. This module imports neither torch nor NumPy."""

from __future__ import annotations

from typing import Any, Final

from nlmkit.core.component import Component
from nlmkit.core.presets import WithPresets

RATES: Final = ("dropout_input", "dropout_output", "dropout_hidden")
"""What ``dropout`` sets; ``dropout_hidden`` where there are layers for it to lie between."""


class WithDropout(WithPresets):
    """A component whose hyper-parameter ``dropout``, if it has one, stands for several rates.

    As a preset, it is resolved when the component is made, or when it or the number of layers is set anew: it sets the
    rates that were not given themselves, in place of the preset's values. So the rates of a component are always those
    that its network has, and a saved model keeps them.
    """

    governing = ("preset", "layers", "dropout")

    def values_unless_given(self) -> dict[str, Any]:
        """As of :class:`~nlmkit.core.presets.WithPresets`, with the rates that ``dropout`` sets."""
        values = super().values_unless_given()
        rate = getattr(self, "dropout", None)
        return values if rate is None else {**values, **dict.fromkeys(rates_of_dropout(self), rate)}


def rates_of_dropout(model: Component) -> list[str]:
    """The rates that ``dropout`` of a model sets where they are not given: names of its hyper-parameters."""
    possible = RATES if getattr(model, "layers", 1) > 1 else RATES[:2]
    return [name for name in possible if name in model.hyper_parameters()]
