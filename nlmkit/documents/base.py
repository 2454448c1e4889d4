"""Contract shared by classifiers and regressors: ``TextModel``. This module does not import NumPy.

**Tokenization** is the same for all of them: the hyper-parameters ``tokenizer``, ``lowercase`` and
``unicode_form`` define how a text becomes tokens, in ``fit`` and later. A segmenter that is named by its folder is
loaded at once and is a component inside the model; a subword tokenizer (``bpe:8000``) is trained by ``fit``. Texts
read from a file add only how their bytes were decoded. The fitted ``pipeline_`` combines both. A text is one document
of any length; line feeds in it count as spaces.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeAlias, TypeVar

from nlmkit.core.component import Component
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.saving.state import FittedState
from nlmkit.saving.timing import without_timing
from nlmkit.taggers.base import Tagger
from nlmkit.text.tokenizer_lookup import restored_parameter, tokenizer_as_parameter
from nlmkit.text.tokenizers import SPACE_SYMBOL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from nlmkit.text import Corpus, Decoding, TextPipeline


class TargetTexts(Protocol):
    """Texts with one target each: a label or a number."""

    @property
    def source(self) -> str:
        """Name of the texts in error messages."""

    @property
    def decoding(self) -> Decoding:
        """Decoding of the texts' bytes."""

    @property
    def notes(self) -> Sequence[str]:
        """Remarks on the texts for the user."""

    def __len__(self) -> int:
        """Return the number of texts."""

    def take(self, indices: ArrayLike) -> TargetTexts:
        """Return the texts with these indices, in their order."""

    def encode(self, pipeline: TextPipeline) -> Corpus:
        """Return the texts as a corpus with one document per sentence."""


Tokenizing: TypeAlias = str | Tagger
"""Type of the hyper-parameter ``tokenizer``."""

Texts = TypeVar("Texts", bound=TargetTexts)


