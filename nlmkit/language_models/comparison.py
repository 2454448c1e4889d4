"""Ranking of comparable language models, significance of the ranking, and reasons for excluded models.

Significance is computed from the sentences of the text, as pairs of log-probabilities under two models. The intervals
are percentiles of a paired bootstrap (Efron & Tibshirani 1993; Koehn 2004); the p-values are those of approximate
randomisation (Noreen 1989; Riezler & Maxwell 2005), two-sided, of the difference in the text's log-probability. Both
assume independent sentences, and p-values are not corrected for the number of pairs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.short_repr import Rendered, short_repr
from nlmkit.core.tables import table
from nlmkit.errors import DataError, NotNormalizedError
from nlmkit.language_models.base import Context, LanguageModel
from nlmkit.language_models.measures import BITS_PER_CHARACTER, By, Measure, largest_comparable, measure
from nlmkit.language_models.report import PerplexityReport, line_figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.text import Corpus

CONFIDENCE: Final = 0.95
"""Share of the bootstrap's samples inside an interval."""

LABELS: Final = ("context", "direction", "adapted", "unknown_rule", "text_pipeline")
"""Facts of a report that can differ between ranked models, and are shown if they do."""

_ENTRIES: Final = 1 << 22  # numbers drawn at a time


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Scores of a model on the text.

    Attributes:
        model: Name to show.
        report: The report.
        log_probs: Natural log-probability of each sentence: float64 [sentences].
        events: Words and ``</s>`` of each sentence: int64 [sentences].
        training: Number of training steps and epochs, if the model was trained in steps.
        characters: Characters of the raw text; None if it was given as tokens.
        line_lengths: The same per sentence, with its line feed: int64 [sentences]; None if they were not counted.
    """

    model: str
    report: PerplexityReport
    log_probs: NDArray[np.float64]
    events: NDArray[np.int64]
    training: Mapping[str, float] = dataclasses.field(default_factory=dict)
    characters: int | None = None
    line_lengths: NDArray[np.int64] | None = None

    def __repr__(self) -> str:
        return short_repr(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refused:
    """A model that is not ranked.

    Attributes:
        model: Name to show.
        reasons: Reasons for the exclusion.
        report: Report on the text; None for a model without a perplexity.
    """

    model: str
    reasons: tuple[str, ...]
    report: PerplexityReport | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ranked:
    """A ranked model.

    Attributes:
        rank: 1 for the lowest perplexity, or bits per character; equal ones share a rank.
        model: Name to show.
        report: The report.
        interval: Percentile interval of that measure at ``CONFIDENCE``; None for a text with a single sentence or
            without samples.
        training: Number of training steps and epochs, if the model was trained in steps.
    """

    rank: int
    model: str
    report: PerplexityReport
    interval: tuple[float, float] | None
    training: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """Comparison of a ranked model with the next one.

    Attributes:
        better: The model with the lower perplexity, or bits per character.
        worse: The next one.
        ratio: That measure of ``worse`` divided by that of ``better``; None if one is infinite.
        interval: Percentile interval of the ratio, like that of ``Ranked``.
        p_value: Probability of a difference at least as large if the two models were interchangeable; None if a
            perplexity is infinite or there are no samples.
        wins: Number of sentences with a higher probability under ``better``.
        losses: Number of sentences with a higher probability under ``worse``.
        ties: Number of other sentences.
    """

    better: str
    worse: str
    ratio: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    wins: int
    losses: int
    ties: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison(Rendered):
    """Comparison of models on one text.

    Attributes:
        ranked: Comparable models, the best first.
        differences: Comparison of each ranked model with the next one.
        refused: The other models.
        differing: Those of ``LABELS`` that differ between ranked models.
        notes: Notes for the reader of the table.
        samples: Number of samples of the bootstrap and of the randomisation.
        seed: Random seed.
        by: The measure that the models are ranked by.
    """

    ranked: tuple[Ranked, ...]
    differences: tuple[Difference, ...]
    refused: tuple[Refused, ...]
    differing: tuple[str, ...]
    notes: tuple[str, ...]
    samples: int
    seed: int
    by: By = "perplexity"

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON types; figures outside the reports can be infinite."""
        return {
            "ranked": [
                {
                    "rank": row.rank,
                    "interval": row.interval,
                    **({"training": dict(row.training)} if row.training else {}),
                    **row.report.to_dict(row.model),
                }
                for row in self.ranked
            ],
            "differences": [dataclasses.asdict(difference) for difference in self.differences],
            "refused": [
                {"model": row.model, "reasons": list(row.reasons)}
                | {"report": None if row.report is None else row.report.to_dict(row.model)}
                for row in self.refused
            ],
            "differing": list(self.differing),
            "notes": list(self.notes),
            "confidence": CONFIDENCE,
            "samples": self.samples,
            "seed": self.seed,
            "by": self.by,
        }

    def render(self) -> str:
        """Format the comparison: common facts, ranking, pairs of adjacent models, excluded models."""
        return "\n".join(_parts(self)).rstrip("\n")

    def __repr__(self) -> str:
        return short_repr(self)


