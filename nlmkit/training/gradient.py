"""Stepper of neural networks: gradient descent.

A step is: learning rate → parts of the batch: forward, loss, backward → clipping → optimizer → averages. A loss or
gradient that is not finite is an error; on a CPU, where checks are cheap, before the weights are changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.errors import SavedModelError
from nlmkit.saving import require, require_array
from nlmkit.training.averaging import WeightAverage
from nlmkit.training.checkpoint_facts import amount, sums, whole
from nlmkit.training.devices import settle
from nlmkit.training.divergence import Diverged
from nlmkit.training.metrics import Rank, starts_averaging
from nlmkit.training.monitor import StepMonitor, Sums
from nlmkit.training.network_state import NetworkState
from nlmkit.training.optimization import build_optimizer, clip_gradients
from nlmkit.training.precision import FLOAT32, Precision
from nlmkit.training.schedules import learning_rate
from nlmkit.training.stepper import Arrays, Extent, Facts, Figures, Moment, Place
from nlmkit.training.task import Carry, Task
from nlmkit.training.torch_state import finite, numbered, tensor, with_prefixes

if TYPE_CHECKING:
    from nlmkit.training.distributed import Processes
    from nlmkit.training.options import Optimization

B = TypeVar("B")

TICK = 25
"""Steps between two lines of the log, and between synchronizations of several processes."""

_CARRY, _GENERATOR, _PENDING = "state.", "generator.", "pending"


class GradientStepper(Generic[B]):
    """``Stepper`` that trains the network of a task.

    Args:
        task: Network, data, loss and evaluation.
        options: Optimizer, schedule, clipping and averaging.
        together: Processes of the run; this one uses ``task.device``.
        precision: Precision of the steps.
    """

    tick = TICK
    can_be_prolonged = False

    def __init__(
        self, task: Task[B], options: Optimization, together: Processes, *, precision: Precision = FLOAT32
    ) -> None:
        self.task, self.together, self._precision = task, together, precision
        self.unit, self.metrics, self.records_epochs = task.unit, tuple(task.metrics), task.records_epochs
        self.is_evaluated = task.is_evaluated
        self.threads = torch.get_num_threads() if task.device.type == "cpu" else None
        self.items = 0
        self._options = options
        self._on_cpu = task.device.type == "cpu"
        self._parameters = task.parameters()
        self._optimizer = build_optimizer(task.parameter_groups(), options, task.device)
        averaged = [*self._parameters, *task.statistics()]
        self._average = WeightAverage(options.averaging, averaged, decay=options.ema_decay)
        if task.averages_from_first_weights and options.averaging == "ema":
            self._average.start()
        self._clips = options.clip_norm is not None or options.clip_value is not None
        self._has_norm = self._clips or task.watches_gradient
        self._monitor = StepMonitor()
        self._network = NetworkState(task.module, self._parameters, self._optimizer, self._average)
        self._initial = task.initial_carry()
        self._begin_epoch(0)

    # ------------------------------------------------------------------------------------------- where it is

    @property
    def place(self) -> Place:
        """Position in the data."""
        return Place(self._number, self._index, len(self._epoch))

    @property
    def epochs(self) -> float:
        """Number of passes over the data, a fraction."""
        return self._epoch.passed(self._index)

    def steps(self, epochs: int | None = None) -> int:
        """Return the number of steps in ``epochs`` epochs, by default those of the options."""
        return self.task.steps(epochs)

    def extent(self) -> Extent:
        """Return the extent of the run, for its plan."""
        return self.task.extent()

    def counted(self, steps: int) -> int:
        """Return the number of steps."""
        return steps

    def _begin_epoch(self, number: int) -> None:
        self._number, self._index = number, 0
        self.task.begin_epoch(number)
        self._epoch = self.task.epoch(number)
        self._carry = self._initial

    # ----------------------------------------------------------------------------------------------- the steps

    def begin(self) -> None:
        """Put the network into training mode, in the precision of the steps."""
        self.task.module.train()
        self._precision.use(on=True)

    def step(self, moment: Moment) -> float:
        """Take a step; return its work."""
        relative = self.task.begin_step(moment.share)
        batch = self._epoch[self._index]
        rate = learning_rate(self._options, moment.place, moment.schedule_steps, plateaus=moment.plateaus) * batch.rate
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        loss, carry = self._add_gradients(batch.data)
        norm = loss
        if self._has_norm:
            norm = clip_gradients(self._parameters, norm=self._options.clip_norm, value=self._options.clip_value)
        self._monitor.add(moment.step + 1, loss, norm, batch.events)
        if self._on_cpu:
            self.check()  # cheap on a CPU, and before the weights change
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.task.after_step()
        self._take_average(moment)
        self.items += batch.items
        self._carry = carry
        self._index += 1
        if self._index == len(self._epoch):
            self._begin_epoch(self._number + 1)
        return batch.work * relative

    def _add_gradients(self, data: B) -> tuple[Tensor, Carry]:
        """Add the gradients of a batch's mean loss, part by part; return that loss and the carry of the next step."""
        total: Tensor | None = None
        carry = self._carry
        for part, share in self.task.parts(data):
            with self._autocast():
                found = self.task.loss(part, self._carry)
            loss = found.loss if share == 1 else found.loss * share
            penalty = found.penalty if found.penalty is None or share == 1 else found.penalty * share
            objective = loss if penalty is None else loss + penalty
            objective.backward()  # type: ignore[no-untyped-call]
            total = loss.detach() if total is None else total + loss.detach()
            carry = found.carry
        assert total is not None
        return total, carry

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if not self._precision.autocast:
            return contextlib.nullcontext()
        return torch.autocast(self.task.device.type, torch.bfloat16)

    def _take_average(self, moment: Moment) -> None:
        kind = self._options.averaging
        last = 1 - moment.share <= self._options.averaging_share
        if kind == "ema" or (kind == "asgd" and moment.past_half) or (kind == "tail" and last):
            self._average.start()
        self._average.update()

    def settle(self) -> None:
        """Wait for the device to finish."""
        settle(self.task.device)

    def check(self) -> None:
        """Raise ``Diverged`` if any loss or gradient so far was not finite."""
        found = self._monitor.check()
        if found is not None:
            norm = f", gradient norm {found.norm:.4g}" if self._has_norm else ""
            raise Diverged(f"loss {found.loss:.4g}{norm}", found.step)

    def take_figures(self, *, even_without_steps: bool = False) -> Figures | None:
        """Return the figures of the steps since the last call, over all processes."""
        if not (even_without_steps or self._monitor.is_pending):
            return None
        found = Sums(*self.together.total(self._monitor.take()))
        metrics = self.task.training_metrics(found.loss / found.events if found.events else None)
        return Figures(
            metrics=metrics,
            lr=self._optimizer.param_groups[0]["lr"],
            gradient_norm=found.norm / found.steps if found.steps and self._has_norm else None,
            text=self.task.shown(metrics),
        )

    def take_loss(self) -> float:
        """Return the mean training loss since the last call; NaN without steps."""
        loss, events = self.together.total(self._monitor.take_epoch_loss())
        return loss / events if events else math.nan

    # ------------------------------------------------------------------------------------------- evaluation

    @property
    def averaged(self) -> bool:
        """Whether an average of the weights is evaluated and kept."""
        return self._average.active

    def evaluate(self, interrupted: Callable[[], bool], divisor: int = 1) -> Mapping[str, float]:
        """Return the metrics of the held-out data, with the average of the weights if there is one."""
        with self._average.in_place():
            return self.task.evaluate(interrupted) if divisor == 1 else self.task.evaluate_part(interrupted, divisor)

    def evaluate_kept(self, interrupted: Callable[[], bool]) -> Mapping[str, float]:
        """Return the metrics of all held-out data with the best weights."""
        with self._network.as_kept():
            return self.task.evaluate(interrupted)

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        """Estimate the time of ``evaluate``."""
        return self.task.evaluation_seconds(clock, most)

    def keep_best(self) -> None:
        """Keep a copy of the evaluated weights."""
        self._network.keep_best()

    def evaluated(self, ranks: Sequence[Rank]) -> None:
        """Start averaging, if NT-ASGD does after these evaluations."""
        if self._options.averaging == "nt-asgd" and starts_averaging(ranks, self._options.averaging_window):
            self._average.start()

    # ----------------------------------------------------------------------------------------------- the end

    def judge(self, kept: Mapping[str, float] | None, last: Mapping[str, float] | None) -> list[str]:
        """Raise ``Diverged`` for unusable weights; return notes on doubtful ones."""
        module = self.task.module
        module.eval()
        with self._network.as_kept():
            loss = self.task.training_loss()
            whole = all(bool(weight.isfinite().all()) for weight in module.parameters())
        module.train()
        if not (whole and math.isfinite(loss)):
            raise Diverged(f"the final weights have the loss {loss:.4g}")
        return self.task.judge(loss, kept, last)

    def finish(self) -> None:
        """Load the weights to keep into the network, and set evaluation mode."""
        self.task.module.eval()
        self._precision.use(on=False)
        self._network.finish()

    def advice(self) -> str:
        """Return the largest weight norm, and remedies for divergence."""
        named = self.task.module.named_parameters()
        norms = {name: float(torch.linalg.vector_norm(weight.detach())) for name, weight in named}
        largest = max(norms, key=lambda name: math.inf if math.isnan(norms[name]) else norms[name])
        return (
            f", largest weight norm {norms[largest]:.4g} ({largest}); try a lower lr (now {self._options.lr:g}), "
            f"a lower clip_norm (now {self._options.clip_norm}) or a longer warmup"
        )

    # ------------------------------------------------------------------------------------------- checkpoints

    def identity(self) -> Mapping[str, Any]:
        """Return the facts that must match for a run to resume: those of the task, and the shape of the network."""
        state = self.task.module.state_dict()
        shapes = {name: [str(value.dtype), *value.shape] for name, value in state.items()}
        network = hashlib.sha256(repr(sorted(shapes.items())).encode()).hexdigest()[:16]
        return {**self.task.identity(), "network": network}

    def snapshot(self) -> tuple[Facts, Arrays]:
        """Return position, sums, weights, averages, optimizer state, carry and random generators."""
        together = self.together
        states = {name: source.get_state()[None] for name, source in self.task.generators().items()}
        facts, arrays = self._network.snapshot()
        arrays |= {
            _PENDING: self._monitor.pending,
            **with_prefixes(
                {
                    _CARRY: numbered([together.gathered(each, dim=1) for each in self._carry]),
                    _GENERATOR: {name: together.gathered(state) for name, state in states.items()},
                }
            ),
        }
        facts |= {
            "epoch": self._number,
            "index": self._index,
            "items": self.items,
            "lr": self._optimizer.param_groups[0]["lr"],
            "epoch_loss": list(self._monitor.epoch_loss),
        }
        return facts, arrays

    def restore(
        self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, step: int, has_best: bool
    ) -> None:
        """Restore the state of ``snapshot``."""
        task = self.task
        number, index = whole(facts, "epoch", most=step), whole(facts, "index", most=step)
        self._begin_epoch(number)
        require(index < len(self._epoch), f"epoch {number} has no step {index}")
        require(step == task.steps(number) + index, f"step {step} is not step {index} of epoch {number}")
        self._index, self.items = index, whole(facts, "items")
        pending = np.array(require_array(arrays, _PENDING, dtype="float64", shape=(None, 3)))
        require(
            np.isfinite(pending).all() and (pending[:, 2] >= 1).all(),
            f"array {_PENDING!r} does not contain sums of steps",
        )
        self._monitor.restore(pending, sums(facts, "epoch_loss"))
        self._network.restore(facts, arrays, step=step, has_best=has_best)
        # A line of the log may be written before the next step sets it.
        self._optimizer.param_groups[0]["lr"] = amount(facts, "lr")
        self._restore_carry(arrays)
        self._restore_generators(arrays)

    def _restore_carry(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restore this process's columns of the carry."""
        found = []
        for number, first in enumerate(self._initial):
            name = f"{_CARRY}{number}"
            saved = finite(arrays[name], name)
            rows, width, *rest = first.shape
            wanted = [rows, width * self.together.count, *rest]
            require(list(saved.shape) == wanted and saved.dtype == first.dtype, "the shape of its hidden state differs")
            own = slice(self.together.rank * width, (self.together.rank + 1) * width)
            found.append(saved[:, own].contiguous().to(first.device))
        require(f"{_CARRY}{len(found)}" not in arrays, "it has more hidden states than the network")
        self._carry = tuple(found)

    def _restore_generators(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        for name, source in self.task.generators().items():
            array = require_array(arrays, f"{_GENERATOR}{name}", dtype="uint8", shape=(self.together.count, None))
            try:
                source.set_state(tensor(array)[self.together.rank].clone())
            except (RuntimeError, TypeError) as error:
                raise SavedModelError(f"a random generator cannot be restored ({error})") from None
