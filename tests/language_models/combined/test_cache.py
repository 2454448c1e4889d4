"""The caches: their arithmetic, what is fitted on validation text, what is refused, and their saved form."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import language_models as toy_models
from toys import recurrent as toy_recurrent
from toys.language_models import Bigram
from toys.plugin_packages import write_package
from toys.recurrent import ByArray, Recurrent

from nlmkit.core.storage import load
from nlmkit.errors import DataError, HyperParameterError, NotFittedError, NotNormalizedError, SavedModelError
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.combined.cache import HALF_LIVES, THETAS, Cache, CacheState
from nlmkit.language_models.combined.mixture import Mixture
from nlmkit.language_models.ngram.model import NGram
from nlmkit.saving import load_folder, save_folder
from nlmkit.testing import conformance
from nlmkit.text import BOS_ID, Corpus

pytestmark = pytest.mark.slow

TRAIN = ["a b a c", "b a", "", "c a a b", "b b"]
VALID = ["a b", "c c c b a", "", "c c", "b c"]
TEST = ["b a c", "", "a z b", "c c a"]

test_unigram_cache_conforms = conformance(
    Cache(model=NGram(order=2)),
    Cache(model=NGram(order=3), window=4, decay=1.0),
    Cache(model=Mixture(models=(NGram(order=1), NGram(order=2))), weight=0.2, decay=0.9),
    tolerance=0,
    sum_tolerance=1e-12,
)
test_neural_cache_conforms = conformance(Cache(model=Recurrent(units=3), method="neural", window=20))


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (toy_models, toy_recurrent):
            folder = tmp_path_factory.mktemp(module.__name__)
            write_package(folder, module.__name__.replace("_", "-"), groups=module.GROUPS)
            patch.syspath_prepend(str(folder))
        yield


def by_hand(cache: Cache, text: list[str], context: str, rate: float) -> list[float]:
    """Log-probabilities of ``text``, from the model's and a list of what was read before."""
    model = cache.model_
    corpus = model.encode(text)
    ids = corpus.event_ids(model.vocabulary_).tolist()
    alone = model.log_probs(text, context=context)  # type: ignore[arg-type]
    hidden: Any = None
    if cache.method == "neural":
        hidden = np.concatenate([*model.hidden_states(text, context=context)])  # type: ignore[attr-defined]
    values = []
    for at, word_id in enumerate(ids):
        past = range(max(0, at - cache.window), at)
        if cache.method == "unigram":
            weights = [rate ** (at - 1 - i) for i in past]
        else:
            weights = [math.exp(rate * float(np.dot(hidden[at].astype(float), hidden[i].astype(float)))) for i in past]
        share = math.fsum(w for w, i in zip(weights, past, strict=True) if ids[i] == word_id)
        probability = math.exp(alone[at])
        if past:
            probability = (1 - cache.weight_) * probability + cache.weight_ * share / math.fsum(weights)
        values.append(math.log(probability))
    return values


CACHES = [
    pytest.param(lambda: Cache(model=Bigram(alpha=0.1).fit(TRAIN), weight=0.3, decay=1.0, window=4), 1.0, id="plain"),
    pytest.param(lambda: Cache(model=Bigram(alpha=0.1).fit(TRAIN), weight=0.3, decay=0.8), 0.8, id="decayed"),
    pytest.param(
        lambda: Cache(model=Recurrent().fit(TRAIN), method="neural", weight=0.25, theta=0.6, window=5), 0.6, id="neural"
    ),
    pytest.param(lambda: Cache(model=ByArray().fit(TRAIN), method="neural", weight=0.25, theta=0), 0.0, id="theta=0"),
]


@pytest.mark.parametrize(("make", "rate"), CACHES)
@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_log_probs_are_those_of_the_formula(make: Any, rate: float, context: Any) -> None:
    cache = make().fit()
    found = cache.log_probs(TEST, context=context)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, by_hand(cache, TEST, context, rate), rtol=0, atol=1e-6)
    if cache.method == "unigram":
        np.testing.assert_allclose(found, by_hand(cache, TEST, context, rate), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("make", "rate"), CACHES)
@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_batch_distributions_and_state_machine_agree(make: Any, rate: float, context: Any) -> None:
    cache = make().fit()
    found = cache.log_probs(TEST, context=context)
    tolerance = 0 if cache.method == "unigram" else 1e-12
    machine = LanguageModel.log_probs(cache, TEST, context=context)
    np.testing.assert_allclose(machine, found, rtol=0, atol=tolerance)
    rows = np.concatenate([*cache.distributions(TEST, context=context)])
    expected = np.concatenate([*LanguageModel.distributions(cache, TEST, context=context)])
    np.testing.assert_allclose(rows, expected, rtol=0, atol=tolerance)
    events = cache.encode(TEST).event_ids(cache.vocabulary_)
    np.testing.assert_allclose(rows[np.arange(len(rows)), events], found, rtol=0, atol=tolerance)
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1, rtol=1e-13)
    assert (rows[:, BOS_ID] == -np.inf).all()


