"""``preset=auto`` under a time budget: measure the speed, and set the hyper-parameters of ``recipe``."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.core.notes import tell
from nlmkit.core.presets import AUTO
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.neural.costs import Sizes, Speed, active_weights, adaptive_rows, step_seconds
from nlmkit.language_models.neural.options import chosen_softmax
from nlmkit.language_models.neural.probing import machine_speed, steps_that_fit, timed_step
from nlmkit.language_models.neural.recipe import CHOSEN, FAMILIES, Recipe, recipe, trained_weights
from nlmkit.language_models.neural.shorthands import rates_of_dropout
from nlmkit.training.checkpoint_folders import read_checkpoint
from nlmkit.training.clock import seconds
from nlmkit.training.devices import choose_device
from nlmkit.training.distributed import Processes, processes

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.neural.choosable import Choosable
    from nlmkit.text import Vocabulary

MEASURING_SHARE: Final = 0.01
"""Maximum share of the budget for measuring the speed."""

_MEMORY_SHARE: Final = 0.5
_MEASURED_WIDTHS: Final = 3
_SAME: Final = 1.1


def choose_for_budget(
    component: Choosable,
    events: NDArray[np.int32],
    vocabulary: Vocabulary,
    run: RunOptions,
    *,
    width: int | None,
    started: float,
) -> dict[str, Any] | None:
    """Set the hyper-parameters of a component that fit the budget of a run, if ``preset=auto`` and it has one.

    A run that resumes takes those of its checkpoint. A model that starts from another keeps its own.

    Args:
        component: The component; what was given explicitly is kept.
        events: Ids of the training text's events: int32 [N].
        vocabulary: Vocabulary of the ids.
        run: Device, precision, budget and checkpoint.
        width: Width of a representation's vectors, which is that of the embedding, or None.
        started: Time on the clock at which the fit started.

    Returns:
        The chosen values, and a line on the reason, as JSON types; None if nothing was chosen.
    """
    family = FAMILIES.get(component.budget_family or "")
    if run.budget_seconds is None or component.preset != AUTO or component.start_from is not None or family is None:
        return None
    given = _given(component, vocabulary, width)
    if set(CHOSEN) & set(component.hyper_parameters()) <= set(given):
        return None
    saved = _saved_values(component, run, given)
    if saved is not None:
        component.choose(saved)
        sizes = Sizes.of({**given, **saved}, cell=family.cell, vocabulary=len(vocabulary))
        return {**saved, "reason": _reason(sizes, len(events), run.budget_seconds)}
    together = processes(run.device)
    together = together.on(choose_device(run.device, together.local_rank))
    search = _Search(component, events, vocabulary, run, given, together, started)
    component.choose(search.run())
    return search.told()


def _given(component: Choosable, vocabulary: Vocabulary, width: int | None) -> dict[str, Any]:
    """Return the hyper-parameters that the recipe must not choose, by name."""
    fixed = set(component.explicit)
    if getattr(component, "dropout", None) is not None:
        fixed |= set(rates_of_dropout(component))
    values = component.get_params(deep=False)
    if values.get("layers", 1) == 1:
        fixed.add("dropout_hidden")  # without effect
    given = {name: value for name, value in values.items() if name not in CHOSEN or name in fixed}
    given.setdefault("bptt", 35)
    if width is not None:
        given["embedding"] = width
        given["tied"] = values["tied"] and component.tune != "frozen"
    if values.get("label_smoothing") or len(vocabulary) <= 1:
        given["softmax"] = chosen_softmax(component, len(vocabulary))  # type: ignore[arg-type]
    return given


def _saved_values(component: Choosable, run: RunOptions, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the values that the run of a checkpoint has chosen; None if there is nothing to resume from."""
    if not run.resume or run.checkpoint is None:
        return None
    identity = (read_checkpoint(Path(run.checkpoint)) or {}).get("run")
    saved = identity.get("hyper_parameters") if isinstance(identity, dict) else None
    if not isinstance(saved, dict):
        return None
    declared = component.hyper_parameters()
    found = {name: saved[name] for name in CHOSEN if name in saved and name in declared and name not in given}
    try:
        return {name: declared[name].check(value) for name, value in found.items()}
    except HyperParameterError:
        return None  # damaged, which is said where it is loaded


