"""Regressors: R², root mean squared error and mean absolute error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.comparing.scored import Figure, NotScored, ScoredItems, scored_items
from nlmkit.errors import DataError

if TYPE_CHECKING:
    from nlmkit.regressors.base import Regressor
    from nlmkit.text.numbered import NumberedTexts


def _r2(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """R² of sums of squared errors, numbers, their squares, and ones; NaN where all numbers are equal."""
    errors, numbers, squares, ones = sums.T
    spread = squares - numbers * numbers / ones
    flat = spread <= 1e-12 * squares
    return np.where(flat, np.nan, 1 - errors / np.where(flat, 1, spread))


def _rmse(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(sums[:, 0] / sums[:, 1]), np.float64)


def _mae(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sums[:, 0] / sums[:, 1], np.float64)


R2: Final = Figure(name="r2", heading="R²", of=_r2)
RMSE: Final = Figure(name="rmse", heading="RMSE", of=_rmse, descending=False)
MAE: Final = Figure(name="mae", heading="MAE", of=_mae, descending=False)
FIGURES: Final = (R2, RMSE, MAE)


def score(name: str, model: Regressor, data: Any, by: str) -> ScoredItems | NotScored:
    """Score a regressor on texts with numbers.

    Args:
        name: Name to show.
        model: Fitted regressor.
        data: Texts with numbers, as ``Regressor.score`` takes them.
        by: The figure that models are ranked by.

    Raises:
        DataError: The texts are empty or unusable.
    """
    texts = model.gather(data)
    if not len(texts):
        raise DataError("no texts to compare models on", source=texts.source)
    return score_predictions(name, model, texts, model.predict(texts), by)


def score_predictions(
    name: str, model: Regressor, texts: NumberedTexts, predictions: NDArray[np.float64], by: str
) -> ScoredItems | NotScored:
    """Score numbers that a regressor has predicted.

    Args:
        name: Name to show.
        model: Fitted regressor.
        texts: Texts with numbers, at least one.
        predictions: Predicted number of each: float64 [texts].
        by: The figure that models are ranked by.
    """
    errors = np.abs(np.asarray(predictions, np.float64) - texts.numbers)
    centered = texts.numbers - texts.numbers.mean()  # so that squares of large numbers cancel nothing
    ones = np.ones(len(errors))
    counts = {
        "r2": (R2, lambda: np.stack([errors**2, centered, centered**2, ones], axis=1)),
        "rmse": (RMSE, lambda: np.stack([errors**2, ones], axis=1)),
        "mae": (MAE, lambda: np.stack([errors, ones], axis=1)),
    }
    signature = f"texts:{len(errors)}:{texts.digest}"
    facts = f"|{model.target_mean_}|{model.pipeline_.signature}"
    return scored_items(name, model, counts, -errors, by=by, signature=signature, facts=facts)
