"""``nlmkit list``: list installed components."""

from __future__ import annotations

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import json_option
from nlmkit.core import registry
from nlmkit.core.entries import Entry


@click.command(
    "list",
    cls=Command,
    epilog=examples("nlmkit list", "nlmkit list --json", "NLMKIT_PLUGINS= nlmkit list   # built-ins only"),
)
@json_option
def command(as_json: bool) -> None:
    """List every component with its kind, name and package.

    Nothing is imported, so a listed plugin can be broken: see `nlmkit plugins check`.
    """
    entries = registry.entries()
    if as_json:
        output.write_json([entry_as_json(entry) for entry in entries])
        return
    if not any(entry.builtin for entry in entries):
        output.note("nlmkit runs from a source tree without installation, so its built-in components are missing")
    rows = [(entry.kind, entry.address, f"{entry.distribution} {entry.version}", entry.note) for entry in entries]
    output.write(output.table([("KIND", "NAME", "PACKAGE", ""), *rows]))


def entry_as_json(entry: Entry) -> dict[str, str | bool]:
    """Return a declaration as ``list`` and ``plugins list`` print it."""
    return {
        "kind": entry.kind,
        "name": entry.address,
        "distribution": entry.distribution,
        "version": entry.version,
        "builtin": entry.builtin,
        "note": entry.note,
    }
