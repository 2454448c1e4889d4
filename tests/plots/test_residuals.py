"""The picture of a regression."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlmkit.errors import DataError
from nlmkit.regressors.report import RegressionReport, regression_report

pytest.importorskip("matplotlib")

from nlmkit.plots.residuals import plot_residuals


def report(numbers: list[float], predictions: list[float]) -> RegressionReport:
    return regression_report(numbers, predictions, component="toy", model_digest="", resamples=0)


def test_axes_figures_and_title_are_drawn(tmp_path: Path) -> None:
    found = report([1, 2, 3, 4], [1, 2, 3, 6])
    for name in ("r.svg", "r.png", "r.pdf"):
        plot_residuals(found, tmp_path / name, title="a $title$")
    drawn = (tmp_path / "r.svg").read_text(encoding="utf-8")
    for text in ("R² 0.2000, RMSE 1.0000, n = 4", "a $title$", "predicted", "residual: number less predicted"):
        assert text in drawn, text
    assert (tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"


def test_points_are_numbers_by_predictions_and_predictions_by_residuals(tmp_path: Path) -> None:
    """Offsets of the collections are read back: an independent look at what is on the axes."""
    from matplotlib import figure as figures

    kept = []
    original = figures.Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures.Figure, "savefig", lambda self, *a, **k: (kept.append(self), original(self, *a, **k)))
        plot_residuals(report([1, 2, 3, 4], [1.5, 2, 2, 6]), tmp_path / "r.svg")
    left, right = kept[0].axes
    assert left.collections[0].get_offsets().tolist() == [[1, 1.5], [2, 2], [3, 2], [4, 6]]
    assert right.collections[0].get_offsets().tolist() == [[1.5, -0.5], [2, 0], [2, 1], [6, -2]]
    assert left.get_xlim() == left.get_ylim() == pytest.approx((0.75, 6.25))
    assert right.get_ylim() == pytest.approx((-2.15, 1.15))


def test_the_same_report_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        plot_residuals(report([1, 2], [2, 1]), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("numbers", "predictions"),
    [
        ([2.0], [2.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([1e100, -1e100], [1e99, 0]),
        ([1e-90, 2e-90], [0, 0]),
        ([1e9] * 3,) * 2,
    ],
)
def test_equal_huge_and_tiny_numbers_are_drawn(tmp_path: Path, numbers: list[float], predictions: list[float]) -> None:
    """Warnings of matplotlib are errors here."""
    plot_residuals(report(numbers, predictions), tmp_path / "r.png")
    assert (tmp_path / "r.png").stat().st_size > 10_000


def test_of_many_texts_cells_are_drawn(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    numbers = random.integers(1, 11, 30_000).astype(float)
    plot_residuals(report(numbers.tolist(), (numbers + random.normal(size=30_000)).tolist()), tmp_path / "r.svg")
    drawn = (tmp_path / "r.svg").read_text(encoding="utf-8")
    assert ">texts<" in drawn
    assert ">100<" in drawn  # a tick of the logarithmic scale
    assert len(drawn) < 2_000_000


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unsupported picture format"):
        plot_residuals(report([1, 2], [1, 2]), tmp_path / "r.gif")
