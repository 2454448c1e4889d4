"""CONTRIBUTING.md, done as it says: its example runs. What it and ARCHITECTURE.md name is there."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from plugins.source_packages import install, pytest_run

from nlmkit.cli.group import nlmkit

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HOUSE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.S)
SETTING_UP, TESTING, NEW, MODEL, TESTS, USE = (block for _, block in BLOCKS)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example's package, installed, in whose folder the commands run; its modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    new, folder, _, _ = NEW.splitlines()
    in_process(new)
    package = tmp_path / folder.removeprefix("cd ")
    for block in (MODEL, TESTS):
        name = re.match(r"# (\S+)\n", block)
        assert name, f"no file's name in front of\n{block}"
        assert (package / name[1]).is_file(), "the example replaces files of the new package, and adds none"
        (package / name[1]).write_text(block, encoding="utf-8")
    install(package, tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.chdir(package)
    before = set(sys.modules)
    yield package
    for module in set(sys.modules) - before:
        if module.startswith("my_unigram"):
            del sys.modules[module]
    importlib.invalidate_caches()


def in_process(command: str) -> str:
    """Run an ``nlmkit`` command without a process of its own, which takes a second to start."""
    program, *args = shlex.split(command)
    assert program == "nlmkit", command
    result = CliRunner().invoke(nlmkit, args, prog_name="nlmkit")
    assert result.exit_code == 0, f"{command}\n{result.output}"
    return result.stdout


def test_the_example_keeps_the_contract_and_can_be_used(package: Path) -> None:
    tests, *commands = USE.splitlines()
    assert tests == "pytest"
    done = pytest_run(package, package.parent / "site")
    assert done.returncode == 0, done.stdout[-3000:]
    outputs = [in_process(command) for command in commands]
    assert len(outputs) == 3
    assert re.search(r"perplexity +[1-9][0-9]", outputs[-1])


def test_setting_up_and_testing_are_what_the_readme_and_ci_do() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    both = SETTING_UP.strip().replace("\n", " && ")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    fast, whole, ruff, *others, last = TESTING.splitlines()
    assert f"{both} && {whole}\n" in readme
    assert (fast, last) == ('pytest -m "not slow"', ".ci/run")
    for command in (*ruff.split(" && "), *others):
        assert f"\n{command}\n" in ci


def test_what_the_guide_names_exists() -> None:
    places = set(re.findall(r"\]\((?!http)([^)#]+)\)", GUIDE))
    places |= {place for place in re.findall(r"`((?:nlmkit|tests|benchmarks)/[\w./]*)`", GUIDE) if "NAME" not in place}
    places -= {"nlmkit/language_models/my_unigram.py"}
    assert len(places) > 8
    for place in places:
        assert (ROOT / place).exists(), place


def test_what_the_picture_of_the_rooms_names_exists() -> None:
    """Files and folders, from the root or from nlmkit/; a bare file name is somewhere in nlmkit/."""
    package = ROOT / "nlmkit"
    places = set(re.findall(r"`([\w./]+(?:\.py|/))`", HOUSE)) | set(re.findall(r"\]\((?!http)([^)#]+)\)", HOUSE))
    assert len(places) > 50
    for place in sorted(place for place in places if "KIND" not in place):
        found = (ROOT / place).exists() or (package / place).exists()
        assert found or ("/" not in place.rstrip("/") and list(package.rglob(place.rstrip("/")))), place


def test_the_picture_of_the_rooms_shows_every_room() -> None:
    picture = re.findall(r"```text\n(.*?)```", HOUSE, re.S)[0]
    rooms = {path.name for path in (ROOT / "nlmkit").iterdir() if (path / "__init__.py").is_file()}
    assert {room for room in rooms if not re.search(rf"\b{room}/", picture)} == set()


def test_every_toy_is_described() -> None:
    toys = ROOT / "tests" / "toys"
    described = set(re.findall(r"``(\w+)``", (toys / "__init__.py").read_text(encoding="utf-8"))) - {"Bigram"}
    assert described == {path.stem for path in toys.glob("[a-z]*.py")}


def test_the_workflow_checks_what_ci_checks() -> None:
    """GitHub's lint job gives the answer of the last lines of .ci/run sooner; the whole of .ci/run is a job, too."""
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    lint = workflow.partition("\n  lint:\n")[2]
    commands = re.findall(r"^(?:ruff|mypy|mkdocs)\b.*$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.M)
    assert len(commands) == 6
    for command in commands:
        assert f"- run: {command}\n" in lint
    assert "- run: .ci/run\n" in workflow
    assert workflow.count("os: [ubuntu-latest, macos-latest, windows-latest]") == 2  # with all extras, with none
    assert workflow.count('python: ["3.11", "3.12", "3.13"]') == 2
