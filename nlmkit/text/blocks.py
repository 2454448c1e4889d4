"""From bytes or strings to blocks: pieces of valid UTF-8 made of whole lines.

Only LF ends a line. Reading in blocks bounds memory and keeps the work per line out of Python; a block never divides a
line. Faults of the raw text (undecodable bytes, NUL, endless lines) end here, with the place where they stand.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from nlmkit.core.notes import note
from nlmkit.errors import DataError
from nlmkit.text.marks import Marks
from nlmkit.text.pipeline import TextPipeline
from nlmkit.text.sources import ByteReader
from nlmkit.text.tables import problem_of_item

BLOCK_BYTES = 1 << 20
"""Size of a block. Larger ones are no faster, and a block's tokens take some 20 times its size in memory."""

MAX_LINE_BYTES = 64 << 20
"""The longest line that is read. One beyond it is taken for binary data or for a file without line ends."""

_LINES_AT_ONCE = 4096

# A text that begins with so large a share of NULs is UTF-16 or no text, whatever its marks are to be.
_DOUBTED_BYTES = 32
_DOUBTED_SHARE = 3

_UTF8_MARK = "\ufeff".encode()
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Whole lines of one source.

    Attributes:
        data: The lines as UTF-8, each ended by LF, without a byte order mark. They hold NUL only where the pipeline's
            ``marks`` allow it.
        first_line: Number of the first one in its source, from 1.
        lines: How many there are.
        characters: How many characters, each LF included.
    """

    data: bytes
    first_line: int
    lines: int
    characters: int

    def text(self) -> str:
        """Returns the lines as a string."""
        return self.data.decode()

    def first(self, lines: int) -> TextBlock:
        """Returns that many of the lines."""
        return next(self.split(lines))

    def split(self, lines: int) -> Iterator[TextBlock]:
        """Yields the block in parts of at most that many lines."""
        if self.lines <= lines:
            yield self
            return
        every = self.data.split(b"\n")[:-1]
        for start in range(0, self.lines, lines):
            part = every[start : start + lines]
            data = b"\n".join([*part, b""])
            yield TextBlock(data, self.first_line + start, len(part), len(data.decode()))


def byte_blocks(reader: ByteReader, pipeline: TextPipeline, name: str, *, size: int) -> Iterator[TextBlock]:
    """Yields the lines of a source of bytes, in blocks cut at the last LF of each chunk that is read.

    The lines before a faulty one come out before the error.

    Args:
        reader: Gives the chunks.
        pipeline: Says how to decode them.
        name: What errors call the source.
        size: Chunk size in bytes.

    Raises:
        DataError: The bytes cannot be decoded, hold a NUL, or hold a line longer than `MAX_LINE_BYTES`.
    """
    chunks = reader.chunks(size)
    # Valid UTF-8 goes through as it is; all else is decoded and encoded again, after which it is valid.
    verbatim = pipeline.is_utf8 and pipeline.errors == "strict"
    if not verbatim:
        chunks = _transcode(chunks, pipeline, name)
    first_line, offset = 1, 0
    for data in _whole_lines(chunks, name):
        begin = len(_UTF8_MARK) if offset == 0 and data.startswith(_UTF8_MARK) else 0
        data_offset = offset + begin if verbatim else None
        try:
            block = _checked(data[begin:], first_line, data_offset, name, pipeline.marks)
        except DataError as error:
            if (faultless := (error.line or 0) - first_line) > 0:
                lines = data[begin:].split(b"\n", faultless)
                yield _checked(b"\n".join([*lines[:faultless], b""]), first_line, data_offset, name, pipeline.marks)
            raise
        offset += len(data)
        first_line += block.lines
        yield block


def line_blocks(
    lines: Iterable[str], pipeline: TextPipeline, name: str, *, size: int, most: int
) -> Iterator[TextBlock]:
    """Yields lines given as strings, in blocks of about `size` characters and at most `most` lines.

    Raises:
        DataError: An item is no string, or holds an LF before its end, a NUL, a lone surrogate, or too many characters.
    """
    first_line = 1
    iterator = iter(lines)
    while batch := list(islice(iterator, min(most, _LINES_AT_ONCE))):
        # All at once where nothing is amiss; line by line where something is, or where the lines are long.
        if set(map(type, batch)) == {str} and sum(map(len, batch)) < size and "\n" not in "".join(batch):
            yield from _blocks(batch, first_line, pipeline, name)
        else:
            yield from _slow_line_blocks(batch, first_line, pipeline, name, size=size)
        first_line += len(batch)


def _slow_line_blocks(
    lines: Iterable[str], first_line: int, pipeline: TextPipeline, name: str, *, size: int
) -> Iterator[TextBlock]:
    batch: list[str] = []
    characters = 0
    for line in lines:
        if not isinstance(line, str):
            if batch:
                yield from _blocks(batch, first_line, pipeline, name)
            problem = problem_of_item(line) or f"is {type(line).__name__}: do not mix lines with anything else"
            raise DataError(
                f"this should be a line but {problem}",
                source=name,
                line=first_line + len(batch),
            )
        batch.append(line.removesuffix("\n"))
        characters += len(line) + 1
        if characters >= size:
            yield from _blocks(batch, first_line, pipeline, name)
            first_line += len(batch)
            batch, characters = [], 0
    if batch:
        yield from _blocks(batch, first_line, pipeline, name)


def _blocks(batch: list[str], first_line: int, pipeline: TextPipeline, name: str) -> Iterator[TextBlock]:
    """Yields the lines as one block; of faulty ones those before the fault, and raises."""
    try:
        yield _joined(batch, first_line, pipeline, name)
    except DataError as error:
        if (faultless := (error.line or 0) - first_line) > 0:
            yield _joined(batch[:faultless], first_line, pipeline, name)
        raise


def _joined(batch: list[str], first_line: int, pipeline: TextPipeline, name: str) -> TextBlock:
    text = "\n".join([*batch, ""])
    if text.count("\n") != len(batch):
        number = next(number for number, line in enumerate(batch, start=first_line) if "\n" in line)
        raise DataError("an item holds several lines: split them into one item each", source=name, line=number)
    try:
        data = _encoded(text, pipeline.errors)
    except UnicodeEncodeError as error:
        raise _surrogate(text[error.start], name, first_line + text.count("\n", 0, error.start)) from None
    if len(data) > MAX_LINE_BYTES:
        for number, line in enumerate(data.split(b"\n"), start=first_line):
            if len(line) > MAX_LINE_BYTES:
                raise _too_long(name, number)
    return _checked(data, first_line, None, name, pipeline.marks)


def _checked(data: bytes, first_line: int, offset: int | None, name: str, marks: Marks) -> TextBlock:
    """Makes a block of lines, or raises if they hold undecodable bytes, or NUL that is to be an error.

    Args:
        data: Whole lines.
        first_line: Number of the first one.
        offset: Where the first byte stands in the source; ``None`` if it has no such place.
        name: What errors call the source.
        marks: What to do with NUL.
    """
    if data.isascii():
        characters = len(data)
    else:
        try:
            characters = len(data.decode())
        except UnicodeDecodeError as error:
            raise _undecodable(
                data[error.start],
                "utf-8",
                name,
                first_line + data.count(b"\n", 0, error.start),
                error.start + (offset or 0),
            ) from None
    nul = data.find(b"\0")
    if nul >= 0 and (marks == "error" or (first_line == 1 and marks == "literal" and _is_binary(data))):
        raise _nul(name, first_line + data.count(b"\n", 0, nul), None if offset is None else offset + nul)
    return TextBlock(data, first_line, data.count(b"\n"), characters)


def _is_binary(data: bytes) -> bool:
    return len(data) >= _DOUBTED_BYTES and data.count(0) * _DOUBTED_SHARE >= len(data)


def _whole_lines(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Cuts chunks at their last LF and carries the rest over; a last line without LF is given one."""
    carried: list[bytes] = []
    carried_bytes = 0
    lines = 0
    for chunk in chunks:
        first = chunk.find(b"\n")
        if carried_bytes + (len(chunk) if first < 0 else first) > MAX_LINE_BYTES:
            raise _too_long(name, lines + 1)
        if first < 0:
            carried.append(chunk)
            carried_bytes += len(chunk)
            continue
        end = chunk.rfind(b"\n") + 1
        data = b"".join([*carried, chunk[:end]])
        carried = [chunk[end:]]
        carried_bytes = len(chunk) - end
        lines += data.count(b"\n")
        yield data
    if carried_bytes and (lines or b"".join(carried) != _UTF8_MARK):  # A lone byte order mark is no line.
        line = b"".join([*carried, b"\n"])
        if not lines:
            _note_carriage_returns(line[:-1], name)
        yield line


