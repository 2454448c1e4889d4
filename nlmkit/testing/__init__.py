"""The conformance kits: does a component or tokenizer keep what its contract promises?

The built-in components run through the same checks. A plugin's author needs two lines in a file of pytest::

    from nlmkit.testing import conformance
    test_my_model = conformance(MyModel(order=2), MyModel(order=3, smooth=False))

Every check of every component is a test of its own. A check that is known to fail is named with its reason, and
reported as soon as it passes::

    test_fixed = conformance(MyFixed(), expected_failures={"overfits_a_tiny_text": "it learns nothing"})

Without pytest, ``run_checks`` returns what came of each check, and ``checks_for`` lists them with what they
promise. ``nlmkit plugins check NAME`` uses ``check_registered``.

Components are given configured and unfitted: neural ones with settings so small that they fit in a moment. A class
says with which settings it is to be checked where nobody gives any, by an attribute::

    conformance_settings: ClassVar[Mapping[str, Any]] = {"hidden": 8, "epochs": 30, "learning_rate": 0.05}

What says of itself that it ``trains_in_steps`` must also keep the promises of training: see
``nlmkit.testing.training``.

pytest is imported by ``conformance`` alone.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.kinds import KINDS
from nlmkit.core.suggestions import suggestion
from nlmkit.testing.checks import Check, CheckOutcome, ConformanceError

if TYPE_CHECKING:
    from nlmkit.text import Tokenizer

__all__ = [
    "Check",
    "CheckOutcome",
    "ConformanceError",
    "check_registered",
    "checks_for",
    "conformance",
    "run_checks",
]

Checked: TypeAlias = "Component | Tokenizer"

TOLERANCE = 1e-5
"""How far apart two log-probabilities may be that ought to be equal."""


def conformance(
    *components: Checked,
    expected_failures: Mapping[str, str] | None = None,
    tolerance: float = TOLERANCE,
    sum_tolerance: float = TOLERANCE,
) -> Callable[[Any, Check], None]:
    """A test function for pytest, to be bound to a name that begins with ``test``.

    Args:
        components: Configured, unfitted components, or tokenizers.
        expected_failures: By the name of a check, why these components fail it. Such a check must fail.
        tolerance: How far apart two log-probabilities may be that ought to be equal: of the batch and the state
            machine, of a sentence alone and among others. 0 wants them equal to the last bit, as n-gram models are.
        sum_tolerance: How far from one the probabilities of all next words may sum.

    Raises:
        ValueError: no component, a fitted one, or an expected failure that names no check or gives no reason.
        TypeError: A component's kind has no kit.
    """
    import pytest

    if not components:
        raise ValueError("pass at least one component to check")
    expected = dict(expected_failures or {})
    cases, names = [], set()
    for component in components:
        subject = _subject(component, tolerance=tolerance, sum_tolerance=sum_tolerance)
        for check in checks_for(component):
            names.add(check.name)
            marks = []
            if check.name in expected:
                marks = [pytest.mark.xfail(reason=expected[check.name], strict=True)]
            cases.append(pytest.param(subject, check, id=f"{_label(component)}-{check.name}", marks=marks))
    for name, reason in expected.items():
        if name not in names:
            raise ValueError(f"these components have no check named {name!r}{suggestion(name, names)}")
        if not (isinstance(reason, str) and reason.strip()):
            raise ValueError(f"state why {name} is expected to fail")

    @pytest.mark.parametrize(("subject", "check"), cases)
    def test_conformance(subject: Any, check: Check) -> None:
        check.function(subject)

    function: Callable[[Any, Check], None] = test_conformance
    return function


def run_checks(
    component: Checked, *, tolerance: float = TOLERANCE, sum_tolerance: float = TOLERANCE
) -> list[CheckOutcome]:
    """Check one component or tokenizer.

    Args:
        component: A configured, unfitted component, or a tokenizer.
        tolerance: As for ``conformance``.
        sum_tolerance: As for ``conformance``.

    Returns:
        The outcome of each check that applies, in a fixed order. Whatever the component raises is an outcome.

    Raises:
        ValueError: the component is fitted.
        TypeError: Its kind has no kit.
    """
    subject = _subject(component, tolerance=tolerance, sum_tolerance=sum_tolerance)
    return [check.run(subject) for check in checks_for(component)]


def checks_for(component: Checked) -> list[Check]:
    """The checks that apply to a component or tokenizer, in a fixed order.

    Raises:
        TypeError: Its kind has no kit.
    """
    subject = _subject(component, tolerance=TOLERANCE, sum_tolerance=TOLERANCE)
    return [check for check in (*_kit(component), *_kit_of_training(component)) if check.applies(subject)]


def check_registered(name: str, kind: str, settings: Mapping[str, Any] | None = None) -> list[CheckOutcome]:
    """Check what the registry has under a name; what it prints goes to stderr.

    Args:
        name: Name of a component or tokenizer, or ``distribution:name``.
        kind: Its kind, as the registry's entries state it.
        settings: Hyper-parameters to check it with. Left out, the class's ``conformance_settings`` are used where it
            has them, and otherwise the defaults.

    Returns:
        The outcomes; none where it is no component's or tokenizer's kind.

    Raises:
        HyperParameterError: the settings do not suit the component.
        RegistryError: the name leads nowhere, or to something unusable.
    """
    if kind not in registry.GROUPS.values():
        return []
    with contextlib.redirect_stdout(sys.stderr):
        if kind == registry.TOKENIZER:
            return run_checks(_trained(registry.get_tokenizer(name)))
        cls = registry.get(name)
        chosen: Mapping[str, Any] = getattr(cls, "conformance_settings", {}) if settings is None else settings
        return run_checks(cls(**chosen))


def _trained(tokenizer: Any) -> Any:
    """Return a tokenizer that splits text, where it is one that is to be trained first."""
    from nlmkit.testing import data
    from nlmkit.text.subwords import UntrainedSubwords

    if isinstance(tokenizer, UntrainedSubwords):
        return tokenizer.trained(f"{line}\n" for line in data.plain_lines())
    return tokenizer


def _kit_of_kind(component: Checked) -> Any:
    """The module of the kit of a component's kind; None where it is of no kind that there is."""
    for kind in KINDS:
        if isinstance(component, kind.base_class()):
            return import_module(kind.kit_for(component))
    return None


