"""Notes about suspicious pairs of texts: sides of very different length, copies, tabs that may separate columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nlmkit.text.label_notes import mark_note

if TYPE_CHECKING:
    from nlmkit.text.parallel import ParallelTexts

_LONG: Final = 1000
"""Words from which a text is hardly one sentence."""


def pair_notes(pairs: ParallelTexts) -> list[str]:
    """Return notes about pairs."""
    notes: list[str] = []
    sides = [("source", pairs.source, pairs.sources), ("target", pairs.target_source, pairs.targets)]
    for side, name, texts in sides:
        if isinstance(texts, tuple) and texts:
            notes += _side_notes(side, name, texts, pairs)
    if isinstance(pairs.sources, tuple) and pairs.targets is not None:
        same = sum(source == target for source, target in zip(pairs.sources, pairs.targets, strict=True))
        if same * 2 > len(pairs) > 1:
            notes.append(f"{pairs.source}: {same} of {len(pairs)} targets equal their sources: were they translated?")
    return notes


def _side_notes(side: str, name: str, texts: tuple[str, ...], pairs: ParallelTexts) -> list[str]:
    notes = []
    longest = max(range(len(texts)), key=lambda number: len(texts[number]))
    words = len(texts[longest].split())
    if words > _LONG:
        place = f"{side} {longest + 1}" if pairs.lines is None else f"the {side} of line {pairs.lines[longest]}"
        notes.append(f"{name}: {place} has {words:,} words: is it one sentence?")
    if all("\t" in text for text in texts):
        notes.append(f"{name}: every {side} holds a tab, which is a space here: does the file have columns?")
    mark = mark_note(texts)
    return [*notes, *([mark] if mark else [])]
