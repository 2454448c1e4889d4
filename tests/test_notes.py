"""Notes: where they go in Python and on the command line."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from nlmkit.cli.boundary import notes_on_stderr
from nlmkit.cli.options import quiet_option
from nlmkit.notes import note


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
