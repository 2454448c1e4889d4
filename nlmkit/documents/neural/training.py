"""Training of a network over texts by the training engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nlmkit.documents.neural.settings import TextSettings
from nlmkit.training.clock import Clock, seconds
from nlmkit.training.options import Optimization
from nlmkit.training.single import train_in_one_process

if TYPE_CHECKING:
    import torch

    from nlmkit.core.component import Component
    from nlmkit.core.run import RunOptions
    from nlmkit.documents.neural.batching import Sample
    from nlmkit.documents.neural.task import TextTask


def train(
    model: Component,
    build: Callable[[TextSettings, torch.device], TextTask],
    sample: Sample,
    run: RunOptions,
    started: float,
    *,
    clock: Clock = seconds,
) -> dict[str, Any]:
    """Train the network of a model and return the report; see ``train_in_one_process``, also for the errors.

    Args:
        model: The component, with the options of ``nlmkit.documents.neural.options``.
        build: Builds the task from its settings and the device.
        sample: Training documents.
        run: Device, budget, checkpoints, log and progress.
        started: Time on ``clock`` at which the fit started, so that the budget includes everything since.
        clock: Monotonic clock, in seconds.
    """
    settings = TextSettings.of(model)
    words = int(sample.documents.lengths.max(initial=0))
    return train_in_one_process(
        lambda device: build(settings, device),
        Optimization.of(model),
        run,
        who=f"a neural {settings.kind}",
        purpose=f"training with batch={settings.batch} texts of up to {words} words per step; a smaller batch or "
        "max_length needs less",
        watched="held-out texts",
        watched_advice="pass some, or enough training texts that "
        f"valid_share={settings.valid_share:g} of them is at least one",
        patience=settings.patience,
        started=started,
        clock=clock,
    )
