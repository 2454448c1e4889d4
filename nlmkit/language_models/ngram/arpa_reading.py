"""Reading ARPA files: the n-grams of a file become a table in suffix order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError, SavedModelError
from nlmkit.language_models.ngram.arpa_cells import word_columns
from nlmkit.language_models.ngram.arpa_lines import LN10, Section
from nlmkit.language_models.ngram.arpa_parsing import MISSING_UNK, Parser
from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.soundness import (
    Shorter,
    bound_unlisted,
    empty_context,
    gram_of,
    largest_unlisted,
    sums,
)
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text.sources import ByteReader, ByteSource, path_source
from nlmkit.text.vocabulary import BOS, BOS_ID, EOS, EOS_ID

_BLOCK_BYTES = 1 << 20
_BATCH = 1 << 18  # n-grams
_PACKED = frozenset({".gz", ".bz2", ".xz", ".zst"})
_ROUNDING = 1e-4
"""Tolerated excess of a back-off log-probability over zero, for programs that write five digits."""

_LARGEST_SUM = 2.0
"""Upper bound on the back-off mass of all words together, normalised or not."""

_SUM_TOLERANCE = 1e-3


def read_arpa(
    path: str | os.PathLike[str],
    *,
    workers: int = 1,
    advance: Callable[[int], None] = lambda amount: None,
    note: Callable[[str], None] = lambda text: None,
) -> tuple[BackoffTable, list[str]]:
    """Read an ARPA file of KenLM, SRILM, IRSTLM or any other program; a compressed one is unpacked.

    N-grams can appear in any order within their section, backoff weights can be missing (weight 1), and lines before
    ``\\data\\`` are skipped. ``<UNK>`` is read as ``<unk>``. The following irregularities are repaired with a note: a
    missing ``<unk>`` gets the log10 probability −100; a suffix that is missing for an n-gram, as after pruning with
    SRILM, is added with its back-off probability; n-grams with ``<s>`` after or ``</s>`` before another word, which
    cannot occur in a text, are dropped; backoff weights that push a word's probability above 1 by a rounding error
    are lowered. Contexts whose probabilities do not sum to one are noted.

    Args:
        path: File to read.
        workers: Number of threads that parse lines; the result is the same.
        advance: Called with the number of bytes read from disk (compressed bytes of a compressed file).
        note: Called with each note for the user.

    Returns:
        The table, with natural logarithms in float64; and the words by vocabulary id: ``<unk>``, ``<s>``, ``</s>``,
        then the others in the order of the file.

    Raises:
        DataError: The file cannot be read, is truncated or is not an ARPA file; a section is missing, out of order or
            differs in length from the header; ``<s>``, ``</s>`` or the context of an n-gram is missing; an n-gram is
            duplicated; a word is not among the unigrams; a log-probability is above zero; a backoff weight leads to a
            probability above 1; a number is malformed; the order is above 20; or the text is not UTF-8.
    """
    source = path_source(path)
    assembler = _Assembler(source.name, note)
    with ByteReader(source, utf8=False) as reader, _threads(workers) as pool:
        parser = Parser(source.name, note, assembler.add, _plain_size(source), pool)
        done = 0
        for chunk in reader.chunks(_BLOCK_BYTES):
            parser.feed(chunk)
            advance(reader.consumed - done)
            done = reader.consumed
        parser.finish()
    return assembler.finish(), parser.words


@contextmanager
def _threads(workers: int) -> Iterator[ThreadPoolExecutor | None]:
    """Yield threads that parse while the caller reads and assembles; None for one worker."""
    if workers == 1:
        yield None
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _plain_size(source: ByteSource) -> int | None:
    """Return the size of the text in bytes; None if it is compressed."""
    path = source.path
    if path is None or not path.is_file() or path.suffix.lower() in _PACKED:
        return None
    return path.stat().st_size


class _Assembler:
    """Builder of a table from the sections of a file, which are added as they are read.

    A section is part of the table once it is added, and its words are not kept: those of an n-gram are found along its
    suffixes.
    """

    def __init__(self, name: str, note: Callable[[str], None]) -> None:
        self._name = name
        self._note = note
        self._words: list[str] = []
        self._order = 0
        self._number_dropped = self._number_added = 0
        self._is_added: list[NDArray[np.bool_]] = []  # by order; not in the file
        self._lines: list[Ids | range] = []  # by order; 0 for what is not in the file

    def add(self, section: Section, words: list[str], order: int) -> None:
        """Add the n-grams of the next order.

        Args:
            section: The n-grams.
            words: Words by vocabulary id.
            order: Highest order of the file.
        """
        if not self._lines:
            self._words, self._order = words, order
            self._add_unigrams(section)
            return
        section = self._reachable(section)
        waiting = [section]
        while waiting:
            longer = self._add_level(waiting[-1])
            if longer is None:
                waiting.pop()
            else:
                waiting += longer

    def finish(self) -> BackoffTable:
        """Check the table and return it."""
        if self._number_dropped:
            self._note(f"{self._number_dropped} n-grams dropped that have {BOS} after or {EOS} before another word")
        if self._number_added:
            self._note(
                f"{self._number_added} n-grams that are suffixes of longer ones were missing from the file: added "
                "with their back-off probabilities"
            )
        self._check_probabilities()
        try:
            self._table.check()
        except SavedModelError as error:
            raise DataError(f"cannot be read as a model: {error}", source=self._name) from error
        return self._table

    def _check_probabilities(self) -> None:
        """Raise an error for backoff weights that lead to probabilities above 1; note sums that differ from 1."""
        shorter = empty_context(self._table)
        # then no backed-off probability is above one, however large those that are listed are
        are_weights_small = all(bool((backoffs <= 0.0).all()) for backoffs in self._table.backoffs)
        is_normalised = abs(float(shorter.sums[0]) - 1.0) <= _SUM_TOLERANCE
        lowered = off = contexts = 0
        worst: tuple[float, float, str, int] | None = None
        for k in range(1, self._table.order):
            backoffs = self._table.backoffs[k - 1]
            bound = bound_unlisted if are_weights_small else largest_unlisted
            largest = bound(self._table, k, shorter)
            if len(largest) and float(largest.max()) > _ROUNDING:
                at = int(largest.argmax())
                with np.errstate(over="ignore"):
                    self._refuse_backoff(k, at, "an unlisted word after it", float(np.exp(largest[at])))
            above = largest > 0.0
            if above.any():
                lowered += int(above.sum())
                backoffs[above] -= largest[above] + 1e-12
                largest[above] = -1e-12
            backed_off, whole = sums(self._table, k, shorter, largest)
            excess = backed_off - _LARGEST_SUM * float(shorter.sums.max(initial=1.0))
            if len(excess) and float(excess.max()) > 0.0:
                at = int(excess.argmax())
                self._refuse_backoff(k, at, "all unlisted words after it", float(backed_off[at]))
            gap = np.abs(whole - 1.0)
            # the backoff weight multiplies the rounding error of the file's digits
            with np.errstate(over="ignore"):
                wrong = gap > _SUM_TOLERANCE + 1e-5 * np.exp(np.where(np.isneginf(largest), -np.inf, backoffs))
            off, contexts = off + int(wrong.sum()), contexts + len(wrong)
            if wrong.any():
                at = int(np.where(wrong, gap, 0.0).argmax())
                if worst is None or gap[at] > worst[0]:
                    gram = gram_of(self._table, self._words, k, at)
                    worst = (float(gap[at]), float(whole[at]), gram, int(self._lines[k - 1][at]))
            shorter = Shorter(largest, whole)
        if lowered:
            self._note(
                f"{lowered} backoff weights lowered by less than {_ROUNDING:.2%} to keep word probabilities at or "
                "below 1"
            )
        if worst is not None and is_normalised:  # otherwise the unigrams are the cause
            self._note(
                f"the probabilities do not sum to 1 after {off} of {contexts} contexts (sum {worst[1]:.4f} after "
                f"{worst[2]!r}, line {worst[3]}): perplexities of this model are not comparable with others"
            )

    def _refuse_backoff(self, k: int, at: int, whom: str, probability: float) -> NoReturn:
        weight = self._table.backoffs[k - 1][at] / LN10
        gram = gram_of(self._table, self._words, k, at)
        problem = f"the log10 backoff weight {weight:.6g} of {gram!r} leads to probability {probability:.4g} for {whom}"
        line = int(self._lines[k - 1][at]) or None
        raise DataError(f"{problem}: the file is damaged or was edited", source=self._name, line=line)

    def _reachable(self, section: Section) -> Section:
        """Drop n-grams in which ``<s>`` is not the first or ``</s>`` not the last word.

        An n-gram that contains such an n-gram is dropped too, so the rest keep their suffixes and histories.
        """
        drop = np.zeros(len(section), bool)
        for inner in section.columns[1:]:
            drop |= inner == BOS_ID
        for inner in section.columns[:-1]:
            drop |= inner == EOS_ID
        if not drop.any():
            return section
        self._number_dropped += int(drop.sum())
        return section.taken(~drop)

    def _add_unigrams(self, section: Section) -> None:
        ids = section.columns[0]
        log_probs = np.full(len(self._words), MISSING_UNK * LN10)
        log_probs[ids] = section.log_probs
        log_probs[BOS_ID] = -np.inf
        backoffs = np.zeros(len(self._words))
        backoffs[ids] = section.backoffs
        self._is_added.append(np.zeros(len(self._words), bool))
        lines = np.zeros(len(self._words), np.int32)
        lines[ids] = section.lines
        self._lines.append(lines)
        self._table = BackoffTable(
            first=[np.arange(len(self._words), dtype=np.int32)],
            children=[],
            history=[np.empty(0, np.int32)],
            log_probs=[log_probs],
            backoffs=[backoffs] if self._order > 1 else [],
        )

    def _section_of(self, k: int) -> Section:
        """Return the n-grams of order k as they were added."""
        table = self._table
        log_probs = np.where(self._is_added[k - 1], np.nan, table.log_probs[k - 1])
        columns = word_columns(table, k, 0, table.sizes[k - 1])
        return Section(
            columns, log_probs, table.backoffs[k - 1].astype(np.float64), np.array(self._lines[k - 1], np.int32)
        )

    def _keep_levels_below(self, k: int) -> None:
        table = self._table
        del self._is_added[k - 1 :], self._lines[k - 1 :]
        self._table = BackoffTable(
            table.first[: k - 1],
            table.children[: k - 2],
            table.history[: k - 1],
            table.log_probs[: k - 1],
            table.backoffs[: k - 1],
        )

    def _add_level(self, section: Section) -> list[Section] | None:
        """Add an order to the table.

        Returns:
            None; or, if suffixes were missing, the sections to which they were added, the shortest last. The table is
            then cut off below these, which must be added again, before ``section``.
        """
        table, k = self._table, len(section.columns)
        suffix, found = self._suffixes(section)
        if len(found) and int(found.min()) < k - 1:
            return self._with_suffixes(section, found)
        keys = suffix.astype(np.int64) << 32 | section.columns[0]
        if not (keys[1:] > keys[:-1]).all():
            by_key = np.argsort(keys, kind="stable")
            keys, suffix, section = keys[by_key], suffix[by_key], section.taken(by_key)
            again = np.flatnonzero(keys[1:] == keys[:-1]) + 1
            if len(again):
                at = int(again[0])
                first, second = sorted(section.lines[at - 1 : at + 1].tolist())
                self._refuse(f"duplicate {k}-gram {self._gram(section, at)!r}, first on line {first}", second)
        history = section.columns[0] if k == 2 else self._histories(k, suffix, section.columns[0])
        added = np.isnan(section.log_probs)
        # -1 is in range, and such rows are bad whatever they find there
        bad = (history < 0) | (self._is_added[k - 2][history] & ~added)
        if bad.any():
            at = int(bad.argmax())
            gram = self._gram(section, at)
            self._refuse(
                f"the {k}-gram {gram!r} has no context: {gram.rpartition(' ')[0]!r} is missing", section.lines[at]
            )
        log_probs, lower = section.log_probs, table.log_probs[k - 2]
        if added.any():
            log_probs = np.where(added, lower[suffix] + table.backoffs[k - 2][history], log_probs)
            self._check_added(section, k, history, added, log_probs)
            log_probs = np.where(added, np.minimum(log_probs, 0.0), log_probs)
        sizes = np.bincount(suffix, minlength=len(lower))
        self._table = BackoffTable(
            [*table.first, section.columns[0]],
            [*table.children, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)],
            [*table.history, history],
            [*table.log_probs, log_probs],
            [*table.backoffs, section.backoffs] if k < self._order else table.backoffs,
        )
        self._is_added.append(added)
        self._lines.append(_as_range(section.lines))
        return None

    def _check_added(self, section: Section, k: int, history: Ids, added: NDArray[np.bool_], log_probs: Floats) -> None:
        """Raise an error if a backoff weight gives a missing suffix a probability above 1."""
        above = added & (log_probs > _ROUNDING)
        if above.any():
            at = int(above.argmax())
            whom = f"{self._gram(section, at)!r}, a missing suffix of the n-gram on line {section.lines[at]}"
            with np.errstate(over="ignore"):
                self._refuse_backoff(k - 1, int(history[at]), whom, float(np.exp(log_probs[at])))

    def _suffixes(self, section: Section) -> tuple[Ids, NDArray[np.int8]]:
        """Find the suffixes of n-grams in the table; return their ids and the longest order found."""
        columns = section.columns[1:]
        # neighbours often share their suffix, and all of them do where the file is in suffix order
        new = np.ones(len(section), bool)
        new[1:] = False
        for column in columns:
            new[1:] |= column[1:] != column[:-1]
        begins = np.flatnonzero(new)
        ids = columns[-1][begins]
        found = np.ones(len(ids), np.int8)
        for j, column in enumerate(reversed(columns[:-1]), 2):
            there = np.flatnonzero(ids >= 0)
            longer = np.full(len(ids), -1, np.int32)
            longer[there] = self._find(j, ids[there], column[begins[there]])
            ids = longer
            found += ids >= 0
        runs = np.diff(begins, append=len(section))
        return np.repeat(ids, runs), np.repeat(found, runs)

    def _find(self, k: int, suffixes: Ids, words: Ids) -> Ids:
        """Look up n-grams as ``BackoffTable.find`` does, in batches, which bounds the memory."""
        found = np.empty(len(words), np.int32)
        for begin in range(0, len(words), _BATCH):
            part = slice(begin, begin + _BATCH)
            found[part] = self._table.find(k, suffixes[part], words[part])
        return found

    def _histories(self, k: int, suffix: Ids, first: Ids) -> Ids:
        """Find the contexts of n-grams of order k."""
        found = np.empty(len(first), np.int32)
        for begin in range(0, len(first), _BATCH):
            part = slice(begin, begin + _BATCH)
            found[part] = self._table.find(k - 1, self._table.history[k - 2][suffix[part]], first[part])
        return found

    def _with_suffixes(self, section: Section, found: NDArray[np.int8]) -> list[Section]:
        """Take the orders that lack suffixes off the table; return them with the suffixes, the highest order first."""
        k = len(section.columns)
        lowest = int(found.min()) + 1
        grown = []
        for j in range(k - 1, lowest - 1, -1):
            lacking = found < j
            grams = np.stack([column[lacking] for column in section.columns[k - j :]], axis=1)
            grams, at = np.unique(grams, axis=0, return_index=True)
            part = Section(
                [*np.ascontiguousarray(grams.T)],
                np.full(len(grams), np.nan),
                np.zeros(len(grams)),
                section.lines[lacking][at],
            )
            grown.append(Section.joined([self._section_of(j), part], j))
            self._number_added += len(grams)
        self._keep_levels_below(lowest)
        return grown

    def _gram(self, section: Section, at: int) -> str:
        return " ".join(self._words[column[at]] for column in section.columns)

    def _refuse(self, problem: str, line: int) -> NoReturn:
        raise DataError(problem, source=self._name, line=int(line))


def _as_range(lines: Ids) -> Ids | range:
    """Return consecutive line numbers as a range, which takes no memory."""
    if len(lines) and bool((lines[1:] - lines[:-1] == 1).all()):
        return range(int(lines[0]), int(lines[-1]) + 1)
    return lines
