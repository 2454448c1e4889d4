"""``nlmkit compare``: rank models by a figure on one text, if comparable."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.kinds.tagger import COLUMN_OPTIONS, SCHEME
from nlmkit.cli.numbers import samples_option
from nlmkit.cli.options import decoding_options, for_source, json_option, quiet_option, threads_option
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.pairs import PairFiles, side_options
from nlmkit.cli.progress import progress
from nlmkit.cli.text_arguments import models_and_texts
from nlmkit.errors import NotComparableError
from nlmkit.language_models.base import Context

if TYPE_CHECKING:
    from nlmkit.cli.compare_scores import ScoreRequest
    from nlmkit.comparing.report import ItemComparison
    from nlmkit.core.progress import Progress
    from nlmkit.core.tabular import Tabular
    from nlmkit.language_models.comparison import Refused, Scored
    from nlmkit.language_models.measures import Unit
    from nlmkit.text import TextPipeline
    from nlmkit.text.columns import TextColumn
    from nlmkit.text.marks import Marks

_OF_TEXT: Final = ("perplexity", "bits-per-character", "bits-per-byte")
_OF_PREDICTIONS: Final = (
    "accuracy",
    "macro-f1",
    "f1",
    "precision",
    "recall",
    "r2",
    "rmse",
    "mae",
    "bleu",
    "chrf",
)
_FORMATS: Final = ("table", "markdown", "latex", "csv", "json")


def _layout_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of the layout of test data, passed as one dictionary ``layout``."""
    declared: dict[str, Callable[..., Any]] = {
        "text_format": click.option(
            "--text-format",
            type=click.Choice(["tsv", "csv", "jsonl", "space", "columns", "conllu", "segmented", "brackets"]),
            help="Format of the test data.  [default: by the file's name, as in training for a tagger]",
        ),
        "text_column": click.option(
            "--text-column",
            "--column",
            metavar="NAME|NUMBER",
            help="Column of the text in a table (TSV or CSV with a header, JSON Lines): its name or number.",
        ),
        "label_column": click.option(
            "--label-column", metavar="NAME|NUMBER", help="Classifier, regressor: column of the label or number."
        ),
        **COLUMN_OPTIONS,
        "scheme": SCHEME,
    }

    @functools.wraps(function)
    def with_layout(**values: Any) -> Any:
        return function(layout={name: values.pop(name) for name in declared}, **values)

    decorated: Callable[..., Any] = with_layout
    for option in reversed(declared.values()):
        decorated = option(decorated)
    return decorated


