"""``nlmkit tag``: raw lines and tokenized files, in every form of output."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from toys.frequent_tagger import FrequentTagger

from cli.conftest import Run
from cli.test_processes import hear, say, started
from cli.test_taggers import SEGMENTED, TEST, TRAIN
from nlmkit import load
from nlmkit.text.segmenter import SegmenterTokenizer
from nlmkit.text.tagged import TaggedSentences

pytestmark = pytest.mark.usefixtures("toy_tagger")

LINES = "He lives in New York .\n\nMary left Rome\n"


@pytest.fixture(scope="module")
def folder(toy_tagger: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with taggers: of names, of names with a feature column, of parts of speech, and of words."""
    folder = tmp_path_factory.mktemp("tag")
    (folder / "train.txt").write_text(TRAIN)
    (folder / "seg.txt").write_text(SEGMENTED, encoding="utf-8")
    read = TaggedSentences.read
    for name, data in (
        ("names", read(folder / "train.txt")),
        ("featured", read(folder / "train.txt", feature_columns=(1,))),
        ("pos", read(folder / "train.txt", tag_column=1)),
        ("segmenter", read(folder / "seg.txt", format="segmented")),
    ):
        FrequentTagger().fit(data).save(folder / name)
    return folder


def rows(text: str) -> list[list[list[str]]]:
    """Sentences of rows of cells."""
    return [[row.split("\t") for row in part.split("\n") if row] for part in text.removesuffix("\n").split("\n\n")]


# ----------------------------------------------------------------------------------------------------- raw lines


def test_columns_are_tokens_and_tags(run: Run, folder: Path) -> None:
    tagger: Any = load(folder / "names")
    shown = run("tag", folder / "names", input=LINES).stdout
    assert shown == ("He\tO\nlives\tO\nin\tO\nNew\tB-LOC\nYork\tI-LOC\n.\tO\n\n\nMary\tB-PER\nleft\tO\nRome\tB-LOC\n\n")
    Path("t.txt").write_text(LINES)
    assert run("tag", folder / "names", "t.txt").stdout == shown
    assert run("tag", folder / "names", "--text", "t.txt").stdout == shown
    tags = [[tag for _, tag in sentence] for sentence in rows(shown.replace("\n\n\n", "\n\n"))]
    assert tags == [tags for tags in tagger.predict(LINES.splitlines()) if tags]


def test_marginals_are_those_of_the_printed_tags(run: Run, folder: Path) -> None:
    tagger: Any = load(folder / "names")
    (shown,) = rows(run("tag", folder / "names", "--marginals", input="He left New York\n").stdout)
    (marginals,) = tagger.predict_marginals(["He left New York"])
    inner = ["O", "O", "B-LOC", "E-LOC"]
    expected = [marginals[place, tagger.tags_.index(tag)] for place, tag in enumerate(inner)]
    assert [row[:2] for row in shown] == [["He", "O"], ["left", "O"], ["New", "B-LOC"], ["York", "I-LOC"]]
    assert [row[2] for row in shown] == [f"{value:.6f}" for value in expected]


def test_json_has_tags_spans_and_what_was_asked_for(run: Run, folder: Path) -> None:
    tagger: Any = load(folder / "names")
    plain = [json.loads(line) for line in run("tag", folder / "names", "--json", input=LINES).stdout.splitlines()]
    assert plain[0] == {
        "tokens": ["He", "lives", "in", "New", "York", "."],
        "tags": ["O", "O", "O", "B-LOC", "I-LOC", "O"],
        "spans": [{"type": "LOC", "start": 3, "end": 5, "text": "New York"}],
    }
    assert plain[1] == {"tokens": [], "tags": [], "spans": []}
    args = ["tag", folder / "names", "--format", "jsonl", "--marginals", "--n-best", "3"]
    found = [json.loads(line) for line in run(*args, input=LINES).stdout.splitlines()]
    for line, facts in zip(LINES.splitlines(), found, strict=True):
        tokens = [line.split()]
        (marginals,), (spans,), (best,) = (
            tagger.predict_marginals(tokens),
            tagger.predict_spans(tokens),
            tagger.n_best(tokens, 3),
        )
        assert [list(row.values()) for row in facts["marginals"]] == marginals.tolist()
        assert all(list(row) == list(tagger.tags_) for row in facts["marginals"])
        assert [(span["type"], span["start"], span["end"], span["probability"]) for span in facts["spans"]] == [
            (*span, probability) for span, probability in spans
        ]
        assert [(each["log_probability"], each["tags"]) for each in facts["n_best"]] == best
        assert len(facts["probabilities"]) == len(facts["tokens"])
        assert facts["tags"] == tagger.predict(tokens)[0]
    assert math.isclose(sum(found[0]["marginals"][0].values()), 1)


