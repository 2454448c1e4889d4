"""Shapes of constituency trees: binarization."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.tree_columns import NONE, Nodes

Direction = Literal["left", "right"]


def binary_nodes(nodes: Nodes, direction: Direction) -> tuple[Nodes, NDArray[np.int64]]:
    """Return constituency trees with two children at each inner node.

    ``LabelledTrees.binarized`` has the rules. The nodes of the result are in post-order, too.

    Args:
        nodes: The trees, in post-order.
        direction: ``left`` joins the first children first, ``right`` the last ones.

    Returns:
        The binary trees, and the node there that each node of ``nodes`` has become: int64 [nodes].
    """
    parents, counts = nodes.parent.tolist(), np.bincount(nodes.parent[nodes.parent >= 0], minlength=len(nodes.parent))
    arity, words = counts.tolist(), nodes.word_ids.tolist()
    labels, positions, roots = nodes.label_ids.tolist(), nodes.positions.tolist(), set((nodes.offsets[1:] - 1).tolist())
    made: list[list[int]] = [[], [], [], []]  # word, label, parent, position of each node of the result
    new_words, new_labels, new_parent, new_positions = made
    open_: list[list[int]] = [[] for _ in parents]  # children of each node as nodes of the result
    places = np.empty(len(parents), np.int64)
    ends = []

    def append(word: int, label: int, position: int, children: list[int]) -> int:
        node = len(new_parent)
        for values, value in zip(made, (word, label, NONE, position), strict=True):
            values.append(value)
        for child in children:
            new_parent[child] = node
        return node

    for old, parent in enumerate(parents):
        children = open_[old]
        if arity[old] == 1:
            (new,) = children
            if labels[old] >= 0:
                new_labels[new] = labels[old]
        else:
            while len(children) > 2:  # of ``left``, joined already
                children[-2:] = [append(NONE, NONE, NONE, children[-2:])]
            new = append(words[old], labels[old], positions[old], children)
        places[old] = new
        if old in roots:
            ends.append(len(new_parent))
            continue
        siblings = open_[parent]
        siblings.append(new)
        if direction == "left" and len(siblings) == 2 and old + 1 < parent:  # the last child comes just before
            siblings[:] = [append(NONE, NONE, NONE, siblings)]
    return (
        Nodes(
            nodes.word_types,
            np.array(new_words, np.int32),
            nodes.label_names,
            np.array(new_labels, np.int32),
            np.array(new_parent, np.int32),
            np.array(new_positions, np.int32),
            np.array([0, *ends], np.int64),
        ),
        places,
    )
