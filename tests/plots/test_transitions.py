"""The picture of the transitions of a chain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlmkit.decoding.chain import Chain
from nlmkit.errors import DataError

pytest.importorskip("matplotlib")

from nlmkit.plots.transitions import MOST_TAGS, plot_transitions

NONE = -np.inf
CHAIN = Chain(np.array([0.5, NONE]), np.array([[-2.0, 1.0], [NONE, 0.25]]), np.array([NONE, 3.0]))


@pytest.mark.slow
def test_scores_are_rows_before_and_columns_after_and_illegal_ones_are_empty(tmp_path: Path) -> None:
    from matplotlib import figure as figures

    kept = []
    original = figures.Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures.Figure, "savefig", lambda self, *a, **k: (kept.append(self), original(self, *a, **k)))
        for name in ("t.svg", "u.svg"):
            plot_transitions(CHAIN, ["S-$x_y$", "O"], tmp_path / name, title="m")
    axes = kept[0].axes[0]
    drawn_scores = axes.images[0].get_array().filled(np.nan)
    np.testing.assert_array_equal(drawn_scores, [[np.nan, 0.5, np.nan], [0.25, np.nan, 3], [1, -2, np.nan]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["start", "O", "S-$x_y$"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["O", "S-$x_y$", "end"]
    assert [text.get_text() for text in axes.texts] == ["0.5", "0.2", "3.0", "1.0", "-2.0"]
    drawn = (tmp_path / "t.svg").read_text(encoding="utf-8")
    for text in ("tag before", "tag after", "S-$x_y$", "m"):
        assert f">{text}<" in drawn
    assert (tmp_path / "t.svg").read_bytes() == (tmp_path / "u.svg").read_bytes()


@pytest.mark.slow
def test_many_tags_are_cut_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    size = MOST_TAGS + 3
    chain = Chain(np.zeros(size), np.full((size, size), NONE), np.full(size, NONE))
    plot_transitions(chain, [f"T{number}" for number in range(size)], tmp_path / "t.svg")
    drawn = (tmp_path / "t.svg").read_text(encoding="utf-8")
    assert drawn.count(">T") == 2 * MOST_TAGS
    assert ">end<" in drawn
    assert f"the first {MOST_TAGS} of {size} tags are drawn" in caplog.text


def test_names_must_be_as_many_as_tags(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 names for transitions between 2 tags"):
        plot_transitions(CHAIN, ["O"], tmp_path / "t.svg")
