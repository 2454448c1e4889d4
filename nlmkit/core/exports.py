"""Lazy exports: names of a module that are imported from others on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def exports(module: dict[str, Any], homes: Mapping[str, tuple[str, ...]]) -> tuple[Callable[[str], Any], list[str]]:
    """Return ``__getattr__`` and ``__all__`` of a module with lazy exports.

    Args:
        module: The module's ``globals()``, which keep what was imported.
        homes: The names by the module that has them, or in which they are modules themselves.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {name!r}")
        home = import_module(home_of[name])
        module[name] = value = getattr(home, name) if hasattr(home, name) else import_module(f"{home_of[name]}.{name}")
        return value

    return get, sorted(home_of)
