"""``ensemble-tagger``: products of taggers, against enumeration of all tag sequences by each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nlmkit
from nlmkit import BiLSTMTagger, CRFTagger, EnsembleTagger, HMMTagger, TfidfLogReg
from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.taggers.combined.members import Factors
from nlmkit.taggers.combined.weighting import HeldOut
from nlmkit.testing import tagged_data
from nlmkit.text.tagged import TaggedSentences

CRF, HMM = CRFTagger(iterations=10), HMMTagger(order=2)
SMALL: dict[str, Any] = {"embedding": 4, "character_maps": 3, "hidden": 4, "epochs": 1, "batch": 16}
WORDS, TAGS = tagged_data.train()
QUESTIONS = [words[:3] for words in tagged_data.test()][:8]


def sequences(tagger: Any, words: list[str]) -> dict[tuple[str, ...], float]:
    """The log-probability of every legal tag sequence of a sentence."""
    return {tuple(tags): score for score, tags in tagger.n_best([words], 100_000)[0]}


def by_hand(taggers: list[Any], weights: Any, words: list[str]) -> dict[tuple[str, ...], float]:
    """The log-probabilities of the product of taggers."""
    each = [sequences(tagger, words) for tagger in taggers]
    scores = {
        tags: sum(weight * own[tags] for weight, own in zip(weights, each, strict=True))
        for tags in each[0]
        if all(tags in own for own in each)
    }
    total = np.logaddexp.reduce([*scores.values()])
    return {tags: score - total for tags, score in scores.items()}


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_are_the_weighted_product(order: int) -> None:
    hmm = HMMTagger(order=order, word_order=1)
    ensemble = EnsembleTagger(models=(CRF, hmm), weights=(0.75, 0.5)).fit(WORDS, TAGS)
    alone: list[Any] = [
        CRFTagger(iterations=10).fit(WORDS, TAGS),
        HMMTagger(order=order, word_order=1).fit(WORDS, TAGS),
    ]
    compared = 0
    for words in QUESTIONS:
        expected, found = by_hand(alone, (0.75, 0.5), words), sequences(ensemble, words)
        assert np.exp([*found.values()]).sum() == pytest.approx(1)
        # What the HMM rules out for a known word has a little probability in the product.
        assert {tags for tags, score in found.items() if score > -12} <= {*expected}
        for tags, score in expected.items():
            assert found[tags] == pytest.approx(score, abs=1e-4)
            compared += 1
        best = max(found, key=lambda tags: found[tags])
        assert ensemble.predict([words])[0] == [*best]
    assert compared > 20
    assert not CRF.is_fitted


def test_marginals_and_spans_are_those_of_the_product() -> None:
    ensemble = EnsembleTagger(models=(CRF, HMM)).fit(WORDS, TAGS)
    assert ensemble.fit_report_["weights_from"] == "equal"
    assert ensemble.weights_.tolist() == [0.5, 0.5]
    words = QUESTIONS[0]
    shares = np.zeros((len(words), len(ensemble.tags_)))
    best = {tuple(ids): score for score, ids in ensemble.best(ensemble.encode([words]), 100_000)[0]}
    for ids, score in best.items():
        shares[np.arange(len(words)), list(ids)] += np.exp(score)
    np.testing.assert_allclose(ensemble.predict_marginals([words])[0], shares, atol=1e-9)
    for span, probability in ensemble.predict_spans([words])[0]:
        assert 0 < probability <= 1, span


def test_weights_are_the_best_of_the_held_out_sentences() -> None:
    valid = tagged_data.other()  # on which both models are unsure
    ensemble = EnsembleTagger(models=(CRF, HMM)).fit(WORDS, TAGS, valid=valid)
    report = ensemble.fit_report_
    assert report["weights_from"] == "validation"
    assert report["loss_together"] <= min(report["loss_alone"])
    own: Any = [group[0] for group in ensemble.models_]
    known = {tag for tags in TAGS for tag in tags}
    usable = [place for place, tags in enumerate(valid[1]) if {*tags} <= known]
    assert report["held_out_sentences"] == len(usable) > 5

    # The loss is −ln p of the right sequences, here from the definition for short sentences.
    short = [place for place in usable if len(valid[0][place]) <= 4][:3] or usable[:1]
    data = TaggedSentences([valid[0][place] for place in short], [valid[1][place] for place in short])
    scored = HeldOut.of(
        Factors.of([(model,) for model in own], ensemble.tags_), in_tags(ensemble, data), ensemble.legal()
    )
    expected = np.mean([-sequences(ensemble, words)[tuple(tags)] for words, tags in zip(*lists(data), strict=True)])
    assert scored.loss(ensemble.weights_) == pytest.approx(expected, abs=1e-6)

    whole = TaggedSentences(*valid)
    scored = HeldOut.of(
        Factors.of([(model,) for model in own], ensemble.tags_), in_tags(ensemble, whole), ensemble.legal()
    )
    best = scored.loss(ensemble.weights_) + ((ensemble.weights_ - 0.5) ** 2).sum() / scored.sentences
    for step in ([0.02, 0], [-0.02, 0], [0, 0.02], [0, -0.02]):
        moved = np.maximum(ensemble.weights_ + step, 0)
        assert scored.loss(moved) + ((moved - 0.5) ** 2).sum() / scored.sentences >= best - 1e-6


def in_tags(tagger: Any, data: TaggedSentences) -> TaggedSentences:
    """Sentences with the inner tags of a tagger, by its numbers."""
    from nlmkit.taggers.tag_sets import numbered

    return numbered(data.in_scheme(tagger.inner_scheme_)[0], tagger.tags_, tagger.inner_scheme_)


def lists(data: TaggedSentences) -> tuple[list[list[str]], list[list[str]]]:
    return data.token_lists(), data.tag_lists()


def test_fitted_models_are_used_unchanged(tmp_path: Path) -> None:
    one, two = CRFTagger(iterations=10).fit(WORDS, TAGS), HMMTagger(order=2).fit(WORDS, TAGS)
    one.save(tmp_path / "one")
    few = WORDS[40:46], TAGS[40:46]  # lacks some tags, which the models know
    ensemble = EnsembleTagger(models=(str(tmp_path / "one"), two)).fit(*few)
    assert ensemble.tags_ == one.tags_
    assert ensemble.known_words_ == one.known_words_
    assert ensemble.fit_report_["weights_from"] == "validation"
    assert ensemble.models_[1] == (two,)
    found = sequences(ensemble, QUESTIONS[1])
    for tags, score in by_hand([one, two], ensemble.weights_, QUESTIONS[1]).items():
        assert found[tags] == pytest.approx(score, abs=1e-4)
    ensemble.save(tmp_path / "both")
    loaded: Any = nlmkit.load(tmp_path / "both")
    assert loaded.digest == ensemble.digest
    assert loaded.predict(QUESTIONS) == ensemble.predict(QUESTIONS)
    np.testing.assert_array_equal(loaded.predict_marginals(QUESTIONS)[0], ensemble.predict_marginals(QUESTIONS)[0])


def test_tags_in_another_order_are_put_in_order() -> None:
    backwards = WORDS[::-1], TAGS[::-1]
    one, two = CRFTagger(iterations=10).fit(WORDS, TAGS), CRFTagger(iterations=10).fit(*backwards)
    assert one.tags_ != two.tags_
    ensemble = EnsembleTagger(models=(one, two), weights=(0.5, 0.5)).fit(WORDS, TAGS)
    alone: Any = EnsembleTagger(models=(one, one), weights=(0.5, 0.5)).fit(WORDS, TAGS)
    for words in QUESTIONS:
        found, expected = sequences(ensemble, words), sequences(alone, words)
        best = max(expected, key=lambda tags: expected[tags])
        assert found[best] == pytest.approx(expected[best], abs=0.05)  # both fits end near the same optimum


def test_seeds_of_a_neural_model_are_averaged(tmp_path: Path) -> None:
    ensemble = EnsembleTagger(models=(BiLSTMTagger(**SMALL, seed=4), HMM), seeds=2, weights=(1.0, 0.0))
    ensemble.fit(WORDS, TAGS)
    assert ensemble.fit_report_["fits"] == [2, 1]
    alone: Any = [BiLSTMTagger(**SMALL, seed=seed).fit(WORDS, TAGS) for seed in (4, 5)]
    for words in QUESTIONS[:2]:
        found = sequences(ensemble, words)
        for tags, score in by_hand(alone, (0.5, 0.5), words).items():
            assert found[tags] == pytest.approx(score, abs=1e-4)
    ensemble.save(tmp_path / "model")
    loaded: Any = nlmkit.load(tmp_path / "model")
    assert [len(group) for group in loaded.models_] == [2, 1]
    assert loaded.predict(QUESTIONS) == ensemble.predict(QUESTIONS)


def test_feature_columns_go_to_the_models_that_read_them() -> None:
    column = [["x" if word.istitle() else "y" for word in words] for words in WORDS]
    data = TaggedSentences(WORDS, TAGS, features=[column], feature_names=["case"])

    class Narrow(CRFTagger):
        takes_features = False
        name = "narrow"

    ensemble = EnsembleTagger(models=(Narrow(iterations=5), HMM)).fit(data)
    assert [group[0].feature_names_ for group in ensemble.models_] == [(), ("case",)]
    assert len(ensemble.predict(data)) == len(WORDS)
    without = TaggedSentences(WORDS, TAGS)
    fitted = HMMTagger(order=2).fit(data)
    with pytest.raises(HyperParameterError, match=r"model 2 \(hmm-tagger\) reads the feature columns case"):
        EnsembleTagger(models=(CRF, fitted)).fit(without)


def test_minimum_bayes_risk_needs_pairs_of_tags() -> None:
    ensemble = EnsembleTagger(models=(CRF, HMM), decoding="mbr").fit(WORDS, TAGS)
    assert len(ensemble.predict(QUESTIONS)) == len(QUESTIONS)
    with pytest.raises(HyperParameterError, match="order=2"):
        EnsembleTagger(models=(CRF, HMMTagger(order=3)), decoding="mbr").fit(WORDS, TAGS)


def test_unseen_tags_are_left_out_of_the_weights() -> None:
    valid = WORDS[:3], [[tag if tag == "O" else f"{tag[:2]}NEW" for tag in tags] for tags in TAGS[:3]]
    ensemble = EnsembleTagger(models=(CRF, HMM)).fit(WORDS, TAGS, valid=valid)
    assert ensemble.weights_.tolist() == [0.5, 0.5]
    assert "every held-out sentence has a tag unseen in training" in " ".join(ensemble.fit_report_["notes"])


OTHERS = [["X" for _ in words] for words in WORDS]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "needs two or more models, or one neural model and seeds=2"),
        ({"models": (CRF,)}, "needs two or more models"),
        ({"models": (CRF, HMM), "seeds": 2}, "seeds=2 has no effect"),
        ({"models": (CRF, HMM), "weights": (1.0,)}, "1 weights for 2 models"),
        ({"models": (CRF, HMM), "weights": (0.0, 0.0)}, "all weights are 0"),
        ({"models": (CRF, HMM), "weights": "some"}, "weights must be auto, validation, equal"),
        ({"models": (CRF, HMM), "weights": "validation"}, "needs validation sentences: add --valid FILE"),
        (
            {"models": (CRF, HMMTagger(unicode_form=None))},
            r"model 2 \(hmm-tagger\) looks words up in the Unicode form None",
        ),
        ({"models": (CRF, HMMTagger(scheme="IOB2"))}, "set the scheme of the ensemble instead"),
        ({"models": (CRF, HMMTagger(order=1).fit(WORDS, OTHERS))}, r"model 2 \(hmm-tagger\) has the tags X, and"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_that_do_not_fit_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(HyperParameterError, match=problem):
        EnsembleTagger(**settings).fit(WORDS, TAGS)


def test_other_models_are_refused(tmp_path: Path) -> None:
    TfidfLogReg().fit(["a b", "c d"], ["x", "y"]).save(tmp_path / "other")
    with pytest.raises(HyperParameterError, match=r"is a classifier \(tfidf-logreg\); expected a tagger"):
        EnsembleTagger(models=(CRF, str(tmp_path / "other"))).fit(WORDS, TAGS)
    with pytest.raises(SavedModelError):
        EnsembleTagger(models=(CRF, str(tmp_path / "nothing"))).fit(WORDS, TAGS)


def test_damage_is_reported(tmp_path: Path) -> None:
    ensemble = EnsembleTagger(models=(CRF, HMM)).fit(WORDS, TAGS)
    state = ensemble.fitted_state()
    for change in ({"versions": None}, {"versions": [1]}):
        damaged = type(state)(state.arrays, {**state.metadata, **change}, state.members)
        with pytest.raises(SavedModelError, match="number of its models"):
            fresh(ensemble).restore(damaged)
    with pytest.raises(SavedModelError, match="not weights"):
        fresh(ensemble).restore(
            type(state)({**state.arrays, "weights": np.array([-1.0, 2.0])}, state.metadata, state.members)
        )
    with pytest.raises(SavedModelError, match="its model 1 is missing"):
        fresh(ensemble).restore(type(state)(state.arrays, state.metadata, {}))


def fresh(ensemble: EnsembleTagger) -> EnsembleTagger:
    made = EnsembleTagger(**ensemble.get_params(deep=False))
    made.pipeline_ = ensemble.pipeline_
    return made
