"""``nlmkit fit --memory``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.conftest import Run
from nlmkit import RunOptions
from nlmkit.errors import HyperParameterError


def test_a_cap_changes_no_byte(run: Run, texts: Path) -> None:
    facts = []
    for more in ([], ["--memory", "256M", "--temporary-folder", "scratch"]):
        printed = json.loads(
            run("fit", "ngram", texts / "train.txt", "-o", "m", "-p", "order=3", "--json", *more).stdout
        )
        facts.append((printed["digest"], printed["corpus"], printed["fit"]))
    assert facts[0] == facts[1]
    assert os.listdir("scratch") == []


def test_a_table_is_read_in_a_stream(run: Run) -> None:
    Path("t.csv").write_text("id,text\n1,a b\n2,b c a\n")
    digests = set()
    for more in ([], ["--memory", "256M"]):
        result = run("fit", "ngram", "t.csv", "--text-column", "text", "-o", "m", "-p", "order=2", "--json", *more)
        digests.add(json.loads(result.stdout)["digest"])
    assert len(digests) == 1


def test_a_size_that_is_none(run: Run, texts: Path) -> None:
    result = run("fit", "ngram", texts / "train.txt", "-o", "m", "--memory", "lots", code=2)
    assert "'lots' is not a size: use 512M or 1.5G" in result.stderr


def test_components_that_are_fitted_in_memory_refuse_a_cap(run: Run, texts: Path) -> None:
    result = run("fit", "word2vec", texts / "train.txt", "-o", "m", "--memory", "1G", "--engine", "dask://a:1", code=2)
    assert "--memory, --engine: word2vec is fitted in memory, unlike ngram" in result.stderr


def test_options_of_a_run() -> None:
    assert RunOptions(memory="1.5 GiB").memory_bytes == 3 << 29
    assert RunOptions(memory=1 << 20, temporary_folder=Path("a")).external == ("memory", "temporary_folder")
    for wrong in ({"memory": "x"}, {"memory": 0}, {"memory": True}, {"engine": "dask"}, {"temporary_folder": 3}):
        with pytest.raises(HyperParameterError, match=f"^{next(iter(wrong))}"):
            RunOptions(**wrong)
