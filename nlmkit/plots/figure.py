"""Shared code of plots: matplotlib, checks of the output file, and printable labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core import optional
from nlmkit.core.tables import JOINERS
from nlmkit.errors import DataError, NlmkitError
from nlmkit.saving.written import written

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES: Final = (".png", ".svg", ".pdf")
"""File formats by suffix."""

_DARK: Final = 0.6
"""Share above which a cell is so dark that its number is white."""


def check_plot(path: str | os.PathLike[str], *, to_come: str | os.PathLike[str] | None = None) -> None:
    """Check before the work that a picture can be drawn.

    Args:
        path: File of the picture.
        to_come: Folder that will exist by then, that of the model.

    Raises:
        DataError: The file's suffix is unknown, or its folder is not writable.
        NlmkitError: matplotlib is not installed, or cannot be imported.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise DataError(f"unsupported picture format: use a file name in {', '.join(SUFFIXES)}", source=str(path))
    check_folder(path, to_come=to_come)
    load_matplotlib()


def check_folder(
    path: str | os.PathLike[str], *, to_come: str | os.PathLike[str] | None = None, what: str = "picture"
) -> None:
    """Check before the work that a picture can be written.

    Args:
        path: File of the picture.
        to_come: Folder that will exist by then, that of the model.
        what: What the file will contain, for the message.

    Raises:
        DataError: It is a folder, or its folder is not writable.
    """
    place = Path(path).absolute()
    folder = place.parent
    if to_come is not None and Path(os.path.realpath(to_come)) in Path(os.path.realpath(place)).parents:
        folder = next(parent for parent in place.parents if parent.exists())
    if place.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"the {what} cannot be written there: choose another file", source=str(path))


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
        reason = f"unknown matplotlib backend {backend!r} in MPLBACKEND"
        raise NlmkitError(f"{reason}: unset it, since pictures in files do not require it") from error


def save_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure in the format of the file's suffix, without a date.

    Raises:
        OSError: The file cannot be written.
    """
    form = Path(path).suffix.lower()[1:]
    with written(Path(path)) as stream:
        figure.savefig(stream, format=form, metadata={"Date": None} if form == "svg" else None)


def number_shares(axes: Any, shares: NDArray[Any], *, least: float) -> None:
    """Write percentages into the cells of a picture of shares.

    Args:
        axes: Axes with the picture.
        shares: Shares of at most 1: [columns, rows].
        least: Smallest share that gets a number.
    """
    for column, row in zip(*(shares >= least).nonzero(), strict=True):
        share = float(shares[column, row])
        colour = "white" if share > _DARK else "black"
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=8)


def by_type(tag: str) -> tuple[str, str]:
    """Key that sorts tags by the type of their spans, then by letter; ``O`` and tags without a type come first."""
    return tag.partition("-")[2], tag


def printable(text: str, most: int = 80) -> str:
    """One line that can be drawn, U+FFFD for what cannot (control characters, bytes of a name that are not UTF-8).

    Joiners stay, which Persian, Indic scripts and emoji are written with; a soft hyphen is not seen within a line.
    Of a longer text the end stays, which distinguishes paths.
    """
    visible = text.replace("\u00ad", "")
    line = "".join(char if char.isprintable() or char in JOINERS else "\ufffd" for char in visible)
    return line if len(line) <= most else f"…{line[-most + 1 :]}"
