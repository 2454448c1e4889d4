"""Logistic regression on tf-idf weighted n-grams: the baseline of scikit-learn's tutorials."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.classifiers.base import Classifier
from nlmkit.core import optional
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    from nlmkit.text import Corpus

_MOST_TOGETHER: Final = 1 << 22
"""Maximum of decisions times features fitted jointly by L-BFGS, which takes about 30 times their memory."""

_TOLERANCE: Final = 0.01
"""Tolerance of liblinear, which fits one-against-rest regressions."""


@dataclasses.dataclass(kw_only=True)
class TfidfLogReg(Classifier):
    """Logistic regression on tf-idf weighted n-grams: scikit-learn's standard baseline.

    The weights are those of ``nlmkit.documents.tfidf``; the regression is multinomial with an L2 penalty. This is
    what scikit-learn's TfidfTransformer and LogisticRegression compute on the n-grams of this library's tokenizers; no
    object of theirs is kept or saved.

    **Memory.** If classes times n-grams exceed 2²² even after merging the n-grams of a single text (which does not
    change the regression), each class gets a one-against-rest regression by liblinear, and probabilities are the
    softmax of their logits. Above 2²⁶, the rarest n-grams are dropped. Both send a note. More than 2²⁴ weights are
    float32.

    **Time.** If classes times the tf-idf weights of all texts exceed 2²⁸, such a regression is fitted to the texts of
    its class and a random sample of the others, weighted to represent all of them, with a note.

    Fitted attributes: ``features_`` (``NGramFeatures``), ``idf_`` (float64 [features]), ``weights_`` (float64
    [decisions, features]) and ``intercepts_`` (float64 [decisions]); two classes have one decision.
    """

    name = "tfidf-logreg"
    conformance_settings: ClassVar[Mapping[str, Any]] = {}

    order: int = param(2, ge=1, le=9, help="longest n-gram")
    min_documents: int = param(1, ge=1, help="minimum number of training texts of an n-gram")
    sublinear: bool = param(True, help="count t occurrences as 1 + ln t")
    C: float = param(10.0, gt=0, help="inverse strength of the L2 penalty")
    max_iter: int = param(1000, ge=1, help="maximum number of solver iterations")

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[np.int64],
        *,
        valid: tuple[Corpus, NDArray[np.int64]] | None,
        run: RunOptions,
        weights: NDArray[np.float64] | None = None,
    ) -> Mapping[str, Any]:
        """Count n-grams, weight them, and fit the regression."""
        import numpy as np

        from nlmkit.classifiers.linear.weights import counted_features, decisions_of, empty_weights
        from nlmkit.documents.merged_features import MergedFeatures
        from nlmkit.documents.tfidf import weigh
        from nlmkit.text import Vocabulary

        optional.require("sklearn", extra="classifiers", who=self.name)
        from sklearn.feature_extraction.text import TfidfTransformer

        run.stage("counting n-grams")
        notes: list[str] = []
        classes = len(self.classes_)
        self.vocabulary_ = Vocabulary.from_corpus(corpus)
        self.features_, matrix = counted_features(
            corpus, self.vocabulary_, classes, order=self.order, min_documents=self.min_documents, notes=notes
        )
        self.idf_ = TfidfTransformer().fit(matrix).idf_
        weigh(matrix, self.idf_, sublinear=self.sublinear)
        merged = None
        if decisions_of(classes) * len(self.features_) > _MOST_TOGETHER:
            merged = MergedFeatures.of(matrix)
            matrix = merged.matrix
        apart = classes > 2 and classes * matrix.shape[1] > _MOST_TOGETHER
        if apart:
            notes.append(
                f"{classes} classes and {len(self.features_)} n-grams: "
                "one-against-rest regressions, since a multinomial one takes too much memory"
            )
        run.stage("fitting the regression", classes if apart else 1)
        self.weights_ = empty_weights(classes, len(self.features_))
        self.intercepts_ = np.empty(decisions_of(classes))
        begin = iterations = 0
        for regression in self._regressions(matrix, targets, classes if apart else None, weights, notes):
            for row, (slopes, intercept) in enumerate(
                zip(regression.coef_, regression.intercept_, strict=True), start=begin
            ):
                self.weights_[row] = slopes if merged is None else merged.expanded(slopes)
                self.intercepts_[row] = intercept
            begin += len(regression.coef_)
            iterations = max(iterations, int(regression.n_iter_.max()))
            run.advance()
        return {"features": len(self.features_), "iterations": iterations, "notes": list(dict.fromkeys(notes))}

    def _regressions(
        self,
        matrix: csr_matrix,
        targets: NDArray[np.int64],
        apart: int | None,
        text_weights: NDArray[np.float64] | None,
        notes: list[str],
    ) -> Iterator[LogisticRegression]:
        """Yield the multinomial regression, or with ``apart`` one regression per class against the others."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        from nlmkit.classifiers.linear.weights import LIBLINEAR, others_to_sample, own_and_others, sampled_note

        others = None if apart is None else others_to_sample(matrix, apart)
        if apart is not None and others is not None:
            notes.append(sampled_note(others, apart, len(targets)))
        for index in (None,) if apart is None else range(apart):
            if index is None:
                regression = LogisticRegression(C=self.C, max_iter=self.max_iter)
            else:
                regression = LogisticRegression(
                    C=self.C, max_iter=self.max_iter, solver="liblinear", dual=True, tol=_TOLERANCE, random_state=0
                )
            right, some, weights = targets if index is None else targets == index, matrix, text_weights
            if index is not None and others is not None:
                sample = own_and_others(targets, index, others, seed=0)
                if sample is not None:
                    rows, weights = sample
                    if text_weights is not None:
                        weights = weights * text_weights[rows]
                    some, right = matrix[rows], right[rows]
            with LIBLINEAR, warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", ConvergenceWarning)
                regression.fit(some, right, sample_weight=weights)
            if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
                solver = "L-BFGS" if index is None else "liblinear"
                notes.append(f"{solver} did not converge in {self.max_iter} iterations: raise max_iter or lower C")
            yield regression

    def _matrix(self, corpus: Corpus) -> csr_matrix:
        """Return the tf-idf weights: float64 CSR [documents, features], rows of length one, or zero."""
        from nlmkit.documents.tfidf import weigh

        matrix = self.features_.matrix(corpus)
        weigh(matrix, self.idf_, sublinear=self.sublinear)
        return matrix

    def _margins(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the logits: float64 [documents, classes]; for two classes half the log-odds, and its negative."""
        from nlmkit.classifiers.linear.weights import margins

        found = margins(self._matrix(corpus), self.weights_, self.intercepts_)
        return found / 2 if len(self.weights_) == 1 else found

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the softmax of the logits: float64 [documents, classes]."""
        from nlmkit.classifiers.linear.calibration import softmax

        return softmax(self._margins(corpus))

    def highlights(self, text: str) -> list[tuple[str, float]]:
        """Return the tokens of a text with their contributions to the logit of the predicted class.

        The contributions sum to the logit (for two classes: the log-odds) minus the intercept; that of an n-gram is
        divided equally among its words.
        """
        import numpy as np

        from nlmkit.classifiers.linear.weights import class_weights

        corpus = self.encode([text])
        predicted = int(self.probabilities(corpus)[0].argmax())
        row = self._matrix(corpus)
        weights = np.zeros(len(self.features_))
        weights[row.indices] = row.data * class_weights(self.weights_, predicted)[row.indices]
        return list(zip(corpus.sentence(0), self.features_.token_weights(corpus, weights).tolist(), strict=True))

    def fitted_state(self) -> FittedState:
        """Return the n-grams, their idf, weights and intercepts as arrays."""
        state = super().fitted_state()
        arrays = {
            **self.features_.arrays(),
            "idf": self.idf_,
            "weights": self.weights_,
            "intercepts": self.intercepts_,
        }
        return FittedState(arrays, state.metadata)

    def restore(self, state: FittedState) -> None:
        """Set the classes, the n-grams and their weights.

        Raises:
            SavedModelError: Arrays are missing, contradict each other, or contain NaN or infinity.
        """
        from nlmkit.classifiers.linear.weights import restored_decisions
        from nlmkit.documents.ngram_features import NGramFeatures
        from nlmkit.documents.tfidf import restored_idf
        from nlmkit.saving import require

        super().restore(state)
        require("vocabulary_" in vars(self), "its vocabulary is missing; save the model again")
        self.features_ = NGramFeatures.from_arrays(state.arrays, self.vocabulary_, self.order)
        self.idf_ = restored_idf(state.arrays, len(self.features_))
        self.weights_, self.intercepts_ = restored_decisions(state.arrays, len(self.classes_), len(self.features_))
