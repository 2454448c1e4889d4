"""``nlmkit compare``: rank models by their perplexity on one text, if comparable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import decoding_options, for_source, json_option, quiet_option, text_column_options
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.cli.text_arguments import models_and_texts, standard_input
from nlmkit.errors import NotComparableError
from nlmkit.language_models.base import Context

if TYPE_CHECKING:
    from nlmkit.text.marks import Marks


@click.command(
    "compare",
    cls=Command,
    epilog=examples(
        "nlmkit compare kn5 lstm --text test.txt",
        "nlmkit compare kn5 lstm < test.txt",
        "nlmkit compare kn5 lstm --text test.txt --context sentence --context stream",
        "nlmkit compare kn5 lstm mixture --text test.txt --json --plot comparison.png",
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
    "--samples",
    type=click.IntRange(0, 10_000_000),
    default=1000,
    show_default=True,
    help="Number of samples for intervals and p-values; 0 for none.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the samples.")
@click.option(
    "--plot", metavar="FILE", help="Draw the perplexities as a bar chart: .png, .svg or .pdf (requires matplotlib)."
)
@json_option
@text_column_options
@decoding_options
@quiet_option
def command(
    *,
    models: tuple[str, ...],
    texts: tuple[str, ...],
    contexts: tuple[Context, ...],
    samples: int,
    seed: int,
    plot: str | None,
    as_json: bool,
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
    with the reason. Other differences between ranked models (context, adaptation to the text, the rule for <unk>) are
    shown.

    Each model is compared with the next one by sentence: the ratio of perplexities with a 95 % interval (paired
    bootstrap), the p-value of the difference (approximate randomisation), and the number of sentences with a higher
    probability.

    The exit code is 1, after the table, if fewer than two models can be ranked.
    """
    models, positional = models_and_texts(models)
    texts = (*positional, *texts)
    if len(models) < 2:
        raise click.UsageError("expected at least two models to compare")
    if len(contexts) not in (0, 1, len(models)):
        raise click.UsageError(
            f"--context is given {len(contexts)} times for {len(models)} models: expected once, or once per model"
        )
    if len(contexts) < 2:
        contexts = (contexts or ("sentence",)) * len(models)
    column = choose_text_column(text_column, text_format)
    texts = texts or standard_input("the text (--text)")
    from nlmkit.cli.texts import load_language_model, read_texts
    from nlmkit.language_models.compare import TextReader, scored_by
    from nlmkit.language_models.comparison import compare

    if plot is not None:
        refuse_conflicts([Output("--plot", plot)], [*texts, *models])
        from nlmkit.plots.figure import check_plot

        check_plot(plot)
    with progress(quiet=quiet) as display:
        reader = TextReader(
            texts,
            lambda names, pipeline: read_texts(names, pipeline, display, "reading text", column),
            lambda pipeline: for_source(pipeline, encoding, errors, marks),
        )
        scored = [
            scored_by(path, load_language_model(path), each, reader, display)
            for path, each in zip(models, contexts, strict=True)
        ]
        if display is not None:
            display.start("drawing samples")
        comparison = compare(scored, samples=samples, seed=seed)
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
