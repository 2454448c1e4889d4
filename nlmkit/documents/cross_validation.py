"""Cross-validation: every text is classified once, by a classifier that was fitted without it.

Each fold is classified by an unfitted copy that ``fit`` gets only the other folds, so vocabulary, document frequencies
and weights come from those alone. A text may stand several times among the data; how many texts of a fold also stand,
word for word, among its training texts is counted and reported, not hidden. Texts to stop early by are the
classifier's own matter, and taken from the same other folds. A fitted component among its hyper-parameters is used as
it is: that it has not seen the texts is up to the caller, who can give it unfitted instead.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nlmkit.classifiers.base import Classifier, labelled
from nlmkit.classifiers.report import ClassificationReport, classification_report
from nlmkit.core.notes import note, notes_of_fit
from nlmkit.core.progress import watched, with_prefix
from nlmkit.core.run import RunOptions
from nlmkit.core.short_repr import Rendered, short_repr
from nlmkit.documents.splits import k_folds
from nlmkit.errors import DataError
from nlmkit.text.labelled import LabelledTexts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fold:
    """What came of one fold.

    Attributes:
        fold: Its number, from 0.
        train: Texts that the classifier was fitted to.
        test: Texts of the fold.
        accuracy: Share of them that was classified rightly.
        macro_f1: Mean F1 of the classes in them.
        repeated: How many of them also stand among the texts of the other folds.
        unseen: Labels in them that the other folds lack.
        seconds: Time to fit and classify.
    """

    fold: int
    train: int
    test: int
    accuracy: float
    macro_f1: float
    repeated: int
    unseen: tuple[str | int | bool, ...]
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class CrossValidation(Rendered):
    """What came of all folds.

    Attributes:
        folds: One by one.
        report: Of all predictions together; its accuracy weighs texts alike, the mean over folds weighs folds alike.
        seed: Seed of the folds.
        hyper_parameters: Those of the classifier, JSON-ready.
    """

    folds: tuple[Fold, ...]
    report: ClassificationReport
    seed: int
    hyper_parameters: dict[str, Any]

    def summary(self, figure: str) -> dict[str, Any]:
        """Mean, standard deviation (of the sample) and values of ``accuracy`` or ``macro_f1`` over the folds."""
        values = [float(getattr(fold, figure)) for fold in self.folds]
        return {"mean": float(np.mean(values)), "standard_deviation": float(np.std(values, ddof=1)), "folds": values}

    def to_dict(self) -> dict[str, Any]:
        """As strict JSON types."""
        return {
            "component": self.report.component,
            "hyper_parameters": self.hyper_parameters,
            "accuracy": self.summary("accuracy"),
            "macro_f1": self.summary("macro_f1"),
            "n": self.report.n,
            "fold_seed": self.seed,
            "repeated": sum(fold.repeated for fold in self.folds),
            "folds": [dataclasses.asdict(fold) | {"unseen": list(fold.unseen)} for fold in self.folds],
            "seconds": sum(fold.seconds for fold in self.folds),
            "pooled": self.report.to_dict(),
        }

    def render(self) -> str:
        """For a reader: the folds, mean and standard deviation, then the report of all predictions together."""
        lines = [
            f"fold {fold.fold + 1:>2}  accuracy {fold.accuracy:.4f}  macro-F1 {fold.macro_f1:.4f}  "
            f"train {fold.train}  test {fold.test}  {fold.seconds:.1f} s"
            for fold in self.folds
        ]
        for name, figure in (("accuracy", "accuracy"), ("macro-F1", "macro_f1")):
            found = self.summary(figure)
            lines.append(
                f"{name}  {found['mean']:.4f} ± {found['standard_deviation']:.4f} over {len(self.folds)} folds"
            )
        repeated = sum(fold.repeated for fold in self.folds)
        if repeated:
            lines.append(f"{repeated} texts also stand, word for word, among the texts that their classifier saw")
        return "\n".join([*lines, "", "all folds together:", self.report.render()])

    def __repr__(self) -> str:
        return short_repr(self)


def cross_validate(
    classifier: Classifier,
    data: LabelledTexts,
    *,
    folds: int = 10,
    seed: int = 0,
    run: Callable[[int], RunOptions] | None = None,
    done: Callable[[Fold], None] | None = None,
) -> CrossValidation:
    """Fit and test a classifier on each fold (:func:`~nlmkit.documents.splits.k_folds`).

    Args:
        classifier: What to fit; it is left as it is, and copies are fitted.
        data: The texts.
        folds: How many folds.
        seed: Seed of the folds.
        run: Options of a fold's run, by its number; by default progress is shown as :class:`RunOptions` says.
        done: Called after each fold.

    Raises:
        HyperParameterError: there are fewer than two folds.
        DataError: there are too few texts, or only one label, or only one where a fold is left out.
    """
    data = labelled(data)  # says what is wrong with a frame, or with texts alone
    classes, targets = np.unique(data.labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError("cross-validation needs texts with two or more labels", source=data.source)
    number = k_folds(data.labels, folds, seed=seed)
    for fold in range(folds):  # now, not after the folds before it were fitted
        left = classes[np.unique(targets[number != fold])]
        if len(left) < 2:
            raise DataError(
                f"fold {fold + 1} of {folds}: without it all training texts have the label {left.tolist()[0]!r}, since "
                "it has the only text of every other label; give two or more labels at least two texts each",
                source=data.source,
            )
    predicted = np.empty_like(data.labels)
    results = []
    pipeline = ""
    run = run or (lambda fold: RunOptions())
    for fold in range(folds):
        started = time.perf_counter()
        train, test = np.flatnonzero(number != fold), np.flatnonzero(number == fold)
        fitted = type(classifier)(**classifier.get_params(deep=False))
        training_texts, this_fold = data.take(train), f"fold {fold + 1} of {folds}"
        try:
            options = run(fold)
            with watched(options.progress) as shown, notes_of_fit():
                fitted.fit(training_texts, run=dataclasses.replace(options, progress=with_prefix(shown, this_fold)))
        except DataError as error:
            problem = f"{this_fold}: {error.problem}"
            raise DataError(problem, source=error.source, line=error.line, byte=error.byte) from error
        for text in fitted.fit_report_.get("notes", ()):
            if text not in training_texts.notes:  # those concern the texts, and are about all of them elsewhere
                note(f"{this_fold}: {text}")
        test_texts = data.take(test)
        predicted[test] = fitted.predict(test_texts)
        report = classification_report(
            test_texts.labels,
            predicted[test],
            classes=fitted.classes_,
            component=fitted.name,
            model_digest="",
            resamples=0,
        )
        seen = {data.texts[index] for index in train.tolist()}
        pipeline = fitted.pipeline_.signature
        results.append(
            Fold(
                fold=fold,
                train=len(train),
                test=len(test),
                accuracy=report.accuracy,
                macro_f1=report.macro_f1,
                repeated=sum(text in seen for text in test_texts.texts),
                unseen=report.unseen,
                seconds=round(time.perf_counter() - started, 3),
            )
        )
        if done is not None:
            done(results[-1])
    return CrossValidation(
        folds=tuple(results),
        report=classification_report(
            data.labels,
            predicted,
            classes=np.unique(data.labels),
            component=classifier.name,
            model_digest="",
            text_pipeline=pipeline,
            texts_digest=data.digest,
            seed=seed,
        ),
        seed=seed,
        hyper_parameters=classifier.params_as_json(),
    )
