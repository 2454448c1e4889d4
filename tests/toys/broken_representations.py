"""A small correct representation, and for each check one that breaks the promise it is about.

Import nothing heavy here, as in any component's module.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core.parameters import param
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError
from nlmkit.representations.base import Representation
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    from nlmkit.text import TextPipeline, Vocabulary


@dataclasses.dataclass(kw_only=True)
class Correct(VocabularyLimits, Representation):
    """Random vectors, moved towards those of the words before."""

    name: ClassVar[str] = "kit-correct-vectors"

    dimension: int = param(5, ge=1, help="length of a vector")
    seed: int = param(1, ge=0, help="of the random vectors")

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Self:
        import numpy as np

        corpus, pipeline = self._training_corpus(data, valid)
        if not corpus.tokens:
            raise DataError("no words")
        vocabulary = self.limited_vocabulary(corpus)
        matrix = np.random.default_rng(self.seed).normal(size=(len(vocabulary), self.dimension)).astype(np.float32)
        matrix[:3] = 0
        ids = corpus.ids_for(vocabulary)
        np.add.at(matrix, ids[1:], matrix[ids[:-1]] / 8)
        matrix[0] = 0
        self._finish(vocabulary, pipeline, matrix, data, run)
        return self

    def _finish(self, vocabulary: Vocabulary, pipeline: TextPipeline, matrix: Any, data: Any, run: Any) -> None:
        self._set_fitted(vocabulary=vocabulary, pipeline=pipeline, matrix=matrix, report={"words": len(vocabulary) - 3})


class Subwords(Correct):
    """Makes vectors for unknown words of their letters."""

    name: ClassVar[str] = "kit-subwords"

    def _vector_of_unknown(self, word: str) -> Any:
        import numpy as np

        return np.full(self.dimension, len(set(word)) / 7, np.float32)


# -------------------------------------------------------------------------------------- what all components share


class UsedUnfitted(Correct):
    """Has vectors before it is fitted."""

    name: ClassVar[str] = "kit-used-unfitted"

    def vectors(self, words: Sequence[str], *, oov: str = "error") -> Any:
        import numpy as np

        return super().vectors(words, oov=oov) if self.is_fitted else np.zeros((len(words), 5), np.float32)


class ReturnsNothing(Correct):
    """Returns nothing from ``fit``."""

    name: ClassVar[str] = "kit-returns-nothing-vectors"

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(data, valid=valid, run=run)


class SortsItsArgument(Correct):
    """Sorts the words that it is given."""

    name: ClassVar[str] = "kit-sorts-its-argument"

    def doesnt_match(self, words: Sequence[str]) -> str:
        if isinstance(words, list):
            words.sort()
        return super().doesnt_match(words)


class CountsFits(Correct):
    """Every fit gives other vectors."""

    name: ClassVar[str] = "kit-counts-fits-vectors"
    fits: ClassVar[int] = 0

    def _finish(self, vocabulary: Any, pipeline: Any, matrix: Any, data: Any, run: Any) -> None:
        import numpy as np

        CountsFits.fits += 1
        super()._finish(vocabulary, pipeline, matrix + np.float32(CountsFits.fits), data, run)


class KeepsOldAttributes(Correct):
    """Remembers that it was fitted before."""

    name: ClassVar[str] = "kit-keeps-old-vectors"

    def _finish(self, vocabulary: Any, pipeline: Any, matrix: Any, data: Any, run: Any) -> None:
        if self.is_fitted:
            self.again_ = True
        super()._finish(vocabulary, pipeline, matrix, data, run)


class ChangesWhenWatched(Correct):
    """Gives other vectors when somebody watches."""

    name: ClassVar[str] = "kit-watched-vectors"

    def _finish(self, vocabulary: Any, pipeline: Any, matrix: Any, data: Any, run: Any) -> None:
        import numpy as np

        super()._finish(vocabulary, pipeline, matrix + np.float32(run is not None), data, run)


class ScoreOfNumPy(Correct):
    """Scores with an array."""

    name: ClassVar[str] = "kit-numpy-score-vectors"

    def score(self, data: Any = None) -> Any:
        import numpy as np

        return np.float32(super().score(data))


class RoundsWhenSaved(Correct):
    """Saves rounded vectors."""

    name: ClassVar[str] = "kit-rounds-vectors"

    def fitted_state(self) -> FittedState:
        state = super().fitted_state()
        return dataclasses.replace(state, arrays={"matrix": state.arrays["matrix"].round(1)})


class ForgetsWhenLoaded(Correct):
    """Loses its report."""

    name: ClassVar[str] = "kit-forgets-vectors"

    def restore(self, state: FittedState) -> None:
        super().restore(state)
        self.fit_report_ = {}


# --------------------------------------------------------------------------------------------- what fit leaves


class OwnPipeline(Correct):
    """Says that text is decoded otherwise."""

    name: ClassVar[str] = "kit-own-pipeline-vectors"

    def _finish(self, vocabulary: Any, pipeline: Any, matrix: Any, data: Any, run: Any) -> None:
        super()._finish(vocabulary, dataclasses.replace(pipeline, errors="ignore"), matrix, data, run)


class CountsTwice(Correct):
    """Counts every word twice."""

    name: ClassVar[str] = "kit-counts-twice"

    def _finish(self, vocabulary: Any, pipeline: Any, matrix: Any, data: Any, run: Any) -> None:
        from nlmkit.text import Vocabulary

        super()._finish(Vocabulary(vocabulary.words[3:], vocabulary.counts * 2), pipeline, matrix, data, run)


class ReportsNaN(Correct):
    """Reports what JSON cannot say, and saves no report."""

    name: ClassVar[str] = "kit-reports-nan"

    def _finish(self, vocabulary: Any, pipeline: Any, matrix: Any, data: Any, run: Any) -> None:
        self._set_fitted(vocabulary=vocabulary, pipeline=pipeline, matrix=matrix, report={"loss": float("nan")})

    def _saved_report(self) -> dict[str, Any]:
        return {}


class LikesFiles(Correct):
    """Takes another text from a file than from memory."""

    name: ClassVar[str] = "kit-likes-files"

    def _finish(self, vocabulary: Any, pipeline: Any, matrix: Any, data: Any, run: Any) -> None:
        import numpy as np

        super()._finish(vocabulary, pipeline, matrix * np.float32(1 + isinstance(data, Path)), data, run)


class LearnsFromNothing(Correct):
    """Is content with a text without words."""

    name: ClassVar[str] = "kit-learns-from-nothing"

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Self:
        import numpy as np

        from nlmkit.text import Corpus, TextPipeline, Vocabulary

        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        if corpus.tokens:
            return super().fit(corpus, valid=valid, run=run)
        self._finish(Vocabulary([]), TextPipeline(), np.zeros((3, self.dimension), np.float32), data, run)
        return self


class IgnoresValidation(Correct):
    """Takes validation text and does nothing with it."""

    name: ClassVar[str] = "kit-ignores-validation"

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Self:
        return super().fit(data, run=run)


# ------------------------------------------------------------------------------------------------- the vectors


class DoublePrecision(Correct):
    """Has a matrix in double precision."""

    name: ClassVar[str] = "kit-double-precision"

    @property
    def matrix(self) -> Any:
        import numpy as np

        return super().matrix.astype(np.float64)


class ClaimsMarks(Correct):
    """Says that the sentence marks have vectors, which are zero."""

    name: ClassVar[str] = "kit-claims-marks"

    def has_special(self) -> tuple[bool, bool, bool]:
        self.check_fitted()
        return False, True, True


class DropsRepeats(Correct):
    """Gives a repeated word's vector once."""

    name: ClassVar[str] = "kit-drops-repeats"

    def vectors(self, words: Sequence[str], *, oov: str = "error") -> Any:
        return super().vectors(list(dict.fromkeys(words)), oov=oov)


