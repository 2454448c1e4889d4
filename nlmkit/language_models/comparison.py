"""Ranking of comparable language models, significance of the ranking, and reasons for excluded models.

Significance is computed from the sentences of the text, as pairs of log-probabilities under two models. The intervals
are percentiles of a paired bootstrap (Efron & Tibshirani 1993; Koehn 2004); the p-values are those of approximate
randomization (Noreen 1989; Riezler & Maxwell 2005), two-sided, of the difference in the text's log-probability. Both
assume independent sentences, and p-values are not corrected for the number of pairs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.intervals import CONFIDENCE
from nlmkit.core.seeds import SeedGroup, seed_groups, seed_note, settings_without_seed
from nlmkit.core.short_repr import short_repr
from nlmkit.core.tables import p_value_text, table
from nlmkit.core.tabular import Tabular
from nlmkit.errors import DataError, NotNormalizedError
from nlmkit.language_models.base import Context, LanguageModel
from nlmkit.language_models.compared import Difference, Ranked, Refused, Scored
from nlmkit.language_models.measures import By, Measure, largest_comparable, measure
from nlmkit.language_models.report import line_figures
from nlmkit.language_models.significance import bootstrap, differences, interval_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.text import Corpus

__all__ = ["CONFIDENCE", "LABELS", "Comparison", "Difference", "Ranked", "Refused", "Scored", "compare", "score"]

LABELS: Final = ("context", "direction", "adapted", "unknown_rule", "text_pipeline")
"""Facts of a report that can differ between ranked models, and are shown if they do."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison(Tabular):
    """Comparison of models on one text.

    Attributes:
        ranked: Comparable models, the best first.
        differences: Comparison of each ranked model with the next one.
        refused: The other models.
        differing: Those of ``LABELS`` that differ between ranked models.
        notes: Notes for the reader of the table.
        samples: Number of samples of the bootstrap and of the randomization.
        seed: Random seed.
        by: The measure that the models are ranked by.
        groups: Mean and deviation of the measure over ranked models that differ only in their seed, the best first;
            empty if that was not asked for.
    """

    ranked: tuple[Ranked, ...]
    differences: tuple[Difference, ...]
    refused: tuple[Refused, ...]
    differing: tuple[str, ...]
    notes: tuple[str, ...]
    samples: int
    seed: int
    by: By = "perplexity"
    groups: tuple[SeedGroup, ...] = ()

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables ``ranking``, ``differences``, ``seeds`` and ``not_ranked``.

        Where models are grouped by seed, ``seeds`` comes first.
        """
        ranking = list(_ranking(self))
        pairs = []
        for pair in self.differences:
            row = dataclasses.asdict(pair)
            row["ratio_low"], row["ratio_high"] = row.pop("interval") or (None, None)
            pairs.append(row)
        refused = [{"model": row.model, "reason": "; ".join(row.reasons)} for row in self.refused]
        found = {"ranking": ranking, "differences": pairs, "not_ranked": refused}
        if not self.groups:
            return found
        return {"seeds": [group.row(self.by.replace("-", "_")) for group in self.groups], **found}

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
            **({"groups": [group.to_dict() for group in self.groups]} if self.groups else {}),
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
        settings=settings_without_seed(model),
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
    models: Sequence[Scored | Refused],
    *,
    by: By = "perplexity",
    samples: int = 1000,
    seed: int = 0,
    group_seeds: bool = False,
) -> Comparison:
    """Rank models by perplexity, or by bits per character or byte.

    The largest set of models that cover the same events over the same vocabulary is ranked; by bits per character or
    byte, that of models that read the same raw text. Among equally large sets, it is the one with the first model in
    the given order.

    Args:
        models: Results of ``score``; their order breaks ties.
        by: The measure.
        samples: Number of samples of the bootstrap and of the randomization; 0 for none.
        seed: Random seed; a model's interval depends on it and on the text, but not on other models.
        group_seeds: Whether to group ranked models that differ only in their seed.
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
    resampled = bootstrap(ordered, rule, samples, seed) if ordered else np.empty((0, samples))
    values = [rule.of(model) for model in ordered]
    ranked = tuple(
        Ranked(
            rank=1 + sum(other < rule.of(model) for other in values),
            model=model.model,
            report=model.report,
            training=model.training,
            settings=model.settings,
            interval=interval_of(rule.of_mean(row)),
        )
        for model, row in zip(ordered, resampled, strict=True)
    )
    groups = seed_groups([(row.model, _alike(row), value) for row, value in zip(ranked, values, strict=True)])
    return Comparison(
        ranked=ranked,
        differences=tuple(differences(ordered, rule, resampled, samples, seed)),
        refused=tuple(refused),
        differing=tuple(label for label in LABELS if len({getattr(row.report, label) for row in ranked}) > 1),
        notes=tuple(_notes(ranked, refused, rule, groups if not group_seeds else ())),
        samples=samples,
        seed=seed,
        by=rule.name,
        groups=groups if group_seeds else (),
    )


