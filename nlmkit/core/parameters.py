"""Hyper-parameters: declared once, on a component's dataclass fields, and used everywhere.

The declaration (annotation, default, bounds, choices, one line of help) drives the constructor's validation,
``nlmkit show``, ``-p key=value`` and the manifest of a saved model.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
import operator
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import HyperParameterError

_LARGEST_BITS = 14_000  # of an integer: about the 4300 digits that Python reads


class Needs(NamedTuple):
    """Condition under which a hyper-parameter has an effect.

    Attributes:
        words: The condition, to be read after "it needs".
        holds: Whether it is met, from the component with its values.
    """

    words: str
    holds: Callable[[Any], bool]


def value_of(name: str, *values: str) -> Needs:
    """Return the condition that another hyper-parameter has one of some values."""
    return Needs(f"{name}={' or '.join(values)}", lambda component: getattr(component, name) in values)


def given(name: str) -> Needs:
    """Return the condition that another hyper-parameter is not none."""
    return Needs(name, lambda component: getattr(component, name) is not None)


def above(name: str, bound: float) -> Needs:
    """Return the condition that another hyper-parameter exceeds a bound."""
    return Needs(f"{name} above {bound:g}", lambda component: getattr(component, name) > bound)


def param(
    default: Any,
    *,
    help: str,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: tuple[Any, ...] | None = None,
    later: bool = False,
    needs: Needs | None = None,
) -> Any:
    """Declare a hyper-parameter as a field of a component's dataclass.

    Args:
        default: Default value; immutable.
        help: One line, shown by ``nlmkit show``.
        ge: Smallest allowed value (of every number in a tuple).
        gt: Value that must be exceeded.
        le: Largest allowed value.
        lt: Value that must not be reached.
        choices: The allowed values, where they are few.
        later: Whether a later release than the component's first added it. At its default, which keeps the meaning of
            models saved before, it is left out of saved models and checkpoints, whose digests so stay as they were.
        needs: Without which it has no effect; ``fit`` then refuses any value but the default, or the preset's.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    metadata = {
        "help": help,
        "choices": choices,
        "bounds": {k: v for k, v in bounds.items() if v is not None},
        "later": later,
        "needs": needs,
    }
    return dataclasses.field(default=default, metadata={"nlmkit": metadata})


@dataclasses.dataclass(frozen=True)
class HyperParameter:
    """One declared hyper-parameter of a component class."""

    name: str
    type: Any
    default: Any
    help: str
    bounds: Mapping[str, float]
    choices: tuple[Any, ...] | None
    later: bool = False
    needs: Needs | None = None

    @property
    def type_name(self) -> str:
        """Type annotation for display, for example ``int | None``."""
        return _type_name(self.type)

    @property
    def takes_components(self) -> bool:
        """Whether a value can be or contain another component."""
        return _mentions_components(self.type)

    @property
    def constraint(self) -> str:
        """Bounds or choices in words; empty if there are none."""
        if self.choices is not None:
            return "one of " + ", ".join(map(str, self.choices))
        signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
        return ", ".join(f"{signs[kind]} {bound:g}" for kind, bound in self.bounds.items())

    def check(self, value: Any) -> Any:
        """Return ``value`` validated; unchanged, except that lists become tuples, and mappings tuples of pairs.

        Raises:
            HyperParameterError: wrong type, out of bounds or not among the choices.
        """
        given, value = value, _freeze(value)
        if not _matches(value, self.type):
            wrong = given if isinstance(given, Mapping) else value
            raise HyperParameterError(f"{self.name} must be {self.type_name}, not {shown(wrong)}")
        if self.choices is not None and value not in self.choices:
            near = suggestion(value, map(str, self.choices)) if isinstance(value, str) else ""
            raise HyperParameterError(f"{self.name} must be {self.constraint}, not {shown(value)}{near}")
        for number in _numbers(value):
            if not isinstance(number, numbers.Integral) and not math.isfinite(number):
                raise HyperParameterError(f"{self.name} must be a finite number, not {number!r}")
            if not _within(number, self.bounds):
                raise HyperParameterError(f"{self.name} must be {self.constraint}, not {shown(number)}")
            if isinstance(number, numbers.Integral):
                self._check_size(int(number))
        return value

    def _check_size(self, number: int) -> None:
        """Raise an error for an integer that would overflow as a float or be too long for the manifest."""
        if number.bit_length() > _LARGEST_BITS:
            raise HyperParameterError(f"{self.name} must be a number with fewer digits, not {shown(number)}")
        if abs(number) > sys.float_info.max and not _mentions(self.type, int):
            raise HyperParameterError(f"{self.name} must be a finite number, not {shown(number)}")


