"""Perplexity reports: perplexity with the facts needed for comparison, computed from arrays of log-probabilities.

Perplexity is exp(−Σ ln p / N), where N counts every word and one ``</s>`` per sentence, never ``<s>``. Sums are float64
over all events; nothing is averaged per line. Two reports are comparable if they cover the same events over the same
vocabulary, see ``comparable``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.short_repr import short_repr
from nlmkit.core.tabular import Tabular
from nlmkit.core.version import own_version
from nlmkit.errors import NotNormalizedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.text import Corpus, Vocabulary

_ROUNDING: Final = 1e-4
"""Tolerated excess of a log-probability over 0: neural models sum float32 probabilities."""

_FEW: Final = 8  # sentences that are added up one by one, which is faster than all at once

_FIGURES: Final = {
    "perplexity": "no events: the text has no sentence",
    "perplexity_excluding_oov": "no events but OOV words",
    "log_prob": "",
    "bits_per_token": "no events: the text has no sentence",
    "bits_per_character": "no raw text: the corpus was given as tokens, or is empty",
    "bits_per_byte": "no raw text: the corpus was given as tokens, or is empty",
}
"""Figures that can be undefined or infinite, with the reason why they are undefined."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PerplexityReport(Tabular):
    """Perplexity report of a language model on a text.

    Attributes:
        perplexity: exp(−log_prob / events); inf when an event has probability zero, NaN when there are no events.
        perplexity_excluding_oov: The same without the events of OOV words, in numerator and denominator; None if there
            are no other events.
        log_prob: Natural log-probability of the whole text.
        events: Words and one ``</s>`` per sentence.
        sentences: Sentences, blank lines included.
        oov: Words of the text that the vocabulary maps to ``<unk>``; a literal ``<unk>`` is not one.
        bits_per_token: −log2 probability per event.
        bits_per_character: −log2 probability of the text divided by the characters of the raw text, including one
            newline per sentence; None without raw text.
        bits_per_byte: The same divided by the bytes of the raw text.
        vocabulary_size: Types that the model can predict: all except ``<s>``.
        context: ``sentence`` or ``stream``.
        unknown_rule: Rule for the probability of ``<unk>``.
        adapted: Whether the model adapted to the scored text.
        component: Registered name of the model.
        version: Version of nlmkit that computed the report.
        text_pipeline: Signature of the text pipeline, such as ``tok:space|lc:no|nf:none``.
        events_digest: Digest of the text's events.
        vocabulary_digest: Digest of the vocabulary's types.
        model_digest: Digest of the fitted model.
        labels: Further facts of the model about the figure, such as the window of a cache.
        direction: ``forward``, or ``backward`` for a model of the reversed text. Probabilities of whole sentences and
            texts are comparable between the two, those of single words are not.
    """

    perplexity: float
    perplexity_excluding_oov: float | None
    log_prob: float
    events: int
    sentences: int
    oov: int
    bits_per_token: float
    bits_per_character: float | None
    bits_per_byte: float | None
    vocabulary_size: int
    context: str
    unknown_rule: str
    adapted: bool
    component: str
    version: str
    text_pipeline: str
    events_digest: str
    vocabulary_digest: str
    model_digest: str
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    direction: str = "forward"

    @property
    def signature(self) -> str:
        """Signature in the style of sacrebleu: one line with everything the figure depends on."""
        parts = [
            "nlmkit-ppl",
            f"v:{self.version}",
            self.component,
            self.text_pipeline,
            f"unk:{self.unknown_rule}",
            f"ctx:{self.context}",
            *([] if self.direction == "forward" else [f"dir:{self.direction}"]),
            f"adapt:{'yes' if self.adapted else 'no'}",
            *(f"{name}:{value}" for name, value in self.labels.items()),
            f"V:{self.vocabulary_size}",
            f"events:{self.events}:{self.events_digest}",
            f"vocab:{self.vocabulary_digest}",
            f"model:{self.model_digest}",
        ]
        return "|".join(parts)

    def to_dict(self, model: str | None = None) -> dict[str, Any]:
        """Return the report as strict JSON types; an undefined figure is None, with its reason under ``reasons``.

        Args:
            model: Path of the model; if given, it comes first.
        """
        values: dict[str, Any] = {} if model is None else {"model": model}
        values |= dataclasses.asdict(self) | {"labels": dict(self.labels), "signature": self.signature}
        reasons = {name: self._reason(name) for name in _FIGURES}
        values |= {name: None for name, reason in reasons.items() if reason}
        return values | {"reasons": {name: reason for name, reason in reasons.items() if reason}}

    def _reason(self, name: str) -> str:
        """Return the reason why a figure is not a finite number, or an empty string."""
        value: float | None = getattr(self, name)
        if value is None or math.isnan(value):
            return _FIGURES[name]
        if math.isfinite(value):
            return ""
        if math.isfinite(self.log_prob):
            return "larger than the largest float"
        return "infinite: an event of the text has probability zero"

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the table ``figures``, with one row of all figures and facts."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "labels"}
        return {"figures": [{**values, **self.labels}]}

    def render(self) -> str:
        """Format the report: one figure per line, the signature last."""
        words = self.events - self.sentences
        rows = [
            ("perplexity", _figure(self.perplexity)),
            ("  excluding OOV", _figure(self.perplexity_excluding_oov)),
            ("log-probability", f"{_figure(self.log_prob)} (natural)"),
            ("events", f"{self.events} ({words} words, {self.sentences} </s>)"),
            ("OOV words", f"{self.oov} ({self.oov / words:.2%})" if words else "0"),
            ("bits per token", _figure(self.bits_per_token)),
            ("bits per character", _figure(self.bits_per_character)),
            ("bits per byte", _figure(self.bits_per_byte)),
            ("vocabulary", f"{self.vocabulary_size} predictable types"),
            ("unknown words", self.unknown_rule),
            ("context", self.context),
            *([] if self.direction == "forward" else [("direction", "backward, from last word to first")]),
            ("adapted to text", "yes" if self.adapted else "no"),
            *self.labels.items(),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join([*(f"{name:<{width}}  {value}" for name, value in rows), self.signature])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class LineFigures:
    """Figures per sentence, as ``--per-line`` prints them.

    Attributes:
        log_prob: Natural log-probability: float64 [sentences].
        events: Words and ``</s>``: int64 [sentences].
        oov: Words outside the vocabulary: int64 [sentences].
        perplexity: exp(−log_prob / events): float64 [sentences].
        perplexity_excluding_oov: The same without the events of OOV words; ``</s>`` always remains: float64
            [sentences].
        bits_per_character: −log2 probability divided by the characters of the raw line, its newline included: float64
            [sentences]; None when there was no raw text.
    """

    log_prob: NDArray[np.float64]
    events: NDArray[np.int64]
    oov: NDArray[np.int64]
    perplexity: NDArray[np.float64]
    perplexity_excluding_oov: NDArray[np.float64]
    bits_per_character: NDArray[np.float64] | None

    def __repr__(self) -> str:
        return short_repr(self)


def perplexity_report(
    log_probs: NDArray[np.float64],
    *,
    corpus: Corpus,
    vocabulary: Vocabulary,
    context: str,
    component: str,
    model_digest: str,
    unknown_rule: str,
    adapted: bool,
    labels: Mapping[str, str] | None = None,
    direction: str = "forward",
) -> PerplexityReport:
    """Compute the report from the log-probabilities of a text.

    Args:
        log_probs: Natural log-probability of every event of ``corpus``, in order: float64 [events].
        corpus: The text.
        vocabulary: The model's vocabulary.
        context: ``sentence`` or ``stream``.
        component: Registered name of the model.
        model_digest: Digest of the model.
        unknown_rule: Rule for the probability of ``<unk>``.
        adapted: Whether the model adapted to the text.
        labels: Further facts for the signature, by short name.
        direction: ``forward`` or ``backward``.

    Raises:
        NotNormalizedError: A log-probability is NaN or positive.
    """
    values = _checked(log_probs, corpus.event_offsets)
    oov_events = corpus.oov_events(vocabulary)
    total, events = float(values.sum()), len(values)
    known = values[~oov_events]
    total_bits = -total / math.log(2)
    return PerplexityReport(
        perplexity=_perplexity(total, events),
        perplexity_excluding_oov=_perplexity(float(known.sum()), len(known)) if len(known) else None,
        log_prob=total,
        events=events,
        sentences=len(corpus.event_offsets) - 1,
        oov=int(oov_events.sum()),
        bits_per_token=total_bits / events if events else math.nan,
        bits_per_character=total_bits / corpus.characters if corpus.characters else None,
        bits_per_byte=total_bits / corpus.bytes if corpus.bytes else None,
        vocabulary_size=vocabulary.size_predictable,
        context=context,
        unknown_rule=unknown_rule,
        adapted=adapted,
        component=component,
        version=own_version(),
        text_pipeline="tok:given" if corpus.pipeline is None else corpus.pipeline.signature,
        events_digest=corpus.events_digest,
        vocabulary_digest=vocabulary.digest,
        model_digest=model_digest,
        labels=dict(labels or {}),
        direction=direction,
    )


def perplexity(log_probs: NDArray[np.float64], event_offsets: NDArray[np.int64]) -> float:
    """Return the perplexity alone: inf if an event has probability zero, NaN without events.

    Args:
        log_probs: Natural log-probability of every event: float64 [events].
        event_offsets: Start of each sentence's events, and the end of the last: int64 [sentences + 1].

    Raises:
        NotNormalizedError: A log-probability is NaN or positive.
    """
    values = _checked(log_probs, event_offsets)
    return _perplexity(float(values.sum()), len(values))


def line_figures(
    log_probs: NDArray[np.float64],
    event_offsets: NDArray[np.int64],
    oov: NDArray[np.bool_],
    characters: NDArray[np.int64] | None = None,
) -> LineFigures:
    """Compute the figures of each sentence, exactly those of a report on the sentence alone.

    Args:
        log_probs: Natural log-probability of every event: float64 [events].
        event_offsets: Start of each sentence's events, and the end of the last: int64 [sentences + 1].
        oov: Whether each event is a word outside the vocabulary: bool [events].
        characters: Characters of each raw line, its newline included: int64 [sentences].

    Raises:
        NotNormalizedError: A log-probability is NaN or positive.
    """
    values = _checked(log_probs, event_offsets)
    lengths = np.diff(event_offsets)
    log_prob = _sums(values, event_offsets)
    oov_words = _sums(oov.astype(np.int64), event_offsets)
    others = lengths - oov_words
    known = _sums(values[~oov], np.concatenate([[0], np.cumsum(others)]))
    return LineFigures(
        log_prob=log_prob,
        events=lengths,
        oov=oov_words,
        perplexity=_perplexities(log_prob, lengths),
        perplexity_excluding_oov=_perplexities(known, others),
        bits_per_character=None if characters is None else (0.0 - log_prob) / math.log(2) / characters,
    )


def comparable(a: PerplexityReport, b: PerplexityReport) -> list[str]:
    """Return the reasons why two reports are not comparable; an empty list if they are."""
    reasons = []
    if a.events_digest != b.events_digest:
        reasons.append(
            f"they cover different events ({a.events}:{a.events_digest} read with {a.text_pipeline}, "
            f"{b.events}:{b.events_digest} read with {b.text_pipeline})"
        )
    if a.vocabulary_digest != b.vocabulary_digest:
        reasons.append(
            f"they have different vocabularies ({a.vocabulary_size} types {a.vocabulary_digest}, "
            f"{b.vocabulary_size} types {b.vocabulary_digest})"
        )
    return reasons


def _checked(log_probs: NDArray[np.float64], event_offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    values = np.asarray(log_probs, np.float64)
    if values.shape != (events := int(event_offsets[-1]),):
        raise ValueError(f"log_probs has shape {values.shape}, the text has {events} events")
    wrong = ~(values <= _ROUNDING)
    if wrong.any():
        event = int(wrong.argmax())
        sentence = int(np.searchsorted(event_offsets, event, side="right"))
        what = "NaN: the weights are damaged" if np.isnan(values[event]) else f"{values[event]:.6g}, which is positive"
        raise NotNormalizedError(
            f"sentence {sentence}, event {event - int(event_offsets[sentence - 1]) + 1}: "
            f"the model's log-probability is {what}"
        )
    return values


def _sums(values: NDArray[Any], event_offsets: NDArray[np.int64]) -> NDArray[Any]:
    """Sum the values of each sentence, in the order of ``values.sum()`` on the sentence alone, which begins with 0."""
    begins = event_offsets[:-1]
    if len(begins) <= _FEW:
        ends = event_offsets[1:]
        return np.array([values[low:high].sum() for low, high in zip(begins, ends, strict=True)], values.dtype)
    places = begins + np.arange(len(begins))
    with_zeros = np.zeros(len(values) + len(begins), values.dtype)
    is_value = np.ones(len(with_zeros), np.bool_)
    is_value[places] = False
    with_zeros[is_value] = values
    return np.add.reduceat(with_zeros, places)


def _perplexities(log_probs: NDArray[np.float64], events: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.array(list(map(_perplexity, log_probs.tolist(), events.tolist())), np.float64)


def _perplexity(log_prob: float, events: int) -> float:
    if not events:
        return math.nan
    try:
        return math.exp(-log_prob / events)
    except OverflowError:
        return math.inf


def _figure(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "undefined"
    return f"{value:.4f}" if abs(value) < 1e9 else f"{value:.6g}"
