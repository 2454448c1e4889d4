"""``nlmkit compare`` by predictions, its formats, ``score --predictions``, and tags of a column of a table."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from toys.frequent_tagger import FrequentTagger
from toys.translators import Translator

from cli.conftest import Run
from nlmkit import NBSVM, NGram, OneHot, TfidfLogReg, TfidfRidge, load
from nlmkit.text.labelled import LabelledTexts
from nlmkit.text.parallel import ParallelTexts
from nlmkit.text.tagged import TaggedSentences

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("toy_tagger", "toy_translators")]

ROWS = [(word, f"a {word} {thing}") for word in ("fine", "dull", "odd") for thing in ("film", "song", "meal")]
TEST = [("fine", "a fine show"), ("dull", "a dull meal | <b>"), ("odd", "a fine odd song")]
TAGGED = "He O\nleft O\nNew B-LOC\nYork I-LOC\n\nParis B-LOC\nis O\nold O\n"
PAIRS = "a dog runs\tein Hund rennt\nthe cat runs\tdie Katze rennt\na dog sleeps\tein Hund schläft\n"


@pytest.fixture(scope="module")
def folder(toy_tagger: Path, toy_translators: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models and test data of each kind."""
    place = tmp_path_factory.mktemp("compare")
    labels, texts = [label for label, _ in ROWS], [text for _, text in ROWS]
    NBSVM(calibration=0).fit(texts, labels).save(place / "nbsvm")
    TfidfLogReg().fit(texts, labels).save(place / "logreg")
    numbers = [float(len(text)) for text in texts]
    TfidfRidge().fit(texts, numbers).save(place / "ridge")
    TfidfRidge(alpha=50.0).fit(texts, numbers).save(place / "stiff")
    (place / "test.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in TEST), encoding="utf-8")
    (place / "numbers.tsv").write_text("".join(f"{len(text)}\t{text}\n" for _, text in TEST), encoding="utf-8")
    (place / "tagged.txt").write_text(TAGGED)
    tagged = TaggedSentences.read(place / "tagged.txt")
    FrequentTagger().fit(tagged).save(place / "tagger")
    FrequentTagger(k=9.0).fit(tagged).save(place / "smooth")
    (place / "pairs.tsv").write_text(PAIRS, encoding="utf-8")
    pairs = ParallelTexts.read(place / "pairs.tsv")
    Translator(target_tokenizer="space", alpha=0.001).fit(pairs).save(place / "en-de")
    Translator(target_tokenizer="space", alpha=0.9).fit(pairs).save(place / "vague")
    for order in (1, 2):
        NGram(order=order).fit(texts).save(place / f"ngram{order}")
    NGram(order=2).fit(LabelledTexts.read(place / "test.tsv").texts).save(place / "other")
    OneHot().fit(texts).save(place / "words")
    (place / "text.txt").write_text("".join(f"{text}\n" for _, text in TEST))
    return place


@pytest.fixture(autouse=True)
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


COMPARED: dict[str, tuple[list[str], list[str], str]] = {
    "classifiers": (["nbsvm", "logreg", "test.tsv"], ["accuracy", "macro-f1"], "texts"),
    "regressors": (["ridge", "stiff", "numbers.tsv"], ["r2", "rmse", "mae"], "texts"),
    "taggers": (["tagger", "smooth", "tagged.txt"], ["f1", "accuracy", "precision", "recall"], "sentences"),
    "translations": (["en-de", "vague", "pairs.tsv"], ["bleu", "chrf"], "sources"),
}


@pytest.mark.parametrize("kind", COMPARED)
def test_models_of_a_kind_are_ranked_by_each_figure(run: Run, kind: str) -> None:
    args, figures, item = COMPARED[kind]
    for number, by in enumerate(figures):
        chosen = ["--by", by] if number or kind == "translations" else []
        found = json.loads(run("compare", *args, *chosen, "--json", "--samples", "50").stdout)
        assert (found["by"], found["item"], found["text"]) == (by, item, args[-1:])
        assert {row["model"] for row in found["ranked"]} == {*args[:2]}
        for row in found["ranked"]:
            assert row["figures"].keys() == {*figures}
            name = by.replace("-", "_")
            report = json.loads(run("score", row["model"], args[-1], "--json", "--samples", "0").stdout)
            assert row["value"] == pytest.approx(report[name])
        (pair,) = found["differences"]
        assert 0 < pair["p_value"] <= 1
    table = run("compare", *args, *(["--by", "bleu"] if kind == "translations" else []), "--samples", "9").stdout
    assert f"{item.upper()} WON:LOST:TIED" in table


def test_a_comparison_is_markdown_latex_or_csv(run: Run) -> None:
    args = ["compare", "nbsvm", "logreg", "test.tsv", "--samples", "9", "--format"]
    lines = run(*args, "markdown").stdout.splitlines()
    assert lines[0].startswith("| rank | model | accuracy | accuracy low |")
    assert len(lines) == 4
    assert run(*args, "latex").stdout.startswith("\\begin{tabular}{rlr")
    rows = list(csv.DictReader(io.StringIO(run(*args, "csv").stdout)))
    found = json.loads(run(*args, "json").stdout)
    assert [(row["model"], float(row["accuracy"])) for row in rows] == [
        (row["model"], row["value"]) for row in found["ranked"]
    ]
    lms = list(csv.DictReader(io.StringIO(run("compare", "ngram1", "ngram2", "text.txt", "--format", "csv").stdout)))
    report = json.loads(run("perplexity", "ngram1", "text.txt", "--json").stdout)
    own = next(row for row in lms if row["model"] == "ngram1")
    assert float(own["perplexity"]) == report["perplexity"]
    assert float(own["bits_per_byte"]) == report["bits_per_byte"]


def test_models_of_other_tokens_are_ranked_by_bits_per_byte(run: Run) -> None:
    found = json.loads(run("compare", "ngram2", "other", "text.txt", "--by", "bits-per-byte", "--json").stdout)
    assert found["by"] == "bits-per-byte"
    for row in found["ranked"]:
        low, high = row["interval"]
        assert low <= row["bits_per_byte"] <= high
    assert [row["bits_per_byte"] for row in found["ranked"]] == sorted(row["bits_per_byte"] for row in found["ranked"])
    assert "BITS/BYTE" in run("compare", "ngram2", "other", "text.txt", "--by", "bits-per-byte").stdout
    pairs = run("compare", "en-de", "vague", "pairs.tsv", "--by", "bits-per-byte", "--json").stdout
    assert len(json.loads(pairs)["ranked"]) == 2


REFUSED: list[tuple[list[str], str]] = [
    (["nbsvm", "ridge", "test.tsv"], "nbsvm is a classifier and ridge a regressor: models of one kind are ranked"),
    (["ngram1", "nbsvm", "test.tsv"], "ngram1 is a language model and nbsvm a classifier: models of one kind"),
    (["words", "words", "test.tsv"], "words is a representation: use nlmkit score for each"),
    (["nbsvm", "logreg", "test.tsv", "--by", "bleu"], "--by: a classifier is ranked by accuracy, macro-f1"),
    (["nbsvm", "logreg", "test.tsv", "--by", "perplexity"], "--by perplexity is for language models"),
    (["ngram1", "ngram2", "text.txt", "--by", "f1"], "--by f1: ngram1 is a language model"),
    (["nbsvm", "logreg", "test.tsv", "--context", "stream"], "--context does not apply"),
    (["nbsvm", "logreg", "test.tsv", "--plot", "a.png"], "--plot does not apply"),
    (["nbsvm", "logreg", "test.tsv", "--tag-column", "1"], "--tag-column does not apply where a model is a classifier"),
    (["nbsvm", "logreg", "test.tsv", "--source", "test.tsv"], "--source: for sequence-to-sequence models"),
    (
        ["ngram1", "ngram2", "text.txt", "--label-column", "a"],
        "--label-column does not apply where a model is a language model",
    ),
    (["nbsvm", "logreg", "test.tsv", "--json", "--format", "csv"], "--json and --format csv exclude each other"),
]


@pytest.mark.parametrize(("args", "problem"), REFUSED)
def test_what_means_nothing_is_a_usage_error(run: Run, args: list[str], problem: str) -> None:
    assert problem in run("compare", *args, code=2).stderr


def test_models_that_cannot_be_ranked_are_an_error_after_the_table(run: Run) -> None:
    Path("flat.tsv").write_text("1\ta\n1\tb\n")
    result = run("compare", "ridge", "stiff", "flat.tsv", code=1)
    assert "not ranked:" in result.stdout
    assert "no two of the 2 models can be compared: ridge: its r2 is undefined on this text" in result.stderr


def rows_of(path: str) -> list[dict[str, Any]]:
    text = Path(path).read_text(encoding="utf-8")
    if path.endswith(".jsonl"):
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text), delimiter="\t" if path.endswith(".tsv") else ","))