def test_spans_are_rows_with_their_probabilities(run: Run, folder: Path) -> None:
    tagger: Any = load(folder / "names")
    args = ["tag", folder / "names", "--format", "spans"]
    header, *shown = run(*args, input=LINES).stdout.splitlines()
    assert header.split("\t") == ["sentence", "start", "end", "type", "probability", "text"]
    (one,), _, (two, three) = tagger.predict_spans(LINES.splitlines())
    assert [row.split("\t") for row in shown] == [
        ["1", "3", "5", "LOC", f"{one[1]:.6f}", "New York"],
        ["3", "0", "1", "PER", f"{two[1]:.6f}", "Mary"],
        ["3", "2", "3", "LOC", f"{three[1]:.6f}", "Rome"],
    ]
    assert run(*args, "--no-header", input=LINES).stdout.splitlines() == shown
    assert run(*args, input="He left\n").stdout == header + "\n"


def test_words_of_a_segmenter_are_separated_by_spaces(run: Run, folder: Path) -> None:
    args = ["tag", folder / "segmenter", "--format", "words"]
    assert run(*args, input="他来到北京大学\n\n我们 来\n").stdout == "他 来到 北京 大学\n\n我们 来\n"
    line = "\u3000来 北\t京大学\x85 x▁y "
    words = SegmenterTokenizer(load(folder / "segmenter")).tokenize(line)  # type: ignore[arg-type]
    assert {"北", "京"} <= set(words), "white space is a boundary"
    assert run(*args, input=line).stdout == " ".join(words) + "\n"
    shown = run("tag", folder / "segmenter", input=" 北 京\n").stdout
    assert shown == "北\tB\n京\tE\n\n", "white space is no token"
    shown = run("tag", folder / "segmenter", input="北京\n").stdout
    assert shown == "北\tB\n京\tE\n\n"
    (facts,) = map(json.loads, run("tag", folder / "segmenter", "--json", input="来北京\n").stdout.splitlines())
    assert [span["text"] for span in facts["spans"]] == ["来", "北京"]


def test_raw_text_is_split_as_an_option_says(run: Run, folder: Path) -> None:
    assert run("tag", folder / "names", input="He left.\n").stdout == "He\tO\nleft.\tO\n\n"
    shown = run("tag", folder / "names", "--tokenizer", "word", input="He left.\n").stdout
    assert shown == "He\tO\nleft\tO\n.\tO\n\n"
    shown = run("tag", folder / "names", "--tokenizer", f"model:{folder / 'segmenter'}", input="我们来\n").stdout
    assert [row.split("\t")[0] for row in shown.splitlines() if row] == ["我们", "来"]
    stderr = run("tag", folder / "names", "--tokenizer", "wrod", input="He\n", code=1).stderr
    assert "wrod" in stderr
    assert stderr.count("\n") == 1


def test_control_characters_are_escaped(run: Run, folder: Path) -> None:
    line = "New\x1b[31m York\u202e <s> a\0b\n"
    shown = run("tag", folder / "names", "--format", "columns", input=line).stdout
    assert shown.startswith("New\\x1b[31m\t")
    assert "York\\u202e\t" in shown
    assert not {"\x1b", "\u202e", "\0"} & set(shown)
    (facts,) = map(json.loads, run("tag", folder / "names", "--json", input=line).stdout.splitlines())
    assert facts["tokens"][:2] == ["New\x1b[31m", "York\u202e"]
    assert "-, line 1" in run("tag", folder / "names", "--marks", "error", input=line, code=1).stderr


