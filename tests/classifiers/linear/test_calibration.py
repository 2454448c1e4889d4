"""Platt's scaling against a regression that knows nothing of it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from nlmkit.classifiers.linear import calibration
from nlmkit.classifiers.linear.calibration import fit_scale_and_offsets, softmax


def drawn(texts: int, classes: int, scale: float, offsets: list[float]) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    margins = generator.normal(size=(texts, classes))
    if classes == 2:
        margins = np.stack([-margins[:, 1], margins[:, 1]], axis=1)
    shares = softmax(scale * margins + offsets)
    return margins, (generator.random((texts, 1)) > shares.cumsum(axis=1)).sum(axis=1)


def test_softmax_survives_large_margins() -> None:
    found = softmax(np.array([[1e5, 0.0], [-1e5, -1e5], [0.0, np.log(3)]]))
    assert found == pytest.approx(np.array([[1, 0], [0.5, 0.5], [0.25, 0.75]]))


def test_two_classes_are_platts_sigmoid() -> None:
    margins, targets = drawn(3000, 2, 1.7, [0.4, -0.4])
    scale, offsets = fit_scale_and_offsets(margins, targets)
    regression = LogisticRegression(C=1e9).fit(margins[:, 1:], targets)
    assert 2 * scale == pytest.approx(regression.coef_[0, 0], rel=0.01)
    assert offsets[1] - offsets[0] == pytest.approx(regression.intercept_[0], rel=0.02)


def test_scale_and_offsets_are_found_again() -> None:
    margins, targets = drawn(20_000, 3, 0.6, [0.5, 0.0, -0.5])
    scale, offsets = fit_scale_and_offsets(margins, targets)
    assert scale == pytest.approx(0.6, abs=0.03)
    assert offsets == pytest.approx([0.5, 0.0, -0.5], abs=0.06)
    assert offsets.sum() == pytest.approx(0, abs=1e-12)


def test_blocks_do_not_change_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    margins, targets = drawn(500, 3, 0.6, [0.5, 0.0, -0.5])
    scale, offsets = fit_scale_and_offsets(margins, targets)
    monkeypatch.setattr(calibration, "_BLOCK", 40)
    in_blocks = fit_scale_and_offsets(margins, targets)
    assert in_blocks[0] == pytest.approx(scale, rel=1e-4)
    assert in_blocks[1] == pytest.approx(offsets, abs=1e-4)


def test_margins_that_are_always_right_or_say_nothing_give_finite_scales() -> None:
    targets = np.array([0, 1] * 20)
    right = np.where(targets[:, None] == [[0, 1]], 1.0, -1.0)
    scale, _ = fit_scale_and_offsets(right, targets)
    assert softmax(scale * right).max() == pytest.approx(1 - 1 / 42, abs=1e-3)
    flat, offsets = fit_scale_and_offsets(np.zeros((40, 2)), targets)
    assert np.isfinite(flat)
    assert offsets == pytest.approx([0, 0], abs=1e-6)
