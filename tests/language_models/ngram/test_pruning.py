import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.counting import NGramCounts, count_ngrams
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.pruning import (
    count_keep,
    entropy_prune,
    history_log_probs_from_counts,
    history_log_probs_from_model,
)
from nlmkit.language_models.ngram.smoothing import estimate
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.table import BackoffTable

Gram = tuple[int, ...]
Sentences = list[list[int]]
UNK, BOS, EOS = 0, 1, 2
SMOOTHINGS = ("modified-kneser-ney", "katz", "witten-bell", "absolute")


def event_ids(sentences: Sentences) -> NDArray[np.int32]:
    return np.array([word for sentence in sentences for word in [*sentence, EOS]], np.int32)


def counted(sentences: Sentences, order: int, size: int) -> NGramCounts:
    return count_ngrams(event_ids(sentences), order, size)


def fitted(
    counts: NGramCounts, smoothing: str = "modified-kneser-ney", thresholds: Sequence[int] | None = None
) -> BackoffTable:
    keep = count_keep(counts, thresholds)
    return BackoffTable.from_estimate(counts, estimate(smoothing, counts, Options(keep=keep)), keep)


def texts_of(levels_first: Sequence[NDArray[np.int32]], suffixes: Sequence[NDArray[np.int32]]) -> list[list[Gram]]:
    """The n-grams of each order as tuples of ids."""
    rows: list[list[Gram]] = [[(int(word),) for word in levels_first[0]]]
    for first, suffix in zip(levels_first[1:], suffixes[1:], strict=True):
        rows.append([(int(word), *rows[-1][index]) for word, index in zip(first, suffix, strict=True)])
    return rows


def table_grams(table: BackoffTable) -> list[list[Gram]]:
    return texts_of(table.first, table.suffix)


def raw_counts(sentences: Sentences, order: int) -> list[Counter[Gram]]:
    """Raw counts of each order, by definition."""
    counts: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for sentence in sentences:
        marked = (BOS, *sentence, EOS)
        for k in range(1, order + 1):
            counts[k - 1].update(marked[at : at + k] for at in range(len(marked) - k + 1))
    return counts


@st.composite
def corpora(draw: st.DrawFn, most_words: int = 4) -> tuple[Sentences, int]:
    size = draw(st.integers(4, 3 + most_words))
    sentence = st.lists(st.integers(3, size - 1), max_size=6)
    return draw(st.lists(sentence, min_size=1, max_size=10)), size


# --- count pruning ----------------------------------------------------------------------------------------------------


@given(corpora(), st.integers(1, 4), st.lists(st.integers(0, 3), max_size=3).map(sorted))
def test_count_keep_by_definition(corpus: tuple[Sentences, int], order: int, higher: list[int]) -> None:
    sentences, size = corpus
    thresholds = (0, *higher)[:order]
    counts = counted(sentences, order, size)
    keep = count_keep(counts, thresholds)
    raw = raw_counts(sentences, order)
    grams = texts_of([level.first for level in counts.levels], [level.suffix for level in counts.levels])
    kept_grams: list[set[Gram]] = []
    for k in range(1, order + 1):
        threshold = thresholds[k - 1] if k <= len(thresholds) else thresholds[-1]
        kept_grams.append({gram for gram, kept in zip(grams[k - 1], keep[k - 1], strict=True) if kept})
        assert kept_grams[-1] == {gram for gram in grams[k - 1] if k == 1 or raw[k - 1][gram] > threshold}
        if k > 1:
            assert {gram[1:] for gram in kept_grams[-1]} | {gram[:-1] for gram in kept_grams[-1]} <= kept_grams[-2]


def test_no_thresholds_keep_everything() -> None:
    counts = counted([[3, 4], [4]], 3, 5)
    for thresholds in (None, (), (0,), (0, 0, 0)):
        keep = count_keep(counts, thresholds)
        assert [list(kept) for kept in keep] == [[True] * len(level) for level in counts.levels]


def test_the_last_threshold_goes_on() -> None:
    # "a b c" occurs twice, the rest once
    counts = counted([[3, 4, 5], [3, 4, 5, 6]], 4, 7)
    sizes = {
        thresholds: [int(kept.sum()) for kept in count_keep(counts, thresholds)] for thresholds in [(0, 1), (0, 0, 1)]
    }
    assert sizes == {(0, 1): [7, 3, 2, 1], (0, 0, 1): [7, 6, 2, 1]}


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ((1, 1), r"prune=\[1, 1\]: the first threshold must be 0; .*min_count"),
        ((0, 2, 1), ": thresholds must not decrease"),
        ((0, 0, 0, 0), ": 4 thresholds for a model of order 3"),
        ((0, -1), ": thresholds must be non-negative integers, not -1"),
        ((0, 1.5), r": thresholds must be non-negative integers, not 1\.5"),
        ((0, True), ": thresholds must be non-negative integers, not True"),
    ],
)
def test_wrong_thresholds(thresholds: tuple[int, ...], message: str) -> None:
    with pytest.raises(HyperParameterError, match=message):
        count_keep(counted([[3, 4]], 3, 5), thresholds)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@given(corpora(), st.integers(2, 4), st.integers(1, 3))
