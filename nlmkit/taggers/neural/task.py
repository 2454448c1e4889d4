"""Task of the training engine for neural taggers: batches of sentences, the likelihood of their tags, F1."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nlmkit.taggers.figures import accuracy_of, f1_of
from nlmkit.taggers.neural.batching import Indices, Sentences
from nlmkit.taggers.neural.module import TaggerModule
from nlmkit.taggers.neural.scoring import WORDS, best_tags, chain_of
from nlmkit.taggers.neural.settings import TaggerSettings
from nlmkit.taggers.neural.tables import UNKNOWN_VALUE
from nlmkit.text.vocabulary import UNK_ID
from nlmkit.training.batches import batches_by_length, hidden, training_batches
from nlmkit.training.divergence import Diverged
from nlmkit.training.examples import Chosen, ExampleEpoch
from nlmkit.training.metrics import Metric
from nlmkit.training.optimization import layered_groups
from nlmkit.training.randomness import Purpose, generator
from nlmkit.training.stepper import Extent
from nlmkit.training.task import Carry, Step, Task

_WHOLE_FLOATS: Final = 400_000_000
"""Maximum number of activations kept for the gradient of a batch read in one part: 1.6 GB of float32."""

_LEAST_WHOLE: Final = 4_096
"""Lower limit of its tokens, however wide the network."""

_TIMED_BATCHES: Final = 8
"""Number of batches of held-out sentences timed to estimate the time of an evaluation."""

_COMPARED_SENTENCES: Final = 1000
"""Minimum number of held-out sentences to compare weights of a run by."""

_JUDGED_SENTENCES: Final = 256
"""Number of training sentences used to detect divergence."""

_SLACK: Final = (1.5, 0.5)
"""Factor of the loss of equally probable tags, and an amount above it, from which a tagger counts as diverged."""


@dataclasses.dataclass(frozen=True, eq=False)
class TaskSetup:
    """Network, data and settings of a task.

    Attributes:
        module: The network with its initial weights.
        sentences: Training sentences, none empty, with their tags.
        valid: Held-out sentences, or None; ids of tags that training lacks are K and more.
        settings: Hyper-parameters that training reads.
        unknown_words: Probability with which each word is read as ``<unk>`` in training: float32 [V].
        unknown_values: The same for ids of columns of features, which are read as 1, by number of the column.
        tags: Tags of the ids of ``valid``, which begin with the K known ones.
        plain: Whether the tags form no spans.
        legal: Start, transitions and end that are allowed.
        digests: Digests of training and held-out sentences.
        device: Device of the computation.
    """

    module: TaggerModule
    sentences: Sentences
    valid: Sentences | None
    settings: TaggerSettings
    unknown_words: NDArray[np.float32]
    unknown_values: Mapping[int, NDArray[np.float32]]
    tags: Sequence[str]
    plain: bool
    legal: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]
    digests: Mapping[str, str | None]
    device: torch.device


class TaggingTask(Task[Chosen[Sentences]]):
    """Task with a network that scores tags; the loss is the negative log-likelihood of a sentence's tags.

    The deciding metric is F1 of spans, or the accuracy of plain tags.

    Args:
        setup: The network, which is moved to the device, and its data.
    """

    module: TaggerModule
    records_epochs = True
    averages_from_first_weights = True

    def __init__(self, setup: TaskSetup) -> None:
        self.device = setup.device
        self.module = setup.module.to(setup.device)
        self._setup, self._settings = setup, setup.settings
        self._sentences, self._valid = setup.sentences, setup.valid
        self._lengths = setup.sentences.lengths
        self._epoch_steps = _epoch_steps(len(setup.sentences), setup.settings.batch)
        self._whole = max(_WHOLE_FLOATS // self.module.floats_per_token, _LEAST_WHOLE)
        accuracy = Metric("accuracy", greater_is_better=True, form="{:.4f}")
        f1 = Metric("f1", greater_is_better=True, form="{:.4f}")
        self.metrics = (accuracy,) if setup.plain else (f1, accuracy)  # type: ignore[misc]

    # -------------------------------------------------------------------------------------------------- the data

    @property
    def is_evaluated(self) -> bool:
        """Return whether there are held-out sentences."""
        return self._valid is not None

    def identity(self) -> Mapping[str, Any]:
        """Return component, hyper-parameters, and digests of the sentences with their tags."""
        return {
            "component": self._settings.component,
            "hyper_parameters": self._settings.hyper_parameters,
            **self._setup.digests,
        }

    def steps(self, epochs: int | None = None) -> int:
        """Return the number of batches in ``epochs`` epochs, by default those of the options."""
        return self._epoch_steps * (self._settings.epochs if epochs is None else epochs)

    def extent(self) -> Extent:
        """Return the extent of the run; the time of a step depends on its tokens."""
        tokens, valid = len(self._sentences.words), self._valid
        closing = 0.0 if valid is None else min(1.0, self._judged / len(valid))
        divisor = 1 if valid is None else max(1, len(valid) // _COMPARED_SENTENCES)
        return Extent(self._epoch_steps, tokens / self._epoch_steps, closing=closing, divisor=divisor)

    def epoch(self, number: int) -> ExampleEpoch[Sentences]:
        """Return the batches of epoch ``number``, with some words and values read as unknown."""
        settings, setup = self._settings, self._setup
        unknown = generator(settings.seed, Purpose.UNKNOWN_IN_SENTENCES, number)
        words = hidden(self._sentences.words, setup.unknown_words, UNK_ID, unknown)
        columns = self._sentences.columns.copy()
        for column, chances in setup.unknown_values.items():
            columns[column] = hidden(columns[column], chances, UNKNOWN_VALUE, unknown)
        order = generator(settings.seed, Purpose.ORDER_OF_SENTENCES, number)
        batches = training_batches(self._lengths, settings.batch, settings.sort_within, order)
        sentences = dataclasses.replace(self._sentences, words=words, columns=columns)
        return ExampleEpoch(number, sentences, batches, self._lengths)

    # ------------------------------------------------------------------------------------------------- the steps

    def begin_epoch(self, number: int) -> None:
        """Seed the masks of the epoch."""
        self.module.generator = generator(self._settings.seed, Purpose.MASKS_ON_SENTENCES, number)

    def generators(self) -> Mapping[str, torch.Generator]:
        """Return the generator of the masks."""
        return {"module": self.module.generator}

    def parts(self, data: Chosen[Sentences]) -> Iterator[tuple[Chosen[Sentences], float]]:
        """Yield the batch, or parts of it if it is very large."""
        sentences, numbers = data
        if _padded(self._lengths, numbers) <= self._whole:
            yield data, 1.0
            return
        for part in batches_by_length(self._lengths, numbers, self._whole):
            yield Chosen(sentences, part), len(part) / len(numbers)

    def loss(self, data: Chosen[Sentences], carry: Carry) -> Step:
        """Return the mean negative log-likelihood of some sentences."""
        sentences, numbers = data
        return Step(self.module.loss(sentences.batch(numbers).to(self.device)) / len(numbers))

    def parameters(self) -> list[nn.Parameter]:
        """Return all parameters."""
        return [parameter for _, parameters in self.module.parts() for parameter in parameters]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return parameter groups: weight decay for matrices only."""
        return layered_groups([self.parameters()], weight_decay=self._settings.weight_decay, layer_rate=1.0)

    # ------------------------------------------------------------------------------------------------ evaluation

    def evaluate(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """Return the metrics of the held-out sentences."""
        assert self._valid is not None
        return self._metrics_of(self._valid, interrupted)

    def evaluate_part(self, interrupted: Callable[[], bool], divisor: int) -> Mapping[str, float]:
        """Return the metrics of every n-th held-out sentence."""
        assert self._valid is not None
        return self._metrics_of(_some(self._valid, np.arange(0, len(self._valid), divisor)), interrupted)

    def _metrics_of(self, valid: Sentences, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        setup = self._setup
        assert valid.tags is not None
        found = best_tags(self.module, valid, chain_of(self.module, setup.legal), interrupted=interrupted)
        accuracy = {"accuracy": accuracy_of(valid.tags, found)}
        if setup.plain:
            return accuracy
        return {"f1": f1_of(valid.tags, found, valid.offsets, setup.tags), **accuracy}

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """Estimate the time of ``evaluate`` from some of its batches."""
        valid = self._valid
        assert valid is not None
        lengths = valid.lengths
        batches = list(batches_by_length(lengths, np.flatnonzero(lengths), WORDS))
        some = batches[:: math.ceil(len(batches) / _TIMED_BATCHES)]
        chain = chain_of(self.module, self._setup.legal)
        begins, timed = clock(), 0
        for chosen in some:
            best_tags(self.module, _some(valid, chosen), chain)
            timed += _padded(lengths, chosen)
            if clock() - begins >= most:
                break
        return (clock() - begins) * sum(_padded(lengths, chosen) for chosen in batches) / timed

    def training_loss(self) -> float:
        """Return the mean loss of the first training sentences."""
        total = 0.0
        with torch.inference_mode():
            for part in batches_by_length(self._lengths, np.arange(self._judged), WORDS):
                total += float(self.module.loss(self._sentences.batch(part).to(self.device)))
        return total / self._judged

    @property
    def _judged(self) -> int:
        """Return the number of training sentences of ``training_loss``."""
        return min(len(self._sentences), _JUDGED_SENTENCES)

    def judge(self, loss: float, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Raise for weights far worse than equally probable tags on their own training sentences."""
        of_equal = math.log(self.module.tags) * float(self._lengths[: self._judged].mean())
        if loss > _SLACK[0] * of_equal + _SLACK[1]:
            raise Diverged(
                f"the final weights have the loss {loss:.4g} on the training sentences, worse than the "
                f"{of_equal:.4g} of equally probable tags"
            )
        if self.module.tags > 1 and loss > of_equal:
            return [
                f"the loss on the training sentences, {loss:.4g}, is worse than the {of_equal:.4g} of "
                "equally probable tags: train longer, or with another lr"
            ]
        return []


def digest(sentences: Sentences) -> str:
    """Return sixteen hex digits of a SHA-256 over sentences and tags, as the network sees them."""
    found = hashlib.sha256()
    for array in (sentences.offsets, sentences.words, sentences.columns, sentences.tags):
        if array is not None:
            found.update(np.ascontiguousarray(array, "<i8").data)
    if sentences.spellings is not None:
        for array in (sentences.spellings.ids, sentences.spellings.offsets, sentences.spellings.words):
            found.update(np.ascontiguousarray(array, "<i8").data)
    return found.hexdigest()[:16]


def _epoch_steps(sentences: int, batch: int) -> int:
    return math.ceil(sentences / batch)


def _padded(lengths: Indices, chosen: Indices) -> int:
    return len(chosen) * int(lengths[chosen].max())


def _some(sentences: Sentences, chosen: Indices) -> Sentences:
    """Return some sentences."""
    lengths = sentences.lengths[chosen]
    offsets = np.append(0, np.cumsum(lengths))
    tokens = np.arange(offsets[-1]) + np.repeat(sentences.offsets[chosen] - offsets[:-1], lengths)
    spellings, states = sentences.spellings, sentences.states
    return dataclasses.replace(
        sentences,
        offsets=offsets,
        words=sentences.words[tokens],
        columns=sentences.columns[:, tokens],
        spellings=None if spellings is None else dataclasses.replace(spellings, words=spellings.words[tokens]),
        states=None if states is None else lambda numbers: states(chosen[numbers]),
        tags=None if sentences.tags is None else sentences.tags[tokens],
    )
