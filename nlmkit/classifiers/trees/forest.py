"""Trees as word ids and shapes, and batches of them in the order in which a network calculates their nodes."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.documents.neural.batching import Documents, Indices
from nlmkit.layers.tree import Levels
from nlmkit.layers.word_input import PAD_ID


class TreeBatch(NamedTuple):
    """Trees of one step.

    Attributes:
        ids: Ids of the words, in the order of the nodes: int64 [words].
        levels: The nodes of all trees, by height.
        judged: The nodes of which outputs are wanted: int64 [B].
    """

    ids: Tensor
    levels: Levels
    judged: Tensor

    def to(self, device: torch.device) -> TreeBatch:
        """Return a copy on a device."""
        return TreeBatch(self.ids.to(device), self.levels.to(device), self.judged.to(device))


@dataclasses.dataclass(frozen=True, eq=False)
class Forest(Documents):
    """Trees, of which ``ids`` are the word ids of all nodes, ``PAD_ID`` without a word.

    To what batches documents, a tree is a document of one sentence with a word per node.

    Attributes:
        parent: Parent of each node, which comes after it; -1 at roots: int64 [nodes].
    """

    parent: Indices

    @classmethod
    def of(cls, ids: Indices, offsets: Indices, parent: Indices) -> Self:
        """Return trees, given where each begins among the nodes, and where the last one ends: int64 [trees + 1]."""
        return cls(ids, offsets, np.arange(len(offsets), dtype=np.int64), parent)

    def with_ids(self, ids: Indices) -> Forest:
        """Return the same trees with other word ids."""
        changed = dataclasses.replace(self, ids=ids)
        vars(changed).update({name: vars(self)[name] for name in ("heights", "_children") if name in vars(self)})
        return changed

    @property
    def offsets(self) -> Indices:
        """Where each tree begins among the nodes, and where the last one ends: int64 [trees + 1]."""
        return self.sentence_offsets

    @functools.cached_property
    def heights(self) -> Indices:
        """Number of edges from each node down to the deepest leaf below it: int64 [nodes]."""
        waits = np.bincount(self.parent[self.parent >= 0], minlength=len(self.parent))
        found = np.zeros(len(self.parent), np.int64)
        ready, height = np.flatnonzero(waits == 0), 0
        while len(ready):
            found[ready] = height
            height += 1
            parents, counts = np.unique(self.parent[ready], return_counts=True)
            counts, parents = counts[parents >= 0], parents[parents >= 0]
            waits[parents] -= counts
            ready = parents[waits[parents] == 0]
        return found

    @functools.cached_property
    def _children(self) -> tuple[Indices, Indices]:
        """Children of all nodes, node by node, and where those of each node begin: int64 [edges], [nodes + 1]."""
        below = np.flatnonzero(self.parent >= 0)
        children = below[np.argsort(self.parent[below], kind="stable")]
        counts = np.bincount(self.parent[below], minlength=len(self.parent))
        return children, np.append(0, np.cumsum(counts))

    @property
    def most_children(self) -> int:
        """Largest number of children of a node."""
        return int(np.diff(self._children[1]).max(initial=0))

    def padded(self, chosen: Indices) -> int:
        """Return the number of nodes of some trees: batches have no padding."""
        return int(self.lengths[chosen].sum())

    def cells(self, chosen: Indices) -> int:
        """Return the number of nodes of some trees."""
        return self.padded(chosen)

    def trees(self, chosen: Indices, *, judged: NDArray[np.bool_] | None = None) -> tuple[TreeBatch, Indices]:
        """Return a batch of some trees, and its judged nodes as indices of all nodes.

        Args:
            chosen: Indices of the trees: int64 [B].
            judged: Mask of the nodes of which outputs are wanted: bool [nodes]. They are in the order of the trees, and
                within a tree in that of the nodes. By default these are the roots.
        """
        begins, sizes = self.offsets[chosen], self.lengths[chosen]
        ends = np.cumsum(sizes)
        nodes = np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins - (ends - sizes), sizes)
        wordless = self.ids[nodes] == PAD_ID
        keys = 2 * self.heights[nodes] + wordless
        order = np.argsort(keys, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        wanted = ends - 1 if judged is None else np.flatnonzero(judged[nodes])
        levels = self._levels(nodes, order, rank, keys[order])
        ids = self.ids[nodes[order]]
        batch = TreeBatch(torch.from_numpy(ids[ids != PAD_ID]), levels, torch.from_numpy(rank[wanted]))
        return batch, nodes[wanted]

    def batch(self, chosen: Indices) -> TreeBatch:  # type: ignore[override]
        """Return a batch of some trees with their roots as judged nodes; see ``trees``."""
        return self.trees(chosen)[0]

    def _levels(self, nodes: Indices, order: Indices, rank: Indices, keys: Indices) -> Levels:
        """Return the levels of a batch.

        Args:
            nodes: The nodes of its trees, tree by tree.
            order: Their order in the batch, as indices into ``nodes``.
            rank: Place of each in that order.
            keys: Twice the height of each node in the batch, and one more without a word, increasing.
        """
        number = np.bincount(keys, minlength=2).astype(np.int64)
        number = np.append(number, np.zeros(len(number) % 2, np.int64)).reshape(-1, 2)
        bounds = np.append(0, np.cumsum(number.sum(1)))
        below, offsets = self._children
        own = nodes[order]
        degrees = offsets[own + 1] - offsets[own]
        edges = np.append(0, np.cumsum(degrees))
        places = np.arange(edges[-1]) - np.repeat(edges[:-1], degrees)
        children = below[np.repeat(offsets[own], degrees) + places]
        # From an index of all nodes to one of the batch's: the same shift for a whole tree.
        shift = np.repeat((nodes - np.arange(len(nodes)))[order], degrees)
        owners = np.repeat(np.arange(len(own)) - np.repeat(bounds[:-1], np.diff(bounds)), degrees)
        return Levels(
            bounds=tuple(bounds.tolist()),
            words=tuple(number[:, 0].tolist()),
            child_bounds=tuple(edges[bounds].tolist()),
            children=torch.from_numpy(rank[children - shift]),
            owners=torch.from_numpy(owners),
            places=torch.from_numpy(places),
        )

    @functools.cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of a SHA-256 over shapes and word ids."""
        found = hashlib.sha256()
        for array in (self.ids, self.offsets, self.parent):
            found.update(np.ascontiguousarray(array, "<i8").data)
        return found.hexdigest()[:16]
