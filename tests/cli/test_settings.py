"""Hyper-parameters from flags, environment and file, and TOML written and read."""

from __future__ import annotations

import math
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.command_line import Recency

from cli.conftest import Run
from nlmkit.cli.settings import resolve_parameters, to_toml
from nlmkit.errors import HyperParameterError

scalars = (
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(st.characters(exclude_categories=["Cs"]))
)
tables = st.dictionaries(st.text(), scalars | st.lists(scalars | st.lists(scalars, max_size=2), max_size=3), max_size=5)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


@settings(derandomize=True, deadline=None, database=None, max_examples=60)
@given(tables, tables)
def test_toml_reads_back_as_it_was(fit: dict[str, Any], params: dict[str, Any]) -> None:
    assert same({"fit": fit, "params": params}, tomllib.loads(to_toml({"fit": fit, "params": params})))


@pytest.mark.parametrize("value", [None, {"a": 1}, "\ud800"])
def test_what_toml_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(HyperParameterError, match="cannot be written in TOML"):
        to_toml({"fit": {"key": value}})


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.5", 0.5), ("2", 2), ("1e-3", 0.001)],
)
def test_numbers_are_json(text: str, value: float) -> None:
    assert resolve_parameters(Recency, {"k": text}, {}) == ({"k": value}, {"k": "flag"})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("wide", "[0, 0, 1]", [0, 0, 1]),
        ("wide", "null", None),
        ("label", "kneser-ney", "kneser-ney"),
        ("label", '"quoted"', "quoted"),
        ("label", "2024", "2024"),
        ("label", "true", "true"),
        ("file", "null", None),
        ("label", "", ""),
        ("label", "a=b", "a=b"),
        ("label", "[" * 100_000, "[" * 100_000),
    ],
)
def test_values_are_json_or_else_strings(name: str, text: str, value: object) -> None:
    assert resolve_parameters(Recency, {name: text}, {})[0] == {name: value}


def test_flag_over_environment_over_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLMKIT_P_K", "2")
    monkeypatch.setenv("NLMKIT_P_LABEL", "environment")
    monkeypatch.setenv("NLMKIT_P_WIDE", "")
    from_file = {"k": 1, "label": "file", "wide": [1]}
    assert resolve_parameters(Recency, {"k": "3"}, from_file) == (
        {"k": 3, "label": "environment", "wide": [1]},
        {"k": "flag", "label": "environment", "wide": "file"},
    )


@pytest.mark.parametrize("origin", ["flag", "file"])
def test_unknown_names_get_a_suggestion(origin: str) -> None:
    flags, from_file = ({"lable": "x"}, {}) if origin == "flag" else ({}, {"lable": "x"})
    with pytest.raises(HyperParameterError, match="toy-recency has no hyper-parameter 'lable'; did you mean label"):
        resolve_parameters(Recency, flags, from_file)


def test_an_unknown_variable_is_noted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NLMKIT_P_LABLE", "x")
    assert resolve_parameters(Recency, {}, {}) == ({}, {})
    assert capsys.readouterr().err == (
        "note: NLMKIT_P_LABLE is ignored: toy-recency has no such hyper-parameter; did you mean NLMKIT_P_LABEL?\n"
    )
    resolve_parameters(Recency, {}, {}, quiet=True)
    assert capsys.readouterr().err == ""


CONFIGS: list[tuple[str | bytes, str]] = [
    ("[fit\n", "not TOML"),
    (b"[fit]\ncomponent = '\xff'\n", "byte 19: not valid UTF-8"),
    ("a = " + "[" * 5000, "not TOML"),
    ("[params]\norder = " + "9" * 5000, "not TOML: a number has too many digits"),
    ("[fit]\nseed = [" + "9" * 5000 + "]", "not TOML: a number has too many digits"),
    ("[params]\nk = " + "9" * 4000, "k must be a finite number, not 999"),
    ("[params]\nceiling = " + "9" * 4290, "ceiling must be a number with fewer digits, not 999"),
    ("#" * ((1 << 20) + 1), "larger than 1048576 bytes: not a settings file"),
    ("[fits]\n", "unknown key 'fits'; did you mean fit?"),
    ("fit = 1\n", "fit must be a table"),
    ("[fit]\ntokeniser = 'char'\n", "unknown key 'tokeniser'; did you mean tokenizer?"),
    ("[fit]\njson = true\n", "unknown key 'json'"),
    ("[fit]\nvalid = ['a', 'b']\n", "[fit] valid must be one value"),
    ("[fit]\ntrain = [1]\n", "[fit] train must be a name or a list of names"),
    ("[params]\nlable = 'x'\n", "no hyper-parameter 'lable'; did you mean label?"),
    ("[params]\nk = -1\n", "k must be > 0, not -1"),
    ("[params]\nk = 1979-05-27\n", "k must be float, not datetime.date"),
]


@pytest.mark.parametrize(("content", "message"), CONFIGS, ids=[str(number) for number in range(len(CONFIGS))])
def test_a_bad_file_is_one_line(content: str | bytes, message: str, run: Run, texts: Path) -> None:
    Path("run.toml").write_bytes(content.encode() if isinstance(content, str) else content)
    result = run("fit", "toy-recency", texts / "train.txt", "-o", "m", "--config", "run.toml", code=1)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("m").exists()


@pytest.mark.parametrize("text", ["9" * 5000, "[" + "9" * 5000 + "]", "[" * 5000 + "]" * 5000, "9" * 4290])
@pytest.mark.parametrize("name", ["k", "wide", "ceiling"])
def test_huge_values_are_refused_in_a_line_of_moderate_length(
    text: str, name: str, run: Run, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = ["fit", "toy-recency", texts / "train.txt", "-o", "m"]
    by_flag = run(*args, "-p", f"{name}={text}", code=1).stderr
    monkeypatch.setenv(f"NLMKIT_P_{name.upper()}", text)
    assert run(*args, code=1).stderr == by_flag
    assert by_flag.startswith(f"nlmkit: {name} must be ")
    assert len(by_flag) < 400


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no file without end")
def test_a_device_is_no_config(run: Run, texts: Path) -> None:
    args = ["fit", "toy-recency", texts / "train.txt", "-o", "m", "--config"]
    assert "/dev/zero: is a device" in run(*args, "/dev/zero", code=1).stderr
    assert not Path("m").exists()
    run(*args, "/dev/null")


def test_a_missing_config_is_one_line(run: Run) -> None:
    result = run("fit", "--config", "none.toml", code=1)
    assert result.stderr == "nlmkit: none.toml: No such file or directory\n"


def test_bad_values_in_a_config_are_wrong_usage(run: Run, texts: Path) -> None:
    Path("run.toml").write_text("[fit]\nlowercase = 'maybe'\n")
    result = run("fit", "toy-recency", texts / "train.txt", "-o", "m", "--config", "run.toml", code=2)
    assert "'maybe' is not a valid boolean" in result.stderr
