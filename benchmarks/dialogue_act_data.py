"""RNNLG's dialogue acts and sentences (Wen et al. 2015, 2016), by the conventions of its published figures.

A file is JSON after a header of lines that begin with ``#``: ``[act, sentence, baseline]`` per entry, such as
``inform(name='red door cafe';pricerange=cheap;kidsallowed=no)``. What follows is as in RNNLG (Apache 2.0):

- A *feature* of an act is a slot with ``?`` (no value), a special value (yes, no, none, dontcare), or ``_1``, ``_2`` …
  for its first, second … other value. Acts with the same type and features are the same act without its values.
- Sentences are *delexicalised*: longest values first, the first occurrence of a value, or of its parts in another
  order, becomes ``SLOT_NAME``, ``SLOT_AREA`` and so on. Lexicalising puts the values back.
- The references of an act are the sentences of all test acts with its features, with its own values.
- *Slot errors* of a delexicalised sentence: for each slot with values, the difference between their number and that
  of its tokens; for each binary slot, that between its features and the words that speak of it. Slots asked about and
  ``type`` do not count, and neither do the acts ?select and suggest. The rate is errors per slot.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SPECIAL = {
    "none": "none",
    "yes": "yes",
    "true": "yes",
    "no": "no",
    "false": "no",
    "dontcare": "dontcare",
    "dont_care": "dontcare",
}
"""Values that stay in words."""

WORDS_OF_BINARY = {
    "kidsallowed": ("child", "kid", "kids", "children"),
    "dogsallowed": ("dog", "dogs", "puppy"),
    "hasinternet": ("internet", "wifi"),
    "acceptscreditcards": ("card", "cards"),
}
"""Words that speak of a slot that is true or false."""

UNCOUNTED_SLOTS = ("type", *WORDS_OF_BINARY)
"""Slots whose values are not counted by tokens."""

UNJUDGED = ("?select", "suggest")
"""Types of acts without slot errors: they ask for a choice, whose alternatives need not be spoken."""


@dataclasses.dataclass(frozen=True)
class Act:
    """A dialogue act.

    Attributes:
        type: Such as ``inform`` or ``?request``.
        pairs: Slots with their values; ``?`` for none.
    """

    type: str
    pairs: tuple[tuple[str, str], ...]

    @functools.cached_property
    def features(self) -> tuple[str, ...]:
        """Type and features, without values: what the vector says."""
        seen: dict[str, int] = {}
        found = []
        for slot, value in self.pairs:
            if value != "?" and value not in SPECIAL.values():
                seen[slot] = seen.get(slot, 0) + 1
                found.append(f"{slot}=_{seen[slot]}")
            else:
                found.append(f"{slot}={value}")
        return (self.type, *sorted(found))

    @property
    def values(self) -> list[tuple[str, str]]:
        """Slots with values that are spoken as they are."""
        return [(slot, value) for slot, value in self.pairs if value != "?" and value not in SPECIAL.values()]

    @functools.cached_property
    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Number of values by slot, and of features by binary slot."""
        tokens: dict[str, int] = {}
        binary: dict[str, int] = {}
        for slot, value in self.pairs:
            if slot in WORDS_OF_BINARY:
                if value in SPECIAL.values():
                    binary[slot] = binary.get(slot, 0) + 1
            elif slot not in UNCOUNTED_SLOTS and value != "?" and value not in SPECIAL.values():
                tokens[slot] = tokens.get(slot, 0) + 1
        return tokens, binary


@dataclasses.dataclass(frozen=True)
class Entry:
    """An act, its sentence in words, and the same delexicalised."""

    act: Act
    sentence: str
    delexicalised: str


def parsed(text: str) -> Act:
    """Return the act that ``type(slot=value;slot;…)`` writes."""
    kind, _, rest = text.partition("(")
    pairs = []
    for part in rest.replace(")", "").split(";"):
        slot, equals, value = part.partition("=")
        slot = slot.strip("'\"").replace("_", "").replace(" ", "")
        value = value.strip("'\"")
        if slot:
            pairs.append((slot, SPECIAL.get(value, value) if equals else "?"))
    return Act(kind, tuple(pairs))


