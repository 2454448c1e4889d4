"""A small correct regressor, and for each check one that breaks the promise it is about.

Nothing heavy is imported here, as in any component's module.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.core.parameters import param
from nlmkit.errors import DataError
from nlmkit.regressors.base import Regressor, numbered
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.text import Corpus, TextPipeline


@dataclasses.dataclass(kw_only=True)
class Correct(Regressor):
    """Ridge regression on counts of words, by the normal equations."""

    name: ClassVar[str] = "kit-correct-regressor"

    alpha: float = param(0.1, gt=0, help="strength of the penalty")

    def fit_corpus(self, corpus: Corpus, targets: Any, *, valid: Any, run: Any) -> Mapping[str, Any]:
        import numpy as np

        self.vocabulary_ = self.words_of(corpus, valid)
        counts = self.counts_of(corpus)
        gram = counts.T @ counts + self.alpha * np.eye(counts.shape[1])
        self.weights_ = np.linalg.solve(gram, counts.T @ targets)
        return {}

    def words_of(self, corpus: Corpus, valid: Any) -> Any:
        from nlmkit.text import Vocabulary

        return Vocabulary.from_corpus(corpus)

    def counts_of(self, corpus: Corpus) -> NDArray[np.float64]:
        import numpy as np

        counts = np.zeros((corpus.sentences, len(self.vocabulary_)))
        documents = np.repeat(np.arange(corpus.sentences), np.diff(corpus.offsets))
        known = ~corpus.oov_mask(self.vocabulary_)
        np.add.at(counts, (documents[known], corpus.ids_for(self.vocabulary_)[known]), 1)
        return counts

    def estimates(self, corpus: Corpus) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (self.counts_of(corpus) * self.weights_).sum(axis=1)
        return found

    def highlights(self, text: str) -> list[tuple[str, float]]:
        corpus = self.encode([text])
        weights = self.target_scale_ * self.weights_[corpus.ids_for(self.vocabulary_)]
        return list(zip(corpus.sentence(0), weights.tolist(), strict=True))

    def fitted_state(self) -> FittedState:
        state = super().fitted_state()
        return FittedState({"weights": self.weights_}, state.metadata)

    def restore(self, state: FittedState) -> None:
        super().restore(state)
        self.weights_ = state.arrays["weights"]


# ---------------------------------------------------------------------------- what is shared with classifiers


class LearnsValidWords(Correct):
    """Has the validation texts' words in its vocabulary."""

    def words_of(self, corpus: Corpus, valid: Any) -> Any:
        from nlmkit.text import Vocabulary

        return Vocabulary(dict.fromkeys([*corpus.types, *(valid[0].types if valid else ())]))


class TurnsTuplesRound(Correct):
    """Reads a tuple from its end."""

    def encode(self, texts: Any) -> Corpus:
        return super().encode(texts[::-1] if isinstance(texts, tuple) else texts)


class KeepsCase(Correct):
    """Lower-cases in training alone."""

    def encode(self, texts: Any) -> Corpus:
        from nlmkit.text import Corpus
        from nlmkit.text.labelled import LabelledTexts, encode

        self.check_fitted()
        if isinstance(texts, Corpus):
            return super().encode(texts)
        given = texts.texts if isinstance(texts, LabelledTexts) else texts
        return encode(given, dataclasses.replace(self.pipeline_, lowercase=False))


class FirstLineOnly(Correct):
    """Reads the first line of a text."""

    def encode(self, texts: Any) -> Corpus:
        return super().encode([text.split("\n")[0] for text in texts] if isinstance(texts, list) else texts)


class BatchMatters(Correct):
    """Adds a little for the longest text beside."""

    def estimates(self, corpus: Corpus) -> Any:
        import numpy as np

        return super().estimates(corpus) + 1e-3 * float(np.diff(corpus.offsets).max())


class TakesAnyCorpus(Correct):
    """Does not ask how a Corpus was read."""

    def encode(self, texts: Any) -> Corpus:
        from nlmkit.text import Corpus

        self.check_fitted()
        return texts if isinstance(texts, Corpus) else super().encode(texts)


class HighlightsAllButTheLast(Correct):
    """Leaves a token out."""

    def highlights(self, text: str) -> list[tuple[str, float]]:
        return super().highlights(text)[:-1]


class Untagged(Correct):
    """Says that it is a classifier."""

    _estimator_type: ClassVar[str] = "classifier"


# --------------------------------------------------------------------------------------- what is of regressors


