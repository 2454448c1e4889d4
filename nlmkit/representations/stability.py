"""Stability of neighbours: how much of what a representation says of a word is the luck of its seed.

Fit a component with several seeds, and ask which share of a word's nearest neighbours any two of the fitted ones have
in common: overlap@k (Wendlandt, Kummerfeld & Mihalcea 2018; Antoniak & Mimno 2018). 1 means that the seed does not
matter. Neighbours that chance alone gives overlap by k / (shared words − 1).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.short_repr import Rendered, short_repr
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.word_sets import FIRST_WORD, products, unit_rows
from nlmkit.text.tables import words_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.core.progress import Progress
    from nlmkit.representations.base import Representation

_ENTRIES: Final = 1 << 22  # similarities held at a time


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class StabilityReport(Rendered):
    """How much the neighbours in several representations agree.

    Attributes:
        overlap: Mean share of neighbours in common, over words and pairs of representations.
        pairs: The mean over words for each pair, by the two places in the sequence that was given.
        words: The words whose neighbours were compared.
        by_word: The mean over pairs for each of them: float64 [words].
        k: Neighbours of each word.
        shared_words: Words that all representations have; only these count as neighbours.
        seed: Seed with which the words were drawn; None where all shared words, or given ones, were taken.
    """

    overlap: float
    pairs: tuple[tuple[int, int, float], ...]
    words: tuple[str, ...]
    by_word: NDArray[np.float64]
    k: int
    shared_words: int
    seed: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON types, without the single words."""
        return {
            "overlap": self.overlap,
            "k": self.k,
            "words": len(self.words),
            "shared_words": self.shared_words,
            "seed": self.seed,
            "pairs": [{"one": one, "other": other, "overlap": overlap} for one, other, overlap in self.pairs],
        }

    def render(self) -> str:
        """Return the report for a reader, as one sentence."""
        return (
            f"neighbour stability {self.overlap:.4f}: mean overlap of the {self.k} nearest neighbours of "
            f"{len(self.words)} words, of {self.shared_words} shared ones"
        )

    def __repr__(self) -> str:
        return short_repr(self)


def neighbour_stability(
    representations: Sequence[Representation],
    *,
    k: int = 10,
    words: Sequence[str] | None = None,
    sample: int | None = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> StabilityReport:
    """Compare the nearest neighbours (by cosine) of words in several representations.

    Args:
        representations: Fitted representations, two or more, such as those of several seeds.
        k: Neighbours of each word; the word itself is none of them.
        words: Whose neighbours to compare; shared words, drawn at random, if not given.
        sample: How many to draw; None takes every shared word.
        seed: For drawing them.
        progress: Is shown a stage.

    Raises:
        DataError: a word is not in all representations, or there are too few shared ones for ``k`` neighbours.
        HyperParameterError: there are fewer than two representations, or ``k`` or ``sample`` is no positive number.
    """
    if len(representations) < 2:
        raise HyperParameterError("stability is about two representations or more, such as those of several seeds")
    for name, value in (("k", k), ("sample", sample)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise HyperParameterError(f"{name} must be a positive whole number, not {value!r}")
    for representation in representations:
        representation.check_fitted()
    shared = _shared_words(representations)
    if len(shared) <= k:
        raise DataError(f"the representations have {len(shared)} words in common, too few for {k} neighbours of each")
    asked, drawn = _asked(shared, words, sample, seed)
    if progress is not None:
        progress.start("comparing neighbours", len(representations))
    nearest = []
    for representation in representations:
        nearest.append(_nearest(representation, shared, asked, k))
        if progress is not None:
            progress.advance(1)
    overlaps, pairs = [], []
    for one, other in itertools.combinations(range(len(representations)), 2):
        overlap = _overlap(nearest[one], nearest[other])
        overlaps.append(overlap)
        pairs.append((one, other, float(overlap.mean())))
    by_word = np.mean(overlaps, axis=0)
    return StabilityReport(
        overlap=float(by_word.mean()),
        pairs=tuple(pairs),
        words=tuple(shared[place] for place in asked.tolist()),
        by_word=by_word,
        k=k,
        shared_words=len(shared),
        seed=seed if drawn else None,
    )


def _shared_words(representations: Sequence[Representation]) -> list[str]:
    """Return the words that all have, in the order of the first."""
    first, *others = (representation.vocabulary_ for representation in representations)
    return [word for word in first.words[FIRST_WORD:] if all(word in vocabulary for vocabulary in others)]


def _asked(
    shared: Sequence[str], words: Sequence[str] | None, sample: int | None, seed: int
) -> tuple[NDArray[np.int64], bool]:
    """Return the places of the words to ask about, and whether they were drawn."""
    if words is not None:
        words = words_of(words)
        places = {word: place for place, word in enumerate(shared)}
        for word in words:
            if word not in places:
                raise DataError(f"the word {word!r} is not in all representations")
        if not words:
            raise DataError("no words are given to compare the neighbours of")
        return np.array([places[word] for word in words], np.int64), False
    if sample is None or sample >= len(shared):
        return np.arange(len(shared)), False
    random = np.random.Generator(np.random.PCG64(seed))
    return np.sort(random.choice(len(shared), sample, replace=False)), True


def _nearest(
    representation: Representation, shared: Sequence[str], asked: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """Return the places of each asked word's k nearest shared words, in order of place: int64 [asked, k]."""
    unit = unit_rows(representation, representation.vocabulary_.ids(shared).astype(np.int64))
    nearest = np.empty((len(asked), k), np.int64)
    step = max(1, _ENTRIES // len(shared))
    for begin in range(0, len(asked), step):
        block = asked[begin : begin + step]
        similarities = products(unit[block], unit)
        np.put_along_axis(similarities, block[:, None], -np.inf, axis=1)
        nearest[begin : begin + step] = np.sort(np.argpartition(-similarities, k - 1, axis=1)[:, :k], axis=1)
    return nearest


def _overlap(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of neighbours that both have, word by word: float64 [words]."""
    # Both hold k different places a row, so that a place which occurs twice in the two is a common one.
    both = np.sort(np.concatenate([one, other], axis=1), axis=1)
    return np.asarray((both[:, 1:] == both[:, :-1]).sum(axis=1) / one.shape[1], np.float64)
