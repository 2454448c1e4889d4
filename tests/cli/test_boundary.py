"""Every way to fail is one line and an exit code; the traceback comes with ``--debug`` only."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import Run

FAILURES = [
    (
        "bug",
        1,
        "nlmkit: internal error: ZeroDivisionError: division by zero; please report it with the output of --debug",
    ),
    ("recursion", 1, "nlmkit: internal error: RecursionError: maximum recursion depth exceeded; please report it"),
    ("silent", 1, "nlmkit: internal error: AssertionError; please report it with the output of --debug"),
    ("exit", 1, "nlmkit: internal error: SystemExit: 0; please report it with the output of --debug"),
    ("eof", 1, "nlmkit: internal error: EOFError: no more; please report it with the output of --debug"),
    ("memory", 1, "nlmkit: out of memory: Unable to allocate 8.00 PiB for an array"),
    ("disk", 1, "nlmkit: some/file: No space left on device\n"),
    ("lines", 1, "nlmkit: a\\u202eb: one two\\x1b[31m\n"),
    ("interrupt", 130, "nlmkit: interrupted\n"),
]


@pytest.mark.parametrize(("how", "code", "line"), FAILURES, ids=[how for how, *_ in FAILURES])
def test_one_line_and_a_code(how: str, code: int, line: str, run: Run) -> None:
    args = ["fit", "toy-failing", "-", "-o", "m", "-p", f"how={how}"]
    result = run(*args, code=code, input="a\n")
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert not Path("m").exists()


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_debug_adds_the_traceback(place: str, run: Run) -> None:
    args = ["fit", "toy-failing", "-", "-o", "m"]
    args = ["--debug", *args] if place == "before" else [*args, "--debug"] if place == "after" else args
    env = {"NLMKIT_DEBUG": "1"} if place == "environment" else {}
    result = run(*args, code=1, input="a\n", env=env)
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert "command_line.py" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("nlmkit: internal error: ZeroDivisionError")


def test_a_traceback_drives_no_terminal(run: Run) -> None:
    """Names in its messages are escaped, line by line."""
    result = run("fit", "toy-failing", "-", "-o", "m", "-p", "how=lines", "--debug", code=1, input="a\n")
    assert result.stderr.startswith("Traceback (most recent call last):\n")
    assert "\n  File " in result.stderr
    assert not [char for char in result.stderr if char in "\x1b\u202e"]
    assert "a\\u202eb: one" in result.stderr.rpartition("nlmkit: ")[0]


@pytest.mark.parametrize(
    "args",
    [
        ["no\x1b[31m\u202e"],
        ["show", "ngram", "--no\x1b[31m\u202e"],
        ["show", "ngram", "more\x1b[31m\u202e"],
        ["perplexity", "m", "-", "--format", "no\x1b[31m\u202e"],
        ["plugins", "no\x1b[31m\u202e"],
        ["fit", "ngram", "t", "-o", "m", "--budget", "no\x1b[31m\u202e"],
    ],
    ids=lambda args: " ".join(args[:-1]) or "command",
)
def test_usage_errors_drive_no_terminal(args: list[str], run: Run) -> None:
    """They quote what was typed."""
    result = run(*args, code=2)
    assert "\\x1b[31m\\u202e" in result.stderr
    assert not [char for char in result.stderr if char in "\x1b\u202e"]


def test_unknown_commands_get_a_suggestion(run: Run) -> None:
    assert "no command 'perplexty'; did you mean perplexity?" in run("perplexty", code=2).stderr
    assert "no command 'chek'; did you mean check?" in run("plugins", "chek", code=2).stderr
    assert "No such option" in run("--perplexity", code=2).stderr


def test_version(run: Run) -> None:
    from nlmkit import __version__

    assert run("--version").stdout == f"nlmkit {__version__}\n"