class OwnPipeline(Correct):
    """Reads texts as it likes."""

    def text_pipeline(self, data: Any) -> TextPipeline:
        from nlmkit.text import TextPipeline

        return TextPipeline(tokenizer=self.tokenizer)


class KeepsTheFirstScale(Correct):
    """Says a scale that is not that of the numbers."""

    def learn_targets(self, data: Any) -> Any:
        targets, report, notes = super().learn_targets(data)
        self.target_scale_ *= 2
        return targets / 2, report, notes


class Miscounts(Correct):
    """Tells of a text too few."""

    def fit(self, texts: Any, numbers: Any = None, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(texts, numbers, valid=valid, run=run)
        self.fit_report_ = self.fit_report_ | {"texts": self.fit_report_["texts"] - 1}
        return self


class ForgetsWhenItFails(Correct):
    """Drops what it knows before it looks at what it is to learn."""

    def fit(self, texts: Any, numbers: Any = None, *, valid: Any = None, run: Any = None) -> Any:
        self._forget()
        return super().fit(texts, numbers, valid=valid, run=run)


class RoundsIntegers(Correct):
    """Takes integers for something else than floats."""

    def fit(self, texts: Any, numbers: Any = None, *, valid: Any = None, run: Any = None) -> Any:
        if isinstance(numbers, list) and all(type(number) is int for number in numbers):
            numbers = [number + 0.01 * (number > 5) for number in numbers]
        return super().fit(texts, numbers, valid=valid, run=run)


class WantsSmallNumbers(Correct):
    """Learns less where the numbers are large."""

    def fit_corpus(self, corpus: Corpus, targets: Any, *, valid: Any, run: Any) -> Mapping[str, Any]:
        return super().fit_corpus(corpus, targets / max(1.0, self.target_scale_ / 1e3), valid=valid, run=run)


class SinglePrecision(Correct):
    """Gives float32."""

    def predict(self, texts: Any) -> Any:
        import numpy as np

        return super().predict(texts).astype(np.float32)


class DividesByWords(Correct):
    """Has no number for a text without a known word."""

    def estimates(self, corpus: Corpus) -> Any:
        import numpy as np

        found = super().estimates(corpus)
        found[self.counts_of(corpus).sum(axis=1) == 0] = np.nan
        return found


class NeedsTexts(Correct):
    """Cannot say nothing of nothing."""

    def predict(self, texts: Any) -> Any:
        corpus = self.encode(texts)
        if not corpus.sentences:
            raise ValueError("nothing to do")
        return super().predict(corpus)


class PredictsTheMean(Correct):
    """Learns nothing."""

    def estimates(self, corpus: Corpus) -> Any:
        import numpy as np

        return np.zeros(corpus.sentences)


class WordsOnly(Correct):
    """Cannot do with characters."""

    def fit_corpus(self, corpus: Corpus, targets: Any, *, valid: Any, run: Any) -> Mapping[str, Any]:
        if self.tokenizer == "char":
            raise ValueError("not one character at a time")
        return super().fit_corpus(corpus, targets, valid=valid, run=run)


class DislikesContradictions(Correct):
    """Refuses a text with two numbers."""

    def fit(self, texts: Any, numbers: Any = None, *, valid: Any = None, run: Any = None) -> Any:
        data = numbered(texts, numbers)
        if len(set(zip(data.texts, data.numbers.tolist(), strict=True))) > len(set(data.texts)):
            raise DataError("make up your mind")
        return super().fit(data, valid=valid, run=run)


class MakesUpNumbers(Correct):
    """Counts up where there are no numbers."""

    def fit(self, texts: Any, numbers: Any = None, *, valid: Any = None, run: Any = None) -> Any:
        if numbers is None and isinstance(texts, list):
            numbers = list(range(len(texts)))
        return super().fit(texts, numbers, valid=valid, run=run)


class ScoresCorrelation(Correct):
    """Takes the squared correlation for R²."""

    def score(self, texts: Any, numbers: Any = None) -> float:
        import numpy as np

        data = numbered(texts, numbers)
        if not len(data) or len(set(data.numbers.tolist())) == 1:
            return super().score(data)
        return float(np.corrcoef(data.numbers, self.predict(data))[0, 1] ** 2)


class ScoresFlatNumbers(Correct):
    """Has a score for equal numbers, as scikit-learn has."""

    def score(self, texts: Any, numbers: Any = None) -> float:
        data = numbered(texts, numbers)
        self.check_fitted()
        return 0.0 if len(data) and len(set(data.numbers.tolist())) == 1 else super().score(data)
