"""Taggers: F1 of spans, and accuracy of tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.comparing.scored import Counted, Figure, NotScored, ScoredItems, scored_items
from nlmkit.taggers.evaluation import counts_by_sentence
from nlmkit.taggers.judging import predicted_tags

if TYPE_CHECKING:
    from nlmkit.taggers.base import Tagger


def _ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quotient of two sums, 0 without a divisor, as conlleval."""
    return np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1), 0.0)


F1: Final = Figure(name="f1", heading="F1", of=_ratio)
PRECISION: Final = Figure(name="precision", heading="PRECISION", of=_ratio)
RECALL: Final = Figure(name="recall", heading="RECALL", of=_ratio)
ACCURACY: Final = Figure(name="accuracy", heading="ACCURACY", of=_ratio)
FIGURES: Final = (F1, ACCURACY, PRECISION, RECALL)

_COUNTED: Final = {
    "precision": ("correct", "predicted"),
    "recall": ("correct", "gold"),
    "accuracy": ("right", "tokens"),
}


def score(name: str, model: Tagger, data: Any, by: str) -> ScoredItems | NotScored:
    """Score a tagger on sentences with tags.

    Args:
        name: Name to show.
        model: Fitted tagger.
        data: Sentences with tags, as ``Tagger.score`` takes them.
        by: The figure that models are ranked by.

    Raises:
        DataError: The data have no tokens, or the sentences or tags are unusable.
    """
    judged = predicted_tags(model, data)
    counted = counts_by_sentence(judged.gold, judged.predicted)
    columns = {figure.name: _columns(figure.name, counted) for figure in FIGURES}
    counts = {figure.name: (figure, made) for figure in FIGURES if (made := columns[figure.name]) is not None}
    if by not in counts:
        return NotScored(name, "its tags are plain and form no spans: use --by accuracy")
    numbers = counts[by][1]()
    # Of each sentence what is right, less what is wrong: F1 of a sentence without spans is undefined.
    single = counted["right"] - counted["tokens"] if by == "accuracy" else 2 * numbers[:, 0] - numbers[:, 1]
    signature = f"sentences:{len(judged.gold)}:{judged.gold.digest}"
    facts = f"|{model.tags_}|{model.scheme_}"
    return scored_items(name, model, counts, single.astype(np.float64), by=by, signature=signature, facts=facts)


def _columns(name: str, counted: dict[str, NDArray[np.int64]]) -> Counted | None:
    """Return what makes the numbers of a figure; None if the tags have no spans."""
    if name != "accuracy" and "gold" not in counted:
        return None
    if name == "f1":
        both = counted["gold"] + counted["predicted"]
        return lambda: np.stack([2 * counted["correct"], both], axis=1).astype(np.float64)
    part, whole = _COUNTED[name]
    return lambda: np.stack([counted[part], counted[whole]], axis=1).astype(np.float64)
