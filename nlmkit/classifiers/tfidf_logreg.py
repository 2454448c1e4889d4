"""Logistic regression of tf-idf weighted n-grams: the baseline of scikit-learn's tutorials."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.classifier import Classifier
from nlmkit.components import FittedState, RunOptions
from nlmkit.errors import DataError
from nlmkit.parameters import param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from nlmkit.text import Corpus


@dataclasses.dataclass(kw_only=True)
class TfidfLogReg(Classifier):
    """Logistic regression of tf-idf weighted n-grams: scikit-learn's plain baseline.

    The weight of an n-gram that a document has t times, and d of the D training documents have, is
    t · (ln((1+D)/(1+d)) + 1), or (1 + ln t) · … with ``sublinear``; each document's weights are scaled to length one.
    The regression is multinomial with an L2 penalty. This is what scikit-learn's TfidfTransformer and
    LogisticRegression compute on the n-grams of this library's tokenizers; no object of theirs is kept or saved.

    Fitted attributes: ``features_`` (:class:`~nlmkit.classification.ngram_features.NGramFeatures`), ``idf_`` (float64
    [features]), ``weights_`` (float64 [decisions, features]) and ``intercepts_`` (float64 [decisions]); two classes
    have one decision.
    """

    name = "tfidf-logreg"
    conformance_settings: ClassVar[Mapping[str, Any]] = {}

    order: int = param(2, ge=1, le=9, help="longest n-gram")
    min_documents: int = param(1, ge=1, help="n-grams in fewer training texts are left out")
    sublinear: bool = param(True, help="count t occurrences as 1 + ln t")
    C: float = param(10.0, gt=0, help="inverse strength of the L2 penalty")
    max_iter: int = param(1000, ge=1, help="most iterations of L-BFGS")

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[np.int64],
        *,
        valid: tuple[Corpus, NDArray[np.int64]] | None,
        run: RunOptions,
    ) -> Mapping[str, Any]:
        """Count n-grams, weight them, and fit the regression."""
        from nlmkit.classification.linear import require_sklearn
        from nlmkit.classification.ngram_features import NGramFeatures
        from nlmkit.text import Vocabulary

        require_sklearn(self.name)
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.feature_extraction.text import TfidfTransformer
        from sklearn.linear_model import LogisticRegression

        run.stage("counting n-grams")
        self.vocabulary_ = Vocabulary.from_corpus(corpus)
        self.features_ = NGramFeatures.of(corpus, self.vocabulary_, order=self.order, min_documents=self.min_documents)
        if not len(self.features_):
            raise DataError(f"no n-gram is in {self.min_documents} texts: lower min_documents")
        self.idf_ = TfidfTransformer().fit(self.features_.matrix(corpus)).idf_
        run.stage("fitting the regression")
        regression = LogisticRegression(C=self.C, max_iter=self.max_iter)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            regression.fit(self._matrix(corpus), targets)
        self.weights_, self.intercepts_ = regression.coef_, regression.intercept_
        slow = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
        note = f"L-BFGS did not converge in {self.max_iter} iterations: raise max_iter or lower C"
        return {
            "features": len(self.features_),
            "iterations": int(regression.n_iter_.max()),
            "notes": [note] if slow else [],
        }

    def _matrix(self, corpus: Corpus) -> csr_matrix:
        """Tf-idf weights: float64 CSR [documents, features], rows of length one, or zero without a known n-gram."""
        import numpy as np

        matrix = self.features_.matrix(corpus)
        if self.sublinear:
            matrix.data = 1 + np.log(matrix.data)
        matrix.data *= self.idf_[matrix.indices]
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        lengths = np.sqrt(np.bincount(rows, matrix.data**2, minlength=matrix.shape[0]))
        matrix.data /= lengths[rows]
        return matrix

    def _margins(self, corpus: Corpus) -> NDArray[np.float64]:
        """Logits of the classes: float64 [documents, classes]; of two classes half the log-odds, and its opposite."""
        from nlmkit.classification.linear import margins

        found = margins(self._matrix(corpus), self.weights_, self.intercepts_)
        return found / 2 if len(self.weights_) == 1 else found

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Softmax of the logits: float64 [documents, classes]."""
        from nlmkit.classification.calibration import softmax

        return softmax(self._margins(corpus))

    def highlights(self, text: str) -> list[tuple[str, float]]:
        """The tokens of a text, each with what its n-grams add to the logit of the predicted class.

        They sum to that logit (of two classes: the log-odds) less the intercept; an n-gram's part is divided equally
        among its words.
        """
        import numpy as np

        from nlmkit.classification.linear import class_weights

        corpus = self.encode([text])
        predicted = int(self.probabilities(corpus)[0].argmax())
        row = self._matrix(corpus)
        weights = np.zeros(len(self.features_))
        weights[row.indices] = row.data * class_weights(self.weights_, predicted)[row.indices]
        return list(zip(corpus.sentence(0), self.features_.token_weights(corpus, weights).tolist(), strict=True))

    def fitted_state(self) -> FittedState:
        """N-grams, their idf, weights and intercepts as arrays."""
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
            SavedModelError: arrays are missing, contradict each other, or hold NaN or infinity.
        """
        import numpy as np

        from nlmkit.classification.linear import restored_decisions
        from nlmkit.classification.ngram_features import NGramFeatures
        from nlmkit.saving import require, require_array

        super().restore(state)
        require("vocabulary_" in vars(self), "its vocabulary is missing; save the model again")
        self.features_ = NGramFeatures.from_arrays(state.arrays, self.vocabulary_, self.order)
        idf = require_array(state.arrays, "idf", dtype="float64", shape=(len(self.features_),))
        require(bool(np.isfinite(idf).all()), "array 'idf' holds NaN or infinity")
        self.idf_ = np.asarray(idf, np.float64)
        self.weights_, self.intercepts_ = restored_decisions(state.arrays, len(self.classes_), len(self.features_))
