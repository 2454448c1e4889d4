"""One-hot vectors."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from nlmkit.core.run import RunOptions
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError, ExportError, NlmkitError
from nlmkit.representations.base import Representation, Vectors
from nlmkit.representations.rules import Normalization
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.representations.alignment import Alignment
    from nlmkit.text import Vocabulary

_MOST_VALUES: Final = 1 << 28
_IMPLICIT: Final = "one-hot vectors are as long as the vocabulary and are never stored"


@dataclasses.dataclass(kw_only=True)
class OneHot(VocabularyLimits, Representation):
    """One-hot vectors: a separate unit vector per word, the baseline of word representations.

    Only the vocabulary is stored. A consumer's first layer times a one-hot vector is a row lookup, that is, a free
    embedding, so ``align`` returns no matrix.
    """

    name = "one-hot"

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Build the vocabulary of a text.

        Args:
            data: Training text: anything ``Corpus.read`` takes, or a ``Corpus``.
            valid: Must be None.
            run: Run options, of which progress is used.

        Raises:
            DataError: The text is unusable or has no words.
            HyperParameterError: Validation text is given, or vocabulary limits contradict each other.
        """
        run = run or RunOptions()
        run.stage("reading text")
        corpus, pipeline = self._training_corpus(data, valid)
        if not corpus.tokens:
            raise DataError("the training text has no words")
        self.vocabulary_ = self.limited_vocabulary(corpus)
        self.pipeline_ = pipeline
        self.fit_report_ = {"words": len(self.vocabulary_) - 3, "tokens": corpus.tokens}
        return self

    @property
    def matrix(self) -> Any:
        """Identity matrix: a ``scipy.sparse`` array, float32 [V, V].

        Raises:
            NlmkitError: SciPy is not installed.
        """
        self.check_fitted()
        try:
            from scipy.sparse import eye_array
        except ImportError:
            raise NlmkitError("one-hot vectors require SciPy: pip install 'nlmkit[representations]'") from None
        import numpy as np

        return eye_array(len(self.vocabulary_), dtype=np.float32, format="csr")

    @property
    def dimension(self) -> int:
        """Size of the vocabulary."""
        self.check_fitted()
        return len(self.vocabulary_)

    def has_special(self) -> tuple[bool, bool, bool]:
        """Return True three times: ``<unk>``, ``<s>`` and ``</s>`` have vectors like every word."""
        return True, True, True

    def vectors(self, words: Sequence[str], *, oov: str = "error") -> NDArray[np.float32]:
        """Return the vectors of some words: float32 [words, V]; see ``Representation.vectors``.

        Raises:
            DataError: The vectors would take more than a gigabyte, or a word has none.
        """
        from nlmkit.text.tables import words_of

        words = words_of(words)
        if len(words) * self.dimension > _MOST_VALUES:
            raise DataError(f"{_IMPLICIT}: {len(words)} would take {4 * len(words) * self.dimension} bytes; use ids")
        return super().vectors(words, oov=oov)

    def align(self, vocabulary: Vocabulary, *, oov: str = "uniform", seed: int = 0) -> Alignment:
        """Return the coverage without a matrix, which the consumer's own embedding replaces.

        Raises:
            DataError: ``oov`` is ``error`` and a word is not in the vocabulary.
            HyperParameterError: The rule is unknown.
        """
        self.check_fitted()
        from nlmkit.representations.alignment import RULES, check_vocabulary, summarise
        from nlmkit.representations.neighbours import check_choice

        check_choice("oov", oov, RULES)
        check_vocabulary(vocabulary)
        known = self.ids(vocabulary.words) >= 0
        if oov == "error" and not known.all():
            raise self._missing(vocabulary.word(int(known.argmin())))
        return summarise(None, known, vocabulary, oov, self.dimension)

    def normalized(self, how: Normalization, *, std: float = 1.0, components: int | None = None) -> Vectors:
        """Raise an error: one-hot vectors have length one already."""
        self._refuse(NlmkitError)

    def export(self, path: str | os.PathLike[str], format: str | None = None, *, run: RunOptions | None = None) -> None:
        """Raise an error: a file of vectors would have V × V values."""
        self._refuse(ExportError)

    def to_keyed_vectors(self) -> Any:
        """Raise an error: gensim would store V × V values."""
        self._refuse(ExportError)

    def _refuse(self, error: type[NlmkitError]) -> NoReturn:
        self.check_fitted()
        raise error(f"{_IMPLICIT}: save the model, or learn a dense representation (lsa, word2vec, glove)")

    def fitted_state(self) -> FittedState:
        """Return the fit report as metadata."""
        self.check_fitted()
        return FittedState({}, {"fit_report": self._saved_report()})

    def restore(self, state: FittedState) -> None:
        """Restore the fit report."""
        from nlmkit.saving import require

        report = state.metadata.get("fit_report")
        require(isinstance(report, dict), "the saved model is damaged: fit_report is missing from its metadata")
        self.fit_report_ = dict(report or {})
