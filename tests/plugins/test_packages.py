"""The packages under plugins/: each passes its own tests, where what it needs is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nlmkit.cli.group import nlmkit
from nlmkit.core.registry import GROUPS, NAME
from plugins.source_packages import PLUGINS, install, missing_requirements, project, pytest_run

PACKAGES = sorted(path.name for path in PLUGINS.iterdir() if (path / "pyproject.toml").is_file())


def test_the_packages_are_those_of_the_guide() -> None:
    guide = (PLUGINS / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| \[(nlmkit-\w+)\]\((nlmkit-\w+)\)", guide, re.M)
    assert sorted(named) == [(name, name) for name in PACKAGES]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_whole(name: str) -> None:
    """It says who it is, needs nlmkit, has a licence and tests, and its entry points are named as nlmkit wants them."""
    source = PLUGINS / name
    about = project(source)
    assert about["name"] == name
    assert about["license"] == "MIT"
    assert (source / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert name in (source / "README.md").read_text(encoding="utf-8")
    assert any(requirement.startswith("nlmkit") for requirement in about["dependencies"])
    assert list((source / "tests").glob("test_*.py"))
    assert about["entry-points"]
    for group, points in about["entry-points"].items():
        assert group in GROUPS
        assert all(NAME.fullmatch(point) for point in points)


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_passes_its_own_tests(name: str, tmp_path: Path) -> None:
    source = PLUGINS / name
    if missing := missing_requirements(source):
        pytest.skip(f"{name} needs {', '.join(missing)}: pip install {' '.join(missing)}")
    install(source, tmp_path)
    done = pytest_run(source, tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_the_command_is_documented() -> None:
    plugins = nlmkit.get_command(None, "plugins")  # type: ignore[arg-type]
    assert "new" in plugins.commands  # type: ignore[union-attr]
