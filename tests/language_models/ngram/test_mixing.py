"""Static interpolation, compared with interpolation while scoring and with probabilities computed word by word."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import Mixture, NGram, load
from nlmkit.errors import HyperParameterError, NotFittedError, NotNormalizedError
from nlmkit.language_models.ngram.mixing import static_mix
from nlmkit.text import Corpus, TextPipeline

Text = list[list[str]]
EOS = "</s>"
SMOOTHINGS = ("modified-kneser-ney", "witten-bell", "katz", "add-k", "absolute")
ONE = [sentence.split() for sentence in ("a b c a b", "b c a", "a b c d", "", "d a b c a")]
OTHER = [sentence.split() for sentence in ("b a b a", "c b a e", "a a b", "e f a b c", "d c b")]
TEXT = [sentence.split() for sentence in ("a b c a", "b a b", "e d f", "x a b x c", "", "d a b c e f")]


def texts() -> st.SearchStrategy[Text]:
    return st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6), min_size=1, max_size=8)


def member_log_prob(model: NGram, history: Sequence[str], word: str, words: set[str]) -> float:
    """Log-probability of a word by the state machine, with its share of ``<unk>`` among ``words``."""
    state = model.start()
    for each in history:
        state = model.advance(state, model.vocabulary_.id(each))
    found = float(model.next_log_probs(state)[model.vocabulary_.id(word)])
    unknown = len(words - {*model.vocabulary_.words})
    return found - math.log(unknown + 1) if model.vocabulary_.id(word) == 0 else found


def after_context(model: NGram, context: Sequence[str], word: str, words: set[str]) -> float:
    """Log-probability of a word after any context, which need not begin a sentence, with its share of ``<unk>``."""
    ids = [1 if each == "<s>" else model.vocabulary_.id(each) for each in context]
    word_id = model.vocabulary_.id(word)
    found = float(model.table_.distribution(tuple(ids[len(ids) - min(len(ids), model.order - 1) :]))[word_id])
    return found - math.log(len(words - {*model.vocabulary_.words}) + 1) if word_id == 0 else found


def grams(model: NGram) -> list[tuple[str, ...]]:
    """The n-grams of a model as words, of all orders."""
    table, words = model.table_, model.vocabulary_.words
    found: list[tuple[str, ...]] = []
    rows: list[tuple[str, ...]] = [(word,) for word in words]
    found += rows
    for first, suffix in zip(table.first[1:], table.suffix[1:], strict=True):
        rows = [(words[word], *rows[index]) for word, index in zip(first, suffix, strict=True)]
        found += rows
    return found


def stored(model: NGram) -> dict[tuple[str, ...], float]:
    values = np.concatenate([np.asarray(row, np.float64) for row in model.table_.log_probs])
    return dict(zip(grams(model), values.tolist(), strict=True))


def context_sums(model: NGram) -> list[float]:
    """Sums of the probabilities after every context of the table."""
    contexts = {gram[:-1] for gram in grams(model)}
    ids = [tuple(model.vocabulary_.id(word) if word != "<s>" else 1 for word in context) for context in contexts]
    return [float(np.exp(model.table_.distribution(context)).sum()) for context in ids]


@settings(max_examples=30)
@given(
    texts(), texts(), st.integers(1, 4), st.integers(1, 4), st.sampled_from(SMOOTHINGS), st.sampled_from(SMOOTHINGS),
    st.floats(0, 1),
)  # fmt: skip
def test_probabilities_and_sums_of_any_two_models(
    one: Text, other: Text, order: int, other_order: int, smoothing: str, other_smoothing: str, weight: float
) -> None:
    models = [
        NGram(order=order, smoothing=smoothing).fit(one),
        NGram(order=other_order, smoothing=other_smoothing).fit(other),
    ]
    mixed = static_mix(models, weights=[weight, 1 - weight])
    words = {*mixed.vocabulary_.words}
    assert words == {*models[0].vocabulary_.words} | {*models[1].vocabulary_.words}
    assert {*grams(mixed)} == {*grams(models[0])} | {*grams(models[1])}
    for gram, log_prob in stored(mixed).items():
        if gram[-1] == "<s>":
            assert log_prob == -math.inf
            continue
        parts = [math.exp(after_context(model, gram[:-1], gram[-1], words)) for model in models]
        expected = weight * parts[0] + (1 - weight) * parts[1]
        assert math.exp(log_prob) == pytest.approx(expected, rel=1e-9, abs=1e-14)
    np.testing.assert_allclose(context_sums(mixed), 1.0, atol=1e-9)


def dynamic(models: Sequence[NGram], weights: Sequence[float], text: Text, words: set[str]) -> np.ndarray[Any, Any]:
    rows = []
    for sentence in text:
        for at, word in enumerate([*sentence, EOS]):
            total = sum(
                weight * math.exp(member_log_prob(model, sentence[:at], word, words))
                for model, weight in zip(models, weights, strict=True)
            )
            rows.append(math.log(total))
    return np.array(rows)


def is_listed(model: NGram, history: Sequence[str], word: str) -> bool:
    """Whether the longest context of the model at the end of a history has the word among its n-grams."""
    known = {*grams(model)}
    contexts = {gram[:-1] for gram in known}
    full = ("<s>", *history)
    for length in range(min(len(full), model.order - 1), -1, -1):
        context = full[len(full) - length :]
        if context in contexts:
            return (*context, word) in known
    raise AssertionError("the empty context is always there")


@pytest.mark.parametrize("orders", [(3, 3), (2, 4), (1, 3)])
def test_equal_to_interpolation_while_scoring_where_the_word_is_listed(orders: tuple[int, int]) -> None:
    models = [NGram(order=orders[0]).fit(ONE), NGram(order=orders[1], smoothing="witten-bell").fit(OTHER)]
    mixed = static_mix(models, weights=[0.3, 0.7])
    text = [[word for word in sentence if word in "abcd"] for sentence in TEXT]  # known to both
    found = mixed.log_probs(text)
    expected = dynamic(models, [0.3, 0.7], text, {*mixed.vocabulary_.words})
    listed = np.array(
        [
            is_listed(mixed, sentence[:at], word)
            for sentence in text
            for at, word in enumerate([*sentence, EOS])
        ]
    )  # fmt: skip
    assert listed.any()
    assert not listed.all()
    np.testing.assert_allclose(found[listed], expected[listed], rtol=1e-12)
    assert (np.abs(found[~listed] - expected[~listed]) > 1e-6).any()


def test_equal_to_the_component_mixture_bit_by_bit_over_one_vocabulary() -> None:
    words = [sorted({word for sentence in ONE + OTHER for word in sentence})]
    models = (NGram(order=3).fit(ONE + words), NGram(order=3, smoothing="witten-bell").fit(OTHER + words))
    mixture = Mixture(models=models, weights=(0.25, 0.75)).fit()
    mixed = static_mix(models, weights=(0.25, 0.75))
    text = Corpus.read(ONE + OTHER)
    lengths = mixed.event_details(text)["ngram_length"]
    full = lengths == np.concatenate([np.minimum(np.arange(len(each) + 1) + 2, 3) for each in ONE + OTHER])
    assert full.all()  # every n-gram of the texts is listed
    np.testing.assert_array_equal(mixed.log_probs(text), mixture.log_probs(text))


def test_a_word_unknown_to_a_model_gets_an_equal_share_of_its_unk() -> None:
    one, other = NGram(order=2).fit([["a", "b"]]), NGram(order=2).fit([["a", "c", "d"]])
    mixed = static_mix([one, other], weights=[0.5, 0.5])
    unigram = np.exp(mixed.table_.log_probs[0])
    own, others = np.exp(one.table_.log_probs[0]), np.exp(other.table_.log_probs[0])
    ids = mixed.vocabulary_.id
    assert unigram[ids("c")] == pytest.approx(0.5 * own[0] / 3 + 0.5 * others[other.vocabulary_.id("c")])
    assert unigram[ids("b")] == pytest.approx(0.5 * own[one.vocabulary_.id("b")] + 0.5 * others[0] / 2)
    assert unigram[0] == pytest.approx(0.5 * own[0] / 3 + 0.5 * others[0] / 2)
    assert unigram.sum() == pytest.approx(1)
    assert mixed.fit_report_["notes"] == [
        "words unknown to model 1: 2, and each gets 1/3 of its probability of <unk>",
        "words unknown to model 2: 1, and each gets 1/2 of its probability of <unk>",
    ]


def test_a_word_unknown_to_a_model_gets_nothing_from_it_on_request() -> None:
    one, other = NGram(order=2).fit([["a", "b"]]), NGram(order=2).fit([["a", "c", "d"]])
    mixed = static_mix([one, other], weights=[0.5, 0.5], unknown="zero")
    unigram = np.exp(mixed.table_.log_probs[0])
    own, others = np.exp(one.table_.log_probs[0]), np.exp(other.table_.log_probs[0])
    ids = mixed.vocabulary_.id
    assert unigram[ids("c")] == pytest.approx(0.5 * others[other.vocabulary_.id("c")])
    assert unigram[0] == pytest.approx(0.5 * own[0] + 0.5 * others[0])
    np.testing.assert_allclose(context_sums(mixed), 1.0, atol=1e-9)
    valid = [["a", "b", "x"]]
    fitted = static_mix([one, other], valid=valid, unknown="zero")
    assert fitted.fit_report_["validation_perplexity_alone"][1] is None  # b is impossible
    assert fitted.fit_report_["validation_perplexity_alone"][0] == pytest.approx(one.perplexity(valid))


def test_weights_by_em_are_those_of_the_mixture_and_reach_its_perplexity() -> None:
    words = [list("abcdef")]
    models = (NGram(order=2).fit(ONE + words), NGram(order=3).fit(OTHER + words))
    mixture = Mixture(models=models).fit(valid=TEXT)
    mixed = static_mix(models, valid=TEXT)
    assert mixed.fit_report_["weights"] == pytest.approx(mixture.weights_.tolist())
    report = mixed.fit_report_
    assert report["validation_perplexity_interpolated"] == pytest.approx(mixture.perplexity(TEXT))
    assert report["validation_perplexity"] == pytest.approx(mixed.perplexity(TEXT))
    assert report["validation_perplexity_alone"] == pytest.approx([model.perplexity(TEXT) for model in models])


def test_weights_of_different_vocabularies_maximise_the_interpolation() -> None:
    models = [NGram(order=2).fit(ONE), NGram(order=3).fit(OTHER)]
    mixed = static_mix(models, valid=TEXT)
    words = {*mixed.vocabulary_.words}
    best = dynamic(models, mixed.fit_report_["weights"], TEXT, words).mean()
    assert math.exp(-best) == pytest.approx(mixed.fit_report_["validation_perplexity_interpolated"])
    for weight in np.linspace(0, 1, 11)[1:-1].tolist():
        assert dynamic(models, [weight, 1 - weight], TEXT, words).mean() <= best + 1e-8


def test_mixing_a_model_with_itself_changes_nothing() -> None:
    model = NGram(order=3).fit(ONE)
    mixed = static_mix([model, model, model], weights=[0.2, 0.5, 0.3])
    assert mixed.table_.sizes == model.table_.sizes
    np.testing.assert_allclose(mixed.log_probs(TEXT), model.log_probs(TEXT), rtol=1e-12)
    for found, expected in zip(mixed.table_.backoffs, model.table_.backoffs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_saved_exported_and_read_by_kenlm(tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    models = [NGram(order=3).fit(ONE), NGram(order=4, smoothing="witten-bell").fit(OTHER)]
    models[1].export(tmp_path / "other.arpa")
    imported = NGram.from_arpa(tmp_path / "other.arpa")
    mixed = static_mix([models[0], imported], weights=[0.4, 0.6])
    np.testing.assert_allclose(mixed.log_probs(TEXT), static_mix(models, weights=[0.4, 0.6]).log_probs(TEXT), rtol=1e-7)
    mixed.save(tmp_path / "mixed")
    again = load(tmp_path / "mixed", NGram)
    assert again.smoothing == again.unknown_rule == "mixed"
    np.testing.assert_array_equal(again.log_probs(TEXT), mixed.log_probs(TEXT))
    assert again.digest == mixed.digest
    mixed.export(tmp_path / "mixed.arpa")
    peer = kenlm.Model(str(tmp_path / "mixed.arpa"))
    scores = [prob for sentence in TEXT for prob, _, _ in peer.full_scores(" ".join(sentence))]
    np.testing.assert_allclose(mixed.log_probs(TEXT) / math.log(10), scores, rtol=1e-5)


def test_float32_members_are_mixed_in_float64() -> None:
    models = [NGram(order=3, precision="float32").fit(ONE), NGram(order=2).fit(OTHER)]
    mixed = static_mix(models, weights=[0.5, 0.5])
    assert {row.dtype for row in (*mixed.table_.log_probs, *mixed.table_.backoffs)} == {np.dtype(np.float64)}
    np.testing.assert_allclose(context_sums(mixed), 1.0, atol=1e-9)


def test_words_that_follow_a_full_context_keep_a_probability_in_the_mix() -> None:
    # after "a", the listed words of the first model have all but a rounding error of the probability
    model = NGram(order=2).fit([["a", "b"]] * 50 + [["c"]])
    table = model.table_
    (a,) = table.context_ids((model.vocabulary_.id("a"),))
    table.backoffs[0][a] = -80.0
    begins, by_context = table.successors[0]
    table.log_probs[1][by_context[begins[a] : begins[a + 1]]] = 0.0
    mixed = static_mix([model, model], weights=[0.5, 0.5])
    found = mixed.table_.distribution((mixed.vocabulary_.id("a"),))
    assert np.isfinite(found[mixed.vocabulary_.id("c")])
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("models", "options", "problem"),
    [
        ([NGram(order=2).fit(ONE)], {"weights": [1.0]}, "at least two models"),
        ([NGram(order=2).fit(ONE)] * 2, {}, "weights, or validation text"),
        ([NGram(order=2).fit(ONE)] * 2, {"weights": [0.5, 0.4]}, "sum to 1, not 0.5, 0.4"),
        ([NGram(order=2).fit(ONE)] * 2, {"weights": [1.5, -0.5]}, "at least 0"),
        ([NGram(order=2).fit(ONE)] * 2, {"weights": [float("nan"), 0.5]}, "at least 0"),
        ([NGram(order=2).fit(ONE)] * 2, {"weights": [0.5, 0.5], "unknown": "none"}, "share or zero"),
        ([NGram(order=2).fit(ONE)] * 2, {"weights": [1.0]}, "1 weights for 2 models"),
        (
            [NGram(order=2).fit(ONE), NGram(order=2).fit(Corpus.read(["A b"], TextPipeline(lowercase=True)))],
            {"weights": [0.5, 0.5]},
            "different tokenizations",
        ),
        (
            [NGram(order=2).fit(ONE), Mixture(models=(NGram().fit(ONE),) * 2, weights=(0.5, 0.5)).fit()],
            {"weights": [0.5, 0.5]},
            "fit a mixture instead",
        ),
    ],
)
def test_models_that_cannot_be_mixed(models: list[Any], options: dict[str, Any], problem: str) -> None:
    with pytest.raises(HyperParameterError, match=problem):
        static_mix(models, **options)


def test_scores_and_unfitted_models_cannot_be_mixed() -> None:
    with pytest.raises(NotNormalizedError, match="stupid-backoff"):
        static_mix([NGram(order=2).fit(ONE), NGram(order=2, smoothing="stupid-backoff").fit(ONE)], weights=[0.5, 0.5])
    with pytest.raises(NotFittedError):
        static_mix([NGram(order=2).fit(ONE), NGram(order=2)], weights=[0.5, 0.5])


def test_a_mixed_model_cannot_be_fitted() -> None:
    with pytest.raises(HyperParameterError, match="smoothing=mixed is reserved for models mixed from others"):
        NGram(smoothing="mixed").fit(ONE)
