"""Words of a KenLM file, which its Python binding cannot list.

An ARPA file names them in its section of unigrams. A binary file, in the layout of ``lm/binary_format.cc`` version 5,
keeps them, unless it was built without them, as NUL-terminated strings in the order of their ids at its very end.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from nlmkit.plugin import DataError, MissingFileError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAGIC: Final = b"mmap lm http://kheafield.com/code format version"
_SANITY: Final = 88
_FIXED: Final = struct.Struct("<B3xfIB3xI")
_TAIL: Final = 1 << 24
_LONGEST_LINE: Final = 1 << 24
_UNKNOWN: Final = (b"<unk>", b"<UNK>")
_MARKS: Final = (b"<s>", b"</s>")
# What KenLM separates fields by; bytes.split() and strip() would also take vertical tab and form feed out of words.
_SPACES: Final = b" \t\r"
_FIELD: Final = re.compile(rb"[^ \t\r]+")
_MODELS: Final = (
    "probing",
    "probing with rest costs",
    "trie",
    "quantised trie",
    "array-compressed trie",
    "quantised, array-compressed trie",
)
_OPENERS: Final[dict[bytes, Callable[[Path], Any]]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}


class Header(NamedTuple):
    """Header of a binary file.

    Attributes:
        model: Its data structure.
        counts: N-grams of each order.
        has_words: Whether the words stand at its end.
    """

    model: str
    counts: tuple[int, ...]
    has_words: bool


def compression(beginning: bytes) -> Callable[[Path], Any] | None:
    """Return the opener of a compressed file by its first bytes, or None."""
    return next((opener for magic, opener in _OPENERS.items() if beginning.startswith(magic)), None)


def is_binary(beginning: bytes) -> bool:
    """Return whether a file with these first bytes is in KenLM's own format."""
    return beginning.startswith(MAGIC)


def read_header(data: NDArray[np.uint8], source: str) -> Header:
    """Return the header of a binary file.

    Args:
        data: The file: uint8 [bytes].
        source: Its name, for errors.

    Raises:
        DataError: it is cut off or of another version.
    """
    begin = bytes(data[: _SANITY + _FIXED.size])
    version = begin[len(MAGIC) :].split(b"\n")[0].strip()
    if version != b"5":
        problem = f"version {version[:20].decode('ascii', 'replace')!r} of KenLM's binary format, expected 5"
        raise DataError(f"{problem}: rebuild it from the ARPA file", source=source)
    if len(begin) < _SANITY + _FIXED.size:
        raise DataError("ends inside its header", source=source)
    order, _, model, has_words, _ = _FIXED.unpack_from(begin, _SANITY)
    at = _SANITY + _FIXED.size
    if len(data) < at + 8 * order or order < 2 or model >= len(_MODELS):
        raise DataError("its header is invalid: the file is damaged", source=source)
    counts = struct.unpack(f"<{order}Q", bytes(data[at : at + 8 * order]))
    return Header(_MODELS[model], counts, bool(has_words))


def words_of_binary(data: NDArray[np.uint8], header: Header, source: str) -> list[str]:
    """Return the words at the end of a binary file, without ``<unk>``, ``<s>`` and ``</s>``.

    Raises:
        DataError: they are not there, or are not as many as the header says.
    """
    import numpy as np

    wanted = header.counts[0]
    ends: list[NDArray[np.int64]] = []
    found, begin = 0, len(data)
    while found <= wanted and begin > 0:
        end, begin = begin, max(0, begin - _TAIL)
        ends.insert(0, begin + np.flatnonzero(data[begin:end] == 0))
        found += len(ends[0])
    nuls = np.concatenate(ends)
    if len(nuls) < wanted or nuls[-1] != len(data) - 1:
        raise DataError("its words are missing at its end: the file is damaged", source=source)
    # What stands before the first word is no string; but the first word is known, and with it where it begins.
    first_end = int(nuls[-wanted])
    first = next((name for name in _UNKNOWN if bytes(data[first_end - len(name) : first_end]) == name), None)
    if first is None:
        raise DataError("its words do not begin with <unk>: the file is damaged", source=source)
    names = bytes(data[first_end - len(first) : -1]).split(b"\0")
    return _decoded(names, source)


