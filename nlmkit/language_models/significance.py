"""Intervals and p-values of language models on the same sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from nlmkit.core.intervals import CONFIDENCE
from nlmkit.language_models.compared import Difference, Scored
from nlmkit.language_models.measures import Measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENTRIES: Final = 1 << 22  # numbers drawn at a time


def bootstrap(models: Sequence[Scored], rule: Measure, samples: int, seed: int) -> NDArray[np.float64]:
    """Return the mean negative log-probability of each model on sentences drawn with replacement, the same for all.

    Returns:
        float64 [models, samples], per event or character; no samples for a text with a single sentence.
    """
    units = rule.units(models[0])
    sentences = len(models[0].events)
    if sentences < 2 or units is None:
        samples = 0
    values = np.empty((len(models), samples))
    random = np.random.Generator(np.random.PCG64(seed))
    step = max(1, _ENTRIES // sentences)
    for begin in range(0, samples, step):
        end = min(begin + step, samples)
        drawn = random.integers(0, sentences, (end - begin, sentences))
        assert units is not None
        totals = units[drawn].sum(axis=1)
        for row, model in zip(values, models, strict=True):
            row[begin:end] = -model.log_probs[drawn].sum(axis=1) / totals
    return values


def interval_of(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the percentile interval of the samples; without interpolation, since a sample can be infinite."""
    if not len(values):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf").tolist()
    return low, high


def differences(
    ordered: Sequence[Scored], rule: Measure, resampled: NDArray[np.float64], samples: int, seed: int
) -> Iterator[Difference]:
    """Compare each model with the next one."""
    for place in range(len(ordered) - 1):
        better, worse = ordered[place], ordered[place + 1]
        finite = math.isfinite(better.report.perplexity) and math.isfinite(worse.report.perplexity)
        higher = better.log_probs > worse.log_probs
        lower = better.log_probs < worse.log_probs
        ratio = interval = p_value = None
        if finite:
            ratio = _ratio(better, worse, rule)
            interval = interval_of(rule.ratio(resampled[place + 1], resampled[place]))
            p_value = _randomization(better.log_probs - worse.log_probs, samples, seed)
        yield Difference(
            better=better.model,
            worse=worse.model,
            ratio=ratio,
            interval=interval,
            p_value=p_value,
            wins=int(higher.sum()),
            losses=int(lower.sum()),
            ties=int((~higher & ~lower).sum()),
        )


def _ratio(better: Scored, worse: Scored, rule: Measure) -> float | None:
    """Return the ratio of two finite measures; None for one of zero bits."""
    if rule.unit is not None:
        return rule.of(worse) / rule.of(better) if rule.of(better) else None
    return math.exp((better.report.log_prob - worse.report.log_prob) / better.report.events)


def _randomization(differences: NDArray[np.float64], samples: int, seed: int) -> float | None:
    """Return the p-value of the sum of paired differences: the frequency of a sum as large under random signs."""
    if not samples:
        return None
    random = np.random.Generator(np.random.PCG64(seed))
    # A sum of the same numbers in another order may differ in its last bits, and is not smaller for that.
    observed = abs(float(differences.sum())) - 1e-12 * float(np.abs(differences).sum())
    as_large = 0
    step = max(1, _ENTRIES // len(differences))
    for begin in range(0, samples, step):
        signs = random.integers(0, 2, (min(step, samples - begin), len(differences)), np.int8) * 2 - 1
        as_large += int((np.abs(signs @ differences) >= observed).sum())
    return (as_large + 1) / (samples + 1)
