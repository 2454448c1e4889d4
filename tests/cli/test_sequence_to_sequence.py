"""Sequence-to-sequence models on the command line: ``fit``, ``score``, ``perplexity`` and ``show``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.translators import Translator

from cli.conftest import Run
from nlmkit import load
from nlmkit.cli.pairs import FORMATS, PairFiles
from nlmkit.cli.searching import search_options
from nlmkit.text import parallel_rows
from nlmkit.text.parallel import ParallelTexts

pytestmark = pytest.mark.usefixtures("toy_translators")

ROWS = [
    ("a dog runs", "ein Hund rennt"),
    ("the cat runs", "die Katze rennt"),
    ("a dog sleeps", "ein Hund schläft"),
    ("a dog sleeps", "ein Hund döst"),
]
PAIRS = "".join(f"{source}\t{target}\n" for source, target in ROWS)
TEST = "the dog runs\tdie Hund rennt\na cat sleeps\tein Katze schläft\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pairs in every form."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "train.tsv").write_text(PAIRS, encoding="utf-8")
    (folder / "test.tsv").write_text(TEST, encoding="utf-8")
    for name, text in (("train", PAIRS), ("test", TEST)):
        sides = zip(*(line.split("\t") for line in text.splitlines()), strict=True)
        for suffix, side in zip(("en", "de"), sides, strict=True):
            (folder / f"{name}.{suffix}").write_text("\n".join(side) + "\n", encoding="utf-8")
    rows = [json.dumps({"source": source, "target": target}) for source, target in ROWS]
    (folder / "train.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    lines = ["target,source", *(f"{target},{source}" for source, target in ROWS)]
    (folder / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def en_de(data: Path, toy_translators: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved translator."""
    folder = tmp_path_factory.mktemp("translators") / "en-de"
    Translator(target_tokenizer="space", alpha=0.001).fit(ParallelTexts.read(data / "train.tsv")).save(folder)
    return str(folder)


# ------------------------------------------------------------------------------------------------------------ fit


def test_fit_saves_what_fit_in_python_saves(run: Run, data: Path, en_de: str) -> None:
    args = ["fit", "toy-translator", data / "train.tsv", "-p", "target_tokenizer=space", "-p", "alpha=0.001", "-o", "m"]
    facts = json.loads(run(*args, "--json").stdout)
    model: Any = load(en_de)
    assert facts["digest"] == model.digest == load("m").digest
    assert (facts["kind"], facts["component"]) == ("sequence-to-sequence", "toy-translator")
    assert facts["vocabulary_size"] == model.vocabulary_.size_predictable == 9
    assert facts["source_vocabulary_size"] == len(model.source_vocabulary_)
    assert facts["fit"]["pairs"] == 4
    lines = run(*args).stdout.splitlines()
    assert "9 predictable types of targets" in next(line for line in lines if line.startswith("vocabulary"))


def test_every_layout_gives_the_same_model(run: Run, data: Path) -> None:
    def fitted(*layout: Any, **options: Any) -> str:
        digest: str = json.loads(run("fit", "toy-translator", *layout, "-o", "m", "--json", **options).stdout)["digest"]
        return digest

    expected = fitted(data / "train.tsv")
    assert fitted("--source", data / "train.en", "--target", data / "train.de") == expected
    assert fitted(data / "train.jsonl") == fitted(data / "train.csv") == expected
    assert fitted("-", "--format", "jsonl", input=(data / "train.jsonl").read_bytes()) == expected
    assert fitted(input=PAIRS.encode()) == expected
    assert fitted("--source", "-", "--target", data / "train.de", input=(data / "train.en").read_bytes()) == expected
    twice = fitted(data / "train.tsv", data / "test.tsv")
    both = [
        *("--source", data / "train.en", "--source", data / "test.en"),
        *("--target", data / "train.de", "--target", data / "test.de"),
    ]
    assert fitted(*both) == twice != expected


def test_held_out_pairs_in_every_layout(run: Run, data: Path) -> None:
    args = ["fit", "toy-translator", data / "train.tsv", "-o", "m", "--json"]
    found = [
        json.loads(run(*args, *valid).stdout)["fit"]["validation_perplexity"]
        for valid in (
            ["--valid", data / "test.tsv"],
            ["--valid-source", data / "test.en", "--valid-target", data / "test.de"],
        )
    ]
    model: Any = load("m")
    assert found[0] == found[1] == pytest.approx(model.perplexity(ParallelTexts.read(data / "test.tsv")), rel=1e-6)


