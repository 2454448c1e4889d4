import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toys.ngram_reference import BOS, EOS, Gram, Text
from toys.ngrams import assert_batch_is_state, contexts, event_ids, small, texts

from nlmkit.errors import SavedModelError
from nlmkit.language_models.ngram import scoring
from nlmkit.language_models.ngram.table import BackoffTable, offsets

SENTENCES: dict[Gram, int] = {(3, 4, 5): 2, (3, 4): 1, (4, 4, 5, 3): 1, (): 1, (5,): 3}
SIZE = 6


def table(order: int = 3, thresholds: tuple[int, ...] = (), method: str = "modified-kneser-ney") -> BackoffTable:
    return small(method, SENTENCES, order, SIZE, thresholds).table


def spelt(table: BackoffTable) -> list[list[Gram]]:
    """The n-grams of each order."""
    rows: list[list[Gram]] = [[(word,) for word in table.first[0].tolist()]]
    for first, suffix in zip(table.first[1:], table.suffix[1:], strict=True):
        rows.append([(word, *rows[-1][index]) for word, index in zip(first, suffix.tolist(), strict=True)])
    return rows


@pytest.mark.parametrize("thresholds", [(), (1,), (0, 1), (100,)])
def test_holds_the_kept_ngrams(thresholds: tuple[int, ...]) -> None:
    found = table(thresholds=thresholds)
    text = Text(SENTENCES, 3, SIZE, thresholds)
    grams = spelt(found)
    assert found.order == 3
    assert found.vocabulary_size == SIZE
    assert found.sizes == [len(row) for row in grams]
    for k, row in enumerate(grams, 1):
        assert set(row) == {gram for gram in text.grams(k) if text.keeps(gram)}
        assert row == sorted(row, key=lambda gram: gram[::-1])
        assert found.last[k - 1].tolist() == [gram[-1] for gram in row]
        if k > 1:
            assert [grams[k - 2][index] for index in found.history[k - 1]] == [gram[:-1] for gram in row]


@pytest.mark.slow
@settings(max_examples=40)
@given(text=texts(), order=st.integers(2, 4))
def test_find(text: tuple[dict[Gram, int], int], order: int) -> None:
    sentences, size = text
    found = small("witten-bell", sentences, order, size).table
    grams = spelt(found)
    for k in range(2, order + 1):
        suffixes, words = (
            part.ravel().astype(np.int32) for part in np.meshgrid(np.arange(len(grams[k - 2])), np.arange(size))
        )
        expected = {gram: index for index, gram in enumerate(grams[k - 1])}
        indices = found.find(k, suffixes, words)
        assert indices.dtype == np.int32
        for suffix, word, index in zip(suffixes, words, indices, strict=True):
            assert index == expected.get((int(word), *grams[k - 2][suffix]), -1)


def test_find_among_suffixes_with_few_and_many_ngrams() -> None:
    # word w, from 3 on, follows 2^(w - 3) words; and <unk> all of them
    rng = np.random.default_rng(7)
    sentences: dict[Gram, int] = {}
    for word in range(3, 13):
        sentences |= {
            (int(before), word): 1 for before in rng.choice(np.arange(3, 1100), 1 << (word - 3), replace=False)
        }
    sentences |= {(before, 0): 1 for before in range(3, 1100)}
    found = small("witten-bell", sentences, 2, 1100).table
    assert {1, 2, 3, 5, 9, 17, 33, 65, 129, 257, 513, 1097} <= set(np.diff(found.children[0]).tolist())
    expected = {gram: index for index, gram in enumerate(spelt(found)[1])}
    suffixes, words = (part.ravel().astype(np.int32) for part in np.meshgrid([0, *range(2, 20)], np.arange(1100)))
    order = rng.permutation(len(words))
    indices = found.find(2, suffixes[order], words[order])
    pairs = zip(words[order].tolist(), suffixes[order].tolist(), strict=True)
    assert indices.tolist() == [expected.get(pair, -1) for pair in pairs]


def test_context_ids_are_those_of_the_longest_listed_suffix() -> None:
    found, grams = table(), spelt(table())
    assert found.context_ids(()) == []
    assert found.context_ids((4,)) == [4]
    assert found.context_ids((BOS, 3)) == [3, grams[1].index((BOS, 3))]
    assert found.context_ids((BOS, 3, 4)) == [4, grams[1].index((3, 4)), grams[2].index((BOS, 3, 4))]
    assert found.context_ids((5, 4)) == [4]


