"""Measurement of the speed that a recipe for a budget is chosen from.

A product of matrices and an exponential of many numbers are timed first, a few milliseconds; then, as far as the time
allows, steps of a network of the sizes chosen so far, on the training text.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.language_models.neural.costs import Sizes, Speed, parameters, step_seconds
from nlmkit.language_models.neural.settings import LanguageModelSettings
from nlmkit.language_models.neural.task import LanguageTask
from nlmkit.training.clock import seconds
from nlmkit.training.devices import settle
from nlmkit.training.distributed import Processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.options import Optimization
from nlmkit.training.precision import choose_precision, cpu_units
from nlmkit.training.stepper import Moment

if TYPE_CHECKING:
    from nlmkit.language_models.neural.choosable import Choosable
    from nlmkit.text import Vocabulary

_REPEATS: Final = 7
_FEWEST_STEPS, _MOST_STEPS = 3, 12
_RATE: Final = 1e-9  # a step takes the same time at any rate, and must not diverge here
_BUILD_SECONDS: Final = 3e-8
"""Seconds to draw an initial weight."""


def machine_speed(device: torch.device, precision: str, *, most: float) -> Speed:
    """Time a product of matrices, and an exponential of many numbers.

    Args:
        device: Device of the training.
        precision: Its precision; with ``auto`` the faster one of those that the device has units for counts.
        most: Limit of seconds, which determines the size of the matrices.
    """
    default = Speed()
    size = 512 if most > 0.05 else 128
    products = []
    for dtype in _types(device, precision):
        matrix = torch.ones(size, size, dtype=dtype, device=device)
        products.append(_fastest(partial(torch.mm, matrix, matrix), device))
    product = min(products)
    entries = torch.ones(1 << (20 if most > 0.05 else 14), device=device)
    exponential = _fastest(lambda: torch.exp(entries), device)
    return Speed(
        products=2 * size**3 / product if product > 0 else default.products,
        moves=len(entries) / exponential if exponential > 0 else default.moves,
    )


def _types(device: torch.device, precision: str) -> list[torch.dtype]:
    """Return the types in which the products of a training step may be computed."""
    if precision == "float32":
        return [torch.float32]
    if precision == "bfloat16":
        return [torch.bfloat16]
    has_units = cpu_units() is not None if device.type == "cpu" else device.type == "cuda"
    return [torch.float32, torch.bfloat16] if has_units else [torch.float32]


def _fastest(work: Callable[[], Any], device: torch.device) -> float:
    """Return the seconds of the fastest of a few calls, after one that allocates memory."""
    taken = []
    for _ in range(_REPEATS + 1):
        begins = seconds()
        work()
        settle(device)
        taken.append(seconds() - begins)
    return min(taken[1:])


def steps_that_fit(sizes: Sizes, speed: Speed, left: float) -> int:
    """Return the number of steps to time in ``left`` seconds, by the speed known so far; 0 if they are too few."""
    left -= _BUILD_SECONDS * parameters(sizes)
    steps = int(left / step_seconds(sizes, speed))
    return min(steps, _MOST_STEPS) if steps >= _FEWEST_STEPS else 0


def timed_step(
    component: Choosable,
    events: NDArray[np.int32],
    vocabulary: Vocabulary,
    device: torch.device,
    precision: str,
    *,
    steps: int,
) -> float:
    """Return the seconds of the median of some training steps, after one that compiles and allocates.

    Args:
        component: A copy of the component with the chosen hyper-parameters.
        events: Ids of the training text's events: int32 [N].
        vocabulary: Vocabulary of the ids.
        device: Device of the training.
        precision: Its precision: ``auto``, ``float32`` or ``bfloat16``.
        steps: Number of steps.
    """
    settings = LanguageModelSettings.of(component)
    optimization = dataclasses.replace(Optimization.of(component), lr=_RATE)
    module = component.build_timed_module(vocabulary.counts, torch.Generator().manual_seed(settings.seed))
    words = settings.batch * settings.bptt * (steps + 1)
    together = Processes().on(device)
    task = LanguageTask(module, events[:words], None, settings, vocabulary, together)
    stepper = GradientStepper(task, optimization, together, precision=choose_precision(module, device, precision))
    stepper.begin()
    taken = []
    for step in range(steps + 1):
        begins, items = seconds(), stepper.items
        stepper.step(Moment(step, 0.0, None, 0, past_half=False))
        stepper.settle()
        rows = (stepper.items - items) / task.stream.batch
        taken.append((seconds() - begins) / rows * settings.bptt)
    return statistics.median_low(taken[1:])
