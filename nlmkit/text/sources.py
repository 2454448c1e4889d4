"""Sources of text: names, opening and decompression.

`expand` turns whatever a caller may name as a corpus into a list of sources in reading order; `ByteReader` yields the
unpacked bytes of one of them. Nothing here knows encodings, lines or tokens.
"""

from __future__ import annotations

import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, cast

from nlmkit.errors import DataError, HyperParameterError, MissingFileError
from nlmkit.text import catalog, nltk_corpora
from nlmkit.text.tables import items_of, refuse_table, tokens_of

TextSource: TypeAlias = (
    str | os.PathLike[str] | BinaryIO | Iterable[os.PathLike[str]] | Iterable[str] | Iterable[Sequence[str]]
)
"""A path, several paths, a directory, ``-``, ``corpus:NAME``, ``nltk:NAME``, a binary file, lines, or token lists."""

STDIN = "-"
CATALOG_PREFIX = "corpus:"
CORPUS_PREFIXES = (CATALOG_PREFIX, nltk_corpora.PREFIX)
"""What a name begins with that is not that of a file."""

# What a file of each kind begins with, and what to do with it. A text never begins so by chance: each has a byte that
# is no UTF-8 there, or spells out more than a word of nonsense.
_COMPRESSED = {b"\x1f\x8b\x08": ".gz", b"BZh91AY&SY": ".bz2", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
_ARCHIVES = {b"PK\x03\x04": "zip"}
_NUMPY = b"\x93NUMPY"
_TENSORS = re.compile(rb".{4}\0\0\0\0\{", re.DOTALL)  # the size of a header in JSON: 8 bytes, the lowest first
_BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_LONGEST_MAGIC = 10

_LONGEST_NAME = 300

# A zstd block of four bytes can unpack to 128 KiB, so this bounds one step's output to some 64 MiB.
_ZSTD_STEP = 2048
_PACKED_STEP = 1 << 16

# Text packs to a third or a tenth of its size, logs to a fiftieth. A small file that unpacks to far more was made to
# fill the memory.
_BOMB_BYTES = 32 << 20
_BOMB_RATIO = 250


class _Reads(Protocol):
    """Protocol of binary streams."""

    def read(self, size: int, /) -> bytes | None: ...


@dataclass(frozen=True)
class ByteSource:
    """A file, standard input, or an open binary stream.

    Attributes:
        name: What errors call it.
        label: What a corpus calls it among its `sources`.
        path: The file to open, or ``None``.
        stream: The stream to read, where there is no path; the caller closes it.
    """

    name: str
    label: str
    path: Path | None = None
    stream: BinaryIO | None = None


@dataclass(frozen=True)
class LineSource:
    """Lines that are in memory or come from an iterator."""

    name: str
    label: str
    lines: Iterable[str] = field(repr=False)


@dataclass(frozen=True)
class TokenSource:
    """Token lists that are in memory or come from an iterator; always the only source of a corpus."""

    name: str
    label: str
    sentences: Iterable[Sequence[str]] = field(repr=False)


Source: TypeAlias = ByteSource | LineSource | TokenSource


def expand(source: TextSource) -> list[Source]:
    """List the sources of a corpus, in order.

    A `str` names one file or directory, ``-`` standard input, ``corpus:NAME`` or ``corpus:NAME/SPLIT`` an entry of the
    catalogue, ``nltk:NAME`` or ``nltk:NAME/FILE`` a corpus of NLTK. A path object always names a file or directory. In
    any other iterable, path objects are files, strings are lines, and sequences of strings are sentences; use
    `expand_names` for several files given as strings. A column of a table is such an iterable; a whole table is
    refused.

    Raises:
        DataError: The source names nothing readable, or is nothing that text can come from.
    """
    if isinstance(source, str):
        return _expand_name(source)
    if isinstance(source, os.PathLike):
        return [*_expand_path(os.fspath(source))]
    refuse_table(source, "text")
    if _is_binary_stream(source):
        name = str(getattr(source, "name", "<stream>"))
        return [ByteSource(name, name, stream=cast(BinaryIO, source))]
    if not isinstance(source, Iterable):
        raise DataError(
            f"cannot read text from {type(source).__name__}: pass a path, several paths, lines, or token lists"
        )
    return _expand_iterable(source)


def expand_names(names: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """List the sources of several names, each as `expand` reads one: a path, ``-``, ``corpus:NAME``, ``nltk:NAME``."""
    refuse_table(names, "the list of paths")
    every = [names] if isinstance(names, (str, os.PathLike)) else list(names)
    for number, name in enumerate(every, start=1):
        if not isinstance(name, (str, os.PathLike)):
            raise DataError(f"item {number} of the paths is not a path but {type(name).__name__}")
    return [part for name in every for part in expand(name)]


def refuse_columns(names: Iterable[object], flags: str = "--text-column") -> None:
    """Raise an error for a corpus of the catalogue or of NLTK where columns are named: its first line is not a header.

    Args:
        names: Paths, directories, ``-``, ``corpus:NAME``, ``nltk:NAME``.
        flags: What named the columns, for the message.

    Raises:
        HyperParameterError: One is such a corpus.
    """
    for name in names:
        if isinstance(name, str) and name.startswith(CORPUS_PREFIXES):
            raise HyperParameterError(f"{name} is not a table: omit {flags}")


def path_source(path: str | os.PathLike[str]) -> ByteSource:
    """Return the source of one file.

    Raises:
        DataError: The file does not exist, or is a directory.
    """
    if Path(path).is_dir():
        raise DataError("is a directory: pass a file", source=os.fspath(path))
    (source,) = _expand_path(os.fspath(path))
    return source


def total_bytes(sources: Sequence[Source]) -> int | None:
    """Return the summed size of the files on disk, or ``None`` if one of the sources has no size."""
    total = 0
    for source in sources:
        if not isinstance(source, ByteSource) or source.path is None or not source.path.is_file():
            return None
        total += source.path.stat().st_size
    return total


def _expand_iterable(source: Iterable[Any]) -> list[Source]:
    """Look at the first item to tell paths from lines and token lists."""
    if isinstance(source, (list, tuple)) and source and all(_names_source(item) for item in source):
        raise DataError(
            f"a list of strings is read as lines, but each string is the name of a file ({source[0]!r}): pass "
            "pathlib.Path objects or use Corpus.read_files to read the files, or pass an iterator over the strings "
            "to read them as lines"
        )
    source = items_of(source)
    items = iter(source)
    try:
        first = next(items)
    except StopIteration:
        return [LineSource("<lines>", "<lines>", ())]
    if isinstance(first, os.PathLike):
        return expand_names([first, *items])
    # A list can tell its length to the progress display; an iterator gets its first item back.
    every = source if isinstance(source, (list, tuple)) else chain([first], items)
    if tokens_of(first) is not None:
        return [TokenSource("<tokens>", "<tokens>", every)]
    return [LineSource("<lines>", "<lines>", every)]


def _names_source(item: object) -> bool:
    if not isinstance(item, str):
        return False
    return item == STDIN or item.startswith(CORPUS_PREFIXES) or os.path.isfile(item)


def _expand_name(name: str) -> list[Source]:
    if name == STDIN:
        return [ByteSource(STDIN, STDIN, stream=_stdin())]
    if name.startswith(nltk_corpora.PREFIX):
        return [LineSource(name, name, nltk_corpora.sentences(name))]
    if not name.startswith(CATALOG_PREFIX):
        return [*_expand_path(name)]
    resolved = catalog.resolve(name.removeprefix(CATALOG_PREFIX))
    if isinstance(resolved, list):
        return [ByteSource(str(path), name, path=path) for path in resolved]
    return [LineSource(name, name, resolved)]


def _expand_path(name: str) -> list[ByteSource]:
    path = Path(name)
    shown = _shown(name)
    try:
        if not name:  # `Path` would take it for the working directory.
            raise DataError("empty file name")
        if path.is_dir():
            files = [child for child in path.iterdir() if child.is_file() and not child.name.startswith(".")]
            if not files:
                raise DataError("the directory contains no files (its subdirectories are not searched)", source=shown)
            return [ByteSource(_shown(str(file)), str(file), path=file) for file in sorted(files, key=_by_name)]
        if path.exists():
            return [ByteSource(shown, name, path=path)]
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise _unreadable(error, shown) from error
    is_text = name.strip() != name or " " in name
    hint = "; pass the text itself on standard input, or in Python as a list of lines" if is_text else ""
    raise MissingFileError(f"no such file or directory{hint}", source=shown)


def _shown(name: str) -> str:
    """Return the name as errors show it: on one line, and not all of it if somebody gave a text for a path."""
    return name if name.isprintable() and len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]!r}..."


