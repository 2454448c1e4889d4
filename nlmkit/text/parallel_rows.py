"""Pairs of texts in files: ``source<TAB>target``, CSV, JSON Lines, or a file per side."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import catalog
from nlmkit.text.columns import format_of
from nlmkit.text.decoding import Decoding
from nlmkit.text.rows import CSV, JSONL, Columns, Lines, Row
from nlmkit.text.sources import CATALOG_PREFIX, STDIN, ByteSource, Source, TextSource, expand

Format = Literal["tsv", "csv", "jsonl"]
FORMATS: Final = get_args(Format)

SOURCE_COLUMN: Final = "source"
TARGET_COLUMN: Final = "target"

_COLUMNS: Final = Columns((SOURCE_COLUMN, TARGET_COLUMN), "call the two sides source and target")
_SOURCES: Final = Columns((SOURCE_COLUMN,), "call the sources source")
_BLOCK_BYTES: Final = 1 << 20
_LINES_AT_ONCE: Final = 4096
_SHOWN: Final = 40  # characters of a value in an error

PairRow = tuple[int, Any, str]
"""Line number, source, target. A source is a string, or of JSON perhaps another value where it is a vector."""


class ReadPairs(NamedTuple):
    """What was read; see the attributes of ``ParallelTexts``."""

    sources: list[Any]
    targets: list[str] | None
    source: str
    target_source: str
    lines: NDArray[np.int64] | None
    reading_notes: tuple[str, ...]


def read_pairs(
    source: TextSource | Sequence[str],
    target: TextSource | Sequence[str] | None,
    decoding: Decoding,
    format: str | None,
    *,
    numbers: bool = False,
    with_targets: bool = True,
) -> ReadPairs:
    """Read pairs.

    Args:
        source: As for ``ParallelTexts.read``.
        target: As for ``ParallelTexts.read``.
        decoding: How bytes become characters.
        format: One of ``FORMATS``; None for that of each file's suffix.
        numbers: Whether sources are vectors: in ``tsv`` all columns except the last, in ``jsonl`` any value.
        with_targets: Whether there are targets; without, each line of a file that is not a table is a source.

    Raises:
        DataError: A source is missing or malformed, or has no pairs; names the file and the line, or both counts.
        HyperParameterError: The format is unknown, or set for a file per side.
    """
    check_format(format)
    notes: list[str] = []
    rows: list[PairRow] = []
    sides: tuple[list[Source], list[Source]]
    if target is None:
        parts = sources_with_formats(source, format)
        for each, form in parts:
            before = len(rows)
            rows += pair_rows(each, decoding, form, numbers=numbers, with_targets=with_targets)
            if len(rows) == before:
                raise DataError("no pairs" if with_targets else "no sources", source=each.name)
        sides = ([each for each, _ in parts],) * 2
    else:
        if format is not None:
            raise HyperParameterError(f"a file per side has a text on each line: do not set the format {format}")
        sides = _both_sides(source, target)
        for one, other in zip(*sides, strict=True):
            before = len(rows)
            rows += _beside(one, other, decoding, notes)
            if len(rows) == before:
                raise DataError("no pairs", source=f"{one.name}, {other.name}")
    if not rows:
        raise DataError("no pairs: pass at least one file")
    places, sources, targets = zip(*rows, strict=True)
    names = [", ".join(dict.fromkeys(each.name for each in side)) for side in sides]
    lines = np.array(places, np.int64) if len(sides[0]) == 1 else None
    kept = list(targets) if with_targets else None
    return ReadPairs(list(sources), kept, names[0], names[1], lines, tuple(notes))


def check_format(format: str | None) -> None:
    """Raise unless a format is known, or None.

    Raises:
        HyperParameterError: It is unknown.
    """
    if format is not None and format not in FORMATS:
        raise HyperParameterError(
            f"the format of pairs must be one of {', '.join(FORMATS)}, not {format!r}{suggestion(str(format), FORMATS)}"
        )


def sources_with_formats(source: TextSource | Sequence[str], format: str | None) -> list[tuple[Source, Format]]:
    """Return the sources that are meant, each with its format.

    Raises:
        DataError: A source is missing, or a corpus of the catalogue that has no pairs.
    """
    found: list[tuple[Source, Format]] = []
    for name in _names(source):
        if isinstance(name, str) and name.startswith(CATALOG_PREFIX):
            entry, files = catalog.locate(name.removeprefix(CATALOG_PREFIX))
            if entry.format == "pairs":
                form = cast(Format, format or "tsv")
                found += [(ByteSource(str(file), name, path=file), form) for file in files]
                continue
            if format is None:
                problem = f"{name} has no pairs, it is a corpus for {entry.task}: set a format to read it all the same"
                raise DataError(problem)
        found += [(each, cast(Format, format) or format_of(each.name)) for each in expand(name)]
    return found


def pair_rows(
    source: Source,
    decoding: Decoding,
    form: Format,
    *,
    numbers: bool = False,
    with_targets: bool = True,
    eager: bool = False,
) -> Iterator[PairRow]:
    """Yield the pairs of one source, in the order of its lines.

    Args:
        source: The source.
        decoding: How bytes become characters.
        form: Its format.
        numbers: As for ``read_pairs``.
        with_targets: As for ``read_pairs``; without, targets are empty.
        eager: Whether what a pipe holds comes out at once.

    Raises:
        DataError: A line is malformed, or a side of it is empty; names the file and the line.
    """
    lines = Lines(source, decoding, "pairs are", size=_BLOCK_BYTES, most=_LINES_AT_ONCE, eager=eager)
    if form != "tsv":
        reader = (CSV if form == "csv" else JSONL)(source.name, _COLUMNS if with_targets else _SOURCES)
        return _of_table(reader.rows(lines), source.name, numbers=numbers)
    if with_targets:
        return _tsv(lines, source.name, numbers=numbers)
    numbered = ((number, record.removesuffix("\r")) for number, record in lines.numbered())
    return ((number, line, "") for number, line in numbered if line.strip(" "))


def plain_lines(source: TextSource | Sequence[str], decoding: Decoding) -> tuple[list[Source], list[list[str]]]:
    """Return the files of one side, and of each its lines, blank ones too.

    Raises:
        DataError: A file is missing or malformed, or a corpus of pairs; names the file and the line.
    """
    parts = _side(source)
    return parts, [[record.removesuffix("\r") for _, record in _lines(each, decoding)] for each in parts]


def _lines(source: Source, decoding: Decoding) -> Iterator[tuple[int, str]]:
    return Lines(source, decoding, "pairs are", size=_BLOCK_BYTES, most=_LINES_AT_ONCE).numbered()


def _tsv(lines: Lines, name: str, *, numbers: bool) -> Iterator[PairRow]:
    first = True
    for number, record in lines.numbered():
        line = record.removesuffix("\r")
        if not line.strip(" \r"):
            continue
        cells = line.rsplit("\t", 1) if numbers else line.split("\t")
        if len(cells) != 2:
            problem = f"{len(cells)} columns, expected 2, source<TAB>target: pass two of them, as cut -f1,2 does"
            if len(cells) == 1:
                form = "numbers<TAB>text" if numbers else "source<TAB>target"
                problem = f"no tab on this line: the form is {form} (or pass the targets in a file apart)"
            raise DataError(problem, source=name, line=number)
        is_header = first and cells == [SOURCE_COLUMN, TARGET_COLUMN]
        first = False
        if not is_header:
            yield _checked(number, cells[0], cells[1], name)


def _of_table(rows: Iterator[Row], name: str, *, numbers: bool) -> Iterator[PairRow]:
    for row in rows:
        for what, value in zip((SOURCE_COLUMN, TARGET_COLUMN), row.wanted, strict=False):
            if not isinstance(value, str) and not (numbers and what == SOURCE_COLUMN):
                problem = f"the {what} is {json.dumps(value)[:_SHOWN]}: it must be a string"
                raise DataError(problem, source=name, line=row.line)
        yield _checked(row.line, row.wanted[0], row.wanted[1] if len(row.wanted) > 1 else None, name)


def _checked(line: int, source: Any, target: str | None, name: str) -> PairRow:
    """Return a pair of which no side is blank."""
    for what, text in ((SOURCE_COLUMN, source), (TARGET_COLUMN, target)):
        if isinstance(text, str) and not text.strip():
            raise DataError(f"the {what} is empty: drop the pair", source=name, line=line)
    return line, source, target or ""


def _names(source: TextSource | Sequence[str]) -> Sequence[Any]:
    several = isinstance(source, (list, tuple)) and all(isinstance(name, (str, os.PathLike)) for name in source)
    return cast(Sequence[Any], source) if several else [source]


def _side(side: TextSource | Sequence[str]) -> list[Source]:
    """Return the files of one side.

    Raises:
        DataError: One is missing, or a corpus of pairs.
    """
    names = _names(side)
    for name in names:
        if _is_corpus_of_pairs(name):
            raise DataError(f"{name} has both sides: do not pass the targets in a file apart")
    return [part for name in names for part in expand(name)]


def _both_sides(
    source: TextSource | Sequence[str], target: TextSource | Sequence[str]
) -> tuple[list[Source], list[Source]]:
    """Return the files of sources and those of targets, as many of each."""
    sources, targets = _side(source), _side(target)
    if len(sources) != len(targets):
        raise DataError(
            f"{len(sources)} files of sources and {len(targets)} of targets: expected as many of each",
            source=sources[0].name if sources else None,
        )
    if any(one.name == other.name == STDIN for one, other in itertools.product(sources, targets)):
        raise DataError("standard input cannot be both the sources and the targets", source=STDIN)
    return sources, targets


def _is_corpus_of_pairs(name: object) -> bool:
    if not isinstance(name, str) or not name.startswith(CATALOG_PREFIX):
        return False
    return catalog.entry(name.removeprefix(CATALOG_PREFIX).partition("/")[0]).format == "pairs"


def _beside(source: Source, target: Source, decoding: Decoding, notes: list[str]) -> Iterator[PairRow]:
    """Yield the pairs of two files, of which line n of one belongs to line n of the other."""
    sides = [_lines(each, decoding) for each in (source, target)]
    blank = 0
    for one, other in itertools.zip_longest(*sides):
        if one is None or other is None:
            number = (one or other)[0]
            counts = [number - 1, number + sum(1 for _ in sides[one is None])]
            if one is not None:
                counts.reverse()
            raise DataError(
                f"{counts[0]} lines, and {counts[1]} in {target.name}: expected the target of each source on the same "
                "line",
                source=source.name,
            )
        number, texts = one[0], (one[1].removesuffix("\r"), other[1].removesuffix("\r"))
        if not any(text.strip() for text in texts):
            blank += 1
            continue
        for what, text, each in zip((SOURCE_COLUMN, TARGET_COLUMN), texts, (source, target), strict=True):
            if not text.strip():
                raise DataError(f"the {what} is empty: drop the line from both files", source=each.name, line=number)
        yield number, texts[0], texts[1]
    if blank:
        notes.append(f"{source.name}: {blank} lines are blank here and in {target.name}, and were passed over")
