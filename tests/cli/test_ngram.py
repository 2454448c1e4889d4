"""The command forms that other programs rely on, with the n-gram model."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Run
from nlmkit import Corpus, NGram, load

pytestmark = pytest.mark.slow

BINDING = {
    "perplexity",
    "perplexity_excluding_oov",
    "log_prob",
    "events",
    "sentences",
    "oov",
    "bits_per_token",
    "bits_per_character",
    "bits_per_byte",
    "vocabulary_size",
    "context",
    "signature",
    "model",
    "component",
}


TRAIN, VALID, TEST = "corpus:english", "corpus:english/valid", "corpus:english/test"


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model of order 3."""
    folder = tmp_path_factory.mktemp("ngram") / "kn3"
    NGram(order=3).fit(TRAIN).save(folder)
    return folder


def read_json(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value


def test_fit(run: Run, fitted: Path) -> None:
    args = ["fit", "ngram", TRAIN, "-o", "m", "-p", "order=3", "-p", "smoothing=modified-kneser-ney"]
    printed = read_json(run(*args, "--tokenizer", "space", "--valid", VALID, "--json").stdout)
    model, expected = load("m"), load(fitted)
    assert isinstance(model, NGram)
    assert isinstance(expected, NGram)
    assert printed["fit"]["ngrams"] == expected.fit_report_["ngrams"]
    assert printed["fit"]["validation_perplexity"] == pytest.approx(expected.perplexity(VALID))
    assert model.perplexity(TEST) == expected.perplexity(TEST)
    shown = run(*args).stdout
    assert f"ngrams                 {' '.join(map(str, expected.fit_report_['ngrams']))}\n" in shown


def test_fit_lowercase_and_prune(run: Run) -> None:
    run("fit", "ngram", TRAIN, "-o", "m", "-p", "prune=[0,0,1,1]", "--lowercase")
    model = load("m")
    assert isinstance(model, NGram)
    assert (model.prune, model.order, model.pipeline_.lowercase) == ((0, 0, 1, 1), 5, True)
    full = NGram(order=5).fit(Corpus.read(TRAIN, model.pipeline_)).fit_report_["ngrams"]
    pruned = model.fit_report_["ngrams"]
    assert pruned[:2] == full[:2]
    assert all(small < large for small, large in zip(pruned[2:], full[2:], strict=True))


def test_fallbacks_are_noted(run: Run) -> None:
    args = ["fit", "ngram", "-", "-o", "m", "-p", "order=2"]
    result = run(*args, input="a b\na b\n")
    notes = read_json(run(*args, "--json", input="a b\na b\n").stdout)["fit"]["notes"]
    assert notes
    assert result.stderr.splitlines() == [f"note: {text}" for text in notes]


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_perplexity_json(context: str, run: Run, fitted: Path) -> None:
    printed = read_json(run("perplexity", fitted, TEST, "--json", "--context", context).stdout)
    assert printed.keys() >= BINDING
    lm = load(fitted)
    assert isinstance(lm, NGram)
    assert printed == read_json(json.dumps(lm.report(TEST, context=context).to_dict(str(fitted))))  # type: ignore[arg-type]
    assert (printed["model"], printed["component"], printed["context"]) == (str(fitted), "ngram", context)


def test_rows_add_up_to_the_report(run: Run, fitted: Path) -> None:
    report = read_json(run("perplexity", fitted, TEST, "--json").stdout)
    lines = run("perplexity", fitted, TEST, "--per-line", "--no-header").stdout.splitlines()
    assert sum(float(line.split("\t")[1]) for line in lines) == pytest.approx(report["log_prob"], rel=1e-7)
    header, *tokens = run("perplexity", fitted, TEST, "--per-token").stdout.splitlines()
    assert header.split("\t")[-1] == "ngram_length"
    assert len(tokens) == report["events"]
    assert sum(float(line.split("\t")[3]) for line in tokens) == pytest.approx(report["log_prob"], rel=1e-7)
    assert {line.split("\t")[-1] for line in tokens} <= {"1", "2", "3"}


@pytest.mark.parametrize("name", ["lm.arpa", "lm.arpa.gz"])
def test_export_and_import(name: str, run: Run, fitted: Path) -> None:
    run("export", fitted, name)
    data = Path(name).read_bytes()
    text = gzip.decompress(data) if name.endswith(".gz") else data
    assert text.lstrip().startswith(b"\\data\\")
    printed = read_json(run("import", name, "-o", "imported", "--unicode-form", "NFC", "--json").stdout)
    original = load(fitted)
    assert isinstance(original, NGram)
    assert printed["fit"]["ngrams"] == original.fit_report_["ngrams"]
    assert read_json(run("show", "./imported", "--json").stdout)["pipeline"]["unicode_form"] == "NFC"
    before = read_json(run("perplexity", fitted, TEST, "--json").stdout)
    after = read_json(run("perplexity", "imported", TEST, "--json").stdout)
    assert after["perplexity"] == pytest.approx(before["perplexity"], rel=1e-5)
    assert (after["events"], after["oov"]) == (before["events"], before["oov"])


@pytest.mark.parametrize(
    "text", ["", "not an ARPA file\n", "\\data\\\nngram 1=1\n\n\\1-grams:\nnan\t<unk>\n\n\\end\\\n"]
)
def test_a_bad_arpa_file_is_one_line(text: str, run: Run) -> None:
    Path("bad.arpa").write_text(text)
    result = run("import", "bad.arpa", "-o", "m", code=1)
    assert result.stderr.startswith("nlmkit: bad.arpa")
    assert result.stderr.count("\n") == 1
    assert not Path("m").exists()


def test_what_arpa_cannot_say_is_refused(run: Run) -> None:
    run("fit", "ngram", TRAIN, "-o", "m", "-p", "smoothing=add-k", "-p", "order=2")
    result = run("export", "m", "m.arpa", code=1)
    assert result.stderr.startswith("nlmkit: m.arpa: ARPA cannot represent this model:")
    assert not Path("m.arpa").exists()


def test_stupid_backoff_has_a_score_and_no_perplexity(run: Run) -> None:
    run("fit", "ngram", TRAIN, "-o", "m", "-p", "smoothing=stupid-backoff", "-q")
    assert "use nlmkit score" in run("perplexity", "m", TEST, code=1).stderr
    assert math.isfinite(float(run("score", "m", TEST).stdout))


def test_chinese_by_characters(run: Run) -> None:
    run("fit", "ngram", "corpus:chinese", "-o", "zh", "--tokenizer", "char", "-p", "order=3", "-q")
    report = read_json(run("perplexity", "zh", "corpus:chinese/test", "--json").stdout)
    assert 1 < report["perplexity"] < report["vocabulary_size"]
    assert report["bits_per_character"] == pytest.approx(report["bits_per_token"], rel=1e-9)
    assert "tok:char" in report["signature"]
    first = run("perplexity", "zh", "-", "--per-token", "--no-header", input="他 来\n").stdout.splitlines()
    assert [line.split("\t")[2] for line in first] == ["他", "▁", "来", "</s>"]
    generated = run("generate", "zh", "--prompt", "他", "-n", "3").stdout.splitlines()
    assert all(line.startswith("他") for line in generated)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("ordr=5", "ngram has no hyper-parameter 'ordr'; did you mean order?"),
        ("order=0", "order must be"),
        ("order=five", "order must be int, not 'five'"),
        ("smoothing=kneser-nay", "did you mean kneser-ney?"),
        ("smoothing=imported", "smoothing=imported"),
        ("katz_max=7", "katz_max=7 has no effect: it needs smoothing=katz"),
        ("prune=[0,0,1", "prune must be"),
        ("vocabulary_file=none.txt", "none.txt"),
    ],
)
def test_wrong_hyper_parameters_are_one_line(pair: str, message: str, run: Run) -> None:
    result = run("fit", "ngram", TRAIN, "-o", "m", "-p", pair, code=1)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("m").exists()


