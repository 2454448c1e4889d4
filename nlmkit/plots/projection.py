"""Pictures of words in two dimensions: principal components, and labels that can be read.

The components are those of the words that are drawn (Pearson 1901), by numpy's SVD; the picture shows what share of
their variance it shows. Labels are put next to their points where they cover neither another label nor a point.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.short_repr import short_repr
from nlmkit.errors import DataError
from nlmkit.plots.figure import check_plot, printable
from nlmkit.plots.fonts import drawing, notes_on
from nlmkit.representations.neighbours import most_frequent
from nlmkit.saving.written import written
from nlmkit.text.tables import words_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nlmkit.representations.base import Representation

DEFAULT_WORDS: Final = 60
"""Default number of most frequent words to draw, excluding punctuation."""

MOST_WORDS: Final = 500
"""Maximum number of labels of a readable picture."""

_FEWEST: Final = 3
_COLOUR: Final = "#3b6ea5"
_FONT_SIZE: Final = 9.0  # points, as all lengths here
_MARKER: Final = 2.0  # radius
_MARGIN: Final = 1.0  # around a label
_LABEL: Final = 40  # characters of it
_NEAR: Final = 8.0  # a label further from its point than this is joined to it by a line
_RINGS: Final = (4.0, 7.0, 11.0, 16.0, 22.0, 30.0, 40.0, 52.0, 68.0, 88.0, 112.0)
_DIRECTIONS: Final = tuple(
    (math.cos(math.radians(angle)), math.sin(math.radians(angle)))
    for angle in (0, 180, 90, 270, 45, 315, 135, 225, 22, 338, 158, 202, 68, 112, 248, 292)
)
"""Right of the point first, then left, above, below, and what lies between."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Vectors in the plane of their first two principal components.

    Attributes:
        points: float64 [n, 2].
        explained: Share of the vectors' variance along each axis.
    """

    points: NDArray[np.float64]
    explained: tuple[float, float]

    def __repr__(self) -> str:
        return short_repr(self)


def project(vectors: ArrayLike) -> Projection:
    """Project vectors onto their first two principal components.

    Of each component, the direction is taken in which its largest coordinate is positive, so that the picture does not
    depend on the linear algebra library.

    Args:
        vectors: Two or more vectors [n, d].

    Raises:
        DataError: there are fewer than two, they have no values, or are all equal.
    """
    values = np.asarray(vectors, np.float64)
    if values.ndim != 2 or len(values) < 2 or not values.shape[1]:
        raise DataError(f"a projection needs two vectors or more, and this is an array of the shape {values.shape}")
    centred = values - values.mean(axis=0)
    left, singular, right = np.linalg.svd(centred, full_matrices=False)
    variance = singular**2
    if not variance.sum() > 0:
        raise DataError("nothing to project: all vectors are equal")
    points, explained = np.zeros((len(values), 2)), [0.0, 0.0]
    for axis in range(min(2, len(singular))):
        sign = 1.0 if right[axis, np.abs(right[axis]).argmax()] > 0 else -1.0
        points[:, axis] = sign * left[:, axis] * singular[axis]
        explained[axis] = float(variance[axis] / variance.sum())
    return Projection(points=points, explained=(explained[0], explained[1]))


def place_labels(points: ArrayLike, sizes: ArrayLike, width: float, height: float) -> NDArray[np.float64]:
    """Find a place for the label of each point, in the order of the points.

    A label takes the first free place around its point: nearer ones before farther ones, the right side first. It
    covers no label that is placed already and no point, and stays inside the picture. The same input gives the same
    places.

    Args:
        points: Where the points are: [n, 2], in points of 1/72 inch like all lengths here.
        sizes: Width and height of each label: [n, 2].
        width: Of the picture.
        height: Of the picture.

    Returns:
        Lower left corner of each label: float64 [n, 2], NaN if there was no room for it.
    """
    centres, extents = np.asarray(points, np.float64), np.asarray(sizes, np.float64)
    markers = np.concatenate([centres - _MARKER, centres + _MARKER], axis=1)
    taken = np.empty((0, 4))
    corners = np.full((len(centres), 2), np.nan)
    for place, (centre, extent) in enumerate(zip(centres, extents, strict=True)):
        boxes = _around(centre, extent)
        free = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2] <= width) & (boxes[:, 3] <= height)
        free &= ~_overlap(boxes, markers) & ~_overlap(boxes, taken)
        if free.any():
            box = boxes[free.argmax()]
            taken = np.concatenate([taken, box[None]])
            corners[place] = box[:2] + _MARGIN
    return corners


def _around(centre: NDArray[np.float64], extent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the places for a label, the best first, as left, bottom, right, top: float64 [places, 4]."""
    half = extent / 2 + _MARGIN
    boxes = []
    for ring in _RINGS:
        for direction in _DIRECTIONS:
            # In the direction of the point the label's edge, not its middle, is on the ring.
            middle = centre + np.array(direction) * (half + ring)
            boxes.append(np.concatenate([middle - half, middle + half]))
    return np.array(boxes)


