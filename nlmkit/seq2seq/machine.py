"""A sequence-to-sequence model as a state machine: its log-probabilities, and a language model per source."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nlmkit.seq2seq.pairs import Condition, Pairs
    from nlmkit.text import Corpus, TextPipeline, Vocabulary


class Machine(Protocol):
    """A fitted ``SequenceToSequence``, as a state machine over the ids of its target vocabulary."""

    vocabulary_: Vocabulary
    pipeline_: TextPipeline

    @property
    def normalized(self) -> bool:
        """Whether the scores of every beginning sum to one."""
        ...

    def start(self, condition: Any) -> Hashable:
        """State before the first word."""
        ...

    def advance(self, state: Any, word_id: int) -> Hashable:
        """State after a word."""
        ...

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        """Log-probability of each vocabulary id as the next event: float64 [V]."""
        ...

    def encode(self, data: Any) -> Corpus:
        """Text as a corpus, read as the model reads targets."""
        ...


def log_probs(model: Machine, pairs: Pairs) -> NDArray[np.float64]:
    """Return the natural log-probability of every event of the targets by the state machine: float64 [events]."""
    found = []
    for condition, events in zip(pairs.conditions(), pairs.events(), strict=True):
        state: Any = model.start(condition)
        for word_id in events[:-1].tolist():
            found.append(model.next_log_probs(state)[word_id])
            state = model.advance(state, word_id)
        found.append(model.next_log_probs(state)[events[-1]])
    return np.array(found, np.float64)


class Started:
    """The language model of the targets of one source; ``</s>`` ends a text, nothing follows it.

    Args:
        model: The sequence-to-sequence model.
        condition: The source, encoded.
    """

    def __init__(self, model: Machine, condition: Condition) -> None:
        self.model, self.condition = model, condition
        self.vocabulary_, self.pipeline_ = model.vocabulary_, model.pipeline_

    @property
    def normalized(self) -> bool:
        """Whether the scores of every beginning sum to one."""
        return self.model.normalized

    @property
    def reads_backward(self) -> bool:
        """Always false."""
        return False

    def start(self) -> Hashable:
        """State before the first word."""
        return self.model.start(self.condition)

    def advance(self, state: Any, word_id: int) -> Hashable:
        """State after a word."""
        return self.model.advance(state, word_id)

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        """Log-probability of each vocabulary id as the next event: float64 [V]."""
        return self.model.next_log_probs(state)

    def encode(self, data: Any) -> Corpus:
        """Text as a corpus, read as the model reads targets."""
        return self.model.encode(data)
