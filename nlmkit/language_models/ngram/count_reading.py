"""Reading count files: lines ``w1 w2 w3<TAB>count`` become counts in suffix order."""

from __future__ import annotations

import bisect
import dataclasses
import re
from collections.abc import Sequence
from itertools import groupby
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError
from nlmkit.language_models.ngram.counting import Ids, Level, NGramCounts, adjust, unigram_level
from nlmkit.text.blocks import byte_blocks
from nlmkit.text.decoding import Decoding
from nlmkit.text.sources import ByteReader, ByteSource, expand_names
from nlmkit.text.vocabulary import BOS, BOS_ID, EOS, EOS_ID, SPECIAL

_BLOCK_BYTES = 1 << 22
_LARGEST = 2**53 - 1  # a count must be exact in float64, which sums are
_SPACES = re.compile(" {2,}")
_SEPARATORS = str.maketrans("\t\r", "  ")
_NO_IDS: Ids = np.empty(0, np.int32)


def read_counts(paths: Sequence[str], order: int, *, run: RunOptions) -> tuple[list[str], NGramCounts]:
    """Read counts of orders up to ``order`` from one or several files.

    Args:
        paths: The files.
        order: Highest order to read; longer n-grams are passed over.
        run: Progress.

    Returns:
        The words by id: ``<unk>``, ``<s>``, ``</s>``, then the others in the order of the unigrams; and the counts, of
        a lower order if the files have no longer n-grams.

    Raises:
        DataError: A line is not an n-gram with its count; an n-gram is listed twice, has ``<s>`` after or ``</s>``
            before another word, or a greater count than its first or last words, or those are missing; or there are
            no sentence ends.
    """
    parser = _Parser(order)
    for source in expand_names(paths):
        if not isinstance(source, ByteSource):
            raise DataError("counts are read from files only", source=source.name)
        run.stage(f"reading {source.name}")
        with ByteReader(source, utf8=True) as reader:
            parser.begin(source.name)
            done = 0
            for block in byte_blocks(reader, Decoding(), source.name, size=_BLOCK_BYTES, characters=True):
                parser.feed(block.text())
                run.advance(reader.consumed - done)
                done = reader.consumed
    run.stage("sorting n-grams")
    return parser.finish()


@dataclasses.dataclass
class _Rows:
    """N-grams of one order in the order of the files: ids int32 [n, k], counts int64 [n], line numbers int64 [n]."""

    ids: NDArray[np.int32]
    counts: NDArray[np.int64]
    lines: NDArray[np.int64]


