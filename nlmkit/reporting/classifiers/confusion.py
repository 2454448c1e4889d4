"""Section with the confusion of classes."""

from __future__ import annotations

from nlmkit.reporting.blocks import Block, Column, Note, Panel, Panels, Picture, Scale, Section, Table, Value
from nlmkit.reporting.charts.cells import heat_map
from nlmkit.reporting.classifiers.study import ClassifierStudy, Reading

_DRAWN = 30
_LISTED = 20


def confusion(study: ClassifierStudy) -> Section | None:
    """Return the confusion matrices, or the largest confusions of many classes; None without texts."""
    if not study.readings:
        return None
    panels = tuple(Panel(each.subject.name, _of(each), color=each.subject.color) for each in study.readings)
    lead = "Rows are the labels of the texts, columns what was predicted. A shade is the share of the row's texts."
    return Section(title="Confusion", lead=lead, blocks=(Panels(label="Classifiers", panels=panels),))


def _of(reading: Reading) -> list[Block]:
    names = [str(row.label) for row in reading.report.per_class]
    found = _largest(reading, names)
    if len(names) > _DRAWN:
        return [Note(f"{len(names)} classes are too many for a picture: the largest confusions are listed."), found]
    counts = reading.report.confusion
    totals = counts.sum(axis=1, keepdims=True)
    shares = (counts / totals.clip(1)).tolist()
    numbers = {(row, column): int(counts[row, column]) for row in range(len(names)) for column in range(len(names))}
    table = Table(
        caption="Numbers of texts",
        columns=(Column("Label"), *(Column(name, numeric=True) for name in names)),
        rows=tuple(
            (name, *(Value(f"{numbers[row, column]:,}", numbers[row, column]) for column in range(len(names))))
            for row, name in enumerate(names)
        ),
    )
    caption = f"Confusion of {reading.subject.name}"
    drawing = heat_map(
        caption,
        names,
        names,
        shares,
        low=0.0,
        high=1.0,
        tip=lambda row, column, share: f"{row} predicted as {column}: {share:.1%}",
    )
    picture = Picture(caption=caption, drawing=drawing, numbers=table)
    return [picture, Scale(low="0 %", high="100 % of the texts of a label"), found]


def _largest(reading: Reading, names: list[str]) -> Table:
    per_class = reading.report.per_class
    rows = tuple(
        (
            names[label],
            names[guess],
            Value(f"{texts:,}", texts),
            Value(f"{texts / per_class[label].support:.1%}", texts / per_class[label].support),
        )
        for label, guess, texts in reading.report.confusions[:_LISTED].tolist()
    )
    columns = (
        Column("Label"),
        Column("Predicted"),
        Column("Texts", numeric=True),
        Column("Of the label", numeric=True),
    )
    return Table(caption="Largest confusions" if rows else "No text was misclassified", columns=columns, rows=rows)