def score(
    name: str,
    model: LanguageModel,
    corpus: Corpus,
    *,
    context: Context = "sentence",
    line_lengths: NDArray[np.int64] | None = None,
) -> Scored | Refused:
    """Score a text with one model.

    Args:
        name: Name to show.
        model: Fitted language model.
        corpus: Text read with the model's pipeline.
        context: ``sentence`` or ``stream``.
        line_lengths: Characters of each raw line, its line feed included: int64 [sentences]; None if not known.

    Raises:
        DataError: The text has no sentences, or was read with another pipeline.
    """
    if not corpus.sentences:
        raise DataError("cannot compare models: the text has no sentences")
    try:
        corpus = model.encode(corpus)
        return scored(
            name, model, corpus, model.log_probs(corpus, context=context), context=context, line_lengths=line_lengths
        )
    except NotNormalizedError as error:
        return Refused(model=name, reasons=(str(error),))


def scored(
    name: str,
    model: LanguageModel,
    corpus: Corpus,
    log_probs: NDArray[np.float64],
    *,
    context: Context,
    line_lengths: NDArray[np.int64] | None = None,
) -> Scored:
    """Return the scores of a text from its log-probabilities.

    Args:
        name: Name to show.
        model: Fitted language model.
        corpus: Text from ``model.encode``.
        log_probs: Natural log-probability of every event: float64 [events].
        context: Context of ``log_probs``.
        line_lengths: As for ``score``.

    Raises:
        NotNormalizedError: The model's scores are not probabilities.
    """
    report = model.report_of(log_probs, corpus, context=context)
    lines = line_figures(log_probs, corpus.event_offsets, corpus.oov_events(model.vocabulary_))
    return Scored(
        model=name,
        report=report,
        log_probs=lines.log_prob,
        events=lines.events,
        training=_training(model),
        characters=corpus.characters,
        line_lengths=line_lengths,
    )


def _training(model: LanguageModel) -> dict[str, float]:
    """Return the steps and epochs of the fit report, if present."""
    report = getattr(model, "fit_report_", None)
    if not isinstance(report, Mapping):
        return {}
    found = {}
    for name in _TRAINED:
        value = report.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = value
    return found


def compare(
    models: Sequence[Scored | Refused], *, by: By = "perplexity", samples: int = 1000, seed: int = 0
) -> Comparison:
    """Rank models by perplexity, or by bits per character.

    The largest set of models that cover the same events over the same vocabulary is ranked, by bits per character that
    of models that read the same raw text; among equally large sets, the one with the first model in the given order.

    Args:
        models: Results of ``score``; their order breaks ties.
        by: The measure.
        samples: Number of samples of the bootstrap and of the randomisation; 0 for none.
        seed: Random seed; a model's interval depends on it and on the text, but not on other models.
    """
    rule = measure(by)
    table = largest_comparable([model for model in models if isinstance(model, Scored)], rule)
    ordered = sorted(table, key=rule.of)
    refused = []
    for model in models:
        if isinstance(model, Refused):
            refused.append(model)
        elif model not in table:
            reasons = tuple(rule.obstacles(table[0], model) if table else rule.obstacles(model, model))
            refused.append(Refused(model=model.model, reasons=reasons, report=model.report))
    resampled = _bootstrap(ordered, rule, samples, seed) if ordered else np.empty((0, samples))
    values = [rule.of(model) for model in ordered]
    ranked = tuple(
        Ranked(
            rank=1 + sum(other < rule.of(model) for other in values),
            model=model.model,
            report=model.report,
            training=model.training,
            interval=_interval(rule.of_mean(row)),
        )
        for model, row in zip(ordered, resampled, strict=True)
    )
    return Comparison(
        ranked=ranked,
        differences=tuple(_differences(ordered, rule, resampled, samples, seed)),
        refused=tuple(refused),
        differing=tuple(label for label in LABELS if len({getattr(row.report, label) for row in ranked}) > 1),
        notes=tuple(_notes(ranked, refused, rule)),
        samples=samples,
        seed=seed,
        by=rule.name,
    )


