"""Writing ARPA files."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import ExportError
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.saving.files import reason
from nlmkit.saving.replacing import replacing
from nlmkit.text.vocabulary import BOS_ID, UNK_ID

LOG_ZERO = -99.0
"""Logarithm of zero as SRILM writes it."""

DIGITS = 9
"""Significant digits of a number: enough to restore single precision exactly."""

_LN10 = math.log(10.0)
_LINES = 100_000
_PLAIN_FROM, _PLAIN_TO = 1e-4, 1e8  # "%g" writes numbers of this size without an exponent
_UNSAYABLE = re.compile(r"[ \t\r\n\0]")


def write_arpa(
    path: str | os.PathLike[str],
    table: BackoffTable,
    words: Sequence[str],
    *,
    closed: bool = False,
    advance: Callable[[int], None] = lambda ngrams: None,
) -> None:
    """Write a backoff model as an ARPA file, gzipped if the name ends in ``.gz``.

    The file is written atomically. As in KenLM, ``<s>`` gets the log10 probability 0, and every n-gram below the
    highest order gets a backoff weight, 0 unless it is a context. N-grams are in suffix order; numbers have nine
    digits and no exponents. The weight of a context that lists every word is never used; if it is zero, its logarithm
    is written as −99, as in SRILM.

    Args:
        path: File to write or replace; a pipe or device is written to directly.
        table: The model.
        words: Words by vocabulary id, the special ones included.
        closed: Whether ``<unk>`` may have the probability zero, written as −99, as in SRILM.
        advance: Called with the number of n-grams written.

    Raises:
        ExportError: A word is empty, contains a space, tab, CR, LF or NUL, or is ``<UNK>``, which readers treat as
            ``<unk>``; a probability is zero; unseen contexts have a backoff weight; or the file cannot be written.
    """
    path = Path(path)
    if len(words) != table.vocabulary_size:
        raise ValueError(f"{len(words)} words for a table of {table.vocabulary_size} words")
    problem = _unsayable_word(words) or _unsayable_number(table, words, closed=closed)
    if problem:
        raise ExportError(f"{path}: ARPA cannot represent this model: {problem}")
    named = np.array(words, object)
    try:
        with replacing(path, "an ARPA file is") as stream:
            header = [f"ngram {k}={size}\n" for k, size in enumerate(table.sizes, 1)]
            stream.write("".join(["\\data\\\n", *header]).encode())
            for k in range(1, table.order + 1):
                stream.write(f"\n\\{k}-grams:\n".encode())
                for begin in range(0, table.sizes[k - 1], _LINES):
                    end = min(begin + _LINES, table.sizes[k - 1])
                    stream.write(_lines(table, named, k, begin, end).encode())
                    advance(end - begin)
            stream.write(b"\n\\end\\\n")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({reason(error)})") from error


def _unsayable_word(words: Sequence[str]) -> str | None:
    for word in words:
        if not word or _UNSAYABLE.search(word):
            return f"the word {word!r} is empty or contains a space, tab, line end or NUL"
        if word == "<UNK>":
            return f"readers treat the word {word!r} as <unk>; fit the model on a text that spells it differently"
        if not word.isascii():
            try:
                word.encode()
            except UnicodeEncodeError:
                return f"the word {word!r} contains a lone surrogate, which is not a character"
    return None


def _unsayable_number(table: BackoffTable, words: Sequence[str], *, closed: bool) -> str | None:
    if table.unseen_backoff != 0.0:
        return "contexts outside the table have a backoff weight"
    for k, log_probs in enumerate(table.log_probs, 1):
        bad = ~np.isfinite(log_probs)
        if k == 1:
            bad[BOS_ID] = False
            bad[UNK_ID] &= not closed
        if bad.any():
            gram = _gram(table, words, k, int(bad.argmax()))
            return f"the probability of {gram!r} is zero; smooth the model, or train <unk> with a limited vocabulary"
    for k, backoffs in enumerate(table.backoffs, 1):
        followers = np.bincount(table.history[k], minlength=table.sizes[k - 1])
        bad = ~np.isfinite(backoffs) & (followers < table.vocabulary_size - (2 if closed else 1))
        if bad.any():
            gram = _gram(table, words, k, int(bad.argmax()))
            return f"the words unseen after {gram!r} have the probability zero; smooth the model"
    return None


def _gram(table: BackoffTable, words: Sequence[str], k: int, index: int) -> str:
    return " ".join(column[0] for column in _word_columns(table, np.array(words, object), k, index, index + 1))


def _word_columns(table: BackoffTable, words: NDArray[np.object_], k: int, begin: int, end: int) -> list[list[str]]:
    """Return the first, second, … words of k-grams, found along their suffixes."""
    columns = []
    ids = np.arange(begin, end, dtype=np.int32)
    for j in range(k, 0, -1):
        columns.append(cast(list[str], words[table.first[j - 1][ids]].tolist()))
        if j > 1:
            ids = table.suffix[j - 1][ids]
    return columns


def _lines(table: BackoffTable, words: NDArray[np.object_], k: int, begin: int, end: int) -> str:
    log_probs = np.minimum(table.log_probs[k - 1][begin:end], 0.0)
    if k == 1 and begin <= BOS_ID < end:
        log_probs[BOS_ID - begin] = 0.0
    grams = map(" ".join, zip(*_word_columns(table, words, k, begin, end), strict=True))
    columns = [_decimals(log_probs), grams]
    if k < table.order:
        columns.append(_decimals(table.backoffs[k - 1][begin:end]))
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _decimals(natural_logs: NDArray[np.floating[Any]]) -> Iterator[str]:
    values = natural_logs.astype(np.float64) / _LN10
    values[np.isneginf(values)] = LOG_ZERO
    values += 0.0  # turns -0 into 0
    texts = (f"%.{DIGITS}g " * len(values) % tuple(values.tolist())).split(" ")
    sizes = np.abs(values)
    for at in np.flatnonzero(((sizes < _PLAIN_FROM) | (sizes >= _PLAIN_TO)) & (sizes > 0.0)).tolist():
        texts[at] = np.format_float_positional(values[at], precision=DIGITS, unique=False, fractional=False, trim="-")
    return iter(texts[:-1])
