"""Pooling over time by hand."""

from __future__ import annotations

import torch

from nlmkit.layers.pooling import last_states, max_over_time, mean_over_time, word_mask


def test_poolings_by_hand() -> None:
    outputs = torch.tensor([[[1.0, -4.0], [3.0, -2.0], [0.0, 0.0]], [[-1.0, -5.0], [0.0, 0.0], [0.0, 0.0]]])
    outputs = torch.cat([outputs, torch.zeros(1, 3, 2)])
    lengths = torch.tensor([2, 1, 0])
    assert mean_over_time(outputs, lengths).tolist() == [[2, -3], [-1, -5], [0, 0]]
    assert max_over_time(outputs, lengths).tolist() == [[3, -2], [-1, -5], [0, 0]]
    assert last_states(outputs, lengths, bidirectional=False).tolist() == [[3, -2], [-1, -5], [0, 0]]
    assert last_states(outputs, lengths, bidirectional=True).tolist() == [[3, -4], [-1, -5], [0, 0]]


def test_where_words_are() -> None:
    assert word_mask(torch.tensor([2, 0, 3]), 3).tolist() == [[True, True, False], [False] * 3, [True] * 3]
