"""Table of a backoff model: n-grams in suffix order, their log-probabilities and backoff weights.

An n-gram of order k is found from its suffix of order k−1: the n-grams with a common suffix are adjacent, sorted by
their first word. Looking up a text is therefore one vectorised step per order, and the context of a word is the n-gram
found one position earlier.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import SavedModelError
from nlmkit.language_models.ngram.counting import Ids, NGramCounts
from nlmkit.language_models.ngram.estimates import Estimate, Floats, Keep
from nlmkit.language_models.ngram.followers import Unigrams, bigrams_by_context, draw
from nlmkit.language_models.ngram.scoring import Pass, score
from nlmkit.language_models.ngram.steps import Steps
from nlmkit.text.vocabulary import BOS_ID

LARGEST_BACKOFF = 745.0
"""Largest natural logarithm of a backoff weight: the smallest float64 below one times this weight is one."""

LEAST_LOG_PROB = -1e30
"""Least logarithm of a probability that is not zero: sums of such ones are finite."""

_BLOCK = 1 << 18
_MOST_SEARCHES = 16
"""Contexts whose n-grams are searched for one by one before all n-grams are sorted by context."""

_RANGE_SIZES = ((1, 8), (9, 128), (129, 2**31))
"""Bounds of range sizes that are searched together, so short ranges do not wait for long ones."""


@dataclasses.dataclass
class BackoffTable:
    """Backoff model; list index k − 1 is order k.

    Attributes:
        first: First word of each n-gram, int32 [n_k]; for unigrams the vocabulary id itself.
        children: For each order below the highest, the index of the first n-gram one word longer with this suffix,
            int32 [n_k + 1].
        history: Index at order k − 1 of the n-gram without its last word, int32 [n_k]; empty for unigrams.
        log_probs: Natural logarithms, float64 or float32 [n_k]; −inf at ``<s>``.
        backoffs: Natural logarithms of the backoff weights, for each order below the highest, [n_k].
        unseen_backoff: Natural logarithm of the backoff weight of contexts outside the table.
    """

    first: list[Ids]
    children: list[Ids]
    history: list[Ids]
    log_probs: list[NDArray[np.floating[Any]]]
    backoffs: list[NDArray[np.floating[Any]]]
    unseen_backoff: float = 0.0

    _searches = 0  # of followers without ``successors``

    @property
    def order(self) -> int:
        """Highest order."""
        return len(self.first)

    @property
    def vocabulary_size(self) -> int:
        """Number of vocabulary ids."""
        return len(self.first[0])

    @property
    def sizes(self) -> list[int]:
        """Number of n-grams of each order, including the unigram ``<s>``."""
        return [len(first) for first in self.first]

    @cached_property
    def suffix(self) -> list[Ids]:
        """Index at order k − 1 of the n-gram without its first word, int32 [n_k]; empty for unigrams."""
        rows = [np.empty(0, np.int32)]
        for children in self.children:
            rows.append(np.repeat(np.arange(len(children) - 1, dtype=np.int32), np.diff(children)))
        return rows

    @cached_property
    def last(self) -> list[Ids]:
        """Last word of each n-gram, int32 [n_k]."""
        rows = [self.first[0]]
        for suffix in self.suffix[1:]:
            rows.append(rows[-1][suffix])
        return rows

    @cached_property
    def successors(self) -> list[tuple[NDArray[np.int64], Ids]]:
        """For each order above one: the start of each context's n-grams, and the n-grams sorted by context."""
        tables = []
        for lower, history in zip(self.first[:-1], self.history[1:], strict=True):
            counts = np.bincount(history, minlength=len(lower))
            begins = np.concatenate([[0], np.cumsum(counts)])
            # sorted values are found many times as fast as a sorting permutation
            keys = history.astype(np.int64) << 32
            keys |= np.arange(len(history))
            keys.sort()
            tables.append((begins, (keys & 0xFFFFFFFF).astype(np.int32)))
        return tables

    @classmethod
    def from_estimate(
        cls, counts: NGramCounts, estimate: Estimate, keep: Keep, *, in_place: bool = False
    ) -> BackoffTable:
        """Return the table of the n-grams selected by ``keep``; ``in_place`` overwrites the estimate's arrays."""
        with np.errstate(divide="ignore"):
            log_probs: list[NDArray[np.floating[Any]]]
            backoffs: list[NDArray[np.floating[Any]]]
            log_probs, backoffs = (
                [np.log(row, out=row if in_place else None) for row in rows]
                for rows in (estimate.probs, estimate.backoffs)
            )
            unseen = float(np.log(estimate.unseen_backoff))
        log_probs[0][BOS_ID] = -np.inf
        children = [
            offsets(upper.suffix, len(lower))
            for lower, upper in zip(counts.levels[:-1], counts.levels[1:], strict=True)
        ]
        table = cls(
            first=[level.first for level in counts.levels],
            children=children,
            history=[level.history for level in counts.levels],
            log_probs=log_probs,
            backoffs=backoffs,
            unseen_backoff=unseen,
        )
        return table if all(kept.all() for kept in keep) else table.filtered(keep)

    def filtered(self, keep: Keep) -> BackoffTable:
        """Return the table of the n-grams selected by ``keep``, which must be closed under suffix and history."""
        new_ids = [(np.cumsum(kept) - 1).astype(np.int32) for kept in keep]
        first, history, children = [self.first[0]], [self.history[0]], []
        for k in range(1, self.order):
            kept = keep[k]
            first.append(self.first[k][kept])
            history.append(new_ids[k - 1][self.history[k][kept]])
            suffix = new_ids[k - 1][self.suffix[k][kept]]
            children.append(offsets(suffix, int(keep[k - 1].sum())))
        return BackoffTable(
            first=first,
            children=children,
            history=history,
            log_probs=[values[kept] for values, kept in zip(self.log_probs, keep, strict=True)],
            backoffs=[values[kept] for values, kept in zip(self.backoffs, keep, strict=False)],
            unseen_backoff=self.unseen_backoff,
        )

    def as_float32(self) -> BackoffTable:
        """Return the same table with its logarithms rounded to single precision."""
        return dataclasses.replace(
            self,
            log_probs=[values.astype(np.float32) for values in self.log_probs],
            backoffs=[values.astype(np.float32) for values in self.backoffs],
        )

    def find(self, k: int, suffixes: Ids, words: Ids) -> Ids:
        """Index of the k-grams with these suffixes (indices at order k − 1) and first words; −1 where there is none."""
        children, first = self.children[k - 2], self.first[k - 1]
        low = children.take(suffixes)
        sizes = children.take(suffixes + 1) - low
        found = np.full(len(low), -1, np.int32)
        for smallest, largest in _RANGE_SIZES:
            at = np.flatnonzero((sizes >= smallest) & (sizes <= largest))
            if len(at):
                found[at] = _search(first, low[at], sizes[at], words[at])
        return found

    def score(self, event_ids: Ids, threads: int = 1) -> tuple[Floats, NDArray[np.int8]]:
        """Return the log-probability of each event, float64 [events], and the length of its n-gram, int8 [events].

        Args:
            event_ids: Ids of the events, each sentence closed by ``</s>``: int32 [events].
            threads: Number of threads; results do not depend on it.
        """
        return score(self, event_ids, threads)

    def extend(self, kernels: Any, k: int, run: Pass) -> None:
        """Run the kernel of this form of table for order k."""
        arrays = (self.first[k - 1], self.children[k - 2], self.log_probs[k - 1], self.backoffs[k - 2])
        constant = [array.view() for array in arrays]
        for array in constant:
            array.flags.writeable = False  # mapped and fresh arrays run the same machine code
        kernels.extend(k, *run, *constant, self.unseen_backoff)

    def log_probs_of(self, k: int, ids: Any) -> NDArray[np.floating[Any]]:
        """Return the log-probabilities of n-grams of order k: [ids]."""
        found: NDArray[np.floating[Any]] = self.log_probs[k - 1][ids]
        return found

    def backoffs_of(self, k: int, ids: Any) -> NDArray[np.floating[Any]]:
        """Return the logarithms of the backoff weights of n-grams of order k: [ids]."""
        found: NDArray[np.floating[Any]] = self.backoffs[k - 1][ids]
        return found

    def suffixes_of(self, k: int, ids: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the index at order k − 1 of n-grams of order k without their first word: int64 [ids]."""
        return np.searchsorted(self.children[k - 2], ids.astype(np.int32), side="right") - 1

    def __getstate__(self) -> dict[str, object]:
        """Return what is pickled and copied: all but ``steps``, which views the arrays and is made anew."""
        return {name: value for name, value in vars(self).items() if name != "steps"}

    @cached_property
    def bigrams_by_context(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Start of each word's bigrams, int64 [V + 1], and the bigrams by their first word, int64 [n_2]."""
        return bigrams_by_context(self.first[1], self.vocabulary_size)

    @cached_property
    def unigrams(self) -> Unigrams:
        """Probabilities of single words and their running sum."""
        return Unigrams.of(self.log_probs[0])

    @cached_property
    def steps(self) -> Steps:
        """Look-up of single words."""
        return Steps(
            [first.data for first in self.first[1:]],
            [children.data for children in self.children],
            [values.data for values in self.log_probs],
            [values.data for values in self.backoffs],
            self.unseen_backoff,
        )

    def context_ids(self, context: tuple[int, ...]) -> list[int]:
        """Return the indices at orders 1, 2, … of the suffixes of ``context`` that the table contains."""
        return self.steps.places(context) if context else []

    def distribution(self, context: tuple[int, ...]) -> Floats:
        """Return the log-probability of every vocabulary id after ``context`` (at most order − 1 ids): float64 [V]."""
        scores = self.log_probs[0].astype(np.float64)
        ids = self.context_ids(context)
        for k in range(1, len(context) + 1):
            if k > len(ids):
                if self.unseen_backoff == 0.0:
                    break
                scores += self.unseen_backoff
                continue
            scores += self.backoffs[k - 1][ids[k - 1]]
            words, grams = self._followers(k, ids[k - 1])
            scores[words] = self.log_probs[k][grams]
        scores[BOS_ID] = -np.inf
        return scores

    def _followers(self, k: int, context: int) -> tuple[Ids, NDArray[np.integer]]:
        """Return the words listed after a context of length k, and their n-grams.

        The first few contexts are searched for, which is cheaper than the sort that ``successors`` needs.
        """
        if self._searches < _MOST_SEARCHES and "successors" not in self.__dict__:
            self._searches += 1
            grams = np.flatnonzero(self.history[k] == context)
            words = grams.astype(np.int32)  # the type of the children, which are all converted to another one otherwise
            for children in reversed(self.children[:k]):
                words = (np.searchsorted(children, words, side="right") - 1).astype(np.int32)
            return words, grams
        begins, by_context = self.successors[k - 1]
        found = by_context[begins[context] : begins[context + 1]]
        return self.last[k][found], found

    def draw(self, context: tuple[int, ...], place: float, *, allow_unk: bool) -> int | None:
        """Sample a word; see ``followers.draw``."""
        return draw(self, context, place, allow_unk=allow_unk)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the table as named arrays, the inverse of ``from_arrays``."""
        named: dict[str, NDArray[Any]] = {}
        for k in range(1, self.order + 1):
            named[f"log_prob.{k}"] = self.log_probs[k - 1]
            if k < self.order:
                named[f"backoff.{k}"] = self.backoffs[k - 1]
                named[f"children.{k}"] = self.children[k - 1]
            if k > 1:
                named[f"first.{k}"] = self.first[k - 1]
                named[f"history.{k}"] = self.history[k - 1]
        return named

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], order: int, vocabulary_size: int, unseen_backoff: float
    ) -> BackoffTable:
        """Rebuild a table from ``arrays``.

        Raises:
            SavedModelError: An array is missing, or its dtype, shape or content contradicts the others.
        """
        wanted = {f"log_prob.{k}" for k in range(1, order + 1)}
        wanted |= {f"{name}.{k}" for k in range(1, order) for name in ("backoff", "children")}
        wanted |= {f"{name}.{k}" for k in range(2, order + 1) for name in ("first", "history")}
        _require(set(arrays) == wanted, f"its arrays do not match an n-gram model of order {order}")
        table = cls(
            first=[np.arange(vocabulary_size, dtype=np.int32), *(arrays[f"first.{k}"] for k in range(2, order + 1))],
            children=[arrays[f"children.{k}"] for k in range(1, order)],
            history=[np.empty(0, np.int32), *(arrays[f"history.{k}"] for k in range(2, order + 1))],
            log_probs=[arrays[f"log_prob.{k}"] for k in range(1, order + 1)],
            backoffs=[arrays[f"backoff.{k}"] for k in range(1, order)],
            unseen_backoff=unseen_backoff,
        )
        table.check()
        return table

    def check(self) -> None:
        """Raise ``SavedModelError`` if an index is out of range or a value is not a logarithm."""
        check_values("unseen_backoff", np.array([self.unseen_backoff]), LARGEST_BACKOFF)
        for k, first in enumerate(self.first, 1):
            size = len(first)
            _check_array(f"log_prob.{k}", self.log_probs[k - 1], np.floating, size)
            check_values(f"log_prob.{k}", self.log_probs[k - 1], 1e-6)
            if k < self.order:
                _check_array(f"backoff.{k}", self.backoffs[k - 1], np.floating, size)
                check_values(f"backoff.{k}", self.backoffs[k - 1], LARGEST_BACKOFF)
                _check_array(f"children.{k}", self.children[k - 1], np.int32, size + 1)
                _check_children(k, self.children[k - 1], self.first[k])
            if k > 1:
                _check_array(f"first.{k}", first, np.int32, size)
                _check_array(f"history.{k}", self.history[k - 1], np.int32, size)
                _check_range(f"first.{k}", first, self.vocabulary_size)
                _check_range(f"history.{k}", self.history[k - 1], len(self.first[k - 2]))


def _search(values: Ids, low: Ids, sizes: Ids, wanted: Ids) -> Ids:
    """Return the index of each wanted value in its sorted range of ``values``, or −1, by a vectorised binary search.

    Args:
        values: Sorted within each range, int32.
        low: Start of each range, int32 [n]; overwritten.
        sizes: Length of each range, at least 1, int32 [n]; overwritten.
        wanted: Values to find, int32 [n].
    """
    half, probe, value = np.empty_like(low), np.empty_like(low), np.empty_like(low)
    not_above = np.empty(len(low), bool)
    for _ in range(int(sizes.max() - 1).bit_length()):
        np.right_shift(sizes, 1, out=half)
        np.add(low, half, out=probe)
        values.take(probe, mode="clip", out=value)  # never clips; saves a checked copy
        np.less_equal(value, wanted, out=not_above)
        sizes -= half
        half *= not_above
        low += half
    values.take(low, mode="clip", out=value)
    return np.where(value == wanted, low, np.int32(-1))


def offsets(parents: Ids, number: int) -> Ids:
    """Return the index of the first child of each of ``number`` parents, from their sorted parents: [number + 1]."""
    begins = np.zeros(number + 1, np.int32)
    for start in range(0, len(parents), _BLOCK):
        block = parents[start : start + _BLOCK]
        ends = np.append(np.flatnonzero(block[1:] != block[:-1]), len(block) - 1)
        begins[block[ends] + 1] = start + 1 + ends
    return np.maximum.accumulate(begins, out=begins)


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise SavedModelError(f"the saved model is damaged: {problem}; save it again from its source")


def _check_array(name: str, array: NDArray[Any], dtype: Any, size: int) -> None:
    _require(
        np.issubdtype(array.dtype, dtype) and array.shape == (size,),
        f"{name} is {array.dtype} {list(array.shape)}, expected {size} values of {dtype.__name__}",
    )


def check_values(name: str, values: NDArray[Any], largest: float) -> None:
    """Raise ``SavedModelError`` if a value is NaN, above ``largest`` or too small for a logarithm; −inf is one."""
    problem = f"{name} contains a value that is not a log-probability"
    # a NaN makes the maximum NaN, and every comparison with it false
    _require(len(values) == 0 or float(values.max()) <= largest, problem)
    least = float(values.min(initial=0.0))
    if least == -np.inf:
        least = float(values.min(initial=0.0, where=values > -np.inf))
    _require(least >= LEAST_LOG_PROB, problem)


def _check_range(name: str, ids: NDArray[Any], size: int) -> None:
    _require(len(ids) == 0 or (int(ids.min()) >= 0 and int(ids.max()) < size), f"{name} points outside the table")


def _check_children(k: int, children: NDArray[Any], first: NDArray[Any]) -> None:
    name = f"children.{k}"
    _require(
        len(children) > 0 and children[0] == 0 and children[-1] == len(first), f"{name} does not span order {k + 1}"
    )
    _require(bool(np.all(children[1:] >= children[:-1])), f"{name} is not monotonic")
    if k == 1:
        _require(bool(children[BOS_ID] == children[BOS_ID + 1]), f"{name} has n-grams that end in <s>")
    # every n-gram whose first word is not above that of the one before must be the first child of a suffix
    not_above = np.zeros(len(first) + 1, bool)
    np.less_equal(first[1:], first[:-1], out=not_above[1:-1]) if len(first) else None
    has_own = np.ones(len(children), bool)  # without suffixes that have no n-gram, whose index is the next one's
    np.not_equal(children[1:], children[:-1], out=has_own[1:])
    begins = np.count_nonzero(not_above.take(children) & has_own)
    _require(begins == np.count_nonzero(not_above), f"first.{k + 1} is not sorted within a suffix")
