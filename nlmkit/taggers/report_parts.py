"""Parts of tagging reports: which figures there are, figures by type, and errors with examples."""

from __future__ import annotations

import dataclasses
from typing import Final

FIGURES: Final = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "accuracy": "accuracy",
    "sentence_accuracy": "sentences right",
    "oov_recall": "OOV recall",
    "iv_recall": "IV recall",
    "oov_accuracy": "OOV accuracy",
    "iv_accuracy": "IV accuracy",
}
"""Figures with an interval, by attribute, and their printed names."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TypeFigures:
    """Precision, recall and F1 of the spans of one type, or of one plain tag.

    Attributes:
        precision: Share of right ones among the predicted; 0 if there are none.
        recall: Share of right ones among those of the data; 0 if there are none.
        f1: Harmonic mean of the two.
        interval: 95 % confidence interval of ``f1``; None without resamples.
        gold: Number in the data.
        predicted: Number predicted.
        correct: Number of predicted ones that are right.
    """

    precision: float
    recall: float
    f1: float
    interval: tuple[float, float] | None
    gold: int
    predicted: int
    correct: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ErrorExample:
    """Where an error is.

    Attributes:
        sentence: Number of the sentence, from 1.
        line: Line of the file on which the sentence begins; None without a file.
        gold: The tokens around, with the spans of the data (or the token with its tag) in brackets.
        predicted: The same with what was predicted.
    """

    sentence: int
    line: int | None
    gold: str
    predicted: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggingError:
    """Errors of one sort.

    Attributes:
        kind: ``tag`` (another plain tag); ``type`` (a span with the right bounds), ``bounds`` (a span that overlaps),
            ``missed``, ``spurious``; in segmented text ``split``, ``merged``, ``moved``.
        gold: Tag or type in the data, or words of segmented text; empty for a spurious span.
        predicted: What was predicted instead; empty for a missed span.
        count: How often.
        examples: The first ones.
    """

    kind: str
    gold: str
    predicted: str
    count: int
    examples: tuple[ErrorExample, ...]
