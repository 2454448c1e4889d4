"""Answers of ``nlmkit classify`` to trees: labels of roots, or of all nodes, and a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.cli import output
from nlmkit.core.notes import note
from nlmkit.plots.tree import MOST_WORDS, plot_tree
from nlmkit.text.tree_streaming import stream_trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.cli.kinds.labelled import LabelledPart
    from nlmkit.cli.trees import TreeOptions
    from nlmkit.text import Decoding
    from nlmkit.text.trees import LabelledTrees


def answer_trees(
    part: LabelledPart,
    component: Any,
    texts: Sequence[str],
    decoding: Decoding,
    options: TreeOptions,
    *,
    as_json: bool,
    with_text: bool,
) -> None:
    """Print the label of each tree.

    Args:
        part: Part of the command line for classifiers.
        component: The classifier.
        texts: Names of the files.
        decoding: Of the files.
        options: What is read, printed of each tree, and drawn.
        as_json: Whether to print a line of JSON per tree.
        with_text: Whether to print the words, too.

    Raises:
        DataError: A file is missing or malformed, after the answers to the trees before the fault.
    """
    to_draw = options.plot
    for trees in stream_trees(texts, decoding, options.format):
        corpus = component.encode(trees)
        of_nodes = component.predict_proba_nodes(corpus) if options.nodes or to_draw else None
        for index, facts in enumerate(part.answers(component, corpus)):
            if of_nodes is not None and options.nodes:
                facts["nodes"] = _nodes(component, trees, index, of_nodes, facts)
            if with_text:
                facts["text"] = trees.texts[index]
            output.write(output.to_json(facts) + "\n" if as_json else _row(part, trees, index, facts))
        output.flush()
        if to_draw is not None and of_nodes is not None and _draw(component, trees, of_nodes, to_draw):
            to_draw = None
    if to_draw is not None:
        note(f"{to_draw} is not drawn: no tree has at most {MOST_WORDS} words")


def _nodes(
    component: Any, trees: LabelledTrees, index: int, of_nodes: NDArray[np.float64], root: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the answer for each node of a tree, in post-order; the root's is that of the tree."""
    start, end = int(trees.offsets[index]), int(trees.offsets[index + 1])
    names, best = component.classes_.tolist(), of_nodes[start:end].argmax(axis=1).tolist()
    found = []
    parents = trees.parent[start:end].tolist()
    for node, text in enumerate(_phrases(trees, start, end)):
        share = float(of_nodes[start + node, best[node]])
        parent = None if parents[node] < 0 else parents[node] - start
        found.append({"label": names[best[node]], "probability": share, "text": text, "parent": parent})
    found[-1] |= {name: root[name] for name in ("label", "probability")}
    return found


def _phrases(trees: LabelledTrees, start: int, end: int) -> Iterator[str]:
    """Yield the words below each node of a tree, or of dependency trees the word of each node."""
    words = [trees.word_types[id_] if id_ >= 0 else "" for id_ in trees.word_ids[start:end].tolist()]
    if trees.form == "dependency":
        yield from words
        return
    first = list(range(end - start))  # node with which each begins, the first of its leaves
    for node, parent in enumerate(trees.parent[start:end].tolist()):
        if parent >= 0:
            first[parent - start] = min(first[parent - start], first[node])
    for node in range(end - start):
        yield " ".join(filter(None, words[first[node] : node + 1]))


def _row(part: LabelledPart, trees: LabelledTrees, index: int, facts: dict[str, Any]) -> str:
    cells = [part.answer_cell(name, facts[name]) for name in part.answer_columns]
    if "nodes" in facts:
        cells.append(output.escape_controls(_labelled(trees, index, [str(node["label"]) for node in facts["nodes"]])))
    if "text" in facts:
        cells.append(output.for_terminal(facts["text"]))
    return "\t".join(cells) + "\n"


def _labelled(trees: LabelledTrees, index: int, labels: list[str]) -> str:
    """Return a tree with labels: brackets, or ``word:label`` for each word of a dependency tree."""
    tree = trees.take([index])
    names = [*dict.fromkeys(labels)]
    tree = tree.with_node_labels([names.index(label) for label in labels], names)
    if tree.form == "constituency":
        return tree.string(0)
    words, order = tree.words, tree.in_sentence_order.tolist()
    return " ".join(f"{words[node]}:{labels[node]}" for node in order)


def _draw(component: Any, trees: LabelledTrees, of_nodes: NDArray[np.float64], path: str) -> bool:
    """Draw the first tree that is small enough; return whether there is one."""
    counts = np.diff(trees.corpus().offsets)
    small = np.flatnonzero(counts <= MOST_WORDS)
    if not len(small):
        return False
    index = int(small[0])
    start, end = trees.offsets[index], trees.offsets[index + 1]
    plot_tree(trees.take([index]), of_nodes[start:end], component.classes_.tolist(), path)
    return True
