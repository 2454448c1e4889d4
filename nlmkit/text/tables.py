"""Tables passed instead of a text or a list of texts, and their columns.

Iterating over a table gives the names of its columns, or arrays: never the texts. The kinds of table are told apart by
what they have, so that no library is imported for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nlmkit.errors import DataError

_LIKELY = ("text", "sentence", "line", "document", "content", "review")
_AT_ONCE = 4096
_SHOWN = 40
_AS_LIST = ("to_pylist", "to_list")  # of Arrow and of Polars; pandas' columns have no `slice`


def refuse_table(data: object, what: str) -> None:
    """Raise if something that should be one column, or one sequence, is a table, mapping, set, document or raw bytes.

    Args:
        data: A pandas, Polars, Arrow or Hugging Face table, a mapping, a NumPy array, a document of spaCy, or anything
            else.
        what: What it should be, in the error's words, such as "text".

    Raises:
        DataError: It is one of these; says how to pass the one column.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        raise DataError(f"{what} was given as {type(data).__name__}: decode it first, as in data.decode('utf-8')")
    if isinstance(data, (set, frozenset)):
        raise DataError(f"{what} must not be a {type(data).__name__}, which has no order: pass a list")
    if is_document(data):
        raise DataError(f"{what} was given as a {_type(data)}: put it in a list, or pass its sentences, data.sents")
    names = _columns(data)
    if names is not None:
        column = next((name for name in _LIKELY if name in names), next(iter(names), "text"))
        which = "one of its values" if isinstance(data, Mapping) else "one column"
        raise DataError(f"{what} was given as a {_type(data)}: pass {which}, as in data{_reading(data)}[{column!r}]")
    dimensions = getattr(data, "ndim", None)
    if isinstance(dimensions, int) and dimensions != 1 and hasattr(data, "shape"):
        remedy = "pass one column, as in data[:, 0]" if dimensions > 1 else "put it in a list"
        raise DataError(f"{what} was given as a {_type(data)} of {dimensions} dimensions: {remedy}")


def refuse_columns(data: object, what: str, remedy: str) -> None:
    """Raise if something that should be a sequence of rows is a table with named columns, or a mapping.

    Args:
        data: What was given.
        what: What it should be, in the error's words.
        remedy: What to pass instead.

    Raises:
        DataError: It is one of these.
    """
    if _columns(data) is not None:
        raise DataError(f"{what} was given as a {_type(data)}: pass {remedy}")


def items_of(data: Any) -> Any:
    """Return an iterable: the Python values of an Arrow or Polars column, otherwise the data."""
    as_list = next((name for name in _AS_LIST if hasattr(data, name) and hasattr(data, "slice")), None)
    return data if as_list is None else _values(data, as_list)


def words_of(words: Any, what: str = "the list of words") -> Sequence[Any]:
    """Return several words, in whatever they were given, as a list or tuple.

    Args:
        words: A sequence, a column of a table or an iterator.
        what: What it is, in the error's words.

    Raises:
        DataError: It is one string, whose letters would be taken for words, a table, or nothing to iterate over.
    """
    if isinstance(words, (list, tuple)):
        return words
    if isinstance(words, str):
        some = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}..."
        raise DataError(f"{what} was given as one string, {some!r}: put it in a list, or split it into words")
    refuse_table(words, what)
    if not isinstance(words, Iterable):
        raise DataError(f"{what} was given as {type(words).__name__}: pass a list of strings")
    return list(items_of(words))


def tokens_of(item: Any) -> Sequence[Any] | None:
    """Return an item as the tokens of a sentence, where it is a sequence or an array (as in Parquet files); or None."""
    if isinstance(item, (str, bytes, bytearray, memoryview)):
        return None
    if isinstance(item, Sequence):
        return item
    if getattr(item, "ndim", None) == 1 and hasattr(item, "tolist"):
        tokens: list[Any] = item.tolist()
        return tokens
    if is_document(item):
        return [token.text for token in item if token.text.strip()]
    values = items_of(item)
    return None if values is item else list(values)


def is_document(item: Any) -> bool:
    """Return whether an item is like a document or span of spaCy, whose tokens know the space after them."""
    return isinstance(getattr(item, "text_with_ws", None), str) and hasattr(item, "__iter__")


def words_with_space(item: Any) -> list[tuple[Any, str]] | None:
    """Return the words of an item with what separates each from the next one; None if it is not a list of words.

    White space is a token of its own in a document of spaCy; its line feeds become spaces.
    """
    if is_document(item):
        pairs = [(token.text, token.whitespace_) for token in item]
        return [(word if word.strip() else word.replace("\n", " "), space) for word, space in pairs]
    words = tokens_of(item)
    return None if words is None else [(word, " ") for word in words]


def is_missing(item: object) -> bool:
    """Return whether an item is None, NaN, or the NA or NaT of pandas."""
    is_nan = isinstance(item, float) and math.isnan(item)
    return item is None or is_nan or type(item).__name__ in ("NAType", "NaTType")


def problem_of_item(item: object, *, may_be_empty: bool = True) -> str | None:
    """Return a description and remedy for an item that is not a text, or None.

    Args:
        item: The item.
        may_be_empty: Whether an empty text can take its place.
    """
    if is_missing(item):
        return "is missing (None or NaN): drop such rows" + (", or fill them with ''" if may_be_empty else "")
    if isinstance(item, (bytes, bytearray)):
        return f"is {type(item).__name__}: decode it first, as in item.decode('utf-8')"
    if isinstance(item, Mapping):
        return (
            f"is a {type(item).__name__}, a row of a table: pass the texts alone, as in [row['text'] for row in data]"
        )
    return None


def _columns(data: object) -> list[Any] | None:
    """Return the names of the columns or keys of a table; None for anything else."""
    if isinstance(data, Mapping):
        return list(data)
    structured = getattr(getattr(data, "dtype", None), "names", None)
    if isinstance(structured, tuple):
        return list(structured)
    if isinstance(data, type) or getattr(data, "ndim", None) == 1:
        return None
    if _reading(data):
        return []  # the names would have to be computed
    for attribute in ("column_names", "columns"):  # `columns` are the columns themselves in Arrow
        names = getattr(data, attribute, None)
        if names is not None and not isinstance(names, str) and not callable(names):
            return list(names)
    # A streamed table of Hugging Face may not know its columns before it is read.
    return [] if hasattr(data, "column_names") and hasattr(data, "features") else None


def _reading(data: object) -> str:
    """Return the call that reads a lazy table of Polars or a stream of Arrow; empty for what is read already."""
    if hasattr(data, "collect_schema") and hasattr(data, "collect"):
        return ".collect()"
    return ".read_all()" if hasattr(data, "read_next_batch") else ""


def _values(data: Any, as_list: str) -> Iterator[Any]:
    for start in range(0, len(data), _AT_ONCE):
        yield from getattr(data.slice(start, _AT_ONCE), as_list)()


def _type(data: object) -> str:
    return f"{type(data).__module__.partition('.')[0]} {type(data).__name__}".removeprefix("builtins ")
