"""The temperature of a softmax, fitted on validation text."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, cast

from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.language_models.combined.tempering import Block
    from nlmkit.text import Corpus

BLOCK_LOGITS: Final = 2**22
"""Maximum number of log-probabilities of a neural model in memory."""


@dataclasses.dataclass(kw_only=True)
class Temperature(LanguageModel):
    """Language model with distributions sharpened or flattened by a temperature fitted on validation text.

    p_T(w | h) = p(w | h)^(1/T) / Σ_v p(v | h)^(1/T): for a neural model, the softmax of its scores divided by T. An
    overconfident model, such as an overfitted one, gets T > 1. T is fitted by Newton's method, since log-probability is
    concave in 1/T (``fit_temperature``); Guo et al. (2017) call it temperature scaling. T = 1 changes nothing.

    The model can be fitted already; otherwise ``fit`` trains a copy of it. Distributions are computed in blocks of
    events.

    Fitted attributes, in addition to those of every language model: ``model_``, ``temperature_`` (T) and
    ``fit_report_``, a JSON-ready dictionary.

    Example:
        >>> from nlmkit import NGram
        >>> train, valid = [["a", "b", "c"], ["b", "a"]], [["b", "b", "b"]]
        >>> lm = Temperature(model=NGram(order=1, smoothing="add-k")).fit(train, valid=valid)
        >>> lm.temperature_ < 1
        True
    """

    name = "temperature"
    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "model": {"component": "ngram", "hyper_parameters": {"order": 2}},
    }

    model: LanguageModel | None = param(None, help="language model to rescale with a temperature")
    temperature: float | None = param(
        None, ge=0.01, le=100, help="T, below 1 for sharper distributions; none: fitted on validation text"
    )
    context: str = param("sentence", choices=("sentence", "stream"), help="context for scoring the validation text")

    def fit(self, data: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Fit T, after the model if it is not fitted yet.

        Args:
            data: Training text for an unfitted model; None for a fitted one.
            valid: Validation text; required unless T is given.
            run: Progress, and run options of an unfitted model.

        Raises:
            HyperParameterError: The model or a required text is missing.
            NotNormalizedError: The model's scores are not probabilities.
            DataError: The text is unusable.
        """
        run = run or RunOptions()
        if self.model is None:
            raise HyperParameterError("a temperature requires a model (--model PATH)")
        if self.temperature is None and valid is None:
            raise HyperParameterError(
                "fitting the temperature requires validation text: add --valid FILE, or set the value"
            )
        from nlmkit.language_models.combined.members import fitted_models

        (model,), corpus = fitted_models([self.model], data, valid, run)
        report: dict[str, Any] = {"model": model.name}
        if corpus is None:
            assert self.temperature is not None
            value, report["notes"] = self.temperature, []
        else:
            value, found = self._fit_on(model, corpus, run)
            report |= found
        self._set_fitted(model, value)
        self.fit_report_ = {"model": model.name, "temperature": self.temperature_} | report
        return self

    def _fit_on(self, model: LanguageModel, corpus: Corpus, run: RunOptions) -> tuple[float, dict[str, Any]]:
        """Return the T that maximises the probability of the validation text, or the given T; and facts to report."""
        import numpy as np

        from nlmkit.language_models.combined.members import finite_perplexity
        from nlmkit.language_models.combined.tempering import HIGHEST, LOWEST, fit_temperature

        context = cast(Context, self.context)
        run.stage("scoring validation text")
        report: dict[str, Any] = {"notes": []}
        if self.temperature is None:
            found = fit_temperature(_Passes(model, corpus, context, run))
            value, means = found.value, [found.log_prob, found.log_prob_before]
            report["passes"] = found.passes
            if found.impossible:
                means = [-np.inf, -np.inf]
                report["notes"].append(f"{found.impossible} validation events have probability zero at any temperature")
            if found.at_bound:
                report["notes"].append(f"the best temperature lies beyond {LOWEST:g} … {HIGHEST:g}, which are tried")
            rows = [np.array([mean]) for mean in means]
        else:
            value = self.temperature
            rows = [_tempered_log_probs(model, corpus, context, each) for each in (value, 1.0)]
        perplexity, before = map(finite_perplexity, rows)
        report |= {"validation_perplexity": perplexity, "validation_perplexity_without_temperature": before}
        return value, report

    def _set_fitted(self, model: LanguageModel, temperature: float) -> None:
        self.vocabulary_, self.pipeline_ = model.vocabulary_, model.pipeline_
        self.model_, self.temperature_ = model, float(temperature)

    @property
    def adapts_to_test_text(self) -> bool:
        """Whether the model adapts."""
        model = self._current()
        return model is not None and model.adapts_to_test_text

    @property
    def reads_backward(self) -> bool:
        """Whether the model reads backward."""
        model = self._current()
        return model is not None and model.reads_backward

    @property
    def unknown_rule(self) -> str:
        """Rule of the model."""
        model = self._current()
        return "none" if model is None else model.unknown_rule

    @property
    def report_labels(self) -> Mapping[str, str]:
        """Label ``temperature``, and the labels of the model."""
        self.check_fitted()
        inner = self.model_.report_labels
        return {"temperature": f"{self.temperature_:.4g}"} | {
            f"{name}.model" if name == "temperature" else name: value for name, value in inner.items()
        }

    def _current(self) -> LanguageModel | None:
        return self.model_ if self.is_fitted else self.model

    @property
    def hidden_states(self) -> Any:
        """Method of this name of the model, if it has one: a temperature does not change hidden states."""
        return cast(Any, self._current()).hidden_states

    # ----------------------------------------------------------------------------------------------- the state machine

    def start(self) -> Hashable:
        """Return the model's state at the beginning of a text."""
        self.check_fitted()
        return self.model_.start()

    def restart(self, state: Any) -> Hashable:
        """Return the model's state at the beginning of another sentence."""
        return self.model_.restart(state)

    def advance(self, state: Any, word_id: int) -> Hashable:
        """Return the model's state after reading ``word_id``."""
        return self.model_.advance(state, word_id)

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id after ``state``: float64 [V]."""
        from nlmkit.language_models.combined.tempering import tempered

        row: NDArray[np.float64] = tempered(self.model_.next_log_probs(state)[None], self.temperature_)[0]
        return row

    # -------------------------------------------------------------------------------------------------------- in batch

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Return the natural log-probability of every event: float64 [events]."""
        check_context(context)
        corpus = self.encode(data)
        return _tempered_log_probs(self.model_, corpus, context, self.temperature_)

    def distributions(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float64]]:
        """Yield the full next-word distributions, one chunk per sentence: float64 [events of the sentence, V]."""
        check_context(context)
        corpus = self.encode(data)
        from nlmkit.language_models.combined.tempering import tempered

        chunks = self.model_.distributions(corpus, context=context)
        return (tempered(chunk, self.temperature_) for chunk in chunks)

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """Return the model's facts per event."""
        self.check_fitted()
        return self.model_.event_details(data)

    # ---------------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return T and the fit report as metadata; the model as a member if ``fit`` fitted it."""
        self.check_fitted()
        metadata = {"temperature": self.temperature_, "fit_report": self.fit_report_}
        return FittedState({}, metadata, {} if self.model_ is self.model else {"model_": self.model_})

    def restore(self, state: FittedState) -> None:
        """Restore model and temperature.

        Raises:
            SavedModelError: The model is missing, or T is not a temperature.
        """
        from nlmkit.saving import require

        model = state.members.get("model_", self.model)
        usable = isinstance(model, LanguageModel) and model.is_fitted
        require(usable, "the saved model is damaged: the rescaled model is missing")
        model = cast(LanguageModel, model)
        value, report = state.metadata.get("temperature"), state.metadata.get("fit_report")
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        require(number and 0.01 <= cast(float, value) <= 100, f"the saved model is damaged: temperature is {value!r}")
        require(isinstance(report, dict), "the saved model is damaged: fit_report is missing from its metadata")
        same = model.vocabulary_ == self.vocabulary_ and model.pipeline_ == self.pipeline_
        require(same, "the saved model is damaged: its vocabulary or text pipeline differs from that of its model")
        self._set_fitted(model, cast(float, value))
        self.fit_report_ = dict(cast("dict[str, Any]", report))


