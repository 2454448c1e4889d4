"""Vectors of words by their character n-grams, as fastText computes them (Bojanowski, Grave, Joulin & Mikolov 2017).

The n-grams of a word are those of ``<word>``. Each has a vector in one of a fixed number of buckets, by the FNV-1a hash
of its UTF-8 bytes. fastText's C++ extends the sign of each byte before it is mixed in, which matters beyond ASCII;
gensim keeps that, and so does this module.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

_OFFSET: Final = 2166136261
_PRIME: Final = 16777619
_MASK: Final = 0xFFFFFFFF
_SIGN: Final = 0xFFFFFF00


def ngrams(word: str, min_n: int, max_n: int) -> Iterator[str]:
    """Yield the n-grams of ``<word>`` with ``min_n`` to ``max_n`` characters, except ``<`` and ``>`` alone."""
    marked = f"<{word}>"
    for length in range(min_n, min(max_n, len(marked)) + 1):
        for begin in range(len(marked) - length + 1):
            if length > 1 or 0 < begin < len(marked) - 1:
                yield marked[begin : begin + length]


def fnv1a(text: str) -> int:
    """Return fastText's FNV-1a hash of the UTF-8 bytes: 32 bits."""
    found = _OFFSET
    for byte in text.encode("utf-8", "surrogatepass"):
        found = (found ^ (byte | _SIGN if byte > 127 else byte)) * _PRIME & _MASK
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class Subwords:
    """Vectors of the n-grams of the words of a training text.

    Attributes:
        min_n: Length of the shortest n-grams in characters, including ``<`` and ``>``.
        max_n: Length of the longest.
        buckets: Number of buckets.
        trained: Buckets with an n-gram of the training text, ascending: int64 [n].
        vectors: Their vectors: float32 [n, d].
    """

    min_n: int
    max_n: int
    buckets: int
    trained: NDArray[np.int64]
    vectors: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        vectors: NDArray[np.float32],
        buckets_of_words: Iterable[NDArray[np.unsignedinteger]],
        *,
        min_n: int,
        max_n: int,
    ) -> Subwords:
        """Keep the vectors of the buckets that a word uses.

        Args:
            vectors: Vectors of all buckets: float32 [buckets, d].
            buckets_of_words: Buckets of each word's n-grams.
            min_n: Length of the shortest n-grams.
            max_n: Length of the longest.
        """
        trained = np.unique(np.concatenate([np.empty(0, np.uint32), *buckets_of_words])).astype(np.int64)
        return cls(min_n, max_n, len(vectors), trained, np.array(vectors[trained], np.float32))

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """Return the mean vector of a word's trained n-grams, float32 [d]; None if there are none."""
        wanted = [fnv1a(ngram) % self.buckets for ngram in ngrams(word, self.min_n, self.max_n)]
        if not wanted or not len(self.trained):
            return None
        places = np.searchsorted(self.trained, wanted).clip(max=len(self.trained) - 1)
        found = places[self.trained[places] == wanted]
        if not len(found):
            return None
        mean: NDArray[np.float32] = self.vectors[found].mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean
