"""Parser of ARPA files: from bytes to the n-grams of each section."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.language_models.ngram.arpa_fields import Fields, WordIndex
from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.table import LEAST_LOG_PROB
from nlmkit.text.vocabulary import BOS_ID, EOS_ID, SPECIAL, UNK, UNK_ID

LN10 = math.log(10.0)

MISSING_UNK = -100.0
"""The log10 probability of ``<unk>`` where a file has none: KenLM's choice, far below any that is estimated."""

LARGEST_ORDER = 20
"""The highest order a file may have: that of the n-gram model."""

_CAPITAL_UNK = b"<UNK>"  # KenLM reads it as <unk> too
_LONGEST_LINE = 1 << 24
_PREFACE_BYTES = 1 << 22
_LARGEST_LOG_PROB = 1e-6  # above zero: rounding by the program that wrote the file
_LARGEST_BACKOFF = 99.0  # where a context leaves hardly anything, some programs write large ones
_MOST_NGRAMS = 2**31 - 2  # of one order: indices are int32
_SPACES = b" \t\r\n"
_COUNT = re.compile(rb"ngram\s+(\d{1,4})\s*=\s*(\d{1,18})")
_SECTION = re.compile(rb"\\(\d{1,4})-grams:")
_FOREIGN = {
    b"mmap lm http://kheafield.com/code": "a KenLM binary: use the ARPA file it was built from",
    b"iARPA": "an IRSTLM iARPA file: convert it with compile-lm --text=yes first",
    b"qARPA": "an IRSTLM quantized file: convert it with compile-lm --text=yes first",
    b"blmt": "an IRSTLM binary: convert it with compile-lm --text=yes first",
    b"\xff\xfe": "UTF-16 text: convert it to UTF-8 first",
    b"\xfe\xff": "UTF-16 text: convert it to UTF-8 first",
}


