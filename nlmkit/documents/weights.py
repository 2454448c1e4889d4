"""Weights of training texts: a text of weight 2 counts like the same text twice, one of weight 0 is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nlmkit.errors import DataError, HyperParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BALANCED = "balanced"
"""Value of ``class_weight`` by which all classes have the same total weight."""


def checked_weights(weights: Any, texts: int) -> NDArray[np.float64]:
    """Return the weights of texts as an array: float64 [texts].

    Args:
        weights: One number per text, finite and not negative; at least one of them positive.
        texts: Number of texts.

    Raises:
        DataError: They are not.
    """
    import numpy as np

    try:
        found = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        raise DataError("sample_weight must be one number per text") from None
    if found.shape != (texts,):
        raise DataError(f"sample_weight must be one number per text: {texts} texts, shape {list(found.shape)}")
    wrong = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if len(wrong):
        first = int(wrong[0])
        raise DataError(f"sample_weight must be finite and not negative: text {first + 1} has {found[first]:g}")
    if not found.any():
        raise DataError("sample_weight is 0 for every text: nothing is left to train on")
    return found


def check_class_weight(given: Any) -> None:
    """Check a value of ``class_weight``: ``balanced``, None, or pairs of a label and a positive number.

    Raises:
        HyperParameterError: It is another one, or a label has two weights.
    """
    if given is None or given == BALANCED:
        return
    if isinstance(given, str):
        raise HyperParameterError(f"class_weight must be {BALANCED}, none, or a weight per label, not {given!r}")
    for label, weight in given:
        if not weight > 0:
            raise HyperParameterError(f"class_weight: the weight of {label!r} must be positive, not {weight:g}")
    labels = [(type(label), label) for label, _ in given]
    if len(set(labels)) < len(labels):
        raise HyperParameterError("class_weight: a label has two weights")


def class_weights(
    given: Any, classes: NDArray[Any], targets: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return the weight of each class: float64 [classes].

    ``balanced`` gives class c the weight W / (k · W_c), where W is the total weight of the texts, W_c that of the
    class, and k the number of classes, as in scikit-learn.

    Args:
        given: Value of ``class_weight`` other than None; labels without a weight have 1.
        classes: The labels, sorted.
        targets: Class of each text: int64 [texts].
        weights: Weight of each text: float64 [texts]; None for 1.

    Raises:
        DataError: A weight is given for a label that no text has.
    """
    import numpy as np

    if given == BALANCED:
        totals = np.bincount(targets, weights, minlength=len(classes))
        return np.asarray(totals.sum() / (len(classes) * totals), np.float64)
    labels = classes.tolist()
    found = np.ones(len(labels))
    for label, weight in given:
        places = [at for at, known in enumerate(labels) if known == label and type(known) is type(label)]
        if not places:
            raise DataError(f"class_weight: no training text has the label {label!r}")
        found[places] = weight
    return found


def rescaled(weights: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """Return weights with the mean one: float64 [texts]; None without weights, or if all are equal."""
    if weights is None or weights.min() == weights.max():
        return None
    found: NDArray[np.float64] = weights / weights.mean()
    return found
