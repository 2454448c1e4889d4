"""What starting costs: help and listing import nothing heavy, and the root's help no command."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from cli.conftest import Run
from nlmkit.cli.group import COMMANDS, nlmkit

HEAVY = {"numpy", "rich", "torch", "gensim", "nltk", "scipy", "sklearn", "kenlm", "safetensors", "filelock", "pytest"}
PROGRAM = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from nlmkit.cli import main
main()
"""


def imported_by(args: list[str], environment: dict[str, str]) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "args", [["list"], ["show", "ngram"], ["show", "toy-recency"], ["show", "char"], ["fit", "--help"]]
)
def test_light_commands_import_nothing_heavy(args: list[str], environment: dict[str, str]) -> None:
    modules = imported_by(args, environment)
    assert not {name.partition(".")[0] for name in modules} & HEAVY
    assert "nlmkit.cli.group" in modules


def test_help_imports_no_command(environment: dict[str, str]) -> None:
    modules = imported_by(["--help"], environment)
    assert not {name.partition(".")[0] for name in modules} & HEAVY
    assert not {module for module, _ in COMMANDS.values()} & modules


@pytest.mark.parametrize("name", COMMANDS)
def test_table_leads_to_the_command_of_that_name(name: str) -> None:
    with click.Context(nlmkit) as ctx:
        command = nlmkit.get_command(ctx, name)
    assert command is not None
    assert command.name == name


def test_root_help_lists_every_command(run: Run) -> None:
    shown = run("--help").stdout
    assert all(f"\n  {name} " in shown for name in COMMANDS)


def all_commands() -> list[list[str]]:
    found = []
    with click.Context(nlmkit) as ctx:
        for name in COMMANDS:
            command = nlmkit.get_command(ctx, name)
            found.append([name])
            if isinstance(command, click.Group):
                found += [[name, member] for member in command.commands]
    return found


@pytest.mark.parametrize("words", [[], *all_commands()], ids=" ".join)
def test_every_help_has_an_example_that_is_a_command(words: list[str], run: Run) -> None:
    shown = run(*words, "--help").stdout
    assert run(*words, "-h").stdout == shown
    lines = shown.partition("Examples:\n")[2].splitlines()
    assert lines
    assert all(line.startswith("  ") and "nlmkit" in line for line in lines)


@pytest.mark.parametrize("words", all_commands(), ids=" ".join)
def test_every_option_has_help(words: list[str]) -> None:
    command: click.Command | None = nlmkit
    with click.Context(nlmkit) as ctx:
        for word in words:
            assert isinstance(command, click.Group)
            command = command.get_command(ctx, word)
    assert command is not None
    assert all(option.help for option in command.params if isinstance(option, click.Option))
