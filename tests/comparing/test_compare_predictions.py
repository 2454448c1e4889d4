"""``compare_predictions``: figures are those of the reports, whatever the kind; what cannot be ranked says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toys.frequent_tagger import FrequentTagger
from toys.translators import Translator

import nlmkit
from nlmkit import (
    NBSVM,
    HyperParameterError,
    NGram,
    ParallelTexts,
    TaggedSentences,
    TfidfLogReg,
    TfidfRidge,
    compare_predictions,
)
from nlmkit.errors import DataError
from nlmkit.text.labelled import LabelledTexts

TEXTS = [f"a {word} {thing}" for word in ("fine", "dull", "lovely", "awful") for thing in ("film", "song", "meal")]
LABELS = ["good", "bad", "good", "bad"] * 3
SENTENCES = [["He", "left", "New", "York"], ["Paris", "is", "old"], ["Mary", "left"], ["York", "is", "new"]]
TAGS = [["O", "O", "B-LOC", "I-LOC"], ["B-LOC", "O", "O"], ["B-PER", "O"], ["B-LOC", "O", "O"]]


def test_classifiers_have_the_figures_of_their_reports(tmp_path: Path) -> None:
    one, other = NBSVM(calibration=0).fit(TEXTS, LABELS), TfidfLogReg().fit(TEXTS[:6], LABELS[:6])
    other.save(tmp_path / "logreg")
    for by in ("accuracy", "macro-f1"):
        found = compare_predictions({"nbsvm": one, "logreg": tmp_path / "logreg"}, (TEXTS, LABELS), by=by, samples=50)
        rows = {row.model: row for row in found.ranked}
        for name, model in (("nbsvm", one), ("logreg", other)):
            report = model.report(TEXTS, LABELS, resamples=0)
            figures = rows[name].figures
            assert figures["accuracy"] == pytest.approx(report.accuracy)
            assert figures["macro-f1"] == pytest.approx(report.macro_f1)
            assert rows[name].value == figures[by]
        values = [row.value for row in found.ranked]
        assert values == sorted(values, reverse=True)
        assert (found.by, found.items, found.item) == (by, 12, "texts")
        (pair,) = found.differences
        assert pair.difference == pytest.approx(values[0] - values[1])
        assert pair.wins + pair.losses + pair.ties == 12
    assert json.loads(json.dumps(found.to_dict()))["by"] == "macro-f1"
    assert compare_predictions([one], (iter(TEXTS), iter(LABELS)), samples=0).ranked[0].interval is None


def test_regressors_are_ranked_by_each_figure() -> None:
    numbers = [float(len(text)) for text in TEXTS]
    one = TfidfRidge().fit(TEXTS, numbers)
    other = TfidfRidge().fit(TEXTS, list(reversed(numbers)))
    report = one.report(TEXTS, numbers, resamples=0)
    for by in ("r2", "rmse", "mae"):
        found = compare_predictions({"one": one, "other": other}, (TEXTS, numbers), by=by, samples=20)
        assert found.ranked[0].model == "one"
        assert found.ranked[0].value == pytest.approx(getattr(report, by))
        assert found.differences[0].wins >= found.differences[0].losses
    (row,) = compare_predictions([one], (TEXTS[:2], [1.0, 1.0]), by="rmse", samples=0).ranked
    assert row.figures["r2"] is None
    assert compare_predictions([one], (TEXTS[:2], [1.0, 1.0]), samples=0).not_ranked[0].reason == (
        "its r2 is undefined on this text"
    )


def test_taggers_are_ranked_by_spans_or_by_tags() -> None:
    data = TaggedSentences(SENTENCES, TAGS)
    one, other = FrequentTagger().fit(data), FrequentTagger(k=3.0).fit(SENTENCES[:2], TAGS[:2])
    report = one.report(data, resamples=0)
    for by in ("f1", "accuracy", "precision", "recall"):
        found = compare_predictions({"one": one, "other": other}, data, by=by, samples=20)
        assert {row.model: row.value for row in found.ranked}["one"] == pytest.approx(getattr(report, by))
        assert found.item == "sentences"
    plain = FrequentTagger(scheme="plain").fit(SENTENCES, [["X" if tag == "O" else "Y" for tag in t] for t in TAGS])
    assert compare_predictions([plain], (SENTENCES, [["X"] * len(t) for t in TAGS]), samples=0).by == "accuracy"
    refused = compare_predictions([plain], (SENTENCES, [["X"] * len(t) for t in TAGS]), by="f1", samples=0)
    assert refused.not_ranked[0].reason == "its tags are plain and form no spans: use --by accuracy"
    assert "not ranked:" in refused.render()


def test_translations_are_ranked_by_bleu_and_chrf() -> None:
    pytest.importorskip("sacrebleu")
    data = ParallelTexts(["a dog runs", "the cat sleeps"], ["ein Hund rennt schnell", "die Katze schläft jetzt"])
    options: dict[str, Any] = {"target_tokenizer": "space", "alpha": 0.001}
    one = Translator(**options).fit(data)
    other = Translator(**options).fit(ParallelTexts(["a dog runs"], ["die Katze"]))
    report = one.report(data, resamples=0)
    for by in ("bleu", "chrf"):
        found = compare_predictions({"one": one, "other": other}, data, by=by, samples=20)
        assert {row.model: row.value for row in found.ranked}["one"] == pytest.approx(getattr(report, by))
        assert found.item == "sources"


def test_models_of_several_seeds_are_grouped() -> None:
    torch = pytest.importorskip("torch")
    assert torch
    from nlmkit import CNN

    settings: dict[str, Any] = {"epochs": 1, "embedding": 4, "maps": 2}
    models = {f"cnn-{seed}": CNN(seed=seed, **settings).fit(TEXTS, LABELS) for seed in range(2)}
    models["wide"] = CNN(seed=0, **{**settings, "maps": 3}).fit(TEXTS, LABELS)
    found = compare_predictions(models, (TEXTS, LABELS), samples=0, group_seeds=True)
    assert {group.name: len(group.models) for group in found.groups} == {"cnn": 2, "wide": 1}
    assert found.tables()["seeds"][0].keys() >= {"model", "seeds", "accuracy", "standard_deviation"}
    assert "MEAN ± SD" in found.render()
    alone = compare_predictions(models, (TEXTS, LABELS), samples=0)
    assert "differ only in their seed" in alone.notes[0]
    assert alone.groups == ()


def test_what_cannot_be_ranked_says_so() -> None:
    one = NBSVM(calibration=0).fit(TEXTS, LABELS)
    ridge = TfidfRidge().fit(TEXTS, [float(len(text)) for text in TEXTS])
    with pytest.raises(HyperParameterError, match="models of different kinds cannot be ranked: nbsvm is a classifier"):
        compare_predictions([one, ridge], (TEXTS, LABELS))
    with pytest.raises(HyperParameterError, match="ngram is a language-model: compare_predictions is for classifier"):
        compare_predictions([NGram(order=1).fit(TEXTS)], TEXTS)
    with pytest.raises(HyperParameterError, match="a classifier is ranked by accuracy, macro-f1, not by 'bleu'"):
        compare_predictions([one], (TEXTS, LABELS), by="bleu")
    for model in (one, ridge):
        with pytest.raises(DataError, match="no texts to compare models on"):
            compare_predictions([model], LabelledTexts([], []))
    with pytest.raises(HyperParameterError, match="no models"):
        compare_predictions([], (TEXTS, LABELS))
    assert nlmkit.compare_predictions is compare_predictions
