"""``nlmkit perplexity``: the perplexity of text, as a report, per line or per token."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.carried import carried, carried_cell
from nlmkit.cli.group import Command, examples
from nlmkit.cli.line_filter import LineFilter, filter_options
from nlmkit.cli.options import (
    decoding_options,
    for_source,
    json_option,
    quiet_option,
    refuse_stdin_twice,
    text_column_options,
)
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.progress import progress
from nlmkit.cli.text_arguments import text_argument
from nlmkit.errors import NotNormalizedError
from nlmkit.language_models.base import Context, LanguageModel

if TYPE_CHECKING:
    from nlmkit.cli.texts import Part
    from nlmkit.language_models.report import LineFigures
    from nlmkit.text import TextPipeline
    from nlmkit.text.columns import TextColumn
    from nlmkit.text.marks import Marks

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
_BITS_PER_NAT = 1 / math.log(2)

Parts = Iterable["Part"]


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Rows to write, column by column.

    Attributes:
        columns: The values of each column, in the order of the columns.
        carried: Names of those columns that come from the table that is read.
    """

    columns: dict[str, list[Any]]
    carried: frozenset[str] = frozenset()


@click.command(
    "perplexity",
    cls=Command,
    epilog=examples(
        "nlmkit perplexity kn5 test.txt",
        "nlmkit perplexity kn5 test.txt --json",
        "zcat web.gz | nlmkit perplexity kn5 - --max-perplexity 200 --max-oov 0.2 > clean.txt",
        "nlmkit perplexity kn5 test.txt --per-line | sort -g | cut -f1,7-",
        "nlmkit perplexity kn5 test.txt --per-token > surprisal.tsv",
        "nlmkit perplexity kn5 - --per-token --format jsonl < test.txt",
        "nlmkit perplexity kn5 stimuli.tsv --text-column sentence --per-line",
    ),
)
@click.argument("model")
@text_argument()
@json_option
@click.option("--per-line", is_flag=True, allow_from_autoenv=False, help="Print one row per line.")
@click.option("--per-token", is_flag=True, allow_from_autoenv=False, help="Print one row per word and per </s>.")
@click.option(
    "--format",
    "--row-format",
    "row_format",
    type=click.Choice(["tsv", "jsonl"]),
    help="Format of the rows.  [default: tsv]",
)
@click.option("--no-header", is_flag=True, help="Omit the header line of TSV.")
@click.option(
    "--context",
    type=click.Choice(["sentence", "stream"]),
    default="sentence",
    show_default=True,
    help="Context: reset the model at each sentence (sentence) or keep reading (stream). With stream, --per-line and "
    "--per-token read "
    "all text before the first row.",
)
@filter_options
@text_column_options
@decoding_options
@quiet_option
def command(
    *,
    model: str,
    texts: tuple[str, ...],
    as_json: bool,
    per_line: bool,
    per_token: bool,
    row_format: str | None,
    no_header: bool,
    context: Context,
    line_filter: LineFilter,
    text_column: str | None,
    text_format: str | None,
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
    quiet: bool,
) -> None:
    r"""Compute the perplexity of TEXT under the saved language model MODEL.

    Several texts are one text. A text is a file, `-` for standard input, a directory, or corpus:NAME; it is read with
    the model's own tokenizer. Every word and one </s> per sentence is an event, never <s>; a blank line is an empty
    sentence.

    --per-line writes the columns perplexity, log_prob (natural), events, oov, perplexity_excluding_oov,
    bits_per_character, text. The text is the line as it was; it may hold tabs, so it is the last column (all of it:
    cut -f7-). A line that comes through a pipe is answered at once.

    --per-token writes the columns sentence and position (both from 1), token, log_prob (natural), surprisal_bits,
    oov (0 or 1), and what the model adds (ngram: ngram_length). Control and bidirectional characters in a token are
    written \xNN or \uNNNN; --format jsonl has it unchanged. A backward model predicts each token from those after it,
    and </s>, which has the last row of its sentence, from all of them.

    --max-perplexity and --max-oov make a filter: the lines that pass are written as they were, in UTF-8, and nothing
    else; with --per-line their rows. A blank line is judged by the perplexity of its </s>, and has no OOV word.

    With --text-column, TEXT is a table with a header. --per-line and --per-token carry its other columns along, before
    the text or at the end, called input_NAME where the name is taken; a filter passes the header and whole rows.
    """
    if as_json + per_line + per_token > 1:
        raise click.UsageError("--json, --per-line and --per-token exclude each other")
    if line_filter.is_given and (as_json or per_token):
        raise click.UsageError("--max-perplexity and --max-oov print whole lines: omit --json and --per-token")
    if not (per_line or per_token) and (row_format or no_header):
        raise click.UsageError("--format and --no-header require --per-line or --per-token")
    if row_format == "jsonl" and no_header:
        raise click.UsageError("--no-header requires --format tsv")

    refuse_stdin_twice(texts)
    column = choose_text_column(text_column, text_format)
    from nlmkit.cli.texts import joined_parts, load_language_model, parts

    lm = load_language_model(model)
    if not lm.normalized:
        raise NotNormalizedError(
            f"{model}: scores of {lm.name} are not probabilities and have no perplexity: use nlmkit score"
        )
    pipeline = for_source(lm.pipeline_, encoding, errors, marks)
    if not (per_line or per_token or line_filter.is_given):
        _report(lm, model, texts, pipeline, context, column=column, as_json=as_json, quiet=quiet)
        return
    read: Parts = parts(texts, pipeline, column)
    if context == "stream" or lm.adapts_to_test_text:  # what the model remembers must not end with a block
        read = [joined_parts(read)]
    if line_filter.is_given and not per_line:
        _write_passing(lm, read, context, line_filter)
        return
    rows = _line_rows(lm, read, context, line_filter) if per_line else _token_rows(lm, read, context)
    if row_format == "jsonl":
        _write_jsonl(rows)
    else:
        _write_tsv(rows, _LINE_COLUMNS if per_line else _TOKEN_COLUMNS, header=not no_header)


