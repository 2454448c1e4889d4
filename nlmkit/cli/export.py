"""``nlmkit export``: write a saved model to a file for other programs."""

from __future__ import annotations

from pathlib import Path

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
@quiet_option
def command(*, model: str, file: str, file_format: str | None, quiet: bool) -> None:
    """Write the saved MODEL to FILE in a format of other programs, detected from its name.

    N-gram models are written as .arpa, representations as .vec (word2vec text), .bin (word2vec binary) or, with
    --format, under any name. A name in .gz is compressed. --format counts writes the counts of an n-gram model that was
    fitted with -p keep_counts=true, an n-gram, a tab and its count a line.

    It is an error if the format cannot represent the model. FILE is replaced atomically and keeps its mode; of a
    symbolic link the target is replaced, and a pipe or device such as /dev/stdout is written directly.
    """
    chosen = formats.format_to_export(file, file_format)
    refuse_conflicts([Output("FILE", file)], [model])
    from nlmkit.core.storage import load

    component = load(model)
    if type(component).export in (None, Component.export):  # None takes back what a base class can
        raise ExportError(f"{model}: {component.name} cannot be written as {chosen}")
    with progress(quiet=quiet) as display:
        component.export(Path(file), chosen, run=RunOptions(progress=display))
