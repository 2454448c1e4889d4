"""``nlmkit compare``: perplexities of several models on one text, in one table where that is honest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import decoding, decoding_options, json_option, quiet_option
from nlmkit.cli.progress import progress
from nlmkit.components import Context, Progress
from nlmkit.errors import DataError, NotComparableError

if TYPE_CHECKING:
    from nlmkit.evaluation.comparison import Comparison, Difference, Ranked, Refused, Scored
    from nlmkit.text import Corpus, TextPipeline

_MODEL = ("RANK", "MODEL", "PERPLEXITY", "95% INTERVAL", "BITS/TOKEN")
_TRAINED = ("steps", "epochs")
_PAIR = ("BETTER", "WORSE", "PERPLEXITY", "95% INTERVAL", "P", "SENTENCES WON:LOST:TIED")
_COLUMNS = {"context": "CONTEXT", "adapted": "ADAPTED", "unknown_rule": "<UNK>", "text_pipeline": "PIPELINE"}


@click.command(
    "compare",
    cls=Command,
    epilog=examples(
        "nlmkit compare kn5 lstm --text test.txt",
        "nlmkit compare kn5 lstm --text test.txt --context sentence --context stream",
        "nlmkit compare kn5 lstm mixture --text test.txt --json --plot comparison.png",
    ),
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL MODEL...")
@click.option(
    "--text",
    "texts",
    multiple=True,
    required=True,
    metavar="TEST",
    help="The text: a file, a directory, - for standard input, or corpus:NAME. Several are one text.",
)
@click.option(
    "--context",
    "contexts",
    multiple=True,
    type=click.Choice(["sentence", "stream"]),
    help="Whether the models start afresh at each sentence or read on; given once for all models, or once for each "
    "in their order.  [default: sentence]",
)
@click.option(
    "--samples",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Samples for intervals and p-values; 0 for none.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the samples.")
@click.option("--plot", metavar="FILE", help="Draw the perplexities as bars: .png, .svg or .pdf (needs matplotlib).")
@json_option
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
    encoding: str | None,
    errors: str | None,
    quiet: bool,
) -> None:
    """Rank the saved language models MODEL by their perplexity on one text.

    Models are ranked that predict the same events over the same vocabulary, whatever their kind: the largest set of
    them. The others are named with the reason. What else differs between ranked models (context, whether a model
    adapted to the text, how <unk> got its probability) is shown.

    Each model is compared with the next one by its sentences: the ratio of their perplexities with a 95 % interval
    (paired bootstrap), the p-value of the difference (approximate randomisation), and how many sentences it gives the
    higher probability.

    The exit code is 1, after the table, when fewer than two models can be ranked.
    """
    if len(models) < 2:
        raise click.UsageError("give two models or more to compare")
    if len(contexts) not in (0, 1, len(models)):
        raise click.UsageError(f"--context is given {len(contexts)} times for {len(models)} models: once, or for each")
    if len(contexts) < 2:
        contexts = (contexts or ("sentence",)) * len(models)
    from nlmkit.evaluation.comparison import compare

    if plot is not None:
        from nlmkit.evaluation.plots import check_plot

        check_plot(plot)
    with progress(quiet=quiet) as display:
        texts_read = _Texts(texts, encoding, errors, display)
        scored = [_scored(*pair, texts_read, display) for pair in zip(models, contexts, strict=True)]
        if display is not None:
            display.start("drawing samples")
        comparison = compare(scored, samples=samples, seed=seed)
    if as_json:
        output.write_json({"text": list(texts), **comparison.to_dict()})
    else:
        output.write("".join(_render(comparison)))
        if not quiet:
            for note in comparison.notes:
                output.note(note)
    if plot is not None and comparison.ranked:
        from nlmkit.evaluation.plots import plot_perplexities

        plot_perplexities(comparison, plot, title=" + ".join(texts))
    if len(comparison.ranked) < 2:
        raise NotComparableError(
            f"no two of the {len(models)} models can be compared: {comparison.refused[0].model}: "
            + "; ".join(comparison.refused[0].reasons)
        )


class _Texts:
    """The text as each model reads it; models that read it alike share a corpus."""

    def __init__(
        self, names: tuple[str, ...], encoding: str | None, errors: str | None, display: Progress | None
    ) -> None:
        self._names, self._encoding, self._errors, self._display = names, encoding, errors, display
        self._read: dict[TextPipeline, Corpus] = {}

    def read(self, pipeline: TextPipeline) -> tuple[Corpus, TextPipeline]:
        """The text, and how it was read in the end.

        Raises:
            DataError: standard input would have to be read a second time.
        """
        from nlmkit.cli.texts import read_texts

        chosen = decoding(pipeline, self._encoding, self._errors)
        if chosen not in self._read:
            if self._read and "-" in self._names:
                raise DataError("the models read text differently, and standard input is gone: save it to a file")
            self._read[chosen] = read_texts(self._names, chosen, self._display, "reading text")
        return self._read[chosen], chosen


def _scored(path: str, context: Context, texts: _Texts, display: Progress | None) -> Scored | Refused:
    import dataclasses

    from nlmkit.cli.texts import for_model, load_language_model
    from nlmkit.evaluation.comparison import Scored, score

    model = load_language_model(path)
    corpus, pipeline = texts.read(model.pipeline_)
    if display is not None:
        display.start(f"scoring with {path}")
    scored = score(path, model, for_model(corpus, model), context=context)
    if isinstance(scored, Scored):
        report = dataclasses.replace(scored.report, text_pipeline=pipeline.signature)
        scored = dataclasses.replace(scored, report=report)
    return scored


def _render(comparison: Comparison) -> Iterator[str]:
    """The comparison for a reader, part by part."""
    if comparison.ranked:
        report = comparison.ranked[0].report
        common = [
            f"{report.events} events in {report.sentences} sentences",
            f"{report.vocabulary_size} predictable types",
            *(f"{label.replace('_', ' ')} {_fact(comparison.ranked[0], label)}" for label in _same(comparison)),
        ]
        yield f"{'; '.join(common)}\n\n"
        trained = [name for name in _TRAINED if any(name in row.training for row in comparison.ranked)]
        heads = (*_MODEL, *(name.upper() for name in trained), *(_COLUMNS[label] for label in comparison.differing))
        yield output.table([heads, *_rows(comparison, trained)])
    if comparison.differences:
        yield "\n" + output.table([_PAIR, *map(_difference, comparison.differences)])
    labels = [(row.model, f"{name} {value}") for row in comparison.ranked for name, value in row.report.labels.items()]
    if labels:
        yield "\n" + output.table(labels)
    if comparison.refused:
        reasons = [(f"  {row.model}", reason) for row in comparison.refused for reason in row.reasons]
        yield "\nnot ranked:\n" + output.table(reasons)


def _rows(comparison: Comparison, trained: list[str]) -> Iterator[tuple[str, ...]]:
    for row in comparison.ranked:
        yield (
            str(row.rank),
            row.model,
            f"{row.report.perplexity:.4f}",
            _interval(row.interval, ".2f"),
            f"{row.report.bits_per_token:.4f}",
            *(_count(row.training.get(name)) for name in trained),
            *(_fact(row, label) for label in comparison.differing),
        )


def _count(value: float | None) -> str:
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.4g}"


def _difference(pair: Difference) -> tuple[str, ...]:
    return (
        pair.better,
        pair.worse,
        "-" if pair.ratio is None else f"×{pair.ratio:.4f}",
        _interval(pair.interval, ".4f"),
        "-" if pair.p_value is None else f"{pair.p_value:.3g}",
        f"{pair.wins}:{pair.losses}:{pair.ties}",
    )


def _interval(interval: tuple[float, float] | None, form: str) -> str:
    return "-" if interval is None else f"{interval[0]:{form}}–{interval[1]:{form}}"


def _same(comparison: Comparison) -> list[str]:
    return [label for label in _COLUMNS if label not in comparison.differing]


def _fact(row: Ranked, label: str) -> str:
    value = getattr(row.report, label)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
