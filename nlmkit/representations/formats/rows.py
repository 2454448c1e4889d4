"""What a reader has read so far: words, and their vectors in the order of a vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.notes import note
from nlmkit.errors import DataError
from nlmkit.text.vocabulary import SPECIAL

MAX_DIMENSION: Final = 1 << 16
"""Longest vector that is read; a header that says more is damaged or hostile."""

Repeated = Literal["first", "error"]
"""What to do with a word that a file has twice: keep its first vector, or refuse the file."""

Place = Callable[[int], dict[str, Any]]
"""Turns the number of a vector in its file, from 0, into the place that an error names: line or byte."""


class Rows:
    """Gathers words and vectors; ``<unk>``, ``<s>`` and ``</s>`` go to the rows 0, 1 and 2.

    Of a repeated word the first vector is kept, unless such words are refused.

    Args:
        name: The file, for errors.
        dimension: Length of a vector.
        claimed: Number of vectors that a header claims; None where there is no header.
        room: Whether the file is known to be long enough for so many vectors: room is then made at once. Otherwise
            memory grows with what has been read.
        repeated: What to do with repeated words.

    Attributes:
        read: Number of vectors read, those of repeated words included.
        repeats: Number of them whose words had been there already.
    """

    def __init__(self, name: str, dimension: int, claimed: int | None, *, room: bool, repeated: Repeated) -> None:
        self._name = name
        self._dimension = dimension
        self._claimed = claimed
        self._repeated = repeated
        self._words: dict[str, int] = {}  # to the number of the vector in the file
        self._special = np.zeros((len(SPECIAL), dimension), np.float32)
        self._blocks: list[NDArray[np.float32]] = []
        self._whole: NDArray[np.float32] | None = None
        if claimed is not None and room:
            self._whole = np.empty((claimed + len(SPECIAL), dimension), np.float32)
        self._filled = len(SPECIAL)
        self._example = ""
        self.read = 0
        self.repeats = 0

    def add(self, words: Sequence[bytes], block: NDArray[np.float32], codec: tuple[str, str], place: Place) -> None:
        """Take the next vectors.

        Args:
            words: As the file has them.
            block: Their vectors, float32 [words, d]; kept, not copied, unless room was made.
            codec: Encoding, and what is to be done with what is no text in it.
            place: Of a vector by its number in the file.

        Raises:
            DataError: A word is empty, no text, holds LF or NUL, or is repeated where that is refused; there are more
                words than the header claims; or a value is not finite.
        """
        keep = np.ones(len(words), np.bool_)
        for index, raw in enumerate(words):
            number = self.read + index
            word = self._decoded(raw, codec, place, number)
            first = self._words.setdefault(word, number)
            if first != number:
                keep[index] = False
                self._note_repeated(word, first, number, place)
            elif self._claimed is not None and len(self._words) > self._claimed:
                raise self._error(f"more vectors than the {self._claimed} that the header claims", place, number)
            elif word in SPECIAL:
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

    def finish(self, header: dict[str, Any]) -> tuple[list[str], NDArray[np.float32]]:
        """Return the words without the three special ones, and all vectors by vocabulary id: float32 [words + 3, d].

        Args:
            header: Place of the header, where there is one.

        Raises:
            DataError: There was no word, or the header claims another number of vectors, repeated words counted or not.
        """
        if self._claimed not in (None, self.read, len(self._words)):
            problem = f"the header claims {self._claimed} vectors, but {self.read} follow, of {len(self._words)} words"
            raise DataError(problem, source=self._name, **header)
        words = [word for word in self._words if word not in SPECIAL]
        if not words:
            raise DataError("the file holds no words", source=self._name)
        if self.repeats:
            many = "1 vector repeats" if self.repeats == 1 else f"{self.repeats} vectors repeat"
            note(
                f"{self._name}: {many} a word; the first vector of each word was kept "
                f"(first: {self._example}); to refuse such a file, give --repeated-words error "
                "(in Python, repeated='error')"
            )
        if self._whole is None:
            return words, np.concatenate([self._special, *self._blocks])
        self._whole[: len(SPECIAL)] = self._special
        return words, self._whole[: self._filled]

    def _note_repeated(self, word: str, first: int, number: int, place: Place) -> None:
        (where,) = (f"{key} {value}" for key, value in place(first).items())
        if self._repeated == "error":
            raise self._error(f"the word {word!r} was at {where} already: keep one of them", place, number)
        self.repeats += 1
        if not self._example:
            (again,) = (f"{key} {value}" for key, value in place(number).items())
            self._example = f"{word!r} at {again}, which was at {where} already"

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