@click.command(
    "compare",
    cls=Command,
    epilog=examples(
        "nlmkit compare kn5 lstm --text test.txt",
        "nlmkit compare kn5 lstm < test.txt",
        "nlmkit compare kn5 lstm --text test.txt --context sentence --context stream",
        "nlmkit compare kn5 lstm mixture --text test.txt --json --plot comparison.png",
        "nlmkit compare words subwords characters --text test.txt --by bits-per-byte",
        "nlmkit compare lstm-0 lstm-1 lstm-2 kn5 --text test.txt --group-seeds --format latex",
        "nlmkit compare nbsvm cnn --text test.tsv --by macro-f1 --format markdown",
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
    type=click.Choice([*_OF_TEXT, *_OF_PREDICTIONS]),
    help="Figure to rank by; language models that divide text into other tokens are only comparable by bits per "
    "character or byte. Classifier: accuracy or macro-f1; regressor: r2, rmse or mae; tagger: f1, accuracy, precision "
    "or recall; sequence to sequence: also bleu or chrf.  [default: perplexity, accuracy, r2, f1 (accuracy of plain "
    "tags)]",
)
@click.option(
    "--group-seeds",
    is_flag=True,
    allow_from_autoenv=False,
    help="Also print mean ± standard deviation over the models that differ only in their seed.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="Format: the tables as text, one of them as Markdown, LaTeX (with booktabs) or CSV (the ranking, or the means "
    "with --group-seeds), or strict JSON.  [default: table]",
)
@samples_option
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the samples.")
@click.option(
    "--plot",
    metavar="FILE",
    help="Draw what the models are ranked by as a bar chart: .png, .svg or .pdf (requires matplotlib).",
)
@json_option
@side_options
@_layout_options
@decoding_options
@threads_option
@quiet_option
def command(
    *,
    models: tuple[str, ...],
    texts: tuple[str, ...],
    contexts: tuple[Context, ...],
    by: str | None,
    group_seeds: bool,
    form: str | None,
    samples: int,
    seed: int,
    plot: str | None,
    as_json: bool,
    sides: dict[str, Any],
    layout: dict[str, Any],
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
    quiet: bool,
) -> None:
    """Rank the saved models MODEL, all of one kind, on one test set: language models by their perplexity on a text.

    Pass the text with --text or after the models: saved models are folders, so a file, `-` or corpus:NAME is a text.
    The default is standard input.

    Of language models, the largest set that predicts the same events over the same vocabulary is ranked; the others
    are listed with the reason. With --by bits-per-character or bits-per-byte, all models that read the same raw text
    are ranked. Other differences between ranked models (context, adaptation to the text, the rule for <unk>) are shown.
    Each model is compared with the next one by sentence: the ratio of perplexities with a 95 % interval (paired
    bootstrap), the p-value of the difference (approximate randomization), and the number of sentences with a higher
    probability.

    Where a model is a sequence-to-sequence model, the text has pairs: source<TAB>target per line, CSV or JSONL, or
    options name a file per side, or vectors as sources. Such models predict the targets given their sources, and
    language models among them the targets alone. With --by bleu or chrf, they translate the sources.

    Classifiers, regressors and taggers are ranked by their predictions on labelled texts or tagged sentences, laid out
    as for `nlmkit score`. The interval of the difference is that of a paired bootstrap over the texts or sentences, the
    p-value that of approximate randomization, which for accuracy is McNemar's test.

    The exit code is 1, after the table, if fewer than two models can be ranked.
    """
    models, positional = models_and_texts(models)
    text_format = layout["text_format"]
    files = PairFiles.of_options((*positional, *texts), sides, format=text_format)
    if len(models) < 2:
        raise click.UsageError("expected at least two models to compare")
    if len(contexts) not in (0, 1, len(models)):
        raise click.UsageError(
            f"--context is given {len(contexts)} times for {len(models)} models: expected once, or once per model"
        )
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other")
    form = "json" if as_json else form or "table"
    files = files.or_standard_input("the text (--text)")
    texts = files.files or files.inputs
    kinds = _kinds(models)
    if by in _OF_PREDICTIONS or kinds[0] not in ("language-model", "sequence-to-sequence"):
        request = _request(models, kinds, by, files, layout, contexts=contexts, plot=plot)
        request = dataclasses.replace(request, samples=samples, seed=seed, group_seeds=group_seeds, quiet=quiet)
        scores = _compared_scores(request, encoding=encoding, errors=errors, marks=marks)
        _write(scores, {"text": list(texts), **scores.to_dict()}, form, scores.notes, quiet=quiet)
        if len(scores.ranked) < 2:
            reasons = "; ".join(f"{each.model}: {each.reason}" for each in scores.not_ranked)
            raise NotComparableError(f"no two of the {len(models)} models can be compared: {reasons}")
        return
    by = by or "perplexity"
    if len(contexts) < 2:
        contexts = (contexts or ("sentence",)) * len(models)
    from nlmkit.language_models.comparison import compare
    from nlmkit.language_models.measures import measure

    if plot is not None:
        refuse_conflicts([Output("--plot", plot)], [*files.inputs, *models])
        from nlmkit.plots.figure import check_plot

        check_plot(plot)
    of_pairs = _of_pairs(kinds, contexts, layout, files)
    column = None if of_pairs else choose_text_column(layout["text_column"], text_format)
    decoded = functools.partial(for_source, encoding=encoding, errors=errors, marks=marks)
    rule = measure(by)
    with progress(quiet=quiet) as display:
        scored = _scored(models, contexts, files, column, display, decoded=decoded, of_pairs=of_pairs, unit=rule.unit)
        if display is not None:
            display.start("drawing samples")
        comparison = compare(scored, by=rule.name, samples=samples, seed=seed, group_seeds=group_seeds)
    _write(comparison, {"text": list(texts), **comparison.to_dict()}, form, comparison.notes, quiet=quiet)
    if plot is not None and comparison.ranked:
        from nlmkit.plots.perplexities import plot_perplexities

        plot_perplexities(comparison, plot, title=" + ".join(texts))
    if len(comparison.ranked) < 2:
        raise NotComparableError(
            f"no two of the {len(models)} models can be compared: {comparison.refused[0].model}: "
            + "; ".join(comparison.refused[0].reasons)
        )


def _write(report: Tabular, values: Mapping[str, Any], form: str, notes: Sequence[str], *, quiet: bool) -> None:
    """Write a comparison in a format, and its notes on stderr unless JSON has them."""
    if form == "json":
        output.write_json(values)
        return
    writers = {"markdown": report.to_markdown, "latex": report.to_latex, "csv": report.to_csv}
    output.write(writers[form]() if form in writers else report.render() + "\n")
    if not quiet:
        for note in notes:
            output.note(note)


def _kinds(models: Sequence[str]) -> list[str]:
    """Return the kind of each saved model.

    Raises:
        click.UsageError: They are of kinds that cannot be ranked together, or of one that has no test data.
    """
    from nlmkit.core.kinds import KINDS
    from nlmkit.core.storage import describe

    kinds = [str(describe(path)["kind"]) for path in models]
    together = {"language-model", "sequence-to-sequence"}
    other = next(
        (place for place, kind in enumerate(kinds) if kind != kinds[0] and not {kind, kinds[0]} <= together), 0
    )
    if other:
        in_words = {kind.name: kind.in_words for kind in KINDS}
        first, second = (in_words.get(kind, kind) for kind in (kinds[0], kinds[other]))
        raise click.UsageError(
            f"{models[0]} is a {first} and {models[other]} a {second}: models of one kind are ranked"
        )
    if kinds[0] == "representation":
        raise click.UsageError(f"{models[0]} is a representation: use nlmkit score for each")
    return kinds


def _request(
    models: Sequence[str],
    kinds: Sequence[str],
    by: str | None,
    files: PairFiles,
    layout: Mapping[str, Any],
    *,
    contexts: Sequence[Context],
    plot: str | None,
) -> ScoreRequest:
    """Return what to compare by predictions.

    Raises:
        click.UsageError: An option does not suit the models.
    """
    from nlmkit.cli.compare_scores import ScoreRequest, refuse_layout

    kind = kinds[0]
    other = next((place for place, each in enumerate(kinds) if each == "language-model"), None)
    if other is not None:
        raise click.UsageError(f"--by {by}: {models[other]} is a language model, which predicts no labels or targets")
    if by in _OF_TEXT:
        raise click.UsageError(f"--by {by} is for language models, and {models[0]} is a {kind}")
    for flag, is_given in (("--context", bool(contexts)), ("--plot", plot is not None)):
        if is_given:
            raise click.UsageError(f"{flag} does not apply where models are ranked by their predictions")
    if kind != "sequence-to-sequence":
        files.refuse_sides(f"{models[0]} is a {kind}")
    refuse_layout(kind, layout)
    return ScoreRequest(models=models, kind=kind, by=by, files=files, layout=layout)


def _compared_scores(
    request: ScoreRequest, *, encoding: str | None, errors: str | None, marks: Marks | None
) -> ItemComparison:
    from nlmkit.cli.compare_scores import compared

    def decoded(pipeline: TextPipeline, part: Any) -> TextPipeline:
        return for_source(pipeline, encoding, errors, part.marks_or(marks))

    with progress(quiet=request.quiet) as display:
        return compared(request, display, decoded)


def _of_pairs(kinds: Sequence[str], contexts: Sequence[Context], layout: Mapping[str, Any], files: PairFiles) -> bool:
    """Return whether a model is a sequence-to-sequence model, so that the text has pairs.

    Raises:
        click.UsageError: An option is for texts and there are pairs, or for pairs and there is a text.
    """
    from nlmkit.cli.compare_scores import refuse_layout

    if "sequence-to-sequence" not in kinds:
        files.refuse_sides("all of these are language models")
        refuse_layout("language-model", layout)
        return False
    if "stream" in contexts:
        raise click.UsageError("--context stream does not apply where a model is a sequence-to-sequence model")
    refuse_layout("sequence-to-sequence", layout)
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
    unit: Unit | None,
) -> list[Scored | Refused]:
    """Return the scores of the text, or of the targets of pairs, by each model."""
    if of_pairs:
        from nlmkit.cli.compare_pairs import scored_on_pairs

        return scored_on_pairs(models, files, display, decoded, unit)
    from nlmkit.cli.texts import load_language_model, read_texts
    from nlmkit.language_models.compare import TextReader, scored_by

    reader = TextReader(
        files.files,
        lambda names, pipeline: read_texts(names, pipeline, display, "reading text", column),
        decoded,
        unit=unit,
    )
    return [
        scored_by(path, load_language_model(path), each, reader, display)
        for path, each in zip(models, contexts, strict=True)
    ]
