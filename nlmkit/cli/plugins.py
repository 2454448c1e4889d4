"""``nlmkit plugins``: list, check and create plugins."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Group, examples
from nlmkit.cli.list_ import entry_as_json
from nlmkit.cli.options import json_option
from nlmkit.cli.plugins_new import command as new_plugin
from nlmkit.cli.settings import resolve_parameters, split_pairs
from nlmkit.core import registry
from nlmkit.errors import PluginError

if TYPE_CHECKING:
    from nlmkit.testing import CheckOutcome


@click.group(
    "plugins",
    cls=Group,
    epilog=examples(
        "nlmkit plugins list",
        "nlmkit plugins check",
        "nlmkit plugins check my-model",
        "nlmkit plugins new my-model",
    ),
)
def command() -> None:
    """List, check and create plugins.

    A plugin is a component or tokenizer that another package declares as an entry point. The environment variable
    NLMKIT_PLUGINS limits plugins to the listed packages (comma-separated); if empty, it disables plugins.
    """


command.add_command(new_plugin)


@command.command("list", epilog=examples("nlmkit plugins list", "nlmkit plugins list --json"))
@json_option
def list_plugins(as_json: bool) -> None:
    """List the plugins of other packages without importing them."""
    plugins = [entry for entry in registry.entries() if not entry.builtin]
    if as_json:
        output.write_json([entry_as_json(entry) for entry in plugins])
    elif plugins:
        rows = [(entry.kind, entry.address, f"{entry.distribution} {entry.version}", entry.note) for entry in plugins]
        output.write(output.table([("KIND", "NAME", "PACKAGE", ""), *rows]))
    else:
        output.note("no plugins are installed, or NLMKIT_PLUGINS disables them")


@command.command(
    "check",
    short_help="Check plugins against nlmkit's contracts.",
    epilog=examples(
        "nlmkit plugins check",
        "nlmkit plugins check ngram",
        "nlmkit plugins check my-model -p hidden=8 --json",
    ),
)
@click.argument("name", required=False)
@click.option(
    "-p",
    "params",
    multiple=True,
    metavar="KEY=VALUE",
    callback=split_pairs,
    allow_from_autoenv=False,
    help="Hyper-parameter of NAME for the check, such as a small size.",
)
@json_option
def check(name: str | None, params: dict[str, str], as_json: bool) -> None:
    """Import every component and tokenizer and print whether it can be used.

    With NAME, also run the conformance checks of its kind (nlmkit.testing): unfitted use, save and load, sums to one,
    state equal to batch, and so on. The exit code is 1 if a plugin is broken or a check fails.
    """
    if params and name is None:
        raise click.UsageError("-p requires NAME")
    results = registry.check(name)
    outcomes = _run_kit(results, params) if name is not None else {}
    if as_json:
        output.write_json([_as_json(result, outcomes) for result in results])
    else:
        rows = [
            ("ok" if result.ok else "BROKEN", result.kind, result.name, package(result), result.reason)
            for result in results
        ]
        output.write(output.table([("", "KIND", "NAME", "PACKAGE", ""), *rows]))
        for of_one in outcomes.values():
            checks = [("ok" if one.passed else "FAILED", one.name, one.message) for one in of_one]
            output.write(output.table([("", "CHECK", ""), *checks]))
    broken = [result.name for result in results if not result.ok]
    if broken:
        raise PluginError(f"{len(broken)} of {len(results)} cannot be used: {', '.join(broken)}")
    failed = [one.name for of_one in outcomes.values() for one in of_one if not one.passed]
    if failed:
        noun = "check" if len(failed) == 1 else "checks"
        raise PluginError(f"{name}: {len(failed)} {noun} failed: {', '.join(failed)}")


def _run_kit(results: list[registry.CheckResult], params: dict[str, str]) -> dict[str, list[CheckOutcome]]:
    """Return the outcomes of the conformance checks, by the name of what was checked."""
    from nlmkit.testing import check_registered

    outcomes = {}
    for result in results:
        if result.ok:
            settings = None
            if params:
                settings, _ = resolve_parameters(registry.get(result.name), params, {}, quiet=True)
            outcomes[result.name] = check_registered(result.name, result.kind, settings=settings)
    return outcomes


def _as_json(result: registry.CheckResult, outcomes: dict[str, list[CheckOutcome]]) -> dict[str, Any]:
    checks = [dataclasses.asdict(one) for one in outcomes.get(result.name, [])]
    return dataclasses.asdict(result) | {"checks": checks}


def package(result: registry.CheckResult) -> str:
    """Name and version of the package, as far as it states them."""
    return f"{result.distribution} {result.version}".strip()