def _notes(ranked: Sequence[Ranked], refused: Sequence[Refused], rule: Measure) -> Iterator[str]:
    if rule is BITS_PER_CHARACTER and any(row.report.oov for row in ranked):
        yield (
            "OOV words count without their spelling, which flatters models that have many: only models without OOV "
            "words, of subwords or characters, say how likely the text itself is"
        )
    if any(row.report.adapted for row in ranked):
        yield "models marked as adapted learned from the preceding part of this text"
    if any(row.report.adapted or row.report.context == "stream" for row in ranked):
        yield (
            "intervals and p-values assume independent sentences, which does not hold for models with "
            "a memory of earlier ones"
        )
    if len({row.report.direction for row in ranked}) > 1:
        yield (
            "models that read forward and backward are compared by the probabilities of whole sentences; those of "
            "single words have different conditions"
        )
    if any(math.isinf(row.report.perplexity) for row in ranked):
        yield "an infinite perplexity means that an event of the text has probability zero"
    rows: list[Ranked | Refused] = [*ranked, *refused]
    reports = [(row.model, row.report) for row in rows if row.report is not None]
    figures = [
        f"{name} {report.bits_per_character:.4f} (OOV {report.oov})"
        for name, report in reports
        if report.bits_per_character is not None
    ]
    pipelines = {report.text_pipeline for _, report in reports}
    if len(pipelines) > 1 and len(figures) > 1 and rule is not BITS_PER_CHARACTER:
        yield (
            "models that divide a text into other tokens are compared by bits per character (--by bits-per-character), "
            f"where OOV words, which count without their spelling, are few: {', '.join(figures)}"
        )


# ------------------------------------------------------------------------------------------------- significance


