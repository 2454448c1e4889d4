"""From bytes or strings to blocks: whole lines of valid text, as characters or as UTF-8.

Only LF ends a line. Reading in blocks bounds memory and keeps the work per line out of Python; a block never divides a
line. Faults of the raw text (undecodable bytes, NUL, endless lines) end here, with the place where they stand.

Whoever reads a block says which of the two it needs. Bytes that are UTF-8 already are then decoded once or not at all,
and characters are encoded once or not at all.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import AnyStr, Generic, NamedTuple

from nlmkit.core.notes import note
from nlmkit.errors import DataError
from nlmkit.text.decoding import Decoding
from nlmkit.text.marks import Marks
from nlmkit.text.sources import ByteReader
from nlmkit.text.tables import problem_of_item

BLOCK_BYTES = 1 << 20
"""Size of a block. Larger ones are no faster, and a block's tokens take some 20 times its size in memory."""

MAX_LINE_BYTES = 64 << 20
"""The longest line that is read. One beyond it is taken for binary data or for a file without line ends."""

_LINES_AT_ONCE = 4096

# A text that begins with so large a share of NULs is UTF-16 or no text, whatever its marks are to be.
_DOUBTED_LENGTH = 32
_DOUBTED_SHARE = 3

_SURROGATE = re.compile("[\ud800-\udfff]")


class _Signs(NamedTuple, Generic[AnyStr]):
    """The characters that matter here, as characters or as UTF-8."""

    line_feed: AnyStr
    carriage_return: AnyStr
    nul: AnyStr
    byte_order_mark: AnyStr


