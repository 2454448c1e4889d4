"""Learning rates over time, as pure functions of the step, the length of the schedule and the validation history.

No object counts along, so there is nothing that a resumed run could have lost. This module imports neither torch nor
NumPy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nlmkit.training.options import Optimization

START_DIVISOR: Final = 25.0
"""One-cycle begins at the peak rate over this; so do steps that are taken before their number is known."""

END_DIVISOR: Final = 1e4
"""One-cycle ends at its first rate over this."""

RATIO: Final = 32.0
"""The slanted triangle begins and ends at its peak over this."""


def learning_rate(options: Optimization, step: float, steps: float | None, *, plateaus: int = 0) -> float:
    """The learning rate of a step.

    Args:
        options: Schedule, peak rate, share of warm-up, factor of plateau.
        step: Steps taken before, from 0; may be between two steps where a schedule is shortened.
        steps: Steps of the whole schedule; None while that is not known, which counts as its beginning.
        plateaus: Epochs so far that did not improve on validation text.
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
        steps: Of the whole schedule.
        peak: Highest rate.
        warmup: Share of the steps in which the rate rises.
    """
    first = peak / START_DIVISOR
    top, end = max(warmup * steps - 1, 0.0), steps - 1
    if step < top:
        return _half_cosine(first, peak, step / top)
    return _half_cosine(peak, first / END_DIVISOR, (step - top) / (end - top)) if end > top else peak


def cosine(step: float, steps: float, *, peak: float, warmup: float) -> float:
    """Rise linearly to the peak, then fall to zero along half a cosine (Loshchilov & Hutter 2017, without restarts).

    The rate would reach zero with the step after the last one. Arguments are those of :func:`one_cycle`.
    """
    top = warmup * steps
    if step < top:
        return peak * (step + 1) / (top + 1)
    return _half_cosine(peak, 0.0, (step - top) / (steps - top))


def slanted_triangular(step: float, steps: float, *, peak: float, warmup: float) -> float:
    """Rise linearly from peak / 32 to the peak, then fall linearly back (Howard & Ruder 2018).

    Arguments are those of :func:`one_cycle`.
    """
    top = warmup * steps
    share = step / top if step < top else 1 - (step - top) / (steps - top)
    return peak * (1 + share * (RATIO - 1)) / RATIO


def _half_cosine(begin: float, end: float, share: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
