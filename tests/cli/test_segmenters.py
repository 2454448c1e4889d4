"""``--tokenizer model:FOLDER``: models whose words are those of a saved segmenter."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from toys.plugin_packages import write_package
from toys.segmenters import GROUPS, SEGMENTED, TEXT, segmenter

from cli.conftest import Run
from nlmkit import NBSVM
from nlmkit.core.storage import load

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("toys")
    write_package(folder, "toy-segmenters", groups=GROUPS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.fixture(autouse=True)
def place(tmp_path: Path) -> None:
    """A segmenter, a text and labelled texts, in the working directory."""
    segmenter().save(tmp_path / "seg")
    (tmp_path / "train.txt").write_text("".join(f"{line}\n" for line in TEXT), encoding="utf-8")
    rows = (f"{'sea' if '海' in line else 'land'}\t{line}\n" for line in TEXT)
    (tmp_path / "train.tsv").write_text("".join(rows), encoding="utf-8")


def test_a_language_model_of_words_is_fitted_scored_and_shown(run: Run) -> None:
    run("fit", "ngram", "train.txt", "-o", "zh", "--tokenizer", "model:seg", "-p", "order=2")
    shutil.rmtree("seg")
    Path("zh").rename("moved")
    found = json.loads(run("perplexity", "moved", "train.txt", "--json").stdout)
    assert found["events"] == len(" ".join(SEGMENTED).split()) + len(SEGMENTED)
    assert found["oov"] == 0
    name = f"model(kit-correct-tagger {segmenter().digest})"
    assert f"|tok:{name}|" in found["signature"]
    assert found["bits_per_character"] > 0
    shown = run("show", "moved").stdout
    assert f"  tokenizer  {name}\n" in shown
    assert "Member tokenizer_\n  kit-correct-tagger: tagger of toy-segmenters 1.0\n" in shown
    assert "船长很蓝\n" in run("generate", "moved", "-n", "1", "--temperature", "0", "--prompt", "船长很").stdout


def test_the_catalogues_chinese_is_segmented(run: Run) -> None:
    run("fit", "ngram", "corpus:chinese", "-o", "zh", "--tokenizer", "model:seg", "-p", "order=2", "-q")
    assert "bits per character" in run("perplexity", "zh", "corpus:chinese/test").stdout


@pytest.mark.parametrize(
    "options", [("--tokenizer", "model:seg"), ("-p", "tokenizer=model:seg"), ("--model", "seg")], ids=" ".join
)
def test_a_classifier_takes_it_too(run: Run, options: tuple[str, str]) -> None:
    run("fit", "nbsvm", "train.tsv", "-o", "sea", *options, "--write-config", "run.toml")
    run("fit", "--config", "run.toml", "-o", "again")
    shutil.rmtree("seg")
    model = load("sea", NBSVM)
    assert model.tokenizer.digest == segmenter().digest  # type: ignore[union-attr]
    assert load("again").digest == model.digest
    assert run("classify", "sea", "train.txt").stdout.startswith("sea")


def test_it_may_be_given_twice_if_it_is_the_same(run: Run) -> None:
    run("fit", "nbsvm", "train.tsv", "-o", "sea", "--tokenizer", "model:seg", "-p", "tokenizer=model:seg")
    words = ("fit", "nbsvm", "train.tsv", "-o", "sea", "--tokenizer", "model:seg", "-p", "tokenizer=char")
    assert "contradict each other" in run(*words, code=2).stderr


def test_a_written_configuration_repeats_the_run(run: Run) -> None:
    run("fit", "ngram", "train.txt", "-o", "zh", "--tokenizer", "model:seg", "--write-config", "run.toml")
    assert 'tokenizer = "model:seg"' in Path("run.toml").read_text(encoding="utf-8")
    run("fit", "--config", "run.toml", "-o", "again")
    assert load("again").digest == load("zh").digest


def test_a_mixture_reads_text_as_its_models_do(run: Run) -> None:
    for order in "12":
        run("fit", "ngram", "train.txt", "-o", f"zh{order}", "--tokenizer", "model:seg", "-p", f"order={order}")
    shutil.rmtree("seg")
    words = ("fit", "mixture", "--model", "zh1", "--model", "zh2", "--valid", "train.txt")
    resolved = json.loads(run(*words, "-o", "mixed", "--write-config", "run.toml", "--json").stdout)["resolved"]
    assert resolved["pipeline"]["tokenizer"].startswith("model(kit-correct-tagger ")
    assert "tokenizer" not in Path("run.toml").read_text(encoding="utf-8")
    run("fit", "--config", "run.toml", "-o", "again")
    assert load("again").digest == load("mixed").digest
    assert len(run("perplexity", "mixed", "train.txt", "--per-line").stdout.splitlines()) == len(TEXT) + 1


def test_an_imported_model_reads_text_by_it(run: Run) -> None:
    run("fit", "ngram", "train.txt", "-o", "zh", "--tokenizer", "model:seg", "-p", "order=2")
    run("export", "zh", "zh.arpa")
    run("import", "zh.arpa", "-o", "back", "--tokenizer", "model:seg")
    shutil.rmtree("seg")
    assert json.loads(run("perplexity", "back", "train.txt", "--json").stdout)["oov"] == 0
    segmenter().save("seg")
    words = ("import", "zh.arpa", "-o", "seg", "--tokenizer", "model:seg")
    assert "-o seg is the same as seg, which is read" in run(*words, code=1).stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ngram", "train.txt", "-o", "seg", "--tokenizer", "model:seg"), "-o seg is the same as seg, which is read"),
        (("nbsvm", "train.tsv", "-o", "seg", "-p", "tokenizer=model:seg"), "-o seg is the same as seg, which is read"),
        (("ngram", "train.txt", "-o", "zh", "--tokenizer", "model:gone"), "tokenizer model:gone: gone: no such folder"),
        (("nbsvm", "train.tsv", "-o", "zh", "-p", "tokenizer=model:gone"), "tokenizer model:gone: gone: no such"),
        (("ngram", "train.txt", "-o", "zh", "--tokenizer", "model:"), "lacks the folder of a model"),
        (("ngram", "train.txt", "-o", "zh", "--tokenizer", "model:zh1"), "ngram is a language model; expected a segm"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, words: tuple[str, ...], message: str) -> None:
    run("fit", "ngram", "train.txt", "-o", "zh1")
    result = run("fit", *words, code=1)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_tokenizers_name_is_no_input(run: Run) -> None:
    """A model may be saved in a folder called as its tokenizer."""
    for _ in range(2):
        run("fit", "nbsvm", "train.tsv", "-o", "char", "-p", "tokenizer=char")


def test_a_tagger_of_words_reads_raw_text_by_it(run: Run) -> None:
    rows = "".join(f"{'他' if first else '大海'}\t{'PRON' if first else 'NOUN'}\n" for first in (True, False))
    Path("pos.txt").write_text(rows, encoding="utf-8")
    words = ("fit", "kit-correct-tagger", "pos.txt", "-o", "pos", "--tokenizer", "model:seg")
    run(*words, "--write-config", "run.toml")
    assert 'tokenizer = "model:seg"' in Path("run.toml").read_text(encoding="utf-8")
    run("fit", "--config", "run.toml", "-o", "again")
    assert load("again").digest == load("pos").digest
    Path("raw.txt").write_text("他很大海\n", encoding="utf-8")
    found = run("tag", "pos", "raw.txt", "--tokenizer", "model:seg").stdout
    shutil.rmtree("seg")
    assert run("tag", "pos", "raw.txt").stdout == found
    assert [row.split("\t")[0] for row in found.split("\n")[:3]] == ["他", "很", "大海"]