def test_encodings_and_lines_before_a_fault(run: Run, folder: Path) -> None:
    shown = run("tag", folder / "names", "--encoding", "latin-1", input=b"caf\xe9\n").stdout
    assert shown == "café\tO\n\n"
    result = run("tag", folder / "names", input=b"He left\ncaf\xe9\n", code=1)
    assert result.stdout == "He\tO\nleft\tO\n\n"
    assert result.stderr.startswith("nlmkit: -, line 2, byte 11: byte 0xE9 is not valid utf-8")


# -------------------------------------------------------------------------------------------------- tokenized files


def test_tokenized_files_have_the_layout_of_training(run: Run, folder: Path) -> None:
    untagged = "\n".join(line.rpartition(" ")[0] for line in TEST.split("\n"))
    Path("untagged.txt").write_text(untagged)
    args = ["tag", folder / "featured"]
    shown = run(*args, "untagged.txt", "--input", "columns").stdout
    assert [row for sentence in rows(shown) for row in sentence] == [
        [*line.split()[:2], line.split()[2]] for line in TEST.splitlines() if line
    ]
    gold = run(*args, "--input", "columns", "--tag-column", "-1", input=TEST).stdout
    assert [row[:2] + row[3:] for sentence in rows(gold) for row in sentence] == [
        row for sentence in rows(shown) for row in sentence
    ]
    facts = [
        json.loads(line)
        for line in run(*args, "--input", "columns", "--tag-column", "2", "--json", input=TEST).stdout.splitlines()
    ]
    assert facts[1]["features"] == {"column 1": ["NNP", "VBD", "NNP"]}
    assert facts[1]["gold"] == ["B-PER", "O", "B-LOC"]


def test_another_layout_is_said_by_options(run: Run, folder: Path) -> None:
    text = "NNP\tx\tRome\nVBZ\tx\tis\n"
    args = ["--input", "columns", "--word-column", "-1", "--feature-column", "0"]
    assert run("tag", folder / "featured", *args, input=text).stdout == "Rome\tNNP\tB-LOC\nis\tVBZ\tO\n\n"
    conllu = "# text\n1\tRome\t_\tNNP\t_\t_\t_\t_\t_\t_\n1.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n"
    args = ["--input", "conllu", "--feature-column", "upos"]
    assert run("tag", folder / "featured", *args, input=conllu).stdout == "Rome\tNNP\tB-LOC\n\n"
    assert run("tag", folder / "names", "--input", "conllu", input=conllu).stdout == "Rome\tB-LOC\n\n"


def test_columns_that_are_read_as_raw_lines_are_noted(run: Run, folder: Path) -> None:
    Path("two.txt").write_text("\n".join(line.partition(" ")[0] + " O" if line else "" for line in TRAIN.split("\n")))
    note = "note: two.txt has one token per line but is read as raw lines: use --input columns\n"
    assert run("tag", folder / "names", "two.txt").stderr == note
    assert run("tag", folder / "names", "two.txt", "--input", "columns").stderr == ""
    for text in ("He left Rome\n" * 5, "A O\nB\nC O\n", "A O\nB O\n", ""):
        assert run("tag", folder / "names", input=text).stderr == ""


def test_an_empty_file_has_no_rows(run: Run, folder: Path) -> None:
    for text in ("", "\n\n"):
        assert run("tag", folder / "featured", "--input", "columns", input=text).stdout == ""
    assert run("tag", folder / "names", input="").stdout == ""


# ------------------------------------------------------------------------------------------------------- pipes


