"""Run the code of a page: its commands and its Python, in their order, in one folder.

Tests run every page so, with small networks; ``pictures.py`` runs pages as they are.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner

from nlmkit.cli.group import nlmkit

BLOCK: Final = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NOT_RUN: Final = frozenset({"cd", "docker", "git", "jupyter", "mkdocs", "pip", "python", "python3.11", "pytest"})
"""Programs whose lines are left out: they install, or run what other tests run."""

SMALL: Final[Mapping[str, str]] = {
    **dict.fromkeys(("lstm", "gru", "rnnlm"), "embedding=8 hidden=8 epochs=1 batch=32"),
    "nnlm": "embedding=8 hidden=8 epochs=1 batch=256",
    "glove": "dimension=8 epochs=2",
    "word2vec": "dimension=8 epochs=1",
    "encoder-decoder": "embedding=8 hidden=8 encoder_hidden=8 epochs=1",
    "vector-decoder": "hidden=8 epochs=1",
    "bilstm-tagger": "embedding=8 hidden=8 epochs=1",
    "tree-lstm": "embedding=8 hidden=8 epochs=1",
    **dict.fromkeys(("cnn", "lstm-cnn", "cnn-regressor"), "embedding=8 epochs=1"),
    **dict.fromkeys(("lstm-classifier", "lstm-regressor"), "embedding=8 hidden=8 epochs=1"),
}
"""Settings of components that train in steps, in place of those of the page, so that it runs in a moment."""


@dataclass
class Page:
    """A page whose code is run in the current folder.

    Attributes:
        text: Markdown.
        small: Whether networks are small, whatever the page says.
        outputs: What each command printed to stdout, by its line.
        noted: What all commands printed to stderr.
        printed: What the Python code printed.
    """

    text: str
    small: bool = True
    outputs: dict[str, str] = field(default_factory=dict)
    noted: str = ""
    printed: str = ""

    def run(self) -> None:
        """Run every block; raise AssertionError with the line that fails, or what the Python code raises."""
        names: dict[str, Any] = {}
        for language, block in BLOCK.findall(self.text):
            if language == "python":
                with contextlib.redirect_stdout(io.StringIO()) as printed:
                    exec(block, names)
                self.printed += printed.getvalue()
            else:
                for line in lines(block):
                    self.outputs[line] = self.command(line)

    def command(self, line: str) -> str:
        """Run a line: stages joined by pipes, of which the last may write to a file."""
        line, _, tolerated = line.partition(" || ")
        line, _, target = line.partition(" > ")
        text = None
        for stage in split(line):
            if stage.split()[0] in NOT_RUN:
                return ""
            text = self.nlmkit(stage, text, bool(tolerated)) if stage.startswith("nlmkit ") else shell(stage, text)
        if target:
            Path(target.strip()).write_text(text or "", encoding="utf-8")
        return text or ""

    def nlmkit(self, stage: str, given: str | None, tolerated: bool) -> str:
        """Run an ``nlmkit`` command in this process, which saves the time of starting one."""
        words = shlex.split(stage)[1:]
        if self.small and words[0] == "fit":
            words = smaller(words)
        result = CliRunner().invoke(nlmkit, words, input=given, prog_name="nlmkit")
        assert result.exit_code == 0 or tolerated, f"{stage}\n{result.output}"
        self.noted += result.stderr
        return result.stdout


def lines(block: str) -> Iterator[str]:
    """Yield the commands of a block, without comments; a backslash continues a line."""
    for line in block.replace("\\\n", " ").splitlines():
        command = re.sub(r"(^|\s)# .*", "", line).strip()
        if command:
            yield command


def split(line: str) -> list[str]:
    """Return the stages of a pipe; a bar in quotes divides nothing."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars="|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    stages = [""]
    for word in lexer:
        if word == "|":
            stages.append("")
        else:
            stages[-1] += f" {word}"
    return [stage.strip() for stage in stages]


def smaller(words: list[str]) -> list[str]:
    """Return the arguments of ``fit`` with small settings for what trains in steps."""
    settings = SMALL.get(words[1], "").split()
    if not settings:
        return words
    if any(word.startswith("representation=") for word in words):
        settings = [setting for setting in settings if not setting.startswith("embedding=")]
    named = {setting.partition("=")[0] for setting in settings}
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--budget":
            next(rest)
        elif word == "-p":
            setting = next(rest)
            kept += [] if setting.partition("=")[0] in named else [word, setting]
        else:
            kept.append(word)
    return [*kept, *(word for setting in settings for word in ("-p", setting))]


def shell(stage: str, given: str | None) -> str:
    """Run another program's stage of a pipe."""
    done = subprocess.run(
        ["bash", "-c", stage], input=given, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, f"{stage}\n{done.stderr}"
    return done.stdout
