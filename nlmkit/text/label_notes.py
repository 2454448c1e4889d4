"""Notes about suspicious labels: similar ones, a header read as a text, accidental marks.

Labels are taken as they are written. These notes say where that gives classes that nobody wanted.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

BYTE_ORDER_MARK: Final = "\ufeff"

COLUMN_NAMES: Final = frozenset(
    {
        "answer",
        "author",
        "body",
        "category",
        "class",
        "classes",
        "comment",
        "comments",
        "content",
        "date",
        "description",
        "document",
        "emotion",
        "genre",
        "gold",
        "id",
        "index",
        "intent",
        "item",
        "label",
        "labels",
        "language",
        "line",
        "message",
        "name",
        "number",
        "opinion",
        "polarity",
        "question",
        "rating",
        "ratings",
        "response",
        "review",
        "reviews",
        "score",
        "sentence",
        "sentences",
        "sentiment",
        "stars",
        "summary",
        "tag",
        "tags",
        "target",
        "text",
        "texts",
        "title",
        "topic",
        "tweet",
        "type",
        "user",
        "utterance",
        "y",
    }
)
"""What columns of labelled texts are often called."""

_NAMED: Final = 5  # of many labels a note names so many groups
_SHOWN: Final = 40  # characters of a label in a note
_DOUBTED_TEXTS: Final = 20  # of fewer texts many may well have a label of their own
_DOUBTED_SHARE: Final = 0.9
_NAME: Final = re.compile(r"[^\W\d][\w.-]*(?: [\w.-]+)?")
_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.0+)?")
_INVISIBLE: Final = frozenset("\ufeff\u200b\u2060\u00ad\u200e\u200f")  # joiners have a meaning in some scripts
_MISSING: Final = frozenset({"nan", "<na>", "nat"})


def look(label: str) -> str:
    """Return a label without case, width, Unicode form, invisible characters and surrounding marks.

    A whole number looks like its value: ``01`` and ``1.0`` like ``1``.
    """
    text = unicodedata.normalize("NFKC", label)
    text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    text = " ".join(text.split()).strip("\"'“”‘’„`").strip()
    text = unicodedata.normalize("NFKC", text.casefold())
    if _WHOLE_NUMBER.fullmatch(text) and len(text) <= _SHOWN:
        text = str(int(text.partition(".")[0]))
    return text or label


def label_notes(counts: Mapping[str, int]) -> list[str]:
    """Return notes about the labels of texts.

    Args:
        counts: How many texts have each label.
    """
    groups = defaultdict(list)
    for label in counts:
        groups[look(label)].append(label)
    alike = [group for group in groups.values() if len(group) > 1]
    told = {label for group in alike for label in group}
    notes = []
    if alike:
        listed = _some(_listed(group, counts) for group in alike)
        notes.append(f"similar labels are separate classes: {listed}; use one spelling if they are the same")
    odd = [label for label in counts if label not in told and _has_hidden_ends(label)]
    if odd:
        notes.append(f"labels contain leading, trailing or invisible characters: {_listed(odd, counts)}")
    quoted = [label for label in counts if len(label) > 2 and label[0] == label[-1] == '"']
    if quoted and not told.intersection(quoted):
        notes.append(f"quotation marks are kept in labels because only some cells have them: {_listed(quoted, counts)}")
    missing = [label for label in counts if label.strip().casefold() in _MISSING]
    if missing:
        notes.append(f"a label that looks like a missing value is a separate class: {_listed(missing, counts)}")
    return notes


def likeness_note(unknown: Sequence[str], known: Sequence[str]) -> str | None:
    """Return a note if unknown labels are similar to labels of the classifier."""
    by_look = {look(label): label for label in known}
    pairs = [(label, by_look[look(label)]) for label in unknown if look(label) in by_look]
    if not pairs:
        return None
    listed = _some(f"{ours} like {theirs}" for ours, theirs in (_shown_apart(pair) for pair in pairs))
    return f"unknown labels are similar to known ones but counted as different: {listed}"


def lone_note(counts: Mapping[str, int]) -> str | None:
    """Return a note if classes have only one text."""
    lone = [label for label, count in counts.items() if count == 1]
    if not lone or len(lone) == len(counts) or own_label_note(counts) is not None:
        return None
    named = ", ".join([*map(_shown, lone[:_NAMED]), *(["..."] if len(lone) > _NAMED else [])])
    return f"{len(lone)} of {len(counts)} classes have only one text, which is too few to learn from: {named}"


def own_label_note(counts: Mapping[Any, int]) -> str | None:
    """Return a note if nearly every text has a unique label."""
    texts, once = sum(counts.values()), sum(count == 1 for count in counts.values())
    if texts < _DOUBTED_TEXTS or once < _DOUBTED_SHARE * texts:
        return None
    return f"{once} of {texts} texts have a unique label: are labels and texts swapped, or is the label column wrong?"


def header_note(labels: Sequence[str], texts: Sequence[str], first: int, place: str) -> str | None:
    """Return a note if the first text of a source looks like a header.

    It does where no text after it has its label, unless it is all the same, and both are like names of columns: one is
    a usual name, or the other texts are longer than names are.

    Args:
        labels: Of all texts.
        texts: All texts.
        first: Number of the source's first one.
        place: Where it is, in the note's words.
    """
    label, text = labels[first].strip(' "'), texts[first].strip(' "')
    if not (_NAME.fullmatch(label) and _NAME.fullmatch(text)) or label == text or len(labels) < 3:
        return None
    same = sum(
        (a, b) == (labels[first], texts[first]) for a, b in zip(labels, texts, strict=True) if a == labels[first]
    )
    if same != sum(each == labels[first] for each in labels):
        return None
    usual = bool(COLUMN_NAMES & {*re.split(r"[ _.-]", label.casefold()), *re.split(r"[ _.-]", text.casefold())})
    names = sum(_NAME.fullmatch(each.strip()) is not None for each in texts)
    repeated = len(set(labels)) <= len(labels) / 2
    if not usual and not (repeated and 2 * names < len(texts)):
        return None
    return (
        f"{place} looks like a header ({_shown(label)}, {_shown(text)}) but was read as a text: delete it, or name "
        "its columns with --label-column and --text-column (label_column, text_column)"
    )


def mark_note(texts: Iterable[str]) -> str | None:
    """Return a note if texts contain a byte-order mark."""
    count = sum(BYTE_ORDER_MARK in text for text in texts)
    if not count:
        return None
    return f"{count} texts contain a byte-order mark (U+FEFF), probably from concatenated files: remove it"


def _has_hidden_ends(label: str) -> bool:
    return label != label.strip() or not _INVISIBLE.isdisjoint(label)


def _listed(labels: Sequence[str], counts: Mapping[str, int]) -> str:
    """Return labels with their numbers of texts, most frequent first."""
    ordered = sorted(labels, key=lambda label: (-counts[label], label))
    shown = _shown_apart(ordered[:_NAMED])
    listed = [
        f"{name} ({counts[label]} text{'s' * (counts[label] != 1)})"
        for name, label in zip(shown, ordered[:_NAMED], strict=True)
    ]
    return ", ".join([*listed, *([f"{len(ordered) - _NAMED} more"] if len(ordered) > _NAMED else [])])


def _some(items: Iterable[str]) -> str:
    found = list(items)
    return "; ".join([*found[:_NAMED], *([f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else [])])


def _shown(label: str) -> str:
    return repr(label if len(label) <= _SHOWN else label[:_SHOWN] + "...")


def _shown_apart(labels: Sequence[str]) -> list[str]:
    """Return labels as distinguishable text: with code points if they look the same."""
    plain = [unicodedata.normalize("NFKC", label) for label in labels]
    return [
        ascii(label[:_SHOWN]) if plain.count(form) > 1 and not label.isascii() else _shown(label)
        for label, form in zip(labels, plain, strict=True)
    ]