@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl"])
def test_predictions_are_written_beside_the_truth(run: Run, suffix: str) -> None:
    path = f"p.{suffix}"
    run("score", "nbsvm", "test.tsv", "--predictions", path)
    rows, model = rows_of(path), load("nbsvm")
    assert [(row["text"], row["truth"]) for row in rows] == [(text, label) for label, text in TEST]
    texts = [text for _, text in TEST]
    assert [row["prediction"] for row in rows] == model.predict(texts).tolist()  # type: ignore[attr-defined]
    best = model.predict_proba(texts).max(axis=1).tolist()  # type: ignore[attr-defined]
    assert [float(row["probability"]) for row in rows] == pytest.approx(best, rel=1e-8)

    run("score", "ridge", "numbers.tsv", "--predictions", path)
    found = rows_of(path)
    assert [float(row["prediction"]) for row in found] == pytest.approx(
        load("ridge").predict(texts).tolist()  # type: ignore[attr-defined]
    )
    assert list(found[0]) == ["text", "truth", "prediction"]

    run("score", "tagger", "tagged.txt", "--predictions", path)
    tokens = rows_of(path)
    assert [row["text"] for row in tokens] == [line.split()[0] for line in TAGGED.split("\n") if line]
    assert [row["truth"] for row in tokens] == [line.split()[1] for line in TAGGED.split("\n") if line]
    assert (int(tokens[4]["sentence"]), int(tokens[4]["position"])) == (2, 1)
    accuracy = sum(row["truth"] == row["prediction"] for row in tokens) / len(tokens)
    score = json.loads(run("score", "tagger", "tagged.txt", "--json").stdout)
    assert accuracy == score["accuracy"]
    assert all(0 < float(row["probability"]) <= 1 for row in tokens)

    run("score", "en-de", "pairs.tsv", "--predictions", path)
    pairs = rows_of(path)
    assert [(row["text"], row["truth"]) for row in pairs] == [tuple(line.split("\t")) for line in PAIRS.splitlines()]
    assert [row["prediction"] for row in pairs] == load("en-de").predict(  # type: ignore[attr-defined]
        [row["text"] for row in pairs]
    )


