"""``nlmkit fit --model``: components made of saved models."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import TRAIN, Run
from nlmkit.core.storage import load
from nlmkit.language_models.combined.cache import Cache
from nlmkit.language_models.combined.mixture import Mixture
from nlmkit.language_models.ngram.model import NGram

VALID = "the cat ran\nthe dog sat on the mat\n"


@pytest.fixture(autouse=True)
def models(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(TRAIN, encoding="utf-8")
    (tmp_path / "valid.txt").write_text(VALID, encoding="utf-8")
    NGram(order=1).fit(tmp_path / "train.txt").save(tmp_path / "one")
    NGram(order=2, smoothing="witten-bell").fit(tmp_path / "train.txt").save(tmp_path / "two")


def fit_json(run: Run, *args: str, **options: Any) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(run("fit", *args, "--json", **options).stdout)
    return printed


def test_a_mixture_of_saved_models(run: Run) -> None:
    printed = fit_json(run, "mixture", "--model", "one", "--model", "two", "--valid", "valid.txt", "-o", "m")
    for folder in ("one", "two"):
        shutil.rmtree(folder)
    model = load("m")
    assert isinstance(model, Mixture)
    assert [member.is_fitted for member in model.models] == [True, True]
    assert printed["fit"]["weights"] == model.weights_.tolist()
    assert printed["digest"] == model.digest
    assert "corpus" not in printed
    assert printed["resolved"]["train"] == []
    assert printed["resolved"]["model"] == ["one", "two"]
    assert printed["resolved"]["params"]["models"][0]["digest"] == model.models[0].digest
    run("perplexity", "m", "valid.txt", "--context", "stream", "--json")


def test_a_cache_of_a_mixture(run: Run) -> None:
    run("fit", "mixture", "--model", "one", "--model", "two", "-o", "m", "-p", "weights=[0.5,0.5]")
    result = run("fit", "cache", "--model", "m", "--valid", "valid.txt", "-o", "c", "-p", "window=20")
    model = load("c")
    assert isinstance(model, Cache)
    assert isinstance(model.model, Mixture)
    assert model.window == 20
    assert "validation perplexity without cache" in result.stdout
    shown = run("show", "c").stdout.splitlines()
    inner = shown.index("  Member models.0", shown.index("Member model"))
    assert shown[inner + 1].startswith("    ngram: language-model of nlmkit")


def test_models_that_are_not_fitted_are_described_and_fitted(run: Run) -> None:
    description = '{"component": "ngram", "hyper_parameters": {"order": 2}}'
    arguments = ("cache", "train.txt", "--valid", "valid.txt", "-o", "c", "--tokenizer", "char")
    printed = fit_json(run, *arguments, "-p", f"model={description}")
    model = load("c")
    assert isinstance(model, Cache)
    assert model.model == NGram(order=2)
    assert model.pipeline_.tokenizer == "char"
    assert printed["corpus"]["sentences"] == 5


def test_text_is_read_as_the_models_read_it(run: Run) -> None:
    for name, order in (("a", "1"), ("b", "2")):
        run(
            "fit",
            "ngram",
            "train.txt",
            "-o",
            name,
            "--tokenizer",
            "char",
            "-p",
            f"order={order}",
            "--encoding",
            "utf-8",
        )
    arguments = ("mixture", "--model", "a", "--model", "b", "-p", "context=stream")
    printed = fit_json(run, *arguments, "--valid", "valid.txt", "-o", "m")
    assert printed["resolved"]["pipeline"]["tokenizer"] == "char"
    Path("utf16.txt").write_text(VALID, encoding="utf-16")
    again = fit_json(run, *arguments, "--valid", "utf16.txt", "--encoding", "utf-16", "-o", "n")
    assert again["fit"] == printed["fit"]
    stderr = run("fit", *arguments, "--valid", "valid.txt", "-o", "x", "--tokenizer", "word", code=1).stderr
    assert "the corpus was tokenized with tok:word" in stderr
    assert not Path("x").exists()


def test_a_written_configuration_repeats_the_run(run: Run) -> None:
    arguments = ("--model", "one", "--model", "two", "--valid", "valid.txt", "-o", "m")
    first = fit_json(run, "mixture", *arguments, "-p", "context=stream", "--write-config", "run.toml")
    tables = tomllib.loads(Path("run.toml").read_text(encoding="utf-8"))
    assert tables["fit"]["model"] == ["one", "two"]
    assert "models" not in tables["params"]
    again = fit_json(run, "--config", "run.toml", "-o", "n")
    assert again["digest"] == first["digest"]
    Path("one.toml").write_text('[fit]\ncomponent = "cache"\nmodel = "two"\nvalid = "valid.txt"\n', encoding="utf-8")
    assert fit_json(run, "--config", "one.toml", "-o", "c")["fit"]["model"] == "ngram"
    Path("bad.toml").write_text('[fit]\ncomponent = "cache"\nmodel = [3]\n', encoding="utf-8")
    assert (
        "[fit] model must be a name or a list of names" in run("fit", "--config", "bad.toml", "-o", "c", code=1).stderr
    )


@pytest.mark.slow
@pytest.mark.usefixtures("at_a_terminal")
@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["ngram", "--model", "one"], 2, "missing TRAIN"),
        (["ngram", "train.txt", "--model", "one"], 2, "ngram does not take models: drop --model"),
        (
            ["cache", "--model", "one", "--model", "two"],
            2,
            "cache takes models as model (LanguageModel | none), not one",
        ),
        (["cache"], 2, "missing TRAIN"),
        (["mixture", "--model", "absent"], 1, "absent: no such folder; expected the folder of a saved model"),
        (["mixture", "--model", "one"], 1, "a mixture requires at least two models, not 1 (--model PATH)"),
        (
            ["mixture", "--model", "one", "--model", "two"],
            1,
            "fitting weights requires validation text: add --valid FILE, or set the weights",
        ),
        (
            ["mixture", "train.txt", "--model", "one", "--model", "two", "--valid", "valid.txt"],
            1,
            "remove the training text",
        ),
        (
            ["cache", "--model", "one", "-p", 'model={"component": "ngram"}'],
            2,
            "--model and -p model exclude each other",
        ),
        (["cache", "train.txt", "-p", "model=one"], 1, "model must be LanguageModel | none, not 'one'"),
        (
            ["cache", "train.txt", "-p", 'model={"component": "ngrm"}'],
            1,
            "no component named 'ngrm'; did you mean ngram",
        ),
    ],
)
def test_what_does_not_fit_is_refused(run: Run, args: list[str], code: int, message: str) -> None:
    result = run("fit", *args, "-o", "x", code=code)
    assert message in result.stderr
    assert not Path("x").exists()


def test_models_over_different_vocabularies_are_both_named(run: Run) -> None:
    run("fit", "ngram", "valid.txt", "-o", "other")
    stderr = run(
        "fit", "mixture", "--model", "one", "--model", "other", "--valid", "valid.txt", "-o", "x", code=1
    ).stderr
    assert "model 1 (ngram) and model 2 (ngram) have different vocabularies (14 types" in stderr
