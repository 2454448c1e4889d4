"""``nlmkit compare``: the table, strict JSON, the picture, and when it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cli.conftest import TRAIN, Run
from nlmkit.core.storage import load
from nlmkit.language_models import comparison
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.combined.cache import Cache
from nlmkit.language_models.ngram.model import NGram

pytestmark = pytest.mark.slow

TEST = "the dog ran\n猫 ran away\nthe cat sat\n\nthe mat sat on the dog\n"


@pytest.fixture
def models(tmp_path: Path, model: str) -> dict[str, str]:
    """Saved models of TRAIN, and the text to compare them on."""
    (tmp_path / "train.txt").write_text(TRAIN, encoding="utf-8")
    (tmp_path / "test.txt").write_text(TEST, encoding="utf-8")
    bigram = NGram(order=2, smoothing="witten-bell").fit(tmp_path / "train.txt")
    made: dict[str, LanguageModel] = {
        "bigram": bigram,
        "unigram": NGram(order=1).fit(tmp_path / "train.txt"),
        "cache": Cache(model=bigram, weight=0.2, decay=0.9).fit(),
        "small": NGram(order=2, smoothing="witten-bell", vocabulary_size=3).fit(tmp_path / "train.txt"),
        "sb": NGram(order=2, smoothing="stupid-backoff").fit(tmp_path / "train.txt"),
    }
    for name, each in made.items():
        each.save(tmp_path / name)
    return {"recency": model, **{name: name for name in made}}


def compare_json(run: Run, *args: str, **options: Any) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(run("compare", *args, "--text", "test.txt", "--json", **options).stdout)
    return printed


def test_the_table_ranks_what_is_comparable_and_says_why_the_rest_is_not(run: Run, models: dict[str, str]) -> None:
    result = run("compare", "unigram", "small", "bigram", "sb", "cache", "--text", "test.txt", "--samples", "200")
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "20 events in 5 sentences; 14 predictable types; context sentence; unknown rule uniform-share; "
        "text pipeline tok:space|lc:no|nf:none"
    )
    head, *rows = [line.split() for line in lines[2:6]]
    assert head == ["RANK", "MODEL", "PERPLEXITY", "95%", "INTERVAL", "BITS/TOKEN", "ADAPTED"]
    loaded = {name: load(name) for name in ("unigram", "bigram", "cache")}
    reports = {name: lm.report("test.txt") for name, lm in loaded.items() if isinstance(lm, LanguageModel)}
    order = sorted(reports, key=lambda name: reports[name].perplexity)
    assert [row[1] for row in rows] == order
    for number, row in enumerate(rows, 1):
        report = reports[row[1]]
        adapted = "yes" if row[1] == "cache" else "no"
        assert (row[0], row[2], row[-2], row[-1]) == (
            str(number),
            f"{report.perplexity:.4f}",
            f"{report.bits_per_token:.4f}",
            adapted,
        )
    assert lines[7].split()[:4] == ["BETTER", "WORSE", "PERPLEXITY", "95%"]
    assert [line.split()[:2] for line in lines[8:10]] == [order[:2], order[1:]]
    ratio = reports[order[1]].perplexity / reports[order[0]].perplexity
    assert lines[8].split()[2] == f"×{ratio:.4f}"
    assert sum(map(int, lines[8].split()[-1].split(":"))) == 5
    assert "cache  cache unigram,window=2000,weight=0.2,decay=0.9" in lines
    refused = lines[lines.index("not ranked:") + 1 :]
    assert refused[0].startswith("  small  they have different vocabularies (14 types ")
    assert refused[1].startswith("  sb     scores of ngram are not probabilities")
    assert [line.split()[1] for line in result.stderr.splitlines()] == ["models", "intervals"]
    quiet = run("compare", "unigram", "cache", "--text", "test.txt", "--samples", "0", "--quiet")
    assert quiet.stderr == ""
    assert quiet.stdout.splitlines()[3].split()[3] == "-"


def test_json_has_the_reports_and_is_the_same_each_time(run: Run, models: dict[str, str]) -> None:
    printed = compare_json(run, "bigram", "unigram", "small", "--samples", "100", "--seed", "3")
    assert printed == compare_json(run, "bigram", "unigram", "small", "--samples", "100", "--seed", "3")
    assert printed["text"] == ["test.txt"]
    alone = json.loads(run("perplexity", "bigram", "test.txt", "--json").stdout)
    (row,) = [row for row in printed["ranked"] if row["model"] == "bigram"]
    assert {key: row[key] for key in alone} == alone
    assert [row["rank"] for row in printed["ranked"]] == [1, 2]
    assert row["interval"][0] <= row["perplexity"] <= row["interval"][1]
    (difference,) = printed["differences"]
    assert 0 < difference["p_value"] <= 1
    assert difference["wins"] + difference["losses"] + difference["ties"] == 5
    (refused,) = printed["refused"]
    assert refused["model"] == "small"
    assert refused["report"]["vocabulary_size"] == 5
    assert (printed["samples"], printed["seed"], printed["differing"]) == (100, 3, [])
    other = compare_json(run, "bigram", "unigram", "small", "--samples", "100", "--seed", "4")
    assert other["ranked"][0]["interval"] != printed["ranked"][0]["interval"]


def test_infinite_figures_are_null_with_a_reason(run: Run, models: dict[str, str], tmp_path: Path) -> None:
    NGram(order=2, smoothing="mle").fit(tmp_path / "train.txt").save(tmp_path / "mle")
    printed = compare_json(run, "bigram", "mle", "--samples", "50")
    assert printed["ranked"][1]["perplexity"] is None
    assert printed["ranked"][1]["reasons"]["perplexity"].startswith("infinite: an event of the text has probability")
    assert printed["differences"][0]["ratio"] is None
    table = run("compare", "bigram", "mle", "--text", "test.txt", "--samples", "50").stdout
    assert " inf " in table


@pytest.mark.parametrize(
    ("contexts", "expected"),
    [
        ([], ["sentence", "sentence"]),
        (["stream"], ["stream", "stream"]),
        (["stream", "sentence"], ["stream", "sentence"]),
    ],
)
def test_the_context_is_given_once_or_for_each_model(
    run: Run, models: dict[str, str], contexts: list[str], expected: list[str]
) -> None:
    options = [part for context in contexts for part in ("--context", context)]
    printed = compare_json(run, models["recency"], "unigram", *options)
    found = {row["model"]: row["context"] for row in printed["ranked"]}
    assert found == dict(zip((models["recency"], "unigram"), expected, strict=True))
    assert printed["differing"] == (["context", "unknown_rule"][: len(set(expected)) - 1])
    lm = load(models["recency"])
    assert isinstance(lm, LanguageModel)
    (row,) = [row for row in printed["ranked"] if row["model"] == models["recency"]]
    assert row["perplexity"] == lm.perplexity("test.txt", context=expected[0])  # type: ignore[arg-type]


def test_nothing_comparable_is_an_error_after_the_table(run: Run, models: dict[str, str]) -> None:
    result = run("compare", "bigram", "small", "--text", "test.txt", code=1)
    assert "1     bigram" in result.stdout
    assert result.stderr.splitlines()[-1].startswith(
        "nlmkit: no two of the 2 models can be compared: small: they have different vocabularies"
    )
    printed = json.loads(run("compare", "sb", "small", "--text", "test.txt", "--json", code=1).stdout)
    assert [row["model"] for row in printed["ranked"]] == ["small"]
    assert [row["model"] for row in printed["refused"]] == ["sb"]
    assert run("compare", "sb", "sb", "--text", "test.txt", "--json", "--plot", "p.png", code=1).exit_code == 1
    assert not Path("p.png").exists()


@pytest.mark.usefixtures("at_a_terminal")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["bigram", "--text", "test.txt"], "expected at least two models to compare"),
        (["bigram", "unigram"], "missing the text (--text): pass a file, or pipe text in (< FILE)"),
        (
            ["bigram", "unigram", "cache", "--text", "test.txt", "--context", "stream", "--context", "stream"],
            "--context is given 2 times for 3 models: expected once, or once per model",
        ),
        (["bigram", "unigram", "--text", "test.txt", "--context", "document"], "'document'"),
        (["bigram", "unigram", "--text", "test.txt", "--samples", "-1"], "-1"),
    ],
)
def test_wrong_usage(run: Run, models: dict[str, str], args: list[str], message: str) -> None:
    assert message in run("compare", *args, code=2).stderr


def test_what_cannot_be_read_is_named(run: Run, models: dict[str, str]) -> None:
    assert "nlmkit: absent: no such" in run("compare", "bigram", "absent", "--text", "test.txt", code=1).stderr
    assert "absent.txt" in run("compare", "bigram", "unigram", "--text", "absent.txt", code=1).stderr
    Path("empty.txt").touch()
    stderr = run("compare", "bigram", "unigram", "--text", "empty.txt", code=1).stderr
    assert stderr == "nlmkit: cannot compare models: the text has no sentences\n"


def test_several_texts_are_one_and_standard_input_is_read_once(run: Run, models: dict[str, str]) -> None:
    lines = TEST.splitlines(keepends=True)
    Path("one.txt").write_text("".join(lines[:2]), encoding="utf-8")
    Path("two.txt").write_text("".join(lines[2:]), encoding="utf-8")
    printed = json.loads(run("compare", "bigram", "unigram", "--text", "one.txt", "--text", "two.txt", "--json").stdout)
    whole = compare_json(run, "bigram", "unigram")
    assert printed["ranked"] == whole["ranked"]
    piped = run("compare", "bigram", "unigram", "--text", "-", "--json", input=TEST.encode())
    assert json.loads(piped.stdout)["ranked"] == whole["ranked"]
    NGram(order=1).fit("train.txt").save("again")
    run("fit", "ngram", "train.txt", "-o", "lower", "--lowercase", "-p", "order=1")
    assert len(compare_json(run, "unigram", "lower")["ranked"]) == 2  # the text has no capitals, so the words agree
    assert compare_json(run, "unigram", "lower")["differing"] == ["text_pipeline"]
    stderr = run("compare", "bigram", "lower", "--text", "-", input=TEST.encode(), code=1).stderr
    assert "the models read text differently, and standard input can be read only once" in stderr


def test_an_encoding_may_be_given(run: Run, models: dict[str, str]) -> None:
    Path("utf16.txt").write_text(TEST, encoding="utf-16")
    printed = run("compare", "bigram", "unigram", "--text", "utf16.txt", "--encoding", "utf-16", "--json").stdout
    digests = {row["events_digest"] for row in json.loads(printed)["ranked"]}
    assert digests == {row["events_digest"] for row in compare_json(run, "bigram", "unigram")["ranked"]}


def test_the_picture_is_drawn(run: Run, models: dict[str, str]) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    run("compare", "bigram", "unigram", "cache", "--text", "test.txt", "--plot", "out.png", "--samples", "50")
    assert Path("out.png").read_bytes().startswith(b"\x89PNG")
    run("compare", "bigram", "unigram", "--text", "test.txt", "--plot", "out.svg")
    assert "test.txt" in Path("out.svg").read_text(encoding="utf-8")


def test_a_picture_that_cannot_be_drawn_is_refused_before_the_work(
    run: Run, models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nlmkit.cli.texts.load_language_model", lambda path: pytest.fail("worked first"))
    stderr = run("compare", "bigram", "unigram", "--text", "test.txt", "--plot", "out.gif", code=1).stderr
    assert stderr == "nlmkit: out.gif: unsupported picture format: use a file name in .png, .svg, .pdf\n"
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    stderr = run("compare", "bigram", "unigram", "--text", "test.txt", "--plot", "out.png", code=1).stderr
    assert stderr == "nlmkit: a picture needs matplotlib: pip install 'nlmkit[plot]'\n"


def test_steps_and_epochs_are_shown_where_a_model_was_trained_in_steps(
    run: Run, models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bigram = load("bigram")
    monkeypatch.setattr(
        comparison,
        "_training",
        lambda model: {"steps": 1234567, "epochs": 0.77412} if model.digest == bigram.digest else {},
    )
    lines = run("compare", "unigram", "bigram", "--text", "test.txt", "--samples", "0").stdout.splitlines()
    assert lines[2].split()[-2:] == ["STEPS", "EPOCHS"]
    ends = {line.split()[1]: line.split()[-2:] for line in lines[3:5]}
    assert ends == {"bigram": ["1234567", "0.7741"], "unigram": ["-", "-"]}
    ranked = {row["model"]: row for row in compare_json(run, "unigram", "bigram", "--samples", "0")["ranked"]}
    assert ranked["bigram"]["training"] == {"steps": 1234567, "epochs": 0.77412}
    assert "training" not in ranked["unigram"]


def test_steps_and_epochs_are_those_of_the_fit_report() -> None:
    class Trained:
        fit_report_: ClassVar[dict[str, Any]] = {"steps": 7, "epochs": 0.5, "stopped": "completed"}

    assert comparison._training(Trained()) == {"steps": 7, "epochs": 0.5}  # type: ignore[arg-type]
    assert comparison._training(object()) == {}  # type: ignore[arg-type]


def test_models_of_other_tokens_are_ranked_by_bits_per_character(run: Run, models: dict[str, str]) -> None:
    run(
        "fit",
        "ngram",
        "train.txt",
        "-o",
        "chars",
        "--tokenizer",
        "char",
        "-p",
        "order=2",
        "-p",
        "smoothing=witten-bell",
    )
    found = compare_json(run, "bigram", "chars", "--by", "bits-per-character")
    assert found["by"] == "bits-per-character"
    assert [row["rank"] for row in found["ranked"]] == [1, 2]
    bits = [row["bits_per_character"] for row in found["ranked"]]
    assert bits == sorted(bits)
    assert all(row["interval"][0] <= row["bits_per_character"] <= row["interval"][1] for row in found["ranked"])
    run("compare", "bigram", "chars", "--text", "test.txt", "--by", "bits-per-character", "--plot", "bits.svg")
    assert "Bits per character" in Path("bits.svg").read_text(encoding="utf-8")