def _report(
    lm: LanguageModel,
    model: str,
    texts: tuple[str, ...],
    pipeline: TextPipeline,
    context: Context,
    *,
    column: TextColumn | None,
    as_json: bool,
    quiet: bool,
) -> None:
    from nlmkit.cli.texts import read_texts

    with progress(quiet=quiet) as display:
        corpus = read_texts(texts, pipeline, display, "reading text", column)
        if display is not None:
            display.start("scoring")
        report = lm.report(corpus, context=context)
    if as_json:
        output.write_json(report.to_dict(model))
    else:
        output.write(report.render() + "\n")


def _figures(
    lm: LanguageModel, read: Parts, context: Context, line_filter: LineFilter
) -> Iterator[tuple[Part, LineFigures]]:
    """Yield the figures of each part's lines; where ``<unk>`` is cheap, a note with the first unknown word."""
    from nlmkit.language_models.report import line_figures
    from nlmkit.language_models.unknown_words import note_cheap_unknown
    from nlmkit.text.joining import line_lengths

    noted = line_filter.max_oov is not None  # which is what the note would advise
    for part in read:
        log_probs = lm.log_probs(part.corpus, context=context)
        oov = part.corpus.oov_events(lm.vocabulary_)
        figures = line_figures(log_probs, part.corpus.event_offsets, oov, line_lengths(part.lines))
        if not noted and oov.any():
            note_cheap_unknown(lm, int(oov.sum()), part.corpus.tokens, share=0.0)
            noted = True
        yield part, figures


def _write_passing(lm: LanguageModel, read: Parts, context: Context, line_filter: LineFilter) -> None:
    """Write the lines that pass as they were, after the header of a table."""
    header_due = True
    for part, figures in _figures(lm, read, context, line_filter):
        passed = [line for line, passes in zip(part.records, line_filter.passes(figures), strict=True) if passes]
        if part.header is not None and header_due:
            passed.insert(0, part.header)
            header_due = False
        output.write("".join(f"{output.for_terminal(line)}\n" for line in passed))
        output.flush()


def _line_rows(lm: LanguageModel, read: Parts, context: Context, line_filter: LineFilter) -> Iterator[_Rows]:
    for part, figures in _figures(lm, read, context, line_filter):
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


def _token_rows(lm: LanguageModel, read: Parts, context: Context) -> Iterator[_Rows]:
    import numpy as np

    from nlmkit.text import EOS

    sentences = 0
    for part in read:
        corpus = part.corpus
        lengths = np.diff(corpus.event_offsets)
        log_probs, details = lm.log_probs_and_details(corpus, context=context)
        values = (
            np.repeat(np.arange(sentences + 1, sentences + 1 + corpus.sentences), lengths).tolist(),
            (np.arange(1, corpus.events + 1) - np.repeat(corpus.event_offsets[:-1], lengths)).tolist(),
            [token for index in range(corpus.sentences) for token in (*corpus.sentence(index), EOS)],
            log_probs.tolist(),
            (0.0 - log_probs * _BITS_PER_NAT).tolist(),
            corpus.oov_events(lm.vocabulary_).tolist(),
        )
        columns: dict[str, list[Any]] = dict(zip(_TOKEN_COLUMNS, values, strict=True))
        columns |= {name: each.tolist() for name, each in details.items()}
        rows = np.repeat(np.arange(corpus.sentences), lengths).tolist()
        others = {
            name: [each[row] for row in rows] for name, each in carried(part.others, [*_LINE_COLUMNS, *columns]).items()
        }
        sentences += corpus.sentences
        yield _Rows(columns | others, frozenset(others))


def _write_tsv(blocks: Iterator[_Rows], names: Sequence[str], *, header: bool) -> None:
    """Write rows as they come; ``names`` are the columns where there are no rows to tell them."""
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
    if name == "token":
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