def test_texts_are_predicted_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def count(own: Any) -> Any:
        def counted(self: Any, *given: Any, **named: Any) -> Any:
            calls.append(self.name)
            return own(self, *given, **named)

        return counted

    for cls, method in ((NBSVM, "predict_proba"), (TfidfRidge, "predict"), (FrequentTagger, "tag_ids")):
        monkeypatch.setattr(cls, method, count(getattr(cls, method)))
    for model, data in (("nbsvm", "test.tsv"), ("ridge", "numbers.tsv"), ("tagger", "tagged.txt")):
        plain = run("score", model, data, "--json").stdout
        assert len(calls) == 1
        assert run("score", model, data, "--json", "--predictions", "p.tsv").stdout == plain
        assert len(calls) == 2
        calls.clear()


def test_predictions_do_not_replace_an_input(run: Run) -> None:
    Path("source.tsv").write_text("a dog runs\n")
    Path("target.txt").write_text("ein Hund rennt\n")
    args = ["score", "en-de", "--source", "source.tsv", "--target", "target.txt", "--predictions", "source.tsv"]
    assert "--predictions source.tsv is the same as source.tsv, which is read" in run(*args, code=1).stderr
    assert Path("source.tsv").read_text() == "a dog runs\n"


def test_predictions_go_to_a_file_of_a_known_format(run: Run) -> None:
    for model, data in (("nbsvm", "test.tsv"), ("tagger", "tagged.txt"), ("en-de", "pairs.tsv")):
        assert "use a file name in .tsv, .csv, .jsonl" in str(
            run("score", model, data, "--predictions", "p.txt", code=1).stderr
        )
    Path("folder.tsv").mkdir()
    for path in ("no/p.tsv", "folder.tsv"):
        problem = run("score", "nbsvm", "test.tsv", "--predictions", path, code=1).stderr
        assert f"{path}: the file cannot be written there" in problem
    assert "--predictions" in run("score", "nbsvm", "test.tsv", "--predictions", "test.tsv", code=1).stderr
    assert "does not apply" in run("score", "ngram1", "text.txt", "--predictions", "p.tsv", code=2).stderr


