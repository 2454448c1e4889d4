"""Words that a tagger saw in training, so that reports can tell the figures of others: stored as UTF-8."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from nlmkit.saving import require
from nlmkit.taggers.span_tables import span_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.text.tagged import TaggedSentences

_END = "\n"


def known_words(data: TaggedSentences, *, segments: bool) -> frozenset[str]:
    """Return the words of training sentences.

    Args:
        data: The training sentences, with inner tags and words in the form of lookup.
        segments: Whether a word is a span of tokens and not a token.
    """
    if not segments:
        return frozenset(data.words.compact().types)
    tags, tokens = data.required_tags(), data.words.values()
    spans = span_table(tags.types, tags.ids, data.offsets, "BIOES")
    bounds = zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)
    return frozenset("".join(tokens[start:end]) for start, end in bounds)


def as_bytes(words: Iterable[str]) -> NDArray[np.uint8]:
    """Return words as UTF-8, sorted, each with an LF after it, which no token holds: uint8 [bytes]."""
    text = "".join(f"{word}{_END}" for word in sorted(words))
    return np.frombuffer(text.encode(), np.uint8)


def of_bytes(stored: NDArray[np.uint8]) -> frozenset[str]:
    """Return the words that ``as_bytes`` stored.

    Raises:
        SavedModelError: The bytes are something else.
    """
    try:
        text = stored.tobytes().decode()
    except UnicodeDecodeError:
        text = ""
    words = text.split(_END)
    is_sound = len(words) > 1 and not words.pop() and all(words) and words == sorted(set(words))
    require(is_sound, "array 'known_words' does not hold sorted words; save the model again")
    return frozenset(words)
