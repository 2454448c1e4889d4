"""Picture of a sentence with the probabilities of its tags; matplotlib is imported only for drawing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from nlmkit.core.notes import note
from nlmkit.errors import DataError
from nlmkit.plots.figure import by_type, check_plot, number_shares, printable, save_figure
from nlmkit.plots.fonts import noted_drawing

MOST_TOKENS: Final = 60
"""Number of tokens drawn."""

MOST_TAGS: Final = 40
"""Number of tags drawn: those that are predicted, then those with the highest probabilities."""

_NUMBERED: Final = 30  # tokens above which the cells have no numbers
_SHOWN: Final = 0.005  # least probability that has a number, or that makes a row
_LONGEST: Final = 24  # characters of a token


def plot_tag_probabilities(
    tokens: Sequence[str],
    predicted: Sequence[str],
    probabilities: ArrayLike,
    tags: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str = "",
) -> None:
    """Draw a sentence: one column per token, one row per tag, shaded by probability; predicted tags have a frame.

    Of a longer sentence the first 60 tokens are drawn, and a note says so. Tags that are improbable at all tokens are
    left out; of more than 40 others, those that were predicted and those with the highest probabilities are drawn. They
    are sorted by type, then by letter.

    Args:
        tokens: The tokens, at least one.
        predicted: The predicted tag of each, one of ``tags``.
        probabilities: Probability of each tag at each token: [tokens, tags].
        tags: Names of the tags.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        title: Title of the picture.

    Characters missing from all fonts are noted.

    Raises:
        DataError: The sentence is empty, or arguments differ in length; the file's suffix is unknown, or its folder
            is not writable.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: The file cannot be written.
    """
    check_plot(path)
    shares = np.asarray(probabilities, np.float64)
    if not tokens or len(predicted) != len(tokens) or shares.shape != (len(tokens), len(tags)):
        raise DataError(
            f"{len(tokens)} tokens, {len(predicted)} predicted tags and probabilities of shape {shares.shape} for "
            f"{len(tags)} tags: expected at least one token, and as many of everything"
        )
    from matplotlib.figure import Figure

    if len(tokens) > MOST_TOKENS:
        note(f"{path}: the first {MOST_TOKENS} of {len(tokens)} tokens are drawn")
    shares = shares[:MOST_TOKENS]
    rows = sorted(_drawn(shares, [tags.index(tag) for tag in predicted]), key=lambda row: by_type(tags[row]))
    words = [printable(token[:_LONGEST]) for token in tokens[:MOST_TOKENS]]
    names = [printable(tags[row]) for row in rows]
    heading = printable(title)
    # With a salt, the same sentence gives the same file.
    with noted_drawing("".join([*words, *names, heading]), Path(path), {"svg.hashsalt": "nlmkit"}):
        figure = Figure(figsize=(2.5 + 0.55 * len(words), 1.8 + 0.35 * len(names)), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        picture = axes.imshow(shares[:, rows].T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        figure.colorbar(picture, ax=axes, label="probability")
        if len(words) <= _NUMBERED:
            number_shares(axes, shares[:, rows], least=_SHOWN)
        for column, tag in enumerate(predicted[:MOST_TOKENS]):
            row = rows.index(tags.index(tag))
            axes.add_patch(_frame(column, row))
        axes.set_xticks(range(len(words)), words, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.set_title(heading, parse_math=False)
        save_figure(figure, path)


def _drawn(shares: np.ndarray[Any, Any], predicted: Sequence[int]) -> list[int]:
    """Return the tags that are drawn."""
    highest = shares.max(axis=0)
    others = [tag for tag in np.argsort(-highest, kind="stable").tolist() if highest[tag] >= _SHOWN]
    of_tokens = dict.fromkeys(predicted[:MOST_TOKENS])
    return list(of_tokens | dict.fromkeys(others))[: max(MOST_TAGS, len(of_tokens))]


def _frame(column: int, row: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="tab:red", linewidth=1.5)