@settings(max_examples=25)
def test_count_pruned_models_sum_to_one(
    smoothing: str, corpus: tuple[Sentences, int], order: int, threshold: int
) -> None:
    sentences, size = corpus
    sums_to_one(fitted(counted(sentences, order, size), smoothing, (0, threshold)))


# --- history probabilities --------------------------------------------------------------------------------------------


def test_history_probabilities_from_counts() -> None:
    sentences = [[3, 4, 3], [3, 4], []]
    counts = counted(sentences, 3, 5)
    raw = raw_counts(sentences, 3)
    logs = history_log_probs_from_counts(counts)
    grams = texts_of([level.first for level in counts.levels], [level.suffix for level in counts.levels])
    for k in (1, 2, 3):
        expected = {gram: raw[k - 1][gram] / 8 for gram in grams[k - 1]}  # 5 words and 3 ends of sentences
        assert dict(zip(grams[k - 1], np.exp(logs[k - 1]), strict=True)) == pytest.approx(expected)
    # every event has one word or <s> before it
    contexts = np.exp(logs[0])
    assert contexts.sum() - contexts[EOS] == pytest.approx(1)
    assert contexts[BOS] == pytest.approx(3 / 8)


def test_history_probabilities_from_the_model() -> None:
    table = fitted(counted([[3, 4, 3], [3, 4], [4, 4]], 3, 5))
    logs = history_log_probs_from_model(table)
    for k, grams in enumerate(table_grams(table), 1):
        for gram, log in zip(grams, logs[k - 1], strict=True):
            # <s> has the probability of </s>, and each word after it its own
            chain = table.distribution(())[EOS if gram[0] == BOS else gram[0]]
            chain += sum(table.distribution(gram[:at])[gram[at]] for at in range(1, k))
            assert log == pytest.approx(chain)


def test_history_probabilities_of_an_empty_text() -> None:
    assert all((np.exp(logs) == 0).all() for logs in history_log_probs_from_counts(counted([], 2, 4)))


# --- relative-entropy pruning -----------------------------------------------------------------------------------------


def all_contexts(table: BackoffTable) -> Iterator[Gram]:
    for length in range(table.order):
        for context in product(range(table.vocabulary_size), repeat=length):
            if BOS not in context[1:] and EOS not in context:
                yield context


def sums_to_one(table: BackoffTable) -> None:
    for context in all_contexts(table):
        assert abs(np.exp(table.distribution(context)).sum() - 1) < 1e-9, context


class PlainModel:
    """A backoff model in dictionaries, which prunes by the definition of relative entropy.

    Every distribution is written out in full; nothing is taken from Stolcke's closed form.
    """

    def __init__(self, table: BackoffTable) -> None:
        self.order, self.size = table.order, table.vocabulary_size
        self.probs: dict[Gram, float] = {}
        self.weights: dict[Gram, float] = {}
        for k, grams in enumerate(table_grams(table), 1):
            self.probs.update(zip(grams, np.exp(table.log_probs[k - 1]).tolist(), strict=True))
            if k < table.order:
                self.weights.update(zip(grams, np.exp(table.backoffs[k - 1]).tolist(), strict=True))
        self.words = [word for word in range(self.size) if word != BOS]

    def prob(self, gram: Gram) -> float:
        if gram in self.probs:
            return self.probs[gram]
        return self.weights.get(gram[:-1], 1.0) * self.prob(gram[1:])

    def weight(self, context: Gram, followers: set[int]) -> float:
        """The backoff weight with which a context sums to one if it lists these words only."""
        if not followers:
            return 1.0
        left = math.fsum([1.0, *(-self.probs[*context, word] for word in followers)])
        unseen = math.fsum(self.prob((*context[1:], word)) for word in self.words if word not in followers)
        return left / unseen if unseen > 0 else 1.0

    def followers(self, context: Gram) -> set[int]:
        return {gram[-1] for gram in self.probs if len(gram) == len(context) + 1 and gram[:-1] == context}

    def relative_entropy(self, gram: Gram, frequency: float) -> float:
        """What the loss of one n-gram costs, in nats an event."""
        context = gram[:-1]
        others = self.followers(context) - {gram[-1]}
        weight = self.weight(context, others)
        terms = []
        for word in self.words:
            before = self.prob((*context, word))
            after = self.probs[*context, word] if word in others else weight * self.prob((*context[1:], word))
            if before > 0:
                terms.append(before * math.log(before / after) if after > 0 else math.inf)
        return frequency * math.fsum(terms)

    def pruned(self, threshold: float, frequencies: dict[Gram, float]) -> tuple[set[Gram], float]:
        """The n-grams that stay, and how near to the threshold any of them was."""
        kept: set[Gram] = set()
        margin = math.inf
        for k in range(self.order, 0, -1):
            grams = [gram for gram in self.probs if len(gram) == k]
            needed = {gram[1:] for gram in kept if len(gram) == k + 1} | {
                gram[:-1] for gram in kept if len(gram) == k + 1
            }
            for gram in grams:
                if k == 1 or gram in needed:
                    kept.add(gram)
                    continue
                rise = math.expm1(self.relative_entropy(gram, frequencies[gram[:-1]]))
                margin = min(margin, abs(rise - threshold))
                if not rise < threshold:
                    kept.add(gram)
        return kept, margin


