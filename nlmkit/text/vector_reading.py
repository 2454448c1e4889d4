"""Reading of vectors beside texts: arrays in files, numbers in columns, and words that are looked up."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.decoding import Decoding
from nlmkit.text.parallel_rows import ReadPairs, check_format, plain_lines, read_pairs
from nlmkit.text.sources import TextSource
from nlmkit.text.vector_files import is_array_file, read_array
from nlmkit.text.vectors import as_vectors, holds_vectors

Unknown = Literal["drop", "error"]

_NUMERIC: Final = re.compile(r"[-+.0-9eE \t]*")  # `float` also reads 1_0, nan and the digits of any script
_NAMED: Final = 5
_SHOWN: Final = 40


class WordVectors(Protocol):
    """A fitted representation, as far as words are looked up in it."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def ids(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return a number of each word that has a vector of its own, and −1 of another: int64 [words]."""
        ...

    def __contains__(self, word: object) -> bool:
        """Return whether a word has a vector, of its own or made from its parts."""
        ...

    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words that have one: float32 [words, d]."""
        ...


def read_vectors(
    vectors: TextSource | ArrayLike,
    texts: TextSource | Sequence[str] | None,
    decoding: Decoding,
    *,
    key: str | None,
    representation: WordVectors | None,
    unknown: str,
    with_targets: bool,
    format: str | None,
) -> dict[str, Any]:
    """Read vectors and their texts; arguments are as for ``ParallelTexts.read_vectors``, which takes the result.

    Raises:
        DataError: Something is missing or malformed, or there are not as many texts as vectors.
        HyperParameterError: An argument is unknown, or arguments contradict each other.
    """
    check_format(format)
    if unknown not in get_args(Unknown):
        raise HyperParameterError(f"unknown must be drop or error, not {unknown!r}")
    if representation is not None and not all(hasattr(representation, name) for name in ("ids", "vectors", "name")):
        problem = f"representation must be a fitted representation, not {representation!r}"
        raise HyperParameterError(
            problem + (": pass nlmkit.load of its folder" if isinstance(representation, str) else "")
        )
    if texts is not None and not with_targets:
        raise HyperParameterError("texts are the targets: do not pass them where targets are not wanted")
    array = vectors[0] if isinstance(vectors, (list, tuple)) and len(vectors) == 1 else vectors
    if is_array_file(array) or holds_vectors(vectors):
        if representation is not None:
            raise HyperParameterError("a representation is for words, and these are vectors already")
        if format is not None:
            raise HyperParameterError(f"vectors are an array, which has no format {format}")
        return _beside_array(array if is_array_file(array) else vectors, texts, decoding, key)
    if key is not None:
        raise HyperParameterError(f"the key {key!r} is for files of arrays: .npy, .npz, .safetensors")
    numbers = representation is None
    read = read_pairs(cast(TextSource, vectors), texts, decoding, format, numbers=numbers, with_targets=with_targets)
    if representation is None:
        found: NDArray[np.float32] = numbers_of(read.sources, read.source, read.lines)
    else:
        read, found = _looked_up(read, representation, cast(Unknown, unknown))
    return {**read._asdict(), "sources": found}


def numbers_of(cells: Sequence[Any], source: str, lines: NDArray[np.int64] | None) -> NDArray[np.float32]:
    """Return vectors that are written as numbers: float32 [cells, d].

    Args:
        cells: Of each vector its numbers, separated by spaces or tabs; or of JSON a number or a list of numbers.
        source: What errors call them.
        lines: Line of each, if there are lines.

    Raises:
        DataError: One has no numbers, as many as the first does not have, or one that is not finite; names the line.
    """
    rows: list[NDArray[np.float64]] = []
    for number, cell in enumerate(cells):
        try:
            row = np.array(_numbers(cell), np.float64)
            if rows and len(row) != len(rows[0]):
                raise _Malformed(f"{_count(len(row))}, and the first vector has {len(rows[0])}")
        except _Malformed as error:
            if lines is None:
                raise DataError(f"vector {number + 1}: {error}", source=source) from None
            raise DataError(str(error), source=source, line=int(lines[number])) from None
        rows.append(row)
    if not rows:
        return np.empty((0, 0), np.float32)
    return as_vectors(np.stack(rows), source=source, lines=lines)


class _Malformed(Exception):
    """A cell without numbers."""


def _numbers(cell: Any) -> list[float]:
    if isinstance(cell, str):
        if not cell.strip(" \t"):
            raise _Malformed("the vector is empty")
        if not _NUMERIC.fullmatch(cell):
            raise _Malformed(f"not numbers: {_shown(cell)}")
        parts: list[Any] = cell.split()
    else:
        parts = cell if isinstance(cell, list) else [cell]
        if not parts:
            raise _Malformed("the vector is empty")
        if any(isinstance(part, bool) or not isinstance(part, (int, float)) for part in parts):
            raise _Malformed(f"not a list of numbers: {_shown(json.dumps(cell))}")
    try:
        return [float(part) for part in parts]
    except ValueError:
        raise _Malformed(f"not numbers: {_shown(cell)}") from None
    except OverflowError:  # an integer of JSON
        raise _Malformed("a number is too large") from None


def _shown(cell: str) -> str:
    return repr(cell) if len(cell) <= _SHOWN else f"{cell[:_SHOWN]!r}..."


def _count(numbers: int) -> str:
    return f"{numbers} number{'s' * (numbers != 1)}"


def _beside_array(
    vectors: Any, texts: TextSource | Sequence[str] | None, decoding: Decoding, key: str | None
) -> dict[str, Any]:
    """Return an array, and the texts that belong to its rows."""
    if is_array_file(vectors):
        source = os.fspath(vectors)
        found = as_vectors(read_array(vectors, key), source=source)
    elif key is not None:
        raise HyperParameterError(f"the key {key!r} is for files of arrays: .npy, .npz, .safetensors")
    else:
        source = "<vectors>"
        found = as_vectors(vectors, source=source)
    if not len(found):
        raise DataError("no vectors", source=source)
    if texts is None:
        return {"sources": found, "source": source}
    parts, sides = plain_lines(texts, decoding)
    targets = [text for side in sides for text in side]
    name = ", ".join(dict.fromkeys(each.name for each in parts))
    if len(targets) != len(found):
        problem = f"{len(found)} vectors, and {len(targets)} lines in {name}: expected one line per vector"
        raise DataError(problem, source=source)
    for each, side in zip(parts, sides, strict=True):
        blank = next((line for line, text in enumerate(side, start=1) if not text.strip()), None)
        if blank is not None:
            raise DataError("the target is empty: drop the line, and its vector", source=each.name, line=blank)
    lines = np.arange(1, len(targets) + 1) if len(parts) == 1 else None
    return {"sources": found, "targets": targets, "source": source, "target_source": name, "lines": lines}


def _looked_up(read: ReadPairs, representation: WordVectors, unknown: Unknown) -> tuple[ReadPairs, NDArray[np.float32]]:
    """Return the pairs whose sources are words with a vector, and those vectors."""
    words = [word.strip(" ") for word in read.sources]
    own = dict(zip(words, representation.ids(words).tolist(), strict=True))
    known = {word: row >= 0 or word in representation for word, row in own.items()}
    kept = [place for place, word in enumerate(words) if known[word]]
    missing = [word for word in known if not known[word]]
    if missing and (unknown == "error" or not kept):
        place = words.index(missing[0])
        problem = f"{_shown(missing[0])} has no vector in {representation.name}"
        if not kept:
            problem = f"none of the words has a vector in {representation.name}, such as {_shown(missing[0])}"
        if read.lines is None:
            raise DataError(problem, source=f"{read.source}, word {place + 1}")
        raise DataError(problem, source=read.source, line=int(read.lines[place]))
    found = as_vectors(representation.vectors([words[place] for place in kept]), source=read.source)
    if not missing:
        return read, found
    shown = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
    note = (
        f"{read.source}: {len(missing)} of {len(known)} words have no vector in {representation.name} and were passed "
        f"over, {len(words) - len(kept)} of {len(words)} lines: {shown}"
    )
    targets = None if read.targets is None else [read.targets[place] for place in kept]
    lines = None if read.lines is None else read.lines[kept]
    return read._replace(targets=targets, lines=lines, reading_notes=(*read.reading_notes, note)), found
