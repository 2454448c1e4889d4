"""Reader of word vectors as text: one word with its values per line, with a header (word2vec) or without (GloVe)."""

from __future__ import annotations

import itertools
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.representations.formats.rows import MAX_DIMENSION, Repeated, Rows, check_header

_HEADER: Final = re.compile(rb"(\d{1,18})[ \t]+(\d{1,18})")
_MAX_LINE: Final = 1 << 23
_LINES: Final = 1 << 12
_SAMPLED_LINES: Final = 1000
_SAMPLED_BYTES: Final = 1 << 22
_VALUES: Final = 1 << 18
_WHITE: Final = b" \t\r"
_SEPARATOR: Final = re.compile(rb"[ \t]+")  # bytes.split() would also split at VT and FF, which words may hold
_MARK: Final = b"\xef\xbb\xbf"


def lines_of(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the lines of the chunks of a file, without line ends.

    Raises:
        DataError: A line is too long for vectors.
    """
    rest, number = b"", 0
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        number += len(lines)
        if len(rest) > _MAX_LINE:
            problem = f"line of more than {_MAX_LINE} bytes: not a text file of word vectors"
            raise DataError(problem, source=name, line=number + 1)
        yield from lines
    if rest:
        yield rest


def header_of(line: bytes) -> tuple[int, int] | None:
    """Return the number of vectors and their length if the line is a word2vec header, otherwise None."""
    matched = _HEADER.fullmatch(line.removeprefix(_MARK).rstrip(_WHITE))
    return None if matched is None else (int(matched[1]), int(matched[2]))


def sample_of(lines: Iterator[bytes]) -> list[bytes]:
    """Return the first lines of a file: at most 1,000 lines or about 4 MiB."""
    sample: list[bytes] = []
    taken = 0
    while len(sample) < _SAMPLED_LINES and taken < _SAMPLED_BYTES and (line := next(lines, None)) is not None:
        sample.append(line)
        taken += len(line)
    return sample


def dimension_of(sample: Sequence[bytes]) -> int:
    """Return the length of the vectors in lines without a header: the most common one, the earliest on ties.

    The length of a line is its number of trailing numbers, where at least the first item is the word: a word can be a
    number, or contain spaces like GloVe's ``. . .``.

    Args:
        sample: Lines; blank ones are ignored.
    """
    lengths: Counter[int] = Counter()
    for line in sample:
        items = _SEPARATOR.split(line.removeprefix(_MARK).rstrip(_WHITE))
        if items != [b""]:
            lengths[sum(1 for _ in itertools.takewhile(_is_number, reversed(items[1:])))] += 1
    return max(lengths, key=lengths.__getitem__, default=0)  # the first of equal ones


def has_header(sample: Sequence[bytes]) -> bool:
    """Return whether the first line is a word2vec header.

    Two whole numbers are a header, unless the following lines have a word and one value each and the second number is
    not 1: then the vectors have one value and the first word is a number.
    """
    header = header_of(sample[0]) if sample else None
    return header is not None and not (header[1] != 1 and dimension_of(sample[1:]) == 1)


def read_text(
    lines: Iterator[bytes],
    name: str,
    *,
    header: bool,
    codec: tuple[str, str],
    size: int | None,
    repeated: Repeated = "first",
) -> tuple[list[str], NDArray[np.float32]]:
    """Read vectors from lines.

    Items are separated by spaces or tabs; those before the values are the word, as in GloVe's ``. . .``. Without a
    header, ``dimension_of`` determines the number of values from the first lines.

    Args:
        lines: Lines of the file.
        name: Name of the file.
        header: Whether the first line is a header.
        codec: Encoding of the words and error handler for undecodable bytes.
        size: Size of the file in bytes, if known.
        repeated: Handling of duplicate words.

    Returns:
        The words without the special ones; and the vectors by vocabulary id, float32 [words + 3, d].

    Raises:
        DataError: The file is empty, truncated or longer than declared in its header; a line has a different number of
            values, or a value that is not a finite number; a word is empty, undecodable, or duplicate with
            ``repeated="error"``.
    """
    first = next(lines, b"").removeprefix(_MARK)
    if not first.strip(_WHITE):
        raise DataError("the file is empty" if not first else "a blank line", source=name, line=1)
    reader = _Reader(name, codec, looks_like_header=header_of(first) is not None)
    count = None
    if header:
        found = header_of(first)
        if found is None:
            problem = (
                "missing word2vec header with the number of vectors and their length; for GloVe use --format glove"
            )
            raise DataError(problem, source=name, line=1)
        count, dimension = found
        # A word, and for each value a space and a digit; the last line may lack its end.
        least = count * (2 + 2 * dimension) - 1
        available = None if size is None else size - len(first) - 1
        check_header(name, count, dimension, least=least, available=available, place={"line": 1})
    else:
        sample = sample_of(itertools.chain([first], lines))
        dimension = dimension_of(sample)
        if not 1 <= dimension <= MAX_DIMENSION:
            problem = f"{dimension} values after the word, expected 1 to {MAX_DIMENSION}"
            raise DataError(problem, source=name, line=1)
        lines = itertools.chain(sample, lines)
    rows = Rows(name, dimension, count, room=size is not None, repeated=repeated)
    reader.read(lines, rows, dimension, first_line=2 if header else 1)
    if count is not None and rows.read < count:
        problem = f"truncated file: it ends after {rows.read} of {count} vectors"
        raise DataError(problem, source=name, line=rows.read + 2)
    return rows.finish({"line": 1})


class _Reader:
    """Parser of lines in batches; a batch with an error is parsed line by line."""

    def __init__(self, name: str, codec: tuple[str, str], *, looks_like_header: bool) -> None:
        self._name = name
        self._codec = codec
        self._looks_like_header = looks_like_header

    def read(self, lines: Iterator[bytes], rows: Rows, dimension: int, *, first_line: int) -> None:
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
                if not line.strip(_WHITE):
                    blank = blank or self._number + len(words)
                    continue
                if blank is not None:  # blank lines may only end the file
                    raise self._error("a blank line", blank)
                word, text = self._parts(line, self._number + len(words))
                words.append(word)
                texts.append(text)
            if words:
                rows.add(words, self._values(texts), self._codec, place)
                self._number += len(words)

    def _parts(self, line: bytes, number: int) -> tuple[bytes, bytes]:
        """Return a line's word, and its values as one text."""
        word, _, text = line.rstrip(_WHITE).partition(b" ")
        if text.count(b" ") == self._dimension - 1 and text:
            return word, text
        parts = _SEPARATOR.split(line.strip(_WHITE))
        extra = len(parts) - 1 - self._dimension
        # "windows 95" would be indistinguishable from an extra value.
        if extra < 0 or (extra > 0 and any(_is_number(part) for part in parts[1 : 1 + extra])):
            hint = ""
            if number <= 2 and self._looks_like_header:
                hint = "; if line 1 is a header, use --format word2vec"
            elif b"\0" in line:
                hint = "; if the file is binary, use --format word2vec-binary"
            found = f"{len(parts) - 1} values, expected {self._dimension}"
            raise self._error(f"{found}: the line is damaged or truncated{hint}", number)
        return b" ".join(parts[: 1 + extra]), b" ".join(parts[1 + extra :])

    def _values(self, texts: Sequence[bytes]) -> NDArray[np.float32]:
        block = _parse(b" ".join(texts), len(texts) * self._dimension)
        if block is not None:
            return block.reshape(len(texts), self._dimension)
        for index, text in enumerate(texts):
            if _parse(text, self._dimension) is None:
                wrong = next((part for part in text.split(b" ") if not _is_number(part)), text)
                raise self._error(
                    f"{wrong[:40].decode('ascii', 'backslashreplace')!r} is not a number", self._number + index
                )
        raise self._error("values that are not numbers", self._number)

    def _error(self, problem: str, number: int) -> DataError:
        return DataError(problem, source=self._name, line=number)


def _parse(text: bytes, expected: int) -> NDArray[np.float32] | None:
    """Return the numbers in a text, or None if their number is not as expected."""
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
