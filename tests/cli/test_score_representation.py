"""``nlmkit score`` for a representation, and how the command tells the kinds of models apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toys.representations import ToyVectors, registered

from cli.conftest import Run
from nlmkit.representations import report as similarity
from nlmkit.representations.report import evaluate

pytest.importorskip("scipy", reason="rank correlations need scipy")

WORDS = [f"w{n}" for n in range(70)]


def fitted(seed: int) -> ToyVectors:
    rows = np.random.default_rng(seed).normal(size=(70, 6))
    return ToyVectors().fit(dict(zip(WORDS, rows, strict=True)))


@pytest.fixture(autouse=True, scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with registered(tmp_path_factory.mktemp("toy-vectors")):
        yield


@pytest.fixture
def vectors() -> str:
    fitted(0).save("vectors")
    return "vectors"


@pytest.fixture
def pairs() -> str:
    judgements = np.random.default_rng(1).integers(0, 10, 64).tolist()
    lines = [f"w{n}\tw{n + 1}\t{judgement}\n" for n, judgement in enumerate(judgements)]
    Path("pairs.tsv").write_text("".join([*lines, "w1\tnobody\t3\n"]), encoding="utf-8")
    return "pairs.tsv"


def test_the_score_stands_with_coverage_and_interval(run: Run, vectors: str, pairs: str) -> None:
    printed = json.loads(run("score", vectors, pairs, "--json").stdout)
    expected = evaluate(fitted(0), pairs)
    assert (printed["model"], printed["component"], printed["kind"]) == ("vectors", "toy-vectors", "representation")
    assert printed["score"] == expected.score
    (only,) = printed["sets"]
    assert (only["name"], only["n"], only["pairs"], only["coverage"]) == (pairs, 64, 65, 64 / 65)
    assert only["spearman"] == expected.sets[0].spearman
    assert expected.sets[0].interval is not None
    assert only["interval"] == list(expected.sets[0].interval)
    assert (printed["samples"], printed["seed"], printed["measure"]) == (1000, 0, "cosine")
    assert not {"analogies", "stability", "plot"} & set(printed)
    shown = run("score", vectors, pairs).stdout
    assert "64/65" in shown
    assert "98.5%" in shown
    assert f"mean Spearman {expected.score:.4f}" in shown


def test_options_reach_the_evaluation(run: Run, vectors: str, pairs: str) -> None:
    options = ("--measure", "euclidean", "--samples", "50", "--seed", "3")
    printed = json.loads(run("score", vectors, pairs, "--json", *options).stdout)
    expected = evaluate(fitted(0), pairs, measure="euclidean", samples=50, seed=3)
    assert printed["sets"][0]["interval"] == list(expected.sets[0].interval or ())
    assert printed["score"] == expected.score != evaluate(fitted(0), pairs).score
    assert json.loads(run("score", vectors, pairs, "--json", "--samples", "0").stdout)["sets"][0]["interval"] is None


def test_several_sets_from_files_and_standard_input(run: Run, vectors: str, pairs: str) -> None:
    text = Path(pairs).read_bytes()
    printed = json.loads(run("score", vectors, pairs, "-", "--json", "--samples", "0", input=text).stdout)
    assert [each["name"] for each in printed["sets"]] == [pairs, "-"]
    assert "used twice" in run("score", vectors, "-", "-", input=text, code=2).stderr


def test_too_few_pairs_are_refused_in_one_line(run: Run, vectors: str) -> None:
    pytest.importorskip("gensim", reason="the standard sets require gensim")
    refused = run("score", vectors, "--json", code=1)
    assert refused.stderr.startswith("nlmkit: wordsim353: both words are known for 0 of 353 pairs")
    assert refused.stdout == ""


def test_analogies_are_answered_where_asked_for(run: Run, vectors: str, pairs: str) -> None:
    pytest.importorskip("gensim", reason="the standard questions require gensim")
    options = ("--analogies", "--method", "3cosmul", "--restrict-vocabulary", "9")
    found = json.loads(run("score", vectors, pairs, "--json", *options).stdout)["analogies"]
    assert (found["method"], found["restrict_vocabulary"], found["candidates"]) == ("3cosmul", 9, 9)
    assert (found["n"], found["questions"], found["coverage"], found["accuracy"]) == (0, 19544, 0, None)
    assert len(found["sections"]) == 14
    assert "0/0 of 19544" in run("score", vectors, pairs, "--analogies").stdout


def test_stability_with_other_seeds(run: Run, vectors: str, pairs: str, model: str) -> None:
    fitted(1).save("other")
    options = ("--stability", "other", "--stability", vectors)
    found = json.loads(run("score", vectors, pairs, "--json", *options).stdout)["stability"]
    assert found["models"] == [vectors, "other", vectors]
    assert [pair["overlap"] == 1 for pair in found["pairs"]] == [False, True, False]
    assert "neighbour stability" in run("score", vectors, pairs, "--stability", "other").stdout
    assert "--stability compares representations" in run("score", vectors, pairs, "--stability", model, code=1).stderr


def test_a_picture_is_drawn_even_where_there_is_no_score(run: Run, vectors: str, pairs: str) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    options = ("--plot", "out.svg", "--words", "w1 w2 nobody", "--words", "w3")
    result = run("score", vectors, pairs, *options)
    assert result.stderr == "note: no vectors, so not drawn: nobody\n"
    shown = Path("out.svg").read_text(encoding="utf-8")
    assert all(f">{word}<" in shown for word in ("w1", "w2", "w3"))
    assert ">w4<" not in shown
    Path("few.tsv").write_text("w1\tw2\t3\n", encoding="utf-8")
    result = run("score", vectors, "few.tsv", "--plot", "out.png", "--json")
    assert result.stderr.startswith(
        "note: few.tsv: both words are known for 1 of 1 pairs, and a score needs at least 50"
    )
    facts = json.loads(result.stdout)
    assert (facts["score"], facts["sets"][0]["spearman"], facts["plot"]) == (None, None, "out.png")
    assert (facts["notes"], facts["sets"][0]["n"]) == ([result.stderr[len("note: ") : -1]], 1)
    assert Path("out.png").exists()


def test_sets_that_are_covered_are_scored_beside_one_that_is_not(run: Run, vectors: str, pairs: str) -> None:
    Path("few.tsv").write_text("w1\tw2\t3\nw1\tnobody\t3\n", encoding="utf-8")
    result = run("score", vectors, pairs, "few.tsv", "--samples", "0")
    shown = [line.split() for line in result.stdout.splitlines()]
    expected = f"{evaluate(fitted(0), pairs, samples=0).score:.4f}"
    assert shown[1] == [pairs, expected, "-", "64/65", "98.5%"]
    assert shown[2] == ["few.tsv", "undefined", "-", "1/2", "50.0%"]
    assert "mean Spearman undefined" in result.stdout
    assert "note: few.tsv: both words are known for 1 of 2 pairs" in result.stderr
    assert run("score", vectors, "few.tsv", code=1).stdout == ""
    fitted(1).save("other")
    assert "neighbour stability" in run("score", vectors, "few.tsv", "--stability", "other").stdout


def test_files_are_read_before_a_picture_is_drawn(run: Run, vectors: str) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    assert "no such file" in run("score", vectors, "none.tsv", "--plot", "out.png", code=1).stderr
    assert not Path("out.png").exists()


@pytest.mark.slow
def test_a_picture_needs_no_standard_sets(run: Run, vectors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("nlmkit.representations.report.standard_pairs", similarity.standard_pairs.__wrapped__)
    result = run("score", vectors, "--plot", "out.svg")
    assert result.stdout == ""
    assert result.stderr.startswith("note: the standard word sets require gensim")
    facts = json.loads(run("score", vectors, "--plot", "out.svg", "--json").stdout)
    assert (facts["score"], facts["sets"], len(facts["notes"])) == (None, [], 1)
    assert "require gensim" in run("score", vectors, code=1).stderr


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--method", "3cosmul"], "require --analogies"),
        (["--restrict-vocabulary", "5"], "require --analogies"),
        (["--words", "a b c"], "--words requires --plot FILE"),
        (["--errors", "replace"], "--errors does not apply to a representation"),
    ],
)
def test_options_that_mean_nothing_are_refused(args: list[str], problem: str, run: Run, vectors: str) -> None:
    assert problem in run("score", vectors, *args, code=2).stderr


def test_a_language_model_takes_none_of_them(run: Run, model: str, texts: Path) -> None:
    for args in (["--analogies"], ["--samples", "0"], ["--plot", "out.png"], ["--words", "a"]):
        refused = run("score", model, texts / "test.txt", *args, code=2)
        assert f"{args[0]} does not apply to a language-model" in refused.stderr
    assert run("score", model, input=b"the dog\n").stdout == run("score", model, "-", input=b"the dog\n").stdout
    assert run("score", model, texts / "test.txt", "--errors", "replace").stdout
