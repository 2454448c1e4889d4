"""Hyper-parameters that fit a budget: ``preset=auto``, as a pure function of the speed, the text and the time.

A network of W weights per word (those of the output layer count at most as much as the others) reads T words in the
time. Two rules fix its width:

- On a text that is long enough, T = 11·W: parameters and words grow together with the compute, as in Hoffmann et al.
  2022, "Training Compute-Optimal Large Language Models" (whose networks are larger, and read 20 words per weight).
- On a shorter text of N words, a further pass is worth less than a new text (Muennighoff et al. 2023, "Scaling
  Data-Constrained Language Models"), so the network is wider and reads T = (11·W)^.54 · N^.46 words.

The wider the network and the more often it reads its text, the more dropout it gets; the longer it trains, the larger
its batches; the wider it is and the longer it trains, the lower its learning rate. ``benchmarks/budget_recipe.py`` has
the runs that the numbers were fitted to. This module imports neither torch nor NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from nlmkit.language_models.neural.costs import (
    Sizes,
    Speed,
    active_weights,
    memory,
    output_rows,
    output_width,
    parameters,
    step_seconds,
    update_seconds,
)

SAMPLING: Final = {"softmax_samples": 2000, "full_after": 0.7}
"""Values of a sampled softmax: with it for most of the steps, training on all words ends in 6 % less perplexity than an
adaptive softmax at equal epochs and time, on 60,000 words of film reviews."""

MOST_SAMPLED: Final = 20_000
"""Largest vocabulary for which networks train on samples first, instead of having an adaptive softmax."""

CHOSEN: Final = (
    *("hidden", "embedding", "dropout_input", "dropout_hidden", "dropout_output", "batch", "lr", "softmax"),
    *SAMPLING,
)
"""Hyper-parameters that a recipe chooses, if a component has them and they are not given."""

NARROWEST: Final = 32
WIDEST: Final = 2048
"""Bounds of ``hidden``."""

WORDS_PER_WEIGHT: Final = 11.0
"""Words read per weight, on a text that is long enough."""

_REPEATED: Final = 0.54
_TRAINING_SHARE: Final = 0.93
_WEIGHTS_PER_EVENT: Final = 40.0
_UPDATE_SHARE: Final = 0.25
_OUTPUT_SHARE, _NARROW = 0.6, 0.26
_VECTOR_RATIOS: Final = (1 / 2, 3 / 8, 1 / 4, 1 / 8)
_NARROWEST_VECTORS: Final = 32
_STEP_OF_WIDTHS: Final = 32

_BATCH, _BATCH_WORDS = 64.0, 9e6
_SMALLEST_BATCH, _LARGEST_BATCH, _SHORTEST_COLUMN = 8, 256, 70
_DROPOUT_FROM, _DROPOUT_SLOPE, _MOST_DROPOUT = 4.4, 0.15, 0.65
_OFTEN: Final = 10.0
_RATED: Final = ("adamw", "adam", "muon")
_RATE_WIDTH, _RATE_POWER, _RATES = 512.0, 0.5, (5e-4, 1.6e-2)
_RATE_STEPS, _HASTE, _LEAST_HASTE = 4000.0, 0.35, 0.7


class Family(NamedTuple):
    """Differences between the models that a recipe is for.

    Attributes:
        cell: Matrices per recurrent layer, 0 for a feed-forward network.
        lr: Learning rate at width 512 in a run of 4,000 steps.
        dropout_input: Added to the rate of dropout on the vectors.
        dropout_output: Added to the other rates.
        widest: Maximum width.
        most_haste: Maximum factor of the rate of short runs.
    """

    cell: int
    lr: float = 0.004
    dropout_input: float = 0.0
    dropout_output: float = 0.0
    widest: int = WIDEST
    most_haste: float = 1.8


FAMILIES: Final[Mapping[str, Family]] = {
    "lstm": Family(cell=4),
    "hybrid": Family(cell=4),
    "gru": Family(cell=3, dropout_input=0.05, dropout_output=0.05),
    # A wide Elman network needs a rate so low that it learns less in the same number of steps.
    "rnnlm": Family(cell=1, lr=0.002, widest=512, most_haste=1.0),
    "nnlm": Family(cell=0, lr=0.003, dropout_output=0.2),
}
"""Families by name."""


class Recipe(NamedTuple):
    """Choice for a budget.

    Attributes:
        values: Chosen hyper-parameters by name.
        sizes: Sizes of the network and of its steps.
        epochs: Expected number of passes over the text.
        bound: What limits the width, if not the time: ``memory``, ``text`` or ``width``; empty if nothing does.
    """

    values: dict[str, Any]
    sizes: Sizes
    epochs: float
    bound: str


def recipe(
    speed: Speed,
    events: int,
    vocabulary: int,
    seconds: float,
    explicit: Mapping[str, Any],
    *,
    family: Family = FAMILIES["lstm"],
    rows: float = 0.0,
    memory_bytes: float = 4e9,
) -> Recipe:
    """Choose hyper-parameters for a budget.

    Args:
        speed: Speed of the machine.
        events: Number of events of the training text.
        vocabulary: Number of words.
        seconds: Time for training, evaluations included.
        explicit: Hyper-parameters that are not to be chosen, and those that no recipe chooses, by name.
        family: The model.
        rows: Mean number of rows that an adaptive softmax computes per word, if known; 0 to estimate it.
        memory_bytes: Maximum memory of the training.
    """
    chosen, bound = None, ""
    for sizes in _widths(speed, vocabulary, explicit, family, rows):
        batched, words = _batched(sizes, speed, events, seconds, explicit)
        if chosen is not None:
            if memory(batched) > memory_bytes:
                bound = "memory"
            elif active_weights(sizes) > _WEIGHTS_PER_EVENT * events:
                bound = "text"
            elif words < wanted_words(capacity(batched), events):
                bound = ""
                break
            if bound:
                break
        chosen = batched, words
    else:
        bound = "" if "hidden" in explicit else "width"
    assert chosen is not None
    sizes, words = chosen
    epochs = words / max(1, events)
    values: dict[str, Any] = {
        "hidden": sizes.hidden,
        "embedding": sizes.embedding,
        "batch": sizes.batch,
        "softmax": sizes.softmax,
        **(SAMPLING if sizes.softmax == "sampled" else {}),
        **_dropout(sizes, events, epochs, family),
    }
    if "optimizer" not in explicit or explicit["optimizer"] in _RATED:
        values["lr"] = learning_rate(sizes.hidden, words / (sizes.batch * sizes.bptt), family)
    return Recipe(
        {name: values[name] for name in CHOSEN if name in values and name not in explicit}, sizes, epochs, bound
    )


def capacity(sizes: Sizes) -> float:
    """Return the weights per word, of which those of the output layer count at most as much as all others."""
    output = output_rows(sizes) * output_width(sizes)
    inner = active_weights(sizes) - output
    return inner + min(inner, output)


def wanted_words(weights: float, events: int) -> float:
    """Return the number of words that a network of so many weights per word should read."""
    fresh = WORDS_PER_WEIGHT * weights
    return fresh if fresh <= events else fresh**_REPEATED * events ** (1 - _REPEATED)


def trained_weights(sizes: Sizes, events: int) -> float:
    """Return the number of parameters without the vectors of words too rare to learn much: all but 10·√N of them."""
    often = min(sizes.vocabulary, round(_OFTEN * math.sqrt(events)))
    return parameters(sizes._replace(vocabulary=often))


def dropout_rate(weights: float, events: int, epochs: float) -> float:
    """Return the common rate of dropout for a number of parameters, of events, and of passes over them."""
    rate = _DROPOUT_SLOPE * math.log(max(weights / max(1, events) * epochs, 1e-9) / _DROPOUT_FROM)
    return min(max(rate, 0.0), _MOST_DROPOUT)


def learning_rate(hidden: int, steps: float, family: Family) -> float:
    """Return the maximum rate of Adam for a width and a number of steps, to two digits.

    It is inversely proportional to the root of the width, and higher for fewer steps: by (4000 / steps)^.35, from .7 to
    1.8.
    """
    haste = min(max((_RATE_STEPS / max(steps, 1.0)) ** _HASTE, _LEAST_HASTE), family.most_haste)
    rate = family.lr * (_RATE_WIDTH / hidden) ** _RATE_POWER * haste
    return float(f"{min(max(rate, _RATES[0]), _RATES[1]):.2g}")


def _widths(speed: Speed, vocabulary: int, explicit: Mapping[str, Any], family: Family, rows: float) -> Iterator[Sizes]:
    """Yield the sizes to choose from, by ascending width."""
    widths = range(NARROWEST, family.widest + 1, _STEP_OF_WIDTHS)
    for hidden in [explicit["hidden"]] if "hidden" in explicit else widths:
        values = {**_softmax(vocabulary, explicit), "batch": round(_BATCH), **explicit, "hidden": hidden}
        for embedding in [explicit["embedding"]] if "embedding" in explicit else _vectors(hidden, explicit):
            sizes = Sizes.of({**values, "embedding": embedding}, cell=family.cell, vocabulary=vocabulary, rows=rows)
            affordable = update_seconds(sizes, speed) <= _UPDATE_SHARE * step_seconds(sizes, speed)
            output = output_rows(sizes) * embedding
            if affordable and (output <= _OUTPUT_SHARE * active_weights(sizes) or embedding <= _NARROW * hidden):
                break
        yield sizes


def _softmax(vocabulary: int, explicit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the output layer, with its options."""
    adaptive_above = 2 * explicit.get("softmax_head", 2000)
    if "softmax" not in explicit and adaptive_above < vocabulary <= MOST_SAMPLED:
        return {"softmax": "sampled", **SAMPLING}
    return {"softmax": "auto"}


