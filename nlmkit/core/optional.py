"""Import of optional packages, with a uniform error if they are missing."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Final

from nlmkit.errors import NlmkitError

_TITLES: Final[Mapping[str, str]] = {
    "torch": "PyTorch",
    "nltk": "NLTK",
    "sklearn": "scikit-learn",
    "scipy": "SciPy",
    "pycrfsuite": "python-crfsuite",
    "distributed": "Dask",
    "jinja2": "Jinja2",
}

_OWN_EXTRAS: Final = frozenset({"distributed", "nltk", "pandas"})
"""Extras of nlmkit that have the name of a package."""


def require(module: str, *, extra: str, who: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: Full name, such as ``scipy.sparse``.
        extra: Extra of nlmkit that installs the package; for a plugin, the arguments of ``pip install``.
        who: Feature that requires it, as the beginning of a sentence.

    Returns:
        The module.

    Raises:
        NlmkitError: The package is not installed. Errors of an installed package, such as a missing dependency, are
            propagated.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        is_own = extra in _OWN_EXTRAS or not extra.startswith(package)
        what = f"'nlmkit[{extra}]'" if is_own else extra
        raise NlmkitError(f"{who} needs {_TITLES.get(package, package)}: pip install {what}") from None