def shown(value: Any, most: int = 200) -> str:
    """A value for a one-line message, truncated if it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python's limit on the digits of an integer
        return "a value with thousands of digits"
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def to_json(value: Any) -> Any:
    """A hyper-parameter's value as JSON types (tuples become lists, NumPy scalars numbers, components descriptions)."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if hasattr(value, "description"):
        return value.description()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def resolve_types(cls: type) -> dict[str, Any]:
    """Return the evaluated annotations of ``cls``'s dataclass fields, base classes included.

    Only the fields' annotations are looked at, so a class may annotate fitted state with names that exist for
    the type checker alone.
    """
    hints: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        # A subclass inherits the very Field object: the first class of the hierarchy that has it declared it, and
        # the annotation is to be read with that class's module.
        owner = next(base for base in reversed(cls.__mro__) if _fields_of(base).get(field.name) is field)
        holder = types.SimpleNamespace(__annotations__={field.name: field.type})
        hints |= typing.get_type_hints(holder, globalns=vars(sys.modules[owner.__module__]))
    return hints


def groups(cls: Any) -> dict[str, str]:
    """Return a title for each hyper-parameter of ``cls``, by name: the topic of the class that declares it first.

    ``OptimizationOptions`` gives ``Optimization``; what only the component itself has, goes under its name.
    """
    found = {}
    for name in cls.hyper_parameters():
        first = next(base for base in reversed(cls.__mro__) if name in _fields_of(base))
        found[name] = _title(first)
    return found


def _title(cls: Any) -> str:
    if "name" in vars(cls):
        return str(cls.name)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub("(Options|Limits)$", "", cls.__name__)).lower()
    return words[:1].upper() + words[1:]


def _fields_of(cls: type) -> Mapping[str, dataclasses.Field[Any]]:
    fields: Mapping[str, dataclasses.Field[Any]] = vars(cls).get("__dataclass_fields__", {})
    return fields


def _freeze(value: Any) -> Any:
    """Convert lists to tuples, and mappings to tuples of pairs; a value without either is returned unchanged (same
    object), as ``clone`` of scikit-learn checks."""
    if isinstance(value, Mapping):
        value = tuple(value.items())
    if not isinstance(value, (list, tuple)):
        return value
    frozen = tuple(map(_freeze, value))
    return value if isinstance(value, tuple) and all(map(operator.is_, frozen, value)) else frozen


def _numbers(value: Any) -> Iterable[float]:
    if isinstance(value, tuple):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, numbers.Real) and not isinstance(value, bool):
        yield float(value) if isinstance(value, float) else typing.cast(float, value)


def _within(number: float, bounds: Mapping[str, float]) -> bool:
    return (
        ("ge" not in bounds or number >= bounds["ge"])
        and ("gt" not in bounds or number > bounds["gt"])
        and ("le" not in bounds or number <= bounds["le"])
        and ("lt" not in bounds or number < bounds["lt"])
    )


def _matches(value: Any, hint: Any) -> bool:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return any(_matches(value, option) for option in args)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(args) == 2 and args[1] is Ellipsis:
            return all(_matches(item, args[0]) for item in value)
        return len(value) == len(args) and all(map(_matches, value, args))
    if isinstance(value, bool):  # which Python counts among the integers
        return hint is bool
    return isinstance(value, {int: numbers.Integral, float: numbers.Real, None: type(None)}.get(hint, hint))


def _mentions_components(hint: Any) -> bool:
    # By what every component class has: nlmkit.core.component, which has the class itself, imports this module.
    return hasattr(hint, "hyper_parameters") or any(map(_mentions_components, typing.get_args(hint)))


def _mentions(hint: Any, cls: type) -> bool:
    return hint is cls or any(_mentions(argument, cls) for argument in typing.get_args(hint))


def _type_name(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " | ".join(map(_type_name, args))
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            item = _type_name(args[0])
            return f"list of ({item})" if " | " in item else f"list of {item}"
        return f"list of {len(args)} ({', '.join(map(_type_name, args))})"
    return "none" if hint in (None, type(None)) else hint.__name__
