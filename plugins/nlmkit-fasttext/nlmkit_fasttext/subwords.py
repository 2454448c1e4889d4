"""The character n-grams of a word and their hashes, as fastText computes them (Bojanowski et al. 2017).

An n-gram's vector stands in one of a fixed number of buckets, by the FNV-1a hash of its UTF-8 bytes. Facebook's C++
takes bytes for signed before it mixes them in, which shows beyond ASCII and is kept here, as in gensim.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_OFFSET: Final = 2166136261
_PRIME: Final = 16777619
_MASK: Final = 0xFFFFFFFF
_SIGN: Final = 0xFFFFFF00


def ngrams(word: str, shortest: int, longest: int) -> Iterator[str]:
    """Yield the n-grams of ``<word>``, by characters, except the marks alone."""
    marked = f"<{word}>"
    for length in range(shortest, min(longest, len(marked)) + 1):
        for begin in range(len(marked) - length + 1):
            if length > 1 or 0 < begin < len(marked) - 1:
                yield marked[begin : begin + length]


def fnv1a(text: str) -> int:
    """FNV-1a of the UTF-8 bytes, each extended by its sign: 32 bits."""
    found = _OFFSET
    for byte in text.encode("utf-8", "surrogatepass"):
        found = (found ^ (byte | _SIGN if byte > 127 else byte)) * _PRIME & _MASK
    return found


def buckets_of(word: str, shortest: int, longest: int, buckets: int) -> list[int]:
    """Return the bucket of each n-gram of a word."""
    return [fnv1a(ngram) % buckets for ngram in ngrams(word, shortest, longest)]
