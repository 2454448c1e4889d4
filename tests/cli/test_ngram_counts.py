"""``update``, ``export --format counts``, ``fit --format counts`` and ``fit class-ngram``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Run
from nlmkit import NGram, load

pytestmark = pytest.mark.slow

OPTIONS = ("-p", "order=3", "-p", "keep_counts=true", "--json")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "old.txt").write_text("the cat sat on the mat\nthe dog sat\n\n")
    (tmp_path / "new.txt").write_text("a cat ran\nthe mat\n")
    (tmp_path / "all.txt").write_text((tmp_path / "old.txt").read_text() + (tmp_path / "new.txt").read_text())
    return tmp_path


def facts(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_update_and_count_files_give_the_model_of_all_text(run: Run, texts: Path) -> None:
    whole = facts(run("fit", "ngram", texts / "all.txt", "-o", "whole", *OPTIONS))
    run("fit", "ngram", texts / "old.txt", "-o", "lm", *OPTIONS)
    updated = facts(run("update", "lm", texts / "new.txt", "-o", "lm", "--json"))
    assert updated["digest"] == whole["digest"] == load("lm", NGram).digest
    assert updated["fit"] == whole["fit"]
    assert updated["corpus"]["sentences"] == 2
    assert run("export", "lm", "counts.gz", "--format", "counts").exit_code == 0
    counted = run(
        "fit", "ngram", "counts.gz", "--format", "counts", "-o", "counted", *OPTIONS, "--write-config", "c.toml"
    )
    assert facts(counted)["digest"] == whole["digest"]
    assert "corpus" not in facts(counted)
    assert facts(run("fit", "--config", "c.toml", "-o", "again", "--json"))["digest"] == whole["digest"]


def test_update_reads_standard_input_and_tables(run: Run, texts: Path) -> None:
    whole = facts(run("fit", "ngram", texts / "all.txt", "-o", "whole", *OPTIONS))
    run("fit", "ngram", texts / "old.txt", "-o", "lm", *OPTIONS)
    piped = run("update", "lm", "-", "-o", "piped", "--json", input=(texts / "new.txt").read_text())
    assert facts(piped)["digest"] == whole["digest"]
    (texts / "table.tsv").write_text("id\ttext\n1\ta cat ran\n2\tthe mat\n")
    table = run("update", "lm", texts / "table.tsv", "--text-column", "text", "-o", "table", "--json")
    assert facts(table)["digest"] == whole["digest"]


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (("update", "lm", "new.txt"), 2, "missing the folder of the new model (-o)"),
        (
            ("update", "plain", "new.txt", "-o", "x"),
            1,
            "the model has no counts to add to: fit it with keep_counts=true",
        ),
        (("update", "classes", "new.txt", "-o", "x"), 1, "text cannot be added to a class-ngram, only to an ngram"),
        (("export", "plain", "x.gz", "--format", "counts"), 1, "the model has no counts to write"),
        (("fit", "lstm", "counts", "--format", "counts", "-o", "x"), 2, "lstm is fitted to text, not to counts"),
        (("fit", "nbsvm", "counts", "--format", "counts", "-o", "x"), 2, "--format counts"),
        (("fit", "ngram", "counts", "--format", "counts", "-o", "x", "--tokenizer", "bpe:300"), 2, "trained on counts"),
        (
            ("fit", "ngram", "counts", "--format", "counts", "-o", "x"),
            1,
            "counts, line 7: the n-gram 'b b a' is counted, but",
        ),
        (
            ("fit", "class-ngram", "new.txt", "-o", "x"),
            1,
            "class-ngram requires the classes of words: set classes=FILE",
        ),
        (
            ("fit", "class-ngram", "new.txt", "-o", "x", "-p", "classes=bad"),
            1,
            "bad, line 1: an expansion of the class",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, texts: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, problem: str
) -> None:
    monkeypatch.chdir(texts)
    (texts / "counts").write_text("</s>\t1\na b\t1\na\t1\nb\t1\n<s>\t1\nb a\t1\nb b a\t1\n")
    (texts / "bad").write_text("X new york\n")
    (texts / "names").write_text("PET cat\nPET dog\n")
    run("fit", "ngram", "old.txt", "-o", "plain")
    run("fit", "class-ngram", "old.txt", "-o", "classes", "-p", "classes=names")
    result = run(*words, code=code)
    assert problem in result.stderr
    assert "Traceback" not in result.stderr


def test_class_models_are_fitted_scored_and_compared(run: Run, texts: Path) -> None:
    (texts / "names").write_text("cat\tPET\ndog\tPET\n")
    fitted = facts(
        run("fit", "class-ngram", texts / "all.txt", "-o", "classes", "-p", f"classes={texts / 'names'}", "--json")
    )
    assert fitted["fit"]["classes"] == fitted["vocabulary_size"]
    run("fit", "ngram", texts / "all.txt", "-o", "words")
    compared = run("compare", "classes", "words", "--text", texts / "new.txt")
    assert compared.exit_code == 0, compared.output
    assert "class-ngram" in run("show", "classes").stdout
