"""``nlmkit show``: a component's hyper-parameters, or what a saved model says of itself."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import click

from nlmkit import registry
from nlmkit.cli import output
from nlmkit.cli.group import Command, examples
from nlmkit.cli.options import json_option
from nlmkit.components import Component
from nlmkit.errors import UnknownComponentError
from nlmkit.parameters import to_json

_NARROW = 16  # characters of a constraint that stand in its column
_WRAPPED = 64  # characters a line of a longer one
_LONGEST = 200  # characters of a manifest's value that the table shows; --json has all of it


@click.command(
    "show",
    cls=Command,
    epilog=examples("nlmkit show ngram", "nlmkit show ngram --json", "nlmkit show ./kn5   # a saved model"),
)
@click.argument("name", metavar="NAME|PATH")
@json_option
def command(name: str, as_json: bool) -> None:
    """Show the hyper-parameters of the component NAME, or what the saved model at PATH says of itself.

    A component's name goes before a folder of the same name: write ./NAME for the folder. A model's arrays are
    neither read nor checked.
    """
    if _is_path(name):
        _show_model(name, as_json)
        return
    try:
        entry, found = _find(name)
    except UnknownComponentError:
        if not os.path.lexists(name):
            raise
        _show_model(name, as_json)
    else:
        facts = _component_facts(entry, found)
        if as_json:
            output.write_json(facts)
        else:
            output.write(_component_text(facts))


def _is_path(name: str) -> bool:
    return name in (".", "..") or any(separator in name for separator in (os.sep, os.altsep) if separator)


def _find(name: str) -> tuple[registry.Entry, type]:
    """The declaration that ``name`` leads to, with the class of the component or tokenizer."""
    # Components go before tokenizers, whose names are a space of their own.
    for entry in sorted(registry.entries(), key=lambda entry: entry.kind == "tokenizer"):
        if name in (entry.address, entry.qualified_name):
            if entry.kind == "tokenizer":
                return entry, type(registry.get_tokenizer(name))
            return entry, registry.get(name)
    cls = registry.get(name)  # raises with a suggestion, but for spellings of a package's name that are one
    return registry.entry_of(cls), cls


def _component_facts(entry: registry.Entry, found: type) -> dict[str, Any]:
    declared = found.hyper_parameters().values() if issubclass(found, Component) else ()
    return {
        "kind": entry.kind,
        "name": entry.address,
        "distribution": entry.distribution,
        "version": entry.version,
        "summary": found.summary()
        if issubclass(found, Component)
        else (found.__doc__ or "").strip().partition("\n")[0],
        "hyper_parameters": [
            {
                "name": parameter.name,
                "type": parameter.type_name,
                "default": to_json(parameter.default),
                "constraint": parameter.constraint,
                "choices": to_json(parameter.choices),
                "help": parameter.help,
            }
            for parameter in declared
        ],
    }


def _component_text(facts: Mapping[str, Any]) -> str:
    lines = (f"{facts['name']}: {facts['kind']} of {facts['distribution']} {facts['version']}", facts["summary"])
    head = "".join(f"{output.escape_controls(line)}\n" for line in lines)
    parameters = facts["hyper_parameters"]
    if not parameters:
        return head
    rows = [("HYPER-PARAMETER", "TYPE", "DEFAULT", "CONSTRAINT", "")]
    for each in parameters:
        constraint: str = each["constraint"]
        fits = len(constraint) <= _NARROW
        default = output.to_json(each["default"])
        rows.append((each["name"], each["type"], default, constraint if fits else "", each["help"]))
        if not fits:  # below the help, where there is room
            rows += [("", "", "", "", line) for line in textwrap.wrap(constraint, _WRAPPED)]
    return f"{head}\n{output.table(rows)}"


def _show_model(path: str, as_json: bool) -> None:
    from nlmkit.models import describe

    manifest = describe(path)
    if as_json:
        output.write_json(manifest)
        return
    rows = [(key, text if len(text) <= _LONGEST else text[:_LONGEST] + " …") for key, text in _flat(manifest)]
    output.write(output.table(rows))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of nested objects as dotted paths; a list of plain values is one leaf."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value):
        for index, item in enumerate(value):
            yield from _flat(item, f"{path}[{index}]")
    else:
        yield path, value if isinstance(value, str) else output.to_json(value)
