"""Word vectors that exist already: from files, arrays or gensim."""

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
    """Word vectors from elsewhere: word2vec text or binary (Mikolov et al. 2013), GloVe, fastText's .vec.

    A word keeps the place that it has in the file; ``<unk>``, ``<s>`` and ``</s>`` have vectors if the file gives
    them any. Counts are unknown, and words count as sorted by falling frequency, as they are in most files.

    Fitted attributes are those of every representation; ``fit_report_`` says where the vectors are from.

    Example:
        >>> vectors = Vectors().fit({"cat": [1.0, 0.0], "dog": [0.6, 0.8], "tree": [0.0, 1.0]})
        >>> vectors.most_similar("cat", n=1)[0][0]
        'dog'
    """

    name = "vectors"
    learns_from = "vectors"

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Take vectors as they are.

        Args:
            data: A file of vectors, as for ``from_file``; a mapping from words to vectors of one length; or
                gensim's ``KeyedVectors``.
            valid: Nothing.
            run: Progress.

        Raises:
            DataError: the file is unusable, the vectors have different lengths, or this is text.
            HyperParameterError: there is validation text.
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
                "vectors are no text to learn from: give a file of vectors (nlmkit import FILE -o MODEL), or in Python "
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

        Without a header, the vectors are as long as most of the first 1,000 lines have numbers at their end; what is
        before them is the word, which may hold spaces.

        Args:
            path: The file.
            format: ``word2vec`` (text with a header; also fastText's ``.vec``), ``word2vec-binary`` or ``glove``; if
                left out, told by the suffix ``.bin`` and else by the first line.
            pipeline: How text is read before its words are looked up; its encoding is also the file's.
            repeated: What to do with a word that the file has twice: ``first`` keeps the first vector, and notes
                how many others were left out; ``error`` refuses the file.
            run: Progress.

        Raises:
            DataError: the file is cut short, claims more than it has, mixes dimensions, holds NaN or infinity, or
                repeats a word where that is refused (names the line, or the byte of a binary file).
            HyperParameterError: there is no such format, or no such way with repeated words.
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
        """Make a representation of arrays.

        Args:
            words: One for each row, ``<unk>``, ``<s>`` and ``</s>`` in any place or none; or a vocabulary, whose ids
                the rows then have.
            matrix: [words, d]; it may be kept, not copied, where it is float32 and `words` a vocabulary.
            counts: How often each word occurs; a vocabulary has its own.
            pipeline: How text is read before its words are looked up.
            report: ``fit_report_``.

        Raises:
            DataError: the rows are not as many as the words, or not of one length; a value is not finite; a word is
                repeated, empty or no word.
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
            raise DataError(f"no matrix of numbers: {error}") from None
        if rows.ndim != 2 or len(rows) != len(words) or rows.shape[1] == 0:
            raise DataError(f"the matrix has shape {list(rows.shape)}, where [{len(words)}, d] has to stand")
        if not len(rows):
            raise DataError("there are no words")
        if counts is not None and len(counts) != len(rows):
            raise DataError(f"there are {len(counts)} counts of {len(rows)} words")
        if not is_finite(rows):
            raise DataError(f"the vector of {_first_not_finite(words, rows)!r} holds NaN or an infinite value")
        if isinstance(words, Vocabulary):
            vocabulary = words
        else:
            listed = list(words)
            order = [listed.index(word) if word in listed else -1 for word in SPECIAL]
            order += [index for index, word in enumerate(listed) if word not in SPECIAL]
            if len(set(listed)) != len(listed):
                raise DataError("a word is repeated among those of the matrix")
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
        """Copy a ``gensim.models.KeyedVectors``, with its counts where it has them.

        Args:
            keyed: The vectors.
            pipeline: How text is read before its words are looked up.
            repeated: What to do with a word that is there twice, as for ``from_file``.

        Raises:
            DataError: it is none, or holds what ``from_arrays`` refuses; a word is repeated where that is refused.
            HyperParameterError: there is no such way with repeated words.
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
            raise DataError(f"the vector of {word!r} is none: {error}") from None
        first = len(row) if first is None and row.ndim == 1 else first
        if row.ndim != 1 or len(row) != first:
            raise DataError(f"the vector of {word!r} has shape {list(row.shape)}, where [{first}] has to stand")
        rows.append(row)
    if not rows:
        raise DataError("there are no vectors")
    return np.stack(rows)


def _first_not_finite(words: Sequence[str] | Vocabulary, rows: Any) -> str:
    import numpy as np

    return list(words)[int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])]
