"""Strict JSON: bounded nesting, no duplicate keys, no NaN or Infinity, only valid Unicode."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 64

# A string (an unterminated one runs to the end, which keeps the scan linear) or one bracket.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*"?|[\[\]{}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class StrictJSONError(ValueError):
    """The bytes are not strict JSON, or the value cannot be written as such."""


def parse(data: bytes) -> Any:
    """Read one JSON value.

    Args:
        data: UTF-8 without a byte order mark.

    Raises:
        StrictJSONError: The JSON is invalid; the message names problem and place.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJSONError(f"is not UTF-8 (byte {error.start})") from None
    _check_depth(text)
    try:
        value = json.loads(
            text, object_pairs_hook=_object_without_duplicates, parse_constant=_no_constant, parse_float=_finite_float
        )
        if _SURROGATE_ESCAPE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise StrictJSONError(f"is not JSON (line {error.lineno}, column {error.colno}: {error.msg})") from None
    except UnicodeEncodeError:
        raise StrictJSONError("has a string with half a surrogate pair") from None
    except StrictJSONError:
        raise
    except ValueError:  # Python's limit on the digits of an integer
        raise StrictJSONError("has a number with too many digits") from None
    return value


def serialise(value: Any) -> bytes:
    """Write a value as sorted, indented UTF-8 JSON that ``parse`` reads back.

    Raises:
        StrictJSONError: JSON cannot represent an entry; the message names it.
    """
    _check_value(value, "", 0)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True)
    return text.encode("utf-8") + b"\n"


def shown(value: object) -> str:
    """Format a value from a file for a one-line message: escaped and truncated."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _check_depth(text: str) -> None:
    """Reject deep nesting before the recursive parser runs."""
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        character = text[match.start()]
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise StrictJSONError(f"is nested deeper than {MAX_DEPTH} levels (character {match.start()})")
        elif character in "]}":
            depth -= 1


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise StrictJSONError(f"has the key {shown(key)} twice in one object")
            seen.add(key)
    return value


def _no_constant(name: str) -> Any:
    raise StrictJSONError(f"contains {name}, which is not JSON")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise StrictJSONError(f"contains the number {digits[:40]}, which is too large")
    return value


def _check_value(value: Any, where: str, depth: int) -> None:
    place = where or "the top level"
    if isinstance(value, dict | list | tuple):
        if depth == MAX_DEPTH:
            raise StrictJSONError(f"is nested deeper than {MAX_DEPTH} levels")
        for step, item in _items(value, place):
            _check_value(item, (where + step).removeprefix("."), depth + 1)
    elif isinstance(value, str):
        _check_unicode(value, place)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise StrictJSONError(f"contains {value} in {place}; JSON has only finite numbers")
    elif isinstance(value, int):
        if value.bit_length() > 14_000:  # about the 4300 digits that Python reads
            raise StrictJSONError(f"contains a number with too many digits in {place}")
    elif value is not None:
        raise StrictJSONError(f"contains a {type(value).__name__} in {place}, which JSON cannot represent")


def _items(value: dict[Any, Any] | list[Any] | tuple[Any, ...], place: str) -> Iterator[tuple[str, Any]]:
    """Yield the values inside, each with its key or index."""
    if not isinstance(value, dict):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
        return
    for key, item in value.items():
        if not isinstance(key, str):
            raise StrictJSONError(f"has the key {shown(key)} in {place}; JSON keys are strings")
        _check_unicode(key, place)
        yield f".{key}", item


def _check_unicode(text: str, place: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise StrictJSONError(f"contains {shown(text)} in {place}, which is not valid Unicode") from None