# ------------------------------------------------------------------------------------------------- tags of a table


def test_a_column_of_a_table_is_tagged_and_the_others_are_carried(run: Run) -> None:
    Path("t.csv").write_text("id,say,tag\n7,He left Paris,x\n8,Paris is old,y\n")
    args = ["tag", "tagger", "t.csv", "--column", "say"]
    lines = [line.split("\t") for line in run(*args, "--marginals").stdout.splitlines()]
    assert lines[0] == ["sentence", "position", "token", "tag", "probability", "id", "input_tag"]
    assert [(row[0], row[1], row[2], row[5], row[6]) for row in lines[1:3]] == [
        ("1", "1", "He", "7", "x"),
        ("1", "2", "left", "7", "x"),
    ]
    assert len(lines) == 7
    assert run(*args, "--no-header").stdout.splitlines()[0].split("\t") == ["1", "1", "He", "O", "7", "x"]
    objects = [json.loads(line) for line in run(*args, "--json").stdout.splitlines()]
    assert [(each["tokens"][0], each["id"], each["input_tag"]) for each in objects] == [
        ("He", "7", "x"),
        ("Paris", "8", "y"),
    ]
    spans = [line.split("\t") for line in run(*args, "--format", "spans").stdout.splitlines()]
    assert spans[0] == ["sentence", "start", "end", "type", "probability", "text", "id", "input_tag"]
    assert ["Paris", "7", "x"] in [row[5:] for row in spans[1:]]
    assert "--text-column is for texts in a table" in run(*args, "--input", "columns", code=2).stderr
    assert "--no-header requires" in run(*args, "--json", "--no-header", code=2).stderr


def test_a_column_of_a_table_is_segmented(run: Run, folder: Path) -> None:
    Path("zh.txt").write_text("他 来到 北京\n北京 大学\n我们 来\n", encoding="utf-8")
    FrequentTagger().fit(TaggedSentences.read("zh.txt", format="segmented")).save("segmenter")
    Path("zh.tsv").write_text("id\ttext\n1\t他来\n2\t北京 来\n", encoding="utf-8")
    found = run("tag", "segmenter", "zh.tsv", "--column", "text", "--format", "words").stdout.splitlines()
    assert found[0] == "words\tid"
    assert [line.split("\t")[1] for line in found[1:]] == ["1", "2"]
    assert found[1].split("\t")[0].replace(" ", "") == "他来"
