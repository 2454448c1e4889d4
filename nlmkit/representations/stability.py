"""Stability of nearest neighbours across random seeds.

Fit a component with several seeds and measure the share of a word's nearest neighbours that any two of the fits have
in common: overlap@k (Wendlandt, Kummerfeld & Mihalcea 2018; Antoniak & Mimno 2018). 1 means that the seed has no
effect. Random neighbours overlap by k / (shared words − 1).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.short_repr import short_repr
from nlmkit.core.tabular import Tabular
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.word_sets import FIRST_WORD, products, unit_rows
from nlmkit.text.tables import words_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.core.progress import Progress
    from nlmkit.representations.base import Representation

_ENTRIES: Final = 1 << 22  # similarities held at a time


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class StabilityReport(Tabular):
    """Overlap of the nearest neighbours in several representations.

    Attributes:
        overlap: Mean share of common neighbours, over words and pairs of representations.
        pairs: Mean over words for each pair, by the positions of the two in the sequence.
        words: Words whose neighbours were compared.
        by_word: Mean over pairs for each word: float64 [words].
        k: Number of neighbours per word.
        shared_words: Number of words that all representations contain; only these count as neighbours.
        seed: Seed of the sample of words; None if all shared words, or given ones, were used.
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

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables ``figures``, ``pairs`` (of representations) and ``words``."""
        facts = self.to_dict()
        pairs = facts.pop("pairs")
        by_word = zip(self.words, self.by_word.tolist(), strict=True)
        return {
            "figures": [facts],
            "pairs": pairs,
            "words": [{"word": word, "overlap": mean} for word, mean in by_word],
        }

    def render(self) -> str:
        """Format the report as one sentence."""
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
        representations: Two or more fitted representations, such as those of several seeds.
        k: Number of neighbours per word, excluding the word itself.
        words: Words whose neighbours to compare; by default a random sample of the shared words.
        sample: Size of the sample; None uses every shared word.
        seed: Seed of the sample.
        progress: Progress display; gets a stage.

    Raises:
        DataError: A word is not in all representations, or there are too few shared words for ``k`` neighbours.
        HyperParameterError: There are fewer than two representations, or ``k`` or ``sample`` is not a positive number.
    """
    if len(representations) < 2:
        raise HyperParameterError("stability requires at least two representations, such as those of several seeds")
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
    """Return the words common to all, in the order of the first."""
    first, *others = (representation.vocabulary_ for representation in representations)
    return [word for word in first.words[FIRST_WORD:] if all(word in vocabulary for vocabulary in others)]


def _asked(
    shared: Sequence[str], words: Sequence[str] | None, sample: int | None, seed: int
) -> tuple[NDArray[np.int64], bool]:
    """Return the indices of the words to compare, and whether they were sampled."""
    if words is not None:
        words = words_of(words)
        places = {word: place for place, word in enumerate(shared)}
        for word in words:
            if word not in places:
                raise DataError(f"the word {word!r} is not in all representations")
        if not words:
            raise DataError("no words to compare the neighbours of")
        return np.array([places[word] for word in words], np.int64), False
    if sample is None or sample >= len(shared):
        return np.arange(len(shared)), False
    random = np.random.Generator(np.random.PCG64(seed))
    return np.sort(random.choice(len(shared), sample, replace=False)), True


def _nearest(
    representation: Representation, shared: Sequence[str], asked: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """Return the indices of each word's k nearest shared words, in increasing order: int64 [asked, k]."""
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
    """Return the share of common neighbours of each word: float64 [words]."""
    # Both have k distinct indices per row, so an index that occurs twice is common to both.
    both = np.sort(np.concatenate([one, other], axis=1), axis=1)
    return np.asarray((both[:, 1:] == both[:, :-1]).sum(axis=1) / one.shape[1], np.float64)
