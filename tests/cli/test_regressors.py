"""Regressors on the command line: ``fit``, ``score``, ``predict`` and ``show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.conftest import Run
from nlmkit import CNN, NBSVM, NGram, TfidfRidge, load
from nlmkit.documents.cross_validation import cross_validate
from nlmkit.text.numbered import NumberedTexts

WORDS = {"fine": 9, "dull": 2, "lovely": 10, "awful": 1.5}
TRAIN = [
    (stars, f"the {thing} was {word}") for thing in ("film", "song", "meal", "tool") for word, stars in WORDS.items()
]
TEST = [(8, "a fine film"), (3, "a dull meal ."), (9, "that was lovely"), (1, "awful")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the texts in every form."""
    folder = tmp_path_factory.mktemp("numbered")
    for name, rows in (("train", TRAIN), ("test", TEST)):
        (folder / f"{name}.tsv").write_text("".join(f"{stars}\t{text}\n" for stars, text in rows), encoding="utf-8")
        lines = ["review,user,stars", *(f'"{text}",u{index},{stars}' for index, (stars, text) in enumerate(rows))]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        objects = [json.dumps({"text": text, "label": stars}) for stars, text in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(objects) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def stars(data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved regressor."""
    folder = tmp_path_factory.mktemp("regressors") / "stars"
    TfidfRidge().fit(NumberedTexts.read(data / "train.tsv")).save(folder)
    return str(folder)


CSV = ("--label-column", "stars", "--text-column", "review")


# ------------------------------------------------------------------------------------------------------------ fit


def test_fit_saves_what_fit_in_python_saves(run: Run, data: Path, stars: str) -> None:
    facts = json.loads(run("fit", "tfidf-ridge", data / "train.tsv", "-o", "m", "--json").stdout)
    assert facts["digest"] == load(stars).digest == load("m").digest
    assert (facts["kind"], facts["component"]) == ("regressor", "tfidf-ridge")
    assert facts["fit"]["numbers"]["different"] == 4
    assert facts["resolved"]["params"]["alpha"] == 0.3
    assert "saved to" in run("fit", "tfidf-ridge", data / "train.tsv", "-o", "m").stdout


def test_every_form_of_file_gives_the_same_regressor(run: Run, data: Path, stars: str) -> None:
    wanted = load(stars).digest
    for number, options in enumerate(([data / "train.csv", *CSV], [data / "train.jsonl"])):
        assert json.loads(run("fit", "tfidf-ridge", *options, "-o", f"m{number}", "--json").stdout)["digest"] == wanted
    run("fit", "tfidf-ridge", "-", "-o", "m", input=(data / "train.tsv").read_bytes())
    assert load("m").digest == wanted


def test_a_configuration_repeats_the_run(run: Run, data: Path) -> None:
    args = [data / "train.csv", *CSV, "--valid", data / "test.csv", "-p", "alpha=null", "-p", "order=1"]
    # TOML has no null, which is not the default here.
    assert (
        "alpha = null cannot be written"
        in run("fit", "tfidf-ridge", *args, "-o", "m", "--write-config", "run.toml", code=1).stderr
    )
    args[-3] = "alpha=2"
    first = json.loads(run("fit", "tfidf-ridge", *args, "-o", "m", "--write-config", "run.toml", "--json").stdout)
    again = json.loads(run("fit", "--config", "run.toml", "-o", "again", "--json").stdout)
    assert first["digest"] == again["digest"]
    assert again["fit"]["validation_rmse"] == first["fit"]["validation_rmse"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "7\ta\n7\tb\n",
            "bad.tsv: all 2 training texts have the number 7: a regressor needs two or more different numb",
        ),
        ("7\ta\n", "bad.tsv: there is one training text, with the number 7: a regressor needs two or more different n"),
        ("", "bad.tsv: no texts to train on"),
        ("7\ta\n\tb\n", "bad.tsv, line 2: the number is missing"),
        ("7\ta\nnan\tb\n", "bad.tsv, line 2: the number is 'nan', which is not finite"),
        (
            "7\ta\n1e500\tb\n",
            "bad.tsv, line 2: the number is infinite or too large: numbers must be finite, from -1e100",
        ),
        ("7\ta\nTrue\tb\n", "bad.tsv, line 2: 'True' is not a number"),
        ("stars\treview\n7\ta\n", "bad.tsv, line 1: 'stars' is not a number: if this line is a header, name its colu"),
        ("7\t \n8\t\n", "bad.tsv: no training text has a word"),
    ],
)
def test_bad_numbers_are_one_clear_line(content: str, problem: str, run: Run) -> None:
    Path("bad.tsv").write_text(content, encoding="utf-8")
    stderr = run("fit", "tfidf-ridge", "bad.tsv", "-o", "m", code=1).stderr
    assert stderr.startswith(f"nlmkit: {problem}")
    assert stderr.count("\n") == 1
    assert not Path("m").exists()


def test_cross_validation_tells_mean_deviation_and_folds(run: Run, data: Path) -> None:
    args = ["fit", "tfidf-ridge", data / "train.tsv", "--cross-validate", "4", "--fold-seed", "3"]
    facts = json.loads(run(*args, "--json").stdout)
    found = cross_validate(TfidfRidge(), NumberedTexts.read(data / "train.tsv"), folds=4, seed=3)
    for figure in ("r2", "rmse", "mae", "pearson", "spearman"):
        values = [getattr(fold.report, figure) for fold in found.folds]
        assert facts[figure]["folds"] == values
        assert facts[figure]["mean"] == pytest.approx(np.mean(values))
        assert facts[figure]["standard_deviation"] == pytest.approx(np.std(values, ddof=1))
    assert facts["resolved"]["cross_validate"] == 4
    assert [fold["test"] for fold in facts["folds"]] == [4] * 4
    shown = run(*args).stdout
    assert f"RMSE  {facts['rmse']['mean']:.4f} ± {facts['rmse']['standard_deviation']:.4f} over 4 folds" in shown
    assert "all folds together:\nR²" in shown
    assert not Path("m").exists()


# ---------------------------------------------------------------------------------------------------------- score


def test_score_is_that_of_python_for_every_form_of_file(run: Run, data: Path, stars: str) -> None:
    regressor: Any = load(stars)
    report = regressor.report(NumberedTexts.read(data / "test.tsv"))
    for options in ([data / "test.tsv"], [data / "test.csv", *CSV], [data / "test.jsonl"]):
        facts = json.loads(run("score", stars, *options, "--json").stdout)
        assert facts == {"model": stars, "kind": "regressor", "score": report.r2} | report.to_dict()
    assert run("score", stars, data / "test.tsv").stdout == report.render() + "\n"
    few = json.loads(run("score", stars, data / "test.tsv", "--json", "--samples", "20", "--seed", "5").stdout)
    assert (
        few["intervals"]
        == regressor.report(NumberedTexts.read(data / "test.tsv"), resamples=20, seed=5).to_dict()["intervals"]
    )


def test_equal_numbers_have_no_score_and_say_why(run: Run, stars: str) -> None:
    Path("flat.tsv").write_text("3\ta film\n3\ta song\n", encoding="utf-8")
    facts = json.loads(run("score", stars, "flat.tsv", "--json").stdout)
    assert facts["score"] is facts["r2"] is None
    assert facts["reasons"]["r2"] == "all numbers are equal"
    assert "R²        undefined  (all numbers are equal)" in run("score", stars, "flat.tsv").stdout


def test_bad_numbers_in_a_test_are_named_by_their_line(run: Run, stars: str) -> None:
    Path("bad.tsv").write_text("3\ta film\ngood\ta song\n", encoding="utf-8")
    assert run("score", stars, "bad.tsv", code=1).stderr == "nlmkit: bad.tsv, line 2: 'good' is not a number\n"


def test_score_draws_residuals(run: Run, data: Path, stars: str) -> None:
    run("score", stars, data / "test.tsv", "--plot", "r.svg")
    assert "residual: number less predicted" in Path("r.svg").read_text(encoding="utf-8")
    refused = run("score", stars, data / "test.tsv", "--plot", "r.gif", code=1).stderr
    assert "unsupported picture format" in refused


# -------------------------------------------------------------------------------------------------------- predict


def test_a_number_for_each_line(run: Run, stars: str) -> None:
    regressor: Any = load(stars)
    lines = ["a fine film", "", "awful"]
    expected = regressor.predict(lines).tolist()
    text = "".join(f"{line}\n" for line in lines)
    assert run("predict", stars, input=text).stdout == "".join(f"{number:.6g}\n" for number in expected)
    rows = [json.loads(line) for line in run("predict", stars, "--json", "--with-text", input=text).stdout.splitlines()]
    assert rows == [{"prediction": number, "text": line} for number, line in zip(expected, lines, strict=True)]
    with_text = run("predict", stars, "--with-text", input=text).stdout.splitlines()
    assert with_text[0] == f"{expected[0]:.6g}\ta fine film"


def test_highlights_are_what_words_add(run: Run, stars: str) -> None:
    regressor: Any = load(stars)
    shown = run("predict", stars, "--highlights", input="a fine film\n").stdout
    told = " ".join(f"{token}:{weight:.4g}" for token, weight in regressor.highlights("a fine film"))
    assert shown == f"{regressor.predict(['a fine film'])[0]:.6g}\t{told}\n"
    facts = json.loads(run("predict", stars, "--highlights", "--json", input="a fine film\n").stdout)
    assert [token for token, _ in facts["highlights"]] == ["a", "fine", "film"]


def test_a_table_s_other_columns_come_along(run: Run, stars: str) -> None:
    Path("t.csv").write_text("prediction,review,user\n3,a fine film,u1\n", encoding="utf-8")
    number = f"{load(stars).predict(['a fine film'])[0]:.6g}"  # type: ignore[attr-defined]
    args = ["predict", stars, "t.csv", "--text-column", "review"]
    assert run(*args).stdout == f"prediction\tinput_prediction\tuser\n{number}\t3\tu1\n"
    assert run(*args, "--no-header").stdout == f"{number}\t3\tu1\n"


def test_predict_takes_classifiers_and_says_what_classify_says(run: Run) -> None:
    NBSVM().fit(["a fine film", "a dull film"], ["good", "bad"]).save("c")
    for more in ([], ["--json"], ["--highlights", "--with-text"]):
        text = "a fine song\ndull\n"
        assert run("predict", "c", *more, input=text).stdout == run("classify", "c", *more, input=text).stdout
    assert run("predict", "c", input="a fine song\n").stdout.startswith("good\t0.")


def test_models_of_other_kinds_lead_to_their_commands(run: Run, stars: str) -> None:
    refused = run("classify", stars, input="a\n", code=1).stderr
    assert refused == f"nlmkit: {stars}: tfidf-ridge is a regressor, expected a classifier: use nlmkit predict\n"
    NGram(order=1).fit(["a b"]).save("lm")
    refused = run("predict", "lm", input="a\n", code=1).stderr
    assert "ngram is a language-model, expected a regressor or classifier: use nlmkit generate" in refused
    CNN(maps=1, epochs=1, embedding=2).fit(["a b", "b c"], ["x", "y"]).save("cnn")
    assert run("predict", "cnn", input="a\n").stdout.count("\t") == 1


def test_list_and_show_know_regressors(run: Run, stars: str) -> None:
    listed = {row["name"]: row["kind"] for row in json.loads(run("list", "--json").stdout) if row["builtin"]}
    assert {name for name, kind in listed.items() if kind == "regressor"} >= {"tfidf-ridge"}
    shown = run("show", "tfidf-ridge").stdout
    assert shown.startswith("tfidf-ridge: regressor of nlmkit")
    assert "strength of the L2 penalty" in shown
    assert json.loads(run("show", stars, "--json").stdout)["metadata"]["target_scale"] == load(stars).target_scale_  # type: ignore[attr-defined]
