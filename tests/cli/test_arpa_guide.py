"""The guide to ARPA files: its commands work, and threads change no byte."""

from __future__ import annotations

import re
from pathlib import Path

from cli.conftest import Run

_GUIDE = Path(__file__).parents[2] / "docs" / "arpa.md"


def test_the_commands_of_the_guide(run: Run, texts: Path) -> None:
    run("fit", "ngram", texts / "train.txt", "-o", "kn5")
    commands = re.findall(r"^    nlmkit (.+)$", _GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["export", "import"]
    for command in commands:
        run(*command.split())
    run("export", "kn5", "one.arpa")
    assert Path("one.arpa").read_bytes() == Path("kn5.arpa").read_bytes()
    run("import", "one.arpa", "-o", "one")
    arrays = [next(Path(folder).glob("arrays-*")).name for folder in ("back", "one")]  # the name is a hash
    assert arrays[0] == arrays[1]


def test_workers_are_refused_for_vectors(run: Run) -> None:
    for command in (["import", "v.vec", "-o", "v"], ["export", "v", "v.vec"]):
        assert "--workers applies to ARPA files only" in run(*command, "--workers", 2, code=2).stderr
