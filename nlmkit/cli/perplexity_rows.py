"""Rows of ``nlmkit perplexity``: figures per line and per token, and the lines that pass a filter."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, Protocol

from nlmkit.cli import output
from nlmkit.cli.carried import carried, carried_cell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.cli.line_filter import LineFilter
    from nlmkit.cli.texts import Part
    from nlmkit.language_models.base import Context, LanguageModel
    from nlmkit.language_models.report import LineFigures
    from nlmkit.text import Vocabulary

_LINE_COLUMNS = (
    "perplexity",
    "log_prob",
    "events",
    "oov",
    "perplexity_excluding_oov",
    "bits_per_character",
    "text",
)
_TOKEN_COLUMNS = ("sentence", "position", "token", "log_prob", "surprisal_bits", "oov")
_WORD_COLUMNS: tuple[str, ...] = ("sentence", "position", "word", "log_prob", "surprisal_bits", "tokens", "oov")
_BITS_PER_NAT = 1 / math.log(2)

Parts = Iterable["Part"]


class Scorer(Protocol):
    """What gives the events of a text their log-probabilities."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Vocabulary of the text."""
        ...

    def log_probs(self, part: Part) -> NDArray[np.float64]:
        """Return the natural log-probability of every event of ``part.corpus``: float64 [events]."""
        ...

    def log_probs_and_details(self, part: Part) -> tuple[NDArray[np.float64], Mapping[str, NDArray[Any]]]:
        """Return the same, and further facts per event by column."""
        ...

    def note_cheap_unknown(self, oov: int, words: int) -> None:
        """Send a note if ``<unk>`` is cheap, where a part with this many unknown words is the first with any."""


@dataclasses.dataclass(frozen=True)
class TextScorer:
    """Scorer of texts by a language model.

    Attributes:
        model: The model.
        context: ``sentence`` or ``stream``.
        threads: Number of threads.
    """

    model: LanguageModel
    context: Context
    threads: int = 1

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's vocabulary."""
        return self.model.vocabulary_

    def log_probs(self, part: Part) -> NDArray[np.float64]:
        """Return the natural log-probability of every event: float64 [events]."""
        options = self.model.threads_option(self.threads)
        return self.model.log_probs(part.corpus, context=self.context, **options)

    def log_probs_and_details(self, part: Part) -> tuple[NDArray[np.float64], Mapping[str, NDArray[Any]]]:
        """Return the same, and what the model adds."""
        options = self.model.threads_option(self.threads)
        return self.model.log_probs_and_details(part.corpus, context=self.context, **options)

    def note_cheap_unknown(self, oov: int, words: int) -> None:
        """Send a note if ``<unk>`` is cheap."""
        from nlmkit.language_models.unknown_words import note_cheap_unknown

        note_cheap_unknown(self.model, oov, words, share=0.0)


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Rows to write, column by column.

    Attributes:
        columns: The values of each column, in the order of the columns.
        carried: Names of those columns that come from the table that is read.
    """

    columns: dict[str, list[Any]]
    carried: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowForm:
    """What is written of a text.

    Attributes:
        per_line: Whether to write rows of lines.
        per_token: Whether to write rows of tokens.
        per_word: Whether to write rows of words.
        as_json: Whether rows are JSON, or else TSV.
        header: Whether TSV begins with the names of the columns.
    """

    per_line: bool
    per_token: bool
    as_json: bool
    header: bool
    per_word: bool = False

    @property
    def has_rows(self) -> bool:
        """Whether rows are written."""
        return self.per_line or self.per_token or self.per_word


def write_rows(scorer: Scorer, read: Parts, line_filter: LineFilter, form: RowForm) -> None:
    """Write a row per line that passes, or per token; or the lines that pass, where no rows are asked for."""
    if not form.has_rows:
        _write_passing(scorer, read, line_filter)
        return
    if form.per_word:
        rows, names = _word_rows(scorer, read), _WORD_COLUMNS
    elif form.per_line:
        rows, names = _line_rows(scorer, read, line_filter), _LINE_COLUMNS
    else:
        rows, names = _token_rows(scorer, read), _TOKEN_COLUMNS
    if form.as_json:
        _write_jsonl(rows)
    else:
        _write_tsv(rows, names, header=form.header)


def _figures(scorer: Scorer, read: Parts, line_filter: LineFilter) -> Iterator[tuple[Part, LineFigures]]:
    """Yield the figures of each part's lines; where ``<unk>`` is cheap, a note with the first unknown word."""
    from nlmkit.language_models.report import line_figures
    from nlmkit.text.joining import line_lengths

    noted = line_filter.max_oov is not None  # which is what the note would advise
    for part in read:
        log_probs = scorer.log_probs(part)
        oov = part.corpus.oov_events(scorer.vocabulary)
        figures = line_figures(log_probs, part.corpus.event_offsets, oov, line_lengths(part.lines))
        if not noted and oov.any():
            scorer.note_cheap_unknown(int(oov.sum()), part.corpus.tokens)
            noted = True
        yield part, figures


