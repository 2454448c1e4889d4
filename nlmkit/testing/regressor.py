"""The conformance kit of regressors."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.regressors.base import Regressor
from nlmkit.testing import component, data, text_model
from nlmkit.testing.checks import Check, check_in, require, require_close, require_error
from nlmkit.testing.text_model import Targeted, test, unusual
from nlmkit.text import TextPipeline, Tokenization
from nlmkit.text.numbered import NumberedTexts

NUMBERS: Final = (1.0, 2.0, 3.0, 8.0, 9.0, 10.0)
"""The number that goes with each word of ``WORST_TO_BEST``."""

_LEARNED: Final = 0.8  # R² on the training texts

_OWN: list[Check] = [*text_model.CHECKS]


# ----------------------------------------------------------------------------------------------------------- texts


def train() -> Targeted:
    """The training texts, with numbers from 1 to 10."""
    texts, places = text_model.train()
    return texts, [NUMBERS[place] for place in places]


def other() -> Targeted:
    """Other training texts: other words, sizes and numbers."""
    return ["rivers rise", "rivers fall slowly", "hills stand still"] * 6, [-40, 70.5, 0] * 6


def valid() -> Targeted:
    """Held-out texts, with words that the training texts lack."""
    texts, places = text_model.valid()
    return texts, [NUMBERS[place] for place in places]


# --------------------------------------------------------------------------------------------------------- subject


class Subject(text_model.Subject):
    """A configured, unfitted regressor under test."""

    component: Regressor
    fitted: Regressor
    form = NumberedTexts

    def clone(self) -> Regressor:
        """An unfitted regressor with the same hyper-parameters."""
        return cast(Regressor, super().clone())

    def train(self, *, other: bool = False) -> Targeted:
        """Texts with numbers."""
        return (other_ if other else train)()

    def valid(self) -> Targeted:
        """Texts with numbers."""
        return valid()

    def answers(self, model: Any, texts: Any) -> NDArray[np.float64]:
        """The numbers: float64 [texts]."""
        found: NDArray[np.float64] = model.predict(texts)
        return found


other_ = other  # `Subject.train` has an argument of that name


def _require_numbers(regressor: Regressor, texts: Sequence[str], what: str) -> None:
    found = regressor.predict(texts)
    require(isinstance(found, np.ndarray), f"predict returns {type(found).__name__}, not an array")
    shape = [len(texts)]
    require(list(found.shape) == shape, f"{what}: predictions of shape {list(found.shape)}, not {shape}")
    require(found.dtype == np.float64, f"{what}: predictions of {found.dtype}, not float64")
    require(bool(np.isfinite(found).all()), f"{what}: predictions that are NaN or infinite")


# ------------------------------------------------------------------------------------------------- what fit leaves


@check_in(_OWN)
def fit_sets_scale_and_pipeline(subject: Subject) -> None:
    """``fit`` sets ``target_mean_`` and ``target_scale_``, of the numbers, and ``pipeline_``, as configured."""
    numbers = np.array(train()[1])
    for name, wanted in (("target_mean_", numbers.mean()), ("target_scale_", numbers.std())):
        found = getattr(subject.fitted, name, None)
        require(isinstance(found, float), f"{name} is {type(found).__name__}, not a float")
        require_close(cast(float, found), wanted, 1e-9, name)
    pipeline = getattr(subject.fitted, "pipeline_", None)
    require(isinstance(pipeline, TextPipeline), f"pipeline_ is {type(pipeline).__name__}, not a TextPipeline")
    component = subject.component
    tokenizer = Tokenization(component.tokenizer).tokenizer  # a segmenter has a name of its own there
    expected = {"tokenizer": tokenizer, "lowercase": component.lowercase, "unicode_form": component.unicode_form}
    for name, wanted in expected.items():
        own = getattr(pipeline, name)
        require(own == wanted, f"{name} is {wanted!r}, and {own!r} in pipeline_")


@check_in(_OWN)
def fit_reports_texts_and_numbers(subject: Subject) -> None:
    """``fit_report_`` is strict JSON, and says how many texts there were, and what their numbers are like."""
    report = subject.fitted.fit_report_
    json.dumps(report, allow_nan=False)
    require(report.get("texts") == 48, f"fit_report_ counts {report.get('texts')} training texts of 48")
    about = report.get("numbers", {})
    for name, wanted in (("lowest", 1.0), ("highest", 10.0), ("different", 6)):
        require(about.get(name) == wanted, f"fit_report_ has {name} {about.get(name)!r} of the numbers, not {wanted}")
    require("validation_rmse" in report, "fit_report_ does not contain the RMSE on the held-out texts")


@check_in(_OWN)
def failed_fit_leaves_the_regressor_as_it_was(subject: Subject) -> None:
    """A fit that fails leaves a fitted regressor fitted as it was."""
    regressor = cast(Regressor, subject.fit(subject.clone()))
    before = subject.results(regressor)
    require_error(DataError, lambda: regressor.fit(["one", "two"], [1, 1]), "fit on texts of one number")
    require_close(subject.results(regressor), before, 0, "predictions after and before a fit that failed")


# ----------------------------------------------------------------------------------------------------- the numbers


@check_in(_OWN)
def numbers_of_every_type_agree(subject: Subject) -> None:
    """Integers and floats, of Python and NumPy, are the same numbers."""
    texts, numbers = train()
    wanted = subject.results(subject.fitted_on(texts, numbers))
    forms = ([int(number) for number in numbers], np.array(numbers, np.float32), np.array(numbers, np.int16))
    for form in forms:
        what = str(form.dtype) if isinstance(form, np.ndarray) else "int"
        found = subject.results(subject.fitted_on(texts, form))
        require_close(found, wanted, 0, f"predictions when fitted on numbers of {what}, and of float")


@check_in(_OWN)
def unit_of_the_numbers_does_not_matter(subject: Subject) -> None:
    """Scaled and shifted training numbers give predictions that are scaled and shifted as they are."""
    texts, numbers = train()
    held_out, right = valid()
    plain = subject.results(subject.fitted_on(texts, numbers, held_out=(held_out, right)))
    for scale, shift in ((4.0, -32.0), (2.0**-20, 0.0), (2.0**20, 2.0**23)):
        changed = ([scale * number + shift for number in some] for some in (numbers, right))
        regressor = subject.fitted_on(texts, next(changed), held_out=(held_out, next(changed)))
        found = (subject.results(regressor) - shift) / scale
        require_close(found, plain, max(subject.tolerance, 1e-6), f"predictions of {scale:g} · number + {shift:g}")


@check_in(_OWN)
def predictions_are_numbers(subject: Subject) -> None:
    """``predict`` gives float64 [texts], all finite."""
    _require_numbers(subject.fitted, test(), "test texts")


@check_in(_OWN)
def empty_and_unknown_texts_have_predictions(subject: Subject) -> None:
    """Texts without words, of unknown words alone, and of unusual characters have numbers, also alone."""
    _require_numbers(subject.fitted, unusual(), "unusual texts")
    _require_numbers(subject.fitted, ["", ""], "empty texts")
    _require_numbers(subject.fitted, ["zyzzyva"], "an unknown word")


@check_in(_OWN)
def no_texts_have_no_predictions(subject: Subject) -> None:
    """Of no texts at all there are no predictions, a score of NaN, and no report."""
    found = subject.fitted.predict([])
    require(found.shape == (0,), f"predictions of no texts have the shape {list(found.shape)}")
    score = subject.fitted.score([], [])
    require(math.isnan(score), f"the score of no texts is {score}, not NaN")
    require_error(DataError, lambda: subject.fitted.report([], []), "a report on no texts")


# -------------------------------------------------------------------------------------------------------- learning


@check_in(_OWN)
def learns_the_training_texts(subject: Subject) -> None:
    """Of training texts whose number one word decides, four fifths of the variance are explained afterwards."""
    score = subject.fitted.score(*train())
    require(score >= _LEARNED, f"R² {score:.3f} on the training texts")


@check_in(_OWN)
def chinese_texts_have_predictions(subject: Subject) -> None:
    """With ``tokenizer=char`` texts without spaces are learned like any other."""
    regressor = subject.clone().set_params(tokenizer="char")
    lines = data.chinese()[:24]
    texts = [line + mark for line in lines for mark in ("太好了", "真糟糕")]
    numbers = [9, 2] * len(lines)
    regressor.fit(texts, numbers, valid=(texts, numbers))
    _require_numbers(regressor, [*texts, "未曾见过", ""], "Chinese texts")
    require(regressor.score(texts, numbers) >= _LEARNED, "the training texts are not learned")


@check_in(_OWN)
def repeated_and_contradictory_texts_are_taken(subject: Subject) -> None:
    """Training texts may be empty, stand several times, and have now one number and now another."""
    texts, numbers = train()
    texts += ["the same", "the same", "the same", ""]
    numbers += [1, 10, 10, 5]
    _require_numbers(subject.fitted_on(texts, numbers), [*test(), "the same"], "contradictory texts")


@check_in(_OWN)
def unusable_training_data_are_refused(subject: Subject) -> None:
    """DataError: equal numbers, one text, none, no words, numbers missing, too few, not finite or no numbers."""
    texts, numbers = train()
    wrong: dict[str, tuple[Any, Any]] = {
        "texts of one number": (texts, [3.5] * len(texts)),
        "one text": (texts[:1], [1]),
        "no texts": ([], []),
        "texts without words": (["", "  ", "\n"], [1, 2, 3]),
        "texts without numbers": (texts, None),
        "fewer numbers than texts": (texts, numbers[:-1]),
        "numbers that are missing": (texts[:2], [1, None]),
        "NaN": (texts[:2], [1, math.nan]),
        "infinity": (texts[:2], [1, math.inf]),
        "absurdly large numbers": (texts[:2], [1, 1e300]),
        "booleans": (texts[:2], [True, False]),
        "strings as numbers": (texts[:2], ["1", "2"]),
        "one string instead of texts": ("lovely", [1, 2, 3, 4, 5, 6]),
        "texts that are not strings": ([1, 2], [1, 2]),
    }
    for what, given in wrong.items():
        require_error(DataError, functools.partial(subject.clone().fit, *given), f"fit on {what}")


# --------------------------------------------------------------------------------------------------------- scoring


@check_in(_OWN)
def score_is_r_squared(subject: Subject) -> None:
    """``score`` is 1 − Σ(y−ŷ)² / Σ(y−ȳ)², and the report's R²."""
    texts, numbers = train()
    numbers = [numbers[-1], *numbers[1:]]
    found = subject.fitted.predict(texts).tolist()
    mean = sum(numbers) / len(numbers)
    errors = sum((one - two) ** 2 for one, two in zip(numbers, found, strict=True))
    wanted = 1 - errors / sum((number - mean) ** 2 for number in numbers)
    score, report = subject.fitted.score(texts, numbers), subject.fitted.report(texts, numbers)
    require_close(score, wanted, 1e-9, "the score, and R² of the predictions")
    require(report.r2 == score, f"the report's R² is {report.r2!r}, and the score {score!r}")
    require(report.n == len(numbers), f"the report counts {report.n} texts of {len(numbers)}")
    require(report.model_digest == subject.fitted.digest, "the report has another digest than the regressor")
    json.dumps(report.to_dict(), allow_nan=False)


@check_in(_OWN)
def equal_numbers_have_no_score(subject: Subject) -> None:
    """Where all numbers are equal R² is undefined: the score is NaN, and None in the report, which says why."""
    texts, _ = valid()
    score = subject.fitted.score(texts, [3] * len(texts))
    require(math.isnan(score), f"the score of equal numbers is {score!r}, not NaN")
    report = subject.fitted.report(texts, [3] * len(texts))
    require(report.r2 is None and "r2" in report.reasons, f"the report's R² is {report.r2!r} for equal numbers")
    json.dumps(report.to_dict(), allow_nan=False)


CHECKS: Final = (*component.CHECKS, *_OWN)
"""Every check of a regressor, the shared ones first."""