def test_a_written_config_repeats_the_run(run: Run, data: Path) -> None:
    sides = ["--source", data / "train.en", "--target", data / "train.de"]
    valid = ["--valid-source", data / "test.en", "--valid-target", data / "test.de"]
    options = ["-p", "alpha=0.5", "--lowercase", "--tokenizer", "word"]
    args = ["fit", "toy-translator", *sides, *valid, *options, "-o", "m"]
    first = json.loads(run(*args, "--write-config", "c.toml", "--json").stdout)
    again = json.loads(run("fit", "--config", "c.toml", "-o", "n", "--json").stdout)
    assert again["digest"] == first["digest"]
    assert again["fit"]["validation_perplexity"] == first["fit"]["validation_perplexity"]
    assert first["resolved"]["source"] == [str(data / "train.en")]
    assert first["resolved"]["set_by"] == {
        "alpha": "flag",
        "lowercase": "flag",
        "source_tokenizer": "flag",
        "target_tokenizer": "flag",
    }
    model: Any = load("n")
    assert (model.source_tokenizer, model.target_tokenizer, model.lowercase) == ("word", "word", True)


def test_a_tokenizer_is_that_of_both_sides_unless_one_is_named(run: Run, data: Path) -> None:
    args = ["fit", "toy-translator", data / "train.tsv", "-o", "m"]
    run(*args, "--tokenizer", "char", "--unicode-form", "NFC")
    model: Any = load("m")
    assert (model.source_pipeline_.tokenizer, model.pipeline_.tokenizer) == ("char", "char")
    assert model.pipeline_.unicode_form == "NFC"
    stderr = run(*args, "--tokenizer", "char", "-p", "target_tokenizer=space", code=2).stderr
    assert "contradict each other" in stderr
    run("fit", "toy-translator", data / "train.tsv", "-o", "m", "-p", "source_tokenizer=char")
    model = load("m")
    assert (model.source_pipeline_.tokenizer, model.pipeline_.tokenizer) == ("char", "word")


BAD = [
    ("a\tb\nc\n", "bad.tsv, line 2: no tab on this line"),
    ("a\tb\na\tb\tc\n", "bad.tsv, line 2: 3 columns, expected 2"),
    ("a\tb\n\tc\n", "bad.tsv, line 2: the source is empty"),
    ("a\tb\nc\t \n", "bad.tsv, line 2: the target is empty"),
    ("", "bad.tsv: no pairs"),
    (b"a\tcaf\xe9\n", "bad.tsv, line 1, byte 5: byte 0xE9 is not valid utf-8"),
    ("a\tb\nc\td\0\n", "bad.tsv, line 2"),
    ("a\tb\nc\t<s>\n", "bad.tsv, line 2"),
]


