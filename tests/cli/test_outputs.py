"""What a command writes is never what it reads, and nothing is lost to where it writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Run
from nlmkit import load
from nlmkit.training.records import read_log

SMALL = "-p epochs=1 -p dimension=4 -p min_count=1"
NEURAL = "-p epochs=1 -p hidden=4 -p embedding=4 -p batch=2"
COMPONENTS = {
    "word2vec": f"t.txt {SMALL}",
    "glove": f"t.txt {SMALL}",
    "lstm": f"t.txt {NEURAL}",
    "cnn": "l.tsv -p epochs=1 -p embedding=4 -p widths=[2] -p maps=2 --valid l.tsv",
}


@pytest.fixture(autouse=True)
def files() -> None:
    """Texts, in a folder and under other names, and a saved model."""
    Path("t.txt").write_text("the cat sat on the mat\nthe dog sat\n" * 4)
    Path("l.tsv").write_text("good\ta fine film\nbad\tdull and cold\n" * 4)
    Path("words.txt").write_text("the\ncat\n")
    Path("run.toml").write_text("[params]\norder = 2\n")
    Path("d").mkdir()
    Path("d/a.txt").write_text("the cat\n")
    os.symlink("t.txt", "soft.toml")
    os.link("t.txt", "hard.toml")
    os.link("t.txt", "hard.png")


def contents() -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(Path().rglob("*")) if file.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("ngram t.txt -o m --write-config t.txt", "--write-config t.txt is the same as t.txt"),
        ("ngram t.txt -o m --write-config soft.toml", "--write-config soft.toml is the same as t.txt"),
        ("ngram t.txt -o m --write-config hard.toml", "--write-config hard.toml is the same as t.txt"),
        ("ngram soft.toml -o m --write-config t.txt", "--write-config t.txt is the same as soft.toml"),
        ("ngram t.txt -o m --write-config d/../t.txt", "is the same as t.txt"),
        ("ngram t.txt --valid words.txt -o m --write-config words.txt", "is the same as words.txt"),
        ("ngram d -o m --write-config d/run.toml", "--write-config d/run.toml is in d"),
        ("ngram d -o m --write-config d/a.txt", "is in d, whose files are read as text:"),
        ("ngram d -o d", "-o d is the same as d"),
        ("ngram t.txt -o .", "-o . contains t.txt, which is read:"),
        ("ngram t.txt -o m --config run.toml --write-config run.toml", "is the same as run.toml"),
        ("ngram t.txt -o m -p vocabulary_file=words.txt --write-config words.txt", "is the same as words.txt"),
        ("toy-recency t.txt -o m -p file=words.txt --write-config words.txt", "is the same as words.txt"),
        ("glove t.txt -o m --log t.txt", "--log t.txt is the same as t.txt"),
        ("glove t.txt -o m --plot hard.png", "--plot hard.png is the same as t.txt"),
        ("glove t.txt -o m --log a.jsonl --write-config a.jsonl", "--write-config and --log are both a.jsonl"),
        ("glove t.txt -o m --log m", "-o and --log are both m"),
        ("glove t.txt -o m --log m.checkpoint/log", "--log m.checkpoint/log is in the checkpoint m.checkpoint"),
        ("glove t.txt -o m --log m/manifest.json", "--log m/manifest.json is in the folder of the model"),
        ("ngram t.txt -o m --write-config m/settings", "--write-config m/settings is in the folder of the model"),
        ("nbsvm l.tsv -o m --write-config l.tsv", "--write-config l.tsv is the same as l.tsv"),
        ("nbsvm l.tsv --cross-validate 2 --write-config l.tsv", "--write-config l.tsv is the same as l.tsv"),
        ("lstm t.txt -o saved -p representation=saved", "-o saved is the same as saved"),
        ("lstm t.txt -o saved -p start_from=saved", "-o saved is the same as saved"),
        ("cache -o saved --model saved -p weight=0.1 -p decay=0.9", "-o saved is the same as saved"),
        ("cache -o c --model saved -p weight=0.1 -p decay=0.9 --write-config saved/manifest.json", "is the same as"),
    ],
)
def test_a_fit_that_would_write_over_what_it_reads_is_refused_before_any_work(
    args: str, message: str, run: Run
) -> None:
    run("fit", "ngram", "t.txt", "-o", "saved", "-p", "order=2")
    before = contents()
    result = run("fit", *args.split(), code=1)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert contents() == before


@pytest.mark.parametrize(
    "args",
    [
        "fit ngram t.txt -o -",
        "fit ngram t.txt -o m --write-config -",
        "fit glove t.txt -o m --log -",
        "fit glove t.txt -o m --plot -",
        "import x.arpa -o -",
        "plugins new x -o -",
        "compare saved saved --text t.txt --plot -",
    ],
)
def test_no_output_is_standard_output(args: str, run: Run) -> None:
    run("fit", "ngram", "t.txt", "-o", "saved", "-p", "order=2")
    before = contents()
    assert "- is not a file name" in run(*args.split(), code=2).stderr
    assert contents() == before
    assert not Path("-").exists()


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no devices")
def test_no_picture_is_drawn_of_a_log_that_cannot_be_read_again(run: Run) -> None:
    before = contents()
    args = ("fit", "glove", "t.txt", "-o", "m", "--log", "/dev/null", "--plot", "x.png")
    assert "--plot requires a log that can be read again, unlike /dev/null" in run(*args, code=2).stderr
    assert contents() == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("export saved saved/lm.arpa", "saved/lm.arpa is in the folder of the model"),
        ("export saved saved/manifest.json --format arpa", "is the same as"),
        ("compare saved saved --text hard.png --plot hard.png", "--plot hard.png is the same as hard.png"),
        ("compare saved saved --text t.txt --plot hard.png", "--plot hard.png is the same as t.txt"),
        ("import saved/lm.arpa -o saved", "-o saved contains saved/lm.arpa"),
    ],
)
def test_other_commands_too(args: str, message: str, run: Run) -> None:
    run("fit", "ngram", "t.txt", "-o", "saved", "-p", "order=2")
    if args.startswith("import"):
        Path("saved/lm.arpa").write_text("x")
    before = contents()
    assert message in run(*args.split(), code=1).stderr
    assert contents() == before


def test_a_picture_of_scores_does_not_replace_the_texts(run: Run) -> None:
    run("fit", "nbsvm", "l.tsv", "-o", "c")
    os.link("l.tsv", "l.png")
    assert "is the same as l.tsv" in run("score", "c", "l.tsv", "--plot", "l.png", code=1).stderr


def test_a_model_in_a_subfolder_of_the_text_is_no_conflict(run: Run) -> None:
    run("fit", "ngram", "d", "-o", "d/m", "-p", "order=2")
    run("fit", "ngram", "d", "-o", "d/m", "-p", "order=2")
    assert load("d/m").kind == "language-model"


@pytest.mark.slow
@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("place", ["m/training.jsonl", "m/logs/training.jsonl"])
def test_a_log_and_settings_in_the_models_folder_lose_nothing(component: str, place: str, run: Run) -> None:
    args = ["fit", component, *COMPONENTS[component].split(), "-o", "m", "--log", place]
    for _ in range(2):  # a new folder, and one that holds a model and the log
        run(*args, "--write-config", "m/run.toml")
        assert read_log(place)
        loaded: Any = load("m")
        assert loaded.name == component
    run("fit", "--config", "m/run.toml")
    assert read_log(place)


@pytest.mark.slow
def test_a_picture_in_the_models_folder_loses_nothing(run: Run) -> None:
    pytest.importorskip("matplotlib")
    for _ in range(2):
        run("fit", "glove", *COMPONENTS["glove"].split(), "-o", "m", "--plot", "m/curve.svg")
    assert Path("m/curve.svg").read_bytes().startswith(b"<?xml")
    assert load("m").name == "glove"


def test_a_refused_model_leaves_no_settings(run: Run) -> None:
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    for args in ("ngram t.txt", "nbsvm l.tsv"):
        run("fit", *args.split(), "-o", "full", "--write-config", "x.toml", code=1)
    assert not Path("x.toml").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is full")
def test_a_full_disk_is_named(run: Run) -> None:
    result = run("fit", "ngram", "t.txt", "-o", "m", "--write-config", "/dev/full", code=1)
    assert result.stderr == "nlmkit: /dev/full: No space left on device\n"
    assert not Path("m").exists()


def test_a_model_in_the_folder_of_another_is_refused(run: Run) -> None:
    Path("t.txt").write_text("a b\n")
    run("fit", "ngram", "t.txt", "-o", "outer")
    stderr = run("fit", "ngram", "t.txt", "-o", "outer/inner", code=1).stderr
    assert "-o outer/inner is in the folder of the model" in stderr
    assert not Path("outer", "inner").exists()
    run("fit", "ngram", "t.txt", "-o", "outer")