def _bootstrap(models: Sequence[Scored], rule: Measure, samples: int, seed: int) -> NDArray[np.float64]:
    """Return the mean negative log-probability of each model on sentences drawn with replacement, the same for all.

    Returns:
        float64 [models, samples], per event or character; no samples for a text with a single sentence.
    """
    units = rule.units(models[0])
    sentences = len(models[0].events)
    if sentences < 2 or units is None:
        samples = 0
    values = np.empty((len(models), samples))
    random = np.random.Generator(np.random.PCG64(seed))
    step = max(1, _ENTRIES // sentences)
    for begin in range(0, samples, step):
        end = min(begin + step, samples)
        drawn = random.integers(0, sentences, (end - begin, sentences))
        assert units is not None
        totals = units[drawn].sum(axis=1)
        for row, model in zip(values, models, strict=True):
            row[begin:end] = -model.log_probs[drawn].sum(axis=1) / totals
    return values


def _interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the percentile interval of the samples; without interpolation, since a sample can be infinite."""
    if not len(values):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf").tolist()
    return low, high


def _differences(
    ordered: Sequence[Scored], rule: Measure, resampled: NDArray[np.float64], samples: int, seed: int
) -> Iterator[Difference]:
    """Compare each model with the next one."""
    for place in range(len(ordered) - 1):
        better, worse = ordered[place], ordered[place + 1]
        finite = math.isfinite(better.report.perplexity) and math.isfinite(worse.report.perplexity)
        higher = better.log_probs > worse.log_probs
        lower = better.log_probs < worse.log_probs
        ratio = interval = p_value = None
        if finite:
            ratio = _ratio(better, worse, rule)
            interval = _interval(rule.ratio(resampled[place + 1], resampled[place]))
            p_value = _randomisation(better.log_probs - worse.log_probs, samples, seed)
        yield Difference(
            better=better.model,
            worse=worse.model,
            ratio=ratio,
            interval=interval,
            p_value=p_value,
            wins=int(higher.sum()),
            losses=int(lower.sum()),
            ties=int((~higher & ~lower).sum()),
        )


def _ratio(better: Scored, worse: Scored, rule: Measure) -> float | None:
    """Return the ratio of two finite measures; None for one of zero bits."""
    if rule is BITS_PER_CHARACTER:
        return rule.of(worse) / rule.of(better) if rule.of(better) else None
    return math.exp((better.report.log_prob - worse.report.log_prob) / better.report.events)


def _randomisation(differences: NDArray[np.float64], samples: int, seed: int) -> float | None:
    """Return the p-value of the sum of paired differences: the frequency of a sum as large under random signs."""
    if not samples:
        return None
    random = np.random.Generator(np.random.PCG64(seed))
    # A sum of the same numbers in another order may differ in its last bits, and is not smaller for that.
    observed = abs(float(differences.sum())) - 1e-12 * float(np.abs(differences).sum())
    as_large = 0
    step = max(1, _ENTRIES // len(differences))
    for begin in range(0, samples, step):
        signs = random.integers(0, 2, (min(step, samples - begin), len(differences)), np.int8) * 2 - 1
        as_large += int((np.abs(signs @ differences) >= observed).sum())
    return (as_large + 1) / (samples + 1)


# ------------------------------------------------------------------------------------------------- for a reader

_TRAINED = ("steps", "epochs")
_COLUMNS = {
    "context": "CONTEXT",
    "direction": "DIRECTION",
    "adapted": "ADAPTED",
    "unknown_rule": "<UNK>",
    "text_pipeline": "PIPELINE",
}
_LEAST_P = 0.001  # a smaller p-value is shown as smaller than this


def _parts(comparison: Comparison) -> Iterator[str]:
    rule = measure(comparison.by)
    by_bits = rule is BITS_PER_CHARACTER
    if comparison.ranked:
        report = comparison.ranked[0].report
        events = [
            f"{report.events} events in {report.sentences} sentences",
            f"{report.vocabulary_size} predictable types",
        ]
        common = [
            *([f"{report.sentences} sentences"] if by_bits else events),
            *(f"{label.replace('_', ' ')} {_fact(comparison.ranked[0], label)}" for label in _same(comparison)),
        ]
        yield f"{'; '.join(common)}\n"
        trained = [name for name in _TRAINED if any(name in row.training for row in comparison.ranked)]
        others = ("PERPLEXITY", "TYPES", "OOV") if by_bits else ("BITS/TOKEN",)
        own = ("RANK", "MODEL", rule.heading, "95% INTERVAL", *others)
        heads = (*own, *(name.upper() for name in trained), *(_COLUMNS[label] for label in comparison.differing))
        yield table([heads, *_rows(comparison, trained)])
    if comparison.differences:
        pair = ("BETTER", "WORSE", rule.heading, "95% INTERVAL", "P", "SENTENCES WON:LOST:TIED")
        yield table([pair, *map(_difference, comparison.differences)])
    labels = [(row.model, f"{name} {value}") for row in comparison.ranked for name, value in row.report.labels.items()]
    if labels:
        yield table(labels)
    if comparison.refused:
        reasons = [(f"  {row.model}", reason) for row in comparison.refused for reason in row.reasons]
        yield "not ranked:\n" + table(reasons)


def _rows(comparison: Comparison, trained: Sequence[str]) -> Iterator[tuple[str, ...]]:
    rule = measure(comparison.by)
    for row in comparison.ranked:
        report = row.report
        others = (f"{report.perplexity:.4f}", f"{report.vocabulary_size}", f"{report.oov}")
        yield (
            str(row.rank),
            row.model,
            f"{rule.value(report):.4f}",
            _interval_text(row.interval, f".{rule.digits}f"),
            *(others if rule is BITS_PER_CHARACTER else (f"{report.bits_per_token:.4f}",)),
            *(_count(row.training.get(name)) for name in trained),
            *(_fact(row, label) for label in comparison.differing),
        )


def _count(value: float | None) -> str:
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.4g}"


def _difference(pair: Difference) -> tuple[str, ...]:
    return (
        pair.better,
        pair.worse,
        "-" if pair.ratio is None else f"×{pair.ratio:.4f}",
        _interval_text(pair.interval, ".4f"),
        _p_value(pair.p_value),
        f"{pair.wins}:{pair.losses}:{pair.ties}",
    )


def _p_value(value: float | None) -> str:
    if value is None:
        return "-"
    return f"<{_LEAST_P}" if value < _LEAST_P else f"{value:.3f}"


def _interval_text(interval: tuple[float, float] | None, form: str) -> str:
    return "-" if interval is None else f"{interval[0]:{form}}–{interval[1]:{form}}"


def _same(comparison: Comparison) -> list[str]:
    forward = comparison.ranked[0].report.direction == "forward"  # which needs no mention
    return [label for label in _COLUMNS if label not in comparison.differing and not (label == "direction" and forward)]


def _fact(row: Ranked, label: str) -> str:
    value = getattr(row.report, label)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
