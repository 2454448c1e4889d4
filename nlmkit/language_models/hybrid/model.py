"""Hybrid of a recurrent language model and n-gram distributions."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from nlmkit.core.presets import SIZES, preset_param, with_default
from nlmkit.core.run import RunOptions
from nlmkit.language_models.base import Context
from nlmkit.language_models.hybrid.options import HybridOptions
from nlmkit.language_models.neural.estimator import NeuralLanguageModel, TrainingTexts
from nlmkit.language_models.neural.options import RegularizationOptions
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.language_models.hybrid.module import HybridModule
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.language_models.neural.training import TrainingResult
    from nlmkit.language_models.ngram.model import NGram


@dataclasses.dataclass(kw_only=True)
class Hybrid(HybridOptions, NeuralLanguageModel):
    r"""Recurrent language model trained together with n-gram distributions (Neubig & Dyer 2016).

    The hidden state h\ :sub:`t` of an LSTM or GRU gives, besides a softmax over the words, weights λ of this softmax
    and of modified Kneser–Ney models of order 1 to n::

        p(w | history) = λ_0 softmax_w(E' P h_t + b) + Σ_k λ_k p_k(w | last k − 1 words)
        λ = softmax(C ReLU(A h_t + B f + a) + c)    f are features of the n-gram context

    Training scores each event by n-gram counts without it (exact leave-one-out at fixed discounts: ``left_out``), so
    that the n-grams are as confident as of new text; it reads the target's probabilities only. With a share ε of
    ``ngram_dropout``, the loss −(1 − ε) ln p(w) − ε ln softmax_w is the expectation of block dropout of the n-grams,
    without which training ends in a poor optimum.

    The n-grams begin anew after each ``</s>``, also in context ``stream``. Of a backward model they are those of the
    reversed text. With ``start_from``, they are estimated on the new text alone.

    Fitted attributes, in addition to those of ``NeuralLanguageModel``: ``ngram_``, the n-gram model.

    Example:
        >>> text = [["the", "cat", "sat"], ["the", "dog", "sat"]]
        >>> lm = Hybrid(hidden=16, embedding=8, epochs=2, batch=2, order=2).fit(text)
        >>> lm.weights(["the cat"]).shape
        (3, 3)
    """

    name = "hybrid"
    presets = SIZES
    budget_family = "hybrid"
    takes_workers = True
    own_architecture: ClassVar[tuple[str, ...]] = ("cell", "gate_units")
    conformance_settings: ClassVar[Mapping[str, Any]] = {
        **NeuralLanguageModel.conformance_settings,
        "order": 3,
        "gate_units": 4,
    }

    preset: str = preset_param(SIZES)
    dropout_input: float = with_default(RegularizationOptions, "dropout_input", 0.35)
    dropout_output: float = with_default(RegularizationOptions, "dropout_output", 0.35)

    @property
    def ngram_(self) -> NGram:
        """The n-gram model; of a backward model, it reads the reversed text."""
        self.check_fitted()
        experts = self._network.output.experts
        assert experts is not None
        return experts.model

    @property
    def _network(self) -> HybridModule:
        return cast("HybridModule", self.module_)

    def build_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """Build the untrained network, without n-grams; see ``NeuralLanguageModel.build_module``."""
        from nlmkit.language_models.hybrid.module import HybridModule

        return HybridModule(self.build_timed_module(counts, generator), self.order, self.gate_units)

    def build_timed_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """Build the recurrent network, which takes most of the time; see ``NeuralLanguageModel.build_timed_module``."""
        from nlmkit.language_models.neural.module import recurrent_module

        return recurrent_module(self.cell, self, counts, generator, forget_bias=self.forget_bias)

    def _train(
        self,
        module: LanguageModule,
        texts: TrainingTexts,
        run: RunOptions,
        started: float,
        chosen: Mapping[str, Any] | None,
    ) -> TrainingResult:
        """Estimate the n-grams, score the training text by them, and train the network."""
        from nlmkit.language_models.hybrid.estimation import estimate
        from nlmkit.language_models.hybrid.task import HybridTask
        from nlmkit.language_models.neural.training import train

        experts, left_out = estimate(self.order, texts, run)
        hybrid = cast("HybridModule", module)
        hybrid.output.experts = experts
        task_of = functools.partial(HybridTask, left_out=left_out, alone=self.ngram_dropout)
        run = dataclasses.replace(run, workers=1)
        return train(
            module,
            texts.events,
            texts.valid_events,
            self,
            texts.vocabulary,
            run,
            started=started,
            task_of=task_of,
            chosen=chosen,
        )

    def _report(self, *args: Any) -> dict[str, Any]:
        report = super()._report(*args)
        ngrams = self.ngram_.fit_report_
        report["ngrams"] = {name: ngrams[name] for name in ("ngrams", "discounts")}
        report["notes"] = [*report["notes"], *(f"n-grams of {note}" for note in ngrams["notes"])]
        return report

    @property
    def unknown_rule(self) -> str:
        """``trained``, or the rules of the softmax and of the n-grams: ``once-seen-RATE+uniform-share``."""
        rule = super().unknown_rule
        return rule if rule == "trained" else f"{rule}+uniform-share"

    # ------------------------------------------------------------------------------------------------- the weights

    def weights(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Return the weights λ before each event, of the softmax first, then by order: float64 [events, 1 + order]."""
        return self._scored(data, context)[1]

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """``softmax_weight``: λ_0, weight of the softmax in context ``sentence``, float64 [events]."""
        return {"softmax_weight": self.weights(data)[:, 0]}

    def log_probs_and_details(
        self, data: Any, *, context: Context = "sentence"
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[Any]]]:
        """Both from one pass over the text; weights are those of the context."""
        log_probs, weights = self._scored(data, context)
        return log_probs, {"softmax_weight": weights[:, 0]}

    def _scored(self, data: Any, context: Context) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the log-probability of each event and the weights before it: float64 [events], [events, 1 + order]."""
        events, order = self._events(data, context)
        from nlmkit.language_models.hybrid.weighing import scored

        return scored(self._network, events, order, context)

    def fitted_state(self) -> FittedState:
        """Return the weights by torch name, the fit report as metadata, and the n-gram model as a member."""
        state = super().fitted_state()
        return FittedState(state.arrays, state.metadata, {"ngram_": self.ngram_})

    def restore(self, state: FittedState) -> None:
        """Rebuild the network over the saved n-gram model.

        Raises:
            SavedModelError: Arrays or the n-gram model are missing or contradict the options.
        """
        super().restore(state)
        from nlmkit.language_models.hybrid.estimation import restored

        self._network.output.experts = restored(state.members.get("ngram_"), self.order, self.vocabulary_)
