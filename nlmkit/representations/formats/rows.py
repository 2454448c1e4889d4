"""What a reader has read so far: words, and their vectors in the order of a vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.text.vocabulary import SPECIAL

MAX_DIMENSION: Final = 1 << 16
"""Longest vector that is read; a header that says more is damaged or hostile."""

Place = Callable[[int], dict[str, Any]]
"""Turns the number of a vector in its file, from 0, into the place that an error names: line or byte."""


class Rows:
    """Gathers words and vectors; ``<unk>``, ``<s>`` and ``</s>`` go to the rows 0, 1 and 2.

    Args:
        name: The file, for errors.
        dimension: Length of a vector.
        expected: Number of vectors, where the file is known to be long enough for them: room is then made at once.
            None lets memory grow with what has been read.
    """

    def __init__(self, name: str, dimension: int, expected: int | None) -> None:
        self._name = name
        self._dimension = dimension
        self._words: dict[str, int] = {}  # to the number of the vector in the file
        self._special = np.zeros((len(SPECIAL), dimension), np.float32)
        self._blocks: list[NDArray[np.float32]] = []
        room = 0 if expected is None else expected + len(SPECIAL)
        self._whole = np.empty((room, dimension), np.float32) if room else None
        self._filled = len(SPECIAL)
        self.read = 0

    def add(self, words: Sequence[bytes], block: NDArray[np.float32], codec: tuple[str, str], place: Place) -> None:
        """Take the next vectors.

        Args:
            words: As they stand in the file.
            block: Their vectors, float32 [words, d]; kept, not copied, unless room was made.
            codec: Encoding, and what is to be done with what is no text in it.
            place: Of a vector by its number in the file.

        Raises:
            DataError: A word is empty, no text, holds LF or NUL, or was there already; or a value is not finite.
        """
        keep = np.ones(len(words), np.bool_)
        for index, raw in enumerate(words):
            number = self.read + index
            word = self._decoded(raw, codec, place, number)
            first = self._words.setdefault(word, number)
            if first != number:
                where = " ".join(f"{key} {value}" for key, value in place(first).items())
                raise self._error(f"the word {word!r} stands at {where} already: keep one of them", place, number)
            if word in SPECIAL:
                keep[index] = False
                self._special[SPECIAL.index(word)] = block[index]
        if not np.isfinite(block).all():
            at, column = (int(position) for position in np.argwhere(~np.isfinite(block))[0])
            word = words[at].decode(*codec)
            value = "NaN" if np.isnan(block[at, column]) else "infinite in single precision"
            raise self._error(f"value {column + 1} of the word {word!r} is {value}", place, self.read + at)
        self.read += len(words)
        kept = block if keep.all() else block[keep]
        if self._whole is None:
            self._blocks.append(kept)
        else:
            self._whole[self._filled : self._filled + len(kept)] = kept
        self._filled += len(kept)

    def finish(self) -> tuple[list[str], NDArray[np.float32]]:
        """The words without the three special ones, and all vectors by vocabulary id: float32 [words + 3, d].

        Raises:
            DataError: There was no word.
        """
        words = [word for word in self._words if word not in SPECIAL]
        if not words:
            raise DataError("the file holds no words", source=self._name)
        if self._whole is None:
            return words, np.concatenate([self._special, *self._blocks])
        self._whole[: len(SPECIAL)] = self._special
        return words, self._whole[: self._filled]

    def _decoded(self, raw: bytes, codec: tuple[str, str], place: Place, number: int) -> str:
        try:
            word = raw.decode(*codec)
        except UnicodeDecodeError as error:
            problem = f"the word {raw[:40]!r} is not {codec[0]} ({error.reason}): give --encoding, or --errors replace"
            raise self._error(problem, place, number) from None
        if not word or "\n" in word or "\0" in word:
            what = "is empty" if not word else f"holds a line feed or NUL: {word[:40]!r}"
            raise self._error(f"the word {what}: the file is damaged, or of another format", place, number)
        return word

    def _error(self, problem: str, place: Place, number: int) -> DataError:
        return DataError(problem, source=self._name, **place(number))


def check_header(
    name: str, count: int, dimension: int, *, least: int, available: int | None, place: dict[str, Any]
) -> None:
    """Refuse a header that claims what cannot be, before any memory is asked for.

    Args:
        name: The file.
        count: How many vectors it claims.
        dimension: Of which length.
        least: The fewest bytes that so many vectors take.
        available: How many there are after the header; None where that is not known (compressed files, pipes).
        place: Where the header is.

    Raises:
        DataError: The claim is impossible.
    """
    if count < 1 or not 1 <= dimension <= MAX_DIMENSION:
        problem = f"the header claims {count} vectors of {dimension} values"
        raise DataError(f"{problem}: at least 1 of 1 to {MAX_DIMENSION} have to stand there", source=name, **place)
    if available is not None and least > available:
        raise DataError(
            f"the header claims {count} vectors of {dimension} values, which take at least {least} bytes, and "
            f"{available} follow: the file is cut short, or of another format",
            source=name,
            **place,
        )
