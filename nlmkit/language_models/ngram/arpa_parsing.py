"""Parser of ARPA files: from bytes to the n-grams of each section."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.language_models.ngram.arpa_fields import Fields, WordIndex
from nlmkit.language_models.ngram.arpa_lines import Collector, NGramLines, Section, shown
from nlmkit.language_models.ngram.counting import Ids
from nlmkit.text.vocabulary import BOS_ID, EOS_ID, SPECIAL, UNK, UNK_ID

MISSING_UNK = -100.0
"""The log10 probability of ``<unk>`` where a file has none: KenLM's choice, far below any that is estimated."""

LARGEST_ORDER = 20
"""The highest order a file may have: that of the n-gram model."""

_CAPITAL_UNK = b"<UNK>"  # KenLM reads it as <unk> too
_MOST_WAITING = 8  # blocks
_LONGEST_LINE = 1 << 24
_PREFACE_BYTES = 1 << 22
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
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        """Start a file.

        Args:
            name: File name for error messages.
            note: Called with each note for the user.
            add: Called with each section, the words by vocabulary id, and the highest order.
            size: Size of the text in bytes, if known in advance.
            pool: Threads that parse n-grams; without any, the caller's thread does.
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
        self._pool = pool
        self._collected = Collector(0, 0, is_sure=True)
        self._waiting: deque[Future[Section]] = deque()  # the parts after these
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
        self._collect()  # an earlier error comes first
        raise DataError(problem, source=self._name, line=line)

    def _take(self, block: bytes) -> None:
        """Read whole lines."""
        if b"\0" in block:
            line = self._line + block.count(b"\n", 0, block.index(b"\0"))
            self._refuse("NUL byte: the file is damaged or not an ARPA file", line)
        begin = 0
        while begin < len(block):
            if self._section and not self._ended and block[begin] != ord("\\"):
                end = _end_of_ngrams(block, begin)
                self._take_ngrams(block[begin:end])
            else:
                end = block.index(b"\n", begin) + 1
                self._take_line(block[begin:end].strip(_SPACES))
            self._line += int(np.count_nonzero(np.frombuffer(block, np.uint8)[begin:end] == ord("\n")))
            begin = end

    def _take_line(self, line: bytes) -> None:
        """Read a line that is not an n-gram."""
        self._collect()
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
            self._refuse(f"unexpected line {shown(line)}: expected {self._expected()}", self._line)

    def _take_count(self, line: bytes) -> None:
        count = _COUNT.fullmatch(line)
        if not count:
            self._refuse(f"{shown(line)} is not a header line such as 'ngram 1=5000'", self._line)
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
            section, number = self._collected.section(), self._collected.number
            self._collected = Collector(0, 0, is_sure=True)
            if number != self._sizes[k - 1]:
                self._refuse(
                    f"the header declares {self._sizes[k - 1]} {k}-grams, but the file has {number}: "
                    "it is damaged or was edited",
                    self._size_lines[k - 1],
                )
            if k == 1:
                self._check_unigrams(section)
            self._add(section, self.words, len(self._sizes))
        if following:
            self._collected = Collector(following, self._sizes[following - 1], is_sure=self._size is not None)
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
        """Read lines of n-grams, perhaps in another thread."""
        k = self._section
        lines = NGramLines(self._name, k, is_highest=k == len(self._sizes))
        if k == 1:
            self._collected.add(lines.read(text, self._line, self._unigrams))
        else:
            if self._index is None:
                self._index = WordIndex(self._ids)
            ids_of = lines.ids_of(self._index)
            if self._pool is None:
                self._collected.add(lines.read(text, self._line, ids_of))
            else:
                self._waiting.append(self._pool.submit(lines.read, text, self._line, ids_of))
                self._collect(_MOST_WAITING)

    def _collect(self, most: int = 0) -> None:
        """Take over what the threads have parsed until at most some blocks wait; errors come in the order of lines."""
        while len(self._waiting) > most:
            self._collected.add(self._waiting.popleft().result())

    def _unigrams(self, fields: Fields, at: NDArray[np.int64], lines: Ids) -> Ids:
        """Return the ids of words, and assign ids to new ones."""
        rows = np.empty(len(at), np.int32)
        for row, place in enumerate(at.tolist()):
            word = fields.field(place)
            known = self._ids.setdefault(word if word != _CAPITAL_UNK else UNK.encode(), len(self.words))
            rows[row] = known
            if known == len(self.words):
                try:
                    self.words.append(word.decode())
                except UnicodeDecodeError:
                    self._refuse(f"the word {shown(word)} is not UTF-8: convert the file first", int(lines[row]))
        return rows


def _end_of_ngrams(block: bytes, begin: int) -> int:
    """Return where the next line begins that starts with a backslash; the search for this byte alone is fast."""
    at = block.find(b"\\", begin)
    while at > begin and block[at - 1] != ord("\n"):
        at = block.find(b"\\", at + 1)
    return at if at >= 0 else len(block)
