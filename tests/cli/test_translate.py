"""``nlmkit translate``: lines, tables and vectors, in every form of output."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from toys.translators import Blind, Translator

from cli.conftest import Run
from cli.test_processes import hear, say, started
from nlmkit import NGram, load
from nlmkit.text.parallel import ParallelTexts

pytestmark = pytest.mark.usefixtures("toy_translators")

PAIRS = "a dog runs\tein Hund rennt\nthe cat runs\tdie Katze rennt\na dog sleeps\tein Hund schläft\n"
LINES = "a dog runs\n\nthe cat sleeps\n"


@pytest.fixture(scope="module")
def folder(toy_translators: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models and ``train.tsv``."""
    folder = tmp_path_factory.mktemp("translate")
    (folder / "train.tsv").write_text(PAIRS, encoding="utf-8")
    data = ParallelTexts.read(folder / "train.tsv")
    options: dict[str, Any] = {"target_tokenizer": "space", "alpha": 0.001}
    Translator(**options).fit(data).save(folder / "en-de")
    Blind(**options).fit(data).save(folder / "blind")
    NGram(order=2).fit(list(data.required_targets())).save(folder / "lm")
    return folder


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --------------------------------------------------------------------------------------------------------- lines


def test_each_line_is_answered_by_a_line_and_a_blank_one_by_a_blank_one(run: Run, folder: Path) -> None:
    model: Any = load(folder / "en-de")
    expected = "ein Hund rennt\n\ndie Katze schläft\n"
    assert run("translate", folder / "en-de", input=LINES).stdout == expected
    assert model.predict(["a dog runs", "the cat sleeps"]) == [line for line in expected.splitlines() if line]
    Path("t.txt").write_text(LINES)
    for args in (["t.txt"], ["--text", "t.txt"], ["-"]):
        assert run("translate", folder / "en-de", *args, input=LINES).stdout == expected
    assert run("translate", folder / "en-de", "t.txt", "t.txt").stdout == expected * 2
    assert run("translate", folder / "en-de", input="").stdout == ""
    assert run("translate", folder / "en-de", input=" \u3000\r\n \na dog runs\r\n").stdout == "\n\nein Hund rennt\n"
    assert run("translate", folder / "en-de", input="\ufeffa dog runs").stdout == "ein Hund rennt\n"


def test_json_has_the_figures_of_search(run: Run, folder: Path) -> None:
    model: Any = load(folder / "en-de")
    first, blank, last = objects(run("translate", folder / "en-de", "--json", input=LINES).stdout)
    (best,), (other,) = model.n_best(["a dog runs", "the cat sleeps"], 1)
    assert first == {
        "source": "a dog runs",
        "translation": "ein Hund rennt",
        "tokens": ["ein", "Hund", "rennt"],
        "log_prob": best.log_prob,
        "score": best.score,
    }
    assert blank == {"source": "", "translation": "", "tokens": [], "log_prob": None, "score": None}
    assert last["log_prob"] == other.log_prob
    args = ["--json", "--n-best", "3", "--beam", "4"]
    first, blank, _ = objects(run("translate", folder / "en-de", *args, input=LINES).stdout)
    (best,) = model.n_best(["a dog runs"], 3, beam=4)
    assert first["n_best"] == [
        {"text": each.text, "tokens": list(each.tokens), "log_prob": each.log_prob, "score": each.score}
        for each in best
    ]
    assert blank["n_best"] == []


def test_n_best_are_rows(run: Run, folder: Path) -> None:
    model: Any = load(folder / "en-de")
    header, *rows = run("translate", folder / "en-de", "--n-best", "2", input=LINES).stdout.splitlines()
    assert header == "line\trank\tscore\tlog_prob\ttext"
    found = model.n_best(["a dog runs", "the cat sleeps"], 2)
    assert rows == [
        f"{line}\t{rank}\t{each.score:.9g}\t{each.log_prob:.9g}\t{each.text}"
        for line, best in zip((1, 3), found, strict=True)
        for rank, each in enumerate(best, 1)
    ]
    args = ["--n-best", "2", "--no-header"]
    assert run("translate", folder / "en-de", *args, input=LINES).stdout.splitlines() == rows


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--beam", "1"], {"beam": 1}),
        (["--normalization", "none"], {"normalization": "none"}),
        (["--normalization", "average"], {"normalization": "average"}),
        (["--alpha", "1"], {"alpha": 1.0}),
        (["--coverage", "0.5"], {"coverage": 0.5}),
        (["--max-length", "1"], {"max_length": 1}),
        (["--max-ratio", "0"], {"max_ratio": 0.0}),
        (["--min-length", "5"], {"min_length": 5}),
        (["--allow-unk", "--beam", "9"], {"allow_unk": True, "beam": 9}),
        (["--replace-unknown"], {"replace_unknown": True}),
    ],
)
def test_options_of_search_reach_it(flags: list[str], options: dict[str, Any], run: Run, folder: Path) -> None:
    model: Any = load(folder / "en-de")
    found = objects(run("translate", folder / "en-de", *flags, "--json", "--n-best", "1", input="a bird runs\n").stdout)
    ((best,),) = model.n_best(["a bird runs"], 1, **options)
    assert (found[0]["translation"], found[0]["log_prob"], found[0]["score"]) == (best.text, best.log_prob, best.score)


