"""``nlmkit compare`` for classifiers, regressors, taggers, and translations by BLEU or chrF."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from nlmkit.cli.kinds import part_of
from nlmkit.cli.labelled import Form, print_notes
from nlmkit.cli.pairs import PairFiles
from nlmkit.cli.pairs import print_notes as print_notes_of_pairs
from nlmkit.cli.tagged import Layout
from nlmkit.comparing.compare import figure_called, item_of, score
from nlmkit.comparing.report import ranked
from nlmkit.core.kinds import kind_of
from nlmkit.core.storage import load
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    from nlmkit.cli.kinds.labelled import LabelledPart
    from nlmkit.cli.kinds.tagger import TaggerPart
    from nlmkit.comparing.report import ItemComparison
    from nlmkit.comparing.scored import NotScored, ScoredItems
    from nlmkit.core.progress import Progress
    from nlmkit.text import TextPipeline

LABELLED: Final = ("classifier", "regressor")
"""Kinds whose test data have a label or number per text."""

_LAYOUT: Final = {
    "text_format": ("classifier", "regressor", "tagger", "sequence-to-sequence", "language-model"),
    "text_column": ("classifier", "regressor", "language-model"),
    "label_column": ("classifier", "regressor"),
    "word_column": ("tagger",),
    "tag_column": ("tagger",),
    "feature_column": ("tagger",),
    "scheme": ("tagger",),
}


def refuse_layout(kind: str, given: Mapping[str, Any]) -> None:
    """Raise an error for an option of the layout that files for a kind of models do not have.

    Raises:
        click.UsageError: One was given.
    """
    for name, kinds in _LAYOUT.items():
        if given.get(name) is not None and kind not in kinds:
            noun = "sequence-to-sequence model" if kind == "sequence-to-sequence" else kind.replace("-", " ")
            raise click.UsageError(f"--{name.replace('_', '-')} does not apply where a model is a {noun}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoreRequest:
    """What to compare.

    Attributes:
        models: Folders of saved models of one kind.
        kind: The kind.
        by: Name of the figure; None for the default.
        files: Where the test data are.
        layout: Options of their layout, by parameter; None for those not given.
        samples: Number of samples.
        seed: Their seed.
        group_seeds: Whether to group models that differ only in their seed.
        quiet: Whether to print no notes.
    """

    models: Sequence[str]
    kind: str
    by: str | None
    files: PairFiles
    layout: Mapping[str, Any]
    samples: int = 1000
    seed: int = 0
    group_seeds: bool = False
    quiet: bool = False


def compared(
    request: ScoreRequest, display: Progress | None, decoded: Callable[[TextPipeline, Any], TextPipeline]
) -> ItemComparison:
    """Rank saved models by their predictions on one test set.

    Args:
        request: What to compare.
        display: Progress display; gets a stage per model.
        decoded: Returns a model's pipeline with the decoding of the files, for the part of a kind.

    Raises:
        click.UsageError: An option does not suit the models.
        DataError: The test data cannot be read.
        SavedModelError: A model cannot be loaded.
    """
    figure = _figure(request, ())
    loaded: dict[str, Any] = {}
    for path in request.models:
        loaded[path if path not in loaded else f"{path} ({len(loaded) + 1})"] = load(path)
    figure = _figure(request, loaded.values())
    scored: list[ScoredItems | NotScored] = []
    for name, model in loaded.items():
        data = _read(request, name, model, decoded, notes=not scored and not request.quiet)
        scored.append(score(name, model, data, figure, display))
    if display is not None:
        display.start("drawing samples")
    item = item_of(loaded.values())
    return ranked(
        scored, figure, item=item, samples=request.samples, seed=request.seed, group_seeds=request.group_seeds
    )


def _figure(request: ScoreRequest, models: Any) -> Any:
    try:
        return figure_called(request.kind, request.by, models)
    except HyperParameterError as error:
        raise click.UsageError(f"--by: {error}") from None


def _read(
    request: ScoreRequest,
    name: str,
    model: Any,
    decoded: Callable[[TextPipeline, Any], TextPipeline],
    *,
    notes: bool,
) -> Any:
    part: Any = part_of(kind_of(type(model)))
    pipeline = decoded(model.pipeline_, part)
    layout = request.layout
    texts = request.files.files
    if request.kind == "sequence-to-sequence":
        request.files.check(model.takes, name)
        data: Any = request.files.read(model.takes, pipeline.decoding)
        print_notes_of_pairs(data, quiet=not notes)
        return data
    if request.kind == "tagger":
        tagger: TaggerPart = part
        tagger.check_scheme(name, model, layout.get("scheme"))
        columns = {each: layout.get(each) for each in ("word_column", "tag_column", "feature_column")}
        tagged = Layout(format=layout.get("text_format"), **columns)
        return tagger.read_test(model, texts, tagged, layout.get("scheme"), pipeline)
    labelled: LabelledPart = part
    form = Form(layout.get("text_format"), layout.get("label_column"), layout.get("text_column"))
    data = labelled.read_test(model, texts, form, pipeline)
    print_notes(data, quiet=not notes)
    return data
