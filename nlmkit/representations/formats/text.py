"""Reading word vectors as text: a word and its values a line, under a header (word2vec, fastText) or none (GloVe)."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.representations.formats.rows import MAX_DIMENSION, Rows, check_header

_HEADER: Final = re.compile(rb"(\d{1,18})[ \t]+(\d{1,18})")
_MAX_LINE: Final = 1 << 23
_LINES: Final = 1 << 12
_VALUES: Final = 1 << 18
_WHITE: Final = b" \t\r"
_MARK: Final = b"\xef\xbb\xbf"


def lines_of(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Lines without their ends, of the chunks of a file.

    Raises:
        DataError: A line is longer than any line of vectors.
    """
    rest, number = b"", 0
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        number += len(lines)
        if len(rest) > _MAX_LINE:
            problem = f"a line of more than {_MAX_LINE} bytes: this is no text file of word vectors"
            raise DataError(problem, source=name, line=number + 1)
        yield from lines
    if rest:
        yield rest


def header_of(line: bytes) -> tuple[int, int] | None:
    """Number of vectors and their length, if the line is a header of word2vec."""
    matched = _HEADER.fullmatch(line.removeprefix(_MARK).rstrip(_WHITE))
    return None if matched is None else (int(matched[1]), int(matched[2]))


def read_text(
    lines: Iterator[bytes], name: str, *, header: bool, codec: tuple[str, str], size: int | None
) -> tuple[list[str], NDArray[np.float32]]:
    """Reads vectors from lines.

    Values are separated by spaces; further words than the first belong to the word, as in GloVe's ``. . .``.

    Args:
        lines: Of the file.
        name: Of the file.
        header: Whether the first line is a header.
        codec: Encoding of the words, and what to do with bytes that are no text in it.
        size: Bytes of the file, where they are known.

    Returns:
        The words without the special ones; and the vectors by vocabulary id, float32 [words + 3, d].

    Raises:
        DataError: The file is empty, cut short or longer than its header says; a line has another number of values
            than the first, or one that is no finite number; a word is repeated, empty or no text.
    """
    first = next(lines, b"").removeprefix(_MARK)
    if not first.strip():
        raise DataError("the file is empty" if not first else "a blank line", source=name, line=1)
    reader = _Reader(name, codec, looks_like_header=header_of(first) is not None)
    count = None
    if header:
        found = header_of(first)
        if found is None:
            problem = (
                "a word2vec file begins with the number of vectors and their length; for GloVe give --format glove"
            )
            raise DataError(problem, source=name, line=1)
        count, dimension = found
        # A word, and for each value a space and a digit; the last line may lack its end.
        least = count * (2 + 2 * dimension) - 1
        available = None if size is None else size - len(first) - 1
        check_header(name, count, dimension, least=least, available=available, place={"line": 1})
    else:
        dimension = len(first.split()) - 1
        if not 1 <= dimension <= MAX_DIMENSION:
            problem = f"{dimension} values follow the word; 1 to {MAX_DIMENSION} have to"
            raise DataError(problem, source=name, line=1)
        lines = itertools.chain([first], lines)
    rows = Rows(name, dimension, None if size is None else count)
    reader.read(lines, rows, dimension, count, first_line=2 if header else 1)
    if count is not None and rows.read < count:
        problem = f"the file ends after {rows.read} of the {count} vectors that its header claims: it is cut short"
        raise DataError(problem, source=name, line=rows.read + 2)
    return rows.finish()


class _Reader:
    """Reads lines in batches, whose values are parsed at once; a batch with a fault is looked at line by line."""

    def __init__(self, name: str, codec: tuple[str, str], *, looks_like_header: bool) -> None:
        self._name = name
        self._codec = codec
        self._looks_like_header = looks_like_header

    def read(self, lines: Iterator[bytes], rows: Rows, dimension: int, count: int | None, *, first_line: int) -> None:
        self._dimension = dimension
        batch = max(1, min(_LINES, _VALUES // dimension))
        self._number = first_line

        def place(index: int) -> dict[str, Any]:
            return {"line": first_line + index}

        blank: int | None = None
        while taken := list(itertools.islice(lines, batch)):
            words: list[bytes] = []
            texts: list[bytes] = []
            for line in taken:
                if not line.strip():
                    blank = blank or self._number + len(words)
                    continue
                if blank is not None:  # blank lines may only end the file
                    raise self._error("a blank line", blank)
                word, text = self._parts(line, self._number + len(words))
                words.append(word)
                texts.append(text)
            if count is not None and rows.read + len(words) > count:
                raise self._error(f"more vectors than the {count} that the header claims", first_line + count)
            if words:
                rows.add(words, self._values(texts), self._codec, place)
                self._number += len(words)

    def _parts(self, line: bytes, number: int) -> tuple[bytes, bytes]:
        """A line's word, and its values as one text."""
        word, _, text = line.rstrip(_WHITE).partition(b" ")
        if text.count(b" ") == self._dimension - 1 and text:
            return word, text
        parts = line.split()
        extra = len(parts) - 1 - self._dimension
        # "windows 95" would be told from a value too many by nothing.
        if extra < 0 or (extra > 0 and any(_is_number(part) for part in parts[1 : 1 + extra])):
            hint = ""
            if number <= 2 and self._looks_like_header:
                hint = "; if line 1 is a header, give --format word2vec"
            elif b"\0" in line:
                hint = "; if the file is binary, give --format word2vec-binary"
            found = f"{len(parts) - 1} values, where {self._dimension} have to stand"
            raise self._error(f"{found}: the line is damaged or cut short{hint}", number)
        return b" ".join(parts[: 1 + extra]), b" ".join(parts[1 + extra :])

    def _values(self, texts: Sequence[bytes]) -> NDArray[np.float32]:
        block = _parse(b" ".join(texts), len(texts) * self._dimension)
        if block is not None:
            return block.reshape(len(texts), self._dimension)
        for index, text in enumerate(texts):
            if _parse(text, self._dimension) is None:
                wrong = next((part for part in text.split(b" ") if not _is_number(part)), text)
                raise self._error(
                    f"{wrong[:40].decode('ascii', 'backslashreplace')!r} is no number", self._number + index
                )
        raise self._error("values that are no numbers", self._number)

    def _error(self, problem: str, number: int) -> DataError:
        return DataError(problem, source=self._name, line=number)


def _parse(text: bytes, expected: int) -> NDArray[np.float32] | None:
    """The numbers in a text, or None if there are others than expected."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how NumPy says that it stopped at something else
        try:
            with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
                values = np.fromstring(text.decode("ascii"), np.float32, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    return values if values.size == expected else None


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return b"_" not in text
