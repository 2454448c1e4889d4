"""Writer of word vectors in the formats of other programs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import ExportError
from nlmkit.representations.formats import FORMATS, SUFFIXES, suffix_of
from nlmkit.representations.neighbours import take_rows
from nlmkit.saving.files import reason
from nlmkit.saving.replacing import replacing
from nlmkit.text.vocabulary import SPECIAL

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.representations.rules import WordVectors

DIGITS: Final = 9
"""Significant digits of a value: enough to restore single precision exactly."""

_VALUES: Final = 1 << 18
_UNSAYABLE: Final = re.compile(r"[ \t\r\n\v\f\0]")


def write_vectors(
    representation: WordVectors, path: str | os.PathLike[str], format: str | None, run: RunOptions
) -> None:
    """See ``Representation.export``. The file is written atomically."""
    path = Path(path)
    chosen = _format(path, format)
    rows = rows_to_write(representation)
    words = [representation.vocabulary_.word(id_) for id_ in rows.tolist()]
    _refuse_unsayable(path, words, chosen)
    run.stage(f"writing {os.fspath(path)}", len(words))
    try:
        with replacing(path, "vectors are") as stream:
            if chosen != "glove":
                stream.write(f"{len(words)} {representation.dimension}\n".encode())
            step = max(1, _VALUES // representation.dimension)
            for begin in range(0, len(words), step):
                part = words[begin : begin + step]
                block = take_rows(representation.matrix, rows[begin : begin + step])
                stream.write(_WRITERS[chosen](part, block))
                run.advance(len(part))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({reason(error)})") from error


def rows_to_write(representation: WordVectors) -> NDArray[np.int64]:
    """Return the ids with a vector: all words, and special ones that have one."""
    special = [id_ for id_, there in enumerate(representation.has_special()) if there]
    words = np.arange(len(SPECIAL), len(representation.vocabulary_))
    return np.concatenate([np.array(special, np.int64), words])


def _format(path: Path, format: str | None) -> str:
    if format is None:
        format = SUFFIXES.get(suffix_of(path))
        if format is None:
            told = " or ".join(SUFFIXES)
            raise ExportError(f"{path}: unknown format: use a name that ends in {told}, or set the format")
    if format not in FORMATS:
        raise ExportError(
            f"{path}: word vectors are written as {', '.join(FORMATS)}, not as {format}{suggestion(format, FORMATS)}"
        )
    return format


def _refuse_unsayable(path: Path, words: Sequence[str], format: str) -> None:
    if not words:
        raise ExportError(f"{path}: cannot export a representation without words")
    for word in words:
        if _UNSAYABLE.search(word):
            raise ExportError(f"{path}: {format} separates by spaces and cannot represent the word {word!r}")
    if format == "glove" and words[0].startswith("\ufeff"):
        raise ExportError(
            f"{path}: the byte order mark at the start of the word {words[0]!r} would be lost at the start of the file"
        )


def _as_text(words: Sequence[str], block: NDArray[np.float32]) -> bytes:
    line = f" %.{DIGITS}g" * block.shape[1] + "\n"
    return "".join([word + line % tuple(row) for word, row in zip(words, block.tolist(), strict=True)]).encode()


def _as_binary(words: Sequence[str], block: NDArray[np.float32]) -> bytes:
    values = np.ascontiguousarray(block, "<f4")
    return b"".join([word.encode() + b" " + row.tobytes() + b"\n" for word, row in zip(words, values, strict=True)])


_WRITERS: Final[dict[str, Callable[[Sequence[str], NDArray[np.float32]], bytes]]] = {
    "word2vec": _as_text,
    "word2vec-binary": _as_binary,
    "glove": _as_text,
}
