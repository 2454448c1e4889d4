"""``nlmkit export``: write a saved model to a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nlmkit.cli import formats
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import quiet_option
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.cli.progress import progress
from nlmkit.core.component import Component
from nlmkit.core.run import RunOptions
from nlmkit.errors import ExportError


@click.command(
    "export",
    cls=Command,
    epilog=examples(
        "nlmkit export kn5 kn5.arpa",
        "nlmkit export kn5 kn5.arpa.gz",
        "nlmkit export kn5 lm.fst.txt --format openfst",
        "nlmkit export kn5 counts.gz --format counts",
        "nlmkit export glove glove.txt --format glove",
        "nlmkit export glove glove.vec",
    ),
)
@click.argument("model")
@click.argument("file")
@click.option(
    "--format",
    "--file-format",
    "file_format",
    type=click.Choice(formats.EXPORTED),
    help="Format of FILE.  [default: by its name]",
)
@click.option(
    "--symbols",
    metavar="FILE",
    help="Symbol table to write with an automaton (openfst).  [default: words.txt beside FILE, if not there]",
)
@click.option(
    "--backoff-label",
    type=click.Choice(["#0", "<eps>"]),
    help="Input label of the backoff arcs of an automaton (openfst).  [default: #0]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads that format an ARPA file; its bytes are the same.  [default: 1]",
)
@quiet_option
def command(
    *,
    model: str,
    file: str,
    file_format: str | None,
    symbols: str | None,
    backoff_label: Any,
    workers: int | None,
    quiet: bool,
) -> None:
    """Write the saved MODEL to FILE in a format of other programs, detected from its name.

    N-gram models are written as .arpa, or as .fst.txt: an automaton in the text format of OpenFst, for Kaldi and k2,
    with its symbol table. Representations are written as .vec (word2vec text), .bin (word2vec binary) or, with
    --format, under any name. A name in .gz is compressed. --format counts writes the counts of an n-gram model that was
    fitted with -p keep_counts=true, an n-gram, a tab and its count per line.

    It is an error if the format cannot represent the model. FILE is replaced atomically and keeps its mode; of a
    symbolic link the target is replaced, and a pipe or device such as /dev/stdout is written directly.
    """
    chosen = formats.format_to_export(file, file_format)
    if chosen != formats.OPENFST and (symbols is not None or backoff_label is not None):
        raise click.UsageError(f"--symbols and --backoff-label are for the format openfst, and {file} is {chosen}")
    if workers is not None and chosen != formats.ARPA:
        raise click.UsageError("--workers applies to ARPA files only")
    table = [Output("--symbols", symbols)] if symbols is not None else []
    refuse_conflicts([Output("FILE", file), *table], [model])
    from nlmkit.core.storage import load

    component = load(model)
    if type(component).export in (None, Component.export):  # None takes back what a base class can
        raise ExportError(f"{model}: {component.name} cannot be written as {chosen}")
    with progress(quiet=quiet) as display:
        run = RunOptions(progress=display, workers=workers or 1)
        if symbols is not None or backoff_label is not None:
            if not hasattr(component, "export_openfst"):
                raise ExportError(f"{model}: {component.name} has no options for {chosen}: drop --symbols and the like")
            component.export_openfst(Path(file), symbols=symbols, backoff_label=backoff_label or "#0", run=run)
        else:
            component.export(Path(file), chosen, run=run)
