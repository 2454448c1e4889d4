"""``fit`` and ``score`` for classifiers: accuracy and what must stand beside it, on labelled texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.classifiers.base import Classifier
from nlmkit.cli import output
from nlmkit.cli.kinds.labelled import LabelledPart
from nlmkit.cli.kinds.options import PLOT, SAMPLES, SEED
from nlmkit.cli.kinds.part import Option
from nlmkit.cli.labelled import Form, print_notes
from nlmkit.cli.options import decoding
from nlmkit.cli.progress import progress
from nlmkit.core.kinds import kind_of
from nlmkit.errors import DataError

if TYPE_CHECKING:
    from nlmkit.text.labelled import LabelledTexts
    from nlmkit.text.marks import Marks

_LABEL_SHOWN = 40  # characters of a label in an error


class ClassifierPart(LabelledPart):
    """A classifier is scored on labelled texts."""

    kind = kind_of(Classifier)
    score_needs = "TEST.tsv"
    score_flags: ClassVar[Mapping[str, Option]] = {"samples": SAMPLES, "seed": SEED, "plot": PLOT}
    score_shared = frozenset({"errors", "marks", "format", "label_column", "text_column"})

    def score(
        self,
        model: str,
        component: Classifier,
        texts: tuple[str, ...],
        *,
        as_json: bool,
        encoding: str | None,
        quiet: bool,
        errors: str | None = None,
        marks: Marks | None = None,
        format: str | None = None,
        label_column: str | None = None,
        text_column: str | None = None,
        plot: str | None = None,
        samples: int = 1000,
        seed: int = 0,
    ) -> None:
        """Print the report of a classifier on labelled texts."""
        if plot is not None:
            from nlmkit.plots.figure import check_plot

            check_plot(plot)
        pipeline = decoding(component.pipeline_, encoding, errors, self.marks_or(marks))
        with progress(quiet=quiet) as display:
            if display is not None:
                display.start("reading labelled texts")
            form = Form(format, label_column, text_column)
            read = form.read(
                texts,
                self.kind.reader(),
                encoding=pipeline.encoding,
                errors=pipeline.errors,
                marks=pipeline.marks,
            )
            data = _with_labels_of(component, read)
            print_notes(data, quiet=quiet)
            if display is not None:
                display.start("classifying")
            report = component.report(data, resamples=samples, seed=seed)
        if plot is not None:
            from nlmkit.plots.confusion import plot_confusion

            plot_confusion(report, plot, title=model)
        if as_json:
            facts: dict[str, Any] = {"model": model, "kind": component.kind, "score": report.accuracy}
            output.write_json(facts | report.to_dict())
        else:
            output.write(report.render() + "\n")


PART = ClassifierPart()


def _with_labels_of(classifier: Classifier, data: LabelledTexts) -> LabelledTexts:
    """Labels of a file, which are strings, as integers or booleans where the classifier was fitted to such."""
    from nlmkit.text.labelled import label_kind

    kind = label_kind(classifier.classes_)
    if kind == "U":
        return data
    convert = _integer if kind == "i" else {"True": True, "true": True, "False": False, "false": False}.__getitem__
    labels = []
    for number, label in enumerate(data.labels.tolist()):
        try:
            labels.append(convert(label))
        except (KeyError, ValueError):
            wanted = "integers of 64 bits" if kind == "i" else "True and False"
            line = None if data.lines is None else int(data.lines[number])
            problem = f"the label {_short(label)!r}: those of the classifier are {wanted}"
            raise DataError(problem, source=data.source, line=line) from None
    return data.with_labels(labels)


def _integer(label: str) -> int:
    """The integer that a label spells in digits of ASCII, as JSON does; ``int`` reads ``1_0`` and digits of any script.

    Raises:
        ValueError: it spells none, or one that does not fit into 64 bits.
    """
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", label) or not -(1 << 63) <= int(label) < 1 << 63:
        raise ValueError(label)
    return int(label)


def _short(label: str) -> str:
    return label if len(label) <= _LABEL_SHOWN else f"{label[:_LABEL_SHOWN]}..."
