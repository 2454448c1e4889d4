"""Picture of the attention of a decoder to the words of a source; matplotlib is imported only for drawing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from nlmkit.core.notes import note
from nlmkit.errors import DataError
from nlmkit.plots.figure import check_plot, number_shares, printable, save_figure
from nlmkit.plots.fonts import noted_drawing

MOST_WORDS: Final = 60
"""Number of words drawn on either side."""

_NUMBERED: Final = 900  # cells above which they have no numbers
_SHOWN: Final = 0.005  # least weight that has a number
_LONGEST: Final = 24  # characters of a word


def plot_attention(
    source: Sequence[str], target: Sequence[str], weights: ArrayLike, path: str | os.PathLike[str], *, title: str = ""
) -> None:
    """Draw attention weights as a heat map: one column per source word, one row per target word (Bahdanau 2015).

    The first target word is at the top. Of longer sentences the first 60 words are drawn, and a note says so.

    Args:
        source: Words of the source, at least one.
        target: Words of the target, at least one; ``</s>`` is a word like others if its weights are given.
        weights: Weight of each source word at each target word, each from 0 to 1: [target words, source words].
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        title: Title of the picture.

    Characters missing from all fonts are noted.

    Raises:
        DataError: There is no word, weights are not from 0 to 1, or arguments are of different lengths; the file's
            suffix is unknown, or its folder is not writable.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: The file cannot be written.
    """
    check_plot(path)
    shares = np.asarray(weights, np.float64)
    if not (source and target) or shares.shape != (len(target), len(source)):
        raise DataError(
            f"{len(source)} source words, {len(target)} target words and weights of shape {shares.shape}: expected at "
            "least one word on each side, and a row of weights per target word"
        )
    if not ((shares >= 0) & (shares <= 1 + 1e-4)).all():
        raise DataError("attention weights must be numbers from 0 to 1")
    from matplotlib.figure import Figure

    for words, what in ((source, "source"), (target, "target")):
        if len(words) > MOST_WORDS:
            note(f"{path}: the first {MOST_WORDS} of {len(words)} {what} words are drawn")
    shares = shares[:MOST_WORDS, :MOST_WORDS]
    columns, rows = ([printable(word[:_LONGEST]) for word in words[:MOST_WORDS]] for words in (source, target))
    heading = printable(title)
    # With a salt, the same sentence gives the same file.
    with noted_drawing("".join([*columns, *rows, heading]), Path(path), {"svg.hashsalt": "nlmkit"}):
        size = (2.5 + 0.5 * len(columns), 2.0 + 0.4 * len(rows))
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        axes = figure.add_subplot()
        picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        figure.colorbar(picture, ax=axes, label="attention weight")
        if shares.size <= _NUMBERED:
            number_shares(axes, shares.T, least=_SHOWN)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xticks(range(len(columns)), columns, rotation=45, ha="left", rotation_mode="anchor", parse_math=False)
        axes.set_yticks(range(len(rows)), rows, parse_math=False)
        axes.set_xlabel("source")
        axes.set_ylabel("target")
        axes.set_title(heading, parse_math=False)
        save_figure(figure, path)
