"""Presets of a component: published settings by one name, which values given beside it overrule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from nlmkit.components import Component
from nlmkit.nn.presets import NONE, Preset


class WithPresets(Component):
    """A component with the hyper-parameter ``preset``, resolved when it is made or when the preset is set anew."""

    presets: ClassVar[Mapping[str, Preset]] = {NONE: {}}
    """What each value of ``preset`` sets."""

    preset: str

    def __new__(cls, *args: Any, **values: Any) -> Self:
        """Note which hyper-parameters were given, which a preset leaves alone."""
        component = super().__new__(cls, *args, **values)
        vars(component)["_given"] = frozenset(values)
        return component

    def __post_init__(self) -> None:
        """Resolve the preset."""
        given = vars(self).pop("_given")
        for name, value in self.presets[self.preset].items():
            if name not in given:
                setattr(self, name, value)
        vars(self)["_resolved"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        changes_preset = name == "preset" and "_resolved" in vars(self)
        old = self.presets[self.preset] if changes_preset else {}
        super().__setattr__(name, value)
        if not changes_preset:
            return
        # The new preset's values where the old one's, or the declared defaults, still stand.
        new, declared = self.presets[self.preset], self.hyper_parameters()
        for other in {**old, **new}:
            if getattr(self, other) == old.get(other, declared[other].default):
                setattr(self, other, new.get(other, declared[other].default))

    def set_params(self, **values: Any) -> Self:
        """Set hyper-parameters by name and return self; a preset first, so that the values beside it win."""
        return super().set_params(**dict(sorted(values.items(), key=lambda item: item[0] != "preset")))
