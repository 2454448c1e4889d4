"""Base class of conditional networks: a condition is encoded once, then target words are read and predicted."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.softmax import OutputLayer
from nlmkit.text.vocabulary import EOS_ID

State = tuple[Tensor, ...]
"""State of a decoder after the words read so far; the batch is dimension 1 of each tensor."""

Parts = list[tuple[str, list[nn.Parameter]]]
"""Parts of a network with their parameters, from input to output."""


class SourceBatch(NamedTuple):
    """Conditions of a batch: texts, time first, or vectors.

    Attributes:
        ids: Events of the source texts, words and one ``</s>``, any id in the padding: int64 [S, B]; None for vectors.
        lengths: Number of events of each text: int64 [B], ≥ 1; None for vectors.
        vectors: Vectors: float32 [B, d]; None for texts.
    """

    ids: Tensor | None = None
    lengths: Tensor | None = None
    vectors: Tensor | None = None

    def to(self, device: torch.device) -> SourceBatch:
        """Return a copy on a device."""
        return SourceBatch(*(None if each is None else each.to(device) for each in self))


class Memory(NamedTuple):
    """Encoded conditions of a batch.

    Attributes:
        vectors: One vector per condition, from which the decoder starts: [B, d].
        outputs: Vectors of the source events, zero in the padding: [B, S, m]; None where there is nothing to attend to.
        keys: What queries of the attention are compared with: [B, S, k]; None without attention.
        is_word: Whether a place is an event, not padding: bool [B, S]; None without ``outputs``.
    """

    vectors: Tensor
    outputs: Tensor | None = None
    keys: Tensor | None = None
    is_word: Tensor | None = None

    def take(self, rows: Tensor) -> Memory:
        """Return the conditions of some rows, in their order: int64 [n]."""
        return Memory(*(None if each is None else each.index_select(0, rows) for each in self))  # type: ignore[arg-type]


class StepOutput(NamedTuple):
    """Result of reading one word per row.

    Attributes:
        features: Input of the output layer for the next word: [B, f].
        state: State of the decoder after the word.
        attention: Weights of the source events with which the next word is predicted, zero in the padding: [B, S]; None
            without attention.
    """

    features: Tensor
    state: State
    attention: Tensor | None


class ConditionalModule(nn.Module):
    """Base class of conditional networks.

    A decoder reads ``</s>`` first, then the words of the target; after each it predicts the next::

        sources ─ encode ─► memory ─ initial_state ─► state
        forward(memory, ids [T, B]) ─► features [T, B, f] ─ output ─► log-probabilities      whole targets, in training
        step(memory, state, ids [B]) ─► features [B, f], state, attention                    word by word

    ``forward`` equals a loop of ``step`` up to rounding. A result for a row depends neither on the other rows nor on
    padding.

    Args:
        words: Vectors of the target words.
        output: Distribution over the next word, from features of width f.
        generator: Source of masks until another is set.
    """

    def __init__(self, words: WordVectors, output: OutputLayer, generator: torch.Generator) -> None:
        super().__init__()
        self.words, self.output, self.generator = words, output, generator

    # ------------------------------------------------------------------------------------------- to implement

    def encode(self, sources: SourceBatch) -> Memory:
        """Return the encoded conditions."""
        raise NotImplementedError

    def initial_state(self, memory: Memory) -> State:
        """Return the state before the first ``</s>``: tensors [n, B, h]."""
        raise NotImplementedError

    def forward(self, memory: Memory, ids: Tensor) -> Tensor:
        """Return the features [T, B, f] after each id, as the decoder predicts the next word from them.

        Args:
            memory: The conditions.
            ids: Ids that are read, ``</s>`` first; any in the padding at the end: int64 [T, B].
        """
        raise NotImplementedError

    def step(self, memory: Memory, state: State, ids: Tensor) -> StepOutput:
        """Read one id per row: int64 [B]."""
        raise NotImplementedError

    def parts(self) -> Parts:
        """Return the parts with their trained parameters, from input to output; a shared parameter once."""
        raise NotImplementedError

    # --------------------------------------------------------------------------------------------- to override

    def training_features(self, memory: Memory, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the features of ``forward``, and a penalty to add to the mean loss per event (a scalar), or None.

        Args:
            memory: The conditions.
            ids: Ids that are read: int64 [T, B].
            lengths: Number of them without padding: int64 [B].
        """
        return self(memory, ids), None

    @property
    def has_attention(self) -> bool:
        """Whether ``step`` returns attention."""
        return False

    @property
    def floats_per_event(self) -> tuple[int, int]:
        """Return the approximate numbers of activations kept for the gradient per source event and per target event."""
        width = sum(
            weight.shape[0] for weight in self.parameters() if weight.ndim == 2 and weight is not self.words.weight
        )
        return width, width

    # ------------------------------------------------------------------------------------------------- given

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.words.weight.device

    def first_step(self, memory: Memory) -> StepOutput:
        """Read the first ``</s>``."""
        ids = torch.full((len(memory.vectors),), EOS_ID, device=self.device)
        return self.step(memory, self.initial_state(memory), ids)

    def parameter_counts(self) -> dict[str, int]:
        """Return the number of parameters of each part by name, frozen word vectors included."""
        counts: dict[str, int] = {}
        for name, parameters in self.parts():
            counts[name] = counts.get(name, 0) + sum(weight.numel() for weight in parameters)
        return counts
