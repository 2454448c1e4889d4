"""Training of a neural sequence-to-sequence model by the training engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nlmkit.seq2seq.neural.settings import PairSettings
from nlmkit.training.clock import Clock, seconds
from nlmkit.training.options import Optimization
from nlmkit.training.single import train_in_one_process

if TYPE_CHECKING:
    import torch

    from nlmkit.core.component import Component
    from nlmkit.core.run import RunOptions
    from nlmkit.seq2seq.neural.task import SequenceTask


def train(  # noqa: PLR0917
    model: Component,
    build: Callable[[PairSettings, torch.device], SequenceTask],
    run: RunOptions,
    started: float,
    longest: int,
    events: int,
    *,
    clock: Clock = seconds,
) -> dict[str, Any]:
    """Train the network of a model and return the report; see ``train_in_one_process``, also for the errors.

    Args:
        model: The component, with the options of ``nlmkit.seq2seq.neural.options``.
        build: Builds the task from its settings and the device.
        run: Device, budget, checkpoints, log and progress.
        started: Time on ``clock`` at which the fit started, so that the budget includes everything since.
        longest: Events of the longest source or target.
        events: Events of all training targets.
        clock: Monotonic clock, in seconds.
    """
    settings = PairSettings.of(model, events)
    return train_in_one_process(
        lambda device: build(settings, device),
        Optimization.of(model),
        run,
        who="a neural sequence-to-sequence model",
        purpose=f"training with batch={settings.batch} target events per step and texts of up to {longest} tokens; a "
        "smaller batch or hidden needs less",
        watched="held-out pairs",
        watched_advice="pass some",
        patience=settings.patience,
        started=started,
        speed="tokens_per_second",
        clock=clock,
    )
