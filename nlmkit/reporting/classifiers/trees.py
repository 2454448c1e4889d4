"""Section with trees whose nodes are shaded by their labels."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.classifiers.trees.base import TreeClassifier
from nlmkit.plots.tree import MOST_WORDS, checked_places, have_order
from nlmkit.reporting.blocks import Block, Column, Key, Note, Panel, Panels, Picture, Scale, Section, Table, Value
from nlmkit.reporting.charts.axes import CHARACTER, drawing
from nlmkit.reporting.charts.cells import level
from nlmkit.reporting.charts.lines import mark
from nlmkit.reporting.classifiers.study import ClassifierStudy, Reading
from nlmkit.reporting.common.figures import figure
from nlmkit.reporting.markup import Element
from nlmkit.text.trees import LabelledTrees

_SHOWN = 4
_WORDS = 25  # of a tree that is shown
_LEVEL, _RADIUS = 36.0, 9.0
_LONGEST = 24
_LEAST_WIDTH = 760.0  # so that small trees are not enlarged
_SHORT = 3  # characters of a label that fits into a node


def trees(study: ClassifierStudy) -> Section | None:
    """Return the accuracy at nodes, and the most confident mistakes as trees; None for classifiers of texts."""
    if not study.readings or not isinstance(study.data, LabelledTrees):
        return None
    panels, rows = [], []
    for reading in study.readings:
        study.stage(f"trees of {reading.subject.name}")
        model = cast(TreeClassifier, reading.model)
        accuracy = model.node_accuracy(study.data)
        rows.append((Value(reading.subject.name, color=reading.subject.color), figure(accuracy)))
        panels.append(Panel(reading.subject.name, _of(reading, model, study.data), color=reading.subject.color))
    columns = (Column("Model"), Column("Accuracy at labelled nodes", numeric=True))
    blocks: tuple[Block, ...] = (
        Table(caption="All nodes", columns=columns, rows=tuple(rows)),
        Panels(label="Classifiers", panels=tuple(panels)),
    )
    lead = (
        "Each node has the label that is most probable for the words below it. Point at a node for its words and the "
        "probability. The trees are the most confident mistakes at roots, or the first ones if there are too few."
    )
    return Section(title="Trees", lead=lead, blocks=blocks)


def _of(reading: Reading, model: TreeClassifier, data: LabelledTrees) -> list[Block]:
    order = np.argsort(np.where(reading.hits, 1.0, -reading.confidence), kind="stable").tolist()
    counts = np.diff(data.corpus().offsets)
    small = [place for place in order if 0 < counts[place] <= min(_WORDS, MOST_WORDS)][:_SHOWN]
    if not small:
        return [Note(f"No tree has at most {_WORDS} words.")]
    names = [str(label) for label in reading.classes]
    ordered = have_order(reading.classes)
    found: list[Block] = []
    if ordered:
        found.append(Scale(low=names[0], high=names[-1], scale="diverging"))
    for place in small:
        tree = data.take([place])
        shares = model.predict_proba_nodes(tree)
        title = f"tree {place + 1}: {names[int(reading.best[place])]}, labelled {reading.labels[place]}"
        legend = () if ordered else tuple(Key(name, color) for color, name in enumerate(names[:8]))
        picture = draw(tree, shares, names, ordered=ordered, name=title)
        found.append(Picture(caption=title, drawing=picture, legend=legend, wide=True))
    return found


def draw(tree: LabelledTrees, shares: NDArray[np.float64], names: list[str], *, ordered: bool, name: str) -> Element:
    """Draw one tree, its words below it in the order of the sentence.

    Args:
        tree: The tree.
        shares: Probability of each label at each node: float64 [nodes, labels].
        names: The labels.
        ordered: Whether labels have an order, and nodes a shade of their mean label; or else a color of their label.
        name: Accessible name.
    """
    x, y = checked_places(tree, shares, names)
    words = [word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…" for word in tree.words]
    step = max(30.0, max(map(len, words)) * CHARACTER * 0.62 + 8)
    top = float(y.max())
    slant = max(map(len, words)) * CHARACTER * 0.75 + 24
    own = step * (float(x.max()) + 1) + 60
    width, height = max(_LEAST_WIDTH, own), _LEVEL * (top + 1) + slant
    across = [60 + (width - own) / 2 + step * value for value in x.tolist()]
    down = [16 + _LEVEL * (top - value) for value in y.tolist()]
    floor = 16 + _LEVEL * top + 22
    picture = drawing(name, width=width, height=height)
    lines, marks, texts = Element("g", class_="axis"), Element("g"), Element("g", class_="axis")
    for node, parent in enumerate(tree.parent.tolist()):
        if parent >= 0:
            ends: dict[str, Any] = {"x1": across[node], "y1": down[node], "x2": across[parent], "y2": down[parent]}
            lines.add(Element("line", class_="base", **ends))
        best = int(shares[node].argmax())
        tip = f"{words[node] or 'phrase'}: {names[best]} {shares[node, best]:.1%}"
        if ordered:
            mean = float(shares[node] @ np.linspace(-1, 1, len(names)))
            shade = level(mean, -1.0, 1.0)
            circle = Element("circle", cx=across[node], cy=down[node], r=_RADIUS, class_=f"d{shade} node", data_tip=tip)
            marks.add(circle)
            if len(names[best]) <= _SHORT:
                middle: dict[str, Any] = {"x": across[node], "y": down[node] + 4, "text_anchor": "middle"}
                marks.add(Element("text", names[best], class_=f"u{shade}", **middle))
        else:
            marks.add(Element("g", mark(best % 8, across[node], down[node], tip), class_=f"series c{best % 8}"))
        if words[node]:
            turn = f"rotate(-45 {across[node]:.2f} {floor:.2f})"
            texts.add(Element("text", words[node], x=across[node], y=floor, text_anchor="end", transform=turn))
    return picture.add(lines, marks, texts)
