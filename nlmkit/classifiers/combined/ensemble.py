"""Weighted combination of classifiers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.classifiers.base import Classifier
from nlmkit.core import optional
from nlmkit.core.parameters import Needs, param
from nlmkit.core.presets import with_default
from nlmkit.core.run import RunOptions
from nlmkit.documents.base import TextModel, Tokenizing
from nlmkit.errors import HyperParameterError
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.classifiers.combined.log_linear import Scored
    from nlmkit.core.groups import Fits, Group
    from nlmkit.text import Corpus
    from nlmkit.text.labelled import LabelledTexts

WEIGHTS: Final = ("auto", "validation", "cross-validation", "equal")
"""Values of ``weights`` other than numbers."""

_TWO_LINEAR: Any = (
    {"component": "nbsvm", "hyper_parameters": {"calibration": 0, "order": 1}},
    {"component": "tfidf-logreg", "hyper_parameters": {}},
)


@dataclasses.dataclass(kw_only=True)
class Ensemble(Classifier):
    """Weighted combination of classifiers: their log-probabilities are added and normalized (Mesnil et al. 2014).

    p(c | x) ∝ Π_k p_k(c | x)^w_k, with weights w_k ≥ 0. Probabilities below 1e-12 count as 1e-12.

    **Weights** are fitted by maximum likelihood, a convex problem, on texts that no model was trained on:

    * ``validation``: the validation texts.
    * ``cross-validation``: the training texts, each scored by copies of the models that were fitted without its fold.
      This takes ``folds`` fits of each model in addition to the final one, and applies to unfitted models.
    * ``auto``: ``validation`` if there are validation texts, otherwise ``cross-validation``; ``equal`` for one model.
    * ``equal``, or one number per model.

    **Models.** Copies of unfitted models are fitted to the training texts, and see the validation texts, too. Fitted
    ones are used unchanged; if all are fitted, the training texts only serve to fit the weights, and must differ from
    those of the models. With ``seeds`` above 1, each unfitted model that trains in steps is fitted that
    often, with seeds that count up from its own plus ``seed · seeds`` (ensembles of different ``seed`` have no seed in
    common), and the mean of their log-probabilities is that of the model: a single
    neural classifier with ``seeds=5`` is the average of five.

    **Texts.** Each model has its own tokenization. The ensemble itself only splits texts at spaces by default, and
    models with another tokenization read these tokens joined by single spaces.

    Fitted attributes: ``models_`` (for each model its fitted versions, one per seed), ``weights_`` (float64 [models]).

    Example:
        >>> from nlmkit import NBSVM, TfidfLogReg
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> labels = ["good", "good", "bad", "bad"] * 5
        >>> model = Ensemble(models=(NBSVM(), TfidfLogReg()), folds=2).fit(texts, labels)
        >>> model.predict(["a dull evening"]).tolist()
        ['bad']
    """

    name = "ensemble"
    conformance_settings: ClassVar[Mapping[str, Any]] = {"models": _TWO_LINEAR, "folds": 2}

    models: tuple[Classifier | str, ...] = param(
        (), help="classifiers, fitted or not, names of classifiers, or folders of saved models"
    )
    weights: str | tuple[float, ...] = param(
        "auto", ge=0, help="auto, validation, cross-validation, equal, or one weight per model"
    )
    folds: int = param(
        5,
        ge=2,
        help="number of folds of weights=cross-validation",
        needs=Needs("weights=auto or cross-validation", lambda model: model.weights in ("auto", "cross-validation")),
    )
    seeds: int = param(
        1, ge=1, le=1000, help="fits of each unfitted model that trains in steps, with seeds that count up from its own"
    )
    seed: int = param(
        0, ge=0, le=2**32 - 1, help="seed of the folds; times seeds, it is added to that of each model that seeds fits"
    )
    tokenizer: Tokenizing = with_default(TextModel, "tokenizer", "space")
    lowercase: bool = with_default(TextModel, "lowercase", False)

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        models_: tuple[Group, ...] = dataclasses.field(init=False)
        weights_: NDArray[np.float64] = dataclasses.field(init=False)

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[np.int64],
        *,
        valid: tuple[Corpus, NDArray[np.int64]] | None,
        run: RunOptions,
        weights: NDArray[np.float64] | None = None,
    ) -> Mapping[str, Any]:
        """Fit the models, and their weights; see ``Classifier.fit_corpus``.

        Raises:
            HyperParameterError: There are too few models, an option does not apply to them, or their classes differ.
            SavedModelError: A folder cannot be loaded.
        """
        from nlmkit.classifiers.combined.log_linear import Scored, held_out_folds
        from nlmkit.classifiers.combined.members import log_probs, require_classes, resolved
        from nlmkit.core.groups import Fits

        optional.require("scipy", extra="classifiers", who=self.name)
        models = [resolved(model, number) for number, model in enumerate(self.models, 1)]
        rule = self._rule(models, valid is not None)
        for number, model in enumerate(models, 1):
            if model.is_fitted:
                require_classes(model, number, self.classes_)
        data = self._labelled(corpus, targets)
        held_out = None if valid is None else self._labelled(*valid)
        folds = None
        notes: list[str] = []
        if rule == "cross-validation":
            folds = held_out_folds(targets, self.folds, seed=self.seed)
            if folds is None:
                rule = "equal"
                notes.append("too few texts per class to fit the weights of the models: they are equal")
        number = 0 if folds is None else int(folds.max()) + 1
        rounds = 1 if folds is None else 2 + int(folds.max())
        fits = Fits(models, self.seeds, self.seed, run, rounds)
        scored = None if folds is None else self._cross_validated(fits, data, held_out, folds, targets, weights=weights)
        self.models_ = self._fitted(fits, data, held_out, weights)
        notes += fits.notes()
        if rule == "validation":
            text, right = (corpus, targets) if valid is None else valid
            scored = Scored(log_probs(self.models_, text, self.classes_), right, weights if valid is None else None)
        self.weights_ = self._fitted_weights(scored, len(models), notes)
        report: dict[str, Any] = {
            "models": [model.name for model in models],
            "fits": [len(group) for group in self.models_],
            "weights_from": "given" if isinstance(self.weights, tuple) else rule,
            "weights": self.weights_.tolist(),
        }
        return report | ({} if scored is None else scored.report(self.weights_)) | {"notes": notes}

    def _cross_validated(
        self,
        fits: Fits,
        data: LabelledTexts,
        held_out: LabelledTexts | None,
        folds: NDArray[np.int64],
        targets: NDArray[np.int64],
        *,
        weights: NDArray[np.float64] | None,
    ) -> Scored:
        """Return the log-probabilities of training texts under models fitted without them."""
        import numpy as np

        from nlmkit.classifiers.combined.log_linear import Scored
        from nlmkit.classifiers.combined.members import log_probs

        parts, order = [], []
        number = int(folds.max()) + 1
        for fold in range(number):
            rest, part = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            inside = None if weights is None else weights[rest]
            groups = self._fitted(fits, data.take(rest), held_out, inside, f"fold {fold + 1} of {number}")
            parts.append(log_probs(groups, data.take(part).encode(self.pipeline_), self.classes_))
            order.append(part)
        places = np.concatenate(order)
        return Scored(np.concatenate(parts, axis=1), targets[places], None if weights is None else weights[places])

    def _fitted(
        self,
        fits: Fits,
        data: LabelledTexts,
        held_out: LabelledTexts | None,
        weights: NDArray[np.float64] | None,
        what: str = "",
    ) -> tuple[Group, ...]:
        """Return the models fitted to texts, of which every class occurs, with a weight of each: float64 [texts]."""
        return fits.fitted(
            lambda model, run: model.fit(data, sample_weight=weights, valid=held_out, run=run),
            what=what,
            known={*data.notes, *(() if held_out is None else held_out.notes)},
        )

    def _fitted_weights(self, scored: Scored | None, models: int, notes: list[str]) -> NDArray[np.float64]:
        """Return the weights of the models: float64 [models]."""
        import numpy as np

        from nlmkit.classifiers.combined.log_linear import fit_weights

        if isinstance(self.weights, tuple):
            return np.array(self.weights, np.float64)
        if scored is not None:
            found = fit_weights(scored.log_probs, scored.targets, scored.weights)
            if found.any():
                return found
            notes.append("no model predicts the held-out texts better than chance: the weights are equal")
        return np.full(models, 1 / models)

    def _rule(self, models: Sequence[Classifier], has_valid: bool) -> str:
        """Return how the weights are found, after checking the options.

        Raises:
            HyperParameterError: There are too few models, or an option does not apply to them.
        """
        from nlmkit.core.groups import check_number, check_weights

        check_number(models, self.seeds)
        fitted = [model.is_fitted for model in models]
        rule = self.weights
        if isinstance(rule, tuple):
            check_weights(rule, len(models))
            return "equal"
        if rule not in WEIGHTS:
            raise HyperParameterError(f"weights must be {', '.join(WEIGHTS)}, or one number per model, not {rule!r}")
        if rule == "auto":
            rule = "equal" if len(models) == 1 else "validation" if has_valid or all(fitted) else "cross-validation"
        if rule == "validation" and not has_valid and not all(fitted):
            raise HyperParameterError("weights=validation needs validation texts: add --valid FILE")
        if rule == "cross-validation" and any(fitted):
            number = fitted.index(True) + 1
            raise HyperParameterError(
                f"weights=cross-validation needs unfitted models, and model {number} ({models[number - 1].name}) is "
                "fitted: use weights=validation"
            )
        return rule

    def _labelled(self, corpus: Corpus, targets: NDArray[np.int64]) -> LabelledTexts:
        from nlmkit.classifiers.combined.members import texts_of
        from nlmkit.text.labelled import LabelledTexts

        return LabelledTexts(texts_of(corpus), self.classes_[targets])

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the normalized product of the models' probabilities, weighted: float64 [documents, classes]."""
        import numpy as np

        from nlmkit.classifiers.combined.log_linear import combined
        from nlmkit.classifiers.combined.members import log_probs

        return np.exp(combined(log_probs(self.models_, corpus, self.classes_), self.weights_))

    # -------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return the weights as an array, and the models that ``fit`` fitted or loaded as members."""
        from nlmkit.core.groups import saved_groups

        state = super().fitted_state()
        sizes, made = saved_groups(self.models_, self.models)
        return FittedState({"weights": self.weights_}, {**state.metadata, "versions": sizes}, made)

    def restore(self, state: FittedState) -> None:
        """Set the models and their weights.

        Raises:
            SavedModelError: A model is missing, or has other classes, or the weights are unusable.
        """
        import numpy as np

        from nlmkit.core.groups import restored_groups, restored_weights
        from nlmkit.saving import require

        super().restore(state)
        groups = restored_groups(state.metadata.get("versions"), state.members, self.models)
        for number, group in enumerate(groups, 1):
            for model in group:
                usable = isinstance(model, Classifier) and model.is_fitted
                require(usable, f"its model {number} is missing; save the model again")
                same = model.classes_.dtype.kind == self.classes_.dtype.kind
                same = same and np.array_equal(model.classes_, self.classes_)
                require(same, f"its model {number} has other classes; save the model again")
        self.models_, self.weights_ = groups, restored_weights(state.arrays, len(groups))
