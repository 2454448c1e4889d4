"""Fixtures: a plugin with toy models, the command line in this process, and as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from toys.command_line import ENTRY_POINTS
from toys.frequent_tagger import ENTRY_POINTS as TAGGERS
from toys.plugin_packages import write_package
from toys.translators import ENTRY_POINTS as TRANSLATORS

from nlmkit.cli.group import nlmkit

Run = Callable[..., Result]

TESTS = Path(__file__).parents[1]
TRAIN = "the cat sat on the mat\nthe dog sat\n\n猫 坐 在 垫子 上\nthe cat ran\n"
TEST = "the dog ran\n猫 ran away\n"


@pytest.fixture(autouse=True, scope="package")
def toy_plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the plugin's metadata, on ``sys.path`` for all tests here."""
    folder = tmp_path_factory.mktemp("toy-plugin")
    write_package(folder, "nlmkit-toy", groups=ENTRY_POINTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.fixture(scope="module")
def toy_tagger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the metadata of a plugin with a toy tagger, on ``sys.path`` for a module of tests."""
    folder = tmp_path_factory.mktemp("toy-tagger")
    write_package(folder, "nlmkit-toy-tagger", groups=TAGGERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.fixture(scope="module")
def toy_translators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the metadata of a plugin with toy translators, on ``sys.path`` for a module of tests."""
    folder = tmp_path_factory.mktemp("toy-translators")
    write_package(folder, "nlmkit-toy-translators", groups=TRANSLATORS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the user's, and a working directory of the test's own."""
    for name in [name for name in os.environ if name.startswith("NLMKIT") or name == "COLUMNS"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run() -> Run:
    """Run the command line in this process: ``run("fit", "ngram", ...)``."""

    def invoke(*args: str | Path, code: int = 0, **options: Any) -> Result:
        result = CliRunner().invoke(nlmkit, [str(arg) for arg in args], prog_name="nlmkit", **options)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return invoke


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if standard input were a terminal for the command line in this process."""
    monkeypatch.setattr(
        "click.testing._NamedTextIOWrapper.isatty", lambda stream: stream.name == "<stdin>", raising=False
    )


@pytest.fixture
def environment(toy_plugin: Path) -> dict[str, str]:
    """Environment variables of a process that finds nlmkit and the plugin, and buffers its output as users' do."""
    places = [str(toy_plugin), str(TESTS), str(TESTS.parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        "PYTHONPATH": os.pathsep.join(filter(None, places)),
    }


@pytest.fixture
def process(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run the command line as a process of its own; stdout and stderr are bytes."""

    def execute(
        *args: str | bytes | Path, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "nlmkit", *args],
            env=environment | (env or {}),
            capture_output=True,
            timeout=60,
            check=False,
            **options,
        )

    return execute


@pytest.fixture(scope="package")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``train.txt`` and ``test.txt``."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "train.txt").write_text(TRAIN, encoding="utf-8")
    (folder / "test.txt").write_text(TEST, encoding="utf-8")
    return folder


@pytest.fixture(scope="package")
def model(toy_plugin: Path, texts: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved ``toy-recency``, fitted to ``train.txt``."""
    from toys.command_line import Recency

    folder = tmp_path_factory.mktemp("models") / "recency"
    Recency().fit(texts / "train.txt").save(folder)
    return str(folder)
