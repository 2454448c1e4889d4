"""Unicode normal forms in linear time.

`unicodedata.normalize` brings combining marks into their canonical order by insertion, which takes quadratic time on a
long run of them: 38 s for 320 kB. The order is a stable sort by combining class within each run, so long runs are
sorted here first, and `normalize` finds nothing left to move.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import Literal

UnicodeForm = Literal["NFC", "NFD", "NFKC", "NFKD"]

# No character with a combining class is a letter or digit, and of those that are, only the half-width sound marks
# decompose to nothing but such. No language writes so many marks in a row; shorter runs are quick as they are.
_LONG_RUN = re.compile(r"(?:[^\w\x00-\x7f]|[\uff9e\uff9f]){32,}")


def normalize(form: UnicodeForm, text: str) -> str:
    """Return what `unicodedata.normalize` does, in time linear in the text (except to sort a run)."""
    if not text.isascii() and _LONG_RUN.search(text):
        decomposed: UnicodeForm = "NFD" if form in ("NFC", "NFD") else "NFKD"
        text = _LONG_RUN.sub(lambda run: _in_order(decomposed, run[0]), text)
    return unicodedata.normalize(form, text)


def _in_order(form: UnicodeForm, run: str) -> str:
    """Return the run decomposed character by character, with its marks in canonical order."""
    characters = "".join([unicodedata.normalize(form, character) for character in run])
    ordered: list[str] = []
    for _, part in itertools.groupby(characters, key=lambda character: unicodedata.combining(character) > 0):
        ordered += sorted(part, key=unicodedata.combining)  # the class of all in a part that are not marks is 0
    return "".join(ordered)
