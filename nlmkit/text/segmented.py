"""Segmented text: words separated by spaces, one sentence per line, read as characters with BMES tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from nlmkit.text.tagged_rows import RowBlock

SCHEME: Final = "BMES"

_SEPARATORS: Final = np.array([ord(char) for char in " \t\r\u3000"], np.uint32)
_TAGS: Final = np.frombuffer(b"MBES", np.uint8)  # by whether a character begins a word, and whether it ends one
_LINE_FEED: Final = ord("\n")


def segmented_rows(texts: Iterator[str], *, tagged: bool) -> Iterator[RowBlock]:
    """Yield the characters of segmented text; every line is a sentence, and a blank line an empty one.

    Space, tab, CR and the ideographic space U+3000 separate words.

    Args:
        texts: Blocks of whole lines, each ended by LF.
        tagged: Whether the characters are to have tags: S for a word of one character, else B, M and E for its
            characters.
    """
    line = 1
    for text in texts:
        codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        ends = codes == _LINE_FEED
        kept = ~(ends | np.isin(codes, _SEPARATORS))
        before = np.concatenate([[False], kept[:-1]])
        after = np.concatenate([kept[1:], [False]])
        characters = codes[kept].tobytes().decode("utf-32-le")
        kinds = (kept & ~before) + 2 * (kept & ~after).astype(np.int8)
        tags = _TAGS[kinds[kept]].tobytes().decode("ascii")
        starts = np.concatenate([[0], np.cumsum(kept)[ends][:-1]])
        lines = (line + np.cumsum(ends))[kept]
        start_lines = np.arange(line, line + len(starts))
        yield RowBlock([characters, *([tags] if tagged else [])], lines.tolist(), starts.tolist(), start_lines.tolist())
        line += len(starts)
