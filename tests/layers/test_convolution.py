"""Filters over windows: sums against plain loops, the place of each maximum, rows of any length."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nlmkit.layers import convolution
from nlmkit.layers.convolution import Convolution


def by_loops(filters: Convolution, text: NDArray[np.float64]) -> NDArray[np.float64]:
    """The features of one text, window by window; and a window of nothing but padding."""
    features = []
    before, after = filters.padding, max(filters.widths) + 2
    padded = np.pad(text, ((before, after), (0, 0)))
    for weight, bias in zip(filters.filters, filters.biases, strict=True):
        w, b = weight.detach().double().numpy(), bias.detach().double().numpy()
        for number in range(len(w)):
            best = max(0.0, b[number])
            for begin in range(len(padded) - w.shape[2] + 1):
                total = b[number]
                for place in range(w.shape[2]):
                    for entry in range(text.shape[1]):
                        total += w[number, entry, place] * padded[begin + place, entry]
                best = max(best, total)
            features.append(best)
    return np.array(features)


@pytest.mark.parametrize("padding", [0, 1, 4])
def test_pooled_features_equal_a_plain_loop(padding: int) -> None:
    source = torch.Generator().manual_seed(3)
    filters = Convolution(3, (1, 2, 5), 4, padding, source)
    with torch.no_grad():
        for bias in filters.biases:
            bias.copy_(torch.randn(4, generator=source))
    lengths = [0, 1, 2, 4, 7]
    vectors = torch.zeros(5, 7, 3)
    for row, length in enumerate(lengths):
        vectors[row, :length] = torch.randn(length, 3, generator=source)
    found = filters(vectors).detach().numpy()
    for row, length in enumerate(lengths):
        expected = by_loops(filters, vectors[row, :length].double().numpy())
        np.testing.assert_allclose(found[row], expected, atol=1e-5)
    assert (found > 0).any()
    winners = filters.pool_indices(vectors)
    np.testing.assert_array_equal(winners.values.detach().numpy(), found)
    assert int(winners.begins[0].min()) == 7  # the empty text has windows of padding alone


def test_a_filter_wider_than_text_and_padding() -> None:
    filters = Convolution(2, (9,), 3, 0, torch.Generator().manual_seed(1))
    short = torch.ones(1, 2, 2)
    assert filters(short).shape == (1, 3)
    more = torch.cat([short, torch.zeros(1, 20, 2)], dim=1)
    np.testing.assert_allclose(filters(short).detach(), filters(more).detach(), atol=1e-6)


def test_the_winning_window_is_the_one_that_holds_the_word() -> None:
    filters = Convolution(1, (3,), 1, 4, torch.Generator())
    with torch.no_grad():
        filters.filters[0].copy_(torch.tensor([[[0.0, 1.0, 0.0]]]))
    vectors = torch.tensor([[0.1, 0.2, 5.0, 0.3]]).unsqueeze(2)
    winners = filters.pool_indices(vectors)
    assert winners.begins.tolist() == [[1]]
    assert winners.values.item() == pytest.approx(5.0)


# ---------------------------------------------------------------------------------------------------- long rows


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(1, 30), st.integers(0, 9), st.integers(1, 40), st.integers(0, 99))
def test_long_rows_have_the_features_and_gradients_of_short_ones(
    rows: int, columns: int, padding: int, piece: int, seed: int
) -> None:
    source = torch.Generator().manual_seed(seed)
    filters = Convolution(3, (1, 2, 5), 4, padding, source)
    values = torch.randn(rows, columns, 3, generator=source)
    weight = torch.randn(filters.width, generator=source)
    results = []
    for long_row, words in ((10**6, 10**6), (0, piece)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(convolution, "LONG_ROW", long_row)
            patch.setattr(convolution, "PIECE_WORDS", words)
            vectors = values.clone().requires_grad_()
            features = filters(vectors)
            filters.zero_grad()
            (features @ weight).sum().backward()
            with torch.inference_mode():
                scored = filters(values)
            winners = filters.pool_indices(values)
            gradients = [parameter.grad for parameter in filters.parameters()]
            results.append((features.detach(), scored, vectors.grad, winners.values, winners.begins, *gradients))
    for short, long in zip(*results, strict=True):
        assert short is not None
        assert long is not None
        torch.testing.assert_close(long, short, rtol=0, atol=1e-5)


def test_a_long_text_gives_a_batch_of_filters_no_graph_of_its_own_length() -> None:
    """What backward keeps of a row of 4,000 words is its vectors and the winning windows, not all windows."""
    filters = Convolution(2, (3,), 8, 4, torch.Generator().manual_seed(1))
    kept: list[int] = []
    vectors = torch.randn(1, 4_000, 2, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda x: x):
        filters(vectors)
    assert max(kept) <= vectors.numel()
