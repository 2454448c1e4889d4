"""Writing ARPA files."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from nlmkit.errors import ExportError
from nlmkit.language_models.ngram.arpa_cells import LineWriter, word_columns
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.saving.files import reason
from nlmkit.saving.replacing import replacing
from nlmkit.text.vocabulary import BOS_ID, UNK_ID

_LINES = 1 << 15
_UNSAYABLE = re.compile(r"[ \t\r\n\0]")


def write_arpa(
    path: str | os.PathLike[str],
    table: BackoffTable,
    words: Sequence[str],
    *,
    workers: int = 1,
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
        workers: Number of threads that format lines; the file is the same.
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
    writer = LineWriter(table, words)
    blocks = [
        (k, begin, min(begin + _LINES, size))
        for k, size in enumerate(table.sizes, 1)
        for begin in range(0, size, _LINES)
    ]
    try:
        with replacing(path, "an ARPA file is") as stream:
            header = [f"ngram {k}={size}\n" for k, size in enumerate(table.sizes, 1)]
            stream.write("".join(["\\data\\\n", *header]).encode())
            order = 0
            for (k, begin, end), lines in _in_order(blocks, writer.lines, workers):
                while order < k:
                    order += 1
                    stream.write(f"\n\\{order}-grams:\n".encode())
                stream.write(lines)
                advance(end - begin)
            for empty in range(order + 1, table.order + 1):
                stream.write(f"\n\\{empty}-grams:\n".encode())
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
    return " ".join(words[int(ids[0])] for ids in word_columns(table, k, index, index + 1))


def _in_order(
    blocks: Iterable[tuple[int, int, int]], lines: Callable[[int, int, int], bytes], workers: int
) -> Iterator[tuple[tuple[int, int, int], bytes]]:
    """Yield each block with its lines, formatted by several threads if asked for."""
    if workers == 1:
        for block in blocks:
            yield block, lines(*block)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[tuple[int, int, int], Future[bytes]]] = deque()
        try:
            for block in blocks:
                waiting.append((block, pool.submit(lines, *block)))
                if len(waiting) > workers:
                    done, future = waiting.popleft()
                    yield done, future.result()
            for done, future in waiting:
                yield done, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
