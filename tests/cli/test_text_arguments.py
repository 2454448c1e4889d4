"""One habit for texts: as arguments, with --text, or through standard input; and one name for each kind of format."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.conftest import TEST, TRAIN, Run
from nlmkit.cli.text_arguments import is_text, models_and_texts
from nlmkit.core.storage import load

pytestmark = pytest.mark.slow

LABELLED = "a\tgood film\nb\tbad film\na\tgood\nb\tbad\n" * 3


@pytest.fixture
def folder(tmp_path: Path, model: str, run: Run) -> Path:
    """A folder with texts, and saved models beside the toy."""
    (tmp_path / "train.txt").write_text(TRAIN, encoding="utf-8")
    (tmp_path / "test.txt").write_text(TEST, encoding="utf-8")
    (tmp_path / "labelled.tsv").write_text(LABELLED, encoding="utf-8")
    run("fit", "ngram", "train.txt", "-o", "lm", "-p", "order=1", "-p", "smoothing=mle", "-q")
    run("fit", "toy-recency", "train.txt", "-o", "other", "-q")
    run("fit", "one-hot", "train.txt", "-o", "words", "-q")
    return tmp_path


@pytest.mark.parametrize("before", [["perplexity", "lm"], ["score", "lm"], ["perplexity", "lm", "--per-line"]])
def test_a_text_is_an_argument_or_text_or_standard_input(run: Run, folder: Path, before: list[str]) -> None:
    expected = run(*before, "test.txt").stdout
    assert run(*before, "--text", "test.txt").stdout == expected
    assert run(*before, input=TEST.encode()).stdout == expected
    assert run(*before, "-", input=TEST.encode()).stdout == expected
    both = run(*before, "test.txt", "--text", "train.txt").stdout
    assert both == run(*before, "test.txt", "train.txt").stdout


def test_compare_takes_its_text_in_each_way(run: Run, folder: Path) -> None:
    expected = run("compare", "lm", "other", "--text", "test.txt", "--samples", "20").stdout
    assert "not ranked" in expected or "RANK" in expected
    for args in (["lm", "other", "test.txt"], ["test.txt", "lm", "other"], ["lm", "other"]):
        found = run("compare", *args, "--samples", "20", input=TEST.encode())
        assert found.stdout == expected
    one = run("compare", "lm", "other", "corpus:english/test", "--samples", "0", "--json").stdout
    assert '"corpus:english/test"' in one


def test_training_text_comes_through_standard_input(run: Run, folder: Path) -> None:
    run("fit", "toy-recency", "-o", "piped", input=TRAIN.encode())
    assert load("piped").digest == load("other").digest


def test_classifiers_read_labelled_texts_and_lines_there(run: Run, folder: Path) -> None:
    pytest.importorskip("sklearn", reason="nbsvm needs scikit-learn")
    run("fit", "nbsvm", "-o", "piped", input=LABELLED.encode())
    run("fit", "nbsvm", "labelled.tsv", "-o", "named")
    assert load("piped").predict(["good"]).tolist() == load("named").predict(["good"]).tolist()  # type: ignore[attr-defined]
    scored = run("score", "named", "labelled.tsv", "--json").stdout
    assert '"accuracy": 1.0' in scored
    assert '"accuracy": 1.0' in run("score", "named", "--json", input=LABELLED.encode()).stdout
    expected = run("classify", "named", "-", input=b"good\n").stdout
    assert run("classify", "named", input=b"good\n").stdout == expected
    Path("lines.txt").write_text("good\n", encoding="utf-8")
    assert run("classify", "named", "--text", "lines.txt").stdout == expected


@pytest.mark.usefixtures("at_a_terminal")
@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["perplexity", "lm"], "missing TEXT: "),
        (["compare", "lm", "other"], "missing the text (--text): "),
        (["score", "lm"], "missing TEXT (lm is a language-model): "),
        (["fit", "ngram", "-o", "x"], "missing TRAIN: "),
        (["fit", "nbsvm", "-o", "x"], "missing TRAIN: "),
    ],
)
def test_at_a_terminal_the_remedy_is_told(run: Run, folder: Path, args: list[str], what: str) -> None:
    stderr = run(*args, code=2).stderr
    assert f"{what}pass a file, or pipe text in (< FILE); - reads typed lines" in stderr


@pytest.mark.usefixtures("at_a_terminal")
def test_classify_reads_what_is_typed_and_says_so(run: Run, folder: Path) -> None:
    pytest.importorskip("sklearn", reason="nbsvm needs scikit-learn")
    run("fit", "nbsvm", "labelled.tsv", "-o", "named")
    result = run("classify", "named", input=b"good\n")
    assert result.stdout.startswith("a\t")
    assert result.stderr == "note: reading typed lines; press Ctrl-D to end\n"


def test_a_representation_needs_no_text(run: Run, folder: Path) -> None:
    pytest.importorskip("scipy", reason="rank correlations need scipy")
    Path("pairs.tsv").write_text("the\tcat\t1\n", encoding="utf-8")
    by_option = run("score", "words", "--text", "pairs.tsv", code=1).stderr
    assert by_option == run("score", "words", "pairs.tsv", code=1).stderr


def test_standard_input_is_read_once(run: Run, folder: Path) -> None:
    for args in (["perplexity", "lm", "-", "--text", "-"], ["classify", "lm", "-", "-"]):
        assert "- is used twice" in run(*args, code=2).stderr


def test_models_are_folders_and_texts_are_not(folder: Path) -> None:
    assert models_and_texts(["lm", "test.txt", "-", "absent", "corpus:x/y"]) == (
        ("lm", "absent"),
        ("test.txt", "-", "corpus:x/y"),
    )
    assert not is_text("a\0b")
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
        assert is_text("pipe")  # what a shell's <(command) is


def test_each_format_has_a_name_of_its_own(run: Run, folder: Path) -> None:
    rows = run("perplexity", "lm", "test.txt", "--per-line", "--format", "jsonl").stdout
    assert run("perplexity", "lm", "test.txt", "--per-line", "--row-format", "jsonl").stdout == rows
    run("export", "lm", "a.txt", "--file-format", "arpa", code=1)
    run("import", "a.arpa", "-o", "x", "--file-format", "arpa", code=1)
    for command, flag in (("perplexity", "--row-format"), ("export", "--file-format"), ("import", "--file-format")):
        assert flag in run(command, "--help").stdout
    assert "--text-format" in run("fit", "--help").stdout
    Path("data").write_text(LABELLED.replace("\t", " "), encoding="utf-8")
    pytest.importorskip("sklearn", reason="nbsvm needs scikit-learn")
    run("fit", "nbsvm", "data", "--text-format", "space", "-o", "one")
    run("fit", "nbsvm", "data", "--format", "space", "-o", "two")
    assert load("one").digest == load("two").digest


def test_the_habit_is_written_down(run: Run) -> None:
    about = " ".join(run("--help").stdout.split())
    for words in ("`nlmkit COMMAND MODEL TEXT...`", "--text TEXT is an alternative", "--row-format", "--file-format"):
        assert words in about.replace("--row- format", "--row-format").replace("--file- format", "--file-format")
