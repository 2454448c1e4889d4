"""Lookup of plugins' tokenizers by name, through the registry.

Nothing in this package imports the registry. Whoever imports both, which is the top of nlmkit, says once how a name is
looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nlmkit.errors import UnknownComponentError

if TYPE_CHECKING:
    from nlmkit.text.tokenizers import Tokenizer

_lookups: list[Callable[[str], Tokenizer]] = []


def look_up_with(lookup: Callable[[str], Tokenizer]) -> None:
    """Set the lookup function of ``tokenizer_called``, replacing the previous one."""
    _lookups[:] = [lookup]


def tokenizer_called(name: str) -> Tokenizer:
    """Return the tokenizer of a plugin.

    Raises:
        UnknownComponentError: No tokenizer has the name.
        PluginError: A plugin has it, and cannot be loaded.
    """
    if not _lookups:
        raise UnknownComponentError(f"no tokenizer named {name!r}: only the built-in ones are known here")
    return _lookups[-1](name)
