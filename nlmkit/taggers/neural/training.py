"""Training of a neural tagger by the training engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nlmkit.taggers.neural.settings import TaggerSettings
from nlmkit.training.clock import Clock, seconds
from nlmkit.training.options import Optimization
from nlmkit.training.single import train_in_one_process

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.core.component import Component
    from nlmkit.core.run import RunOptions
    from nlmkit.taggers.neural.task import TaggingTask


def train(
    model: Component,
    build: Callable[[TaggerSettings, torch.device], TaggingTask],
    run: RunOptions,
    started: float,
    lengths: NDArray[np.int64],
    *,
    clock: Clock = seconds,
) -> dict[str, Any]:
    """Train the network of a tagger and return the report; see ``train_in_one_process``, also for the errors.

    Args:
        model: The component, with the options of ``nlmkit.taggers.neural.options``.
        build: Builds the task from its settings and the device.
        run: Device, budget, checkpoints, log and progress.
        started: Time on ``clock`` at which the fit started, so that the budget includes everything since.
        lengths: Tokens of each training sentence.
        clock: Monotonic clock, in seconds.
    """
    settings = TaggerSettings.of(model, len(lengths))
    return train_in_one_process(
        lambda device: build(settings, device),
        Optimization.of(model),
        run,
        who="a neural tagger",
        purpose=f"training with batch={settings.batch} sentences of up to {lengths.max()} tokens per step; a smaller "
        "batch or hidden needs less",
        watched="held-out sentences",
        watched_advice="pass some, or enough training sentences that "
        f"valid_share={settings.valid_share:g} of them is at least one",
        patience=settings.patience,
        started=started,
        clock=clock,
    )