class GivesViews(Correct):
    """Gives rows of its own matrix away where that is easy."""

    name: ClassVar[str] = "kit-gives-views"

    def vectors(self, words: Sequence[str], *, oov: str = "error") -> Any:
        import numpy as np

        copies = super().vectors(words, oov=oov)
        rows = self.ids(words)
        easy = len(rows) > 1 and (rows == np.arange(rows[0], rows[0] + len(rows))).all()
        return self.matrix_[rows[0] : rows[0] + len(rows)] if easy else copies


class CaseSensitive(Correct):
    """Looks words up as they are spelt alone."""

    name: ClassVar[str] = "kit-case-sensitive"

    def ids(self, words: Sequence[str]) -> Any:
        import numpy as np

        self.check_fitted()
        rows = self.vocabulary_.ids(words).astype(np.int64)
        return np.where(rows < 3, -1, rows)


class ShrugsAtUnknown(Correct):
    """Gives an unknown word zeros, whatever the rule."""

    name: ClassVar[str] = "kit-shrugs"

    def vectors(self, words: Sequence[str], *, oov: str = "error") -> Any:
        return super().vectors(words, oov="zero" if oov == "error" else oov)


# --------------------------------------------------------------------------------------------------- comparison


class DotProducts(Correct):
    """Takes the inner product for the cosine."""

    name: ClassVar[str] = "kit-dot-products"

    def similarity(self, a: str, b: str, measure: Any = "cosine") -> float:
        if measure != "cosine":
            return super().similarity(a, b, measure)
        return float(self.vectors([a])[0] @ self.vectors([b])[0])