@pytest.mark.parametrize(("content", "problem"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_bad_file_is_one_clear_line(content: str | bytes, problem: str, run: Run, data: Path, en_de: str) -> None:
    Path("bad.tsv").write_bytes(content.encode() if isinstance(content, str) else content)
    for args in (
        ["fit", "toy-translator", "bad.tsv", "-o", "m", "--tokenizer", "space"],
        ["fit", "toy-translator", data / "train.tsv", "--valid", "bad.tsv", "-o", "m", "--tokenizer", "space"],
        ["score", en_de, "bad.tsv"],
        ["perplexity", en_de, "bad.tsv"],
    ):
        stderr = run(*args, code=1).stderr
        assert stderr.startswith(f"nlmkit: {problem}"), stderr
        assert stderr.count("\n") == 1
    assert not Path("m").exists()


def test_sides_of_different_lengths_are_an_error_with_both_counts(run: Run, data: Path) -> None:
    stderr = run(
        "fit", "toy-translator", "--source", data / "train.en", "--target", data / "test.de", "-o", "m", code=1
    )
    assert "4" in stderr.stderr
    assert "2" in stderr.stderr
    assert "lines" in stderr.stderr


@pytest.mark.usefixtures("at_a_terminal")
@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["toy-translator", "-o", "m"], "missing TRAIN"),
        (["toy-translator", "t"], "missing MODEL"),
        (["toy-translator", "--source", "a", "-o", "m"], "--source requires --target"),
        (["toy-translator", "--target", "a", "-o", "m"], "--target requires --source"),
        (["toy-translator", "t", "--source", "a", "--target", "b", "-o", "m"], "--target and t exclude each other"),
        (["toy-translator", "--source", "-", "--target", "-", "-o", "m"], "- is used twice"),
        (["toy-translator", "t", "--valid", "v", "--valid-source", "a", "--valid-target", "b", "-o", "m"], "and v exc"),
        (["toy-translator", "t", "--valid-source", "a", "-o", "m"], "--valid-source requires --valid-target"),
        (
            ["toy-translator", "t", "--vectors", "v.npy", "-o", "m"],
            "--vectors: the sources of toy-translator are texts",
        ),
        (["toy-translator", "--source", "a", "--source", "b", "--target", "c", "-o", "m"], "as many of both"),
        (
            ["toy-translator", "--source", "a", "--target", "b", "--format", "tsv", "-o", "m"],
            "--text-format is for files",
        ),
        (["toy-translator", "t", "--format", "conllu", "-o", "m"], "--format conllu: for classifiers and taggers"),
        (["toy-translator", "t", "--text-column", "a", "-o", "m"], "--text-column: for"),
        (["toy-translator", "t", "--budget", "3s", "-o", "m"], "does not train in steps"),
        (["toy-describer", "--source", "a", "--target", "b", "-o", "m"], "--source: the sources of toy-describer are"),
        (["toy-describer", "t", "--vectors", "v", "--representation", "r", "-o", "m"], "exclude each other"),
        (["toy-describer", "--target", "t", "-o", "m"], "--target requires --vectors"),
        (["toy-describer", "t", "--vector-key", "x", "-o", "m"], "--vector-key requires --vectors"),
        (["toy-describer", "t", "--valid-vectors", "x", "-o", "m"], "--valid-vectors requires --valid"),
        (["ngram", "t", "-o", "m", "--source", "a"], "--source: for sequence-to-sequence models, and ngram is a lang"),
    ],
)
def test_options_that_mean_nothing_are_usage_errors(run: Run, args: list[str], problem: str) -> None:
    assert problem in run("fit", *args, code=2).stderr


def test_outputs_that_are_inputs_are_refused(run: Run, data: Path) -> None:
    Path("s").write_text("a\n")
    stderr = run("fit", "toy-translator", "--source", "s", "--target", data / "test.de", "-o", "s", code=1).stderr
    assert "-o s is the same as s, which is read" in stderr


# ---------------------------------------------------------------------------------------------------------- score


def test_score_is_that_of_python(run: Run, data: Path, en_de: str) -> None:
    pytest.importorskip("sacrebleu")
    model: Any = load(en_de)
    pairs = ParallelTexts.read(data / "test.tsv")
    report = model.report(pairs)
    facts = json.loads(run("score", en_de, data / "test.tsv", "--json").stdout)
    assert facts == {"model": en_de, "kind": "sequence-to-sequence", "score": model.score(pairs)} | report.to_dict()
    assert {"bleu", "bleu_signature", "chrf", "perplexity", "signature", "length_ratio"} <= set(facts)
    assert facts["chrf"] > 0
    assert facts["score"] == pytest.approx(-math.log(facts["perplexity"]))
    sides = ["--source", data / "test.en", "--target", data / "test.de"]
    shown = run("score", en_de, *sides).stdout
    assert shown == report.render() + "\n"
    assert run("score", en_de, input=TEST.encode()).stdout == shown


