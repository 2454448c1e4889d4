"""Reading ARPA files: the n-grams of a file become a table in suffix order."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.ngrams.arpa_parsing import LN10, MISSING_UNK, Parser, Section
from nlmkit.ngrams.counting import Ids
from nlmkit.ngrams.table import BackoffTable
from nlmkit.text.sources import ByteReader, path_source
from nlmkit.text.vocabulary import BOS, BOS_ID, EOS, EOS_ID

_BLOCK_BYTES = 1 << 22


def read_arpa(
    path: str | os.PathLike[str],
    *,
    advance: Callable[[int], None] = lambda amount: None,
    note: Callable[[str], None] = lambda text: None,
) -> tuple[BackoffTable, list[str]]:
    """Read an ARPA file of KenLM, SRILM, IRSTLM or any other program; a compressed one is unpacked.

    N-grams may stand in any order within their section, backoff weights may be missing (weight 1), and lines before
    ``\\data\\`` are passed over. ``<UNK>`` is read as ``<unk>``. What else is not as it should be, but has a clear
    meaning, is mended and noted: a file without ``<unk>`` gives it the log10 probability −100; n-grams whose suffix
    is not in the file, which pruning by SRILM leaves behind, get that suffix with the probability that backing off
    gives; n-grams with ``<s>`` after, or ``</s>`` before another word, which no text can reach, are left out.

    Args:
        path: The file.
        advance: Called with the number of bytes read, as they lie on disk.
        note: Called with each thing that the user should know of how the file was read.

    Returns:
        The table, with natural logarithms in float64; and the words by vocabulary id: ``<unk>``, ``<s>``, ``</s>``,
        then the others in the order of the file.

    Raises:
        DataError: The file cannot be read; is cut short or no ARPA file; has a section that is missing, out of order
            or not as long as the header says; lacks ``<s>`` or ``</s>``, or the context of an n-gram; repeats an
            n-gram; holds an unknown word, a log-probability above zero, or a number that is none; or is not UTF-8.
    """
    source = path_source(path)
    parser = Parser(source.name, note)
    with ByteReader(source, utf8=False) as reader:
        done = 0
        for chunk in reader.chunks(_BLOCK_BYTES):
            parser.feed(chunk)
            advance(reader.consumed - done)
            done = reader.consumed
    sections = parser.finish()
    return _Assembler(source.name, parser.words, sections, note).assemble(), parser.words


class _Assembler:
    """Makes a table of the sections of a file."""

    def __init__(self, name: str, words: list[str], sections: list[Section], note: Callable[[str], None]) -> None:
        self._name = name
        self._words = words
        self._sections = sections
        self._note = note
        self._number_added = 0
        self._is_added: list[NDArray[np.bool_]] = [np.zeros(len(words), bool)]  # by order; not in the file

    def assemble(self) -> BackoffTable:
        """Build the orders from the lowest up."""
        self._leave_out_unreachable()
        self._table = self._unigrams()
        k = 2
        while k <= len(self._sections):
            grown = self._add_level(k)
            if grown is None:
                k += 1
            else:
                k = grown
                self._keep_levels_below(k)
        if self._number_added:
            self._note(
                f"{self._number_added} n-grams that are the suffix of a longer one were not in the file: added with "
                "the probability that backing off gives"
            )
        self._table.check()
        return self._table

    def _leave_out_unreachable(self) -> None:
        """Drop n-grams in which ``<s>`` is not the first or ``</s>`` not the last word.

        Whatever contains such an n-gram is one itself, so nothing that stays misses its suffix or history.
        """
        number = 0
        for k, section in enumerate(self._sections[1:], 2):
            drop = np.zeros(len(section), bool)
            for inner in section.columns[1:]:
                drop |= inner == BOS_ID
            for inner in section.columns[:-1]:
                drop |= inner == EOS_ID
            if drop.any():
                number += int(drop.sum())
                self._sections[k - 1] = section.taken(~drop)
        if number:
            self._note(f"{number} n-grams with {BOS} after or {EOS} before another word left out")

    def _unigrams(self) -> BackoffTable:
        section = self._sections[0]
        ids = section.columns[0]
        log_probs = np.full(len(self._words), MISSING_UNK * LN10)
        log_probs[ids] = section.log_probs
        log_probs[BOS_ID] = -np.inf
        backoffs = np.zeros(len(self._words))
        backoffs[ids] = section.backoffs
        return BackoffTable(
            first=[np.arange(len(self._words), dtype=np.int32)],
            children=[],
            history=[np.empty(0, np.int32)],
            log_probs=[log_probs],
            backoffs=[backoffs] if len(self._sections) > 1 else [],
        )

    def _keep_levels_below(self, k: int) -> None:
        table = self._table
        del self._is_added[k - 1 :]
        self._table = BackoffTable(
            table.first[: k - 1],
            table.children[: k - 2],
            table.history[: k - 1],
            table.log_probs[: k - 1],
            table.backoffs[: k - 1],
        )

    def _add_level(self, k: int) -> int | None:
        """Add order k to the table.

        Returns:
            None; or, where n-grams lacked their suffix, the lowest order that suffixes were added to. The table is
            then as it was and has to be built again from that order.
        """
        section, table = self._sections[k - 1], self._table
        suffix, found = self._suffixes(section)
        if len(found) and int(found.min()) < k - 1:
            return self._add_suffixes(section, found)
        keys = suffix.astype(np.int64) << 32 | section.columns[0]
        if not (keys[1:] > keys[:-1]).all():
            by_key = np.argsort(keys, kind="stable")
            keys, suffix, section = keys[by_key], suffix[by_key], section.taken(by_key)
            again = np.flatnonzero(keys[1:] == keys[:-1]) + 1
            if len(again):
                at = int(again[0])
                first, second = sorted(section.lines[at - 1 : at + 1].tolist())
                self._refuse(f"the {k}-gram {self._gram(section, at)!r} stands on line {first} already", second)
        history = section.columns[0] if k == 2 else table.find(k - 1, table.history[k - 2][suffix], section.columns[0])
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
        sizes = np.bincount(suffix, minlength=len(lower))
        self._table = BackoffTable(
            [*table.first, section.columns[0]],
            [*table.children, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)],
            [*table.history, history],
            [*table.log_probs, log_probs],
            [*table.backoffs, section.backoffs] if k < len(self._sections) else table.backoffs,
        )
        self._is_added.append(added)
        return None

    def _suffixes(self, section: Section) -> tuple[Ids, NDArray[np.int8]]:
        """Find the n-grams without their first words in the table: their ids, and the longest order found."""
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
            longer[there] = self._table.find(j, ids[there], column[begins[there]])
            ids = longer
            found += ids >= 0
        runs = np.diff(begins, append=len(section))
        return np.repeat(ids, runs), np.repeat(found, runs)

    def _add_suffixes(self, section: Section, found: NDArray[np.int8]) -> int:
        """Add the suffixes that n-grams lack to the sections; return the lowest order that has grown."""
        k = len(section.columns)
        for j in range(2, k):
            lacking = found < j
            if not lacking.any():
                continue
            grams = np.stack([column[lacking] for column in section.columns[k - j :]], axis=1)
            grams, at = np.unique(grams, axis=0, return_index=True)
            part = Section(
                [*np.ascontiguousarray(grams.T)],
                np.full(len(grams), np.nan),
                np.zeros(len(grams)),
                section.lines[lacking][at],
            )
            self._sections[j - 1] = Section.joined([self._sections[j - 1], part], j)
            self._number_added += len(grams)
        return int(found.min()) + 1

    def _gram(self, section: Section, at: int) -> str:
        return " ".join(self._words[column[at]] for column in section.columns)

    def _refuse(self, problem: str, line: int) -> NoReturn:
        raise DataError(problem, source=self._name, line=int(line))
