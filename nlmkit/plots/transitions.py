"""Picture of the transition scores of a chain of tags; matplotlib is imported only for drawing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.notes import note
from nlmkit.decoding.chain import Chain
from nlmkit.errors import DataError
from nlmkit.plots.figure import by_type, check_plot, printable, save_figure
from nlmkit.plots.fonts import noted_drawing

MOST_TAGS: Final = 60
"""Number of tags drawn."""

_NUMBERED: Final = 25  # tags above which the cells have no numbers
_LARGEST: Final = 20.0  # inches
_DARK: Final = 0.6  # share of the largest score above which a number is white


def plot_transitions(chain: Chain, tags: Sequence[str], path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draw start, transition and end scores: rows are the tag before, columns the tag after; illegal cells are empty.

    Tags are sorted by type, then by letter. Of more than 60 tags the first 60 are drawn, and a note says so.

    Args:
        chain: The scores, −inf where a transition is illegal.
        tags: Names of the tags.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        title: Title of the picture.

    Characters missing from all fonts are noted.

    Raises:
        DataError: The number of names is not that of the tags; the file's suffix is unknown, or its folder is not
            writable.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: The file cannot be written.
    """
    check_plot(path)
    scores = _matrix(chain)
    if len(scores) != len(tags) + 1:
        raise DataError(f"{len(tags)} names for transitions between {len(scores) - 1} tags")
    from matplotlib.figure import Figure

    if len(tags) > MOST_TAGS:
        note(f"{path}: the first {MOST_TAGS} of {len(tags)} tags are drawn")
    drawn = sorted(range(min(len(tags), MOST_TAGS)), key=lambda place: by_type(tags[place]))
    scores = scores[np.ix_([0, *(place + 1 for place in drawn)], [*drawn, len(tags)])]
    names = [printable(tags[place]) for place in drawn]
    heading = printable(title)
    size = min(3.0 + 0.5 * len(names), _LARGEST)
    font_size = min(9.0, 72 * size / (2.4 * len(names) + 8))
    largest = float(np.abs(scores[np.isfinite(scores)]).max(initial=0.0)) or 1.0
    # With a salt, the same scores give the same file.
    settings = {"font.size": font_size, "svg.hashsalt": "nlmkit"}
    with noted_drawing("".join([*names, heading]), Path(path), settings):
        figure = Figure(figsize=(size + 1, size), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        axes.set_facecolor("0.85")
        shown = np.ma.masked_invalid(scores)
        picture = axes.imshow(shown, cmap="RdBu", vmin=-largest, vmax=largest)
        figure.colorbar(picture, ax=axes, label="score (natural logarithm)")
        if len(names) <= _NUMBERED:
            _write_numbers(axes, scores, largest)
        axes.set_xticks(range(len(names) + 1), [*names, "end"], rotation=45, ha="right", parse_math=False)
        axes.set_yticks(range(len(names) + 1), ["start", *names], parse_math=False)
        axes.set_xlabel("tag after")
        axes.set_ylabel("tag before")
        axes.set_title(heading, parse_math=False)
        save_figure(figure, path)


def _matrix(chain: Chain) -> NDArray[np.float64]:
    """Return scores with a first row for the start and a last column for the end: float64 [tags + 1, tags + 1]."""
    inner = np.vstack([np.asarray(chain.start)[None], np.asarray(chain.transitions)])
    end = np.concatenate([[-np.inf], np.asarray(chain.end)])
    return np.hstack([inner, end[:, None]])


def _write_numbers(axes: Any, scores: NDArray[np.float64], largest: float) -> None:
    for (row, column), score in np.ndenumerate(scores):
        if np.isfinite(score):
            colour = "white" if abs(score) > _DARK * largest else "black"
            axes.text(column, row, f"{score:.1f}", ha="center", va="center", color=colour)
