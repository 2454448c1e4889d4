"""Interfaces that decoding requires of models: ``Machine`` and those built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.text import Corpus, TextPipeline, Vocabulary


class Machine(Protocol):
    """What continues a text from any of its states, over the ids of ``vocabulary_``."""

    vocabulary_: Vocabulary

    def advance(self, state: Any, word_id: int) -> Hashable:
        """State after reading a word."""
        ...

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        """Log-probability of each vocabulary id as the next event: float64 [V]."""
        ...


class StateMachine(Machine, Protocol):
    """A fitted language model as a state machine over the ids of its vocabulary; see ``nlmkit.LanguageModel``."""

    pipeline_: TextPipeline

    @property
    def normalized(self) -> bool:
        """Whether the scores of every context sum to one."""
        ...

    @property
    def reads_backward(self) -> bool:
        """Whether the last word of a text is read first."""
        ...

    def start(self) -> Hashable:
        """State at the beginning of a text."""
        ...

    def encode(self, data: Any) -> Corpus:
        """Text as a corpus, read as the model reads it."""
        ...


class ConditionalMachine(Machine, Protocol):
    """A fitted model of texts given a condition, such as a source sentence: a language model per condition."""

    def start(self, condition: Any) -> Hashable:
        """State at the beginning of a text, given what it depends on."""
        ...
