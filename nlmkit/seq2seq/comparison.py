"""Scores of models on targets, for a comparison: conditional models given the sources, language models without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlmkit.errors import DataError, NotNormalizedError
from nlmkit.language_models.comparison import Refused, Scored, score
from nlmkit.language_models.report import line_figures
from nlmkit.seq2seq.inputs import encoded, paired
from nlmkit.seq2seq.judging import perplexity_report
from nlmkit.text.joining import line_lengths

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.language_models.base import LanguageModel
    from nlmkit.seq2seq.base import SequenceToSequence
    from nlmkit.text.parallel import ParallelTexts


def score_targets(name: str, model: SequenceToSequence | LanguageModel, data: ParallelTexts) -> Scored | Refused:
    """Score the targets of pairs with one model; ``nlmkit.language_models.comparison.compare`` ranks the results.

    Args:
        name: Name to show.
        model: Fitted sequence-to-sequence model; or a language model, which reads the targets alone.
        data: Sources with targets.

    Raises:
        DataError: The sources are not what the model takes, or there are no pairs.
    """
    from nlmkit.seq2seq.base import SequenceToSequence

    if not isinstance(model, SequenceToSequence):
        if not len(data):
            raise DataError("no pairs", source=data.source)
        return score(name, model, data.target_corpus(model.pipeline_), line_lengths=_lengths(data))
    pairs = encoded(model, paired(model, data))
    values = model.log_probs_of(pairs)
    try:
        report = perplexity_report(model, pairs, values)
    except NotNormalizedError as error:
        return Refused(model=name, reasons=(str(error),))
    lines = line_figures(values, pairs.event_offsets, pairs.targets.oov_events(model.vocabulary_))
    training: dict[str, float] = {
        what: model.fit_report_[what] for what in ("steps", "epochs") if what in model.fit_report_
    }
    return Scored(
        model=name,
        report=report,
        log_probs=lines.log_prob,
        events=lines.events,
        training=training,
        characters=pairs.targets.characters,
        line_lengths=_lengths(data),
    )


def _lengths(data: ParallelTexts) -> NDArray[np.int64]:
    """Return the characters of each target, with a line feed: int64 [pairs]."""
    return line_lengths(data.required_targets(blank=True))
