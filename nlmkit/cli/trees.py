"""Options and reading of files of labelled trees, for classifiers that are fitted to trees."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from nlmkit.cli.labelled import Form

if TYPE_CHECKING:
    from nlmkit.text import Decoding
    from nlmkit.text.trees import LabelledTrees

FORMATS: Final = ("brackets", "conllu")
"""Layouts of files of trees."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TreeOptions:
    """Options of ``classify`` for classifiers of trees.

    Attributes:
        format: Layout of the trees; None for that of each file's name.
        nodes: Whether the labels of all nodes are printed.
        plot: File of the picture of the first tree.
    """

    format: str | None = None
    nodes: bool = False
    plot: str | None = None

    @property
    def given(self) -> str:
        """The options that were given."""
        return ", ".join(
            flag
            for flag, value in (("--input", self.format), ("--nodes", self.nodes), ("--tree-plot", self.plot))
            if value
        )


def takes_trees(component: Any) -> bool:
    """Return whether a component is a classifier of trees, not of texts."""
    return getattr(component, "takes", "texts") == "trees"


def check_form(component: Any, form: Form) -> None:
    """Raise an error for a layout that a classifier's data cannot have.

    Raises:
        click.UsageError: The layout is one of labelled texts and the classifier takes trees, or the other way round.
    """
    of_trees = form.format in FORMATS
    if takes_trees(component):
        columns = [f"--{name.replace('_', '-')}" for name in ("label_column", "text_column") if name in form.given]
        if columns:
            raise click.UsageError(f"{', '.join(columns)}: {component.name} reads trees, which have no columns")
        if form.format is not None and not of_trees:
            formats = " or ".join(FORMATS)
            raise click.UsageError(f"--format {form.format}: {component.name} reads trees; use --format {formats}")
    elif of_trees:
        raise click.UsageError(f"--format {form.format}: {component.name} reads labelled texts, not trees")


def read_trees(names: Sequence[str], form: Form, decoding: Decoding) -> LabelledTrees:
    """Read labelled trees of several files as one forest.

    Raises:
        DataError: A file is missing, or a line is malformed.
    """
    from nlmkit.text.trees import LabelledTrees

    return LabelledTrees.read(list(names), format=form.format, **dataclasses.asdict(decoding))
