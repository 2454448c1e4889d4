"""Descriptions of components in JSON, where a component is a hyper-parameter of another, made components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nlmkit.core import registry
from nlmkit.errors import HyperParameterError, RegistryError

_DESCRIPTION: Final = frozenset({"component", "hyper_parameters", "digest"})


def built(value: Any) -> Any:
    """``value`` with every description (``Component.description``) in it made a component, not fitted.

    A value without descriptions is returned unchanged (same object).

    Raises:
        HyperParameterError: a mapping is no description, or describes a component that is fitted.
    """
    if isinstance(value, Mapping):
        return _from_description(value)
    if isinstance(value, (tuple, list)):
        items = tuple(map(built, value))
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def _from_description(value: Mapping[str, Any]) -> Any:
    name, parameters = value.get("component"), value.get("hyper_parameters", {})
    if not isinstance(name, str) or not isinstance(parameters, Mapping) or value.keys() - _DESCRIPTION:
        wanted = '{"component": NAME, "hyper_parameters": {...}}'
        raise HyperParameterError(f"a component is described as {wanted}, not as {str(dict(value))[:80]}")
    if value.get("digest") is not None:
        raise HyperParameterError(
            f"a description of a fitted {name} contains no model: pass the model itself, as returned by load"
        )
    try:
        return registry.get(name)(**parameters)
    except RegistryError as error:
        raise HyperParameterError(str(error)) from error
    except TypeError as error:  # a key such as "cls"
        raise HyperParameterError(f"wrong hyper-parameters for {name}: {error}") from error