def _note_carriage_returns(line: bytes, name: str) -> None:
    """Notes that the only line of a text, which no LF ends, is several to those who end lines with CR."""
    returns = line.rstrip(b"\r").count(b"\r")
    if returns:
        note(
            f"{name}: the whole text is one line, with {returns} carriage return{'s' if returns > 1 else ''} in it: "
            "only a line feed ends a line; if it has the line ends of classic Mac OS, convert it first (tr '\\r' '\\n')"
        )


def _transcode(chunks: Iterator[bytes], pipeline: TextPipeline, name: str) -> Iterator[bytes]:
    """Decodes chunks by the pipeline's encoding and yields them as UTF-8."""
    decoder = codecs.getincrementaldecoder(pipeline.encoding)(pipeline.errors)
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
                fault = _undecodable(error.object[error.start], pipeline.encoding, name, line, byte)
        except UnicodeError as error:
            # What Python says of UTF-16 and UTF-32 without the mark that tells their byte order.
            remedy = f"if the text has no byte order mark, use --encoding {pipeline.encoding}-le or -be"
            problem = f"no valid {pipeline.encoding} ({error}): {remedy}"
            raise DataError(problem, source=name, line=lines, byte=offset) from None
        if "\0" in text and pipeline.marks == "error":
            decoder.setstate(state)
            byte = offset + _nul_offset(decoder, chunk, pipeline.encoding)
            text = text[: text.index("\0")]
            fault = _nul(name, lines + text.count("\n"), byte)
        try:
            encoded = _encoded(text, pipeline.errors)
        except UnicodeEncodeError as error:
            text, surrogate = text[: error.start], text[error.start]
            encoded = text.encode()
            fault = _surrogate(surrogate, name, lines + text.count("\n"), offset + len(chunk))
        lines += text.count("\n")
        offset += len(chunk)
        if encoded:
            yield encoded
        if fault is not None:
            raise fault


def _with_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yields the chunks and then one of no bytes, which tells a decoder that there is no more."""
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


def _encoded(text: str, errors: str) -> bytes:
    """Encodes as UTF-8; the surrogates that some codecs and callers let through are treated like undecodable bytes."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        if errors == "strict":
            raise
        return _SURROGATE.sub("\ufffd" if errors == "replace" else "", text).encode()


def _undecodable(value: int, encoding: str, name: str, line: int, byte: int) -> DataError:
    return DataError(
        f"byte 0x{value:02X} is no valid {encoding}: name the text's encoding with --encoding (latin-1, gb18030, ...), "
        "or pass over such bytes with --errors replace",
        source=name,
        line=line,
        byte=byte,
    )


def _surrogate(character: str, name: str, line: int, byte: int | None = None) -> DataError:
    return DataError(
        f"lone surrogate U+{ord(character):04X}, which is no character: decode the text as what it is, or pass over "
        "such places with --errors replace",
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
