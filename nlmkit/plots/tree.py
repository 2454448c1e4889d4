"""Picture of a tree with the labels of its nodes; matplotlib is imported only for drawing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError
from nlmkit.plots.figure import check_plot, printable, save_figure
from nlmkit.plots.fonts import noted_drawing
from nlmkit.text.trees import LabelledTrees

MOST_WORDS: Final = 60
"""Number of words up to which a tree is drawn."""

_MOST_LEVELS: Final = 200  # height of the picture in levels; unary chains can make a tree of few words higher
_LONGEST: Final = 24  # characters of a word
_LONGEST_LABEL: Final = 8  # characters of a label in a node
_KINDS: Final = 10  # colors of labels that have no order
_POLES: Final = ({"neg", "pos"}, {"neg", "neu", "pos"})


def plot_tree(
    tree: LabelledTrees,
    probabilities: ArrayLike,
    labels: Sequence[Any],
    path: str | os.PathLike[str],
    *,
    ordered: bool | None = None,
    title: str = "",
) -> None:
    """Draw a tree, its words below it in the order of the sentence, each node with its most probable label.

    Labels with an order, such as sentiment from 0 to 4, are drawn on a diverging scale from red to blue: a node's color
    is its mean label, where the first of ``labels`` is -1 and the last one 1. Others have a color each, as strong as
    the label is probable.

    Args:
        tree: One tree, of at most 60 words.
        probabilities: Probability of each label at each node, as ``predict_proba_nodes`` returns it: [nodes, labels].
        labels: The labels, two or more, from low to high if they have an order.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        ordered: Whether the labels have an order; by default, if they are numbers, or begin with neg and pos, or with
            neg, neu and pos.
        title: Title of the picture.

    Characters missing from all fonts are noted.

    Raises:
        DataError: There is another number of trees than one, the tree is too large, or the probabilities have another
            shape; the file's suffix is unknown, or its folder is not writable.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: The file cannot be written.
    """
    check_plot(path)
    shares = np.asarray(probabilities, np.float64)
    x, y = checked_places(tree, shares, labels)
    from matplotlib.figure import Figure

    names = [printable(str(label)) for label in labels]
    words = [printable(word[:_LONGEST]) for word in tree.words]
    heading = printable(title)
    is_ordered = have_order(labels) if ordered is None else ordered
    # With a salt, the same tree gives the same file.
    with noted_drawing("".join([*words, *names, heading]), Path(path), {"svg.hashsalt": "nlmkit"}):
        width = 2.0 + 0.75 * (x.max() + 1)
        figure = Figure(figsize=(max(width, 4.0), 1.6 + 0.55 * (y.max() + 1)), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        for node, parent in enumerate(tree.parent.tolist()):
            if parent >= 0:
                axes.plot([x[node], x[parent]], [y[node], y[parent]], color="0.6", linewidth=1, zorder=1)
        colors = _diverging(figure, axes, shares, names) if is_ordered else _by_kind(axes, shares, names)
        for node, best in enumerate(shares.argmax(axis=1).tolist()):
            dark = _is_dark(colors[node])
            box = {"boxstyle": "round,pad=0.3", "facecolor": tuple(colors[node]), "edgecolor": "0.4", "linewidth": 0.6}
            style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8, "zorder": 2, "bbox": box}
            label = names[best] if len(names[best]) <= _LONGEST_LABEL else f"{names[best][: _LONGEST_LABEL - 1]}…"
            axes.text(x[node], y[node], label, color="white" if dark else "black", **style)
            if words[node]:
                axes.text(x[node], -0.5, words[node], ha="right", va="top", rotation=45, rotation_mode="anchor")
                if y[node] > 0:
                    ends = [y[node], -0.4]
                    axes.plot([x[node]] * 2, ends, color="0.85", linestyle=":", linewidth=0.8, zorder=0)
        axes.set_xlim(-0.8, x.max() + 0.8)
        axes.set_ylim(-1.0, y.max() + 0.6)
        axes.set_axis_off()
        axes.set_title(heading, parse_math=False)
        save_figure(figure, path)


def checked_places(
    tree: LabelledTrees, shares: NDArray[np.float64], labels: Sequence[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the places of the nodes: words at their positions, other nodes above the middle of their children.

    Raises:
        DataError: As for ``plot_tree``.
    """
    if len(tree) != 1:
        raise DataError(f"{len(tree)} trees: a picture shows one", source=tree.source)
    if len(labels) < 2 or shares.shape != (tree.nodes, len(labels)):
        raise DataError(
            f"probabilities of shape {shares.shape} for {tree.nodes} nodes and {len(labels)} labels: expected one row "
            "per node, one column per label, and two labels or more"
        )
    height, depth = np.zeros(tree.nodes), np.zeros(tree.nodes)
    parents = tree.parent.tolist()
    for node, parent in enumerate(parents[:-1]):
        height[parent] = max(height[parent], height[node] + 1)
    for node in range(tree.nodes - 2, -1, -1):
        depth[node] = depth[parents[node]] + 1
    count = int(tree.positions.max()) + 1
    if count > MOST_WORDS or height[-1] > _MOST_LEVELS:
        problem = f"a tree of {count} words and {int(height[-1])} levels is too large to draw"
        raise DataError(f"{problem}: at most {MOST_WORDS} words and {_MOST_LEVELS} levels", source=tree.source)
    x = tree.positions.astype(np.float64)
    if tree.form == "dependency":
        return x, depth.max() - depth
    total, children = np.zeros(tree.nodes), np.zeros(tree.nodes)
    for node, parent in enumerate(parents):
        if children[node]:
            x[node] = total[node] / children[node]
        if parent >= 0:
            total[parent] += x[node]
            children[parent] += 1
    return x, height


def have_order(labels: Sequence[Any]) -> bool:
    """Return whether labels have an order: numbers, or negative, neutral and positive."""
    texts = [str(label).casefold() for label in labels]
    return all(text.lstrip("+-").isdecimal() for text in texts) or {text[:3] for text in texts} in _POLES


def _diverging(figure: Any, axes: Any, shares: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Return the color of each node by its mean label, and draw the scale."""
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    places = np.linspace(-1, 1, len(names))
    scale = matplotlib.colormaps["RdBu"]
    bar = figure.colorbar(ScalarMappable(Normalize(-1, 1), scale), ax=axes, ticks=places, label="mean label", pad=0.02)
    bar.ax.set_yticklabels(names, parse_math=False)
    found: NDArray[np.float64] = np.asarray(scale((shares @ places + 1) / 2))
    return found


def _by_kind(axes: Any, shares: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Return the color of each node's label, paler the less probable it is, and draw the legend of those that occur."""
    import matplotlib
    from matplotlib.patches import Patch

    kinds = np.asarray(matplotlib.colormaps["tab10"](np.arange(len(names)) % _KINDS))
    best = shares.argmax(axis=1)
    strength = shares.max(axis=1, keepdims=True)
    handles = [Patch(color=tuple(kinds[label]), label=names[label]) for label in np.unique(best).tolist()]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    found: NDArray[np.float64] = 1 - strength * (1 - kinds[best])
    return found


def _is_dark(color: NDArray[np.float64]) -> bool:
    """Return whether white letters are easier to read on a color."""
    return float(color[:3] @ np.array([0.299, 0.587, 0.114])) < 0.5
