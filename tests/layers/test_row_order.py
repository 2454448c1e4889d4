"""The order of words inside a network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys.networks import COUNTS, V, random_ids, seeded, words

from nlmkit.errors import SavedModelError
from nlmkit.layers.masks import keep_mask
from nlmkit.layers.row_order import WordOrder


def test_words_are_ordered_by_frequency_with_the_start_last():
    order = WordOrder.by_frequency(np.array([4, 99, 7, 7, 50, 4]))
    assert order.rank.tolist() == [3, 5, 1, 2, 0, 4]
    assert order.cutoffs.tolist() == [0, 5]
    assert order.words == 5
    assert len(order) == 6
    assert order.sorted(np.array([4, 99, 7, 7, 50, 4])).tolist() == [50, 7, 7, 4, 4]


def test_a_continued_order_keeps_old_rows_and_appends_new_words():
    order = WordOrder.by_frequency(np.array([4, 0, 7, 7, 50, 4]))
    ids = np.array([0, 1, 2, -1, 5, 4, 3, -1])
    assert order.grown(ids).tolist() == [3, 7, 1, 5, 4, 0, 2, 6]
    for missing in (np.array([0, 1, 2, 3, 4, -1]), np.array([0, 1, 2, 3, 4, 4])):
        with pytest.raises(ValueError, match="each old word once"):
            order.grown(missing)


@pytest.mark.parametrize(
    ("rank", "cutoffs"),
    [
        ([0, 0, 1], [0, 2]),
        ([0, 1, 2], [0, 2]),
        ([0, 2, 5], [0, 2]),
        ([0, 2, 1], [1, 2]),
        ([0, 2, 1], [0, 3]),
        ([0, 2, 1], [0, 1, 1, 2]),
        ([0, 2, 1], [2]),
    ],
)
def test_a_saved_order_that_is_none_is_damage(rank, cutoffs):
    WordOrder.from_arrays(np.array([0, 2, 1]), np.array([0, 1, 2]))
    with pytest.raises(SavedModelError, match="the saved model is damaged: the order of its 3 words is invalid"):
        WordOrder.from_arrays(np.array(rank), np.array(cutoffs))


def test_vectors_are_looked_up_by_vocabulary_id():
    inputs = words(5)
    ids = random_ids(4, 3)
    vectors = inputs(ids, seeded())
    order = np.argsort(-np.where(np.arange(V) == 1, -1, COUNTS), kind="stable").tolist()
    for t in range(4):
        for b in range(3):
            assert torch.equal(vectors[t, b], inputs.weight[order.index(int(ids[t, b]))])
    assert np.array_equal(inputs.order.rank[order], np.arange(V))


def test_whole_words_are_dropped():
    inputs = words(5)
    inputs.dropout.rate = 0.5
    ids = random_ids(40, 3)
    mask = keep_mask((V,), 0.5, seeded(4), inputs.weight)
    expected = inputs.weight[inputs.rank[ids]] * mask[inputs.rank[ids]][..., None]
    assert torch.equal(inputs(ids, seeded(4)), expected)
    assert torch.equal(inputs.eval()(ids, seeded(4)), inputs.weight[inputs.rank[ids]])
