"""New plugin packages: what ``nlmkit plugins new`` writes.

The files under ``template`` are the one source: the example package ``nlmkit-template`` in the repository is what they
give. ``{{word}}`` stands for a fact about the package; each file has ``.txt`` after its name, so that nothing takes
it for code before it is filled in.
"""

from __future__ import annotations

import dataclasses
import keyword
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from nlmkit.core import kinds, registry
from nlmkit.errors import DataError, HyperParameterError

_TEMPLATE: Final = Path(__file__).parent / "template"
_PREFIX: Final = "nlmkit-"
_BLANK: Final = re.compile(r"\{\{(\w+)\}\}")


@dataclasses.dataclass(frozen=True)
class _Template:
    """What the template of a kind is filled in with, and where it is."""

    kind: str
    group: str
    folder: Path

    @property
    def in_words(self) -> str:
        return self.kind.replace("-", " ")

    @property
    def file(self) -> str:
        return self.kind.replace("-", "_")

    @property
    def summary(self) -> str:
        return (self.folder / "summary.txt").read_text(encoding="utf-8").strip()


_DEFAULT: Final = "language-model"
_TEMPLATES: Final = {
    **{kind.name: _Template(kind.name, kind.group, _TEMPLATE / kind.template) for kind in kinds.KINDS},
    registry.TOKENIZER: _Template(registry.TOKENIZER, "nlmkit.tokenizers", _TEMPLATE / "tokenizer"),
}

KINDS: Final = tuple(sorted(_TEMPLATES, key=lambda kind: kind != _DEFAULT))
"""What a new package can hold."""


@dataclasses.dataclass(frozen=True)
class NewPlugin:
    """A package that was written.

    Attributes:
        folder: Where it is.
        package: Name of the distribution.
        kind: What it holds.
        name: Name of the component or tokenizer.
        module: Name of the Python package.
        class_name: Name of the class.
        files: What was written, relative to the folder.
    """

    folder: Path
    package: str
    kind: str
    name: str
    module: str
    class_name: str
    files: tuple[str, ...]


def new_plugin(package: str, kind: str = _DEFAULT, folder: str | os.PathLike[str] | None = None) -> NewPlugin:
    """Write a working package with one component and its tests.

    Args:
        package: Name of the package. The component is called like it, without ``nlmkit-`` in front.
        kind: One of ``KINDS``.
        folder: Where to; a folder of the package's name where this is run, if left out.

    Raises:
        HyperParameterError: The name cannot be used, or the kind is unknown.
        DataError: the folder is there and not empty, or cannot be written.
    """
    if kind not in _TEMPLATES:
        raise HyperParameterError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    module = re.sub(r"[-.]+", "_", package).lower()
    name = package.lower().removeprefix(_PREFIX)
    _check_names(package, module, name, kind)
    class_name = "".join(part[:1].upper() + part[1:] for part in re.split(r"[-._]+", name))
    if not class_name.isidentifier() or keyword.iskeyword(class_name):
        class_name = f"Plugin{class_name}"
    about = _TEMPLATES[kind]
    facts = {
        "package": package,
        "module": module,
        "name": name,
        "class": class_name,
        "kind": kind,
        "kind_in_words": about.in_words,
        "file": about.file,
        "group": about.group,
        "summary": about.summary,
    }
    files = {path: _filled(source, facts) for path, source in _sources(about, module).items()}
    target = Path(folder) if folder is not None else Path(package)
    _write(target, files)
    return NewPlugin(target, package, kind, name, module, class_name, tuple(files))


def _check_names(package: str, module: str, name: str, kind: str) -> None:
    if not registry.NAME.fullmatch(package):
        raise HyperParameterError(
            f"{package!r} is not a valid package name: it must start and end with a letter or digit (a-z, 0-9), with "
            f". _ - in between"
        )
    if not module.isidentifier() or keyword.iskeyword(module):
        raise HyperParameterError(
            f"{package!r} would be the Python module {module!r}, which is not a valid module name: try another"
        )
    if module in sys.stdlib_module_names or module == "nlmkit":
        raise HyperParameterError(f"{package!r} would hide the Python module {module!r}: try my-{package}")
    if not registry.NAME.fullmatch(name):
        raise HyperParameterError(f"{package!r} leaves no name for the component: try nlmkit-NAME")
    for entry in registry.entries():
        if entry.builtin and entry.name == name and (entry.kind == registry.TOKENIZER) == (kind == registry.TOKENIZER):
            raise HyperParameterError(f"nlmkit itself has a {entry.kind} named {name!r}, which wins: try my-{name}")


def _sources(about: _Template, module: str) -> dict[str, Path]:
    """Where each file of the package comes from, by its place there."""
    common, own, file = _TEMPLATE / "common", about.folder, about.file
    return {
        "pyproject.toml": common / "pyproject.toml.txt",
        "README.md": common / "README.md.txt",
        "LICENSE": common / "LICENSE.txt",
        ".gitignore": common / "gitignore.txt",
        f"{module}/__init__.py": common / "init.py.txt",
        f"{module}/{file}.py": own / "component.py.txt",
        f"tests/test_{file}.py": own / "test.py.txt",
    }


def _filled(source: Path, facts: Mapping[str, str]) -> str:
    return _BLANK.sub(lambda match: facts[match[1]], source.read_text(encoding="utf-8"))


def _write(target: Path, files: Mapping[str, str]) -> None:
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise DataError("already exists, so nothing was written: choose another", source=str(target))
        for name, text in files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror})", source=str(error.filename or target)) from None
