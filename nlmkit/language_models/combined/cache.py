"""Cache models: recent words of a text become more probable."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, cast

from nlmkit.core.parameters import param, value_of
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.language_models.combined.members import Weights
    from nlmkit.text import Corpus

HALF_LIVES: Final = (16, 32, 64, 128, 256, 512, 1024, 2048)
"""Half-lives in events of the grid for ``decay``, in addition to 1 (no decay)."""

THETAS: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.5, 4.0)
"""Grid for ``theta``."""


@dataclasses.dataclass(frozen=True)
class CacheState:
    """Immutable state of a cache and its model after the events read so far.

    Attributes:
        model: State of the model.
        history: The events in the cache, the latest first.
        keys: For a neural cache, the bytes of the hidden state before each event.
    """

    model: Hashable
    history: tuple[int, ...] = ()
    keys: tuple[bytes, ...] = ()


@dataclasses.dataclass(kw_only=True)
class Cache(LanguageModel):
    """Language model with a cache of recent events: unigram (Kuhn & De Mori 1990) or neural (Grave et al. 2017).

    p(w | h) = (1 − λ) p_model(w | h) + λ p_cache(w), and p_model alone while the cache is empty. The cache holds the
    latest ``window`` events of the text, both words and ``</s>``.

    * ``unigram``: the probability of a word is its share of the events in the cache, each weighted by ``decay`` to the
      power of its age (Clarkson & Robinson 1997); decay 1 weights all equally.
    * ``neural``: event i has weight exp(θ h·h_i), where h is the current hidden state and h_i the one before event i.
      The model must have ``hidden_states(data, context=...)``, float32 [events, h] at once or sentence by sentence,
      and states with an attribute ``hidden``, float32 [h].

    The cache is filled with the scored text itself, in the order of its sentences: such figures are marked
    ``adapt:yes`` and are comparable with others only under that label. In the context ``sentence`` the model is reset
    at each sentence, **the cache is not**. With a backward model, which reads the text from its end, the cache holds
    the events after the scored one.

    λ is fitted on validation text by EM, ``decay`` or ``theta`` by grid search; given values are not fitted. The model
    can be fitted already; otherwise ``fit`` trains a copy of it.

    Fitted attributes, in addition to those of every language model: ``model_``, ``weight_`` (λ), ``rate_`` (decay or
    θ) and ``fit_report_``, a JSON-ready dictionary.

    Example:
        >>> from nlmkit import NGram
        >>> train, valid = [["a", "b", "c"], ["b", "a"]], [["b", "b", "b"]]
        >>> lm = Cache(model=NGram(order=1, smoothing="add-k"), window=10).fit(train, valid=valid)
        >>> lm.weight_ > 0.5
        True
    """

    name = "cache"
    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "model": {"component": "ngram", "hyper_parameters": {"order": 2}},
        "window": 30,
    }

    model: LanguageModel | None = param(None, help="language model to extend with a cache")
    method: str = param("unigram", choices=("unigram", "neural"), help="type of cache; neural requires hidden states")
    window: int = param(2000, ge=1, le=100_000, help="number of recent events in the cache")
    weight: float | None = param(
        None, ge=0, lt=1, help="λ, interpolation weight of the cache; none: fitted on validation text"
    )
    decay: float | None = param(
        None,
        gt=0,
        le=1,
        help="of method=unigram: weight of an event relative to the one after it; none: fitted",
        needs=value_of("method", "unigram"),
    )
    theta: float | None = param(
        None,
        ge=0,
        help="of method=neural: θ, inverse temperature of the similarity of hidden states; none: fitted",
        needs=value_of("method", "neural"),
    )
    context: str = param("sentence", choices=("sentence", "stream"), help="context for scoring the validation text")

    def fit(self, data: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Fit λ and decay or θ, after the model if it is not fitted yet.

        Args:
            data: Training text for an unfitted model; None for a fitted one.
            valid: Validation text; required unless λ and decay or θ are given.
            run: Progress, and run options of an unfitted model.

        Raises:
            HyperParameterError: The model or a required text is missing, options contradict each other, or the model
                of a neural cache has no hidden states.
            NotNormalizedError: The model's scores are not probabilities.
            DataError: The text is unusable.
        """
        run = run or RunOptions()
        model, rate = self._check_options(valid)
        from nlmkit.language_models.combined.members import fitted_models

        (fitted,), corpus = fitted_models([model], data, valid, run)
        report: dict[str, Any] = {"model": fitted.name, "notes": []}
        if corpus is None:
            assert self.weight is not None
            assert rate is not None
            found = self.weight, rate
        else:
            found = self._fit_on(fitted, corpus, rate, report, run)
        self._set_fitted(fitted, *found)
        self.fit_report_ = {"model": fitted.name, "weight": self.weight_, self._rate_name: self.rate_} | report
        return self

    @property
    def _rate_name(self) -> str:
        return "decay" if self.method == "unigram" else "theta"

    def _check_options(self, valid: Any) -> tuple[LanguageModel, float | None]:
        """Return the model, and decay or θ if given."""
        if self.model is None:
            raise HyperParameterError("a cache requires a model (--model PATH)")
        if self.method == "neural" and not hasattr(self.model, "hidden_states"):
            raise HyperParameterError(f"method=neural requires a model with hidden states; {self.model.name} has none")
        rate = getattr(self, self._rate_name)
        if valid is None and (self.weight is None or rate is None):
            missing = " and ".join(name for name in ("weight", self._rate_name) if getattr(self, name) is None)
            raise HyperParameterError(f"fitting {missing} requires validation text: add --valid FILE, or set the value")
        return self.model, rate

    def _fit_on(
        self, model: LanguageModel, corpus: Corpus, rate: float | None, report: dict[str, Any], run: RunOptions
    ) -> tuple[float, float]:
        """Return the λ and decay or θ that maximise the probability of the validation text."""
        import numpy as np

        from nlmkit.language_models.combined.members import finite_perplexity, fit_weights
        from nlmkit.language_models.combined.recency import interpolate

        context = cast(Context, self.context)
        run.stage("scoring validation text")
        log_probs = model.log_probs(corpus, context=context)[model.reading_order(corpus).places]
        rates = [rate] if rate is not None else self._rates_to_try()
        run.stage(f"trying values of {self._rate_name}", len(rates))
        candidates = []
        for value, cached in self._cached(model, corpus, context, rates):
            run.advance(1)
            if self.weight is None:
                with np.errstate(divide="ignore"):
                    found: Weights = fit_weights(np.stack([log_probs[1:], np.log(cached[1:])]))
                weight = min(float(found.values[1]), np.nextafter(1, 0))
            else:
                weight = float(self.weight)
            values = interpolate(log_probs, cached, weight, np.arange(len(cached)) > 0)
            impossible = int((values == -np.inf).sum())
            total = float(values[values > -np.inf].sum())
            candidates.append((-impossible, total, value, weight, finite_perplexity(values)))
        _, _, best, weight, perplexity = max(candidates, key=lambda candidate: candidate[:2])
        report |= {
            "validation_perplexity": perplexity,
            "validation_perplexity_without_cache": finite_perplexity(log_probs),
            f"{self._rate_name}_weight_perplexity": [[value, w, ppl] for _, _, value, w, ppl in candidates],
        }
        return weight, best

    def _rates_to_try(self) -> Sequence[float]:
        if self.method == "neural":
            return THETAS
        return [*(0.5 ** (1 / events) for events in HALF_LIVES), 1.0]

    def _cached(
        self, model: LanguageModel, corpus: Corpus, context: Context, rates: Sequence[float]
    ) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Yield the cache's probability of each event for each decay or θ: float64 [events], in the reading order."""
        from nlmkit.language_models.combined.recency import neural_probs, unigram_probs

        places = model.reading_order(corpus).places
        ids = corpus.event_ids(model.vocabulary_)[places]
        if self.method == "unigram":
            for decay in rates:
                yield decay, unigram_probs(ids, self.window, decay)
        else:
            hidden = _hidden_states(model, corpus, context)[places]
            yield from zip(rates, neural_probs(ids, hidden, self.window, rates), strict=True)

    def _set_fitted(self, model: LanguageModel, weight: float, rate: float) -> None:
        self.vocabulary_, self.pipeline_ = model.vocabulary_, model.pipeline_
        self.model_, self.weight_, self.rate_ = model, float(weight), float(rate)

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
        """Label ``cache`` with type, window, weight and decay or θ; and the labels of the model."""
        self.check_fitted()
        own = f"{self.method},window={self.window},weight={self.weight_:.4g},{self._rate_name}={self.rate_:.6g}"
        inner = self.model_.report_labels
        return {"cache": own} | {f"{name}.model" if name == "cache" else name: value for name, value in inner.items()}

    # ----------------------------------------------------------------------------------------------- the state machine

    def start(self) -> CacheState:
        """Return the model's start state with an empty cache."""
        self.check_fitted()
        return CacheState(self.model_.start())

    def restart(self, state: CacheState) -> CacheState:
        """Return the model's state at the start of another sentence, with the cache unchanged."""
        return dataclasses.replace(state, model=self.model_.restart(state.model))

    def advance(self, state: CacheState, word_id: int) -> CacheState:
        """Return the state after reading ``word_id``, which is added to the cache."""
        keys = state.keys
        if self.method == "neural":
            keys = (_hidden(state.model).tobytes(), *keys)[: self.window]
        history = (int(word_id), *state.history)[: self.window]
        return CacheState(self.model_.advance(state.model, word_id), history, keys)

    def next_log_probs(self, state: CacheState) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id after ``state``: float64 [V]."""
        log_probs = self.model_.next_log_probs(state.model)
        if not state.history:
            return log_probs
        import numpy as np

        from nlmkit.language_models.combined.recency import interpolate, neural_row, unigram_row

        size = len(self.vocabulary_)
        if self.method == "unigram":
            row = unigram_row(state.history, size, self.rate_)
        else:
            keys = np.frombuffer(b"".join(state.keys), np.float32).reshape(len(state.keys), -1)
            row = neural_row(state.history, keys, _hidden(state.model), size, self.rate_)
        return interpolate(log_probs, row, self.weight_)

    # -------------------------------------------------------------------------------------------------------- in batch

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Return the natural log-probability of every event: float64 [events]; neither context resets the cache."""
        check_context(context)
        corpus = self.encode(data)
        import numpy as np

        from nlmkit.language_models.combined.recency import interpolate

        order = self.reading_order(corpus)
        log_probs = self.model_.log_probs(corpus, context=context)[order.places]
        ((_, cached),) = self._cached(self.model_, corpus, context, [self.rate_])
        return order.placed(interpolate(log_probs, cached, self.weight_, np.arange(len(cached)) > 0))

    def distributions(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float64]]:
        """Yield the full next-word distributions, one chunk per sentence: float64 [events of the sentence, V]."""
        check_context(context)
        corpus = self.encode(data)
        return self._distributions(corpus, context)

    def _distributions(self, corpus: Corpus, context: Context) -> Iterator[NDArray[np.float64]]:
        import numpy as np

        from nlmkit.language_models.combined.recency import interpolate, neural_row, unigram_row

        size = len(self.vocabulary_)
        order = self.reading_order(corpus)
        ids = corpus.event_ids(self.vocabulary_)[order.places]
        hidden = _hidden_states(self.model_, corpus, context)[order.places] if self.method == "neural" else None
        ranks = iter(order.ranks.tolist())
        for chunk in self.model_.distributions(corpus, context=context):
            rows = np.array(chunk, np.float64)
            for row, at in zip(rows, ranks, strict=False):
                if not at:
                    continue
                cached = slice(max(0, at - self.window), at)
                history = ids[cached][::-1].tolist()
                if hidden is None:
                    probs = unigram_row(history, size, self.rate_)
                else:
                    probs = neural_row(history, hidden[cached][::-1], hidden[at], size, self.rate_)
                row[:] = interpolate(row, probs, self.weight_)
            yield rows

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """Return the model's facts per event."""
        self.check_fitted()
        return self.model_.event_details(data)

    # ---------------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return λ, decay or θ and the fit report as metadata; the model as a member if ``fit`` fitted it."""
        self.check_fitted()
        metadata = {"weight": self.weight_, "rate": self.rate_, "fit_report": self.fit_report_}
        return FittedState({}, metadata, {} if self.model_ is self.model else {"model_": self.model_})

    def restore(self, state: FittedState) -> None:
        """Restore model and cache.

        Raises:
            SavedModelError: The model is missing, or a value is out of range.
        """
        from nlmkit.saving import require

        model = state.members.get("model_", self.model)
        usable = isinstance(model, LanguageModel) and model.is_fitted
        require(usable, "the saved model is damaged: the model of the cache is missing")
        model = cast(LanguageModel, model)
        weight, rate, report = (state.metadata.get(name) for name in ("weight", "rate", "fit_report"))
        for name, value, limit in (("weight", weight, 1.0), ("rate", rate, _largest(self.method))):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            require(number and 0 <= cast(float, value) <= limit, f"the saved model is damaged: {name} is {value!r}")
        require(cast(float, weight) < 1, f"the saved model is damaged: weight is {weight!r}")
        require(isinstance(report, dict), "the saved model is damaged: fit_report is missing from its metadata")
        require(self.method == "unigram" or hasattr(model, "hidden_states"), f"{model.name} has no hidden states")
        same = model.vocabulary_ == self.vocabulary_ and model.pipeline_ == self.pipeline_
        require(
            same, "the saved model is damaged: its vocabulary or text pipeline differs from that of the cached model"
        )
        self._set_fitted(model, cast(float, weight), cast(float, rate))
        self.fit_report_ = dict(cast("dict[str, Any]", report))


def _largest(method: str) -> float:
    import sys

    return 1.0 if method == "unigram" else sys.float_info.max


def _hidden(state: Any) -> NDArray[np.float32]:
    """Return the hidden state of a recurrent model's state: float32 [h]."""
    import numpy as np

    if not hasattr(state, "hidden"):
        raise HyperParameterError(
            f"method=neural requires states with an attribute hidden; {type(state).__name__} has none"
        )
    return np.asarray(state.hidden, np.float32)


def _hidden_states(model: LanguageModel, corpus: Corpus, context: Context) -> NDArray[np.float32]:
    """Return the hidden state before each event: float32 [events, h]."""
    import numpy as np

    found = cast(Any, model).hidden_states(corpus, context=context)
    rows = found if isinstance(found, np.ndarray) else _joined(list(found))
    if rows.ndim != 2 or len(rows) != corpus.events:
        raise HyperParameterError(
            f"method=neural: {model.name} returned hidden states of shape {list(rows.shape)} for {corpus.events} events"
        )
    return np.asarray(rows, np.float32)


def _joined(chunks: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    import numpy as np

    return np.concatenate(chunks) if chunks else np.empty((0, 1), np.float32)
