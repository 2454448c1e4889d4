"""Section that ranks classifiers, with paired significance, and the figures of each class."""

from __future__ import annotations

import numpy as np

from nlmkit.comparing.report import ItemComparison
from nlmkit.reporting.blocks import Column, Panel, Panels, Section, Table, Value
from nlmkit.reporting.classifiers.study import ClassifierStudy, Reading
from nlmkit.reporting.common.figures import between, figure
from nlmkit.reporting.common.ranking import in_order, section

_SHOWN_CLASSES = 60


def comparison(study: ClassifierStudy) -> Section | None:
    """Return the ranking, the differences of adjacent classifiers, and figures by class; None without texts."""
    if study.comparison is None:
        return None
    panels = tuple(Panel(each.subject.name, (_by_class(each),), color=each.subject.color) for each in study.readings)
    lead = (
        "Accuracy is the share of texts whose label is the most probable class. Log loss is the mean negative "
        "logarithm of the probability of the right label, the Brier score the mean squared error of the "
        "probabilities: lower is better."
    )
    return section(
        study.comparison,
        study.readings,
        _ranking(study.comparison, study.readings),
        Panels(label="Figures by class", panels=panels),
        title="Accuracy",
        form=".4f",
        lead=lead,
    )


def _ranking(found: ItemComparison, readings: tuple[Reading, ...]) -> Table:
    columns = (
        Column("Model"),
        Column("Accuracy", numeric=True),
        Column("95% interval", numeric=True),
        Column("Macro-F1", numeric=True),
        Column("Log loss", numeric=True),
        Column("Brier score", numeric=True),
    )
    rows = tuple(
        (
            Value(each.subject.name, color=each.subject.color),
            figure(row.value, emphasis=row.rank == 1),
            between(row.interval),
            figure(each.report.macro_f1),
            figure(float(each.log_losses.mean()), ".4f"),
            figure(brier(each), ".4f"),
        )
        for row, each in in_order(found, readings)
    )
    return Table(caption=f"Ranking on {found.items:,} {found.item}", columns=columns, rows=rows)


def brier(reading: Reading) -> float:
    """Return the mean, over texts, of the squared differences of probabilities and labels (Brier 1950)."""
    place = {label: index for index, label in enumerate(reading.classes)}
    own = np.array([place.get(label, -1) for label in reading.labels])
    targets = (np.arange(len(reading.classes)) == own[:, None]).astype(np.float64)
    unseen = own < 0  # a label that training lacked has probability 0, which counts like a class more
    return float((((reading.probabilities - targets) ** 2).sum(axis=1) + unseen).mean())


def _by_class(reading: Reading) -> Table:
    columns = (
        Column("Class"),
        Column("Precision", numeric=True),
        Column("Recall", numeric=True),
        Column("F1", numeric=True),
        Column("Texts", numeric=True),
        Column("Predicted", numeric=True),
    )
    found = sorted(reading.report.per_class, key=lambda row: -row.support)
    rows = tuple(
        (
            str(row.label),
            figure(row.precision, ".3f"),
            figure(row.recall, ".3f"),
            figure(row.f1, ".3f"),
            Value(f"{row.support:,}", row.support),
            Value(f"{row.predicted:,}", row.predicted),
        )
        for row in found[:_SHOWN_CLASSES]
    )
    most = f" with most texts, of {len(found)}" if len(found) > _SHOWN_CLASSES else ""
    return Table(caption=f"{reading.subject.name}: {len(rows)} classes{most}", columns=columns, rows=rows)
