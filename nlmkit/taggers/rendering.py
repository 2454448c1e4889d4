"""Tagging reports as text."""

from __future__ import annotations

from typing import Final

from nlmkit.core.intervals import CONFIDENCE
from nlmkit.core.tables import escape_controls, table
from nlmkit.core.tabular import Tabular
from nlmkit.taggers.report_parts import FIGURES, TaggingError, TypeFigures

_TYPES: Final = 50  # rows of the table by type
_ERRORS: Final = 12  # sorts of errors
_SHOWN: Final = 60  # characters of a tag or type


class RenderedTagging(Tabular):
    """The text of a tagging report; its attributes are documented where it is declared."""

    n: int
    tokens: int
    scheme: str
    f1: float | None
    gold: int | None
    predicted: int | None
    correct: int | None
    oov_tokens: int | None
    oov_spans: int | None
    gold_repairs: int
    predicted_repairs: int
    intervals: dict[str, tuple[float, float] | None]
    by_type: dict[str, TypeFigures]
    errors: tuple[TaggingError, ...]
    unseen_tags: tuple[str, ...]

    @property
    def signature(self) -> str:
        """One line with everything the figures depend on."""
        raise NotImplementedError

    def render(self) -> str:
        """Format the report: figures in percent, a table by type, repairs, the most frequent errors, the signature."""
        parts = [_figures(self), _facts(self), _types(self), _errors(self), self.signature]
        return "\n\n".join(part for part in parts if part)


def _figures(report: RenderedTagging) -> str:
    """Return a line for each figure that is defined, the score first."""
    order = sorted(FIGURES, key=lambda name: name != ("accuracy" if report.f1 is None else "f1"))
    rows = []
    for name in order:
        value, found = getattr(report, name), report.intervals.get(name)
        if value is None:
            continue
        about = f"({CONFIDENCE:.0%} interval {percent(found[0])} to {percent(found[1])})" if found else ""
        rows.append((FIGURES[name], f"{percent(value):>6}", about))
    return table(rows).rstrip("\n")


def _facts(report: RenderedTagging) -> str:
    """Return what was counted, and what was repaired."""
    lines = [f"in percent, of {report.n} sentences with {report.tokens} tokens; tags: {report.scheme}"]
    if report.gold is not None:
        lines.append(f"{report.gold} spans, {report.predicted} predicted, {report.correct} right")
    if report.oov_tokens is not None:
        spans = "" if report.oov_spans is None else f", {report.oov_spans} spans with such a token"
        lines.append(f"OOV: {report.oov_tokens} tokens whose word training lacked{spans}")
    elif report.oov_spans is not None:
        lines.append(f"OOV: {report.oov_spans} words that training lacked")
    for what, number in (("of the data", report.gold_repairs), ("predicted", report.predicted_repairs)):
        if number:
            lines.append(f"malformed tags {what}, repaired as conlleval reads them: {number}")
    if report.unseen_tags:
        names = ", ".join(map(shown, report.unseen_tags[:10]))
        more = f" and {len(report.unseen_tags) - 10} more" if len(report.unseen_tags) > 10 else ""
        lines.append(f"tags unseen in training, counted as errors: {names}{more}")
    return "\n".join(lines)


def _types(report: RenderedTagging) -> str:
    if list(report.by_type) in ([], [""]):
        return ""
    what = "tag" if report.f1 is None else "type"
    rows = [(what, "precision", "recall", "F1", "interval", "in data", "predicted")]
    for name, row in list(report.by_type.items())[:_TYPES]:
        interval = "" if row.interval is None else f"{percent(row.interval[0])} to {percent(row.interval[1])}"
        numbers = (percent(row.precision), percent(row.recall), percent(row.f1), interval, str(row.gold))
        rows.append((shown(name), *numbers, str(row.predicted)))
    left = len(report.by_type) - _TYPES
    heading = f"the {_TYPES} most frequent of {len(report.by_type)} (--json has all):\n" if left > 0 else ""
    widths = [max(len(row[column]) for row in rows) for column in range(1, 7)]
    padded = [(row[0], *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths, strict=True))) for row in rows]
    return heading + table(padded).rstrip("\n")


def _errors(report: RenderedTagging) -> str:
    if not report.errors:
        return "no errors"
    lines = ["most frequent errors:"]
    for error in report.errors[:_ERRORS]:
        change = " → ".join(shown(each) for each in (error.gold, error.predicted) if each)
        lines.append(f"{error.count:>6} × {error.kind}: {change}")
        example = error.examples[0]
        place = f"sentence {example.sentence}" if example.line is None else f"line {example.line}"
        lines.append(f"         {place}: {escape_controls(example.gold)}")
        lines.append(f"         {'predicted':>{len(place)}}: {escape_controls(example.predicted)}")
    return "\n".join(lines)


def percent(value: float) -> str:
    """Return a share in percent with two decimals, as conlleval prints it."""
    return f"{100 * value:.2f}"


def shown(name: str) -> str:
    """Return a tag or type for display."""
    return escape_controls(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…") or "(none)"
