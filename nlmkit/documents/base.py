"""The contract that classifiers and regressors share: :class:`TextModel`. This module imports no NumPy.

**How such a model reads text**, one rule for all of them: the hyper-parameters ``tokenizer``, ``lowercase`` and
``unicode_form`` say how a text becomes tokens, in ``fit`` and ever after. What texts read from a file add is how
their bytes were decoded. Both together are the fitted ``pipeline_``. A text is one document, however long; line feeds
in it are spaces.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

from nlmkit.core.component import Component
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError
from nlmkit.saving.state import FittedState
from nlmkit.saving.timing import without_timing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.text import Corpus, Decoding, TextPipeline


class TargetTexts(Protocol):
    """Texts, each with its target: a label or a number."""

    @property
    def source(self) -> str:
        """What errors call the texts."""

    @property
    def decoding(self) -> Decoding:
        """How the texts' bytes were decoded."""

    @property
    def notes(self) -> Sequence[str]:
        """Notes for users of the texts."""

    def __len__(self) -> int:
        """How many texts there are."""

    def encode(self, pipeline: TextPipeline) -> Corpus:
        """Return the texts as a corpus with one document per sentence."""


Texts = TypeVar("Texts", bound=TargetTexts)


@dataclasses.dataclass(kw_only=True)
class TextModel(Component):
    """Base of every classifier and regressor: texts in, one answer per text out.

    The base of a kind implements ``fit``, which calls :meth:`fit_texts`, then :meth:`learn_targets`,
    :meth:`validation_data` and :meth:`validation_report`; and :meth:`gather`, :meth:`deal` and :meth:`judge`, by which
    :mod:`~nlmkit.documents.cross_validation` serves every kind. A model implements :meth:`fit_corpus`, and for saving
    :meth:`fitted_state` and :meth:`restore`, which call those of this class first. It sees documents as a
    :class:`~nlmkit.text.Corpus` of which each "sentence" is one document.

    Works inside scikit-learn's ``clone``, ``cross_val_score``, ``GridSearchCV`` and ``Pipeline``. Components among
    the hyper-parameters (an input representation) are not cloned with it: they are shared, fitted as they are, since
    ``fit`` leaves them alone.

    Fitted attributes: ``pipeline_`` (:class:`~nlmkit.text.TextPipeline`) and ``fit_report_`` (JSON-ready dictionary).
    """

    _estimator_type: ClassVar[str]  # how scikit-learn before 1.6 recognizes kinds of estimators

    tokenizer: str = param("word", help="how a text becomes tokens: space, word, char, or a plugin's")
    lowercase: bool = param(True, help="lower-case the texts")
    unicode_form: str | None = param(
        None, choices=(None, "NFC", "NFD", "NFKC", "NFKD"), help="normalise the texts to this form of Unicode"
    )

    if TYPE_CHECKING:  # fitted state, which is no hyper-parameter
        pipeline_: TextPipeline = dataclasses.field(init=False)
        fit_report_: dict[str, Any] = dataclasses.field(init=False)

    # ------------------------------------------------------------------------------------- what a model implements

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[Any],
        *,
        valid: tuple[Corpus, NDArray[Any]] | None,
        run: RunOptions,
    ) -> Mapping[str, Any]:
        """Estimate the model; ``pipeline_`` and what :meth:`learn_targets` sets are there already.

        Whatever is estimated, vocabulary and weights of words included, comes from ``corpus`` alone.

        Args:
            corpus: The training documents, in the order given.
            targets: Target of each document, as :meth:`learn_targets` returns it: [documents].
            valid: Held-out documents and their targets, where there are any.
            run: Progress, device, checkpoints.

        Returns:
            What ``fit_report_`` shall say of the fitting, JSON-ready; ``notes``, a list, is shown to the user.
        """
        raise NotImplementedError

    # -------------------------------------------------------------------------- what the base of a kind implements

    def learn_targets(self, data: Any) -> tuple[NDArray[Any], Mapping[str, Any], list[str]]:
        """Set what is fitted to the targets alone, such as the classes.

        Args:
            data: The training texts with their targets; there is at least one.

        Returns:
            Target of each text as the model is trained on it, [texts]; what ``fit_report_`` shall say of the targets;
            and notes on them.

        Raises:
            DataError: nothing can be learned from these targets.
        """
        raise NotImplementedError

    def validation_data(self, data: Any, notes: list[str]) -> tuple[Any, NDArray[Any]]:
        """Return the held-out texts that can be used, and their targets as :meth:`learn_targets` returns them.

        Args:
            data: Held-out texts with their targets; there is at least one.
            notes: Take what the user should know.

        Raises:
            DataError: none of them can be used.
        """
        raise NotImplementedError

    def validation_report(self, corpus: Corpus, targets: NDArray[Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what ``fit_report_`` shall say of held-out texts, beside ``own``, which is the model's report."""
        return {}

    @classmethod
    def gather(cls, texts: Any, targets: Any = None) -> Any:
        """Return texts and targets, however they were given, as one object, a :class:`TargetTexts`.

        Raises:
            DataError: targets are missing, or they or the texts are unusable.
        """
        raise NotImplementedError

    @classmethod
    def deal(cls, data: Any, folds: int, *, seed: int) -> NDArray[np.int64]:
        """Deal texts with targets into the folds of a cross-validation: the fold of each text, int64 [texts].

        Raises:
            HyperParameterError: there are fewer than two folds.
            DataError: there are too few texts, or no model can be fitted without one of the folds.
        """
        raise NotImplementedError

    def judge(self, data: Any, predictions: NDArray[Any], **facts: Any) -> Any:
        """Make a report of predictions.

        Args:
            data: Texts with targets; there is at least one.
            predictions: What was predicted for each: [texts].
            facts: ``model_digest``, ``text_pipeline``, ``texts_digest``, ``resamples`` and ``seed`` of the report.

        Returns:
            The report of the kind. Its ``headings`` are the attributes that are figures of one fold of a
            cross-validation, each with what a reader sees it called.
        """
        raise NotImplementedError

    # ----------------------------------------------------------------------------------------------------- fitting

    def fit_texts(self, data: TargetTexts, held_out: TargetTexts | None, run: RunOptions) -> Self:
        """Estimate the model from texts with targets and return self; a fit that fails leaves it as it was.

        Raises:
            DataError: unusable texts or targets, or no words at all.
            HyperParameterError: options that contradict each other.
        """
        from nlmkit.text.unspaced import note_unspaced

        if not len(data):
            raise DataError("there are no texts to train on", source=data.source)
        before = dict(vars(self))
        self._forget()
        try:
            targets, of_targets, about_targets = self.learn_targets(data)
            run.stage("reading text")
            self.pipeline_ = self.text_pipeline(data)
            corpus = data.encode(self.pipeline_)
            if not corpus.tokens:
                raise DataError("no training text has a word", source=data.source)
            note_unspaced(corpus)
            notes = [*data.notes, *about_targets]
            valid = None if held_out is None else self._validation(held_out, notes)
            own = self.fit_corpus(corpus, targets, valid=valid, run=run)
            of_valid = {} if valid is None else self.validation_report(*valid, own)
            report = {"texts": len(data), **of_targets, **of_valid, **own}
            self.fit_report_ = {**report, "notes": [*notes, *own.get("notes", ())]}
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def _validation(self, data: TargetTexts, notes: list[str]) -> tuple[Corpus, NDArray[Any]]:
        if not len(data):
            raise DataError("there are no validation texts", source=data.source)
        usable, targets = self.validation_data(data, notes)
        return usable.encode(self.pipeline_), targets

    def text_pipeline(self, data: TargetTexts) -> TextPipeline:
        """How the model reads text: tokens by its hyper-parameters, bytes as ``data`` was decoded.

        Raises:
            HyperParameterError: the tokenizer's name means nothing.
        """
        from nlmkit.text import TextPipeline, Tokenization

        tokenization = Tokenization(self.tokenizer, self.lowercase, self.unicode_form)  # type: ignore[arg-type]
        _ = tokenization.resolved_tokenizer  # an unknown name is an error now, not after reading
        return TextPipeline.of(data.decoding.with_marks("error"), tokenization)

    # ----------------------------------------------------------------------------------------------------- scoring

    def encode(self, texts: Any) -> Corpus:
        """Read texts as the model does: a corpus with one document per sentence.

        Args:
            texts: Strings, texts with targets, or a Corpus of documents with the same ``tokenization_``.

        Raises:
            DataError: they are no texts, or the Corpus was tokenized otherwise.
        """
        self.check_fitted()
        from nlmkit.text import Corpus
        from nlmkit.text.labelled import encode

        if not isinstance(texts, Corpus):
            if not isinstance(texts, str) and hasattr(texts, "encode"):  # they have targets, and know their lines
                found: Corpus = texts.encode(self.pipeline_)
                return found
            return encode(texts, self.pipeline_)
        if texts.tokenization is not None and texts.tokenization != self.tokenization_:
            raise DataError(
                f"the corpus was made with {texts.tokenization.signature}, the {self.kind} reads text with "
                f"{self.tokenization_.signature}: pass the texts themselves, or read them with its tokenization_"
            )
        return texts

    # ------------------------------------------------------------------------------------------------------ saving

    def fitted_state(self) -> FittedState:
        """The fit report, without its times, as metadata; a subclass adds its own."""
        self.check_fitted()
        return FittedState({}, {"fit_report": without_timing(self.fit_report_)})

    def restore(self, state: FittedState) -> None:
        """Set the fit report; a subclass goes on with its own.

        Raises:
            SavedModelError: it is missing.
        """
        from nlmkit.saving import require

        require("pipeline_" in vars(self), f"a {self.kind} without a text pipeline; save the model again")
        report = state.metadata.get("fit_report")
        require(isinstance(report, dict), "its metadata lack fit_report; save the model again")
        self.fit_report_ = dict(state.metadata["fit_report"])

    # ------------------------------------------------------------------------------------------------ scikit-learn

    def __sklearn_clone__(self) -> Self:
        """An unfitted model with the same hyper-parameters, components among them shared.

        Each kind of note is logged once for all clones of a model, of which a cross-validation fits many; their
        ``fit_report_`` has them all.
        """
        clone = type(self)(**self.get_params(deep=False))
        vars(clone)["_said"] = vars(self).get("_said", vars(self).setdefault("_said_by_clones", set()))
        return clone

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it is fitted, as scikit-learn asks."""
        return self.is_fitted

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn (1.6 and later) wants to know: an estimator of its type, of strings."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
        )


def with_targets(texts: Any, targets: Any, *, form: type[Texts], make: Callable[[Any, Any], Texts], what: str) -> Texts:
    """Texts and targets, however they were given, in one object.

    Args:
        texts: An object of the class ``form``; or a sequence of strings with ``targets``, or (without) a pair of both.
        targets: One target per text.
        form: The class of such objects.
        make: Builds one from texts and targets.
        what: What the targets are called in errors: ``labels``, ``numbers``.

    Raises:
        DataError: targets are missing, too many or too few, or there are two sets of them; or the texts are no strings.
    """
    from nlmkit.text.tables import refuse_table

    refuse_table(texts, "the list of texts")
    if isinstance(texts, form):
        if targets is not None:
            raise DataError(f"these texts have {what} already: leave the others out")
        return texts
    if targets is None:
        is_pair = isinstance(texts, (tuple, list)) and len(texts) == 2
        if is_pair:
            refuse_table(texts[0], "the list of texts")
        if not (is_pair and _is_sequence(texts[0])):
            raise DataError(f"{what} are missing: give texts and {what}, or {form.__name__}")
        texts, targets = texts
    return make(texts, targets)


def _is_sequence(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping))