def test_options_of_search_and_of_the_interval_reach_the_report(run: Run, data: Path, en_de: str) -> None:
    pytest.importorskip("sacrebleu")
    model: Any = load(en_de)
    report = model.report(ParallelTexts.read(data / "test.tsv"), beam=2, max_length=2, resamples=10, seed=3)
    args = ["--beam", "2", "--max-length", "2", "--samples", "10", "--seed", "3", "--json"]
    facts = json.loads(run("score", en_de, data / "test.tsv", *args).stdout)
    assert (facts["search"], facts["bleu_interval"]) == (report.search, list(report.figures.bleu_interval))
    run("fit", "ngram", data / "train.de", "-p", "order=1", "-o", "lm")
    args = ["--language-model", "lm", "--lm-weight", "0.5", "--samples", "0", "--json"]
    facts = json.loads(run("score", en_de, data / "test.tsv", *args).stdout)
    assert facts["search"].endswith(f"lm:ngram:{load('lm').digest}|weight:0.5")
    assert facts["bleu_interval"] is None


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--lm-weight", "1"], "--lm-weight requires --language-model"),
        (["--source", "a"], "--target and"),
        (["--plot", "a.png"], "--plot does not apply to a sequence-to-sequence"),
        (["--label-column", "x"], "--label-column does not apply to a sequence-to-sequence"),
        (["--format", "conllu"], "--format conllu does not apply to a sequence-to-sequence"),
        (["--vectors", "x"], "--vectors: the sources of"),
    ],
)
def test_foreign_options_of_score(args: list[str], problem: str, run: Run, data: Path, en_de: str) -> None:
    more = ["--target", "b"] if "--source" in args else []
    assert problem in run("score", en_de, data / "test.tsv", *args, *more, code=2).stderr


def test_options_of_search_are_foreign_to_others(run: Run, model: str, texts: Path) -> None:
    stderr = run("score", model, texts / "test.txt", "--beam", "3", code=2).stderr
    assert "--beam does not apply to a language-model" in stderr


# ----------------------------------------------------------------------------------------------------- perplexity


def test_perplexity_is_that_of_the_targets_given_their_sources(run: Run, data: Path, en_de: str) -> None:
    model: Any = load(en_de)
    report = model.perplexity_report(ParallelTexts.read(data / "test.tsv"))
    facts = json.loads(run("perplexity", en_de, data / "test.tsv", "--json").stdout)
    assert facts == report.to_dict(en_de)
    assert (facts["events"], facts["sentences"]) == (8, 2)
    assert facts["signature"].startswith("nlmkit-ppl|")
    sides = ["--source", data / "test.en", "--target", data / "test.de"]
    assert run("perplexity", en_de, *sides).stdout == report.render() + "\n"
    assert run("perplexity", en_de, input=TEST.encode()).stdout == report.render() + "\n"


def test_rows_per_line_and_per_token_carry_the_source(run: Run, data: Path, en_de: str) -> None:
    model: Any = load(en_de)
    values = model.log_probs(ParallelTexts.read(data / "test.tsv"))
    args = ["perplexity", en_de, data / "test.tsv"]
    header, *lines = run(*args, "--per-line").stdout.splitlines()
    assert header.split("\t")[-2:] == ["source", "text"]
    first, second = (dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines)
    assert (first["source"], first["text"], first["events"]) == ("the dog runs", "die Hund rennt", "4")
    assert float(first["log_prob"]) == pytest.approx(values[:4].sum())
    assert float(first["bits_per_character"]) == pytest.approx(-values[:4].sum() / math.log(2) / 15)
    assert second["text"] == "ein Katze schläft"
    rows = [json.loads(line) for line in run(*args, "--per-token", "--format", "jsonl").stdout.splitlines()]
    assert [row["token"] for row in rows] == ["die", "Hund", "rennt", "</s>", "ein", "Katze", "schläft", "</s>"]
    assert [row["log_prob"] for row in rows] == values.tolist()
    assert [row["source"] for row in rows] == ["the dog runs"] * 4 + ["a cat sleeps"] * 4


def test_a_filter_passes_pairs(run: Run, data: Path, en_de: str) -> None:
    Path("t.tsv").write_text(TEST + "a dog\tschläft schläft schläft\na dog\tunbekannt\n", encoding="utf-8")
    assert run("perplexity", en_de, "t.tsv", "--max-perplexity", "100").stdout == TEST
    passed = run("perplexity", en_de, "t.tsv", "--max-oov", "0").stdout
    assert passed == TEST + "a dog\tschläft schläft schläft\n"
    rows = run("perplexity", en_de, "t.tsv", "--max-perplexity", "100", "--per-line", "--no-header").stdout
    assert rows.count("\n") == 2
    sides = ["--source", data / "test.en", "--target", data / "test.de"]
    assert run("perplexity", en_de, *sides, "--max-perplexity", "100").stdout == TEST


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--context", "stream"], "--context stream does not apply to a sequence-to-sequence model"),
        (["--text-column", "a"], "--text-column does not apply to a sequence-to-sequence model"),
        (["--workers", "2"], "--workers does not apply to a sequence-to-sequence model"),
        (["--target", "a"], "--target requires --source"),
        (["--vectors", "a"], "--vectors: the sources of"),
        (["--json", "--per-line"], "exclude each other"),
    ],
)
def test_foreign_options_of_perplexity(args: list[str], problem: str, run: Run, data: Path, en_de: str) -> None:
    assert problem in run("perplexity", en_de, data / "test.tsv", *args, code=2).stderr


