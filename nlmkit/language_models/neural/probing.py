"""Measurement of the speed that a recipe for a budget is chosen from.

A product of matrices and an exponential of many numbers are timed first, a few milliseconds; then, as far as the time allows, steps of a
network of the sizes chosen so far, on the training text. The fastest of each counts, so that other work of the
machine has little influence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.language_models.neural.costs import Sizes, Speed, parameters, step_seconds
from nlmkit.language_models.neural.settings import LanguageModelSettings
from nlmkit.language_models.neural.task import LanguageTask
from nlmkit.training.clock import seconds
from nlmkit.training.distributed import Processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.options import Optimization
from nlmkit.training.stepper import Moment

if TYPE_CHECKING:
    from nlmkit.language_models.neural.estimator import NeuralLanguageModel
    from nlmkit.text import Vocabulary

_REPEATS: Final = 7
_STEPS: Final = 3
_BUILD_SECONDS: Final = 3e-8
"""Seconds to draw an initial weight."""


def machine_speed(device: torch.device, *, bfloat16: bool, most: float) -> Speed:
    """Time a product of matrices, and an exponential of many numbers.

    Args:
        device: Device of the training.
        bfloat16: Whether it trains in bfloat16.
        most: Limit of seconds, which determines the size of the matrices.
    """
    default = Speed()
    size = 512 if most > 0.05 else 128
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    product = _fastest(lambda: left @ right, device)
    entries = torch.ones(1 << (20 if most > 0.05 else 14), device=device)
    exponential = _fastest(lambda: torch.exp(entries), device)
    return Speed(
        products=2 * size**3 / product if product > 0 else default.products,
        moves=len(entries) / exponential if exponential > 0 else default.moves,
    )


def _fastest(work: Callable[[], Any], device: torch.device) -> float:
    """Return the seconds of the fastest of a few calls, after one that allocates memory."""
    taken = []
    for _ in range(_REPEATS + 1):
        begins = seconds()
        work()
        _settle(device)
        taken.append(seconds() - begins)
    return min(taken[1:])


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def fits(sizes: Sizes, speed: Speed, left: float) -> bool:
    """Return whether the steps of ``timed_step`` fit into ``left`` seconds, by the speed known so far."""
    return (_STEPS + 1) * step_seconds(sizes, speed) + _BUILD_SECONDS * parameters(sizes) <= left


def timed_step(
    component: NeuralLanguageModel,
    events: NDArray[np.int32],
    vocabulary: Vocabulary,
    device: torch.device,
    *,
    bfloat16: bool,
) -> float:
    """Return the seconds of the fastest of a few training steps.

    Args:
        component: A copy of the component with the chosen hyper-parameters.
        events: Ids of the training text's events: int32 [N].
        vocabulary: Vocabulary of the ids.
        device: Device of the training.
        bfloat16: Whether it trains in bfloat16.
    """
    settings, optimization = LanguageModelSettings.of(component), Optimization.of(component)
    module = component.build_module(vocabulary.counts, torch.Generator().manual_seed(settings.seed))
    words = settings.batch * settings.bptt * (_STEPS + 1)
    together = Processes().on(device)
    task = LanguageTask(module, events[:words], None, settings, vocabulary, together)
    stepper = GradientStepper(task, optimization, together, bfloat16=bfloat16)
    stepper.begin()
    taken = []
    for step in range(_STEPS + 1):
        begins = seconds()
        rows = stepper.step(Moment(step, 0.0, None, 0, past_half=False))
        stepper.settle()
        taken.append((seconds() - begins) / rows * settings.bptt)
    return min(taken[1:])
