"""Notes: warnings about results, sent to the logger ``nlmkit``.

In Python they appear on stderr, or as configured by ``logging``; the command line prints them as ``note: ...`` and
drops them under ``--quiet``.
"""

from __future__ import annotations

import contextlib
import contextvars
import re
from collections.abc import Iterator

LOGGER = "nlmkit"
"""Name of the logger that receives the notes."""


def note(message: str) -> None:
    """Log ``message``, one sentence that names cause, place and remedy, at level WARNING."""
    import logging  # not above: start-up is measured

    if (known := _known.get()) is not None:
        said, new = known
        kind = kind_of_note(message)
        if kind in said:
            return
        new.add(kind)
    logging.getLogger(LOGGER).warning("%s", message)


def tell(message: str) -> None:
    """Log ``message``, one sentence on what is being done, at level INFO; the command line prints it."""
    import logging

    logging.getLogger(LOGGER).info("%s", message)


def kind_of_note(message: str) -> str:
    """Return a note without its numbers: notes that differ only in these are of one kind."""
    return _NUMBER.sub("0", message)


_NUMBER = re.compile("[0-9]+")
_known: contextvars.ContextVar[tuple[set[str], set[str]] | None] = contextvars.ContextVar("nlmkit-said", default=None)
_inside_fit: contextvars.ContextVar[bool] = contextvars.ContextVar("nlmkit-inside-fit", default=False)


@contextlib.contextmanager
def notes_of_fit() -> Iterator[bool]:
    """Enter a fit and return whether to log its notes: True for the outermost fit only.

    The outer fit logs those notes of an inner one that concern its own result.
    """
    outermost = not _inside_fit.get()
    mark = _inside_fit.set(True)
    try:
        yield outermost
    finally:
        _inside_fit.reset(mark)


@contextlib.contextmanager
def each_note_once(said: set[str] | None) -> Iterator[None]:
    """Suppress repeated notes in the body; notes that differ only in numbers count as equal.

    Args:
        said: Notes logged before; new ones are added at the end. None changes nothing.
    """
    new: set[str] = set()
    mark = _known.set(_known.get() if said is None else (said, new))
    try:
        yield
    finally:
        _known.reset(mark)
        if said is not None:
            said |= new