def test_shallow_fusion_with_any_saved_language_model(run: Run, folder: Path) -> None:
    model: Any = load(folder / "en-de")
    lm: Any = load(folder / "lm")
    args = ["--language-model", folder / "lm", "--lm-weight", "0.7", "--json"]
    (found,) = objects(run("translate", folder / "en-de", *args, input="a bird runs\n").stdout)
    ((best,),) = model.n_best(["a bird runs"], 1, language_model=lm, lm_weight=0.7)
    assert (found["translation"], found["score"]) == (best.text, best.score)
    stderr = run("translate", folder / "en-de", "--language-model", folder / "en-de", "--lm-weight", "1", code=1).stderr
    assert "is a sequence-to-sequence model, expected a language model" in stderr


def test_samples_repeat_with_their_seed(run: Run, folder: Path) -> None:
    model: Any = load(folder / "en-de")
    args = ["translate", folder / "en-de", "--sample", "--temperature", "2", "--seed", "7"]
    lines = run(*args, input=LINES).stdout.splitlines()
    assert lines[0] == " ".join(model.generate("a dog runs", seed=7, temperature=2.0))
    assert lines[1] == ""
    assert run(*args, input=LINES).stdout.splitlines() == lines
    header, *rows = run(*args, "--n-best", "3", input=LINES).stdout.splitlines()
    assert header == "line\tsample\ttext"
    assert [row.split("\t")[:2] for row in rows] == [[line, str(n)] for line in "13" for n in (1, 2, 3)]
    last = " ".join(model.generate("the cat sleeps", seed=7 + 2 * 3 + 1, temperature=2.0))
    assert rows[4] == f"3\t2\t{last}"
    first, blank, _ = objects(run(*args, "--n-best", "2", "--json", input=LINES).stdout)
    assert list(first) == ["source", "translation", "tokens", "samples"]
    assert [each["text"] for each in first["samples"]] == [row.split("\t")[2] for row in (rows[0], rows[1])]
    assert blank["samples"] == []
    short = run(*args, "--max-length", "1", "--allow-unk", "--top-k", "2", "--top-p", "0.5", input="a dog\n").stdout
    assert len(short.split()) <= 1


def test_a_table_is_translated_by_its_column(run: Run, folder: Path) -> None:
    Path("t.csv").write_text('id,text,score\n1,"a dog runs",5\n2,,6\n', encoding="utf-8")
    args = ["translate", folder / "en-de", "t.csv", "--text-column", "text"]
    assert run(*args).stdout == "translation\tid\tinput_score\nein Hund rennt\t1\t5\n\t2\t6\n"
    assert run(*args[:3], "--column", "text", "--no-header").stdout == "ein Hund rennt\t1\t5\n\t2\t6\n"
    rows = [line.split("\t") for line in run(*args, "--n-best", "2").stdout.splitlines()]
    assert rows[0] == ["line", "rank", "score", "log_prob", "text", "id", "input_score"]
    assert [(row[0], row[1], *row[5:]) for row in rows[1:]] == [("1", "1", "1", "5"), ("1", "2", "1", "5")]
    first, blank = objects(run(*args, "--json").stdout)
    assert (first["translation"], first["id"], first["input_score"]) == ("ein Hund rennt", "1", "5")
    assert (blank["translation"], blank["id"], blank["input_score"]) == ("", "2", "6")


def test_of_a_corpus_of_pairs_the_sources_are_translated(run: Run, folder: Path) -> None:
    sources = ParallelTexts.read("corpus:pairs-en-zh/test").required_texts()
    found = objects(run("translate", folder / "en-de", "corpus:pairs-en-zh/test", "--json", "--beam", "1").stdout)
    assert [each["source"] for each in found] == list(sources)


