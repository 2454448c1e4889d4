"""Batch normalization over real positions: torch's own on those alone, its gradient, its running statistics."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nlmkit.layers.batch_norm import BatchNorm
from nlmkit.layers.temporal import position_mask

LENGTHS = [5, 0, 2, 7]


def rows(columns: int = 7, *, seed: int = 0, noise: float = 0.0) -> tuple[Tensor, Tensor | None, Tensor]:
    """Sequences [4, 3, columns] with ``noise`` at padding, their mask, and the real positions: [14, 3]."""
    source = torch.Generator().manual_seed(seed)
    sequences = 4 + 2 * torch.randn(4, 3, 7, generator=source, dtype=torch.float64)
    sequences = torch.cat([sequences, torch.zeros(4, 3, columns - 7, dtype=torch.float64)], dim=2)
    real = torch.arange(columns) < torch.tensor(LENGTHS)[:, None]
    sequences = torch.where(real[:, None], sequences, noise)
    mask = position_mask(torch.tensor(LENGTHS), columns, sequences)
    return sequences, mask, sequences.transpose(1, 2)[real]


def pair() -> tuple[BatchNorm, nn.BatchNorm1d]:
    """Ours and torch's, with the same scale and shift."""
    ours, theirs = BatchNorm(3).double(), nn.BatchNorm1d(3).double()
    with torch.no_grad():
        ours.weight.copy_(torch.tensor([0.5, 2.0, -1.0]))
        ours.bias.copy_(torch.tensor([0.1, 0.0, 3.0]))
        theirs.weight.copy_(ours.weight)
        theirs.bias.copy_(ours.bias)
    return ours, theirs


@pytest.mark.parametrize("columns", [7, 12])
@pytest.mark.parametrize("noise", [0.0, 50.0])
def test_it_is_batch_normalization_of_the_real_positions(columns: int, noise: float) -> None:
    ours, theirs = pair()
    for step in range(3):
        sequences, mask, packed = rows(columns, seed=step, noise=noise)
        sequences.requires_grad_(True)
        packed = packed.detach().requires_grad_(True)
        found, expected = ours(sequences, mask), theirs(packed)
        real = torch.arange(columns) < torch.tensor(LENGTHS)[:, None]
        torch.testing.assert_close(found.transpose(1, 2)[real], expected)
        assert not found.transpose(1, 2)[~real].any()
        found.pow(3).sum().backward()
        expected.pow(3).sum().backward()
        assert sequences.grad is not None
        assert packed.grad is not None
        torch.testing.assert_close(sequences.grad.transpose(1, 2)[real], packed.grad)
        assert not sequences.grad.transpose(1, 2)[~real].any()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)
    torch.testing.assert_close(ours.mean, theirs.running_mean)
    torch.testing.assert_close(ours.variance, theirs.running_var)
    ours.eval()
    theirs.eval()
    sequences, mask, packed = rows(columns, seed=9, noise=noise)
    torch.testing.assert_close(ours(sequences, mask).transpose(1, 2)[real], theirs(packed))
    assert ours.statistics() == [ours.mean, ours.variance]


def test_without_padding_there_is_no_mask() -> None:
    ours, theirs = pair()
    sequences = torch.randn(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert position_mask(torch.tensor([4, 4]), 4, sequences) is None
    torch.testing.assert_close(ours(sequences, None), theirs(sequences))


def test_its_gradient_is_that_of_finite_differences() -> None:
    norm = BatchNorm(3).double()
    sequences, mask, _ = rows()
    inputs = sequences.clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda *given: norm(given[0], mask), (inputs, norm.weight, norm.bias))


@pytest.mark.parametrize("lengths", [[0, 0], [1, 0]])
def test_no_position_and_one_position_have_an_output(lengths: list[int]) -> None:
    norm = BatchNorm(2)
    with torch.no_grad():
        norm.bias.fill_(3.0)
    sequences = torch.full((2, 2, 2), 5.0)
    found = norm(sequences, position_mask(torch.tensor(lengths), 2, sequences))
    assert found.sum() == 2 * 3.0 * sum(lengths)  # the one value is its own mean
    assert norm.variance.isfinite().all()
    assert "2" in repr(norm)


def test_half_precision_keeps_its_type() -> None:
    norm = BatchNorm(2)
    found = norm(torch.randn(2, 2, 4, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_(), None)
    found.float().square().sum().backward()
    assert found.dtype == torch.bfloat16
    assert norm.mean.dtype == torch.float32
