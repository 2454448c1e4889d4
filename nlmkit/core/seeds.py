"""Models that differ only in their seed: which these are, and mean and deviation of a figure over them."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
import statistics
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from nlmkit.core.parameters import to_json

_SEED: Final = "seed"
_TAIL: Final = re.compile(r"[\s\d._/\\=:#()-]+$")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedGroup:
    """Models that differ only in their seed, and a figure of theirs.

    Attributes:
        name: Beginning that the models' names have in common, or the name of the one model.
        models: Names of the models.
        mean: Mean of the figure.
        standard_deviation: Sample standard deviation (n − 1) of the figure; None for a single model, and where a
            figure is infinite.
        smallest: Smallest figure.
        largest: Largest figure.
    """

    name: str
    models: tuple[str, ...]
    mean: float
    standard_deviation: float | None
    smallest: float
    largest: float

    @property
    def spread(self) -> str:
        """Mean ± standard deviation with four decimals, or the mean alone."""
        deviation = self.standard_deviation
        return f"{self.mean:.4f}" if deviation is None else f"{self.mean:.4f} ± {deviation:.4f}"

    def to_dict(self) -> dict[str, Any]:
        """Return the group as JSON types; figures can be infinite."""
        return dataclasses.asdict(self) | {"models": list(self.models)}

    def row(self, figure: str) -> dict[str, Any]:
        """Return the group as a row of a table.

        Args:
            figure: Name of the figure, which becomes that of the column of its mean.
        """
        return {
            "model": self.name,
            "seeds": len(self.models),
            figure: self.mean,
            "standard_deviation": self.standard_deviation,
            "smallest": self.smallest,
            "largest": self.largest,
        }


def settings_without_seed(component: Any) -> str:
    """Return component and hyper-parameters as JSON, without seeds: its own, and those of components inside it.

    Returns:
        An empty string for a component without a seed, which differs from no other in its seed alone.
    """
    found, has_seed = _without_seed(component)
    return json.dumps(found, sort_keys=True) if has_seed else ""


def _without_seed(value: Any) -> tuple[Any, bool]:
    """Return a value as JSON without seeds, and whether there were any."""
    if hasattr(value, "hyper_parameters") and hasattr(value, "get_params"):
        params = value.get_params(deep=False)
        parts = {name: _without_seed(each) for name, each in params.items() if name != _SEED}
        has_seed = _SEED in params or any(found for _, found in parts.values())
        return [value.name, {name: part for name, (part, _) in parts.items()}], has_seed
    if isinstance(value, (list, tuple)):
        items = [_without_seed(each) for each in value]
        return [part for part, _ in items], any(found for _, found in items)
    return to_json(value), False


def seed_groups(figures: Sequence[tuple[str, Hashable, float]], *, descending: bool = False) -> tuple[SeedGroup, ...]:
    """Group models that are alike, and order the groups by the mean of their figure.

    Args:
        figures: Name of each model, what models of one group have in common, and the figure.
        descending: Whether the group with the greatest mean comes first.
    """
    members: dict[Hashable, list[tuple[str, float]]] = {}
    for name, alike, figure in figures:
        members.setdefault(alike, []).append((name, figure))
    taken: set[str] = set()
    groups = []
    for group in members.values():
        names, values = tuple(name for name, _ in group), [figure for _, figure in group]
        finite = all(map(math.isfinite, values))
        groups.append(
            SeedGroup(
                name=_free(_common_name(names), taken),
                models=names,
                mean=statistics.fmean(values),
                standard_deviation=statistics.stdev(values) if finite and len(values) > 1 else None,
                smallest=min(values),
                largest=max(values),
            )
        )
    return tuple(sorted(groups, key=lambda group: -group.mean if descending else group.mean))


def _common_name(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return _TAIL.sub("", "".join(letters[0] for letters in alike)) or names[0]


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    taken.add(found)
    return found


def seed_note(groups: Sequence[SeedGroup], digests: Mapping[str, str]) -> str:
    """Return a note that models differ only in their seed; empty if none do.

    Args:
        groups: The groups.
        digests: Digest of each model, by its name; the same model twice is not worth a note.
    """
    alike = max((len({digests[name] for name in group.models}) for group in groups), default=0)
    if alike < 2:
        return ""
    return f"{alike} of the models differ only in their seed: --group-seeds (group_seeds=True) gives mean ± sd"
