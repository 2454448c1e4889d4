"""``nlmkit list``, ``show``, ``plugins`` and ``corpora``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plugin_packages import model_source, write_package

from cli.conftest import Run
from nlmkit import registry
from nlmkit.models import describe
from nlmkit.text import catalog


def test_list_shows_every_declaration(run: Run) -> None:
    lines = [line.split() for line in run("list").stdout.splitlines()]
    assert lines[0] == ["KIND", "NAME", "PACKAGE"]
    assert lines[1:] == [[each.kind, each.address, each.distribution, each.version] for each in registry.entries()]
    assert ["language-model", "toy-recency", "nlmkit-toy", "1.0"] in lines
    printed = json.loads(run("list", "--json").stdout)
    assert {
        "kind": "language-model",
        "name": "toy-recency",
        "distribution": "nlmkit-toy",
        "version": "1.0",
        "builtin": False,
        "note": "",
    } in printed
    assert [each["name"] for each in printed] == [each.address for each in registry.entries()]


def test_plugins_can_be_turned_off(run: Run) -> None:
    off = {"NLMKIT_PLUGINS": ""}
    assert "toy" not in run("list", env=off).stdout
    result = run("plugins", "list", env=off)
    assert result.stdout == ""
    assert result.stderr.startswith("note: no plugins are installed")
    assert json.loads(run("plugins", "list", "--json", env=off).stdout) == []
    assert "NLMKIT_PLUGINS turns off" in run("show", "toy-recency", env=off, code=1).stderr


def test_show_lists_the_hyper_parameters(run: Run) -> None:
    lines = run("show", "toy-recency").stdout.splitlines()
    assert lines[0] == "toy-recency: language-model of nlmkit-toy 1.0"
    assert lines[1] == "Half add-k unigram, a quarter each on the last two events, sentence ends among them."
    assert [line.split() for line in lines[3:]] == [
        ["HYPER-PARAMETER", "TYPE", "DEFAULT", "CONSTRAINT"],
        ["k", "float", "1.0", ">", "0", "added", "to", "every", "count"],
        ["label", "str", '"plain"', "any", "text"],
        ["wide", "list", "of", "int", "|", "none", "null", "≥", "0", "numbers"],
        ["file", "str", "|", "none", "null", "a", "file"],
        ["ceiling", "int", "|", "none", "9", "≥", "1", "a", "number,", "or", "none"],
    ]
    printed = json.loads(run("show", "nlmkit-toy:toy-recency", "--json").stdout)
    assert (printed["name"], printed["kind"], printed["distribution"]) == (
        "toy-recency",
        "language-model",
        "nlmkit-toy",
    )
    assert printed["hyper_parameters"][0] == {
        "name": "k",
        "type": "float",
        "default": 1.0,
        "constraint": "> 0",
        "choices": None,
        "help": "added to every count",
    }


def test_show_takes_every_name_that_list_shows(run: Run) -> None:
    for entry in registry.entries():
        shown = run("show", entry.address).stdout
        assert shown.startswith(f"{entry.address}: {entry.kind} of {entry.distribution}")


def test_show_a_saved_model(run: Run, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run("show", model, "--json").stdout) == describe(model)
    rows = dict(line.split(maxsplit=1) for line in run("show", model).stdout.splitlines())
    assert (rows["component"], rows["hyper_parameters.k"], rows["digest"]) == (
        "toy-recency",
        "1.0",
        describe(model)["digest"],
    )
    monkeypatch.chdir(Path(model).parent)
    assert run("show", "recency").stdout == run("show", "./recency").stdout == run("show", model).stdout


def test_a_component_goes_before_a_folder_of_its_name(run: Run, texts: Path) -> None:
    run("fit", "toy-scorer", texts / "train.txt", "-o", "toy-recency")
    assert run("show", "toy-recency").stdout.startswith("toy-recency: language-model")
    assert json.loads(run("show", "./toy-recency", "--json").stdout)["component"] == "toy-scorer"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toy-recncy", "no component named 'toy-recncy'; did you mean toy-recency?"),
        ("./none", "none: no such folder"),
        ("file", "file: is a file; a saved model is a folder"),
        ("folder", "folder: no manifest.json, so it is no saved model"),
    ],
)
def test_show_what_is_not_there(name: str, message: str, run: Run) -> None:
    Path("file").touch()
    Path("folder").mkdir()
    result = run("show", name, code=1)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_plugins_list_has_no_built_ins(run: Run) -> None:
    assert [each["name"] for each in json.loads(run("plugins", "list", "--json").stdout)] == [
        "toy-failing",
        "toy-recency",
        "toy-scorer",
    ]
    assert [line.split()[:2] for line in run("plugins", "list").stdout.splitlines()] == [
        ["KIND", "NAME"],
        *(["language-model", f"toy-{name}"] for name in ("failing", "recency", "scorer")),
    ]


def test_plugins_check_tells_the_broken_ones(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {
        "broken_at_import": "raise ImportError('no\\nsuch thing')",
        "broken_by_exit": "import sys; sys.exit(3)",
        "sound": model_source("sound"),
    }
    points = {"at-import": "broken_at_import:Model", "by-exit": "broken_by_exit:Model", "sound": "sound:Model"}
    write_package(tmp_path / "packages", "breaking", groups={"nlmkit.language_models": points}, modules=modules)
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))

    sound = run("plugins", "check", "sound", code=1)  # it can be loaded, and keeps none of the contracts
    assert sound.stdout.splitlines()[1].split() == ["ok", "language-model", "sound", "breaking", "1.0"]
    assert " checks failed: " in sound.stderr
    result = run("plugins", "check", "--json", code=1)
    by_name = {each["name"]: each for each in json.loads(result.stdout)}
    assert [by_name[name]["ok"] for name in ("sound", "toy-recency", "char", "at-import", "by-exit")] == [True] * 3 + [
        False
    ] * 2
    assert "ImportError: no such thing" in by_name["at-import"]["reason"]
    assert result.stderr.startswith("nlmkit: 2 of ")
    assert result.stderr.endswith(" cannot be used: at-import, by-exit\n")
    lines = run("plugins", "check", code=1).stdout.splitlines()
    assert [line.split()[2] for line in lines[1:] if line.startswith("BROKEN")] == ["at-import", "by-exit"]
    assert "by-exit" in run("list").stdout
    assert "cannot be used" in run("show", "by-exit", code=1).stderr
    assert "no component named 'soud'; did you mean sound?" in run("plugins", "check", "soud", code=1).stderr


def test_corpora(run: Run) -> None:
    names = [entry.name for entry in catalog.entries()]
    assert len(names) > 4
    assert [line.split()[0] for line in run("corpora", "list").stdout.splitlines()] == ["NAME", *names]
    listed = {each["name"]: each for each in json.loads(run("corpora", "list", "--json").stdout)}
    assert list(listed) == names
    assert listed["english"]["available"] is True
    prepared = next(entry for entry in catalog.entries() if entry.provider == "prepare")
    assert listed[prepared.name]["available"] is False

    assert json.loads(run("corpora", "show", "english", "--json").stdout) == listed["english"]
    shown = dict(line.split(maxsplit=1) for line in run("corpora", "show", "english").stdout.splitlines())
    assert (shown["name"], shown["licence"], shown["available"]) == ("english", listed["english"]["licence"], "yes")

    found = catalog.resolve("english/test")
    assert isinstance(found, list)
    assert run("corpora", "path", "english/test").stdout.splitlines() == [str(file) for file in found]
    assert all(Path(file).is_file() for file in found)
    assert "prepare" in prepared.provider
    assert run("corpora", "path", prepared.name, code=1).stderr.startswith(f"nlmkit: corpus {prepared.name} ")
    assert "no corpus is called 'englsh': did you mean english?" in run("corpora", "show", "englsh", code=1).stderr


def test_corpora_that_are_no_plain_files_have_no_path(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "resolve", lambda name: iter(["a line"]))
    result = run("corpora", "path", "brown", code=1)
    assert result.stderr == "nlmkit: the files of corpus brown are no plain text: read it as corpus:brown\n"


def test_plugins_check_runs_the_conformance_checks_of_one(run: Run) -> None:
    result = run("plugins", "check", "ngram", "-p", "order=2", "--json")
    (checked,) = json.loads(result.stdout)
    assert checked["ok"]
    assert len(checked["checks"]) > 40
    assert all(check["passed"] for check in checked["checks"])
    assert "ok  saved_and_loaded_results_are_equal" in run("plugins", "check", "ngram").stdout
    assert json.loads(run("plugins", "check", "char", "--json").stdout)[0]["checks"]
    assert run("plugins", "check", "-p", "order=2", code=2).stderr
