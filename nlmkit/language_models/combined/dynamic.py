"""Dynamic evaluation: a neural model that continues to train on the text it scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, cast

from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, HyperParameterError, NlmkitError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.adaptation import AdaptedState, Adapter, Segment
    from nlmkit.language_models.reading import ReadingOrder
    from nlmkit.text import Corpus

RATES: Final = {
    "rms": (0.0, 0.00001, 0.00003, 0.0001, 0.0003, 0.001),
    "sgd": (0.0, 0.003, 0.01, 0.03, 0.1, 0.3),
}
"""Grid for ``lr`` under each rule; 0 leaves the model unchanged."""

DECAYS: Final = {"rms": (0.003, 0.0, 0.0003, 0.001, 0.01), "sgd": (0.003, 0.0, 0.0003, 0.001, 0.01)}
"""Grid for ``decay`` under each rule; the first value is used during the search for ``lr``."""


@dataclasses.dataclass(kw_only=True)
class DynamicEvaluation(LanguageModel):
    """Dynamic evaluation of a neural language model (Mikolov et al. 2010; Krause et al. 2018).

    A text is scored in segments of a few events. After each segment the weights take a gradient step on its mean loss
    and a small step back to the trained weights θ₀, which adapts the model to the text. With g the gradient, R the
    root mean square of each weight's gradients on training text, and R̄ the mean of R over all weights:

        rule=rms:  θ ← θ + min(1, λ R / R̄) (θ₀ − θ) − η g / (R + ε R̄)
        rule=sgd:  θ ← θ + λ (θ₀ − θ) − η g

    η is ``lr``, λ ``decay``, ε ``epsilon`` (relative to R̄). Dropout is off. The model itself never changes: every
    scoring works on a copy that starts from θ₀, so results are independent of earlier ones.

    The weights adapt to the scored text itself, in the order of its sentences: such figures are marked ``adapt:yes``
    and are comparable with others only under that label. In the context ``sentence`` the hidden state is reset at each
    sentence, where a segment ends too; **the weights are not**. A backward model adapts to the text from its last
    sentence on, and ``distributions`` of a text are held in memory.

    ``lr`` and ``decay`` are fitted on the first ``tuning_events`` events of validation text, one after the other, by
    grid search (``RATES``, ``DECAYS``); given values are not fitted. R is collected on the first ``statistics_steps``
    windows of training text in ``statistics_batch`` columns. A model that is fitted already needs its training text
    again for R; otherwise ``fit`` trains a copy of the model.

    Scoring costs about as much as training on the text in steps of one segment. The states of a segment share their
    weights, and each segment has its own: a list of states over a text of n events holds n / ``segment`` copies of the
    weights.

    Fitted attributes, in addition to those of every language model: ``model_``, ``lr_``, ``decay_``, ``rms_`` (R by
    name of the weight, float32 arrays; empty with rule=sgd) and ``fit_report_``, a JSON-ready dictionary.

    Example:
        >>> from nlmkit import LSTM
        >>> train, valid = [["a", "b", "c"], ["b", "a"]], [["b", "b", "b"]]
        >>> lstm = LSTM(hidden=8, embedding=4, epochs=2, batch=2)
        >>> lm = DynamicEvaluation(model=lstm, lr=0.01, decay=0.0).fit(train, valid=valid)
        >>> lm.adapts_to_test_text
        True
    """

    name = "dynamic"
    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "model": {
            "component": "lstm",
            "hyper_parameters": {
                "hidden": 12,
                "embedding": 8,
                "epochs": 4,
                "batch": 12,
                "lr": 0.03,
                "dropout_input": 0.0,
                "dropout_output": 0.0,
            },
        },
        "statistics_batch": 4,
        "tuning_events": 50,
    }

    model: LanguageModel | None = param(None, help="neural language model to evaluate dynamically")
    rule: str = param(
        "rms", choices=("rms", "sgd"), help="update rule; rms scales steps by the gradients on training text"
    )
    segment: int = param(5, ge=1, le=10_000, help="events per update step")
    lr: float | None = param(None, ge=0, help="η, learning rate; none: fitted on validation text")
    decay: float | None = param(
        None, ge=0, le=1, help="λ, decay toward the trained weights; none: fitted on validation text"
    )
    clip_norm: float | None = param(None, gt=0, help="largest norm of a segment's gradient")
    epsilon: float = param(1.0, gt=0, help="of rule=rms: ε, which limits the steps of rarely used weights")
    statistics_batch: int = param(64, ge=1, le=65536, help="of rule=rms: parallel columns of training text")
    statistics_steps: int = param(2000, ge=1, help="of rule=rms: maximum number of windows of training text")
    tuning_events: int = param(10_000, ge=1, help="events of validation text used to fit lr and decay")
    context: str = param("sentence", choices=("sentence", "stream"), help="context for scoring the validation text")

    def fit(self, data: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Collect gradients and fit lr and decay, after the model if it is not fitted yet.

        Args:
            data: Training text: for the gradients of rule=rms, and for an unfitted model.
            valid: Validation text; required unless lr and decay are given.
            run: Progress, and run options of an unfitted model.

        Raises:
            HyperParameterError: The model is missing or not neural, or a required text is missing.
            DataError: The text is unusable.
        """
        run = run or RunOptions()
        given = self._check_options(data, valid)
        from nlmkit.language_models.combined.members import fitted_models
        from nlmkit.text import Corpus

        if data is not None and not isinstance(data, Corpus):
            data = Corpus.read(data, given.pipeline_ if given.is_fitted else None)
        only_statistics = given.is_fitted and self.rule == "rms"
        (fitted,), corpus = fitted_models([given], None if only_statistics else data, valid, run)
        model = cast(NeuralLanguageModel, fitted)
        rms, windows = self._collect(model, data, run) if self.rule == "rms" else ({}, 0)
        report: dict[str, Any] = {"model": model.name, "notes": []}
        if windows:
            report["statistics_windows"] = windows
        if corpus is None:
            assert self.lr is not None
            assert self.decay is not None
            lr, decay = self.lr, self.decay
        else:
            lr, decay = self._fit_on(model, corpus, rms, report, run)
        self._set_fitted(model, lr, decay, rms)
        self.fit_report_ = {"model": model.name, "lr": self.lr_, "decay": self.decay_} | report
        return self

    def _check_options(self, data: Any, valid: Any) -> NeuralLanguageModel:
        if self.model is None:
            raise HyperParameterError("dynamic evaluation requires a model (--model PATH)")
        if not isinstance(self.model, NeuralLanguageModel):
            raise HyperParameterError(f"dynamic evaluation requires a neural language model, not {self.model.name}")
        if self.rule == "rms" and data is None:
            raise HyperParameterError(
                "rule=rms requires training text for its gradients: add TRAIN, or choose rule=sgd"
            )
        missing = " and ".join(name for name in ("lr", "decay") if getattr(self, name) is None)
        if missing and valid is None:
            raise HyperParameterError(f"fitting {missing} requires validation text: add --valid FILE, or set the value")
        return self.model

    def _collect(
        self, model: NeuralLanguageModel, data: Corpus, run: RunOptions
    ) -> tuple[dict[str, NDArray[np.float32]], int]:
        """Return R by name of the weight, and the number of windows it was computed from."""
        import math

        from nlmkit.language_models.neural.adaptation import gradient_rms

        corpus = model.encode(data)
        if not corpus.events:
            raise DataError("no gradients: the training text is empty")
        batch = min(self.statistics_batch, corpus.events)
        windows = min(self.statistics_steps, math.ceil(corpus.events // batch / self.segment))
        run.stage("collecting gradients", windows)
        found = gradient_rms(
            model.module_,
            corpus.event_ids(model.vocabulary_)[model.reading_order(corpus).places],
            batch=batch,
            segment=self.segment,
            steps=windows,
            advance=run.advance,
        )
        return found, windows

    def _fit_on(
        self,
        model: NeuralLanguageModel,
        corpus: Corpus,
        rms: Mapping[str, NDArray[np.float32]],
        report: dict[str, Any],
        run: RunOptions,
    ) -> tuple[float, float]:
        """Return the lr and decay that maximise the probability of the beginning of the validation text."""
        import numpy as np

        from nlmkit.language_models.combined.members import finite_perplexity

        corpus = model.encode(corpus)
        order = model.reading_order(corpus)
        events, offsets = corpus.event_ids(model.vocabulary_)[order.places], order.offsets
        if not len(events):
            raise DataError("cannot fit lr and decay: the validation text is empty")
        sentences = max(1, int(np.searchsorted(offsets, self.tuning_events, side="right")) - 1)
        offsets = offsets[: sentences + 1]
        events = events[: offsets[-1]]
        rates = RATES[self.rule] if self.lr is None else (self.lr,)
        decays = DECAYS[self.rule] if self.decay is None else (self.decay,)
        run.stage("trying values of lr and decay", len(rates) + len(decays) - 1)
        tried: dict[tuple[float, float], float] = {}

        def mean(lr: float, decay: float) -> float:
            """Return the mean log-probability of an event; −inf if the weights diverge."""
            adapter = self._adapter(model, lr, decay, rms)
            values = np.empty(len(events))
            for begin, segment in adapter.read(events, offsets, cast(Context, self.context)):
                found = segment.log_probs.cpu().numpy()
                values[begin : begin + len(found)] = found
                if not np.isfinite(found).all():
                    values[:] = -np.inf
                    break
            run.advance(1)
            tried[lr, decay] = float(values.mean())
            return tried[lr, decay]

        lr = max(rates, key=lambda rate: mean(rate, decays[0]))
        for decay in decays[1:] if lr else ():
            mean(lr, decay)
        best = max(tried, key=lambda pair: tried[pair])
        if best[0] == 0:
            report["notes"].append("no rate that was tried makes the validation text more probable: lr is 0")
        static = model.log_probs(corpus, context=cast(Context, self.context))[order.places][: len(events)]
        report |= {
            "tuning_events": len(events),
            "validation_perplexity": finite_perplexity(np.array([tried[best]])),
            "validation_perplexity_static": finite_perplexity(static),
            "lr_decay_perplexity": [[*pair, finite_perplexity(np.array([value]))] for pair, value in tried.items()],
        }
        return best

    def _set_fitted(
        self, model: NeuralLanguageModel, lr: float, decay: float, rms: dict[str, NDArray[np.float32]]
    ) -> None:
        self.vocabulary_, self.pipeline_ = model.vocabulary_, model.pipeline_
        self.model_, self.lr_, self.decay_, self.rms_ = model, float(lr), float(decay), rms
        self._machine: Adapter | None = None

    def _adapter(
        self, model: NeuralLanguageModel, lr: float, decay: float, rms: Mapping[str, NDArray[np.float32]]
    ) -> Adapter:
        """Return a copy of the model's network with weights that adapt to the text."""
        from nlmkit.language_models.neural.adaptation import Adapter, Rule

        rule = Rule(lr, decay, self.clip_norm, self.epsilon, rms if self.rule == "rms" else None)
        return Adapter(model.module_, rule, self.segment)

    @property
    def adapts_to_test_text(self) -> bool:
        """True: scored text changes later scores."""
        return True

    @property
    def reads_backward(self) -> bool:
        """Whether the model reads backward."""
        model = self.model_ if self.is_fitted else self.model
        return model is not None and model.reads_backward

    @property
    def unknown_rule(self) -> str:
        """Rule of the model."""
        model = self.model_ if self.is_fitted else self.model
        return "none" if model is None else model.unknown_rule

    @property
    def report_labels(self) -> Mapping[str, str]:
        """Label ``dynamic`` with rule, segment length, lr and decay; and the labels of the model."""
        self.check_fitted()
        own = f"{self.rule},segment={self.segment},lr={self.lr_:.4g},decay={self.decay_:.4g}"
        return {"dynamic": own, **self.model_.report_labels}

    # ----------------------------------------------------------------------------------------------- the state machine

    def start(self) -> AdaptedState:
        """Return the model's start state, with the trained weights."""
        return self._states().start()

    def restart(self, state: AdaptedState) -> AdaptedState:
        """Return the model's state at the start of another sentence, with the adapted weights."""
        return self._states().restart(state)

    def advance(self, state: AdaptedState, word_id: int) -> AdaptedState:
        """Return the state after reading ``word_id``; the weights take a step at the end of a segment."""
        return _finite(self._states().advance(state, word_id))

    def next_log_probs(self, state: AdaptedState) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id after ``state``: float64 [V], −inf at ``<s>``."""
        return self._states().next_log_probs(state)

    def _states(self) -> Adapter:
        """Return the network copy of the state machine, created on first use."""
        self.check_fitted()
        if self._machine is None:
            self._machine = self._adapter(self.model_, self.lr_, self.decay_, self.rms_)
        return self._machine

    # -------------------------------------------------------------------------------------------------------- in batch

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Return the natural log-probability of every event: float64 [events]; neither context resets the weights.

        Raises:
            NlmkitError: The weights diverge, because the rate is too high for this text.
        """
        check_context(context)
        corpus = self.encode(data)
        import numpy as np

        values = [segment.log_probs.cpu().numpy() for _, segment in self._segments(corpus, context)[1]]
        return self.reading_order(corpus).placed(np.concatenate([np.empty(0), *values]))

    def distributions(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float64]]:
        """Yield the full next-word distributions, one chunk per sentence: float64 [events of the sentence, V]."""
        check_context(context)
        corpus = self.encode(data)
        import numpy as np
        import torch

        adapter, segments = self._segments(corpus, context)

        def rows(segment: Segment) -> NDArray[np.float64]:
            with torch.inference_mode():
                log_probs: NDArray[np.float64] = (
                    adapter.module.output.all_log_probs(segment.features).cpu().numpy().astype(np.float64)
                )
            return log_probs

        return _by_sentence(self.reading_order(corpus), (rows(segment) for _, segment in segments))

    def hidden_states(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float32]]:
        """Yield the last hidden layer before each event, one chunk per sentence: float32 [events of the sentence, h].

        The same vector is ``hidden`` of the state before the event.
        """
        check_context(context)
        corpus = self.encode(data)
        _, segments = self._segments(corpus, context)
        return _by_sentence(self.reading_order(corpus), (segment.hidden.cpu().numpy() for _, segment in segments))

    def _segments(self, corpus: Corpus, context: Context) -> tuple[Adapter, Iterator[tuple[int, Segment]]]:
        """Return a copy of the network, and an iterator over the scored segments of the text."""
        adapter = self._adapter(self.model_, self.lr_, self.decay_, self.rms_)
        order = self.reading_order(corpus)
        events = corpus.event_ids(self.vocabulary_)[order.places]

        def checked() -> Iterator[tuple[int, Segment]]:
            for begin, segment in adapter.read(events, order.offsets, context):
                if not bool(segment.log_probs.isfinite().all()):
                    raise _diverged(f"at event {begin + 1}{', read from the end' if order.backward else ''}")
                yield begin, segment

        return adapter, checked()

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """Return the model's facts per event."""
        self.check_fitted()
        return self.model_.event_details(data)

    # ---------------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return R as arrays; lr, decay and the fit report as metadata; the model as a member if ``fit`` fitted it."""
        self.check_fitted()
        metadata = {"lr": self.lr_, "decay": self.decay_, "fit_report": self.fit_report_}
        arrays = {f"rms.{name}": values for name, values in self.rms_.items()}
        return FittedState(arrays, metadata, {} if self.model_ is self.model else {"model_": self.model_})

    def restore(self, state: FittedState) -> None:
        """Restore the model and the collected statistics.

        Raises:
            SavedModelError: The model is missing, or an array or value is invalid.
        """
        import numpy as np

        from nlmkit.language_models.neural.adaptation import adapted_parameters
        from nlmkit.saving import require, require_array

        model = state.members.get("model_", self.model)
        usable = isinstance(model, NeuralLanguageModel) and model.is_fitted
        require(usable, "the saved model is damaged: the dynamically evaluated model is missing")
        model = cast(NeuralLanguageModel, model)
        lr, decay, report = (state.metadata.get(name) for name in ("lr", "decay", "fit_report"))
        for name, value, limit in (("lr", lr, float("inf")), ("decay", decay, 1.0)):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            require(number and 0 <= cast(float, value) <= limit, f"the saved model is damaged: {name} is {value!r}")
        require(isinstance(report, dict), "the saved model is damaged: fit_report is missing from its metadata")
        same = model.vocabulary_ == self.vocabulary_ and model.pipeline_ == self.pipeline_
        require(same, "the saved model is damaged: its vocabulary or text pipeline differs from that of its model")
        parameters = adapted_parameters(model.module_) if self.rule == "rms" else {}
        rms = {}
        for name, weight in parameters.items():
            array = require_array(state.arrays, f"rms.{name}", dtype="float32", shape=tuple(weight.shape))
            sound = bool(np.isfinite(array).all()) and (array >= 0).all()
            require(sound, f"array 'rms.{name}' contains values that are not a root mean square")
            rms[name] = np.array(array, dtype=np.float32)
        require(len(state.arrays) == len(rms), "the saved model contains arrays that match no weight")
        self._set_fitted(model, cast(float, lr), cast(float, decay), rms)
        self.fit_report_ = dict(cast("dict[str, Any]", report))


def _by_sentence(order: ReadingOrder, segments: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield the rows of segments sentence by sentence, in the order of the text."""
    return (order.rows(rows) for rows in order.sentences(_as_read(order, segments)))


def _as_read(order: ReadingOrder, segments: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield the rows of segments sentence by sentence, in the order of reading."""
    import numpy as np

    pending: list[NDArray[Any]] = []
    for events in np.diff(order.offsets).tolist():
        while sum(map(len, pending)) < events:
            pending.append(next(segments))
        rows = np.concatenate(pending)
        pending = [rows[events:]] if len(rows) > events else []
        yield rows[:events]


def _finite(state: AdaptedState) -> AdaptedState:
    import numpy as np

    if not np.isfinite(state.network.features).all():
        raise _diverged("after this history")
    return state


def _diverged(where: str) -> NlmkitError:
    return NlmkitError(f"dynamic evaluation diverged {where}: lower lr or set clip_norm")
