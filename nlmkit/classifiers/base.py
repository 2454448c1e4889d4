"""Contract of classifiers: ``Classifier``. This module imports neither NumPy nor scikit-learn.

``nlmkit.documents.base`` documents tokenization.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from nlmkit.core.parameters import Needs, param
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

_CELLS = 1 << 24  # maximum number of probabilities that predict computes at a time
_NAMED = 5  # maximum number of labels in a message


@dataclasses.dataclass(kw_only=True)
class Classifier(TextModel):
    """Base class of classifiers: texts in, one of two or more labels out.

    A subclass is a ``@dataclass(kw_only=True)`` and implements ``fit_corpus``, ``probabilities``, and, for
    saving, ``fitted_state`` and ``restore``, which call those of this class first. It sees documents as a
    ``Corpus`` of which each "sentence" is one document, and labels as indices into ``classes_``. ``fit_corpus`` may
    take ``weights``, which are the ``sample_weight`` of ``fit`` times those of ``class_weight``; a mapping given for
    ``class_weight`` is kept as a tuple of pairs.
    A subclass may also have ``highlights(text) -> list[tuple[str, float]]``: the tokens of a text, each with its
    contribution to the predicted class, which ``nlmkit classify --highlights`` shows.

    Compatible with scikit-learn's tools; see ``TextModel``.

    ``takes`` says what a classifier is fitted to: texts, or labelled trees (``LabelledTrees``). The command line reads
    files accordingly.

    Fitted attributes: ``classes_`` (the labels, sorted: array of strings, integers or booleans), ``pipeline_``
    (``TextPipeline``), ``fit_report_`` (JSON-ready dictionary), and ``vocabulary_``
    (``Vocabulary``) if the classifier has one, from the training texts alone.
    """

    kind = "classifier"
    takes: ClassVar[Literal["texts", "trees"]] = "texts"
    _estimator_type: ClassVar[str] = "classifier"

    class_weight: str | tuple[tuple[str | bool | int, float], ...] | None = param(
        None,
        help='weight of the texts of each class: balanced, or {"label": weight}, 1 for labels not given',
        later=True,
        needs=Needs("a classifier that can weight its texts", lambda model: model.takes_weights),
    )

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        classes_: NDArray[Any] = dataclasses.field(init=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """See ``TextModel``; refuse a ``class_weight`` that is not one."""
        if name == "class_weight":
            from nlmkit.documents.weights import check_class_weight

            value = self.hyper_parameters()[name].check(value)
            check_class_weight(value)
        super().__setattr__(name, value)

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

        Everything estimated, including vocabulary and word weights, must come from ``corpus`` alone.

        Args:
            corpus: The training documents, in the order given.
            targets: Index into ``classes_`` of each document's label: int64 [documents]; every class occurs.
            valid: Held-out documents and their targets, or None.
            run: Progress, device, checkpoints.

        Returns:
            Entries of ``fit_report_`` on the fit, JSON-ready; ``notes``, a list, is shown to the user.
        """
        raise NotImplementedError

    def probabilities(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the probability of each class for one or more documents: float64 [documents, classes], rows sum to 1.

        A document may be empty, or consist of unknown words.
        """
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------ fitting

    def fit(
        self,
        texts: Any,
        labels: Any = None,
        *,
        sample_weight: Any = None,
        valid: Any = None,
        run: RunOptions | None = None,
    ) -> Self:
        """Estimate the classifier from labelled texts and return self.

        A failed fit leaves the classifier unchanged.

        Args:
            texts: A sequence of strings, or a ``LabelledTexts``.
            labels: One label per text: strings, integers or booleans; None if ``texts`` has them.
            sample_weight: One number per text, or None: a text of weight 2 counts like two, one of weight 0 is left
                out. Numbers of texts, such as document frequencies, count each text once.
            valid: Held-out ``(texts, labels)`` or LabelledTexts, for early stopping or the choice of settings.
                Texts whose label is missing from the training texts are dropped, with a note.
            run: Options of the run, not of the classifier.

        Raises:
            DataError: Texts, labels or weights are unusable, there are fewer than two classes, or no text has a word.
            HyperParameterError: Options contradict each other, or the classifier cannot weight its texts.
        """
        data, held_out = labelled(texts, labels), None if valid is None else labelled(valid)
        return self.fit_texts(data, held_out, run or RunOptions(), sample_weight)

    def learn_targets(self, data: LabelledTexts) -> tuple[NDArray[np.int64], Mapping[str, Any], list[str]]:
        """Set ``classes_``; see ``TextModel.learn_targets``.

        Raises:
            DataError: There are fewer than two classes.
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

    def text_weights(
        self, targets: NDArray[np.int64], weights: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.float64] | None, Mapping[str, Any]]:
        """Return the weights of the texts times those of their classes; see ``TextModel.text_weights``.

        Raises:
            DataError: ``class_weight`` has a label that no text has.
        """
        if self.class_weight is None:
            return weights, {}
        from nlmkit.documents.weights import class_weights

        by_class = class_weights(self.class_weight, self.classes_, targets, weights)
        report = {"class_weights": dict(zip(map(str, self.classes_.tolist()), by_class.tolist(), strict=True))}
        return by_class[targets] * (1.0 if weights is None else weights), report

    def validation_data(self, data: LabelledTexts, notes: list[str]) -> tuple[LabelledTexts, NDArray[np.int64]]:
        """Return the held-out texts that have one of the classes, and their targets.

        Raises:
            DataError: None of them has, or their labels are of another type.
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
            notes.append(
                f"{int((~known).sum())} validation texts are ignored: their labels are missing from training ({named})"
            )
            alike = likeness_note(unknown.tolist(), classes.tolist()) if label_kind(classes) == "U" else None
            notes += [alike] if alike else []
            data = data.take(np.flatnonzero(known))
        return data, np.searchsorted(classes, data.labels).astype(np.int64)

    def validation_report(
        self, corpus: Corpus, targets: NDArray[np.int64], own: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the accuracy on held-out texts, if the classifier's own report lacks it."""
        if "validation_accuracy" in own:
            return {}
        found = self.probabilities(corpus).argmax(axis=1)
        return {"validation_accuracy": float((found == targets).mean())}

    # ------------------------------------------------------------------------------------------------------ judging

    @classmethod
    def gather(cls, texts: Any, targets: Any = None) -> LabelledTexts:
        """Return texts and labels as one object; see ``labelled``."""
        return labelled(texts, targets)

    @classmethod
    def deal(cls, data: LabelledTexts, folds: int, *, seed: int) -> NDArray[np.int64]:
        """Split texts into stratified folds; see ``k_folds``.

        Raises:
            HyperParameterError: There are fewer than two folds.
            DataError: There are too few texts, only one label, or only one without some fold.
        """
        import numpy as np

        from nlmkit.documents.splits import k_folds

        classes, targets = np.unique(data.labels, return_inverse=True)
        if len(classes) < 2:
            raise DataError("cross-validation needs texts with two or more labels", source=data.source)
        number = k_folds(data.labels, folds, seed=seed)
        for fold in range(folds):  # check before any fold is fitted
            left = classes[np.unique(targets[number != fold])]
            if len(left) < 2:
                raise DataError(
                    f"fold {fold + 1} of {folds}: without it, all training texts have the label {left.tolist()[0]!r}, "
                    "since it has the only text of every other label; at least two labels need two or more texts",
                    source=data.source,
                )
        return number

    def judge(self, data: LabelledTexts, predictions: NDArray[Any], **facts: Any) -> ClassificationReport:
        """Compute the report of predicted labels; the classes of an unfitted classifier are those of ``data``."""
        import numpy as np

        from nlmkit.classifiers.report import classification_report

        classes = self.classes_ if self.is_fitted else np.unique(data.labels)
        return classification_report(data.labels, predictions, classes=classes, component=self.name, **facts)

    # ------------------------------------------------------------------------------------------------------ scoring

    def predict_proba(self, texts: Any) -> NDArray[np.float64]:
        """Return the probability of each of ``classes_`` for each text: float64 [texts, classes], rows sum to one."""
        import numpy as np

        corpus = self.encode(texts)
        if not corpus.sentences:
            return np.empty((0, len(self.classes_)))
        return self.probabilities(corpus)

    def predict(self, texts: Any) -> NDArray[Any]:
        """Return the most probable label of each text: array [texts] of the type of the labels."""
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
        if count > step or not count:  # bounds memory; an empty list is still checked
            whole = self.encode(whole)
        found = np.zeros(count, np.int64)
        for begin in range(0, count, step):
            some = np.arange(begin, min(begin + step, count))
            part = subset(whole, some) if count > step and isinstance(whole, Corpus) else whole
            found[some] = self.predict_proba(part).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[found]
        return labels

    def score(self, texts: Any, labels: Any = None) -> float:
        """Return the accuracy, the share of texts whose label is predicted; NaN without texts.

        A label missing from the training texts is never predicted and counts as an error.
        """
        data = self.labelled(texts, labels)
        return float((self.predict(data) == data.labels).mean()) if len(data) else float("nan")

    def report(self, texts: Any, labels: Any = None, *, resamples: int = 1000, seed: int = 0) -> ClassificationReport:
        """Compute accuracy with a bootstrap interval, macro-F1, figures by class, and the confusion matrix.

        Args:
            texts: As in ``fit``.
            labels: As in ``fit``.
            resamples: Number of bootstrap samples of the interval; 0 for no interval.
            seed: Seed of the bootstrap.

        Raises:
            DataError: The texts are empty or unusable.
        """
        found: ClassificationReport = self.report_on(self.labelled(texts, labels), resamples=resamples, seed=seed)
        return found

    def labelled(self, texts: Any, labels: Any = None) -> LabelledTexts:
        """Return texts with labels of the same type as the classifier's.

        Raises:
            DataError: The labels are of another type than those of the training texts.
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
                f"these labels are {kinds[theirs]}, but training used {kinds[ours]}: no prediction could be correct",
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
        """Return classes and fit report (without times) as metadata; a subclass adds its own state."""
        state = super().fitted_state()
        return dataclasses.replace(state, metadata={"classes": self.classes_.tolist(), **state.metadata})

    def restore(self, state: FittedState) -> None:
        """Set the classes and the fit report; a subclass restores its own state afterwards.

        Raises:
            SavedModelError: They are missing, or are not sorted labels.
        """
        import numpy as np

        from nlmkit.saving import require
        from nlmkit.text.labelled import as_labels

        super().restore(state)
        classes = state.metadata.get("classes")
        if not (isinstance(classes, list) and len(classes) >= 2):
            raise SavedModelError("the classes are missing from its metadata; save the model again")
        try:
            labels = as_labels(classes, longest=None)
        except DataError as error:
            raise SavedModelError(f"its classes are not labels: {error}") from error
        require(bool((labels[1:] > labels[:-1]).all()), "its classes are not sorted; save the model again")
        self.classes_ = np.asarray(labels)

    # ------------------------------------------------------------------------------------------------- scikit-learn

    def __sklearn_tags__(self) -> Any:
        """Return the tags of scikit-learn 1.6 and later: a classifier of strings."""
        from sklearn.utils import ClassifierTags

        return dataclasses.replace(super().__sklearn_tags__(), classifier_tags=ClassifierTags())


def labelled(texts: Any, labels: Any = None) -> LabelledTexts:
    """Return texts and labels, given in any supported form, as ``LabelledTexts``.

    Args:
        texts: LabelledTexts; a sequence of strings, with ``labels``; or a pair of both, without.
        labels: One label per text.

    Raises:
        DataError: Labels are missing, too many, too few or given twice; or the texts are not strings.
    """
    from nlmkit.text.labelled import LabelledTexts, label_kind

    found = with_targets(texts, labels, form=LabelledTexts, make=LabelledTexts, what="labels")
    if label_kind(found.labels) == "f":
        raise DataError("these texts have numbers, but a classifier needs labels: use a regressor")
    return found


def _shown(label: Any) -> str:
    return repr(label.item() if hasattr(label, "item") else label)