class _Parser:
    """Collects the n-grams of the files; lines are numbered on from file to file."""

    def __init__(self, order: int) -> None:
        self._order = order
        self._ids = {word: id_ for id_, word in enumerate(SPECIAL)}
        self._parts: dict[int, list[_Rows]] = {}
        self._line = 1  # number of the line that comes next
        self._names: list[str] = []
        self._starts: list[int] = []
        self._keys: list[NDArray[np.int64]] = [np.empty(0, np.int64)]  # by order, from 1

    def begin(self, name: str) -> None:
        """Start a file."""
        self._names.append(name)
        self._starts.append(self._line)

    def feed(self, text: str) -> None:
        """Take whole lines."""
        text = text.translate(_SEPARATORS)
        if "  " in text:
            text = _SPACES.sub(" ", text)
        begin = self._line
        fields = [line.strip(" ").rpartition(" ") for line in text.split("\n")[:-1]]
        self._line += len(fields)
        for k, found in groupby(enumerate(fields, begin), lambda row: row[1][0].count(" ") + 1):
            rows = list(found)
            self._check(rows)
            if k <= self._order:
                self._parts.setdefault(k, []).append(self._rows(k, rows))

    def _check(self, rows: list[tuple[int, tuple[str, str, str]]]) -> None:
        digits = "".join(number for _, (_, _, number) in rows)
        if digits.isascii() and digits.isdigit() and all(gram and len(number) < 17 for _, (gram, _, number) in rows):
            return
        for line, (gram, _, number) in rows:
            if not (gram and number.isascii() and number.isdigit()):
                self._fail(line, "expected the words of an n-gram, a tab and its count")
            if int(number[:20]) > _LARGEST:
                self._fail(line, f"the count {number[:20]} is too large: at most {_LARGEST} is exact")

    def _rows(self, k: int, rows: list[tuple[int, tuple[str, str, str]]]) -> _Rows:
        words = " ".join([gram for _, (gram, _, _) in rows]).split(" ")
        known = self._ids
        for word in dict.fromkeys(words):
            known.setdefault(word, len(known))
        ids = np.fromiter(map(known.__getitem__, words), np.int32, len(words)).reshape(-1, k)
        counts = np.fromiter((int(number) for _, (_, _, number) in rows), np.int64, len(rows))
        lines = np.fromiter((line for line, _ in rows), np.int64, len(rows))
        return _Rows(ids, counts, lines)

    def finish(self) -> tuple[list[str], NGramCounts]:
        """Return the words and the counts."""
        unigrams = self._joined(1)
        numbering = np.full(len(self._ids), -1, np.int32)
        numbering[: len(SPECIAL)] = np.arange(len(SPECIAL))
        listed = unigrams.ids[:, 0]
        self._refuse_repeated(listed.astype(np.int64), unigrams.lines)
        others = listed[listed >= len(SPECIAL)]
        numbering[others] = np.arange(len(SPECIAL), len(SPECIAL) + len(others))
        by_old_id = list(self._ids)
        words = [*SPECIAL, *(by_old_id[id_] for id_ in others.tolist())]
        raw = np.zeros(len(words), np.int64)
        raw[numbering[listed]] = unigrams.counts
        if not raw[EOS_ID]:
            place = ", ".join(self._names)
            raise DataError(f"the unigram {EOS} has no count: count n-grams with the marks of sentences", source=place)
        levels = [unigram_level(raw)]
        for k in range(2, max([1, *self._parts]) + 1):
            rows = self._joined(k)
            missing = np.flatnonzero((numbering[rows.ids] < 0).any(axis=1))
            if len(missing):
                word = next(by_old_id[id_] for id_ in rows.ids[missing[0]].tolist() if numbering[id_] < 0)
                self._fail(int(rows.lines[missing[0]]), f"the word {word!r} is not among the unigrams")
            rows.ids = numbering[rows.ids]
            levels.append(self._level(k, rows, levels[-1], words))
        adjust(levels)
        return words, NGramCounts(levels)

    def _joined(self, k: int) -> _Rows:
        parts = self._parts.pop(k, [])
        if not parts:
            return _Rows(np.empty((0, k), np.int32), np.empty(0, np.int64), np.empty(0, np.int64))
        return _Rows(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.lines for part in parts]),
        )

    def _level(self, k: int, rows: _Rows, lower: Level, words: Sequence[str]) -> Level:
        """Return one order in suffix order, once it agrees with the order below."""
        ids = rows.ids
        self._refuse((ids[:, 1:] == BOS_ID).any(axis=1), rows, words, f"has {BOS} after another word")
        self._refuse((ids[:, :-1] == EOS_ID).any(axis=1), rows, words, f"has {EOS} before another word")
        self._refuse(rows.counts == 0, rows, words, "has the count 0")
        suffix, history = self._find(ids[:, 1:]), self._find(ids[:, :-1])
        for part, found in (("last", suffix), ("first", history)):
            what = f"its {part} word" if k == 2 else f"its {part} {k - 1} words"
            self._refuse(found < 0, rows, words, f"is counted, but not {what}")
            self._refuse(rows.counts > lower.raw[found], rows, words, f"has a greater count than {what}")
        keys = (suffix << 32) | ids[:, 0]
        raw, first = rows.counts, np.ascontiguousarray(ids[:, 0])
        if not (keys[1:] > keys[:-1]).all():
            sorting = np.argsort(keys, kind="stable")
            keys = keys[sorting]
            self._refuse_repeated(keys, rows.lines[sorting], is_sorted=True)
            raw, first, suffix, history = raw[sorting], first[sorting], suffix[sorting], history[sorting]
        self._keys.append(keys)
        return Level(first, suffix.astype(np.int32), history.astype(np.int32), raw, raw)

    def _find(self, ids: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the index of n-grams at their order, int64 [n]; −1 where they were not counted."""
        last = ids.shape[1] - 1
        index = ids[:, last].astype(np.int64)
        for k in range(2, last + 2):
            keys = self._keys[k - 1]
            wanted = (index << 32) | ids[:, last - k + 1]
            place = np.searchsorted(keys, wanted)
            found = keys.take(place, mode="clip") == wanted if len(keys) else np.zeros(len(wanted), bool)
            index = np.where(found, place, -1)
        return index

    def _refuse(self, wrong: NDArray[np.bool_], rows: _Rows, words: Sequence[str], problem: str) -> None:
        """Raise an error for the first of the wrong n-grams, if there is one."""
        if wrong.any():
            at = int(wrong.argmax())
            gram = " ".join(words[id_] for id_ in rows.ids[at].tolist())
            self._fail(int(rows.lines[at]), f"the n-gram {gram!r} {problem}")

    def _refuse_repeated(self, keys: NDArray[np.int64], lines: NDArray[np.int64], *, is_sorted: bool = False) -> None:
        if not is_sorted:
            sorting = np.argsort(keys, kind="stable")
            keys, lines = keys[sorting], lines[sorting]
        again = np.flatnonzero(keys[1:] == keys[:-1])
        if len(again):
            at = int(again[lines[again + 1].argmin()])
            self._fail(int(lines[at + 1]), f"the n-gram is listed twice, first {self._place(int(lines[at]))}")

    def _place(self, line: int) -> str:
        file = bisect.bisect_right(self._starts, line) - 1
        return f"in {self._names[file]}, line {line - self._starts[file] + 1}"

    def _fail(self, line: int, problem: str) -> NoReturn:
        file = bisect.bisect_right(self._starts, line) - 1
        raise DataError(problem, source=self._names[file], line=line - self._starts[file] + 1)
