"""Packages in source trees, made visible to nlmkit as ``pip install -e`` would, without pip and without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from toys.plugin_packages import write_package

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"


def project(source: Path) -> dict[str, Any]:
    """The table [project] of a package's pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def install(source: Path, site: Path) -> None:
    """Write a package's metadata, and links to its code in ``source``, into ``site``, a folder on ``sys.path``."""
    about = project(source)
    write_package(site, about["name"], groups=about["entry-points"], version=about["version"])
    for module in source.iterdir():
        if (module / "__init__.py").is_file():
            (site / module.name).symlink_to(module)


def missing_requirements(source: Path) -> list[str]:
    """What the package depends on and is not installed here."""
    names = [re.split(r"[<>=!~;\[ ]", requirement)[0] for requirement in project(source)["dependencies"]]
    missing = []
    for name in names:
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    return missing


def environment(*sites: Path) -> dict[str, str]:
    """Environment variables of a process that sees this nlmkit, and what is installed in the folders ``sites``.

    Plugins of pytest are left out, which take longer to start than many a package's tests.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NLMKIT", "PYTEST"))}
    places = [*map(str, sites), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return kept | own | {"PYTHONPATH": os.pathsep.join(places), "PATH": path}


def pytest_run(source: Path, site: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a package's own tests in a process of their own.

    Coverage is not measured there: nlmkit has tests of its own, and measuring would take half as long again.
    """
    variables = {name: value for name, value in environment(site).items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=source,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