def test_backoff_by_hand() -> None:
    # p(</s> | 3 5) of an unseen context is p(</s> | 5), which is listed
    found = table()
    assert found.distribution((3, 5))[EOS] == found.distribution((5,))[EOS]
    # 5 3 </s> is listed, 5 3 4 is not: it costs the weight of 5 3, and 3 4 is listed
    grams = spelt(found)
    weight = found.backoffs[1][grams[1].index((5, 3))]
    assert found.distribution((5, 3))[4] == found.log_probs[1][grams[1].index((3, 4))] + weight
    scores, lengths = found.score(event_ids([(5, 3, 4)]))
    assert lengths.tolist() == [2, 2, 2, 3]
    assert scores[2] == found.distribution((5, 3))[4]


def test_score_of_nothing() -> None:
    scores, lengths = table().score(np.empty(0, np.int32))
    assert scores.shape == lengths.shape == (0,)
    assert scores.dtype == np.float64
    assert lengths.dtype == np.int8


@pytest.mark.parametrize("batch_events", [1, 2, 5, 1000])
@pytest.mark.parametrize("method", ["modified-kneser-ney", "stupid-backoff", "mle"])
def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch, method: str, batch_events: int) -> None:
    found = table(method=method)
    text = [(3, 4, 5), (), (5, 5, 0, 3, 4, 4), (4,), ()]
    expected = found.score(event_ids(text))
    monkeypatch.setattr(scoring, "BATCH_EVENTS", batch_events)
    for one, other in zip(found.score(event_ids(text)), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert_batch_is_state(found, text)


def test_begin_of_sentence_is_never_predicted() -> None:
    for context in contexts(3, SIZE):
        assert table().distribution(context)[BOS] == -np.inf


def test_single_precision() -> None:
    double = table()
    single = double.as_float32()
    assert {values.dtype for values in (*single.log_probs, *single.backoffs)} == {np.dtype(np.float32)}
    assert {values.dtype for values in (*double.log_probs, *double.backoffs)} == {np.dtype(np.float64)}
    for context in contexts(3, SIZE):
        distribution = single.distribution(context)
        assert distribution.dtype == np.float64
        assert np.exp(distribution).sum() == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(distribution, double.distribution(context), rtol=1e-6)
    assert_batch_is_state(single, [(3, 4, 5, 5), (), (0, 3)])


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("method", ["modified-kneser-ney", "stupid-backoff", "mle", "add-k"])
def test_arrays_round_trip(method: str, order: int) -> None:
    found = table(order, method=method)
    back = BackoffTable.from_arrays(found.arrays(), order, SIZE, found.unseen_backoff)
    for context in contexts(min(order, 3), SIZE):
        np.testing.assert_array_equal(back.distribution(context), found.distribution(context))
    assert spelt(back) == spelt(found)


def test_a_table_without_ngrams_of_its_order() -> None:
    found = small("modified-kneser-ney", {(): 2}, 4, 3).table
    assert found.sizes == [3, 1, 0, 0]
    BackoffTable.from_arrays(found.arrays(), 4, 3, 0.0)
    assert_batch_is_state(found, [(), (0, 0, 0, 0)])


def changed(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> dict[str, NDArray[Any]]:
    arrays = {key: values.copy() for key, values in table().arrays().items()}
    arrays[name] = change(arrays[name])
    return arrays


def put(index: int, value: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def change(values: NDArray[Any]) -> NDArray[Any]:
        values[index] = value
        return values

    return change


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("log_prob.1", put(0, np.nan), "log_prob.1 contains a value that is not a log-probability"),
        ("log_prob.3", put(0, 0.5), "log_prob.3 contains a value that is not a log-probability"),
        ("backoff.2", put(1, np.inf), "backoff.2 contains a value that is not a log-probability"),
        ("backoff.2", put(1, np.nan), "backoff.2 contains a value that is not a log-probability"),
        ("log_prob.2", put(0, -1e308), "log_prob.2 contains a value that is not a log-probability"),
        ("backoff.1", put(3, -1e308), "backoff.1 contains a value that is not a log-probability"),
        ("log_prob.2", lambda values: values[:-1], "log_prob.2 is float64"),
        ("log_prob.2", lambda values: values.astype(np.int64), "log_prob.2 is int64"),
        ("backoff.1", lambda values: values[:, None], "backoff.1 is float64"),
        ("children.1", lambda values: values[:-1], "children.1 is int32"),
        ("children.1", put(0, 1), "children.1 does not span order 2"),
        ("children.2", put(-1, 1 << 30), "children.2 does not span order 3"),
        ("children.1", put(3, 1 << 30), "children.1 is not monotonic"),
        ("children.1", put(3, -1), "children.1 is not monotonic"),
        ("first.2", lambda values: values[::-1].copy(), "first.2 is not sorted within a suffix"),
        ("first.3", put(-1, SIZE), "first.3 points outside the table"),
        ("first.2", put(0, -1), "first.2 points outside the table"),
        ("history.2", put(0, SIZE), "history.2 points outside the table"),
        ("history.3", put(0, -1), "history.3 points outside the table"),
        ("history.3", lambda values: values.astype(np.int64), "history.3 is int64"),
    ],
)
def test_damaged_arrays(name: str, change: Callable[[NDArray[Any]], NDArray[Any]], problem: str) -> None:
    with pytest.raises(SavedModelError, match=f"the saved model is damaged: {problem}"):
        BackoffTable.from_arrays(changed(name, change), 3, SIZE, 0.0)


@given(st.lists(st.lists(st.integers(0, SIZE - 1), max_size=4), min_size=SIZE, max_size=SIZE))
def test_first_words_must_rise_within_each_suffix(words: list[list[int]]) -> None:
    words[BOS] = []  # no n-gram ends in it
    ends = np.cumsum([0, *map(len, words)]).astype(np.int32)
    number = int(ends[-1])
    arrays = {
        "log_prob.1": np.full(SIZE, -1.0),
        "log_prob.2": np.full(number, -1.0),
        "backoff.1": np.zeros(SIZE),
        "children.1": ends,
        "first.2": np.array([word for row in words for word in row], np.int32),
        "history.2": np.zeros(number, np.int32),
    }
    if all(row == sorted(set(row)) for row in words):
        assert BackoffTable.from_arrays(arrays, 2, SIZE, 0.0).sizes == [SIZE, number]
    else:
        with pytest.raises(SavedModelError, match=r"first\.2 is not sorted within a suffix"):
            BackoffTable.from_arrays(arrays, 2, SIZE, 0.0)


def test_an_infinite_log_probability_hides_no_other() -> None:
    arrays = table().arrays()
    arrays["log_prob.2"] = np.where(np.arange(len(arrays["log_prob.2"])) == 0, -np.inf, -1e308)
    with pytest.raises(SavedModelError, match=r"log_prob\.2 contains a value that is not a log-probability"):
        BackoffTable.from_arrays(arrays, 3, SIZE, 0.0)


@pytest.mark.parametrize("unseen", [1e308, -1e308, np.nan])
def test_damaged_weight_of_unseen_contexts(unseen: float) -> None:
    with pytest.raises(SavedModelError, match="unseen_backoff contains a value"):
        BackoffTable.from_arrays(table().arrays(), 3, SIZE, unseen)


@pytest.mark.parametrize("name", ["log_prob.1", "backoff.1", "children.2", "first.2", "history.3"])
def test_missing_array(name: str) -> None:
    arrays = table().arrays()
    del arrays[name]
    with pytest.raises(SavedModelError, match="its arrays do not match an n-gram model of order 3"):
        BackoffTable.from_arrays(arrays, 3, SIZE, 0.0)


def test_array_too_many() -> None:
    arrays = table().arrays() | {"log_prob.4": np.zeros(1)}
    with pytest.raises(SavedModelError, match="its arrays do not match an n-gram model of order 3"):
        BackoffTable.from_arrays(arrays, 3, SIZE, 0.0)


def test_unseen_contexts_may_cost() -> None:
    plain = table()
    costly = dataclasses.replace(plain, unseen_backoff=-2.0)
    assert costly.distribution((5, 4))[3] == plain.distribution((5, 4))[3] - 2
    assert costly.distribution((0, 0))[3] == plain.distribution((0, 0))[3] - 2  # <unk> is listed, <unk> <unk> is not
    assert_batch_is_state(costly, [(5, 4, 3), (0, 0, 3)])


def test_unigram_model() -> None:
    assert small("mle", {(3,): 1}, 1, 4).table.score(event_ids([(3,), ()]))[1].tolist() == [1, 1, 1]


@pytest.mark.parametrize("block", [1, 3, 1000])
@pytest.mark.parametrize("parents", [[], [0], [2, 2, 2], [0, 0, 3, 4, 4, 4, 7]])
def test_offsets_of_children(parents: list[int], block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.language_models.ngram.table._BLOCK", block)
    found = offsets(np.array(parents, np.int32), 8)
    assert found.dtype == np.int32
    assert found.tolist() == [0, *np.cumsum(np.bincount(parents, minlength=8)).tolist()]
