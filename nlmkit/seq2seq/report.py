"""Translation reports: BLEU and chrF of predictions, perplexity of the targets, and what each depends on."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.intervals import CONFIDENCE
from nlmkit.core.tables import table
from nlmkit.core.tabular import Tabular, with_intervals
from nlmkit.seq2seq.bleu import TextFigures

if TYPE_CHECKING:
    from nlmkit.language_models.report import PerplexityReport

_NO_LENGTH: Final = "the references have no token"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TranslationReport(Tabular):
    """Report of a sequence-to-sequence model on sources and targets.

    Attributes:
        pairs: Number of pairs.
        sources: Number of different sources; targets of equal sources are references of one another.
        references: Largest number of references of a source.
        figures: BLEU, chrF and the like.
        perplexity_report: Perplexity of the targets, given their sources.
        search: Options of the search, such as ``beam:5|normalization:gnmt``.
        unfinished: Number of predictions that reached the greatest length without ``</s>``.
        unknown: Number of ``<unk>`` in the predictions.
        predictions: The best target found for each different source.
        resamples: Number of bootstrap samples of the interval of BLEU.
        seed: Seed of the bootstrap.
    """

    pairs: int
    sources: int
    references: int
    figures: TextFigures
    perplexity_report: PerplexityReport
    search: str
    unfinished: int
    unknown: int
    predictions: tuple[str, ...] = dataclasses.field(repr=False)
    resamples: int
    seed: int

    @property
    def bleu(self) -> float:
        """BLEU of detokenized text, mixed case, from 0 to 100."""
        return self.figures.bleu

    @property
    def chrf(self) -> float:
        """Score chrF of the predictions, from 0 to 100."""
        return self.figures.chrf

    @property
    def length_ratio(self) -> float:
        """Tokens of the predictions divided by those of the references."""
        return self.figures.length_ratio

    @property
    def exact_match(self) -> float:
        """Share of sources whose prediction is one of its references."""
        return self.figures.exact_match

    @property
    def perplexity(self) -> float:
        """Perplexity of the targets, given their sources."""
        return self.perplexity_report.perplexity

    @property
    def score(self) -> float:
        """Mean natural log-probability per event of the targets, as ``SequenceToSequence.score``."""
        return self.perplexity_report.log_prob / self.perplexity_report.events

    @property
    def signature(self) -> str:
        """Signature of the perplexity."""
        return self.perplexity_report.signature

    def to_dict(self, model: str | None = None) -> dict[str, Any]:
        """Return the report as strict JSON types; an undefined figure is None, with its reason under ``reasons``.

        The predictions are not included. Fields of the perplexity report are those of ``perplexity_report``.

        Args:
            model: Path of the model; if given, it comes first.
        """
        values: dict[str, Any] = {} if model is None else {"model": model}
        figures = dataclasses.asdict(self.figures)
        interval = self.figures.bleu_interval
        figures |= {"bleu_interval": None if interval is None else list(interval), "confidence": CONFIDENCE}
        figures["notes"] = list(self.figures.notes)
        perplexity = self.perplexity_report.to_dict()
        reasons = dict(perplexity.pop("reasons"))
        if math.isnan(self.length_ratio):
            figures["length_ratio"], reasons["length_ratio"] = None, _NO_LENGTH
        values |= figures | perplexity
        for name in ("pairs", "sources", "references", "search", "unfinished", "unknown", "resamples", "seed"):
            values[name] = getattr(self, name)
        return values | {"reasons": reasons}

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables ``figures``, ``perplexity`` (as of a perplexity report) and ``predictions``."""
        ratio = None if math.isnan(self.length_ratio) else self.length_ratio
        figures = {
            "component": self.perplexity_report.component,
            "bleu": self.bleu,
            "bleu_lowercase_tokenized": self.figures.bleu_lowercase_tokenized,
            "chrf": self.chrf,
            "length_ratio": ratio,
            "exact_match": self.exact_match,
            "perplexity": self.perplexity,
            "pairs": self.pairs,
            "sources": self.sources,
            "search": self.search,
        }
        return {
            "figures": [with_intervals(figures, {"bleu": self.figures.bleu_interval})],
            "perplexity": self.perplexity_report.tables()["figures"],
            "predictions": [{"prediction": text} for text in self.predictions],
        }

    def render(self) -> str:
        """Format the report: figures of the predictions with their signatures, then the perplexity report."""
        one, found = self.figures, self.figures.bleu_interval
        about = f"({CONFIDENCE:.0%} interval {found[0]:.2f} to {found[1]:.2f})" if found else ""
        ratio = "undefined" if math.isnan(one.length_ratio) else f"{one.length_ratio:.3f}"
        rows = [
            ("BLEU", f"{one.bleu:.2f}", about),
            ("  lower-cased, tokenized", f"{one.bleu_lowercase_tokenized:.2f}", ""),
            ("chrF", f"{one.chrf:.2f}", ""),
            ("length ratio", ratio, ""),
            ("exact match", f"{one.exact_match:.2%}", ""),
        ]
        several = f", up to {self.references} references" if self.references > 1 else ""
        facts = [f"{self.pairs} pairs, {self.sources} sources{several}; search: {self.search}"]
        if self.unfinished:
            facts.append(f"{self.unfinished} predictions reached the greatest length")
        if self.unknown:
            facts.append(f"{self.unknown} words of the predictions are <unk>")
        signatures = [one.bleu_signature, one.bleu_lowercase_tokenized_signature, one.chrf_signature]
        figures = table(rows).rstrip("\n")
        parts = [figures, "\n".join([*facts, *one.notes]), "\n".join(signatures), self.perplexity_report.render()]
        return "\n\n".join(parts)
