"""1×1 layers above filters: against plain loops, rows of any length, the place of each maximum."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nlmkit.layers import convolution, network_in_network
from nlmkit.layers.network_in_network import PointwiseConvolution


def filters(layers: int = 2, padding: int = 1, *, seed: int = 3) -> PointwiseConvolution:
    source = torch.Generator().manual_seed(seed)
    made = PointwiseConvolution(3, (1, 3), 4, padding, source, layers=layers)
    with torch.no_grad():
        for bias in (*made.biases, *made.pointwise_biases):
            bias.copy_(0.3 * torch.randn(4, generator=source))
    return made


def by_loops(made: PointwiseConvolution, text: NDArray[np.float64]) -> NDArray[np.float64]:
    """The features of one text, window by window, those of padding alone included."""
    padded = np.pad(text, ((made.padding, max(made.widths) + 2), (0, 0)))
    features = []
    for number, (weight, bias) in enumerate(zip(made.filters, made.biases, strict=True)):
        w, best = weight.detach().double().numpy(), np.full(4, -np.inf)
        for begin in range(len(padded) - w.shape[2] + 1):
            hidden = bias.detach().double().numpy().copy()
            for place in range(w.shape[2]):
                hidden += w[:, :, place] @ padded[begin + place]
            hidden = np.maximum(hidden, 0)
            for layer in range(made.layers):
                place = number * made.layers + layer
                above, shift = made.pointwise[place], made.pointwise_biases[place]
                hidden = np.maximum(above.detach().double().numpy() @ hidden + shift.detach().double().numpy(), 0)
            best = np.maximum(best, hidden)
        features.append(best)
    return np.concatenate(features)


def test_pooled_features_equal_a_plain_loop() -> None:
    made, lengths = filters(), [0, 1, 2, 7]
    vectors = torch.zeros(4, 7, 3)
    source = torch.Generator().manual_seed(5)
    for row, length in enumerate(lengths):
        vectors[row, :length] = 2 * torch.randn(length, 3, generator=source)
    found = made(vectors).detach().numpy()
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(found[row], by_loops(made, vectors[row, :length].double().numpy()), atol=1e-5)
    assert len(np.unique(found)) > 10
    winners = made.pool_indices(vectors)
    np.testing.assert_allclose(winners.values.detach().numpy(), found, atol=1e-6)
    assert winners.widths.tolist() == [1] * 4 + [3] * 4
    assert (winners.begins[0] == 7).all()  # the empty text has windows of padding alone
    assert made.width == 8
    assert "layers=2" in repr(made)


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 3), st.integers(1, 30), st.integers(0, 4), st.integers(1, 40), st.integers(0, 99))
def test_long_rows_have_the_features_and_gradients_of_short_ones(
    rows: int, columns: int, padding: int, piece: int, seed: int
) -> None:
    source = torch.Generator().manual_seed(seed)
    vectors = torch.randn(rows, columns, 3, generator=source).requires_grad_(True)
    weight = torch.randn(rows, 8, generator=source)
    made = filters(1, padding, seed=seed)
    found = []
    before = network_in_network.LONG_ROW, convolution.PIECE_WORDS
    try:
        for most in (10**6, 0):
            network_in_network.LONG_ROW, convolution.PIECE_WORDS = most, piece  # type: ignore[misc]
            vectors.grad = None
            made.zero_grad()
            features = made(vectors)
            (features * weight).sum().backward()
            assert vectors.grad is not None
            with torch.no_grad():
                torch.testing.assert_close(made(vectors), features)
            found.append([features, vectors.grad, *(value.grad for value in made.parameters())])
    finally:
        network_in_network.LONG_ROW, convolution.PIECE_WORDS = before  # type: ignore[misc]
    for short, long in zip(*found, strict=True):
        torch.testing.assert_close(long, short, rtol=1e-4, atol=1e-5)