def test_pairs_are_foreign_to_language_models(run: Run, model: str) -> None:
    stderr = run("perplexity", model, "--source", "a", "--target", "b", code=2).stderr
    assert "--source, --target: for sequence-to-sequence models, and" in stderr


# --------------------------------------------------------------------------------------------------------- vectors


@pytest.fixture
def vectors(run: Run) -> Path:
    """A folder with pictures of animals, as vectors, and their names; and a describer ``animals`` of them."""
    names = ["ein Hund", "eine Katze", "ein Hund", "eine Maus"]
    rows = np.array([[0, 0], [0, 1], [0.1, 0], [1, 1]], np.float32)
    Path("names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    np.save("v.npy", rows)
    np.savez("v.npz", animals=rows, others=rows[:1])
    lines = ["\t".join([*map(str, row), name]) for row, name in zip(rows.tolist(), names, strict=True)]
    Path("train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run("fit", "toy-describer", "names.txt", "--vectors", "v.npy", "-o", "animals")
    return Path.cwd()


@pytest.mark.usefixtures("vectors")
def test_vectors_in_every_layout_give_the_same_model(run: Run) -> None:
    expected = load("animals").digest
    facts = {}
    for layout in (
        ["names.txt", "--vectors", "v.npz", "--vector-key", "animals"],
        ["--target", "names.txt", "--vectors", "v.npy"],
        ["train.tsv"],
    ):
        facts = json.loads(run("fit", "toy-describer", *layout, "-o", "m", "--json").stdout)
        assert facts["digest"] == expected, layout
    assert facts["dimension"] == 2
    args = ["fit", "toy-describer", "names.txt", "--vectors", "v.npy", "--json", "-o", "m"]
    one, other, without = (
        json.loads(run(*args, *valid).stdout)["fit"].get("validation_perplexity")
        for valid in (["--valid", "names.txt", "--valid-vectors", "v.npy"], ["--valid", "train.tsv"], [])
    )
    assert one == other > 1
    assert without is None


@pytest.mark.usefixtures("vectors")
def test_vectors_are_described_scored_and_have_a_perplexity(run: Run) -> None:
    model: Any = load("animals")
    data = ParallelTexts.read_vectors("v.npy", "names.txt")
    assert run("translate", "animals", "v.npy").stdout.splitlines() == model.predict(data.sources)
    lines = "0 1\n\n0\t0\n"
    assert run("translate", "animals", input=lines).stdout == "eine Katze\n\nein Hund\n"
    first = json.loads(run("translate", "animals", "v.npz", "--vector-key", "others", "--json").stdout)
    assert (first["translation"], "source" in first) == ("ein Hund", False)
    args = ["animals", "names.txt", "--vectors", "v.npy"]
    facts = json.loads(run("perplexity", *args, "--json").stdout)
    assert facts["perplexity"] == model.perplexity(data)
    header = run("perplexity", *args, "--per-line").stdout.splitlines()[0]
    assert "source" not in header.split("\t")
    stderr = run("perplexity", *args, "--max-perplexity", "3", code=2).stderr
    assert "use --per-line to filter rows" in stderr
    pytest.importorskip("sacrebleu")
    assert json.loads(run("score", *args, "--json").stdout)["chrf"] == 100


def test_words_are_looked_up_in_a_representation(run: Run) -> None:
    Path("text.txt").write_text("dog cat dog mouse\ncat dog mouse\n")
    run("fit", "one-hot", "text.txt", "-o", "vectors")
    Path("glosses.tsv").write_text("dog\tein Hund\ncat\teine Katze\nbird\tein Vogel\n", encoding="utf-8")
    args = ["glosses.tsv", "--representation", "vectors"]
    result = run("fit", "toy-describer", *args, "-o", "m", "--valid", "glosses.tsv")
    assert "bird" in result.stderr
    assert (
        run("translate", "m", "--representation", "vectors", input="cat\n\ndog\n").stdout == "eine Katze\n\nein Hund\n"
    )
    result = run("translate", "m", "--representation", "vectors", input="cat\nbird\n", code=1)
    assert result.stdout == "eine Katze\n"
    assert result.stderr.startswith("nlmkit: -, line 2: ")
    assert "bird" in result.stderr
    for command in ("score", "perplexity"):
        assert run(command, "m", *args).stdout
    Path("words.txt").write_text("dog\ncat\n")
    Path("texts.txt").write_text("ein Hund\neine Katze\n", encoding="utf-8")
    sides = ["--source", "words.txt", "--target", "texts.txt", "--representation", "vectors"]
    assert json.loads(run("perplexity", "m", *sides, "--json").stdout)["sentences"] == 2


@pytest.mark.usefixtures("vectors")
@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            ["fit", "toy-describer", "names.txt", "--vectors", "short.npy", "-o", "m"],
            "3 vectors, and 4 lines in names.txt",
        ),
        (["fit", "toy-describer", "names.txt", "--vectors", "nan.npy", "-o", "m"], "nan.npy: row 2 of 4: number 1"),
        (["fit", "toy-describer", "names.txt", "--vectors", "v.npz", "-o", "m"], "the file has 2 arrays"),
        (["translate", "animals", "wide.npy"], "wide.npy: the vectors have 3 dimensions, expected 2"),
        (["translate", "animals", "numbers.txt"], "numbers.txt, line 2: not numbers"),
        (["translate", "animals", "nan.npy"], "row 2"),
    ],
)
def test_bad_vectors_are_one_clear_line(run: Run, args: list[str], problem: str) -> None:
    rows = np.load("v.npy")
    np.save("short.npy", rows[:3])
    np.save("wide.npy", np.zeros((2, 3)))
    rows[1, 0] = np.nan
    np.save("nan.npy", rows)
    Path("numbers.txt").write_text("0 1\n0 x\n")
    result = run(*args, code=1)
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1
    assert (result.stdout == "eine Katze\n") == (args[-1] == "numbers.txt")


