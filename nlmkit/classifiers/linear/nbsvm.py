"""NBSVM: naive Bayes log-count ratios as features of a linear classifier (Wang & Manning 2012).

"Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", ACL 2012, sections 2.1 to 2.3.
"""

from __future__ import annotations

import dataclasses
import threading
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.classifiers.base import Classifier
from nlmkit.core import optional
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from nlmkit.text import Corpus

LOSSES = ("squared-hinge", "logistic")

_TOLERANCE: Final = 0.01
"""Tolerance of liblinear's optimality conditions, in units of a margin; ten times stricter than its default."""

_MOST_MARGINS: Final = 1 << 24
"""Approximate maximum of held-out texts times classes to fit probabilities on."""


@dataclasses.dataclass(kw_only=True)
class NBSVM(Classifier):
    """Linear classifier on n-grams weighted by naive Bayes: a strong baseline for short texts.

    A document is the set of its n-grams. For each class against the others, n-gram i has the log-count ratio
    r_i = log((p_i/‖p‖₁) / (q_i/‖q‖₁)), where p_i and q_i are ``alpha`` plus the number of documents of the class, and
    of the others, that have it. A linear classifier (liblinear, L2 penalty) of the documents' ratios gives weights w;
    its decision uses (1−β)·w̄ + β·w, where w̄ is the mean of \\|w\\|: an interpolation between multinomial naive Bayes
    and the classifier. Two classes need one such decision, more than two one each. Where classes have few texts each,
    ``alpha=1`` smooths the ratios strongly, and ``tfidf-logreg`` or a smaller ``alpha`` may do better.

    **Probabilities** are softmax(scale · margins + offsets): Platt's scaling, fitted by maximum likelihood on the
    margins of training texts held out in ``calibration`` folds. They sum to one, and the most probable class is
    predicted. The offsets affect the prediction too: the interpolation changes the margins but not the intercept, so
    the paper's decision (``calibration=0``: largest margin) is biased toward one class. Classes with a single text are
    excluded from the fit. If texts times classes exceed 2²⁴, only some of the folds, or some of the texts of one fold,
    are used, with a note.

    **Memory.** If classes times n-grams exceed 2²⁶, the rarest n-grams are dropped, with a note. More than 2²⁴ weights
    are float32.

    **Time.** If classes times the n-grams of all texts exceed 2²⁸, the linear classifier of a class is fitted to the
    texts of the class and a random sample of the others, weighted to represent all of them, with a note; the ratios
    always use all texts.

    Fitted attributes: ``features_`` (``NGramFeatures``), ``weights_`` (float64 [decisions, features], including the
    ratios), ``intercepts_`` (float64 [decisions]), ``scale_`` and ``offsets_`` (float64 [classes]).
    """

    name = "nbsvm"
    conformance_settings: ClassVar[Mapping[str, Any]] = {}

    order: int = param(2, ge=1, le=9, help="longest n-gram")
    min_documents: int = param(1, ge=1, help="minimum number of training texts of an n-gram")
    alpha: float = param(1.0, gt=0, help="constant added to every count of naive Bayes")
    beta: float = param(0.25, ge=0, le=1, help="interpolation: 1 is the classifier alone, 0 naive Bayes")
    C: float = param(1.0, gt=0, help="inverse strength of the L2 penalty")
    loss: str = param(
        "squared-hinge",
        choices=LOSSES,
        help="loss of the classifier; squared-hinge is the L2-loss SVM, logistic the regression",
    )
    calibration: int = param(
        5, ge=0, help="number of folds to fit probabilities on (Platt), 2 or more; 0: softmax of margins"
    )
    max_iter: int = param(1000, ge=1, help="maximum number of liblinear passes over the texts")
    seed: int = param(0, ge=0, le=2**32 - 1, help="seed of liblinear's text order and of the folds")

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[np.int64],
        *,
        valid: tuple[Corpus, NDArray[np.int64]] | None,
        run: RunOptions,
        weights: NDArray[np.float64] | None = None,
    ) -> Mapping[str, Any]:
        """Count n-grams, fit one linear classifier per decision, and the scale of the probabilities."""
        import numpy as np

        from nlmkit.classifiers.linear.weights import (
            counted_features,
            decisions_of,
            empty_weights,
            others_to_sample,
            sampled_note,
        )
        from nlmkit.text import Vocabulary

        if self.calibration == 1:
            raise HyperParameterError("calibration=1 leaves no texts to learn from: use 2 or more folds, or 0 for none")
        optional.require("sklearn", extra="classifiers", who=self.name)
        run.stage("counting n-grams")
        notes: list[str] = []
        classes = len(self.classes_)
        self.vocabulary_ = Vocabulary.from_corpus(corpus)
        self.features_, matrix = counted_features(
            corpus, self.vocabulary_, classes, order=self.order, min_documents=self.min_documents, notes=notes
        )
        matrix.data[:] = 1.0
        self.weights_ = empty_weights(classes, len(self.features_))
        self.intercepts_ = np.empty(decisions_of(classes))
        others = others_to_sample(matrix, decisions_of(classes))
        if others is not None:
            notes.append(sampled_note(others, classes, len(targets)))
        run.stage("fitting the classifier", decisions_of(classes))
        for index, slopes, intercept in self._decisions(matrix, targets, weights, classes, notes):
            self.weights_[index], self.intercepts_[index] = slopes, intercept
            run.advance()
        self.scale_, self.offsets_ = self._calibrated(matrix, targets, weights, notes, run)
        return {"features": len(self.features_), "notes": list(dict.fromkeys(notes))}

    def _decisions(
        self,
        matrix: csr_matrix,
        targets: NDArray[np.int64],
        text_weights: NDArray[np.float64] | None,
        classes: int,
        notes: list[str],
    ) -> Iterator[tuple[int, NDArray[np.float64], float]]:
        """Yield index, weights [features] and intercept of each decision; of two classes only the second has one.

        One at a time: all of them may take much more memory than the features.
        """
        import numpy as np
        from scipy.sparse import csr_matrix

        from nlmkit.classifiers.linear.weights import decisions_of, others_to_sample, own_and_others

        others = others_to_sample(matrix, decisions_of(classes))
        documents = np.arange(len(targets))
        each = np.ones(len(targets)) if text_weights is None else text_weights
        members = csr_matrix((each, (targets, documents)), shape=(classes, len(targets)))
        counts = members @ matrix
        of_values = None if text_weights is None else np.repeat(text_weights, np.diff(matrix.indptr))
        total = np.bincount(matrix.indices, of_values, minlength=matrix.shape[1]).astype(np.float64)
        weighted = matrix.copy() if others is None else None
        for number, index in enumerate((1,) if classes == 2 else range(classes)):
            own = np.zeros(matrix.shape[1])
            row = slice(counts.indptr[index], counts.indptr[index + 1])
            own[counts.indices[row]] = counts.data[row]
            p, q = self.alpha + own, self.alpha + (total - own)
            ratios = np.log(p / p.sum()) - np.log(q / q.sum())
            right = targets == index
            sample = None if others is None else own_and_others(targets, index, others, self.seed)
            if sample is not None:
                rows, of_sample = sample
                some = matrix[rows]
                some.data = ratios[some.indices]
                found, intercept = self._weights(some, right[rows], notes, of_sample * each[rows])
            else:
                weighted = matrix.copy() if weighted is None else weighted
                np.take(ratios, matrix.indices, out=weighted.data)
                found, intercept = self._weights(weighted, right, notes, text_weights)
            interpolated = (1 - self.beta) * np.abs(found).mean() + self.beta * found
            yield number, ratios * interpolated, intercept

    def _weights(
        self,
        weighted: csr_matrix,
        positive: NDArray[np.bool_],
        notes: list[str],
        text_weights: NDArray[np.float64] | None,
    ) -> tuple[NDArray[np.float64], float]:
        """Return the weights [features] and intercept of the linear classifier."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC

        from nlmkit.classifiers.linear.weights import LIBLINEAR

        options: dict[str, Any] = {
            "C": self.C,
            "dual": True,
            "tol": _TOLERANCE,
            "max_iter": self.max_iter,
            "random_state": self.seed,
        }
        if self.loss == "logistic":
            classifier = LogisticRegression(solver="liblinear", **options)
        else:
            classifier = LinearSVC(loss="squared_hinge", **options)
        with LIBLINEAR, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            classifier.fit(weighted, positive, sample_weight=text_weights)
        if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
            notes.append(f"liblinear did not converge in {self.max_iter} passes: raise max_iter or lower C")
        return classifier.coef_[0], float(classifier.intercept_[0])

    def _calibrated(
        self,
        matrix: csr_matrix,
        targets: NDArray[np.int64],
        text_weights: NDArray[np.float64] | None,
        notes: list[str],
        run: RunOptions,
    ) -> tuple[float, NDArray[np.float64]]:
        """Fit scale and offsets of the softmax, on the margins of held-out training texts."""
        import numpy as np

        from nlmkit.classifiers.linear.calibration import fit_scale_and_offsets
        from nlmkit.classifiers.linear.weights import decisions_of

        offsets = np.zeros(len(self.classes_))
        if self.calibration < 2:
            return 1.0, offsets
        counts = np.bincount(targets)
        # The only text of a class cannot be held out: none would be left for training.
        known, kept = np.unique(targets[counts[targets] > 1], return_inverse=True)
        if len(known) < 2:
            notes.append("too few texts to fit the probabilities: they are the softmax of the margins")
            return 1.0, offsets
        usable = np.isin(targets, known)
        rows, weights = matrix[usable], None if text_weights is None else text_weights[usable]
        folds, used = self._calibration_folds(kept, len(known), notes)
        run.stage("calibrating probabilities", used * decisions_of(len(known)))
        turn, ended = threading.Lock(), threading.Event()

        def held_out_margins(fold: int) -> tuple[NDArray[np.float64], list[str]]:
            """Return the margins of a fold's texts, by a classifier fitted to the other folds; and the notes."""
            own: list[str] = []
            held_out = folds == fold
            inside, outside = rows[~held_out], rows[held_out]
            found = np.empty((outside.shape[0], len(known)))
            of_inside = None if weights is None else weights[~held_out]
            for index, slopes, intercept in self._decisions(inside, kept[~held_out], of_inside, len(known), own):
                found[:, -1 if len(known) == 2 else index] = outside @ slopes + intercept
                if ended.is_set():
                    break
                with turn:
                    run.advance()
            if len(known) == 2:
                found[:, 0] = 0 - found[:, 1]
            return found, own

        margins: list[NDArray[np.float64]] = []
        # liblinear takes turns; a second thread prepares features and computes margins meanwhile.
        with ThreadPoolExecutor(2) as threads:
            try:
                for found, own in threads.map(held_out_margins, range(used)):
                    margins.append(found)
                    notes += own
            finally:
                ended.set()  # an interrupted fit waits for the current decisions only, not for a whole fold
        order = np.concatenate([np.flatnonzero(folds == fold) for fold in range(used)])
        right = kept[order]
        together = np.concatenate(margins)
        del margins
        seen, right = np.unique(right, return_inverse=True)
        if len(seen) < 2:
            return 1.0, offsets
        if len(seen) < len(known):
            together = together[:, seen]
        of_margins = None if weights is None else weights[order]
        scale, offsets[known[seen]] = fit_scale_and_offsets(together, right, of_margins)
        return scale, offsets

    def _calibration_folds(
        self, targets: NDArray[np.int64], classes: int, notes: list[str]
    ) -> tuple[NDArray[np.int64], int]:
        """Return the fold of each text (int64 [texts]), and how many of the folds fit the probabilities."""
        from nlmkit.documents.splits import k_folds

        texts = len(targets)
        number = min(self.calibration, texts)
        used = min(_MOST_MARGINS * number // (texts * classes), number)
        if used:
            if used < number:
                notes.append(f"{classes} classes: only {used} of {number} folds fit the probabilities")
            return k_folds(targets, number, seed=self.seed), used
        # One of these folds is too large: smaller ones, of which one is enough.
        folds = k_folds(targets, min(-(-texts * classes // _MOST_MARGINS), texts), seed=self.seed)
        held_out = int((folds == 0).sum())
        notes.append(f"{classes} classes: only {held_out} of {texts} texts fit the probabilities")
        return folds, 1

    def _margins(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the margin of each class: float64 [documents, classes]; of two classes they are opposite."""
        from nlmkit.classifiers.linear.weights import margins

        matrix = self.features_.matrix(corpus)
        matrix.data[:] = 1.0
        return margins(matrix, self.weights_, self.intercepts_)

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the softmax of the scaled margins and the offsets: float64 [documents, classes]."""
        from nlmkit.classifiers.linear.calibration import softmax

        return softmax(self.scale_ * self._margins(corpus) + self.offsets_)

    def highlights(self, text: str) -> list[tuple[str, float]]:
        """Return the tokens of a text with their contributions to the margin of the predicted class.

        The contributions sum to the margin minus the intercept; that of an n-gram is divided equally among its words.
        """
        from nlmkit.classifiers.linear.weights import class_weights

        corpus = self.encode([text])
        predicted = int(self.probabilities(corpus)[0].argmax())
        weights = class_weights(self.weights_, predicted)
        return list(zip(corpus.sentence(0), self.features_.token_weights(corpus, weights).tolist(), strict=True))

    def fitted_state(self) -> FittedState:
        """Return the n-grams, weights and intercepts as arrays."""
        import numpy as np

        state = super().fitted_state()
        arrays = {
            **self.features_.arrays(),
            "weights": self.weights_,
            "intercepts": self.intercepts_,
            "scale": np.array([self.scale_]),
            "offsets": self.offsets_,
        }
        return FittedState(arrays, state.metadata)

    def restore(self, state: FittedState) -> None:
        """Set the classes, the n-grams and their weights.

        Raises:
            SavedModelError: Arrays are missing, contradict each other, or contain NaN or infinity.
        """
        import numpy as np

        from nlmkit.classifiers.linear.weights import restored_decisions
        from nlmkit.documents.ngram_features import NGramFeatures
        from nlmkit.saving import require, require_array

        super().restore(state)
        require("vocabulary_" in vars(self), "its vocabulary is missing; save the model again")
        self.features_ = NGramFeatures.from_arrays(state.arrays, self.vocabulary_, self.order)
        self.weights_, self.intercepts_ = restored_decisions(state.arrays, len(self.classes_), len(self.features_))
        scale = require_array(state.arrays, "scale", dtype="float64", shape=(1,))
        offsets = require_array(state.arrays, "offsets", dtype="float64", shape=(len(self.classes_),))
        require(bool(np.isfinite(scale[0]) and scale[0] > 0), "the scale of its probabilities is not positive")
        require(bool(np.isfinite(offsets).all()), "array 'offsets' contains NaN or infinity")
        self.scale_, self.offsets_ = float(scale[0]), np.asarray(offsets, np.float64)
