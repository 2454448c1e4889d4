"""Cost model of a training step: multiplications by part, memory, and seconds at a measured speed.

Products of matrices take 2 floating-point operations per weight and word forward and 4 backward. What else a step does
(gates, softmax, masks, the optimizer's update) is counted in exponentials of equal time. This module imports neither
torch nor NumPy.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

FLOPS_PER_WEIGHT: Final = 6
"""Floating-point operations per weight and word of a training step: 2 forward, 4 backward."""

_GROWTH: Final = 10  # of the clusters of the adaptive softmax
_EULER: Final = 0.577
_COLUMNS_AT_HALF: Final = 12.0
_GATE_MOVES, _VECTOR_MOVES, _LOGIT_MOVES, _UPDATE_MOVES = 12.0, 8.0, 5.0, 4.0
_ROW_SECONDS: Final = 4e-5
_COPIES, _ACTIVATIONS, _LOGITS = 5, 8, 1e7


class Sizes(NamedTuple):
    """Sizes of a network and of its training steps.

    Attributes:
        cell: Matrices per recurrent layer: 4 for an LSTM, 3 for a GRU, 1 for an Elman network; 0 for a feed-forward
            network.
        order: Order of a feed-forward network.
        hidden: Width of the hidden layers.
        embedding: Width of the word vectors.
        layers: Number of hidden layers.
        tied: Whether the output layer has the vectors of the input layer.
        softmax: Output layer: ``full``, ``adaptive``, ``sampled`` or ``class-factored``.
        head: Words of the first cluster of the adaptive softmax, or samples of the sampled one.
        vocabulary: Number of words.
        batch: Columns of a step.
        bptt: Rows of a step.
        rows: Mean number of rows that an adaptive softmax computes per word, if known; 0 to estimate it.
        full_after: Share of the steps after which a sampled softmax computes all words.
    """

    cell: int
    order: int
    hidden: int
    embedding: int
    layers: int
    tied: bool
    softmax: str
    head: int
    vocabulary: int
    batch: int
    bptt: int
    rows: float = 0.0
    full_after: float = 1.0

    @classmethod
    def of(cls, values: Mapping[str, Any], *, cell: int, vocabulary: int, rows: float = 0.0) -> Sizes:
        """Return the sizes of a component's hyper-parameters, with defaults for those that it lacks."""
        softmax = values.get("softmax", "full")
        head = values.get("softmax_samples" if softmax == "sampled" else "softmax_head", 2000)
        if softmax == "auto":
            softmax = "adaptive" if vocabulary > 2 * head else "full"
        return cls(
            cell=cell,
            order=values.get("order", 2),
            hidden=values["hidden"],
            embedding=values["embedding"],
            layers=values.get("layers", 1),
            tied=values.get("tied", True),
            softmax=softmax,
            head=head,
            vocabulary=vocabulary,
            batch=values["batch"],
            bptt=values.get("bptt", 35),
            rows=rows,
            full_after=values.get("full_after", 1.0),
        )


def input_weights(sizes: Sizes) -> float:
    """Return the weights by which the hidden layers multiply what they read, for all rows of a step at once."""
    if not sizes.cell:
        return (sizes.order - 1) * sizes.embedding * sizes.hidden
    return sizes.cell * sizes.hidden * (sizes.embedding + (sizes.layers - 1) * sizes.hidden)


def carried_weights(sizes: Sizes) -> float:
    """Return the weights by which they multiply their states, row by row."""
    return sizes.cell * sizes.layers * sizes.hidden**2


def output_width(sizes: Sizes) -> int:
    """Return the width of what the output layer reads."""
    return sizes.embedding if sizes.tied else sizes.hidden


def projection_weights(sizes: Sizes) -> float:
    """Return the weights of the map to the width of the vectors."""
    return sizes.hidden * sizes.embedding if sizes.tied and sizes.hidden != sizes.embedding else 0.0


def output_rows(sizes: Sizes) -> float:
    """Return the mean number of rows of the output layer that a step computes per word.

    Those of a cluster count by the share of the text that its words have, by default by Zipf's law:
    1 / (rank · (ln V + .577)).
    """
    words = max(1, sizes.vocabulary)
    if sizes.softmax == "full" or words <= sizes.head:
        return words
    if sizes.softmax == "sampled":
        return sizes.full_after * sizes.head + (1 - sizes.full_after) * words
    if sizes.softmax == "class-factored":
        return 2 * math.sqrt(words)
    return sizes.rows or adaptive_rows(words, sizes.head, lambda begin, end: math.log(end / begin) / _mass(words))


