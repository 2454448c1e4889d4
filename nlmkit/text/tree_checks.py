"""Checks of the columns of a forest: whether they are trees, with words where their form has them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.tree_columns import NONE, Nodes

FORMS: Final = ("constituency", "dependency")


def column_problem(trees: Nodes, form: str, lines: NDArray[np.int64] | None) -> str | None:
    """Return how the columns contradict each other, or None; arguments are as the attributes of ``LabelledTrees``."""
    nodes, offsets, count = len(trees.parent), trees.offsets, len(trees.offsets) - 1
    columns = (trees.word_ids, trees.label_ids, trees.parent, trees.positions)
    problem = None
    if form not in FORMS:
        problem = f"the form of trees must be constituency or dependency, not {form!r}"
    elif any(column.shape != (nodes,) for column in columns):
        problem = "words, labels, parents and positions must have one value per node"
    elif offsets.ndim != 1 or not len(offsets) or offsets[0] != 0 or offsets[-1] != nodes:
        problem = "the offsets of trees must go from 0 to the number of nodes"
    elif (np.diff(offsets) < 1).any():
        problem = "each tree must have a node"
    elif lines is not None and len(lines) != count:
        problem = f"{count} trees and {len(lines)} lines"
    for ids, types, what in ((trees.word_ids, trees.word_types, "word"), (trees.label_ids, trees.label_names, "label")):
        if nodes and not -1 <= int(ids.min()) <= int(ids.max()) < len(types):
            problem = problem or f"the id of a {what} must be an index into the {what} types, or -1"
        if len(set(types)) != len(types):
            problem = problem or f"the {what} types must differ from each other"
    return problem


def shape_problem(trees: Nodes, form: str) -> str | None:
    """Return how parents, words and positions contradict each other, or None."""
    parent, roots = trees.parent, trees.offsets[1:] - 1
    inner = np.ones(len(parent), np.bool_)
    inner[roots] = False
    if ((parent == NONE) == inner).any():
        return "the last node of each tree must be its root, and no other node"
    last = np.repeat(roots, np.diff(trees.offsets))
    if (parent[inner] <= np.flatnonzero(inner)).any() or (parent[inner] > last[inner]).any():
        return "each node must come before its parent, in the same tree"
    has_word, has_children = trees.word_ids >= 0, np.bincount(parent[inner], minlength=len(parent)) > 0
    if form == "constituency" and (has_word == has_children).any():
        return "the leaves of a constituency tree must have words, and no other nodes"
    if form == "dependency" and not has_word.all():
        return "each node of a dependency tree must have a word"
    if ((trees.positions >= 0) != has_word).any():
        return "each node with a word must have a position, and no other node"
    return None
