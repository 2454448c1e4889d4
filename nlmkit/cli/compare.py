"""``nlmkit compare``: rank models by their perplexity on one text, if comparable."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import decoding_options, for_source, json_option, quiet_option, text_column_options
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.pairs import PairFiles, side_options
from nlmkit.cli.progress import progress
from nlmkit.cli.text_arguments import models_and_texts
from nlmkit.errors import NotComparableError
from nlmkit.language_models.base import Context

if TYPE_CHECKING:
    from nlmkit.core.progress import Progress
    from nlmkit.language_models.comparison import Refused, Scored
    from nlmkit.language_models.measures import By
    from nlmkit.text import TextPipeline
    from nlmkit.text.columns import TextColumn
    from nlmkit.text.marks import Marks


@click.command(
    "compare",
    cls=Command,
    epilog=examples(
        "nlmkit compare kn5 lstm --text test.txt",
        "nlmkit compare kn5 lstm < test.txt",
        "nlmkit compare kn5 lstm --text test.txt --context sentence --context stream",
        "nlmkit compare kn5 lstm mixture --text test.txt --json --plot comparison.png",
        "nlmkit compare words subwords characters --text test.txt --by bits-per-character",
        "nlmkit compare en-de-small en-de-large kn5 --text test.tsv",
    ),
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL MODEL... [TEXT]...")
@click.option(
    "--text",
    "texts",
    multiple=True,
    metavar="TEXT",
    help="Text: a file, a directory, - for standard input, or corpus:NAME. Several texts are read as one.  [default: "
    "standard input]",
)
@click.option(
    "--context",
    "contexts",
    multiple=True,
    type=click.Choice(["sentence", "stream"]),
    help="Context: reset the models at each sentence (sentence) or keep reading (stream); once for all models, or "
    "once per "
    "model in order.  [default: sentence]",
)
@click.option(
    "--by",
    type=click.Choice(["perplexity", "bits-per-character"]),
    default="perplexity",
    show_default=True,
    help="Measure to rank by; models that divide text into other tokens are only comparable by bits per character.",
)
@click.option(
    "--samples",
    type=click.IntRange(0, 10_000_000),
    default=1000,
    show_default=True,
    help="Number of samples for intervals and p-values; 0 for none.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the samples.")
@click.option(
    "--plot",
    metavar="FILE",
    help="Draw what the models are ranked by as a bar chart: .png, .svg or .pdf (requires matplotlib).",
)
@json_option
@side_options
@text_column_options
@decoding_options
@quiet_option
def command(
    *,
    models: tuple[str, ...],
    texts: tuple[str, ...],
    contexts: tuple[Context, ...],
    by: By,
    samples: int,
    seed: int,
    plot: str | None,
    as_json: bool,
    sides: dict[str, Any],
    text_column: str | None,
    text_format: str | None,
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
    quiet: bool,
) -> None:
    """Rank the saved language models MODEL by their perplexity on one text.

    Pass the text with --text or after the models: saved models are folders, so a file, `-` or corpus:NAME is a text.
    The default is standard input.

    The largest set of models that predict the same events over the same vocabulary is ranked; the others are listed
    with the reason. With --by bits-per-character, all models that read the same raw text are ranked. Other differences
    between ranked models (context, adaptation to the text, the rule for <unk>) are shown.

    Each model is compared with the next one by sentence: the ratio of perplexities with a 95 % interval (paired
    bootstrap), the p-value of the difference (approximate randomisation), and the number of sentences with a higher
    probability.

    Where a model is a sequence-to-sequence model, the text has pairs: source<TAB>target a line, CSV or JSONL, or
    options name a file per side, or vectors as sources. Such models predict the targets given their sources, and
    language models among them the targets alone.

    The exit code is 1, after the table, if fewer than two models can be ranked.
    """
    models, positional = models_and_texts(models)
    files = PairFiles.of_options((*positional, *texts), sides, format=text_format)
    if len(models) < 2:
        raise click.UsageError("expected at least two models to compare")
    if len(contexts) not in (0, 1, len(models)):
        raise click.UsageError(
            f"--context is given {len(contexts)} times for {len(models)} models: expected once, or once per model"
        )
    if len(contexts) < 2:
        contexts = (contexts or ("sentence",)) * len(models)
    files = files.or_standard_input("the text (--text)")
    texts = files.files or files.inputs
    from nlmkit.language_models.comparison import compare

    if plot is not None:
        refuse_conflicts([Output("--plot", plot)], [*files.inputs, *models])
        from nlmkit.plots.figure import check_plot

        check_plot(plot)
    of_pairs = _of_pairs(models, contexts, text_column, files)
    column = None if of_pairs else choose_text_column(text_column, text_format)
    decoded = functools.partial(for_source, encoding=encoding, errors=errors, marks=marks)
    with progress(quiet=quiet) as display:
        scored = _scored(models, contexts, files, column, display, decoded=decoded, of_pairs=of_pairs, by=by)
        if display is not None:
            display.start("drawing samples")
        comparison = compare(scored, by=by, samples=samples, seed=seed)
    if as_json:
        output.write_json({"text": list(texts), **comparison.to_dict()})
    else:
        output.write(comparison.render() + "\n")
        if not quiet:
            for note in comparison.notes:
                output.note(note)
    if plot is not None and comparison.ranked:
        from nlmkit.plots.perplexities import plot_perplexities

        plot_perplexities(comparison, plot, title=" + ".join(texts))
    if len(comparison.ranked) < 2:
        raise NotComparableError(
            f"no two of the {len(models)} models can be compared: {comparison.refused[0].model}: "
            + "; ".join(comparison.refused[0].reasons)
        )


def _of_pairs(models: Sequence[str], contexts: Sequence[Context], text_column: str | None, files: PairFiles) -> bool:
    """Return whether a model is a sequence-to-sequence model, so that the text has pairs.

    Raises:
        click.UsageError: An option is for texts and there are pairs, or for pairs and there is a text.
    """
    from nlmkit.core.storage import describe

    if all(describe(path)["kind"] != "sequence-to-sequence" for path in models):
        files.refuse_sides("all of these are language models")
        return False
    if text_column is not None or "stream" in contexts:
        flag = "--text-column" if text_column is not None else "--context stream"
        raise click.UsageError(f"{flag} does not apply where a model is a sequence-to-sequence model")
    return True


def _scored(
    models: Sequence[str],
    contexts: Sequence[Context],
    files: PairFiles,
    column: TextColumn | None,
    display: Progress | None,
    *,
    decoded: Callable[[TextPipeline], TextPipeline],
    of_pairs: bool,
    by: By,
) -> list[Scored | Refused]:
    """Return the scores of the text, or of the targets of pairs, by each model."""
    if of_pairs:
        from nlmkit.cli.compare_pairs import scored_on_pairs

        return scored_on_pairs(models, files, display, decoded)
    from nlmkit.cli.texts import load_language_model, read_texts
    from nlmkit.language_models.compare import TextReader, scored_by

    reader = TextReader(
        files.files,
        lambda names, pipeline: read_texts(names, pipeline, display, "reading text", column),
        decoded,
        lengths=by == "bits-per-character",
    )
    return [
        scored_by(path, load_language_model(path), each, reader, display)
        for path, each in zip(models, contexts, strict=True)
    ]
