"""Regression reports: R², errors and correlations, each with an interval, computed from numbers alone.

Intervals are percentile bootstraps over the texts: a resample draws n texts with replacement, and one set of
resamples is used for all figures. Resamples in which a figure is undefined (all drawn numbers are equal) are
ignored for that figure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.core.intervals import CONFIDENCE, interval
from nlmkit.core.short_repr import short_repr
from nlmkit.core.tables import figure_text
from nlmkit.core.tabular import Tabular, with_intervals
from nlmkit.core.version import own_version
from nlmkit.errors import DataError

FIGURES: Final = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "pearson": "Pearson", "spearman": "Spearman"}
"""Figures with an interval, by attribute, and their printed names."""

_ARRAYS: Final = ("numbers", "predictions")
_LARGEST: Final = 1e120  # squares of numbers of this size can still be summed


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class RegressionReport(Tabular):
    """Report of a regressor on texts with numbers.

    Attributes:
        n: Number of texts.
        r2: Share of the variance that the predictions explain, 1 − Σ(y−ŷ)² / Σ(y−ȳ)²; at most 1, and 0 for
            predicting the mean of these numbers; None if all numbers are equal.
        rmse: Root mean squared error, in the unit of the numbers.
        mae: Mean absolute error, in the unit of the numbers.
        pearson: Linear correlation of numbers and predictions; None if all of either are equal.
        spearman: Correlation of their ranks, with mean ranks for ties; None if all of either are equal.
        intervals: 95 % confidence intervals of these figures: percentile bootstrap over the texts; None for a
            figure undefined in all resamples, and no entries without resamples.
        mean_residual: Mean of number minus prediction.
        mean: Mean of the numbers.
        standard_deviation: Standard deviation of the numbers around their mean: the RMSE of
            predicting that mean.
        numbers: Numbers of the texts: float64 [n].
        predictions: Predicted numbers: float64 [n].
        component: Registered name of the regressor.
        version: Version of nlmkit that computed the report.
        text_pipeline: Signature of the text pipeline.
        texts_digest: Digest of the texts and their numbers.
        model_digest: Digest of the fitted regressor; empty for several regressors (cross-validation).
        resamples: Number of bootstrap samples of the intervals.
        seed: Seed of the bootstrap.
    """

    headings: ClassVar[Mapping[str, str]] = FIGURES
    """Figures of one fold of a cross-validation, and their printed names."""

    n: int
    r2: float | None
    rmse: float
    mae: float
    pearson: float | None
    spearman: float | None
    intervals: dict[str, tuple[float, float] | None]
    mean_residual: float
    mean: float
    standard_deviation: float
    numbers: NDArray[np.float64]
    predictions: NDArray[np.float64]
    component: str
    version: str
    text_pipeline: str
    texts_digest: str
    model_digest: str
    resamples: int
    seed: int

    @property
    def residuals(self) -> NDArray[np.float64]:
        """Return number minus prediction of each text: float64 [n]."""
        return self.numbers - self.predictions

    @property
    def reasons(self) -> dict[str, str]:
        """Return the reasons for undefined figures, by name."""
        flat = [
            what for what, values in (("numbers", self.numbers), ("predictions", self.predictions)) if _flat(values)
        ]
        correlation = f"all {' and all '.join(flat)} are equal"
        r2 = "all numbers are equal" if "numbers" in flat else "the errors are too large"
        reasons = {"r2": r2, "pearson": correlation, "spearman": correlation}
        return {name: reason for name, reason in reasons.items() if getattr(self, name) is None}

    @property
    def signature(self) -> str:
        """Signature in the style of sacrebleu: one line with everything the figures depend on."""
        parts = [
            "nlmkit-r2",
            f"v:{self.version}",
            self.component,
            self.text_pipeline,
            f"texts:{self.n}:{self.texts_digest}",
            *([f"model:{self.model_digest}"] if self.model_digest else []),
        ]
        return "|".join(parts)

    def to_dict(self, model: str | None = None) -> dict[str, Any]:
        """Return the report as strict JSON types; an undefined figure is None and has its reason under ``reasons``.

        Numbers and predictions of single texts are not included.

        Args:
            model: Path of the model; if given, it comes first.
        """
        values: dict[str, Any] = {} if model is None else {"model": model}
        names = [each.name for each in dataclasses.fields(self) if each.name not in _ARRAYS]
        values |= {name: getattr(self, name) for name in names}
        return values | {
            "intervals": {name: None if found is None else list(found) for name, found in self.intervals.items()},
            "confidence": CONFIDENCE,
            "signature": self.signature,
            "reasons": self.reasons,
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables ``figures`` and ``predictions`` (number, prediction and residual of each text)."""
        figures = {"component": self.component, **{name: getattr(self, name) for name in FIGURES}}
        figures |= {"mean_residual": self.mean_residual, "mean": self.mean}
        figures |= {"standard_deviation": self.standard_deviation, "n": self.n}
        rows = zip(self.numbers.tolist(), self.predictions.tolist(), self.residuals.tolist(), strict=True)
        return {
            "figures": [with_intervals(figures, self.intervals)],
            "predictions": [
                {"number": number, "prediction": prediction, "residual": residual}
                for number, prediction, residual in rows
            ],
        }

    def render(self) -> str:
        """Format the report: one figure with its interval per line, a summary of the numbers, the signature last."""
        reasons, width = self.reasons, max(map(len, FIGURES.values()))
        values = {name: figure_text(getattr(self, name)) for name in FIGURES}
        widest = max(map(len, values.values()))
        lines = []
        for name, title in FIGURES.items():
            found = self.intervals.get(name)
            about = f"  ({reasons[name]})" if name in reasons else ""
            if found is not None:
                about = f"  ({CONFIDENCE:.0%} interval {figure_text(found[0])} to {figure_text(found[1])})"
            lines.append(f"{title:<{width}}  {values[name]:>{widest}}{about}")
        spread = f"mean {figure_text(self.mean)}, standard deviation {figure_text(self.standard_deviation)}"
        residual = f"mean residual (number less prediction): {figure_text(self.mean_residual)}"
        about = f"n = {self.n}; numbers: {spread}; {residual}"
        return "\n\n".join(["\n".join(lines), about, self.signature])

    def __repr__(self) -> str:
        return short_repr(self)


