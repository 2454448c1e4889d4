"""The mixture: its arithmetic, its weights, what it refuses, and its saved form."""

from __future__ import annotations

import itertools
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import language_models as toy_models
from toys.language_models import Bigram, Uniform
from toys.plugin_packages import write_package

from nlmkit.core.storage import describe, load
from nlmkit.errors import DataError, HyperParameterError, NotFittedError, NotNormalizedError, SavedModelError
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.combined.cache import Cache
from nlmkit.language_models.combined.mixture import Mixture
from nlmkit.language_models.ngram.model import NGram
from nlmkit.saving import load_folder, save_folder
from nlmkit.testing import conformance
from nlmkit.text import Corpus, TextPipeline

TRAIN = ["a b a c", "b a", "", "c a a b", "b b"]
OTHER_ORDER = ["c b", "a b a", "b", "c a a c b"]
"""The same words, which appear in another order."""
VALID = ["a b", "c a b a", ""]
TEST = ["b a c", "", "a z b", "c"]

test_mixture_conforms = pytest.mark.slow(
    conformance(
        Mixture(models=(NGram(order=2), NGram(order=3, smoothing="witten-bell"))),
        Mixture(
            models=(NGram(order=1), NGram(order=2), Cache(model=NGram(order=1), window=5)), weights=(0.5, 0.3, 0.2)
        ),
        tolerance=0,
        sum_tolerance=1e-12,
    )
)


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("toys")
    write_package(folder, "toy-models", groups=toy_models.GROUPS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


def three() -> tuple[LanguageModel, ...]:
    return Bigram(alpha=0.1).fit(TRAIN), Uniform().fit(OTHER_ORDER), Bigram(alpha=0.5).fit(OTHER_ORDER)


# ------------------------------------------------------------------------------------------------ arithmetic


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_log_probs_are_those_of_the_interpolated_probabilities(context: Any) -> None:
    models = three()
    weights = (0.5, 0.2, 0.3)
    mixture = Mixture(models=models, weights=weights).fit()
    rows = [model.log_probs(TEST, context=context) for model in models]
    expected = [
        math.log(math.fsum(weight * math.exp(value) for weight, value in zip(weights, event, strict=True)))
        for event in zip(*rows, strict=True)
    ]
    found = mixture.log_probs(TEST, context=context)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
    assert len({*np.round(rows[0] - rows[2], 9)}) > 3  # the models do differ


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_batch_distributions_and_state_machine_are_equal(context: Any) -> None:
    mixture = Mixture(models=three()).fit(valid=VALID)
    found = mixture.log_probs(TEST, context=context)
    np.testing.assert_array_equal(LanguageModel.log_probs(mixture, TEST, context=context), found)
    chunks = list(mixture.distributions(TEST, context=context))
    assert [len(chunk) for chunk in chunks] == [4, 1, 4, 2]
    rows = np.concatenate(chunks)
    np.testing.assert_array_equal(np.concatenate([*LanguageModel.distributions(mixture, TEST, context=context)]), rows)
    events = mixture.encode(TEST).event_ids(mixture.vocabulary_)
    np.testing.assert_array_equal(rows[np.arange(len(rows)), events], found)
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1, rtol=1e-13)
    assert (rows[:, 1] == -np.inf).all()


def test_words_may_have_other_ids_in_other_models() -> None:
    one, two = Bigram().fit(TRAIN), Bigram(alpha=0.3).fit(OTHER_ORDER)
    assert one.vocabulary_.words != two.vocabulary_.words
    mixture = Mixture(models=(one, two), weights=(0, 1)).fit()
    assert mixture.vocabulary_ == one.vocabulary_
    np.testing.assert_array_equal(mixture.log_probs(TEST, context="stream"), two.log_probs(TEST, context="stream"))
    state, own = mixture.start(), two.start()
    for word in ("c", "a", "b"):
        row, expected = mixture.next_log_probs(state), two.next_log_probs(own)
        for each in mixture.vocabulary_.words:
            assert row[mixture.vocabulary_.id(each)] == expected[two.vocabulary_.id(each)]
        state = mixture.advance(state, mixture.vocabulary_.id(word))
        own = two.advance(own, two.vocabulary_.id(word))
    assert state[1] == own