def test_the_cache_outlives_sentences_in_both_contexts() -> None:
    model = Bigram(alpha=0.1).fit(TRAIN)
    cache = Cache(model=model, weight=0.5, decay=1.0).fit()
    repeated = cache.log_probs(["c", "c", "c"], context="sentence")[::2]
    assert repeated[0] < repeated[1]
    assert repeated[0] == model.log_probs(["c"])[0]  # nothing stands before the first event
    alone = cache.log_probs(["c"])
    assert cache.log_probs(["b", "c"])[2] != alone[0]
    state = cache.advance(cache.start(), model.vocabulary_.id("c"))
    assert cache.restart(state) == CacheState(model.start(), state.history)
    assert cache.start() == CacheState(model.start())
    # In the context stream the model's memory goes on as well.
    assert cache.log_probs(["b", "c"], context="stream")[2] != cache.log_probs(["b", "c"])[2]


def test_states_are_values_and_hold_the_window() -> None:
    cache = Cache(model=Recurrent().fit(TRAIN), method="neural", weight=0.1, theta=0.3, window=2).fit()
    first = cache.start()
    one, two = (cache.advance(cache.advance(cache.advance(first, 3), 4), 5) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert first == cache.start()
    assert one.history == (5, 4)
    assert len(one.keys) == 2
    assert cache.advance(one, 3) != cache.advance(one, 4)


def test_a_weight_of_zero_changes_nothing() -> None:
    model = Bigram().fit(TRAIN)
    cache = Cache(model=model, weight=0, decay=0.5).fit()
    np.testing.assert_array_equal(cache.log_probs(TEST), model.log_probs(TEST))
    assert cache.adapts_to_test_text


def test_the_cache_makes_impossible_words_possible() -> None:
    cache = Cache(model=NGram(order=1, smoothing="mle").fit(TRAIN), weight=0.1, decay=1.0).fit()
    values = cache.log_probs(["z z"])
    assert values[0] == -np.inf
    assert values[1] == pytest.approx(math.log(0.1))
    assert not np.isnan(values).any()


# ------------------------------------------------------------------------------------------------ fitting


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_weight_and_decay_are_the_best_of_the_grid(context: Any) -> None:
    model = Bigram(alpha=0.1).fit(TRAIN)
    cache = Cache(model=model, window=6, context=context).fit(valid=VALID)
    best = cache.perplexity(VALID, context=context)
    report = cache.fit_report_
    assert report["validation_perplexity"] == pytest.approx(best, rel=1e-12)
    assert report["validation_perplexity_without_cache"] == model.perplexity(VALID, context=context)
    assert best < model.perplexity(VALID, context=context)
    assert (cache.weight_, cache.rate_) == (report["weight"], report["decay"])
    tried = report["decay_weight_perplexity"]
    assert [row[0] for row in tried] == [*(0.5 ** (1 / events) for events in HALF_LIVES), 1.0]
    assert min(row[2] for row in tried) == report["validation_perplexity"]
    for decay, weight, perplexity in tried:
        own = Cache(model=model, window=6, decay=decay, weight=weight).fit()
        assert own.perplexity(VALID, context=context) == pytest.approx(perplexity, rel=1e-12)
        for other in (weight * 0.9, weight * 1.1, 0.0, 0.99):
            worse = Cache(model=model, window=6, decay=decay, weight=min(other, 0.999)).fit()
            assert worse.perplexity(VALID, context=context) >= perplexity * (1 - 1e-8)


def test_theta_is_fitted_for_neural_caches() -> None:
    model = ByArray(units=6, seed=4).fit(TRAIN)
    cache = Cache(model=model, method="neural", window=9, context="stream").fit(valid=VALID)
    report = cache.fit_report_
    assert [row[0] for row in report["theta_weight_perplexity"]] == list(THETAS)
    assert report["validation_perplexity"] == min(row[2] for row in report["theta_weight_perplexity"])
    assert report["validation_perplexity"] == pytest.approx(cache.perplexity(VALID, context="stream"), rel=1e-12)
    assert cache.rate_ == report["theta"]


def test_what_is_given_is_not_fitted() -> None:
    model = Bigram().fit(TRAIN)
    half = Cache(model=model, decay=0.5).fit(valid=VALID)
    assert half.rate_ == 0.5
    assert len(half.fit_report_["decay_weight_perplexity"]) == 1
    weighted = Cache(model=model, weight=0.125).fit(valid=VALID)
    assert weighted.weight_ == 0.125
    assert {row[1] for row in weighted.fit_report_["decay_weight_perplexity"]} == {0.125}
    both = Cache(model=model, weight=0.125, decay=0.5).fit()
    assert both.fit_report_ == {"model": "toy-bigram", "weight": 0.125, "decay": 0.5, "notes": []}
    assert half.weight is None


def test_a_model_that_is_not_fitted_is_copied_and_fitted() -> None:
    given = NGram(order=2)
    cache = Cache(model=given, window=5).fit(iter(TRAIN), valid=iter(VALID))
    assert cache.model is given
    assert not given.is_fitted
    assert cache.model_.digest == NGram(order=2).fit(TRAIN, valid=VALID).digest


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (lambda: Cache(), {"valid": VALID}, "a cache requires a model (--model PATH)"),
        (
            lambda: Cache(model=Bigram().fit(TRAIN)),
            {},
            "weight and decay requires validation text: add --valid FILE, or set the value",
        ),
        (
            lambda: Cache(model=Bigram().fit(TRAIN), weight=0.1),
            {},
            "decay requires validation text: add --valid FILE, or set the value",
        ),
        (
            lambda: Cache(model=ByArray().fit(TRAIN), method="neural", theta=1),
            {},
            "weight requires validation text: add --valid FILE, or set the value",
        ),
        (
            lambda: Cache(model=Bigram().fit(TRAIN), theta=1.0),
            {"valid": VALID},
            "has no effect: it needs method=neural",
        ),
        (
            lambda: Cache(model=ByArray().fit(TRAIN), method="neural", decay=1.0),
            {"valid": VALID},
            "has no effect: it needs method=unigram",
        ),
        (
            lambda: Cache(model=Bigram().fit(TRAIN), method="neural"),
            {"valid": VALID},
            "method=neural requires a model with hidden states; toy-bigram has none",
        ),
        (lambda: Cache(model=Bigram()), {"valid": VALID}, "toy-bigram is not fitted: give training text"),
        (lambda: Cache(model=Bigram().fit(TRAIN)), {"data": TRAIN, "valid": VALID}, "every model is fitted already"),
    ],
)
def test_what_makes_no_cache_is_refused(make: Any, arguments: dict[str, Any], message: str) -> None:
    cache = make()
    with pytest.raises(HyperParameterError) as caught:
        cache.fit(**arguments)
    assert message in str(caught.value)
    assert not cache.is_fitted
    with pytest.raises(NotFittedError):
        cache.start()


