"""Reading of tagged sentences bit by bit, each as soon as it is there, in memory that does not grow with the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from nlmkit.text.decoding import Decoding
from nlmkit.text.sources import Source, TextSource
from nlmkit.text.tagged import TaggedSentences
from nlmkit.text.tagged_reading import Format, Gathered, row_blocks, sources_with_formats
from nlmkit.text.tagged_rows import Request, RowBlock


def stream_sentences(
    source: TextSource | Sequence[str],
    *,
    format: str | None = None,
    word_column: int | str = 0,
    tag_column: int | str | None = -1,
    feature_columns: Sequence[int | str] = (),
    scheme: str | None = None,
    decoding: Decoding | None = None,
) -> Iterator[TaggedSentences]:
    """Yield the sentences of one or more sources, some at a time; from a pipe each comes out when its last line does.

    Arguments are as for ``TaggedSentences.read``, with these differences: sources may have different formats, a source
    without sentences is no error, and a scheme that is not stated is detected again for each part.

    Raises:
        DataError: A source is missing or malformed, after the sentences before the block of lines with the fault have
            come out; names the file and the line.
        HyperParameterError: Format, scheme or a column are not valid.
    """
    request = Request(word_column, tag_column, tuple(feature_columns))
    for each, form in sources_with_formats(source, format):
        yield from _stream(each, form, request, scheme, decoding or Decoding(marks="literal"))


def _stream(
    source: Source, form: Format, request: Request, scheme: str | None, decoding: Decoding
) -> Iterator[TaggedSentences]:
    names: list[str] = []
    for rows in _complete(row_blocks(source, form, request, decoding, notes=[], names=names, eager=True)):
        gathered = Gathered(request, decoding)
        gathered.names = names
        gathered.add(rows, source.name)
        yield TaggedSentences.of_columns(**gathered.sentences([source], form, scheme)._asdict(), decoding=decoding)


def _complete(blocks: Iterator[RowBlock]) -> Iterator[RowBlock]:
    """Yield the same rows in blocks of whole sentences."""
    waiting: list[RowBlock] = []  # of the sentence that is not complete
    for block in blocks:
        waiting.append(block)
        if block.is_open and not block.starts:
            continue
        complete = _joined(waiting)
        waiting = []
        if block.is_open:
            complete, rest = _split(complete, complete.starts[-1])
            waiting.append(rest)
        if complete.starts:
            yield complete
    if waiting:
        yield _joined(waiting)


def _joined(blocks: Sequence[RowBlock]) -> RowBlock:
    """Return consecutive rows as one block."""
    if len(blocks) == 1:
        return blocks[0]
    starts: list[int] = []
    before = 0
    for block in blocks:
        starts += [before + start for start in block.starts]
        before += len(block.lines)
    return RowBlock(
        [[*chain.from_iterable(cells)] for cells in zip(*(block.columns for block in blocks), strict=True)],
        [*chain.from_iterable(block.lines for block in blocks)],
        starts,
        [*chain.from_iterable(block.start_lines for block in blocks)],
    )


def _split(rows: RowBlock, place: int) -> tuple[RowBlock, RowBlock]:
    """Return the rows before the last sentence, which begins with the row ``place``, and those of it."""
    before = RowBlock(
        [cells[:place] for cells in rows.columns], rows.lines[:place], rows.starts[:-1], rows.start_lines[:-1]
    )
    return before, RowBlock([cells[place:] for cells in rows.columns], rows.lines[place:], [0], rows.start_lines[-1:])
