"""``lm-classifier``: Bayes' rule over language models, against calculations by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.classifiers import LABELS, TEXTS
from toys.language_models import Uniform

from nlmkit import LSTM, LMClassifier, Mixture, NGram, RunOptions, Vocabulary, load
from nlmkit.classifiers.combined.class_models import copies_of_texts
from nlmkit.core.vocabulary_limits import shared_vocabulary
from nlmkit.errors import DataError, HyperParameterError, SavedModelError
from nlmkit.text import Corpus


class OwnWords(Uniform):
    """A language model that takes its vocabulary from its own text whatever happens."""

    name = "toy-own-words"

    def limited_vocabulary(self, corpus: Any, *, noted: bool = False) -> Vocabulary:
        return Vocabulary.from_corpus(corpus)


ADD_ONE = NGram(order=1, smoothing="add-k", add_k=1.0)
SMALL, OF_SMALL = ["b a a", "a", "b b", "c"], ["x", "x", "y", "y"]
NEW = ["a fine evening", "what a dull meal", "nothing known", ""]


def test_bayes_rule_by_hand() -> None:
    """Class x has a a a b and two </s>, class y b b c and two; each adds one to every id but <s>: V = 5."""
    model = LMClassifier(language_model=ADD_ONE, temperature=1.0, priors=(3.0, 1.0)).fit(SMALL, OF_SMALL)
    x = {"a": 4 / 11, "b": 2 / 11, "c": 1 / 11, "</s>": 3 / 11, "?": 1 / 11}
    y = {"a": 1 / 10, "b": 3 / 10, "c": 2 / 10, "</s>": 3 / 10, "?": 1 / 10}

    def posterior(words: str, power: float = 0.0, temperature: float = 1.0) -> float:
        tokens = [*words.split(), "</s>"]
        scale = temperature * len(tokens) ** power
        logs = [
            sum(np.log(p[token]) for token in tokens) / scale + np.log(prior) for p, prior in ((x, 0.75), (y, 0.25))
        ]
        return float(1 / (1 + np.exp(logs[1] - logs[0])))

    for words in ("a", "b c ?", "", "b a c a"):
        assert model.predict_proba([words])[0, 0] == pytest.approx(posterior(words), rel=1e-9)
    scaled = LMClassifier(language_model=ADD_ONE, temperature=0.5, priors=(3.0, 1.0), length_norm=1.0)
    scaled.fit(SMALL, OF_SMALL)
    assert scaled.predict_proba(["b c ?"])[0, 0] == pytest.approx(posterior("b c ?", 1.0, 0.5), rel=1e-9)


def test_all_classes_have_one_vocabulary(tmp_path: Path) -> None:
    model = LMClassifier(language_model=NGram(order=2, min_count=2), temperature=1.0).fit(TEXTS, LABELS)
    whole = Vocabulary.from_corpus(model.encode(TEXTS), min_count=2)
    assert all(each.vocabulary_.words == whole.words for each in (model, *model.models_))
    fine = whole.id("fine")
    assert [each.vocabulary_.counts[fine] for each in model.models_] == [0, 6]
    totals = [np.exp(each.next_log_probs(each.start())).sum() for each in model.models_]
    np.testing.assert_allclose(totals, 1, rtol=1e-9)
    model.save(tmp_path / "model")
    loaded: Any = load(tmp_path / "model")
    assert loaded.digest == model.digest
    assert np.array_equal(loaded.predict_proba(NEW), model.predict_proba(NEW))
    assert model.score(TEXTS, LABELS) == 1.0


def test_a_shared_vocabulary_holds_for_language_models_in_the_body_alone() -> None:
    words = Vocabulary(["a", "b", "z"])
    corpus = Corpus.read([["a", "b", "a"]])
    with shared_vocabulary(words):
        mixed = Mixture(models=(NGram(order=1, smoothing="add-k"), NGram(order=2, smoothing="add-k")))
        mixed.fit(corpus, valid=[["a"]])
    assert mixed.vocabulary_.words == words.words
    assert mixed.models_[0].vocabulary_.counts.tolist() == [0, 0, 1, 2, 1, 0]
    assert "z" not in NGram(order=1).fit(corpus).vocabulary_


def test_the_temperature_is_fitted_on_held_out_texts() -> None:
    texts, labels = [*TEXTS, "a fine film , i say ."], [*LABELS, "bad"]
    model = LMClassifier(language_model=ADD_ONE, folds=3).fit(texts, labels)
    report = model.fit_report_
    assert report["held_out_texts"] == 37
    assert report["temperature"] == model.temperature_ != 1
    valid = LMClassifier(language_model=ADD_ONE).fit(TEXTS[:24], LABELS[:24], valid=(texts[24:], labels[24:]))
    assert valid.fit_report_["held_out_texts"] == 13

    def loss(temperature: float) -> float:
        fixed = LMClassifier(language_model=ADD_ONE, temperature=temperature).fit(TEXTS[:24], LABELS[:24])
        found = fixed.predict_proba(texts[24:])
        return float(-np.log([row[int(label == "good")] for row, label in zip(found, labels[24:], strict=True)]).mean())

    best = valid.temperature_
    assert valid.fit_report_["held_out_loss"] == pytest.approx(loss(best))
    assert loss(best) <= min(loss(best * 1.05), loss(best / 1.05))
    few = LMClassifier(language_model=ADD_ONE).fit(["a b", "c d"], ["x", "y"])
    assert few.temperature_ == 1
    assert "too few texts" in " ".join(few.fit_report_["notes"])


def test_priors() -> None:
    texts, labels = [*SMALL, "c c"], [*OF_SMALL, "y"]

    def log_priors(**settings: Any) -> Any:
        weight = settings.pop("sample_weight", None)
        model = LMClassifier(language_model=ADD_ONE, temperature=1.0, **settings)
        return np.exp(model.fit(texts, labels, sample_weight=weight).log_priors_)

    np.testing.assert_allclose(log_priors(), [0.4, 0.6])
    np.testing.assert_allclose(log_priors(priors="uniform"), [0.5, 0.5])
    np.testing.assert_allclose(log_priors(priors=(1.0, 3.0)), [0.25, 0.75])
    np.testing.assert_allclose(log_priors(class_weight="balanced"), [0.5, 0.5])
    np.testing.assert_allclose(log_priors(priors="uniform", class_weight={"x": 3.0}), [0.75, 0.25])
    np.testing.assert_allclose(log_priors(priors=(1.0, 1.0), class_weight={"x": 3.0}), [0.75, 0.25])
    np.testing.assert_allclose(log_priors(sample_weight=[1, 1, 1, 2, 3]), [0.25, 0.75])


def test_a_text_of_weight_two_is_read_twice() -> None:
    weighted = LMClassifier(language_model=ADD_ONE, temperature=1.0).fit(SMALL, OF_SMALL, sample_weight=[2, 1, 1, 1])
    twice = LMClassifier(language_model=ADD_ONE, temperature=1.0).fit([SMALL[0], *SMALL], ["x", *OF_SMALL])
    np.testing.assert_allclose(weighted.predict_proba(NEW + SMALL), twice.predict_proba(NEW + SMALL), rtol=1e-12)
    targets, classes = np.array([0, 0, 1, 1]), np.array(["x", "y"])
    assert copies_of_texts(None, targets, classes).tolist() == [1, 1, 1, 1]
    assert copies_of_texts(np.array([0.5, 1, 2, 3]), targets, classes).tolist() == [1, 2, 2, 3]
    assert copies_of_texts(np.array([2.0, 2, 0.3, 0.3]), targets, classes).tolist() == [1, 1, 1, 1]
    with pytest.raises(DataError, match="sample_weight of the label 'y': a language model reads a text a whole"):
        copies_of_texts(np.array([1, 1, 1, 1.5]), targets, classes)


def test_sentence_marks_in_texts_are_words() -> None:
    texts, labels = ["<s> good </s>", "fine </s>", "bad <s>", "dull <s>"], ["g", "g", "b", "b"]
    model = LMClassifier(language_model=ADD_ONE, temperature=1.0, tokenizer="space").fit(texts, labels)
    assert model.predict(["</s>"]).tolist() == ["g"]
    assert np.isfinite(model.predict_proba(["<s> </s> <unk>"])).all()


@pytest.mark.slow
def test_neural_language_models() -> None:
    lstm = LSTM(embedding=8, hidden=8, epochs=3, batch=4, bptt=6, lr=0.01)
    model = LMClassifier(language_model=lstm).fit(TEXTS, LABELS, valid=(TEXTS[:6], LABELS[:6]))
    assert not lstm.is_fitted
    assert model.models_[0].vocabulary_.words == model.vocabulary_.words
    np.testing.assert_allclose(model.predict_proba(NEW).sum(axis=1), 1)
    named = LMClassifier(language_model="ngram", temperature=1.0).fit(TEXTS, LABELS)
    assert named.fit_report_["language_model"] == "ngram"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"language_model": NGram(order=1).fit([["a"]])}, "this ngram is fitted already; pass an unfitted one"),
        ({"language_model": NGram(smoothing="stupid-backoff")}, "are not probabilities"),
        ({"language_model": "nbsvm"}, "language_model=nbsvm is a classifier"),
        ({"language_model": OwnWords()}, "has a vocabulary of its own"),
        ({"priors": (1.0, 1.0, 1.0)}, "3 priors for 2 classes"),
        ({"priors": "even"}, "priors must be training or uniform, or one number per class, not 'even'"),
        ({"temperature": 2.0, "folds": 3}, "folds=3 has no effect: it needs temperature=none"),
    ],
)
def test_options_that_do_not_fit(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        LMClassifier(**settings).fit(TEXTS, LABELS)


def test_damaged_folders_are_refused() -> None:
    model = LMClassifier(language_model=ADD_ONE, temperature=1.0).fit(TEXTS, LABELS)
    state = model.fitted_state()

    def restored(arrays: Any = None, members: Any = None) -> None:
        copy = LMClassifier(language_model=ADD_ONE, temperature=1.0)
        copy.pipeline_, copy.vocabulary_ = model.pipeline_, model.vocabulary_
        copy.restore(
            type(state)({**state.arrays, **(arrays or {})}, state.metadata, {**state.members, **(members or {})})
        )

    restored()
    with pytest.raises(SavedModelError, match="contains NaN"):
        restored(arrays={"log_priors": np.array([0.0, np.nan])})
    with pytest.raises(SavedModelError, match="temperature is not a positive number"):
        restored(arrays={"temperature": np.zeros(1)})
    with pytest.raises(SavedModelError, match="language model of class 2 is missing"):
        restored(members={"models_.1": NGram(order=1).fit([["a"]])})


@pytest.mark.parametrize(
    ("options", "valid", "fits"), [({"folds": 2}, False, 6), ({"folds": 2}, True, 2), ({"temperature": 1.0}, False, 2)]
)
def test_a_budget_is_shared_by_all_fits(
    options: dict[str, Any], valid: bool, fits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float | None] = []
    fit = NGram.fit

    def noted(self: NGram, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> NGram:
        assert run is not None
        seen.append(run.budget_seconds)
        return fit(self, data, valid=valid)

    monkeypatch.setattr(NGram, "fit", noted)
    held_out = (TEXTS, LABELS) if valid else None
    model = LMClassifier(language_model=NGram(order=1), **options)
    model.fit(TEXTS, LABELS, valid=held_out, run=RunOptions(budget_seconds=60))
    assert seen == [60 / fits] * fits
