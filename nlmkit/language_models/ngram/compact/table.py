"""Compact form of a backoff table: bit-packed words and contexts, logarithms in float32 or quantised."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.compact.packing import Offsets, Packed, damaged
from nlmkit.language_models.ngram.compact.values import Values
from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.followers import Unigrams, bigrams_by_context, distribution, draw, total
from nlmkit.language_models.ngram.scoring import Pass, score
from nlmkit.language_models.ngram.steps import Steps
from nlmkit.language_models.ngram.table import LARGEST_BACKOFF, BackoffTable, check_values
from nlmkit.text.vocabulary import BOS_ID, EOS_ID

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.followers import Indices

_CHECKED: Final = 1 << 20
"""N-grams that are unpacked at a time; a multiple of a block."""

_NO_CODES: Final = np.zeros(2, np.uint64)


@dataclasses.dataclass(eq=False)
class CompactTable:
    """Backoff table with the n-grams of a ``BackoffTable`` in the same order, and its methods.

    Words take ⌈log2 V⌉ bits; offsets take about 8. Histories are not stored: ``expanded`` derives them. Logarithms of
    unigrams are always float32.

    Attributes:
        vocabulary_size: Number of vocabulary ids, V.
        first: First word of each n-gram, for orders from 2 on.
        children: For each order below the highest, the index of the first n-gram one word longer with this suffix.
        log_probs: Natural logarithms, per order.
        backoffs: Natural logarithms of the backoff weights, for each order below the highest.
        bits: Bits of a quantised logarithm; None for float32.
        unseen_backoff: Natural logarithm of the backoff weight of contexts outside the table.
    """

    vocabulary_size: int
    first: list[Packed]
    children: list[Offsets]
    log_probs: list[Values]
    backoffs: list[Values]
    bits: int | None
    unseen_backoff: float = 0.0

    @classmethod
    def of(
        cls, table: BackoffTable, bits: int | None, backoffs: Sequence[NDArray[np.floating[Any]]] | None = None
    ) -> CompactTable:
        """Pack a table.

        Args:
            table: Exact table.
            bits: Bits of a quantised logarithm, 2 to 16; None for float32.
            backoffs: Backoff weights instead of the table's.
        """
        width = _word_bits(table.vocabulary_size)
        weights = table.backoffs if backoffs is None else backoffs
        return cls(
            table.vocabulary_size,
            [Packed.of(first, width) for first in table.first[1:]],
            [Offsets.of(children) for children in table.children],
            [Values.of(values, bits if k else None) for k, values in enumerate(table.log_probs)],
            [Values.of(values, bits if k else None) for k, values in enumerate(weights)],
            bits,
            table.unseen_backoff,
        )

    @property
    def order(self) -> int:
        """Highest order."""
        return len(self.log_probs)

    @property
    def sizes(self) -> list[int]:
        """Number of n-grams of each order, including the unigram ``<s>``."""
        return [self.vocabulary_size, *map(len, self.first)]

    @cached_property
    def bigrams_by_context(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Start of each word's bigrams, int64 [V + 1], and the bigrams by their first word, int64 [n_2]."""
        return bigrams_by_context(self.first[0].range(0, len(self.first[0])), self.vocabulary_size)

    @cached_property
    def unigrams(self) -> Unigrams:
        """Probabilities of single words and their running sum."""
        return Unigrams.of(self.log_probs[0].table)

    @cached_property
    def steps(self) -> Steps:
        """Look-up of single words."""
        return Steps(self.first, self.children, self.log_probs, self.backoffs, self.unseen_backoff)

    def log_probs_of(self, k: int, ids: Any) -> NDArray[np.float32]:
        """Return the log-probabilities of n-grams of order k: float32 [ids]."""
        return self.log_probs[k - 1].take(ids)

    def backoffs_of(self, k: int, ids: Any) -> NDArray[np.float32]:
        """Return the logarithms of the backoff weights of n-grams of order k: float32 [ids]."""
        return self.backoffs[k - 1].take(ids)

    def suffixes_of(self, k: int, ids: Indices) -> NDArray[np.int64]:
        """Return the index at order k − 1 of n-grams of order k without their first word: int64 [ids]."""
        return np.searchsorted(self._offsets(k - 1), ids, side="right") - 1

    def find(self, k: int, suffixes: Any, words: Any) -> NDArray[np.int64]:
        """Index of the k-grams with these suffixes (indices at order k − 1) and first words; −1 where there is none."""
        children, first = self.children[k - 2], self.first[k - 2]
        low = children.take(suffixes)
        sizes = children.take(suffixes + 1) - low
        found = np.full(len(low), -1, np.int64)
        at = np.flatnonzero(sizes)
        low, sizes, wanted = low[at], sizes[at], words[at]
        active = np.flatnonzero(sizes > 1)
        while len(active):
            half = sizes[active] >> 1
            probe = low[active] + half
            low[active] = np.where(first.take(probe) <= wanted[active], probe, low[active])
            sizes[active] -= half
            active = active[sizes[active] > 1]
        found[at] = np.where(first.take(low) == wanted, low, -1)
        return found

    def score(self, event_ids: Ids, threads: int = 1) -> tuple[Floats, NDArray[np.int8]]:
        """Return the log-probability of each event, float64 [events], and the length of its n-gram, int8 [events]."""
        return score(self, event_ids, threads)

    def extend(self, kernels: Any, k: int, run: Pass) -> None:
        """Run the kernel of this form of table for order k."""
        first, children = self.first[k - 2], self.children[k - 2]
        kernels.extend_packed(
            k,
            *run,
            _constant(first.words),
            first.width,
            _constant(children.words),
            _constant(children.bases),
            _constant(children.starts),
            *_parts(self.log_probs[k - 1]),
            *_parts(self.backoffs[k - 2]),
            self.unseen_backoff,
        )

    def context_ids(self, context: tuple[int, ...]) -> list[int]:
        """Return the indices at orders 1, 2, … of the suffixes of ``context`` that the table contains."""
        return self.steps.places(context) if context else []

    def distribution(self, context: tuple[int, ...]) -> Floats:
        """Return the log-probability of every vocabulary id after ``context`` (at most order − 1 ids): float64 [V]."""
        return distribution(self, self.log_probs[0].table, context)

    def draw(self, context: tuple[int, ...], place: float, *, allow_unk: bool) -> int | None:
        """Sample a word; see ``followers.draw``."""
        return draw(self, context, place, allow_unk=allow_unk)

    def total(self, context: tuple[int, ...]) -> float:
        """Return the sum of the probabilities of all words after ``context``."""
        return total(self, context)

    def gram(self, k: int, index: int) -> tuple[int, ...]:
        """Return the words of an n-gram of order k."""
        words: list[int] = []
        for order in range(k, 1, -1):
            words.append(self.first[order - 2][index])
            index = int(self.suffixes_of(order, np.array([index]))[0])
        return (*words, index)

    def expanded(self) -> BackoffTable:
        """Return the table with plain arrays: float32 logarithms, and the histories."""
        first = [np.arange(self.vocabulary_size, dtype=np.int32)]
        first += [packed.range(0, len(packed)).astype(np.int32) for packed in self.first]
        table = BackoffTable(
            first=first,
            children=[offsets.all().astype(np.int32) for offsets in self.children],
            history=[np.empty(0, np.int32)],
            log_probs=[values.all() for values in self.log_probs],
            backoffs=[values.all() for values in self.backoffs],
            unseen_backoff=self.unseen_backoff,
        )
        for k in range(2, self.order + 1):
            shorter = first[1] if k == 2 else table.find(k - 1, table.history[-1][table.suffix[k - 1]], first[k - 1])
            table.history.append(shorter)
        return table

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the table as named arrays, the inverse of ``from_arrays``."""
        named: dict[str, NDArray[Any]] = {"sizes": np.array(self.sizes, np.int64)}
        for name, orders in (("log_prob", self.log_probs), ("backoff", self.backoffs)):
            for k, values in enumerate(orders, 1):
                if values.codes is None:
                    named[f"{name}.{k}"] = values.table
                else:
                    named[f"{name}.{k}"] = values.codes.words
                    named[f"{name}_values.{k}"] = values.table
        for k, offsets in enumerate(self.children, 1):
            named[f"children.{k}"] = offsets.words
            named[f"children_bases.{k}"] = offsets.bases
            named[f"children_starts.{k}"] = offsets.starts
        for k, packed in enumerate(self.first, 2):
            named[f"first.{k}"] = packed.words
        return named

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        order: int,
        vocabulary_size: int,
        unseen_backoff: float,
        bits: int | None,
    ) -> CompactTable:
        """Rebuild a table from ``arrays``.

        Raises:
            SavedModelError: An array is missing, or its dtype, shape or content contradicts the others.
        """
        below = range(1, order)
        lower = ("children", "children_bases", "children_starts", "backoff")
        wanted = {"sizes", "log_prob.1"}
        wanted |= {f"{name}.{k}" for k in range(2, order + 1) for name in ("log_prob", "first")}
        wanted |= {f"{name}.{k}" for k in below for name in lower}
        if bits is not None:
            wanted |= {f"log_prob_values.{k}" for k in range(2, order + 1)}
            wanted |= {f"backoff_values.{k}" for k in range(2, order)}
        if set(arrays) != wanted:
            raise damaged(f"its arrays do not match a compact n-gram model of order {order}")
        sizes = arrays["sizes"]
        if sizes.dtype != np.int64 or sizes.shape != (order,) or sizes[0] != vocabulary_size or (sizes < 0).any():
            raise damaged("sizes does not have the number of n-grams of each order")
        counts = sizes.tolist()

        def values(name: str, k: int) -> Values:
            array = arrays[f"{name}.{k}"]
            if bits is None or k == 1:
                _check_shape(f"{name}.{k}", array, counts[k - 1])
                return Values(array)
            book = arrays[f"{name}_values.{k}"]
            _check_shape(f"{name}_values.{k}", book, 1 << bits)
            return Values(book, Packed(array, bits, counts[k - 1]))

        for k in below:
            for name in ("children_bases", "children_starts"):
                if arrays[f"{name}.{k}"].dtype not in (np.uint32, np.uint64):
                    raise damaged(f"{name}.{k} is {arrays[f'{name}.{k}'].dtype}, expected uint32 or uint64")
        width = _word_bits(vocabulary_size)
        table = cls(
            vocabulary_size,
            [Packed(arrays[f"first.{k}"], width, counts[k - 1]) for k in range(2, order + 1)],
            [
                Offsets(
                    arrays[f"children.{k}"],
                    arrays[f"children_bases.{k}"],
                    arrays[f"children_starts.{k}"],
                    counts[k - 1] + 1,
                )
                for k in below
            ],
            [values("log_prob", k) for k in range(1, order + 1)],
            [values("backoff", k) for k in below],
            bits,
            unseen_backoff,
        )
        table.check()
        return table

    def check(self) -> None:
        """Raise ``SavedModelError`` if an index is out of range, words are unsorted or a value is not a logarithm."""
        check_values("unseen_backoff", np.array([self.unseen_backoff]), LARGEST_BACKOFF)
        for name, orders, largest in (("log_prob", self.log_probs, 1e-6), ("backoff", self.backoffs, LARGEST_BACKOFF)):
            for k, values in enumerate(orders, 1):
                check_values(f"{name}.{k}", values.table, largest)
                if values.codes is not None:
                    values.codes.check(f"{name}.{k}")
        for k, (offsets, packed) in enumerate(zip(self.children, self.first, strict=True), 1):
            packed.check(f"first.{k + 1}")
            offsets.check(f"children.{k}", len(packed))
            children = self._offsets(k)
            if k == 1 and children[BOS_ID] != children[BOS_ID + 1]:
                raise damaged("children.1 has n-grams that end in <s>")
            begins = np.zeros(len(packed) + 1, bool)
            begins[children] = True
            last = -1
            for begin in range(0, len(packed), _CHECKED):
                words = packed.range(begin, min(begin + _CHECKED, len(packed)))
                if int(words.max()) >= self.vocabulary_size:
                    raise damaged(f"first.{k + 1} points outside the table")
                rises = np.diff(words, prepend=last) > 0
                if not (rises | begins[begin : begin + len(words)]).all():
                    raise damaged(f"first.{k + 1} is not sorted within a suffix")
                last = int(words[-1])
            if k > 1:
                self._plain.pop(k, None)

    @cached_property
    def _plain(self) -> dict[int, NDArray[np.int64]]:
        return {}

    def _offsets(self, k: int) -> NDArray[np.int64]:
        """Return the plain offsets of an order; those of unigrams, which sampling needs, are kept."""
        if k not in self._plain:
            self._plain[k] = self.children[k - 1].all()
        return self._plain[k]


def sums_of_sample(table: CompactTable, number: int) -> list[tuple[tuple[int, ...], float]]:
    """Return contexts at equal distances, ``number`` of each length, each with the sum of its probabilities."""
    found = []
    for k in range(table.order):
        size = table.sizes[k - 1] if k else 1
        for index in np.unique(np.linspace(0, size - 1, min(number, size)).astype(np.int64)).tolist():
            context = table.gram(k, index) if k else ()
            if EOS_ID not in context:  # nothing follows
                found.append((context, table.total(context)))
    return found


def _word_bits(vocabulary_size: int) -> int:
    return max(1, (vocabulary_size - 1).bit_length())


def _check_shape(name: str, array: NDArray[Any], size: int) -> None:
    if array.dtype != np.float32 or array.shape != (size,):
        raise damaged(f"{name} is {array.dtype} {list(array.shape)}, expected {size} values of float32")


def _constant(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view, so that mapped and fresh arrays run the same machine code."""
    view = array.view()
    view.flags.writeable = False
    return view


def _parts(values: Values) -> tuple[NDArray[Any], NDArray[Any], int]:
    if values.codes is None:
        return _constant(values.table), _constant(_NO_CODES), 0
    return _constant(values.table), _constant(values.codes.words), values.codes.width
