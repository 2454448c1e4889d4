"""What every picture needs: matplotlib, a file that can be written, and labels that can be drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from nlmkit.core import optional
from nlmkit.core.tables import JOINERS
from nlmkit.errors import DataError, NlmkitError

SUFFIXES: Final = (".png", ".svg", ".pdf")
"""Formats, told by the file's name."""


def check_plot(path: str | os.PathLike[str]) -> None:
    """Find out before the work that no picture can be drawn.

    Raises:
        DataError: the file's name has no ending that is known, or its folder cannot be written.
        NlmkitError: matplotlib is not installed, or cannot be imported.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise DataError(f"a picture is written as {', '.join(SUFFIXES)}: give its file such a name", source=str(path))
    check_folder(path)
    load_matplotlib()


def check_folder(path: str | os.PathLike[str], *, to_come: str | os.PathLike[str] | None = None) -> None:
    """Find out before the work that a picture cannot be written to a place.

    Args:
        path: Where the picture will go.
        to_come: A folder that will be there by then, that of the model.

    Raises:
        DataError: it is a folder, or lies in none that can be written.
    """
    place = Path(path).absolute()
    folder = place.parent
    if to_come is not None and Path(os.path.realpath(to_come)) in Path(os.path.realpath(place)).parents:
        folder = next(parent for parent in place.parents if parent.exists())
    if place.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise DataError("the picture cannot be written there: choose another file", source=str(path))


def load_matplotlib() -> None:
    """Import matplotlib, which pictures need.

    Raises:
        NlmkitError: it is not installed; or it refuses the environment variable ``MPLBACKEND``.
    """
    try:
        optional.require("matplotlib.figure", extra="plot", who="a picture")
    except ValueError as error:
        backend = os.environ.get("MPLBACKEND")
        if not backend:
            raise
        reason = f"matplotlib knows no backend {backend!r}, which MPLBACKEND names"
        raise NlmkitError(f"{reason}: unset it, since pictures in files need none") from error


def printable(text: str, most: int = 80) -> str:
    """One line that can be drawn, U+FFFD for what cannot (control characters, bytes of a name that are not UTF-8).

    Joiners stay, which Persian, Indic scripts and emoji are written with; a soft hyphen is not seen within a line.
    Of a longer text the end stays, which distinguishes paths.
    """
    visible = text.replace("\u00ad", "")
    line = "".join(char if char.isprintable() or char in JOINERS else "\ufffd" for char in visible)
    return line if len(line) <= most else f"…{line[-most + 1 :]}"