def test_a_scorer_that_is_no_distribution_is_refused() -> None:
    with pytest.raises(NotNormalizedError, match=r"model 1, ngram, returns scores that are not probabilities"):
        Cache(model=NGram(smoothing="stupid-backoff")).fit(TRAIN, valid=VALID)


def test_validation_text_without_events_is_refused() -> None:
    with pytest.raises(DataError, match="the validation text has no event"):
        Cache(model=Bigram().fit(TRAIN)).fit(valid=[])


def test_hidden_states_of_a_wrong_shape_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ByArray().fit(TRAIN)
    cache = Cache(model=model, method="neural", weight=0.1, theta=0.5).fit()
    monkeypatch.setattr(ByArray, "hidden_states", lambda self, data, *, context: np.zeros((3, 2), np.float32))
    with pytest.raises(HyperParameterError, match=r"returned hidden states of shape \[3, 2\] for 13 events"):
        cache.log_probs(TEST)


def test_states_that_hide_their_hidden_state_are_refused() -> None:
    class Mute(ByArray):
        def start(self) -> Any:
            return 0

        def advance(self, state: Any, word_id: int) -> Any:
            return 0

    cache = Cache(model=Mute().fit(TRAIN), method="neural", weight=0.1, theta=0.5).fit()
    with pytest.raises(
        HyperParameterError, match="method=neural requires states with an attribute hidden; int has none"
    ):
        cache.advance(cache.start(), 3)


def test_nothing_to_score() -> None:
    for make in (CACHES[0].values[0], CACHES[2].values[0]):
        cache = make().fit()
        assert cache.log_probs([]).shape == (0,)
        assert list(cache.distributions([])) == []


# ------------------------------------------------------------------------------------------------ reports