def _vectors(hidden: int, explicit: Mapping[str, Any]) -> list[int]:
    """Return the widths of the vectors to choose from, widest first."""
    if explicit.get("projection", "auto") == "none" and explicit.get("tied", True):
        return [hidden]
    narrowest = min(_NARROWEST_VECTORS, max(1, hidden // 2))
    return [max(narrowest, round(hidden * ratio / 16) * 16) for ratio in _VECTOR_RATIOS]


def _batched(
    sizes: Sizes, speed: Speed, events: int, seconds: float, explicit: Mapping[str, Any]
) -> tuple[Sizes, float]:
    """Return the sizes with the batch of a run of ``seconds``, and the number of words that it reads."""

    def words_of(each: Sizes) -> float:
        return _TRAINING_SHARE * seconds / step_seconds(each, speed) * each.batch * each.bptt

    if "batch" in explicit:
        return sizes, words_of(sizes)
    longest = max(1, events // _SHORTEST_COLUMN)
    for _ in range(3):  # the batch depends on the speed, and the speed a little on the batch
        wanted = _BATCH * math.sqrt(words_of(sizes) / _BATCH_WORDS)
        batch = min(max(_SMALLEST_BATCH, round(wanted / 8) * 8), _LARGEST_BATCH, max(1, longest))
        sizes = sizes._replace(batch=batch)
    return sizes, words_of(sizes)


def _dropout(sizes: Sizes, events: int, epochs: float, family: Family) -> dict[str, float]:
    """Return the rates of dropout by name."""
    common = dropout_rate(trained_weights(sizes, events), events, epochs)
    shift = min(1.0, common / 0.2)  # families do not differ where there is nothing to regularize

    def rate(more: float) -> float:
        return round(min(common + shift * more, _MOST_DROPOUT), 2)

    rates = {"dropout_input": rate(family.dropout_input), "dropout_output": rate(family.dropout_output)}
    return rates | ({"dropout_hidden": rate(family.dropout_output)} if sizes.layers > 1 else {})