def adaptive_rows(words: int, head: int, share: Callable[[int, int], float]) -> float:
    """Return the mean number of rows that an adaptive softmax computes per word.

    Args:
        words: Number of words.
        head: Number of words in the first cluster.
        share: Share of the text that the words of a range of ranks have.
    """
    rows, begin = float(head), head
    while begin < words:
        end = min(words, begin * _GROWTH)
        rows += 1 + (end - begin) * share(begin, end)
        begin = end
    return rows


def _mass(words: int) -> float:
    return math.log(words) + _EULER


def active_weights(sizes: Sizes) -> float:
    """Return the weights that a step multiplies by, per word."""
    inner = input_weights(sizes) + carried_weights(sizes) + projection_weights(sizes)
    return inner + output_rows(sizes) * output_width(sizes)


def parameters(sizes: Sizes) -> float:
    """Return the number of trained weights, without biases."""
    vectors = sizes.vocabulary * sizes.embedding + (0 if sizes.tied else sizes.vocabulary * sizes.hidden)
    return input_weights(sizes) + carried_weights(sizes) + projection_weights(sizes) + vectors


def memory(sizes: Sizes) -> float:
    """Return the approximate bytes of training: weights, gradients, moments, best weights, and activations."""
    gates = max(1, sizes.cell) * sizes.hidden * sizes.layers
    activations = sizes.batch * sizes.bptt * _ACTIVATIONS * (gates + sizes.embedding)
    return 4.0 * (_COPIES * parameters(sizes) + activations + _LOGITS)


@dataclasses.dataclass(frozen=True)
class Speed:
    """Speed of a machine.

    Attributes:
        products: Floating-point operations per second of a product of matrices, in the precision of training.
        moves: Exponentials per second, by which operations on every entry are counted.
        steps: Measured steps: FLOPs per word, and the ratio of measured and modelled seconds, by ascending FLOPs.
    """

    products: float = 5e10
    moves: float = 1e9
    steps: tuple[tuple[float, float], ...] = ()

    def with_step(self, sizes: Sizes, seconds: float) -> Speed:
        """Return the speed with one more measured step."""
        flops = FLOPS_PER_WEIGHT * active_weights(sizes)
        ratio = min(max(seconds / modelled_seconds(sizes, self), 0.02), 50.0)
        others = [step for step in self.steps if step[0] != flops]
        return dataclasses.replace(self, steps=tuple(sorted([*others, (flops, ratio)])))

    def ratio(self, flops: float) -> float:
        """Return the ratio of measured and modelled seconds: between measured steps by the logarithm, else the next."""
        if not self.steps:
            return 1.0
        below = max((step for step in self.steps if step[0] <= flops), default=self.steps[0])
        above = min((step for step in self.steps if step[0] >= flops), default=self.steps[-1])
        if above[0] <= below[0]:
            return below[1]
        share = math.log(flops / below[0]) / math.log(above[0] / below[0])
        return math.exp((1 - share) * math.log(below[1]) + share * math.log(above[1]))


def modelled_seconds(sizes: Sizes, speed: Speed) -> float:
    """Return the seconds of a step by the model alone."""
    words = sizes.batch * sizes.bptt
    serial = sizes.batch / (sizes.batch + _COLUMNS_AT_HALF)
    rows = output_rows(sizes)
    at_once = input_weights(sizes) + projection_weights(sizes) + rows * output_width(sizes)
    products = FLOPS_PER_WEIGHT * words * (at_once + carried_weights(sizes) / serial) / speed.products
    moved = _GATE_MOVES * max(1, sizes.cell) * sizes.hidden * sizes.layers + _LOGIT_MOVES * rows
    moved += _VECTOR_MOVES * (1 if sizes.cell else sizes.order - 1) * sizes.embedding
    moves = (words * moved + _UPDATE_MOVES * parameters(sizes)) / speed.moves
    return products + moves + _ROW_SECONDS * sizes.layers * (sizes.bptt if sizes.cell else 1)


def update_seconds(sizes: Sizes, speed: Speed) -> float:
    """Return the part of these seconds that the optimizer takes."""
    return _UPDATE_MOVES * parameters(sizes) / speed.moves


def step_seconds(sizes: Sizes, speed: Speed) -> float:
    """Return the expected seconds of a step: the model's, corrected by the measured steps."""
    return modelled_seconds(sizes, speed) * speed.ratio(FLOPS_PER_WEIGHT * active_weights(sizes))