def test_states_are_the_models_states() -> None:
    models = three()
    mixture = Mixture(models=models, weights=(0.2, 0.3, 0.5)).fit()
    a = mixture.vocabulary_.id("a")
    state = mixture.advance(mixture.start(), a)
    assert state == (a, 0, models[2].vocabulary_.id("a"))
    assert hash(state) == hash(mixture.advance(mixture.start(), a))
    assert mixture.restart(state) == mixture.start()


def test_zero_probabilities_are_no_trouble() -> None:
    certain, other = NGram(order=3, smoothing="mle").fit(TRAIN), NGram(order=1, smoothing="mle").fit(TRAIN)
    mixture = Mixture(models=(certain, other), weights=(0.9, 0.1)).fit()
    rows = np.concatenate([*mixture.distributions(TRAIN)])
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1, rtol=1e-13)
    assert not np.isnan(rows).any()
    assert mixture.perplexity(["z"]) == math.inf
    np.testing.assert_array_equal(mixture.log_probs(["z a"]), LanguageModel.log_probs(mixture, ["z a"]))


# ------------------------------------------------------------------------------------------------ weights


def test_weights_are_the_best_on_the_validation_text() -> None:
    models = three()
    mixture = Mixture(models=models).fit(valid=VALID)
    assert mixture.weights_.sum() == pytest.approx(1, abs=1e-15)
    best = mixture.perplexity(VALID)
    assert mixture.fit_report_["validation_perplexity"] == pytest.approx(best, rel=1e-12)
    assert mixture.fit_report_["validation_perplexity_alone"] == [m.perplexity(VALID) for m in models]
    assert best <= min(model.perplexity(VALID) for model in models)
    steps = range(0, 11)
    for i, j in itertools.product(steps, steps):
        if i + j <= 10:
            other = Mixture(models=models, weights=(i / 10, j / 10, (10 - i - j) / 10)).fit()
            assert other.perplexity(VALID) >= best * (1 - 1e-8)
    assert mixture.weights is None  # the hyper-parameter stays as it was


def test_the_context_of_the_weights_is_an_option() -> None:
    models = Bigram(alpha=0.01).fit(TRAIN), Uniform().fit(TRAIN)
    found = {}
    for context in ("sentence", "stream"):
        mixture = Mixture(models=models, context=context).fit(valid=VALID)
        found[context] = mixture.weights_[0]
        reported = mixture.fit_report_["validation_perplexity"]
        assert reported == pytest.approx(mixture.perplexity(VALID, context=context), rel=1e-12)
    assert found["sentence"] != found["stream"]


def test_given_weights_need_no_validation_text_and_are_kept() -> None:
    models = three()
    mixture = Mixture(models=models, weights=[0.25, 0.25, 0.5]).fit()
    assert mixture.weights == (0.25, 0.25, 0.5)
    np.testing.assert_array_equal(mixture.weights_, [0.25, 0.25, 0.5])
    assert mixture.fit_report_ == {
        "models": ["toy-bigram", "toy-uniform", "toy-bigram"],
        "weights": [0.25, 0.25, 0.5],
        "notes": [],
    }
    again = Mixture(models=models, weights=(0.25, 0.25, 0.5)).fit(valid=VALID)
    assert again.fit_report_["validation_perplexity"] == pytest.approx(mixture.perplexity(VALID), rel=1e-12)


