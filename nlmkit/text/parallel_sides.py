"""One side of pairs of texts, checked: no NUL, no lone surrogates, and each text on one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.text.decoding import Decoding
from nlmkit.text.labelled import as_texts
from nlmkit.text.marks import without_nul
from nlmkit.text.rows import one_line


def blank_side(side: str, source: str, number: int, lines: NDArray[np.int64] | None = None) -> DataError:
    """Return the error of a blank side of a pair.

    Args:
        side: ``source`` or ``target``.
        source: Where it comes from.
        number: Index of the pair.
        lines: Line of each pair.
    """
    if lines is None:
        return DataError(f"{side} {number + 1} is empty: drop the pair", source=source)
    return DataError(f"the {side} is empty: drop the pair", source=source, line=int(lines[number]))


def side_texts(
    texts: Iterable[str], item: str, source: str, lines: NDArray[np.int64] | None, decoding: Decoding
) -> tuple[str, ...]:
    """Return one side of pairs as it is kept: one line per text, without line end and NUL.

    Args:
        texts: The texts.
        item: ``source`` or ``target``.
        source: Where they come from.
        lines: Line of each, if there are lines.
        decoding: What is done with NUL.

    Raises:
        DataError: It is not a sequence of strings, or one holds what a text must not hold; names which.
    """
    try:
        found = as_texts(texts, item, may_be_empty=False)
    except DataError as error:
        raise DataError(error.problem, source=source) from None
    whole = "".join(found)
    if "\n" in whole or "\r" in whole:
        found = tuple(one_line(text.removesuffix("\n").removesuffix("\r")) for text in found)
    if "\0" in whole and decoding.marks != "error":
        found = tuple(cast(str, without_nul(text, decoding.marks)) for text in found)
    elif "\0" in whole:
        number = next(number for number, text in enumerate(found) if "\0" in text)
        raise _fault("NUL, which is not text: remove it, or set marks to skip", item, source, number, lines)
    try:
        whole.encode()
    except UnicodeEncodeError as error:
        number = next(number for number, text in enumerate(found) if whole[error.start] in text)
        what = f"lone surrogate U+{ord(whole[error.start]):04X}, which is not a character"
        raise _fault(f"{what}: decode the text with its real encoding", item, source, number, lines) from None
    return found


def _fault(problem: str, item: str, source: str, number: int, lines: NDArray[np.int64] | None) -> DataError:
    if lines is None:
        return DataError(f"{item} {number + 1} holds a {problem}", source=source)
    return DataError(f"the {item} holds a {problem}", source=source, line=int(lines[number]))
