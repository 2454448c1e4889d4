"""A component's place in the registry, given for the length of a check to one that is not installed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nlmkit.core import registry
from nlmkit.core.entries import Entry
from nlmkit.core.kinds import kind_of
from nlmkit.errors import PluginError
from nlmkit.testing.checks import require

if TYPE_CHECKING:
    from nlmkit.core.component import Component

DISTRIBUTION = "nlmkit-conformance"
"""Name of the package that exists while an uninstalled component is saved and loaded."""


def declarations_of(cls: type) -> Iterator[Entry]:
    """What installed packages declare that leads to ``cls``, under whatever name and kind."""
    package = cls.__module__.partition(".")[0]
    for entry in registry.entries():
        if entry.value.strip().partition(":")[0].partition(".")[0] == package:
            # What cannot be imported is another declaration's fault, and `nlmkit plugins check` says so.
            with contextlib.suppress(ImportError, AttributeError, ValueError):
                if importlib.metadata.EntryPoint(entry.name, entry.value, "").load() is cls:
                    yield entry


@contextlib.contextmanager
def registered(cls: type[Component]) -> Iterator[None]:
    """Let saving and loading find ``cls``, also while its author has not declared it in an installed package yet."""
    if _is_registered(cls):
        yield
        return
    require(
        "<locals>" not in cls.__qualname__,
        f"{cls.__qualname__} is defined inside a function, where loading cannot find it: move it to a module's top",
    )
    group = kind_of(cls).group
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as undo:
        metadata = Path(folder) / f"{DISTRIBUTION.replace('-', '_')}-0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 0\n", "utf-8")
        points = f"[{group}]\n{cls.name} = {cls.__module__}:{cls.__qualname__}\n"
        (metadata / "entry_points.txt").write_text(points, "utf-8")
        sys.path.insert(0, folder)
        undo.callback(sys.path.remove, folder)
        if (allowed := os.environ.get(registry.SWITCH)) is not None:
            os.environ[registry.SWITCH] = f"{allowed},{DISTRIBUTION}"
            undo.callback(os.environ.__setitem__, registry.SWITCH, allowed)
        yield


def _is_registered(cls: type[Component]) -> bool:
    try:
        registry.entry_of(cls)
    except PluginError:
        return False
    return True