def test_notes_tell_of_impossible_events_and_useless_models() -> None:
    one, two = NGram(order=1, smoothing="mle").fit(TRAIN), NGram(order=2, smoothing="mle").fit(TRAIN)
    mixture = Mixture(models=(one, two)).fit(valid=["z", "a b"])
    assert mixture.fit_report_["notes"][0] == "1 validation events have probability zero under every model"
    assert mixture.fit_report_["validation_perplexity"] is None
    json.dumps(mixture.fit_report_, allow_nan=False)
    useless = Mixture(models=(Bigram(alpha=0.001).fit(TRAIN), Uniform().fit(TRAIN))).fit(valid=TRAIN[:1] * 50)
    assert useless.fit_report_["notes"] == ["model 2 (toy-uniform) gets next to no weight"]


# ------------------------------------------------------------------------------------------------ models to fit


def test_models_that_are_not_fitted_are_copied_and_fitted() -> None:
    given = NGram(order=2), NGram(order=1, smoothing="jelinek-mercer")
    mixture = Mixture(models=given).fit(iter(TRAIN), valid=iter(VALID))
    assert mixture.models is given
    assert not any(model.is_fitted for model in given)
    alone = [NGram(order=2).fit(TRAIN, valid=VALID), NGram(order=1, smoothing="jelinek-mercer").fit(TRAIN, valid=VALID)]
    assert [model.digest for model in mixture.models_] == [model.digest for model in alone]
    assert mixture.digest != Mixture(models=tuple(alone)).fit(valid=VALID).digest


def test_a_fitted_model_among_them_is_taken_as_it_is() -> None:
    ready = Bigram().fit(TRAIN)
    mixture = Mixture(models=(ready, NGram(order=2))).fit(OTHER_ORDER, valid=VALID)
    assert mixture.models_[0] is ready
    assert mixture.models_[1].digest == NGram(order=2).fit(OTHER_ORDER, valid=VALID).digest


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (lambda: Mixture(), {"valid": VALID}, "a mixture requires at least two models, not 0 (--model PATH)"),
        (
            lambda: Mixture(models=three()[:1]),
            {"valid": VALID},
            "a mixture requires at least two models, not 1 (--model PATH)",
        ),
        (lambda: Mixture(models=three()), {}, "weights requires validation text: add --valid FILE, or set the weights"),
        (lambda: Mixture(models=three(), weights=(0.5, 0.5)), {}, "2 weights for 3 models"),
        (lambda: Mixture(models=three(), weights=(0.5, 0.5, 0.1)), {}, "the weights sum to 1.1, not to 1"),
        (
            lambda: Mixture(models=(NGram(), Bigram())),
            {"valid": VALID},
            "ngram, toy-bigram is not fitted: give training",
        ),
        (lambda: Mixture(models=three()), {"data": TRAIN, "valid": VALID}, "every model is fitted already"),
        (
            lambda: Mixture(models=(Bigram().fit(TRAIN), Uniform().fit(["a b"]))),
            {"valid": VALID},
            "model 1 (toy-bigram) and model 2 (toy-uniform) have different vocabularies (5 types",
        ),
        (
            lambda: Mixture(
                models=(Bigram().fit(TRAIN), Bigram().fit(Corpus.read(TRAIN, TextPipeline(lowercase=True))))
            ),
            {"valid": VALID},
            "have different tokenizations (tok:space|lc:no|nf:none, tok:space|lc:yes|nf:none)",
        ),
    ],
)
def test_what_makes_no_mixture_is_refused(make: Any, arguments: dict[str, Any], message: str) -> None:
    mixture = make()
    with pytest.raises(HyperParameterError) as caught:
        mixture.fit(**arguments)
    assert message in str(caught.value)
    assert not mixture.is_fitted
    with pytest.raises(NotFittedError):
        mixture.log_probs(TEST)


def test_the_vocabularies_are_named_by_their_digests() -> None:
    one, two = Bigram().fit(TRAIN), Uniform().fit(["a b"])
    with pytest.raises(HyperParameterError) as caught:
        Mixture(models=(one, two), weights=(0.5, 0.5)).fit()
    assert f"5 types {one.vocabulary_.digest}, 4 types {two.vocabulary_.digest}" in str(caught.value)


