"""Order in which a language model reads the events of a text: as they stand, or from the end of the text.

A backward model is a model of the reversed text: it reads the last sentence first, and each sentence from its last word
to its first. ``</s>`` then ends a sentence where the sentence begins. So the events of the text are the same, one per
word and one ``</s>`` per sentence, and values by event stay at the word that they belong to::

    text           a b </s> c d e </s>
    order of reading   e d c </s> b a </s>
    places             5 4 3 6    1 0 2
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Chunk = TypeVar("_Chunk")


@dataclasses.dataclass(frozen=True, eq=False)
class ReadingOrder:
    """Order in which a model reads the events of a text.

    Attributes:
        backward: Whether the text is read from its end.
        places: Place in the text of each event, in the order of reading: int64 [events]; a slice of all events for
            forward models, with which indexing copies nothing.
        offsets: Start of each sentence in the order of reading, and the end of the last: int64 [sentences + 1].
    """

    backward: bool
    places: slice | NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, offsets: NDArray[np.int64], *, backward: bool) -> ReadingOrder:
        """Return the order for a text.

        Args:
            offsets: Start of each sentence's events, and the end of the last: int64 [sentences + 1].
            backward: Whether the text is read from its end.
        """
        if not backward:
            return cls(False, slice(None), offsets)
        events = int(offsets[-1])
        read = events - offsets[::-1]
        places = np.arange(events - 2, -2, -1, dtype=np.int64)
        places[read[1:] - 1] = offsets[:0:-1] - 1  # each </s> is that of its own sentence
        return cls(True, places, read)

    @property
    def ranks(self) -> NDArray[np.int64]:
        """Number of events read before each event of the text: int64 [events]."""
        return self.placed(np.arange(int(self.offsets[-1]), dtype=np.int64))

    def placed(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values that are in the order of reading in the order of the text: [events, …]."""
        if isinstance(self.places, slice):
            return values
        found = np.empty_like(values)
        found[self.places] = values
        return found

    def sentences(self, chunks: Iterable[_Chunk]) -> Iterable[_Chunk]:
        """Return one chunk per sentence in the order of the text; those of a backward model are held in memory."""
        return reversed(list(chunks)) if self.backward else chunks

    def rows(self, chunk: NDArray[Any]) -> NDArray[Any]:
        """Return the rows of one sentence in the order of its events: [events of the sentence, …]."""
        return np.concatenate([chunk[-2::-1], chunk[-1:]]) if self.backward else chunk
