"""Machine code that numbers the words of text in UTF-8 between spaces by first appearance, without Python's lock.

This module imports numba; import it only where a long text is read.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.compiling import compiled

Ids = NDArray[np.int32]

_FILLED = 2  # one slot in so many is used at most
_SPACE, _TAB, _LINE_FEED, _RETURN = 32, 9, 10, 13


class WordTable:
    """Words with their numbers; number 0 is the end of a line.

    Args:
        words: The words from number 1 on.
    """

    def __init__(self, words: Iterable[bytes]) -> None:
        self._slots = np.full(1 << 16, -1, np.int32)
        self._hashes = np.zeros(1 << 15, np.uint64)
        self._ends = np.zeros(1 << 15, np.int64)
        self._bytes = np.zeros(1 << 18, np.uint8)
        self._number = 1
        self.add(b" ".join(words))

    def __len__(self) -> int:
        """Return the number of words and the end of a line."""
        return self._number

    def add(self, data: bytes) -> Ids:
        """Return the numbers of the words and line ends of a text, which space, tab and CR separate, too: int32."""
        text = np.frombuffer(data, np.uint8)
        ids = np.empty(len(text), np.int32)
        at = written = 0
        while True:
            at, written, self._number = _index(
                text, at, ids, written, self._slots, self._hashes, self._ends, self._bytes, self._number
            )
            if at == len(text):
                return ids[:written].copy()
            self._grow(len(text))

    def words(self, begin: int = 1) -> list[bytes]:
        """Return the words from a number on."""
        ends = self._ends[begin - 1 : self._number].tolist()
        data = self._bytes[ends[0] : ends[-1]].tobytes()
        return [data[start - ends[0] : end - ends[0]] for start, end in itertools.pairwise(ends)]

    def _grow(self, room: int) -> None:
        self._bytes = _longer(self._bytes, max(2 * len(self._bytes), len(self._bytes) + room))
        if self._number == len(self._hashes):
            self._hashes, self._ends = (_longer(array, 2 * len(array)) for array in (self._hashes, self._ends))
            self._slots = np.full(_FILLED * len(self._hashes), -1, np.int32)
            _insert(self._slots, self._hashes, self._number)


def _longer(array: NDArray[Any], length: int) -> NDArray[Any]:
    longer = np.zeros(length, array.dtype)
    longer[: len(array)] = array
    return longer


@compiled
def _insert(slots: Any, hashes: Any, number: int) -> None:
    mask = np.uint64(len(slots) - 1)
    for word in range(1, number):
        slot = hashes[word] & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = word


@compiled
def _index(  # noqa: PLR0917
    text: Any, at: int, ids: Any, written: int, slots: Any, hashes: Any, ends: Any, data: Any, number: int
) -> Any:
    """Number words from ``at`` on; return where it ended, which is before the end of the text if a table is full."""
    mask = np.uint64(len(slots) - 1)
    while at < len(text):
        byte = text[at]
        if byte in (_SPACE, _TAB, _RETURN):
            at += 1
            continue
        if byte == _LINE_FEED:
            ids[written] = 0
            written += 1
            at += 1
            continue
        end = at
        code = np.uint64(14695981039346656037)  # FNV-1a
        while end < len(text):
            byte = text[end]
            if byte in (_SPACE, _TAB, _RETURN, _LINE_FEED):
                break
            code = (code ^ np.uint64(byte)) * np.uint64(1099511628211)
            end += 1
        code ^= code >> np.uint64(32)
        slot = code & mask
        while slots[slot] >= 0:
            word = slots[slot]
            begin = ends[word - 1]
            if hashes[word] == code and ends[word] - begin == end - at:
                same = 0
                while same < end - at and data[begin + same] == text[at + same]:
                    same += 1
                if same == end - at:
                    break
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] < 0:
            begin = ends[number - 1]
            if number == len(hashes) or begin + end - at > len(data):
                return at, written, number
            for i in range(end - at):
                data[begin + i] = text[at + i]
            slots[slot] = number
            hashes[number] = code
            ends[number] = begin + end - at
            number += 1
        ids[written] = slots[slot]
        written += 1
        at = end
    return at, written, number
