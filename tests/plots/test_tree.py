"""The picture of a tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit.errors import DataError
from nlmkit.text.trees import LabelledTrees

pytest.importorskip("matplotlib")

import matplotlib

from nlmkit.plots.tree import MOST_WORDS, plot_tree

TREE = LabelledTrees.from_strings(["(4 (2 电影) (4 (0 not) (3 $x$)))"])
SHARES: list[list[float]] = [[0, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0.5, 0.5], [0, 0, 0, 0, 1]]
LABELS = ["0", "1", "2", "3", "4"]


def drawn(*arguments: Any, **options: Any) -> Any:
    """Draw a tree and return its axes."""
    from matplotlib import figure as figures

    kept = []
    original = figures.Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures.Figure, "savefig", lambda self, *a, **k: (kept.append(self), original(self, *a, **k)))
        plot_tree(*arguments, **options)
    return kept[0].axes


@pytest.mark.slow
def test_words_and_labels_are_drawn_and_the_same_tree_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("p.svg", "q.svg", "p.png"):
        plot_tree(TREE, SHARES, LABELS, tmp_path / name, title="a $title$")
    content = (tmp_path / "p.svg").read_text(encoding="utf-8")
    for text in ("电影", "not", "$x$", "0", "4", "mean label", "a $title$"):
        assert f">{text}<" in content, text
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "p.svg").read_bytes() == (tmp_path / "q.svg").read_bytes()


@pytest.mark.slow
def test_nodes_are_above_the_middle_of_their_children(tmp_path: Path) -> None:
    axes, bar = drawn(TREE, SHARES, LABELS, tmp_path / "p.svg")
    nodes = [(*text.get_position(), text.get_text()) for text in axes.texts if text.get_bbox_patch() is not None]
    assert nodes == [(0, 0, "2"), (1, 0, "0"), (2, 0, "3"), (1.5, 1, "3"), (0.75, 2, "4")]
    assert [label.get_text() for label in bar.get_yticklabels()] == LABELS
    scale = matplotlib.colormaps["RdBu"]
    colors = [text.get_bbox_patch().get_facecolor() for text in axes.texts if text.get_bbox_patch() is not None]
    assert colors == [pytest.approx(scale(value)) for value in (0.5, 0.0, 0.75, 0.875, 1.0)]


@pytest.mark.slow
def test_labels_without_an_order_have_a_color_each(tmp_path: Path) -> None:
    tree = LabelledTrees.from_dependencies([[(2, "the", "DET"), (0, "dogs", "a_long_label")]])
    shares = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
    (axes,) = drawn(tree, shares, ["DET", "X", "a_long_label"], tmp_path / "p.svg")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["DET", "a_long_label"]
    nodes = [(*text.get_position(), text.get_text()) for text in axes.texts if text.get_bbox_patch() is not None]
    assert nodes == [(0, 0, "DET"), (1, 1, "a_long_…")]
    kinds = np.asarray(matplotlib.colormaps["tab10"](range(3)))
    colors = [text.get_bbox_patch().get_facecolor() for text in axes.texts if text.get_bbox_patch() is not None]
    assert colors == [pytest.approx(0.5 + 0.5 * kinds[0]), pytest.approx(kinds[2])]
    for labels, count in ((["negative", "neutral", "positive"], 2), (["neg", "pos", "x"], 1), ([-1, 0, 1], 2)):
        assert len(drawn(tree, shares, labels, tmp_path / "p.svg")) == count
    assert len(drawn(tree, shares, ["a", "b", "c"], tmp_path / "p.svg", ordered=True)) == 2


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    path = tmp_path / "p.svg"
    with pytest.raises(DataError, match="2 trees: a picture shows one"):
        plot_tree(TREE.take([0, 0]), SHARES, LABELS, path)
    with pytest.raises(DataError, match=r"probabilities of shape \(5, 5\) for 5 nodes and 4 labels"):
        plot_tree(TREE, SHARES, LABELS[:4], path)
    wide = LabelledTrees.from_strings(["(1 " + "a " * (MOST_WORDS + 1) + ")"])
    with pytest.raises(DataError, match="a tree of 61 words and 1 levels is too large to draw"):
        plot_tree(wide, np.ones((wide.nodes, 2)) / 2, [0, 1], path)
    high = LabelledTrees.from_strings(["(1 " * 300 + "a" + ")" * 300])
    with pytest.raises(DataError, match="a tree of 1 words and 299 levels is too large"):
        plot_tree(high, np.ones((high.nodes, 2)) / 2, [0, 1], path)
    with pytest.raises(DataError, match="unsupported picture format"):
        plot_tree(TREE, SHARES, LABELS, tmp_path / "p.gif")
