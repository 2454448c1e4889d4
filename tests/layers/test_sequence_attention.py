"""Attention of decoders: weights and contexts against sums written out, padding, gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from nlmkit.layers.sequence_attention import KINDS, SequenceAttention

WIDTH = 4


def attention(kind: str) -> SequenceAttention:
    return SequenceAttention(kind, WIDTH, WIDTH, 3, torch.Generator().manual_seed(3))


def rows(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def score(layer: SequenceAttention, query: list[float], vector: list[float]) -> float:
    """The score of one vector, by its definition."""

    def product(matrix: Tensor | None, values: list[float]) -> list[float]:
        assert matrix is not None
        return [sum(a * b for a, b in zip(row, values, strict=True)) for row in matrix.tolist()]

    if layer.kind == "luong-dot":
        return sum(a * b for a, b in zip(query, vector, strict=True))
    if layer.kind == "luong-general":
        return sum(a * b for a, b in zip(query, product(layer.weight_key, vector), strict=True))
    asked, known = product(layer.weight_query, query), product(layer.weight_key, vector)
    assert layer.vector is not None
    return sum(v * math.tanh(a + b) for v, a, b in zip(layer.vector.tolist(), asked, known, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_contexts_are_those_of_the_definition(kind: str) -> None:
    layer, queries, outputs = attention(kind), rows(2, 3, WIDTH), rows(2, 5, WIDTH, seed=2)
    lengths = [5, 3]
    is_word = torch.arange(5) < torch.tensor(lengths)[:, None]
    contexts, weights = layer(queries, layer.keys(outputs), outputs, is_word)
    for row, length in enumerate(lengths):
        for step in range(3):
            vectors = outputs[row, :length].tolist()
            shares = [math.exp(score(layer, queries[row, step].tolist(), vector)) for vector in vectors]
            expected = [share / sum(shares) for share in shares]
            assert weights[row, step, :length].tolist() == pytest.approx(expected, abs=1e-6)
            mean = [sum(e * v[i] for e, v in zip(expected, vectors, strict=True)) for i in range(WIDTH)]
            assert contexts[row, step].tolist() == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_has_no_weight_no_gradient_and_no_influence(kind: str) -> None:
    layer, queries = attention(kind), rows(1, 2, WIDTH)
    outputs = rows(1, 3, WIDTH, seed=2)
    padded = torch.cat([outputs, torch.full((1, 2, WIDTH), 1e4)], dim=1).requires_grad_()
    contexts, weights = layer(queries, layer.keys(padded), padded, torch.arange(5) < torch.tensor([[3]]))
    alone, _ = layer(queries, layer.keys(outputs), outputs, torch.ones(1, 3, dtype=torch.bool))
    assert (weights[0, :, 3:] == 0).all()
    assert torch.allclose(contexts, alone, atol=1e-6)
    contexts.sum().backward()
    assert padded.grad is not None
    assert (padded.grad[0, 3:] == 0).all()


def test_scores_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, queries, outputs = attention("bahdanau"), rows(2, 7, WIDTH), rows(2, 5, WIDTH, seed=2)
    whole, _ = layer(queries, layer.keys(outputs), outputs, torch.ones(2, 5, dtype=torch.bool))
    monkeypatch.setattr("nlmkit.layers.sequence_attention._LARGEST", 50)
    with torch.no_grad():
        pieces, _ = layer(queries, layer.keys(outputs), outputs, torch.ones(2, 5, dtype=torch.bool))
    assert torch.allclose(whole, pieces, atol=1e-6)


def test_dot_products_need_equal_widths() -> None:
    with pytest.raises(ValueError, match="4 is not 6"):
        SequenceAttention("luong-dot", 4, 6, 3, torch.Generator())
    with pytest.raises(ValueError, match="unknown attention"):
        SequenceAttention("dot", 4, 4, 3, torch.Generator())
