"""Installed packages that exist only for a test: a module, and the metadata that a package manager would leave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_package(
    folder: Path,
    name: str,
    *,
    groups: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str] | None = None,
    version: str = "1.0",
) -> Path:
    """Write ``NAME-VERSION.dist-info`` and the modules' source into ``folder``, which is to be put on ``sys.path``."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    lines = []
    for group, points in groups.items():
        lines += [f"[{group}]", *(f"{point} = {value}" for point, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for module, source in (modules or {}).items():
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
    return metadata


def model_source(
    name: str,
    *,
    base: str = "LanguageModel",
    body: str = "",
    before: str = "",
    decorator: str = "@dataclasses.dataclass(kw_only=True)",
) -> str:
    """Source of a module with one component class ``Model``."""
    return f"""
import dataclasses
from nlmkit.core.component import Component
from nlmkit.language_models.base import LanguageModel
from nlmkit.core.parameters import param
{before}

{decorator}
class Model({base}):
    "A model of a test."
    name = {name!r}
{body or "    pass"}
"""
