"""Options and reading of files with a tag for each token."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

if TYPE_CHECKING:
    from nlmkit.text import Decoding
    from nlmkit.text.tagged import TaggedSentences

_Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

FORMATS: Final = ("columns", "conllu", "segmented")
"""Layouts of tagged files."""

_FIRST: Final = "0; for a saved model that of training"
_LAST: Final = "the last, upos in CoNLL-U; for a saved model that of training"
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,6}")


class Column(click.ParamType[int | str]):
    """A column by its number, from 0 or from the end, or by its name in CoNLL-U."""

    name = "column"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return a number for digits, and anything else as it is."""
        if isinstance(value, int):
            return value
        text = str(value).strip()
        if not text:
            self.fail("the name of a column is empty", param, ctx)
        return int(text) if _NUMBER.fullmatch(text) else text


def _none_if_empty(ctx: click.Context, param: click.Parameter, value: tuple[int | str, ...]) -> Any:
    return value or None


def column_options(prefix: str = "", tags: str = "column of the tags", default: str = _LAST) -> dict[str, _Option]:
    """Return the options that say where things are in a file of columns, by parameter.

    Args:
        prefix: Beginning of their help.
        tags: What the tags are.
        default: Where they are by default.
    """
    return {
        "word_column": click.option(
            "--word-column",
            type=Column(),
            metavar="NUMBER|NAME",
            help=f"{prefix}column of the words, counted from 0; -1 is the last.  [default: {_FIRST}]",
        ),
        "tag_column": click.option(
            "--tag-column",
            type=Column(),
            metavar="NUMBER|NAME",
            help=f"{prefix}{tags}, counted from 0, -1 is the last; in CoNLL-U also upos or xpos.  [default: {default}]",
        ),
        "feature_column": click.option(
            "--feature-column",
            type=Column(),
            multiple=True,
            callback=_none_if_empty,
            metavar="NUMBER|NAME",
            help=f"{prefix}column that the model reads beside the words, such as the part of speech. Can be repeated.",
        ),
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """Where words, tags and features are in a file; None for options that were not given.

    Attributes:
        format: One of ``FORMATS``; by default columns, or CoNLL-U for files that are called ``.conllu``.
        word_column: Column of the words.
        tag_column: Column of the tags.
        feature_column: Columns of features.
    """

    format: str | None = None
    word_column: int | str | None = None
    tag_column: int | str | None = None
    feature_column: Sequence[int | str] | None = None

    def arguments(self, default: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the layout as arguments of ``TaggedSentences.read``.

        Args:
            default: The layout of the training file, for what was not given. Its columns do not count where the
                format is another one.
        """
        found = dict(default or {})
        if self.format is not None and self.format != found.get("format"):
            found = {"format": self.format}
        if self.word_column is not None:
            found["word_column"] = self.word_column
        if self.tag_column is not None:
            found["tag_column"] = self.tag_column
        if self.feature_column is not None:
            found["feature_columns"] = tuple(self.feature_column)
        return found


def read_tagged(
    names: Sequence[str], arguments: Mapping[str, Any], scheme: str | None, decoding: Decoding
) -> TaggedSentences:
    """Read the tagged sentences of several files as one.

    Args:
        names: The files.
        arguments: As ``Layout.arguments`` gives them.
        scheme: Scheme of the tags; None to detect it.
        decoding: Of the files.

    Raises:
        DataError: A file is missing, or a line is malformed.
    """
    from nlmkit.text.tagged import TaggedSentences

    return TaggedSentences.read(list(names), **arguments, scheme=scheme, **dataclasses.asdict(decoding))


def changed(data: TaggedSentences, **attributes: Any) -> TaggedSentences:
    """Return sentences with other attributes."""
    own = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)}
    return type(data).of_columns(**(own | attributes))


def with_feature_names(data: TaggedSentences, names: Sequence[str]) -> TaggedSentences:
    """Return sentences whose features, as many as a model's, are those of the model in their order.

    A feature is called after its column in the training file, and may be in another one here.

    Args:
        data: Sentences with features that an option named.
        names: Names of the model's features.
    """
    return changed(data, feature_names=tuple(names)) if len(names) == len(data.features) else data
