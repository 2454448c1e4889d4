"""The contract of regressors: :class:`Regressor`. This module imports neither NumPy nor scikit-learn.

How a regressor reads text is what :mod:`nlmkit.documents.base` says. What it learns does not depend on the unit of the
numbers: it is trained on numbers less their mean, divided by their standard deviation, and its estimates are turned
back into the numbers' unit here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from nlmkit.core.run import RunOptions
from nlmkit.documents.base import TextModel, with_targets
from nlmkit.errors import DataError
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.regressors.report import RegressionReport
    from nlmkit.text import Corpus
    from nlmkit.text.numbered import NumberedTexts

_LEAST_SPREAD: Final = 1e-100  # of the numbers: squares of smaller differences are zero

_MEAN, _SCALE = "target_mean", "target_scale"  # in the metadata of a saved regressor


@dataclasses.dataclass(kw_only=True)
class Regressor(TextModel):
    """Base of every regressor: texts in, one number per text out.

    A subclass is a ``@dataclass(kw_only=True)`` and implements :meth:`fit_corpus`, :meth:`estimates`, and, for saving,
    :meth:`fitted_state` and :meth:`restore`, which call those of this class first. It sees documents as a
    :class:`~nlmkit.text.Corpus` of which each "sentence" is one document, and numbers in standard units: standard
    deviations from the mean of the training numbers. A subclass may also have
    ``highlights(text) -> list[tuple[str, float]]``: the tokens of a text, each with how much it adds to the predicted
    number, in the numbers' unit, which ``nlmkit predict --highlights`` shows.

    Works inside scikit-learn's tools; see :class:`~nlmkit.documents.base.TextModel`.

    Fitted attributes: ``target_mean_`` and ``target_scale_`` (mean and standard deviation of the training numbers,
    floats), ``pipeline_`` (:class:`~nlmkit.text.TextPipeline`), ``fit_report_`` (JSON-ready dictionary), and
    ``vocabulary_`` (:class:`~nlmkit.text.Vocabulary`) where the regressor has one, of the training texts alone.
    """

    kind = "regressor"
    _estimator_type: ClassVar[str] = "regressor"

    if TYPE_CHECKING:  # fitted state, which is no hyper-parameter
        target_mean_: float = dataclasses.field(init=False)
        target_scale_: float = dataclasses.field(init=False)

    # ---------------------------------------------------------------------------------- what a subclass implements

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[np.float64],
        *,
        valid: tuple[Corpus, NDArray[np.float64]] | None,
        run: RunOptions,
    ) -> Mapping[str, Any]:
        """Estimate the regressor; ``target_mean_``, ``target_scale_`` and ``pipeline_`` are set already.

        Whatever is estimated, vocabulary and weights of words included, comes from ``corpus`` alone.

        Args:
            corpus: The training documents, in the order given.
            targets: Each document's number in standard units: float64 [documents], of mean 0 and variance 1.
            valid: Held-out documents and their numbers in the same units, where there are any.
            run: Progress, device, checkpoints.

        Returns:
            What ``fit_report_`` shall say of the fitting, JSON-ready; ``notes``, a list, is shown to the user.
        """
        raise NotImplementedError

    def estimates(self, corpus: Corpus) -> NDArray[np.float64]:
        """Number of at least one document, in standard units as in :meth:`fit_corpus`: float64 [documents], finite.

        A document may be empty, or hold nothing but words unknown to the vocabulary.
        """
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------ fitting

    def fit(self, texts: Any, numbers: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Estimate the regressor from texts with numbers and return self.

        A fit that fails leaves the regressor as it was.

        Args:
            texts: A sequence of strings, or a :class:`~nlmkit.text.numbered.NumberedTexts`.
            numbers: One number per text: integers or floats, finite, from −1e100 to 1e100; left out when ``texts`` has
                them.
            valid: Held-out ``(texts, numbers)`` or NumberedTexts, for regressors that stop early or choose by it.
            run: What concerns the run and not the regressor.

        Raises:
            DataError: unusable texts or numbers, numbers that are all equal, or no words at all.
            HyperParameterError: options that contradict each other.
        """
        data, held_out = numbered(texts, numbers), None if valid is None else numbered(valid)
        return self.fit_texts(data, held_out, run or RunOptions())

    def learn_targets(self, data: NumberedTexts) -> tuple[NDArray[np.float64], Mapping[str, Any], list[str]]:
        """Set ``target_mean_`` and ``target_scale_``; see :meth:`TextModel.learn_targets`.

        Raises:
            DataError: there is one text, or the numbers are equal, or differ too little to be told apart.
        """
        import numpy as np

        numbers = data.numbers
        low, high = float(numbers.min()), float(numbers.max())
        if low == high:
            them = "there is one training text" if len(data) == 1 else f"all {len(data)} training texts"
            them += f", with the number {low:g}" if len(data) == 1 else f" have the number {low:g}"
            raise DataError(f"{them}: a regressor needs two or more different numbers", source=data.source)
        # From the lowest number on, and in units of their range: neither large numbers nor tiny ones lose digits, and
        # the same numbers in another unit give the same targets.
        spread = high - low
        if spread < _LEAST_SPREAD:
            problem = f"the training texts' numbers differ by at most {spread:g}: give them in a smaller unit"
            raise DataError(problem, source=data.source)
        shares = (numbers - low) / spread
        mean, deviation = float(shares.mean()), float(shares.std())
        self.target_mean_, self.target_scale_ = low + spread * mean, spread * deviation
        report = {
            "mean": self.target_mean_,
            "standard_deviation": self.target_scale_,
            "lowest": low,
            "highest": high,
            "different": len(np.unique(numbers)),
        }
        return (shares - mean) / deviation, {"numbers": report}, []

    def validation_data(self, data: NumberedTexts, notes: list[str]) -> tuple[NumberedTexts, NDArray[np.float64]]:
        """Return all held-out texts, and their numbers in standard units."""
        return data, (data.numbers - self.target_mean_) / self.target_scale_

    def validation_report(
        self, corpus: Corpus, targets: NDArray[np.float64], own: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the RMSE on held-out texts in the numbers' unit, where the regressor's own report lacks it."""
        import numpy as np

        if "validation_rmse" in own:
            return {}
        errors = self.estimates(corpus) - targets
        return {"validation_rmse": self.target_scale_ * float(np.sqrt(np.mean(errors**2)))}

    # ------------------------------------------------------------------------------------------------------ judging

    @classmethod
    def gather(cls, texts: Any, targets: Any = None) -> NumberedTexts:
        """Return texts and numbers as one object; see :func:`numbered`."""
        return numbered(texts, targets)

    @classmethod
    def deal(cls, data: NumberedTexts, folds: int, *, seed: int) -> NDArray[np.int64]:
        """Deal texts into folds of like numbers; see :func:`~nlmkit.documents.splits.k_folds_of_numbers`.

        Raises:
            HyperParameterError: there are fewer than two folds.
            DataError: there are too few texts, or all numbers are equal, or all are where a fold is left out.
        """
        import numpy as np

        from nlmkit.documents.splits import k_folds_of_numbers

        number = k_folds_of_numbers(data.numbers, folds, seed=seed)
        for fold in range(folds):  # now, not after the folds before it were fitted
            left = np.unique(data.numbers[number != fold])
            if len(left) < 2:
                raise DataError(
                    f"fold {fold + 1} of {folds}: without it all training texts have the number {left[0]:g}, and a "
                    "regressor needs two or more different numbers",
                    source=data.source,
                )
        return number

    def judge(self, data: NumberedTexts, predictions: NDArray[np.float64], **facts: Any) -> RegressionReport:
        """Make a report of predicted numbers."""
        from nlmkit.regressors.report import regression_report

        return regression_report(data.numbers, predictions, component=self.name, **facts)

    # ------------------------------------------------------------------------------------------------------ scoring

    def predict(self, texts: Any) -> NDArray[np.float64]:
        """The number of each text: float64 [texts]."""
        import numpy as np

        corpus = self.encode(texts)
        if not corpus.sentences:
            return np.empty(0)
        return self.target_mean_ + self.target_scale_ * self.estimates(corpus)

    def score(self, texts: Any, numbers: Any = None) -> float:
        """R², the share of the numbers' variance that the predictions explain: at most 1, and 0 for their mean.

        NaN, with a note, where all numbers are equal, and NaN where there is no text.
        """
        from nlmkit.core.notes import note
        from nlmkit.regressors.report import r_squared

        self.check_fitted()
        data = numbered(texts, numbers)
        if not len(data):
            return float("nan")
        found = r_squared(data.numbers, self.predict(data))
        if math.isnan(found):
            note(f"R² is undefined, since all {len(data)} numbers are {data.numbers[0]:g}")
        return found

    def report(self, texts: Any, numbers: Any = None, *, resamples: int = 1000, seed: int = 0) -> RegressionReport:
        """R², RMSE, MAE, Pearson's and Spearman's correlation, each with a bootstrap interval.

        Args:
            texts: As in :meth:`fit`.
            numbers: As in :meth:`fit`.
            resamples: How many bootstrap samples the intervals are made of; 0 for no intervals.
            seed: Seed of the bootstrap.

        Raises:
            DataError: there are no texts, or unusable ones.
        """
        self.check_fitted()
        data = numbered(texts, numbers)
        if not len(data):
            raise DataError("there are no texts to report on", source=data.source)
        return self.judge(
            data,
            self.predict(data),
            model_digest=self.digest,
            text_pipeline=self.pipeline_.signature,
            texts_digest=data.digest,
            resamples=resamples,
            seed=seed,
        )

    # ------------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Mean and scale of the numbers, and the fit report (without times), as metadata; a subclass adds its own."""
        state = super().fitted_state()
        metadata = {_MEAN: self.target_mean_, _SCALE: self.target_scale_, **state.metadata}
        return dataclasses.replace(state, metadata=metadata)

    def restore(self, state: FittedState) -> None:
        """Set mean and scale of the numbers, and the fit report; a subclass goes on with its own.

        Raises:
            SavedModelError: they are missing, or not what numbers can have.
        """
        from nlmkit.saving import require
        from nlmkit.text.numbered import LARGEST

        super().restore(state)
        mean, scale = state.metadata.get(_MEAN), state.metadata.get(_SCALE)
        require(
            isinstance(mean, float) and abs(mean) <= LARGEST, f"its {_MEAN} is no finite number; save the model again"
        )
        require(
            isinstance(scale, float) and 0 < scale <= LARGEST,
            f"its {_SCALE} is no positive number; save the model again",
        )
        self.target_mean_, self.target_scale_ = float(state.metadata[_MEAN]), float(state.metadata[_SCALE])

    # ------------------------------------------------------------------------------------------------- scikit-learn

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn (1.6 and later) wants to know: a regressor of strings."""
        from sklearn.utils import RegressorTags

        return dataclasses.replace(super().__sklearn_tags__(), regressor_tags=RegressorTags())


def numbered(texts: Any, numbers: Any = None) -> NumberedTexts:
    """Texts and numbers, however they were given, as :class:`~nlmkit.text.numbered.NumberedTexts`.

    Args:
        texts: NumberedTexts; labelled texts whose labels are integers or spell numbers; or a sequence of strings with
            ``numbers``, or (without) a pair of both.
        numbers: One number per text.

    Raises:
        DataError: numbers are missing, unusable, too many or too few, or there are two sets of them; or the texts are
            no strings.
    """
    from nlmkit.text.labelled import LabelledTexts
    from nlmkit.text.numbered import NumberedTexts

    if numbers is None and isinstance(texts, LabelledTexts):
        return NumberedTexts.of(texts)
    return with_targets(texts, numbers, form=NumberedTexts, make=NumberedTexts, what="numbers")
