"""``nlmkit corpora``: catalogue of corpora."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Group, examples
from nlmkit.cli.options import json_option
from nlmkit.errors import DataError
from nlmkit.text import catalog


@click.group(
    "corpora",
    cls=Group,
    epilog=examples("nlmkit corpora list", "nlmkit corpora show ptb", "nlmkit fit ngram corpus:english -o model"),
)
def command() -> None:
    """List the corpora that corpus:NAME can load, and the sources of others.

    Some come with nlmkit, some with installed packages, and some must be prepared manually. Nothing is downloaded.
    nltk:NAME reads a corpus of NLTK by NLTK's own reader, in this list or not.
    """


@command.command("list", epilog=examples("nlmkit corpora list", "nlmkit corpora list --json"))
@json_option
def list_corpora(as_json: bool) -> None:
    """List every corpus of the catalogue, and whether it is available on this machine."""
    corpora = [_facts(entry) for entry in catalog.entries()]
    if as_json:
        output.write_json(corpora)
        return
    rows = [
        (facts["name"], facts["language"], "yes" if facts["available"] else "no", facts["title"], facts["size"])
        for facts in corpora
    ]
    output.write(output.table([("NAME", "LANGUAGE", "HERE", "TITLE", "SIZE"), *rows]))


@command.command(
    "show",
    short_help="Show the catalogue entry of a corpus.",
    epilog=examples("nlmkit corpora show english", "nlmkit corpora show ptb --json"),
)
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the catalogue entry of the corpus NAME: licence, source, splits, preparation."""
    facts = _facts(catalog.entry(name))
    if as_json:
        output.write_json(facts)
        return
    shown = facts | {"splits": ", ".join(facts["splits"]), "available": "yes" if facts["available"] else "no"}
    output.write(output.table([(key, str(value)) for key, value in shown.items() if value != ""]))


@command.command(
    "path",
    short_help="Print the files of a corpus.",
    epilog=examples("nlmkit corpora path english", "wc $(nlmkit corpora path english/test)"),
)
@click.argument("name", metavar="NAME[/SPLIT]")
def path(name: str) -> None:
    """Print the files of the corpus NAME, one per line; the default split is train."""
    entry, files = catalog.locate(name)
    if entry.format not in ("lines", "columns", "segmented", "pairs") or entry.encoding != "utf-8":
        raise DataError(f"the files of corpus {name} are not plain text: read it as corpus:{name}")
    output.write("".join(f"{output.for_terminal(str(file))}\n" for file in files))


def _facts(entry: catalog.CatalogEntry) -> dict[str, Any]:
    return dataclasses.asdict(entry) | {"available": _is_available(entry)}


def _is_available(entry: catalog.CatalogEntry) -> bool:
    try:
        for split in entry.splits:
            catalog.resolve(f"{entry.name}/{split}")
    except DataError:
        return False
    return entry.provider != "prepare"
