"""Whether ``<unk>`` is a cheap word in a language model, so that lines of unknown words get a low perplexity."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from nlmkit.core.notes import note

if TYPE_CHECKING:
    from collections.abc import Hashable

    from nlmkit.decoding.machine import StateMachine

CHEAP: Final = 2.0
"""``<unk>`` is cheap when it has this many times the probability of an average word of the model."""

HIGH_SHARE: Final = 0.05
"""Share of OOV words from which on a figure of a whole text gets a note."""


@dataclasses.dataclass(frozen=True)
class UnknownWord:
    """What ``<unk>`` costs at the beginning of a text or after another ``<unk>``, whichever is more.

    Both places count, so that a cache, where every repeated word is cheap, is judged by what ``<unk>`` costs at first.

    Attributes:
        probability: Of ``<unk>`` there.
        ratio: That, divided by exp(mean log-probability of the words that the model itself expects there).
    """

    probability: float
    ratio: float

    @property
    def is_cheap(self) -> bool:
        """Whether a further unknown word raises the probability of a line more than the model's own words do."""
        return self.ratio >= CHEAP


def unknown_word(model: StateMachine) -> UnknownWord:
    """What ``<unk>`` costs in a normalized model, from its distribution over the next word alone."""
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
    """Send a note where many words of a text are unknown and ``<unk>`` is cheap.

    Args:
        model: A fitted language model; one whose scores are not a distribution gets no note.
        oov: OOV words of the text.
        words: All its words.
        name: What the note calls the model.
        share: Share of OOV words from which on there is a note.
    """
    if not oov or oov < share * words or not model.normalized:
        return
    cost = unknown_word(model)
    if cost.is_cheap:
        note(
            f"<unk> is a cheap word in {name} (its probability is {cost.probability:.3g}, "
            f"{cost.ratio:.3g} times that of an average word), so unknown words lower the perplexity: "
            "judge text by its perplexity excluding OOV and by its share of OOV words"
        )