@pytest.mark.usefixtures("vectors")
@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["v.npy", "--representation", "r"], "--representation is for lines of text, and v.npy"),
        (["v.npy", "--text-column", "a"], "--text-column is for lines of text, and v.npy"),
        (["t.tsv", "--text-column", "a"], "--text-column requires --representation"),
        (["t.tsv", "--vector-key", "a"], "--vector-key is for .npz"),
    ],
)
def test_options_of_vectors_that_mean_nothing(run: Run, args: list[str], problem: str) -> None:
    assert problem in run("translate", "animals", *args, code=2).stderr


# ----------------------------------------------------------------------------------------------------------- show


def test_show_a_model_and_a_component(run: Run, en_de: str) -> None:
    lines = [line.split(maxsplit=1) for line in run("show", en_de).stdout.splitlines() if line.strip()]
    assert ["pairs", "4"] in lines
    assert "source_tokenizer" in run("show", "toy-translator").stdout
    pytest.importorskip("matplotlib")
    assert "a sequence-to-sequence has no picture; omit --plot" in run("show", en_de, "--plot", "a.png", code=1).stderr


def test_formats_and_options_are_those_of_what_is_called() -> None:
    from nlmkit.decoding.hypotheses import BeamOptions

    assert set(parallel_rows.FORMATS) == FORMATS
    fields = set(BeamOptions.__dataclass_fields__) - {"n_best"}
    assert set(search_options()) == fields | {"language_model", "lm_weight", "replace_unknown"}
    assert PairFiles(source=("a",), target=("b",), representation="r").inputs == ("a", "b", "r")


# -------------------------------------------------------------------------------------------------------- compare


