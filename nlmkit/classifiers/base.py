"""The contract of classifiers: :class:`Classifier`. This module imports neither NumPy nor scikit-learn.

How a classifier reads text is what :mod:`nlmkit.documents.base` says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core.run import RunOptions
from nlmkit.documents.base import TextModel, with_targets
from nlmkit.errors import DataError, SavedModelError
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.classifiers.report import ClassificationReport
    from nlmkit.text import Corpus
    from nlmkit.text.labelled import LabelledTexts

_CELLS = 1 << 24  # probabilities that predict holds at once
_NAMED = 5  # of many labels an error names so many


@dataclasses.dataclass(kw_only=True)
class Classifier(TextModel):
    """Base of every classifier: texts in, one of two or more labels out.

    A subclass is a ``@dataclass(kw_only=True)`` and implements :meth:`fit_corpus`, :meth:`probabilities`, and, for
    saving, :meth:`fitted_state` and :meth:`restore`, which call those of this class first. It sees documents as a
    :class:`~nlmkit.text.Corpus` of which each "sentence" is one document, and labels as indices into ``classes_``.
    A subclass may also have ``highlights(text) -> list[tuple[str, float]]``: the tokens of a text, each with how much
    it counts for the predicted class, which ``nlmkit classify --highlights`` shows.

    Works inside scikit-learn's tools; see :class:`~nlmkit.documents.base.TextModel`.

    Fitted attributes: ``classes_`` (the labels, sorted: array of strings, integers or booleans), ``pipeline_``
    (:class:`~nlmkit.text.TextPipeline`), ``fit_report_`` (JSON-ready dictionary), and ``vocabulary_``
    (:class:`~nlmkit.text.Vocabulary`) where the classifier has one, of the training texts alone.
    """

    kind = "classifier"
    _estimator_type: ClassVar[str] = "classifier"

    if TYPE_CHECKING:  # fitted state, which is no hyper-parameter
        classes_: NDArray[Any] = dataclasses.field(init=False)

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
            labels: One label per text: strings, integers or booleans; left out when ``texts`` has them.
            valid: Held-out ``(texts, labels)`` or LabelledTexts, for classifiers that stop early or choose by it.
                Texts of it whose label the training texts lack are left out, and noted.
            run: What concerns the run and not the classifier.

        Raises:
            DataError: unusable texts or labels, fewer than two classes, or no words at all.
            HyperParameterError: options that contradict each other.
        """
        data, held_out = labelled(texts, labels), None if valid is None else labelled(valid)
        return self.fit_texts(data, held_out, run or RunOptions())

    def learn_targets(self, data: LabelledTexts) -> tuple[NDArray[np.int64], Mapping[str, Any], list[str]]:
        """Set ``classes_``; see :meth:`TextModel.learn_targets`.

        Raises:
            DataError: there are fewer than two classes.
        """
        import numpy as np

        from nlmkit.text.label_notes import lone_note

        classes, targets = np.unique(data.labels, return_inverse=True)
        if len(classes) < 2:
            raise DataError(
                f"all {len(data)} training texts have the label {_shown(classes[0])}: a classifier needs two or more",
                source=data.source,
            )
        self.classes_ = classes
        counts = {str(name): int(n) for name, n in zip(classes, np.bincount(targets), strict=True)}
        lone = lone_note({str(label): count for label, count in data.counts.items()})
        return targets.astype(np.int64), {"classes": counts}, [lone] if lone else []

    def validation_data(self, data: LabelledTexts, notes: list[str]) -> tuple[LabelledTexts, NDArray[np.int64]]:
        """Return the held-out texts that have one of the classes, and their targets.

        Raises:
            DataError: none of them has, or their labels are of another type.
        """
        import numpy as np

        from nlmkit.text.label_notes import likeness_note
        from nlmkit.text.labelled import label_kind

        classes = self.classes_
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
        return data, np.searchsorted(classes, data.labels).astype(np.int64)

    def validation_report(
        self, corpus: Corpus, targets: NDArray[np.int64], own: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the accuracy on held-out texts, where the classifier's own report lacks it."""
        if "validation_accuracy" in own:
            return {}
        found = self.probabilities(corpus).argmax(axis=1)
        return {"validation_accuracy": float((found == targets).mean())}

    # ------------------------------------------------------------------------------------------------------ judging

    @classmethod
    def gather(cls, texts: Any, targets: Any = None) -> LabelledTexts:
        """Return texts and labels as one object; see :func:`labelled`."""
        return labelled(texts, targets)

    @classmethod
    def deal(cls, data: LabelledTexts, folds: int, *, seed: int) -> NDArray[np.int64]:
        """Deal texts into stratified folds; see :func:`~nlmkit.documents.splits.k_folds`.

        Raises:
            HyperParameterError: there are fewer than two folds.
            DataError: there are too few texts, or only one label, or only one where a fold is left out.
        """
        import numpy as np

        from nlmkit.documents.splits import k_folds

        classes, targets = np.unique(data.labels, return_inverse=True)
        if len(classes) < 2:
            raise DataError("cross-validation needs texts with two or more labels", source=data.source)
        number = k_folds(data.labels, folds, seed=seed)
        for fold in range(folds):  # now, not after the folds before it were fitted
            left = classes[np.unique(targets[number != fold])]
            if len(left) < 2:
                raise DataError(
                    f"fold {fold + 1} of {folds}: without it all training texts have the label {left.tolist()[0]!r}, "
                    "since it has the only text of every other label; give two or more labels at least two texts each",
                    source=data.source,
                )
        return number

    def judge(self, data: LabelledTexts, predictions: NDArray[Any], **facts: Any) -> ClassificationReport:
        """Make a report of predicted labels; the classes of an unfitted classifier are those of ``data``."""
        import numpy as np

        from nlmkit.classifiers.report import classification_report

        classes = self.classes_ if self.is_fitted else np.unique(data.labels)
        return classification_report(data.labels, predictions, classes=classes, component=self.name, **facts)

    # ------------------------------------------------------------------------------------------------------ scoring

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
        data = self.labelled(texts, labels)
        if not len(data):
            raise DataError("there are no texts to report on", source=data.source)
        return self.judge(
            data,
            self.predict(data),
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
        state = super().fitted_state()
        return dataclasses.replace(state, metadata={"classes": self.classes_.tolist(), **state.metadata})

    def restore(self, state: FittedState) -> None:
        """Set the classes and the fit report; a subclass goes on with its own.

        Raises:
            SavedModelError: they are missing or no sorted labels.
        """
        import numpy as np

        from nlmkit.saving import require
        from nlmkit.text.labelled import as_labels

        super().restore(state)
        classes = state.metadata.get("classes")
        if not (isinstance(classes, list) and len(classes) >= 2):
            raise SavedModelError("its metadata lack the classes; save the model again")
        try:
            labels = as_labels(classes, longest=None)
        except DataError as error:
            raise SavedModelError(f"its classes are no labels: {error}") from error
        require(bool((labels[1:] > labels[:-1]).all()), "its classes are not in order; save the model again")
        self.classes_ = np.asarray(labels)

    # ------------------------------------------------------------------------------------------------- scikit-learn

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn (1.6 and later) wants to know: a classifier of strings."""
        from sklearn.utils import ClassifierTags

        return dataclasses.replace(super().__sklearn_tags__(), classifier_tags=ClassifierTags())


def labelled(texts: Any, labels: Any = None) -> LabelledTexts:
    """Texts and labels, however they were given, as :class:`~nlmkit.text.labelled.LabelledTexts`.

    Args:
        texts: LabelledTexts, or a sequence of strings with ``labels``, or (without) a pair of both.
        labels: One label per text.

    Raises:
        DataError: labels are missing, too many or too few, or there are two sets of them; or the texts are no strings.
    """
    from nlmkit.text.labelled import LabelledTexts, label_kind

    found = with_targets(texts, labels, form=LabelledTexts, make=LabelledTexts, what="labels")
    if label_kind(found.labels) == "f":
        raise DataError("these texts have numbers, and a classifier needs labels: give them to a regressor")
    return found


def _shown(label: Any) -> str:
    return repr(label.item() if hasattr(label, "item") else label)