@pytest.mark.parametrize(
    ("smoothing", "text", "reason"),
    [
        ("modified-kneser-ney", "", "no perplexity: the validation text is empty"),
        ("stupid-backoff", VALID, "validation text ignored: scores of smoothing=stupid-backoff have no perplexity"),
        ("mle", "zebra zebra\n", "no finite perplexity: an event of the validation text has probability zero"),
    ],
)
def test_a_validation_text_without_a_perplexity_is_noted(smoothing: str, text: str, reason: str, run: Run) -> None:
    Path("train.txt").write_text(TRAIN)
    Path("some.txt").write_text(text)
    result = run("fit", "ngram", "train.txt", "--valid", "some.txt", "-o", "n", "-p", f"smoothing={smoothing}")
    assert result.stderr.count(reason) == 1


def test_a_training_text_of_blank_lines_is_noted(run: Run) -> None:
    Path("blank.txt").write_text("\n\n")
    result = run("fit", "ngram", "blank.txt", "-o", "n", "-p", "order=1")
    assert result.stderr.count("the training text has no words, only 2 blank lines: ") == 1


def test_a_text_that_nobody_named_is_said_to_be_standard_input(run: Run) -> None:
    result = run("fit", "ngram", "-o", "n", input="a b\n")
    assert "no TRAIN: reading the training text from standard input" in result.stderr
    for args in (["-", "-o", "n"], ["-o", "n", "-q"]):
        assert "no TRAIN" not in run("fit", "ngram", *args, input="a b\n").stderr
    assert "no TRAIN: " in run("fit", "ngram", "-o", "n", input="", code=1).stderr
