"""Section with words in the plane: principal components, and t-SNE where scikit-learn is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.optional import require
from nlmkit.plots.projection import project
from nlmkit.reporting.blocks import Block, Note, Panel, Panels, Picture, Section
from nlmkit.reporting.charts.axes import drawing
from nlmkit.reporting.charts.lines import mark
from nlmkit.reporting.markup import Element
from nlmkit.reporting.representations.study import RepresentationStudy, unit_vectors
from nlmkit.reporting.study import Subject

_WORDS = 150
_SKIPPED = 40
_FEWEST = 5
_NEAREST = 5
_WIDTH, _HEIGHT, _MARGIN = 720.0, 520.0, 14.0
_LABEL = 6.6  # width of a character
_LINE = 13.0


def projection(study: RepresentationStudy) -> Section | None:
    """Return the pictures of each representation; None if there are too few words."""
    words = study.examples(_WORDS, skip=_SKIPPED)
    if len(words) < _FEWEST:
        return None
    panels = []
    for subject, model in zip(study.subjects, study.models, strict=True):
        study.stage(f"projecting {subject.name}")
        vectors = unit_vectors(model, words)
        if not np.ptp(vectors, axis=0).any():
            panels.append(Panel(subject.name, [Note("All vectors are equal.")], color=subject.color))
            continue
        panels.append(Panel(subject.name, _pictures(subject, words, vectors, study.options.seed), color=subject.color))
    lead = (
        f"{len(words)} words; those with like vectors are near each other, as far as a plane can show it. Point at a "
        "mark for its word and its nearest neighbours among these words."
    )
    return Section(title="Projection", lead=lead, blocks=(Panels(label="Representations", panels=tuple(panels)),))


def _pictures(subject: Subject, words: list[str], vectors: NDArray[np.float64], seed: int) -> list[Block]:
    tips = _tips(words, vectors)
    found = project(vectors)
    across, up = found.explained
    caption = f"{subject.name}: first two principal components ({across:.1%} and {up:.1%} of the variance)"
    blocks: list[Block] = [_picture(caption, words, tips, found.points, subject.color)]
    if importlib.util.find_spec("sklearn") is None:
        return [*blocks, Note("t-SNE is left out: pip install 'nlmkit[classifiers]' has scikit-learn.")]
    caption = f"{subject.name}: t-SNE (van der Maaten & Hinton 2008), seed {seed}"
    return [*blocks, _picture(caption, words, tips, tsne(vectors, seed), subject.color)]


def tsne(vectors: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return vectors in the plane by t-SNE, from their principal components: float64 [n, 2]."""
    manifold: Any = require("sklearn.manifold", extra="classifiers", who="a projection by t-SNE")
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    made = manifold.TSNE(perplexity=perplexity, init="random", random_state=seed, metric="cosine", n_jobs=1)
    return np.asarray(made.fit_transform(vectors), np.float64)


def _tips(words: list[str], vectors: NDArray[np.float64]) -> list[str]:
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    order = np.argsort(-similar, axis=1, kind="stable")[:, :_NEAREST].tolist()
    return [
        f"{word}: near {', '.join(f'{words[other]} {similar[place, other]:.2f}' for other in nearest)}"
        for place, (word, nearest) in enumerate(zip(words, order, strict=True))
    ]


def _picture(caption: str, words: list[str], tips: list[str], points: NDArray[np.float64], color: int) -> Picture:
    """Return marks with tips, and the words beside them where these do not touch."""
    low, spread = points.min(axis=0), np.ptp(points, axis=0)
    shares = (points - low) / np.where(spread > 0, spread, 1.0)
    x = _MARGIN + shares[:, 0] * (_WIDTH - 2 * _MARGIN - 60)
    y = _HEIGHT - _MARGIN - shares[:, 1] * (_HEIGHT - 2 * _MARGIN)
    picture = drawing(caption, width=_WIDTH, height=_HEIGHT)
    group = Element("g", class_=f"series c{color}")
    names = Element("g", class_="axis")
    taken: list[tuple[float, float, float]] = []
    for word, tip, across, down in zip(words, tips, x.tolist(), y.tolist(), strict=True):
        group.add(mark(color, across, down, tip))
        end = across + 6 + len(word) * _LABEL
        if all(abs(down - other) > _LINE or end < start or across > stop for start, stop, other in taken):
            names.add(Element("text", word, x=across + 6, y=down + 4))
            taken.append((across, end, down))
    return Picture(caption=caption, drawing=picture.add(group, names), wide=True)
