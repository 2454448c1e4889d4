"""``nlmkit show``: a component's hyper-parameters, or the manifest of a saved model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import json_option
from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.entries import Entry
from nlmkit.core.parameters import groups, to_json
from nlmkit.errors import UnknownComponentError

_HEAD = ("HYPER-PARAMETER", "DEFAULT", "MEANING (TYPE; ALLOWED VALUES)")


@click.command(
    "show",
    cls=Command,
    epilog=examples(
        "nlmkit show ngram",
        "nlmkit show ngram --json",
        "nlmkit show ./kn5   # a saved model",
        "nlmkit show ./chunker --plot transitions.png",
    ),
)
@click.argument("name", metavar="NAME|PATH")
@click.option(
    "--plot",
    metavar="FILE",
    help="Draw the transition scores of a saved tagger, as .png, .svg or .pdf (requires matplotlib).",
)
@json_option
def command(name: str, plot: str | None, as_json: bool) -> None:
    """Show the hyper-parameters of the component NAME, or the manifest of the saved model at PATH.

    A component takes precedence over a folder of the same name: use ./NAME for the folder. Arrays of a model are not
    read or checked, except for --plot. Options shared by several components are listed in groups.
    """
    if _is_path(name):
        _show_model(name, as_json, plot)
        return
    try:
        entry, found = _find(name)
    except UnknownComponentError:
        if not os.path.lexists(name):
            raise
        _show_model(name, as_json, plot)
    else:
        if plot is not None:
            raise click.UsageError(f"--plot is for a saved model, and {name} is a component: use ./{name} for a folder")
        facts = _component_facts(entry, found)
        if as_json:
            output.write_json(facts)
        else:
            output.write(_component_text(facts))


def _is_path(name: str) -> bool:
    return name in (".", "..") or any(separator in name for separator in (os.sep, os.altsep) if separator)


def _find(name: str) -> tuple[Entry, type]:
    """Return the declaration that ``name`` leads to, with the class of the component or tokenizer."""
    # Components go before tokenizers, whose names are a space of their own.
    for entry in sorted(registry.entries(), key=lambda entry: entry.kind == "tokenizer"):
        if name in (entry.address, entry.qualified_name):
            if entry.kind == "tokenizer":
                return entry, type(registry.get_tokenizer(name))
            return entry, registry.get(name)
    cls = registry.get(name)  # raises with a suggestion, except for other spellings of a package
    return registry.entry_of(cls), cls


def _component_facts(entry: Entry, found: type) -> dict[str, Any]:
    component = found if issubclass(found, Component) else None
    group_of = {} if component is None else groups(component)
    return {
        "kind": entry.kind,
        "name": entry.address,
        "distribution": entry.distribution,
        "version": entry.version,
        "summary": component.summary() if component else (found.__doc__ or "").strip().partition("\n")[0],
        "hyper_parameters": [
            {
                "name": parameter.name,
                "type": parameter.type_name,
                "default": to_json(parameter.default),
                "constraint": parameter.constraint,
                "choices": to_json(parameter.choices),
                "help": parameter.help,
                "group": group_of[parameter.name],
            }
            for parameter in (component.hyper_parameters().values() if component else ())
        ],
    }


def _component_text(facts: Mapping[str, Any]) -> str:
    wrapped = output.columns()
    head = output.escape_controls(f"{facts['name']}: {facts['kind']} of {facts['distribution']} {facts['version']}")
    head += "\n" + output.table([(facts["summary"],)], columns=wrapped)
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for each in facts["hyper_parameters"]:
        allowed = "; ".join(filter(None, (each["type"], each["constraint"])))
        row = (each["name"], output.to_json(each["default"]), f"{each['help']} ({allowed})")
        rows.setdefault(each["group"], []).append(row)
    if not rows:
        return head
    # Options of this component alone come first.
    titles = sorted(rows, key=lambda title: title != facts["name"].rpartition(":")[2])
    columns = range(len(_HEAD) - 1)
    least = [max(output.width(row[column]) for part in ([_HEAD], *rows.values()) for row in part) for column in columns]
    parts = [output.table([_HEAD], least=least)]
    for title in titles:
        heading = f"\n{title}\n" if len(rows) > 1 else ""
        parts.append(heading + output.table(rows[title], columns=wrapped, least=least))
    return f"{head}\n{''.join(parts)}"


def _show_model(path: str, as_json: bool, plot: str | None) -> None:
    from nlmkit.core.storage import describe

    if plot is not None:
        _draw_model(path, plot)
    manifest = describe(path)
    if as_json:
        output.write_json(manifest)
        return
    from nlmkit.cli.show_model import model_text

    output.write(model_text(manifest))


def _draw_model(path: str, plot: str) -> None:
    from nlmkit.cli.kinds import part_of
    from nlmkit.cli.outputs import Output, refuse_conflicts
    from nlmkit.core.kinds import kind_of
    from nlmkit.core.storage import load
    from nlmkit.plots.figure import check_plot

    refuse_conflicts([Output("--plot", plot)], [path])
    check_plot(plot)
    component = load(path)
    part_of(kind_of(type(component))).draw_model(path, component, plot)