def test_a_scorer_that_is_no_distribution_is_refused() -> None:
    for scorer in (NGram(smoothing="stupid-backoff"), NGram(smoothing="stupid-backoff").fit(TRAIN)):
        with pytest.raises(NotNormalizedError, match=r"model 2, ngram, returns scores that are not probabilities"):
            Mixture(models=(Bigram().fit(TRAIN), scorer), weights=(0.5, 0.5)).fit()


def test_validation_text_without_events_is_refused() -> None:
    with pytest.raises(DataError, match="the validation text has no event"):
        Mixture(models=three()).fit(valid=[])


@pytest.mark.parametrize("weights", [(-0.5, 1.5), (0.5, math.nan), "half"])
def test_wrong_weights_are_refused_when_set(weights: Any) -> None:
    with pytest.raises(HyperParameterError, match="weights must be"):
        Mixture(weights=weights)


def test_another_decoding_of_bytes_is_no_other_reading_of_text(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("é b\nb\n".encode("latin-1"))
    one = Bigram().fit(Corpus.read(tmp_path / "latin.txt", TextPipeline(encoding="latin-1")))
    two = NGram(order=1).fit(["é b", "b"])
    mixture = Mixture(models=(one, two)).fit(valid=tmp_path / "latin.txt")
    assert mixture.pipeline_.encoding == "latin-1"
    found = mixture.log_probs(tmp_path / "latin.txt")
    np.testing.assert_array_equal(found, mixture.log_probs([["é", "b"], ["b"]]))
    assert len(next(iter(mixture.distributions(tmp_path / "latin.txt")))) == 3


# ------------------------------------------------------------------------------------------------ reports


def test_the_report_says_what_is_mixed() -> None:
    mixture = Mixture(models=three(), weights=(0.5, 0.125, 0.375)).fit()
    report = mixture.report(TEST)
    assert report.labels == {"mix": "0.5000*toy-bigram+0.1250*toy-uniform+0.3750*toy-bigram"}
    assert "|adapt:no|mix:0.5000*toy-bigram+0.1250*toy-uniform+0.3750*toy-bigram|V:" in report.signature
    assert report.component == "mixture"
    assert not report.adapted
    assert mixture.unknown_rule == "uniform-share"
    trained = Bigram().fit([*TRAIN, "<unk>"])
    assert (
        Mixture(models=(trained, mixture.models_[0]), weights=(0.5, 0.5)).fit().unknown_rule == "trained+uniform-share"
    )


def test_a_model_that_adapts_makes_the_mixture_adapt() -> None:
    base = Bigram().fit(TRAIN)
    caches = [Cache(model=base, weight=0.1, decay=decay, window=3).fit() for decay in (1.0, 0.5)]
    one = Mixture(models=(base, caches[0]), weights=(0.5, 0.5)).fit()
    assert one.adapts_to_test_text
    assert one.report(TEST).labels["cache"] == "unigram,window=3,weight=0.1,decay=1"
    assert "|adapt:yes|" in one.report(TEST).signature
    both = Mixture(models=(caches[0], one, caches[1]), weights=(0.5, 0.25, 0.25)).fit()
    assert list(both.report(TEST).labels) == ["mix", "cache.1", "mix.2", "cache.2", "cache.3"]
    for context in ("sentence", "stream"):
        found = both.log_probs(TEST, context=context)  # type: ignore[arg-type]
        np.testing.assert_array_equal(LanguageModel.log_probs(both, TEST, context=context), found)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ saving


@pytest.mark.parametrize("fitted_by", ["hand", "mixture"])
def test_a_saved_mixture_is_its_folder_alone(tmp_path: Path, fitted_by: str) -> None:
    models: tuple[LanguageModel, ...] = NGram(order=3), NGram(order=1)
    if fitted_by == "hand":
        for number, model in enumerate(models):
            model.fit(TRAIN).save(tmp_path / str(number))
        models = tuple(load(tmp_path / str(number)) for number in range(2))  # type: ignore[misc]
        mixture = Mixture(models=models).fit(valid=VALID)
    else:
        mixture = Mixture(models=models).fit(TRAIN, valid=VALID)
    mixture.save(tmp_path / "mixture")
    for number in range(2):
        shutil.rmtree(tmp_path / str(number), ignore_errors=True)
    shutil.move(tmp_path / "mixture", tmp_path / "moved")
    loaded = load(tmp_path / "moved")
    assert isinstance(loaded, Mixture)
    assert loaded == mixture
    assert [model.is_fitted for model in loaded.models] == [fitted_by == "hand"] * 2
    assert loaded.digest == mixture.digest == describe(tmp_path / "moved")["digest"]
    assert loaded.report(TEST) == mixture.report(TEST)
    assert loaded.fit_report_ == mixture.fit_report_
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (tmp_path / "moved" / "manifest.json").read_bytes()
    if fitted_by == "hand":
        loaded.set_params(weights=(0.5, 0.5)).fit()
        assert loaded.log_probs(TEST) is not None
    else:
        assert loaded.fit(TRAIN, valid=VALID).digest == mixture.digest


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    Mixture(models=(NGram(order=2).fit(TRAIN), NGram(order=1))).fit(TRAIN, valid=VALID).save(tmp_path / "model")
    return tmp_path / "model"


def set_weights(*values: float) -> Any:
    return lambda manifest, arrays: arrays.update(weights=np.array(values))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_weights(0.5, 0.6), "its weights do not sum to one"),
        (set_weights(-0.5, 1.5), "its weights do not sum to one"),
        (set_weights(math.nan, 1.0), "its weights do not sum to one"),
        (set_weights(0.5, 0.25, 0.25), "array 'weights' has shape [3], expected [2]"),
        (lambda m, a: m["metadata"].pop("fit_report"), "fit_report is missing from its metadata"),
        (lambda m, a: m["members"]["models.0"].update(pipeline=TextPipeline(lowercase=True).to_dict()), "differently"),
        (
            lambda m, a: m["pipeline"].update(lowercase=True),
            "the saved model is damaged: its vocabulary or text pipeline differs from that of its first model",
        ),
    ],
)
def test_a_damaged_mixture_is_refused(saved: Path, change: Any, message: str) -> None:
    found = load_folder(saved)
    arrays = {name: np.array(array) for name, array in found.arrays.items()}
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format_version", "payloads")}
    change(manifest, arrays)
    save_folder(saved, manifest, arrays=arrays, vocabulary=found.vocabulary)
    with pytest.raises(SavedModelError) as caught:
        load(saved)
    assert message in str(caught.value)
    assert str(saved) in str(caught.value)


def test_a_model_that_fit_made_and_is_gone_is_missed(saved: Path) -> None:
    found = load_folder(saved)
    arrays = {name: array for name, array in found.arrays.items() if not name.startswith("members/models_.1/")}
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format_version", "payloads")}
    del manifest["members"]["models_.1"]
    save_folder(saved, manifest, arrays=arrays, vocabulary=found.vocabulary)
    with pytest.raises(SavedModelError, match="one of its models is missing"):
        load(saved)


def test_real_text_gains_from_a_mixture(shared_data: Path) -> None:
    lines = (shared_data / "ptb" / "train.txt").read_text(encoding="utf-8").splitlines()[:4000]
    valid = (shared_data / "ptb" / "valid.txt").read_text(encoding="utf-8").splitlines()[:500]
    models = tuple(NGram(order=3, smoothing=name).fit(lines) for name in ("modified-kneser-ney", "katz"))
    mixture = Mixture(models=models).fit(valid=valid)
    alone = [model.perplexity(valid) for model in models]
    assert mixture.perplexity(valid) <= min(alone)
    assert mixture.fit_report_["validation_perplexity"] == pytest.approx(mixture.perplexity(valid), rel=1e-12)