def _write_passing(scorer: Scorer, read: Parts, line_filter: LineFilter) -> None:
    """Write the lines that pass as they were, after the header of a table."""
    header_due = True
    for part, figures in _figures(scorer, read, line_filter):
        passed = [line for line, passes in zip(part.records, line_filter.passes(figures), strict=True) if passes]
        if part.header is not None and header_due:
            passed.insert(0, part.header)
            header_due = False
        output.write("".join(f"{output.for_terminal(line)}\n" for line in passed))
        output.flush()


def _line_rows(scorer: Scorer, read: Parts, line_filter: LineFilter) -> Iterator[_Rows]:
    for part, figures in _figures(scorer, read, line_filter):
        assert figures.bits_per_character is not None
        values = [
            figures.perplexity,
            figures.log_prob,
            figures.events,
            figures.oov,
            figures.perplexity_excluding_oov,
            figures.bits_per_character,
        ]
        columns: dict[str, list[Any]] = dict(zip(_LINE_COLUMNS, (each.tolist() for each in values), strict=False))
        others = carried(part.others, _LINE_COLUMNS)
        columns |= others | {"text": part.lines}
        if line_filter.is_given:
            passes = line_filter.passes(figures).tolist()
            columns = {name: list(compress(each, passes)) for name, each in columns.items()}
        yield _Rows(columns, frozenset(others))


def _token_rows(scorer: Scorer, read: Parts) -> Iterator[_Rows]:
    import numpy as np

    from nlmkit.text import EOS

    sentences = 0
    for part in read:
        corpus = part.corpus
        lengths = np.diff(corpus.event_offsets)
        log_probs, details = scorer.log_probs_and_details(part)
        values = (
            np.repeat(np.arange(sentences + 1, sentences + 1 + corpus.sentences), lengths).tolist(),
            (np.arange(1, corpus.events + 1) - np.repeat(corpus.event_offsets[:-1], lengths)).tolist(),
            [token for index in range(corpus.sentences) for token in (*corpus.sentence(index), EOS)],
            log_probs.tolist(),
            (0.0 - log_probs * _BITS_PER_NAT).tolist(),
            corpus.oov_events(scorer.vocabulary).tolist(),
        )
        columns: dict[str, list[Any]] = dict(zip(_TOKEN_COLUMNS, values, strict=True))
        columns |= {name: each.tolist() for name, each in details.items()}
        rows = np.repeat(np.arange(corpus.sentences), lengths).tolist()
        others = {
            name: [each[row] for row in rows] for name, each in carried(part.others, [*_LINE_COLUMNS, *columns]).items()
        }
        sentences += corpus.sentences
        yield _Rows(columns | others, frozenset(others))


def _word_rows(scorer: Scorer, read: Parts) -> Iterator[_Rows]:
    from nlmkit.language_models.word_surprisal import surprisals_of_lines

    sentences = 0
    for part in read:
        corpus = part.corpus
        assert corpus.pipeline is not None
        oov = corpus.oov_events(scorer.vocabulary)
        found = surprisals_of_lines(
            part.lines, corpus, scorer.log_probs(part), oov, pipeline=corpus.pipeline, first=sentences + 1
        )
        rows = (found.sentences - sentences - 1).tolist()
        taken = [*_WORD_COLUMNS, *_LINE_COLUMNS]
        others = {name: [each[row] for row in rows] for name, each in carried(part.others, taken).items()}
        sentences += corpus.sentences
        yield _Rows(found.columns() | others, frozenset(others))


def _write_tsv(blocks: Iterator[_Rows], names: Sequence[str], *, header: bool) -> None:
    """Write rows as they come; ``names`` are the columns if there is not a row."""
    for rows in blocks:
        if header:
            output.write("\t".join(map(output.escape_controls, rows.columns)) + "\n")
            header = False
        cells = [
            map(carried_cell, values) if name in rows.carried else _cells(name, values)
            for name, values in rows.columns.items()
        ]
        output.write("".join("\t".join(row) + "\n" for row in zip(*cells, strict=True)))
        output.flush()
    if header:
        output.write("\t".join(names) + "\n")


def _cells(name: str, values: list[Any]) -> Iterator[str]:
    if name in ("token", "word"):
        return map(output.escape_controls, values)
    if name == "text":  # as it was, since a filter wants it back, but where it could drive a terminal
        return map(output.escape_controls, values) if output.on_terminal() else iter(values)
    first = values[0] if values else None
    if isinstance(first, float):
        return map(output.number, values)
    return map(str, map(int, values) if isinstance(first, bool) else values)


def _write_jsonl(blocks: Iterator[_Rows]) -> None:
    """Write one object per row, as they come."""
    for rows in blocks:
        columns = rows.columns
        each = zip(*columns.values(), strict=True)
        output.write("".join(output.to_json(dict(zip(columns, row, strict=True))) + "\n" for row in each))
        output.flush()
