"""Shorthand ``dropout`` of the neural language models. This module imports neither torch nor NumPy."""

from __future__ import annotations

from typing import Any, Final

from nlmkit.core.component import Component
from nlmkit.core.presets import WithPresets

RATES: Final = ("dropout_input", "dropout_output", "dropout_hidden")
"""Rates set by ``dropout``; ``dropout_hidden`` only with several layers."""


class WithDropout(WithPresets):
    """Component whose hyper-parameter ``dropout``, if it has one, sets several rates.

    Like a preset, it is resolved when the component is created, or when it or the number of layers changes: it sets the
    rates that were not set explicitly, instead of the preset's values. So the rates of a component are always those
    of its network, and are saved.
    """

    governing = ("preset", "layers", "dropout")

    def values_unless_given(self) -> dict[str, Any]:
        """Return the values of ``WithPresets``, with the rates set by ``dropout``."""
        values = super().values_unless_given()
        rate = getattr(self, "dropout", None)
        return values if rate is None else {**values, **dict.fromkeys(rates_of_dropout(self), rate)}


def rates_of_dropout(model: Component) -> list[str]:
    """Return the names of the rates that ``dropout`` of a model sets unless they are set explicitly."""
    possible = RATES if getattr(model, "layers", 1) > 1 else RATES[:2]
    return [name for name in possible if name in model.hyper_parameters()]
