"""The guide for plugin authors, done as it says: its commands and code run, in its own order, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from plugins.source_packages import PLUGINS, environment, install

GUIDE = (PLUGINS / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python|toml)\n(.*?)```", GUIDE, re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide")


@pytest.mark.slow
def test_every_block_runs(folder: Path) -> None:
    site = folder / "site"
    package = folder / "my-bigram"
    for language, block in BLOCKS:
        if language == "python":
            name = re.match(r"# (\S+)\n", block)
            assert name, f"no file's name in front of\n{block}"
            (package / name[1]).write_text(block, encoding="utf-8")
        elif language == "toml":
            assert block in (package / "pyproject.toml").read_text(encoding="utf-8")
        else:
            lines = block.splitlines()
            if any(line.startswith("pip install") for line in lines):
                run("\n".join(lines[: lines.index("cd my-bigram")]), folder, site)
                install(package, site)  # what the command does, without pip
                lines = [line for line in lines[lines.index("cd my-bigram") + 1 :] if "pip install" not in line]
            run("\n".join(lines), package, site)


def run(commands: str, folder: Path, site: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=environment(site) | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"


def test_a_model_of_ones_own_takes_no_more_than_fifty_lines() -> None:
    """The model and its tests, without blank lines."""
    model, tests = [block for language, block in BLOCKS if language == "python"][:2]
    for block, limit in ((model, 50), (tests, 15)):
        assert len([line for line in block.splitlines() if line.strip()]) <= limit


def test_paths_in_the_guide_exist() -> None:
    for place in re.findall(r"\]\((?!http)([^)]+)\)", GUIDE):
        assert os.path.exists(PLUGINS / place), place