class _Passes:
    """Distributions of a text in blocks, computed anew in each pass.

    For a neural model, the input of its output layer is kept between passes, float32 [events, d].
    """

    def __init__(self, model: LanguageModel, corpus: Corpus, context: Context, run: RunOptions) -> None:
        self._model, self._corpus, self._context, self._run = model, corpus, context, run
        self._ids = corpus.event_ids(model.vocabulary_)
        self._features: NDArray[np.float32] | None = None
        if isinstance(model, NeuralLanguageModel):
            self._features = model.output_features(corpus, context=context)

    def __call__(self) -> Iterator[Block]:
        self._run.stage("trying a temperature", len(self._ids))
        blocks = self._by_sentence() if self._features is None else self._by_block(self._features)
        for log_probs, ids in blocks:
            yield log_probs, ids
            self._run.advance(len(ids))

    def _by_sentence(self) -> Iterator[Block]:
        begin = 0
        for chunk in self._model.distributions(self._corpus, context=self._context):
            yield chunk, self._ids[begin : begin + len(chunk)]
            begin += len(chunk)

    def _by_block(self, features: NDArray[np.float32]) -> Iterator[Block]:
        import torch

        from nlmkit.language_models.neural import scoring

        module = cast(NeuralLanguageModel, self._model).module_
        size = max(1, BLOCK_LOGITS // len(self._model.vocabulary_))
        for begin in range(0, len(features), size):
            with scoring.scoring(module):
                part = torch.from_numpy(features[begin : begin + size]).to(scoring.device_of(module))
                log_probs = module.output.all_log_probs(part).cpu().numpy()
            yield log_probs, self._ids[begin : begin + size]


def _tempered_log_probs(
    model: LanguageModel, corpus: Corpus, context: Context, temperature: float
) -> NDArray[np.float64]:
    """Return the natural log-probability of every event with a temperature: float64 [events]."""
    if temperature == 1:
        return model.log_probs(corpus, context=context)
    import numpy as np

    from nlmkit.language_models.combined.tempering import tempered_events

    blocks = _Passes(model, corpus, context, RunOptions())()
    return np.concatenate([np.empty(0), *(tempered_events(block, temperature) for block in blocks)])
