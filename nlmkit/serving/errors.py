"""Refusals of requests: ``RequestError``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from nlmkit.errors import DataError, NlmkitError

_PARENTHESES: Final = re.compile(r" \([^()]*(?:\([^()]*\)[^()]*)*\)")
_OPTION: Final = re.compile(r"(?<!\w)--[a-z]")


class RequestError(Exception):
    """A request cannot be answered.

    Attributes:
        status: HTTP status.
        message: One line for the client.
        closes: Whether the connection is closed after the answer, since the rest of the request is not read.
    """

    def __init__(self, status: int, message: str, *, closes: bool = False) -> None:
        super().__init__(message)
        self.status, self.message, self.closes = status, " ".join(message.split()), closes


def refusal(
    error: NlmkitError, *, item: str, first: int, count: int, folders: Sequence[tuple[str, str]]
) -> RequestError:
    """Return what a client reads of an error of a model: the number of the text, no path, no option of a command.

    Args:
        error: The error.
        item: What one of the inputs is called, such as ``text``.
        first: Number of inputs before those that were being answered.
        count: How many were being answered.
        folders: Name and folder of the served models, of which folders are replaced by names.
    """
    message = str(error)
    if isinstance(error, DataError):
        number = first + error.line if error.line is not None and 0 < error.line <= count else None
        if number is None and count == 1:
            number = first + 1
        message = error.problem if number is None else f"{item} {number}: {error.problem}"
    for name, folder in folders:
        message = message.replace(folder, name)
    return RequestError(422, without_options(message))


def without_options(message: str) -> str:
    """Return a message without the parentheses and clauses that name options of the command line, or are for Python."""
    text = _PARENTHESES.sub(lambda found: "" if _is_for_others(found[0]) else found[0], message)
    first, *others = re.split(r"(?<=[:;,]) ", text)
    return " ".join([first, *(clause for clause in others if not _is_for_others(clause))]).rstrip(":;,")


def _is_for_others(text: str) -> bool:
    return _OPTION.search(text) is not None or "(in Python" in text
