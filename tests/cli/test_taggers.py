"""Taggers on the command line: ``fit``, ``score`` and ``show``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from toys.frequent_tagger import FrequentTagger

from cli.conftest import Run
from nlmkit import load
from nlmkit.cli.tagged import FORMATS
from nlmkit.text import tagged_reading
from nlmkit.text.tagged import TaggedSentences

pytestmark = pytest.mark.usefixtures("toy_tagger")

TRAIN = """He PRP O
lives VBZ O
in IN O
New NNP B-LOC
York NNP I-LOC
. . O

Mary NNP B-PER
left VBD O
Paris NNP B-LOC

Rome NNP B-LOC
is VBZ O
old JJ O
"""
TEST = TRAIN.replace("Rome", "Berlin")
SEGMENTED = "他 来到 北京\n北京 大学\n我们 来\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sentences in every form."""
    folder = tmp_path_factory.mktemp("tagged")
    (folder / "train.txt").write_text(TRAIN)
    (folder / "test.txt").write_text(TEST)
    (folder / "train.tsv").write_text(TRAIN.replace(" ", "\t"))
    (folder / "tags-first.txt").write_text("\n".join(" ".join(reversed(line.split())) for line in TRAIN.split("\n")))
    number, lines = 0, []
    for line in TRAIN.split("\n"):
        number = number + 1 if line else 0
        word, pos, tag = line.split() if line else ("", "", "")
        lines.append("\t".join([str(number), word, word.lower(), pos, tag, *"_____"]) if line else "")
    (folder / "train.conllu").write_text("# text\n" + "\n".join(lines) + "\n")
    (folder / "segmented.txt").write_text(SEGMENTED, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def names(data: Path, toy_tagger: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved tagger of names, which reads the second column too."""
    folder = tmp_path_factory.mktemp("taggers") / "names"
    FrequentTagger().fit(TaggedSentences.read(data / "train.txt", feature_columns=(1,))).save(folder)
    return str(folder)


# ------------------------------------------------------------------------------------------------------------ fit


def test_fit_saves_what_fit_in_python_saves(run: Run, data: Path, names: str) -> None:
    args = ["fit", "toy-frequent", data / "train.txt", "--feature-column", "1", "-o", "m"]
    facts = json.loads(run(*args, "--json").stdout)
    assert facts["digest"] == load(names).digest == load("m").digest
    assert (facts["kind"], facts["component"], facts["scheme"]) == ("tagger", "toy-frequent", "IOB2")
    assert facts["tags"] == ["O", "B-LOC", "E-LOC", "S-PER", "S-LOC"]
    assert (facts["fit"]["sentences"], facts["fit"]["tokens"]) == (3, 12)
    assert facts["resolved"]["feature_column"] == [1]
    result = run(*args)
    shown = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert (shown["sentences"], shown["tokens"], shown["tags"], shown["scheme"]) == ("3", "12", "5", "IOB2")
    assert "note: the toy counted\\x1b[31m\n" in result.stderr
    assert run(*args, "--quiet").stderr == ""


def test_every_layout_gives_the_same_tagger(run: Run, data: Path) -> None:
    run("fit", "toy-frequent", data / "train.txt", "-o", "m0")
    expected: Any = load("m0")
    layouts: list[list[Any]] = [
        [data / "train.tsv"],
        [data / "tags-first.txt", "--word-column", "-1", "--tag-column", "0"],
        [data / "train.conllu", "--tag-column", "xpos"],
        [data / "train.conllu", "--tag-column", "4", "--format", "conllu"],
        ["-"],
    ]
    for number, layout in enumerate(layouts, 1):
        run("fit", "toy-frequent", *layout, "-o", f"m{number}", input=TRAIN.encode())
        found: Any = load(f"m{number}")
        assert found.tags_ == expected.tags_
        assert found.values_ == expected.values_


def test_a_written_config_repeats_the_run(run: Run, data: Path) -> None:
    layout = ["--word-column", "0", "--tag-column", "2", "--feature-column", "1", "--scheme", "iob1"]
    args = ["fit", "toy-frequent", data / "train.txt", *layout, "--tokenizer", "word", "--valid", data / "test.txt"]
    first = json.loads(run(*args, "-p", "k=0.5", "-o", "m", "--write-config", "c.toml", "--json").stdout)
    again = json.loads(run("fit", "--config", "c.toml", "-o", "n", "--json").stdout)
    assert again["digest"] == first["digest"]
    assert (again["scheme"], again["resolved"]["params"]) == (
        "IOB1",
        {"scheme": "IOB1", "unicode_form": "NFKC", "k": 0.5},
    )
    assert again["fit"]["held_out"] == 3
    text = Path("c.toml").read_text(encoding="utf-8")
    assert "feature_column = [1]" in text
    assert 'tokenizer = "word"' in text
    tagger: Any = load("n")
    assert tagger.pipeline_.tokenizer == "word"


def test_saved_taggers_are_combined(run: Run, data: Path) -> None:
    for order in (1, 2):
        run("fit", "hmm-tagger", data / "train.txt", "-o", f"hmm{order}", "-p", f"order={order}")
    both = ["--model", "hmm1", "--model", "hmm2"]
    facts = json.loads(run("fit", "ensemble-tagger", data / "train.txt", *both, "-o", "both", "--json").stdout)
    assert facts["fit"]["weights_from"] == "validation"
    assert len(facts["fit"]["weights"]) == 2
    assert json.loads(run("score", "both", data / "train.txt", "--json").stdout)["f1"] == 1
    given = run("fit", "ensemble-tagger", data / "train.txt", "-p", 'models=["hmm-tagger"]', *both, "-o", "x", code=2)
    assert "--model and -p models exclude each other" in given.stderr


def test_a_scheme_is_a_hyper_parameter_that_a_flag_sets(run: Run, data: Path) -> None:
    args = ["fit", "toy-frequent", data / "train.txt", "-o", "m"]
    for flags in (["--scheme", "plain"], ["-p", "scheme=plain"]):
        facts = json.loads(run(*args, *flags, "--json").stdout)
        assert (facts["scheme"], facts["resolved"]["set_by"]["scheme"]) == ("plain", "flag")
        assert facts["tags"] == ["O", "B-LOC", "I-LOC", "B-PER"]
    assert "contradict each other" in run(*args, "--scheme", "IOB2", "-p", "scheme=IOB1", code=2).stderr


def test_words_are_looked_up_as_a_flag_says(run: Run, data: Path) -> None:
    args = ["fit", "toy-frequent", data / "train.txt", "-o", "m", "--json"]
    assert json.loads(run(*args, "--unicode-form", "none").stdout)["resolved"]["params"]["unicode_form"] is None
    assert "toy-frequent has no hyper-parameter 'lowercase'" in run(*args, "--lowercase", code=1).stderr


# ------------------------------------------------------------------------------------------------------ bad input


BAD = [
    ("He PRP O\nleft VBD\n", ", line 2: 2 columns, expected 3 as on line 1"),
    ("He\tPRP\tO\n\tVBD\tO\n", ", line 2: an empty cell"),
    ("He\n", ", line 1: one column, expected a word and its tag"),
    ("He O\nin I-LOC\nRome E-LOC\nMary B\n", ", line 4: mixed tag schemes: the tag B has no type"),
    ("He O\nis VBZ\nin B-LOC\n", ", line 2: mixed tag schemes: the tag VBZ is not a tag of spans"),
    ("", ": no sentences"),
    ("\n\n\n", ": no sentences"),
    ("-DOCSTART- -X- O\n\n", ": no sentences"),
    (b"He O\ncaf\xe9 O\n", ", line 2, byte 8: byte 0xE9 is not valid utf-8"),
    (b"\x1f\x8b\x08\0\0", ", byte 0: this is .gz compressed data"),
    (b"\xff\xfeH\0e\0", ", line 1, byte 0: the text begins with the byte order mark of utf-16"),
    ("He O O\n" + "a\x1b[31m\u202e b c d\n", ", line 2: 4 columns, expected 3"),
    ("He O\nis \x1b[31m\u202eB-X\nin B-LOC\n", ", line 2: mixed tag schemes: the tag '\\x1b[31m\\u202eB-X' is not"),
]


@pytest.mark.parametrize(("content", "problem"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_bad_file_is_one_clear_line(content: str | bytes, problem: str, run: Run, data: Path, names: str) -> None:
    Path("bad.txt").write_bytes(content.encode() if isinstance(content, str) else content)
    stderr = run("fit", "toy-frequent", "bad.txt", "-o", "m", code=1).stderr
    assert stderr.startswith(f"nlmkit: bad.txt{problem}")
    assert stderr.count("\n") == 1
    of_valid = run("fit", "toy-frequent", data / "train.txt", "--valid", "bad.txt", "-o", "m", code=1).stderr
    assert of_valid.startswith("nlmkit: bad.txt")
    assert not Path("m").exists()
    layout = ["--tag-column", "-1"] if b" " in Path("bad.txt").read_bytes()[:12] else []
    run("score", names, "bad.txt", *layout, code=1)


def test_columns_that_are_not_there_are_named(run: Run, data: Path) -> None:
    args = ["fit", "toy-frequent", "-o", "m"]
    stderr = run(*args, data / "train.txt", "--tag-column", "3", code=1).stderr
    assert "train.txt, line 1: no column 3: this line has 3 columns, 0 to 2" in stderr
    stderr = run(*args, data / "train.conllu", "--tag-column", "xps", code=1).stderr
    assert "no column 'xps' in CoNLL-U" in stderr
    assert "did you mean xpos?" in stderr
    stderr = run(*args, data / "train.txt", "--feature-column", "0", code=1).stderr
    assert "words, tags and features must be different columns" in stderr
    stderr = run(*args, data / "segmented.txt", "--format", "segmented", "--tag-column", "1", code=1).stderr
    assert "segmented text has no columns" in stderr
    stderr = run(*args, data / "segmented.txt", "--format", "segmented", "--tokenizer", "word", code=2).stderr
    assert "--tokenizer: the tokens of segmented text are its characters" in stderr


def test_files_of_other_systems_are_read(run: Run, data: Path) -> None:
    run("fit", "toy-frequent", data / "train.txt", "-o", "m")
    wanted = load("m").values_  # type: ignore[attr-defined]
    for text in (
        "\ufeff" + TRAIN,
        TRAIN.replace("\n", "\r\n"),
        TRAIN.removesuffix("\n"),
        f"-DOCSTART- -X- O\n\n{TRAIN}\n\n",
    ):
        run("fit", "toy-frequent", "-", "-o", "other", input=text.encode())
        assert load("other").values_ == wanted  # type: ignore[attr-defined]


@pytest.mark.usefixtures("at_a_terminal")
@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["toy-frequent", "-o", "m"], "missing TRAIN"),
        (["toy-frequent", "train.txt"], "missing MODEL"),
        (["toy-frequent", "t", "-o", "m", "--text-column", "a"], "--text-column: for"),
        (["toy-frequent", "t", "-o", "m", "--label-column", "a"], "--label-column: for classifiers and regressors"),
        (["toy-frequent", "t", "--cross-validate", "3"], "--cross-validate: for classifiers and regressors"),
        (
            ["toy-frequent", "t", "-o", "m", "--format", "csv"],
            "--format csv: for classifiers, regressors and sequence-to-sequence models, and toy-frequent is a tagger",
        ),
        (["toy-frequent", "t", "-o", "m", "--budget", "3s"], "does not train in steps"),
        (["toy-frequent", "t", "-o", "m", "--scheme", "BIO"], "'BIO' is not one of"),
        (["toy-frequent", "t", "-o", "m", "--feature-column", ""], "the name of a column is empty"),
        (["ngram", "t", "-o", "m", "--tag-column", "1"], "--tag-column: for taggers, and ngram is a language-model"),
        (
            ["ngram", "t", "-o", "m", "--format", "conllu"],
            "--format: for classifiers and taggers, and ngram",
        ),
        (["nbsvm", "t", "-o", "m", "--format", "columns"], "--format columns: for taggers, and nbsvm is a classifier"),
        (["nbsvm", "t", "-o", "m", "--scheme", "IOB2"], "--scheme: for taggers, and nbsvm is a classifier"),
    ],
)
def test_options_that_mean_nothing_are_usage_errors(run: Run, args: list[str], problem: str) -> None:
    assert problem in run("fit", *args, code=2).stderr


# ---------------------------------------------------------------------------------------------------------- score


def test_score_is_that_of_python_and_reads_the_layout_of_training(run: Run, data: Path, names: str) -> None:
    tagger: Any = load(names)
    report = tagger.report(TaggedSentences.read(data / "test.txt", feature_columns=(1,)))
    facts = json.loads(run("score", names, data / "test.txt", "--json").stdout)
    assert facts == {"model": names, "kind": "tagger", "score": report.f1} | report.to_dict()
    assert {"f1", "precision", "recall", "accuracy", "by_type", "scheme"} <= set(facts)
    assert (facts["scheme"], sorted(facts["by_type"])) == ("IOB2", ["LOC", "PER"])
    assert run("score", names, data / "test.txt").stdout == report.render() + "\n"
    assert run("score", names, input=TEST.encode()).stdout.splitlines()[0] == report.render().splitlines()[0]
    few = json.loads(run("score", names, data / "test.txt", "--json", "--samples", "20", "--seed", "5").stdout)
    data_ = TaggedSentences.read(data / "test.txt", feature_columns=(1,))
    assert few["intervals"] == tagger.report(data_, resamples=20, seed=5).to_dict()["intervals"]


def test_another_layout_or_scheme_is_said_by_options(run: Run, data: Path, names: str) -> None:
    expected = json.loads(run("score", names, data / "train.txt", "--json").stdout)
    args = ["--word-column", "-1", "--tag-column", "0", "--feature-column", "1"]
    found = json.loads(run("score", names, data / "tags-first.txt", *args, "--json").stdout)
    assert found["f1"] == expected["f1"] == 1
    args = ["--format", "conllu", "--tag-column", "xpos", "--feature-column", "upos"]
    found = json.loads(run("score", names, data / "train.conllu", *args, "--json").stdout)
    assert found["f1"] == 1
    stderr = run("score", names, data / "train.conllu", *args, "--feature-column", "lemma", code=1).stderr
    assert "was trained with 1 feature column (column 1), but the text has 2 feature columns (upos, lemma)" in stderr


@pytest.mark.parametrize(("scheme", "tags"), [("BIOES", "SBE"), ("BILOU", "UBL"), ("IOB1", "III"), ("IOB2", "BBI")])
def test_a_scheme_of_the_test_file(run: Run, data: Path, names: str, scheme: str, tags: str) -> None:
    one, two, three = list(tags)
    Path("test.txt").write_text(f"Rome NNP {one}-LOC\nis VBZ O\n\nNew NNP {two}-LOC\nYork NNP {three}-LOC\n")
    for flags in ([], ["--scheme", scheme]):
        facts = json.loads(run("score", names, "test.txt", *flags, "--json").stdout)
        assert (facts["scheme"], facts["gold_repairs"]) == (scheme, 0)
        assert (facts["f1"], facts["accuracy"]) == (1, 1)


def test_validation_sentences_may_be_in_another_scheme(run: Run, data: Path) -> None:
    Path("valid.txt").write_text("Rome NNP S-LOC\nis VBZ O\n\nNew NNP B-LOC\nYork NNP E-LOC\n")
    args = ["fit", "toy-frequent", data / "train.txt", "--valid", "valid.txt", "-o", "m"]
    assert json.loads(run(*args, "--json").stdout)["fit"]["validation_f1"] == 1


def test_a_scheme_of_spans_does_not_suit_plain_tags(run: Run, data: Path) -> None:
    run("fit", "toy-frequent", data / "train.txt", "-o", "plain", "--scheme", "plain")
    stderr = run("score", "plain", data / "train.txt", "--scheme", "IOB2", code=1).stderr
    assert "plain: its tags are plain and form no spans: omit --scheme IOB2" in stderr


def test_segmented_text_has_a_scheme_of_its_own(run: Run) -> None:
    Path("chars.txt").write_text("他 B\n来 B\n到 I\n\n北 B\n京 I\n", encoding="utf-8")
    Path("words.txt").write_text("他 来到\n北京\n", encoding="utf-8")
    assert json.loads(run("fit", "toy-frequent", "chars.txt", "-o", "m", "--json").stdout)["scheme"] == "IOB2"
    facts = json.loads(run("score", "m", "words.txt", "--format", "segmented", "--json").stdout)
    assert (facts["scheme"], facts["f1"]) == ("BMES", 1)


def test_a_tag_unseen_in_training_is_an_error_with_a_note(run: Run, names: str) -> None:
    Path("new.txt").write_text("Rome NNP B-LOC\nsaw VBD O\nMonday NNP B-DAY\n")
    result = run("score", names, "new.txt", "--json")
    facts = json.loads(result.stdout)
    assert facts["by_type"]["DAY"]["recall"] == 0
    assert facts["recall"] < 1
    assert "S-DAY" in result.stderr
    assert "S-DAY" not in run("score", names, "new.txt", "--quiet").stderr


@pytest.mark.slow
def test_score_draws_the_confusion_matrix(run: Run, data: Path, names: str) -> None:
    pytest.importorskip("matplotlib")
    run("score", names, data / "test.txt", "--plot", "c.svg")
    drawn = Path("c.svg").read_text(encoding="utf-8")
    assert all(f">{text}<" in drawn for text in ("B-LOC", "I-LOC", "tag of the data"))
    assert "unsupported picture" in run("score", names, data / "test.txt", "--plot", "c.gif", code=1).stderr


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--format", "csv"], "--format csv does not apply to a tagger"),
        (["--label-column", "x"], "--label-column does not apply to a tagger"),
        (["--analogies"], "--analogies does not apply to a tagger"),
    ],
)
def test_foreign_options_of_score(args: list[str], problem: str, run: Run, data: Path, names: str) -> None:
    assert problem in run("score", names, data / "test.txt", *args, code=2).stderr


def test_options_of_taggers_are_foreign_to_others(run: Run, model: str, texts: Path) -> None:
    for args, problem in (
        (["--tag-column", "1"], "--tag-column does not apply to a language-model"),
        (["--format", "columns"], "--format columns does not apply to a language-model"),
    ):
        assert problem in run("score", model, texts / "test.txt", *args, code=2).stderr


def test_formats_are_those_of_the_reader() -> None:
    assert FORMATS == tagged_reading.FORMATS


# ----------------------------------------------------------------------------------------------------------- show


def test_show_tells_tags_and_scheme(run: Run, names: str) -> None:
    facts = json.loads(run("show", names, "--json").stdout)
    assert facts["metadata"]["scheme"] == "IOB2"
    lines = [line.split(maxsplit=1) for line in run("show", names).stdout.splitlines() if line.strip()]
    assert ["scheme", "IOB2"] in lines
    assert ["tags", "O B-LOC E-LOC S-PER S-LOC"] in lines


def test_a_hyper_parameter_of_the_toy_is_shown(run: Run) -> None:
    assert "added to every count" in run("show", "toy-frequent").stdout
    assert {each.name for each in dataclasses.fields(FrequentTagger)} >= {"k", "scheme", "unicode_form"}