def regression_report(
    numbers: ArrayLike,
    predictions: ArrayLike,
    *,
    component: str,
    model_digest: str,
    text_pipeline: str = "",
    texts_digest: str = "",
    resamples: int = 1000,
    seed: int = 0,
) -> RegressionReport:
    """Compute the report of predictions.

    Args:
        numbers: Numbers of the texts: [texts].
        predictions: Predicted numbers: [texts].
        component: Registered name of the regressor.
        model_digest: Digest of the regressor.
        text_pipeline: Signature of its text pipeline.
        texts_digest: Digest of texts and numbers.
        resamples: Number of bootstrap samples of the intervals; 0 for no intervals.
        seed: Seed of the bootstrap.

    Raises:
        DataError: The texts are empty, the lengths differ, or a value is not finite or is beyond ±1e120.
    """
    true, found = np.asarray(numbers, np.float64), np.asarray(predictions, np.float64)
    if true.shape != found.shape or true.ndim != 1:
        raise DataError(f"numbers of shape {list(true.shape)} and predictions of shape {list(found.shape)}")
    if not len(true):
        raise DataError("no texts to report on")
    for what, values in (("number", true), ("prediction", found)):
        usable = np.abs(values) <= _LARGEST  # NaN is not
        if not usable.all():
            place = int(np.flatnonzero(~usable)[0])
            raise DataError(f"{what} {place + 1} is {values[place]}: expected a finite value up to ±{_LARGEST:g}")
    pairs = _Pairs.of(true, found)
    return RegressionReport(
        n=len(true),
        **{name: _defined(value) for name, value in zip(FIGURES, pairs.figures(), strict=True)},  # type: ignore[arg-type]
        intervals=_intervals(pairs, resamples, seed) if resamples else {},
        mean_residual=float(np.mean(true - found)),
        mean=float(true.mean()),
        standard_deviation=float(true.std()),
        numbers=true,
        predictions=found,
        component=component,
        version=own_version(),
        text_pipeline=text_pipeline,
        texts_digest=texts_digest,
        model_digest=model_digest,
        resamples=resamples,
        seed=seed,
    )


