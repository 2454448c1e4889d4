"""Sections of reports by kind of component; a kind without a row here has no report.

A new section is a function and an entry here. Nothing is imported until a report is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from nlmkit.reporting.blocks import Section
from nlmkit.reporting.study import Study


@dataclasses.dataclass(frozen=True)
class Entry:
    """Section of a sheet.

    Attributes:
        name: Identifier of the section, which links to it end with.
        function: ``module:function``, relative to ``nlmkit.reporting``: takes the study and returns a ``Section``, or
            None where the models or the text have nothing to show.
        needs_text: Whether the section is left out where no text was given.
    """

    name: str
    function: str
    needs_text: bool = False

    def section(self, study: Study) -> Section | None:
        """Return the section of a study."""
        make: Callable[[Study], Section | None] = _imported(self.function)
        return make(study)


@dataclasses.dataclass(frozen=True)
class Sheet:
    """Report of a kind of component.

    Attributes:
        kind: Name of the kind.
        study: ``module:Class``, relative to ``nlmkit.reporting``: the kind's ``Study``.
        text: What the text of the report is called, such as ``sentences with tags``.
        entries: Sections, in their order.
    """

    kind: str
    study: str
    text: str
    entries: tuple[Entry, ...]

    def study_class(self) -> type[Study]:
        """Return the class of the study, which this imports."""
        cls: type[Study] = _imported(self.study)
        return cls


def _imported(address: str) -> Any:
    module, _, name = address.partition(":")
    return getattr(import_module(f"nlmkit.reporting.{module}"), name)


MODELS: Final = Entry("models", "common.models:models")
CURVES: Final = Entry("curves", "common.curves:curves")
OPTIONS: Final = Entry("options", "common.options:options")

SHEETS: Final = (
    Sheet(
        "language-model",
        "language_models.study:LanguageModelStudy",
        "sentences",
        (
            MODELS,
            Entry("comparison", "language_models.comparison:comparison", needs_text=True),
            Entry("surprisal", "language_models.surprisal:surprisal", needs_text=True),
            Entry("bands", "language_models.bands:bands", needs_text=True),
            Entry("calibration", "language_models.calibration:calibration", needs_text=True),
            Entry("orders", "language_models.orders:orders", needs_text=True),
            CURVES,
            Entry("gates", "language_models.gates:gates"),
            Entry("samples", "language_models.samples:samples"),
            OPTIONS,
        ),
    ),
    Sheet(
        "classifier",
        "classifiers.study:ClassifierStudy",
        "labelled texts",
        (
            MODELS,
            Entry("comparison", "classifiers.comparison:comparison", needs_text=True),
            Entry("confusion", "classifiers.confusion:confusion", needs_text=True),
            Entry("calibration", "classifiers.calibration:calibration", needs_text=True),
            Entry("mistakes", "classifiers.mistakes:mistakes", needs_text=True),
            Entry("trees", "classifiers.trees:trees", needs_text=True),
            CURVES,
            OPTIONS,
        ),
    ),
    Sheet(
        "representation",
        "representations.study:RepresentationStudy",
        "word pairs or analogies",
        (
            MODELS,
            Entry("similarity", "representations.similarity:similarity", needs_text=True),
            Entry("neighbours", "representations.neighbours:neighbours"),
            Entry("projection", "representations.projection:projection"),
            CURVES,
            OPTIONS,
        ),
    ),
    Sheet(
        "regressor",
        "regressors.study:RegressorStudy",
        "texts with numbers",
        (
            MODELS,
            Entry("comparison", "regressors.residuals:comparison", needs_text=True),
            Entry("residuals", "regressors.residuals:residuals", needs_text=True),
            CURVES,
            OPTIONS,
        ),
    ),
    Sheet(
        "tagger",
        "taggers.study:TaggerStudy",
        "sentences with tags",
        (
            MODELS,
            Entry("comparison", "taggers.comparison:comparison", needs_text=True),
            Entry("errors", "taggers.errors:errors", needs_text=True),
            Entry("transitions", "taggers.transitions:transitions"),
            CURVES,
            OPTIONS,
        ),
    ),
    Sheet(
        "sequence-to-sequence",
        "seq2seq.study:SequenceToSequenceStudy",
        "sources with targets",
        (
            MODELS,
            Entry("comparison", "seq2seq.comparison:comparison", needs_text=True),
            Entry("attention", "seq2seq.attention:attention", needs_text=True),
            Entry("examples", "seq2seq.comparison:examples", needs_text=True),
            CURVES,
            OPTIONS,
        ),
    ),
)
"""Every sheet."""


def sheet_of(kind: str) -> Sheet | None:
    """Return the sheet of a kind; None if there is none."""
    return next((sheet for sheet in SHEETS if sheet.kind == kind), None)
