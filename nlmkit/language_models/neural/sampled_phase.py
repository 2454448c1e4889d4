"""Part of a run in which a sampled softmax trains on samples, before it trains on all words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlmkit.layers.softmax import SampledSoftmax

if TYPE_CHECKING:
    from nlmkit.language_models.neural.module import LanguageModule


class SampledPhase:
    """Steps on samples up to a share of the plan, and what they cost.

    Args:
        module: The network.
        full_after: Share of the planned steps after which a sampled softmax trains on all words.
    """

    def __init__(self, module: LanguageModule, full_after: float) -> None:
        output = module.softmax
        self._output = output if isinstance(output, SampledSoftmax) else None
        self._full_after = full_after
        self._relative = 1.0
        if self._output is not None:
            # Time is about proportional to the multiplications of a word.
            body = sum(weight.numel() for part in module.hidden_parts() for weight in part.parameters())
            drawn = float(self._output.chances.sum())
            self._relative = (body + output.width * drawn) / (body + output.width * output.predictable)

    @property
    def saves_work(self) -> bool:
        """Whether there are steps on samples."""
        return self._output is not None and self._full_after > 0

    def begin_step(self, share: float) -> float:
        """Set what the next step trains on; return its work, relative to that of all words.

        Args:
            share: Share of the planned steps that have been taken.
        """
        if self._output is None:
            return 1.0
        self._output.is_full = share >= self._full_after
        return 1.0 if self._output.is_full else self._relative

    def cost(self, begin: float, end: float) -> float:
        """Return the mean work of the steps between two shares of the plan, relative to that of all words."""
        sampled = max(0.0, min(end, self._full_after) - begin) / (end - begin)
        return 1 - sampled * (1 - self._relative)