@dataclasses.dataclass(kw_only=True)
class TextModel(Component):
    """Base class of classifiers and regressors: texts in, one prediction per text out.

    The base of a kind implements ``fit``, which calls ``fit_texts``, then ``learn_targets``,
    ``validation_data`` and ``validation_report``; and ``gather``, ``deal`` and ``judge``, by which
    ``nlmkit.documents.cross_validation`` serves every kind. A model implements ``fit_corpus``, and for saving
    ``fitted_state`` and ``restore``, which call those of this class first. It sees documents as a
    ``Corpus`` of which each "sentence" is one document.

    Compatible with scikit-learn's ``clone``, ``cross_val_score``, ``GridSearchCV`` and ``Pipeline``. Components among
    the hyper-parameters (an input representation) are not cloned but shared, with their fitted state, since
    ``fit`` does not change them.

    Fitted attributes: ``pipeline_`` (``TextPipeline``) and ``fit_report_`` (JSON-ready dictionary).
    """

    _estimator_type: ClassVar[str]  # read by scikit-learn before 1.6 to recognize the kind of estimator

    tokenizer: Tokenizing = param(
        "word", help="tokenizer: space, word, char, bpe:8000, unigram:8000, one of a plugin, or model:FOLDER"
    )
    lowercase: bool = param(True, help="lower-case the texts")
    unicode_form: str | None = param(
        None, choices=(None, "NFC", "NFD", "NFKC", "NFKD"), help="Unicode normalization form of the texts"
    )

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        pipeline_: TextPipeline = dataclasses.field(init=False)
        fit_report_: dict[str, Any] = dataclasses.field(init=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Put the tokenizer of a saved model, or one that is given: a segmenter as a component; see ``Component``.

        Raises:
            HyperParameterError: The model has none.
            SavedModelError: The folder cannot be loaded.
        """
        super().__setattr__(name, tokenizer_as_parameter(value) if name == "tokenizer" else value)

    # ------------------------------------------------------------------------------------- what a model implements

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[Any],
        *,
        valid: tuple[Corpus, NDArray[Any]] | None,
        run: RunOptions,
    ) -> Mapping[str, Any]:
        """Estimate the model; ``pipeline_`` and the attributes set by ``learn_targets`` are set already.

        Everything estimated, including vocabulary and word weights, must come from ``corpus`` alone.

        A model that can weight its texts has another keyword argument, ``weights``: float64 [documents], positive, or
        None. A document of weight 2 counts like two. The argument is passed only where some weights are given, which
        other models refuse.

        Args:
            corpus: The training documents, in the order given.
            targets: Target of each document, as ``learn_targets`` returns it: [documents].
            valid: Held-out documents and their targets, or None.
            run: Progress, device, checkpoints.

        Returns:
            Entries of ``fit_report_`` on the fit, JSON-ready; ``notes``, a list, is shown to the user.
        """
        raise NotImplementedError

    # -------------------------------------------------------------------------- what the base of a kind implements

    def learn_targets(self, data: Any) -> tuple[NDArray[Any], Mapping[str, Any], list[str]]:
        """Set the attributes that depend on the targets alone, such as the classes.

        Args:
            data: The training texts with their targets; there is at least one.

        Returns:
            Target of each text in the form used for training, [texts]; entries of ``fit_report_`` on the targets;
            and notes on them.

        Raises:
            DataError: The targets are unusable for training.
        """
        raise NotImplementedError

    def text_weights(
        self, targets: NDArray[Any], weights: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.float64] | None, Mapping[str, Any]]:
        """Return the weight of each text, and entries of ``fit_report_`` on them.

        Args:
            targets: As ``learn_targets`` returns them.
            weights: Weights given to ``fit``: float64 [texts], positive; or None.
        """
        return weights, {}

    def validation_data(self, data: Any, notes: list[str]) -> tuple[Any, NDArray[Any]]:
        """Return the usable held-out texts, and their targets in the form that ``learn_targets`` returns.

        Args:
            data: Held-out texts with their targets; there is at least one.
            notes: List to which remarks for the user are appended.

        Raises:
            DataError: None of them is usable.
        """
        raise NotImplementedError

    def validation_report(self, corpus: Corpus, targets: NDArray[Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return entries of ``fit_report_`` on held-out texts, in addition to ``own``, the model's report."""
        return {}

    @classmethod
    def gather(cls, texts: Any, targets: Any = None) -> Any:
        """Return texts and targets, given in any supported form, as one ``TargetTexts``.

        Raises:
            DataError: Targets are missing, or texts or targets are unusable.
        """
        raise NotImplementedError

    @classmethod
    def deal(cls, data: Any, folds: int, *, seed: int) -> NDArray[np.int64]:
        """Split texts into the folds of a cross-validation; return the fold of each text: int64 [texts].

        Raises:
            HyperParameterError: There are fewer than two folds.
            DataError: There are too few texts, or leaving out one of the folds makes training impossible.
        """
        raise NotImplementedError

    def judge(self, data: Any, predictions: NDArray[Any], **facts: Any) -> Any:
        """Compute the report of predictions.

        Args:
            data: Texts with targets; there is at least one.
            predictions: Prediction for each text: [texts].
            facts: ``model_digest``, ``text_pipeline``, ``texts_digest``, ``resamples`` and ``seed`` of the report.

        Returns:
            The report of the kind. Its ``headings`` map the attributes that are figures of one fold of a
            cross-validation to their printed names.
        """
        raise NotImplementedError

    # ----------------------------------------------------------------------------------------------------- fitting

    def fit_texts(
        self, data: TargetTexts, held_out: TargetTexts | None, run: RunOptions, sample_weight: Any = None
    ) -> Self:
        """Estimate the model from texts with targets and return self; a failed fit leaves it unchanged.

        Args:
            data: Training texts.
            held_out: Validation texts, or None.
            run: Options of the run.
            sample_weight: One number per training text, or None; texts of weight 0 are left out.

        Raises:
            DataError: Texts, targets or weights are unusable, or no text has a word.
            HyperParameterError: Options contradict each other, or the model cannot weight its texts.
        """
        from nlmkit.text.unspaced import note_unspaced

        if not len(data):
            raise DataError("no texts to train on", source=data.source)
        before = dict(vars(self))
        self._forget()
        try:
            about_texts, (data, weights) = list(data.notes), self._weighted(data, sample_weight)
            targets, of_targets, about_targets = self.learn_targets(data)
            weights, of_weights = self.text_weights(targets, weights)
            weighted = {} if weights is None else {"weights": weights}
            run.stage("reading text")
            pipeline = self.text_pipeline(data)
            corpus = data.encode(pipeline)
            if pipeline.needs_training:
                assert corpus.pipeline is not None
                pipeline = corpus.pipeline
            self.pipeline_ = pipeline
            if set(corpus.types) <= {SPACE_SYMBOL}:
                raise DataError("no training text has a word", source=data.source)
            note_unspaced(corpus)
            notes = [*about_texts, *about_targets]
            valid = None if held_out is None else self._validation(held_out, notes)
            own = self.fit_corpus(corpus, targets, valid=valid, run=run, **weighted)
            of_valid = {} if valid is None else self.validation_report(*valid, own)
            report = {"texts": len(data), **of_targets, **of_weights, **of_valid, **own}
            self.fit_report_ = {**report, "notes": [*notes, *own.get("notes", ())]}
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    @property
    def takes_weights(self) -> bool:
        """Whether ``fit_corpus`` takes the weights of texts."""
        return "weights" in inspect.signature(self.fit_corpus).parameters

    def _weighted(self, data: TargetTexts, sample_weight: Any) -> tuple[TargetTexts, NDArray[np.float64] | None]:
        """Return the texts whose weight is not 0, and their weights: float64 [texts], or None.

        Raises:
            DataError: The weights are unusable.
            HyperParameterError: The model cannot weight its texts.
        """
        if sample_weight is None:
            return data, None
        import numpy as np

        from nlmkit.documents.weights import checked_weights

        if not self.takes_weights:
            raise HyperParameterError(f"{self.name} cannot weight its training texts: omit sample_weight")
        weights = checked_weights(sample_weight, len(data))
        kept = np.flatnonzero(weights)
        return (data if len(kept) == len(weights) else data.take(kept)), weights[kept]

    def _validation(self, data: TargetTexts, notes: list[str]) -> tuple[Corpus, NDArray[Any]]:
        if not len(data):
            raise DataError("no validation texts", source=data.source)
        usable, targets = self.validation_data(data, notes)
        return usable.encode(self.pipeline_), targets

    def text_pipeline(self, data: TargetTexts) -> TextPipeline:
        """Return the text pipeline: tokenization by the hyper-parameters, decoding as of ``data``.

        Raises:
            HyperParameterError: The tokenizer is unknown.
        """
        from nlmkit.text import TextPipeline, Tokenization

        form: Any = self.unicode_form  # which the hyper-parameter's choices restrict
        tokenization = Tokenization(self.tokenizer, self.lowercase, form)
        _ = tokenization.resolved_tokenizer  # report an unknown name before reading
        return TextPipeline.of(data.decoding.with_marks("error"), tokenization)

    # ----------------------------------------------------------------------------------------------------- scoring

    def encode(self, texts: Any) -> Corpus:
        """Tokenize texts as for training; return a corpus with one document per sentence.

        Args:
            texts: Strings, texts with targets, or a Corpus of documents with the same ``tokenization_``.

        Raises:
            DataError: The input is not texts, or the Corpus was tokenized differently.
        """
        self.check_fitted()
        from nlmkit.text import Corpus
        from nlmkit.text.labelled import encode

        if not isinstance(texts, Corpus):
            if not isinstance(texts, str) and hasattr(texts, "encode"):  # with targets: their errors name lines
                found: Corpus = texts.encode(self.pipeline_)
                return found
            return encode(texts, self.pipeline_)
        if texts.tokenization is not None and texts.tokenization != self.tokenization_:
            raise DataError(
                f"the corpus was tokenized with {texts.tokenization.signature}, but the {self.kind} uses "
                f"{self.tokenization_.signature}: pass the texts themselves, or tokenize them with its tokenization_"
            )
        return texts

    def predict(self, texts: Any) -> NDArray[Any]:
        """Return the prediction for each text: [texts]."""
        raise NotImplementedError

    def report_on(self, data: Any, *, resamples: int, seed: int, predictions: NDArray[Any] | None = None) -> Any:
        """Predict texts and compute the report of the kind.

        Args:
            data: Texts with targets, as ``gather`` returns them.
            resamples: Number of bootstrap samples of the intervals; 0 for no intervals.
            seed: Seed of the bootstrap.
            predictions: The prediction for each text, if it is known.

        Raises:
            DataError: The data have no texts.
        """
        if not len(data):
            raise DataError("no texts to report on", source=data.source)
        return self.judge(
            data,
            self.predict(data) if predictions is None else predictions,
            model_digest=self.digest,
            text_pipeline=self.pipeline_.signature,
            texts_digest=data.digest,
            resamples=resamples,
            seed=seed,
        )

    # ------------------------------------------------------------------------------------------------------ saving

    def fitted_state(self) -> FittedState:
        """Return the fit report, without times, as metadata; a subclass adds its own state."""
        self.check_fitted()
        return FittedState({}, {"fit_report": without_timing(self.fit_report_)})

    def restore(self, state: FittedState) -> None:
        """Set the fit report; a subclass restores its own state afterwards.

        Raises:
            SavedModelError: It is missing.
        """
        from nlmkit.saving import require

        require("pipeline_" in vars(self), f"a {self.kind} without a text pipeline; save the model again")
        vars(self)["tokenizer"] = restored_parameter(self.tokenizer, self.pipeline_)
        report = state.metadata.get("fit_report")
        require(isinstance(report, dict), "fit_report is missing from its metadata; save the model again")
        self.fit_report_ = dict(state.metadata["fit_report"])

    # ------------------------------------------------------------------------------------------------ scikit-learn

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted model with the same hyper-parameters; components among them are shared.

        Each kind of note is logged once for all clones of a model, since a cross-validation fits many; their
        ``fit_report_`` contains all of them.
        """
        clone = type(self)(**self.get_params(deep=False))
        vars(clone)["_said"] = vars(self).get("_said", vars(self).setdefault("_said_by_clones", set()))
        return clone

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the model is fitted, for scikit-learn."""
        return self.is_fitted

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn 1.6 and later: the estimator type, and strings as input."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
        )


def with_targets(texts: Any, targets: Any, *, form: type[Texts], make: Callable[[Any, Any], Texts], what: str) -> Texts:
    """Return texts and targets, given in any supported form, as one object.

    Args:
        texts: An object of the class ``form``; a sequence of strings, with ``targets``; or a pair of both, without.
        targets: One target per text.
        form: Class of the object.
        make: Builds the object from texts and targets.
        what: Name of the targets in errors: ``labels``, ``numbers``.

    Raises:
        DataError: Targets are missing, too many, too few or given twice; or the texts are not strings.
    """
    from nlmkit.text.tables import refuse_table

    refuse_table(texts, "the list of texts")
    if isinstance(texts, form):
        if targets is not None:
            raise DataError(f"these texts already have {what}: do not pass {what} separately")
        return texts
    if targets is None:
        is_pair = isinstance(texts, (tuple, list)) and len(texts) == 2
        if is_pair:
            refuse_table(texts[0], "the list of texts")
        if not (is_pair and _is_sequence(texts[0])):
            raise DataError(f"{what} are missing: pass texts and {what}, or {form.__name__}")
        texts, targets = texts
    return make(texts, targets)


def _is_sequence(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping))
