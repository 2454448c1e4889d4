"""Collector for readers of word vectors: words, and their vectors in vocabulary order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.notes import note
from nlmkit.errors import DataError
from nlmkit.text.vocabulary import SPECIAL

MAX_DIMENSION: Final = 1 << 16
"""Maximum dimension of a vector; a header with a larger one is damaged or malicious."""

Repeated = Literal["first", "error"]
"""Handling of duplicate words: keep the first vector, or raise an error."""

Place = Callable[[int], dict[str, Any]]
"""Function from the index of a vector in its file to its place for an error: line or byte."""


class Rows:
    """Collector of words and vectors; ``<unk>``, ``<s>`` and ``</s>`` are rows 0, 1 and 2.

    The first vector of a duplicate word is kept, unless ``repeated="error"``.

    Args:
        name: File name for errors.
        dimension: Length of a vector.
        claimed: Number of vectors declared in the header; None without a header.
        room: Whether the file is known to be long enough for that number: memory is then allocated at once. Otherwise
            it grows with the data read.
        repeated: Handling of duplicate words.

    Attributes:
        read: Number of vectors read, including duplicates.
        repeats: Number of vectors of duplicate words.
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
        """Add the next vectors.

        Args:
            words: Words as bytes of the file.
            block: Vectors, float32 [words, d]; not copied unless memory was allocated in advance.
            codec: Encoding of the words and error handler for undecodable bytes.
            place: Function from a vector's index in the file to its place.

        Raises:
            DataError: A word is empty, undecodable, contains LF or NUL, or is duplicate with ``repeated="error"``;
                there are more words than declared in the header; or a value is not finite.
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
                raise self._error(f"more vectors than the {self._claimed} declared in the header", place, number)
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
            header: Place of the header, if there is one.

        Raises:
            DataError: There are no words, or the header declares another number of vectors, with or without duplicates.
        """
        if self._claimed not in (None, self.read, len(self._words)):
            problem = (
                f"the header declares {self._claimed} vectors, but {self.read} follow, of {len(self._words)} words"
            )
            raise DataError(problem, source=self._name, **header)
        words = [word for word in self._words if word not in SPECIAL]
        if not words:
            raise DataError("no words in the file", source=self._name)
        if self.repeats:
            many = "1 vector repeats" if self.repeats == 1 else f"{self.repeats} vectors repeat"
            note(
                f"{self._name}: {many} a word; the first vector of each word was kept "
                f"(first: {self._example}); to raise an error instead, use --repeated-words error "
                "(in Python, repeated='error')"
            )
        if self._whole is None:
            return words, np.concatenate([self._special, *self._blocks])
        self._whole[: len(SPECIAL)] = self._special
        return words, self._whole[: self._filled]

    def _note_repeated(self, word: str, first: int, number: int, place: Place) -> None:
        (where,) = (f"{key} {value}" for key, value in place(first).items())
        if self._repeated == "error":
            raise self._error(f"duplicate word {word!r}, first at {where}: keep one of them", place, number)
        self.repeats += 1
        if not self._example:
            (again,) = (f"{key} {value}" for key, value in place(number).items())
            self._example = f"{word!r} at {again}, first at {where}"

    def _decoded(self, raw: bytes, codec: tuple[str, str], place: Place, number: int) -> str:
        try:
            word = raw.decode(*codec)
        except UnicodeDecodeError as error:
            problem = f"the word {raw[:40]!r} is not {codec[0]} ({error.reason}): set --encoding, or --errors replace"
            raise self._error(problem, place, number) from None
        if not word or "\n" in word or "\0" in word:
            what = "is empty" if not word else f"contains a line feed or NUL: {word[:40]!r}"
            raise self._error(f"the word {what}: the file is damaged or of another format", place, number)
        return word

    def _error(self, problem: str, place: Place, number: int) -> DataError:
        return DataError(problem, source=self._name, **place(number))


def check_header(
    name: str, count: int, dimension: int, *, least: int, available: int | None, place: dict[str, Any]
) -> None:
    """Check the plausibility of a header before allocating memory.

    Args:
        name: File name.
        count: Declared number of vectors.
        dimension: Declared length of the vectors.
        least: Minimum number of bytes of that many vectors.
        available: Number of bytes after the header; None if unknown (compressed files, pipes).
        place: Place of the header.

    Raises:
        DataError: The header is impossible.
    """
    if count < 1 or not 1 <= dimension <= MAX_DIMENSION:
        problem = f"the header declares {count} vectors of {dimension} values"
        raise DataError(f"{problem}: expected at least 1 vector of 1 to {MAX_DIMENSION} values", source=name, **place)
    if available is not None and least > available:
        raise DataError(
            f"the header declares {count} vectors of {dimension} values, which take at least {least} bytes, but "
            f"{available} follow: the file is truncated or of another format",
            source=name,
            **place,
        )
