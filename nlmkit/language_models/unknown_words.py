"""Detection of language models in which ``<unk>`` is so probable that unknown words lower the perplexity."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from nlmkit.core.notes import note

if TYPE_CHECKING:
    from collections.abc import Hashable

    from nlmkit.decoding.machine import StateMachine

CHEAP: Final = 2.0
"""Ratio of the probability of ``<unk>`` to that of an average word at which ``<unk>`` is cheap."""

HIGH_SHARE: Final = 0.05
"""Minimum share of OOV words for a note on the figure of a whole text."""


@dataclasses.dataclass(frozen=True)
class UnknownWord:
    """Cost of ``<unk>`` at the beginning of a text or after another ``<unk>``, whichever is higher.

    With both positions, a cache, where every repeated word is cheap, is judged by the first ``<unk>``.

    Attributes:
        probability: Probability of ``<unk>`` at that position.
        ratio: The probability divided by exp(mean log-probability of the words that the model expects there).
    """

    probability: float
    ratio: float

    @property
    def is_cheap(self) -> bool:
        """Whether unknown words raise the probability of a line more than average words of the model."""
        return self.ratio >= CHEAP


def unknown_word(model: StateMachine) -> UnknownWord:
    """Return the cost of ``<unk>`` in a normalized model, from its distribution over the next word alone."""
    from nlmkit.text import UNK_ID

    start = model.start()
    places = [_cost(model, start), _cost(model, model.advance(start, UNK_ID))]
    return min(places, key=lambda cost: cost.ratio)


def _cost(model: StateMachine, state: Hashable) -> UnknownWord:
    import numpy as np

    from nlmkit.text import UNK_ID

    log_probs = np.asarray(model.next_log_probs(state), np.float64)
    possible = log_probs[log_probs > -math.inf]
    mean = float((np.exp(possible) * possible).sum())
    unknown = float(log_probs[UNK_ID])
    ratio = math.exp(min(unknown - mean, 700.0)) if math.isfinite(unknown) else 0.0
    return UnknownWord(math.exp(unknown), ratio)


def note_cheap_unknown(
    model: StateMachine, oov: int, words: int, *, name: str = "this model", share: float = HIGH_SHARE
) -> None:
    """Send a note if many words of a text are unknown and ``<unk>`` is cheap.

    Args:
        model: Fitted language model; unnormalized models get no note.
        oov: Number of OOV words in the text.
        words: Number of words in the text.
        name: Name of the model in the note.
        share: Minimum share of OOV words for a note.
    """
    if not oov or oov < share * words or not model.normalized:
        return
    cost = unknown_word(model)
    if cost.is_cheap:
        note(
            f"unknown words lower the perplexity of {name}: <unk> has probability {cost.probability:.3g}, "
            f"{cost.ratio:.3g} times that of an average word; use the perplexity excluding OOV and the share of OOV "
            "words instead"
        )
