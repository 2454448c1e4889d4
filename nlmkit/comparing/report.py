"""Result of a comparison by predictions: ranking, differences with intervals and p-values, models not ranked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nlmkit.comparing import paired
from nlmkit.comparing.scored import Figure, NotScored, ScoredItems
from nlmkit.core.intervals import CONFIDENCE, interval
from nlmkit.core.seeds import SeedGroup, seed_groups, seed_note
from nlmkit.core.short_repr import short_repr
from nlmkit.core.tables import figure_text, p_value_text, table
from nlmkit.core.tabular import Tabular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class RankedItems:
    """A ranked model.

    Attributes:
        rank: 1 for the best; equal ones share a rank.
        model: Name to show.
        value: The figure that models are ranked by.
        interval: Percentile interval of the figure at ``CONFIDENCE``; None for a single item or without samples.
        figures: All figures of the kind by name; None for an undefined one.
    """

    rank: int
    model: str
    value: float
    interval: tuple[float, float] | None
    figures: Mapping[str, float | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ItemDifference:
    """Comparison of a ranked model with the next one.

    Attributes:
        better: The better model.
        worse: The next one.
        difference: The figure of ``better`` less that of ``worse``.
        interval: Percentile interval of the difference, like that of ``RankedItems``.
        p_value: Probability of a difference at least as large if the two models were interchangeable; None without
            samples.
        wins: Number of items that ``better`` does better.
        losses: Number of items that ``worse`` does better.
        ties: Number of other items.
    """

    better: str
    worse: str
    difference: float
    interval: tuple[float, float] | None
    p_value: float | None
    wins: int
    losses: int
    ties: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ItemComparison(Tabular):
    """Comparison of models by a figure of their predictions on one test set.

    Attributes:
        ranked: The models, the best first.
        differences: Comparison of each ranked model with the next one.
        not_ranked: Other models, and why.
        by: The figure that models are ranked by.
        heading: Its heading.
        items: Number of items.
        item: What an item is: ``texts``, ``trees``, ``sentences`` or ``sources``.
        signature: What the figures depend on beside the models.
        samples: Number of samples of the bootstrap and of the randomization.
        seed: Random seed.
        notes: Notes for the reader of the table.
        groups: Mean and deviation of the figure over models that differ only in their seed, the best first; empty if
            that was not asked for.
    """

    ranked: tuple[RankedItems, ...]
    differences: tuple[ItemDifference, ...]
    not_ranked: tuple[NotScored, ...]
    by: str
    heading: str
    items: int
    item: str
    signature: str
    samples: int
    seed: int
    notes: tuple[str, ...] = ()
    groups: tuple[SeedGroup, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON types."""
        ranked = [dataclasses.asdict(row) | {"figures": dict(row.figures)} for row in self.ranked]
        return {
            "by": self.by,
            "items": self.items,
            "item": self.item,
            "ranked": ranked,
            "differences": [dataclasses.asdict(row) for row in self.differences],
            "not_ranked": [dataclasses.asdict(row) for row in self.not_ranked],
            "signature": self.signature,
            "confidence": CONFIDENCE,
            "samples": self.samples,
            "seed": self.seed,
            "notes": list(self.notes),
            **({"groups": [group.to_dict() for group in self.groups]} if self.groups else {}),
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables ``ranking``, ``differences``, ``seeds`` and ``not_ranked``.

        Where models are grouped by seed, ``seeds`` comes first.
        """
        name = self.by.replace("-", "_")
        ranking = []
        for row in self.ranked:
            low, high = row.interval or (None, None)
            others = {each.replace("-", "_"): value for each, value in row.figures.items() if each != self.by}
            interval = {f"{name}_low": low, f"{name}_high": high}
            ranking.append({"rank": row.rank, "model": row.model, name: row.value, **interval, **others})
        pairs = []
        for each in self.differences:
            pair = dataclasses.asdict(each)
            pair["difference_low"], pair["difference_high"] = pair.pop("interval") or (None, None)
            pairs.append(pair)
        refused = [dataclasses.asdict(each) for each in self.not_ranked]
        found = {"ranking": ranking, "differences": pairs, "not_ranked": refused}
        return {"seeds": [group.row(name) for group in self.groups], **found} if self.groups else found

    def render(self) -> str:
        """Format the comparison: ranking, groups, pairs of adjacent models, models that are not ranked."""
        return "\n".join(_parts(self)).rstrip("\n")

    def __repr__(self) -> str:
        return short_repr(self)


def ranked(
    models: Sequence[ScoredItems | NotScored],
    by: Figure,
    *,
    item: str,
    samples: int = 1000,
    seed: int = 0,
    group_seeds: bool = False,
) -> ItemComparison:
    """Rank models by a figure.

    Args:
        models: Scores of the models; their order breaks ties.
        by: The figure.
        item: What an item is.
        samples: Number of samples of the bootstrap and of the randomization; 0 for none.
        seed: Random seed; a model's interval depends on it and on the test set, but not on other models.
        group_seeds: Whether to group models that differ only in their seed.
    """
    scored = [model for model in models if isinstance(model, ScoredItems)]
    values = {id(model): _value(model, by) for model in scored}
    order = sorted(scored, key=lambda model: -values[id(model)] if by.descending else values[id(model)])
    drawn = [paired.bootstrap(model.counts, by.of, samples, seed) for model in order]
    rows = tuple(
        RankedItems(
            rank=1 + sum(_is_better(values[id(other)], values[id(model)], by) for other in order),
            model=model.model,
            value=values[id(model)],
            interval=interval(sample),
            figures=dict(model.figures),
        )
        for model, sample in zip(order, drawn, strict=True)
    )
    groups = seed_groups(
        [(model.model, model.settings, values[id(model)]) for model in order], descending=by.descending
    )
    note = seed_note(groups, {model.model: model.digest for model in order})
    return ItemComparison(
        ranked=rows,
        differences=tuple(_differences(order, drawn, by, samples, seed)),
        not_ranked=tuple(model for model in models if isinstance(model, NotScored)),
        by=by.name,
        heading=by.heading,
        items=order[0].items if order else 0,
        item=item,
        signature=order[0].signature if order else "",
        samples=samples,
        seed=seed,
        notes=(note,) if note and not group_seeds else (),
        groups=groups if group_seeds else (),
    )


def _value(model: ScoredItems, by: Figure) -> float:
    value = model.figures[by.name]
    return math.nan if value is None else value


def _is_better(one: float, other: float, by: Figure) -> bool:
    return one > other if by.descending else one < other


def _differences(
    order: Sequence[ScoredItems], drawn: Sequence[NDArray[np.float64]], by: Figure, samples: int, seed: int
) -> Iterator[ItemDifference]:
    for place in range(len(order) - 1):
        better, worse = order[place], order[place + 1]
        wins, losses = (better.single > worse.single).sum(), (better.single < worse.single).sum()
        yield ItemDifference(
            better=better.model,
            worse=worse.model,
            difference=_value(better, by) - _value(worse, by),
            interval=interval(drawn[place] - drawn[place + 1]),
            p_value=paired.randomization(better.counts, worse.counts, by.of, samples, seed),
            wins=int(wins),
            losses=int(losses),
            ties=better.items - int(wins) - int(losses),
        )


# ------------------------------------------------------------------------------------------------- for a reader


def _parts(comparison: ItemComparison) -> Iterator[str]:
    yield f"{comparison.items} {comparison.item}; {comparison.signature}\n"
    if comparison.ranked:
        others = [name for name in comparison.ranked[0].figures if name != comparison.by]
        heads = ("RANK", "MODEL", comparison.heading, "95% INTERVAL", *(name.upper() for name in others))
        rows = [
            (
                str(row.rank),
                row.model,
                figure_text(row.value),
                _interval(row.interval),
                *(figure_text(row.figures.get(name)) for name in others),
            )
            for row in comparison.ranked
        ]
        yield table([heads, *rows])
    if comparison.groups:
        heads = ("MODEL", "SEEDS", f"{comparison.heading}, MEAN ± SD")
        yield table([heads, *((each.name, str(len(each.models)), each.spread) for each in comparison.groups)])
    if comparison.differences:
        won = f"{comparison.item.upper()} WON:LOST:TIED"
        pair = ("BETTER", "WORSE", f"{comparison.heading} DIFFERENCE", "95% INTERVAL", "P", won)
        yield table([pair, *map(_difference, comparison.differences)])
    if comparison.not_ranked:
        yield "not ranked:\n" + table([(f"  {each.model}", each.reason) for each in comparison.not_ranked])


def _difference(pair: ItemDifference) -> tuple[str, ...]:
    return (
        pair.better,
        pair.worse,
        f"{pair.difference:+.4f}",
        _interval(pair.interval),
        p_value_text(pair.p_value),
        f"{pair.wins}:{pair.losses}:{pair.ties}",
    )


def _interval(found: tuple[float, float] | None) -> str:
    return "-" if found is None else f"{figure_text(found[0])} to {figure_text(found[1])}"
