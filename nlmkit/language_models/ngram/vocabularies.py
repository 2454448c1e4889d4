"""Vocabularies of n-gram models: closed ones, and those that grow with more text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import UNK, UNK_ID, Vocabulary
from nlmkit.text.subwords import tokens_of

if TYPE_CHECKING:
    from nlmkit.core.vocabulary_limits import VocabularyLimits
    from nlmkit.text import Corpus


def check_closed(corpus: Corpus, vocabulary: Vocabulary) -> None:
    """Raise an error for a training text with a word that a closed vocabulary lacks.

    Raises:
        DataError: There is one; the error names the first and its sentence.
    """
    unknown = np.flatnonzero(vocabulary.ids(corpus.types) == UNK_ID)
    if not len(unknown):
        return
    at = int(np.isin(corpus.ids, unknown).argmax())
    sentence = int(np.searchsorted(corpus.offsets, at, side="right"))
    alone = len(corpus.sources) == 1
    place = "" if alone else f"sentence {sentence}: "
    raise DataError(
        f"{place}{corpus.types[int(corpus.ids[at])]!r} is not in the vocabulary, and closed=true leaves no probability "
        "for unknown words: add it to the vocabulary, or omit closed",
        source=", ".join(corpus.sources) or None,
        line=sentence if alone else None,
    )


def check_growing(limits: VocabularyLimits) -> None:
    """Raise an error for vocabulary limits with which more text cannot be added to the counts.

    Raises:
        HyperParameterError: There are such limits.
    """
    given = [f"vocabulary_size={limits.vocabulary_size}"] if limits.vocabulary_size is not None else []
    given += [f"min_count={limits.least_count}"] if limits.least_count > 1 else []
    if given:
        raise HyperParameterError(
            f"{' and '.join(given)}: more text can change which words are kept, and n-grams of words that became <unk> "
            "were not counted apart; fit over all text, or use a vocabulary_file"
        )


def grown(vocabulary: Vocabulary, corpus: Corpus, *, fixed: bool) -> Vocabulary:
    """Return the vocabulary of the old training text and ``corpus`` together, with the counts of both.

    Words keep their ids, and new ones follow by first appearance; tokens of a trained subword tokenizer that neither
    text has come last.

    Args:
        vocabulary: Vocabulary of the old text, with its counts.
        corpus: Further text.
        fixed: Whether the words are those of a vocabulary file, which do not change.

    Raises:
        HyperParameterError: The vocabulary has words that are not from its text, such as the vocabulary that the
            models of a classifier share.
    """
    words = list(vocabulary.words[3:])
    if not fixed:
        tokens = tokens_of(corpus.pipeline)
        seen = [word for word, count in zip(words, vocabulary.counts[3:].tolist(), strict=True) if count]
        if set(words) - set(seen) - set(tokens):
            raise HyperParameterError("the model has words that its text lacks, so more text cannot be added to it")
        types = [word for word in corpus.types if word != UNK]
        words = [*dict.fromkeys([*seen, *types, *tokens])]
    old = np.zeros(len(words) + 3, np.int64)
    known = min(len(old), len(vocabulary))
    old[:known] = vocabulary.counts[:known]  # ids beyond, or of other words now, have no counts
    extended = Vocabulary(words)
    return Vocabulary(words, old + extended.counted(corpus).counts)
