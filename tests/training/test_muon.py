"""Muon: orthogonalized momentum for matrices, AdamW for everything else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nlmkit.training import muon
from nlmkit.training.muon import ADAM_RMS, MOST_STEPS, Muon, hidden_matrices, orthogonalized, polynomials
from nlmkit.training.optimization import build_optimizer
from nlmkit.training.options import Optimization

CPU = torch.device("cpu")

REACH = (0.157, 0.0383, 0.0091, 0.0021, 0.0005, 0.00012)
"""Smallest singular value of a matrix of norm 1 that so many steps bring near 1."""


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute in float32, whatever this machine does faster."""
    monkeypatch.setattr(muon, "_quick_type", lambda device: torch.float32)


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def polar(matrix: Tensor) -> Tensor:
    """The nearest orthogonal matrix, by singular value decomposition."""
    left, _, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    return torch.mm(left, right)


# ---------------------------------------------------------------------------------------------- orthogonalization


def interval(a: float, b: float, c: float) -> tuple[float, float, float]:
    """Largest error of a x + b x³ + c x⁵ as 1, and the interval on which its error is that at both ends and turns."""
    low, high = np.sort(np.sqrt(np.roots([5 * c, 3 * b, a]).real))
    error = a * low + b * low**3 + c * low**5 - 1
    assert a * high + b * high**3 + c * high**5 - 1 == pytest.approx(-error, rel=0.01)
    ends = [np.roots([c, 0, b, 0, a, -1 - sign * error]) for sign in (-1, 1)]
    left = min(root.real for root in ends[0] if abs(root.imag) < 1e-9 and root.real > 0)
    right = max(root.real for root in ends[1] if abs(root.imag) < 1e-9)
    assert left < low < high < right
    return error, left, right


@pytest.mark.parametrize("steps", range(1, MOST_STEPS + 1))
def test_each_polynomial_is_the_best_one_on_what_the_one_before_leaves(steps: int) -> None:
    # Chebyshev: the best of three coefficients has errors of the same size and of alternate sign at four points.
    error, left, right = interval(*polynomials(steps)[0])
    assert (left, right) == pytest.approx((REACH[steps - 1], 1), rel=0.02)
    for later in polynomials(steps)[1:]:
        leaves = error
        error, left, right = interval(*later)
        assert (1 - left, right - 1) == pytest.approx((leaves, leaves), rel=2e-3)
    assert error == pytest.approx(0.3, abs=0.001)


@pytest.mark.parametrize("shape", [(3, 5, 5), (2, 4, 9), (2, 9, 4), (1, 1, 6), (1, 6, 1)])
def test_singular_values_come_near_one_and_vectors_stay(shape: tuple[int, ...]) -> None:
    matrices = random(*shape)
    for block, found in zip(matrices, orthogonalized(matrices, 6), strict=True):
        values = torch.linalg.svdvals(found)
        assert ((values > 0.69) & (values < 1.31)).all()
        symmetric = found.double().T @ polar(block)  # of the same vectors: V diag(values) Vᵀ
        torch.testing.assert_close(symmetric, symmetric.T, rtol=1e-3, atol=1e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.floats(-6, 6), st.integers(0, 1000))
def test_the_scale_of_a_matrix_has_no_effect(steps: int, exponent: float, seed: int) -> None:
    matrices = random(2, 3, 4, seed=seed)
    torch.testing.assert_close(
        orthogonalized(matrices * 10**exponent, steps), orthogonalized(matrices, steps), rtol=1e-3, atol=1e-4
    )


def test_zeros_stay_zeros_and_a_matrix_of_rank_one_stays_finite_in_bfloat16() -> None:
    assert torch.equal(orthogonalized(torch.zeros(2, 3, 4), 3), torch.zeros(2, 3, 4))
    for steps in range(1, MOST_STEPS + 1):
        ones = torch.ones(1, 40, 70, dtype=torch.bfloat16)
        values = torch.linalg.svdvals(orthogonalized(ones, steps).float())
        assert 0.6 < values.max() < 1.4


def test_bfloat16_is_near_float32() -> None:
    matrices = random(2, 30, 20)
    expected, found = orthogonalized(matrices, 3), orthogonalized(matrices.bfloat16(), 3).float()
    assert float((found - expected).norm() / expected.norm()) < 0.05


# --------------------------------------------------------------------------------------------------------- steps


def groups(matrix: Any, bias: Any, *, blocks: int = 2, decay: float = 0.0) -> list[dict[str, Any]]:
    return [{"params": [matrix], "weight_decay": decay, "blocks": blocks}, {"params": [bias], "weight_decay": 0.0}]


