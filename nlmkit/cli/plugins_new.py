"""``nlmkit plugins new``: create the package of a plugin."""

from __future__ import annotations

import shlex

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import json_option
from nlmkit.cli.outputs import Output, refuse_conflicts
from nlmkit.scaffold import KINDS, new_plugin


@click.command(
    "new",
    cls=Command,
    short_help="Create a working plugin to start from.",
    epilog=examples(
        "nlmkit plugins new my-unigram",
        "nlmkit plugins new my-vectors --kind representation",
        "nlmkit plugins new nlmkit-thai --kind tokenizer -o thai",
    ),
)
@click.argument("package")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=KINDS[0],
    show_default=True,
    allow_from_autoenv=False,
    help="Kind of plugin.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="FOLDER",
    allow_from_autoenv=False,
    help="Folder to create; it must not exist or be empty.  [default: PACKAGE]",
)
@json_option
def command(package: str, kind: str, folder: str | None, as_json: bool) -> None:
    """Create the Python package PACKAGE: a working component with tests and entry points.

    The component is called like the package, without nlmkit- in front. It is small and complete, and is there to be
    replaced: a unigram language model, random-indexing vectors, a naive Bayes classifier, a least mean squares
    regressor, a most-frequent-tag tagger, a word-by-word translator, or a tokenizer of words and marks. Its tests run
    nlmkit's conformance kit.
    """
    refuse_conflicts([Output("-o", package if folder is None else folder)], [])
    made = new_plugin(package, kind, folder)
    if as_json:
        output.write_json(
            {
                "folder": str(made.folder),
                "package": made.package,
                "kind": made.kind,
                "name": made.name,
                "class": made.class_name,
                "files": list(made.files),
            }
        )
        return
    output.write("".join(f"{output.escape_controls(str(made.folder / file))}\n" for file in made.files))
    where = shlex.quote(str(made.folder))
    output.note(f"next: cd {where} && pip install -e '.[test]' && pytest && nlmkit plugins check {made.name}")
