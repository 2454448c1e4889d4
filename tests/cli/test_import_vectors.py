"""``nlmkit import`` and ``export`` of word vectors, and ``fit`` of representations."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from cli.conftest import Run
from nlmkit.training.records import read_log

GLOVE = "cat 1 0\ndog 0.5 0.75\n"
WORD2VEC = "2 2\n" + GLOVE
BINARY = b"2 2\ncat \0\0\x80?\0\0\0\0\ndog \0\0\0?\0\0@?\n"


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("v.txt", GLOVE.encode(), "glove"),
        ("v.txt", WORD2VEC.encode(), "word2vec"),
        ("V.VEC", WORD2VEC.encode(), "word2vec"),
        ("v.vec.gz", gzip.compress(WORD2VEC.encode(), mtime=0), "word2vec"),
        ("v.bin", BINARY, "word2vec-binary"),
        ("v.txt.gz", gzip.compress(GLOVE.encode(), mtime=0), "glove"),
    ],
)
def test_the_name_and_the_first_line_tell_the_format(name: str, content: bytes, format: str, run: Run) -> None:
    Path(name).write_bytes(content)
    facts = json.loads(run("import", name, "-o", "m", "--lowercase", "--json").stdout)
    assert (facts["kind"], facts["component"]) == ("representation", "vectors")
    assert facts["fit"] == {"format": format, "words": 2, "dimension": 2}
    assert (facts["vocabulary_size"], facts["dimension"]) == (2, 2)
    shown = json.loads(run("similar", "m", "CAT", "--json").stdout)  # --lowercase is part of the model
    assert [entry["word"] for entry in shown["results"][0]["neighbours"]] == ["dog"]


@pytest.mark.parametrize(
    ("format", "content"), [("glove", GLOVE.encode()), ("word2vec", WORD2VEC.encode()), ("word2vec-binary", BINARY)]
)
def test_an_export_is_what_was_imported(format: str, content: bytes, run: Run) -> None:
    Path("v.dat").write_bytes(content)
    run("import", "v.dat", "-o", "m", "--format", format)
    result = run("export", "m", "again.dat", "--format", format)
    assert result.output == ""
    assert Path("again.dat").read_bytes() == content


def test_the_summary_says_what_there_is(run: Run) -> None:
    Path("v.txt").write_text(GLOVE)
    lines = dict(line.split(maxsplit=1) for line in run("import", "v.txt", "-o", "m").stdout.splitlines())
    assert lines["component"] == "vectors"
    assert lines["vocabulary"] == "2 words"
    assert lines["dimension"] == "2"
    assert lines["format"] == "glove"


@pytest.mark.parametrize(
    ("args", "content", "message"),
    [
        (["v.vec"], b"3 2\ncat 1.25 0.25\ndog 0.5 0.75\n", "v.vec, line 4: truncated file"),
        (["v.vec"], b"999999999999 300\ncat 1 0\n", "v.vec, line 1: the header declares 999999999999 vectors of"),
        (["v.txt"], b"cat 1 0\ndog 1\n", "v.txt, line 2: 1 values, expected 2"),
        (
            ["v.txt", "--repeated-words", "error"],
            b"cat 1 0\ncat 1 1\n",
            "v.txt, line 2: duplicate word 'cat', first at line 1",
        ),
        (["v.txt"], b"cat 1 nan\n", "v.txt, line 1: value 2 of the word 'cat' is NaN"),
        (["v.bin"], BINARY[:-4], "v.bin, byte 26: truncated file: it ends within vector 2 of 2"),
        (["v.txt", "--format", "word2vec"], GLOVE.encode(), "v.txt, line 1: missing word2vec header with the"),
        (["v.txt"], b"", "v.txt, line 1: the file is empty"),
    ],
)
def test_a_bad_file_is_one_line(args: list[str], content: bytes, message: str, run: Run) -> None:
    Path(args[0]).write_bytes(content)
    result = run("import", *args, "-o", "m", code=1)
    assert result.stderr.startswith(f"nlmkit: {message}")
    assert result.stderr.count("\n") == 1
    assert not Path("m").exists()


def test_a_repeated_word_is_noted(run: Run) -> None:
    Path("v.txt").write_text(GLOVE + "cat 3 3\n")
    result = run("import", "v.txt", "-o", "m")
    assert result.stderr.startswith("note: v.txt: 1 vector repeats a word; the first vector")
    assert "(first: 'cat' at line 3, first at line 1)" in result.stderr
    assert result.stderr.count("\n") == 1
    Path("once.txt").write_text(GLOVE)
    facts = [json.loads(run("import", name, "-o", "m", "--json", "-q").stdout) for name in ("v.txt", "once.txt")]
    assert facts[0]["digest"] == facts[1]["digest"]


def test_what_has_no_vectors_cannot_be_written_as_such(run: Run, texts: Path) -> None:
    run("fit", "ngram", texts / "train.txt", "-o", "lm", "-p", "order=2")
    assert "n-gram models export to .arpa, .arpa.gz or .fst.txt only" in run("export", "lm", "lm.vec", code=1).stderr
    run("fit", "one-hot", texts / "train.txt", "-o", "m")
    assert "one-hot vectors are as long as the vocabulary and are" in run("export", "m", "m.vec", code=1).stderr
    assert "written as word2vec, word2vec-binary, glove, not as arpa" in (
        run("import", _glove(), "-o", "v").stderr + run("export", "v", "v.arpa", code=1).stderr
    )
    assert not list(Path().glob("*.vec"))


def _glove() -> str:
    Path("g.txt").write_text(GLOVE)
    return "g.txt"


def test_a_representation_is_fitted_with_its_pipeline(run: Run) -> None:
    Path("t.txt").write_text("The cat, the CAT\n")
    args = ["fit", "one-hot", "t.txt", "-o", "m", "--tokenizer", "word", "--lowercase", "--json"]
    facts = json.loads(run(*args).stdout)
    assert facts["kind"] == "representation"
    assert facts["corpus"] == {"sentences": 1, "tokens": 5, "types": 3}
    assert (facts["vocabulary_size"], facts["dimension"]) == (3, 6)
    assert facts["resolved"]["pipeline"]["lowercase"] is True
    assert facts["digest"] == json.loads(run("show", "m", "--json").stdout)["digest"]
    assert {line.split()[0] for line in run("similar", "m", "CAT").stdout.splitlines()} == {"the", ","}


def test_what_a_representation_does_not_use_is_refused(run: Run, texts: Path) -> None:
    train = texts / "train.txt"
    refused = run("fit", "one-hot", train, "-o", "m", "--valid", train, code=1)
    assert refused.stderr == "nlmkit: one-hot does not use validation text: omit it\n"
    for option in (["--budget", "1m"], ["--device", "cpu"], ["--log", "l.jsonl"]):
        assert "does not train in steps" in run("fit", "one-hot", train, "-o", "m", *option, code=2).stderr
    result = run("fit", "one-hot", train, "-o", "m", "--workers", "2", code=2)
    assert "--workers: one-hot is fitted by one worker, unlike ngram, word2vec and glove" in result.stderr
    assert "nlmkit import FILE -o MODEL" in run("fit", "vectors", train, "-o", "m", code=1).stderr
    assert not Path("m").exists()


def test_workers_are_for_what_trains_without_locks(run: Run, texts: Path) -> None:
    args = ["-p", "min_count=1", "-p", "dimension=4", "-p", "epochs=1", "--json"]
    for given, workers in (([], 1), (["--workers", "2"], 2)):
        facts = json.loads(run("fit", "word2vec", texts / "train.txt", "-o", "m", *args, *given).stdout)
        assert facts["fit"]["workers"] == workers


def test_word2vec_keeps_a_log_but_has_no_budget(run: Run, texts: Path) -> None:
    args = ["-p", "min_count=1", "-p", "dimension=4", "-p", "epochs=3"]
    run("fit", "word2vec", texts / "train.txt", "-o", "m", *args, "--log", "l.jsonl")
    assert [record.epoch for record in read_log("l.jsonl")] == [1, 2, 3]
    refused = run("fit", "word2vec", texts / "train.txt", "-o", "m", *args, "--log", "l.jsonl", "--budget", "9", code=2)
    assert "--budget: word2vec does not train in steps" in refused.stderr