_CHARACTERS = _Signs("\n", "\r", "\0", "\ufeff")
_UTF8 = _Signs(b"\n", b"\r", b"\0", "\ufeff".encode())


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Whole lines of one source.

    Attributes:
        content: The lines as characters or as UTF-8, each ended by LF, without a byte order mark. They hold NUL only
            where the decoding's ``marks`` allow it.
        first_line: Number of the first one in its source, from 1.
        lines: How many there are.
        characters: How many characters, each LF included.
        size: How many bytes of UTF-8, each LF included.
    """

    content: str | bytes
    first_line: int
    lines: int
    characters: int
    size: int

    def text(self) -> str:
        """Return the lines as characters."""
        return self.content if isinstance(self.content, str) else self.content.decode()

    def first(self, lines: int) -> TextBlock:
        """Return that many of the lines."""
        return next(self.split(lines))

    def split(self, lines: int) -> Iterator[TextBlock]:
        """Yield the block in parts of at most that many lines."""
        if self.lines <= lines:
            yield self
        elif isinstance(self.content, str):
            yield from self._parts(self.content, _CHARACTERS, lines)
        else:
            yield from self._parts(self.content, _UTF8, lines)

    def _parts(self, content: AnyStr, signs: _Signs[AnyStr], lines: int) -> Iterator[TextBlock]:
        every = content.split(signs.line_feed)[:-1]
        for start in range(0, self.lines, lines):
            yield _block(_ended(every[start : start + lines], signs), signs, self.first_line + start)


def byte_blocks(
    reader: ByteReader, decoding: Decoding, name: str, *, size: int, characters: bool = False
) -> Iterator[TextBlock]:
    """Yield the lines of a source of bytes, in blocks cut at the last LF of each chunk that is read.

    The lines before a faulty one come out before the error.

    Args:
        reader: Gives the chunks.
        decoding: Says how.
        name: What errors call the source.
        size: Chunk size in bytes.
        characters: Whether the blocks are to hold characters, or else UTF-8.

    Raises:
        DataError: The bytes cannot be decoded, hold a NUL, or hold a line longer than `MAX_LINE_BYTES`.
    """
    chunks = reader.chunks(size)
    if decoding.is_utf8 and decoding.errors == "strict":
        yield from _cut(chunks, _UTF8, decoding.marks, name, verbatim=True, characters=characters)
    elif characters:
        texts = (text for text, _ in _transcode(chunks, decoding, name))
        yield from _cut(texts, _CHARACTERS, decoding.marks, name)
    else:
        encoded = (data for _, data in _transcode(chunks, decoding, name))
        yield from _cut(encoded, _UTF8, decoding.marks, name)


def _cut(
    chunks: Iterator[AnyStr],
    signs: _Signs[AnyStr],
    marks: Marks,
    name: str,
    *,
    verbatim: bool = False,
    characters: bool = False,
) -> Iterator[TextBlock]:
    """Yield chunks as blocks of whole lines.

    Args:
        chunks: The text.
        signs: Those of the chunks' type.
        marks: What to do with NUL.
        name: What errors call the source.
        verbatim: Whether the chunks are the unchanged bytes of the source, so that an error can name the place.
        characters: Whether bytes are to be decoded.
    """
    first_line, offset = 1, 0
    for lines in _whole_lines(chunks, signs, name):
        begin = len(signs.byte_order_mark) if offset == 0 and lines.startswith(signs.byte_order_mark) else 0
        place = _Place(name, first_line, offset + begin if verbatim else None)
        content = lines[begin:]
        try:
            block = _checked(content, signs, marks, place, characters=characters)
        except DataError as error:
            if (faultless := (error.line or 0) - first_line) > 0:
                before = content.split(signs.line_feed, faultless)[:faultless]
                yield _checked(_ended(before, signs), signs, marks, place, characters=characters)
            raise
        offset += len(lines)
        first_line += block.lines
        yield block


def line_blocks(
    lines: Iterable[str], decoding: Decoding, name: str, *, size: int, most: int, characters: bool = False
) -> Iterator[TextBlock]:
    """Yield lines given as strings, in blocks of about `size` characters and at most `most` lines.

    Args:
        lines: The lines; an LF at the end of one is left out.
        decoding: What to do with lone surrogates (by its ``errors``) and NUL.
        name: What errors call the source.
        size: Characters of a block, about.
        most: Most lines of a block.
        characters: Whether the blocks are to hold characters, or else UTF-8.

    Raises:
        DataError: An item is not a string, or has an LF before its end, NUL, a lone surrogate, or too many characters.
    """
    make = partial(_joined, decoding=decoding, name=name, characters=characters)
    first_line = 1
    iterator = iter(lines)
    while batch := list(islice(iterator, min(most, _LINES_AT_ONCE))):
        # All at once where nothing is amiss; line by line where something is, or where the lines are long.
        if set(map(type, batch)) == {str} and sum(map(len, batch)) < size and "\n" not in "".join(batch):
            yield from _blocks(batch, make, first_line)
        else:
            yield from _slow_line_blocks(batch, make, first_line, name, size=size)
        first_line += len(batch)


def _slow_line_blocks(
    lines: Iterable[str], make: Callable[[list[str], int], TextBlock], first_line: int, name: str, *, size: int
) -> Iterator[TextBlock]:
    batch: list[str] = []
    characters = 0
    for line in lines:
        if not isinstance(line, str):
            if batch:
                yield from _blocks(batch, make, first_line)
            problem = problem_of_item(line) or f"is {type(line).__name__}: do not mix lines with anything else"
            raise DataError(
                f"expected a line, but the item {problem}",
                source=name,
                line=first_line + len(batch),
            )
        batch.append(line.removesuffix("\n"))
        characters += len(line) + 1
        if characters >= size:
            yield from _blocks(batch, make, first_line)
            first_line += len(batch)
            batch, characters = [], 0
    if batch:
        yield from _blocks(batch, make, first_line)


def _blocks(batch: list[str], make: Callable[[list[str], int], TextBlock], first_line: int) -> Iterator[TextBlock]:
    """Yield the lines as one block; of faulty ones those before the fault, and raise."""
    try:
        yield make(batch, first_line)
    except DataError as error:
        if (faultless := (error.line or 0) - first_line) > 0:
            yield make(batch[:faultless], first_line)
        raise


def _joined(batch: list[str], first_line: int, *, decoding: Decoding, name: str, characters: bool) -> TextBlock:
    """Return lines as one block, or raise if one of them is faulty."""
    text = "\n".join([*batch, ""])
    if text.count("\n") != len(batch):
        number = next(number for number, line in enumerate(batch, start=first_line) if "\n" in line)
        raise DataError("an item contains several lines: split it into one item per line", source=name, line=number)
    try:
        text, data = _valid(text, decoding.errors)
    except UnicodeEncodeError as error:
        raise _surrogate(text[error.start], name, first_line + text.count("\n", 0, error.start)) from None
    if len(data) > MAX_LINE_BYTES:
        for number, line in enumerate(data.split(b"\n"), start=first_line):
            if len(line) > MAX_LINE_BYTES:
                raise _too_long(name, number)
    _refuse_nul(data, _UTF8, decoding.marks, _Place(name, first_line, None))
    return TextBlock(text if characters else data, first_line, len(batch), len(text), len(data))


class _Place(NamedTuple):
    """Where lines are.

    Attributes:
        name: What errors call the source.
        first_line: Number of the first one.
        offset: Where the first byte is in the source; ``None`` where that is not known.
    """

    name: str
    first_line: int
    offset: int | None


def _checked(
    content: AnyStr, signs: _Signs[AnyStr], marks: Marks, place: _Place, *, characters: bool = False
) -> TextBlock:
    """Return whole lines as a block, or raise if they hold undecodable bytes, or NUL that is to be an error."""
    try:
        block = _block(content, signs, place.first_line, characters=characters)
    except UnicodeDecodeError as error:
        raise _undecodable(
            error.object[error.start],
            "utf-8",
            place.name,
            place.first_line + error.object.count(b"\n", 0, error.start),
            error.start + (place.offset or 0),
        ) from None
    _refuse_nul(content, signs, marks, place)
    return block


def _block(content: AnyStr, signs: _Signs[AnyStr], first_line: int, *, characters: bool = False) -> TextBlock:
    """Return whole lines as a block; bytes are decoded where it is to hold characters.

    Raises:
        UnicodeDecodeError: Bytes are not UTF-8.
    """
    lines, length = content.count(signs.line_feed), len(content)
    if isinstance(content, str):
        return TextBlock(content, first_line, lines, length, length if content.isascii() else len(content.encode()))
    if content.isascii() and not characters:
        return TextBlock(content, first_line, lines, length, length)
    text = content.decode()
    return TextBlock(text if characters else content, first_line, lines, len(text), length)


def _ended(lines: Sequence[AnyStr], signs: _Signs[AnyStr]) -> AnyStr:
    """Return lines, one or more, as one text in which each is ended by LF."""
    return signs.line_feed.join(lines) + signs.line_feed


def _refuse_nul(content: AnyStr, signs: _Signs[AnyStr], marks: Marks, place: _Place) -> None:
    """Raise if lines hold NUL that is to be an error, or so many that they are no text."""
    nul = content.find(signs.nul)
    if (
        nul < 0
        or marks == "skip"
        or (marks == "literal" and not (place.first_line == 1 and _is_binary(content, signs)))
    ):
        return
    line = place.first_line + content.count(signs.line_feed, 0, nul)
    raise _nul(place.name, line, None if place.offset is None else place.offset + nul)


def _is_binary(content: AnyStr, signs: _Signs[AnyStr]) -> bool:
    return len(content) >= _DOUBTED_LENGTH and content.count(signs.nul) * _DOUBTED_SHARE >= len(content)


def _whole_lines(chunks: Iterator[AnyStr], signs: _Signs[AnyStr], name: str) -> Iterator[AnyStr]:
    """Cut chunks at their last LF and carry the rest over; give an LF to a last line without one."""
    line_feed = signs.line_feed
    carried: list[AnyStr] = []
    carried_length = 0
    lines = 0
    for chunk in chunks:
        first = chunk.find(line_feed)
        if carried_length + (len(chunk) if first < 0 else first) > MAX_LINE_BYTES:
            raise _too_long(name, lines + 1)
        if first < 0:
            carried.append(chunk)
            carried_length += len(chunk)
            continue
        end = chunk.rfind(line_feed) + 1
        carried.append(chunk[:end])
        whole = line_feed[:0].join(carried)
        carried = [chunk[end:]]
        carried_length = len(chunk) - end
        lines += whole.count(line_feed)
        yield whole
    rest = line_feed[:0].join(carried)
    if rest and (lines or rest != signs.byte_order_mark):  # a lone byte order mark is no line
        if not lines:
            _note_carriage_returns(rest, signs, name)
        yield rest + line_feed


def _note_carriage_returns(line: AnyStr, signs: _Signs[AnyStr], name: str) -> None:
    """Note that the only line of a text, which no LF ends, is several to those who end lines with CR."""
    returns = line.rstrip(signs.carriage_return).count(signs.carriage_return)
    if returns:
        note(
            f"{name}: the whole text is one line, with {returns} carriage return{'s' if returns > 1 else ''} in it: "
            "only a line feed ends a line; if it uses the line ends of classic Mac OS, convert it first (tr '\\r' "
            "'\\n')"
        )


def _transcode(chunks: Iterator[bytes], decoding: Decoding, name: str) -> Iterator[tuple[str, bytes]]:
    """Decode chunks and yield each as characters, and as the UTF-8 that shows them to be valid."""
    decoder = codecs.getincrementaldecoder(decoding.encoding)(decoding.errors)
    lines, offset = 1, 0
    for chunk in _with_end(chunks):
        state = decoder.getstate()
        fault: DataError | None = None
        try:
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                # The codec's own buffer may precede the chunk in the error's object, but both end together.
                bad = len(chunk) - len(error.object) + error.start
                decoder.setstate(state)
                text = decoder.decode(chunk[:bad]) if bad > 0 else ""
                line, byte = lines + text.count("\n"), offset + bad
                fault = _undecodable(error.object[error.start], decoding.encoding, name, line, byte)
        except UnicodeError as error:
            # Python's message for UTF-16 and UTF-32 without the mark of their byte order.
            remedy = f"if the text has no byte order mark, use --encoding {decoding.encoding}-le or -be"
            problem = f"not valid {decoding.encoding} ({error}): {remedy}"
            raise DataError(problem, source=name, line=lines, byte=offset) from None
        if "\0" in text and decoding.marks == "error":
            decoder.setstate(state)
            byte = offset + _nul_offset(decoder, chunk, decoding.encoding)
            text = text[: text.index("\0")]
            fault = _nul(name, lines + text.count("\n"), byte)
        try:
            text, encoded = _valid(text, decoding.errors)
        except UnicodeEncodeError as error:
            text, surrogate = text[: error.start], text[error.start]
            encoded = text.encode()
            fault = _surrogate(surrogate, name, lines + text.count("\n"), offset + len(chunk))
        lines += text.count("\n")
        offset += len(chunk)
        if encoded:
            yield text, encoded
        if fault is not None:
            raise fault


def _with_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks and then one of no bytes, which ends a decoder's input."""
    yield from chunks
    yield b""


