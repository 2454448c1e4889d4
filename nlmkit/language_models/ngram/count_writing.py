"""Writing count files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import ExportError
from nlmkit.language_models.ngram.counting import NGramCounts
from nlmkit.saving.files import reason
from nlmkit.saving.replacing import replacing
from nlmkit.text.vocabulary import UNK_ID

_LINES = 100_000
_UNSAYABLE = re.compile(r"[ \t\r\n\0\ud800-\udfff]")


def write_counts(
    path: str | os.PathLike[str],
    counts: NGramCounts,
    words: Sequence[str],
    *,
    advance: Callable[[int], None] = lambda ngrams: None,
) -> None:
    """Write ``w1 w2 w3<TAB>count`` lines, order after order, gzipped if the name ends in ``.gz``.

    The lines include ``<s>``, whose count is the number of sentences, and words of the vocabulary that do not occur;
    ``<unk>`` only if it occurs. N-grams are in suffix order, words in the order of their ids. The file is written
    atomically.

    Args:
        path: File to write or replace; a pipe or device is written to directly.
        counts: The counts.
        words: Words by vocabulary id, the special ones included.
        advance: Called with the number of n-grams written.

    Raises:
        ExportError: A word is empty or contains a space, tab, line end, NUL or lone surrogate; or the file cannot be
            written.
    """
    path = Path(path)
    for word in words:
        if not word or _UNSAYABLE.search(word):
            raise ExportError(
                f"{path}: a count file cannot hold the word {word!r}, which is empty or contains a space, tab, line "
                "end, NUL or lone surrogate"
            )
    named = np.array(words, object)
    try:
        with replacing(path, "a count file is") as stream:
            for k, level in enumerate(counts.levels, 1):
                for begin in range(0, len(level), _LINES):
                    ids = np.arange(begin, min(begin + _LINES, len(level)), dtype=np.int32)
                    if k == 1 and begin == 0 and not level.raw[UNK_ID]:
                        ids = ids[1:]
                    stream.write(_lines(counts, named, k, ids).encode())
                    advance(len(ids))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({reason(error)})") from error


def _lines(counts: NGramCounts, words: NDArray[np.object_], k: int, ids: NDArray[np.int32]) -> str:
    numbers = map(str, counts.levels[k - 1].raw[ids].tolist())
    columns = []
    for j in range(k, 0, -1):
        columns.append(cast(list[str], words[counts.levels[j - 1].first[ids]].tolist()))
        if j > 1:
            ids = counts.levels[j - 1].suffix[ids]
    grams = map(" ".join, zip(*columns, strict=True))
    return "".join(f"{gram}\t{number}\n" for gram, number in zip(grams, numbers, strict=True))