def test_a_line_feed_in_a_target_does_not_end_its_line(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.seq2seq.translations import Translation

    found = Translation("ein\nHund", ("ein\nHund",), -1.0, -1.0)
    monkeypatch.setattr(Translator, "n_best", lambda self, sources, n, **options: [[found]] * len(sources))
    assert run("translate", folder / "en-de", input=LINES).stdout == "ein Hund\n\nein Hund\n"
    assert objects(run("translate", folder / "en-de", "--json", input=LINES).stdout)[0]["translation"] == "ein\nHund"


# ----------------------------------------------------------------------------------------------------- attention


@pytest.mark.slow
def test_the_attention_of_the_first_target_is_drawn(run: Run, folder: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run("translate", folder / "en-de", "--attention", "a.svg", input="\na dog runs\nthe cat\n")
    assert result.stdout == "\nein Hund rennt\ndie Katze\n"
    drawn = Path("a.svg").read_text(encoding="utf-8")
    for text in ("a", "dog", "runs", "ein", "Hund", "rennt", "&lt;/s&gt;", "100", "attention weight"):
        assert f">{text}<" in drawn, text
    assert ">cat<" not in drawn
    assert "b.png is not drawn" in run("translate", folder / "en-de", "--attention", "b.png", input="\n").stderr
    assert not Path("b.png").exists()


def test_a_picture_of_what_is_not_there_is_refused(run: Run, folder: Path) -> None:
    pytest.importorskip("matplotlib")
    stderr = run("translate", folder / "blind", "--attention", "a.png", input="a\n", code=1).stderr
    assert "blind: toy-blind has no attention: omit --attention" in stderr
    assert "unsupported picture" in run("translate", folder / "en-de", "--attention", "a.gif", code=1).stderr
    Path("t.png").write_text("a dog\n")
    assert "is the same as" in run("translate", folder / "en-de", "t.png", "--attention", "t.png", code=1).stderr


# --------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a dog\na\tein\n", "bad.txt, line 2: a tab, and a source is a line"),
        (b"a dog\ncaf\xe9\n", "bad.txt, line 2, byte 9: byte 0xE9 is not valid utf-8"),
        (b"a dog\n\na <s> b\n", "bad.txt, line 3"),
        (b"a dog\na\0b\n", "bad.txt, line 2"),
        (b"\x1f\x8b\x08\0\0", "bad.txt, byte 0: this is .gz compressed data"),
    ],
)
def test_a_bad_line_is_an_error_after_the_lines_before_it(content: bytes, problem: str, run: Run, folder: Path) -> None:
    Path("bad.txt").write_bytes(content)
    result = run("translate", folder / "en-de", "bad.txt", code=1)
    assert result.stderr.startswith(f"nlmkit: {problem}")
    assert result.stderr.count("\n") == 1
    assert result.stdout == "ein Hund\n\n"[: 9 + (b"\n\n" in content)] * content.startswith(b"a dog")


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--lm-weight", "1"], "--lm-weight requires --language-model"),
        (["--lm-weight", "0", "--language-model", "lm"], "0.0 is not in the range"),
        (["--language-model", "lm"], "--language-model requires --lm-weight"),
        (["--normalization", "none", "--alpha", "1"], "--alpha is an exponent of --normalization gnmt"),
        (["--min-length", "4", "--max-length", "3"], "--min-length 4 is more than --max-length 3"),
        (["--n-best", "4", "--beam", "3"], "--n-best 4 requires a --beam of at least 4"),
        (["--temperature", "1", "--seed", "2"], "--temperature, --seed requires --sample"),
        (["--sample", "--beam", "3"], "--beam: an option of search, which --sample replaces"),
        (["--sample", "--attention", "a.png"], "--attention draws the best target"),
        (["--no-header"], "--no-header requires --n-best"),
        (["--no-header", "--n-best", "2", "--json"], "--no-header requires --n-best or --text-column, without --json"),
        (["--beam", "0"], "0 is not in the range"),
        (["--text-format", "csv"], "requires --text-column"),
        (["--representation", "r"], "--representation: the sources of"),
        (["-", "-"], "- is used twice"),
        (["--max-len", "3"], "did you mean --max-length"),
    ],
)
def test_options_that_mean_nothing_are_usage_errors(args: list[str], problem: str, run: Run, folder: Path) -> None:
    result = run("translate", folder / "en-de", *args, input="a\n", code=2)
    assert problem in result.stderr
    assert result.stdout == ""


def test_models_of_other_kinds_are_refused_with_their_command(run: Run, folder: Path, model: str) -> None:
    stderr = run("translate", model, input="a\n", code=1).stderr
    assert "toy-recency is a language-model, expected a sequence-to-sequence model: use nlmkit generate" in stderr
    for command in ("classify", "predict", "tag"):
        assert "use nlmkit translate" in run(command, folder / "en-de", input="a\n", code=1).stderr
    stderr = run("generate", folder / "en-de", code=1).stderr
    assert "is a sequence-to-sequence model, whose sentences depend on a source: use nlmkit translate" in stderr


# ------------------------------------------------------------------------------------------------------- processes


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pipes and signals as POSIX has them")
def test_a_line_in_a_pipe_is_answered_at_once_and_ctrl_c_ends_it(
    folder: Path, toy_translators: Path, environment: dict[str, str]
) -> None:
    found = environment | {"PYTHONPATH": f"{toy_translators}{os.pathsep}{environment['PYTHONPATH']}"}
    with started("translate", str(folder / "en-de"), environment=found) as process:
        say(process, "a dog runs\n")
        assert hear(process) == "ein Hund rennt\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"nlmkit: interrupted\n"
    with started("translate", str(folder / "en-de"), "--beam", "2", environment=found) as process:
        say(process, "a dog runs\n")
        assert hear(process) == "ein Hund rennt\n"
        say(process, "\n")
        assert hear(process) == "\n"
        say(process, "the cat")
        assert process.stdin is not None
        process.stdin.close()
        assert hear(process).startswith("die Katze")
        assert process.wait(timeout=60) == 0
