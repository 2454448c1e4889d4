"""Language models in one table: the comparable ones ranked, how sure their order is, and why others are left out.

How sure the order is, is asked of the sentences of the text, as pairs of log-probabilities under two models. The
intervals are percentiles of a paired bootstrap (Efron & Tibshirani 1993; Koehn 2004); the p-values are those of
approximate randomisation (Noreen 1989; Riezler & Maxwell 2005), two-sided, of the difference in the text's
log-probability. Both take sentences for independent, and no p-value is corrected for the number of pairs.
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
from nlmkit.language_models.report import PerplexityReport, comparable, line_figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.text import Corpus

CONFIDENCE: Final = 0.95
"""Share of the bootstrap's samples that an interval holds."""

LABELS: Final = ("context", "adapted", "unknown_rule", "text_pipeline")
"""Facts of a report that may differ between ranked models, and are shown where they do."""

_ENTRIES: Final = 1 << 22  # numbers drawn at a time


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """What a model makes of the text.

    Attributes:
        model: Name to show.
        report: The report.
        log_probs: Natural log-probability of each sentence: float64 [sentences].
        events: Words and ``</s>`` of each sentence: int64 [sentences].
        training: Steps and epochs that the model was trained for, where it was trained in steps.
    """

    model: str
    report: PerplexityReport
    log_probs: NDArray[np.float64]
    events: NDArray[np.int64]
    training: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        return short_repr(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refused:
    """A model that is not ranked.

    Attributes:
        model: Name to show.
        reasons: Why not.
        report: What it makes of the text all the same; None where it has no perplexity.
    """

    model: str
    reasons: tuple[str, ...]
    report: PerplexityReport | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ranked:
    """A model in the table.

    Attributes:
        rank: 1 for the lowest perplexity; equal perplexities share a rank.
        model: Name to show.
        report: The report.
        interval: Perplexities between which the middle ``CONFIDENCE`` of the bootstrap's samples lies; None where the
            text has a single sentence or there are no samples.
        training: Steps and epochs that the model was trained for, where it was trained in steps.
    """

    rank: int
    model: str
    report: PerplexityReport
    interval: tuple[float, float] | None
    training: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """A ranked model beside the next one.

    Attributes:
        better: The model with the lower perplexity.
        worse: The next one.
        ratio: Perplexity of ``worse`` divided by that of ``better``; None where one is infinite.
        interval: The same for that ratio as a :class:`Ranked` has it for the perplexity.
        p_value: Probability of a difference at least as large if the two models were interchangeable; None where a
            perplexity is infinite or there are no samples.
        wins: Sentences that ``better`` gives the higher probability.
        losses: Sentences that ``worse`` gives the higher one.
        ties: The other sentences.
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
    """The outcome for one text.

    Attributes:
        ranked: The models that may stand in one table, the best first.
        differences: Each of them beside the next one.
        refused: The others.
        differing: Which of ``LABELS`` are not the same for all ranked models.
        notes: What a reader of the table should know.
        samples: Samples of the bootstrap and of the randomisation.
        seed: Their seed.
    """

    ranked: tuple[Ranked, ...]
    differences: tuple[Difference, ...]
    refused: tuple[Refused, ...]
    differing: tuple[str, ...]
    notes: tuple[str, ...]
    samples: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON types; figures may be infinite, but for those of the reports."""
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
        }

    def render(self) -> str:
        """The comparison for a reader: what is common, the ranking, each model beside the next one, who is left out."""
        return "\n".join(_parts(self)).rstrip("\n")

    def __repr__(self) -> str:
        return short_repr(self)


def score(name: str, model: LanguageModel, corpus: Corpus, *, context: Context = "sentence") -> Scored | Refused:
    """Score a text with one model.

    Args:
        name: Name to show.
        model: A fitted language model.
        corpus: The text, read as the model reads text.
        context: ``sentence`` or ``stream``.

    Raises:
        DataError: the text has no sentences, or was read in another way.
    """
    if not corpus.sentences:
        raise DataError("the text has no sentences, so there is nothing to compare")
    try:
        corpus = model.encode(corpus)
        log_probs = model.log_probs(corpus, context=context)
        report = model.report_of(log_probs, corpus, context=context)
        lines = line_figures(log_probs, corpus.event_offsets, corpus.oov_events(model.vocabulary_))
    except NotNormalizedError as error:
        return Refused(model=name, reasons=(str(error),))
    return Scored(model=name, report=report, log_probs=lines.log_prob, events=lines.events, training=_training(model))


def _training(model: LanguageModel) -> dict[str, float]:
    """Steps and epochs of the fit report, where it has them."""
    report = getattr(model, "fit_report_", None)
    if not isinstance(report, Mapping):
        return {}
    found = {}
    for name in _TRAINED:
        value = report.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = value
    return found


def compare(models: Sequence[Scored | Refused], *, samples: int = 1000, seed: int = 0) -> Comparison:
    """Rank models by perplexity.

    Those are ranked that cover the same events over the same vocabulary: the largest set of such models, of equally
    large ones the one whose first model is named first.

    Args:
        models: What :func:`score` made of each; their order decides between equals.
        samples: Samples of the bootstrap and of the randomisation; none are drawn for 0.
        seed: Their seed; a model's interval depends on it and on the text, and not on the other models.
    """
    scored = [model for model in models if isinstance(model, Scored)]
    table = _largest_comparable(scored)
    ordered = sorted(table, key=lambda model: model.report.perplexity)
    refused = []
    for model in models:
        if isinstance(model, Refused):
            refused.append(model)
        elif model not in table:
            reasons = tuple(comparable(table[0].report, model.report))
            refused.append(Refused(model=model.model, reasons=reasons, report=model.report))
    resampled = _bootstrap(ordered, samples, seed) if ordered else np.empty((0, samples))
    perplexities = [model.report.perplexity for model in ordered]
    ranked = tuple(
        Ranked(
            rank=1 + sum(other < model.report.perplexity for other in perplexities),
            model=model.model,
            report=model.report,
            training=model.training,
            interval=_interval(np.exp(row)),
        )
        for model, row in zip(ordered, resampled, strict=True)
    )
    return Comparison(
        ranked=ranked,
        differences=tuple(_differences(ordered, resampled, samples, seed)),
        refused=tuple(refused),
        differing=tuple(label for label in LABELS if len({getattr(row.report, label) for row in ranked}) > 1),
        notes=tuple(_notes(ranked)),
        samples=samples,
        seed=seed,
    )


