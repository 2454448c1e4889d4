"""``nlmkit compare`` where a model is a sequence-to-sequence model: scores of targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nlmkit.cli.pairs import PairFiles, print_notes
from nlmkit.seq2seq.base import SequenceToSequence
from nlmkit.seq2seq.comparison import load_model, score_targets

if TYPE_CHECKING:
    from nlmkit.core.progress import Progress
    from nlmkit.language_models.comparison import Refused, Scored
    from nlmkit.language_models.measures import Unit
    from nlmkit.text import TextPipeline
    from nlmkit.text.parallel import ParallelTexts


def scored_on_pairs(
    models: Sequence[str],
    files: PairFiles,
    display: Progress | None,
    decoded: Callable[[TextPipeline], TextPipeline],
    unit: Unit | None = None,
) -> list[Scored | Refused]:
    """Score the targets of pairs with each of the saved models.

    Args:
        models: Folders of sequence-to-sequence models, and of language models, which read the targets alone.
        files: Where the pairs are.
        display: Progress display; gets a stage per model.
        decoded: Returns a model's pipeline with the decoding of the files.
        unit: What is counted of each target.

    Raises:
        SavedModelError: A model is of another kind, or cannot be loaded.
        DataError: The pairs cannot be read.
    """
    loaded = [load_model(path) for path in models]
    read: dict[str, ParallelTexts] = {}
    for path, model in zip(models, loaded, strict=True):
        if isinstance(model, SequenceToSequence):
            files.check(model.takes, path)
            if model.takes not in read:
                read[model.takes] = files.read(model.takes, decoded(model.pipeline_).decoding)
                print_notes(read[model.takes], quiet=False)
    scored = []
    for path, model in zip(models, loaded, strict=True):
        if display is not None:
            display.start(f"scoring with {path}")
        pairs = read[model.takes] if isinstance(model, SequenceToSequence) else next(iter(read.values()))
        scored.append(score_targets(path, model, pairs, unit))
    return scored
