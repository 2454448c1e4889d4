"""Reading the texts that a command is given, and the models that score them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nlmkit.core.notes import note
from nlmkit.core.progress import Progress
from nlmkit.core.storage import load
from nlmkit.errors import DataError
from nlmkit.language_models.base import LanguageModel
from nlmkit.text import Corpus, TextPipeline, stream_blocks
from nlmkit.text.columns import TableRows, TextColumn, looks_like_table, read_tables, stream_tables
from nlmkit.text.joining import joined
from nlmkit.text.sources import CORPUS_PREFIXES, STDIN, expand_names
from nlmkit.text.streamed import StreamedNames, StreamedText


def load_language_model(path: str) -> LanguageModel:
    """Return the saved model at ``path``, which must be a language model.

    Raises:
        SavedModelError: it is of another kind, or damaged.
        RegistryError: the package that it comes from is missing or broken.
    """
    return load(path, LanguageModel)


def read_texts(
    names: Sequence[str],
    pipeline: TextPipeline,
    progress: Progress | None,
    what: str,
    column: TextColumn | None = None,
) -> Corpus:
    """All texts as one corpus.

    Args:
        names: Paths, directories, ``-``, ``corpus:NAME``.
        pipeline: How to read them.
        progress: Is shown a stage for the reading.
        what: What the stage is called.
        column: Where the text is, if the texts are tables.

    Raises:
        DataError: a text is missing or unusable.
    """
    if column is not None:
        if progress is not None:
            progress.start(what)
        return read_tables(names, pipeline, column)
    note_tables(names)
    return Corpus.read_files(names, pipeline, progress=progress, stage=what)


def streamed_texts(names: Sequence[str], pipeline: TextPipeline, column: TextColumn | None = None) -> StreamedText:
    """All texts as one that is to be read in a stream; arguments and errors of ``read_texts``."""
    if column is None:
        note_tables(names)
    return StreamedText(StreamedNames(names, column), pipeline)


def note_tables(names: Sequence[str]) -> None:
    """Send a note for each file that is read as plain text and looks like a table."""
    for source in expand_names(name for name in names if name != STDIN and not name.startswith(CORPUS_PREFIXES)):
        if looks_like_table(source):
            note(
                f"{source.name} looks like a table but is read as plain lines, header and numbers included: set the "
                f"text column with --text-column"
            )


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """Consecutive lines of the texts.

    Attributes:
        corpus: The lines as the model reads them, one sentence each.
        lines: The raw text of each, without what else is on a table's row.
        records: What each was read from: the same, or a table's whole row.
        others: The other columns of a table by name; empty where the texts are no tables.
        header: The header of a table, as it was, in front of its first row; None elsewhere.
        source: What errors call the text; empty for tables.
        first_line: Number of the first line in it, from 1; 0 for tables.
    """

    corpus: Corpus
    lines: list[str]
    records: list[str]
    others: dict[str, list[Any]]
    header: str | None = None
    source: str = ""
    first_line: int = 0


def parts(names: Sequence[str], pipeline: TextPipeline, column: TextColumn | None = None) -> Iterator[Part]:
    """Yield the texts bit by bit, each line as soon as it is there.

    Args:
        names: Paths, directories, ``-``, ``corpus:NAME``.
        pipeline: How to read them.
        column: Where the text is, if the texts are tables.

    Raises:
        DataError: a text is missing or unusable, after the lines before the fault have come out.
    """
    if column is not None:
        for rows in stream_tables(names, pipeline.decoding, column):
            try:
                corpus = rows.corpus(pipeline)
            except DataError as error:
                if error.line is not None and (good := rows.before(error.line)).texts:
                    yield _part(good, good.corpus(pipeline))
                raise
            yield _part(rows, corpus)
        return
    for name in names:
        note_tables([name])  # not all of them first: a missing one is an error only after the rows before it
        for block in stream_blocks(name, pipeline):
            yield Part(block.corpus, block.lines, block.lines, {}, None, block.source, block.first_line)


def _part(rows: TableRows, corpus: Corpus) -> Part:
    return Part(corpus, rows.texts, rows.records, rows.others, rows.header)


def joined_parts(every: Iterable[Part]) -> Part:
    """All parts as one."""
    records: list[str] = []
    others: dict[str, list[Any]] = {}
    header: str | None = None

    def gather() -> Iterator[tuple[Corpus, list[str]]]:
        nonlocal header
        for part in every:
            header = part.header if header is None else header
            records.extend(part.records)
            for name, values in part.others.items():
                others.setdefault(name, []).extend(values)
            yield part.corpus, part.lines

    corpus, lines = joined(gather())
    return Part(corpus, lines, records, others, header)
