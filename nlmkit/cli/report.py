"""``nlmkit report``: an HTML page about one model or several."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.numbers import samples_option
from nlmkit.cli.options import decoding_options, for_source, quiet_option, refuse_stdin_twice, text_column_options
from nlmkit.cli.options import text_column as choose_text_column
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.progress import progress

if TYPE_CHECKING:
    from nlmkit.language_models.base import Context
    from nlmkit.text.marks import Marks


@click.command(
    "report",
    cls=Command,
    epilog=examples(
        "nlmkit report kn5 --text test.txt -o report.html",
        "nlmkit report kn5 lstm mixed --text test.txt -o report.html",
        'nlmkit report lstm -o lstm.html --title "LSTM, second run"',
        "nlmkit report cnn nbsvm --text reviews.tsv -o reviews.html",
        "nlmkit report word2vec glove -o vectors.html",
    ),
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--text",
    "texts",
    multiple=True,
    metavar="TEXT",
    allow_from_autoenv=False,
    help="Test text: a file, a directory, - for standard input, corpus:NAME or nltk:NAME. Several texts are read as "
    "one.  [default: none; sections that need one are left out]",
)
@click.option("-o", "--output", "path", metavar="FILE", required=True, help="HTML file to write.")
@click.option("--title", help="Title of the page.  [default: the names of the models]")
@click.option(
    "--context",
    type=click.Choice(["sentence", "stream"]),
    help="Context: reset language models at each sentence (sentence) or keep reading (stream).  [default: sentence]",
)
@samples_option
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of samples, and of what is drawn from a large text.",
)
@text_column_options
@click.option(
    "--label-column",
    metavar="NAME|NUMBER",
    help="Classifier, regressor: TEXT is a table with the label or number in this column.  [default: label]",
)
@decoding_options
@quiet_option
def command(
    *,
    models: tuple[str, ...],
    texts: tuple[str, ...],
    path: str,
    title: str | None,
    context: Context | None,
    samples: int,
    seed: int,
    text_column: str | None,
    text_format: str | None,
    label_column: str | None,
    encoding: str | None,
    errors: str | None,
    marks: Marks | None,
    quiet: bool,
) -> None:
    """Write an HTML report of the saved models MODEL, which are of one kind.

    The page is one file that loads nothing from the network: it can be sent by mail and opened anywhere, in light and
    dark, on a phone too. All that models and texts contain is escaped.

    Language models are compared on the text given by --text, with significance; the report has their learning curves,
    the surprisal of words in the sentences in which they differ most, perplexity by word frequency, position and
    sentence length, calibration, n-gram orders used, samples, parameters and options. Of a large text, sentences for
    some of these are drawn by --seed, which the page states.

    No text is chosen for the models: without --text nothing is scored, and the report has what they have in
    themselves, such as parameters, learning curves, samples, options, neighbours and projections. corpus:english/test
    is an English text that comes with nlmkit (`nlmkit corpora list`).

    Of other kinds, TEXT has labels, numbers, tags or targets, as for `nlmkit score`: classifiers have their confusion,
    calibration and most confident mistakes, regressors their residuals, taggers errors by type and transitions,
    sequence-to-sequence models attention and examples. Representations have neighbours and projections; of them, TEXT
    is a file of word pairs or analogies.
    """
    from nlmkit.plots.figure import check_folder
    from nlmkit.reporting.document import report
    from nlmkit.reporting.page import check_page
    from nlmkit.reporting.study import Files
    from nlmkit.text.labelled import TEXT_COLUMN

    check_page()
    refuse_stdin_twice(texts)
    refuse_conflicts([Output("--output", path)], [*texts, *models])
    check_folder(path, what="page")
    given = {"--context": context, "--text-column": text_column, "--label-column": label_column}
    given |= {"--encoding": encoding, "--errors": errors, "--marks": marks}
    for flag in (flag for flag, value in given.items() if value is not None and not texts):
        raise click.UsageError(f"{flag} applies to the text: add --text TEXT")
    _refuse_others(models[0], given)
    if label_column is not None and text_column is None:
        text_column = TEXT_COLUMN
    files = Files(
        names=texts,
        column=choose_text_column(text_column, text_format),
        label_column=label_column,
        decoded=functools.partial(for_source, encoding=encoding, errors=errors, marks=marks),
    )
    with progress(quiet=quiet) as display:
        made = report(
            list(models),
            files if texts else None,
            title=title,
            context=context or "sentence",
            samples=samples,
            seed=seed,
            progress=display,
        )
    made.save(path)
    if not quiet:
        if not texts:
            output.note("without --text TEXT, sections that need a text are left out")
        output.note(f"{path}: {len(made.html.encode('utf-8')):,} bytes")


def _refuse_others(model: str, given: Mapping[str, str | None]) -> None:
    """Raise an error for an option that reports on models of this kind do not have.

    Raises:
        click.UsageError: One was given.
        SavedModelError: The folder does not contain a model.
    """
    from nlmkit.cli.compare_scores import refuse_layout
    from nlmkit.core.storage import describe

    kind = str(describe(model)["kind"])
    refuse_layout(kind, {name: given[f"--{name.replace('_', '-')}"] for name in ("text_column", "label_column")})
    without = {"--context": kind != "language-model", "--errors": kind == "representation"}
    without["--marks"] = without["--errors"]
    for flag, is_refused in without.items():
        if is_refused and given[flag] is not None:
            raise click.UsageError(f"{flag} does not apply where a model is a {kind.replace('-', ' ')}")
