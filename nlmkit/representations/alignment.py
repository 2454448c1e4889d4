"""Alignment of a representation with a consumer's vocabulary: its rows by the consumer's ids."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.short_repr import short_repr
from nlmkit.errors import DataError
from nlmkit.representations.neighbours import check_choice, mean_of_rarest, standard_deviation, take_rows
from nlmkit.text.vocabulary import SPECIAL, Vocabulary

if TYPE_CHECKING:
    from nlmkit.representations.rules import WordVectors

POOR_COVERAGE: Final = 0.5
"""Token coverage of the training text below which a note is sent."""

RULES: Final = ("uniform", "mean-rare", "zero", "error")
"""Rules for the initial vector of a consumer's word without a vector."""


@dataclasses.dataclass(frozen=True, eq=False)
class Alignment:
    """Vectors for the words of a consumer's vocabulary.

    Attributes:
        matrix: float32 [V', d] by the consumer's ids; None for one-hot, which is a free embedding of any size.
        known: Whether each id has a vector in the representation: bool [V'].
        oov: Rule for the others.
        type_coverage: Share of known words in the consumer's vocabulary (without the three special ones); NaN without
            words.
        token_coverage: Share of known words in the consumer's training text, where ``<unk>`` counts as unknown; None
            if the consumer's counts are unknown.
        dimension: Length of a vector.
    """

    matrix: NDArray[np.float32] | None
    known: NDArray[np.bool_]
    oov: str
    type_coverage: float
    token_coverage: float | None
    dimension: int

    def report(self) -> Mapping[str, Any]:
        """Return the facts as JSON has them: coverage, how many words are known, the rule and the dimension."""
        words = len(self.known) - len(SPECIAL)
        return {
            "dimension": self.dimension,
            "words": words,
            "known_words": int(self.known[len(SPECIAL) :].sum()),
            "type_coverage": None if math.isnan(self.type_coverage) else self.type_coverage,
            "token_coverage": self.token_coverage,
            "oov": self.oov,
        }

    def __repr__(self) -> str:
        return short_repr(self)


def align(representation: WordVectors, vocabulary: Vocabulary, *, oov: str, seed: int) -> Alignment:
    """See ``Representation.align``."""
    check_choice("oov", oov, RULES)
    check_vocabulary(vocabulary)
    rows = representation.ids(vocabulary.words)
    known = rows >= 0
    matrix = np.zeros((len(vocabulary), representation.dimension), np.float32)
    matrix[known] = take_rows(representation.matrix, rows[known])
    for id_ in np.flatnonzero(~known).tolist():
        made = None if id_ < len(SPECIAL) else representation._vector_of_unknown(vocabulary.word(id_))
        if made is not None:
            matrix[id_], known[id_] = made, True
    missing = np.flatnonzero(~known)
    if oov == "error" and (words := missing[missing >= len(SPECIAL)]).size:
        raise representation._missing(vocabulary.word(int(words[0])))
    if oov == "mean-rare":
        matrix[missing] = mean_of_rarest(representation)
    elif oov != "zero":
        # A uniform variable on ±a has the standard deviation a / √3.
        bound = math.sqrt(3) * _spread(representation, rows[rows >= len(SPECIAL)])
        values = np.random.default_rng(seed).uniform(-bound, bound, (len(missing), representation.dimension))
        matrix[missing] = values.astype(np.float32)
    return summarise(matrix, known, vocabulary, oov, representation.dimension)


def check_vocabulary(vocabulary: object) -> None:
    """Check that an argument is a vocabulary.

    Raises:
        DataError: It is not a vocabulary.
    """
    if not isinstance(vocabulary, Vocabulary):
        raise DataError(
            f"align expects a Vocabulary, not {type(vocabulary).__name__}: pass Vocabulary(words), or "
            "use vectors(words)"
        )


def summarise(
    matrix: NDArray[np.float32] | None, known: NDArray[np.bool_], vocabulary: Vocabulary, oov: str, dimension: int
) -> Alignment:
    """Return the alignment with its coverage."""
    words, counts = known[len(SPECIAL) :], vocabulary.counts
    tokens = int(counts[0] + counts[len(SPECIAL) :].sum())
    covered = int(counts[len(SPECIAL) :][words].sum())
    return Alignment(
        matrix=matrix,
        known=known,
        oov=oov,
        type_coverage=float(words.mean()) if words.size else float("nan"),
        token_coverage=covered / tokens if tokens else None,
        dimension=dimension,
    )


def check_coverage(alignment: Alignment, representation: WordVectors, vocabulary: Vocabulary, tune: str) -> str:
    """Return a warning about low coverage; empty if it is sufficient or unknown.

    Args:
        alignment: Alignment with the consumer's vocabulary.
        representation: Representation of the alignment.
        vocabulary: Vocabulary of the consumer.
        tune: Training mode of the vectors, such as ``frozen``.

    Raises:
        DataError: No word has a vector, and the vectors are frozen.
    """
    coverage = alignment.token_coverage
    if alignment.matrix is None or coverage is None or coverage >= POOR_COVERAGE:
        return ""
    advice = "see whether it was trained on text with the same tokenizer and case"
    words = vocabulary.words[len(SPECIAL) :]
    lowered = representation.ids([word.lower() for word in words]) >= 0
    share = float(vocabulary.counts[len(SPECIAL) :][lowered].sum() / vocabulary.counts[len(SPECIAL) :].sum())
    if share >= POOR_COVERAGE:
        advice = f"it covers {share:.0%} of them in lower case, so add --lowercase"
    if tune == "frozen" and not alignment.known[len(SPECIAL) :].any():
        problem = f"the representation covers none of the {len(words)} words of the training text"
        raise DataError(f"{problem}, and tune=frozen trains none: {advice}, or set tune=fine-tune")
    return f"the representation covers only {coverage:.0%} of the training words: {advice}"


def _spread(representation: WordVectors, rows: NDArray[np.int64]) -> float:
    """Return the standard deviation of the known rows' values, or of all words' if none is known."""
    every = np.arange(len(SPECIAL), len(representation.vocabulary_))
    return standard_deviation(representation.matrix, np.unique(rows) if rows.size else every)
