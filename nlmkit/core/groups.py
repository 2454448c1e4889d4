"""Models of an ensemble: from hyper-parameters to fitted components, and to a saved folder and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.notes import kind_of_note
from nlmkit.core.progress import with_prefix
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Group: TypeAlias = tuple[Any, ...]
"""Fitted versions of one model, one per seed."""


def resolved(given: Component | str, number: int, kind: str) -> Any:
    """Return a component: itself, one with default options by its name, or the one in a folder.

    Args:
        given: Value of the hyper-parameter; a string is a folder unless a component of the kind has that name.
        number: Place among the models, from 1, for errors.
        kind: Name of the kind that is expected.

    Raises:
        HyperParameterError: Another kind of model is there.
        SavedModelError: The folder cannot be loaded.
    """
    if not isinstance(given, str):
        return given
    if any(entry.kind == kind and entry.name == given for entry in registry.entries()):
        made: Any = registry.get(given)
        return made()
    from nlmkit.core.storage import load

    found = load(given)
    if found.kind != kind:
        raise HyperParameterError(f"model {number}: {given} is a {found.kind} ({found.name}); expected a {kind}")
    return found


def is_seeded(model: Component) -> bool:
    """Return whether several seeds apply to a model."""
    return model.trains_in_steps and not model.is_fitted and "seed" in model.hyper_parameters()


def check_number(models: Sequence[Component], seeds: int) -> None:
    """Check that there is something to combine.

    Raises:
        HyperParameterError: There are too few models, or no model that ``seeds`` applies to.
    """
    seeded = any(map(is_seeded, models))
    if not models or (len(models) == 1 and not (seeded and seeds > 1)):
        raise HyperParameterError(
            f"an ensemble needs two or more models, or one neural model and seeds=2 or more, not {len(models)} "
            "(--model FOLDER, or models=)"
        )
    if seeds > 1 and not seeded:
        raise HyperParameterError(f"seeds={seeds} has no effect: no unfitted model trains in steps")


def check_weights(weights: Sequence[float], models: int) -> None:
    """Check weights that were given as numbers.

    Raises:
        HyperParameterError: They are not one per model, or all are 0.
    """
    if len(weights) != models or not any(weights):
        problem = "all weights are 0" if len(weights) == models else f"{len(weights)} weights"
        raise HyperParameterError(f"{problem} for {models} models")


@dataclasses.dataclass(frozen=True, eq=False)
class Fits:
    """Fits of the models of one ensemble.

    Attributes:
        models: The models; fitted ones are used unchanged.
        seeds: Number of versions of each model that ``is_seeded``.
        seed: Number of the ensemble; ensembles of different numbers have different seeds.
        run: Options of the run; a budget is shared equally by the fits that train in steps.
        rounds: Number of calls of ``fitted`` to come.
    """

    models: Sequence[Component]
    seeds: int
    seed: int
    run: RunOptions
    rounds: int = 1
    _notes: dict[str, str] = dataclasses.field(default_factory=dict)

    def fitted(
        self, fit: Callable[[Any, RunOptions], Any], *, what: str = "", known: Collection[str] = ()
    ) -> tuple[Group, ...]:
        """Return the models, fitted.

        Args:
            fit: Fits a copy of a model, which it is given with the options of its run.
            what: Name of the round in progress, such as ``fold 1 of 5``; empty for the final one.
            known: Notes that are not those of the models, such as those on their texts.
        """
        groups: list[Group] = []
        for number, model in enumerate(self.models, 1):
            if model.is_fitted:
                groups.append((model,))
                continue
            versions = self.seeds if is_seeded(model) else 1
            group = []
            for version in range(versions):
                values = model.get_params(deep=False)
                if is_seeded(model):
                    values["seed"] += self.seed * self.seeds + version
                about = f"model {number} ({model.name})" + (f", seed {values['seed']}" if versions > 1 else "")
                copy = type(model)(**values)
                fit(copy, self._options(", ".join([*([what] if what else []), about]), model))
                group.append(copy)
                for text in copy.fit_report_.get("notes", ()):
                    if text not in known:
                        key = f"{number} {kind_of_note(text)}"
                        self._notes.setdefault(key, f"model {number} ({model.name}): {text}")
            groups.append(tuple(group))
        return tuple(groups)

    def _options(self, what: str, model: Component) -> RunOptions:
        """Return the options of one fit."""
        budget = self.run.budget_seconds
        if budget is not None:
            in_steps = [each for each in self.models if each.trains_in_steps and not each.is_fitted]
            fits = self.rounds * sum(self.seeds if is_seeded(each) else 1 for each in in_steps)
            budget = budget / fits if model.trains_in_steps else None
        return dataclasses.replace(
            self.run,
            progress=with_prefix(self.run.progress, what),
            budget_seconds=budget,
            checkpoint=None,
            resume=False,
            log=None,
        )

    def notes(self) -> list[str]:
        """Return the notes of all fits, each kind of note once per model."""
        return [*self._notes.values()]


def saved_groups(groups: Sequence[Group], given: Sequence[Any]) -> tuple[list[int], dict[str, Any]]:
    """Return how many versions of each model are to be saved, and these by their places.

    Models that were given as fitted components are saved as hyper-parameters already.
    """
    made: dict[str, Any] = {}
    sizes: list[int] = []
    for number, (group, own) in enumerate(zip(groups, given, strict=True)):
        versions = () if len(group) == 1 and group[0] is own else group
        made |= {f"models_.{number}.{version}": model for version, model in enumerate(versions)}
        sizes.append(len(versions))
    return sizes, made


def restored_groups(sizes: Any, members: Mapping[str, Any], given: Sequence[Any]) -> tuple[Group, ...]:
    """Return the groups of which ``saved_groups`` returned sizes and members; missing models are None.

    Raises:
        SavedModelError: The sizes are not numbers, one per model.
    """
    from nlmkit.saving import require

    sound = isinstance(sizes, list) and len(sizes) == len(given) and all(type(size) is int for size in sizes)
    require(sound, "the number of its models is missing from its metadata; save the model again")
    groups = []
    for number, (size, own) in enumerate(zip(sizes, given, strict=True)):
        places = [f"models_.{number}.{version}" for version in range(size)]
        groups.append(tuple(members.get(place) for place in places) if size else (own,))
    return tuple(groups)


def restored_weights(arrays: Mapping[str, Any], models: int) -> NDArray[np.float64]:
    """Return the saved weights of models: float64 [models].

    Raises:
        SavedModelError: They are missing, negative, not finite or all 0.
    """
    import numpy as np

    from nlmkit.saving import require, require_array

    weights = require_array(arrays, "weights", dtype="float64", shape=(models,))
    usable = bool(np.isfinite(weights).all() and (weights >= 0).all() and weights.any())
    require(usable, "array 'weights' contains values that are not weights")
    return np.asarray(weights, np.float64)
