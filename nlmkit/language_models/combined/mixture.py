"""Linear interpolation of language models."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.language_models.combined.members import Weights
    from nlmkit.language_models.combined.rows import MixtureRows
    from nlmkit.text import Corpus

_BIGRAM_AND_UNIGRAM: Any = (
    {"component": "ngram", "hyper_parameters": {"order": 2}},
    {"component": "ngram", "hyper_parameters": {"order": 1}},
)


@dataclasses.dataclass(kw_only=True)
class Mixture(LanguageModel):
    """Linear interpolation of language models over one vocabulary, with weights by EM (Jelinek & Mercer 1980).

    p(w | h) = Σ_k λ_k p_k(w | h). The weights λ are fitted on validation text, never on the scored text, by EM from
    equal weights, which converges to the global optimum (``fit_weights``).

    For models that are fitted already, such as loaded ones, only the weights are fitted; otherwise ``fit`` trains a
    copy of each on its training text. All models must have the same text pipeline, vocabulary and direction: a forward
    and a backward model predict a word from different words, so that their probabilities of one event cannot be mixed.

    Fitted attributes, in addition to those of every language model: ``models_`` (the fitted models), ``weights_``
    (float64 [models]) and ``fit_report_``, a JSON-ready dictionary.

    Example:
        >>> from nlmkit import NGram
        >>> train, valid = [["a", "b", "a"], ["b", "a"]], [["a", "b"]]
        >>> lm = Mixture(models=(NGram(order=1, smoothing="add-k"), NGram(order=2, smoothing="add-k")))
        >>> round(float(lm.fit(train, valid=valid).weights_.sum()), 9)
        1.0
    """

    name = "mixture"
    conformance_settings: ClassVar[Mapping[str, Any]] = {"models": _BIGRAM_AND_UNIGRAM}

    models: tuple[LanguageModel, ...] = param((), help="language models over one vocabulary: two or more")
    weights: tuple[float, ...] | None = param(
        None, ge=0, le=1, help="one weight per model, with sum one; none: fitted on validation text"
    )
    context: str = param("sentence", choices=("sentence", "stream"), help="context for scoring the validation text")

    def fit(self, data: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Fit the weights, after the models that are not fitted yet.

        Args:
            data: Training text for unfitted models; None if all are fitted.
            valid: Validation text for the weights; required unless ``weights`` is given.
            run: Progress, and run options of unfitted models.

        Raises:
            HyperParameterError: There are fewer than two models, vocabularies, text pipelines or directions differ, the
                weights do not sum to one, or a required text is missing.
            NotNormalizedError: A model's scores are not probabilities.
            DataError: The text is unusable.
        """
        run = run or RunOptions()
        self._check_options(valid)
        import numpy as np

        from nlmkit.language_models.combined.members import fit_weights, fitted_models

        models, corpus = fitted_models(self.models, data, valid, run)
        _require_agreement(models)
        rows = None
        if corpus is not None:
            rows = self._score_valid(models, corpus, run)
        found: Weights | None = None
        if self.weights is None:
            assert rows is not None
            found = fit_weights(rows)
        weights = np.array(self.weights if found is None else found.values, np.float64)
        self._set_fitted(models, weights / weights.sum())
        self.fit_report_ = self._report(models, rows, found)
        return self

    def _check_options(self, valid: Any) -> None:
        if len(self.models) < 2:
            raise HyperParameterError(f"a mixture requires at least two models, not {len(self.models)} (--model PATH)")
        if self.weights is None:
            if valid is None:
                raise HyperParameterError(
                    "fitting weights requires validation text: add --valid FILE, or set the weights"
                )
            return
        if len(self.weights) != len(self.models):
            raise HyperParameterError(f"{len(self.weights)} weights for {len(self.models)} models")
        if abs(sum(self.weights) - 1) > 1e-6:
            raise HyperParameterError(f"the weights sum to {sum(self.weights):g}, not to 1")

    def _score_valid(self, models: Sequence[LanguageModel], corpus: Corpus, run: RunOptions) -> NDArray[np.float64]:
        """Return the natural log-probabilities of the validation text: float64 [models, events]."""
        import numpy as np

        rows = np.empty((len(models), corpus.events))
        run.stage("scoring validation text", corpus.events * len(models))
        for row, model in zip(rows, models, strict=True):
            row[:] = model.log_probs(corpus, context=cast(Context, self.context))
            run.advance(corpus.events)
        return rows

    def _report(
        self, models: Sequence[LanguageModel], rows: NDArray[np.float64] | None, found: Weights | None
    ) -> dict[str, Any]:
        from nlmkit.language_models.combined.members import GAP, finite_perplexity

        report: dict[str, Any] = {"models": [model.name for model in models], "weights": self.weights_.tolist()}
        notes = []
        if found is not None:
            report |= {"iterations": found.iterations}
            if found.impossible:
                notes.append(f"{found.impossible} validation events have probability zero under every model")
            if found.gap > GAP:
                notes.append(f"EM stopped after {found.iterations} steps, within {found.gap:.1g} nats of the optimum")
            if self.weights_.min() < 1e-6:
                number = int(self.weights_.argmin())
                notes.append(f"model {number + 1} ({models[number].name}) gets next to no weight")
        if rows is not None:
            report["validation_perplexity"] = finite_perplexity(self._combined(rows))
            report["validation_perplexity_alone"] = [finite_perplexity(row) for row in rows]
        return report | {"notes": notes}

    def _set_fitted(self, models: tuple[LanguageModel, ...], weights: NDArray[np.float64]) -> None:
        import numpy as np

        first = models[0]
        self.vocabulary_, self.pipeline_ = first.vocabulary_, first.pipeline_
        self.models_, self.weights_ = models, weights
        with np.errstate(divide="ignore"):
            self._log_weights = np.log(weights)[:, None]
        # Equal sets of words may have different ids.
        words = first.vocabulary_.words
        self._ids = [
            None if model.vocabulary_.words == words else model.vocabulary_.ids(words).astype(np.intp)
            for model in models
        ]

    @property
    def adapts_to_test_text(self) -> bool:
        """Whether any of the models adapts."""
        return any(model.adapts_to_test_text for model in self._current())

    @property
    def reads_backward(self) -> bool:
        """Whether the models read backward, as all or none of them do."""
        return any(model.reads_backward for model in self._current())

    @property
    def unknown_rule(self) -> str:
        """Common rule of the models, or the rule of each."""
        return "+".join(dict.fromkeys(model.unknown_rule for model in self._current()))

    @property
    def report_labels(self) -> Mapping[str, str]:
        """Label ``mix`` with models and weights; then the labels of the models, numbered if repeated."""
        self.check_fitted()
        parts = [f"{weight:.4f}*{model.name}" for weight, model in zip(self.weights_, self.models_, strict=True)]
        labels = {"mix": "+".join(parts)}
        times = Counter(name for model in self.models_ for name in model.report_labels)
        for number, model in enumerate(self.models_, 1):
            for name, value in model.report_labels.items():
                labels[name if times[name] == 1 and name != "mix" else f"{name}.{number}"] = value
        return labels

    def _current(self) -> tuple[LanguageModel, ...]:
        return self.models_ if self.is_fitted else self.models

    def start(self) -> tuple[Hashable, ...]:
        """Return the models' states at the beginning of a text."""
        self.check_fitted()
        return tuple(model.start() for model in self.models_)

    def restart(self, state: tuple[Any, ...]) -> tuple[Hashable, ...]:
        """Return the models' states at the beginning of another sentence."""
        return tuple(model.restart(part) for model, part in zip(self.models_, state, strict=True))

    def advance(self, state: tuple[Any, ...], word_id: int) -> tuple[Hashable, ...]:
        """Return the models' states after reading ``word_id``."""
        return tuple(
            model.advance(part, word_id if ids is None else int(ids[word_id]))
            for model, part, ids in zip(self.models_, state, self._ids, strict=True)
        )

    def next_log_probs(self, state: tuple[Any, ...]) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id after ``state``: float64 [V]."""
        import numpy as np

        rows = np.empty((len(self.models_), len(self.vocabulary_)))
        for row, model, part, ids in zip(rows, self.models_, state, self._ids, strict=True):
            found = model.next_log_probs(part)
            row[:] = found if ids is None else found[ids]
        return self._combined(rows)

    def rows(self, count: int) -> MixtureRows:
        """Return the beginnings of that many texts, each model's in its own way."""
        self.check_fitted()
        from nlmkit.language_models.combined.rows import MixtureRows

        return MixtureRows([model.rows(count) for model in self.models_], self._ids, self._log_weights)

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Return the natural log-probability of every event: float64 [events]."""
        check_context(context)
        corpus = self.encode(data)
        import numpy as np

        rows = [model.log_probs(corpus, context=context) for model in self.models_]
        return self._combined(np.stack(rows))

    def distributions(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float64]]:
        """Yield the full next-word distributions, one chunk per sentence: float64 [events of the sentence, V]."""
        check_context(context)
        corpus = self.encode(data)
        import numpy as np

        chunks = [model.distributions(corpus, context=context) for model in self.models_]

        def combined(sentence: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
            ordered = [rows if ids is None else rows[:, ids] for rows, ids in zip(sentence, self._ids, strict=True)]
            flat = np.stack([rows.reshape(-1) for rows in ordered])
            return self._combined(flat).reshape(-1, len(self.vocabulary_))

        return (combined(sentence) for sentence in zip(*chunks, strict=True))

    def _combined(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ln Σ_k λ_k p_k from ln p_k: float64 [models, n] to float64 [n]."""
        import numpy as np

        combined: NDArray[np.float64] = np.logaddexp.reduce(rows + self._log_weights, axis=0)
        return combined

    def fitted_state(self) -> FittedState:
        """Return the weights as an array, the fit report as metadata, and models fitted by ``fit`` as members."""
        self.check_fitted()
        made = {
            f"models_.{number}": model
            for number, (model, given) in enumerate(zip(self.models_, self.models, strict=True))
            if model is not given
        }
        return FittedState({"weights": self.weights_}, {"fit_report": self.fit_report_}, made)

    def restore(self, state: FittedState) -> None:
        """Restore the models.

        Raises:
            SavedModelError: A model is missing, or models or weights contradict each other.
        """
        import numpy as np

        from nlmkit.saving import require, require_array

        made = [state.members.get(f"models_.{number}", given) for number, given in enumerate(self.models)]
        models = tuple(model for model in made if isinstance(model, LanguageModel) and model.is_fitted)
        require(len(models) == len(made) >= 2, "the saved model is damaged: one of its models is missing")
        weights = require_array(state.arrays, "weights", dtype="float64", shape=(len(models),))
        sound = bool(np.isfinite(weights).all()) and weights.min() >= 0 and abs(weights.sum() - 1) < 1e-9
        require(sound, "the saved model is damaged: its weights do not sum to one")
        report = state.metadata.get("fit_report")
        require(isinstance(report, dict), "the saved model is damaged: fit_report is missing from its metadata")
        try:
            _require_agreement(models)
        except HyperParameterError as error:
            raise SavedModelError(f"the saved model is damaged: {error}") from error
        same = models[0].vocabulary_ == self.vocabulary_ and models[0].pipeline_ == self.pipeline_
        require(
            same, "the saved model is damaged: its vocabulary or text pipeline differs from that of its first model"
        )
        self._set_fitted(models, np.array(weights, np.float64))
        self.fit_report_ = dict(cast("dict[str, Any]", report))


def _require_agreement(models: Sequence[LanguageModel]) -> None:
    """Raise HyperParameterError unless all models read text alike, one way, and predict over one vocabulary."""
    first = models[0]
    for number, model in enumerate(models[1:], 2):
        pair = f"model 1 ({first.name}) and model {number} ({model.name})"
        one, other = first.vocabulary_, model.vocabulary_
        if one.digest != other.digest:
            raise HyperParameterError(
                f"{pair} have different vocabularies ({one.size_predictable} types {one.digest}, "
                f"{other.size_predictable} types {other.digest}): fit them to one text with the same vocabulary options"
            )
        if first.tokenization_ != model.tokenization_:
            raise HyperParameterError(
                f"{pair} have different tokenizations ({first.tokenization_.signature}, "
                f"{model.tokenization_.signature}): fit them with the same tokenizer, case and Unicode form"
            )
        if first.reads_backward != model.reads_backward:
            ways = ["backward" if each.reads_backward else "forward" for each in (first, model)]
            raise HyperParameterError(
                f"{pair} read {ways[0]} and {ways[1]}: they predict a word from different words, and cannot be mixed; "
                "compare ranks them by the probabilities of whole sentences"
            )