@pytest.mark.slow
def test_a_sentence_in_a_pipe_is_answered_at_once(
    folder: Path, toy_tagger: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["PYTHONPATH"] = f"{toy_tagger}{os.pathsep}{environment['PYTHONPATH']}"
    with started("tag", str(folder / "names"), "--json", environment=environment) as process:
        for words in (["He", "left"], [], ["Mary"]):
            say(process, " ".join(words) + "\n")
            assert json.loads(hear(process))["tokens"] == words
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    with started("tag", str(folder / "featured"), "--input", "columns", environment=environment) as process:
        for word in ("Rome", "Paris"):
            say(process, f"{word} NNP\n\n")
            assert [hear(process), hear(process)] == [f"{word}\tNNP\tB-LOC\n", "\n"]
        say(process, "is\n\n")
        assert process.wait(timeout=60) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b"nlmkit: -, line 5: 1 column, expected 2 as on line 1\n"


# ------------------------------------------------------------------------------------------------------- plots


@pytest.mark.slow
def test_the_first_sentence_is_drawn(run: Run, folder: Path) -> None:
    pytest.importorskip("matplotlib")
    shown = run("tag", folder / "names", "--plot", "s.svg", input="\n" + LINES).stdout
    assert shown == run("tag", folder / "names", input="\n" + LINES).stdout
    drawn = Path("s.svg").read_text(encoding="utf-8")
    for text in ("York", "B-LOC", "E-LOC", "probability"):
        assert f">{text}<" in drawn
    assert "Mary" not in drawn
    result = run("tag", folder / "names", "--plot", "none.svg", input="\n\n")
    assert "none.svg is not drawn: no sentence has a token" in result.stderr
    assert not Path("none.svg").exists()
    assert "unsupported picture format" in run("tag", folder / "names", "--plot", "s.gif", input="a\n", code=1).stderr
    Path("t.svg").write_text("He left\n")
    stderr = run("tag", folder / "names", "t.svg", "--plot", "t.svg", code=1).stderr
    assert "--plot t.svg is the same as t.svg, which is read" in stderr


@pytest.mark.slow
def test_show_draws_the_transitions(run: Run, folder: Path, model: str) -> None:
    pytest.importorskip("matplotlib")
    run("show", folder / "names", "--plot", "t.svg")
    drawn = Path("t.svg").read_text(encoding="utf-8")
    for text in ("start", "end", "B-LOC", "tag before", "tag after"):
        assert f">{text}<" in drawn
    stderr = run("show", model, "--plot", "lm.svg", code=1).stderr
    assert "a language-model has no picture; omit --plot" in stderr
    assert (
        "--plot is for a saved model, and ngram is a component"
        in run("show", "ngram", "--plot", "x.svg", code=2).stderr
    )


# ------------------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("args", "code", "problem"),
    [
        (["names", "--n-best", "2"], 2, "--n-best requires --format jsonl"),
        (["names", "--n-best", "0", "--json"], 2, "is not in the range"),
        (["names", "--no-header"], 2, "--no-header requires --format spans"),
        (["names", "--json", "--format", "spans"], 2, "--json and --format spans exclude each other"),
        (["names", "--marginals", "--format", "spans"], 2, "--format spans has the probability of each span"),
        (["segmenter", "--marginals", "--format", "words"], 2, "--format words has no place for probabilities"),
        (["names", "--tag-column", "1"], 2, "--tag-column: raw lines have no columns; use --input columns or conllu"),
        (["names", "--input", "columns", "--tokenizer", "word"], 2, "--tokenizer is for raw lines"),
        (["names", "--format", "words"], 1, "names: --format words is for segmenters"),
        (["pos", "--format", "spans"], 1, "pos: its tags form no spans: use --format columns or jsonl"),
        (["featured"], 1, "reads columns beside the words (column 1), which raw lines lack: use --input columns"),
        (["names", "nowhere.txt"], 1, "nowhere.txt"),
        (["nowhere"], 1, "nowhere: no such folder"),
        (["names", "-", "-"], 2, "- is used twice"),
    ],
)
def test_what_is_refused(args: list[str], code: int, problem: str, run: Run, folder: Path) -> None:
    stderr = run("tag", folder / args[0], *args[1:], input="He left\n", code=code).stderr
    assert problem in stderr
    assert code == 2 or stderr.count("\n") == 1


def test_models_of_other_kinds_are_named_with_their_commands(run: Run, folder: Path, model: str) -> None:
    stderr = run("tag", model, input="a\n", code=1).stderr
    assert stderr == f"nlmkit: {model}: toy-recency is a language-model, expected a tagger\n"
    for command in ("classify", "predict"):
        assert "toy-frequent is a tagger, expected a" in (
            found := run(command, folder / "names", input="a\n", code=1).stderr
        )
        assert found.endswith(": use nlmkit tag\n")
