"""Pages of the reference: every public name by subject, and every command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

import nlmkit
import nlmkit.plugin
from nlmkit.cli.group import nlmkit as program

SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Representations": ("nlmkit.representations",),
    "Language models": ("nlmkit.language_models",),
    "Classifiers": ("nlmkit.classifiers", "nlmkit.documents"),
    "Regressors": ("nlmkit.regressors",),
    "Taggers": ("nlmkit.taggers", "nlmkit.decoding.chain"),
    "Sequence to sequence": ("nlmkit.seq2seq",),
    "Text": ("nlmkit.text",),
    "Training and layers": ("nlmkit.training", "nlmkit.layers"),
    "Errors": ("nlmkit.errors",),
    "Running, saving, searching": ("nlmkit",),
}
"""Pages of the API, each with the modules whose public names it has; the first that fits takes a name."""


def homes() -> dict[str, str]:
    """Return the module of each public name; plugins' names are ``plugin.NAME`` where ``nlmkit`` lacks them."""
    found = {name: home for home, names in nlmkit._HOMES.items() for name in names}
    for home, names in nlmkit.plugin._HOMES.items():
        found |= {f"plugin.{name}": home for name in names if name not in found}
    return found


def subject(home: str) -> str:
    """Return the page on which the names of a module are."""
    return next(
        page
        for page, modules in SUBJECTS.items()
        if any(home == module or home.startswith(f"{module}.") for module in modules)
    )


def file_of(page: str) -> str:
    """Return the file of a page of the API."""
    return f"reference/{page.lower().replace(',', '').replace(' ', '-')}.md"


def api_pages() -> dict[str, str]:
    """Return the pages of the API: the names of ``nlmkit`` first, then those for plugins."""
    pages: dict[str, list[str]] = {page: [] for page in SUBJECTS}
    for name, home in homes().items():
        pages[subject(home)].append(name)
    return {file_of(page): _page(page, names) for page, names in pages.items()}


def _page(title: str, names: list[str]) -> str:
    parts = [f"# {title}", "Names of `nlmkit`, and those that plugins import from `nlmkit.plugin`."]
    for name in sorted(names, key=lambda name: (name.startswith("plugin."), name.lower())):
        parts.append(f"::: nlmkit.{name}")
    return "\n\n".join(parts) + "\n"


def command_page() -> str:
    """Return the page with the help of every command."""
    parts = ["# Commands", "What `nlmkit COMMAND --help` prints."]
    with click.Context(program, info_name="nlmkit") as context:
        parts += _help(program, context, level=2)
    return "\n\n".join(parts) + "\n"


def _help(command: click.Command, context: click.Context, level: int) -> list[str]:
    parts = [f"{'#' * level} `{context.command_path}`", f"```text\n{command.get_help(context)}\n```"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                parts += _help(inner, click.Context(inner, info_name=name, parent=context), level)
    return parts
