"""Section that ranks classifiers, with paired significance, and the figures of each class."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from nlmkit.reporting.blocks import Block, Code, Column, Fold, Panel, Panels, Section, Table, Value
from nlmkit.reporting.classifiers.study import ClassifierStudy, Reading
from nlmkit.reporting.common.figures import between, figure, p_value, sign_test

_SHOWN_CLASSES = 60


def comparison(study: ClassifierStudy) -> Section | None:
    """Return the ranking, the differences of adjacent classifiers, and figures by class; None without texts."""
    if not study.readings:
        return None
    ranked = sorted(study.readings, key=lambda reading: -reading.report.accuracy)
    blocks: list[Block] = [_ranking(ranked)]
    if len(ranked) > 1:
        blocks.append(_differences(ranked))
    panels = tuple(Panel(each.subject.name, (_by_class(each),), color=each.subject.color) for each in study.readings)
    blocks.append(Panels(label="Figures by class", panels=panels))
    signatures = [Code(each.report.signature, each.subject.name) for each in study.readings]
    blocks.append(Fold("Signatures: everything that the figures depend on", signatures))
    lead = (
        "Accuracy is the share of texts whose label is the most probable class. Log loss is the mean negative "
        "logarithm of the probability of the right label, the Brier score the mean squared error of the "
        "probabilities: lower is better."
    )
    return Section(title="Comparison", lead=lead, blocks=tuple(blocks))


def _ranking(ranked: list[Reading]) -> Table:
    best = ranked[0].report.accuracy
    columns = (
        Column("Model"),
        Column("Accuracy", numeric=True),
        Column("95 % interval", numeric=True),
        Column("Macro-F1", numeric=True),
        Column("Log loss", numeric=True),
        Column("Brier score", numeric=True),
    )
    rows = tuple(
        (
            Value(each.subject.name, color=each.subject.color),
            figure(each.report.accuracy, ".4f", emphasis=each.report.accuracy == best),
            between(each.report.interval),
            figure(each.report.macro_f1),
            figure(float(each.log_losses.mean()), ".4f"),
            figure(brier(each), ".4f"),
        )
        for each in ranked
    )
    return Table(caption=f"Ranking on {ranked[0].report.n:,} texts", columns=columns, rows=rows)


def brier(reading: Reading) -> float:
    """Return the mean, over texts, of the squared differences of probabilities and labels (Brier 1950)."""
    place = {label: index for index, label in enumerate(reading.classes)}
    own = np.array([place.get(label, -1) for label in reading.labels])
    targets = (np.arange(len(reading.classes)) == own[:, None]).astype(np.float64)
    unseen = own < 0  # a label that training lacked has probability 0, which counts like a class more
    return float((((reading.probabilities - targets) ** 2).sum(axis=1) + unseen).mean())


def _differences(ranked: list[Reading]) -> Table:
    columns = (
        Column("Better"),
        Column("Worse"),
        Column("Difference", numeric=True),
        Column("Only the better is right", numeric=True),
        Column("Only the worse is right", numeric=True),
        Column("p", numeric=True),
    )
    rows = tuple(tuple(_difference(*pair)) for pair in pairwise(ranked))
    caption = "Each classifier against the next one, on the same texts: exact test of McNemar"
    return Table(caption=caption, columns=columns, rows=rows, sortable=False)


def _difference(better: Reading, worse: Reading) -> Iterator[Value | str]:
    wins, losses = int((better.hits & ~worse.hits).sum()), int((worse.hits & ~better.hits).sum())
    yield Value(better.subject.name, color=better.subject.color)
    yield Value(worse.subject.name, color=worse.subject.color)
    yield figure(better.report.accuracy - worse.report.accuracy, "+.4f")
    yield Value(f"{wins:,}", wins)
    yield Value(f"{losses:,}", losses)
    yield p_value(sign_test(wins, losses))


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
