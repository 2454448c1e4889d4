"""Reading of trees: sources and formats."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import catalog
from nlmkit.text.columns import suffix_of
from nlmkit.text.decoding import Decoding
from nlmkit.text.marks import without_nul
from nlmkit.text.rows import decoded
from nlmkit.text.sources import CATALOG_PREFIX, ByteSource, Source, TextSource, expand
from nlmkit.text.tree_brackets import BracketReader, unescaped
from nlmkit.text.tree_columns import Nodes, TreeColumns
from nlmkit.text.tree_dependencies import add_sentence, conllu_sentences

TreeFormat = Literal["brackets", "conllu"]
FORMATS: Final = get_args(TreeFormat)

_BLOCK_BYTES: Final = 1 << 20
_LINES_AT_ONCE: Final = 4096


class ReadTrees(NamedTuple):
    """What was read; see the attributes of ``LabelledTrees``."""

    nodes: Nodes
    form: Literal["constituency", "dependency"]
    source: str
    lines: NDArray[np.int64] | None


def read_trees(source: TextSource | Sequence[str], decoding: Decoding, format: str | None) -> ReadTrees:
    """Read trees; arguments and errors are as for ``LabelledTrees.read``."""
    check_marks(decoding)
    parts = sources_with_formats(source, format)
    form = parts[0][1]
    columns = TreeColumns(decoding.marks, unescaped if form == "brackets" else str)
    lines: list[int] = []
    for each, other in parts:
        if other != form:
            problem = f"the format is {other}, and that of {parts[0][0].name} is {form}: read them apart"
            raise DataError(problem, source=each.name)
        before = len(lines)
        lines += _add_source(columns, each, form, decoding)
        if len(lines) == before:
            raise DataError("no trees", source=each.name)
    return ReadTrees(
        columns.nodes(),
        "constituency" if form == "brackets" else "dependency",
        ", ".join(dict.fromkeys(each.name for each, _ in parts)),
        np.array(lines, np.int64) if len(parts) == 1 else None,
    )


def check_marks(decoding: Decoding) -> None:
    """Raise if words are to be skipped.

    Raises:
        HyperParameterError: They are.
    """
    if decoding.marks == "skip":
        raise HyperParameterError("marks must be error or literal for trees: a node cannot lose its word")


def _add_source(columns: TreeColumns, source: Source, form: TreeFormat, decoding: Decoding) -> Iterator[int]:
    """Append the trees of a source, and yield the line on which each begins."""
    numbered = _numbered(source, decoding)
    if form == "conllu":
        for sentence in conllu_sentences(numbered, source.name):
            add_sentence(columns, sentence, source.name)
            yield cast(int, sentence.lines[0])
        return
    reader = BracketReader(columns, source.name)
    for number, line in numbered:
        reader.line(line, number)
    reader.end()
    yield from reader.lines


def _numbered(source: Source, decoding: Decoding) -> Iterator[tuple[int, str]]:
    number = 0
    for block in decoded(source, decoding, "trees are", size=_BLOCK_BYTES, most=_LINES_AT_ONCE):
        text = block if decoding.marks == "error" else cast(str, without_nul(block, decoding.marks))
        for line in text.split("\n")[:-1]:
            number += 1
            yield number, line


def sources_with_formats(source: TextSource | Sequence[str], format: str | None) -> list[tuple[Source, TreeFormat]]:
    """Return the sources that are meant, each with its format.

    Raises:
        DataError: A source is missing, or a corpus of the catalogue that has no trees.
        HyperParameterError: The format is unknown.
    """
    if format is not None and format not in FORMATS:
        raise HyperParameterError(
            f"the format of trees must be one of {', '.join(FORMATS)}, not {format!r}{suggestion(format, FORMATS)}"
        )
    every: Sequence[Any] = source if isinstance(source, (list, tuple)) else ()
    several = bool(every) and all(isinstance(name, (str, os.PathLike)) and not _is_bracketed(name) for name in every)
    names: Sequence[Any] = every if several else [source]
    return [part for name in names for part in _parts(name, format)]


def _parts(source: TextSource, format: str | None) -> list[tuple[Source, TreeFormat]]:
    chosen = cast("TreeFormat | None", format)
    if isinstance(source, str) and source.startswith(CATALOG_PREFIX):
        entry, files = catalog.locate(source.removeprefix(CATALOG_PREFIX))
        if entry.format == "trees":
            return [(ByteSource(str(file), source, path=file), chosen or _format_of(str(file))) for file in files]
        if format is None:
            raise DataError(f"{source} has no trees, it is a corpus for {entry.task}")
    if _is_bracketed(source):
        raise DataError("one tree was given as the source: pass a list of trees, or use LabelledTrees.from_strings")
    return [(each, chosen or _format_of(each.name)) for each in expand(source)]


def _is_bracketed(name: object) -> bool:
    """Return whether a string is a tree, and not the name of a file."""
    return isinstance(name, str) and name.lstrip().startswith("(") and not os.path.exists(name)


def _format_of(name: str) -> TreeFormat:
    return "conllu" if suffix_of(name) == ".conllu" else "brackets"
