"""Published settings by name: ``preset=`` replaces the defaults; explicit values take precedence.

A preset is resolved when the component is created, so its hyper-parameters, ``nlmkit show MODEL`` and the saved model
contain the values used; a later nlmkit with other presets loads them unchanged.

===========  ====================================================================================================
``small``    the small model of Zaremba, Sutskever & Vinyals 2014, "Recurrent Neural Network Regularization": two
             layers of 200, no dropout. In the paper, the rate is 1 on a loss summed over the 20 steps of a window and
             halves after each epoch from the fifth on; here it is 20 on the mean, with equivalent clipping, and halves
             whenever validation perplexity does not fall.
``medium``   their medium model: two layers of 650, dropout 0.5 on every connection that is not recurrent, one mask
             per step. Rate 1 on the sum is 35 on the mean; it is divided by 1.2 on the same condition.
``awd``      Merity, Keskar & Socher 2018, "Regularizing and Optimizing LSTM Language Models", for Penn Treebank:
             layers of 1150, 1150 and 400 over tied vectors of 400, weight-dropped, averaged SGD with a non-monotone
             trigger, without the paper's fine-tuning.
``auto``     the default: where training has a time budget, hyper-parameters chosen for it from the speed of the machine
             and the size of the text (``nlmkit.language_models.neural.recipe``); the declared defaults without one.
``bengio``   sizes of a network of Bengio, Ducharme, Vincent & Jauvin 2003, "A Neural Probabilistic Language Model",
             for the Brown corpus: five-grams, 30 features per word, 100 hidden units, separate output vectors.
===========  ====================================================================================================

The LSTM uses the complete recipe. For other cells, ``small``, ``medium`` and ``awd`` set sizes and regularisation but
keep the component's optimiser, since rates of 20 and more were published for the LSTM only. This module must not
import torch or NumPy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping
from typing import Any, ClassVar, Final, Self

from nlmkit.core.component import Component
from nlmkit.core.parameters import Needs, param

NONE: Final = "none"
"""Value of ``preset`` that keeps the declared defaults."""

AUTO: Final = "auto"
"""Value of ``preset`` that keeps them without a time budget; with one, a component chooses hyper-parameters for it."""

Preset = Mapping[str, Any]
"""Values by hyper-parameter name."""

_SMALL: Final[Preset] = {"embedding": 200, "hidden": 200, "layers": 2, "tied": False, "softmax": "full"}
_SMALL_REGULARISATION: Final[Preset] = {
    "dropout_input": 0.0,
    "dropout_hidden": 0.0,
    "dropout_output": 0.0,
    "weight_decay": 0.0,
}
_SMALL_OPTIMISATION: Final[Preset] = {
    "optimizer": "sgd",
    "lr": 20.0,
    "schedule": "plateau",
    "decay": 0.5,
    "epochs": 13,
    "batch": 20,
    "bptt": 20,
    "clip_norm": 5 / 20,
}

_MEDIUM: Final[Preset] = {"embedding": 650, "hidden": 650, "layers": 2, "tied": False, "softmax": "full"}
_MEDIUM_REGULARISATION: Final[Preset] = {
    "dropout_input": 0.5,
    "dropout_hidden": 0.5,
    "dropout_output": 0.5,
    "locked": False,
    "weight_decay": 0.0,
}
_MEDIUM_OPTIMISATION: Final[Preset] = {
    "optimizer": "sgd",
    "lr": 35.0,
    "schedule": "plateau",
    "decay": 1 / 1.2,
    "epochs": 39,
    "batch": 20,
    "bptt": 35,
    "clip_norm": 5 / 35,
}

_AWD: Final[Preset] = {
    "embedding": 400,
    "hidden": 1150,
    "layers": 3,
    "tied": True,
    "projection": "last-layer",
    "softmax": "full",
}
_AWD_REGULARISATION: Final[Preset] = {
    "dropout_input": 0.4,
    "dropout_hidden": 0.25,
    "dropout_output": 0.4,
    "dropout_embedding": 0.1,
    "locked": True,
    "weight_drop": 0.5,
    "ar": 2.0,
    "tar": 1.0,
    "weight_decay": 1.2e-6,
}
_AWD_OPTIMISATION: Final[Preset] = {
    "optimizer": "sgd",
    "lr": 30.0,
    "schedule": "constant",
    "averaging": "nt-asgd",
    "averaging_window": 5,
    "epochs": 500,
    "batch": 20,
    "bptt": 70,
    "bptt_random": True,
    "clip_norm": 0.25,
}

RECIPES: Final[Mapping[str, Preset]] = {
    AUTO: {},
    NONE: {},
    "small": {**_SMALL, **_SMALL_REGULARISATION, **_SMALL_OPTIMISATION, "forget_bias": 0.0},
    "medium": {**_MEDIUM, **_MEDIUM_REGULARISATION, **_MEDIUM_OPTIMISATION, "forget_bias": 0.0},
    "awd": {**_AWD, **_AWD_REGULARISATION, **_AWD_OPTIMISATION},
}
"""Presets of ``lstm``: sizes, regularisation and optimisation of the sources."""

SIZES: Final[Mapping[str, Preset]] = {
    AUTO: {},
    NONE: {},
    "small": {**_SMALL, **_SMALL_REGULARISATION},
    "medium": {**_MEDIUM, **_MEDIUM_REGULARISATION},
    "awd": {**_AWD, **_AWD_REGULARISATION},
}
"""Presets of the other recurrent cells: sizes and regularisation of the sources."""

FEED_FORWARD: Final[Mapping[str, Preset]] = {
    AUTO: {},
    NONE: {},
    "bengio": {"order": 5, "embedding": 30, "hidden": 100, "tied": False, "direct": False, "softmax": "full"},
}
"""Presets of ``nnlm``."""


SOURCES: Final[Mapping[str, str]] = {
    "small": "Zaremba et al. 2014",
    "medium": "Zaremba et al. 2014",
    "awd": "Merity et al. 2018",
    "bengio": "Bengio et al. 2003",
    "kim": "Kim 2014",
    "ulmfit": "Howard & Ruder 2018",
}
"""Publications of the presets, including those of classifiers."""


def preset_param(presets: Mapping[str, Preset]) -> Any:
    """Declare the hyper-parameter ``preset`` of a component with ``presets``; its help names their sources.

    The default is ``auto``, if it is among them, else ``none``.
    """
    by_source: dict[str, list[str]] = {}
    for name in presets:
        if name in SOURCES:
            by_source.setdefault(SOURCES[name], []).append(name)
    sources = "; ".join(f"{', '.join(names)}: {source}" for source, names in by_source.items())
    about = "published settings instead of the defaults; explicit values take precedence"
    if AUTO in presets:
        about = f"settings for the time of --budget (auto), or p{about[1:]}"
    default = AUTO if AUTO in presets else NONE
    return param(default, choices=tuple(presets), help=f"{about} ({sources})" if sources else about)


def redeclared(group: type, name: str, **changes: Any) -> Any:
    """Declare again a hyper-parameter of an option group, with some of it changed and its bounds as they are.

    Args:
        group: The dataclass that declares it.
        name: Its name.
        changes: What takes the place of the group's ``default``, ``help``, ``choices`` or ``needs``.
    """
    declared = next(field for field in dataclasses.fields(group) if field.name == name)
    default = changes.pop("default", declared.default)
    return dataclasses.field(default=default, metadata={"nlmkit": {**declared.metadata["nlmkit"], **changes}})


def with_default(group: type, name: str, default: Any) -> Any:
    """Declare again a hyper-parameter of an option group, with another default; see ``redeclared``."""
    return redeclared(group, name, default=default)


def with_needs(group: type, name: str, needs: Needs) -> Any:
    """Declare again a hyper-parameter of an option group, with a condition without which it has no effect."""
    return redeclared(group, name, needs=needs)


class WithPresets(Component):
    """Component with the hyper-parameter ``preset``, resolved at creation and whenever the preset is set."""

    presets: ClassVar[Mapping[str, Preset]] = {NONE: {}}
    """Hyper-parameter values by preset."""

    governing: ClassVar[tuple[str, ...]] = ("preset",)
    """Hyper-parameters that set others, the one that sets most first."""

    preset: str

    def __new__(cls, *args: Any, **values: Any) -> Self:
        """Record the explicitly given hyper-parameters, which a preset does not override."""
        component = super().__new__(cls, *args, **values)
        vars(component)["_given"] = frozenset(values)
        return component

    def __post_init__(self) -> None:
        """Resolve the preset."""
        given = vars(self).pop("_given")
        self._resolve({name for name in self.hyper_parameters() if name not in given})
        if all(name in given or getattr(self, name) is None for name in self.hyper_parameters()):
            # A copy from all values, or from a configuration with all of them, must behave like its original.
            given = frozenset(
                name for name, unset in self.values_unless_given().items() if getattr(self, name) != unset
            )
        vars(self)["_explicit"] = given

    @property
    def explicit(self) -> frozenset[str]:
        """Names of the hyper-parameters that were given, at creation or later, which ``auto`` does not choose."""
        explicit: frozenset[str] = vars(self).get("_explicit", frozenset())
        return explicit

    def choose(self, values: Mapping[str, Any]) -> None:
        """Set hyper-parameters as a preset does: they do not count as given."""
        explicit = self.explicit
        for name, value in values.items():
            setattr(self, name, value)
        vars(self)["_explicit"] = explicit

    def values_unless_given(self) -> dict[str, Any]:
        """Return the value of each hyper-parameter unless given: the preset's, or the declared default."""
        return {**super().values_unless_given(), **self.presets[self.preset]}

    def __setattr__(self, name: str, value: Any) -> None:
        if "_resolved" in vars(self) and name in self.hyper_parameters():
            vars(self)["_explicit"] = self.explicit | {name}
        if not (name in self.governing and "_resolved" in vars(self)):
            super().__setattr__(name, value)
            return
        # Everything equal to the old values follows, even if given: a copy must behave like its original.
        following = {other for other, old in self.values_unless_given().items() if getattr(self, other) == old}
        super().__setattr__(name, value)
        self._resolve(following - {name})

    def _resolve(self, names: Container[str]) -> None:
        """Set the hyper-parameters ``names`` to their values unless given."""
        vars(self).pop("_resolved", None)
        for _ in self.governing:  # each can depend on the one before
            for name, value in self.values_unless_given().items():
                if name in names and getattr(self, name) != value:
                    setattr(self, name, value)
        vars(self)["_resolved"] = True

    def set_params(self, **values: Any) -> Self:
        """Set hyper-parameters by name and return self; those that set others come first, so explicit values win."""
        first = [name for name in self.governing if name in values]
        return super().set_params(**{name: values[name] for name in (*first, *values)})