def frequencies(table: BackoffTable, logs: list[Floats]) -> dict[Gram, float]:
    return {
        gram: math.exp(log)
        for grams, values in zip(table_grams(table), logs, strict=True)
        for gram, log in zip(grams, values, strict=True)
    }


@pytest.mark.slow
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@given(corpora(), st.integers(2, 4), st.floats(1e-4, 0.1), st.booleans())
@settings(max_examples=60)
def test_pruning_by_definition(
    smoothing: str, corpus: tuple[Sentences, int], order: int, threshold: float, by_model: bool
) -> None:
    sentences, size = corpus
    counts = counted(sentences, order, size)
    table = fitted(counts, smoothing)
    logs = history_log_probs_from_model(table) if by_model else history_log_probs_from_counts(counts)
    plain = PlainModel(table)
    expected, margin = plain.pruned(threshold, frequencies(table, logs))
    assume(margin > 1e-12)  # which side of the threshold rounding falls on proves nothing
    smaller = entropy_prune(table, threshold, logs)
    smaller.check()
    grams = table_grams(smaller)
    assert {gram for row in grams for gram in row} == expected
    # what stays has its probability, and weights are those that make contexts sum to one
    held = PlainModel(smaller)
    for gram in expected:
        assert held.probs[gram] == pytest.approx(plain.probs[gram], rel=1e-12)
        if len(gram) < order and BOS not in gram[1:] and EOS not in gram:
            followers = {longer[-1] for longer in expected if longer[:-1] == gram}
            if len(followers) < len(plain.words):
                assert held.weights[gram] == pytest.approx(held.weight(gram, followers), rel=1e-6, abs=1e-9)
    sums_to_one(smaller)


@pytest.mark.slow
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@given(corpora(), st.integers(2, 4))
@settings(max_examples=25)
def test_thresholds_nest(smoothing: str, corpus: tuple[Sentences, int], order: int) -> None:
    sentences, size = corpus
    counts = counted(sentences, order, size)
    table = fitted(counts, smoothing)
    logs = history_log_probs_from_counts(counts)
    larger = {gram for row in table_grams(table) for gram in row}
    for threshold in (1e-5, 1e-3, 1e-2, 0.1, 1e6):
        smaller = entropy_prune(table, threshold, logs)
        kept = {gram for row in table_grams(smaller) for gram in row}
        assert kept <= larger
        assert all(gram[1:] in kept and gram[:-1] in kept for gram in kept if len(gram) > 1)
        larger = kept
    assert smaller.sizes == [size, *[0] * (order - 1)]
    np.testing.assert_array_equal(smaller.log_probs[0], table.log_probs[0])
    assert (smaller.backoffs[0] == 0).all()


def test_threshold_zero_changes_nothing() -> None:
    counts = counted([[3, 4, 5], [3, 4, 4]], 3, 6)
    table = fitted(counts)
    assert entropy_prune(table, 0.0, history_log_probs_from_counts(counts)) is table


