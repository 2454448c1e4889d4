"""``nlmkit export`` and ``nlmkit import``, with a toy that exports and without one that imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import Run


@pytest.mark.parametrize(
    ("args", "written"),
    [
        (["lm.arpa"], "arpa 15\n"),
        (["LM.ARPA.GZ"], "arpa 15\n"),
        (["lm.txt", "--format", "arpa"], "arpa 15\n"),
    ],
)
def test_the_name_or_the_option_tells_the_format(args: list[str], written: str, run: Run, model: str) -> None:
    result = run("export", model, *args)
    assert Path(args[0]).read_text() == written
    assert result.output == ""


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["export", "MODEL", "lm.txt"], "unknown format of 'lm.txt'"),
        (["import", "lm.dat", "-o", "m"], "unknown format of 'lm.dat'"),
    ],
)
def test_an_untold_format_is_wrong_usage(args: list[str], told: str, run: Run, model: str) -> None:
    result = run(*(model if arg == "MODEL" else arg for arg in args), code=2)
    assert told in result.stderr
    assert "or set --format" in result.stderr
    assert not Path(args[-1]).exists()


def test_refusals_are_one_line(run: Run, model: str, texts: Path) -> None:
    assert run("export", model, "refused.arpa", code=1).stderr == "nlmkit: the toy refuses\n"
    run("fit", "toy-scorer", texts / "train.txt", "-o", "m")
    assert run("export", "m", "m.arpa", code=1).stderr == "nlmkit: m: toy-scorer cannot be written as arpa\n"
    assert run("export", "none", "m.arpa", code=1).stderr.startswith("nlmkit: none: no such folder")
    assert run("export", "m", "m.vec", code=1).stderr == "nlmkit: m: toy-scorer cannot be written as word2vec\n"
    assert "nowhere" in run("export", model, "nowhere/m.arpa", code=1).stderr
    assert not Path("m.arpa").exists()


def test_import_needs_a_place_and_a_file(run: Run) -> None:
    assert "missing MODEL (-o)" in run("import", "lm.arpa", code=2).stderr
    assert run("import", "lm.arpa", "-o", "m", code=1).stderr.startswith("nlmkit: lm.arpa: ")
    Path("taken").write_text("mine")
    assert run("import", "lm.arpa", "-o", "taken", code=1).stderr.startswith("nlmkit: taken: is a file")
    assert Path("taken").read_text() == "mine"
