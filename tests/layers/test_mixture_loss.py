"""Losses of a mixture of a softmax with other distributions, against plain autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from toys.networks import COUNTS, V, random_ids, randomized, seeded, words

from nlmkit.layers.row_order import WordOrder
from nlmkit.layers.softmax import AdaptiveSoftmax, ClassFactoredSoftmax, FullSoftmax, OutputLayer, SampledSoftmax
from nlmkit.layers.softmax.sampled_cross_entropy import Sample, sampled_mixture_cross_entropy

WIDTH, N = 6, 17
BY_ROW = WordOrder.by_frequency(COUNTS).sorted(COUNTS)
LAYERS = {
    "full": (FullSoftmax, None),
    "adaptive": (AdaptiveSoftmax, [0, 7, 15, V - 1]),
    "class-factored": (ClassFactoredSoftmax, [0, 1, 5, 12, 20, V - 1]),
}


def build(kind: str, *, tied: bool) -> OutputLayer:
    layer, cutoffs = LAYERS[kind]
    inputs = words(WIDTH, cutoffs=cutoffs)
    output: OutputLayer = layer(inputs, WIDTH, BY_ROW, seeded(), tied=tied)
    randomized(inputs, seed=21)
    randomized(output, seed=22)
    return output


def mixture(seed: int) -> tuple[Tensor, Tensor]:
    """ln λ, and ln r, of which one is −inf: no other distribution knows that target."""
    log_weights, log_rest = (-torch.rand(N, generator=seeded(seed + k)) * 5 for k in range(2))
    log_rest[3] = -torch.inf
    return log_weights.requires_grad_(), log_rest.requires_grad_()


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("alone", [0.0, 0.3, 1.0])
def test_value_and_gradients_equal_those_of_autograd(kind: str, tied: bool, alone: float) -> None:
    output = build(kind, tied=tied)
    features, targets = torch.randn(N, WIDTH, generator=seeded(1)).requires_grad_(), random_ids(N, seed=1)
    log_weights, log_rest = mixture(5)
    weights = [features, log_weights, log_rest, output.words.weight, *output.parameters()]
    found = output.log_probs(features, targets)
    mixed = torch.logaddexp(log_weights + found, log_rest)
    expected = -((1 - alone) * mixed + alone * found).mean()
    loss, log_probs = output.mixture_loss(features, targets, log_weights, log_rest, chunk=5, alone=alone)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(log_probs, found.detach())
    assert not log_probs.requires_grad
    options = {"allow_unused": True, "materialize_grads": True}
    ours, theirs = (torch.autograd.grad(value * 3, weights, **options) for value in (loss, expected))
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_without_others_it_is_the_cross_entropy(kind: str) -> None:
    output = build(kind, tied=True)
    features, targets = torch.randn(N, WIDTH, generator=seeded(2)), random_ids(N, seed=2)
    nothing = torch.full((N,), -torch.inf)
    loss, _ = output.mixture_loss(features, targets, torch.zeros(N), nothing, chunk=4, alone=0.5)
    torch.testing.assert_close(loss, output.loss(features, targets))


@pytest.mark.parametrize("kind", LAYERS)
def test_an_improbable_softmax_gets_no_gradient(kind: str) -> None:
    """Far below the others, to the last bit: no NaN where both logarithms are low."""
    output = build(kind, tied=True)
    features, targets = torch.randn(N, WIDTH, generator=seeded(3)).requires_grad_(), random_ids(N, seed=3)
    low = torch.full((N,), -1e4)
    loss, _ = output.mixture_loss(features, targets, low, torch.full((N,), -2.0), chunk=4, alone=0.0)
    (gradient,) = torch.autograd.grad(loss, [features])
    assert loss.item() == pytest.approx(2.0)
    assert (gradient == 0).all()


@pytest.mark.parametrize("samples", [0, 9, V])
@pytest.mark.parametrize("alone", [0.0, 0.3, 1.0])
def test_on_samples_it_is_that_of_the_estimates(samples: int, alone: float) -> None:
    """Value and gradients by autograd of the loss that samples alone give, row by row, mixed with the others."""
    inputs = words(WIDTH)
    output = SampledSoftmax(inputs, WIDTH, BY_ROW, seeded(), tied=False, samples=max(1, samples))
    randomized(inputs, seed=21)
    randomized(output, seed=22)
    output.chances.clamp_(0.05, 1.0)
    features, targets = torch.randn(N, WIDTH, generator=seeded(1)).requires_grad_(), random_ids(N, seed=1)
    log_weights, log_rest = mixture(5)
    drawn = torch.arange(min(samples, V - 1))
    sample = Sample(drawn, output.chances[drawn].log())
    rows = output.words.rank[targets]
    weights = [features, log_weights, log_rest, output.weight, output.bias]
    scores = (features @ output.weight.T + output.bias).gather(1, rows[:, None])
    others = features @ output.weight[drawn].T + output.bias[drawn] - sample.log_chances
    others = others.masked_fill(rows[:, None] == drawn, -torch.inf)
    found = (scores - torch.cat([scores, others], dim=1).logsumexp(dim=1, keepdim=True))[:, 0]
    mixed = torch.logaddexp(log_weights + found, log_rest)
    expected = -((1 - alone) * mixed + alone * found).sum()
    loss, log_probs = sampled_mixture_cross_entropy(
        features, output.weight, output.bias, rows, sample, log_weights, log_rest, chunk=5, alone=alone
    )
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(log_probs, found.detach())
    ours, theirs = (torch.autograd.grad(value * 3, weights) for value in (loss, expected))
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_a_sampled_softmax_mixes_all_words_once_it_is_full() -> None:
    output = SampledSoftmax(words(WIDTH), WIDTH, BY_ROW, seeded(), tied=True, samples=9)
    features, targets = torch.randn(N, WIDTH, generator=seeded(1)), random_ids(N, seed=1)
    log_weights, log_rest = mixture(5)
    losses = []
    for is_full in (False, True):
        output.is_full = is_full
        losses.append(output.mixture_loss(features, targets, log_weights, log_rest, chunk=5, alone=0.3)[0].item())
    output.eval()
    exact = output.mixture_loss(features, targets, log_weights, log_rest, chunk=5, alone=0.3)[0].item()
    assert losses[1] == exact != losses[0]
