"""Losses and gradient norms of the steps: check that they are finite, and their sums."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class NotFinite(NamedTuple):
    """The first step whose loss or gradient norm is NaN or infinite."""

    step: int
    loss: float
    norm: float


class Sums(NamedTuple):
    """Sums over steps: Σ loss × events, Σ gradient norm, Σ events, and the number of steps."""

    loss: float
    norm: float
    events: float
    steps: float


class StepMonitor:
    """Collector of losses and norms, which waits for the device only when they are read.

    Attributes:
        epoch_loss: Sum of losses and of events since ``take_epoch_loss``.
    """

    def __init__(self) -> None:
        self.epoch_loss = (0.0, 0)
        self._unchecked: list[tuple[int, Tensor, Tensor, int]] = []
        self._pending: list[tuple[float, float, int]] = []

    def add(self, step: int, loss: Tensor, norm: Tensor, events: int) -> None:
        """Add a step with its mean loss per event (scalar), gradient norm (scalar) and number of events."""
        self._unchecked.append((step, loss.detach(), norm, events))

    def check(self) -> NotFinite | None:
        """Return the first step since the last check that is not finite; None if all are."""
        if not self._unchecked:
            return None
        flat = torch.stack([value for _, loss, norm, _ in self._unchecked for value in (loss, norm)]).tolist()
        found = None
        for (step, _, _, events), loss, norm in zip(self._unchecked, flat[::2], flat[1::2], strict=True):
            if not (math.isfinite(loss) and math.isfinite(norm)):
                found = NotFinite(step, loss, norm)
                break
            self._pending.append((loss, norm, events))
            self.epoch_loss = (self.epoch_loss[0] + loss * events, self.epoch_loss[1] + events)
        self._unchecked.clear()
        return found

    def take_epoch_loss(self) -> tuple[float, int]:
        """Return the sums of losses and of events of the checked steps since the last call."""
        taken, self.epoch_loss = self.epoch_loss, (0.0, 0)
        return taken

    def take(self) -> Sums:
        """Return the sums over the checked steps since the last call."""
        steps = self.pending
        self._pending.clear()
        return Sums(
            float(steps[:, 0] @ steps[:, 2]), float(steps[:, 1].sum()), float(steps[:, 2].sum()), float(len(steps))
        )

    @property
    def is_pending(self) -> bool:
        """Return whether there are checked steps that were not taken yet."""
        return bool(self._pending)

    @property
    def pending(self) -> NDArray[np.float64]:
        """Return loss, norm and events of the checked steps that were not taken yet: float64 [steps, 3]."""
        return np.array(self._pending, np.float64).reshape(-1, 3)

    def restore(self, pending: NDArray[np.float64], epoch_loss: tuple[float, int]) -> None:
        """Restore the state of a checkpoint."""
        self._pending = [(loss, norm, int(events)) for loss, norm, events in pending.tolist()]
        self.epoch_loss = epoch_loss
