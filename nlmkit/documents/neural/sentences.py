"""Where sentences end in a text of tokens.

A sentence ends after a token of nothing but ``. ! ?`` ``。！？`` ``…`` ``．`` ``｡``, and after the closing quotation
marks and brackets that follow it (at most three), whatever the language. Straight quotation marks do not tell which
they are: of the ``"`` of a document every second one closes, and every ``'`` but the first, since apostrophes that are
tokens would spoil the count; one that ends the document closes, too. A single ``.`` ends none

- after a single letter, as in ``U . S .`` or ``J . Smith``;
- after one of a few titles (mr, mrs, ms, dr, st, vs);
- where every character is a token, unless a space or the end of the text follows, as in ``3.5``; there the two rules
  above cannot be applied.

No sentence is empty, and what follows the last mark is a sentence.
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
    """Where sentences begin.

    Args:
        corpus: One document a "sentence".
        characters: Whether every character is a token.

    Returns:
        Where each sentence begins among the tokens, and the last one ends: int64 [sentences + 1]; where each document
        begins among the sentences, and the last one ends: int64 [documents + 1]. An empty document has no sentence.
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
    # Of marks in a row only the last one ends the sentence.
    bounds = (ends & ~(_shifted(ends, -1) & ~is_last)) | is_last
    ends_at = np.flatnonzero(bounds) + 1
    sentences = np.append(0, ends_at).astype(np.int64)
    return sentences, np.searchsorted(sentences, corpus.offsets).astype(np.int64)


def _numbers(corpus: Corpus, word: str) -> NDArray[np.int64]:
    """1 where a document has a word for the first time, 2 for the second, and so on; 0 elsewhere: int64 [tokens]."""
    found = _of_types(corpus, word.__eq__)[corpus.ids]
    counts = np.append(0, np.cumsum(found))
    before = np.repeat(counts[corpus.offsets[:-1]], np.diff(corpus.offsets))
    return np.where(found, counts[1:] - before, 0)


def _of_types(corpus: Corpus, holds: Callable[[str], bool]) -> NDArray[np.bool_]:
    """Which of the corpus's types something holds for: bool [types]."""
    return np.fromiter((holds(word) for word in corpus.types), np.bool_, len(corpus.types))


def _shifted(flags: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Flags of the token before (``by=1``) or after (``by=-1``); False where there is none."""
    moved = np.zeros_like(flags)
    if by == 1:
        moved[1:] = flags[:-1]
    else:
        moved[:-1] = flags[1:]
    return moved
