"""What models made of other language models share: members to fit or to take as they are, texts, and weights by EM."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, HyperParameterError, NotNormalizedError
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.report import perplexity
from nlmkit.text import Corpus, TextPipeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

GAP: Final = 1e-9
"""EM stops where no weights whatever can raise the mean log-probability by more than this many nats."""

MAX_ITERATIONS: Final = 2_000

_LONGEST_STEP: Final = 256.0
_SMALLEST: Final = 1e-30


@dataclasses.dataclass(frozen=True)
class Weights:
    """Interpolation weights as EM found them.

    Attributes:
        values: One for each model, summing to one: float64 [models].
        log_prob: Mean natural log-probability that the mixture gives the events used.
        impossible: Events that every model gives probability zero; no weights help there, and they were left out.
        iterations: Steps of EM.
        gap: By how much at most the best weights have a greater ``log_prob``.
    """

    values: NDArray[np.float64]
    log_prob: float
    impossible: int
    iterations: int
    gap: float


def fit_weights(log_probs: NDArray[np.float64]) -> Weights:
    """The weights that make a text most probable under a linear interpolation of models (Jelinek & Mercer 1980).

    With p_k(t) the probability of event t under model k, and m(t) = Σ_k λ_k p_k(t), one step of EM multiplies λ_k by
    g_k = mean_t p_k(t) / m(t). The mean of ln m is concave in λ with the gradient g, so that no weights can exceed it
    by more than max_k g_k − 1: EM from equal weights ends at the global optimum, and this bound says when. Steps are
    lengthened to g_k^η while that still raises the mean, as EM is slow where models are alike (Salakhutdinov & Roweis
    2003).

    Args:
        log_probs: Natural log-probability of every event under each model: float64 [models, events].

    Raises:
        DataError: there is no event that a model gives a probability above zero.
    """
    highest = log_probs.max(axis=0, initial=-np.inf)
    possible = highest > -np.inf
    impossible = int(len(possible) - possible.sum())
    if impossible == len(possible):
        problem = "has no event" if not impossible else "holds only events that every model gives probability zero"
        raise DataError(f"the validation text {problem}: weights cannot be fitted on it")
    if impossible:
        log_probs, highest = log_probs[:, possible], highest[possible]
    shares = np.exp(log_probs - highest)  # in proportion to the probabilities, and without underflow
    weights = np.full(len(shares), 1 / len(shares))
    mixture = weights @ shares
    value, length, iterations = float(np.log(mixture).mean()), 1.0, 0
    while True:
        gradient = (shares / mixture).mean(axis=1)
        gap = float(gradient.max()) - 1
        if gap <= GAP or iterations == MAX_ITERATIONS:
            break
        iterations += 1
        longer = _step(weights, gradient, length)
        mixture = longer @ shares
        reached = float(np.log(mixture).mean())
        if not reached >= value and length > 1:  # NaN too, of a step that was much too long
            length, longer = 1.0, _step(weights, gradient, 1.0)
            mixture = longer @ shares
            reached = float(np.log(mixture).mean())
        weights, value, length = longer, reached, min(length * 1.5, _LONGEST_STEP)
    return Weights(weights, value + float(highest.mean()), impossible, iterations, gap)


def _step(weights: NDArray[np.float64], gradient: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """One step of EM, lengthened; no weight gets so small that it could not grow again."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved: NDArray[np.float64] = weights * gradient**length
        floored: NDArray[np.float64] = np.maximum(moved / moved.sum(), _SMALLEST)
    return floored


def fitted_models(
    models: Sequence[LanguageModel], data: Any, valid: Any, run: RunOptions
) -> tuple[tuple[LanguageModel, ...], Corpus | None]:
    """The models to stack, and the validation text as they read it.

    Args:
        models: A fitted one is taken as it is; of another a copy is fitted to ``data``, and it is left alone itself.
        data: Training text; None when every model is fitted.
        valid: Validation text, or None.
        run: Passed on to those that are fitted.

    Raises:
        HyperParameterError: there is nothing to fit a model to, or nothing to fit.
        NotNormalizedError: a model's scores are no probabilities.
    """
    for number, model in enumerate(models, 1):
        if not model.normalized:
            raise NotNormalizedError(
                f"model {number}, {model.name}, returns scores that are not probabilities: "
                "what is built on it would be none either"
            )
    unfitted = [model.name for model in models if not model.is_fitted]
    if unfitted and data is None:
        raise HyperParameterError(
            f"{', '.join(unfitted)} is not fitted: give training text, or models that are fitted (--model)"
        )
    if data is not None and not unfitted:
        raise HyperParameterError("every model is fitted already, so there is nothing to train: leave out the text")
    corpus: Corpus | None = None
    if data is not None:
        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        pipeline = corpus.pipeline or TextPipeline()
    else:
        pipeline = models[0].pipeline_
    if valid is not None and not isinstance(valid, Corpus):
        valid = Corpus.read(valid, pipeline)
    fitted = (model if model.is_fitted else _copy(model).fit(corpus, valid=valid, run=run) for model in models)
    return tuple(fitted), valid


def _copy(model: LanguageModel) -> LanguageModel:
    return type(model)(**model.get_params(deep=False))


def finite_perplexity(log_probs: NDArray[np.float64]) -> float | None:
    """Perplexity of events with these log-probabilities; None where it is infinite or there are no events."""
    value = perplexity(log_probs, np.array([0, len(log_probs)]))
    return value if np.isfinite(value) else None
