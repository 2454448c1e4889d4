"""Notes about suspicious pairs of texts: very long ones, copies, tabs that may separate columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.label_notes import mark_note

_LONG: Final = 1000
"""Words from which a text is hardly one sentence."""


def side_notes(texts: Sequence[str], side: str, name: str, lines: NDArray[np.int64] | None) -> list[str]:
    """Return notes about the texts of one side.

    Args:
        texts: The texts.
        side: ``source`` or ``target``.
        name: Of the file.
        lines: Line of each, if there are lines.
    """
    if not texts:
        return []
    notes = []
    longest = max(range(len(texts)), key=lambda number: len(texts[number]))
    words = len(texts[longest].split())
    if words > _LONG:
        place = f"{side} {longest + 1}" if lines is None else f"the {side} of line {lines[longest]}"
        notes.append(f"{name}: {place} has {words:,} words: is it one sentence?")
    if all("\t" in text for text in texts):
        notes.append(f"{name}: every {side} holds a tab, which is white space here: does the file have columns?")
    mark = mark_note(texts)
    return [*notes, *([f"{name}: {mark}"] if mark else [])]


def copy_note(sources: Sequence[str], targets: Sequence[str], name: str) -> list[str]:
    """Return a note if most targets equal their sources."""
    same = sum(source == target for source, target in zip(sources, targets, strict=True))
    if same * 2 <= len(sources) or len(sources) < 2:
        return []
    return [f"{name}: {same} of {len(sources)} targets equal their sources: are they translated?"]
