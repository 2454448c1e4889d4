"""``nlmkit.compare``: models as objects, folders and by name, and a text as each reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nlmkit
from nlmkit import Corpus, NGram, OneHot, SavedModelError, TextPipeline
from nlmkit.errors import DataError, HyperParameterError

TRAIN = ["the cat sat", "the dog ran", "a cat ran away", "the dog sat"]
TEST = ["the cat ran", "a dog sat", "the bird sat", "a cat"]


@pytest.fixture
def bigram() -> NGram:
    return NGram(order=2, smoothing="witten-bell").fit(TRAIN)


@pytest.fixture
def unigram() -> NGram:
    return NGram(order=1, smoothing="witten-bell").fit(TRAIN)


def test_models_as_objects_folders_and_by_name_give_the_same_figures(
    bigram: NGram, unigram: NGram, tmp_path: Path
) -> None:
    bigram.save(tmp_path / "saved")
    by_name = nlmkit.compare({"two": bigram, "one": unigram}, TEST, samples=50)
    figures = {row.model: row.report.perplexity for row in by_name.ranked}
    assert figures == {"two": bigram.perplexity(TEST), "one": unigram.perplexity(TEST)}
    listed = nlmkit.compare([unigram, tmp_path / "saved", str(tmp_path / "saved"), bigram], TEST, samples=50)
    names = ["ngram", str(tmp_path / "saved"), f"{tmp_path / 'saved'} (2)", "ngram (2)"]
    assert sorted(row.model for row in listed.ranked) == sorted(names)
    perplexities = {row.model: row.report.perplexity for row in listed.ranked}
    assert [perplexities[name] for name in names] == [figures["one"], figures["two"], figures["two"], figures["two"]]


def test_it_prints_as_the_command_does(bigram: NGram, unigram: NGram) -> None:
    found = nlmkit.compare({"two": bigram, "one": unigram}, TEST)
    assert str(found) == found.render()
    lines = found.render().splitlines()
    assert lines[0].startswith("15 events in 4 sentences; 9 predictable types; context sentence;")
    assert lines[2].split()[:3] == ["RANK", "MODEL", "PERPLEXITY"]
    assert {line.split()[1] for line in lines[3:5]} == {"two", "one"}
    assert not found.render().endswith("\n")
    assert found.to_dict()["ranked"][0]["rank"] == 1


def test_a_small_p_value_is_shown_as_smaller_than_the_least_that_is_written() -> None:
    good = NGram(order=2, smoothing="witten-bell").fit(TRAIN)
    bad = NGram(order=1, smoothing="add-k", add_k=100.0).fit(TRAIN)
    found = nlmkit.compare({"good": good, "bad": bad}, TRAIN * 10, samples=2000)
    (difference,) = found.differences
    assert difference.p_value is not None
    assert difference.p_value < 0.001
    assert " <0.001 " in found.render()
    assert "0.000" not in found.render().split("WON:LOST:TIED")[1]
    fewer = nlmkit.compare({"good": good, "bad": bad}, TRAIN * 10, samples=99)
    assert " 0.010 " in fewer.render()


def test_contexts_are_for_all_models_or_one_for_each(bigram: NGram, unigram: NGram) -> None:
    models = {"two": bigram, "one": unigram}
    found = nlmkit.compare(models, TEST, context=["stream", "sentence"], samples=0)
    assert {row.model: row.report.context for row in found.ranked} == {"two": "stream", "one": "sentence"}
    with pytest.raises(HyperParameterError, match="3 contexts for 2 models: expected one, or one per model"):
        nlmkit.compare(models, TEST, context=["stream", "sentence", "stream"])


def test_each_model_reads_the_text_in_its_own_way(bigram: NGram) -> None:
    lower = NGram(order=2, smoothing="witten-bell").fit(Corpus.read(TRAIN, TextPipeline(lowercase=True)))
    found = nlmkit.compare({"as is": bigram, "lower": lower}, [line.upper() for line in TEST], samples=0)
    pipelines = {row.model: row.report.text_pipeline for row in (*found.ranked, *found.refused) if row.report}
    assert pipelines == {"as is": "tok:space|lc:no|nf:none", "lower": "tok:space|lc:yes|nf:none"}
    with pytest.raises(DataError, match="the models read text differently, and an iterator can be read only once"):
        nlmkit.compare([bigram, lower], iter(TEST))


def test_a_corpus_and_an_iterator_are_read_once(bigram: NGram, unigram: NGram) -> None:
    whole = nlmkit.compare([bigram, unigram], TEST, samples=0)
    for text in (iter(TEST), Corpus.read(TEST), Corpus.read([line.split() for line in TEST])):
        again = nlmkit.compare([bigram, unigram], text, samples=0)
        assert [row.report.perplexity for row in again.ranked] == [row.report.perplexity for row in whole.ranked]


@pytest.mark.parametrize("models", ["kn5", Path("kn5"), NGram(order=1)])
def test_one_model_is_no_list(models: Any) -> None:
    with pytest.raises(HyperParameterError, match="models must be a list of models or a mapping from names to models"):
        nlmkit.compare(models, TEST)
    with pytest.raises(HyperParameterError, match="no models to compare"):
        nlmkit.compare([], TEST)


def test_what_is_no_language_model_is_refused(bigram: NGram, tmp_path: Path) -> None:
    OneHot().fit(TRAIN).save(tmp_path / "vectors")
    with pytest.raises(SavedModelError, match="one-hot is a representation, expected a language model"):
        nlmkit.compare([bigram, tmp_path / "vectors"], TEST)


def test_progress_is_shown_to_who_asks(bigram: NGram) -> None:
    stages: list[str] = []

    class Watcher:
        def start(self, description: str, total: float | None = None) -> None:
            stages.append(description)

        def advance(self, amount: float) -> None:
            pass

    nlmkit.compare({"a": bigram, "b": bigram}, TEST, progress=Watcher())
    assert stages == ["scoring with a", "scoring with b", "drawing samples"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": -1}, "samples must be a whole number of at least 0, not -1"),
        ({"samples": 1.5}, "samples must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
        ({"seed": "x"}, "seed must be a whole number"),
        ({"context": None}, "context must be sentence or stream, not None"),
        ({"context": ["stream", "x"]}, "context must be sentence or stream, not 'x'"),
        ({"progress": True}, "progress must be 'auto', None or an object"),
    ],
)
def test_wrong_options_are_refused_before_the_text_is_read(
    options: dict[str, Any], message: str, bigram: NGram, unigram: NGram
) -> None:
    with pytest.raises(HyperParameterError, match=message):
        nlmkit.compare([bigram, unigram], "no-such-file", **options)


def test_what_is_no_model_is_named(bigram: NGram) -> None:
    for models, message in (
        ([bigram, None], "model 2 is NoneType: expected a language model or the folder of a saved one"),
        (
            {"words": OneHot().fit(TRAIN)},
            "model 'words' is a representation: expected a language model or the folder of a saved one",
        ),
        ([("name", bigram)], "model 1 is tuple: expected a language model or the folder of a saved one"),
        (None, "models must be a list of models or a mapping from names to models"),
        (OneHot(), "models must be a list of models or a mapping from names to models"),
    ):
        with pytest.raises(HyperParameterError, match=message):
            nlmkit.compare(models, TEST)  # type: ignore[arg-type]


def test_names_may_be_numbers(bigram: NGram, unigram: NGram) -> None:
    assert {row.model for row in nlmkit.compare({1: unigram, 2: bigram}, TEST).ranked} == {"1", "2"}  # type: ignore[dict-item]
