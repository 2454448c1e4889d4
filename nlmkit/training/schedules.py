"""Learning-rate schedules, as pure functions of the step, the length of the schedule and the validation history.

They have no state that a resumed run would have to restore. This module imports neither torch nor
NumPy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nlmkit.training.options import Optimization

START_DIVISOR: Final = 25.0
"""Ratio of peak and initial rate of one-cycle, also of steps taken before their number is known."""

END_DIVISOR: Final = 1e4
"""Ratio of initial and final rate of one-cycle."""

RATIO: Final = 32.0
"""Ratio of peak and initial or final rate of the slanted triangle."""


def learning_rate(options: Optimization, step: float, steps: float | None, *, plateaus: int = 0) -> float:
    """Return the learning rate of a step.

    Args:
        options: Schedule, peak rate, share of warm-up, factor of plateau.
        step: Number of steps taken before, from 0; a fraction in shortened schedules.
        steps: Length of the schedule in steps; None while unknown, which counts as its start.
        plateaus: Number of epochs so far without improvement on validation text.
    """
    peak, warmup = options.lr, options.warmup
    match options.schedule:
        case "constant":
            return peak
        case "plateau":
            return peak * options.decay**plateaus
        case "one-cycle" | "cosine" as schedule:
            if steps is None:
                return peak / START_DIVISOR if warmup > 0 else peak
            function = one_cycle if schedule == "one-cycle" else cosine
            return function(step, steps, peak=peak, warmup=warmup)
        case "slanted-triangular":
            return peak / RATIO if steps is None else slanted_triangular(step, steps, peak=peak, warmup=warmup)
    raise AssertionError(f"the options let {options.schedule!r} through")


def one_cycle(step: float, steps: float, *, peak: float, warmup: float) -> float:
    """Rise from peak / 25 to the peak, then fall to peak / 250,000, both along half a cosine (Smith & Topin 2017).

    Momentum does not cycle. The last step of the warm-up is the one at the peak.

    Args:
        step: From 0 to ``steps`` − 1.
        steps: Length of the schedule in steps.
        peak: Maximum rate.
        warmup: Share of the steps in which the rate increases.
    """
    first = peak / START_DIVISOR
    top, end = max(warmup * steps - 1, 0.0), steps - 1
    if step < top:
        return _half_cosine(first, peak, step / top)
    return _half_cosine(peak, first / END_DIVISOR, (step - top) / (end - top)) if end > top else peak


def cosine(step: float, steps: float, *, peak: float, warmup: float) -> float:
    """Rise linearly to the peak, then fall to zero along half a cosine (Loshchilov & Hutter 2017, without restarts).

    The rate would reach zero in the step after the last one. Arguments as in ``one_cycle``.
    """
    top = warmup * steps
    if step < top:
        return peak * (step + 1) / (top + 1)
    return _half_cosine(peak, 0.0, (step - top) / (steps - top))


def slanted_triangular(step: float, steps: float, *, peak: float, warmup: float) -> float:
    """Rise linearly from peak / 32 to the peak, then fall linearly back (Howard & Ruder 2018).

    Arguments as in ``one_cycle``.
    """
    top = warmup * steps
    share = step / top if step < top else 1 - (step - top) / (steps - top)
    return peak * (1 + share * (RATIO - 1)) / RATIO


def _half_cosine(begin: float, end: float, share: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