class ListsItself(Correct):
    """Is most like itself."""

    name: ClassVar[str] = "kit-lists-itself"

    def most_similar(self, word: Any, n: int = 10, **options: Any) -> Any:
        found = super().most_similar(word, n, **options)
        return [(word, 1.0), *found][:n] if isinstance(word, str) else found


class AnswersWithTheQuestion(Correct):
    """Answers an analogy with its third word."""

    name: ClassVar[str] = "kit-answers-with-the-question"

    def analogy(self, a: str, b: str, c: str, n: int = 10, **options: Any) -> Any:
        return [(c, 1.0), *super().analogy(a, b, c, n, **options)][:n]


class TakesTheFirst(Correct):
    """Says of the first word that it does not match."""

    name: ClassVar[str] = "kit-takes-the-first"

    def doesnt_match(self, words: Sequence[str]) -> str:
        right = super().doesnt_match(words)
        return next(word for word in words if word != right)


# ---------------------------------------------------------------------------------------------------- consumers


class OwnOrder(Correct):
    """Aligns words in another order than the consumer's."""

    name: ClassVar[str] = "kit-own-order"

    def align(self, vocabulary: Vocabulary, **options: Any) -> Any:
        import numpy as np

        alignment = super().align(vocabulary, **options)
        assert alignment.matrix is not None
        return dataclasses.replace(alignment, matrix=np.roll(alignment.matrix, 1, axis=0))


class CountsTypesAsTokens(Correct):
    """Takes the coverage of types for that of tokens."""

    name: ClassVar[str] = "kit-types-as-tokens"

    def align(self, vocabulary: Vocabulary, **options: Any) -> Any:
        alignment = super().align(vocabulary, **options)
        return dataclasses.replace(alignment, token_coverage=alignment.type_coverage)


class DrawsAnew(Correct):
    """Starts unknown words from other values every time."""

    name: ClassVar[str] = "kit-draws-anew"
    drawn: ClassVar[int] = 0

    def align(self, vocabulary: Vocabulary, *, oov: str = "uniform", seed: int = 0) -> Any:
        DrawsAnew.drawn += 1
        return super().align(vocabulary, oov=oov, seed=DrawsAnew.drawn)


class LetsUnknownPass(Correct):
    """Aligns unknown words that it was to refuse."""

    name: ClassVar[str] = "kit-lets-unknown-pass"

    def align(self, vocabulary: Vocabulary, *, oov: str = "uniform", seed: int = 0) -> Any:
        return super().align(vocabulary, oov="zero" if oov == "error" else oov, seed=seed)


class NormalizesItself(Correct):
    """Normalises its own vectors."""

    name: ClassVar[str] = "kit-normalizes-itself"

    def normalized(self, how: Any, *, std: float = 1.0) -> Any:
        copy = super().normalized(how, std=std)
        self.matrix_ = copy.matrix_
        return copy


class RoundsExports(Correct):
    """Writes three digits."""

    name: ClassVar[str] = "kit-rounds-exports"

    def export(self, path: Any, format: str | None = None, *, run: Any = None) -> None:
        rounded = Correct(**self.get_params())
        self.check_fitted()
        rounded._finish(self.vocabulary_, self.pipeline_, self.matrix.round(3), None, None)
        rounded.export(path, format, run=run)
