"""Weighted combination of taggers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.core import optional
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.saving.state import FittedState
from nlmkit.taggers.base import Tagger
from nlmkit.taggers.chain_tagger import ChainTagger, batches, padded, tokens_of
from nlmkit.taggers.decoding import WithDecoding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.core.groups import Group
    from nlmkit.decoding.chain import Chain
    from nlmkit.taggers.combined.members import Factors
    from nlmkit.text.tagged import TaggedSentences

WEIGHTS: Final = ("auto", "validation", "equal")
"""Values of ``weights`` other than numbers."""

_AT_ONCE: Final = 1 << 22
"""Scores in memory at a time, unless one sentence has more."""

_TWO_HMMS: Any = (
    {"component": "hmm-tagger", "hyper_parameters": {"order": 2}},
    {"component": "hmm-tagger", "hyper_parameters": {"order": 2, "word_order": 1, "smoothing": "absolute"}},
)


@dataclasses.dataclass(kw_only=True)
class EnsembleTagger(WithDecoding):
    """Weighted combination of taggers: their log-probabilities of tag sequences are added and normalized.

    p(y | x) ∝ Π_k p_k(y | x)^w_k over legal sequences y, with weights w_k ≥ 0: a product of experts (Hinton 2002;
    Smith, Cohn & Osborne 2005). Since the scores of each model form a chain, those of the product do, too: best
    sequences, marginals, probabilities of spans and n-best lists are exact. With an ``hmm-tagger`` of order 3 or more,
    tags depend on several tags before them in the product, as well. A tag that a model rules out for a word counts as
    1e-12 times as probable as the best one, so that no model decides this alone.

    **Weights** are fitted by maximum likelihood of whole tag sequences, a convex problem, on sentences that no model
    was trained on:

    * ``validation``: the validation sentences.
    * ``auto``: ``validation`` if there are validation sentences, or all models are fitted, otherwise ``equal``.
    * ``equal``, or one number per model.

    **Models.** Copies of unfitted models are fitted to the training sentences, and see the validation sentences, too.
    Fitted ones are used unchanged; if all are fitted, the training sentences only serve to fit the weights if there are
    no others; they must differ from those of the models, and may lack some of their tags. With ``seeds`` above 1, each
    unfitted model that trains in steps is fitted that often, with seeds that count up from its own plus
    ``seed · seeds``, and the mean of their log-probabilities is that of the model.

    **Columns.** A model that reads no feature columns is not given any; a fitted one is given those of its training.

    Fitted attributes, in addition to those of every tagger: ``models_`` (for each model its fitted versions, one per
    seed), ``weights_`` (float64 [models]).

    Example:
        >>> from nlmkit import HMMTagger
        >>> sentences, tags = [["the", "cat"], ["a", "dog"]], [["D", "N"], ["D", "N"]]
        >>> tagger = EnsembleTagger(models=(HMMTagger(order=1), HMMTagger(order=2))).fit(sentences, tags)
        >>> tagger.predict([["the", "dog"]])
        [['D', 'N']]
    """

    name = "ensemble-tagger"
    takes_features: ClassVar[bool] = True
    conformance_settings: ClassVar[Mapping[str, Any]] = {"models": _TWO_HMMS}

    models: tuple[Tagger | str, ...] = param(
        (), help="taggers, fitted or not, names of taggers, or folders of saved models"
    )
    weights: str | tuple[float, ...] = param("auto", ge=0, help="auto, validation, equal, or one weight per model")
    seeds: int = param(
        1, ge=1, le=1000, help="fits of each unfitted model that trains in steps, with seeds that count up from its own"
    )
    seed: int = param(0, ge=0, le=2**32 - 1, help="times seeds, it is added to the seed of each model that seeds fits")

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        models_: tuple[Group, ...] = dataclasses.field(init=False)
        weights_: NDArray[np.float64] = dataclasses.field(init=False)
        _factors: Factors = dataclasses.field(init=False)
        _chain: Chain = dataclasses.field(init=False)

    def fit_sentences(
        self, data: TaggedSentences, *, valid: TaggedSentences | None, run: RunOptions
    ) -> Mapping[str, Any]:
        """Fit the models, and their weights; see ``Tagger.fit_sentences``.

        Raises:
            HyperParameterError: There are too few models, an option does not apply to them, or their tags, columns or
                Unicode forms differ.
            SavedModelError: A folder cannot be loaded.
        """
        from nlmkit.core.groups import Fits
        from nlmkit.taggers.combined.members import check, resolved, view

        models = [resolved(model, number) for number, model in enumerate(self.models, 1)]
        rule = self._rule(models, valid is not None)
        if all(model.is_fitted for model in models):
            data, valid = self._adopt(models, data, valid)
        for number, model in enumerate(models, 1):
            check(model, number, self)

        def fit(model: Any, options: RunOptions) -> None:
            names = data.feature_names if model.takes_features else ()
            held_out = None if valid is None else view(valid, names)
            model.fit(view(data, names), valid=held_out, run=options)

        fits = Fits(models, self.seeds, self.seed, run)
        known = {*data.notes, *(() if valid is None else valid.notes)}
        self.models_ = fits.fitted(fit, known=known)
        notes = fits.notes()
        report: dict[str, Any] = {}
        if rule == "validation":
            run.stage("fitting weights")
            self.weights_, report = self._fitted_weights(data if valid is None else valid, notes)
        else:
            self.weights_ = self._fixed_weights()
        self._combine()
        return {
            "models": [model.name for model in models],
            "fits": [len(group) for group in self.models_],
            "weights_from": "given" if isinstance(self.weights, tuple) else rule,
            "weights": self.weights_.tolist(),
            **report,
            "notes": notes,
        }

    def _adopt(
        self, models: Sequence[ChainTagger], data: TaggedSentences, valid: TaggedSentences | None
    ) -> tuple[TaggedSentences, TaggedSentences | None]:
        """Set tags and known words to those of fitted models, and return the sentences with tags by their numbers."""
        from nlmkit.taggers.tag_sets import numbered

        if models[0].inner_scheme_ == self.inner_scheme_:
            self.tags_ = models[0].tags_
        if all(model.unicode_form == self.unicode_form for model in models):
            self.known_words_ = frozenset().union(*(model.known_words_ for model in models))
        inner = self.inner_scheme_
        return numbered(data, self.tags_, inner), None if valid is None else numbered(valid, self.tags_, inner)

    def _rule(self, models: Sequence[ChainTagger], has_valid: bool) -> str:
        """Return how the weights are found, after checking the options.

        Raises:
            HyperParameterError: There are too few models, or an option does not apply to them.
        """
        from nlmkit.core.groups import check_number, check_weights

        check_number(models, self.seeds)
        rule = self.weights
        if isinstance(rule, tuple):
            check_weights(rule, len(models))
            return "equal"
        if rule not in WEIGHTS:
            raise HyperParameterError(f"weights must be {', '.join(WEIGHTS)}, or one number per model, not {rule!r}")
        held_out = has_valid or all(model.is_fitted for model in models)
        if rule == "auto":
            rule = "validation" if held_out and len(models) > 1 else "equal"
        if rule == "validation":
            if not held_out:
                raise HyperParameterError("weights=validation needs validation sentences: add --valid FILE")
            optional.require("scipy", extra="taggers", who=f"{self.name} with weights=validation")
        return rule

    def _fitted_weights(self, data: TaggedSentences, notes: list[str]) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Return the best weights for sentences, with entries of the report."""
        from nlmkit.taggers.combined.members import Factors
        from nlmkit.taggers.combined.weighting import HeldOut

        held_out = HeldOut.of(Factors.of(self.models_, self.tags_), data, self.legal())
        if not held_out.sentences:
            notes.append("every held-out sentence has a tag unseen in training: the weights are equal")
            return self._fixed_weights(), {}
        found = held_out.best_weights()
        if not found.any():
            notes.append("no model predicts the held-out tags better than chance: the weights are equal")
            found = self._fixed_weights()
        return found, held_out.report(found)

    def _fixed_weights(self) -> NDArray[np.float64]:
        import numpy as np

        if isinstance(self.weights, tuple):
            return np.array(self.weights, np.float64)
        return np.full(len(self.models), 1 / len(self.models))

    def _combine(self) -> None:
        """Set the chain of all models."""
        from nlmkit.taggers.combined.members import Factors

        self._factors = Factors.of(self.models_, self.tags_)
        self._chain = self._factors.chain(self.weights_).constrained(*self.legal())

    @property
    def tags_before(self) -> int:
        """Number of tags before a tag that its score depends on, at least 1."""
        models = [model for group in self.models_ for model in group] if self.is_fitted else self.models
        return max([1, *(model.tags_before for model in models if isinstance(model, ChainTagger))])

    # ----------------------------------------------------------------------------------------------------- tagging

    def chain(self) -> Chain:
        """Return the weighted sum of the models' chains; −inf for what is not legal."""
        return self._chain

    def emissions(
        self, data: TaggedSentences
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.floating[Any]], NDArray[np.int64]]]:
        """Yield weighted sums of the models' scores; see ``ChainTagger.emissions``."""
        import numpy as np

        most = max(1, _AT_ONCE // (len(self.models_) * len(self.tags_)))
        low = 0
        while low < len(data):
            high = max(low + 1, int(np.searchsorted(data.offsets, data.offsets[low] + most, side="right")) - 1)
            part = data.subset(np.arange(low, high))
            scores = np.tensordot(self.weights_, self._factors.emissions(part), axes=1)
            for sentences in batches(part.offsets, self._chain.states):
                places, lengths = tokens_of(part.offsets, sentences)
                yield sentences + low, padded(scores[places], lengths), lengths
            low = high

    # ------------------------------------------------------------------------------------------------------ saving

    def fitted_state(self) -> FittedState:
        """Return the weights as an array, and the models that ``fit`` fitted or loaded as members."""
        from nlmkit.core.groups import saved_groups

        state = super().fitted_state()
        sizes, made = saved_groups(self.models_, self.models)
        arrays = {**state.arrays, "weights": self.weights_}
        return FittedState(arrays, {**state.metadata, "versions": sizes}, {**state.members, **made})

    def restore(self, state: FittedState) -> None:
        """Set the models and their weights.

        Raises:
            SavedModelError: A model is missing or does not suit, or the weights are unusable.
        """
        from nlmkit.core.groups import restored_groups, restored_weights
        from nlmkit.saving import require
        from nlmkit.taggers.combined.members import check

        super().restore(state)
        models = restored_groups(state.metadata.get("versions"), state.members, self.models)
        for number, group in enumerate(models, 1):
            for model in group:
                usable = isinstance(model, ChainTagger) and model.is_fitted
                require(usable, f"its model {number} is missing; save the model again")
                try:
                    check(model, number, self)
                except HyperParameterError as error:
                    require(False, f"{error}; save the model again")
        weights = restored_weights(state.arrays, len(models))
        self.models_, self.weights_ = models, weights
        self._combine()