@dataclasses.dataclass
class Section:
    """The n-grams of one order, in the order of the file; arrays are [n].

    Attributes:
        columns: Ids of the first, second, … words.
        log_probs: Natural logarithms; NaN for an n-gram that is missing from the file and still needs a probability.
        backoffs: Natural logarithms; 0 at the highest order.
        lines: Line numbers.
    """

    columns: list[Ids]
    log_probs: Floats
    backoffs: Floats
    lines: Ids

    def __len__(self) -> int:
        return len(self.lines)

    @staticmethod
    def joined(parts: Sequence[Section], order: int) -> Section:
        """Concatenate the n-grams of several parts, which are emptied so that memory is not held twice."""
        if not parts:
            return Section([np.empty(0, np.int32)] * order, np.empty(0), np.empty(0), np.empty(0, np.int32))
        columns = [np.concatenate([part.columns.pop(0) for part in parts]) for _ in range(order)]
        values = []
        for name in ("log_probs", "backoffs", "lines"):
            values.append(np.concatenate([getattr(part, name) for part in parts]))
            for part in parts:
                setattr(part, name, values[-1][:0])
        return Section(columns, *values)

    def taken(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Section:
        """Return a selection of the n-grams, or all of them reordered."""
        return Section(
            [column[rows] for column in self.columns], self.log_probs[rows], self.backoffs[rows], self.lines[rows]
        )


class Parser:
    """Incremental parser: takes the bytes of a file in chunks and hands out the n-grams of each section.

    Attributes:
        words: Words by vocabulary id, complete after the unigrams.
    """

    def __init__(
        self,
        name: str,
        note: Callable[[str], None],
        add: Callable[[Section, list[str], int], None],
        size: int | None = None,
    ) -> None:
        """Start a file.

        Args:
            name: File name for error messages.
            note: Called with each note for the user.
            add: Called with each section, the words by vocabulary id, and the highest order.
            size: Size of the text in bytes, if known in advance.
        """
        self.words: list[str] = [*SPECIAL]
        self._name = name
        self._size = size
        self._note = note
        self._add = add
        self._rest = b""
        self._line = 1  # number of the line that comes next
        self._given = 0
        self._in_data = False
        self._ended = False
        self._sizes: list[int] = []
        self._size_lines: list[int] = []
        self._parts: list[Section] = []
        self._ids: dict[bytes, int] = {word.encode(): id_ for id_, word in enumerate(SPECIAL)}
        self._index: WordIndex | None = None
        self._section = 0  # order of the section that is being read; 0 before the first

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes."""
        if not self._given:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
            for start, kind in _FOREIGN.items():
                if chunk.startswith(start):
                    self._refuse(f"not an ARPA file but {kind}", 1)
        self._given += len(chunk)
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._rest += chunk
        else:
            block, self._rest = self._rest + chunk[:end], chunk[end:]
            self._take(block)
        if len(self._rest) > (_LONGEST_LINE if self._in_data else _PREFACE_BYTES):
            self._refuse("line too long: not an ARPA file", self._line)
        if not self._in_data and self._given > _PREFACE_BYTES:
            self._refuse("no \\data\\ line in the first megabytes: not an ARPA file", None)

    def finish(self) -> None:
        """Check that the file has ended; call it after the last byte."""
        if self._rest:
            block, self._rest = self._rest + b"\n", b""
            self._take(block)
        if not self._in_data:
            self._refuse("no \\data\\ line: not an ARPA file", None)
        if not self._ended:
            self._refuse("no \\end\\ line: the file is truncated, copy or export it again", self._line - 1)

    def _refuse(self, problem: str, line: int | None) -> NoReturn:
        raise DataError(problem, source=self._name, line=line)

    def _take(self, block: bytes) -> None:
        """Read whole lines."""
        if b"\0" in block:
            line = self._line + block.count(b"\n", 0, block.index(b"\0"))
            self._refuse("NUL byte: the file is damaged or not an ARPA file", line)
        begin = 0
        while begin < len(block):
            if self._section and not self._ended and block[begin] != ord("\\"):
                end = block.find(b"\n\\", begin) + 1 or len(block)
                self._take_ngrams(block[begin:end])
            else:
                end = block.index(b"\n", begin) + 1
                self._take_line(block[begin:end].strip(_SPACES))
            self._line += block.count(b"\n", begin, end)
            begin = end

    def _take_line(self, line: bytes) -> None:
        """Read a line that is not an n-gram."""
        section = _SECTION.fullmatch(line)
        if self._ended:
            if line:
                self._refuse("text after \\end\\: expected a single model per file", self._line)
        elif not self._in_data:
            self._in_data = line == b"\\data\\"
        elif section or line == b"\\end\\":
            self._close_section(int(section[1]) if section else None)
        elif line and not self._section:
            self._take_count(line)
        elif line:
            self._refuse(f"unexpected line {_shown(line)}: expected {self._expected()}", self._line)

    def _take_count(self, line: bytes) -> None:
        count = _COUNT.fullmatch(line)
        if not count:
            self._refuse(f"{_shown(line)} is not a header line such as 'ngram 1=5000'", self._line)
        order, size = int(count[1]), int(count[2])
        if order != len(self._sizes) + 1:
            self._refuse(f"header line for order {order}, expected order {len(self._sizes) + 1}", self._line)
        if order > LARGEST_ORDER:
            self._refuse(f"orders above {LARGEST_ORDER} are not supported: prune the model to a lower one", self._line)
        if size > _MOST_NGRAMS:
            self._refuse(f"{size} n-grams of one order exceed the limit of {_MOST_NGRAMS}", self._line)
        self._sizes.append(size)
        self._size_lines.append(self._line)
        # a digit, a line end, and for each word a separator and a letter
        least = sum(count * (2 + 2 * k) for k, count in enumerate(self._sizes, 1))
        if self._size is not None and least > self._size:
            self._refuse(
                f"the n-grams declared in the header need at least {least} bytes, but the file has "
                f"{self._size}: it is truncated or was edited",
                self._line,
            )

    def _expected(self) -> str:
        return f"\\{self._section + 1}-grams:" if self._section < len(self._sizes) else "\\end\\"

    def _close_section(self, following: int | None) -> None:
        """Close the current section and open the one of order ``following``; None ends the file."""
        if not self._sizes:
            self._refuse("the header has no sizes such as 'ngram 1=5000'", self._line)
        expected = self._section + 1 if self._section < len(self._sizes) else None
        if following != expected:
            found = f"\\{following}-grams:" if following else "\\end\\"
            self._refuse(f"missing or misplaced section: found {found}, expected {self._expected()}", self._line)
        if self._section:
            k = self._section
            section = Section.joined(self._parts, k)
            self._parts = []
            if len(section) != self._sizes[k - 1]:
                self._refuse(
                    f"the header declares {self._sizes[k - 1]} {k}-grams, but the file has {len(section)}: "
                    "it is damaged or was edited",
                    self._size_lines[k - 1],
                )
            if k == 1:
                self._check_unigrams(section)
            self._add(section, self.words, len(self._sizes))
        self._section = following or 0
        self._ended = following is None

    def _check_unigrams(self, section: Section) -> None:
        seen = np.zeros(len(self.words), bool)
        seen[section.columns[0]] = True
        if len(section) > np.count_nonzero(seen):
            _, first = np.unique(section.columns[0], return_index=True)
            at = int(np.setdiff1d(np.arange(len(section)), first)[0])
            word = self.words[section.columns[0][at]]
            self._refuse(f"duplicate unigram {word!r}", int(section.lines[at]))
        for id_ in (BOS_ID, EOS_ID):
            if not seen[id_]:
                self._refuse(f"no unigram {SPECIAL[id_]}: it is required to score sentences", self._line)
        if seen[UNK_ID]:
            self._ids[_CAPITAL_UNK] = UNK_ID
        else:
            del self._ids[UNK.encode()]
            self._note(f"no {UNK} in the file: unknown words get the log10 probability {MISSING_UNK:g}")

    def _take_ngrams(self, text: bytes) -> None:
        k = self._section
        fields = Fields(text)
        field_ends = np.searchsorted(fields.begins, fields.line_ends)
        widths = np.diff(field_ends, prepend=0)
        filled = np.flatnonzero(widths)
        if not len(filled):
            return
        widths, at = widths[filled], field_ends[filled] - widths[filled]
        lines = (filled + self._line).astype(np.int32)
        bad = (widths != k + 1) & (widths != k + 2)
        if bad.any():
            self._refuse(
                f"a {k}-gram has {k + 1} or {k + 2} fields (log10 probability, {k} words, backoff weight), not "
                f"{widths[bad][0]}",
                int(lines[bad][0]),
            )
        log_probs = self._numbers(fields, at, lines)
        self._check_log_probs(log_probs, lines)
        backoffs = np.zeros(len(at))
        given = widths == k + 2
        backoffs[given] = self._numbers(fields, at[given] + k + 1, lines[given])
        self._check_backoffs(backoffs, lines)
        if k == 1:
            columns = [self._unigrams([fields.field(i) for i in (at + 1).tolist()], lines)]
        else:
            columns = [self._word_ids(fields, at + j, lines) for j in range(1, k + 1)]
        if k == len(self._sizes):
            backoffs[:] = 0.0  # never used
        for values in (log_probs, backoffs):
            values[values < LEAST_LOG_PROB / LN10] = -np.inf  # the largest negative number is meant as zero
        self._parts.append(Section(columns, np.minimum(log_probs, 0.0) * LN10, backoffs * LN10, lines))

    def _numbers(self, fields: Fields, at: NDArray[np.int64], lines: Ids) -> Floats:
        values, others = fields.numbers(at)
        for place in others.tolist():
            text = fields.field(int(at[place]))
            if not _is_number(text):
                self._refuse(f"{_shown(text)} is not a number", int(lines[place]))
            values[place] = float(text)
        return values

    def _check_log_probs(self, values: Floats, lines: Ids) -> None:
        good = values <= _LARGEST_LOG_PROB  # false for NaN
        if not good.all():
            at = int(good.argmin())
            self._refuse(f"{values[at]} is not a log10 probability: it must be at most 0", int(lines[at]))

    def _check_backoffs(self, values: Floats, lines: Ids) -> None:
        good = values <= _LARGEST_BACKOFF  # false for NaN
        if not good.all():
            at = int(good.argmin())
            problem = f"{values[at]} is not a log10 backoff weight: it must be at most {_LARGEST_BACKOFF:g}"
            self._refuse(problem, int(lines[at]))

    def _unigrams(self, words: list[bytes], lines: Ids) -> Ids:
        """Return the ids of words, and assign ids to new ones."""
        rows = np.empty(len(words), np.int32)
        for at, word in enumerate(words):
            known = self._ids.setdefault(word if word != _CAPITAL_UNK else UNK.encode(), len(self.words))
            rows[at] = known
            if known == len(self.words):
                try:
                    self.words.append(word.decode())
                except UnicodeDecodeError:
                    self._refuse(f"the word {_shown(word)} is not UTF-8: convert the file first", int(lines[at]))
        return rows

    def _word_ids(self, fields: Fields, at: NDArray[np.int64], lines: Ids) -> Ids:
        if self._index is None:
            self._index = WordIndex(self._ids)
        ids = self._index.find(fields, at)
        if (ids < 0).any():
            first = int((ids < 0).argmax())
            text = fields.field(int(at[first]))
            self._refuse(f"the word {_shown(text)} is not among the unigrams of the file", int(lines[first]))
        return ids


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return b"_" not in text


def _shown(text: bytes) -> str:
    """Format bytes of the file for an error message."""
    return repr(text[:40].decode("utf-8", "backslashreplace") + ("…" if len(text) > 40 else ""))
