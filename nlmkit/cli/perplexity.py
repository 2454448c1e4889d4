"""``nlmkit perplexity``: the perplexity of text, as a report, per line or per token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.line_filter import LineFilter, filter_options
from nlmkit.cli.options import (
    decoding_options,
    for_source,
    json_option,
    quiet_option,
    refuse_stdin_twice,
    refuse_workers,
    scoring_workers_option,
    text_column_options,
    threads_option,
)
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.pairs import PairFiles, side_options
from nlmkit.cli.perplexity_rows import RowForm
from nlmkit.cli.progress import progress
from nlmkit.cli.text_arguments import text_argument
from nlmkit.errors import NotNormalizedError
from nlmkit.language_models.base import Context, LanguageModel

if TYPE_CHECKING:
    from nlmkit.cli.texts import Part
    from nlmkit.text import TextPipeline
    from nlmkit.text.columns import TextColumn
    from nlmkit.text.marks import Marks


@click.command(
    "perplexity",
    cls=Command,
    epilog=examples(
        "nlmkit perplexity kn5 test.txt",
        "nlmkit perplexity kn5 test.txt --json",
        "nlmkit perplexity kn5 web.txt --workers 4",
        "zcat web.gz | nlmkit perplexity kn5 - --max-perplexity 200 --max-oov 0.2 > clean.txt",
        "nlmkit perplexity kn5 test.txt --per-line | sort -g | cut -f1,7-",
        "nlmkit perplexity kn5 test.txt --per-token > surprisal.tsv",
        "nlmkit perplexity kn5 - --per-token --format jsonl < test.txt",
        "nlmkit perplexity kn5 stimuli.tsv --text-column sentence --per-line",
        "nlmkit perplexity subwords stimuli.tsv --text-column sentence --per-word > surprisal.tsv",
        "nlmkit perplexity en-de test.tsv",
        "nlmkit perplexity en-de --source web.en --target web.de --max-perplexity 50 > clean.tsv",
    ),
)
@click.argument("model")
@text_argument(required=False)
@json_option
@click.option("--per-line", is_flag=True, allow_from_autoenv=False, help="Print one row per line.")
@click.option("--per-token", is_flag=True, allow_from_autoenv=False, help="Print one row per word and per </s>.")
@click.option(
    "--per-word",
    "--words",
    "per_word",
    is_flag=True,
    allow_from_autoenv=False,
    help="Print one row per word between white space and per </s>, with the surprisal of its tokens summed up.",
)
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
@side_options
@text_column_options
@decoding_options
@scoring_workers_option
@threads_option
@quiet_option
def command(
    *,
    model: str,
    texts: tuple[str, ...],
    as_json: bool,
    per_line: bool,
    per_token: bool,
    per_word: bool,
    row_format: str | None,
    no_header: bool,
    context: Context,
    line_filter: LineFilter,
    sides: dict[str, Any],
    text_column: str | None,
    text_format: str | None,
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
    workers: int | None,
    quiet: bool,
) -> None:
    r"""Compute the perplexity of TEXT under the saved language model MODEL, or of targets under a conditional one.

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

    --per-word writes the columns sentence and position (both from 1), word, log_prob (natural), surprisal_bits, tokens,
    oov. Words are what white space separates in the line; the surprisal of a word is the sum over the model's tokens in
    it, and tokens has their number. A token belongs to the word with its first character that is not white space, a
    token of white space alone to the word after it, or to </s>. The space in front of a word of subwords is part of
    that word.

    --max-perplexity and --max-oov make a filter: the lines that pass are written as they were, in UTF-8, and nothing
    else; with --per-line their rows. A blank line is judged by the perplexity of its </s>, and has no OOV word.

    With --text-column, TEXT is a table with a header. --per-line, --per-token and --per-word carry its other columns
    along, before the text or at the end, called input_NAME where the name is taken; a filter passes the header and
    whole rows.

    Of a sequence-to-sequence model the perplexity is that of targets, given their sources. TEXT has pairs,
    source<TAB>target per line (or CSV or JSONL), or options name a file per side, or vectors as sources. Rows are those
    of the targets, and carry the source along; a filter writes the pairs that pass as source<TAB>target. All pairs are
    read before the first row.
    """
    if as_json + per_line + per_token + per_word > 1:
        raise click.UsageError("--json, --per-line, --per-token and --per-word exclude each other")
    if line_filter.is_given and (as_json or per_token or per_word):
        raise click.UsageError(
            "--max-perplexity and --max-oov print whole lines: omit --json, --per-token and --per-word"
        )
    if not (per_line or per_token or per_word) and (row_format or no_header):
        raise click.UsageError("--format and --no-header require --per-line, --per-token or --per-word")
    if row_format == "jsonl" and no_header:
        raise click.UsageError("--no-header requires --format tsv")

    files = PairFiles.of_options(texts, sides, format=text_format).or_standard_input("TEXT")
    refuse_stdin_twice(files.inputs)
    form = RowForm(
        per_line=per_line,
        per_token=per_token,
        per_word=per_word,
        as_json=row_format == "jsonl",
        header=not no_header,
    )
    from nlmkit.core.storage import describe

    kind = describe(model)["kind"]
    if kind == "sequence-to-sequence":
        unused = {
            "--per-word": per_word,
            "--text-column": text_column is not None,
            f"--context {context}": context != "sentence",
            "--workers": workers is not None,
        }
        for flag in (flag for flag, is_given in unused.items() if is_given):
            raise click.UsageError(f"{flag} does not apply to a {kind} model, which {model} is")
        from nlmkit.cli.perplexity_pairs import score_pairs

        score_pairs(
            model,
            files,
            line_filter,
            form,
            encoding=encoding,
            errors=errors,
            marks=marks,
            as_json=as_json,
            quiet=quiet,
        )
        return
    files.refuse_sides(f"{model} is a {kind}")
    texts = files.files
    column = choose_text_column(text_column, text_format)
    from nlmkit.cli.perplexity_rows import TextScorer, write_rows
    from nlmkit.cli.texts import joined_parts, load_language_model, parts

    lm = load_language_model(model)
    refuse_workers(workers, model, lm)
    if not lm.normalized:
        raise NotNormalizedError(
            f"{model}: scores of {lm.name} are not probabilities and have no perplexity: use nlmkit score"
        )
    pipeline = for_source(lm.pipeline_, encoding, errors, marks)
    if not (form.has_rows or line_filter.is_given):
        _report(lm, model, texts, pipeline, context, threads=workers or 1, column=column, as_json=as_json, quiet=quiet)
        return
    read: Iterable[Part] = parts(texts, pipeline, column)
    if context == "stream" or lm.adapts_to_test_text:  # what the model remembers must not end with a block
        read = [joined_parts(read)]
    write_rows(TextScorer(lm, context, workers or 1), read, line_filter, form)


def _report(
    lm: LanguageModel,
    model: str,
    texts: tuple[str, ...],
    pipeline: TextPipeline,
    context: Context,
    *,
    threads: int,
    column: TextColumn | None,
    as_json: bool,
    quiet: bool,
) -> None:
    from nlmkit.cli.texts import read_texts

    with progress(quiet=quiet) as display:
        corpus = read_texts(texts, pipeline, display, "reading text", column)
        if display is not None:
            display.start("scoring")
        report = lm.report(corpus, context=context, threads=threads)
    if as_json:
        output.write_json(report.to_dict(model))
    else:
        output.write(report.render() + "\n")