def _overlap(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each box covers a part of any of the others: bool [boxes]."""
    apart = (boxes[:, None, :2] >= others[None, :, 2:]) | (boxes[:, None, 2:] <= others[None, :, :2])
    return np.asarray((~np.any(apart, axis=2)).any(axis=1))


# ---------------------------------------------------------------------------------------------------- the picture


def plot_projection(
    representation: Representation,
    path: str | os.PathLike[str],
    words: Iterable[str] | None = None,
    *,
    title: str = "",
) -> list[str]:
    """Draw words as points with labels, in the plane of their first two principal components.

    Args:
        representation: A fitted representation.
        path: File to write: ``.png``, ``.svg`` or ``.pdf``.
        words: Which words; the ``DEFAULT_WORDS`` most frequent ones if not given. Those without a vector are left out.
        title: What the picture shows.

    Returns:
        Notes: words and labels that were omitted, characters missing from all fonts.

    Raises:
        DataError: fewer than three of the words have vectors, there are more than ``MOST_WORDS``, the file's name has
            no ending that is known, or its folder cannot be written.
        NlmkitError: matplotlib is not installed, or cannot be imported.
        OSError: The file cannot be written.
    """
    check_plot(path)
    representation.check_fitted()
    shown, notes = _shown(representation, words)
    projection = project(representation.vectors(shown))
    labels, heading = [_label(word) for word in shown], printable(title)
    text = "".join([*labels, heading])
    with drawing(text) as missing:
        notes += notes_on(text, missing, Path(path))
        without_room = _draw(projection, labels, missing, Path(path), heading)
    if without_room:
        names = ", ".join(without_room[:5]) + (", …" if len(without_room) > 5 else "")
        notes.append(f"{len(without_room)} of {len(labels)} labels had no room ({names}): draw fewer words")
    return notes


def _shown(representation: Representation, words: Iterable[str] | None) -> tuple[list[str], list[str]]:
    """Return the words to draw, and notes on the others."""
    if words is None:
        ranked = map(representation.vocabulary_.word, most_frequent(representation).tolist())
        wanted = list(islice((word for word in ranked if any(map(str.isalnum, word))), DEFAULT_WORDS))
    else:
        wanted = list(dict.fromkeys(words_of(words)))
    unknown = [word for word in wanted if word not in representation]
    shown = [word for word in wanted if word in representation]
    if len(shown) < _FEWEST:
        without = f" (without: {', '.join(map(repr, unknown[:_FEWEST]))})" if unknown else ""
        problem = f"a picture needs three words that have vectors, and {len(shown)} of {len(wanted)} have one{without}"
        raise DataError(f"{problem}: name words of the representation's text")
    if len(shown) > MOST_WORDS:
        raise DataError(f"{len(shown)} labels cannot be read: draw at most {MOST_WORDS} words")
    return shown, [f"no vectors, so not drawn: {', '.join(unknown)}"] if unknown else []


def _draw(projection: Projection, labels: Sequence[str], missing: set[str], path: Path, title: str) -> list[str]:
    """Draw the picture; returns the labels that had no room."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Room grows with the number of labels, which then stay about equally close.
    side = min(20.0, max(7.0, 0.85 * math.sqrt(len(labels))))
    figure = Figure(figsize=(side * 1.25, side), dpi=150)
    axes = figure.add_axes((0.07, 0.07, 0.91, 0.87))
    across, up = projection.points.T
    axes.scatter(across, up, s=(2 * _MARKER) ** 2, color=_COLOUR, linewidths=0, zorder=3)
    axes.margins(0.06)
    axes.axhline(0, color="0.88", linewidth=0.8, zorder=0)
    axes.axvline(0, color="0.88", linewidth=0.8, zorder=0)
    first, second = (f"principal component ({share:.1%} of the variance)" for share in projection.explained)
    axes.set_xlabel(f"first {first}", fontsize=9)
    axes.set_ylabel(f"second {second}", fontsize=9)
    axes.tick_params(labelsize=8, colors="0.4")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, fontsize=11, loc="left")

    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    to_points = 72 / figure.dpi
    frame = axes.get_window_extent(renderer)
    places = (axes.transData.transform(projection.points) - (frame.x0, frame.y0)) * to_points
    texts = [axes.text(0, 0, label, fontsize=_FONT_SIZE) for label in labels]
    sizes = []
    for label, text in zip(labels, texts, strict=True):
        box = text.get_window_extent(renderer)
        # Characters drawn in another font may be wider than the boxes used for them here.
        width = max(box.width * to_points, _FONT_SIZE * len(label) if missing.intersection(label) else 0.0)
        sizes.append((width, box.height * to_points))
        text.remove()
    corners = place_labels(places, sizes, frame.width * to_points, frame.height * to_points)
    without_room = []
    for label, point, offset, size in zip(labels, projection.points, corners - places, sizes, strict=True):
        if np.isnan(offset).any():
            without_room.append(label)
        else:
            _annotate(axes, label, point, offset, size)
    with written(path) as stream:
        figure.savefig(stream, format=path.suffix.lower()[1:])
    return without_room


def _annotate(
    axes: Any, label: str, point: NDArray[np.float64], offset: NDArray[np.float64], size: tuple[float, float]
) -> None:
    """Put a label at an offset from its point, and a line between them where it is not beside it."""
    # Offsets in points are right at the resolution of every format; va="bottom" takes the box that was measured.
    axes.annotate(
        label,
        point,
        offset,
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize=_FONT_SIZE,
        zorder=4,
    )
    nearest = np.clip(0.0, offset, offset + size)
    if np.hypot(*nearest) > _NEAR:
        line = {"arrowstyle": "-", "color": "0.6", "linewidth": 0.6, "shrinkA": 0, "shrinkB": _MARKER}
        axes.annotate("", point, nearest, textcoords="offset points", arrowprops=line, zorder=1)


def _label(text: str) -> str:
    """One printable line of bounded length."""
    line = printable(text, len(text))
    return line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"
