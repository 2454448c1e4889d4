"""Classifiers: accuracy and macro-F1 of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.comparing.scored import Figure, NotScored, ScoredItems, scored_items
from nlmkit.errors import DataError

if TYPE_CHECKING:
    from nlmkit.classifiers.base import Classifier
    from nlmkit.text.labelled import LabelledTexts
    from nlmkit.text.trees import LabelledTrees


def _share(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sums[:, 0] / sums[:, 1], np.float64)


def _macro_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean F1 of the classes that occur as labels or as predictions; the columns are hits, then labels + predictions.

    Resamples without a class leave it out.
    """
    hits, both = np.split(sums, 2, axis=1)
    occurring = both > 0
    f1 = np.where(occurring, 2 * hits / np.where(occurring, both, 1), 0)
    return np.asarray(f1.sum(axis=1) / occurring.sum(axis=1), np.float64)


ACCURACY: Final = Figure(name="accuracy", heading="ACCURACY", of=_share)
MACRO_F1: Final = Figure(name="macro-f1", heading="MACRO-F1", of=_macro_f1)
FIGURES: Final = (ACCURACY, MACRO_F1)


def score(name: str, model: Classifier, data: Any, by: str) -> ScoredItems | NotScored:
    """Score a classifier on texts with labels, or trees.

    Args:
        name: Name to show.
        model: Fitted classifier.
        data: Texts with labels, as ``model.labelled`` takes them.
        by: The figure that models are ranked by.

    Raises:
        DataError: The texts are empty or unusable, or the labels are of another type than those of training.
    """
    texts = model.labelled(data)
    if not len(texts):
        raise DataError("no texts to compare models on", source=texts.source)
    return score_predictions(name, model, texts, model.predict(texts), by)


def score_predictions(
    name: str, model: Classifier, texts: LabelledTexts | LabelledTrees, predictions: NDArray[Any], by: str
) -> ScoredItems | NotScored:
    """Score labels that a classifier has predicted.

    Args:
        name: Name to show.
        model: Fitted classifier.
        texts: Texts or trees with labels of the type of training, at least one.
        predictions: Predicted label of each.
        by: The figure that models are ranked by.
    """
    true, guessed = np.asarray(texts.labels), np.asarray(predictions)
    right = (true == guessed).astype(np.float64)
    names, places = np.unique(np.concatenate([true, guessed]), return_inverse=True)
    labels, guesses = places[: len(true)], places[len(true) :]

    def by_class() -> NDArray[np.float64]:
        # All texts are summed up as one where nothing is drawn from them: there may be thousands of classes.
        rows = np.arange(len(true)) if by == MACRO_F1.name else np.zeros(len(true), np.int64)
        found = np.zeros((int(rows.max()) + 1, 2 * len(names)))
        np.add.at(found, (rows, labels), right)
        np.add.at(found, (rows, len(names) + labels), 1)
        np.add.at(found, (rows, len(names) + guesses), 1)
        return found

    counts = {
        ACCURACY.name: (ACCURACY, lambda: np.stack([right, np.ones(len(right))], axis=1)),
        MACRO_F1.name: (MACRO_F1, by_class),
    }
    facts = f"|{model.classes_.tolist()}|{model.pipeline_.signature}"
    return scored_items(name, model, counts, right, by=by, signature=f"texts:{len(true)}:{texts.digest}", facts=facts)