def _alike(row: Ranked) -> tuple[str, ...]:
    """Return what models that differ only in their seed have in common."""
    report = row.report
    facts = (report.vocabulary_digest, report.text_pipeline, report.context, report.direction, report.unknown_rule)
    return row.settings or row.model, *facts


def _notes(
    ranked: Sequence[Ranked], refused: Sequence[Refused], rule: Measure, groups: Sequence[SeedGroup]
) -> Iterator[str]:
    if note := seed_note(groups, {row.model: row.report.model_digest for row in ranked}):
        yield note
    if rule.unit is not None and any(row.report.oov for row in ranked):
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
    if len(pipelines) > 1 and len(figures) > 1 and rule.unit is None:
        yield (
            "models that divide a text into other tokens are compared by bits per character (--by bits-per-character), "
            f"where OOV words, which count without their spelling, are few: {', '.join(figures)}"
        )


# ------------------------------------------------------------------------------------------------- for a reader

_TRAINED = ("steps", "epochs")
_FIGURES = (
    "perplexity",
    "bits_per_token",
    "bits_per_character",
    "bits_per_byte",
    "events",
    "oov",
    "vocabulary_size",
)
_COLUMNS = {
    "context": "CONTEXT",
    "direction": "DIRECTION",
    "adapted": "ADAPTED",
    "unknown_rule": "<UNK>",
    "text_pipeline": "PIPELINE",
}


def _parts(comparison: Comparison) -> Iterator[str]:
    rule = measure(comparison.by)
    by_bits = rule.unit is not None
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
    if comparison.groups:
        heads = ("MODEL", "SEEDS", f"{rule.heading}, MEAN ± SD")
        yield table([heads, *((each.name, str(len(each.models)), each.spread) for each in comparison.groups)])
    if comparison.differences:
        pair = ("BETTER", "WORSE", rule.heading, "95% INTERVAL", "P", "SENTENCES WON:LOST:TIED")
        yield table([pair, *map(_difference, comparison.differences)])
    labels = [(row.model, f"{name} {value}") for row in comparison.ranked for name, value in row.report.labels.items()]
    if labels:
        yield table(labels)
    if comparison.refused:
        reasons = [(f"  {row.model}", reason) for row in comparison.refused for reason in row.reasons]
        yield "not ranked:\n" + table(reasons)


def _ranking(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Yield the ranked models as rows of a table for other programs."""
    trained = [name for name in _TRAINED if any(name in row.training for row in comparison.ranked)]
    name = comparison.by.replace("-", "_")
    for row in comparison.ranked:
        report, (low, high) = row.report, row.interval or (None, None)
        value = measure(comparison.by).value(report)
        yield {
            "rank": row.rank,
            "model": row.model,
            name: value,
            f"{name}_low": low,
            f"{name}_high": high,
            **{each: getattr(report, each) for each in _FIGURES if each != name},
            **{each: row.training.get(each) for each in trained},
            **{label: _fact(row, label) for label in comparison.differing},
        }


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
            *(others if rule.unit is not None else (f"{report.bits_per_token:.4f}",)),
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
        p_value_text(pair.p_value),
        f"{pair.wins}:{pair.losses}:{pair.ties}",
    )


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
