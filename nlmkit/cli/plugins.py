"""``nlmkit plugins``: what other packages add, and whether it works."""

from __future__ import annotations

import dataclasses

import click

from nlmkit import registry
from nlmkit.cli import output
from nlmkit.cli.group import Group, examples
from nlmkit.cli.list_ import entry_as_json
from nlmkit.cli.options import json_option
from nlmkit.errors import PluginError


@click.group(
    "plugins",
    cls=Group,
    epilog=examples("nlmkit plugins list", "nlmkit plugins check", "nlmkit plugins check my-model"),
)
def command() -> None:
    """List the plugins that are installed, and check them.

    A plugin is a component or tokenizer that another package declares as an entry point. The environment variable
    NLMKIT_PLUGINS allows only the packages that it names (comma-separated); empty, it turns plugins off.
    """


@command.command("list", epilog=examples("nlmkit plugins list", "nlmkit plugins list --json"))
@json_option
def list_plugins(as_json: bool) -> None:
    """List what other packages declare; imports nothing."""
    plugins = [entry for entry in registry.entries() if not entry.builtin]
    if as_json:
        output.write_json([entry_as_json(entry) for entry in plugins])
    elif plugins:
        rows = [(entry.kind, entry.address, f"{entry.distribution} {entry.version}", entry.note) for entry in plugins]
        output.write(output.table([("KIND", "NAME", "PACKAGE", ""), *rows]))
    else:
        output.note("no plugins are installed, or NLMKIT_PLUGINS turns them off")


@command.command(
    "check",
    short_help="Import them, and say which can be used.",
    epilog=examples("nlmkit plugins check", "nlmkit plugins check ngram --json"),
)
@click.argument("name", required=False)
@json_option
def check(name: str | None, as_json: bool) -> None:
    """Import every component and tokenizer, or what is called NAME, and say of each whether it can be used.

    The exit code is 1 when one of them cannot.
    """
    results = registry.check(name)
    if as_json:
        output.write_json([dataclasses.asdict(result) for result in results])
    else:
        rows = [
            ("ok" if result.ok else "BROKEN", result.kind, result.name, package(result), result.reason)
            for result in results
        ]
        output.write(output.table([("", "KIND", "NAME", "PACKAGE", ""), *rows]))
    broken = [result.name for result in results if not result.ok]
    if broken:
        raise PluginError(f"{len(broken)} of {len(results)} cannot be used: {', '.join(broken)}")


def package(result: registry.CheckResult) -> str:
    """Name and version of the package, as far as it states them."""
    return f"{result.distribution} {result.version}".strip()
