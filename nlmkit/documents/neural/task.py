"""Task of the training engine for models of whole texts: batches of documents, one target per document."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlmkit.documents.neural.adversarial import Adversary, joined, unlabelled_batches
from nlmkit.documents.neural.batching import (
    Documents,
    Sample,
    parts_of_batch,
    scoring_batches,
    with_unknown,
)
from nlmkit.documents.neural.module import TextModule, train_only, weights_of
from nlmkit.documents.neural.scoring import WORDS, outputs_of
from nlmkit.documents.neural.settings import TextSettings
from nlmkit.training.batches import once_seen, training_batches
from nlmkit.training.examples import Chosen, ExampleEpoch
from nlmkit.training.optimization import clip_rows, layered_groups
from nlmkit.training.randomness import Purpose, generator
from nlmkit.training.stepper import Extent
from nlmkit.training.task import Carry, Step, Task

_TIMED_BATCHES: Final = 8
"""Number of batches of held-out texts timed to estimate the time of an evaluation."""

_COMPARED_TEXTS: Final = 1000
"""Minimum number of held-out texts to compare weights of a run by."""

_JUDGED_TEXTS: Final = 256
"""Number of training texts used to detect divergence."""


@dataclasses.dataclass(frozen=True, eq=False)
class TaskSetup:
    """Network, data and settings of a task.

    Attributes:
        module: The network with its initial weights.
        sample: Training documents with their targets.
        valid: Held-out documents, or None.
        settings: Hyper-parameters that training reads.
        counts: Training counts of the vocabulary: int64 [V].
        unknown_rate: Share of once-seen words read as ``<unk>``, drawn again in each epoch.
        device: Device of the computation.
        unlabelled: Documents without targets, for virtual adversarial training, or None.
    """

    module: TextModule
    sample: Sample
    valid: Sample | None
    settings: TextSettings
    counts: NDArray[np.int64]
    unknown_rate: float
    device: torch.device
    unlabelled: Documents | None = None


class TextTask(Task[Chosen[Documents]]):
    """Task with a network over texts, training documents and held-out documents.

    A subclass for a kind of model defines the loss (``mean_loss``, ``summed_loss``) and the metrics
    (``measured``), and judges the result.

    Args:
        setup: The network, which is moved to the device, and its data.
    """

    module: TextModule
    records_epochs = True
    averages_from_first_weights = True

    def __init__(self, setup: TaskSetup) -> None:
        self.device = setup.device
        self.module = module = setup.module.to(setup.device)
        self._sample, self._valid, self._settings = setup.sample, setup.valid, setup.settings
        self._rare, self._unknown_rate = once_seen(setup.counts), setup.unknown_rate
        self._targets = self.as_tensor(setup.sample.targets).to(setup.device)
        self._weights = _as_weights(setup.sample.weights, setup.device)
        self._parts = module.parts()
        self._floats = module.floats_per_word
        self._epoch_steps = math.ceil(len(setup.sample.documents) / setup.settings.batch)
        self._unlabelled, self._adversary = setup.unlabelled, None
        settings = setup.settings
        if settings.adversarial or settings.virtual_adversarial:
            self._adversary = Adversary(
                module,
                setup.sample.documents.ids,
                norm=settings.adversarial_norm,
                adversarial=settings.adversarial,
                virtual=settings.virtual_adversarial,
            )

    # ------------------------------------------------------------------------------------- what a kind implements

    def as_tensor(self, targets: NDArray[Any]) -> Tensor:
        """Return the targets of some documents as a tensor for the loss."""
        return torch.from_numpy(targets)

    @abc.abstractmethod
    def mean_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss that training minimizes: a scalar.

        Args:
            outputs: float32 [B, O].
            targets: As ``as_tensor`` returns them: [B].
            weights: Factor of each document's loss: float32 [B]; their mean over all training documents is one, and
                the sum is divided by B, so that the losses of batches and of their parts add up. None for 1.
        """

    @abc.abstractmethod
    def divergence(self, fixed: Tensor, outputs: Tensor) -> Tensor:
        """Return the mean divergence, at least zero, of outputs [B, O] from constant ones [B, O]: a scalar."""

    @abc.abstractmethod
    def summed_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the sum of the losses used to compare weights; arguments as in ``mean_loss``."""

    @abc.abstractmethod
    def measured(
        self, outputs: NDArray[np.float64], targets: NDArray[Any], weights: NDArray[np.float64] | None = None
    ) -> Mapping[str, float]:
        """Return the metrics of held-out documents, from outputs [documents, O], targets and weights [documents]."""

    # -------------------------------------------------------------------------------------------------- the data

    @property
    def is_evaluated(self) -> bool:
        """Return whether there are held-out texts."""
        return self._valid is not None

    def identity(self) -> Mapping[str, Any]:
        """Return component, hyper-parameters, and digests of the texts with their targets."""
        unlabelled = self._unlabelled
        without_targets = np.empty(0, np.int64)
        return {
            "component": self._settings.component,
            "hyper_parameters": self._settings.hyper_parameters,
            "training texts": _digest(self._sample),
            "held-out texts": None if self._valid is None else _digest(self._valid),
            **({} if unlabelled is None else {"unlabelled texts": _digest(Sample(unlabelled, without_targets))}),
        }

    def steps(self, epochs: int | None = None) -> int:
        """Return the number of batches in ``epochs`` epochs, by default those of the options."""
        return self._epoch_steps * (self._settings.epochs if epochs is None else epochs)

    def extent(self) -> Extent:
        """Return the extent of the run; the time of a step depends on its words."""
        documents, valid = self._sample.documents, self._valid
        judged = min(_JUDGED_TEXTS, len(documents))
        closing = 0.0 if valid is None else min(1.0, judged / len(valid.documents))
        words = max(1, int(documents.lengths.sum())) / self._epoch_steps
        if self._unlabelled is not None:
            words += float(self._unlabelled.lengths.mean()) * self._settings.batch
        divisor = 1 if valid is None else max(1, len(valid.documents) // _COMPARED_TEXTS)
        return Extent(self._epoch_steps, words, closing=closing, divisor=divisor)

    def epoch(self, number: int) -> ExampleEpoch[Documents]:
        """Return the batches of epoch ``number``, with some words read as ``<unk>``.

        Unlabelled documents have the indices behind those of the labelled ones, and are a part of the batches.
        """
        settings = self._settings
        unknown = generator(settings.seed, Purpose.UNKNOWN_IN_TEXTS, number)
        documents = with_unknown(self._sample.documents, self._rare, self._unknown_rate, unknown)
        order = generator(settings.seed, Purpose.ORDER_OF_TEXTS, number)
        lengths = documents.lengths
        batches = training_batches(lengths, settings.batch, settings.sort_within, order)
        if self._unlabelled is None:
            return ExampleEpoch(number, documents, batches, lengths)
        count = len(documents)
        more = unlabelled_batches(
            self._unlabelled.lengths,
            settings.batch,
            len(batches),
            sort_within=settings.sort_within,
            seed=settings.seed,
            epoch=number,
        )
        batches = [np.append(own, count + further) for own, further in zip(batches, more, strict=True)]
        documents = joined(documents, self._unlabelled)
        labelled = (np.arange(len(documents)) < count).astype(np.int64)
        return ExampleEpoch(number, documents, batches, documents.lengths, events=labelled)

    # ------------------------------------------------------------------------------------------------- the steps

    def begin_epoch(self, number: int) -> None:
        """Seed the masks of the epoch, and unfreeze the layers trained in it."""
        self.module.generator = generator(self._settings.seed, Purpose.MASKS_ON_TEXTS, number)
        train_only(self._parts, self._trained_parts(number))

    def _trained_parts(self, number: int) -> int:
        """Return the number of parts, counted from the output, that an epoch trains."""
        match self._settings.unfreeze:
            case "none":
                return 1
            case "gradual":
                return min(1 + number, len(self._parts))
        return len(self._parts)

    def generators(self) -> Mapping[str, torch.Generator]:
        """Return the generator of the masks."""
        return {"module": self.module.generator}

    def parts(self, data: Chosen[Documents]) -> Iterator[tuple[Chosen[Documents], float]]:
        """Yield the labelled documents of a batch, then the unlabelled ones, or parts of each if they are large."""
        documents, numbers = data
        unlabelled = numbers >= len(self._targets)
        for some in (numbers[~unlabelled], numbers[unlabelled]) if unlabelled.any() else (numbers,):
            for part in parts_of_batch(documents, some, floats=self._floats):
                yield Chosen(documents, part), len(part) / len(some)

    def loss(self, data: Chosen[Documents], carry: Carry) -> Step:
        """Return the mean loss of some documents, all of them labelled or none."""
        documents, numbers = data
        batch = documents.batch(numbers).to(self.device)
        if self._adversary is not None and numbers[0] >= len(self._targets):
            return self._adversary.unlabelled_step(batch, self.divergence)
        places = torch.from_numpy(numbers).to(self.device)
        targets, weights = self._targets[places], None if self._weights is None else self._weights[places]

        def loss(outputs: Tensor) -> Tensor:
            return self.mean_loss(outputs, targets, weights)

        if self._adversary is not None:
            return self._adversary.step(batch, loss, self.divergence)
        return Step(loss(self.module(batch).float()))

    def after_step(self) -> None:
        """Clip the norm of the last layer's weights per output."""
        if self._settings.max_norm is not None:
            clip_rows(self.module.weight, self._settings.max_norm)

    def parameters(self) -> list[nn.Parameter]:
        """Return all parameters, including those still frozen."""
        return weights_of(self._parts)

    def statistics(self) -> list[Tensor]:
        """Return the running statistics of batch normalization; none without it."""
        return self.module.statistics()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return parameter groups: weight decay for matrices, one learning rate per part."""
        layers = [parameters for _, parameters in self._parts]
        settings = self._settings
        return layered_groups(layers, weight_decay=settings.weight_decay, layer_rate=settings.layer_rate)

    @property
    def watches_gradient(self) -> bool:
        """Return False: without clipping, word vectors may have sparse gradients."""
        return False

    # ------------------------------------------------------------------------------------------------ evaluation

    def evaluate(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """Return the metrics of the held-out texts."""
        assert self._valid is not None
        valid = self._valid
        outputs = outputs_of(self.module, valid.documents, extra=valid.extra, interrupted=interrupted)
        return self.measured(outputs, valid.targets, valid.weights)

    def evaluate_part(self, interrupted: Callable[[], bool], divisor: int) -> Mapping[str, float]:
        """Return the metrics of every n-th held-out text."""
        assert self._valid is not None
        valid = self._valid
        some = np.arange(0, len(valid.documents), divisor)
        outputs = outputs_of(self.module, valid.documents, some, extra=valid.extra, interrupted=interrupted)
        return self.measured(outputs, valid.targets[some], None if valid.weights is None else valid.weights[some])

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """Estimate the time of ``evaluate`` from some of its batches."""
        assert self._valid is not None
        documents = self._valid.documents
        batches = list(scoring_batches(documents, WORDS))
        some = batches[:: math.ceil(len(batches) / _TIMED_BATCHES)]
        begins, timed = clock(), 0
        self.module.eval()
        with torch.inference_mode(), self.module.words.with_extra(self._valid.extra):
            for chosen in some:
                self.module(documents.batch(chosen).to(self.device)).cpu()
                timed += documents.padded(chosen)
                if clock() - begins >= most:
                    break
        self.module.train()
        return (clock() - begins) * sum(map(documents.padded, batches)) / timed

    def training_loss(self) -> float:
        """Return the mean loss of the first training texts, weighted if they are."""
        documents, targets = self._sample.documents, self._sample.targets
        total, texts, weights = 0.0, self._judged, self._sample.weights
        with torch.inference_mode():
            for begin in range(0, texts, self._settings.batch):
                chosen = np.arange(begin, min(begin + self._settings.batch, texts))
                for some in parts_of_batch(documents, chosen, floats=self._floats):
                    outputs = self.module(documents.batch(some).to(self.device)).float().cpu()
                    each = None if weights is None else _as_weights(weights[some], torch.device("cpu"))
                    total += float(self.summed_loss(outputs, self.as_tensor(targets[some]), each))
        return total / (texts if weights is None else float(weights[:texts].sum()))

    @property
    def _judged(self) -> int:
        """Return the number of training texts of ``training_loss``."""
        return min(len(self._sample.documents), _JUDGED_TEXTS)


def _as_weights(weights: NDArray[np.float64] | None, device: torch.device) -> Tensor | None:
    return None if weights is None else torch.from_numpy(weights).float().to(device)


def _digest(sample: Sample) -> str:
    digest = hashlib.sha256()
    documents, targets = sample.documents, sample.targets
    for array in (documents.ids, documents.sentence_offsets, documents.document_offsets):
        digest.update(np.ascontiguousarray(array, "<i8").data)
    digest.update(np.ascontiguousarray(targets, "<f8" if targets.dtype.kind == "f" else "<i8").data)
    if sample.weights is not None:
        digest.update(np.ascontiguousarray(sample.weights, "<f8").data)
    return digest.hexdigest()[:16]
