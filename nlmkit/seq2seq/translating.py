"""Search for targets: batches of sources, shallow fusion, unknown words, and readable text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.suggestions import suggestion
from nlmkit.decoding.beam import BeamOptions, beam_search
from nlmkit.decoding.hypotheses import DEFAULT_ALPHA, EXTRA_LENGTH
from nlmkit.errors import HyperParameterError
from nlmkit.seq2seq.inputs import encoded_sources
from nlmkit.seq2seq.translations import Translation
from nlmkit.text import UNK_ID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.decoding.hypotheses import Hypothesis
    from nlmkit.decoding.rows import Rows
    from nlmkit.seq2seq.fitted import FittedModel
    from nlmkit.seq2seq.pairs import Condition

BEAM: Final = 5
"""Hypotheses kept per source where no number is given."""

_SOURCES: Final = 64  # of a batch, at most
_TOKENS: Final = 4096  # of the sources of a batch with padding, at most, except for single ones


def searched(*, n: int, beam: int | None, options: Mapping[str, Any]) -> BeamOptions:
    """Return the options of a search.

    Raises:
        HyperParameterError: One is unknown, invalid or without effect.
    """
    known = [field.name for field in dataclasses.fields(BeamOptions) if field.name not in ("beam", "n_best")]
    for name in options:
        if name not in known:
            raise HyperParameterError(f"search has no option {name!r}{suggestion(name, known)}")
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise HyperParameterError(f"n must be a positive integer, not {n!r}")
    return BeamOptions(beam=max(BEAM, n) if beam is None else beam, n_best=n, **options)


def described(options: BeamOptions, *, language_model: Any, lm_weight: float, replace_unknown: bool, **_: Any) -> str:
    """Return the options of a search in one line, such as ``beam:5|norm:gnmt|alpha:0.6``."""
    parts = [f"beam:{options.beam}", f"norm:{options.normalization}"]
    if options.normalization == "gnmt":
        parts.append(f"alpha:{DEFAULT_ALPHA if options.alpha is None else options.alpha:g}")
    if options.coverage:
        parts.append(f"coverage:{options.coverage:g}")
    if options.min_length:
        parts.append(f"min:{options.min_length}")
    if options.max_length is not None:
        parts.append(f"max:{options.max_length}")
    if language_model is not None:
        parts.append(f"lm:{language_model.name}:{language_model.digest}:{lm_weight:g}")
    if replace_unknown or options.allow_unk:
        parts.append(f"unk:{'replaced' if replace_unknown else 'allowed'}")
    return "|".join(parts)


def translations(
    model: FittedModel,
    sources: Any,
    *,
    n: int,
    beam: int | None,
    language_model: Any,
    lm_weight: float,
    replace_unknown: bool,
    options: Mapping[str, Any],
) -> list[list[Translation]]:
    """Return the best targets of each source; arguments as of ``SequenceToSequence.n_best``.

    Raises:
        DataError: A source is unusable, or the language model reads text in other tokens.
        HyperParameterError: An option is unknown, invalid or without effect.
    """
    how = searched(n=n, beam=beam, options=options)
    if replace_unknown:
        if not model.has_attention or model.takes != "texts":
            raise HyperParameterError(
                f"replace_unknown needs attention on source tokens, which this {model.name} lacks"
            )
        how = dataclasses.replace(how, allow_unk=True)
    how = _limited(model, how, options)
    fusion = _Fusion.of(model, language_model, lm_weight)
    encoded = encoded_sources(model, sources)
    conditions = encoded.conditions()
    # A model that reads a </s> behind each source says so by the width of its attention.
    found: list[list[Translation]] = [[] for _ in conditions]
    for batch in _batches(encoded.lengths):
        of_batch = [conditions[place] for place in batch]
        hypotheses = _search(model, of_batch, encoded.lengths[batch], how, fusion)
        for place, best in zip(batch, hypotheses, strict=True):
            tokens = tuple(encoded.tokens(place))
            found[place] = [_translation(model, one, tokens, replace=replace_unknown) for one in best]
    return found


def _limited(model: FittedModel, how: BeamOptions, given: Mapping[str, Any]) -> BeamOptions:
    """Return the options with the greatest length of targets where none is given."""
    if given.get("max_length") is not None or given.get("max_ratio") is not None:
        return how
    if model.length_ratio_ is None:
        return dataclasses.replace(how, max_length=max(how.min_length, 2 * model.longest_target_ + EXTRA_LENGTH))
    return dataclasses.replace(how, max_ratio=max(2.0, 2 * model.length_ratio_))


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


def _search(
    model: FittedModel, conditions: Sequence[Condition], lengths: NDArray[np.int64], how: BeamOptions, fusion: _Fusion
) -> list[list[Hypothesis]]:
    rows = model.rows(conditions)
    if model.takes == "vectors":
        return beam_search(fusion.rows(rows, len(conditions)), sources=len(conditions), options=how)
    attention = rows.attention()
    behind = 0 if attention is None else attention.shape[1] - int(lengths.max())
    fused = fusion.rows(rows, len(conditions))
    return beam_search(fused, sources=len(conditions), options=how, source_lengths=lengths + behind)


class _Fusion:
    """Shallow fusion with a language model, or none."""

    def __init__(self, model: FittedModel, language_model: Any, weight: float) -> None:
        self._model, self._language_model, self._weight = model, language_model, weight

    @classmethod
    def of(cls, model: FittedModel, language_model: Any, weight: float) -> _Fusion:
        """Return the fusion after checking its arguments.

        Raises:
            HyperParameterError: One of the two is given without the other.
        """
        if language_model is None and weight:
            raise HyperParameterError(f"lm_weight={weight:g} has no effect: it needs language_model")
        if language_model is not None and not weight:
            raise HyperParameterError("language_model has no effect: it needs lm_weight other than 0")
        return cls(model, language_model, weight)

    def rows(self, rows: Rows, sources: int) -> Rows:
        """Return the rows with the language model's share."""
        if self._language_model is None:
            return rows
        from nlmkit.decoding.fusion import fused

        return fused(rows, self._model, self._language_model, self._weight, sources)


def _translation(
    model: FittedModel, found: Hypothesis, source_tokens: tuple[str, ...], *, replace: bool
) -> Translation:
    tokens = [model.vocabulary_.word(word_id) for word_id in found.ids]
    attention = None if found.attention is None else np.asarray(found.attention, np.float32)
    if replace and UNK_ID in found.ids:
        assert attention is not None
        on_tokens = attention[:, : len(source_tokens)]
        places = [place for place, word_id in enumerate(found.ids) if word_id == UNK_ID]
        for place in places:
            tokens[place] = source_tokens[int(on_tokens[place].argmax())]
    return Translation(
        text=model.pipeline_.detokenize(tokens),
        tokens=tuple(tokens),
        log_prob=found.log_prob,
        score=found.score,
        attention=attention,
        source_tokens=source_tokens,
        finished=found.finished,
    )
