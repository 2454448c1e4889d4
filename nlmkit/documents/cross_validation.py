"""Cross-validation: each text is predicted once, by a model fitted without it.

Each fold is predicted by a copy of the model fitted to the other folds only, so vocabulary, document frequencies
and weights come from those alone. The data may contain a text several times; the number of texts of a fold that also
occur, word for word, in its training texts is counted and reported. Texts for early stopping are chosen by the model
from the same other folds. A fitted component among its hyper-parameters is used unchanged: the caller must ensure that
it was not fitted to the texts, or pass it unfitted instead.

The kind of the model defines how texts are split into folds, and the figures of a fold
(``TextModel.deal``, ``TextModel.judge``).
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
from nlmkit.core.short_repr import short_repr
from nlmkit.core.tables import figure_text
from nlmkit.core.tabular import Tabular
from nlmkit.documents.base import TextModel
from nlmkit.errors import DataError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fold:
    """Result of one fold.

    Attributes:
        fold: Number of the fold, from 0.
        train: Number of training texts.
        test: Number of texts of the fold.
        report: Report of its predictions, without intervals.
        repeated: Number of texts of the fold that also occur in the other folds.
        seconds: Time of fitting and predicting, in seconds.
    """

    fold: int
    train: int
    test: int
    report: Any
    repeated: int
    seconds: float

    @property
    def figures(self) -> dict[str, float | None]:
        """Figures of the fold by name, those in the headings of the kind's report; None if undefined."""
        return {name: getattr(self.report, name) for name in self.report.headings}

    @property
    def accuracy(self) -> float:
        """Accuracy of a classifier: share of correctly classified texts."""
        return float(self.report.accuracy)

    @property
    def macro_f1(self) -> float:
        """Macro-F1 of a classifier: mean F1 of the classes in the texts."""
        return float(self.report.macro_f1)

    @property
    def unseen(self) -> tuple[str | int | bool, ...]:
        """Labels of the texts that are missing from the other folds, for a classifier."""
        found: tuple[str | int | bool, ...] = self.report.unseen
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the result as strict JSON types."""
        unseen = {"unseen": list(self.unseen)} if hasattr(self.report, "unseen") else {}
        head = {"fold": self.fold, "train": self.train, "test": self.test, **self.figures}
        return head | {"repeated": self.repeated, **unseen, "seconds": self.seconds}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class CrossValidation(Tabular):
    """Results of all folds.

    Attributes:
        folds: Result of each fold.
        report: Report of all predictions; its figures weight texts equally, the mean over folds weights folds equally.
        seed: Seed of the folds.
        hyper_parameters: Hyper-parameters of the model, JSON-ready.
        kind: Kind of the model.
    """

    folds: tuple[Fold, ...]
    report: Any
    seed: int
    hyper_parameters: dict[str, Any]
    kind: str

    def summary(self, figure: str) -> dict[str, Any]:
        """Return mean, sample standard deviation and values over the folds of a figure, such as ``accuracy``.

        A fold in which it is undefined has the value None and is excluded; the mean is None without any fold left,
        and the deviation with fewer than two.
        """
        values = [fold.figures[figure] for fold in self.folds]
        known = [float(value) for value in values if value is not None]
        return {
            "mean": float(np.mean(known)) if known else None,
            "standard_deviation": float(np.std(known, ddof=1)) if len(known) > 1 else None,
            "folds": values,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the result as strict JSON types."""
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

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables ``folds``, ``summary`` (mean and deviation of each figure), and those of the report."""
        folds = [
            {"fold": each.fold + 1, "train": each.train, "test": each.test, **each.figures, "seconds": each.seconds}
            for each in self.folds
        ]
        summary = []
        for figure in self.report.headings:
            found = self.summary(figure)
            summary.append({"figure": figure, "mean": found["mean"], "standard_deviation": found["standard_deviation"]})
        pooled: dict[str, list[dict[str, Any]]] = self.report.tables()
        return {"folds": folds, "summary": summary, **{f"all_{name}": rows for name, rows in pooled.items()}}

    def render(self) -> str:
        """Format the folds, mean and standard deviation, then the report of all predictions."""
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
            lines.append(f"{repeated} texts also occur, word for word, in the training texts of their {self.kind}")
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
    """Cross-validate a classifier or regressor.

    Args:
        model: Model whose copies are fitted; it is not changed itself.
        data: Texts with labels or numbers, as in the model's ``fit``: one object, or a pair.
        folds: Number of folds.
        seed: Seed of the folds.
        run: Run options of a fold, by its number; by default those of ``RunOptions()``.
        done: Called after each fold.

    Raises:
        HyperParameterError: there are fewer than two folds.
        DataError: There are too few texts, or leaving out a fold makes training impossible.
    """
    data = model.gather(data)  # raises for a data frame, or texts without targets
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
            if text not in training_texts.notes:  # notes on the texts are shown elsewhere for all of them
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
    """Return an unfitted model with the same hyper-parameters."""
    return type(model)(**model.get_params(deep=False))
