"""``fit`` and ``score`` for classifiers: accuracy and related figures on labelled texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nlmkit.cli import output
from nlmkit.cli.kinds.labelled import LabelledPart
from nlmkit.cli.kinds.part import TABLE_FORMATS
from nlmkit.cli.labelled import Form
from nlmkit.cli.trees import FORMATS as TREE_FORMATS
from nlmkit.cli.trees import check_form, read_trees, takes_trees
from nlmkit.core.kinds import kind_called

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.classifiers.base import Classifier
    from nlmkit.cli.predictions import Row
    from nlmkit.text import Corpus, TextPipeline
    from nlmkit.text.labelled import LabelledTexts


class ClassifierPart(LabelledPart):
    """Part of the command line for classifiers, which are scored on labelled texts."""

    kind = kind_called("classifier")
    answer_keys = ("label", "probability", "probabilities")
    answer_columns = ("label", "probability")
    formats = TABLE_FORMATS | {*TREE_FORMATS}

    def check_form(self, component: Any, form: Form) -> None:
        """Raise an error for a layout of texts if the classifier takes trees, and the other way round."""
        check_form(component, form)

    def _read(self, component: Any, names: tuple[str, ...], form: Form, pipeline: TextPipeline) -> Any:
        if takes_trees(component):
            return read_trees(names, form, pipeline.decoding)
        return super()._read(component, names, form, pipeline)

    def further(self, component: Any, data: Any) -> dict[str, Any]:
        """Return the accuracy at all labelled nodes, for a classifier of trees."""
        if not takes_trees(component):
            return {}
        nodes = int((data.label_ids >= 0).sum())
        return {"node_accuracy": component.node_accuracy(data), "labelled_nodes": nodes}

    def as_learned(self, component: Classifier, data: LabelledTexts) -> LabelledTexts:
        """Convert the string labels of a file to integers or booleans if the classifier was fitted to those.

        Raises:
            DataError: one is neither.
        """
        from nlmkit.text.labelled import label_kind

        if takes_trees(component):  # which converts them itself
            return data
        return data.with_labels_of_kind(label_kind(component.classes_))

    def predicted(self, component: Classifier, data: Any) -> tuple[Any, NDArray[Any], list[Row]]:
        """Return texts and labels; rows have text (words of a tree), truth, prediction, and its probability."""
        own: Any = component.labelled(data)
        probabilities = component.predict_proba(own)
        found = component.classes_[probabilities.argmax(axis=1)]
        names = ("text", "truth", "prediction", "probability")
        columns = zip(own.texts, own.labels.tolist(), found.tolist(), probabilities.max(axis=1).tolist(), strict=True)
        return own, found, [dict(zip(names, each, strict=True)) for each in columns]

    def answers(self, component: Classifier, corpus: Corpus) -> Iterator[dict[str, Any]]:
        """Yield the most probable label, its probability, and the probabilities of all by label."""
        names = component.classes_.tolist()
        for row in component.predict_proba(corpus).tolist():
            best = row.index(max(row))
            probabilities = {str(name): value for name, value in zip(names, row, strict=True)}
            yield {"label": names[best], "probability": row[best], "probabilities": probabilities}

    def answer_cell(self, name: str, value: Any) -> str:
        """Return a label, or a probability with six decimals."""
        return f"{value:.6f}" if name == "probability" else output.escape_controls(str(value))

    def draw(self, report: Any, path: str, title: str) -> None:
        """Draw the confusion matrix."""
        from nlmkit.plots.confusion import plot_confusion

        plot_confusion(report, path, title=title)


PART = ClassifierPart()
