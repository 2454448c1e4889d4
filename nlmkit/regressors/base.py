"""Contract of regressors: ``Regressor``. This module imports neither NumPy nor scikit-learn.

``nlmkit.documents.base`` documents tokenization. Training does not depend on the unit of the
numbers: a regressor is trained on numbers minus their mean, divided by their standard deviation; estimates are
converted back to the original unit here.
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

_LEAST_SPREAD: Final = 1e-100  # minimum range of the numbers: squares of smaller differences are zero

_MEAN, _SCALE = "target_mean", "target_scale"  # keys in the metadata of a saved regressor


@dataclasses.dataclass(kw_only=True)
class Regressor(TextModel):
    """Base class of regressors: texts in, one number per text out.

    A subclass is a ``@dataclass(kw_only=True)`` and implements ``fit_corpus``, ``estimates``, and, for saving,
    ``fitted_state`` and ``restore``, which call those of this class first. It sees documents as a
    ``Corpus`` of which each "sentence" is one document, and numbers in standard units: standard
    deviations from the mean of the training numbers. A subclass may also have
    ``highlights(text) -> list[tuple[str, float]]``: the tokens of a text, each with its contribution to the predicted
    number, in the original unit, which ``nlmkit predict --highlights`` shows.

    Compatible with scikit-learn's tools; see ``TextModel``.

    Fitted attributes: ``target_mean_`` and ``target_scale_`` (mean and standard deviation of the training numbers,
    floats), ``pipeline_`` (``TextPipeline``), ``fit_report_`` (JSON-ready dictionary), and
    ``vocabulary_`` (``Vocabulary``) if the regressor has one, from the training texts alone.
    """

    kind = "regressor"
    _estimator_type: ClassVar[str] = "regressor"

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
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

        Everything estimated, including vocabulary and word weights, must come from ``corpus`` alone.

        Args:
            corpus: The training documents, in the order given.
            targets: Number of each document in standard units: float64 [documents], with mean 0 and variance 1.
            valid: Held-out documents and their numbers in the same units, or None.
            run: Progress, device, checkpoints.

        Returns:
            Entries of ``fit_report_`` on the fit, JSON-ready; ``notes``, a list, is shown to the user.
        """
        raise NotImplementedError

    def estimates(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the numbers of one or more documents, in the units of ``fit_corpus``: float64 [documents], finite.

        A document may be empty, or consist of unknown words.
        """
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------ fitting

    def fit(
        self,
        texts: Any,
        numbers: Any = None,
        *,
        sample_weight: Any = None,
        valid: Any = None,
        run: RunOptions | None = None,
    ) -> Self:
        """Estimate the regressor from texts with numbers and return self.

        A failed fit leaves the regressor unchanged.

        Args:
            texts: A sequence of strings, or a ``NumberedTexts``.
            numbers: One number per text: integers or floats, finite, from −1e100 to 1e100; None if ``texts`` has
                them.
            sample_weight: One number per text, or None: the error of a text of weight 2 counts twice, a text of weight
                0 is left out. Mean and deviation of the numbers, and document frequencies, count each text once.
            valid: Held-out ``(texts, numbers)`` or NumberedTexts, for early stopping or the choice of settings.
            run: Options of the run, not of the regressor.

        Raises:
            DataError: Texts, numbers or weights are unusable, all numbers are equal, or no text has a word.
            HyperParameterError: Options contradict each other, or the regressor cannot weight its texts.
        """
        data, held_out = numbered(texts, numbers), None if valid is None else numbered(valid)
        return self.fit_texts(data, held_out, run or RunOptions(), sample_weight)

    def learn_targets(self, data: NumberedTexts) -> tuple[NDArray[np.float64], Mapping[str, Any], list[str]]:
        """Set ``target_mean_`` and ``target_scale_``; see ``TextModel.learn_targets``.

        Raises:
            DataError: There is only one text, or all numbers are equal or nearly so.
        """
        import numpy as np

        numbers = data.numbers
        low, high = float(numbers.min()), float(numbers.max())
        if low == high:
            them = "there is one training text" if len(data) == 1 else f"all {len(data)} training texts"
            them += f", with the number {low:g}" if len(data) == 1 else f" have the number {low:g}"
            raise DataError(f"{them}: a regressor needs two or more different numbers", source=data.source)
        # Relative to the lowest number, in units of the range: neither large nor tiny numbers lose digits, and
        # the same numbers in another unit have the same targets.
        spread = high - low
        if spread < _LEAST_SPREAD:
            problem = f"the training texts' numbers differ by at most {spread:g}: use a smaller unit"
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
        """Return the RMSE on held-out texts in the original unit, if the regressor's own report lacks it."""
        import numpy as np

        if "validation_rmse" in own:
            return {}
        errors = self.estimates(corpus) - targets
        return {"validation_rmse": self.target_scale_ * float(np.sqrt(np.mean(errors**2)))}

    # ------------------------------------------------------------------------------------------------------ judging

    @classmethod
    def gather(cls, texts: Any, targets: Any = None) -> NumberedTexts:
        """Return texts and numbers as one object; see ``numbered``."""
        return numbered(texts, targets)

    @classmethod
    def deal(cls, data: NumberedTexts, folds: int, *, seed: int) -> NDArray[np.int64]:
        """Split texts into folds with similar numbers; see ``k_folds_of_numbers``.

        Raises:
            HyperParameterError: There are fewer than two folds.
            DataError: There are too few texts, or all numbers are equal, or all are without some fold.
        """
        import numpy as np

        from nlmkit.documents.splits import k_folds_of_numbers

        number = k_folds_of_numbers(data.numbers, folds, seed=seed)
        for fold in range(folds):  # check before any fold is fitted
            left = np.unique(data.numbers[number != fold])
            if len(left) < 2:
                raise DataError(
                    f"fold {fold + 1} of {folds}: without it, all training texts have the number {left[0]:g}, but a "
                    "regressor needs two or more different numbers",
                    source=data.source,
                )
        return number

    def judge(self, data: NumberedTexts, predictions: NDArray[np.float64], **facts: Any) -> RegressionReport:
        """Compute the report of predicted numbers."""
        from nlmkit.regressors.report import regression_report

        return regression_report(data.numbers, predictions, component=self.name, **facts)

    # ------------------------------------------------------------------------------------------------------ scoring

    def predict(self, texts: Any) -> NDArray[np.float64]:
        """Return the predicted number of each text: float64 [texts]."""
        import numpy as np

        corpus = self.encode(texts)
        if not corpus.sentences:
            return np.empty(0)
        return self.target_mean_ + self.target_scale_ * self.estimates(corpus)

    def score(self, texts: Any, numbers: Any = None) -> float:
        """Return R², the share of the variance that the predictions explain: at most 1, and 0 for predicting the mean.

        NaN, with a note, if all numbers are equal, and NaN without texts.
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
        """Compute R², RMSE, MAE, Pearson's and Spearman's correlation, each with a bootstrap interval.

        Args:
            texts: As in ``fit``.
            numbers: As in ``fit``.
            resamples: Number of bootstrap samples of the intervals; 0 for no intervals.
            seed: Seed of the bootstrap.

        Raises:
            DataError: The texts are empty or unusable.
        """
        self.check_fitted()
        found: RegressionReport = self.report_on(numbered(texts, numbers), resamples=resamples, seed=seed)
        return found

    # ------------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return mean, scale and fit report (without times) as metadata; a subclass adds its own state."""
        state = super().fitted_state()
        metadata = {_MEAN: self.target_mean_, _SCALE: self.target_scale_, **state.metadata}
        return dataclasses.replace(state, metadata=metadata)

    def restore(self, state: FittedState) -> None:
        """Set mean, scale and fit report; a subclass restores its own state afterwards.

        Raises:
            SavedModelError: They are missing or invalid.
        """
        from nlmkit.saving import require
        from nlmkit.text.numbered import LARGEST

        super().restore(state)
        mean, scale = state.metadata.get(_MEAN), state.metadata.get(_SCALE)
        require(
            isinstance(mean, float) and abs(mean) <= LARGEST,
            f"its {_MEAN} is not a finite number; save the model again",
        )
        require(
            isinstance(scale, float) and 0 < scale <= LARGEST,
            f"its {_SCALE} is not a positive number; save the model again",
        )
        self.target_mean_, self.target_scale_ = float(state.metadata[_MEAN]), float(state.metadata[_SCALE])

    # ------------------------------------------------------------------------------------------------- scikit-learn

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn 1.6 and later: a regressor of strings."""
        from sklearn.utils import RegressorTags

        return dataclasses.replace(super().__sklearn_tags__(), regressor_tags=RegressorTags())


def numbered(texts: Any, numbers: Any = None) -> NumberedTexts:
    """Return texts and numbers, given in any supported form, as ``NumberedTexts``.

    Args:
        texts: NumberedTexts; labelled texts whose labels are integers or numeric strings; a sequence of strings with
            ``numbers``; or a pair of both, without.
        numbers: One number per text.

    Raises:
        DataError: Numbers are missing, unusable, too many, too few or given twice; or the texts are
            not strings.
    """
    from nlmkit.text.labelled import LabelledTexts
    from nlmkit.text.numbered import NumberedTexts

    if numbers is None and isinstance(texts, LabelledTexts):
        return NumberedTexts.of(texts)
    return with_targets(texts, numbers, form=NumberedTexts, make=NumberedTexts, what="numbers")