def _by_name(path: Path) -> str:
    return path.name


def _stdin() -> BinaryIO:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise DataError("standard input is closed or does not return bytes", source=STDIN)
    return cast(BinaryIO, stream)


def _is_binary_stream(source: object) -> bool:
    return isinstance(source, (io.RawIOBase, io.BufferedIOBase)) or (
        hasattr(source, "read") and "b" in str(getattr(source, "mode", ""))
    )


def _unreadable(error: Exception, name: str) -> DataError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    kind = MissingFileError if isinstance(error, FileNotFoundError) else DataError
    return kind(f"cannot be read: {reason}", source=name)


class ByteReader:
    """Reads one source as a sequence of chunks of unpacked bytes; a context manager that closes what it opened.

    Args:
        source: What to read.
        utf8: Whether the text is said to be UTF-8, so that the byte order mark of another encoding is an error.
        eager: Whether to give out what a pipe has so far instead of waiting for a full chunk.
    """

    def __init__(self, source: ByteSource, *, utf8: bool, eager: bool = False) -> None:
        self._source, self._utf8, self._eager = source, utf8, eager
        self._given = 0
        self._file: BinaryIO | None = None
        self._exits = ExitStack()

    def __enter__(self) -> ByteReader:
        if self._source.path is not None:
            try:
                # Unbuffered, a read returns as soon as a pipe has anything.
                self._file = open(self._source.path, "rb", buffering=0 if self._eager else -1)
            except (OSError, ValueError) as error:
                raise _unreadable(error, self._source.name) from error
            self._exits.enter_context(self._file)
        return self

    def __exit__(self, *exception: object) -> None:
        self._exits.close()

    @property
    def consumed(self) -> int:
        """Number of bytes of the file on disk read so far: of compressed bytes for a compressed file."""
        if self._file is not None and self._suffix in _COMPRESSED.values():
            try:
                return self._file.tell()
            except OSError:
                pass  # A pipe has no position.
        return self._given

    @property
    def _suffix(self) -> str:
        return "" if self._source.path is None else self._source.path.suffix.lower()

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield the bytes in chunks of about `size` (smaller ones from a pipe), none of them empty.

        Raises:
            DataError: The file cannot be read or unpacked, or begins like something that is no text.
        """
        read = self._opened()
        name = self._source.name
        packed = self._suffix in _COMPRESSED.values()
        at_start = True
        while True:
            try:
                chunk = read(size)
                while at_start and chunk and _may_become_magic(chunk) and (more := read(size)):
                    chunk += more
                if at_start and not chunk and self._suffix == ".gz" and self.consumed == 0:
                    raise EOFError  # Other than its siblings, `gzip` takes a file of no bytes for a whole one.
            except EOFError as error:
                raise DataError(
                    f"the {self._suffix} file is truncated: copy or download it again", source=name, byte=self._given
                ) from error
            except _unpacking_errors() as error:
                raise self._damaged(error) from error
            except OSError as error:
                # The system's errors have a number, those of `bz2` do not.
                raise (_unreadable(error, name) if error.errno else self._damaged(error)) from error
            if not chunk:
                return
            if at_start:
                self._check_start(chunk[:_LONGEST_MAGIC])
                at_start = False
            self._given += len(chunk)
            if packed and self._given > max(_BOMB_BYTES, _BOMB_RATIO * self.consumed):
                raise DataError(
                    f"the {self._suffix} file unpacks to more than {_BOMB_RATIO} times its size, which is not "
                    "plausible for text: if it is intended, unpack it first",
                    source=name,
                    byte=self._given - len(chunk),
                )
            yield chunk

    def _opened(self) -> Callable[[int], bytes]:
        """Return the function that reads the next bytes, behind the decompressor that the suffix asks for."""
        stream = cast(BinaryIO, self._file or self._source.stream)
        if self._suffix in _MEMBERS:
            return _members_reader(stream, *_MEMBERS[self._suffix](self._source.name))
        if self._suffix == ".gz":
            stream = self._exits.enter_context(_gunzip(stream))
        read = stream.read
        if self._eager or not isinstance(stream, io.BufferedIOBase):
            # `read1` returns what is there; a raw stream's `read` does so anyway.
            read = getattr(stream, "read1", stream.read)
        return lambda size: read(size) or b""

    def _damaged(self, error: Exception) -> DataError:
        problem = f"no valid {self._suffix} data ({error}): the file is damaged, or its name has the wrong suffix"
        return DataError(problem, source=self._source.name, byte=self._given)

    def _check_start(self, start: bytes) -> None:
        """Raise if the text begins like a compressed file or like text of another encoding."""
        name = self._source.name
        for magic, suffix in _COMPRESSED.items():
            if start.startswith(magic):
                remedy = "unpack it first" if self._source.path is None else f"rename it to end in {suffix}"
                raise DataError(f"this is {suffix} compressed data, not text: {remedy}", source=name, byte=0)
        if start.startswith(_NUMPY) or _TENSORS.match(start) or (start.startswith(b"PK") and name.endswith(".npz")):
            raise DataError("this is a file of arrays, not text", source=name, byte=0)
        for magic, kind in _ARCHIVES.items():
            if start.startswith(magic):
                raise DataError(f"this is a {kind} archive, not text: unpack it first", source=name, byte=0)
        if self._utf8:
            for mark, encoding in _BYTE_ORDER_MARKS.items():
                if start.startswith(mark):
                    raise DataError(
                        f"the text begins with the byte order mark of {encoding}: read it with --encoding {encoding}",
                        source=name,
                        line=1,
                        byte=0,
                    )


def _may_become_magic(start: bytes) -> bool:
    """Return whether these first bytes are so few that a later byte decides whether they are text.

    Only then is it right to wait for more, and no complete line is among them.
    """
    return any(
        len(start) < len(magic) and magic.startswith(start)
        for magic in chain(_COMPRESSED, _ARCHIVES, (_NUMPY,), _BYTE_ORDER_MARKS)
    )


def _gunzip(stream: BinaryIO) -> BinaryIO:
    import gzip

    return cast(BinaryIO, gzip.GzipFile(fileobj=stream, mode="rb"))


class _Decompressor(Protocol):
    """Unpacks one member of a file."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def _members_reader(
    stream: _Reads, make: Callable[[], _Decompressor], step: int, padding: int
) -> Callable[[int], bytes]:
    """Return a function that reads the next unpacked bytes of any number of members (streams, frames).

    The readers of `bz2`, `lzma` and `zstandard` take damaged data after the first member for the end of the file, or a
    member that is cut short for a whole one, so the members are followed here.

    Args:
        stream: The packed bytes.
        make: Makes the decompressor of one member.
        step: How many packed bytes are read at a time.
        padding: After a member, NULs in a multiple of this many bytes are not data; 0 where padding is not allowed.
    """
    member: _Decompressor | None = None
    rest = b""
    seen = False

    def read(size: int) -> bytes:
        nonlocal member, rest, seen
        while True:
            hungry = member is None or member.needs_input
            packed = rest or (stream.read(step) if hungry else b"") or b""
            if member is None and seen and padding:
                packed = _without_padding(packed, stream, step, padding)
            rest = b""
            if not packed and hungry:
                if member is not None or not seen:
                    raise EOFError
                return b""
            seen = True
            member = member or make()
            unpacked = member.decompress(packed, size)
            if member.eof:
                rest, member = member.unused_data, None
            if unpacked:
                return unpacked

    return read


