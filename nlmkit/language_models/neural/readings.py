"""What a language model reads of sentences of tokens, and where it has read each of them.

A model of words reads the tokens themselves. A model of characters (tokenizer ``char``) reads the tokens spelled out,
with the space symbol between words, as it would read the raw text (Akbik et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.text.tokenizers import BUILT_IN, SPACE_SYMBOL, CharTokenizer
from nlmkit.text.vocabulary import EOS_ID, SPECIAL, UNK_ID

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel


class Reading(NamedTuple):
    """Symbols in the order in which a model reads them.

    Attributes:
        ids: Symbols in the model's vocabulary, with the ``</s>`` before each sentence that has tokens: int64 [symbols].
        offsets: Start of each sentence among the symbols, and the end of the last: int64 [sentences + 1].
        last: Place among the symbols of the last one that is read of each token, in the order of the text: int64
            [tokens].
    """

    ids: NDArray[np.int64]
    offsets: NDArray[np.int64]
    last: NDArray[np.int64]


def reads_characters(lm: LanguageModel, who: str = "the language model") -> bool:
    """Return whether a model reads characters; otherwise it reads words.

    Args:
        lm: A fitted language model.
        who: What the error calls it.

    Raises:
        HyperParameterError: Its tokenizer is not built in, so that its tokens may be neither words nor characters.
    """
    name = lm.tokenization_.tokenizer
    if name not in BUILT_IN:
        raise HyperParameterError(
            f"{who} has the tokenizer {name}: states of tokens require one of words (space, word) or characters (char)"
        )
    return name == CharTokenizer.name


def reading(
    lm: LanguageModel, types: Sequence[str], ids: NDArray[np.int32], offsets: NDArray[np.int64], *, spaces: bool
) -> Reading:
    """Return what a model reads of sentences; of a backward model, from their last symbol to their first.

    Of a token without symbols, the last one is that before it.

    Args:
        lm: A fitted language model of words or characters.
        types: Distinct tokens; some may not occur.
        ids: Type of each token: int32 [tokens].
        offsets: Start of each sentence, and the end of the last: int64 [sentences + 1].
        spaces: Whether a model of characters reads a space between tokens, if its vocabulary has one.

    Raises:
        HyperParameterError: The model is one of neither.
    """
    spaced = spaces and reads_characters(lm) and SPACE_SYMBOL in lm.vocabulary_
    symbols, bounds = _spellings(lm, types, ids)
    order = np.arange(len(ids))
    if lm.reads_backward:
        order = np.repeat(offsets[:-1] + offsets[1:] - 1, np.diff(offsets)) - order
    tokens = ids[order]  # as they are read
    first = np.zeros(len(tokens), np.bool_)
    first[offsets[:-1][np.diff(offsets) > 0]] = True
    before = (first | spaced).astype(np.int64)  # number of symbols between the tokens
    own = np.diff(bounds)[tokens]
    ends = np.cumsum(before + own)
    found = np.empty(int(ends[-1]) if len(ends) else 0, np.int64)
    starts = ends - own
    found[starts[first] - 1] = EOS_ID
    if spaced:
        found[starts[~first] - 1] = lm.vocabulary_.id(SPACE_SYMBOL)
    within = np.arange(own.sum()) - np.repeat(np.cumsum(own) - own, own)
    found[np.repeat(starts, own) + within] = symbols[np.repeat(bounds[tokens], own) + within]
    return Reading(found, np.append(0, ends)[offsets], (ends - 1)[order])  # reversed twice, the order is the text's


def coverage(lm: LanguageModel, types: Sequence[str], ids: NDArray[np.int32]) -> float:
    """Return the share of the tokens that a model knows, or of their characters; 1 if there are none.

    Args:
        lm: A fitted language model of words or characters.
        types: Distinct tokens; some may not occur.
        ids: Type of each token: int32 [tokens].

    Raises:
        HyperParameterError: The model is one of neither.
    """
    symbols, bounds = _spellings(lm, types, ids)
    counts = np.bincount(ids, minlength=len(types))
    known = np.append(0, np.cumsum(symbols != UNK_ID))
    total = int(np.diff(bounds) @ counts)
    return int(np.diff(known[bounds]) @ counts) / total if total else 1.0


def vocabulary_ids(lm: LanguageModel, types: Sequence[str], ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the ids in a language model's vocabulary of tokens that are given as such.

    Unicode form and case are changed as the model's tokenization does; its tokenizer is not applied. Words that the
    vocabulary lacks, and the marks ``<s>`` and ``</s>``, which no word is, become ``<unk>``.

    Args:
        lm: A fitted language model.
        types: Distinct tokens; some may not occur.
        ids: Type of each token: int32 [tokens].

    Returns:
        int64 [tokens].
    """
    occurring = np.flatnonzero(np.bincount(ids, minlength=len(types)))
    normalize = lm.tokenization_.normalize
    found = np.full(len(types), UNK_ID, np.int64)
    found[occurring] = _looked_up(lm, [normalize(types[place]) for place in occurring.tolist()])
    return found[ids]


def _spellings(
    lm: LanguageModel, types: Sequence[str], ids: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the symbols of all types, one after another, and the bounds of each; of types that do not occur, none.

    Returns:
        Ids in the model's vocabulary, in the order in which they are read, int64 [symbols], and int64 [types + 1].
    """
    occurring = np.flatnonzero(np.bincount(ids, minlength=len(types)))
    lengths = np.zeros(len(types), np.int64)
    if not reads_characters(lm):
        lengths[occurring] = 1
        symbols = vocabulary_ids(lm, types, occurring.astype(np.int32))
    else:
        normalize, tokenize = lm.tokenization_.normalize, lm.tokenization_.resolved_tokenizer.tokenize
        step = -1 if lm.reads_backward else 1
        spelled: list[str] = []
        for place in occurring.tolist():
            # A line's last characters may be special to the tokenizer, and a word's are not the line's.
            own = tokenize(normalize(types[place]) + " ")[:-1]
            lengths[place] = len(own)
            spelled += own[::step]
        symbols = _looked_up(lm, spelled)
    return symbols, np.append(0, np.cumsum(lengths))


def _looked_up(lm: LanguageModel, words: list[str]) -> NDArray[np.int64]:
    """Return ids of normalized words; of marks, that of ``<unk>``."""
    found = lm.vocabulary_.ids(words).astype(np.int64)
    found[found < len(SPECIAL)] = UNK_ID
    return found
