"""Sentence boundaries in tokenized text.

A sentence ends after a token that consists of ``. ! ?`` ``。！？`` ``…`` ``．`` ``｡``, and after the closing quotation
marks and brackets that follow it (at most three), in every language. Straight quotation marks are ambiguous:
every second ``"`` of a document closes, and every ``'`` except the first, since apostrophes that are
tokens would disturb the count; one that ends the document also closes. A single ``.`` does not end a sentence

- after a single letter, as in ``U . S .`` or ``J . Smith``;
- after one of a few titles (mr, mrs, ms, dr, st, vs);
- if every character is a token, unless a space or the end of the text follows, as in ``3.5``; there the two rules
  above cannot be applied.

Sentences are never empty; the text after the last mark is a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.text import Corpus
from nlmkit.text.tokenizers import SPACE_SYMBOL

MARKS: Final = frozenset(".!?。！？…．｡‼⁇⁈⁉")
CLOSING: Final = frozenset("\"'”’»」』）)】》〉］]}") | {"''", "-rrb-", "-RRB-"}
TITLES: Final = frozenset({"mr", "mrs", "ms", "dr", "st", "vs"})

_CLOSED_BY: Final = 3


def sentence_bounds(corpus: Corpus, *, characters: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sentence boundaries of a corpus.

    Args:
        corpus: One document per "sentence".
        characters: Whether every character is a token.

    Returns:
        Start of each sentence among the tokens, and the end of the last: int64 [sentences + 1]; start of each document
        among the sentences, and the end of the last: int64 [documents + 1]. An empty document has no sentence.
    """
    tokens, ids = corpus.tokens, corpus.ids
    ends = _of_types(corpus, lambda word: bool(word) and MARKS.issuperset(word))[ids]
    is_last = np.zeros(tokens, np.bool_)
    is_last[corpus.offsets[1:][np.diff(corpus.offsets) > 0] - 1] = True
    is_first = np.zeros(tokens, np.bool_)
    is_first[corpus.offsets[:-1][np.diff(corpus.offsets) > 0]] = True

    may_close = _of_types(corpus, CLOSING.__contains__)[ids]
    opens = (_numbers(corpus, '"') % 2 == 1) | (_numbers(corpus, "'") == 1)
    closes = may_close & (~opens | is_last)
    stops = _of_types(corpus, ".".__eq__)[ids]
    if characters:
        spaces = _of_types(corpus, SPACE_SYMBOL.__eq__)[ids]
        follows = is_last | _shifted(spaces | may_close | ends, -1)
        ends &= ~stops | follows
    else:
        abbreviated = _of_types(corpus, lambda word: (len(word) == 1 and word.isalpha()) or word.lower() in TITLES)
        wide = _of_types(corpus, lambda word: len(word) == 1 and word.isalpha() and not word.isascii())
        ends &= ~(stops & _shifted((abbreviated & ~wide)[ids], 1) & ~is_first & ~is_last)
    for _ in range(_CLOSED_BY):
        ends |= closes & _shifted(ends, 1) & ~is_first
    # Of consecutive marks only the last one ends the sentence.
    bounds = (ends & ~(_shifted(ends, -1) & ~is_last)) | is_last
    ends_at = np.flatnonzero(bounds) + 1
    sentences = np.append(0, ends_at).astype(np.int64)
    return sentences, np.searchsorted(sentences, corpus.offsets).astype(np.int64)


def _numbers(corpus: Corpus, word: str) -> NDArray[np.int64]:
    """Number the occurrences of a word per document, from 1; 0 for other words: int64 [tokens]."""
    found = _of_types(corpus, word.__eq__)[corpus.ids]
    counts = np.append(0, np.cumsum(found))
    before = np.repeat(counts[corpus.offsets[:-1]], np.diff(corpus.offsets))
    return np.where(found, counts[1:] - before, 0)


def _of_types(corpus: Corpus, holds: Callable[[str], bool]) -> NDArray[np.bool_]:
    """Return a mask of the types of the corpus that satisfy a predicate: bool [types]."""
    return np.fromiter((holds(word) for word in corpus.types), np.bool_, len(corpus.types))


def _shifted(flags: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Return the flags of the token before (``by=1``) or after (``by=-1``); False if there is none."""
    moved = np.zeros_like(flags)
    if by == 1:
        moved[1:] = flags[:-1]
    else:
        moved[:-1] = flags[1:]
    return moved
