"""Section that ranks taggers, with paired significance, and their figures by type."""

from __future__ import annotations

from nlmkit.comparing.report import ItemComparison
from nlmkit.reporting.blocks import Column, Grid, Key, Picture, Section, Table, Value
from nlmkit.reporting.charts.lines import category_chart
from nlmkit.reporting.common.figures import between, figure
from nlmkit.reporting.common.ranking import in_order, section
from nlmkit.reporting.taggers.study import Reading, TaggerStudy
from nlmkit.taggers.report_parts import FIGURES

_TYPES = 20


def comparison(study: TaggerStudy) -> Section | None:
    """Return the ranking, the differences of adjacent taggers, and figures by type; None without sentences."""
    if study.comparison is None:
        return None
    lead = (
        "F1 is the harmonic mean of precision (the share of predicted spans that are right) and recall (the share of "
        "the text's spans that were found); a span is right if both bounds and the type are. Accuracy counts tags. OOV "
        "figures are those of words that training lacked."
    )
    return section(
        study.comparison,
        study.readings,
        _ranking(study.comparison, study.readings),
        Grid((_chart(study.readings),)),
        _by_type(study.readings),
        title=_title(study.comparison.by),
        form=".4f",
        lead=lead,
    )


def _title(name: str) -> str:
    """Return the title of a figure's column."""
    return FIGURES[name][:1].upper() + FIGURES[name][1:]


def _ranking(found: ItemComparison, readings: tuple[Reading, ...]) -> Table:
    shown = [name for name in FIGURES if any(getattr(each.report, name) is not None for each in readings)]
    columns = [Column("Model"), Column("95% interval", numeric=True)]
    columns += [Column(_title(name), numeric=True) for name in shown]
    rows = tuple(
        (
            Value(each.subject.name, color=each.subject.color),
            between(row.interval),
            *(figure(getattr(each.report, name), emphasis=name == found.by and row.rank == 1) for name in shown),
        )
        for row, each in in_order(found, readings)
    )
    return Table(caption=f"Ranking by {FIGURES[found.by]}, whose interval is shown", columns=tuple(columns), rows=rows)


def _types(readings: tuple[Reading, ...]) -> list[str]:
    """Return the types of all taggers, most frequent in the text first."""
    counts: dict[str, int] = {}
    for each in readings:
        for name, figures in each.report.by_type.items():
            counts[name] = max(counts.get(name, 0), figures.gold)
    return sorted(counts, key=lambda name: -counts[name])


def _chart(readings: tuple[Reading, ...]) -> Picture:
    names = _types(readings)[:_TYPES]
    lines = []
    for each in readings:
        found = each.report.by_type
        values = [found[name].f1 if name in found else float("nan") for name in names]
        lines.append((each.subject.name, each.subject.color, values))
    caption = "F1 by type, the most frequent first"
    drawing = category_chart(caption, names, lines, x_title="", y_title="F1", low=0.0)
    return Picture(
        caption=caption,
        drawing=drawing,
        legend=tuple(Key(each.subject.name, each.subject.color) for each in readings),
    )


def _by_type(readings: tuple[Reading, ...]) -> Table:
    columns = (
        Column("Type"),
        Column("Model"),
        Column("Precision", numeric=True),
        Column("Recall", numeric=True),
        Column("F1", numeric=True),
        Column("95% interval", numeric=True),
        Column("In the text", numeric=True),
        Column("Predicted", numeric=True),
    )
    rows: list[tuple[Value | str, ...]] = []
    for name in _types(readings):
        for each in readings:
            found = each.report.by_type.get(name)
            if found is None:
                continue
            figures = (figure(found.precision, ".3f"), figure(found.recall, ".3f"), figure(found.f1, ".3f"))
            counts = (Value(f"{found.gold:,}", found.gold), Value(f"{found.predicted:,}", found.predicted))
            model = Value(each.subject.name, color=each.subject.color)
            rows.append((name, model, *figures, between(found.interval, ".3f"), *counts))
    return Table(caption="Figures by type", columns=columns, rows=tuple(rows))
