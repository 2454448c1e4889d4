"""``--max-perplexity`` and ``--max-oov``: lines that pass a filter, as they were."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import Run
from nlmkit import NGram, load

NOISE = "zzz qqq vvv www"
SENTENCE = "the old man looked at the house"


@pytest.fixture(scope="module")
def kn(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model whose ``<unk>`` is trained, so that noise is the likelier text."""
    folder = tmp_path_factory.mktemp("models") / "kn"
    NGram(order=3, min_count=2).fit("corpus:english").save(folder)
    return str(folder)


def perplexities(model: str, lines: list[str]) -> list[float]:
    return load(model).line_figures(iter(lines)).perplexity.tolist()  # type: ignore[attr-defined, no-any-return]


def test_noise_is_refused_though_its_perplexity_is_lower(run: Run, kn: str) -> None:
    noise, sentence = perplexities(kn, [NOISE, SENTENCE])
    assert noise < sentence
    for options in (["--max-perplexity", "1e6"], ["--max-perplexity", "1e6", "--max-oov", "0.2"]):
        assert run("perplexity", kn, "-", *options, input=f"{NOISE}\n{SENTENCE}\n").stdout == f"{SENTENCE}\n"


def test_lines_come_out_as_they_were(run: Run, kn: str) -> None:
    lines = [b"the\t old  man \r", b"", "the man … the house".encode(), b"zzz", b"the \xff man"]
    result = run("perplexity", kn, "-", "--max-oov", "100%", "--errors", "replace", input=b"\n".join(lines))
    assert result.stdout_bytes == b"\n".join(lines).replace(b"\xff", "\ufffd".encode()) + b"\n"


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_the_bound_holds_with_unknown_words_and_without(context: str, run: Run, kn: str) -> None:
    lines = [SENTENCE, "", NOISE, "the zzz", "zzz the zzz", "of the"]
    corpus = load(kn).encode(iter(lines))  # type: ignore[attr-defined]
    figures = load(kn).line_figures(corpus, context=context)  # type: ignore[attr-defined]
    worse = np.maximum(figures.perplexity, figures.perplexity_excluding_oov)
    for bound in sorted(worse):
        expected = [line for line, value in zip(lines, worse, strict=True) if value <= bound and line != NOISE]
        options = ["--max-perplexity", repr(float(bound)), "--context", context]
        assert run("perplexity", kn, "-", *options, input="\n".join(lines)).stdout.split("\n")[:-1] == expected


@pytest.mark.parametrize(
    ("bound", "passed"),
    [
        ("0", [0, 1]),
        ("0.0", [0, 1]),
        ("1", [0, 1, 2]),
        ("0.25", [0, 1, 2]),
        ("25%", [0, 1, 2]),
        ("0.24", [0, 1]),
        ("2", [0, 1, 2, 3]),
        ("1.0", [0, 1, 2, 3]),
    ],
)
def test_a_bound_of_unknown_words_is_a_count_or_a_share(bound: str, passed: list[int], run: Run, kn: str) -> None:
    lines = ["the man", "", "the man zzz the", "zzz zzz"]
    printed = run("perplexity", kn, "-", "--max-oov", bound, input="\n".join(lines)).stdout
    assert printed.split("\n")[:-1] == [lines[index] for index in passed]


def test_with_rows_only_those_of_passing_lines_are_written(run: Run, kn: str) -> None:
    text = f"{NOISE}\n{SENTENCE}\n"
    (row,) = run("perplexity", kn, "-", "--per-line", "--no-header", "--max-oov", "0", input=text).stdout.splitlines()
    assert row.split("\t")[6] == SENTENCE
    assert float(row.split("\t")[0]) == pytest.approx(perplexities(kn, [SENTENCE])[0], rel=1e-8)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--max-oov", "2.5"], "'2.5' is not valid"),
        (["--max-oov", "nan"], "is not valid: expected a share (0.2 or 20%) or a number of words (a whole number"),
        (["--max-oov", "-1"], "is not valid: expected a share (0.2 or 20%) or a number of words (a whole number"),
        (["--max-oov", "9" * 5000], "is not valid: expected a share (0.2 or 20%) or a number of words (a whole"),
        (["--max-perplexity", "0.5"], "x>=1"),
        (["--max-perplexity", "nan"], "must be a number"),
        (["--max-oov", "1", "--json"], "omit --json, --per-token and --per-word"),
        (["--max-perplexity", "9", "--per-token"], "omit --json, --per-token and --per-word"),
        (["--max-oov", "1", "--no-header"], "require --per-line, --per-token or --per-word"),
    ],
)
def test_wrong_usage(args: list[str], message: str, run: Run, kn: str) -> None:
    assert message in run("perplexity", kn, "-", *args, code=2, input="").stderr


def test_scores_that_are_no_distribution_are_refused(run: Run) -> None:
    run("fit", "ngram", "corpus:english", "-o", "sb", "-p", "smoothing=stupid-backoff", "-p", "order=2")
    assert "are not probabilities" in run("perplexity", "sb", "-", "--max-oov", "1", code=1, input="a\n").stderr


def test_a_cheap_unknown_word_is_noted_once_unless_it_is_bounded(run: Run, kn: str) -> None:
    text = f"{NOISE}\n" * 3000
    assert run("perplexity", kn, "-", "--per-line", input=text).stderr.count("unknown words lower the") == 1
    assert "unknown words lower the" in run("perplexity", kn, "-", "--max-perplexity", "9", input=text).stderr
    assert "unknown words lower the perplexity of" in run("perplexity", kn, "-", input=text).stderr
    assert "unknown words lower the perplexity of" in run("score", kn, "-", input=text).stderr
    Path("t.txt").write_text(text)
    assert "unknown words lower the" in run("compare", kn, kn, "--text", "t.txt", "--samples", "0").stderr
    for options in (["--max-oov", "0.2"], ["--per-line", "--quiet"]):
        assert not run("perplexity", kn, "-", *options, input=text).stderr
    assert not run("perplexity", kn, "-", "--per-line", input=SENTENCE).stderr


@pytest.mark.slow
def test_a_line_is_answered_before_the_next_comes(kn: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "nlmkit", "perplexity", kn, "-", "--max-oov", "0"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{NOISE}\n{SENTENCE}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().decode() == f"{SENTENCE}\n"
        process.stdin.close()
        assert process.stdout.read() == b""
