"""The contract of classifiers: :class:`Classifier`. This module imports neither NumPy nor scikit-learn.

**How a classifier reads text**, one rule for all of them: the hyper-parameters ``tokenizer``, ``lowercase`` and
``unicode_form`` say how a text becomes tokens, in ``fit`` and ever after. What texts read from a file add is how
their bytes were decoded. Both together are the fitted ``pipeline_``. A text is one document, however long; line feeds
in it are spaces.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core.component import Component
from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, SavedModelError
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.classifiers.report import ClassificationReport
    from nlmkit.text import Corpus, TextPipeline, Tokenization
    from nlmkit.text.labelled import LabelledTexts

_CELLS = 1 << 24  # probabilities that predict holds at once
_NAMED = 5  # of many labels an error names so many
_TIMING = frozenset({"seconds", "tokens_per_second", "words_per_second"})  # what a report tells that no two runs share


class _Fitted(Component):
    """The fitted state, declared where a dataclass does not take it for hyper-parameters."""

    classes_: NDArray[Any]
    pipeline_: TextPipeline
    fit_report_: dict[str, Any]

    @property
    def tokenization_(self) -> Tokenization:
        """How characters become tokens: the part of ``pipeline_`` that every text must be read with."""
        return self.pipeline_.tokenization


@dataclasses.dataclass(kw_only=True)
class Classifier(_Fitted):
    """Base of every classifier: texts in, one of two or more labels out.

    A subclass is a ``@dataclass(kw_only=True)`` and implements :meth:`fit_corpus`, :meth:`probabilities`, and, for
    saving, :meth:`fitted_state` and :meth:`restore`, which call those of this class first. It sees documents as a
    :class:`~nlmkit.text.Corpus` of which each "sentence" is one document, and labels as indices into ``classes_``.
    A subclass may also have ``highlights(text) -> list[tuple[str, float]]``: the tokens of a text, each with how much
    it counts for the predicted class, which ``nlmkit classify --highlights`` shows.

    Works inside scikit-learn's ``clone``, ``cross_val_score``, ``GridSearchCV`` and ``Pipeline``. Components among
    the hyper-parameters (an input representation) are not cloned with it: they are shared, fitted as they are, since
    ``fit`` leaves them alone.

    Fitted attributes: ``classes_`` (the labels, sorted: array of strings, integers or booleans), ``pipeline_``
    (:class:`~nlmkit.text.TextPipeline`), ``fit_report_`` (JSON-ready dictionary), and ``vocabulary_``
    (:class:`~nlmkit.text.Vocabulary`) where the classifier has one, of the training texts alone.
    """

    kind = "classifier"
    _estimator_type: ClassVar[str] = "classifier"  # how scikit-learn before 1.6 tells classifiers

    tokenizer: str = param("word", help="how a text becomes tokens: space, word, char, or a plugin's")
    lowercase: bool = param(True, help="lower-case the texts")
    unicode_form: str | None = param(
        None, choices=(None, "NFC", "NFD", "NFKC", "NFKD"), help="normalise the texts to this form of Unicode"
    )

    # ---------------------------------------------------------------------------------- what a subclass implements

    def fit_corpus(
        self,
        corpus: Corpus,
        targets: NDArray[np.int64],
        *,
        valid: tuple[Corpus, NDArray[np.int64]] | None,
        run: RunOptions,
    ) -> Mapping[str, Any]:
        """Estimate the classifier; ``classes_`` and ``pipeline_`` are set already.

        Whatever is estimated, vocabulary and weights of words included, comes from ``corpus`` alone.

        Args:
            corpus: The training documents, in the order given.
            targets: Index into ``classes_`` of each document's label: int64 [documents]; every class occurs.
            valid: Held-out documents and their targets, where there are any.
            run: Progress, device, checkpoints.

        Returns:
            What ``fit_report_`` shall say of the fitting, JSON-ready; ``notes``, a list, is shown to the user.
        """
        raise NotImplementedError

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Probability of each class for at least one document: float64 [documents, classes], rows summing to one.

        A document may be empty, or hold nothing but words unknown to the vocabulary.
        """
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------ fitting

    def fit(self, texts: Any, labels: Any = None, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Estimate the classifier from labelled texts and return self.

        A fit that fails leaves the classifier as it was.

        Args:
            texts: A sequence of strings, or a :class:`~nlmkit.text.labelled.LabelledTexts`.
            labels: One label a text: strings, integers or booleans; left out when ``texts`` has them.
            valid: Held-out ``(texts, labels)`` or LabelledTexts, for classifiers that stop early or choose by it.
                Texts of it whose label the training texts lack are left out, and noted.
            run: What concerns the run and not the classifier.

        Raises:
            DataError: unusable texts or labels, fewer than two classes, or no words at all.
            HyperParameterError: options that contradict each other.
        """
        import numpy as np

        from nlmkit.text.label_notes import lone_note
        from nlmkit.text.unspaced import note_unspaced

        run = run or RunOptions()
        data, held_out = labelled(texts, labels), None if valid is None else labelled(valid)
        classes, targets = np.unique(data.labels, return_inverse=True)
        if not len(data):
            raise DataError("there are no texts to train on", source=data.source)
        if len(classes) < 2:
            raise DataError(
                f"all {len(data)} training texts have the label {_shown(classes[0])}: a classifier needs two or more",
                source=data.source,
            )
        run.stage("reading text")
        pipeline = self.text_pipeline(data)
        corpus = data.encode(pipeline)
        if not corpus.tokens:
            raise DataError("no training text has a word", source=data.source)
        note_unspaced(corpus)
        lone = lone_note({str(label): count for label, count in data.counts.items()})
        notes = [*data.notes, *([lone] if lone else [])]
        validation = None if held_out is None else _validation(held_out, classes, pipeline, notes)

        before = dict(vars(self))
        self._forget()
        self.classes_, self.pipeline_ = classes, pipeline
        try:
            own = self.fit_corpus(corpus, targets.astype(np.int64), valid=validation, run=run)
            report = {
                "texts": len(data),
                "classes": {str(name): int(n) for name, n in zip(classes, np.bincount(targets), strict=True)},
            }
            if validation is not None and "validation_accuracy" not in own:
                found = self.probabilities(validation[0]).argmax(axis=1)
                report["validation_accuracy"] = float((found == validation[1]).mean())
            self.fit_report_ = {**report, **own, "notes": [*notes, *own.get("notes", ())]}
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def text_pipeline(self, data: LabelledTexts) -> TextPipeline:
        """How the classifier reads text: tokens by its hyper-parameters, bytes as ``data`` was decoded.

        Raises:
            HyperParameterError: the tokenizer's name means nothing.
        """
        from nlmkit.text import TextPipeline, Tokenization

        tokenization = Tokenization(self.unicode_form, self.lowercase, self.tokenizer)  # type: ignore[arg-type]
        _ = tokenization.resolved_tokenizer  # an unknown name is an error now, not after reading
        return TextPipeline.of(data.decoding.with_marks("error"), tokenization)

    # ------------------------------------------------------------------------------------------------------ scoring

    def encode(self, texts: Any) -> Corpus:
        """Read texts as the classifier does: a corpus with one document per sentence.

        Args:
            texts: Strings, LabelledTexts, or a Corpus of documents that was read with the same ``tokenization_``.

        Raises:
            DataError: they are no texts, or the Corpus was tokenized otherwise.
        """
        self.check_fitted()
        from nlmkit.text import Corpus
        from nlmkit.text.labelled import LabelledTexts, encode

        if isinstance(texts, LabelledTexts):
            return texts.encode(self.pipeline_)
        if not isinstance(texts, Corpus):
            return encode(texts, self.pipeline_)
        if texts.tokenization is not None and texts.tokenization != self.tokenization_:
            raise DataError(
                f"the corpus was made with {texts.tokenization.signature}, the classifier reads text with "
                f"{self.tokenization_.signature}: pass the texts themselves, or read them with its tokenization_"
            )
        return texts

    def predict_proba(self, texts: Any) -> NDArray[np.float64]:
        """Probability of each of ``classes_`` for each text: float64 [texts, classes], rows summing to one."""
        import numpy as np

        corpus = self.encode(texts)
        if not corpus.sentences:
            return np.empty((0, len(self.classes_)))
        return self.probabilities(corpus)

    def predict(self, texts: Any) -> NDArray[Any]:
        """The most probable label of each text: array [texts] of the labels' own type."""
        import numpy as np

        from nlmkit.documents.subsets import subset
        from nlmkit.text import Corpus
        from nlmkit.text.labelled import as_texts
        from nlmkit.text.tables import refuse_table

        self.check_fitted()
        refuse_table(texts, "the list of texts")
        whole = texts if hasattr(texts, "__len__") or isinstance(texts, Corpus) else as_texts(texts)
        count = whole.sentences if isinstance(whole, Corpus) else len(whole)
        step = max(1, _CELLS // len(self.classes_))
        if count > step or not count:  # not all probabilities at once; and of no texts only what they are is checked
            whole = self.encode(whole)
        found = np.zeros(count, np.int64)
        for begin in range(0, count, step):
            some = np.arange(begin, min(begin + step, count))
            part = subset(whole, some) if count > step and isinstance(whole, Corpus) else whole
            found[some] = self.predict_proba(part).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[found]
        return labels

    def score(self, texts: Any, labels: Any = None) -> float:
        """Accuracy: the share of texts whose label is predicted; NaN where there is no text.

        A label that training lacked is never predicted and so counts as an error.
        """
        data = self.labelled(texts, labels)
        return float((self.predict(data) == data.labels).mean()) if len(data) else float("nan")

    def report(self, texts: Any, labels: Any = None, *, resamples: int = 1000, seed: int = 0) -> ClassificationReport:
        """Accuracy with what must stand beside it: macro-F1, figures by class, confusion, a bootstrap interval.

        Args:
            texts: As in :meth:`fit`.
            labels: As in :meth:`fit`.
            resamples: How many bootstrap samples the interval is made of; 0 for no interval.
            seed: Seed of the bootstrap.

        Raises:
            DataError: there are no texts, or unusable ones.
        """
        from nlmkit.classifiers.report import classification_report

        data = self.labelled(texts, labels)
        if not len(data):
            raise DataError("there are no texts to report on", source=data.source)
        return classification_report(
            data.labels,
            self.predict(data),
            classes=self.classes_,
            component=self.name,
            model_digest=self.digest,
            text_pipeline=self.pipeline_.signature,
            texts_digest=data.digest,
            resamples=resamples,
            seed=seed,
        )

    def labelled(self, texts: Any, labels: Any = None) -> LabelledTexts:
        """Texts with labels that can be compared with the classifier's own.

        Raises:
            DataError: they are labels of another type than those of the training.
        """
        from nlmkit.core.notes import note
        from nlmkit.text.label_notes import likeness_note
        from nlmkit.text.labelled import label_kind

        self.check_fitted()
        data = labelled(texts, labels)
        ours, theirs = label_kind(self.classes_), label_kind(data.labels)
        if len(data) and ours != theirs:
            kinds = {"U": "strings", "i": "integers", "b": "booleans"}
            raise DataError(
                f"these labels are {kinds[theirs]}, and those of the training were {kinds[ours]}: none could ever be "
                "right",
                source=data.source,
            )
        if ours == "U":
            known = dict.fromkeys(self.classes_.tolist())
            found = likeness_note([label for label in data.counts if label not in known], [*known])
            if found is not None:
                note(found)
        return data

    # ------------------------------------------------------------------------------------------------------- saving

    def fitted_state(self) -> FittedState:
        """The classes and the fit report (without its times), as metadata; a subclass adds its own."""
        self.check_fitted()
        return FittedState({}, {"classes": self.classes_.tolist(), "fit_report": _without_timing(self.fit_report_)})

    def restore(self, state: FittedState) -> None:
        """Set the classes and the fit report; a subclass goes on with its own.

        Raises:
            SavedModelError: they are missing or no sorted labels.
        """
        import numpy as np

        from nlmkit.saving import require
        from nlmkit.text.labelled import as_labels

        require("pipeline_" in vars(self), "a classifier without a text pipeline; save the model again")
        classes, report = state.metadata.get("classes"), state.metadata.get("fit_report")
        if not (isinstance(classes, list) and len(classes) >= 2):
            raise SavedModelError("its metadata lack the classes; save the model again")
        require(isinstance(report, dict), "its metadata lack fit_report; save the model again")
        try:
            labels = as_labels(classes, longest=None)
        except DataError as error:
            raise SavedModelError(f"its classes are no labels: {error}") from error
        require(bool((labels[1:] > labels[:-1]).all()), "its classes are not in order; save the model again")
        self.classes_ = np.asarray(labels)
        self.fit_report_ = dict(state.metadata["fit_report"])

    # ------------------------------------------------------------------------------------------------- scikit-learn

    def __sklearn_clone__(self) -> Self:
        """An unfitted classifier with the same hyper-parameters, components among them shared.

        Each kind of note is logged once for all clones of a classifier, of which a cross-validation fits many; their
        ``fit_report_`` has them all.
        """
        clone = type(self)(**self.get_params(deep=False))
        vars(clone)["_said"] = vars(self).get("_said", vars(self).setdefault("_said_by_clones", set()))
        return clone

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it is fitted, as scikit-learn asks."""
        return self.is_fitted

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn (1.6 and later) wants to know: a classifier of strings."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
        )


def labelled(texts: Any, labels: Any = None) -> LabelledTexts:
    """Texts and labels, however they were given, as :class:`~nlmkit.text.labelled.LabelledTexts`.

    Args:
        texts: LabelledTexts, or a sequence of strings with ``labels``, or (without) a pair of both.
        labels: One label a text.

    Raises:
        DataError: labels are missing, too many or too few, or there are two sets of them; or the texts are no strings.
    """
    from nlmkit.text.labelled import LabelledTexts
    from nlmkit.text.tables import refuse_table

    refuse_table(texts, "the list of texts")
    if isinstance(texts, LabelledTexts):
        if labels is not None:
            raise DataError("these texts have labels already: leave the others out")
        return texts
    if labels is None:
        is_pair = isinstance(texts, (tuple, list)) and len(texts) == 2
        if is_pair:
            refuse_table(texts[0], "the list of texts")
        if not (is_pair and _is_sequence(texts[0])):
            raise DataError("labels are missing: give texts and labels, or LabelledTexts")
        texts, labels = texts
    return LabelledTexts(texts, labels)


def _is_sequence(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping))


def _validation(
    data: LabelledTexts, classes: NDArray[Any], pipeline: TextPipeline, notes: list[str]
) -> tuple[Corpus, NDArray[np.int64]]:
    """The held-out documents that have one of the classes, and their targets."""
    import numpy as np

    from nlmkit.text.label_notes import likeness_note
    from nlmkit.text.labelled import label_kind

    if not len(data):
        raise DataError("there are no validation texts", source=data.source)
    if label_kind(data.labels) != label_kind(classes):
        raise DataError("the labels of the validation texts are of another type than those of the training texts")
    known = np.isin(data.labels, classes)
    if not known.any():
        raise DataError("no validation text has a label of the training texts", source=data.source)
    if not known.all():
        unknown = np.unique(data.labels[~known])
        missing = sorted(map(_shown, unknown))
        named = ", ".join([*missing[:_NAMED], *(["..."] if len(missing) > _NAMED else [])])
        notes.append(f"{int((~known).sum())} validation texts have labels that training lacks ({named}): left out")
        alike = likeness_note(unknown.tolist(), classes.tolist()) if label_kind(classes) == "U" else None
        notes += [alike] if alike else []
        data = data.take(np.flatnonzero(known))
    return data.encode(pipeline), np.searchsorted(classes, data.labels).astype(np.int64)


def _shown(label: Any) -> str:
    return repr(label.item() if hasattr(label, "item") else label)


def _without_timing(value: Any) -> Any:
    """A report without the entries that tell time, so that equal seeds save equal bytes."""
    if isinstance(value, Mapping):
        return {key: _without_timing(item) for key, item in value.items() if key not in _TIMING}
    return [_without_timing(item) for item in value] if isinstance(value, (list, tuple)) else value
