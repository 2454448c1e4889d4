"""Shared code of the linear classifiers: bounded features and weights, margins, and checks of saved weights."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.documents.ngram_features import NGramFeatures
from nlmkit.errors import DataError
from nlmkit.saving import require, require_array

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from nlmkit.text import Corpus, Vocabulary

MOST_WEIGHTS: Final = 1 << 26
"""Maximum of decisions times features of a classifier: 256 MiB of float32."""

_MOST_DOUBLE: Final = 1 << 24
"""Decisions times features above which weights are float32."""

LIBLINEAR: Final = threading.Lock()
"""Lock for liblinear, whose random generator is global: concurrent fits would depend on each other."""

_MOST_VALUES: Final = 1 << 28
"""Maximum number of feature values over all decisions of a classifier: some minutes of liblinear."""

_BLOCK: Final = 1 << 22
"""Weights converted at a time for a product with sparse features."""


def counted_features(
    corpus: Corpus, vocabulary: Vocabulary, classes: int, *, order: int, min_documents: int, notes: list[str]
) -> tuple[NGramFeatures, csr_matrix]:
    """Return the n-grams of the training texts, and their counts per text: float64 CSR [documents, features].

    If classes times n-grams exceed ``MOST_WEIGHTS``, the rarest n-grams are dropped as by a larger ``min_documents``,
    with an entry in ``notes``.

    Raises:
        DataError: No n-gram occurs in ``min_documents`` texts.
        NlmkitError: SciPy is not installed.
    """
    features, matrix = NGramFeatures.counted(corpus, vocabulary, order=order, min_documents=min_documents)
    if not len(features):
        raise DataError(f"no n-gram occurs in {min_documents} texts: lower min_documents")
    most = max(MOST_WEIGHTS // decisions_of(classes), 1)
    if len(features) > most:
        frequencies = np.bincount(matrix.indices, minlength=len(features))
        # The least number of texts that few enough n-grams are in, or one n-gram's where even those are too many.
        least = min(int(np.sort(frequencies)[-most - 1]) + 1, int(frequencies.max()))
        notes.append(
            f"{classes} classes and {len(features)} n-grams would make too many weights: "
            f"n-grams in fewer than {least} texts were left out"
        )
        features, matrix = NGramFeatures.counted(corpus, vocabulary, order=order, min_documents=least)
    return features, matrix


def empty_weights(classes: int, features: int) -> NDArray[Any]:
    """Allocate the weights: float64 [decisions, features], or float32 for more than 2²⁴ weights."""
    shape = (decisions_of(classes), features)
    return np.empty(shape, np.float32 if shape[0] * shape[1] > _MOST_DOUBLE else np.float64)


def decisions_of(classes: int) -> int:
    """Return the number of decisions: one for two classes, otherwise one per class."""
    return 1 if classes == 2 else classes


def others_to_sample(matrix: csr_matrix, decisions: int) -> int | None:
    """Return the number of texts of the other classes per decision, or None for all.

    One-against-rest costs a pass over all texts per class, which would take hours for thousands of classes.
    """
    documents = matrix.shape[0]
    most = _MOST_VALUES * documents // max(decisions * matrix.nnz, 1)
    return None if decisions == 1 or most >= documents else max(most, 1)


def sampled_note(others: int, classes: int, texts: int) -> str:
    """Return the note of a fit to samples of ``others`` texts."""
    return (
        f"{classes} classes and {texts} texts: each class was fitted against a sample of {others} texts of the others, "
        "weighted to represent all of them, to save time"
    )


def own_and_others(
    targets: NDArray[np.int64], index: int, others: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Return the texts of a class and a sample of the other texts, weighted to represent all of these.

    Args:
        targets: Class of each text: int64 [documents].
        index: The class.
        others: Number of texts to sample, at least the number of texts in the class.
        seed: Seed of the sample.

    Returns:
        Increasing indices of the texts (int64 [n]) and their weights (float64 [n]); None if all texts are used.
    """
    own, rest = np.flatnonzero(targets == index), np.flatnonzero(targets != index)
    others = max(others, len(own))
    if others >= len(rest):
        return None
    sample = np.random.default_rng([seed, index]).choice(rest, others, replace=False)
    rows = np.sort(np.concatenate([own, sample]))
    return rows, np.where(targets[rows] == index, 1.0, len(rest) / others)


def margins(matrix: csr_matrix, weights: NDArray[Any], intercepts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the margin of each class: float64 [documents, classes].

    Args:
        matrix: Features: [documents, features].
        weights: float64 or float32 [decisions, features]; for two classes one decision, of the second against the
            first, otherwise one per class.
        intercepts: float64 [decisions].
    """
    found = np.empty((matrix.shape[0], len(weights)))
    block = max(_BLOCK // max(weights.shape[1], 1), 1)  # SciPy copies the transpose
    for start in range(0, len(weights), block):
        found[:, start : start + block] = matrix @ weights[start : start + block].T.astype(np.float64)
    found += intercepts
    # 0 − x, since −x would make −0 of 0.
    return np.concatenate([0 - found, found], axis=1) if len(weights) == 1 else found


def class_weights(weights: NDArray[Any], index: int) -> NDArray[np.float64]:
    """Return the weights of the margin of one class: float64 [features]."""
    row = np.asarray(weights[index] if len(weights) > 1 else weights[0], np.float64)
    return 0 - row if len(weights) == 1 and not index else row


def restored_decisions(
    arrays: Mapping[str, NDArray[Any]], classes: int, features: int
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the weights (float64 or float32) and intercepts of a saved model.

    Raises:
        SavedModelError: They are missing, have a wrong shape, or contain NaN or infinity.
    """
    decisions = decisions_of(classes)
    single = arrays.get("weights") is not None and arrays["weights"].dtype == np.float32
    found = [
        require_array(arrays, "weights", dtype="float32" if single else "float64", shape=(decisions, features)),
        require_array(arrays, "intercepts", dtype="float64", shape=(decisions,)),
    ]
    for name, array in zip(("weights", "intercepts"), found, strict=True):
        rows = max(_BLOCK // max(features, 1), 1)
        finite = all(bool(np.isfinite(array[at : at + rows]).all()) for at in range(0, len(array), rows))
        require(finite, f"array {name!r} contains NaN or infinity")
    weights, intercepts = map(np.asarray, found)
    return weights, intercepts
