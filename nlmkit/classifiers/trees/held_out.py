"""Training and held-out trees of a neural classifier of trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.classifiers.trees.words import TreeCorpus
from nlmkit.documents.neural.batching import dev_split

Targeted = tuple[TreeCorpus, NDArray[np.int64]]
"""Trees, and the class of each node or -1."""


def held_out_trees(
    corpus: TreeCorpus, targets: NDArray[np.int64], valid: Targeted | None, *, share: float, seed: int
) -> tuple[TreeCorpus, NDArray[np.int64], Targeted | None, dict[str, Any], list[str]]:
    """Return training and held-out trees, how they were split, and notes.

    Trees without any class are left out, with a note.

    Args:
        corpus: Training trees.
        targets: Class of each of their nodes, or -1: int64 [nodes].
        valid: Given held-out trees, or None.
        share: Share of the training trees to hold out otherwise, class by class of their roots; only trees whose root
            has a class are held out.
        seed: Seed of the choice.
    """
    notes = []
    labelled = np.add.reduceat(targets >= 0, corpus.forest.offsets[:-1], dtype=np.int64) > 0
    if not labelled.all():
        notes.append(f"{int((~labelled).sum())} training trees are ignored: they have no label to learn")
        corpus, targets = some_trees(corpus, targets, np.flatnonzero(labelled))
    if valid is not None:
        return corpus, targets, valid, {"trees": valid[0].sentences, "chosen": "given"}, notes
    dev = np.empty(0, np.int64)
    if share:
        of_roots = targets[corpus.forest.roots]
        rooted = np.flatnonzero(of_roots >= 0)
        dev = rooted[dev_split(of_roots[rooted], share, seed)[1]]
    if not len(dev):
        notes.append("no held-out trees: early stopping was not possible, and the last weights were kept")
        return corpus, targets, None, {"trees": 0, "chosen": "none"}, notes
    chosen = f"{share:g} of the training trees, class by class, seed {seed}"
    train = np.setdiff1d(np.arange(corpus.sentences), dev)
    watched = some_trees(corpus, targets, dev)
    return *some_trees(corpus, targets, train), watched, {"trees": len(dev), "chosen": chosen}, notes


def some_trees(corpus: TreeCorpus, targets: NDArray[np.int64], chosen: NDArray[np.int64]) -> Targeted:
    """Return the trees with these indices, with only their own words, and their targets."""
    trees = corpus.forest
    assert corpus.pipeline is not None
    sizes = trees.sizes[chosen]
    ends = np.cumsum(sizes)
    nodes = np.arange(ends[-1] if len(ends) else 0) + np.repeat(trees.offsets[:-1][chosen] - (ends - sizes), sizes)
    return TreeCorpus.of_trees(trees.take(chosen), corpus.pipeline), targets[nodes]
