"""Figures of sections against independent calculations."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from nlmkit import RNNLM, Corpus, NGram, RunOptions
from nlmkit.core.component import Component
from nlmkit.errors import HyperParameterError
from nlmkit.reporting import document, sheets
from nlmkit.reporting.blocks import Column, Fold, Grid, Panel, Panels, Picture, Section, ShadedText, Table, Value
from nlmkit.reporting.common.curves import curves
from nlmkit.reporting.common.members import with_members
from nlmkit.reporting.common.models import models as models_section
from nlmkit.reporting.common.options import options
from nlmkit.reporting.language_models.bands import _by_frequency, _by_length, _by_position, banded_perplexity, bands
from nlmkit.reporting.language_models.calibration import _measured, calibration
from nlmkit.reporting.language_models.comparison import comparison
from nlmkit.reporting.language_models.gates import gates
from nlmkit.reporting.language_models.orders import _found, orders
from nlmkit.reporting.language_models.samples import samples
from nlmkit.reporting.language_models.sampling import block, drawn, scattered, showable
from nlmkit.reporting.language_models.study import LanguageModelStudy
from nlmkit.reporting.language_models.surprisal import surprisal
from nlmkit.reporting.study import Options, Study, Subject

from .conftest import TEST, TRAIN


def study_of(models: dict[str, Component], text: Any = TEST, **values: Any) -> LanguageModelStudy:
    subjects = tuple(Subject(name=name, model=model, color=n) for n, (name, model) in enumerate(models.items()))
    return LanguageModelStudy.of(subjects, text, Options(**{"samples": 20, **values}), None)


@pytest.fixture(scope="module")
def study(models: dict[str, Any]) -> LanguageModelStudy:
    return study_of(models)


def blocks_of(section: Section | None, form: type[Any]) -> list[Any]:
    """All blocks of a form, however deep."""
    found: list[Any] = []
    waiting: list[Any] = list(section.blocks) if section is not None else []
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, form):
            found.append(each)
        if isinstance(each, (Fold, Grid, Panel)):
            waiting = [*each.blocks, *waiting]
        elif isinstance(each, Panels):
            waiting = [*each.panels, *waiting]
        elif isinstance(each, Picture) and each.numbers is not None:
            waiting = [each.numbers, *waiting]
    return found


def texts(table: Table) -> list[list[str]]:
    return [[cell.text if isinstance(cell, Value) else cell for cell in row] for row in table.rows]


@pytest.mark.parametrize("banding", [_by_frequency, _by_position, _by_length])
def test_bands_add_up_to_the_whole(study: LanguageModelStudy, banding: Any) -> None:
    for reading in study.readings:
        banded = banding(reading)
        values, counts = banded_perplexity(reading.bits, banded)
        total = sum(count * math.log2(value) for value, count in zip(values, counts, strict=True) if count)
        chosen = banded.band >= 0
        assert total == pytest.approx(float(reading.bits[chosen].sum()))
        assert sum(counts) == int(chosen.sum())
        expected = reading.corpus.tokens if banding is _by_position else reading.corpus.events
        assert sum(counts) == expected


def test_bands_hold_the_right_words(study: LanguageModelStudy) -> None:
    reading = study.readings[0]
    words = [word for number in range(6) for word in [*reading.corpus.sentence(number), "</s>"]]
    banded = _by_frequency(reading)
    assert banded is not None
    found = dict(zip(words, (banded.names[band] for band in banded.band), strict=True))
    assert (found["zebra"], found["the"], found["log"], found["</s>"]) == ("<unk>", "10–99", "2–9", "</s>")
    positions = _by_position(reading)
    assert [positions.names[band] for band in positions.band[:7]] == [
        "1",
        "2",
        "3",
        "4–5",
        "4–5",
        "6–8",
        positions.names[-1],
    ]
    lengths = _by_length(reading)
    assert [lengths.names[band] for band in lengths.band[:7]] == [lengths.names[lengths.band[0]]] * 7
    assert lengths.names[0].startswith("0")


def test_bands_of_a_model_without_counts_leave_frequencies_out(kn: NGram) -> None:
    kept = kn.vocabulary_
    bare = NGram(order=3).fit(TRAIN)
    bare.restore_text(type(kept)(kept.words), kn.pipeline_)
    assert len(blocks_of(bands(study_of({"a": bare})), Picture)) == 2


def test_probability_zero_is_an_infinite_perplexity_and_drawn_nowhere() -> None:
    study = study_of({"closed": NGram(order=2, closed=True).fit(TRAIN)})
    values, _ = banded_perplexity(study.readings[0].bits, _by_frequency(study.readings[0]))  # type: ignore[arg-type]
    assert math.inf in values
    assert "inf" in str([texts(table) for table in blocks_of(bands(study), Table)])
    assert blocks_of(surprisal(study), ShadedText)


def test_sentences_with_the_largest_difference_come_first(study: LanguageModelStudy) -> None:
    one, two = study.readings[:2]
    starts = one.corpus.event_offsets
    means = [float((two.bits - one.bits)[start:stop].mean()) for start, stop in itertools.pairwise(starts)]
    section = surprisal(study_of({"a": one.model, "b": two.model}))
    order = [row.model for row in study.comparison.ranked if row.model != "mixture"]  # type: ignore[union-attr]
    sign = 1 if order[0] == one.subject.name else -1
    shown = blocks_of(section, ShadedText)
    best = max(showable(one.corpus).tolist(), key=lambda number: sign * means[number])
    assert shown[0].title == f"Sentence {best + 1}"
    assert f"{abs(means[best]):.2f} bits per word" in shown[0].about


def test_words_have_their_surprisal(kn: NGram) -> None:
    (sentence,) = blocks_of(surprisal(study_of({"a": kn}, TEST[:1])), ShadedText)
    bits = -kn.log_probs(TEST[:1]) / math.log(2)
    assert [word.text for word in sentence.words] == [*TEST[0].split(), "</s>"]
    assert [word.shades[0].text for word in sentence.words] == [f"{value:.1f}" for value in bits]
    assert f"a: {bits[0]:.2f} bits, p = {2 ** -bits[0]:.3g}" in sentence.words[0].shade.tip


def test_words_by_summed_difference(study: LanguageModelStudy) -> None:
    models = {reading.subject.name: reading for reading in study.readings[:2]}
    one, two = models["3-gram"], models["LSTM"]
    found = blocks_of(surprisal(study_of({"3-gram": one.model, "LSTM": two.model})), Table)
    words = [word for number in range(6) for word in [*one.corpus.sentence(number), "</s>"]]
    totals: dict[str, float] = {}
    for word, gain in zip(words, (two.bits - one.bits).tolist(), strict=True):
        totals[word] = totals.get(word, 0.0) + gain
    (table,) = (table for table in found if table.caption == "Words that 3-gram predicts better than LSTM")
    best = max(totals, key=lambda word: totals[word])
    assert texts(table)[0][0] == best
    assert texts(table)[0][3] == f"{totals[best]:,.0f}"


def test_long_sentences_are_cut(kn: NGram) -> None:
    (sentence,) = blocks_of(surprisal(study_of({"a": kn}, [" ".join(TRAIN)])), ShadedText)
    assert len(sentence.words) == 60
    assert "the first 60 words" in sentence.about


def test_equal_models_have_no_difference(kn: NGram) -> None:
    section = surprisal(study_of({"a": kn, "b": kn}))
    assert "same probabilities" in str(section)


def test_models_of_other_tokens_are_left_out_of_surprisal(kn: NGram) -> None:
    from nlmkit import TextPipeline

    letters = NGram(order=2).fit(Corpus.read(TRAIN, TextPipeline(tokenizer="char")))
    study = study_of({"words": kn, "letters": letters})
    assert "other tokens" in str(surprisal(study))
    assert len(study.readings) == 2
    assert len(blocks_of(orders(study), Panel)) == 2


def test_calibration_equals_a_count_over_the_distributions(study: LanguageModelStudy) -> None:
    for reading in study.readings:
        found = _measured(reading, study)
        rows = np.concatenate(list(reading.model.distributions(reading.corpus)))
        targets = reading.corpus.event_ids(reading.model.vocabulary_)
        probabilities = np.exp(rows)
        assert (found.events, found.sentences) == (reading.corpus.events, reading.corpus.sentences)
        assert found.surprisal == pytest.approx(float(reading.bits.mean()), rel=1e-5)
        entropy = -sum(p * math.log2(p) for row in probabilities for p in row.tolist() if p > 0) / len(rows)
        assert found.entropy == pytest.approx(entropy, rel=1e-5)
        first = [int(np.argmax(row)) == target for row, target in zip(rows, targets.tolist(), strict=True)]
        assert found.hits[:, 0].mean() == pytest.approx(np.mean(first), abs=0.05)  # equal probabilities tie
        assert (np.diff(found.probabilities, axis=1) <= 0).all()
        assert sum(count for _, _, count in found.bins(1)) == found.hits.size
        assert 0 <= found.error <= 1


def test_orders_are_those_of_the_model_and_of_members(study: LanguageModelStudy, mixed: Any, kn: NGram) -> None:
    (found,) = _found(study)  # that of the mixture is the same model
    assert sum(found.shares) == pytest.approx(1)
    lengths = kn.event_details(study.readings[0].corpus)["ngram_length"]
    assert found.shares[0] == pytest.approx(float((lengths == lengths.min()).mean()))
    (inside,) = _found(study_of({"mixture": mixed}))
    assert inside.name == "mixture › ngram"
    assert (inside.lengths == lengths).all()
    assert len(blocks_of(orders(study), ShadedText)) == 3
    assert len(blocks_of(orders(study_of({"a": kn}, ["", ""])), ShadedText)) == 0


def test_members_have_names(mixed: Any) -> None:
    subject = Subject(name="m", model=mixed, color=0)
    assert [name for name, _ in with_members(subject)] == ["m", "m › ngram", "m › lstm"]
    from nlmkit import Mixture

    twice = Mixture(models=(NGram(order=1).fit(TRAIN), NGram(order=2).fit(TRAIN)), weights=(0.5, 0.5)).fit()
    names = [name for name, _ in with_members(Subject(name="m", model=twice, color=0))]
    assert names == ["m", "m › ngram 1", "m › ngram 2"]


def test_curves_are_those_of_the_history(study: LanguageModelStudy, lstm: Any) -> None:
    (table,) = blocks_of(curves(study), Table)
    history = lstm.fit_report_["history"]
    own = [row for row in texts(table) if row[0] == "LSTM"]
    assert [row[2] for row in own] == [f"{each['perplexity']:.5g}" for each in history]
    assert curves(study_of({"a": study.readings[0].model})) is None


def test_curves_of_losses_and_other_metrics() -> None:
    model = NGram(order=1).fit(TRAIN)
    model.fit_report_ = {"history": [{"epoch": 1.0, "loss": 0.5, "accuracy": 0.7, "step": 3, "ends_epoch": True}]}
    found = blocks_of(curves(study_of({"a": model}, None)), Picture)
    assert [picture.caption for picture in found] == ["Loss by epoch", "Accuracy by epoch"]


def test_parameters_and_weights_are_those_of_the_fit(study: LanguageModelStudy, lstm: Any, mixed: Any) -> None:
    tables = {table.caption: texts(table) for table in blocks_of(models_section(study), Table)}
    layers = tables["LSTM: parameters by layer"]
    assert [row[1] for row in layers] == [f"{count:,}" for count in lstm.fit_report_["parameters_by_layer"].values()]
    weights = tables["mixture: weights"]
    assert [row[1] for row in weights] == [f"{weight:.4f}" for weight in mixed.weights_]
    assert len(weights[0]) == 3
    first = tables["Models of this report"]
    assert first[1][3] == f"{lstm.fit_report_['parameters']:,} parameters"
    assert first[0][4] == study.subjects[0].model.digest


def test_options_that_differ_come_first(study: LanguageModelStudy) -> None:
    tables = {table.caption: texts(table) for table in blocks_of(options(study), Table)}
    assert tables["3-gram (ngram): options that differ from their defaults"] == [["order", "3", "5"]]
    assert ["smoothing", "modified-kneser-ney"] in tables["3-gram (ngram): options at their defaults"]
    changed = dict(row[:2] for row in tables["LSTM (lstm): options that differ from their defaults"])
    assert (changed["hidden"], changed["epochs"]) == ("8", "3")
    facts = dict(tables["LSTM (lstm): facts of the fit"])
    assert facts["stopped"] == "completed"
    assert "history" not in facts
    plain = NGram().fit([["a", "b"], ["b", "a"]] * 9)
    assert "all options at their defaults" in str(options(study_of({"a": plain}, None)))


def test_gates_of_members_are_shown_once(study: LanguageModelStudy, mixed: Any) -> None:
    section = gates(study)
    assert [panel.title for panel in blocks_of(section, Panel)] == ["LSTM"]
    captions = [picture.caption for picture in blocks_of(section, Picture)]
    assert captions[0] == "Mean activation of the gates"
    assert [caption.split(":")[0] for caption in captions[1:]] == [
        "Cell state",
        "Hidden state",
        "Norm of the gradient by distance",
    ]
    (panel,) = blocks_of(gates(study_of({"m": mixed}, None)), Panel)
    assert panel.title == "m › lstm"
    assert gates(study_of({"a": study.readings[0].model})) is None


def test_a_plain_network_has_states_without_gates() -> None:
    model = RNNLM(hidden=4, epochs=1, batch=4).fit(TRAIN, run=RunOptions(progress=None))
    captions = [picture.caption for picture in blocks_of(gates(study_of({"a": model})), Picture)]
    assert captions[0].startswith("Hidden state: the 4 units")
    assert gates(study_of({"a": model}, ["", ""])) is not None


def test_samples_are_those_of_generate(study: LanguageModelStudy, kn: NGram) -> None:
    section = samples(study)
    first = section.blocks[0].panels[0].blocks[0].items  # type: ignore[union-attr]
    assert first[2].removesuffix(" …") == " ".join(kn.generate(max_tokens=40, seed=2))


def test_scores_that_are_not_probabilities_are_named() -> None:
    scorer = NGram(order=2, smoothing="stupid-backoff").fit(TRAIN)
    study = study_of({"scores": scorer})
    assert study.comparison is not None
    assert [row.model for row in study.comparison.refused] == ["scores"]
    assert (study.readings, study.facts) == ((), [])
    assert [section(study) for section in (surprisal, bands, calibration, samples)] == [None] * 4
    (table,) = blocks_of(comparison(study), Table)
    assert texts(table) == [["scores", "its scores are not probabilities"]]
    assert comparison(study_of({"scores": scorer}, None)) is None


def test_choice_of_sentences() -> None:
    corpus = Corpus.read([" ".join("abcdefgh"[: 1 + n % 8]) for n in range(100)])
    run = block(corpus, 50, seed=1)
    assert (np.diff(run) == 1).all()
    assert 50 <= int(np.diff(corpus.event_offsets)[run].sum()) <= 60
    some = scattered(corpus, 50, seed=1)
    assert int(np.diff(corpus.event_offsets)[some].sum()) <= 50
    assert len(set(some.tolist())) == len(some) > 3
    assert len(scattered(corpus, 0, seed=1)) == 1
    assert drawn(np.arange(5), 9, seed=0).tolist() == [0, 1, 2, 3, 4]
    assert all(len(corpus.sentence(number)) >= 5 for number in showable(corpus).tolist())


def test_a_stream_is_calibrated_on_consecutive_sentences(models: dict[str, Any]) -> None:
    study = study_of({"LSTM": models["LSTM"]}, TEST, context="stream")
    found = _measured(study.readings[0], study)
    assert found.surprisal == pytest.approx(float(study.readings[0].bits.mean()), rel=1e-4)


def test_a_kind_without_a_sheet_is_refused(monkeypatch: pytest.MonkeyPatch, kn: NGram) -> None:
    monkeypatch.setattr(sheets, "SHEETS", ())
    with pytest.raises(HyperParameterError, match="is a language model: reports exist for"):
        document.report({"a": kn})


def test_tables_check_their_rows_and_studies_are_of_a_kind() -> None:
    with pytest.raises(ValueError, match="does not have 1 cells"):
        Table(caption="a", columns=(Column("x"),), rows=(("a", "b"),))
    with pytest.raises(TypeError, match="abstract class Study"):
        Study(subjects=(), options=Options())  # type: ignore[abstract]  # what is tested


class Shown:
    """Progress that keeps its stages."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.done = 0.0

    def start(self, description: str, total: float | None = None) -> None:
        self.stages.append(description)

    def advance(self, amount: float) -> None:
        self.done += amount


def test_progress_has_a_stage_per_model_and_section(kn: NGram) -> None:
    shown = Shown()
    document.report({"a": kn, "b": kn}, TEST, samples=0, progress=shown)
    assert {"scoring with a", "scoring with b", "section surprisal", "calibration"} <= set(shown.stages)
    assert shown.done == 2


def test_names_in_titles() -> None:
    assert document._listed(["a"]) == "a"
    assert document._listed(["a", "b", "c"]) == "a, b and c"
    assert document._listed(["a", "b", "c", "d"]) == "a, b and 2 others"
