"""Task of the training engine for conditional networks: batches of pairs, smoothed cross-entropy, perplexity."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nlmkit.seq2seq.neural.batching import Conditions, EncodedPairs, Indices, Rows, epoch_batches, parts_of_batch
from nlmkit.seq2seq.neural.module import ConditionalModule
from nlmkit.seq2seq.neural.scoring import PLACES, batches, log_probs_of
from nlmkit.seq2seq.neural.settings import PairSettings
from nlmkit.training.batches import hide_rare
from nlmkit.training.divergence import Diverged
from nlmkit.training.examples import Chosen, ExampleEpoch
from nlmkit.training.metrics import Metric
from nlmkit.training.optimization import layered_groups
from nlmkit.training.randomness import Purpose, generator
from nlmkit.training.stepper import Extent
from nlmkit.training.task import Carry, Step, Task

PERPLEXITY: Final = Metric("perplexity", greater_is_better=False, form="{:.3f}")

_WHOLE_PLACES: Final = 16_384
"""Maximum events of the longer side of a batch that is read in one part, padding included."""

_TIMED_BATCHES: Final = 8
"""Number of batches of held-out pairs timed to estimate the time of an evaluation."""

_COMPARED_PAIRS: Final = 1000
"""Minimum number of held-out pairs to compare weights of a run by."""

_JUDGED_PAIRS: Final = 256
"""Number of training pairs used to detect divergence."""

_SLACK: Final = (1.5, 0.5)
"""Factor of the loss of equally probable words, and an amount above it, from which a model counts as diverged."""


@dataclasses.dataclass(frozen=True, eq=False)
class TaskSetup:
    """Network, data and settings of a task.

    Attributes:
        module: The network with its initial weights.
        pairs: Training pairs.
        valid: Held-out pairs, or None.
        settings: Hyper-parameters that training reads.
        rare_sources: Mask of source words that can be read as ``<unk>`` in training: bool [V]; None for none.
        rare_targets: The same for target words.
        device: Device of the computation.
    """

    module: ConditionalModule
    pairs: EncodedPairs
    valid: EncodedPairs | None
    settings: PairSettings
    rare_sources: NDArray[np.bool_] | None
    rare_targets: NDArray[np.bool_] | None
    device: torch.device


class SequenceTask(Task[Chosen[EncodedPairs]]):
    """Task with a network that predicts targets given their sources.

    The loss is the mean cross-entropy per event with smoothed targets; the deciding metric is the perplexity of the
    held-out targets per event, without smoothing.

    Args:
        setup: The network, which is moved to the device, and its data.
    """

    module: ConditionalModule
    metrics = (PERPLEXITY,)
    records_epochs = True
    averages_from_first_weights = True

    def __init__(self, setup: TaskSetup) -> None:
        self.device = setup.device
        self.module = setup.module.to(setup.device)
        self._setup, self._settings = setup, setup.settings
        self._pairs, self._valid = setup.pairs, setup.valid
        self._sizes, self._lengths = setup.pairs.size, setup.pairs.lengths
        self._epoch_steps = min(len(setup.pairs), math.ceil(setup.pairs.events / setup.settings.batch))

    # -------------------------------------------------------------------------------------------------- the data

    @property
    def is_evaluated(self) -> bool:
        """Return whether there are held-out pairs."""
        return self._valid is not None

    def identity(self) -> Mapping[str, Any]:
        """Return component, hyper-parameters, and digests of the pairs."""
        return {
            "component": self._settings.component,
            "hyper_parameters": self._settings.hyper_parameters,
            "training pairs": digest(self._pairs),
            "held-out pairs": None if self._valid is None else digest(self._valid),
        }

    def steps(self, epochs: int | None = None) -> int:
        """Return the number of batches in ``epochs`` epochs, by default those of the options."""
        return self._epoch_steps * (self._settings.epochs if epochs is None else epochs)

    def extent(self) -> Extent:
        """Return the extent of the run; the time of a step depends on its events."""
        valid = self._valid
        closing = 0.0 if valid is None else min(1.0, self._judged / len(valid))
        divisor = 1 if valid is None else max(1, len(valid) // _COMPARED_PAIRS)
        return Extent(self._epoch_steps, self._pairs.events / self._epoch_steps, closing=closing, divisor=divisor)

    def epoch(self, number: int) -> ExampleEpoch[EncodedPairs]:
        """Return the batches of epoch ``number``, with some once-seen words read as ``<unk>``."""
        settings, pairs = self._settings, self._pairs
        order = generator(settings.seed, Purpose.ORDER_OF_PAIRS, number)
        sources = pairs.conditions.lengths
        chosen = epoch_batches(self._lengths, sources, self._epoch_steps, settings.sort_within, order)
        lengths = self._lengths
        return ExampleEpoch(number, self._with_unknown(number), chosen, lengths, events=lengths)

    def _with_unknown(self, number: int) -> EncodedPairs:
        """Return the training pairs with some once-seen words replaced by ``<unk>``."""
        setup, pairs, rate = self._setup, self._pairs, self._settings.unknown_rate
        unknown = generator(self._settings.seed, Purpose.UNKNOWN_IN_PAIRS, number)
        conditions, targets = pairs.conditions, pairs.targets
        if setup.rare_sources is not None and conditions.rows is not None:
            ids = hide_rare(conditions.rows.ids, setup.rare_sources, rate, unknown)
            conditions = Conditions(Rows(ids, conditions.rows.offsets))
        if setup.rare_targets is not None:
            targets = Rows(hide_rare(targets.ids, setup.rare_targets, rate, unknown), targets.offsets)
        return EncodedPairs(conditions, targets)

    # ------------------------------------------------------------------------------------------------- the steps

    def begin_epoch(self, number: int) -> None:
        """Seed the masks of the epoch."""
        self.module.generator = generator(self._settings.seed, Purpose.MASKS_ON_PAIRS, number)

    def generators(self) -> Mapping[str, torch.Generator]:
        """Return the generator of the masks."""
        return {"module": self.module.generator}

    def parts(self, data: Chosen[EncodedPairs]) -> Iterator[tuple[Chosen[EncodedPairs], float]]:
        """Yield the batch, or parts of it if it is very large."""
        pairs, numbers = data
        events = self._lengths[numbers].sum()
        for part in parts_of_batch(self._sizes, numbers, _WHOLE_PLACES):
            yield Chosen(pairs, part), float(self._lengths[part].sum() / events)

    def loss(self, data: Chosen[EncodedPairs], carry: Carry) -> Step:
        """Return the mean loss per event of some pairs."""
        module, (pairs, numbers) = self.module, data
        batch = pairs.batch(numbers).to(self.device)
        features, penalty = module.training_features(module.encode(batch.sources), batch.inputs, batch.lengths)
        places = batch.is_event.flatten().nonzero()[:, 0]
        loss = module.output.loss(
            features.flatten(0, 1).index_select(0, places),
            batch.targets.flatten().index_select(0, places),
            label_smoothing=self._settings.label_smoothing,
        )
        return Step(loss, penalty=penalty)

    def parameters(self) -> list[nn.Parameter]:
        """Return the trained parameters."""
        return [parameter for _, parameters in self.module.parts() for parameter in parameters]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return parameter groups: weight decay for matrices only."""
        return layered_groups([self.parameters()], weight_decay=self._settings.weight_decay, layer_rate=1.0)

    # ------------------------------------------------------------------------------------------------ evaluation

    def evaluate(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """Return the perplexity of the held-out targets."""
        assert self._valid is not None
        return self._metrics_of(self._valid, interrupted)

    def evaluate_part(self, interrupted: Callable[[], bool], divisor: int) -> Mapping[str, float]:
        """Return the perplexity of the targets of every n-th held-out pair."""
        assert self._valid is not None
        return self._metrics_of(some_pairs(self._valid, np.arange(0, len(self._valid), divisor)), interrupted)

    def _metrics_of(self, valid: EncodedPairs, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        loss = -float(log_probs_of(self.module, valid, interrupted=interrupted).mean())
        return {PERPLEXITY.name: math.exp(loss) if loss < math.log(1e300) else math.inf}

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """Estimate the time of ``evaluate`` from some of its batches."""
        valid = self._valid
        assert valid is not None
        planned = list(batches(valid, PLACES))
        begins, timed = clock(), 0
        for chosen in planned[:: math.ceil(len(planned) / _TIMED_BATCHES)]:
            log_probs_of(self.module, some_pairs(valid, chosen))
            timed += _padded(valid.size, chosen)
            if clock() - begins >= most:
                break
        return (clock() - begins) * sum(_padded(valid.size, chosen) for chosen in planned) / timed

    def training_loss(self) -> float:
        """Return the mean loss per event of the first training pairs, without smoothing."""
        return -float(log_probs_of(self.module, some_pairs(self._pairs, np.arange(self._judged))).mean())

    @property
    def _judged(self) -> int:
        """Return the number of training pairs of ``training_loss``."""
        return min(len(self._pairs), _JUDGED_PAIRS)

    def judge(self, loss: float, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Raise for weights far worse than equally probable words on their own training pairs."""
        words = self.module.output.predictable
        of_equal = math.log(words)
        if loss > _SLACK[0] * of_equal + _SLACK[1]:
            raise Diverged(
                f"the final weights have the loss {loss:.4g} per event on the training pairs, worse than the "
                f"{of_equal:.4g} of {words} equally probable words"
            )
        if words > 1 and loss > of_equal:
            return [
                f"the loss on the training pairs, {loss:.4g} per event, is worse than the {of_equal:.4g} of equally "
                "probable words: train longer, or with another lr"
            ]
        return []


def digest(pairs: EncodedPairs) -> str:
    """Return sixteen hex digits of a SHA-256 over sources and targets, as the network sees them."""
    found = hashlib.sha256()
    rows = pairs.conditions.rows
    arrays = [pairs.targets.ids, pairs.targets.offsets]
    if rows is not None:
        arrays += [rows.ids, rows.offsets]
    for array in arrays:
        found.update(np.ascontiguousarray(array, "<i8").data)
    if pairs.conditions.vectors is not None:
        found.update(np.ascontiguousarray(pairs.conditions.vectors, "<f4").data)
    return found.hexdigest()[:16]


def some_pairs(pairs: EncodedPairs, chosen: Indices) -> EncodedPairs:
    """Return some pairs, in the order of their indices."""
    rows, vectors = pairs.conditions.rows, pairs.conditions.vectors
    conditions = Conditions(
        None if rows is None else _some_rows(rows, chosen), None if vectors is None else vectors[chosen]
    )
    return EncodedPairs(conditions, _some_rows(pairs.targets, chosen))


def _some_rows(rows: Rows, chosen: Indices) -> Rows:
    lengths = rows.lengths[chosen]
    offsets = np.append(0, np.cumsum(lengths))
    places = np.arange(offsets[-1]) + np.repeat(rows.offsets[chosen] - offsets[:-1], lengths)
    return Rows(rows.ids[places], offsets)


def _padded(sizes: Indices, chosen: Indices) -> int:
    return len(chosen) * int(sizes[chosen].max())