def test_a_low_threshold_that_removes_nothing_changes_nothing() -> None:
    counts = counted([[3, 4, 5], [3, 4, 4], [5, 5, 3, 4]] * 2, 2, 6)
    table = fitted(counts, "witten-bell")
    same = entropy_prune(table, 1e-300, history_log_probs_from_counts(counts))
    assert same.sizes == table.sizes
    for old, new in zip([*table.log_probs, *table.backoffs], [*same.log_probs, *same.backoffs], strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_count_pruned_model_can_be_pruned_further() -> None:
    sentences = [[3, 4, 5, 3, 4], [3, 4, 4, 5], [5, 3, 4], [4, 5, 5]]
    counts = counted(sentences, 3, 6)
    table = fitted(counts, thresholds=(0, 0, 1))
    keep = count_keep(counts, (0, 0, 1))
    logs = [row[kept] for row, kept in zip(history_log_probs_from_counts(counts), keep, strict=True)]
    expected, margin = PlainModel(table).pruned(0.004, frequencies(table, logs))
    assert margin > 1e-9
    smaller = entropy_prune(table, 0.004, logs)
    assert {gram for row in table_grams(smaller) for gram in row} == expected
    assert sum(smaller.sizes) < sum(table.sizes)
    sums_to_one(smaller)


def test_single_precision_is_pruned_in_double() -> None:
    counts = counted([[3, 4, 5, 3, 4], [3, 4, 4, 5], [5, 3, 4], [4, 5, 5]], 3, 6)
    table = fitted(counts)
    logs = history_log_probs_from_counts(counts)
    single = entropy_prune(table.as_float32(), 0.004, logs)
    double = entropy_prune(table, 0.004, logs)
    assert single.sizes == double.sizes
    assert all(values.dtype == np.float64 for values in [*single.log_probs, *single.backoffs])
    for context in all_contexts(single):
        np.testing.assert_allclose(single.distribution(context), double.distribution(context), rtol=1e-5, atol=1e-6)


def bigram_table(unigrams: list[float], bigrams: dict[Gram, float]) -> BackoffTable:
    """A normalised bigram model with these probabilities and the weights that follow from them."""
    size = len(unigrams)
    ordered = sorted(bigrams, key=lambda gram: gram[::-1])
    weights = np.ones(size)
    for context in range(size):
        followers = [gram[1] for gram in ordered if gram[0] == context]
        unseen = 1 - sum(unigrams[word] for word in followers)
        if followers and unseen > 0:
            weights[context] = max(1 - sum(bigrams[context, word] for word in followers), 0.0) / unseen
    children = np.cumsum([0, *(sum(gram[1] == word for gram in ordered) for word in range(size))])
    with np.errstate(divide="ignore"):
        return BackoffTable(
            first=[np.arange(size, dtype=np.int32), np.array([gram[0] for gram in ordered], np.int32)],
            children=[children.astype(np.int32)],
            history=[np.empty(0, np.int32), np.array([gram[0] for gram in ordered], np.int32)],
            log_probs=[np.log(unigrams), np.log([bigrams[gram] for gram in ordered])],
            backoffs=[np.log(weights)],
        )


def test_zero_probabilities() -> None:
    # <unk> is impossible but after 3; 4 leaves nothing to unseen words; 3 lists an impossible word
    table = bigram_table(
        [0.0, 0.0, 0.25, 0.25, 0.5],
        {(3, 0): 0.125, (3, 4): 0.0, (3, 3): 0.5, (4, 3): 0.5, (4, 2): 0.5, (1, 4): 0.75},
    )
    sums_to_one(table)
    logs = [np.log([0.25, 0.25, 0.25, 0.25, 0.25]), np.zeros(6)]
    plain = PlainModel(table)
    for threshold in (1e-3, 3e-2, 0.1, 1e9):
        smaller = entropy_prune(table, threshold, logs)
        expected, _ = plain.pruned(threshold, frequencies(table, logs))
        kept = {gram for row in table_grams(smaller) for gram in row}
        assert kept == expected
        assert (3, 0) in kept  # backing off cannot give what it has
        sums_to_one(smaller)
    assert smaller.sizes == [5, 1]


def test_contexts_that_never_occur_lose_what_they_can() -> None:
    table = bigram_table([0.0, 0.0, 0.5, 0.25, 0.25], {(3, 0): 0.5, (3, 4): 0.25, (4, 3): 0.75})
    logs = [np.log([0.2, 0.2, 0.2, 0.2, 0.2]), np.zeros(3)]
    logs[0][3] = -np.inf
    smaller = entropy_prune(table, 1e-9, logs)
    assert table_grams(smaller)[1] == [(3, 0), (4, 3)]  # backing off cannot give what (3, 0) has
    sums_to_one(smaller)


def test_contexts_with_all_words_listed() -> None:
    unigrams = [0.1, 0.0, 0.2, 0.3, 0.4]
    table = bigram_table(unigrams, {(3, word): unigrams[word] for word in (0, 2, 3)} | {(3, 4): 0.4, (4, 4): 0.9})
    logs = [np.log([0.2, 0.2, 0.2, 0.2, 0.2]), np.zeros(5)]
    smaller = entropy_prune(table, 1e-3, logs)
    assert table_grams(smaller)[1] == [(4, 4)]  # the others say what backing off says
    sums_to_one(smaller)
    assert smaller.backoffs[0][3] == 0.0


def test_little_left_to_unseen_words() -> None:
    """Where a context leaves next to nothing, weights come from sums and not from differences."""
    tiny, small = 1e-13, 1e-6
    table = bigram_table([0.25, 0.0, 0.25, 0.25, 0.25], {(3, 2): 0.5, (3, 3): 0.5 - small - tiny, (3, 4): small})
    table.backoffs[0][3] = math.log(tiny / 0.25)  # the difference has not one correct digit
    smaller = entropy_prune(table, 1e-5, [np.log([0.2, 0.2, 0.2, 0.2, 0.2]), np.zeros(3)])
    assert table_grams(smaller)[1] == [(3, 2), (3, 3)]
    assert math.exp(smaller.backoffs[0][3]) == pytest.approx((tiny + small) / 0.5, rel=1e-13, abs=0)
    assert math.exp(smaller.distribution((3,))[UNK]) == pytest.approx((tiny + small) / 2, rel=1e-13, abs=0)


@pytest.mark.parametrize("threshold", [-1e-9, math.nan, math.inf])
def test_wrong_entropy_thresholds(threshold: float) -> None:
    counts = counted([[3, 4]], 2, 5)
    with pytest.raises(HyperParameterError, match="the pruning threshold must be a finite number of at least 0, not"):
        entropy_prune(fitted(counts), threshold, history_log_probs_from_counts(counts))


def test_what_cannot_be_pruned() -> None:
    counts = counted([[3, 4]], 2, 5)
    logs = history_log_probs_from_counts(counts)
    with pytest.raises(HyperParameterError, match="normalised by backing off"):
        entropy_prune(fitted(counts, "stupid-backoff"), 1e-6, logs)
    with pytest.raises(ValueError, match="history_log_probs must have one value per n-gram of the table"):
        entropy_prune(fitted(counts), 1e-6, logs[:1])
    unigrams = counted([[3, 4]], 1, 5)
    table = fitted(unigrams)
    assert entropy_prune(table, 1e-6, history_log_probs_from_counts(unigrams)) is table


@pytest.mark.slow
def test_penn_treebank(shared_data: Path) -> None:
    ids = {"<unk>": UNK, "<s>": BOS, "</s>": EOS}
    texts = []
    for name in ("train", "test"):
        lines = (shared_data / "ptb" / f"{name}.txt").read_text().replace("<unk>", "UNK").splitlines()
        texts.append(event_ids([[ids.setdefault(word, len(ids)) for word in line.split()] for line in lines]))
    train, test = texts
    counts = count_ngrams(train, 5, len(ids))
    table = fitted(counts)
    logs = history_log_probs_from_counts(counts)
    full = math.exp(-table.score(test)[0].mean())
    sizes, perplexities = [], []
    for threshold in (1e-8, 1e-7, 1e-6):
        smaller = entropy_prune(table, threshold, logs)
        sizes.append(sum(smaller.sizes) / sum(table.sizes))
        perplexities.append(math.exp(-smaller.score(test)[0].mean()) / full)
    assert 0.5 < sizes[0] < 0.9
    assert 0.2 < sizes[1] < 0.5
    assert sizes[2] < 0.15
    assert 1.0 < perplexities[0] < 1.005 < perplexities[1] < 1.03 < perplexities[2] < 1.2
    # by the model's own history probabilities, Kneser-Ney loses more for less (Chelba et al. 2010)
    by_model = entropy_prune(table, 1e-6, history_log_probs_from_model(table))
    assert math.exp(-by_model.score(test)[0].mean()) / full > perplexities[2]
    generator = np.random.default_rng(1)
    for k in range(2, 5):
        for at in generator.choice(np.flatnonzero(smaller.last[k - 1] != EOS), 20):
            context = []
            index = int(at)
            for j in range(k, 0, -1):
                context.append(int(smaller.first[j - 1][index]))
                index = int(smaller.suffix[j - 1][index]) if j > 1 else index
            assert abs(np.exp(smaller.distribution(tuple(context))).sum() - 1) < 1e-9