class _Search:
    """Measurements and choices in turn, until both agree or the time for them is over."""

    def __init__(  # noqa: PLR0917
        self,
        component: Choosable,
        events: NDArray[np.int32],
        vocabulary: Vocabulary,
        run: RunOptions,
        given: Mapping[str, Any],
        together: Processes,
        started: float,
    ) -> None:
        assert run.budget_seconds is not None
        self._component, self._events, self._vocabulary = component, events, vocabulary
        self._given, self._together, self._started = given, together, started
        self._budget = float(run.budget_seconds)
        self._device = torch.device(together.device)
        self._precision = run.precision
        counts = np.sort(vocabulary.counts)[::-1]
        shares = np.concatenate([[0], np.cumsum(counts)]) / max(1, counts.sum())
        head = min(given.get("softmax_head", 2000), len(vocabulary))
        self._rows = adaptive_rows(len(vocabulary), head, lambda begin, end: float(shares[end] - shares[begin]))
        self._memory = _MEMORY_SHARE * memory_of(self._device)
        self.speed = Speed()
        self.found: Recipe | None = None

    def run(self) -> dict[str, Any]:
        """Return the chosen values."""
        left = MEASURING_SHARE * self._budget
        begins = seconds()
        self.speed = self._agreed(machine_speed(self._device, self._precision, most=left))
        left -= seconds() - begins
        found = self._recipe()
        for _ in range(_MEASURED_WIDTHS if self._together.count == 1 else 0):
            steps = steps_that_fit(found.sizes, self.speed, left / 2)
            if not steps:
                break
            before, found = found, self._measured(found, steps)
            # Compiling and allocating, which the training would do otherwise, do not count.
            left -= steps * step_seconds(before.sizes, self.speed)
            if 1 / _SAME < active_weights(found.sizes) / active_weights(before.sizes) < _SAME:
                break
        self.found = found
        return found.values

    def _agreed(self, speed: Speed) -> Speed:
        """Return the speed of the first process for all of them together."""
        products, moves = self._together.decided([speed.products, speed.moves])
        return Speed(products * self._together.count, moves)

    def _measured(self, found: Recipe, steps: int) -> Recipe:
        """Return the recipe after measuring steps with the values chosen so far."""
        changed = copy.copy(self._component)
        changed.choose({**found.values, "embedding": found.sizes.embedding})
        taken = timed_step(changed, self._events, self._vocabulary, self._device, self._precision, steps=steps)
        # They are the first ones of a run, before a sampled softmax computes all words.
        self.speed = self.speed.with_step(found.sizes._replace(full_after=float(found.sizes.full_after > 0)), taken)
        return self._recipe()

    def _recipe(self) -> Recipe:
        (left,) = self._together.decided([self._budget - (seconds() - self._started)])
        found = recipe(
            self.speed,
            len(self._events),
            len(self._vocabulary),
            max(left, 0.1 * self._budget),
            self._given,
            family=FAMILIES[self._component.budget_family or ""],
            rows=self._rows,
            memory_bytes=self._memory,
        )
        known = self._component.hyper_parameters()
        values = {name: value for name, value in found.values.items() if name in known}
        count = self._together.count
        if "batch" in values:
            values["batch"] = -(-values["batch"] // count) * count
        return found._replace(values=values)

    def told(self) -> dict[str, Any]:
        """Send the line on the choice, and return the values with the reason."""
        found = self.found
        assert found is not None
        words = found.sizes.batch * found.sizes.bptt / step_seconds(found.sizes, self.speed)
        reason = _reason(found.sizes, len(self._events), self._budget)
        expected = f"about {found.epochs:.2g} passes at {words:,.0f} tokens/s"
        if found.bound:
            expected += f", the width is limited by the {found.bound}"
        values = ", ".join(f"{name}={value}" for name, value in found.values.items())
        tell(f"preset=auto: {values}, {reason} ({expected})")
        return {**found.values, "reason": reason}


def _reason(sizes: Sizes, events: int, budget: float) -> str:
    """Return the reason of a choice: what does not depend on the clock, so that a resumed run has the same."""
    share = trained_weights(sizes, events) / events
    return f"for a budget of {budget:g} s and {events:,} events, {share:.2g} weights for each of them"


def memory_of(device: torch.device) -> float:
    """Return the memory of a device in bytes: what is free of a GPU's, or all of the machine's."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):  # systems without these figures
        return 8e9
