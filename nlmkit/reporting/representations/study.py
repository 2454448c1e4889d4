"""Representations of a report, with word pairs or analogies if they are given."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.progress import Progress
from nlmkit.errors import DataError
from nlmkit.reporting.study import Files, Options, Study, Subject
from nlmkit.representations.analogies import AnalogySet, read_questions
from nlmkit.representations.base import Representation
from nlmkit.representations.report import PairSet, pair_sets, read_pairs
from nlmkit.text import TextPipeline


@dataclasses.dataclass(kw_only=True, eq=False)
class RepresentationStudy(Study):
    """Representations, with what they are tested on.

    Attributes:
        pairs: Word pairs with similarities.
        analogies: Analogy questions.
    """

    pairs: tuple[PairSet, ...] = ()
    analogies: tuple[AnalogySet, ...] = ()

    @classmethod
    def of(cls, subjects: tuple[Subject, ...], text: Any, options: Options, progress: Progress | None) -> Self:
        """Read files of word pairs or analogies.

        Args:
            subjects: The representations.
            text: ``Files``, of which those that begin with ``:`` have analogies; an ``AnalogySet``, or what
                ``Representation.report`` takes as pairs; None for neither.
            options: Options of the report.
            progress: Display of progress.

        Raises:
            DataError: A file cannot be read.
        """
        study = cls(subjects=subjects, options=options, progress=progress)
        if isinstance(text, AnalogySet):
            study.analogies = (text,)
        elif isinstance(text, Files):
            study._read(text.names, text.decoded(TextPipeline()).encoding)
        elif text is not None:
            study.pairs = tuple(pair_sets(text))
        return study

    def _read(self, names: tuple[str, ...], encoding: str) -> None:
        pairs, analogies = [], []
        for name in names:
            try:
                pairs.append(read_pairs(name, encoding=encoding))
            except DataError as error:
                try:
                    analogies.append(read_questions(name, encoding=encoding))
                except DataError:
                    raise error from None
        self.pairs, self.analogies = tuple(pairs), tuple(analogies)

    @property
    def models(self) -> list[Representation]:
        """The representations."""
        return [cast(Representation, subject.model) for subject in self.subjects]

    @cached_property
    def shared(self) -> list[str]:
        """Words that all representations have, most frequent first by the first that has counts."""
        first, *others = self.models
        places = [frozenset(model.vocabulary_.words) for model in others]
        words = first.vocabulary_.words[3:]
        found = [word for word in words if all(word in own for own in places)]
        counted = next((model for model in self.models if max(model.vocabulary_.counts, default=0) > 0), None)
        if counted is None:
            return found
        counts = dict(zip(counted.vocabulary_.words, np.asarray(counted.vocabulary_.counts).tolist(), strict=True))
        return sorted(found, key=lambda word: -counts[word])

    def examples(self, count: int, *, skip: int) -> list[str]:
        """Return some words, spread over the more frequent ones after the first ``skip``, of three letters or more."""
        words = [word for word in self.shared if len(word) > 2 or not word.isascii()]
        words = words[skip:] if len(words) > skip + count else words
        pool = words[: 40 * count]
        return pool[:: max(1, len(pool) // count)][:count]

    @property
    def facts(self) -> list[str]:
        """Number of shared words, and what the representations are tested on."""
        found = [f"Words in all representations: {len(self.shared):,}"] if len(self.subjects) > 1 else []
        found += [f"Word pairs: {each.name}" for each in self.pairs]
        return found + [f"Analogies: {each.name}" for each in self.analogies]


def unit_vectors(model: Representation, words: list[str]) -> NDArray[np.float64]:
    """Return the vectors of words with length one: float64 [words, d]; zero vectors stay."""
    vectors = np.asarray(model.vectors(words), np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
