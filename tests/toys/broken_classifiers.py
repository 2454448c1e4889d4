"""A small correct classifier, and for each check one that breaks the promise it is about.

Import nothing heavy here, as in any component's module.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.classifiers.base import Classifier, labelled
from nlmkit.core.parameters import param
from nlmkit.errors import DataError
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.text import Corpus, TextPipeline


@dataclasses.dataclass(kw_only=True)
class Correct(Classifier):
    """Multinomial naive Bayes."""

    name: ClassVar[str] = "kit-correct-classifier"

    alpha: float = param(0.1, gt=0, help="added to every count")

    def fit_corpus(self, corpus: Corpus, targets: Any, *, valid: Any, run: Any) -> Mapping[str, Any]:
        import numpy as np

        self.vocabulary_ = self.words_of(corpus, valid)
        counts = np.full((len(self.classes_), len(self.vocabulary_)), float(self.alpha))
        documents = np.repeat(np.arange(corpus.sentences), np.diff(corpus.offsets))
        np.add.at(counts, (targets[documents], corpus.ids_for(self.vocabulary_)), 1)
        self.log_probs_ = np.log(counts / counts.sum(axis=1, keepdims=True))
        self.log_shares_ = np.log(np.bincount(targets) / len(targets))
        return {}

    def words_of(self, corpus: Corpus, valid: Any) -> Any:
        from nlmkit.text import Vocabulary

        return Vocabulary.from_corpus(corpus)

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        import numpy as np

        documents = np.repeat(np.arange(corpus.sentences), np.diff(corpus.offsets))
        known = ~corpus.oov_mask(self.vocabulary_)
        sums = np.tile(self.log_shares_, (corpus.sentences, 1))
        np.add.at(sums, documents[known], self.log_probs_.T[corpus.ids_for(self.vocabulary_)[known]])
        powers = np.exp(sums - sums.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def highlights(self, text: str) -> list[tuple[str, float]]:
        corpus = self.encode([text])
        best = int(self.probabilities(corpus)[0].argmax())
        weights = self.log_probs_[best, corpus.ids_for(self.vocabulary_)] - self.log_probs_.mean()
        return list(zip(corpus.sentence(0), weights.tolist(), strict=True))

    def fitted_state(self) -> FittedState:
        state = super().fitted_state()
        return FittedState({"log_probs": self.log_probs_, "log_shares": self.log_shares_}, state.metadata)

    def restore(self, state: FittedState) -> None:
        super().restore(state)
        self.log_probs_, self.log_shares_ = state.arrays["log_probs"], state.arrays["log_shares"]


class OwnPipeline(Correct):
    """Reads texts as it likes."""

    def text_pipeline(self, data: Any) -> TextPipeline:
        from nlmkit.text import TextPipeline

        return TextPipeline(tokenizer=self.tokenizer)


class Miscounts(Correct):
    """Tells of a text too few."""

    def fit(self, texts: Any, labels: Any = None, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(texts, labels, valid=valid, run=run)
        self.fit_report_ = self.fit_report_ | {"texts": self.fit_report_["texts"] - 1}
        return self


class LearnsValidWords(Correct):
    """Has the validation texts' words in its vocabulary."""

    def words_of(self, corpus: Corpus, valid: Any) -> Any:
        from nlmkit.text import Vocabulary

        return Vocabulary(dict.fromkeys([*corpus.types, *(valid[0].types if valid else ())]))


class ForgetsWhenItFails(Correct):
    """Drops what it knows before it looks at what it is to learn."""

    def fit(self, texts: Any, labels: Any = None, *, valid: Any = None, run: Any = None) -> Any:
        self._forget()
        return super().fit(texts, labels, valid=valid, run=run)


class TurnsTuplesRound(Correct):
    """Reads a tuple from its end."""

    def encode(self, texts: Any) -> Corpus:
        return super().encode(texts[::-1] if isinstance(texts, tuple) else texts)


class PredictsStrings(Correct):
    """Spells every label."""

    def predict(self, texts: Any) -> Any:
        return super().predict(texts).astype(str)


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


class WordsOnly(Correct):
    """Cannot do with characters."""

    def fit_corpus(self, corpus: Corpus, targets: Any, *, valid: Any, run: Any) -> Mapping[str, Any]:
        if self.tokenizer == "char":
            raise ValueError("not one character at a time")
        return super().fit_corpus(corpus, targets, valid=valid, run=run)


class LosesMass(Correct):
    """With three classes its probabilities sum to less than one."""

    def probabilities(self, corpus: Corpus) -> Any:
        return super().probabilities(corpus) * (0.99 if len(self.classes_) == 3 else 1)


