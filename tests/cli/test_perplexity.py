"""``nlmkit perplexity``: the report, rows by line and by token, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import TEST, TRAIN, Run
from nlmkit.cli import output
from nlmkit.core.storage import load

BINDING = [
    "perplexity",
    "perplexity_excluding_oov",
    "log_prob",
    "events",
    "sentences",
    "oov",
    "bits_per_token",
    "bits_per_character",
    "bits_per_byte",
    "vocabulary_size",
    "context",
    "signature",
    "model",
    "component",
]


def reference(test: str, context: str = "sentence") -> list[list[tuple[str, float, bool]]]:
    """Token, natural log-probability and OOV flag of every event, from the toy's definition."""
    counts = Counter(word for line in TRAIN.split("\n")[:-1] for word in [*line.split(" "), "</s>"] if word)
    known = {*counts, "<unk>"}
    total = sum(counts.values()) + len(known)
    rows, before = [], ["</s>", "</s>"]
    for line in test.split("\n")[:-1]:
        before = ["</s>", "</s>"] if context == "sentence" else before
        row = []
        for word in [*line.split(), "</s>"]:
            event = word if word in known else "<unk>"
            probability = 0.5 * (counts[event] + 1) / total + 0.25 * before.count(event)
            row.append((word, math.log(probability), word not in known))
            before = [before[1], event]
        rows.append(row)
    return rows


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_json_is_the_report(context: str, run: Run, model: str, texts: Path) -> None:
    printed = json.loads(run("perplexity", model, texts / "test.txt", "--json", "--context", context).stdout)
    assert set(BINDING) <= printed.keys()
    events = [event for row in reference(TEST, context) for event in row]
    total = sum(log_prob for _, log_prob, _ in events)
    known = [log_prob for _, log_prob, oov in events if not oov]
    expected: dict[str, Any] = {
        "perplexity": math.exp(-total / len(events)),
        "perplexity_excluding_oov": math.exp(-sum(known) / len(known)),
        "log_prob": total,
        "events": 8,
        "sentences": 2,
        "oov": 1,
        "bits_per_token": -total / math.log(2) / 8,
        "bits_per_character": -total / math.log(2) / len(TEST),
        "bits_per_byte": -total / math.log(2) / len(TEST.encode()),
        "vocabulary_size": 14,
    }
    assert {name: printed[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    assert (printed["context"], printed["model"], printed["component"]) == (context, model, "toy-recency")
    assert printed["signature"].startswith("nlmkit-ppl|v:")
    assert f"ctx:{context}|" in printed["signature"]


def test_report_to_read_is_the_models(run: Run, model: str, texts: Path) -> None:
    lm = load(model)
    assert run("perplexity", model, texts / "test.txt").stdout == lm.report(texts / "test.txt").render() + "\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_per_line(context: str, run: Run, model: str) -> None:
    text = TEST + "\nthe\tcat  sat \r\n"
    Path("t.txt").write_text(text, encoding="utf-8", newline="")
    printed = run("perplexity", model, "t.txt", "--per-line", "--context", context).stdout_bytes.decode()
    header, *lines = printed.split("\n")[:-1]
    assert header == "perplexity\tlog_prob\tevents\toov\tperplexity_excluding_oov\tbits_per_character\ttext"
    expected = reference(text, context)
    assert [line.split("\t", 6)[6] for line in lines] == text.split("\n")[:-1]
    for line, row in zip(lines, expected, strict=True):
        perplexity, log_prob, events, oov = line.split("\t")[:4]
        total = sum(value for _, value, _ in row)
        assert float(log_prob) == pytest.approx(total, rel=1e-8)
        assert float(perplexity) == pytest.approx(math.exp(-total / len(row)), rel=1e-8)
        assert (int(events), int(oov)) == (len(row), sum(flag for *_, flag in row))
        excluding, bits, raw = line.split("\t", 6)[4:]
        known = [value for _, value, flag in row if not flag]
        assert float(excluding) == pytest.approx(math.exp(-sum(known) / len(known)), rel=1e-8)
        assert float(bits) == pytest.approx(-total / math.log(2) / len(raw + "\n"), rel=1e-8)


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_per_token(context: str, run: Run, model: str, texts: Path) -> None:
    args = ["perplexity", model, texts / "test.txt", texts / "test.txt", "--per-token", "--context", context]
    printed = rows_of(run(*args).stdout)
    assert list(printed[0]) == ["sentence", "position", "token", "log_prob", "surprisal_bits", "oov", "letters", "half"]
    expected = [
        (number, position, *event)
        for number, row in enumerate(reference(TEST + TEST, context), start=1)
        for position, event in enumerate(row, start=1)
    ]
    for row, (number, position, token, log_prob, oov) in zip(printed, expected, strict=True):
        assert (int(row["sentence"]), int(row["position"]), row["token"]) == (number, position, token)
        assert float(row["log_prob"]) == pytest.approx(log_prob, rel=1e-8)
        assert float(row["surprisal_bits"]) == pytest.approx(-log_prob / math.log(2), rel=1e-8)
        assert row["oov"] == str(int(oov))
        assert row["letters"] == str(0 if token == "</s>" else len(token))
    objects = [json.loads(line) for line in run(*args, "--format", "jsonl").stdout.splitlines()]
    assert [list(each) for each in objects] == [list(row) for row in printed]
    for each, row in zip(objects, printed, strict=True):
        assert (each["token"], each["sentence"], int(each["oov"])) == (
            row["token"],
            int(row["sentence"]),
            int(row["oov"]),
        )
        assert type(each["oov"]) is bool
        assert output.number(each["log_prob"]) == row["log_prob"]


def test_per_line_as_jsonl(run: Run, model: str, texts: Path) -> None:
    args = ["perplexity", model, texts / "test.txt", "--per-line"]
    objects = [json.loads(line) for line in run(*args, "--format", "jsonl").stdout.splitlines()]
    assert [each["text"] for each in objects] == TEST.splitlines()
    assert [output.number(each["perplexity"]) for each in objects] == [
        row["perplexity"] for row in rows_of(run(*args).stdout)
    ]


def test_many_blocks_are_numbered_on(run: Run, model: str) -> None:
    text = "the cat\n" * 2500
    printed = rows_of(run("perplexity", model, "-", "--per-token", input=text).stdout)
    assert [int(row["sentence"]) for row in printed] == [number for number in range(1, 2501) for _ in range(3)]
    lines = rows_of(run("perplexity", model, "-", "--per-line", "--context", "stream", input=text).stdout)
    assert len(lines) == 2500
    assert sum(float(row["log_prob"]) for row in lines) == pytest.approx(
        sum(value for row in reference(text, "stream") for _, value, _ in row), rel=1e-7
    )


@pytest.mark.parametrize("context", ["sentence", "stream"])
@pytest.mark.parametrize("by", ["--per-line", "--per-token"])
def test_no_text_has_a_header_and_no_rows(by: str, context: str, run: Run, model: str) -> None:
    printed = run("perplexity", model, "-", by, "--context", context, input="").stdout
    assert printed.count("\n") == 1
    assert "log_prob" in printed
    assert run("perplexity", model, "-", by, "--no-header", "--context", context, input="").stdout == ""


def test_no_header(run: Run, model: str, texts: Path) -> None:
    for by in ("--per-line", "--per-token"):
        with_header = run("perplexity", model, texts / "test.txt", by).stdout
        without = run("perplexity", model, texts / "test.txt", by, "--no-header").stdout
        assert without == with_header.partition("\n")[2]


def test_hostile_tokens_stay_in_their_column(run: Run, model: str) -> None:
    run("fit", "toy-recency", "-", "-o", "chars", "--tokenizer", "char", input="ab\n")
    text = "\x1b\x85\u202e\u2028\rb\n"
    printed = run("perplexity", "chars", "-", "--per-token", "--no-header", input=text).stdout
    assert [line.split("\t")[2] for line in printed.splitlines()] == [
        "\\x1b",
        "\\x85",
        "\\u202e",
        "\\u2028",
        "\\x0d",
        "b",
        "</s>",
    ]
    jsonl = run("perplexity", "chars", "-", "--per-token", "--format", "jsonl", input=text).stdout
    assert [json.loads(line)["token"] for line in jsonl.splitlines()] == [*text[:-1], "</s>"]


def test_zero_probability_is_infinite_and_null(run: Run, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    from toys.command_line import Recency

    def zero(self: Recency, data: Any, *, context: str = "sentence") -> Any:
        values = np.full(self.encode(data).events, -1.0)
        values[0] = -np.inf
        return values

    monkeypatch.setattr(Recency, "log_probs", zero)
    args = ["perplexity", model, "-"]
    assert run(*args, "--per-line", "--no-header", input="the cat\n").stdout == "inf\t-inf\t3\t0\tinf\tinf\tthe cat\n"
    line = json.loads(run(*args, "--per-line", "--format", "jsonl", input="the cat\n").stdout)
    assert line == {
        "perplexity": None,
        "log_prob": None,
        "events": 3,
        "oov": 0,
        "perplexity_excluding_oov": None,
        "bits_per_character": None,
        "text": "the cat",
        "reasons": {
            "perplexity": "infinite",
            "log_prob": "-infinite",
            "perplexity_excluding_oov": "infinite",
            "bits_per_character": "infinite",
        },
    }
    token = run(*args, "--per-token", "--no-header", input="the\n").stdout.splitlines()[0]
    assert token.split("\t")[:6] == ["1", "1", "the", "-inf", "inf", "0"]
    report = json.loads(run(*args, "--json", input="the cat\n").stdout)
    assert report["perplexity"] is None
    assert "probability zero" in report["reasons"]["perplexity"]


def test_another_encoding_gives_the_same_figures(run: Run, texts: Path) -> None:
    run("fit", "toy-recency", "-", "-o", "m", input="été à\n")
    Path("utf8.txt").write_text("été là\n", encoding="utf-8")
    Path("latin.txt").write_text("été là\n", encoding="latin-1")
    in_utf8 = run("perplexity", "m", "utf8.txt", "--json").stdout
    assert run("perplexity", "m", "latin.txt", "--json", "--encoding", "latin-1").stdout == in_utf8
    for by in ("--per-line", "--per-token"):
        in_latin = run("perplexity", "m", "latin.txt", by, "--encoding", "latin-1").stdout
        assert in_latin == run("perplexity", "m", "utf8.txt", by).stdout
    result = run("perplexity", "m", "latin.txt", code=1)
    assert "latin.txt, line 1, byte 0: byte 0xE9 is not valid utf-8" in result.stderr
    replaced = json.loads(run("perplexity", "m", "latin.txt", "--json", "--errors", "replace").stdout)
    assert replaced["oov"] == 2
    assert "err:replace" in replaced["signature"]


def test_rows_before_a_fault_are_printed(run: Run, model: str) -> None:
    Path("good.txt").write_text("the cat\n")
    result = run("perplexity", model, "good.txt", "none.txt", "--per-line", "--no-header", code=1)
    assert result.stdout.endswith("\tthe cat\n")
    assert result.stderr.startswith("nlmkit: none.txt: no such file")


def test_a_scorer_that_is_no_distribution_is_refused(run: Run, texts: Path) -> None:
    run("fit", "toy-scorer", texts / "train.txt", "-o", "m")
    for by in ([], ["--json"], ["--per-line"], ["--per-token"]):
        result = run("perplexity", "m", texts / "test.txt", *by, code=1)
        assert result.stderr.startswith("nlmkit: m: scores of toy-scorer are not probabilities")
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none", "t.txt"], "none: no such folder; expected the folder of a saved model"),
        (["MODEL", "none.txt"], "none.txt: no such file or directory"),
        (["MODEL", "t.txt", "--encoding", "utf-9"], "unknown text encoding"),
        (["t.txt", "t.txt"], "t.txt: is a file; expected the folder that contains"),
    ],
)
def test_what_is_missing_is_one_line(args: list[str], message: str, run: Run, model: str) -> None:
    Path("t.txt").write_text("the\n")
    result = run("perplexity", *(model if arg == "MODEL" else arg for arg in args), code=1)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "args",
    [
        ["--json", "--per-line"],
        ["--per-line", "--per-token"],
        ["--format", "tsv"],
        ["--no-header"],
        ["--per-line", "--format", "jsonl", "--no-header"],
        ["--context", "paragraph"],
    ],
)
def test_options_that_exclude_each_other(args: list[str], run: Run, model: str, texts: Path) -> None:
    result = run("perplexity", model, texts / "test.txt", *args, code=2)
    assert result.stderr.startswith("Usage: nlmkit perplexity")
    assert result.stdout == ""


def test_per_token_scores_a_text_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from nlmkit import NGram
    from nlmkit.cli.perplexity_rows import TextScorer, _token_rows
    from nlmkit.cli.texts import parts
    from nlmkit.language_models.ngram.table import BackoffTable

    lm = NGram(order=2).fit(["the cat sat", "the dog sat"] * 3)
    (tmp_path / "text").write_text("the cat\nthe cow sat\n")
    calls = []
    score = BackoffTable.score

    def counted(self: BackoffTable, event_ids: Any, threads: int = 1) -> Any:
        calls.append(len(event_ids))
        return score(self, event_ids, threads)

    expected, lengths = lm.log_probs(tmp_path / "text"), lm.event_details(tmp_path / "text")["ngram_length"]
    monkeypatch.setattr(BackoffTable, "score", counted)
    (rows,) = _token_rows(TextScorer(lm, "sentence"), parts([str(tmp_path / "text")], lm.pipeline_))
    assert calls == [7]
    assert (rows.columns["log_prob"], rows.columns["ngram_length"]) == (expected.tolist(), lengths.tolist())
    assert rows.columns["oov"] == [False, False, False, False, True, False, False]