def test_steps_by_hand() -> None:
    matrix, bias = nn.Parameter(random(6, 2)), nn.Parameter(random(5))
    expected, other = matrix.detach().clone(), nn.Parameter(bias.detach().clone())
    optimizer = build_optimizer(groups(matrix, bias, decay=0.1), Optimization(optimizer="muon", lr=0.02), CPU)
    plain = torch.optim.AdamW([other], lr=0.02, weight_decay=0.0)
    momentum = torch.zeros(6, 2)
    for number in range(3):
        matrix.grad, bias.grad = random(6, 2, seed=number), random(5, seed=number)
        other.grad = bias.grad.clone()
        momentum = 0.95 * momentum + matrix.grad
        direction = (matrix.grad + 0.95 * momentum).view(2, 3, 2)
        step = torch.cat(list(orthogonalized(direction, 3)))
        expected = expected * (1 - 0.02 * 0.1) - 0.02 * 0.2 * math.sqrt(3) * step
        optimizer.step()
        plain.step()
        assert torch.equal(matrix.grad, random(6, 2, seed=number))  # still there
    torch.testing.assert_close(matrix.detach(), expected)
    torch.testing.assert_close(bias, other)


def test_the_update_has_the_size_of_adamws() -> None:
    matrix, bias = nn.Parameter(torch.zeros(40, 10)), nn.Parameter(torch.zeros(1))
    optimizer = build_optimizer(groups(matrix, bias), Optimization(optimizer="muon", lr=0.5, muon_steps=6), CPU)
    matrix.grad = random(40, 10)
    optimizer.step()
    assert float(matrix.detach().square().mean().sqrt()) == pytest.approx(0.5 * ADAM_RMS, rel=0.2)


def test_every_other_step_moves_a_matrix_twice_as_far() -> None:
    matrix, bias = nn.Parameter(torch.zeros(4, 4)), nn.Parameter(torch.zeros(3))
    options = Optimization(optimizer="muon", lr=0.02, muon_every=2)
    optimizer = build_optimizer(groups(matrix, bias), options, CPU)
    first, second = random(4, 4, seed=1), random(4, 4, seed=2)
    matrix.grad, bias.grad = first.clone(), torch.ones(3)
    optimizer.step()
    assert not matrix.detach().any()
    assert bias.detach().all()  # AdamW takes every step
    matrix.grad = second.clone()
    optimizer.step()
    direction = second + 0.95 * (0.95 * first + second)
    expected = -2 * 0.02 * 0.2 * 2 * torch.cat(list(orthogonalized(direction.view(2, 2, 4), 3)))
    torch.testing.assert_close(matrix.detach(), expected, rtol=1e-4, atol=1e-6)


def test_a_parameter_without_a_gradient_stays() -> None:
    matrix, bias = nn.Parameter(random(4, 4)), nn.Parameter(random(3))
    before = matrix.detach().clone()
    optimizer = build_optimizer(groups(matrix, bias), Optimization(optimizer="muon", lr=0.02), CPU)
    bias.grad = torch.ones(3)
    optimizer.step()
    assert torch.equal(matrix.detach(), before)
    assert not optimizer.state.get(matrix)


def test_other_optimizers_take_no_notice_of_blocks() -> None:
    matrix, bias = nn.Parameter(random(4, 4)), nn.Parameter(random(3))
    optimizer = build_optimizer(groups(matrix, bias), Optimization(optimizer="adamw", lr=0.02), CPU)
    assert len(optimizer.param_groups) == 1
    assert not isinstance(optimizer, Muon)


def test_hidden_matrices_are_those_that_are_trained() -> None:
    class Gates(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.zeros(6, 2)), nn.Parameter(torch.zeros(6))
            self.stacked = {"weight": 3}

    module = nn.Sequential(Gates(), nn.Linear(2, 3), nn.Linear(3, 3), nn.Conv1d(3, 3, 2))
    module[2].weight.requires_grad_(False)
    assert hidden_matrices(module) == {module[0].weight: 3, module[1].weight: 1}


# ------------------------------------------------------------------------------------------------------- precision


@pytest.mark.parametrize(("has", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_products_are_in_bfloat16_where_the_cpu_has_units(
    has: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(muon, "cpu_units", lambda: "AVX512-BF16" if has else None)
    assert muon._quick_type(CPU) == expected
    assert muon._quick_type(torch.device("mps")) == torch.float32
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **options: has)
    assert muon._quick_type(torch.device("cuda")) == expected