def r_squared(numbers: NDArray[np.float64], predictions: NDArray[np.float64]) -> float:
    """Return 1 − Σ(y−ŷ)² / Σ(y−ȳ)²; NaN without numbers, if all are equal, or if the errors overflow a float.

    Args:
        numbers: Numbers of the texts: float64 [texts].
        predictions: Predicted numbers: float64 [texts].
    """
    if _flat(numbers):
        return float("nan")
    distances = numbers - numbers.mean()
    unit = float(np.abs(distances).max())  # the square of a tiny number would be zero
    with np.errstate(over="ignore"):
        errors = np.sum(((numbers - predictions) / unit) ** 2)
    return float(1 - errors / np.sum((distances / unit) ** 2)) if np.isfinite(errors) else float("nan")


@dataclasses.dataclass(frozen=True)
class _Pairs:
    """Numbers and predictions, with their positions in sorted order.

    Attributes:
        numbers: float64 [n].
        predictions: float64 [n].
        number_places: Position of each number among the distinct ones, ascending: int64 [n].
        prediction_places: The same for each prediction.
    """

    numbers: NDArray[np.float64]
    predictions: NDArray[np.float64]
    number_places: NDArray[np.int64]
    prediction_places: NDArray[np.int64]

    @classmethod
    def of(cls, numbers: NDArray[np.float64], predictions: NDArray[np.float64]) -> _Pairs:
        places = (np.unique(values, return_inverse=True)[1] for values in (numbers, predictions))
        return cls(numbers, predictions, *places)

    def drawn(self, draw: NDArray[np.int64]) -> _Pairs:
        """Return the pairs with these indices, with repetitions: int64 [n]."""
        return _Pairs(*(getattr(self, field.name)[draw] for field in dataclasses.fields(self)))

    def figures(self) -> tuple[float, ...]:
        """Return the values of ``FIGURES``, in order; NaN if undefined."""
        errors = np.abs(self.predictions - self.numbers)
        largest = float(errors.max()) or 1.0
        return (
            r_squared(self.numbers, self.predictions),
            largest * float(np.sqrt(np.mean((errors / largest) ** 2))),
            float(errors.mean()),
            _correlation(self.numbers, self.predictions),
            _correlation(_ranks(self.number_places), _ranks(self.prediction_places)),
        )


def _intervals(pairs: _Pairs, resamples: int, seed: int) -> dict[str, tuple[float, float] | None]:
    random, n = np.random.default_rng(seed), len(pairs.numbers)
    values = np.array([pairs.drawn(random.integers(n, size=n)).figures() for _ in range(resamples)])
    return {name: interval(column) for name, column in zip(FIGURES, values.T, strict=True)}


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return Pearson's correlation; NaN if all values of either are equal."""
    if _flat(first) or _flat(second):
        return float("nan")
    one, two = (values - values.mean() for values in (first, second))
    one, two = (
        one / np.abs(one).max(),
        two / np.abs(two).max(),
    )  # products of huge or tiny numbers would overflow or underflow
    return float(np.clip((one * two).sum() / np.sqrt((one * one).sum() * (two * two).sum()), -1, 1))


def _ranks(places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ranks from 1, with mean ranks for ties: float64 [n].

    Args:
        places: Position of each value among the distinct values, ascending: int64 [n].
    """
    counts = np.bincount(places)
    ranks: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return ranks[places]


def _flat(values: NDArray[Any]) -> bool:
    return not len(values) or bool(values.max() == values.min())


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
