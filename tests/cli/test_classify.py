"""Classifiers on the command line: ``fit``, ``score`` and ``classify``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Run
from nlmkit import load
from nlmkit.classifiers.linear.nbsvm import NBSVM
from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg
from nlmkit.text.labelled import LabelledTexts

pytestmark = pytest.mark.slow

WORDS = {"fine": "good one", "dull": "bad one", "lovely": "good one", "awful": "bad one"}
TRAIN = [
    (label, f"the {thing} was {word}") for thing in ("film", "song", "meal", "tool") for word, label in WORDS.items()
]
TEST = [("good one", "a fine film"), ("bad one", "a dull meal ."), ("good one", "that was dull"), ("bad one", "awful")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the texts in every form."""
    folder = tmp_path_factory.mktemp("labelled")
    for name, rows in (("train", TRAIN), ("test", TEST)):
        (folder / f"{name}.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in rows), encoding="utf-8")
        lines = ["review,stars,label", *(f'"{text}",x,{label}' for label, text in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        objects = [json.dumps({"text": text, "label": label}) for label, text in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(objects) + "\n", encoding="utf-8")
    (folder / "train.lat1").write_bytes("".join(f"{label}\t{text} été\n" for label, text in TRAIN).encode("latin-1"))
    return folder


@pytest.fixture(scope="module")
def sentiment(data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved classifier."""
    folder = tmp_path_factory.mktemp("classifiers") / "sentiment"
    NBSVM().fit(LabelledTexts.read(data / "train.tsv")).save(folder)
    return str(folder)


# ------------------------------------------------------------------------------------------------------------ fit


def test_fit_saves_what_fit_in_python_saves(run: Run, data: Path, sentiment: str) -> None:
    facts = json.loads(run("fit", "nbsvm", data / "train.tsv", "-o", "m", "--json").stdout)
    assert facts["digest"] == load(sentiment).digest == load("m").digest
    assert (facts["kind"], facts["component"]) == ("classifier", "nbsvm")
    assert facts["fit"]["classes"] == {"bad one": 8, "good one": 8}
    assert facts["resolved"]["params"]["tokenizer"] == "word"
    shown = run("fit", "nbsvm", data / "train.tsv", "-o", "m").stdout
    assert "saved to" in shown


def test_every_form_of_file_gives_the_same_classifier(run: Run, data: Path, sentiment: str) -> None:
    wanted = load(sentiment).digest
    for number, options in enumerate(
        (
            [data / "train.csv", "--text-column", "review"],
            [data / "train.jsonl"],
            [data / "train.jsonl", "--format", "jsonl"],
        )
    ):
        assert json.loads(run("fit", "nbsvm", *options, "-o", f"m{number}", "--json").stdout)["digest"] == wanted
    with (data / "train.tsv").open("rb") as file:
        run("fit", "nbsvm", "-", "-o", "m", input=file.read())
    assert load("m").digest == wanted


def test_encoding_and_tokens_are_kept_and_a_flag_sets_the_tokenizer(run: Run, data: Path) -> None:
    train = data / "train.lat1"
    assert "line 1, byte" in run("fit", "nbsvm", train, "-o", "m", code=1).stderr
    run("fit", "nbsvm", train, "-o", "m", "--encoding", "latin-1", "--tokenizer", "char", "--no-lowercase")
    pipeline = load("m").pipeline_  # type: ignore[attr-defined]
    assert (pipeline.encoding, pipeline.tokenizer, pipeline.lowercase) == ("latin-1", "char", False)
    run("fit", "nbsvm", train, "-o", "n", "--encoding", "latin-1", "-p", "tokenizer=char", "-p", "lowercase=false")
    assert load("n").digest == load("m").digest
    error = run("fit", "nbsvm", train, "-o", "x", "--tokenizer", "char", "-p", "tokenizer=space", code=2).stderr
    assert "--tokenizer and -p tokenizer contradict each other" in error


def test_the_environment_goes_under_a_flag(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLMKIT_FIT_TOKENIZER", "char")
    for flags, wanted, by in (([], "char", "environment"), (["-p", "tokenizer=space"], "space", "flag")):
        resolved = json.loads(run("fit", "nbsvm", data / "train.tsv", "-o", "m", *flags, "--json").stdout)["resolved"]
        assert resolved["params"]["tokenizer"] == wanted
        assert resolved["set_by"]["tokenizer"] == by


def test_validation_texts_are_scored(run: Run, data: Path) -> None:
    facts = json.loads(
        run("fit", "tfidf-logreg", data / "train.tsv", "--valid", data / "test.tsv", "-o", "m", "--json").stdout
    )
    model = load("m")
    assert facts["fit"]["validation_accuracy"] == model.score(LabelledTexts.read(data / "test.tsv")) == 0.75


def test_a_written_config_repeats_the_run(run: Run, data: Path) -> None:
    run(
        "fit",
        "nbsvm",
        data / "train.csv",
        "--text-column",
        "review",
        "-o",
        "m",
        "-p",
        "order=1",
        "--write-config",
        "c.toml",
    )
    first = load("m").digest
    run("fit", "--config", "c.toml", "-o", "n")
    assert load("n").digest == first
    text = Path("c.toml").read_text(encoding="utf-8")
    assert 'text_column = "review"' in text
    assert "order = 1" in text


def test_columns_of_a_tsv_are_those_that_are_named(run: Run) -> None:
    Path("ilt.tsv").write_text("id\tlabel\ttext\n1\tpos\tgood film\n2\tneg\tbad\n")
    named = ["--label-column", "label", "--text-column", "text"]
    facts = json.loads(run("fit", "nbsvm", "ilt.tsv", "-o", "m", *named, "--json").stdout)
    assert facts["fit"]["classes"] == {"neg": 1, "pos": 1}
    assert json.loads(run("score", "m", "ilt.tsv", "--text-column", "text", "--json").stdout)["n"] == 2
    error = run("fit", "nbsvm", "ilt.tsv", "-o", "n", code=1).stderr
    assert error.startswith("nlmkit: ilt.tsv, line 1: this looks like a header (id, label, text)")
    Path("bare.tsv").write_text("pos\tgood film\nneg\tbad\n")
    error = run("fit", "nbsvm", "bare.tsv", "-o", "n", *named, code=1).stderr
    assert error.startswith("nlmkit: bare.tsv, line 1: no column 'label' in the header (pos, good film)")
    assert not Path("n").exists()


def test_texts_taken_for_labels_are_noted_once(run: Run, sentiment: str) -> None:
    Path("t.tsv").write_text("".join(f"film {number}\tgood\n" for number in range(24)))
    told = "note: 24 of 24 texts have a unique label"
    for arguments in (["fit", "nbsvm", "t.tsv", "-o", "m"], ["score", sentiment, "t.tsv"]):
        assert run(*arguments).stderr.count(told) == 1
        assert told not in run(*arguments, "--quiet").stderr
    assert told in "note: " + load("m").fit_report_["notes"][0]  # type: ignore[attr-defined]
    assert told in run("fit", "nbsvm", "t.tsv", "--cross-validate", "2").stderr


def test_files_without_texts_and_labels_that_no_model_can_hold_are_named(run: Run, data: Path, sentiment: str) -> None:
    Path("empty.tsv").write_text("")
    assert run("score", sentiment, "empty.tsv", code=1).stderr == ("nlmkit: empty.tsv: no texts to report on\n")
    arguments = ["fit", "nbsvm", data / "train.tsv", "-o", "m", "--valid", "empty.tsv"]
    assert run(*arguments, code=1).stderr == "nlmkit: empty.tsv: no validation texts\n"
    Path("l.jsonl").write_text('{"label": "b", "text": "y"}\n{"label": "a\\ud800", "text": "x"}\n')
    error = run("fit", "nbsvm", "l.jsonl", "-o", "m", code=1).stderr
    assert error == "nlmkit: l.jsonl, line 2: the label contains a lone surrogate, U+D800, which is not a character\n"


def test_one_class_and_malformed_lines_are_one_clear_line(run: Run) -> None:
    Path("one.tsv").write_text("a\tx\na\ty\n")
    error = run("fit", "nbsvm", "one.tsv", "-o", "m", code=1).stderr
    assert error == "nlmkit: one.tsv: all 2 training texts have the label 'a': a classifier needs two or more\n"
    Path("bad.tsv").write_text("a\tx\nno tab\n")
    error = run("fit", "nbsvm", "bad.tsv", "-o", "m", code=1).stderr
    assert error.startswith("nlmkit: bad.tsv, line 2: no tab on this line")
    assert not Path("m").exists()


@pytest.mark.usefixtures("at_a_terminal")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nbsvm", "-o", "m"], "missing TRAIN"),
        (["nbsvm", "train.tsv"], "missing MODEL"),
        (["nbsvm", "train.tsv", "-o", "m", "--cross-validate", "3"], "omit -o"),
        (["nbsvm", "train.tsv", "--cross-validate", "3", "--valid", "v"], "omit --valid"),
        (["nbsvm", "train.tsv", "-o", "m", "--fold-seed", "3"], "--fold-seed needs --cross-validate"),
        (["nbsvm", "train.tsv", "-o", "m", "--budget", "3s"], "does not train in steps"),
        (["nbsvm", "train.tsv", "--cross-validate", "1"], "not in the range"),
        (
            ["ngram", "train.tsv", "-o", "m", "--format", "csv"],
            "--format: for classifiers, regressors and sequence-to-sequence models, and ngram is a language-model",
        ),
        (["ngram", "train.tsv", "--cross-validate", "3"], "--cross-validate: for classifiers"),
        (["ngram", "train.tsv", "-o", "m", "--model", "x"], "does not take models: drop --model"),
    ],
)
def test_options_that_mean_nothing_are_usage_errors(run: Run, arguments: list[str], problem: str) -> None:
    assert problem in run("fit", *arguments, code=2).stderr


def test_cross_validation_tells_mean_deviation_and_folds(run: Run, data: Path) -> None:
    arguments = ["fit", "nbsvm", data / "train.tsv", "--cross-validate", "4", "-p", "order=1", "--fold-seed", "2"]
    facts = json.loads(run(*arguments, "--json").stdout)
    accuracy = facts["accuracy"]
    assert len(accuracy["folds"]) == len(facts["folds"]) == 4
    assert accuracy["mean"] == pytest.approx(sum(accuracy["folds"]) / 4)
    assert accuracy["standard_deviation"] >= 0
    assert (facts["n"], facts["fold_seed"]) == (16, 2)
    assert facts["resolved"]["cross_validate"] == 4
    shown = run(*arguments).stdout
    assert f"accuracy  {accuracy['mean']:.4f} ± {accuracy['standard_deviation']:.4f} over 4 folds" in shown
    assert list(Path().iterdir()) == []


# ---------------------------------------------------------------------------------------------------------- score


def test_score_has_what_other_programs_rely_on(run: Run, data: Path, sentiment: str) -> None:
    facts = json.loads(run("score", sentiment, data / "test.tsv", "--json").stdout)
    assert facts["accuracy"] == facts["score"] == 0.75
    assert facts["n"] == 4
    low, high = facts["interval"]
    assert low <= 0.75 <= high
    assert facts["labels"] == ["bad one", "good one"]
    assert facts["confusion"] == [[2, 0], [1, 1]]
    assert facts["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert [row["support"] for row in facts["per_class"]] == [2, 2]
    assert facts["model_digest"] == load(sentiment).digest
    shown = run("score", sentiment, data / "test.csv", "--text-column", "review").stdout
    assert shown.startswith("accuracy  0.7500  (95% interval")
    assert shown.endswith(facts["signature"] + "\n")


def test_score_names_unseen_labels(run: Run, sentiment: str) -> None:
    Path("t.tsv").write_text("good one\tfine\nodd\tdull\n")
    assert json.loads(run("score", sentiment, "t.tsv", "--json").stdout)["unseen"] == ["odd"]
    assert "labels unseen in training, counted as errors: odd (1 texts)" in run("score", sentiment, "t.tsv").stdout


def test_score_draws_the_confusion_matrix(run: Run, data: Path, sentiment: str) -> None:
    pytest.importorskip("matplotlib")
    run("score", sentiment, data / "test.tsv", "--plot", "c.svg")
    drawn = Path("c.svg").read_text(encoding="utf-8")
    assert "good one" in drawn
    assert "accuracy 0.7500, n = 4" in drawn
    assert "unsupported picture" in run("score", sentiment, data / "test.tsv", "--plot", "c.txt", code=1).stderr


def test_score_takes_the_labels_of_a_file_for_those_of_the_classifier(run: Run) -> None:
    NBSVM().fit([text for _, text in TRAIN], [10 if label[0] == "g" else -1 for label, _ in TRAIN]).save("ints")
    Path("t.tsv").write_text("10\tfine\n-1\tdull\n7\tdull\n")
    facts = json.loads(run("score", "ints", "t.tsv", "--json").stdout)
    assert (facts["accuracy"], facts["unseen"]) == (pytest.approx(2 / 3), [7])
    Path("t.tsv").write_text("10\tfine\nbad\tdull\n")
    assert (
        "t.tsv, line 2: the label 'bad': the labels of the classifier are integers"
        in run("score", "ints", "t.tsv", code=1).stderr
    )
    # what Python reads as an integer and nobody wrote as one, and what an array of integers cannot hold
    for label, shown in (("1_0", "1_0"), ("１０", "１０"), (" 10", " 10"), ("9" * 99, "9" * 40 + "...")):
        Path("t.tsv").write_text(f"10\tfine\n{label}\tdull\n", encoding="utf-8")
        error = run("score", "ints", "t.tsv", code=1).stderr
        assert f"t.tsv, line 2: the label '{shown}': the labels of the classifier are integers of 64 bits" in error
    TfidfLogReg().fit([text for _, text in TRAIN], [label[0] == "g" for label, _ in TRAIN]).save("bools")
    Path("t.tsv").write_text("True\tfine\nfalse\tdull\n")
    assert json.loads(run("score", "bools", "t.tsv", "--json").stdout)["accuracy"] == 1.0


def test_options_of_labelled_files_mean_nothing_for_a_language_model(run: Run, model: str, texts: Path) -> None:
    error = run("score", model, texts / "test.txt", "--label-column", "review", code=2).stderr
    assert "--label-column does not apply to a language-model" in error


# ------------------------------------------------------------------------------------------------------- classify


def test_classify_writes_label_and_probability_a_line(run: Run, data: Path, sentiment: str) -> None:
    Path("t.txt").write_text("a fine film\n\nzyzzyva\ndull\t!\n")
    rows = [line.split("\t") for line in run("classify", sentiment, "t.txt").stdout.splitlines()]
    model = load(sentiment)
    texts = ["a fine film", "", "zyzzyva", "dull\t!"]
    assert [row[0] for row in rows] == model.predict(texts).tolist()  # type: ignore[attr-defined]
    probabilities = model.predict_proba(texts).max(axis=1)  # type: ignore[attr-defined]
    assert [float(row[1]) for row in rows] == pytest.approx(probabilities, abs=1e-6)
    with_text = run("classify", sentiment, "t.txt", "--with-text").stdout.splitlines()
    assert [line.split("\t", 2)[2] for line in with_text] == texts
    assert run("classify", sentiment, input="a fine film\n").stdout == "\t".join(rows[0]) + "\n"
    assert run("classify", sentiment, "-", input="").stdout == ""


def test_classify_as_json_lines_with_highlights(run: Run, sentiment: str) -> None:
    lines = run("classify", sentiment, "--json", "--highlights", "--with-text", input="A fine film\ndull").stdout
    first, second = map(json.loads, lines.splitlines())
    assert first["label"] == "good one"
    assert first["probability"] == max(first["probabilities"].values())
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert [token for token, _ in first["highlights"]] == ["a", "fine", "film"]
    assert (first["text"], second["text"]) == ("A fine film", "dull")
    shown = run("classify", sentiment, "--highlights", input="fine \x1b[31m\n").stdout
    assert "\x1b" not in shown
    assert shown.split("\t")[2].startswith("fine:")


def test_classify_reads_another_encoding(run: Run, sentiment: str) -> None:
    Path("t.txt").write_bytes("fine été\n".encode("latin-1"))
    assert "line 1, byte" in run("classify", sentiment, "t.txt", code=1).stderr
    assert run("classify", sentiment, "t.txt", "--encoding", "latin-1").stdout.startswith("good one\t")


def test_classify_refuses_other_models(run: Run, model: str) -> None:
    assert "is a language-model, expected a classifier" in run("classify", model, input="a\n", code=1).stderr


def test_a_line_through_a_pipe_is_answered_at_once(environment: dict[str, str], sentiment: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "nlmkit", "classify", sentiment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for line, wanted in ((b"fine\n", b"good one\t"), (b"dull\n", b"bad one\t")):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline().startswith(wanted)
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(30) == 0


def test_the_reader_may_leave(sentiment: str, environment: dict[str, str]) -> None:
    lines = b"a fine film\n" * 20_000
    command = f'"{sys.executable}" -m nlmkit classify "{sentiment}" | head -1'
    found = subprocess.run(
        ["bash", "-c", command], input=lines, env=environment, capture_output=True, timeout=60, check=False
    )
    assert found.stdout.startswith(b"good one\t")
    assert found.stderr == b""


def test_joined_and_headed_files_are_told_and_many_classes_listed(run: Run, tmp_path: Path) -> None:
    rows = [f"class{number % 40}\tword{number % 40} film\n" for number in range(120)]
    Path("t.tsv").write_text("topic\treview\n" + "".join(rows) + "Class1\tword1 film\n", encoding="utf-8")
    fitted = run("fit", "tfidf-logreg", "t.tsv", "-o", "m")
    assert "note: t.tsv: line 1 looks like a header ('topic', 'review')" in fitted.stderr
    assert "'class1' (3 texts), 'Class1' (1 text)" in fitted.stderr
    assert "note: 2 of 42 classes have only one text" in fitted.stderr
    assert fitted.stderr.count("note: ") == 3  # each once
    assert "note" not in run("fit", "tfidf-logreg", "t.tsv", "-o", "m2", "--quiet").stderr
    Path("test.tsv").write_text("".join(rows[1:]) + "CLASS5\tword6 film\n", encoding="utf-8")
    scored = run("score", "m", "test.tsv")
    assert "note: unknown labels are similar to known ones but counted as different" in scored.stderr
    assert "\nconfusions:\n" in scored.stdout
    assert "label \\ predicted" not in scored.stdout
    assert len(json.loads(run("score", "m", "test.tsv", "--json").stdout)["confusion"]) == 43
