"""The conditional random field against enumeration of all sequences, and its gradient against autograd's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nlmkit.layers.crf import ConditionalRandomField, log_partition, log_partition_by_logarithms

SCALES = (1.0, 30.0)


def field(tags: int, seed: int, *, scale: float = 1.0) -> ConditionalRandomField:
    """A field with random scores in which the sequence 0 0 0 … is always legal."""
    source = np.random.default_rng(seed)
    legal = source.random(tags) < 0.6, source.random((tags, tags)) < 0.6, source.random(tags) < 0.6
    legal[0][0] = legal[1][0, 0] = legal[2][0] = True
    found = ConditionalRandomField(tags, legal)
    with torch.no_grad():
        for weight in found.parameters():
            weight.copy_(torch.from_numpy(source.normal(scale=scale, size=weight.shape)))
    return found


def enumerated(crf: ConditionalRandomField, emissions: np.ndarray) -> dict[tuple[int, ...], float]:
    """Score of each legal sequence."""
    start, transitions, end = crf.scores()
    found = {}
    for path in itertools.product(range(crf.tags), repeat=len(emissions)):
        score = start[path[0]] + end[path[-1]] + sum(emissions[time, tag] for time, tag in enumerate(path))
        score += sum(transitions[pair] for pair in itertools.pairwise(path))
        if score > -np.inf:
            found[path] = score
    return found


@settings(max_examples=25, deadline=None)
@given(
    tags=st.integers(1, 4),
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    seed=st.integers(0, 10_000),
    scale=st.sampled_from(SCALES),
)
def test_the_loss_equals_enumeration(tags: int, lengths: list[int], seed: int, scale: float) -> None:
    crf = field(tags, seed, scale=scale)
    source = np.random.default_rng(seed)
    emissions = source.normal(scale=scale, size=(len(lengths), max(lengths), tags)).astype(np.float32)
    gold = np.zeros((len(lengths), max(lengths)), np.int64)
    expected = []
    for row, length in enumerate(lengths):
        scores = enumerated(crf, emissions[row, :length].astype(np.float64))
        paths = list(scores)
        gold[row, :length] = path = paths[source.integers(len(paths))]
        expected.append(np.logaddexp.reduce(list(scores.values())) - scores[path])
    loss = crf.loss(torch.from_numpy(emissions), torch.from_numpy(gold), torch.tensor(lengths))
    assert loss.dtype == torch.float64
    np.testing.assert_allclose(loss.detach(), expected, atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4), seed=st.integers(0, 10_000))
def test_the_gradient_equals_that_of_plain_logarithms(lengths: list[int], seed: int) -> None:
    crf = field(3, seed)
    source = torch.Generator().manual_seed(seed)
    emissions = torch.randn(max(lengths), len(lengths), 3, generator=source, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(len(lengths), generator=source, dtype=torch.float64)
    inputs = [emissions, *crf.parameters()]
    found = []
    for function in (log_partition, log_partition_by_logarithms):
        if not len(emissions):
            continue
        values = function(emissions, crf._masked(), torch.tensor(lengths))
        found.append([values, *torch.autograd.grad((values * weights).sum(), inputs, materialize_grads=True)])
    for one, two in zip(*found, strict=True) if found else ():
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)


def test_gradcheck() -> None:
    source = torch.Generator().manual_seed(1)
    emissions = torch.randn(4, 2, 3, generator=source, dtype=torch.float64, requires_grad=True)
    scores = [
        torch.randn(*shape, generator=source, dtype=torch.float64, requires_grad=True) for shape in ((3,), (3, 3), (3,))
    ]
    lengths = torch.tensor([4, 2])
    assert torch.autograd.gradcheck(lambda inputs, *rest: log_partition(inputs, rest, lengths), (emissions, *scores))


@pytest.mark.parametrize("spread", [1e3, 1e6])
def test_scores_whose_probabilities_underflow(spread: float) -> None:
    """The only legal sequence, 0 1 0, has the worst emissions."""
    legal = np.array([True, False]), ~np.eye(2, dtype=bool), np.array([True, False])
    crf = ConditionalRandomField(2, legal)
    emissions = torch.tensor([[[-spread, spread], [spread, -spread], [-spread, spread]]], requires_grad=True)
    loss = crf.loss(emissions, torch.tensor([[0, 1, 0]]), torch.tensor([3]))
    loss.sum().backward()
    assert loss.item() == 0
    assert emissions.grad is not None
    assert not emissions.grad.any()


def test_padding_changes_nothing() -> None:
    crf = field(3, 5)
    source = torch.Generator().manual_seed(2)
    emissions = torch.randn(2, 4, 3, generator=source)
    tags = torch.zeros(2, 4, dtype=torch.int64)

    def losses(emissions: Tensor, tags: Tensor) -> list[float]:
        return crf.loss(emissions, tags, torch.tensor([4, 2])).tolist()

    expected = losses(emissions, tags)
    changed = emissions.clone()
    changed[1, 2:] = 1e4
    tags = tags.clone()
    tags[1, 2:] = 1
    assert losses(changed, tags) == expected
    wider = torch.cat([changed, torch.zeros(2, 3, 3)], dim=1)
    assert losses(wider, torch.cat([tags, torch.ones(2, 3, dtype=torch.int64)], dim=1)) == expected


def test_illegal_scores_are_never_trained() -> None:
    crf = field(3, 7)
    loss = crf.loss(torch.randn(2, 5, 3), torch.zeros(2, 5, dtype=torch.int64), torch.tensor([5, 3]))
    loss.sum().backward()
    for name in ("start", "transitions", "end"):
        assert not getattr(crf, name).grad[~getattr(crf, f"legal_{name}")].any()
    assert np.isneginf(crf.scores()[1]).sum() == (~crf.legal_transitions).sum()


def test_a_long_sequence() -> None:
    crf = field(3, 9)
    emissions = torch.randn(1, 5_000, 3, requires_grad=True)
    loss = crf.loss(emissions, torch.zeros(1, 5_000, dtype=torch.int64), torch.tensor([5_000]))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert emissions.grad is not None
    assert emissions.grad.isfinite().all()
