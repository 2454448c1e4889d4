"""Sequence-to-sequence models: BLEU and chrF of the targets that search finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.comparing.scored import Figure, NotScored, ScoredItems, scored_items
from nlmkit.seq2seq.bleu import bleu_counts, bleu_of_counts, chrf_counts, chrf_of_counts
from nlmkit.seq2seq.inputs import paired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlmkit.seq2seq.base import SequenceToSequence
    from nlmkit.text.parallel import ParallelTexts

BLEU: Final = Figure(name="bleu", heading="BLEU", of=bleu_of_counts)
CHRF: Final = Figure(name="chrf", heading="CHRF", of=chrf_of_counts)
FIGURES: Final = (BLEU, CHRF)


def score(name: str, model: SequenceToSequence, data: Any, by: str) -> ScoredItems | NotScored:
    """Score a sequence-to-sequence model on sources with targets, by the best target found for each different source.

    Args:
        name: Name to show.
        model: Fitted model, which searches with its default options.
        data: Sources with targets, as ``SequenceToSequence.score`` takes them.
        by: The figure that models are ranked by.

    Raises:
        DataError: The data have no pairs, or the sources are not what the model takes.
        NlmkitError: sacrebleu is not installed.
    """
    pairs = paired(model, data)
    distinct, _ = pairs.references()
    return score_predictions(name, model, pairs, model.predict(pairs.subset(distinct)), by)


def score_predictions(
    name: str, model: SequenceToSequence, pairs: ParallelTexts, texts: Sequence[str], by: str
) -> ScoredItems | NotScored:
    """Score targets that a model has found.

    Args:
        name: Name to show.
        model: Fitted model.
        pairs: Sources with targets.
        texts: The best target found for each different source.
        by: The figure that models are ranked by.
    """
    _, references = pairs.references()
    tables: dict[str, NDArray[np.float64]] = {
        BLEU.name: bleu_counts(texts, references),
        CHRF.name: chrf_counts(texts, references),
    }
    counts = {each.name: (each, lambda table=tables[each.name]: table) for each in FIGURES}
    single = chrf_of_counts(tables[CHRF.name])
    signature = f"sources:{len(texts)}:{pairs.digest}"
    facts = f"|{model.vocabulary_.digest}"
    return scored_items(name, model, counts, single, by=by, signature=signature, facts=facts)
