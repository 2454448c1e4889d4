"""Templates: which views of which tokens around the current one form a feature together (Sha & Pereira 2003)."""

from __future__ import annotations

from typing import Final

from nlmkit.taggers.crf.views import CLASS, COLUMN, LOWER, PREFIX, SHAPE, SUFFIX, WORD

Part = tuple[str, int]
"""View, and offset of the token from the current one."""

Template = tuple[Part, ...]
"""Views whose values together are one attribute; none is the constant attribute."""

BIAS: Final[Template] = ()


def word_templates(columns: int, *, window: int, ngram: int, affixes: int) -> tuple[Template, ...]:
    """Return the templates for words.

    Args:
        columns: Number of feature columns.
        window: Distance of the farthest token looked at.
        ngram: Longest sequence of values looked at together; of words two at most.
        affixes: Length of the longest prefix and suffix.
    """
    near = range(-min(window, 1), min(window, 1) + 1)
    found = [BIAS, ((WORD, 0),), *_ngrams(LOWER, window, min(ngram, 2))]
    for size in range(1, affixes + 1):
        found += [((PREFIX + str(size), 0),), ((SUFFIX + str(size), 0),)]
    if affixes > 1:
        found += [((SUFFIX + str(min(affixes, 3)), offset),) for offset in near if offset]
    found += _ngrams(SHAPE, min(window, 1), min(ngram, 2))
    for column in range(columns):
        name = COLUMN + str(column)
        found += _ngrams(name, window, ngram)
        found += [((LOWER, 0), (name, offset)) for offset in near if offset]
    return tuple(found)


def character_templates(columns: int, *, window: int, ngram: int) -> tuple[Template, ...]:
    """Return the templates for tokens that are characters; arguments as of ``word_templates``."""
    found = [BIAS, *_ngrams(WORD, window, ngram), *_ngrams(CLASS, min(window, 2), ngram)]
    if window and ngram > 1:
        found.append(((WORD, -1), (WORD, 1)))
    for column in range(columns):
        found += _ngrams(COLUMN + str(column), window, ngram)
    return tuple(found)


def _ngrams(view: str, window: int, ngram: int) -> list[Template]:
    """Return the sequences of one to ``ngram`` successive values within a window."""
    return [
        tuple((view, offset) for offset in range(first, first + size))
        for size in range(1, ngram + 1)
        for first in range(-window, window - size + 2)
    ]