def normalised(sentence: str) -> str:
    """Return a sentence in lower case, punctuation apart, without that at its end."""
    sentence = re.sub(r"(?<=\D)([?.,!])|([?.,!])(?=\D|$)", r" \1\2 ", sentence.lower().strip())
    return re.sub(r"( [?.!])+$", "", " ".join(sentence.split()))


def delexicalised(sentence: str, act: Act) -> str:
    """Return a sentence with tokens for the values of its act."""
    for slot, value in sorted(act.values, key=lambda pair: len(pair[1]), reverse=True):
        parts = value.replace(" or ", " and ").split(" and ")
        orders = list(itertools.permutations(parts))
        for spoken in [" and ".join(each) for each in orders] + [" or ".join(each) for each in orders]:
            if f" {spoken} " in f" {sentence} ":
                sentence = f" {sentence} ".replace(f" {spoken} ", f" SLOT_{slot.upper()} ", 1)[1:-1]
                break
    return sentence


def lexicalised(sentence: str, act: Act, domain: str) -> str:
    """Return a sentence with the values of an act for its tokens, each used once, and the domain for ``SLOT_TYPE``."""
    for slot, value in act.values:
        sentence = f" {sentence} ".replace(f" SLOT_{slot.upper()} ", f" {value} ", 1)[1:-1]
    return f" {sentence} ".replace(" SLOT_TYPE ", f" {domain} ")[1:-1]


def read(file: Path) -> list[Entry]:
    """Return the entries of a file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    entries = json.loads("\n".join(itertools.dropwhile(lambda line: line.startswith("#"), lines)))
    found = []
    for text, written, _ in entries:
        act, sentence = parsed(text), normalised(written)
        found.append(Entry(act, sentence, delexicalised(sentence, act)))
    return found


class Attributes:
    """Vectors of acts: one for each type and feature that training acts have, zero for the others.

    Args:
        acts: The training acts.
    """

    def __init__(self, acts: Iterable[Act]) -> None:
        names = sorted({name for act in acts for name in _marked(act)})
        self.places = {name: place for place, name in enumerate(names)}

    def __len__(self) -> int:
        return len(self.places)

    def vectors(self, acts: Iterable[Act]) -> NDArray[np.float32]:
        """Return a row per act: float32 [n, attributes]."""
        rows = [[self.places[name] for name in _marked(act) if name in self.places] for act in acts]
        found = np.zeros((len(rows), len(self)), np.float32)
        for row, places in zip(found, rows, strict=True):
            row[places] = 1
        return found


def _marked(act: Act) -> list[str]:
    """Type and features; the type is marked, as its name could be that of a slot."""
    return ["type:" + act.features[0], *act.features[1:]]


def slot_errors(act: Act, sentence: str) -> tuple[int, int, int]:
    """Return the slots of an act, the errors of a delexicalised sentence, and those among them of slots with values."""
    if act.type in UNJUDGED:
        return 0, 0, 0
    words = sentence.split()
    tokens, binary = act.counts
    spoken = dict.fromkeys(tokens, 0)
    for word in words:
        if word.startswith("SLOT_") and (slot := word[5:].lower()) not in UNCOUNTED_SLOTS:
            spoken[slot] = spoken.get(slot, 0) + 1
    valued = sum(abs(tokens.get(slot, 0) - count) for slot, count in spoken.items())
    other = sum(
        abs(binary.get(slot, 0) - sum(words.count(word) for word in keywords))
        for slot, keywords in WORDS_OF_BINARY.items()
    )
    return sum(tokens.values()) + sum(binary.values()), valued + other, valued


def references(entries: Iterable[Entry], domain: str) -> list[list[str]]:
    """Return the references of each test entry; see the module's conventions."""
    entries = list(entries)
    of_features: dict[tuple[str, ...], list[str]] = {}
    for entry in entries:
        of_features.setdefault(entry.act.features, []).append(entry.delexicalised)
    return [
        [lexicalised(sentence, entry.act, domain) for sentence in of_features[entry.act.features]] for entry in entries
    ]
