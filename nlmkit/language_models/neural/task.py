"""Task of the training engine for language models: truncated back-propagation through time over columns of text."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.neural.sampled_phase import SampledPhase
from nlmkit.language_models.neural.streams import Epoch, Noise, TrainingStream, reset_state
from nlmkit.language_models.neural.validation import Validation
from nlmkit.training import divergence
from nlmkit.training.metrics import Metric, perplexity_of
from nlmkit.training.randomness import Purpose, generator
from nlmkit.training.stepper import Extent
from nlmkit.training.task import Batch, Carry, Step, Task

if TYPE_CHECKING:
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.language_models.neural.settings import LanguageModelSettings
    from nlmkit.text import Vocabulary
    from nlmkit.training.distributed import Processes

PERPLEXITY: Final = Metric("perplexity", form="{:.1f}")

_LOGITS: Final = {"cpu": 2_500_000, "mps": 2**24, "cuda": 2**26}
"""Maximum number of logits in memory at a time, by type of device."""

_COMPARED: Final = 10_000
"""Minimum number of words of the validation text to compare weights of a run by."""

_JUDGED: Final = 4096
"""Number of words of the training text used to detect divergence."""


class Window(NamedTuple):
    """Ids of one step.

    Attributes:
        inputs: Inputs: int64 [T, B].
        targets: Events after them: int64 [T, B].
        beside: What the objective of a subclass takes beside them.
    """

    inputs: Tensor
    targets: Tensor
    beside: tuple[Tensor, ...] = ()


class Windows:
    """Windows of one pass over the columns of this process."""

    def __init__(self, number: int, epoch: Epoch, stream: TrainingStream) -> None:
        self.epoch = epoch
        self._number, self._batch, self._length = number, stream.batch, stream.length

    def __len__(self) -> int:
        return self.epoch.windows

    def __getitem__(self, index: int) -> Batch[Window]:
        epoch, rows = self.epoch, self.epoch.rows(index)
        events = rows * self._batch
        return Batch(Window(*epoch.ids(index)), events, events, rows, epoch.scale(index))

    def passed(self, index: int) -> float:
        """Return the number of passes over the text before a window, a fraction."""
        return self._number + int(self.epoch.bounds[index]) / self._length


class Objective(nn.Module):
    """Objective of a step as one module, so that DistributedDataParallel sees every use of the weights.

    Args:
        module: The network.
        chunk: Maximum number of events whose logits are in memory at a time.
        label_smoothing: Share of the target spread over all words.
    """

    def __init__(self, module: LanguageModule, chunk: int, label_smoothing: float) -> None:
        super().__init__()
        self.module = module
        self._chunk, self._label_smoothing = chunk, label_smoothing

    def forward(self, inputs: Tensor, targets: Tensor, state: Carry) -> tuple[Tensor, Tensor, Carry]:
        """Return the mean loss per event, the penalties, and the next state, detached from the graph."""
        output = self.module(inputs, state)
        loss = self.module.output.loss(
            output.features.flatten(0, 1),
            targets.flatten(),
            chunk=self._chunk,
            label_smoothing=self._label_smoothing,
        )
        return loss, self.module.penalty(output), carried(state, output.state)


def carried(before: Carry, after: Carry) -> Carry:
    """Return the next state, detached from the graph, in the types of the state before.

    Autocast returns some states in bfloat16; runs start, save and resume with the dtype of the module.
    """
    return tuple(new.detach().to(old.dtype) for old, new in zip(before, after, strict=True))


class LanguageTask(Task[Window]):
    """Task with a language module, the columns of its training text, and its validation text.

    Args:
        module: The network, which is moved to the device.
        events: Ids of the training text's events: int32 [N].
        valid_events: Ids of the validation text's events: int32 [M].
        settings: Hyper-parameters that training reads.
        vocabulary: Vocabulary of the ids; a nonzero count of ``<unk>`` means that it needs no substitution.
        together: Processes, which share the columns; this one uses ``together.device``.

    Attributes:
        stream: The training text.

    Raises:
        HyperParameterError: The batch cannot be divided evenly.
    """

    module: LanguageModule
    unit = "tokens"
    metrics: ClassVar = (PERPLEXITY,)

    def __init__(  # noqa: PLR0917
        self,
        module: LanguageModule,
        events: NDArray[np.int32],
        valid_events: NDArray[np.int32] | None,
        settings: LanguageModelSettings,
        vocabulary: Vocabulary,
        together: Processes,
    ) -> None:
        if settings.batch % together.count:
            raise HyperParameterError(
                f"batch={settings.batch} is not divisible by the number of processes, {together.count}: use a multiple"
            )
        self.device = device = torch.device(together.device)
        self.module = module.to(device)
        self._settings, self._together, self._vocabulary = settings, together, vocabulary
        self._events, self._valid_events = events, valid_events
        self.stream = self.columns(events, vocabulary.counts, settings.unknown_rate)
        self._noise: Noise | None = None
        if settings.noising > 0:
            self._noise = Noise(
                events,
                len(vocabulary),
                rate=settings.noising,
                scheme=settings.noising_scheme,
                batch=self.stream.batch,
                share=self.stream.share,
                device=device,
            )
        self._generators = {
            "data": generator(settings.seed, Purpose.NOISE),
            "module": generator(settings.seed, Purpose.MASKS, together.rank),
        }
        module.set_generator(self._generators["module"])
        self._chunk = chunk = max(1, _LOGITS[device.type] // len(vocabulary))
        self._objective = together.parallel(self.objective(chunk))
        self._phase = SampledPhase(module, settings.full_after)
        self._validation: Validation | None = None
        if valid_events is not None:
            self._validation = Validation(
                module, valid_events, batch=settings.batch, chunk=chunk, together=together, device=device
            )
        self._initial = module.initial_state(self.stream.batch // together.count)

    def columns(self, ids: NDArray[np.int32], counts: NDArray[np.int64], unknown_rate: float) -> TrainingStream:
        """Return ids of the training text in the columns and windows of the run; see ``TrainingStream``."""
        settings = self._settings
        return TrainingStream(
            ids,
            counts,
            batch=settings.batch,
            bptt=settings.bptt,
            random=settings.bptt_random,
            rotated=settings.partial_shuffle,
            unknown_rate=unknown_rate,
            seed=settings.seed,
            share=(self._together.rank, self._together.count),
            device=self.device,
        )

    def objective(self, chunk: int) -> nn.Module:
        """Return the objective: a module from inputs, targets, state and ``Window.beside`` to ``Objective``'s results.

        Args:
            chunk: Maximum number of events whose logits are in memory at a time.
        """
        return Objective(self.module, chunk, self._settings.label_smoothing)

    @property
    def is_evaluated(self) -> bool:
        """Return whether there is a validation text."""
        return self._validation is not None

    def identity(self) -> Mapping[str, Any]:
        """Return component, hyper-parameters, and digests of texts and vocabulary."""
        valid = self._valid_events
        return {
            "component": self._settings.component,
            "hyper_parameters": self._settings.hyper_parameters,
            "training text": _digest(self._events),
            "validation text": None if valid is None else _digest(valid),
            "vocabulary": self._vocabulary.digest,
        }

    # -------------------------------------------------------------------------------------------------- the data

    def steps(self, epochs: int | None = None) -> int:
        """Return the number of windows in ``epochs`` epochs, by default those of the options."""
        return self.stream.steps(self._settings.epochs if epochs is None else epochs)

    def extent(self) -> Extent:
        """Return the extent of the run; the time of a step depends on its rows."""
        windows, valid = len(self.stream.bounds(0)) - 1, self._valid_events
        closing = 0.0 if valid is None else min(1.0, min(_JUDGED, len(self._events)) / len(valid))
        cost = self._phase.cost if self._phase.saves_work else None
        divisor = 1 if valid is None else max(1, len(valid) // _COMPARED)
        return Extent(windows, self.stream.length / windows, closing=closing, cost=cost, divisor=divisor)

    def epoch(self, number: int) -> Windows:
        """Return the windows of epoch ``number``."""
        return Windows(number, self.stream.epoch(number), self.stream)

    def initial_carry(self) -> Carry:
        """Return the zero state."""
        return self._initial

    def generators(self) -> Mapping[str, torch.Generator]:
        """Return the generators of noise and state resets, equal in all processes, and of masks."""
        return self._generators

    # ------------------------------------------------------------------------------------------------- the steps

    def begin_step(self, share: float) -> float:
        """Let a sampled softmax compute all words, if it is late enough; return the work of the step."""
        return self._phase.begin_step(share)

    def loss(self, data: Window, carry: Carry) -> Step:
        """Return the mean −ln p of a window's events, penalties, and the state after it."""
        inputs, targets, beside = data
        if self._noise is not None:
            inputs, targets = self._noise(inputs, targets, self._generators["data"])
        if self._settings.state_reset > 0:
            drawn = torch.rand(self.stream.batch, generator=self._generators["data"]) < self._settings.state_reset
            carry = reset_state(carry, self._initial, drawn[self.stream.share])
        loss, penalty, state = self._objective(inputs, targets, carry, *beside)
        return Step(loss, state, penalty)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return parameter groups: weight decay for matrices, not for vectors."""
        return self.module.parameter_groups(self._settings.weight_decay)

    def training_metrics(self, loss: float | None) -> Mapping[str, float | None]:
        """Return the loss, and the perplexity if the loss is a plain log-probability of the text."""
        plain = loss is not None and self._settings.has_plain_loss
        return {"loss": loss, "perplexity": perplexity_of(loss) if loss is not None and plain else None}

    def shown(self, metrics: Mapping[str, float | None]) -> str:
        """Return the perplexity."""
        value = metrics["perplexity"]
        return "" if value is None else f"perplexity {value:.1f}"

    # ------------------------------------------------------------------------------------------------ evaluation

    def evaluate(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """Return the perplexity of the validation text, in columns."""
        assert self._validation is not None
        return {PERPLEXITY.name: self._validation.perplexity(interrupted)}

    def evaluate_part(self, interrupted: Callable[[], bool], divisor: int) -> Mapping[str, float]:
        """Return the perplexity of the first part of each column of the validation text."""
        assert self._validation is not None
        return {PERPLEXITY.name: self._validation.perplexity(interrupted, divisor=divisor)}

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """Estimate the time of ``evaluate``."""
        assert self._validation is not None
        return self._validation.seconds(clock, most)

    def training_loss(self) -> float:
        """Return the mean −ln p of the first words of the training text."""
        epoch = self.stream.epoch(0)
        width = self.stream.batch // self._together.count
        windows = min(epoch.windows, max(1, _JUDGED // (width * epoch.rows(0))))
        inputs, targets = (torch.cat(ids) for ids in zip(*map(epoch.ids, range(windows)), strict=True))
        with torch.no_grad():
            features = self.module(inputs, self._initial).features.flatten(0, 1)
            pieces = zip(*(torch.split(each, self._chunk) for each in (features, targets.flatten())), strict=True)
            values = torch.cat([self.module.output.log_probs(*piece) for piece in pieces]).double()
        total, events = self._together.total([-float(values.sum()), float(len(values))])
        return total / events

    def judge(self, loss: float, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Raise for weights worse than chance on their own training text; return notes on doubtful results."""
        held_out, ended = (
            None if found is None else math.log(found["perplexity"]) if found["perplexity"] > 0 else -math.inf
            for found in (kept, last)
        )
        return divergence.judged(
            loss,
            held_out,
            ended,
            choices=self.module.vocabulary_size - 1,  # <s> is never predicted
            slack=divergence.LANGUAGE_MODEL_SLACK,
            what="words",
        )


def _digest(events: NDArray[np.int32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(events, "<i4").data).hexdigest()[:16]
