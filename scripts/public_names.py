"""Write the public names for type checkers: ``nlmkit/__init__.pyi`` and ``nlmkit/plugin.pyi``.

Run ``python scripts/public_names.py`` after a change of ``_HOMES`` in either module; a test says when that is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import nlmkit
import nlmkit.plugin

PACKAGE = Path(nlmkit.__file__).parent


def stub(module: str, homes: Mapping[str, tuple[str, ...]], more: tuple[str, ...] = ()) -> str:
    """Return the text of a stub.

    Args:
        module: Where ``homes`` is.
        homes: Public names by the module that has them.
        more: Further names, each a string.
    """
    lines = [f"# Written by scripts/public_names.py from _HOMES in {module}."]
    for home, names in sorted(homes.items()):
        lines += [f"from {home} import {name} as {name}" for name in sorted(names)]
    lines += [f"{name}: str" for name in more]
    public = sorted([*(name for names in homes.values() for name in names), *more])
    return "\n".join([*lines, "__all__ = [", *(f'    "{name}",' for name in public), "]", ""])


def stubs() -> dict[Path, str]:
    """Return the text of each stub by its file."""
    return {
        PACKAGE / "__init__.pyi": stub("__init__.py", nlmkit._HOMES, ("__version__",)),
        PACKAGE / "plugin.pyi": stub("plugin.py", nlmkit.plugin._HOMES),
    }


if __name__ == "__main__":
    for file, text in stubs().items():
        file.write_text(text, encoding="utf-8", newline="\n")
