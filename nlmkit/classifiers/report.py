"""Classification reports: accuracy and related figures, computed from labels.

A label absent from training is never predicted: its texts count as errors, it gets its own row, and ``unseen`` lists
it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.core.intervals import CONFIDENCE, interval
from nlmkit.core.short_repr import short_repr
from nlmkit.core.tables import is_plain, width
from nlmkit.core.tabular import Tabular, with_intervals
from nlmkit.core.version import own_version
from nlmkit.errors import DataError

MATRIX_CLASSES: Final = 100
"""Number of classes above which JSON has the nonzero cells of the confusion matrix instead of the matrix."""

SHOWN_CLASSES: Final = 30
"""Number of classes above which the largest confusions are printed instead of the matrix."""

_TABLE_CLASSES: Final = 50  # maximum rows of the table of figures: the classes with most texts
_SHOWN_CONFUSIONS: Final = 20
_SHOWN_UNSEEN: Final = 10
_SHOWN_CHARACTERS: Final = 60  # of a label

_FIGURES: Final = ("label", "precision", "recall", "f1", "support", "predicted")
_UNDEFINED: Final = {"precision": "never predicted", "recall": "not in these texts", "f1": "neither"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """Precision, recall and F1 of one class.

    Attributes:
        label: The class.
        precision: Share of correct texts among those predicted as the class; None if it was never predicted.
        recall: Share of the texts of the class that were predicted as the class; None without texts.
        f1: Harmonic mean of the two, 2·hits / (support + predicted); None if both are 0.
        support: Number of texts of the class.
        predicted: Number of texts predicted as the class.
    """

    label: str | int | bool
    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    predicted: int


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ClassificationReport(Tabular):
    """Report of a classifier on labelled texts.

    Attributes:
        n: Number of texts.
        accuracy: Share of texts whose label was predicted.
        interval: 95 % confidence interval of the accuracy, by percentile bootstrap over the texts; None without
            resamples.
        macro_f1: Mean F1 of the classes that occur as labels or as predictions.
        per_class: Figures of each class: training classes in order, then unseen labels.
        cells: Nonzero cells of the confusion matrix: row (of the label), column (of the prediction), both in the order
            of ``per_class``, and number of texts, sorted by row and column: int64 [cells, 3].
        unseen: Labels of the texts that were absent from training.
        component: Registered name of the classifier.
        version: Version of nlmkit that computed the report.
        text_pipeline: Signature of the text pipeline.
        texts_digest: Digest of the texts and their labels.
        model_digest: Digest of the fitted classifier; empty for several classifiers (cross-validation).
        resamples: Number of bootstrap samples of the interval.
        seed: Seed of the bootstrap.
    """

    headings: ClassVar[Mapping[str, str]] = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
    """Figures of one fold of a cross-validation, and their printed names."""

    n: int
    accuracy: float
    interval: tuple[float, float] | None
    macro_f1: float
    per_class: tuple[ClassFigures, ...]
    cells: NDArray[np.int64]
    unseen: tuple[str | int | bool, ...]
    component: str
    version: str
    text_pipeline: str
    texts_digest: str
    model_digest: str
    resamples: int
    seed: int

    @functools.cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Confusion matrix with labels as rows and predictions as columns, ordered like ``per_class``: int64."""
        found = np.zeros((len(self.per_class), len(self.per_class)), np.int64)
        found[self.cells[:, 0], self.cells[:, 1]] = self.cells[:, 2]
        return found

    @property
    def confusions(self) -> NDArray[np.int64]:
        """Return the errors among the cells, largest first: int64 [confusions, 3]."""
        errors: NDArray[np.int64] = self.cells[self.cells[:, 0] != self.cells[:, 1]]
        return errors[np.argsort(-errors[:, 2], kind="stable")]

    @property
    def signature(self) -> str:
        """Signature in the style of sacrebleu: one line with everything the figures depend on."""
        parts = [
            "nlmkit-accuracy",
            f"v:{self.version}",
            self.component,
            self.text_pipeline,
            f"classes:{len(self.per_class) - len(self.unseen)}",
            f"texts:{self.n}:{self.texts_digest}",
            *([f"model:{self.model_digest}"] if self.model_digest else []),
        ]
        return "|".join(parts)

    def to_dict(self, model: str | None = None) -> dict[str, Any]:
        """Return the report as strict JSON types; an undefined figure is None and has its reason under ``reasons``.

        ``labels`` names the rows and columns of ``confusion``. With more than 100 classes, ``confusion`` is None, and
        ``confusion_cells`` has [row, column, texts] of each nonzero cell.

        Args:
            model: Path of the model; if given, it comes first.
        """
        values: dict[str, Any] = {} if model is None else {"model": model}
        names = {"cells": "confusion"}
        values |= {names.get(each.name, each.name): getattr(self, each.name) for each in dataclasses.fields(self)}
        is_small = len(self.per_class) <= MATRIX_CLASSES
        values |= {
            "interval": None if self.interval is None else list(self.interval),
            "confidence": CONFIDENCE,
            "labels": [row.label for row in self.per_class],
            "confusion": self.confusion.tolist() if is_small else None,
            **({} if is_small else {"confusion_cells": self.cells.tolist()}),
            "per_class": [dataclasses.asdict(row) for row in self.per_class],
            "unseen": list(self.unseen),
            "signature": self.signature,
        }
        reasons = {
            f"per_class[{index}].{name}": reason
            for index, row in enumerate(self.per_class)
            for name, reason in _UNDEFINED.items()
            if getattr(row, name) is None
        }
        if not is_small:
            reasons["confusion"] = f"more than {MATRIX_CLASSES} classes: confusion_cells has the nonzero cells"
        return values | {"reasons": reasons}

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables ``figures``, ``classes``, and ``confusions`` (cells of the matrix that are not 0)."""
        labels = [row.label for row in self.per_class]
        figures = {"component": self.component, "accuracy": self.accuracy, "macro_f1": self.macro_f1, "n": self.n}
        cells = [
            {"label": labels[label], "predicted": labels[guess], "texts": texts}
            for label, guess, texts in self.cells.tolist()
        ]
        return {
            "figures": [with_intervals(figures, {"accuracy": self.interval})],
            "classes": [dataclasses.asdict(row) for row in self.per_class],
            "confusions": cells,
        }

    def render(self) -> str:
        """Format the report: figures, a table by class, the confusion matrix, the signature last.

        With many classes, the table has those with most texts, and the largest confusions replace the matrix.
        """
        about = f"n = {self.n}"
        if self.interval is not None:
            about = f"{CONFIDENCE:.0%} interval {self.interval[0]:.4f} to {self.interval[1]:.4f}, {about}"
        lines = [f"accuracy  {self.accuracy:.4f}  ({about})", f"macro-F1  {self.macro_f1:.4f}"]
        if self.unseen:
            errors = sum(row.support for row in self.per_class[-len(self.unseen) :])
            names = ", ".join(map(shown, self.unseen[:_SHOWN_UNSEEN]))
            if len(self.unseen) > _SHOWN_UNSEEN:
                names += f" and {len(self.unseen) - _SHOWN_UNSEEN} more"
            lines.append(f"labels unseen in training, counted as errors: {names} ({errors} texts)")
        return "\n\n".join(["\n".join(lines), self._table(), self._confusions(), self.signature])

    def _table(self) -> str:
        rows, heading = list(self.per_class), ""
        if len(rows) > _TABLE_CLASSES:
            most = sorted(range(len(rows)), key=lambda index: -rows[index].support)[:_TABLE_CLASSES]
            heading = f"the {_TABLE_CLASSES} of {len(rows)} classes with most texts (--json has all):\n"
            rows = [rows[index] for index in sorted(most)]
        figures = [
            [shown(row.label), *map(_figure, (row.precision, row.recall, row.f1)), str(row.support), str(row.predicted)]
            for row in rows
        ]
        return heading + _aligned([_FIGURES, *figures])

    def _confusions(self) -> str:
        labels = [shown(row.label) for row in self.per_class]
        if len(labels) <= SHOWN_CLASSES:
            counts = [[name, *map(str, row)] for name, row in zip(labels, self.confusion.tolist(), strict=True)]
            return _aligned([["label \\ predicted", *labels], *counts])
        errors = self.confusions
        if not len(errors):
            return "no text was misclassified"
        rows = [
            [labels[label], str(texts), f"{texts / self.per_class[label].support:.1%}", labels[guess]]
            for label, guess, texts in errors[:_SHOWN_CONFUSIONS].tolist()
        ]
        heading = (
            f"the largest of {len(errors)} confusions (--json has all):" if len(errors) > len(rows) else "confusions:"
        )
        return heading + "\n" + _aligned([["label", "texts", "of the label's", "predicted"], *rows])

    def __repr__(self) -> str:
        return short_repr(self)


def classification_report(
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    classes: ArrayLike,
    component: str,
    model_digest: str,
    text_pipeline: str = "",
    texts_digest: str = "",
    resamples: int = 1000,
    seed: int = 0,
) -> ClassificationReport:
    """Compute the report of predictions.

    Args:
        labels: Labels of the texts: [texts].
        predicted: Predicted labels, among ``classes``: [texts].
        classes: Labels of the training texts, sorted: [classes].
        component: Registered name of the classifier.
        model_digest: Digest of the classifier.
        text_pipeline: Signature of its text pipeline.
        texts_digest: Digest of texts and labels.
        resamples: Number of bootstrap samples of the interval; 0 for no interval.
        seed: Seed of the bootstrap.

    Raises:
        DataError: The texts are empty, or a prediction is not one of the classes.
    """
    true, guessed, known = np.asarray(labels), np.asarray(predicted), np.asarray(classes)
    if not len(true):
        raise DataError("no texts to report on")
    if true.shape != guessed.shape or true.ndim != 1:
        raise DataError(f"labels of shape {list(true.shape)} and predictions of shape {list(guessed.shape)}")
    if not np.isin(guessed, known).all():
        raise DataError("a prediction is not one of the classes")
    unseen = np.setdiff1d(true, known)
    names = [*known.tolist(), *unseen.tolist()]
    number = {name: index for index, name in enumerate(names)}
    pairs = [
        number[name] * len(names) + number[guess] for name, guess in zip(true.tolist(), guessed.tolist(), strict=True)
    ]
    places, texts = np.unique(np.array(pairs, np.int64), return_counts=True)
    cells = np.stack([places // len(names), places % len(names), texts], axis=1).astype(np.int64)
    per_class = _figures(cells, names)
    hits = int(cells[cells[:, 0] == cells[:, 1], 2].sum())
    accuracy = float(hits) / len(true)
    return ClassificationReport(
        n=len(true),
        accuracy=accuracy,
        interval=bootstrap_interval(accuracy, len(true), resamples=resamples, seed=seed) if resamples else None,
        macro_f1=float(np.mean([row.f1 for row in per_class if row.f1 is not None])),
        per_class=per_class,
        cells=cells,
        unseen=tuple(unseen.tolist()),
        component=component,
        version=own_version(),
        text_pipeline=text_pipeline,
        texts_digest=texts_digest,
        model_digest=model_digest,
        resamples=resamples,
        seed=seed,
    )


def bootstrap_interval(accuracy: float, n: int, *, resamples: int, seed: int) -> tuple[float, float] | None:
    """Return the percentile bootstrap interval of an accuracy, at ``CONFIDENCE``.

    The number of correct texts in a resample of n texts is binomially distributed, so it is drawn directly instead of
    text by text.
    """
    return interval(np.random.default_rng(seed).binomial(n, accuracy, resamples) / n)


def _figures(cells: NDArray[np.int64], names: Sequence[str | int | bool]) -> tuple[ClassFigures, ...]:
    rows, columns, texts = cells.T
    right = rows == columns
    counts = (
        np.bincount(which, texts[kept], minlength=len(names)).astype(np.int64).tolist()
        for which, kept in ((rows[right], right), (rows, slice(None)), (columns, slice(None)))
    )
    return tuple(
        ClassFigures(
            label=label,
            precision=hits / predicted if predicted else None,
            recall=hits / support if support else None,
            f1=2 * hits / (support + predicted) if support + predicted else None,
            support=support,
            predicted=predicted,
        )
        for label, hits, support, predicted in zip(names, *counts, strict=True)
    )


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def shown(label: Any) -> str:
    """Format a label: quoted if it contains invisible or control characters, truncated if very long."""
    text = str(label)
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 3] + "..."
    return text if is_plain(text) and text.strip() == text and text else repr(text)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Format a table with the first column left-aligned and the others right-aligned."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [first + " " * (widths[0] - width(first))]
        cells += [" " * (wanted - width(cell)) + cell for cell, wanted in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