def _nul_offset(decoder: codecs.IncrementalDecoder, chunk: bytes, encoding: str) -> int:
    """Where the first NUL character begins, counted from the chunk's first byte; found by decoding byte by byte.

    The last byte may decide: what is known only at the end of the text is counted to begin there.
    """
    width = {"utf-16": 2, "utf-32": 4}.get(codecs.lookup(encoding).name[:6], 1)
    texts = (decoder.decode(chunk[position : position + 1]) for position in range(len(chunk)))
    found = (position for position, text in enumerate(texts, start=1) if "\0" in text)
    return next(found, len(chunk) + width) - width


def _valid(text: str, errors: str) -> tuple[str, bytes]:
    """Return the text, and the same as UTF-8; surrogates, which some codecs let through, are like undecodable bytes.

    Raises:
        UnicodeEncodeError: It holds a lone surrogate, and ``errors`` is ``strict``.
    """
    try:
        return text, text.encode()
    except UnicodeEncodeError:
        if errors == "strict":
            raise
        text = _SURROGATE.sub("\ufffd" if errors == "replace" else "", text)
        return text, text.encode()


def _undecodable(value: int, encoding: str, name: str, line: int, byte: int) -> DataError:
    return DataError(
        f"byte 0x{value:02X} is not valid {encoding}: set the encoding of the text with --encoding (latin-1, gb18030, "
        "...), or replace such bytes with --errors replace",
        source=name,
        line=line,
        byte=byte,
    )


def _surrogate(character: str, name: str, line: int, byte: int | None = None) -> DataError:
    return DataError(
        f"lone surrogate U+{ord(character):04X}, which is not a character: decode the text with its real encoding, or "
        "replace such characters with --errors replace",
        source=name,
        line=line,
        byte=byte,
    )


def _nul(name: str, line: int, byte: int | None) -> DataError:
    return DataError(
        "NUL byte: this is binary data, or text in another encoding (--encoding utf-16 or utf-16-le?); or pass over "
        'it with --marks skip (in Python, TextPipeline(marks="skip"))',
        source=name,
        line=line,
        byte=byte,
    )


def _too_long(name: str, line: int) -> DataError:
    return DataError(
        f"a line of more than {MAX_LINE_BYTES >> 20} MiB: text must have a line feed after each sentence "
        "(not a carriage return)",
        source=name,
        line=line,
    )
