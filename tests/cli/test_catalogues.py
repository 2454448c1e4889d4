"""``nlmkit list``, ``show``, ``plugins`` and ``corpora``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toys.plugin_packages import model_source, write_package

from cli.conftest import Run
from nlmkit.core import registry
from nlmkit.core.storage import describe
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
    assert result.stderr.startswith("note: no plugins are installed, or NLMKIT_PLUGINS disables them")
    assert json.loads(run("plugins", "list", "--json", env=off).stdout) == []
    assert "NLMKIT_PLUGINS turns off" in run("show", "toy-recency", env=off, code=1).stderr


def test_show_lists_the_hyper_parameters(run: Run) -> None:
    lines = run("show", "toy-recency").stdout.splitlines()
    assert lines[0] == "toy-recency: language-model of nlmkit-toy 1.0"
    assert lines[1] == "Half add-k unigram, a quarter each on the last two events, sentence ends among them."
    assert [line.split() for line in lines[3:]] == [
        ["HYPER-PARAMETER", "DEFAULT", "MEANING", "(TYPE;", "ALLOWED", "VALUES)"],
        ["k", "1.0", "added", "to", "every", "count", "(float;", ">", "0)"],
        ["label", '"plain"', "any", "text", "(str)"],
        ["wide", "null", "numbers", "(list", "of", "int", "|", "none;", "≥", "0)"],
        ["file", "null", "a", "file", "(str", "|", "none)"],
        ["ceiling", "9", "a", "number,", "or", "none", "(int", "|", "none;", "≥", "1)"],
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
        "group": "toy-recency",
    }


def test_show_takes_every_name_that_list_shows(run: Run) -> None:
    for entry in registry.entries():
        shown = run("show", entry.address).stdout
        assert shown.startswith(f"{entry.address}: {entry.kind} of {entry.distribution}")


def test_show_a_saved_model(run: Run, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run("show", model, "--json").stdout) == describe(model)
    shown = run("show", model).stdout.splitlines()
    assert shown[:2] == [
        "toy-recency: language-model of nlmkit-toy 1.0",
        f"digest    {describe(model)['digest']}",
    ]
    # All of a plugin's hyper-parameters: to know its defaults would be to run it.
    assert ["k", "1"] in [line.split() for line in shown[shown.index("Hyper-parameters") :]]
    assert not {"{", "}", "[", '"'} & set("".join(shown))
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
        ("./none", "none: no such folder; expected the folder of a saved model"),
        ("file", "file: is a file; expected the folder that contains"),
        ("folder", "folder: no manifest.json: not a saved model"),
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


@pytest.mark.slow
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
    assert "no corpus named 'englsh': did you mean english?" in run("corpora", "show", "englsh", code=1).stderr


def test_corpora_that_are_no_plain_files_have_no_path(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "locate", lambda name: (catalog.entry(name), [Path("ca01")]))
    result = run("corpora", "path", "brown", code=1)
    assert result.stderr == "nlmkit: the files of corpus brown are not plain text: read it as corpus:brown\n"


@pytest.mark.slow
def test_plugins_check_runs_the_conformance_checks_of_one(run: Run) -> None:
    result = run("plugins", "check", "ngram", "-p", "order=2", "--json")
    (checked,) = json.loads(result.stdout)
    assert checked["ok"]
    assert len(checked["checks"]) > 40
    assert all(check["passed"] for check in checked["checks"])
    assert "ok  saved_and_loaded_results_are_equal" in run("plugins", "check", "ngram").stdout
    assert json.loads(run("plugins", "check", "char", "--json").stdout)[0]["checks"]
    assert run("plugins", "check", "-p", "order=2", code=2).stderr


def test_show_groups_the_options_by_what_they_are_about_and_wraps_between_words(run: Run) -> None:
    shown = run("show", "lstm", env={"COLUMNS": "80"}).stdout
    assert max(map(len, shown.splitlines())) <= 80
    titles = [block.splitlines()[0] for block in shown.split("\n\n")[2:]]
    assert titles == [
        *("Vocabulary", "Input", "Neural language model", "Architecture", "Recurrent", "Regularization"),
        *("Optimization", "Forget gate"),
    ]
    printed = {each["name"]: each for each in json.loads(run("show", "lstm", "--json").stdout)["hyper_parameters"]}
    groups = {name: printed[name]["group"] for name in ("dropout_output", "preset", "epochs", "min_count", "layers")}
    assert groups == {  # where an option is first declared counts, not where its default is changed
        "dropout_output": "Regularization",
        "preset": "Neural language model",
        "epochs": "Optimization",
        "min_count": "Vocabulary",
        "layers": "Recurrent",
    }
    words = set(" ".join(printed["softmax"]["help"].split()).split(" "))
    assert words <= set(shown.split()), "no word is cut"
    assert "≥\n" not in shown
    first = run("show", "ngram", env={"COLUMNS": "80"}).stdout.split("\n\n")[2]
    assert first.splitlines()[:2][0] == "ngram"
    assert first.splitlines()[1].startswith("order ")


def test_show_wraps_nothing_in_a_pipe(run: Run) -> None:
    lines = run("show", "lstm").stdout.splitlines()
    assert any(line.startswith("softmax ") and line.endswith("class-factored, sampled)") for line in lines)


def test_show_a_saved_model_part_by_part(run: Run, texts: Path) -> None:
    run("fit", "ngram", texts / "train.txt", "-o", "two", "-p", "order=2", "-p", "smoothing=witten-bell")
    run("fit", "cache", "--model", "two", "-p", "weight=0.25", "-p", "decay=0.5", "-o", "made")
    shown = run("show", "./made", env={"COLUMNS": "60"}).stdout
    assert max(map(len, shown.splitlines())) <= 64
    titles = [line for line in shown.splitlines() if line and not line.startswith(" ")]
    assert titles[0] == "cache: language-model of nlmkit 0.1.0"
    assert [title for title in titles if ":" not in title][-5:] == [
        "Text",
        "Hyper-parameters",
        "Fit",
        "Member model",
        "Files",
    ]
    lines = [line.split(maxsplit=1) for line in shown.splitlines() if line.strip()]
    assert ["model", f"ngram ({describe('two')['digest']})"] in lines
    assert ["weight", "0.25"] in lines
    assert ["order", "2"] in lines
    assert "at their defaults: " in shown
    assert "vocabulary_size" in shown
    assert not set('{}"') & set(shown)


def test_a_fit_prints_nested_facts_as_lines(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="nbsvm needs scikit-learn")
    (tmp_path / "t.tsv").write_text("a\tgood film\nb\tbad film\na\tgood\nb\tbad\n" * 3, encoding="utf-8")
    lines = run("fit", "nbsvm", "t.tsv", "-o", "m").stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("classes"))
    assert [line.split() for line in lines[at : at + 3]] == [["classes"], ["a", "6"], ["b", "6"]]
    assert lines[at + 1].startswith("  a")
    assert not set('{}"') & set("".join(lines))
