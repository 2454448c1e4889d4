"""Commands that pages mention in passing exist, with their options."""

from __future__ import annotations

import itertools
import re
import shlex

import click
import pytest

from nlmkit.cli.group import nlmkit
from pages.conftest import DOCS, ROOT

FILES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md"]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """Return the commands of a page: lines of its blocks, and inline code."""
    text = re.sub(r"\\\n", " ", text)
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    lines += re.findall(r"^    (.+)$", text, re.MULTILINE)
    found = [line.removeprefix("$ ") for line in lines] + re.findall(r"`(nlmkit [^`]+)`", FENCE.sub("", text))
    return [line for line in found if line.startswith("nlmkit ")]


def unknown(line: str) -> list[str]:
    """Return the words of a command that nlmkit does not know: its name, or options of it."""
    words = shlex.split(line.replace("…", "").replace("\\|", "|"), comments=True)[1:]
    words = list(itertools.takewhile(lambda word: word not in {"|", ">", "||", "<"}, words))
    command: click.Command = nlmkit
    context = click.Context(nlmkit)
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        if words[0].isupper():
            return []  # COMMAND stands for any
        inner = command.get_command(context, words[0])
        if inner is None:
            return [words[0]]
        command, words = inner, words[1:]
    options = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)]
    return [flag for flag in given if flag not in options | {"--help", "-h", "--version", "--debug"}]


def test_an_unknown_option_is_found() -> None:
    assert unknown("nlmkit perplexity kn5 --per-tocken") == ["--per-tocken"]
    assert unknown("nlmkit fitt ngram") == ["fitt"]
    assert unknown("nlmkit plugins new NAME --kind tagger | cat") == []
    assert commands("a `nlmkit list` b\n```sh\nnlmkit fit\n```\nnlmkit fits models") == ["nlmkit fit", "nlmkit list"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_commands_and_options_exist(file) -> None:  # type: ignore[no-untyped-def]
    found = commands(file.read_text(encoding="utf-8"))
    assert {line: unknown(line) for line in found if unknown(line)} == {}
