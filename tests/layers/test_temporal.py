"""Convolution and pooling that keep sequences: against plain loops, with rows of any length."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nlmkit.layers.residual import ConvolutionalBlock, PyramidBlock
from nlmkit.layers.temporal import (
    TemporalConvolution,
    halved,
    k_max,
    k_max_half,
    max_pool,
    maximum,
    position_mask,
)

LENGTHS = [6, 0, 1, 3, 9]


def sequences(lengths: list[int] = LENGTHS, columns: int = 9, *, channels: int = 3, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    found = torch.zeros(len(lengths), channels, columns)
    for row, length in enumerate(lengths):
        found[row, :, :length] = torch.randn(channels, length, generator=source)
    return found


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("width", [1, 3, 5])
def test_a_filter_sees_zeros_around_the_text(width: int, stride: int) -> None:
    layer = TemporalConvolution(3, 2, width, torch.Generator().manual_seed(1), stride=stride)
    with torch.no_grad():
        assert layer.bias is not None
        layer.bias.copy_(torch.tensor([0.5, -0.5]))
    texts = sequences()
    found = layer(texts)
    assert found.shape == (5, 2, 9 if stride == 1 else 5)
    weight = layer.weight.detach().numpy()
    for row, length in enumerate(LENGTHS):
        text = texts[row].numpy()
        for position in range(length if stride == 1 else halved(length)):
            total = layer.bias.detach().numpy().copy()
            for place in range(width):
                at = position * stride + place - width // 2
                if 0 <= at < length:
                    total += weight[:, :, place] @ text[:, at]
            np.testing.assert_allclose(found[row, :, position].detach(), total, atol=1e-5)
    assert f"width={width}" in repr(layer)


def test_initial_weights_have_the_deviation_asked_for() -> None:
    source = torch.Generator().manual_seed(1)
    wide = TemporalConvolution(100, 200, 3, source)
    assert float(wide.weight.detach().std()) == pytest.approx(math.sqrt(2 / 300), rel=0.02)
    narrow = TemporalConvolution(100, 200, 3, source, deviation=0.01, bias=False)
    assert float(narrow.weight.detach().std()) == pytest.approx(0.01, rel=0.02)
    assert narrow.bias is None


def test_max_pooling_by_loops() -> None:
    texts = sequences() - 5  # all below zero, so that padding would win
    texts[texts == -5] = 0
    mask = position_mask(torch.tensor(LENGTHS), 9, texts)
    found, best = max_pool(texts, mask), maximum(texts, mask)
    assert found.shape == (5, 3, 5)
    for row, length in enumerate(LENGTHS):
        for position in range(5):
            window = texts[row, :, max(0, 2 * position - 1) : min(2 * position + 2, length)]
            expected = window.amax(dim=1) if 2 * position < length else torch.zeros(3)
            assert torch.equal(found[row, :, position], expected)
        assert torch.equal(best[row], texts[row, :, :length].amax(dim=1) if length else torch.zeros(3))
    whole = sequences([9, 9])
    assert torch.equal(max_pool(whole, None)[0], max_pool(whole, torch.ones(2, 1, 9))[0])
    assert torch.equal(maximum(whole, None), whole.amax(dim=2))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 3), st.integers(0, 99))
def test_k_max_by_loops(lengths: list[int], k: int, more: int, seed: int) -> None:
    columns = max(1, *lengths) + more
    texts = sequences(lengths, columns, channels=2, seed=seed).mul(2).round().clamp_min(0)  # many are equal
    counts = torch.full((len(lengths),), k)
    found = k_max(texts, torch.tensor(lengths), counts, k)
    halves = k_max_half(texts, torch.tensor(lengths))
    assert halves.shape == (len(lengths), 2, halved(columns))
    for row, length in enumerate(lengths):
        for channel in range(2):
            values = texts[row, channel, :length].tolist()
            for result, most in ((found, k), (halves, halved(length))):
                chosen = sorted(sorted(range(length), key=lambda at: -values[at])[:most])
                expected = [values[at] for at in chosen]
                kept = result[row, channel].tolist()
                assert kept[: len(chosen)] == expected
                assert not any(kept[len(chosen) :])


def test_the_gradient_of_k_max_goes_to_the_chosen() -> None:
    texts = torch.tensor([[[3.0, 1.0, 2.0, 0.0]]], requires_grad=True)
    found = k_max(texts, torch.tensor([3]), torch.tensor([2]), 2)
    assert found.tolist() == [[[3.0, 2.0]]]
    found.sum().backward()
    assert texts.grad is not None
    assert texts.grad.tolist() == [[[1.0, 0.0, 1.0, 0.0]]]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("stride", "shortcut"), [(1, False), (1, True), (2, False), (2, True)])
def test_blocks_do_not_see_padding(stride: int, shortcut: bool, training: bool) -> None:
    source = torch.Generator().manual_seed(2)
    blocks = [ConvolutionalBlock(3, 4, source, stride=stride, shortcut=shortcut)]
    if stride == 1:
        blocks += [ConvolutionalBlock(3, 3, source, stride=1, shortcut=shortcut), PyramidBlock(3, source)]  # type: ignore[list-item]
    lengths = torch.tensor(LENGTHS)
    for block in blocks:
        block.train(training)
        results = []
        for columns in (9, 14):
            after, width = (lengths, columns) if stride == 1 else ((lengths + 1) // 2, halved(columns))
            texts = sequences(columns=columns)
            results.append(block(texts, position_mask(after, width, texts)))
        torch.testing.assert_close(results[1][:, :, : results[0].shape[2]], results[0], rtol=0, atol=1e-5)
        assert not results[1][:, :, results[0].shape[2] :].any()
        assert not results[0][1].any()  # an empty text


def test_a_shortcut_adds_the_input() -> None:
    source = torch.Generator().manual_seed(2)
    block, text = ConvolutionalBlock(3, 3, source, stride=1, shortcut=True), sequences([9]).relu()
    pyramid = PyramidBlock(3, source)
    with torch.no_grad():
        block.second_norm.weight.zero_()
        pyramid.second.weight.zero_()
    assert block.projection is None
    assert torch.equal(block(text, None), text)
    assert torch.equal(pyramid(text, None), text)
