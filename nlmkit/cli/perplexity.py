"""``nlmkit perplexity``: the perplexity of text, as a report, by line or by token."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import decoding, decoding_options, json_option, quiet_option, refuse_stdin_twice
from nlmkit.cli.progress import progress
from nlmkit.cli.text_arguments import text_argument
from nlmkit.components import Context, LanguageModel
from nlmkit.errors import NotNormalizedError

if TYPE_CHECKING:
    from nlmkit.text import Corpus, TextPipeline

_LINE_COLUMNS = ("perplexity", "log_prob", "events", "oov", "text")
_TOKEN_COLUMNS = ("sentence", "position", "token", "log_prob", "surprisal_bits", "oov")
_BITS_PER_NAT = 1 / math.log(2)

Blocks = Iterable[tuple["Corpus", list[str]]]
Columns = dict[str, list[Any]]
"""The rows of a block, column by column."""


@click.command(
    "perplexity",
    cls=Command,
    epilog=examples(
        "nlmkit perplexity kn5 test.txt",
        "nlmkit perplexity kn5 test.txt --json",
        "zcat web.gz | nlmkit perplexity kn5 - --per-line | awk -F'\\t' '$1 < 200' | cut -f5-",
        "nlmkit perplexity kn5 test.txt --per-token > surprisal.tsv",
        "nlmkit perplexity kn5 - --per-token --format jsonl < test.txt",
    ),
)
@click.argument("model")
@text_argument()
@json_option
@click.option("--per-line", is_flag=True, allow_from_autoenv=False, help="One row for each line.")
@click.option("--per-token", is_flag=True, allow_from_autoenv=False, help="One row for each word and each </s>.")
@click.option(
    "--format",
    "--row-format",
    "row_format",
    type=click.Choice(["tsv", "jsonl"]),
    help="How rows are written.  [default: tsv]",
)
@click.option("--no-header", is_flag=True, help="Leave out the line with the names of the TSV columns.")
@click.option(
    "--context",
    type=click.Choice(["sentence", "stream"]),
    default="sentence",
    show_default=True,
    help="Whether the model starts afresh at each sentence or reads on. With stream, --per-line and --per-token read "
    "all text before the first row.",
)
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
    encoding: str | None,
    errors: str | None,
    quiet: bool,
) -> None:
    r"""Perplexity of TEXT under the saved language model MODEL.

    Several texts are one text. A text is a file, `-` for standard input, a directory, or corpus:NAME; it is read with
    the model's own tokenizer. Every word and one </s> a sentence is an event, never <s>; a blank line is an empty
    sentence.

    --per-line writes the columns perplexity, log_prob (natural), events, oov, text. The text is the line as it was;
    it may hold tabs, so it is the last column (all of it: cut -f5-). A line that comes through a pipe is answered at
    once.

    --per-token writes the columns sentence and position (both from 1), token, log_prob (natural), surprisal_bits,
    oov (0 or 1), and what the model adds (ngram: ngram_length). Control and bidirectional characters in a token are
    written \xNN or \uNNNN; --format jsonl has it unchanged.
    """
    if as_json + per_line + per_token > 1:
        raise click.UsageError("--json, --per-line and --per-token exclude each other")
    if not (per_line or per_token) and (row_format or no_header):
        raise click.UsageError("--format and --no-header need --per-line or --per-token")
    if row_format == "jsonl" and no_header:
        raise click.UsageError("--no-header needs --format tsv")

    refuse_stdin_twice(texts)
    from nlmkit.cli.texts import blocks, joined, load_language_model

    lm = load_language_model(model)
    if not lm.normalized:
        raise NotNormalizedError(
            f"{model}: the scores of this {lm.name} are no probability distribution, so they have no perplexity: "
            "use nlmkit score"
        )
    pipeline = decoding(lm.pipeline_, encoding, errors)
    if not (per_line or per_token):
        _report(lm, model, texts, pipeline, context, as_json=as_json, quiet=quiet)
        return
    parts: Blocks = blocks(texts, lm, pipeline)
    if context == "stream" or lm.adapts_to_test_text:  # what the model remembers must not end with a block
        parts = [joined(parts)]
    rows = _line_columns(lm, parts, context) if per_line else _token_columns(lm, parts, context)
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
    as_json: bool,
    quiet: bool,
) -> None:
    import dataclasses

    from nlmkit.cli.texts import for_model, read_texts

    with progress(quiet=quiet) as display:
        corpus = read_texts(texts, pipeline, display, "reading text")
        if display is not None:
            display.start("scoring")
        report = lm.report(for_model(corpus, lm), context=context)
    if corpus.pipeline is not None:
        report = dataclasses.replace(report, text_pipeline=pipeline.signature)
    if as_json:
        output.write_json(report.to_dict(model))
    else:
        output.write(report.render() + "\n")


def _line_columns(lm: LanguageModel, blocks: Blocks, context: Context) -> Iterator[Columns]:
    from nlmkit.reports import line_figures

    for corpus, lines in blocks:
        log_probs = lm.log_probs(corpus, context=context)
        figures = line_figures(log_probs, corpus.event_offsets, corpus.oov_mask(lm.vocabulary_))
        columns = (figures.perplexity, figures.log_prob, figures.events, figures.oov)
        yield dict(zip(_LINE_COLUMNS, [*(column.tolist() for column in columns), lines], strict=True))


def _token_columns(lm: LanguageModel, blocks: Blocks, context: Context) -> Iterator[Columns]:
    import numpy as np

    from nlmkit.text import EOS

    sentences = 0
    for corpus, _ in blocks:
        lengths = np.diff(corpus.event_offsets)
        is_word = np.ones(corpus.events, bool)
        is_word[corpus.event_offsets[1:] - 1] = False
        oov = np.zeros(corpus.events, bool)
        oov[is_word] = corpus.oov_mask(lm.vocabulary_)
        log_probs = lm.log_probs(corpus, context=context)
        columns = (
            np.repeat(np.arange(sentences + 1, sentences + 1 + corpus.sentences), lengths).tolist(),
            (np.arange(1, corpus.events + 1) - np.repeat(corpus.event_offsets[:-1], lengths)).tolist(),
            [token for index in range(corpus.sentences) for token in (*corpus.sentence(index), EOS)],
            log_probs.tolist(),
            (0.0 - log_probs * _BITS_PER_NAT).tolist(),
            oov.tolist(),
        )
        details = {name: values.tolist() for name, values in lm.event_details(corpus).items()}
        sentences += corpus.sentences
        yield dict(zip(_TOKEN_COLUMNS, columns, strict=True)) | details


def _write_tsv(blocks: Iterator[Columns], names: Sequence[str], *, header: bool) -> None:
    """Write rows as they come; ``names`` are the columns where there are no rows to tell them."""
    for columns in blocks:
        if header:
            output.write("\t".join(columns) + "\n")
            header = False
        cells = [_cells(name, values) for name, values in columns.items()]
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


def _write_jsonl(blocks: Iterator[Columns]) -> None:
    """Write one object a row, as they come."""
    for columns in blocks:
        rows = zip(*columns.values(), strict=True)
        output.write("".join(output.to_json(dict(zip(columns, row, strict=True))) + "\n" for row in rows))
        output.flush()
