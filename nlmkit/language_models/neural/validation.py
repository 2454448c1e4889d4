"""Perplexity of a validation text during training: fast, in columns. Scoring computes the final figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.language_models.neural.streams import evaluation_columns
from nlmkit.training.metrics import perplexity_of

if TYPE_CHECKING:
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.training.distributed import Processes

_TOKENS: Final = 4096
_SHORTEST_COLUMN: Final = 128
_TIMED_WINDOWS: Final = 8


class Validation:
    """Validation text and the module to evaluate on it.

    Every event counts. Each column except the first starts with the zero state in mid-text, a small loss; so
    columns have at least 128 events.

    Args:
        module: The module, evaluated with its current weights.
        events: Ids: int32 [N].
        batch: Maximum number of columns.
        chunk: Maximum number of events whose logits are in memory at a time.
        together: Processes, which share the columns.
        device: Device of the module.
    """

    def __init__(
        self,
        module: LanguageModule,
        events: NDArray[np.int32],
        *,
        batch: int,
        chunk: int,
        together: Processes,
        device: torch.device,
    ) -> None:
        batch = max(together.count, min(batch, len(events) // _SHORTEST_COLUMN))
        inputs, targets = evaluation_columns(events, batch)
        own = slice(together.rank, None, together.count)
        self._inputs, self._targets = inputs[:, own].to(device), targets[:, own].to(device)
        self._module, self._chunk = module, chunk
        self._together = together
        self._rows = max(1, _TOKENS // max(1, self._inputs.shape[1]))

    def perplexity(self, interrupted: Callable[[], bool] = lambda: False, *, divisor: int = 1) -> float:
        """Return exp of the mean loss per event, summed in float64; NaN for broken weights.

        Args:
            interrupted: Called regularly; returns whether to stop.
            divisor: n to read only the first n-th of each column.

        Raises:
            KeyboardInterrupt: ``interrupted`` returned True.
        """
        rows = math.ceil(len(self._inputs) / divisor)
        total, events = 0.0, float((self._targets[:rows] >= 0).sum())
        for part in self._sums(rows):
            total += part
            if interrupted():
                raise KeyboardInterrupt
        total, events = self._together.total([total, events])
        return math.nan if math.isnan(total) else perplexity_of(-total / events)

    def seconds(self, clock: Callable[[], float], most: float = math.inf) -> float:
        """Estimate the time of ``perplexity`` from a few of its windows.

        Args:
            clock: Monotonic clock, in seconds.
            most: Limit of seconds after which no further window is timed.
        """
        times = [clock()]
        for _ in self._sums(len(self._inputs)):
            times.append(clock())
            if len(times) > _TIMED_WINDOWS or times[-1] - times[0] >= most:
                break
        timed = times[1:] if len(times) > 2 else times  # the first window allocates memory
        return (timed[-1] - timed[0]) / (len(timed) - 1) * math.ceil(len(self._inputs) / self._rows)

    def _sums(self, rows: int) -> Iterator[float]:
        """Yield the sums of log-probabilities per window of the first rows."""
        state = self._module.initial_state(self._inputs.shape[1])
        for begin in range(0, rows, self._rows):
            window = slice(begin, min(begin + self._rows, rows))
            self._module.eval()
            with torch.inference_mode():
                output = self._module(self._inputs[window], state)
                state = output.state
                targets = self._targets[window].flatten()
                real = targets >= 0
                pieces = zip(
                    torch.split(output.features.flatten(0, 1)[real], self._chunk),
                    torch.split(targets[real], self._chunk),
                    strict=True,
                )
                found = [self._module.output.log_probs(*piece) for piece in pieces]
                total = float(torch.cat(found).cpu().double().sum())
            self._module.train()
            yield total
