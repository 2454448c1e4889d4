"""Search for the targets of sources, in batches, and what it finds as readable text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.decoding.beam import beam_search
from nlmkit.seq2seq.inputs import encoded_sources
from nlmkit.seq2seq.translations import Translation
from nlmkit.text import UNK_ID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.decoding.hypotheses import Hypothesis
    from nlmkit.seq2seq.fitted import FittedModel
    from nlmkit.seq2seq.pairs import Condition
    from nlmkit.seq2seq.search import Search

_SOURCES: Final = 64  # of a batch, at most
_TOKENS: Final = 4096  # of the sources of a batch with padding, at most, except for single ones


def translations(model: FittedModel, sources: Any, search: Search) -> list[list[Translation]]:
    """Return the best targets of each source, best first.

    Args:
        model: The model.
        sources: As of ``SequenceToSequence.conditions``.
        search: How they are searched.

    Raises:
        DataError: A source is unusable.
    """
    encoded = encoded_sources(model, sources)
    conditions, lengths = encoded.conditions(), encoded.lengths
    found: list[list[Translation]] = [[] for _ in conditions]
    for batch in _batches(lengths):
        hypotheses = _searched(model, [conditions[place] for place in batch], lengths[batch], search)
        for place, best in zip(batch, hypotheses, strict=True):
            tokens = tuple(encoded.tokens(place))
            found[place] = [_translation(model, one, tokens, replace=search.replace_unknown) for one in best]
    return found


def _batches(lengths: NDArray[np.int64]) -> Iterator[list[int]]:
    """Yield sources in batches of similar lengths, the longest first."""
    batch: list[int] = []
    widest = 0
    for place in np.argsort(-lengths, kind="stable").tolist():
        if batch and (len(batch) == _SOURCES or (len(batch) + 1) * widest > _TOKENS):
            yield batch
            batch = []
        widest = widest if batch else int(lengths[place])
        batch.append(place)
    if batch:
        yield batch


def _searched(
    model: FittedModel, conditions: Sequence[Condition], lengths: NDArray[np.int64], search: Search
) -> list[list[Hypothesis]]:
    rows, sources = model.rows(conditions), len(conditions)
    positions: NDArray[np.int64] | None = None
    if model.takes == "texts":
        attention = rows.attention()
        # A model that reads a </s> behind each source has attention on it, too.
        positions = lengths if attention is None else lengths + (attention.shape[1] - int(lengths.max()))
    return beam_search(search.fused(rows, sources), sources=sources, options=search.options, source_lengths=positions)


def _translation(
    model: FittedModel, found: Hypothesis, source_tokens: tuple[str, ...], *, replace: bool
) -> Translation:
    tokens = [model.vocabulary_.word(word_id) for word_id in found.ids]
    attention = None if found.attention is None else np.asarray(found.attention, np.float32)
    if replace and UNK_ID in found.ids:
        assert attention is not None
        best = attention[:, : len(source_tokens)].argmax(axis=1).tolist()
        for place, word_id in enumerate(found.ids):
            if word_id == UNK_ID:
                tokens[place] = source_tokens[best[place]]
    return Translation(
        text=model.pipeline_.detokenize(tokens),
        tokens=tuple(tokens),
        log_prob=found.log_prob,
        score=found.score,
        attention=attention,
        source_tokens=source_tokens,
        finished=found.finished,
    )
