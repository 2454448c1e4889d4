"""The contract of word representations, ``Representation``, and its simplest class, ``Vectors``.

A representation gives words vectors. Its consumers (a neural language model, a classifier) own their ids: they ask
for the rows of their own vocabulary with ``Representation.align``. This module imports neither NumPy nor any
model.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

from nlmkit.core.component import Component
from nlmkit.core.run import RunOptions, shows_progress
from nlmkit.core.suggestions import suggestion
from nlmkit.errors import DataError, HyperParameterError, NlmkitError
from nlmkit.representations.rules import Measure, Normalization
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from nlmkit.representations.alignment import Alignment
    from nlmkit.representations.formats.rows import Repeated
    from nlmkit.text import Corpus, TextPipeline, Vocabulary

_TIMING: Final = ("seconds", "_per_second")
"""Endings of keys in a fit report that differ from run to run, and are not part of the fitted state."""


class Representation(Component):
    """A vector for each word of a vocabulary.

    A subclass implements ``fit``, which ends in ``_set_fitted``; that is enough where the vectors are one
    dense matrix. One that can make vectors for words it has never seen overrides ``_vector_of_unknown``.

    Fitted attributes: ``vocabulary_`` (``Vocabulary``, with counts where they are known),
    ``pipeline_`` (``TextPipeline``), ``matrix_`` (float32 [V, d], where the component has one) and
    ``fit_report_``, a JSON-ready dictionary.

    A word is looked up as it is spelt, and then as the text pipeline spells it (Unicode form, case): a representation
    of lower-cased text has a vector for ``The``. ``<unk>``, ``<s>`` and ``</s>`` have a vector where their row is not
    zero.
    """

    kind = "representation"
    learns_from: ClassVar[Literal["text", "vectors"]] = "text"
    """What ``fit`` takes: text, or vectors that exist already."""

    vocabulary_: Vocabulary
    pipeline_: TextPipeline
    matrix_: NDArray[np.float32]
    fit_report_: dict[str, Any]

    # ------------------------------------------------------------------------------------------- the vectors

    @property
    def matrix(self) -> NDArray[np.float32]:
        """The vectors by vocabulary id: float32 [V, d].

        Rows 1 and 2 (``<s>``, ``</s>``) are zero unless they were trained or stood in a file; row 0 (``<unk>``) is
        the component's affair, and zero where it has none.
        """
        self.check_fitted()
        return self.matrix_

    @property
    def dimension(self) -> int:
        """Length of a vector; a hyper-parameter of trained representations."""
        return int(self.matrix.shape[1])

    def ids(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of words in ``matrix``: int64 [words], −1 for a word without one."""
        self.check_fitted()
        from nlmkit.representations.neighbours import rows_of

        return rows_of(self, words)

    def __contains__(self, word: object) -> bool:
        """Return whether a word has a vector of its own or composed from its parts."""
        if not isinstance(word, str):
            return False
        return bool(self.ids([word])[0] >= 0) or self._vector_of_unknown(word) is not None

    def vectors(self, words: Sequence[str], *, oov: str = "error") -> NDArray[np.float32]:
        """Return the vectors of words: float32 [words, d].

        Args:
            words: The words.
            oov: What a word without a vector gets: ``error`` refuses it, ``zero``, ``unk`` the vector of ``<unk>``,
                ``mean-rare`` the mean of the 100 rarest words' vectors.

        Raises:
            DataError: a word has no vector, or ``<unk>`` has none.
            HyperParameterError: The rule is unknown.
        """
        self.check_fitted()
        from nlmkit.representations.neighbours import vectors_of

        return vectors_of(self, words, oov)

    def _vector_of_unknown(self, word: str) -> NDArray[np.float32] | None:
        """Return a vector made for a word that has no row, float32 [d]; None if impossible.

        For subclasses that know parts of words. ``vectors``, ``align`` and everything above them ask it.
        """
        return None

    def has_special(self) -> tuple[bool, bool, bool]:
        """Return whether ``<unk>``, ``<s>`` and ``</s>`` have vectors."""
        unk, begin, end = (bool(row.any()) for row in self.matrix[:3])
        return unk, begin, end

    # ---------------------------------------------------------------------------------------- what they tell

    def similarity(self, a: str, b: str, measure: Measure = "cosine") -> float:
        """Return the similarity of two words; higher is more similar.

        Args:
            a: A word.
            b: Another.
            measure: ``cosine`` of the angle between the vectors (0 where one of them is zero), or ``euclidean``:
                1 / (1 + distance).

        Raises:
            DataError: a word has no vector.
        """
        from nlmkit.representations.neighbours import pairwise

        return float(pairwise(self.vectors([a]), self.vectors([b]), measure)[0])

    def most_similar(
        self,
        word: str | ArrayLike,
        n: int = 10,
        *,
        measure: Measure = "cosine",
        exclude: Iterable[str] = (),
        restrict: int | None = None,
    ) -> list[tuple[str, float]]:
        """Return the words most like a word or vector, most similar first; equal ones in the order of their ids.

        Args:
            word: A word, which is left out of the answer, or a vector [d].
            n: How many.
            measure: As for ``similarity``.
            exclude: Further words to leave out.
            restrict: Search only this many of the most frequent words (the first ones, where counts are unknown).

        Returns:
            Words with their similarities. ``<unk>``, ``<s>`` and ``</s>`` are never among them.

        Raises:
            DataError: a word has no vector, or the vector has another length or is not finite.
        """
        self.check_fitted()
        from nlmkit.representations.neighbours import most_similar

        return most_similar(self, word, n, measure=measure, exclude=exclude, restrict=restrict)

    def similar(
        self,
        word: str | ArrayLike,
        n: int = 10,
        *,
        measure: Measure = "cosine",
        exclude: Iterable[str] = (),
        restrict: int | None = None,
    ) -> list[tuple[str, float]]:
        """Alias of ``most_similar``, named as on the command line."""
        return self.most_similar(word, n, measure=measure, exclude=exclude, restrict=restrict)

    def analogy(
        self,
        a: str,
        b: str,
        c: str,
        n: int = 10,
        *,
        method: Literal["3cosadd", "3cosmul"] = "3cosadd",
        restrict: int | None = None,
    ) -> list[tuple[str, float]]:
        """Return the answers to *a is to b as c is to …*, best first, without a, b and c.

        Args:
            a: As ``man`` in man : king = woman : queen.
            b: As ``king``.
            c: As ``woman``.
            n: How many answers.
            method: ``3cosadd``, the cosine with b − a + c of the unit vectors (Mikolov, Yih & Zweig 2013), or
                ``3cosmul``, cos(x, b) · cos(x, c) / (cos(x, a) + .001) with cosines moved to 0..1 (Levy & Goldberg
                2014).
            restrict: As for ``most_similar``; published scores depend on it.

        Raises:
            DataError: a word has no vector.
        """
        self.check_fitted()
        from nlmkit.representations.neighbours import analogy

        return analogy(self, a, b, c, n, method=method, restrict=restrict)

    def doesnt_match(self, words: Sequence[str]) -> str:
        """Return the word least similar to the mean of all unit vectors; the first one on ties.

        Raises:
            DataError: there are fewer than three words, or one has no vector.
        """
        self.check_fitted()
        from nlmkit.representations.neighbours import doesnt_match

        return doesnt_match(self, words)

    def score(self, data: Any = None) -> float:
        """Return the mean Spearman correlation with human judgements of word similarity.

        Args:
            data: A TSV file of pairs and judgements, or a sequence of (word, word, judgement); WordSim-353 and
                SimLex-999 if left out. See ``nlmkit.representations.report``.

        Raises:
            DataError: fewer than 50 pairs of a set are covered, or the file is unusable.
        """
        self.check_fitted()
        from nlmkit.representations.report import score

        return score(self, data)

    # --------------------------------------------------------------------------------------- what is made of them

    def normalized(self, how: Normalization, *, std: float = 1.0, components: int | None = None) -> Vectors:
        """Return a copy whose vectors are normalised, as a fitted ``Vectors``.

        LSA, PPMI and word2vec differ in scale by orders of magnitude, so compare consumers only on equal terms. The
        copy has no vectors for words that are not in the vocabulary, should this representation make such.

        Args:
            how: ``none``; ``unit`` length; ``centre``: the words' mean is subtracted; ``rescale_std``: scaled so that
                all values of the words have the standard deviation ``std`` (Turian, Ratinov & Bengio 2010);
                ``all-but-the-top``: centred, and without the directions of greatest variance (Mu & Viswanath 2018).
            std: For ``rescale_std``.
            components: For ``all-but-the-top``: number of directions to remove; about a hundredth of the dimension,
                at least one, if left out.

        Raises:
            HyperParameterError: The method is unknown, ``std`` is not a positive number, or ``components`` is not
                between 1 and one less than the dimension, or belongs to another method.
            DataError: All vectors are equal, so the standard deviation cannot be set.
        """
        self.check_fitted()
        from nlmkit.representations.normalization import normalized_matrix

        matrix = normalized_matrix(self, how, std, components)
        report = {"made_from": self.name, "normalized": how}
        return Vectors.from_arrays(self.vocabulary_, matrix, pipeline=self.pipeline_, report=report)

    def align(self, vocabulary: Vocabulary, *, oov: str = "uniform", seed: int = 0) -> Alignment:
        """Return the vectors of a consumer's vocabulary by its ids, with their coverage.

        Args:
            vocabulary: The consumer's.
            oov: What a word without a vector starts from: ``uniform`` values of the same variance as the known rows',
                ``mean-rare`` the mean of the representation's 100 rarest words, ``zero``, or ``error``. ``<unk>``,
                ``<s>`` and ``</s>`` follow the rule unless they have vectors (under ``error`` they are ``uniform``).
            seed: Of the uniform values.

        Raises:
            DataError: under ``error``, when a word has no vector.
            HyperParameterError: The rule is unknown.
        """
        self.check_fitted()
        from nlmkit.representations.alignment import align

        return align(self, vocabulary, oov=oov, seed=seed)

    def export(self, path: str | os.PathLike[str], format: str | None = None, *, run: RunOptions | None = None) -> None:
        """Export the vectors to a file for other programs, compressed if ``path`` ends in ``.gz``.

        Args:
            path: The file.
            format: ``word2vec`` (text with a header; also fastText's ``.vec``), ``word2vec-binary`` or ``glove``;
                told by the suffixes ``.vec`` and ``.bin`` if left out.
            run: Progress.

        Raises:
            ExportError: the format is unknown or cannot say a word (one with a space), or the file cannot be written.
        """
        self.check_fitted()
        from nlmkit.representations.formats.writing import write_vectors

        write_vectors(self, path, format, run or RunOptions())

    def to_keyed_vectors(self) -> Any:
        """Return the vectors as a ``gensim.models.KeyedVectors`` in memory, with counts if known.

        Raises:
            NlmkitError: gensim is not installed.
        """
        self.check_fitted()
        from nlmkit.representations.formats.keyed_vectors import to_keyed_vectors

        return to_keyed_vectors(self)

    # ------------------------------------------------------------------------------------------ for subclasses

    def _training_corpus(self, data: Any, valid: Any = None) -> tuple[Corpus, TextPipeline]:
        """Return the training text as a corpus, and its text pipeline.

        Raises:
            HyperParameterError: there is validation text, which no representation uses.
            DataError: unusable text.
        """
        if valid is not None:
            raise HyperParameterError(f"{self.name} does not use validation text: omit it")
        from nlmkit.text import Corpus, TextPipeline

        # Nothing is put around sentences here, so that sentence marks in the text are words like others.
        corpus = data if isinstance(data, Corpus) else Corpus.read(data, TextPipeline(marks="literal"))
        if not corpus.tokens:
            raise DataError("the training text has no words", source=", ".join(corpus.sources) or None)
        return corpus, corpus.pipeline or TextPipeline()

    def _set_fitted(
        self,
        *,
        vocabulary: Vocabulary,
        pipeline: TextPipeline,
        matrix: NDArray[np.float32],
        report: Mapping[str, Any],
    ) -> None:
        """Set the fitted attributes.

        Args:
            vocabulary: With counts where they are known.
            pipeline: How the training text was read.
            matrix: float32 [V, d] by vocabulary id; it is kept, not copied.
            report: ``fit_report_``. Keys that end in ``seconds`` or ``_per_second`` are not saved, so that equal
                seeds save equal bytes.

        Raises:
            NlmkitError: the vectors are not finite.
        """
        import numpy as np

        from nlmkit.representations.neighbours import is_finite

        if matrix.dtype != np.float32 or matrix.shape != (len(vocabulary), self._declared_dimension or matrix.shape[1]):
            raise ValueError(f"the matrix is {matrix.dtype} {matrix.shape}, for {len(vocabulary)} words")
        if not is_finite(matrix):
            raise NlmkitError(f"{self.name} returned vectors that are not finite: try a lower learning rate")
        self.vocabulary_ = vocabulary
        self.pipeline_ = pipeline
        self.matrix_ = matrix
        self.fit_report_ = dict(report)

    @property
    def _declared_dimension(self) -> int | None:
        """Value of the hyper-parameter ``dimension``, if there is one."""
        return self.dimension if "dimension" in self.hyper_parameters() else None

    def _saved_report(self) -> dict[str, Any]:
        """Return the fit report without facts that differ between runs."""
        return {key: value for key, value in self.fit_report_.items() if not key.endswith(_TIMING)}

    def fitted_state(self) -> FittedState:
        """Return the matrix; the fit report as metadata."""
        self.check_fitted()
        return FittedState({"matrix": self.matrix_}, {"fit_report": self._saved_report()})

    def restore(self, state: FittedState) -> None:
        """Restore the matrix after checking its shape and values."""
        from nlmkit.representations.neighbours import is_finite
        from nlmkit.saving import require, require_array

        shape = (len(self.vocabulary_), self._declared_dimension)
        matrix = require_array(state.arrays, "matrix", dtype="float32", shape=shape)
        require(matrix.shape[1] > 0, "the saved model is damaged: its vectors have no values")
        require(is_finite(matrix), "the saved model is damaged: its vectors are not finite")
        report = state.metadata.get("fit_report")
        require(isinstance(report, dict), "the saved model is damaged: fit_report is missing from its metadata")
        self.matrix_ = matrix
        self.fit_report_ = dict(report or {})

    def _missing(self, word: str) -> DataError:
        """Return the error for a word without a vector, with the nearest spelling that has one."""
        from nlmkit.representations.neighbours import similar_spellings

        near = suggestion(self.pipeline_.normalize(word), similar_spellings(self, word))
        parts = self.pipeline_.tokenize(word) if "\n" not in word else [word]
        if len(parts) > 1:
            near = f": its tokenizer {self.pipeline_.tokenizer} reads that as {len(parts)} words, {' '.join(parts)}"
        return DataError(f"the word {word!r} has no vector in this {self.name} representation{near}")


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
            raise HyperParameterError(f"{self.name} does not use validation text: omit it")
        if isinstance(data, (str, os.PathLike)):
            made = self.from_file(data, run=run)
        elif isinstance(data, Mapping):
            from nlmkit.representations.arrays import stacked

            made = self.from_arrays(list(data), stacked(data))
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
        words, matrix, found = read_vectors(
            path, format, decoding=pipeline.decoding, repeated=repeated, advance=run.advance
        )
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
        from nlmkit.representations.arrays import vocabulary_and_rows
        from nlmkit.text import TextPipeline
        from nlmkit.text.vocabulary import SPECIAL

        vocabulary, rows = vocabulary_and_rows(words, matrix, counts)
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
