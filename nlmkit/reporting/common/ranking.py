"""Comparison of models as ``nlmkit compare`` computes it: ranking, differences of adjacent models, signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from nlmkit.comparing.compare import item_of
from nlmkit.comparing.report import ItemComparison, ItemDifference, RankedItems, ranked
from nlmkit.comparing.scored import Figure, NotScored, ScoredItems
from nlmkit.language_models.comparison import CONFIDENCE, Difference
from nlmkit.reporting.blocks import Block, Code, Column, Fold, Note, Section, Table, Value
from nlmkit.reporting.common.figures import between, p_value
from nlmkit.reporting.study import Study, Subject


class Judged(Protocol):
    """Model of a report with its figures."""

    @property
    def subject(self) -> Subject:
        """The model."""

    @property
    def report(self) -> Any:
        """Its figures, with a signature."""


_Judged = TypeVar("_Judged", bound=Judged)


def compared(study: Study, scores: Sequence[ScoredItems | NotScored], by: Figure) -> ItemComparison:
    """Rank the models of a study by a figure of their predictions."""
    study.stage("drawing samples")
    item = item_of(subject.model for subject in study.subjects)
    return ranked(scores, by, item=item, samples=study.options.samples, seed=study.options.seed)


def in_order(found: ItemComparison, readings: Sequence[_Judged]) -> list[tuple[RankedItems, _Judged]]:
    """Return each ranked model with its place, the best first."""
    named = {reading.subject.name: reading for reading in readings}
    return [(row, named[row.model]) for row in found.ranked]


def section(
    found: ItemComparison,
    readings: Sequence[Judged],
    ranking: Table,
    *more: Block,
    title: str,
    form: str,
    lead: str,
    signatures: Sequence[Code] = (),
) -> Section:
    """Return the section of a comparison.

    Args:
        found: The comparison.
        readings: The models.
        ranking: Table of their figures.
        more: Blocks below the differences.
        title: Title of the figure that models are ranked by.
        form: Format of that figure.
        lead: What the figures are.
        signatures: Signatures; by default those of the reports.
    """
    blocks: list[Block] = [ranking]
    if found.differences:
        shown = [f"{each.difference:+{form}}" for each in found.differences]
        colors = {reading.subject.name: reading.subject.color for reading in readings}
        columns = (f"{title} difference", f"{found.item.capitalize()} won : lost : tied")
        blocks.append(differences(found.differences, shown, colors, columns, form=form, samples=found.samples))
    blocks += [*(Note(note) for note in found.notes), *more]
    own = [Code(reading.report.signature, reading.subject.name) for reading in readings]
    blocks.append(signed(signatures or own))
    return Section(title="Comparison", lead=lead, blocks=tuple(blocks))


def signed(signatures: Sequence[Code]) -> Fold:
    """Return the signatures of figures, folded."""
    return Fold("Signatures: everything that the figures depend on", signatures)


def differences(
    pairs: Sequence[Difference | ItemDifference],
    shown: Sequence[str],
    colors: Mapping[str, int],
    titles: tuple[str, str],
    *,
    form: str,
    samples: int,
) -> Table:
    """Return the table of differences between adjacent models.

    Args:
        pairs: The differences.
        shown: Each of them as it is shown.
        colors: Colors of the models, by name.
        titles: Titles of the columns of differences and of items won.
        form: Format of the bounds of intervals.
        samples: Number of samples of intervals and p-values.
    """
    columns = (
        Column("Better"),
        Column("Worse"),
        Column(titles[0], numeric=True),
        Column(f"{CONFIDENCE:.0%} interval", numeric=True),
        Column("p", numeric=True),
        Column(titles[1], numeric=True),
    )
    rows = tuple(
        (
            Value(pair.better, color=colors[pair.better]),
            Value(pair.worse, color=colors[pair.worse]),
            difference,
            between(pair.interval, form),
            p_value(pair.p_value),
            f"{pair.wins:,} : {pair.losses:,} : {pair.ties:,}",
        )
        for pair, difference in zip(pairs, shown, strict=True)
    )
    caption = f"Each model against the next one: paired bootstrap and randomization of {samples:,} samples"
    return Table(caption=caption, columns=columns, rows=rows, sortable=False)
