"""Options and reading of labelled text files."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from nlmkit.cli.formats import COUNTS
from nlmkit.cli.tagged import FORMATS as TAGGED_FORMATS
from nlmkit.core.notes import note
from nlmkit.core.processes import is_main_process

if TYPE_CHECKING:
    from nlmkit.text import Decoding
    from nlmkit.text.labelled import LabelledTexts


@dataclasses.dataclass(frozen=True)
class Form:
    """Format of labelled text files; None for options that were not given.

    Attributes:
        format: tsv, space, csv or jsonl; by default detected from the name of each file.
        label_column: Column or key of the label.
        text_column: Column or key of the text.
    """

    format: str | None = None
    label_column: str | None = None
    text_column: str | None = None

    @property
    def given(self) -> dict[str, str]:
        """Given options by parameter name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    def read(self, names: Sequence[str], reader: Callable[..., Any], decoding: Decoding) -> Any:
        """Read labelled texts of several files as one.

        Args:
            names: The files.
            reader: What reads them, as the row of a kind names it.
            decoding: Of the files.

        Raises:
            DataError: A file is missing, or a line is malformed.
        """
        options: dict[str, Any] = dataclasses.asdict(self) | dataclasses.asdict(decoding)
        return reader(list(names), **options)


def print_notes(data: LabelledTexts, *, quiet: bool) -> None:
    """Send notes about suspicious texts before the fit."""
    if not quiet and is_main_process():
        for text in data.notes:
            note(text)


def form_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the options of labelled files, passed as one ``form``."""

    @functools.wraps(function)
    def with_form(**values: Any) -> Any:
        form = Form(**{field.name: values.pop(field.name) for field in dataclasses.fields(Form)})
        return function(**values, form=form)

    return form_flags(with_form)


def form_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same options, passed one by one."""
    options = [
        click.option(
            "--format",
            "--text-format",
            "format",
            type=click.Choice(["tsv", "space", "csv", "jsonl", *TAGGED_FORMATS, "brackets", COUNTS]),
            help="Classifier, regressor: label<TAB>text (or with a header, if a column is named), label<SPACE>text, or "
            "named columns; with --text-column of any component: tsv, csv or jsonl.  [default: by the file's name, "
            "else tsv]  Tagger: one token per line in columns, CoNLL-U, or segmented text (words separated by "
            "spaces).  [default: by the file's name, else columns]  Classifier of trees: bracketed trees or CoNLL-U.  "
            "[default: by the file's name, else brackets]  n-gram model: counts, "
            "for files with n-grams and their counts.",
        ),
        click.option(
            "--label-column",
            metavar="NAME|NUMBER",
            help="Classifier, regressor: column of the label (a number for a regressor): its name in the header, its "
            "JSON key or its number.  "
            "[default: label]",
        ),
        click.option(
            "--text-column",
            "--column",
            metavar="NAME|NUMBER",
            help="Column of the text: its name in the header, its JSON key or its number.  [default: text "
            "for a classifier or regressor, else the whole line]",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function
