"""Output of results: strict JSON, TSV, plain tables, and text safe for terminals."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from nlmkit.core.tables import escape_controls as escape_controls  # noqa: PLC0414  # commands have it from here
from nlmkit.core.tables import table as table  # noqa: PLC0414
from nlmkit.core.tables import width as width  # noqa: PLC0414

_MOST_COUNTS = 50
_COUNTS_SHOWN = 10
"""Number of counts above which only the largest are shown, and how many."""

# Those controls that JSON lets stand in a string.
_JSON_CONTROLS = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def write(text: str) -> None:
    """Write ``text`` to stdout unchanged."""
    if sys.stdout is not None:  # None when the descriptor was closed before the start
        with _named_errors():
            sys.stdout.write(text)


def flush() -> None:
    """Flush stdout for readers of a pipe."""
    if sys.stdout is not None:
        with _named_errors():
            sys.stdout.flush()


@contextlib.contextmanager
def _named_errors() -> Iterator[None]:
    """Mark errors of the body as errors of stdout."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def note(message: str) -> None:
    """Print a message on stderr."""
    click.echo(f"note: {one_line(message)}", err=True)


def one_line(message: str) -> str:
    """Return a message as one line that is safe to print: line feeds as spaces, control characters escaped."""
    return escape_controls(" ".join(message.replace("\r\n", "\n").rstrip("\n").split("\n")))


def on_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def columns() -> int | None:
    """Return the width to wrap tables to: that of the terminal, or COLUMNS; None for a pipe."""
    return shutil.get_terminal_size().columns if on_terminal() or os.environ.get("COLUMNS") else None


def for_terminal(text: str) -> str:
    """Return ``text`` with control characters escaped if stdout is a terminal."""
    return escape_controls(text) if on_terminal() else text


MANY_FIGURES: Final = 60
"""More figures than that, such as costs of thousands of epochs, fill a screen and are not read."""


def fact_rows(facts: Mapping[str, Any], *, indent: int = 0, spaced: bool = True) -> list[tuple[str, str]]:
    """Format named facts as rows of two columns; nested facts are indented below their name.

    Args:
        facts: The facts.
        indent: Spaces before the names.
        spaced: Whether underscores of names become spaces, which is wrong for hyper-parameters.
    """
    rows: list[tuple[str, str]] = []
    for key, value in facts.items():
        name = " " * indent + (str(key).replace("_", " ") if spaced else str(key))
        if isinstance(value, Mapping) and len(value) > _MOST_COUNTS and _are_counts(value):
            largest = dict(sorted(value.items(), key=lambda item: -item[1])[:_COUNTS_SHOWN])
            rows.append((name, f"{len(value)}, the largest:"))
            rows += [(" " * (indent + 2) + str(item), fact(count)) for item, count in largest.items()]
            rows.append((" " * (indent + 2) + "the smallest", fact(min(value.values()))))
        elif isinstance(value, Mapping) and value:
            rows += [(name, ""), *fact_rows(value, indent=indent + 2, spaced=spaced)]
        elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
            for number_, item in enumerate(value, 1):
                nested = item if isinstance(item, Mapping) else {"": item}
                rows += [(f"{name} {number_}", ""), *fact_rows(nested, indent=indent + 2, spaced=spaced)]
        else:
            rows.append((name, fact(value)))
    return rows


def _are_counts(facts: Mapping[str, Any]) -> bool:
    return all(type(value) is int for value in facts.values())


def fact(value: Any) -> str:
    """Format a JSON value for a reader: short figures, plain lists, no braces or quotes.

    Lists of more than ``MANY_FIGURES`` figures are abbreviated; --json has all of them.
    """
    if isinstance(value, (list, tuple)):
        if any(isinstance(item, (list, tuple)) for item in value):
            return " | ".join(map(fact, value))
        if len(value) > MANY_FIGURES and all(isinstance(item, (int, float)) for item in value):
            return f"{fact(value[:3])} … {fact(value[-3:])} ({len(value)} figures)"
        return " ".join(map(fact, value)) or "none"
    if value is None or (isinstance(value, Mapping) and not value):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def number(value: float) -> str:
    """Format a figure for a TSV column: nine significant digits, ``inf`` and ``nan``."""
    return f"{value:.9g}"


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Return ``value`` as strict JSON text (RFC 8259, valid UTF-8).

    Numbers that JSON cannot represent become null. If ``value`` is an object, its ``reasons`` has the path of each of
    them with the reason.
    """
    reasons: dict[str, str] = {}
    plain = _plain(value, "", reasons)
    if reasons and isinstance(plain, dict):
        plain["reasons"] = {**plain.get("reasons", {}), **reasons}
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=indent)
    return _JSON_CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def write_json(value: Any) -> None:
    """Write one JSON object, laid out for reading."""
    write(to_json(value, indent=2) + "\n")


def _plain(value: Any, path: str, reasons: dict[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{path}.{key}" if path else str(key), reasons) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{index}]", reasons) for index, item in enumerate(value)]
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return _plain(value.tolist(), path, reasons)
    if isinstance(value, float) and not math.isfinite(value):
        reasons[path] = "undefined (not a number)" if math.isnan(value) else f"{'-' if value < 0 else ''}infinite"
        return None
    if value is None or isinstance(value, (int, float)):
        return value
    return _SURROGATES.sub(_escape_surrogate, str(value))


def _escape_surrogate(match: re.Match[str]) -> str:
    # A byte of a file name that is no UTF-8 is half a surrogate pair in Python; strict readers refuse those.
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
