"""Optional packages: imported where they are needed, with one message where they are missing."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Final

from nlmkit.errors import NlmkitError

_TITLES: Final[Mapping[str, str]] = {"torch": "PyTorch", "sklearn": "scikit-learn", "scipy": "SciPy"}


def require(module: str, *, extra: str, who: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: Its full name, such as ``scipy.sparse``.
        extra: The extra of nlmkit that installs the package; or, of a plugin, what follows ``pip install``.
        who: What needs it, as the beginning of a sentence.

    Returns:
        The module.

    Raises:
        NlmkitError: the package is not installed. An error of a package that is installed, such as a module that it
            lacks in turn, is raised as it is.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        what = extra if extra.startswith(package) else f"'nlmkit[{extra}]'"
        raise NlmkitError(f"{who} needs {_TITLES.get(package, package)}: pip install {what}") from None
