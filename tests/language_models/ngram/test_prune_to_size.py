"""Pruning to a size: exact sizes, nested models, and the same models as pruning by threshold."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nlmkit import NGram, load
from nlmkit.core.storage import describe
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.pruning import entropy_prune, history_log_probs_from_model, prune_to_size
from nlmkit.language_models.ngram.size import Size
from nlmkit.language_models.ngram.table import BackoffTable

Gram = tuple[int, ...]
TEXT = [
    sentence.split()
    for sentence in ("a b c a b", "b c a b d", "a b c d", "", "d a b c a", "c a b d a c", "b b a d c", "e a b c")
]


def grams(table: BackoffTable) -> set[Gram]:
    rows: list[Gram] = [(int(word),) for word in table.first[0]]
    found = {*rows}
    for first, suffix in zip(table.first[1:], table.suffix[1:], strict=True):
        rows = [(int(word), *rows[index]) for word, index in zip(first, suffix, strict=True)]
        found |= {*rows}
    return found


def check_closed(table: BackoffTable) -> None:
    known = grams(table)
    assert all(gram[1:] in known and gram[:-1] in known for gram in known if len(gram) > 1)


def check_sums(table: BackoffTable) -> None:
    contexts = {gram[:-1] for gram in grams(table)}
    for context in contexts:
        assert np.exp(table.distribution(context)).sum() == pytest.approx(1, abs=1e-9)


def texts() -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), min_size=1, max_size=10)


@settings(max_examples=25)
@given(texts(), st.integers(2, 4), st.sampled_from(("modified-kneser-ney", "witten-bell", "katz")))
def test_every_size_is_reached_exactly_and_smaller_models_are_part_of_larger_ones(
    text: list[list[str]], order: int, smoothing: str
) -> None:
    table = NGram(order=order, smoothing=smoothing).fit(text).table_
    logs = history_log_probs_from_model(table)
    total, words = sum(table.sizes), table.vocabulary_size
    assume(total > words)
    before: set[Gram] = set()
    for budget in sorted({words, words + 1, (words + total) // 2, total - 1, total}):
        try:
            pruned = prune_to_size(table, budget, [1] * order, logs)
        except HyperParameterError:  # of n-grams that cannot be removed
            assert not before
            continue
        assert sum(pruned.table.sizes) == budget
        now = grams(pruned.table)
        assert before <= now
        before = now
        check_closed(pruned.table)
        check_sums(pruned.table)
    assert before == grams(table)


@settings(max_examples=25)
@given(texts(), st.integers(2, 4))
def test_equal_to_pruning_by_the_threshold_reached(text: list[list[str]], order: int) -> None:
    table = NGram(order=order).fit(text).table_
    logs = history_log_probs_from_model(table)
    for budget in range(table.vocabulary_size, sum(table.sizes)):
        pruned = prune_to_size(table, budget, [1] * order, logs)
        assert pruned.threshold is not None
        if not 0 < pruned.threshold < 1e300:
            continue
        more = entropy_prune(table, pruned.threshold, logs)
        fewer = entropy_prune(table, float(np.nextafter(pruned.threshold, np.inf)), logs)
        assert grams(fewer) <= grams(pruned.table) <= grams(more)
        if sum(more.sizes) == budget:
            for found, expected in zip(pruned.table.backoffs, more.backoffs, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_kept_n_grams_keep_their_probabilities_and_costs_are_by_order() -> None:
    table = NGram(order=3).fit(TEXT).table_
    logs = history_log_probs_from_model(table)
    costs = [5, 3, 2]
    totals = []
    for budget in range(5 * table.vocabulary_size, 5 * table.vocabulary_size + 60):
        sizes = prune_to_size(table, budget, costs, logs).table.sizes
        totals.append(sum(cost * size for cost, size in zip(costs, sizes, strict=True)))
        assert budget - max(costs[1:]) < totals[-1] <= budget
    assert totals == sorted(totals)


def test_at_fitting_time_history_probabilities_come_from_counts(tmp_path: Path) -> None:
    full = NGram(order=3).fit(TEXT)
    for size in (30, "30"):
        model = NGram(order=3, prune_to=size).fit(TEXT)
        assert sum(model.table_.sizes) == 30 == sum(model.fit_report_["ngrams"])
    assert sum(full.table_.sizes) > 50
    threshold = model.fit_report_["pruned_at"]
    same = NGram(order=3, entropy_prune=threshold).fit(TEXT)
    assert grams(model.table_) <= grams(same.table_)
    model.save(tmp_path / "small")
    assert load(tmp_path / "small").digest == model.digest
    unlimited = NGram(order=3, prune_to="1M").fit(TEXT)
    np.testing.assert_array_equal(unlimited.log_probs(TEXT), full.log_probs(TEXT))
    assert unlimited.fit_report_["pruned_at"] is None
    assert "prune_to" not in full.saved_params()  # models of earlier releases keep their digests


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_bytes_are_those_of_the_saved_model(precision: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    text = [[f"w{word}" for word in rng.zipf(1.3, 12) % 200] for _ in range(2000)]
    model = NGram(order=4, precision=precision).fit(text)
    model.save(tmp_path / "full")
    full = describe(tmp_path / "full")["bytes"]
    previous = 0
    for limit in (full // 3, full // 2, full + 5000):
        model.pruned(to=f"{limit}B").save(tmp_path / "small")
        size = describe(tmp_path / "small")["bytes"]
        assert previous < size <= limit
        previous = size
        if limit < full:
            assert size > limit - 3500
    assert previous == full
    fitted = NGram(order=4, precision=precision, prune_to=f"{full // 2000}kB").fit(text)
    fitted.save(tmp_path / "fitted")
    limit = full // 2000 * 1000
    assert limit - 3500 < describe(tmp_path / "fitted")["bytes"] <= limit
    assert {values.dtype for values in fitted.table_.log_probs} == {np.dtype(precision)}


def test_an_imported_model_is_pruned_to_a_size(tmp_path: Path) -> None:
    NGram(order=3).fit(TEXT).export(tmp_path / "lm.arpa")
    imported = NGram.from_arpa(tmp_path / "lm.arpa")
    smaller = imported.pruned(to=40)
    assert sum(smaller.table_.sizes) == 40
    check_sums(smaller.table_)
    assert smaller.smoothing == "imported"
    assert sum(imported.table_.sizes) > 40


@pytest.mark.parametrize(
    ("text", "number", "in_bytes"),
    [
        ("1M", 10**6, False),
        ("250k", 250_000, False),
        ("1.5G", 1_500_000_000, False),
        (7, 7, False),
        ("20MB", 20_000_000, True),
        ("20 MiB", 20 << 20, True),
        ("100B", 100, True),
        ("0.5kb", 500, True),
    ],
)
def test_sizes(text: int | str, number: int, in_bytes: bool) -> None:
    assert Size.of(text) == Size(number, in_bytes)


@pytest.mark.parametrize("text", ["", "0", 0, -1, "M", "1X", "1iB", "-5k", "1e6", "20M B", "9" * 30, True])
def test_sizes_that_are_none(text: int | str) -> None:
    with pytest.raises(HyperParameterError, match="prune_to must be a number of n-grams such as 1M, or bytes"):
        Size.of(text)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"prune_to": "5X"}, "prune_to must be a number"),
        ({"prune_to": 3}, "cannot be pruned to 3: the 8 of its single words"),
        ({"prune_to": "10B"}, "cannot be pruned to 10: the"),
        ({"prune_to": 50, "entropy_prune": 0.1}, "drop one of them"),
        ({"prune_to": 50, "smoothing": "stupid-backoff"}, "prune_to requires probabilities"),
        ({"prune_to": 50, "smoothing": "add-k"}, "no lower order"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(HyperParameterError, match=problem):
        NGram(order=3, **options).fit(TEXT)


def test_a_size_and_a_threshold_are_not_combined() -> None:
    model = NGram(order=2).fit(TEXT)
    for threshold, to in ((None, None), (0.1, 50)):
        with pytest.raises(HyperParameterError, match="a threshold, or the size to prune to, and not both"):
            model.pruned(threshold, to=to)


def test_perplexity_rises_as_the_model_shrinks() -> None:
    rng = np.random.default_rng(2)
    text = [[f"w{word}" for word in rng.zipf(1.5, 10) % 60] for _ in range(1500)]
    model = NGram(order=3).fit(text)
    total, words = sum(model.table_.sizes), model.table_.vocabulary_size
    found = [model.pruned(to=words + share * (total - words) // 8).perplexity(text) for share in range(1, 9)]
    assert all(larger <= smaller for smaller, larger in itertools.pairwise(found))
