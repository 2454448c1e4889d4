"""``nlmkit fit``: the model it saves, what it prints, and where its settings come from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from toys.command_line import Recency

from cli.conftest import TRAIN, Run
from nlmkit.core.storage import load


def fit_json(run: Run, *args: str | Path, **options: Any) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(run("fit", *args, "--json", **options).stdout)
    return printed


def test_fits_and_saves(run: Run, texts: Path) -> None:
    result = run("fit", "toy-recency", texts / "train.txt", "-o", "m", "-p", "k=0.5")
    model = load("m")
    assert isinstance(model, Recency)
    assert model.k == 0.5
    assert model.digest == Recency(k=0.5).fit(texts / "train.txt").digest
    lines = dict(line.split("  ", 1) for line in result.stdout.splitlines())
    facts = {key.strip(): value.strip() for key, value in lines.items()}
    assert float(facts.pop("seconds")) >= 0
    assert facts == {
        "component": "toy-recency",
        "corpus": "17 tokens of 12 types in 5 sentences",
        "vocabulary": "14 predictable types",
        "ngrams": "12 7",
        "perplexity": "inf",
        "held out tokens": "none",
        "digest": model.digest,
        "saved to": "m",
    }
    assert result.stderr == "note: the first note\\x1b[31m\nnote: the second note\n"


def test_json_says_what_was_fitted_and_resolved(run: Run, texts: Path) -> None:
    printed = fit_json(run, "toy-recency", texts / "train.txt", "-o", "m", "-p", "wide=[1,2]", "--lowercase")
    assert printed.pop("seconds") >= 0
    assert printed == {
        "model": "m",
        "kind": "language-model",
        "component": "toy-recency",
        "corpus": {"sentences": 5, "tokens": 17, "types": 12},
        "vocabulary_size": 14,
        "fit": {
            "ngrams": [12, 7],
            "perplexity": None,
            "held_out_tokens": None,
            "notes": ["the first note\x1b[31m", "the second note"],
        },
        "reasons": {"fit.perplexity": "infinite"},
        "digest": load("m").digest,
        "resolved": {
            "component": "toy-recency",
            "train": [str(texts / "train.txt")],
            "valid": None,
            "output": "m",
            "pipeline": {
                "encoding": "utf-8",
                "errors": "strict",
                "unicode_form": None,
                "lowercase": True,
                "tokenizer": "space",
            },
            "params": {"k": 1.0, "label": "plain", "wide": [1, 2], "file": None, "ceiling": 9},
            "set_by": {"wide": "flag", "lowercase": "flag"},
        },
    }


def test_quiet_prints_no_notes(run: Run, texts: Path) -> None:
    assert run("fit", "toy-recency", texts / "train.txt", "-o", "m", "-q").stderr == ""


def test_several_texts_are_one_corpus(run: Run, texts: Path) -> None:
    Path("a.txt").write_text(TRAIN[:11], encoding="utf-8")  # the cat sat, and no line feed
    Path("b.txt").write_text(TRAIN[11:], encoding="utf-8")
    printed = fit_json(run, "toy-recency", "a.txt", "b.txt", "-o", "m")
    assert printed["corpus"] == {"sentences": 6, "tokens": 17, "types": 12}


def test_standard_input_and_held_out_text(run: Run, texts: Path) -> None:
    printed = fit_json(run, "toy-recency", "-", "-o", "m", "--valid", texts / "test.txt", input=TRAIN.encode("utf-8"))
    assert printed["corpus"] == {"sentences": 5, "tokens": 17, "types": 12}
    assert printed["fit"]["held_out_tokens"] == 6
    assert load("m").digest == Recency().fit(texts / "train.txt").digest


def test_the_pipeline_is_the_models(run: Run) -> None:
    Path("t.txt").write_bytes("ÉTÉ été\n".encode("latin-1") + b"\x81\n")
    args = ["--tokenizer", "char", "--unicode-form", "nfd", "--encoding", "cp1252", "--errors", "replace"]
    run("fit", "toy-recency", "t.txt", "-o", "m", "--lowercase", *args)
    model = load("m")
    assert isinstance(model, Recency)
    assert model.pipeline_.to_dict() == {
        "encoding": "cp1252",
        "errors": "replace",
        "unicode_form": "NFD",
        "lowercase": True,
        "tokenizer": "char",
    }
    assert model.vocabulary_.words[3:] == ("e", "\u0301", "t", "▁", "\ufffd")


def test_environment_and_file_and_flag(run: Run, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("run.toml").write_text(
        f"""
        [fit]
        component = "toy-recency"
        train = ["{texts.as_posix()}/train.txt", "{texts.as_posix()}/test.txt"]
        output = "from-file"
        tokenizer = "char"
        lowercase = true
        unicode_form = "NFC"
        [params]
        k = 0.25
        label = "file"
        wide = [3]
        """
    )
    monkeypatch.setenv("NLMKIT_FIT_UNICODE_FORM", "NFKC")
    monkeypatch.setenv("NLMKIT_P_LABEL", "environment")
    monkeypatch.setenv("NLMKIT_P_K", "4")
    printed = fit_json(run, "--config", "run.toml", "-p", "k=8", "--no-lowercase")
    resolved = printed["resolved"]
    assert resolved["params"] == {"k": 8, "label": "environment", "wide": [3], "file": None, "ceiling": 9}
    assert resolved["pipeline"] == {
        "encoding": "utf-8",
        "errors": "strict",
        "unicode_form": "NFKC",
        "lowercase": False,
        "tokenizer": "char",
    }
    assert resolved["set_by"] == {
        "k": "flag",
        "label": "environment",
        "wide": "file",
        "tokenizer": "file",
        "lowercase": "flag",
        "unicode_form": "environment",
    }
    assert printed["corpus"]["sentences"] == 7
    assert printed["model"] == "from-file"
    again = fit_json(run, "toy-scorer", texts / "train.txt", "-o", "m", "--config", "run.toml")
    assert (again["component"], again["corpus"]["sentences"], again["model"]) == ("toy-scorer", 5, "m")


def test_a_written_config_repeats_the_run(run: Run, texts: Path) -> None:
    args = [
        "toy-recency",
        texts / "train.txt",
        "-o",
        "m",
        "-p",
        "wide=[0]",
        "-p",
        'label=a "b"\\',
        "--tokenizer",
        "char",
    ]
    first = fit_json(run, *args, "--valid", texts / "test.txt", "--write-config", "run.toml")
    written = tomllib.loads(Path("run.toml").read_text(encoding="utf-8"))
    assert written["params"] == {"k": 1.0, "label": 'a "b"\\', "wide": [0], "ceiling": 9}
    second = fit_json(run, "--config", "run.toml")
    assert first["digest"] == second["digest"]
    assert first["resolved"] | {"set_by": None} == second["resolved"] | {"set_by": None}


def test_a_null_that_is_no_default_cannot_be_written(run: Run, texts: Path) -> None:
    args = ["fit", "toy-recency", texts / "train.txt", "-o", "m", "-p", "ceiling=null"]
    assert "ceiling = null cannot be written" in run(*args, "--write-config", "run.toml", code=1).stderr
    assert not Path("run.toml").exists()
    run(*args)


def test_replaces_a_saved_model(run: Run, texts: Path) -> None:
    run("fit", "toy-recency", texts / "train.txt", "-o", "m")
    run("fit", "toy-scorer", texts / "train.txt", "-o", "m")
    assert load("m").name == "toy-scorer"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["toy-recncy", "train.txt", "-o", "m"], "no component named 'toy-recncy'; did you mean toy-recency?"),
        (["toy-recency", "train.txt", "-o", "m", "-p", "lable=x"], "no hyper-parameter 'lable'; did you mean label?"),
        (["toy-recency", "train.txt", "-o", "m", "-p", "k=0"], "k must be > 0, not 0"),
        (["toy-recency", "train.txt", "-o", "m", "-p", "k=NaN"], "k must be a finite number, not nan"),
        (["toy-recency", "train.txt", "-o", "m", "-p", "k=x"], "k must be float, not 'x'"),
        (["toy-recency", "none.txt", "-o", "m"], "none.txt: no such file or directory"),
        (["toy-recency", "train.txt", "-o", "m", "--valid", "none.txt"], "none.txt: no such file or directory"),
        (["toy-recency", "train.txt", "-o", "train.txt"], "-o train.txt is the same as train.txt"),
        (["toy-recency", "train.txt", "-o", "latin.txt"], "latin.txt: is a file"),
        (["toy-recency", "train.txt", "-o", "train.txt/m"], "train.txt/m: cannot write to"),
        (["toy-recency", "train.txt", "-o", "full"], "full: contains 'mine.txt'"),
        (["toy-recency", "train.txt", "-o", "m", "--tokenizer", "chr"], "no tokenizer named 'chr'; did you mean char?"),
        (["toy-recency", "train.txt", "-o", "m", "--encoding", "utf-9"], "unknown text encoding 'utf-9'"),
        (["toy-recency", "latin.txt", "-o", "m"], "latin.txt, line 2, byte 3: byte 0xE9 is not valid utf-8"),
        (["toy-recency", "empty.txt", "-o", "m"], "the training text holds no words"),
        (["toy-recency", "corpus:none", "-o", "m"], "none"),
        (["toy-recency", ".", "empty.txt", "-o", "m", "--write-config", "no/run.toml"], "no/run.toml: No such file"),
    ],
)
def test_what_cannot_be_fitted_is_one_line(args: list[str], message: str, run: Run) -> None:
    Path("train.txt").write_text("a b\n")
    Path("latin.txt").write_bytes(b"ok\n\xe9\n")
    Path("empty.txt").write_bytes(b"")
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    result = run("fit", *args, code=1)
    assert result.stderr.startswith("nlmkit: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert not Path("m").exists()
    assert Path("full/mine.txt").read_text() == "mine"


@pytest.mark.usefixtures("at_a_terminal")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "missing COMPONENT"),
        (["toy-recency"], "missing TRAIN"),
        (["toy-recency", "train.txt"], "missing MODEL (-o)"),
        (["toy-recency", "train.txt", "-o", ""], "missing MODEL (-o)"),
        (["toy-recency", "train.txt", "-o", "m", "-p", "order"], "'order' is not key=value"),
        (["toy-recency", "train.txt", "-o", "m", "-p", "=5"], "'=5' is not key=value"),
        (["toy-recency", "train.txt", "-o", "m", "--errors", "maybe"], "'maybe' is not one of"),
        (["toy-recency", "train.txt", "-o", "m", "--unknown"], "No such option"),
    ],
)
def test_wrong_usage(args: list[str], message: str, run: Run) -> None:
    result = run("fit", *args, code=2)
    assert message in result.stderr
    assert result.stdout == ""