def _without_padding(packed: bytes, stream: _Reads, step: int, multiple: int) -> bytes:
    """Return what follows the NULs between two members; raises if they are not a multiple of so many bytes."""
    zeros = 0
    while packed:
        stripped = packed.lstrip(b"\0")
        zeros += len(packed) - len(stripped)
        if stripped:
            break
        packed = stream.read(step) or b""
    else:
        stripped = b""
    if zeros % multiple:
        raise OSError(f"{zeros} bytes of padding, expected a multiple of {multiple}")
    return stripped


def _bz2(name: str) -> tuple[Callable[[], _Decompressor], int, int]:
    import bz2

    return bz2.BZ2Decompressor, _PACKED_STEP, 0


def _xz(name: str) -> tuple[Callable[[], _Decompressor], int, int]:
    import lzma

    return lzma.LZMADecompressor, _PACKED_STEP, 4


def _zstd(name: str) -> tuple[Callable[[], _Decompressor], int, int]:
    try:
        import zstandard
    except ImportError:
        raise DataError("reading .zst files needs zstandard: pip install 'nlmkit[zstd]'", source=name) from None

    class Frame:
        needs_input = True  # `zstandard` unpacks all that it is given

        def __init__(self) -> None:
            self._frame = zstandard.ZstdDecompressor().decompressobj()

        @property
        def eof(self) -> bool:
            return bool(self._frame.eof)

        @property
        def unused_data(self) -> bytes:
            return self._frame.unused_data

        def decompress(self, data: bytes, max_length: int) -> bytes:
            return self._frame.decompress(data)

    return Frame, _ZSTD_STEP, 0


_MEMBERS: dict[str, Callable[[str], tuple[Callable[[], _Decompressor], int, int]]] = {
    ".bz2": _bz2,
    ".xz": _xz,
    ".zst": _zstd,
}


def _unpacking_errors() -> tuple[type[Exception], ...]:
    """Return the errors by which decompressors say that their input is damaged, apart from `EOFError`."""
    import gzip
    import lzma

    errors: list[type[Exception]] = [gzip.BadGzipFile, lzma.LZMAError, zlib.error]
    if "zstandard" in sys.modules:
        errors.append(sys.modules["zstandard"].ZstdError)
    return tuple(errors)
