"""``nlmkit translate``: the best target of each source, with a sequence-to-sequence model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import (
    decoding_options,
    for_source,
    quiet_option,
    refuse_stdin_twice,
    text_column_options,
    threads_option,
)
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.cli.searching import check_search, given, search_arguments, search_options
from nlmkit.cli.text_arguments import text_argument
from nlmkit.core.kinds import kind_of
from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    from nlmkit.cli.translate_input import Block
    from nlmkit.cli.translate_rows import Finder, Writer
    from nlmkit.seq2seq.base import SequenceToSequence
    from nlmkit.text.marks import Marks

_HINTS: Final = {
    "language-model": ": use nlmkit generate for the next words",
    "classifier": ": use nlmkit classify",
    "regressor": ": use nlmkit predict",
    "tagger": ": use nlmkit tag",
}
_SEARCH: Final = search_options()
_SAMPLING: Final = ("temperature", "top_k", "top_p", "seed")
_OF_BOTH: Final = ("max_length", "allow_unk")  # options of search that are options of sampling too


def _search_options(function: Any) -> Any:
    for option in reversed(_SEARCH.values()):
        function = option(function)
    return function


def _sampling_options(function: Any) -> Any:
    for option in (
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            help="With --sample: seed; line i (from 0) has seed + i, or seed + i * N with --n-best N.  [default: 0]",
        ),
        click.option(
            "--top-p",
            type=float,
            help="With --sample: sample from the smallest set of most probable tokens that reaches this probability.",
        ),
        click.option("--top-k", type=int, help="With --sample: sample from this many most probable tokens."),
        click.option(
            "--temperature",
            type=float,
            help="With --sample: divisor of the log-probabilities; 0 always selects the most probable token.  "
            "[default: 1]",
        ),
        click.option(
            "--sample",
            is_flag=True,
            allow_from_autoenv=False,
            help="Sample targets in place of a search for the best.",
        ),
    ):
        function = option(function)
    return function


@click.command(
    "translate",
    cls=Command,
    epilog=examples(
        "nlmkit translate en-de test.en > test.de",
        "echo 'A dog runs .' | nlmkit translate en-de",
        "tail -f news.en | nlmkit translate en-de --json | jq -r .translation",
        "cut -f1 test.tsv | nlmkit translate en-de - --beam 10 --n-best 10 > n-best.tsv",
        "nlmkit translate en-de test.en --language-model kn5 --lm-weight 0.2",
        "echo 'A dog runs .' | nlmkit translate en-de --attention attention.png",
        "nlmkit translate en-de products.csv --column title > translated.tsv",
        "nlmkit translate captioner features.npy",
        "echo lion | nlmkit translate glosses --representation vectors --sample --n-best 5",
    ),
)
@click.argument("model")
@text_argument(typed=True)
@_search_options
@click.option(
    "--n-best",
    type=click.IntRange(min=1),
    metavar="N",
    allow_from_autoenv=False,
    help="Print the N best targets of each source as rows line, rank, score, log_prob, text.",
)
@click.option(
    "--no-header", is_flag=True, allow_from_autoenv=False, help="Omit the header line of --n-best and tables."
)
@click.option(
    "--json", "as_json", is_flag=True, allow_from_autoenv=False, help="Print one strict JSON object per source."
)
@_sampling_options
@click.option(
    "--attention",
    metavar="FILE",
    allow_from_autoenv=False,
    help="Draw the attention of the first target to its source, as .png, .svg or .pdf (requires matplotlib).",
)
@click.option(
    "--representation",
    metavar="MODEL",
    help="For models of vectors: each line is a word, looked up in this saved representation.",
)
@click.option(
    "--vector-key",
    metavar="NAME",
    help="For models of vectors: name of the array in a .npz or .safetensors file of several.",
)
@text_column_options
@decoding_options
@threads_option
@quiet_option
def command(
    *,
    model: str,
    texts: tuple[str, ...],
    n_best: int | None,
    no_header: bool,
    as_json: bool,
    sample: bool,
    attention: str | None,
    representation: str | None,
    vector_key: str | None,
    text_column: str | None,
    text_format: str | None,
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
    quiet: bool,
    **options: Any,
) -> None:
    r"""Translate each line of TEXT with the saved sequence-to-sequence model MODEL: one line out per line in.

    A text is a file, a directory, corpus:NAME (of pairs their sources), or `-` for standard input, which is also read
    where none is named. A line is a source as it is, not tokenized; a blank line is answered with a blank line. A line
    that comes through a pipe is answered at once.

    Of a model whose sources are vectors, TEXT is a .npy, .npz or .safetensors file with a source per row; or each line
    has the numbers of a vector, separated by tabs or spaces; or with --representation each line is a word.

    --n-best prints a row per target, and none for a blank line: line (from 1), rank, score (what search ranks by),
    log_prob (natural), text. --json has source, translation, tokens, log_prob and score, and with --n-best the list
    n_best (text, tokens, log_prob, score); a blank line has an empty translation. --sample prints samples, which have
    no score: rows of --n-best are line, sample, text, and the list in JSON is samples.

    With --text-column, TEXT is a table with a header. Then the first row names the columns, and each row carries the
    table's other columns along after the translation, called input_NAME where the name is taken; so does JSON.
    """
    refuse_stdin_twice(texts)
    column = choose_text_column(text_column, text_format)
    sampling = {name: options[name] for name in _SAMPLING if options[name] is not None}
    has_rows = (n_best is not None or column is not None) and not as_json
    _check(
        options, sampling, sample=sample, n_best=n_best, omits_header=no_header and not has_rows, attention=attention
    )
    inputs = [model, *texts, representation, options["language_model"]]
    if attention is not None:
        refuse_conflicts([Output("--attention", attention)], inputs)
        from nlmkit.plots.figure import check_plot

        check_plot(attention)
    from nlmkit.cli.kinds import part_of
    from nlmkit.cli.translate_input import text_blocks, vector_blocks
    from nlmkit.core.storage import load

    loaded: Any = load(model)
    if loaded.kind != "sequence-to-sequence":
        rest = _HINTS.get(loaded.kind, "")
        raise NlmkitError(f"{model}: {loaded.name} is a {loaded.kind}, expected a sequence-to-sequence model{rest}")
    if attention is not None and not loaded.has_attention:
        raise NlmkitError(f"{model}: {loaded.name} has no attention: omit --attention")
    marks = part_of(kind_of(type(loaded))).marks_or(marks)
    takes_vectors = loaded.takes == "vectors"
    pipeline = for_source(loaded.pipeline_ if takes_vectors else loaded.source_pipeline_, encoding, errors, marks)
    if takes_vectors:
        blocks = vector_blocks(texts, pipeline.decoding, representation, vector_key, column)
    elif representation is not None or vector_key is not None:
        flag = "--representation" if representation is not None else "--vector-key"
        raise click.UsageError(f"{flag}: the sources of {model} are texts")
    else:
        blocks = text_blocks(texts, pipeline, column)
    finder = _finder(options, sampling, sample=sample, n_best=n_best, attention=attention)
    has_source = not takes_vectors or representation is not None
    writer = _writer(
        sample=sample,
        n_best=n_best,
        as_json=as_json,
        header=not no_header,
        has_source=has_source,
        of_table=column is not None,
    )
    with progress(quiet=quiet or output.on_terminal()) as display:
        if display is not None:
            display.start("translating")
        _translate(loaded, blocks, finder, writer, display)
    if attention is not None and getattr(finder, "plot", None) is not None:
        output.note(f"{attention} is not drawn: expected a source with a target")


def _check(
    options: Mapping[str, Any],
    sampling: Mapping[str, Any],
    *,
    sample: bool,
    n_best: int | None,
    omits_header: bool,
    attention: str | None,
) -> None:
    """Raise an error for options that mean nothing beside the others.

    Raises:
        click.UsageError: There is one.
    """
    check_search(options)
    if not sample and sampling:
        raise click.UsageError(f"{_flags(sampling)} requires --sample")
    foreign = [name for name in given(options) if name not in _OF_BOTH]
    if sample and foreign:
        raise click.UsageError(f"{_flags(foreign)}: an option of search, which --sample replaces")
    if sample and attention is not None:
        raise click.UsageError("--attention draws the best target found by search: omit --sample")
    if omits_header:
        raise click.UsageError("--no-header requires --n-best or --text-column, without --json")
    beam = options["beam"]
    if n_best is not None and beam is not None and n_best > beam:
        raise click.UsageError(f"--n-best {n_best} requires a --beam of at least {n_best}")


def _flags(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)


def _finder(
    options: Mapping[str, Any], sampling: Mapping[str, Any], *, sample: bool, n_best: int | None, attention: str | None
) -> Finder:
    from nlmkit.cli.translate_rows import Sampling, Search

    if not sample:
        return Search(n_best or 1, search_arguments(options), attention)
    arguments = {name: value for name, value in sampling.items() if name != "seed"}
    arguments["allow_unk"] = bool(options["allow_unk"])
    if options["max_length"] is not None:
        arguments["max_tokens"] = options["max_length"]
    return Sampling(n_best or 1, sampling.get("seed", 0), arguments)


def _writer(
    *, sample: bool, n_best: int | None, as_json: bool, header: bool, has_source: bool, of_table: bool
) -> Writer:
    from nlmkit.cli.translate_rows import JsonWriter, LineWriter, RowWriter, TableWriter

    if as_json:
        every = None if n_best is None else "samples" if sample else "n_best"
        return JsonWriter(every=every, has_source=has_source, sampled=sample)
    if n_best is not None:
        return RowWriter(header=header, sampled=sample)
    return TableWriter(header=header) if of_table else LineWriter()


def _translate(
    model: SequenceToSequence, blocks: Iterator[Block], finder: Finder, writer: Writer, display: Any
) -> None:
    """Print the targets of each block, as soon as they are found."""
    for block in blocks:
        writer.write(block, finder.find(model, block, writer.lines) if block.places else iter(()))
        if display is not None:
            display.advance(len(block.lines))
