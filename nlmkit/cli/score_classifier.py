"""``nlmkit score`` for a classifier: accuracy and what must stand beside it, on labelled texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nlmkit.cli import output
from nlmkit.cli.labelled import Form, print_notes
from nlmkit.cli.options import for_source, marks_for
from nlmkit.cli.progress import progress
from nlmkit.errors import DataError

if TYPE_CHECKING:
    from nlmkit.classifiers.base import Classifier
    from nlmkit.text.labelled import LabelledTexts
    from nlmkit.text.marks import Marks

_LABEL_SHOWN = 40  # characters of a label in an error


def score_classifier(
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
    """Print the report of a classifier on labelled texts.

    Args:
        model: Where the classifier is.
        component: The classifier.
        texts: Names of the files with labelled texts.
        as_json: Whether to print JSON.
        encoding: Of the texts; None for that of training.
        quiet: Whether to draw no progress.
        errors: What to do with undecodable bytes; None for what was done in training.
        marks: What to do with sentence marks and NUL; None for taking them for words.
        format: Of the files; None for what their names tell.
        label_column: Column of the label.
        text_column: Column of the text.
        plot: File for a picture of the confusion matrix.
        samples: Bootstrap samples of the accuracy's interval; 0 for none.
        seed: Their seed.
    """
    if plot is not None:
        from nlmkit.plots.figure import check_plot

        check_plot(plot)
    pipeline = for_source(component.pipeline_, encoding, errors, marks_for(component.kind, marks))
    with progress(quiet=quiet) as display:
        if display is not None:
            display.start("reading labelled texts")
        form = Form(format, label_column, text_column)
        data = _with_labels_of(component, form.read(texts, pipeline.decoding))
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
