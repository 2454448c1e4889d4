"""``nlmkit similar``: neighbours and analogies, to read and as strict JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import Run
from nlmkit.core.storage import load
from nlmkit.representations.vectors import Vectors

WORLD = {
    "king": [4.0, 1.0, 0.0],
    "queen": [4.0, 3.0, 0.0],
    "man": [1.0, 1.0, 0.0],
    "woman": [1.0, 3.0, 0.0],
    "apple": [0.0, 0.0, 2.0],
}


@pytest.fixture
def world() -> str:
    Vectors().fit(WORLD).save("world")
    return "world"


def test_neighbours_as_a_table(run: Run, world: str) -> None:
    assert run("similar", world, "king", "-n", "3").stdout == "queen  0.9216\nman    0.8575\nwoman  0.5369\n"
    assert run("similar", world, "king", "apple", "-n", "1").stdout == "king:\nqueen  0.9216\n\napple:\nking  0.0000\n"
    assert run("similar", world, "man", "-n", "1", "--measure", "euclidean").stdout == "woman  0.3333\n"
    assert run("similar", world, "queen", "--restrict-vocabulary", "1").stdout == "king  0.9216\n"


def test_analogies(run: Run, world: str) -> None:
    result = run("similar", world, "--analogy", "man king woman", "-n", "2")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["queen", "apple"]
    both = run("similar", world, "apple", "-n", "1", "--analogy", "man king  woman", "--method", "3cosmul").stdout
    assert both.startswith("apple:\nking  0.0000\n\nman : king = woman :\nqueen  ")


def test_json(run: Run, world: str) -> None:
    result = run("similar", world, "king", "--analogy", "man king woman", "-n", "1", "--json")
    facts = json.loads(result.stdout)
    model = load(world)
    assert isinstance(model, Vectors)
    (neighbour,), (answer,) = model.most_similar("king", 1), model.analogy("man", "king", "woman", 1)
    assert facts == {
        "model": "world",
        "component": "vectors",
        "digest": model.digest,
        "measure": "cosine",
        "method": "3cosadd",
        "restrict_vocabulary": None,
        "results": [
            {"word": "king", "neighbours": [{"word": "queen", "similarity": neighbour[1]}]},
            {"analogy": ["man", "king", "woman"], "neighbours": [{"word": "queen", "similarity": answer[1]}]},
        ],
    }


def test_a_word_without_a_vector_is_one_line(run: Run, world: str) -> None:
    for args in (["quen"], ["--analogy", "man king quen"]):
        result = run("similar", world, *args, "--json", code=1)
        expected = "nlmkit: the word 'quen' has no vector in this vectors representation; did you mean queen?\n"
        assert (result.stdout, result.stderr) == ("", expected)


def test_words_may_hold_other_white_space(run: Run) -> None:
    Vectors().fit({"a\u00a0b": [1.0, 2.0], "\u3000": [2.0, 1.0], "c": [1.0, 1.0], "d": [0.5, 1.0]}).save("m")
    assert run("similar", "m", "--analogy", "a\u00a0b \u3000 c").stdout.startswith("d  ")


UNKNOWN = "the word 'quen' has no vector in this vectors representation; did you mean queen?"


def test_what_is_known_is_answered_and_the_rest_noted(run: Run, world: str) -> None:
    result = run("similar", world, "quen", "king", "-n", "1", "--analogy", "man king quen")
    assert result.stdout == "king:\nqueen  0.9216\n"
    assert result.stderr == f"note: {UNKNOWN}\n"
    result = run("similar", world, "quen", "-n", "1", "--analogy", "man king woman")
    assert result.stdout.startswith("man : king = woman :\nqueen  ")
    facts = json.loads(run("similar", world, "king", "quen", "--analogy", "man king quen", "--json").stdout)
    assert [each["word"] for each in facts["results"]] == ["king"]
    assert facts["unanswered"] == [
        {"word": "quen", "reason": UNKNOWN},
        {"analogy": ["man", "king", "quen"], "reason": UNKNOWN},
    ]


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_nothing_known_is_an_error(as_json: tuple[str, ...], run: Run, world: str) -> None:
    result = run("similar", world, "quen", "kong", "--analogy", "man king quen", *as_json, code=1)
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"note: {UNKNOWN}",
        "note: the word 'kong' has no vector in this vectors representation; did you mean king?",
        "nlmkit: cannot answer any of the 3 questions: see the notes",
    ]


def test_a_word_that_the_tokenizer_splits_is_told(run: Run) -> None:
    Path("v.txt").write_text("New 1 2\nYork 2 1\n")
    run("import", "v.txt", "-o", "m", "--tokenizer", "word")
    assert run("similar", "m", "New York", code=1).stderr == (
        "nlmkit: the word 'New York' has no vector in this vectors representation: its tokenizer word reads that as 2 "
        "words, New York\n"
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "missing WORD (or --analogy)"),
        (["--analogy", "man king"], '--analogy requires three words, as in --analogy "man king woman", not'),
        (["king", "-n", "0"], "0 is not in the range x>=1"),
        (["king", "--measure", "dot"], "'dot' is not one of 'cosine', 'euclidean'"),
    ],
)
def test_wrong_usage(args: list[str], message: str, run: Run, world: str) -> None:
    assert message in run("similar", world, *args, code=2).stderr


def test_another_kind_of_model_is_refused(run: Run, model: str) -> None:
    result = run("similar", model, "cat", code=1)
    assert result.stderr == f"nlmkit: {model}: toy-recency is a language-model, expected a representation\n"
    assert run("similar", "none", "cat", code=1).stderr.startswith("nlmkit: none: no such folder")


def test_control_characters_are_escaped(run: Run) -> None:
    Vectors().fit({"a": [1.0], "\x1b[31mred": [1.0]}).save("m")
    assert run("similar", "m", "a").stdout == "\\x1b[31mred  1.0000\n"
    assert json.loads(run("similar", "m", "a", "--json").stdout)["results"][0]["neighbours"][0]["word"] == "\x1b[31mred"


def test_one_word_alone_has_no_neighbours(run: Run) -> None:
    Vectors().fit({"a": [1.0]}).save("m")
    assert run("similar", "m", "a").stdout == ""
    assert Path("m").is_dir()
