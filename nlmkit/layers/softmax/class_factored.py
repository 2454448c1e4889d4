"""Class-factored softmax."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nlmkit.errors import HyperParameterError
from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.softmax.base import OutputLayer, initial_rows, log_shares, refuse_smoothing
from nlmkit.layers.softmax.cross_entropy import CHUNK, linear_cross_entropy, picked_log_probs


def class_cutoffs(counts: NDArray[np.int64], classes: int | None) -> NDArray[np.int64]:
    """Return the first row of each class, then the end: int64 [classes + 1].

    Classes are ranges of the words by frequency with about the same sum of √count, as in the rnnlm toolkit (Mikolov
    et al. 2011): frequent words are in small classes, and no class is very large.

    Args:
        counts: Training counts by row: int64 [words].
        classes: Number of classes; None for the square root of the number of words.

    Raises:
        HyperParameterError: There are more classes than words.
    """
    words = len(counts)
    if classes is None:
        classes = max(1, round(math.sqrt(words)))
    if classes > words:
        raise HyperParameterError(f"softmax_classes={classes} exceeds the {words} words of the vocabulary")
    mass = np.cumsum(np.sqrt(counts + 1.0))
    begins = np.searchsorted(mass, mass[-1] * np.arange(1, classes) / classes, side="right")
    # Classes must not be empty: each starts at least one row after the one before and leaves a row for each later one.
    steps = np.arange(1, classes)
    begins = np.maximum.accumulate(np.maximum(begins, 1) - steps) + steps
    begins = np.minimum(begins, words - classes + steps)
    return np.concatenate([[0], begins, [words]]).astype(np.int64)


class ClassFactoredSoftmax(OutputLayer):
    """p(w) = p(class of w) · p(w | class), both softmaxes (Goodman 2001).

    A training step computes all classes, but only the words of the target's class.

    Args:
        words: Input layer; the cutoffs of its order are the starts of the classes.
        width: Width d of the features.
        counts: Training counts by row: int64 [V − 1].
        generator: Source of the initial weights.
        tied: Use the word vectors as weights of the words within their class.
    """

    def __init__(
        self, words: WordVectors, width: int, counts: NDArray[np.int64], generator: torch.Generator, *, tied: bool
    ) -> None:
        super().__init__(words, width, tied=tied)
        begins = words.order.cutoffs[:-1]
        self.class_weight = initial_rows(len(begins), width, generator)
        self.class_bias = log_shares(np.add.reduceat(counts, begins))
        if not tied:
            self.weight = initial_rows(self.predictable, width, generator)
        self.bias = log_shares(counts)

    def grown_cutoffs(self, old: NDArray[np.int64]) -> NDArray[np.int64]:
        """Keep the old classes; new words fill the added classes, or else join the last one."""
        further = len(self.words.cutoffs) - len(old)
        if not further:
            return np.append(old[:-1], self.predictable)
        return np.append(old[:-1], np.linspace(old[-1], self.predictable, further + 1).astype(np.int64))

    def check_cutoffs(self, cutoffs: NDArray[np.int64]) -> None:
        """Check nothing more: loading already requires the number of classes to match."""

    def loss(self, features: Tensor, targets: Tensor, *, chunk: int = CHUNK, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy."""
        refuse_smoothing(label_smoothing, "class-factored")
        rows = self.words.rank[targets]
        classes = self._classes(rows)
        total = linear_cross_entropy(
            features, self.class_weight, self.class_bias, classes, chunk=chunk, bfloat16=self._lowered
        )
        begins, weights, biases = self._by_class()
        for number, places in _groups(classes, len(weights)):
            part, local = features.index_select(0, places), rows[places] - begins[number]
            total = total + linear_cross_entropy(
                part, weights[number], biases[number], local, chunk=chunk, bfloat16=self._lowered
            )
        return total / len(rows)

    def log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return ln p(target): [N]."""
        rows, never = self._rows(targets)
        classes = self._classes(rows)
        found = picked_log_probs(features, self.class_weight, self.class_bias, classes)
        begins, weights, biases = self._by_class()
        for number, places in _groups(classes, len(weights)):
            local = rows[places] - begins[number]
            within = picked_log_probs(features[places], weights[number], biases[number], local)
            found = found.index_add(0, places, within)
        return found.masked_fill(never, -torch.inf)

    def _log_probs_by_row(self, features: Tensor) -> Tensor:
        classes = functional.linear(features, self.class_weight, self.class_bias).log_softmax(dim=1)
        sizes = self.words.cutoffs.diff().tolist()
        within = torch.split(functional.linear(features, self._weights(), self.bias), sizes, dim=1)
        parts = [part.log_softmax(dim=1) + classes[:, number, None] for number, part in enumerate(within)]
        return torch.cat(parts, dim=1)

    def _weights(self) -> Tensor:
        return self.words.weight[:-1] if self.tied else self.weight

    def _by_class(self) -> tuple[list[int], tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return, per class, the first row, and the weights and biases of its words."""
        sizes = self.words.cutoffs.diff().tolist()
        return self.words.cutoffs.tolist(), torch.split(self._weights(), sizes), torch.split(self.bias, sizes)

    def _classes(self, rows: Tensor) -> Tensor:
        """Return the class of each row."""
        return torch.bucketize(rows, self.words.cutoffs[1:-1], right=True)


def _groups(classes: Tensor, number: int) -> Iterator[tuple[int, Tensor]]:
    """Yield each class that occurs with its positions: int64 [positions]."""
    sizes = torch.bincount(classes, minlength=number).tolist()
    for group, places in enumerate(torch.split(classes.argsort(stable=True), sizes)):
        if len(places):
            yield group, places
