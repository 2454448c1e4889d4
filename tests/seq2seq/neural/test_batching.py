"""Pairs as a network reads them, and the batches of an epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.seq2seq.neural.batching import Conditions, EncodedPairs, Rows, epoch_batches, parts_of_batch
from nlmkit.text.vocabulary import EOS_ID


def pairs() -> EncodedPairs:
    conditions = Conditions.of_list([np.array([5, 6], np.int32), np.array([7], np.int32)])
    return EncodedPairs(conditions, Rows(np.array([8, 2, 9, 9, 9, 2]), np.array([0, 2, 6])))


def test_a_batch_has_shifted_inputs_and_ends() -> None:
    batch = pairs().batch(np.array([1, 0]))
    assert batch.inputs.T.tolist() == [[2, 9, 9, 9], [2, 8, 2, 2]]
    assert batch.targets.T.tolist() == [[9, 9, 9, 2], [8, 2, 2, 2]]
    assert batch.is_event.T.tolist() == [[True] * 4, [True, True, False, False]]
    assert batch.sources.ids is not None
    assert batch.sources.ids.T.tolist() == [[7, EOS_ID, EOS_ID], [5, 6, EOS_ID]]
    assert batch.sources.lengths is not None
    assert batch.sources.lengths.tolist() == [2, 3]


def test_vectors_are_rows() -> None:
    vectors = [np.array([1.0, 2.0], np.float32), np.array([3.0, 4.0], np.float32)]
    conditions = Conditions.of_list(vectors)
    found = conditions.batch(np.array([1]))
    assert found.ids is None
    assert found.vectors is not None
    assert found.vectors.tolist() == [[3.0, 4.0]]
    assert conditions.lengths.tolist() == [1, 1]


@given(
    lengths=st.lists(st.one_of(st.integers(1, 9), st.integers(1, 20_000)), min_size=1, max_size=60),
    count=st.integers(1, 60),
    sort_within=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_an_epoch_has_each_pair_once_in_a_fixed_number_of_batches(
    lengths: list[int], count: int, sort_within: int
) -> None:
    count = min(count, len(lengths))
    sizes = np.array(lengths)
    found = epoch_batches(sizes, sizes[::-1], count, sort_within, torch.Generator().manual_seed(1))
    assert len(found) == count
    assert all(len(batch) for batch in found)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(lengths)))
    again = epoch_batches(sizes, sizes[::-1], count, sort_within, torch.Generator().manual_seed(1))
    assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))


def test_batches_have_about_equally_many_events_and_little_padding() -> None:
    lengths = np.random.default_rng(1).integers(3, 40, 2000)
    found = epoch_batches(lengths, lengths, 80, 20, torch.Generator().manual_seed(1))
    events = np.array([lengths[batch].sum() for batch in found])
    assert events.max() < 1.1 * events.mean()
    padded = sum(len(batch) * lengths[batch].max() for batch in found)
    assert padded < 1.1 * lengths.sum()


@pytest.mark.parametrize(("most", "parts"), [(100, 1), (20, 2)])
def test_a_large_batch_is_read_in_parts(most: int, parts: int) -> None:
    sizes = np.array([20, 3, 4, 3])
    found = list(parts_of_batch(sizes, np.arange(4), most))
    assert len(found) == parts
    assert sorted(np.concatenate(found).tolist()) == [0, 1, 2, 3]
