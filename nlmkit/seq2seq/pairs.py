"""Encoded sources and targets, as sequence-to-sequence models see them: ``Pairs``."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nlmkit.text import Corpus, Vocabulary

Condition = NDArray[Any]
"""One source: ids of its tokens, int32 [tokens], or a vector, float32 [dimension]."""


def parts(values: NDArray[Any], offsets: NDArray[np.int64]) -> list[NDArray[Any]]:
    """Return the parts of an array between the offsets, of which the first is 0 and the last its length."""
    return np.split(values, offsets[1:-1]) if len(offsets) > 1 else []


@dataclasses.dataclass(frozen=True, eq=False)
class Sources:
    """Encoded sources: texts as ids, or vectors.

    Attributes:
        corpus: The tokens of texts, one "sentence" per source; None for vectors.
        vocabulary: Vocabulary of texts; None for vectors.
        vectors: float32 [n, dimension]; None for texts.
    """

    corpus: Corpus | None = None
    vocabulary: Vocabulary | None = None
    vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        if self.vectors is not None:
            return len(self.vectors)
        assert self.corpus is not None
        return self.corpus.sentences

    @cached_property
    def ids(self) -> NDArray[np.int32]:
        """Vocabulary ids of all tokens, one source after the other: int32 [tokens]; of texts alone."""
        assert self.corpus is not None
        assert self.vocabulary is not None
        return self.corpus.ids_for(self.vocabulary)

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Start of each source in ``ids``, and the end of the last: int64 [n + 1]; of texts alone."""
        assert self.corpus is not None
        return self.corpus.offsets

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each source, 1 for a vector: int64 [n]."""
        return np.ones(len(self), np.int64) if self.vectors is not None else np.diff(self.offsets)

    def conditions(self) -> list[Condition]:
        """Return each source as ``SequenceToSequence.start`` takes it."""
        if self.vectors is not None:
            return list(self.vectors)
        return parts(self.ids, self.offsets)

    def tokens(self, index: int) -> list[str]:
        """Return the tokens of one source as given, unknown words too; of vectors none."""
        return [] if self.corpus is None else self.corpus.sentence(index)

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits that identify the sources, whatever the vocabulary."""
        if self.corpus is not None:
            return self.corpus.events_digest
        vectors = np.ascontiguousarray(self.vectors, "<f4")
        digest = hashlib.sha256(f"{vectors.shape}\n".encode())
        digest.update(vectors.data)
        return digest.hexdigest()[:16]


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Encoded sources and their targets.

    Attributes:
        sources: The sources.
        targets: Tokens of the targets, one "sentence" per target.
        vocabulary: Vocabulary of targets.
    """

    sources: Sources
    targets: Corpus
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return self.targets.sentences

    @cached_property
    def event_ids(self) -> NDArray[np.int32]:
        """Vocabulary ids of the words of each target and its ``</s>``, one target after the other: int32 [events]."""
        return self.targets.event_ids(self.vocabulary)

    @property
    def event_offsets(self) -> NDArray[np.int64]:
        """Start of each target in ``event_ids``, and the end of the last: int64 [n + 1]."""
        return self.targets.event_offsets

    def conditions(self) -> list[Condition]:
        """Return each source as ``SequenceToSequence.start`` takes it."""
        return self.sources.conditions()

    def events(self) -> Sequence[NDArray[np.int32]]:
        """Return the event ids of each target."""
        return parts(self.event_ids, self.event_offsets)

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits that identify sources and targets, whatever the vocabularies."""
        return hashlib.sha256(f"{self.sources.digest} {self.targets.events_digest}".encode()).hexdigest()[:16]
