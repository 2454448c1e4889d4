"""Formatting of the manifest of a saved model as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from nlmkit.cli import output
from nlmkit.core import registry
from nlmkit.core.parameters import to_json
from nlmkit.errors import RegistryError

_LONGEST = 200  # characters of a value that are shown; --json has all of it


def model_text(manifest: Mapping[str, Any]) -> str:
    """Format the manifest: component, text pipeline, settings, fit, members and files."""
    libraries = ", ".join(f"{name} {version}" for name, version in manifest.get("libraries", {}).items())
    size = f"{manifest['bytes']:,} bytes in {len(manifest['payloads'])} files"
    head = {"digest": manifest["digest"], "size": size, "saved by": manifest.get("created_by", "unknown")}
    parts = ["\n".join(_title(manifest)) + "\n" + _table(head | {"with": libraries}), *_parts(manifest)]
    files = {payload["name"]: f"{payload['file']}, {payload['bytes']:,} bytes" for payload in manifest["payloads"]}
    parts.append("Files\n" + _table(files, indent=2))
    return "\n".join(parts)


def _title(record: Mapping[str, Any]) -> Iterator[str]:
    yield f"{record['component']}: {record['kind']} of {record['distribution']} {record['version']}"
    if not record.get("fitted", True):
        yield "not fitted"


def _parts(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts common to a model and its members."""
    if record.get("pipeline"):
        pipeline = {name: value for name, value in record["pipeline"].items() if value is not None}
        yield "Text\n" + _table(pipeline, indent=2)
    changed, defaults = _split(record)
    lines = _table(changed, indent=2, spaced=False)
    if defaults:
        width = (output.columns() or 100) - 2
        names = textwrap.wrap(f"at their defaults: {', '.join(defaults)}", width, break_long_words=False)
        lines += "".join(f"  {line}\n" for line in names)
    if lines:
        yield "Hyper-parameters\n" + lines
    metadata = dict(record.get("metadata", {}))
    report = metadata.pop("fit_report", {})
    facts: dict[str, Any] = {**(report if isinstance(report, Mapping) else {"fit report": report}), **metadata}
    notes = facts.pop("notes", [])
    facts = {name: value for name, value in facts.items() if value not in (None, [], {}) and name != "history"}
    if facts:
        yield "Fit\n" + _table(facts, indent=2)
    if isinstance(notes, list) and notes:
        yield "Notes\n" + output.table([("", str(text)) for text in notes], columns=output.columns())
    for place, member in record.get("members", {}).items():
        inner = "\n".join([*_title(member), "\n".join(_parts(member))])
        yield f"Member {place}\n" + textwrap.indent(inner, "  ", lambda line: bool(line.strip()))


def _split(record: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the hyper-parameters that differ from the defaults, and the names of the others.

    Defaults of plugins would require importing them, so all of their hyper-parameters are in the first part.
    """
    values = {name: _reference(value) for name, value in record["hyper_parameters"].items()}
    built_in = record["distribution"] == "nlmkit"
    try:
        declared = registry.get(record["component"]).hyper_parameters() if built_in else {}
    except RegistryError:
        declared = {}
    defaults = [name for name, value in values.items() if name in declared and to_json(declared[name].default) == value]
    return {name: value for name, value in values.items() if name not in defaults}, defaults


def _reference(value: Any) -> Any:
    """Format a component among the hyper-parameters by name and digest; its own part has the details."""
    if isinstance(value, list):
        return [_reference(item) for item in value]
    if isinstance(value, Mapping) and "component" in value:
        digest = value.get("digest")
        return f"{value['component']} ({digest})" if digest else str(value["component"])
    return value


def _table(facts: Mapping[str, Any], *, indent: int = 0, spaced: bool = True) -> str:
    rows = [
        (name, text if len(text) <= _LONGEST else text[:_LONGEST] + " …")
        for name, text in output.fact_rows(facts, indent=indent, spaced=spaced)
    ]
    return output.table(rows, columns=output.columns()) if rows else ""
