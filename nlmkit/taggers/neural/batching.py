"""Sentences as ids, and padded batches of them, in which padding never changes a result."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.layers.word_input import PAD_ID

Indices = NDArray[np.int64]

States = Callable[[Indices], NDArray[np.float32]]
"""Returns the states of language models at the tokens of some sentences: int64 [B] to float32 [tokens, h]."""


class Characters(NamedTuple):
    """Different words of a batch as characters.

    Attributes:
        words: Character ids, 0 after the end of a word: int64 [W, L], L ≥ 1.
        lengths: Number of characters of each word: int64 [W].
        places: Word at each position, any in the padding: int64 [T, B].
    """

    words: Tensor
    lengths: Tensor
    places: Tensor

    def to(self, device: torch.device) -> Characters:
        """Return a copy on a device."""
        return Characters(*(each.to(device) for each in self))


class Batch(NamedTuple):
    """Sentences of one step, side by side, time first.

    Attributes:
        words: Word ids, ``PAD_ID`` after the end of a sentence: int64 [T, B], T ≥ 1.
        columns: Ids of each column of features, 0 in the padding: int64 [C, T, B].
        lengths: Number of tokens of each sentence: int64 [B].
        characters: Their words as characters, if characters are read.
        states: States of language models, zero in the padding: float32 [T, B, h].
        tags: Tags, 0 in the padding: int64 [B, T]; None for sentences without tags.
    """

    words: Tensor
    columns: Tensor
    lengths: Tensor
    characters: Characters | None
    states: Tensor | None
    tags: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """Return a copy on a device."""
        return Batch(*(None if each is None else each.to(device) for each in self))  # type: ignore[arg-type]


@dataclasses.dataclass(frozen=True, eq=False)
class Spellings:
    """Words as characters.

    Attributes:
        ids: Character ids of all words, one after another: int64 [characters].
        offsets: Where each word begins, and where the last one ends: int64 [words + 1].
        words: Word of each token: int64 [tokens].
    """

    ids: Indices
    offsets: Indices
    words: Indices

    def rows(self, places: Indices) -> Characters:
        """Return the different words among some tokens, and which is where; of padding, any.

        Args:
            places: Tokens, −1 for padding: int64 [T, B].
        """
        found, inverse = np.unique(self.words[places], return_inverse=True)
        begins = self.offsets[found]
        lengths = self.offsets[found + 1] - begins
        columns = np.arange(max(1, int(lengths.max(initial=0))))
        is_character = columns < lengths[:, None]
        rows = np.zeros(is_character.shape, np.int64)
        rows[is_character] = self.ids[(begins[:, None] + columns)[is_character]]
        where = torch.from_numpy(inverse.reshape(places.shape))
        return Characters(torch.from_numpy(rows), torch.from_numpy(lengths), where)


@dataclasses.dataclass(frozen=True, eq=False)
class Sentences:
    """Sentences as ids.

    Attributes:
        offsets: Where each sentence begins among the tokens, and where the last one ends: int64 [sentences + 1].
        words: Word ids: int64 [tokens].
        columns: Ids of each column of features: int64 [C, tokens].
        spellings: Words as characters, if characters are read.
        states: States of language models, if there are any.
        tags: Tags: int64 [tokens]; None without tags.
        extra: Vectors of the word ids from V on: float32 [n, d].
    """

    offsets: Indices
    words: Indices
    columns: Indices
    spellings: Spellings | None = None
    states: States | None = None
    tags: Indices | None = None
    extra: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Indices:
        """Number of tokens of each sentence: int64 [sentences]."""
        return np.diff(self.offsets)

    def batch(self, chosen: Indices) -> Batch:
        """Return a batch of some sentences, at least one of which has a token.

        Args:
            chosen: Indices of the sentences: int64 [B].
        """
        begins = self.offsets[chosen]
        lengths = self.offsets[chosen + 1] - begins
        time = np.arange(max(1, int(lengths.max(initial=0))))[:, None]
        inside = time < lengths
        places = np.where(inside, begins + time, -1)
        tokens = places[inside]
        words = np.full(places.shape, PAD_ID, np.int64)
        words[inside] = self.words[tokens]
        columns = np.zeros((len(self.columns), *places.shape), np.int64)
        columns[:, inside] = self.columns[:, tokens]
        states = tags = None
        if self.states is not None:
            found = self.states(chosen)
            states = torch.zeros(*places.shape, found.shape[1])
            # Sentence by sentence, as they were read.
            states.transpose(0, 1)[torch.from_numpy(inside.T)] = torch.from_numpy(found)
        if self.tags is not None:
            tags = torch.zeros(places.shape[::-1], dtype=torch.int64)
            tags[torch.from_numpy(inside.T)] = torch.from_numpy(self.tags[places.T[inside.T]])
        return Batch(
            torch.from_numpy(words),
            torch.from_numpy(columns),
            torch.from_numpy(lengths),
            None if self.spellings is None else self.spellings.rows(places),
            states,
            tags,
        )
