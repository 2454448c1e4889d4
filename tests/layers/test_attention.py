"""Attention with a context vector by hand."""

from __future__ import annotations

import numpy as np
import torch

from nlmkit.layers.attention import Attention


def test_attention_by_hand() -> None:
    attention = Attention(2, 3, torch.Generator().manual_seed(4))
    outputs = torch.tensor([[[1.0, 2.0], [-1.0, 0.5], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])
    sums, weights = attention(outputs, torch.tensor([2, 0]))
    w, b, context = (p.detach().double().numpy() for p in (attention.weight, attention.bias, attention.context))
    h = outputs[0, :2].double().numpy()
    scores = np.exp(np.tanh(h @ w.T + b) @ context)
    expected = scores / scores.sum()
    np.testing.assert_allclose(weights[0].detach(), [*expected, 0], atol=1e-6)
    np.testing.assert_allclose(sums[0].detach(), expected @ h, atol=1e-6)
    assert not weights[1].any()
    assert not sums[1].any()
