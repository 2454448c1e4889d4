"""Count files as training data: ``NGramCountFiles``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.language_models.ngram.combining import mapped
from nlmkit.language_models.ngram.count_reading import read_counts
from nlmkit.text import BOS_ID, EOS_ID, UNK_ID, TextPipeline, Vocabulary

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.core.vocabulary_limits import VocabularyLimits
    from nlmkit.language_models.ngram.counting import NGramCounts


class NGramCountFiles:
    """Files of n-gram counts, as SRILM's ``ngram-count -write`` and Google's n-grams have them, to fit ``NGram`` to.

    A line is ``w1 w2 w3<TAB>count``. All orders up to that of the model must be there, in one file or several, with
    ``<s>`` and ``</s>`` around sentences; the count of the unigram ``<s>`` is the number of sentences. Higher orders
    are passed over. A model fitted to the counts of a text equals that fitted to the text, to the last bit if the
    unigrams are in the order of first appearance, as those that ``NGram.export`` writes are.

    Args:
        paths: The files, UTF-8, plain or compressed.
        pipeline: How the counted text was tokenized, which texts to score are; split on spaces by default.

    Example:
        >>> NGram(order=3).fit(NGramCountFiles("counts.gz"))  # doctest: +SKIP
    """

    def __init__(self, *paths: str | os.PathLike[str], pipeline: TextPipeline | None = None) -> None:
        if not paths:
            raise DataError("no count files: name at least one")
        self.paths = tuple(os.fspath(path) for path in paths)
        self.pipeline = pipeline or TextPipeline()

    def __repr__(self) -> str:
        return f"NGramCountFiles({', '.join(map(repr, self.paths))})"

    def read(
        self, limits: VocabularyLimits, *, order: int, closed: bool, run: RunOptions
    ) -> tuple[Vocabulary, NGramCounts]:
        """Read the counts of the orders of a model, with its vocabulary limits applied.

        Args:
            limits: The limits.
            order: Highest order.
            closed: Whether words outside the vocabulary are an error.
            run: Run options, of which progress is used.

        Raises:
            DataError: A file cannot be read, or its counts contradict each other; the error names the line.
            HyperParameterError: The files have no n-grams of the order.
        """
        words, counts = read_counts(self.paths, order, run=run)
        raw = counts.levels[0].raw
        if counts.order < order:
            raise HyperParameterError(
                f"{self._names}: the highest order counted is {counts.order}: set order={counts.order}, or add counts "
                f"of order {order}"
            )
        if limits.vocabulary_size is None and limits.least_count == 1 and limits.vocabulary_file is None:
            frequencies = raw.copy()
            frequencies[BOS_ID] = 0
            vocabulary = Vocabulary(words[3:], frequencies)
        else:
            vocabulary = limits.limited_vocabulary(_Counted(words, raw, self), noted=True)  # type: ignore[arg-type]
            ids = vocabulary.ids(words)
            counts = mapped(counts, ids, len(vocabulary))
        if closed and counts.levels[0].raw[UNK_ID]:
            lost = next(
                word for word, count in zip(words, raw.tolist(), strict=True) if count and _unknown(word, vocabulary)
            )
            raise DataError(
                f"{lost!r} is not in the vocabulary, and closed=true leaves no probability for unknown words: add it "
                "to the vocabulary, or omit closed",
                source=self._names,
            )
        return vocabulary, counts

    @property
    def _names(self) -> str:
        return ", ".join(self.paths)


def _unknown(word: str, vocabulary: Vocabulary) -> bool:
    return vocabulary.id(word) == UNK_ID


class _Counted:
    """What ``limited_vocabulary`` reads of a corpus."""

    def __init__(self, words: list[str], raw: NDArray[np.int64], files: NGramCountFiles) -> None:
        kept = [UNK_ID] * bool(raw[UNK_ID]) + list(range(3, len(words)))
        self.types = tuple(words[id_] for id_ in kept)
        self.sentences = int(raw[EOS_ID])
        self.pipeline = files.pipeline
        self.sources = files.paths
        self._frequencies = raw[kept]

    def type_counts(self) -> NDArray[np.int64]:
        return self._frequencies