def words_of_arpa(file: IO[bytes], source: str) -> tuple[int, list[str]]:
    """The order of an ARPA file and its words, without ``<unk>``, ``<s>`` and ``</s>``, without reading further.

    Raises:
        DataError: it is no ARPA file, or its unigrams are not as many as it says.
    """
    lines = _numbered(file, source)
    order, wanted, line, least = 0, -1, 0, 0
    size = os.fstat(file.fileno()).st_size
    for line, text in lines:
        if text.startswith(b"ngram "):
            length, _, count = text[len(b"ngram ") :].partition(b"=")
            if not (length.strip(_SPACES).isdigit() and count.strip(_SPACES).isdigit()):
                raise DataError("no count of n-grams", source=source, line=line)
            order = max(order, int(length[:9]))
            wanted = int(count[:19]) if int(length[:9]) == 1 else wanted
            # a digit, a line end, and for each word a separator and a letter
            least += int(count[:19]) * (2 + 2 * int(length[:9]))
            if least > size:
                problem = f"the n-grams declared in its header take at least {least} bytes, but it has {size}"
                raise DataError(problem, source=source, line=line)
        elif text.startswith(b"\\1-grams:"):
            break
        elif line > 1000 and not order:
            raise DataError("not an ARPA file: it has no counts of n-grams", source=source)
    else:
        raise DataError(r"not an ARPA file: it has no section \1-grams:", source=source)
    names = []
    for line, text in lines:
        if not text.strip(_SPACES):
            continue
        if text.startswith(b"\\"):
            break
        fields = _FIELD.findall(text)
        if len(fields) not in (2, 3):
            raise DataError("expected a unigram: probability, word and backoff weight", source=source, line=line)
        names.append(fields[1])
    if len(names) != wanted:
        raise DataError(f"has {len(names)} unigrams, but its header declares {wanted}", source=source, line=line)
    return order, _decoded(names, source)


def words_of_list(path: str) -> list[str]:
    """Return the words of a file with one word per line.

    Raises:
        DataError: it cannot be read, or a line is no word.
    """
    try:
        with Path(path).open("rb") as file:
            lines = [text.strip(_SPACES) for _, text in _numbered(file, path)]
    except FileNotFoundError as error:
        raise MissingFileError(f"cannot be read ({error.strerror})", source=path) from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", source=path) from None
    return _decoded(list(filter(None, lines)), path)


def check_words(words: list[str], model: Any, source: str) -> None:
    """Map every word back through the model.

    Args:
        words: The words.
        model: The ``kenlm.Model``.
        source: Where the words are from, for errors.

    Raises:
        DataError: the model does not know one of them.
    """
    unknown = [word for word in words if word not in model]
    if unknown:
        raise DataError(
            f"{len(unknown)} of its {len(words)} words, such as {unknown[0]!r}, are not in the model", source=source
        )


def _decoded(names: list[bytes], source: str) -> list[str]:
    """Return the words as text, each once and without the special ones."""
    words: dict[str, None] = {}
    for name in names:
        if not name or name in _UNKNOWN or name in _MARKS:
            continue
        try:
            word = name.decode("utf-8")
        except UnicodeDecodeError:
            raise DataError(f"the word {name!r} is not UTF-8, but words of nlmkit are text", source=source) from None
        if word in words:
            raise DataError(f"contains the word {word!r} twice", source=source)
        words[word] = None
    return list(words)


def _numbered(file: IO[bytes], source: str) -> Iterator[tuple[int, bytes]]:
    """Yield lines with their numbers, from 1, without their ends."""
    try:
        for number, text in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
            if len(text) == _LONGEST_LINE:
                raise DataError("the line is too long: this is not a list of words", source=source, line=number)
            yield number, text.rstrip(b"\r\n")
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise DataError(f"cannot be read ({error})", source=source) from None
