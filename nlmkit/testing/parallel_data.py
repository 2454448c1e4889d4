"""Sources and targets on which sequence-to-sequence models are checked; fresh lists and arrays on each call.

A source says who does what to whom, in words, or in a vector with one number per word. The target says it in words of
another language, one for each word of the text, in the same order, so that a model that translates word by word can
learn it.
"""

from __future__ import annotations

import itertools
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlmkit.testing import data

_WHO: Final = {"anna": "hana", "the cat": "la kato", "a sailor": "maristo iu"}
_DOES: Final = {"sees": "vidas", "waits for": "atendas pri", "likes": "amas"}
_WHAT: Final = {"dogs": "hundoj", "the rain": "la pluvo", "tea.": "teo.", "songs": "kantoj"}

DIMENSION: Final = len(_WHO) + len(_DOES) + len(_WHAT)
"""Length of the vectors."""


class Both(NamedTuple):
    """Sources, a list of texts or an array of vectors, and the targets."""

    sources: Any
    targets: list[str]


def _pairs() -> list[tuple[tuple[int, int, int], str, str]]:
    """Return numbers, text and target of all 36 sources."""
    found = []
    for who, does, what in itertools.product(*(enumerate(words.items()) for words in (_WHO, _DOES, _WHAT))):
        (one, own), (two, act), (three, thing) = who, does, what
        source, target = (" ".join((own[side], act[side], thing[side])) for side in (0, 1))
        found.append(((one, two, three), source, target))
    return found


def _vector(places: tuple[int, int, int]) -> NDArray[np.float32]:
    vector = np.zeros(DIMENSION, np.float32)
    for begin, place in zip((0, len(_WHO), len(_WHO) + len(_DOES)), places, strict=True):
        vector[begin + place] = 1
    return vector


def _of(chosen: list[Any], takes: str) -> Both:
    texts = [text for _, text, _ in chosen]
    sources: Any = texts if takes == "texts" else np.stack([_vector(places) for places, _, _ in chosen])
    return Both(sources, [target for _, _, target in chosen])


def train(takes: str) -> Both:
    """Training pairs: 32 of 3 to 6 words.

    Args:
        takes: ``texts`` or ``vectors``, as the attribute of ``SequenceToSequence``.
    """
    return _of([pair for number, pair in enumerate(_pairs()) if number % 9 != 4], takes)


def valid(takes: str) -> Both:
    """Held-out pairs: four of known words, one target with a word that training lacks."""
    found = _of([pair for number, pair in enumerate(_pairs()) if number % 9 == 4], takes)
    found.targets[1] += " zyzzyva"
    return found


def other(takes: str) -> Both:
    """Other training pairs: of other words, size and dimension."""
    targets = ["unu du", "du tri kvar", "tri"] * 4
    if takes == "texts":
        return Both(["one two", "two three four", "three"] * 4, targets)
    return Both(np.tile(np.eye(3, 4, dtype=np.float32), (4, 1)), targets)


def test(takes: str) -> Both:
    """Pairs to score: of known and unknown words, of 1 to 60 words, targets longer and shorter than sources."""
    found = _of([_pairs()[place] for place in (0, 7, 13, 0, 22)], takes)
    targets = [*found.targets, "qwerty uiop hana", "hana " * 60, "vidas", "la kato vidas hundoj"]
    if takes == "texts":
        sources = [*found.sources, "zyzzyva sees qwerty", "anna sees dogs", "the cat " * 30, "sees"]
        return Both(sources, targets)
    more = np.random.default_rng(7).normal(size=(4, DIMENSION)).astype(np.float32)
    return Both(np.concatenate([found.sources, more]), targets)


def unusual(takes: str) -> Any:
    """Sources without a known word, of unusual characters; or vectors far from those of training."""
    if takes == "texts":
        return ["zyzzyva", "qwerty uiop zyzzyva", *(line for line in data.unusual_lines() if line.strip())]
    return np.array([np.zeros(DIMENSION), np.full(DIMENSION, 100), np.full(DIMENSION, -100)], np.float32)
