"""Trees of a file or pipe, some at a time, each as soon as it is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast

import numpy as np

from nlmkit.errors import DataError
from nlmkit.text.decoding import Decoding
from nlmkit.text.marks import without_nul
from nlmkit.text.rows import Lines
from nlmkit.text.sources import Source
from nlmkit.text.tree_brackets import BracketReader, unescaped
from nlmkit.text.tree_columns import TreeColumns
from nlmkit.text.tree_dependencies import add_sentence, conllu_sentences
from nlmkit.text.tree_reading import TreeFormat, check_marks, sources_with_formats
from nlmkit.text.trees import LabelledTrees

_BLOCK_BYTES: Final = 1 << 18
_TREES_AT_ONCE: Final = 256


def stream_trees(names: Sequence[str], decoding: Decoding, format: str | None = None) -> Iterator[LabelledTrees]:
    """Read trees bit by bit; from a pipe each one comes out when it is complete.

    Args:
        names: Paths, directories, ``-``, ``corpus:NAME``.
        decoding: How bytes become characters.
        format: ``brackets`` or ``conllu``; by default that of each file's name.

    Raises:
        DataError: A source is missing or malformed, after the trees before the fault have come out.
        HyperParameterError: The format is unknown, or marks are to be skipped.
    """
    check_marks(decoding)
    for name in names:  # a missing one is an error only after the trees before it
        for source, form in sources_with_formats(name, format):
            yield from _stream(source, form, decoding)


def _stream(source: Source, form: TreeFormat, decoding: Decoding) -> Iterator[LabelledTrees]:
    lines = Lines(source, decoding, "trees are", size=_BLOCK_BYTES, most=_TREES_AT_ONCE, eager=True)
    batch = _Batch(source.name, form, decoding)
    try:
        for is_whole in batch.fill(lines):
            if is_whole and batch.lines and (not lines.has_waiting or len(batch.lines) >= _TREES_AT_ONCE):
                yield batch.taken()
    except DataError:
        if batch.columns.ends:
            yield batch.taken()
        raise
    if batch.lines:
        yield batch.taken()


class _Batch:
    """Trees of one source that were read and not handed out yet.

    Attributes:
        columns: Their nodes.
        lines: Line on which each begins.
    """

    def __init__(self, name: str, form: TreeFormat, decoding: Decoding) -> None:
        self._name, self._form, self._decoding = name, form, decoding
        self._reset()

    def _reset(self) -> None:
        self.columns = TreeColumns(self._decoding.marks, unescaped if self._form == "brackets" else str)
        self._reader = BracketReader(self.columns, self._name)
        self.lines: list[int] = self._reader.lines

    def fill(self, lines: Lines) -> Iterator[bool]:
        """Read a source to its end; yield after each step whether only complete trees were read."""
        if self._form == "conllu":
            for sentence in conllu_sentences(self._numbered(lines), self._name):
                add_sentence(self.columns, sentence, self._name)
                self.lines.append(cast(int, sentence.lines[0]))
                yield True
            return
        for number, text in self._numbered(lines):
            self._reader.line(text, number)
            yield not self._reader.is_open
        self._reader.end()

    def _numbered(self, lines: Lines) -> Iterator[tuple[int, str]]:
        for number, text in lines.numbered():
            marks = self._decoding.marks
            yield number, text if marks == "error" else cast(str, without_nul(text, marks))

    def taken(self) -> LabelledTrees:
        """Return the trees that are complete, and forget them."""
        complete = len(self.columns.ends)
        made = LabelledTrees(
            **self.columns.nodes()._asdict(),
            form="dependency" if self._form == "conllu" else "constituency",
            source=self._name,
            lines=np.array(self.lines[:complete], np.int64),
            decoding=self._decoding,
        )
        self._reset()
        return made
