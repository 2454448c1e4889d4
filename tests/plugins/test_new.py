"""``nlmkit plugins new``: every kind of package it writes works, and bad names are refused."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nlmkit.cli.group import nlmkit
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.scaffold import KINDS, new_plugin
from plugins.source_packages import PLUGINS, environment, install, pytest_run


def run(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(nlmkit, ["plugins", "new", *args], prog_name="nlmkit")
    assert result.exit_code == code, result.output
    return result


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_own_tests(kind: str, tmp_path: Path) -> None:
    made = new_plugin(f"my-{kind}", kind, tmp_path / "package")
    site = tmp_path / "site"
    install(made.folder, site)
    done = pytest_run(made.folder, site)
    assert done.returncode == 0, done.stdout[-3000:]
    checked = subprocess.run(
        [sys.executable, "-m", "nlmkit", "plugins", "check", f"my-{kind}", "--json"],
        env=environment(site),
        capture_output=True,
        text=True,
        check=False,
    )
    (result,) = json.loads(checked.stdout)
    assert (result["ok"], result["kind"], result["reason"]) == (True, kind, "")
    assert result["checks"]
    assert all(check["passed"] for check in result["checks"])
    assert checked.returncode == 0


@pytest.mark.slow
def test_a_new_package_passes_before_it_is_installed(tmp_path: Path) -> None:
    made = new_plugin("nlmkit-fresh", "tokenizer", tmp_path / "package")
    done = pytest_run(made.folder, tmp_path / "nowhere")
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_example_package_is_what_the_template_gives(tmp_path: Path) -> None:
    """One source: regenerate plugins/nlmkit-template with `nlmkit plugins new nlmkit-template` if this fails."""
    made = new_plugin("nlmkit-template", folder=tmp_path / "new")
    for file in made.files:
        assert (PLUGINS / "nlmkit-template" / file).read_text(encoding="utf-8") == (made.folder / file).read_text(
            encoding="utf-8"
        ), file
    assert {path.name for path in (PLUGINS / "nlmkit-template").iterdir()} >= {
        file.split("/")[0] for file in made.files
    }


def test_what_is_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("Nlmkit.My_Model")
    assert "Nlmkit.My_Model/nlmkit_my_model/language_model.py\n" in result.stdout
    assert "pip install -e '.[test]' && pytest" in result.stderr
    facts = json.loads(run("my-vectors", "--kind", "representation", "-o", "elsewhere", "--json").stdout)
    assert (facts["folder"], facts["name"], facts["class"]) == ("elsewhere", "my-vectors", "MyVectors")
    assert all((tmp_path / "elsewhere" / file).is_file() for file in facts["files"])
    project = tomllib.loads((tmp_path / "elsewhere" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"] == {"nlmkit.representations": {"my-vectors": "my_vectors.representation:MyVectors"}}


@pytest.mark.parametrize(
    ("package", "kind", "message"),
    [
        ("json", "tokenizer", "would hide the Python module 'json': try my-json"),
        ("nlmkit", "tokenizer", "would hide the Python module 'nlmkit'"),
        ("ngram", "language-model", "nlmkit itself has a language-model named 'ngram', which wins: try my-ngram"),
        ("nlmkit-lstm", "classifier", "nlmkit itself has a language-model named 'lstm'"),
        ("nlmkit-word", "tokenizer", "nlmkit itself has a tokenizer named 'word'"),
        ("3grams", "language-model", "would be the Python module '3grams', which is not a valid module name"),
        ("class", "tokenizer", "would be the Python module 'class', which is not a valid module name"),
        ("nlmkit--x", "tokenizer", "leaves no name for the component"),
        ("a b", "tokenizer", "is not a valid package name"),
        ("../up", "tokenizer", "is not a valid package name"),
        ("-x", "tokenizer", "is not a valid package name"),
        ("", "tokenizer", "is not a valid package name"),
        ("mine", "model", "kind must be one of language-model"),
    ],
)
def test_names_that_would_not_work_are_refused(package: str, kind: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(HyperParameterError, match=message):
        new_plugin(package, kind, tmp_path / "package")
    assert not (tmp_path / "package").exists()


def test_a_name_of_another_kind_may_be_a_tokenizers(tmp_path: Path) -> None:
    assert new_plugin("nlmkit-ngram", "tokenizer", tmp_path / "package").name == "ngram"


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    run("mine")  # empty
    result = run("mine", code=1)
    assert result.stderr == "nlmkit: mine: already exists, so nothing was written: choose another\n"
    (tmp_path / "file").write_text("text", encoding="utf-8")
    with pytest.raises(DataError, match="already exists"):
        new_plugin("mine", folder=tmp_path / "file")
    with pytest.raises(DataError, match="cannot be written"):
        new_plugin("mine", folder=tmp_path / "file" / "below")