def test_the_report_says_that_the_model_adapts() -> None:
    model = Bigram().fit(TRAIN)
    report = Cache(model=model, weight=0.125, decay=0.5, window=9).fit().report(TEST)
    assert report.adapted
    assert report.labels == {"cache": "unigram,window=9,weight=0.125,decay=0.5"}
    assert "|adapt:yes|cache:unigram,window=9,weight=0.125,decay=0.5|V:" in report.signature
    assert "adapted to text     yes" in report.render()
    assert report.unknown_rule == model.unknown_rule
    inner = Cache(model=ByArray().fit(TRAIN), method="neural", weight=0.25, theta=0.5).fit()
    outer = Cache(model=inner, weight=0.125, decay=0.5, window=9).fit()
    assert outer.report_labels == {
        "cache": "unigram,window=9,weight=0.125,decay=0.5",
        "cache.model": "neural,window=2000,weight=0.25,theta=0.5",
    }


def test_the_models_details_are_kept() -> None:
    model = NGram(order=2).fit(TRAIN)
    cache = Cache(model=model, weight=0.1, decay=1.0).fit()
    np.testing.assert_array_equal(cache.event_details(TEST)["ngram_length"], model.event_details(TEST)["ngram_length"])


# ------------------------------------------------------------------------------------------------ saving


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cache(model=NGram(order=3).fit(TRAIN)).fit(valid=VALID),
        lambda: Cache(model=NGram(order=3)).fit(TRAIN, valid=VALID),
        lambda: Cache(model=ByArray().fit(TRAIN), method="neural").fit(valid=VALID),
        lambda: Cache(model=Mixture(models=(NGram(order=1), NGram(order=2)))).fit(TRAIN, valid=VALID),
        lambda: Mixture(models=(NGram(order=1), Cache(model=NGram(order=2)))).fit(TRAIN, valid=VALID),
    ],
)
def test_a_loaded_cache_is_the_saved_one(make: Any, tmp_path: Path) -> None:
    cache = make()
    cache.save(tmp_path / "model")
    (tmp_path / "model").rename(tmp_path / "moved")
    loaded = load(tmp_path / "moved")
    assert type(loaded) is type(cache)
    assert loaded == cache
    assert loaded.digest == cache.digest
    assert vars(loaded)["fit_report_"] == cache.fit_report_
    for context in ("sentence", "stream"):
        np.testing.assert_array_equal(
            loaded.log_probs(TEST, context=context),  # type: ignore[attr-defined]
            cache.log_probs(TEST, context=context),
        )
    assert loaded.report(TEST) == cache.report(TEST)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": 1.0}, "weight is 1.0"),
        ({"weight": -0.1}, "weight is -0.1"),
        ({"weight": "x"}, "weight is 'x'"),
        ({"weight": None}, "weight is None"),
        ({"rate": 1.5}, "rate is 1.5"),
        ({"rate": True}, "rate is True"),
        ({"fit_report": []}, "fit_report is missing from its metadata"),
    ],
)
def test_a_damaged_cache_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    Cache(model=NGram(order=2).fit(TRAIN)).fit(valid=VALID).save(tmp_path / "model")
    place = tmp_path / "model" / "manifest.json"
    manifest = json.loads(place.read_text(encoding="utf-8"))
    manifest["metadata"] |= changes
    place.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(SavedModelError) as caught:
        load(tmp_path / "model")
    assert message in str(caught.value)
    assert str(tmp_path / "model") in str(caught.value)


def test_a_cache_without_its_model_is_refused(tmp_path: Path) -> None:
    Cache(model=NGram(order=2)).fit(TRAIN, valid=VALID).save(tmp_path / "model")
    found = load_folder(tmp_path / "model")
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format_version", "payloads")}
    del manifest["members"]["model_"]
    arrays = {name: array for name, array in found.arrays.items() if not name.startswith("members/model_/")}
    save_folder(tmp_path / "model", manifest, arrays=arrays, vocabulary=found.vocabulary)
    with pytest.raises(SavedModelError, match="the model of the cache is missing"):
        load(tmp_path / "model")


def test_kneser_ney_with_a_cache_on_penn_treebank(shared_data: Path) -> None:
    lines = (shared_data / "ptb" / "train.txt").read_text(encoding="utf-8").splitlines()
    valid = Corpus.read(shared_data / "ptb" / "valid.txt")
    model = NGram(order=3).fit(lines)
    cache = Cache(model=model, window=500).fit(valid=valid)
    test = shared_data / "ptb" / "test.txt"
    assert cache.perplexity(test) < 0.91 * model.perplexity(test)  # Mikolov: KN5 141.2, with a cache 125.7