def _kit(component: Checked) -> tuple[Check, ...]:
    if (own := _kit_of_kind(component)) is not None:
        checks: tuple[Check, ...] = own.CHECKS
        return checks
    if not isinstance(component, (Component, type)) and callable(getattr(component, "tokenize", None)):
        from nlmkit.testing import tokenizer

        return tokenizer.CHECKS
    if isinstance(component, type):
        raise TypeError(f"pass a component, not the class: {component.__name__}()")
    what = f"a {component.kind}" if isinstance(component, Component) else type(component).__name__
    raise TypeError(f"no conformance kit for {what}")


def _kit_of_training(component: Checked) -> tuple[Check, ...]:
    if not (isinstance(component, Component) and component.trains_in_steps):
        return ()
    from nlmkit.testing import training

    return tuple(training.CHECKS)


def _subject(component: Checked, **tolerances: float) -> Any:
    """What the checks of the component's kind take."""
    _kit(component)
    if not isinstance(component, Component):
        return component
    if component.is_fitted:
        raise ValueError(f"{_label(component)} is fitted: pass it unfitted, the checks fit it themselves")
    return _kit_of_kind(component).Subject(component, **tolerances)


def _label(component: Checked) -> str:
    """The component as its author wrote it, without what is default."""
    chosen = []
    if isinstance(component, Component):
        declared = component.hyper_parameters()
        chosen = [f"{k}={v!r}" for k, v in component.get_params().items() if v != declared[k].default]
    return f"{type(component).__name__}({', '.join(chosen)})"