def test_compare_ranks_conditional_and_other_models_by_the_targets(run: Run, data: Path, en_de: str) -> None:
    from nlmkit import compare_pairs

    run("fit", "toy-translator", data / "train.tsv", "--tokenizer", "space", "-p", "alpha=1", "-o", "flat")
    run("fit", "ngram", data / "train.de", "-p", "order=1", "-o", "lm")
    args = ["compare", en_de, "flat", "lm"]
    found = json.loads(run(*args, "--text", data / "test.tsv", "--json").stdout)
    assert [row["model"] for row in found["ranked"]] == [en_de, "flat", "lm"]
    pairs = ParallelTexts.read(data / "test.tsv")
    models: list[Any] = [load(path) for path in (en_de, "flat", "lm")]
    perplexities = [models[0].perplexity(pairs), models[1].perplexity(pairs), models[2].perplexity(data / "test.de")]
    assert [row["perplexity"] for row in found["ranked"]] == pytest.approx(perplexities)
    expected = compare_pairs(dict(zip(args[1:], models, strict=True)), pairs)
    assert compare_pairs(args[1:], pairs).to_dict() == expected.to_dict()
    assert found == {"text": [str(data / "test.tsv")]} | json.loads(json.dumps(expected.to_dict()))
    sides = ["--source", data / "test.en", "--target", data / "test.de"]
    assert json.loads(run(*args, *sides, "--json").stdout)["ranked"] == found["ranked"]
    assert run(*args, input=TEST.encode()).stdout == run(*args, data / "test.tsv").stdout


def test_models_of_other_tokens_are_ranked_by_bits_per_character(run: Run, data: Path, en_de: str) -> None:
    run("fit", "toy-translator", data / "train.tsv", "-p", "target_tokenizer=char", "-o", "chars")
    run("fit", "ngram", data / "train.de", "-p", "order=2", "--tokenizer", "char", "-o", "lm")
    args = ["compare", en_de, "chars", "lm", data / "train.tsv", "--by", "bits-per-character", "--json"]
    found = json.loads(run(*args).stdout)
    assert sorted(row["model"] for row in found["ranked"]) == sorted([en_de, "chars", "lm"])
    pairs = ParallelTexts.read(data / "train.tsv")
    bits = {name: load(name).perplexity_report(pairs).bits_per_character for name in (en_de, "chars")}  # type: ignore[attr-defined]
    assert {row["model"]: row["bits_per_character"] for row in found["ranked"] if row["model"] != "lm"} == bits
    assert all(row["interval"] for row in found["ranked"])


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--context", "stream"], "--context stream does not apply where a model is a sequence-to-sequence model"),
        (["--text-column", "a"], "--text-column does not apply where a model is a sequence-to-sequence model"),
        (["--source", "a"], "--source requires --target"),
    ],
)
def test_foreign_options_of_compare(args: list[str], problem: str, run: Run, en_de: str) -> None:
    assert problem in run("compare", en_de, en_de, *args, input="", code=2).stderr


def test_compare_refuses_other_kinds_and_pairs_for_language_models(run: Run, model: str) -> None:
    stderr = run("compare", model, model, "--source", "a", "--target", "b", code=2).stderr
    assert "--source, --target: for sequence-to-sequence models, and all of these are language models" in stderr


# --------------------------------------------------------------------------------------------------------- neural


@pytest.mark.slow
def test_an_encoder_decoder_from_fit_to_a_picture(run: Run, data: Path) -> None:
    for module in ("torch", "sacrebleu", "matplotlib"):
        pytest.importorskip(module)
    small = [f"-p{name}={value}" for name, value in (("hidden", 8), ("embedding", 8), ("epochs", 2), ("batch", 20))]
    args = ["fit", "encoder-decoder", data / "train.tsv", "--valid", data / "test.tsv", *small, "--log", "log.jsonl"]
    facts = json.loads(run(*args, "-p", "target_tokenizer=char", "-o", "m", "--json").stdout)
    assert facts["fit"]["steps"] >= 2
    assert Path("log.jsonl").read_text(encoding="utf-8").count("\n") >= 2
    assert not Path("m.checkpoint").exists()
    model: Any = load("m")
    pairs = ParallelTexts.read(data / "test.tsv")
    found = json.loads(run("perplexity", "m", data / "test.tsv", "--json").stdout)
    assert found["perplexity"] == pytest.approx(model.perplexity(pairs), rel=1e-5)
    assert json.loads(run("score", "m", data / "test.tsv", "--json").stdout)["signature"] == found["signature"]
    shown = run("translate", "m", data / "test.en", "--attention", "a.svg").stdout
    assert shown.splitlines() == model.predict(pairs.sources)
    assert ">&lt;/s&gt;<" in Path("a.svg").read_text(encoding="utf-8")
