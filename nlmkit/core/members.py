"""Components as hyper-parameters of other components: where they stand, and how JSON speaks of them.

A mixture's models, a cache's model, the representation that a neural model reads: each is an ordinary value of a
hyper-parameter whose type is a class of components, and each has a *place* in its owner, such as ``model`` or
``models.0``. This module imports neither NumPy nor any model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from nlmkit.core.component import Component
from nlmkit.errors import HyperParameterError, RegistryError

MAX_NESTING: Final = 8
"""How many components may stand inside one another, the outermost included."""

PLACE: Final = re.compile(r"[^\W\d]\w*(?:\.\d+)*", re.ASCII)
"""What a place looks like: a name, then an index for each list that is entered."""


def members(component: Component) -> dict[str, Component]:
    """The components among the values of the hyper-parameters, by place; not those inside them."""
    return {
        place: member
        for name, value in component.get_params(deep=False).items()
        for place, member in _components_in(value, name)
    }


def check_nesting(owner: Component, name: str, value: Any) -> None:
    """Refuse a value of the hyper-parameter ``name`` that would make ``owner`` a part of itself, or nest too deep.

    Raises:
        HyperParameterError: it would.
    """
    level = [member for _, member in _components_in(value, name)]
    for _ in range(MAX_NESTING - 1):
        if any(member is owner for member in level):
            raise HyperParameterError(f"{name}: {owner.name} cannot be a part of itself")
        level = [inner for member in level for inner in members(member).values()]
        if not level:
            return
    raise HyperParameterError(f"{name}: more than {MAX_NESTING} components inside one another")


def built(value: Any) -> Any:
    """``value`` with every description (:meth:`Component.description`) in it made a component, not fitted.

    A value without descriptions stays the very object.

    Raises:
        HyperParameterError: a mapping is no description, or describes a component that is fitted.
    """
    if isinstance(value, Mapping):
        return _from_description(value)
    if isinstance(value, tuple):
        items = tuple(map(built, value))
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def put(values: dict[str, Any], place: str, value: Any) -> None:
    """Set what stands at ``place`` of JSON-ready hyper-parameters.

    Raises:
        LookupError: there is no such place.
    """
    name, *indices = place.split(".")
    inside: Any = values
    step: Any = name
    try:
        for index in indices:
            inside, step = inside[step], int(index)
            if not isinstance(inside, list):
                raise LookupError
        _ = inside[step]
    except LookupError:
        raise LookupError(place) from None
    inside[step] = value


def _components_in(value: Any, place: str) -> Iterator[tuple[str, Component]]:
    if isinstance(value, Component):
        yield place, value
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _components_in(item, f"{place}.{index}")


def _from_description(value: Mapping[str, Any]) -> Component:
    from nlmkit.core import registry

    name, parameters = value.get("component"), value.get("hyper_parameters", {})
    if not isinstance(name, str) or not isinstance(parameters, Mapping) or value.keys() - _DESCRIPTION:
        wanted = '{"component": NAME, "hyper_parameters": {...}}'
        raise HyperParameterError(f"a component is described as {wanted}, not as {str(dict(value))[:80]}")
    if value.get("digest") is not None:
        raise HyperParameterError(
            f"a description of a fitted {name} holds no model: give the model itself, as load returns it"
        )
    try:
        return registry.get(name)(**parameters)
    except RegistryError as error:
        raise HyperParameterError(str(error)) from error
    except TypeError as error:  # a key such as "cls"
        raise HyperParameterError(f"wrong hyper-parameters for {name}: {error}") from error


_DESCRIPTION: Final = frozenset({"component", "hyper_parameters", "digest"})