def _largest_comparable(scored: Sequence[Scored]) -> list[Scored]:
    groups: list[list[Scored]] = []
    for model in scored:
        group = next((group for group in groups if not comparable(group[0].report, model.report)), None)
        if group is None:
            groups.append([model])
        else:
            group.append(model)
    return max(groups, key=len, default=[])


def _notes(ranked: Sequence[Ranked]) -> Iterator[str]:
    if any(row.report.adapted for row in ranked):
        yield "models marked as adapted had learnt from the earlier part of this very text"
    if any(row.report.adapted or row.report.context == "stream" for row in ranked):
        yield "intervals and p-values take sentences for independent, which a memory of earlier ones makes less true"
    if any(math.isinf(row.report.perplexity) for row in ranked):
        yield "a perplexity is infinite where a model gives an event of the text probability zero"


# ------------------------------------------------------------------------------------------------- significance


def _bootstrap(models: Sequence[Scored], samples: int, seed: int) -> NDArray[np.float64]:
    """ln perplexity of each model on texts of sentences drawn with replacement, the same ones for all models.

    Returns:
        float64 [models, samples]; no samples where the text has a single sentence.
    """
    events = models[0].events
    sentences = len(events)
    if sentences < 2:
        samples = 0
    values = np.empty((len(models), samples))
    random = np.random.Generator(np.random.PCG64(seed))
    step = max(1, _ENTRIES // sentences)
    for begin in range(0, samples, step):
        end = min(begin + step, samples)
        drawn = random.integers(0, sentences, (end - begin, sentences))
        totals = events[drawn].sum(axis=1)
        for row, model in zip(values, models, strict=True):
            row[begin:end] = -model.log_probs[drawn].sum(axis=1) / totals
    return values


def _interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Where the middle of the samples lies; without interpolation, since a sample may be infinite."""
    if not len(values):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf").tolist()
    return low, high


def _differences(
    ordered: Sequence[Scored], resampled: NDArray[np.float64], samples: int, seed: int
) -> Iterator[Difference]:
    """Each model beside the next one."""
    for place in range(len(ordered) - 1):
        better, worse = ordered[place], ordered[place + 1]
        finite = math.isfinite(better.report.perplexity) and math.isfinite(worse.report.perplexity)
        higher = better.log_probs > worse.log_probs
        lower = better.log_probs < worse.log_probs
        ratio = interval = p_value = None
        if finite:
            ratio = math.exp((better.report.log_prob - worse.report.log_prob) / better.report.events)
            interval = _interval(np.exp(resampled[place + 1] - resampled[place]))
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


def _randomisation(differences: NDArray[np.float64], samples: int, seed: int) -> float | None:
    """p-value of the sum of paired differences: how often random signs make it at least as large."""
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

_MODEL = ("RANK", "MODEL", "PERPLEXITY", "95% INTERVAL", "BITS/TOKEN")
_TRAINED = ("steps", "epochs")
_PAIR = ("BETTER", "WORSE", "PERPLEXITY", "95% INTERVAL", "P", "SENTENCES WON:LOST:TIED")
_COLUMNS = {"context": "CONTEXT", "adapted": "ADAPTED", "unknown_rule": "<UNK>", "text_pipeline": "PIPELINE"}
_LEAST_P = 0.001  # a smaller p-value is shown as smaller than this


def _parts(comparison: Comparison) -> Iterator[str]:
    if comparison.ranked:
        report = comparison.ranked[0].report
        common = [
            f"{report.events} events in {report.sentences} sentences",
            f"{report.vocabulary_size} predictable types",
            *(f"{label.replace('_', ' ')} {_fact(comparison.ranked[0], label)}" for label in _same(comparison)),
        ]
        yield f"{'; '.join(common)}\n"
        trained = [name for name in _TRAINED if any(name in row.training for row in comparison.ranked)]
        heads = (*_MODEL, *(name.upper() for name in trained), *(_COLUMNS[label] for label in comparison.differing))
        yield table([heads, *_rows(comparison, trained)])
    if comparison.differences:
        yield table([_PAIR, *map(_difference, comparison.differences)])
    labels = [(row.model, f"{name} {value}") for row in comparison.ranked for name, value in row.report.labels.items()]
    if labels:
        yield table(labels)
    if comparison.refused:
        reasons = [(f"  {row.model}", reason) for row in comparison.refused for reason in row.reasons]
        yield "not ranked:\n" + table(reasons)


def _rows(comparison: Comparison, trained: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for row in comparison.ranked:
        yield (
            str(row.rank),
            row.model,
            f"{row.report.perplexity:.4f}",
            _interval_text(row.interval, ".2f"),
            f"{row.report.bits_per_token:.4f}",
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
    return [label for label in _COLUMNS if label not in comparison.differing]


def _fact(row: Ranked, label: str) -> str:
    value = getattr(row.report, label)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
