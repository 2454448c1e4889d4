"""Parts of ``fit`` and ``score`` that depend on the kind of component, one module per kind."""

from __future__ import annotations

from importlib import import_module

from nlmkit.cli.kinds.part import Part
from nlmkit.core.kinds import KINDS, Kind


def part_of(kind: Kind) -> Part:
    """Return the part of the command line that deals with a kind."""
    part: Part = import_module(kind.cli).PART
    return part


def all_parts() -> list[Part]:
    """Return the parts of all kinds, in the order of listing."""
    return [part_of(kind) for kind in KINDS]
