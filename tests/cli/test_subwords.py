"""Subword tokenizers on the command line: trained by ``fit``, applied by every other command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cli.conftest import Run

pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
pytestmark = pytest.mark.slow

TRAIN = "the cat sat on the mat\nthat cat, the other cat\nles mères\n" * 3
TEST = "the émeu sat\n\n猫\u3000<s>\n"


@pytest.fixture(autouse=True)
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("train.txt", TRAIN), ("test.txt", TEST), ("valid.txt", "the cat\n")):
        Path(name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("tokenizer", ["bpe:300", "unigram:300"])
def test_a_language_model_from_fit_to_generate(run: Run, tokenizer: str) -> None:
    options = ["-p", "order=2", "-p", "smoothing=witten-bell", "--json"]
    fitted = json.loads(
        run("fit", "ngram", "train.txt", "--tokenizer", tokenizer, "--valid", "valid.txt", "-o", "m", *options).stdout
    )
    assert fitted["resolved"]["pipeline"]["tokenizer"] == tokenizer
    report = json.loads(run("perplexity", "m", "test.txt", "--json").stdout)
    assert report["oov"] == 0
    assert report["bits_per_character"] > 0
    assert f"tok:{tokenizer.split(':', maxsplit=1)[0]}(" in report["signature"]
    lines = run("perplexity", "m", "test.txt", "--per-line").stdout.splitlines()
    assert [line.split("\t")[-1] for line in lines[1:]] == TEST.splitlines()
    sampled = json.loads(run("generate", "m", "--json", "--prompt", "the  cat").stdout)
    assert sampled["text"].startswith("the  cat")
    assert "▁" not in sampled["text"]


def test_the_training_text_may_come_from_a_pipe(run: Run) -> None:
    run("fit", "ngram", "-", "--tokenizer", "bpe:300", "-p", "order=1", "-o", "piped", input=TRAIN)
    run("fit", "ngram", "train.txt", "--tokenizer", "bpe:300", "-p", "order=1", "-o", "m")
    names = [json.loads(run("show", name, "--json").stdout)["digest"] for name in ("piped", "m")]
    assert names[0] == names[1]


def test_a_run_is_repeated_by_its_settings(run: Run) -> None:
    run("fit", "ngram", "train.txt", "--tokenizer", "bpe:300", "-p", "order=1", "-o", "m", "--write-config", "run.toml")
    run("fit", "ngram", "train.txt", "--tokenizer", "model:m", "-p", "order=1", "-o", "n", "--write-config", "two.toml")
    assert 'tokenizer = "bpe:300"' in Path("run.toml").read_text(encoding="utf-8")
    assert 'tokenizer = "model:m"' in Path("two.toml").read_text(encoding="utf-8")
    run("fit", "ngram", "--config", "run.toml", "-o", "again")
    digests = {json.loads(run("show", name, "--json").stdout)["digest"] for name in ("m", "n", "again")}
    assert len(digests) == 1


def test_models_of_texts(run: Run) -> None:
    Path("texts.tsv").write_text("".join(f"{line.split()[-1]}\t{line}\n" for line in TRAIN.splitlines()))
    run("fit", "nbsvm", "texts.tsv", "--tokenizer", "bpe:300", "-o", "c")
    assert "accuracy" in run("score", "c", "texts.tsv").stdout
    assert json.loads(run("show", "c", "--json").stdout)["pipeline"]["tokenizer"].startswith("bpe(")
    assert "accuracy" in run("fit", "nbsvm", "texts.tsv", "-p", "tokenizer=bpe:300", "--cross-validate", "3").stdout
    run("fit", "one-hot", "train.txt", "--tokenizer", "bpe:300", "-o", "r")


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["ngram", "train.txt", "--tokenizer", "bpe:x"], 1, "the tokenizer bpe:x: expected the number of its tokens"),
        (["ngram", "train.txt", "--tokenizer", "bpe:260"], 1, "bpe:260 is too small for this text: its 14 characters"),
        (["ngram", "empty.txt", "--tokenizer", "bpe"], 1, "empty.txt: there is no text to train the tokenizer bpe on"),
        (["hmm-tagger", "corpus:chunks-en", "--tokenizer", "bpe"], 1, "not divided into subwords"),
        (["mixture", "--model", "m", "--model", "m", "--tokenizer", "bpe"], 2, "is trained on the training text"),
        (["ngram", "train.txt", "--tokenizer", "model:words"], 1, "expected a segmenter"),
    ],
)
def test_errors(run: Run, arguments: list[str], code: int, problem: str) -> None:
    Path("empty.txt").write_text("\n \n", encoding="utf-8")
    run("fit", "ngram", "train.txt", "-p", "order=1", "-o", "words")
    run("fit", "ngram", "train.txt", "-p", "order=1", "-o", "m", "--tokenizer", "bpe:300")
    assert problem in run("fit", *arguments, "-o", "x", code=code).stderr
    assert not Path("x").exists()


def test_without_the_library(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    error = run("fit", "ngram", "train.txt", "--tokenizer", "unigram", "-o", "m", code=1).stderr
    assert "the tokenizer unigram needs tokenizers: pip install 'nlmkit[subwords]'" in error


def test_imported_models_take_no_untrained_tokenizer(run: Run) -> None:
    Path("v.vec").write_text("1 2\na 1 2\n", encoding="utf-8")
    assert (
        "the tokenizer bpe is not trained yet" in run("import", "v.vec", "--tokenizer", "bpe", "-o", "v", code=1).stderr
    )
