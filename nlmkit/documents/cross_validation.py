"""Cross-validation: every text is answered once, by a model that was fitted without it.

Each fold is answered by an unfitted copy that ``fit`` gets only the other folds, so vocabulary, document frequencies
and weights come from those alone. A text may stand several times among the data; how many texts of a fold also stand,
word for word, among its training texts is counted and reported, not hidden. Texts to stop early by are the model's own
matter, and taken from the same other folds. A fitted component among its hyper-parameters is used as it is: that it
has not seen the texts is up to the caller, who can give it unfitted instead.

How texts are dealt into folds, and which figures a fold has, the kind of the model says
(:meth:`~nlmkit.documents.base.TextModel.deal`, :meth:`~nlmkit.documents.base.TextModel.judge`).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nlmkit.core.notes import note, notes_of_fit
from nlmkit.core.progress import watched, with_prefix
from nlmkit.core.run import RunOptions
from nlmkit.core.short_repr import Rendered, short_repr
from nlmkit.core.tables import figure_text
from nlmkit.documents.base import TextModel
from nlmkit.errors import DataError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fold:
    """What came of one fold.

    Attributes:
        fold: Its number, from 0.
        train: Texts that the model was fitted to.
        test: Texts of the fold.
        report: Of its predictions, without intervals.
        repeated: How many of them also stand among the texts of the other folds.
        seconds: Time to fit and predict.
    """

    fold: int
    train: int
    test: int
    report: Any
    repeated: int
    seconds: float

    @property
    def figures(self) -> dict[str, float | None]:
        """The figures of the fold by name, those that the kind's report heads with; None for one that is undefined."""
        return {name: getattr(self.report, name) for name in self.report.headings}

    @property
    def accuracy(self) -> float:
        """Of a classifier: share of the texts that was classified rightly."""
        return float(self.report.accuracy)

    @property
    def macro_f1(self) -> float:
        """Of a classifier: mean F1 of the classes in the texts."""
        return float(self.report.macro_f1)

    @property
    def unseen(self) -> tuple[str | int | bool, ...]:
        """Of a classifier: labels in the texts that the other folds lack."""
        found: tuple[str | int | bool, ...] = self.report.unseen
        return found

    def to_dict(self) -> dict[str, Any]:
        """As strict JSON types."""
        unseen = {"unseen": list(self.unseen)} if hasattr(self.report, "unseen") else {}
        head = {"fold": self.fold, "train": self.train, "test": self.test, **self.figures}
        return head | {"repeated": self.repeated, **unseen, "seconds": self.seconds}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class CrossValidation(Rendered):
    """What came of all folds.

    Attributes:
        folds: One by one.
        report: Of all predictions together; its figures weigh texts alike, the mean over folds weighs folds alike.
        seed: Seed of the folds.
        hyper_parameters: Those of the model, JSON-ready.
        kind: Kind of the model.
    """

    folds: tuple[Fold, ...]
    report: Any
    seed: int
    hyper_parameters: dict[str, Any]
    kind: str

    def summary(self, figure: str) -> dict[str, Any]:
        """Mean, standard deviation (of the sample) and values over the folds of a figure, such as ``accuracy``.

        A fold in which it is undefined has the value None and does not count; None stands also for a mean of no fold,
        and a deviation of fewer than two.
        """
        values = [fold.figures[figure] for fold in self.folds]
        known = [float(value) for value in values if value is not None]
        return {
            "mean": float(np.mean(known)) if known else None,
            "standard_deviation": float(np.std(known, ddof=1)) if len(known) > 1 else None,
            "folds": values,
        }

    def to_dict(self) -> dict[str, Any]:
        """As strict JSON types."""
        return {
            "component": self.report.component,
            "hyper_parameters": self.hyper_parameters,
            **{figure: self.summary(figure) for figure in self.report.headings},
            "n": self.report.n,
            "fold_seed": self.seed,
            "repeated": sum(fold.repeated for fold in self.folds),
            "folds": [fold.to_dict() for fold in self.folds],
            "seconds": sum(fold.seconds for fold in self.folds),
            "pooled": self.report.to_dict(),
        }

    def render(self) -> str:
        """For a reader: the folds, mean and standard deviation, then the report of all predictions together."""
        headings = self.report.headings
        lines = []
        for fold in self.folds:
            figures = "  ".join(f"{title} {figure_text(fold.figures[name])}" for name, title in headings.items())
            counts = f"train {fold.train}  test {fold.test}  {fold.seconds:.1f} s"
            lines.append(f"fold {fold.fold + 1:>2}  {figures}  {counts}")
        for name, title in headings.items():
            found = self.summary(name)
            spread = f"{figure_text(found['mean'])} ± {figure_text(found['standard_deviation'])}"
            lines.append(f"{title}  {spread} over {len(self.folds)} folds")
        repeated = sum(fold.repeated for fold in self.folds)
        if repeated:
            lines.append(f"{repeated} texts also stand, word for word, among the texts that their {self.kind} saw")
        return "\n".join([*lines, "", "all folds together:", self.report.render()])

    def __repr__(self) -> str:
        return short_repr(self)


def cross_validate(
    model: TextModel,
    data: Any,
    *,
    folds: int = 10,
    seed: int = 0,
    run: Callable[[int], RunOptions] | None = None,
    done: Callable[[Fold], None] | None = None,
) -> CrossValidation:
    """Fit and test a classifier or regressor on each fold.

    Args:
        model: What to fit; it is left as it is, and copies are fitted.
        data: The texts with their labels or numbers, as for the model's ``fit``: one object, or a pair.
        folds: How many folds.
        seed: Seed of the folds.
        run: Options of a fold's run, by its number; by default progress is shown as :class:`RunOptions` says.
        done: Called after each fold.

    Raises:
        HyperParameterError: there are fewer than two folds.
        DataError: there are too few texts, or nothing can be learned where a fold is left out.
    """
    data = model.gather(data)  # says what is wrong with a frame, or with texts alone
    number = model.deal(data, folds, seed=seed)
    predicted = np.empty_like(data.labels)
    results = []
    pipeline = ""
    run = run or (lambda fold: RunOptions())
    for fold in range(folds):
        started = time.perf_counter()
        train, test = np.flatnonzero(number != fold), np.flatnonzero(number == fold)
        fitted: Any = _copy(model)
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
        seen = {data.texts[index] for index in train.tolist()}
        pipeline = fitted.pipeline_.signature
        results.append(
            Fold(
                fold=fold,
                train=len(train),
                test=len(test),
                report=fitted.judge(test_texts, predicted[test], model_digest="", resamples=0),
                repeated=sum(text in seen for text in test_texts.texts),
                seconds=round(time.perf_counter() - started, 3),
            )
        )
        if done is not None:
            done(results[-1])
    pooled = _copy(model).judge(
        data, predicted, model_digest="", text_pipeline=pipeline, texts_digest=data.digest, seed=seed
    )
    return CrossValidation(
        folds=tuple(results),
        report=pooled,
        seed=seed,
        hyper_parameters=model.params_as_json(),
        kind=model.kind,
    )


def _copy(model: TextModel) -> TextModel:
    """An unfitted model with the same hyper-parameters."""
    return type(model)(**model.get_params(deep=False))
