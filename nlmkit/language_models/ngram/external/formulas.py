"""Smoothing methods one order at a time, from sums over contexts: what the in-memory methods compute, in pieces.

An order is estimated in three steps: the values of its n-grams that are summed over each context, in suffix order; the
backoff weight of each context, from the sums; and the probability of each n-gram, from the sums of its context and the
probability of its suffix. The operations are those of ``nlmkit.language_models.ngram.smoothing``, digit for digit.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.estimates import Floats, overridden, subtracted
from nlmkit.language_models.ngram.smoothing.absolute import single_discount
from nlmkit.language_models.ngram.smoothing.modified_kneser_ney import three_discounts
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.text.vocabulary import BOS_ID

ADJUSTED: Final = ("modified-kneser-ney", "kneser-ney")
"""Methods that use adjusted counts."""

REFUSED: Final = {
    "katz": "adds up the probabilities of words that do not follow a context, for which it must see those of all "
    "shorter contexts",
    "jelinek-mercer": "looks up validation text in the counts to fit its weights",
}
"""Methods that need more than counts, and why."""


@dataclasses.dataclass
class Grams:
    """N-grams of one order, in suffix order; arrays are [n].

    Attributes:
        values: Counts that the method uses, int64: adjusted or raw.
        keep: Whether count pruning keeps each, bool.
        history: Index of the context in the sums.
        first: First word.
    """

    values: NDArray[np.int64]
    keep: NDArray[np.bool_]
    history: NDArray[Any]
    first: NDArray[np.int32]


class Formula(Protocol):
    """One order of a smoothing method."""

    def summed(self, grams: Grams) -> list[NDArray[Any]]:
        """Return the values that are summed over each context: [n] each."""

    def backoffs(self, sums: list[Floats]) -> Floats:
        """Return the backoff weight of each context."""

    def probs(self, grams: Grams, sums: list[Floats], lower: Floats) -> Floats:
        """Return the probabilities; ``lower`` holds those of the suffixes."""


@dataclasses.dataclass
class Interpolated:
    """Methods of the form p(w|h) = (share(hw) + gamma(h) · p(w|h′)) / total(h)."""

    discounts: NDArray[np.float64] | None  # None for Witten-Bell

    def summed(self, grams: Grams) -> list[NDArray[Any]]:
        """The counts, and what is freed of them."""
        values = grams.values
        if self.discounts is None:
            return [values, (values > 0).astype(np.float64), np.where(grams.keep, 0, values)]
        return [values, subtracted(values, self.discounts, grams.keep)[1]]

    def _gamma_and_total(self, sums: list[Floats]) -> tuple[Floats, Floats]:
        if self.discounts is None:
            total, types, pruned = sums
            return types + pruned, total + types
        return sums[1], sums[0]

    def backoffs(self, sums: list[Floats]) -> Floats:
        """gamma / total; one for n-grams that are not contexts."""
        gamma, total = self._gamma_and_total(sums)
        is_context = total > 0
        weights: Floats = np.where(is_context, gamma / np.where(is_context, total, 1.0), 1.0)
        return weights

    def probs(self, grams: Grams, sums: list[Floats], lower: Floats) -> Floats:
        """Shares and what the order below adds."""
        share = (
            grams.values.astype(np.float64)
            if self.discounts is None
            else subtracted(grams.values, self.discounts, grams.keep)[0]
        )
        total = self._gamma_and_total(sums)[1]
        prob: Floats = share / np.where(total > 0, total, 1.0)[grams.history]
        prob += self.backoffs(sums)[grams.history] * lower
        return prob

    def unigrams(self, grams: Grams, size: int) -> Floats:
        """Probabilities of the words, interpolated with the uniform distribution."""
        sums = [np.array([values.sum()], np.float64) for values in self.summed(grams)]
        gamma, total = self._gamma_and_total(sums)
        uniform = 1.0 / (size - 1)
        if total[0] <= 0:
            return np.full(size, uniform)
        share = (
            grams.values.astype(np.float64)
            if self.discounts is None
            else subtracted(grams.values, self.discounts, grams.keep)[0]
        )
        probs: Floats = (share + gamma[0] * uniform) / total[0]
        return probs


@dataclasses.dataclass
class Relative:
    """Relative frequencies: maximum likelihood, or stupid backoff if there is a factor."""

    factor: float | None

    def summed(self, grams: Grams) -> list[NDArray[Any]]:
        """The counts."""
        return [grams.values]

    def backoffs(self, sums: list[Floats]) -> Floats:
        """The factor, or zero for contexts."""
        if self.factor is not None:
            return np.full(len(sums[0]), self.factor)
        return np.where(sums[0] > 0, 0.0, 1.0)

    def probs(self, grams: Grams, sums: list[Floats], lower: Floats) -> Floats:
        """The share of each n-gram."""
        del lower
        prob: Floats = grams.values / sums[0][grams.history]
        return prob

    def unigrams(self, grams: Grams, size: int) -> Floats:
        """Relative frequencies, or uniform without events; with a factor, unseen words have some."""
        total = grams.values.sum()
        probs: Floats = grams.values / total if total else np.full(size, 1.0 / (size - 1))
        if self.factor is not None and total > 0:
            probs[probs == 0.0] = self.factor / total
            probs[BOS_ID] = 0.0
        return probs


@dataclasses.dataclass
class Additive:
    """Additive smoothing of full contexts: those of the highest order, or that begin with ``<s>``."""

    added: float
    size: int  # predictable words
    highest: bool

    def _full(self, grams: Grams) -> NDArray[np.bool_]:
        return np.full(len(grams.values), True) if self.highest else grams.first == BOS_ID

    def summed(self, grams: Grams) -> list[NDArray[Any]]:
        """The counts, and whether contexts are full."""
        return [grams.values, self._full(grams)]

    def backoffs(self, sums: list[Floats]) -> Floats:
        """Share of unseen words of full contexts."""
        total, added, size = sums[0], self.added, self.size
        weights: Floats = np.where(sums[1] > 0, added * size / (total + added * size), 1.0)
        return weights

    def probs(self, grams: Grams, sums: list[Floats], lower: Floats) -> Floats:
        """Smoothed frequencies, uniform for contexts that are not full."""
        del lower
        own = (grams.values + self.added) / (sums[0] + self.added * self.size)[grams.history]
        probs: Floats = np.where(self._full(grams), own, 1.0 / self.size)
        return probs

    def unigrams(self, grams: Grams, size: int) -> Floats:
        """Smoothed frequencies, if words are the highest order, or that of ``<s>``."""
        del size
        sums = [np.array([grams.values.sum()], np.float64), np.zeros(1)]
        at_zero = dataclasses.replace(grams, history=np.zeros(len(grams.values), np.int32))
        return self.probs(at_zero, sums, np.zeros(0))


Estimator = Interpolated | Relative | Additive


def check_method(name: str) -> None:
    """Raise for a method that needs more than counts.

    Raises:
        HyperParameterError: With the reason.
    """
    if name in REFUSED:
        raise HyperParameterError(
            f"smoothing={name} cannot be fitted under a memory cap: it {REFUSED[name]}; omit the cap, or choose "
            "another method"
        )


def formula(settings: dict[str, Any], k: int) -> Estimator:
    """Return order k of the method, from settings of ``method_settings`` and discounts of ``discounts_of``."""
    name = settings["smoothing"]
    if name == "witten-bell":
        return Interpolated(None)
    if name in ("mle", "stupid-backoff"):
        return Relative(settings["factor"] if name == "stupid-backoff" else None)
    if name == "add-k":
        return Additive(settings["added"], settings["vocabulary"] - 1, k == settings["order"])
    return Interpolated(np.array([0.0, *settings["discounts"][k - 1]]))


def discounts_of(name: str, k: int, numbers: list[int], options: Options) -> tuple[list[float], list[str]] | None:
    """Return the discounts of order k and notes; None for a method without.

    Args:
        name: Smoothing method.
        k: The order.
        numbers: Number of n-grams with a count of 1, 2, 3 and 4, adjusted where the method uses those.
        options: With the discounts that the user gave.
    """
    if name == "modified-kneser-ney":
        given = overridden(options.discounts, k, 3)
        return (given, []) if given is not None else three_discounts(k, numbers)
    if name in ("kneser-ney", "absolute"):
        discount, notes = single_discount(k, numbers[0], numbers[1], options)
        return [discount], notes
    return None
