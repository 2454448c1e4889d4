"""Ridge regression on tf-idf weighted n-grams: the baseline."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.core import optional
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError
from nlmkit.regressors.base import Regressor
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from nlmkit.text import Corpus

ALPHAS: Final = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Penalty strengths tried for ``alpha=None``."""

_VALID_SHARE: Final = 0.1  # share of the training texts to choose alpha on, without held-out texts
_TOLERANCE: Final = 1e-6  # solver tolerance: norm of the residual of the normal equations, relative to the start
_SLACK: Final = 100.0  # the solver uses another residual if there are more n-grams than texts


@dataclasses.dataclass(kw_only=True)
class TfidfRidge(Regressor):
    """Ridge regression on tf-idf weighted n-grams.

    N-grams are weighted by ``nlmkit.documents.tfidf``. The regression is linear with an intercept
    and minimizes Σ(y − w·x − b)² + α‖w‖², where y is the number of a text in standard units and x has length one, so
    that the same α suits other numbers, texts and amounts of text about as well. This is what scikit-learn's
    TfidfTransformer and Ridge compute on the n-grams of this library's tokenizers; no object of theirs is kept or
    saved. N-grams of a single text are merged before the fit, which does not change the regression.

    ``alpha=None`` tries 0.03, 0.1, 0.3, 1, 3 and 10 and uses the strength with the lowest RMSE on the held-out texts
    (or without these, on a tenth of the training texts, chosen at random with seed 0 and excluded from the fits
    that are compared), then fits all training texts with it.

    Fitted attributes: ``features_`` (``NGramFeatures``), ``idf_`` (float64
    [features]), ``weights_`` (float64 [features], in standard units), ``intercept_`` (float, in standard units) and
    ``alpha_`` (float).
    """

    name = "tfidf-ridge"
    conformance_settings: ClassVar[Mapping[str, Any]] = {"alpha": 0.1}

    order: int = param(2, ge=1, le=9, help="longest n-gram")
    min_documents: int = param(1, ge=1, help="minimum number of training texts of an n-gram")
    sublinear: bool = param(True, help="count t occurrences as 1 + ln t")
    alpha: float | None = param(0.3, gt=0, help="strength of the L2 penalty; none: chosen on held-out texts")

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[np.float64],
        *,
        valid: tuple[Corpus, NDArray[np.float64]] | None,
        run: RunOptions,
        weights: NDArray[np.float64] | None = None,
    ) -> Mapping[str, Any]:
        """Count n-grams, weight them, and fit the regression."""
        from nlmkit.documents.ngram_features import NGramFeatures
        from nlmkit.documents.tfidf import weigh
        from nlmkit.text import Vocabulary

        optional.require("sklearn", extra="classifiers", who=self.name)
        from sklearn.feature_extraction.text import TfidfTransformer

        run.stage("counting n-grams")
        self.vocabulary_ = Vocabulary.from_corpus(corpus)
        self.features_, matrix = NGramFeatures.counted(
            corpus, self.vocabulary_, order=self.order, min_documents=self.min_documents
        )
        if not len(self.features_):
            raise DataError(f"no n-gram occurs in {self.min_documents} texts: lower min_documents")
        self.idf_ = TfidfTransformer().fit(matrix).idf_
        weigh(matrix, self.idf_, sublinear=self.sublinear)
        report: dict[str, Any] = {}
        alpha = self.alpha
        if alpha is None:
            held_out = None if valid is None else (self._matrix(valid[0]), valid[1])
            alpha, report = self._chosen(matrix, targets, held_out, weights, run)
        run.stage("fitting the regression")
        self.alpha_ = float(alpha)
        self.weights_, self.intercept_, notes = self._solved(matrix, targets, self.alpha_, weights)
        return {"features": len(self.features_), "alpha": self.alpha_, **report, "notes": notes}

    def _chosen(
        self,
        matrix: csr_matrix,
        targets: NDArray[np.float64],
        valid: tuple[csr_matrix, NDArray[np.float64]] | None,
        weights: NDArray[np.float64] | None,
        run: RunOptions,
    ) -> tuple[float, dict[str, Any]]:
        """Return the strength with the lowest RMSE on held-out texts, and its entry of the report."""
        import numpy as np

        of_valid = None
        if valid is None:
            order = np.random.default_rng(0).permutation(len(targets))
            held_out = max(round(_VALID_SHARE * len(targets)), 1)
            some, rest = np.sort(order[:held_out]), np.sort(order[held_out:])
            valid = matrix[some], targets[some]
            matrix, targets = matrix[rest], targets[rest]
            if weights is not None:
                weights, of_valid = weights[rest], weights[some]
        run.stage("choosing alpha", len(ALPHAS))
        errors = []
        for alpha in ALPHAS:
            slopes, intercept, _ = self._solved(matrix, targets, alpha, weights)
            errors.append(float(np.sqrt(np.average((valid[0] @ slopes + intercept - valid[1]) ** 2, weights=of_valid))))
            run.advance()
        tried = {f"{alpha:g}": self.target_scale_ * error for alpha, error in zip(ALPHAS, errors, strict=True)}
        return ALPHAS[int(np.argmin(errors))], {"rmse_by_alpha": tried}

    def _solved(
        self,
        matrix: csr_matrix,
        targets: NDArray[np.float64],
        alpha: float,
        weights: NDArray[np.float64] | None,
    ) -> tuple[NDArray[np.float64], float, list[str]]:
        """Return weights (float64 [features]) and intercept; append a note if the solver did not converge."""
        import numpy as np
        from sklearn.linear_model import Ridge

        from nlmkit.documents.merged_features import MergedFeatures

        merged = MergedFeatures.of(matrix)
        ridge = Ridge(alpha=alpha, solver="sparse_cg", tol=_TOLERANCE)
        ridge.fit(merged.matrix, targets, sample_weight=weights)
        each: Any = 1.0 if weights is None else weights
        residuals = targets - merged.matrix @ ridge.coef_ - ridge.intercept_
        gradient = merged.matrix.T @ (each * residuals) - alpha * ridge.coef_
        start = merged.matrix.T @ (each * (targets - np.average(targets, weights=weights)))
        notes = []
        if np.linalg.norm(gradient) > _SLACK * _TOLERANCE * np.linalg.norm(start):  # not reported by scikit-learn
            notes.append("the solver of the regression did not converge: raise alpha")
        return merged.expanded(ridge.coef_), float(ridge.intercept_), notes

    def _matrix(self, corpus: Corpus) -> csr_matrix:
        """Return the tf-idf weights: float64 CSR [documents, features], rows of length one, or zero."""
        from nlmkit.documents.tfidf import weigh

        matrix = self.features_.matrix(corpus)
        weigh(matrix, self.idf_, sublinear=self.sublinear)
        return matrix

    def estimates(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the value of the regression in standard units: float64 [documents]."""
        found: NDArray[np.float64] = self._matrix(corpus) @ self.weights_ + self.intercept_
        return found

    def highlights(self, text: str) -> list[tuple[str, float]]:
        """Return the tokens of a text with their contributions to the number.

        They sum to the number minus that of an empty text; the part of an n-gram is divided equally among its words.
        """
        import numpy as np

        corpus = self.encode([text])
        row = self._matrix(corpus)
        weights = np.zeros(len(self.features_))
        weights[row.indices] = self.target_scale_ * row.data * self.weights_[row.indices]
        return list(zip(corpus.sentence(0), self.features_.token_weights(corpus, weights).tolist(), strict=True))

    def fitted_state(self) -> FittedState:
        """Return n-grams, idf and weights as arrays; intercept and strength of the penalty as metadata."""
        state = super().fitted_state()
        arrays = {**self.features_.arrays(), "idf": self.idf_, "weights": self.weights_}
        return FittedState(arrays, {**state.metadata, "intercept": self.intercept_, "alpha": self.alpha_})

    def restore(self, state: FittedState) -> None:
        """Set the n-grams, their weights, and the intercept.

        Raises:
            SavedModelError: Arrays are missing, contradict each other, or contain NaN or infinity.
        """
        import numpy as np

        from nlmkit.documents.ngram_features import NGramFeatures
        from nlmkit.documents.tfidf import restored_idf
        from nlmkit.saving import require, require_array, require_weights
        from nlmkit.saving.checks import LARGEST_WEIGHT

        super().restore(state)
        require("vocabulary_" in vars(self), "its vocabulary is missing; save the model again")
        self.features_ = NGramFeatures.from_arrays(state.arrays, self.vocabulary_, self.order)
        self.idf_ = restored_idf(state.arrays, len(self.features_))
        weights = require_array(state.arrays, "weights", dtype="float64", shape=(len(self.features_),))
        require_weights(weights, "weights")
        self.weights_ = np.asarray(weights, np.float64)
        for name, most in (("intercept", LARGEST_WEIGHT), ("alpha", math.inf)):
            value = state.metadata.get(name)
            usable = isinstance(value, float) and math.isfinite(value) and abs(value) <= most
            require(usable, f"its {name} is not a usable number; save the model again")
            setattr(self, f"{name}_", float(state.metadata[name]))
