"""``--text-column``: commands that read the text of a table, and carry the rest of it along."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import TEST, TRAIN, Run

HEADER = "item\tcondition\tsentence\toov"
TABLE = f"{HEADER}\n1\ta\tthe dog ran\tno\n2\tb\x1b\t猫 ran away\tyes\n"


@pytest.fixture(autouse=True)
def table() -> None:
    """The test text as a table, and as plain text."""
    Path("t.tsv").write_text(TABLE, encoding="utf-8")
    Path("t.txt").write_text(TEST, encoding="utf-8")


def test_the_report_is_that_of_the_column(run: Run, model: str) -> None:
    assert (
        run("perplexity", model, "t.tsv", "--text-column", "sentence").stdout
        == run("perplexity", model, "t.txt").stdout
    )


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_per_line_carries_the_other_columns_before_the_text(context: str, run: Run, model: str) -> None:
    options = ["--per-line", "--context", context]
    header, *rows = run("perplexity", model, "t.tsv", "--text-column", "3", *options).stdout.split("\n")[:-1]
    plain = run("perplexity", model, "t.txt", *options).stdout.split("\n")[1:-1]
    assert header.split("\t")[6:] == ["item", "condition", "input_oov", "text"]
    assert [row.split("\t")[:6] for row in rows] == [row.split("\t")[:6] for row in plain]
    assert [row.split("\t")[6:] for row in rows] == [
        ["1", "a", "no", "the dog ran"],
        ["2", "b\\x1b", "yes", "猫 ran away"],
    ]
    found = [
        json.loads(line)
        for line in run(
            "perplexity", model, "t.tsv", "--text-column", "3", *options, "--format", "jsonl"
        ).stdout.splitlines()
    ]
    assert [(each["item"], each["condition"], each["input_oov"], each["oov"]) for each in found] == [
        ("1", "a", "no", 0),
        ("2", "b\x1b", "yes", 1),
    ]


def test_per_token_repeats_them_for_each_token(run: Run, model: str) -> None:
    header, *rows = run("perplexity", model, "t.tsv", "--text-column", "sentence", "--per-token").stdout.splitlines()
    plain = run("perplexity", model, "t.txt", "--per-token").stdout.splitlines()
    assert header == plain[0] + "\titem\tcondition\tinput_oov"
    assert rows == [line + "\t1\ta\tno" for line in plain[1:5]] + [line + "\t2\tb\\x1b\tyes" for line in plain[5:]]


def test_values_of_json_are_carried_as_they_are(run: Run, model: str) -> None:
    rows = [{"id": 7, "tags": ["a", None], "text": "the dog"}, {"text": "the cat", "id": None}]
    Path("t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    args = ["perplexity", model, "t.jsonl", "--text-column", "text", "--per-line"]
    found = [json.loads(line) for line in run(*args, "--format", "jsonl").stdout.splitlines()]
    assert [(each["id"], each["tags"]) for each in found] == [(7, ["a", None]), (None, None)]
    assert [row.split("\t")[6:] for row in run(*args, "--no-header").stdout.splitlines()] == [
        ["7", '["a", null]', "the dog"],
        ["", "", "the cat"],
    ]


def test_a_filter_passes_the_header_once_and_whole_rows(run: Run, model: str) -> None:
    args = ["perplexity", model, "t.tsv", "t.tsv", "--text-column", "sentence", "--max-oov", "0"]
    assert run(*args).stdout == f"{HEADER}\n" + "1\ta\tthe dog ran\tno\n" * 2


def test_rows_before_a_fault_are_written(run: Run, model: str) -> None:
    Path("bad.tsv").write_text("n\ttext\n1\tthe dog\n2\ta <s> b\n")
    result = run("perplexity", model, "bad.tsv", "--text-column", "text", "--per-line", "--no-header", code=1)
    assert result.stdout.endswith("\t1\tthe dog\n")
    assert "bad.tsv, line 3: " in result.stderr


def test_score_and_compare_read_the_column(run: Run, model: str) -> None:
    assert run("score", model, "t.tsv", "--text-column", "3").stdout == run("score", model, "t.txt").stdout
    args = ["compare", model, model, "--samples", "0", "--text"]
    assert run(*args, "t.tsv", "--text-column", "3").stdout == run(*args, "t.txt").stdout


def test_fit_reads_the_column_and_keeps_it_in_its_settings(run: Run) -> None:
    lines = TRAIN.replace("\n\n", "\n").splitlines()
    Path("train.csv").write_text("n,text\n" + "".join(f"{n},{line}\n" for n, line in enumerate(lines)))
    Path("train.txt").write_text("\n".join(lines))
    run("fit", "ngram", "train.csv", "-o", "a", "--text-column", "text", "--write-config", "a.toml")
    run("fit", "ngram", "train.txt", "-o", "b")
    digest = json.loads(run("show", "b", "--json").stdout)["digest"]
    assert json.loads(run("show", "a", "--json").stdout)["digest"] == digest
    run("fit", "--config", "a.toml", "-o", "c")
    assert json.loads(run("show", "c", "--json").stdout)["digest"] == digest
    args = ["fit", "one-hot", "train.csv", "-o", "v", "--json"]
    assert json.loads(run(*args, "--text-column", "text").stdout)["corpus"]["sentences"] == len(lines)


@pytest.fixture
def classifier(run: Run) -> str:
    """A saved classifier."""
    Path("labelled.tsv").write_text("good\ta fine film\nbad\tdull and cold\n" * 5)
    run("fit", "nbsvm", "labelled.tsv", "-o", "c", "--tokenizer", "space")
    return "c"


def test_classify_reads_the_column_and_carries_the_others(run: Run, classifier: str) -> None:
    Path("p.txt").write_text("a fine film\ndull\n")
    Path("p.tsv").write_text("n\treview\tlabel\n1\ta fine film\tx\n2\tdull\ty\x1b\n")
    plain = run("classify", classifier, "p.txt").stdout.splitlines()
    args = ["classify", classifier, "p.tsv", "--text-column", "review"]
    rows = [f"{plain[0]}\t1\tx", f"{plain[1]}\t2\ty\\x1b"]
    assert run(*args).stdout.splitlines() == ["label\tprobability\tn\tinput_label", *rows]
    assert run(*args, "--no-header").stdout.splitlines() == rows
    assert run(*args, "--with-text", "--highlights").stdout.splitlines()[0].split("\t")[2:] == [
        "highlights",
        "n",
        "input_label",
        "text",
    ]
    found = [json.loads(line) for line in run(*args, "--json").stdout.splitlines()]
    assert [(each["n"], each["input_label"], each["label"]) for each in found] == [
        ("1", "x", "good"),
        ("2", "y\x1b", "bad"),
    ]
    assert "p.tsv looks like a table" in run("classify", classifier, "p.tsv").stderr
    assert "--no-header requires" in run("classify", classifier, "p.txt", "--no-header", code=2).stderr


def test_classify_labels_the_rows_before_a_fault(run: Run, classifier: str) -> None:
    Path("bad.tsv").write_text("n\ttext\n1\ta fine film\n2\ta <s> b\n")
    args = ["classify", classifier, "bad.tsv", "--text-column", "text", "--no-header"]
    result = run(*args, "--marks", "error", code=1)
    assert [line.split("\t")[::2] for line in result.stdout.splitlines()] == [["good", "1"]]
    assert "bad.tsv, line 3: " in result.stderr


@pytest.mark.parametrize(
    "args", [["perplexity"], ["perplexity", "--per-line"], ["perplexity", "--per-token"], ["score"]]
)
def test_a_table_that_is_read_as_text_is_noted(args: list[str], run: Run, model: str) -> None:
    command, *options = args
    assert "t.tsv looks like a table" in run(command, model, "t.tsv", *options).stderr
    for name in ("t.txt", "t.tsv"):
        quiet = ["--text-column", "3"] if name == "t.tsv" else []
        assert "looks like" not in run(command, model, name, *quiet, *options).stderr


def test_fit_and_compare_note_it_too(run: Run, model: str) -> None:
    assert "t.tsv looks like a table" in run("fit", "ngram", "t.tsv", "-o", "x").stderr
    assert run("compare", model, model, "--samples", "0", "--text", "t.tsv").stderr.count("looks like a table") == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["perplexity", "MODEL", "t.tsv", "--text-format", "csv"], "requires --text-column"),
        (
            ["score", "MODEL", "t.tsv", "--text-column", "3", "--format", "space"],
            "--text-format space has no column names",
        ),
        (["report", "MODEL", "-o", "r.html", "--text-format", "csv"], "Error: --text-format is the format of a table"),
        (["fit", "ngram", "t.tsv", "-o", "m", "--format", "csv"], "--format: for classifiers"),
        (["fit", "ngram", "t.tsv", "-o", "m", "--text-column", "3", "--label-column", "x"], "--label-column: for"),
    ],
)
def test_wrong_usage(args: list[str], message: str, run: Run, model: str) -> None:
    assert message in run(*(model if arg == "MODEL" else arg for arg in args), code=2).stderr


@pytest.mark.parametrize(
    "args", [["perplexity", "MODEL"], ["perplexity", "MODEL", "--per-line"], ["report", "MODEL", "-o", "r.html"]]
)
def test_a_corpus_has_no_columns(args: list[str], run: Run, model: str) -> None:
    given = [model if arg == "MODEL" else arg for arg in args]
    result = run(*given, "--text", "corpus:english/test", "--text-column", "1", code=1)
    assert result.stderr == "nlmkit: corpus:english/test is not a table: omit --text-column\n"
    assert result.stdout == ""
