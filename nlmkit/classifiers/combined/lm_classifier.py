"""Classifier made of one language model per class."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.classifiers.base import Classifier
from nlmkit.core import optional
from nlmkit.core.parameters import Needs, param
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.base import LanguageModel
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.classifiers.combined.class_models import ClassModels
    from nlmkit.text import Corpus, Vocabulary

PRIORS: Final = ("training", "uniform")
"""Values of ``priors`` other than numbers."""


@dataclasses.dataclass(kw_only=True)
class LMClassifier(Classifier):
    """Bayes' rule over one language model per class: p(c | x) ∝ p(x | c) p(c) (Mesnil et al. 2014).

    A copy of the language model is fitted to the texts of each class, each text as one sentence; all copies have the
    vocabulary of the whole training text, under the limits of the language model, so that their probabilities are
    comparable. Any language model may be used: an n-gram model by default, or a neural one.

    The logit of class c is L_c / (T · n^a) + ln p(c), where L_c is the log-probability of a text with its ``</s>``, n
    the number of these events, T the ``temperature`` and a the ``length_norm``. Sums over words overstate the evidence
    of long texts. Without a given temperature it is fitted by maximum likelihood, on the validation texts if there are
    any, otherwise on training texts held out in ``folds`` folds, which takes that many more fits. Under uniform priors
    it changes no prediction.

    **Weights of texts** multiply the priors. Within a class, a text of weight 2 is read twice: the weights, or their
    ratios to the smallest of the class, must be integers.

    Fitted attributes: ``vocabulary_``, ``models_`` (tuple of language models, in the order of ``classes_``),
    ``log_priors_`` (float64 [classes]) and ``temperature_`` (float).

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> labels = ["good", "good", "bad", "bad"] * 5
        >>> model = LMClassifier(temperature=1.0).fit(texts, labels)
        >>> model.predict(["a dull evening"]).tolist()
        ['bad']
    """

    name = "lm-classifier"
    conformance_settings: ClassVar[Mapping[str, Any]] = {"folds": 2}

    language_model: LanguageModel | str = param(
        "ngram", help="unfitted language model, of which each class gets a copy, or the name of one with its defaults"
    )
    priors: str | tuple[float, ...] = param(
        "training", gt=0, help="probabilities of the classes: training (shares of the texts), uniform, or one per class"
    )
    length_norm: float = param(
        0.0, ge=0, le=1, help="power of the length by which log-probabilities are divided; 1: the mean per word"
    )
    temperature: float | None = param(
        None, gt=0, help="divisor of the log-probabilities; none: fitted on held-out texts"
    )
    folds: int = param(
        5,
        ge=2,
        help="number of folds to fit the temperature on, without validation texts",
        needs=Needs("temperature=none", lambda model: model.temperature is None),
    )
    seed: int = param(
        0,
        ge=0,
        le=2**32 - 1,
        help="seed of these folds",
        needs=Needs("temperature=none", lambda model: model.temperature is None),
    )

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        vocabulary_: Vocabulary = dataclasses.field(init=False)
        models_: tuple[LanguageModel, ...] = dataclasses.field(init=False)
        log_priors_: NDArray[np.float64] = dataclasses.field(init=False)
        temperature_: float = dataclasses.field(init=False)

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[np.int64],
        *,
        valid: tuple[Corpus, NDArray[np.int64]] | None,
        run: RunOptions,
        weights: NDArray[np.float64] | None = None,
    ) -> Mapping[str, Any]:
        """Fit the language models, and the temperature; see ``Classifier.fit_corpus``.

        Raises:
            HyperParameterError: The language model is fitted, does not give probabilities, or reads text in its own
                vocabulary; or there is not one prior per class.
            DataError: Weights within a class are not in the ratio of integers.
        """
        import numpy as np

        from nlmkit.classifiers.combined.class_models import ClassModels, copies_of_texts
        from nlmkit.classifiers.combined.log_linear import held_out_folds, mean_loss

        model = self._language_model()
        copies = copies_of_texts(weights, targets, self.classes_)
        self.log_priors_ = self._log_priors(targets, weights)
        folds = (
            None
            if self.temperature is not None or valid is not None
            else held_out_folds(targets, self.folds, seed=self.seed)
        )
        rounds = 1 if folds is None else 2 + int(folds.max())
        fits = ClassModels.of(model, corpus, targets, copies, run, rounds=rounds)
        notes: list[str] = []
        self.vocabulary_ = fits.vocabulary
        self.models_ = fits.fitted(np.arange(len(targets)), valid, "", notes)
        report: dict[str, Any] = {"language_model": model.name}
        self.temperature_ = 1.0 if self.temperature is None else float(self.temperature)
        if self.temperature is None:
            optional.require("scipy", extra="classifiers", who=self.name)
            found, right, of_right = self._held_out(fits, folds, valid, weights, notes)
            if len(right):
                self.temperature_ = self._fitted_temperature(found, right, of_right)
                together = self._logits(found)
                report["held_out_texts"] = len(right)
                report["held_out_accuracy"] = float((together.argmax(axis=1) == right).mean())
                report["held_out_loss"] = mean_loss(together, right)
        return report | {
            "temperature": self.temperature_,
            "vocabulary": len(self.vocabulary_),
            "log_priors": self.log_priors_.tolist(),
            "notes": notes,
        }

    def _held_out(
        self,
        fits: ClassModels,
        folds: NDArray[np.int64] | None,
        valid: tuple[Corpus, NDArray[np.int64]] | None,
        weights: NDArray[np.float64] | None,
        notes: list[str],
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64] | None]:
        """Return scaled log-probabilities of held-out texts [texts, classes], their classes and weights [texts]."""
        import numpy as np

        from nlmkit.classifiers.combined.class_models import log_probs
        from nlmkit.documents.subsets import subset

        if valid is not None:
            return self._scaled(log_probs(self.models_, valid[0]), valid[0]), valid[1], None
        if folds is None:
            notes.append("too few texts per class to fit the temperature: it is 1")
            return np.empty((0, len(self.classes_))), np.empty(0, np.int64), None
        parts, order = [], []
        number = int(folds.max()) + 1
        for fold in range(number):
            models = fits.fitted(np.flatnonzero(folds != fold), None, f"fold {fold + 1} of {number}", [])
            order.append(np.flatnonzero(folds == fold))
            held_out = subset(fits.corpus, order[-1])
            parts.append(self._scaled(log_probs(models, held_out), held_out))
        places = np.concatenate(order)
        return np.concatenate(parts), fits.targets[places], None if weights is None else weights[places]

    def _language_model(self) -> LanguageModel:
        """Return the unfitted language model.

        Raises:
            HyperParameterError: It is fitted, or its scores are not probabilities.
        """
        from nlmkit.core import registry

        model: Any = self.language_model
        if isinstance(model, str):
            model = registry.get(model)()
            if not isinstance(model, LanguageModel):
                raise HyperParameterError(f"language_model={self.language_model} is a {model.kind}")
        if model.is_fitted:
            raise HyperParameterError(
                f"language_model: this {model.name} is fitted already; pass an unfitted one, which each class fits to "
                "its texts"
            )
        if not model.normalized:
            raise HyperParameterError(
                f"language_model: scores of this {model.name} are not probabilities and cannot be compared by Bayes' "
                "rule"
            )
        found: LanguageModel = model
        return found

    def _log_priors(self, targets: NDArray[np.int64], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Return the logarithms of the priors: float64 [classes].

        Raises:
            HyperParameterError: There is not one per class, or they are called by an unknown name.
        """
        import numpy as np

        classes = len(self.classes_)
        totals = np.bincount(targets, weights, minlength=classes).astype(np.float64)
        if isinstance(self.priors, tuple):
            if len(self.priors) != classes:
                raise HyperParameterError(f"{len(self.priors)} priors for {classes} classes")
            given = np.array(self.priors, np.float64)
            if weights is not None:  # within a class, and between classes beyond their shares
                given = given * totals / np.bincount(targets, minlength=classes)
            totals = given
        elif self.priors == "uniform":
            totals = totals / np.bincount(targets, minlength=classes)
        elif self.priors != "training":
            raise HyperParameterError(
                f"priors must be {' or '.join(PRIORS)}, or one number per class, not {self.priors!r}"
            )
        return np.asarray(np.log(totals / totals.sum()), np.float64)

    def _scaled(self, log_probs: NDArray[np.float64], corpus: Corpus) -> NDArray[np.float64]:
        """Return log-probabilities of texts [texts, classes] divided by a power of their length."""
        import numpy as np

        if not self.length_norm:
            return log_probs
        lengths = np.diff(corpus.event_offsets).astype(np.float64)
        return log_probs / lengths[:, None] ** self.length_norm

    def _logits(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        from nlmkit.classifiers.combined.log_linear import log_softmax

        return log_softmax(scaled / self.temperature_ + self.log_priors_)

    def _fitted_temperature(
        self, scaled: NDArray[np.float64], targets: NDArray[np.int64], weights: NDArray[np.float64] | None
    ) -> float:
        """Return the temperature of the highest likelihood, between 1e-3 and 1e6."""
        import numpy as np
        from scipy.optimize import minimize_scalar

        from nlmkit.classifiers.combined.log_linear import log_softmax, mean_loss

        def loss(log_temperature: float) -> float:
            log_probs = log_softmax(scaled / np.exp(log_temperature) + self.log_priors_)
            return mean_loss(np.maximum(log_probs, -1e6), targets, weights)

        bounds = (float(np.log(1e-3)), float(np.log(1e6)))
        return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the posterior probabilities of the classes: float64 [documents, classes]."""
        import numpy as np

        from nlmkit.classifiers.combined.class_models import log_probs

        return np.exp(self._logits(self._scaled(log_probs(self.models_, corpus), corpus)))

    # -------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """Return the priors and the temperature as arrays, and the language models as members."""
        import numpy as np

        state = super().fitted_state()
        arrays = {"log_priors": self.log_priors_, "temperature": np.array([self.temperature_])}
        return FittedState(
            arrays, state.metadata, {f"models_.{number}": model for number, model in enumerate(self.models_)}
        )

    def restore(self, state: FittedState) -> None:
        """Set the language models, priors and temperature.

        Raises:
            SavedModelError: One of them is missing or unusable.
        """
        import numpy as np

        from nlmkit.saving import require, require_array

        super().restore(state)
        require("vocabulary_" in vars(self), "its vocabulary is missing; save the model again")
        models = []
        for number in range(len(self.classes_)):
            model = state.members.get(f"models_.{number}")
            require(
                isinstance(model, LanguageModel) and model.is_fitted and model.vocabulary_ == self.vocabulary_,
                f"the language model of class {number + 1} is missing; save the model again",
            )
            assert isinstance(model, LanguageModel)
            models.append(model)
        priors = require_array(state.arrays, "log_priors", dtype="float64", shape=(len(models),))
        require(bool(np.isfinite(priors).all()), "array 'log_priors' contains NaN or infinity")
        temperature = require_array(state.arrays, "temperature", dtype="float64", shape=(1,))
        require(bool(np.isfinite(temperature[0]) and temperature[0] > 0), "its temperature is not a positive number")
        self.models_, self.log_priors_ = tuple(models), np.asarray(priors, np.float64)
        self.temperature_ = float(temperature[0])