class SinglePrecision(Correct):
    """Gives float32, for more than one text."""

    def probabilities(self, corpus: Corpus) -> Any:
        import numpy as np

        return super().probabilities(corpus).astype(np.float32)


class PredictsSeventhWrong(Correct):
    """Gets the seventh of seven texts wrong."""

    def predict(self, texts: Any) -> Any:
        found = super().predict(texts)
        if len(found) == 7:
            found[6] = next(label for label in self.classes_ if label != found[6])
        return found


class BatchMatters(Correct):
    """Is the less certain, the longer the longest text beside."""

    def probabilities(self, corpus: Corpus) -> Any:
        import numpy as np

        share = 1e-3 * float(np.diff(corpus.offsets).max())
        return (1 - share) * super().probabilities(corpus) + share / len(self.classes_)


class DividesByWords(Correct):
    """Has no probabilities for a text without a known word."""

    def probabilities(self, corpus: Corpus) -> Any:
        import numpy as np

        found = super().probabilities(corpus)
        documents = np.repeat(np.arange(corpus.sentences), np.diff(corpus.offsets))
        words = np.bincount(documents[~corpus.oov_mask(self.vocabulary_)], minlength=corpus.sentences)
        found[words == 0] = np.nan
        return found


class NeedsTexts(Correct):
    """Cannot classify nothing."""

    def predict_proba(self, texts: Any) -> Any:
        corpus = self.encode(texts)
        if not corpus.sentences:
            raise ValueError("nothing to do")
        return self.probabilities(corpus)


class LearnsNothing(Correct):
    """Gives every class its share."""

    def probabilities(self, corpus: Corpus) -> Any:
        import numpy as np

        return np.tile(np.exp(self.log_shares_), (corpus.sentences, 1))


class DislikesContradictions(Correct):
    """Refuses a text with two labels."""

    def fit(self, texts: Any, labels: Any = None, *, valid: Any = None, run: Any = None) -> Any:
        data = labelled(texts, labels)
        if len(set(zip(data.texts, data.labels.tolist(), strict=True))) > len(set(data.texts)):
            raise DataError("make up your mind")
        return super().fit(data, valid=valid, run=run)


class WantsTwoOfEach(Correct):
    """Cannot learn a class from one text."""

    def fit_corpus(self, corpus: Corpus, targets: Any, *, valid: Any, run: Any) -> Mapping[str, Any]:
        import numpy as np

        if corpus.sentences > 6 and np.bincount(targets).min() == 1:
            raise ValueError("one is none")
        return super().fit_corpus(corpus, targets, valid=valid, run=run)


class MakesUpLabels(Correct):
    """Takes texts without labels."""

    def fit(self, texts: Any, labels: Any = None, *, valid: Any = None, run: Any = None) -> Any:
        if labels is None and isinstance(texts, list):
            labels = ["ab"[index % 2] for index in range(len(texts))]
        return super().fit(texts, labels, valid=valid, run=run)


class SquaresItsScore(Correct):
    """Scores the square of the accuracy."""

    def score(self, texts: Any, labels: Any = None) -> float:
        return super().score(texts, labels) ** 2


class LeavesUnseenOut(Correct):
    """Scores the texts whose label it knows."""

    def score(self, texts: Any, labels: Any = None) -> float:
        import numpy as np

        data = self.labelled(texts, labels)
        return super().score(data.take(np.flatnonzero(np.isin(data.labels, self.classes_))))


class TakesAnyLabel(Correct):
    """Compares apples with pears."""

    def labelled(self, texts: Any, labels: Any = None) -> Any:
        self.check_fitted()
        return labelled(texts, labels)


class TakesAnyCorpus(Correct):
    """Reads a Corpus whatever its words are."""

    def encode(self, texts: Any) -> Corpus:
        from nlmkit.text import Corpus

        return texts if isinstance(texts, Corpus) else super().encode(texts)


class HighlightsAllButTheLast(Correct):
    """Is silent on the last token."""

    def highlights(self, text: str) -> list[tuple[str, float]]:
        return super().highlights(text)[:-1]


class HighlightsWithNaN(Correct):
    """Has no weights."""

    def highlights(self, text: str) -> list[tuple[str, float]]:
        return [(token, float("nan")) for token, _ in super().highlights(text)]


class Untagged(Correct):
    """Does not tell scikit-learn that it classifies."""

    _estimator_type = "regressor"

    def __sklearn_tags__(self) -> Any:
        return dataclasses.replace(super().__sklearn_tags__(), estimator_type=None)
