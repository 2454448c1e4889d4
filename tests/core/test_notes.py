"""Notes: where they go in Python and on the command line."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from nlmkit import NGram
from nlmkit.cli.boundary import notes_on_stderr
from nlmkit.cli.options import quiet_option
from nlmkit.core.notes import each_note_once, note
from nlmkit.errors import HyperParameterError


@click.command()
@quiet_option
@click.pass_context
def noted(ctx: click.Context, *, quiet: bool) -> None:
    with notes_on_stderr(ctx):
        note("look\x1b[31m here")
        note("look\x1b[31m here")
        click.echo(f"quiet: {quiet}")


def test_a_note_reaches_the_logger_of_a_python_program(caplog: pytest.LogCaptureFixture) -> None:
    note("50 % of it")
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("nlmkit", "WARNING", "50 % of it")
    ]


def test_the_command_line_prints_a_note_once_on_stderr_and_escaped() -> None:
    result = CliRunner().invoke(noted, [])
    assert result.stderr == "note: look\\x1b[31m here\n"
    assert result.stdout == "quiet: False\n"


def test_quiet_drops_the_notes() -> None:
    result = CliRunner().invoke(noted, ["--quiet"])
    assert (result.stdout, result.stderr) == ("quiet: True\n", "")


def test_what_a_fit_notes_is_logged_once_in_python(caplog: pytest.LogCaptureFixture) -> None:
    model = NGram(order=2).fit(["a b", "b a"])
    notes = model.fit_report_["notes"]
    assert notes
    assert [record.getMessage() for record in caplog.records] == notes
    assert {record.name for record in caplog.records} == {"nlmkit"}


def test_a_class_that_calls_the_fit_of_its_base_logs_once(caplog: pytest.LogCaptureFixture) -> None:
    class Noted(NGram):
        def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
            NGram(order=1).fit(["c"])  # a part of this fit: its notes are not about the result
            super().fit(data, valid=valid, run=run)
            self.fit_report_["notes"].append("the last note")
            return self

    model = Noted(order=2).fit(["a b", "b a"])
    assert [record.getMessage() for record in caplog.records] == model.fit_report_["notes"]
    assert caplog.records[-1].getMessage() == "the last note"


def test_a_fit_that_fails_logs_nothing_and_the_next_one_logs_again(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(HyperParameterError):
        NGram(order=2, vocabulary_file="none", vocabulary_size=3).fit(["a"])
    assert caplog.records == []
    NGram(order=2).fit(["a b"])
    assert caplog.records


def test_a_note_said_before_is_not_said_again_with_other_numbers(caplog: pytest.LogCaptureFixture) -> None:
    said: set[str] = set()
    for number in (1, 20):
        with each_note_once(said):
            note(f"order 1: {number} words")
            note(f"order 2: {number} words")
            with each_note_once(None):
                note(f"{number} lines")
    assert caplog.messages == ["order 1: 1 words", "order 2: 1 words", "1 lines"]
    note("5 lines")
    assert caplog.messages[-1] == "5 lines"
