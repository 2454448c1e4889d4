"""Pretrained word vectors from files, arrays or gensim."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from nlmkit.core.progress import shows_progress
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.base import Representation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nlmkit.representations.formats.rows import Repeated
    from nlmkit.text import TextPipeline, Vocabulary


@dataclasses.dataclass(kw_only=True)
class Vectors(Representation):
    """Pretrained word vectors: word2vec text or binary (Mikolov et al. 2013), GloVe, fastText's .vec.

    Words keep the order of the file; ``<unk>``, ``<s>`` and ``</s>`` have vectors if the file contains them. Counts are
    unknown, and words are assumed to be sorted by descending frequency, as in most files.

    Fitted attributes are those of every representation; ``fit_report_`` names the source of the vectors.

    Example:
        >>> vectors = Vectors().fit({"cat": [1.0, 0.0], "dog": [0.6, 0.8], "tree": [0.0, 1.0]})
        >>> vectors.most_similar("cat", n=1)[0][0]
        'dog'
    """

    name = "vectors"
    learns_from = "vectors"

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Load pretrained vectors.

        Args:
            data: A file of vectors, as for ``from_file``; a mapping from words to vectors of one length; or
                gensim's ``KeyedVectors``.
            valid: Must be None.
            run: Run options, of which progress is used.

        Raises:
            DataError: The file is unusable, the vectors have different lengths, or ``data`` is text.
            HyperParameterError: Validation text is given.
        """
        if valid is not None:
            raise HyperParameterError(f"{self.name} uses no validation text: leave it out")
        if isinstance(data, (str, os.PathLike)):
            made = self.from_file(data, run=run)
        elif isinstance(data, Mapping):
            made = self.from_arrays(list(data), _stacked(data))
        elif hasattr(data, "index_to_key"):
            made = self.from_keyed_vectors(data)
        else:
            raise DataError(
                "`vectors` does not train on text: pass a file of vectors (nlmkit import FILE -o MODEL), or in Python "
                "a mapping from words to vectors, or use Vectors.from_arrays(words, matrix)"
            )
        self._set_fitted(
            vocabulary=made.vocabulary_, pipeline=made.pipeline_, matrix=made.matrix_, report=made.fit_report_
        )
        return self

    @classmethod
    @shows_progress
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        pipeline: TextPipeline | None = None,
        repeated: Repeated = "first",
        run: RunOptions | None = None,
    ) -> Self:
        """Read a file of vectors, plain or compressed.

        Without a header, the dimension is the most common number of trailing numbers in the first 1,000 lines; the
        text before them is the word, which can contain spaces.

        Args:
            path: File to read.
            format: ``word2vec`` (text with a header; also fastText's ``.vec``), ``word2vec-binary`` or ``glove``; by
                default detected from the suffix ``.bin`` or the first line.
            pipeline: Text pipeline for lookups; its encoding is also that of the file.
            repeated: Handling of duplicate words: ``first`` keeps the first vector and sends a note with the number of
                others; ``error`` raises an error.
            run: Run options, of which progress is used.

        Raises:
            DataError: The file is truncated, declares more than it has, mixes dimensions, contains NaN or infinity, or
                repeats a word with ``repeated="error"``; names the line, or the byte of a binary file.
            HyperParameterError: ``format`` or ``repeated`` is invalid.
        """
        from nlmkit.representations.formats.reading import read_vectors
        from nlmkit.text import TextPipeline, Vocabulary
        from nlmkit.text.sources import path_source, total_bytes

        run = run or RunOptions()
        pipeline = pipeline or TextPipeline()
        run.stage(f"reading {os.fspath(path)}", total_bytes([path_source(path)]))
        words, matrix, found = read_vectors(path, format, pipeline=pipeline, repeated=repeated, advance=run.advance)
        report = {"format": found, "words": len(words), "dimension": matrix.shape[1]}
        vectors = cls()
        vectors._set_fitted(vocabulary=Vocabulary(words), pipeline=pipeline, matrix=matrix, report=report)
        return vectors

    @classmethod
    def from_arrays(
        cls,
        words: Sequence[str] | Vocabulary,
        matrix: ArrayLike,
        *,
        counts: Sequence[int] | None = None,
        pipeline: TextPipeline | None = None,
        report: Mapping[str, Any] | None = None,
    ) -> Self:
        """Create a representation from arrays.

        Args:
            words: One word per row, with ``<unk>``, ``<s>`` and ``</s>`` anywhere or absent; or a vocabulary with the
                ids of the rows.
            matrix: [words, d]; not copied if it is float32 and ``words`` is a vocabulary.
            counts: Count of each word; ignored for a vocabulary, which has its own.
            pipeline: Text pipeline for lookups.
            report: ``fit_report_``.

        Raises:
            DataError: The numbers of rows and words differ, rows differ in length, a value is not finite, or a word is
                duplicate, empty or not a word.
        """
        import numpy as np

        from nlmkit.representations.neighbours import is_finite
        from nlmkit.text import TextPipeline, Vocabulary
        from nlmkit.text.tables import words_of
        from nlmkit.text.vocabulary import SPECIAL

        if not isinstance(words, Vocabulary):
            words = words_of(words)
        try:
            with np.errstate(over="ignore"):
                rows = np.ascontiguousarray(matrix, np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(f"not a matrix of numbers: {error}") from None
        if rows.ndim != 2 or len(rows) != len(words) or rows.shape[1] == 0:
            raise DataError(f"the matrix has shape {list(rows.shape)}, expected [{len(words)}, d]")
        if not len(rows):
            raise DataError("no words")
        if counts is not None and len(counts) != len(rows):
            raise DataError(f"{len(counts)} counts for {len(rows)} words")
        if not is_finite(rows):
            raise DataError(f"the vector of {_first_not_finite(words, rows)!r} contains NaN or an infinite value")
        if isinstance(words, Vocabulary):
            vocabulary = words
        else:
            listed = list(words)
            order = [listed.index(word) if word in listed else -1 for word in SPECIAL]
            order += [index for index, word in enumerate(listed) if word not in SPECIAL]
            if len(set(listed)) != len(listed):
                raise DataError("duplicate word in the matrix")
            of_words = None if counts is None else np.where(np.array(order) < 0, 0, np.array(counts)[order])
            vocabulary = Vocabulary([listed[index] for index in order[len(SPECIAL) :]], of_words)
            rows = np.where(np.array(order)[:, np.newaxis] < 0, np.float32(0), rows[order])
        vectors = cls()
        vectors._set_fitted(
            vocabulary=vocabulary,
            pipeline=pipeline or TextPipeline(),
            matrix=rows,
            report={"words": len(vocabulary) - len(SPECIAL), "dimension": rows.shape[1], **(report or {})},
        )
        return vectors

    @classmethod
    def from_keyed_vectors(
        cls, keyed: Any, *, pipeline: TextPipeline | None = None, repeated: Repeated = "first"
    ) -> Self:
        """Copy a ``gensim.models.KeyedVectors``, with its counts if present.

        Args:
            keyed: The vectors.
            pipeline: Text pipeline for lookups.
            repeated: Handling of duplicate words, as for ``from_file``.

        Raises:
            DataError: ``keyed`` is not a ``KeyedVectors``, is invalid for ``from_arrays``, or repeats a word with
                ``repeated="error"``.
            HyperParameterError: ``repeated`` is invalid.
        """
        from nlmkit.representations.formats.keyed_vectors import from_keyed_vectors

        words, matrix, counts = from_keyed_vectors(keyed, repeated)
        return cls.from_arrays(words, matrix, counts=counts, pipeline=pipeline, report={"format": "gensim"})


def _stacked(data: Mapping[str, ArrayLike]) -> Any:
    """Return the vectors of a mapping as one matrix: float32 [words, d]."""
    import numpy as np

    first: int | None = None
    rows = []
    for word, vector in data.items():
        try:
            with np.errstate(over="ignore"):
                row = np.asarray(vector, np.float32)
        except (TypeError, ValueError) as error:
            raise DataError(f"{word!r} has an invalid vector: {error}") from None
        first = len(row) if first is None and row.ndim == 1 else first
        if row.ndim != 1 or len(row) != first:
            raise DataError(f"the vector of {word!r} has shape {list(row.shape)}, expected [{first}]")
        rows.append(row)
    if not rows:
        raise DataError("no vectors")
    return np.stack(rows)


def _first_not_finite(words: Sequence[str] | Vocabulary, rows: Any) -> str:
    import numpy as np

    return list(words)[int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])]
