"""``--marks``: sentence marks and NUL in the text of every command that reads text; and notes on how text was read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Run

MARKED = b"the cat\nthe <s> cat </s>\na\0cat ran\n</s>\nthe dog\n"
SKIPPED = "the cat\nthe  cat \na cat ran\n\nthe dog\n"
TRAIN = "the cat sat\nthe dog sat\na cat ran\n"


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    path = tmp_path / "marked.txt"
    path.write_bytes(MARKED)
    return path


@pytest.fixture
def model(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "train.txt"
    path.write_text(TRAIN)
    run("fit", "ngram", path, "-o", tmp_path / "m", "-p", "order=2")
    return tmp_path / "m"


def rows(output: str) -> list[list[str]]:
    return [line.split("\t") for line in output.split("\n")[1:-1]]


def test_a_filter_pipe_goes_on(run: Run, model: Path) -> None:
    stopped = run("perplexity", model, "-", "--per-line", input=MARKED, code=1)
    assert stopped.stdout.count("\n") == 2
    assert "line 2: the token <s> is the mark" in stopped.stderr
    assert "--marks skip" in stopped.stderr
    for marks in ("skip", "literal"):
        found = run("perplexity", model, "-", "--per-line", "--marks", marks, input=MARKED)
        assert [row[-1] for row in rows(found.stdout)] == MARKED.decode().split("\n")[:-1]
        assert not found.stderr
    plain = run("perplexity", model, "-", "--per-line", input=SKIPPED.encode())
    skipped = run("perplexity", model, "-", "--per-line", "--marks", "skip", input=MARKED)
    assert [row[:4] for row in rows(skipped.stdout)] == [row[:4] for row in rows(plain.stdout)]


def test_literal_marks_are_unknown_words(run: Run, model: Path) -> None:
    found = run("perplexity", model, "-", "--per-token", "--marks", "literal", input=MARKED)
    oov = [(row[2], row[5]) for row in rows(found.stdout) if row[5] == "1"]
    assert oov == [("&lt;s&gt;", "1"), ("&lt;/s&gt;", "1"), ("a␀cat", "1"), ("&lt;/s&gt;", "1")]


def test_fit_and_the_reports(run: Run, model: Path, marked: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.txt"
    plain.write_text(SKIPPED)
    assert "the token <s>" in run("fit", "ngram", marked, "-o", "x", code=1).stderr
    digests = {}
    for text, options in ((plain, ()), (marked, ("--marks", "skip")), (marked, ("--marks", "literal"))):
        fitted = run("fit", "ngram", text, "-o", "x", "-p", "order=2", "--json", *options)
        digests[options] = json.loads(fitted.stdout)["digest"]
    assert digests[()] == digests["--marks", "skip"] != digests["--marks", "literal"]
    for command in (("perplexity", model), ("score", model), ("compare", model, model, "--text")):
        assert "the token <s>" in run(*command, marked, code=1).stderr
        run(*command, marked, "--marks", "literal")
        assert _figures(run(*command, marked, "--marks", "skip", "--json").stdout) == _figures(
            run(*command, plain, "--json").stdout
        )


def _figures(output: str) -> Any:
    report = json.loads(output)
    if "ranked" in report:
        return [each["perplexity"] for each in report["ranked"]]
    return {key: value for key, value in report.items() if key not in ("bits_per_character", "bits_per_byte")}


def test_a_prompt(run: Run, model: Path) -> None:
    generate = ("generate", model, "--prompt", "<s> the dog", "--temperature", "0")
    assert "the token <s>" in run(*generate, code=1).stderr
    assert run(*generate, "--marks", "skip").stdout == "the dog sat\n"
    assert run(*generate, "--marks", "literal").stdout.startswith("&lt;s&gt; the dog")


def test_validation_text_of_what_is_made_of_models(run: Run, model: Path, marked: Path) -> None:
    stack = ("fit", "mixture", "--model", model, "--model", model, "--valid", marked, "-o", "mixed")
    assert "the token <s>" in run(*stack, code=1).stderr
    run(*stack, "--marks", "skip")


def test_a_written_configuration_repeats_it(run: Run, marked: Path) -> None:
    first = run(
        "fit", "ngram", marked, "-o", "x", "-p", "order=2", "--marks", "skip", "--json", "--write-config", "c.toml"
    )
    again = run("fit", "--config", "c.toml", "--json")
    assert json.loads(again.stdout)["digest"] == json.loads(first.stdout)["digest"]
    assert json.loads(again.stdout)["resolved"]["set_by"]["marks"] == "file"


def test_representations_and_classifiers_take_them_for_words(run: Run, marked: Path, tmp_path: Path) -> None:
    run("fit", "one-hot", marked, "-o", "words")
    words = [path for path in (tmp_path / "words").iterdir() if path.suffix == ".txt"]
    assert "&lt;s&gt;\n" in words[0].read_text()
    assert "the token <s>" in run("fit", "one-hot", marked, "-o", "x", "--marks", "error", code=1).stderr
    labelled = tmp_path / "a.tsv"
    labelled.write_bytes(b"p\tgood <s>\nn\tbad \0x\np\tgood\nn\tbad\n")
    fit = ("fit", "nbsvm", labelled, "-p", "tokenizer=space", "-p", "calibration=0", "-o", "c")
    assert "NUL byte" in run(*fit, "--marks", "error", code=1).stderr
    run(*fit)
    found = run("classify", "c", "--with-text", input=b"good <s>\nbad \0\n\0\ngood\n")
    assert [row.split("\t")[2] for row in found.stdout.split("\n")[:-1]] == ["good <s>", "bad \0", "\0", "good"]
    assert run("classify", "c", "--marks", "error", input=b"good\nbad <s>\n", code=1).stdout.count("\n") == 1
    assert run("classify", "c", "--marks", "skip", input=b"good <s>\n").stdout.startswith("p\t")
    assert json.loads(run("score", "c", labelled, "--json").stdout)["score"] == 1.0
    assert "NUL byte" in run("score", "c", labelled, "--marks", "error", code=1).stderr
    assert "--marks does not apply" in run("score", "words", "--marks", "skip", code=2).stderr


def test_notes_on_the_text_are_printed_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "zh.txt").write_text("老船长喜欢听雨。\n小猫看见一只狗。\n")
    (tmp_path / "mac.txt").write_bytes(b"the cat sat\rthe dog ran\r")
    for text, words in (("zh.txt", "--tokenizer char"), ("mac.txt", "classic Mac OS")):
        noted = run("fit", "ngram", text, "-o", "x", "-p", "order=1").stderr
        assert noted.count(words) == 1
        assert words not in run("fit", "ngram", text, "-o", "x", "-p", "order=1", "--quiet").stderr
    assert "--tokenizer" not in run("fit", "ngram", "zh.txt", "-o", "x", "-p", "order=1", "--tokenizer", "char").stderr


@pytest.mark.parametrize("component", ["ngram", "nnlm", "lsa", "word2vec", "glove", "one-hot", "nbsvm"])
def test_an_empty_text_is_refused(run: Run, tmp_path: Path, component: str) -> None:
    (tmp_path / "empty.txt").write_text("")
    failed = run("fit", component, "empty.txt", "-o", "x", code=1)
    assert "empty.txt: " in failed.stderr
    assert (
        "empty" in failed.stderr.replace("empty.txt", "") or "no words" in failed.stderr or "no texts" in failed.stderr
    )
    assert not (tmp_path / "x").exists()


def test_an_unknown_encoding_names_the_nearest(run: Run, model: Path) -> None:
    failed = run("perplexity", model, "-", "--encoding", "latin11", input=b"a\n", code=1)
    assert "did you mean latin1" in failed.stderr
