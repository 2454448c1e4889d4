"""Tagging reports: precision, recall and F1 of spans, accuracy of tags, computed from tags alone.

A predicted span is right if its type and bounds are those of a span in the data. Malformed sequences are read as the
script ``conlleval`` of the CoNLL shared tasks reads them, and the figures have its digits: a ratio without a
denominator is 0. Accuracy compares tags as they are written. Out of vocabulary (OOV) is a token whose word training
lacked, and a span with such a token; in segmented text, a word that training lacked (as in the figures ``R_OOV`` and
``R_IV`` of the SIGHAN bakeoffs).

Intervals are percentile bootstraps over the sentences: a resample draws as many sentences with replacement, and one set
of resamples is used for all figures. Resamples in which an OOV or IV figure is undefined are ignored for that figure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.core.intervals import CONFIDENCE
from nlmkit.core.short_repr import short_repr
from nlmkit.core.tabular import with_intervals
from nlmkit.taggers.rendering import RenderedTagging
from nlmkit.taggers.report_parts import FIGURES, TaggingError, TypeFigures
from nlmkit.text.tag_schemes import PLAIN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MATRIX_TAGS: Final = 100
"""Number of tags above which JSON has the nonzero cells of the confusion matrix instead of the matrix."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TaggingReport(RenderedTagging):
    """Report of a tagger on sentences with tags.

    Attributes:
        n: Number of sentences.
        tokens: Number of tokens.
        scheme: Tag scheme of the data.
        precision: Share of right spans among the predicted; None for plain tags.
        recall: Share of the data's spans that were predicted; None for plain tags.
        f1: Harmonic mean of the two; None for plain tags.
        accuracy: Share of tokens with the right tag, all tags in the scheme of the data.
        sentence_accuracy: Share of sentences with tokens whose tags are all right.
        intervals: 95 % confidence intervals of the figures by name; None for a figure undefined in all resamples, and
            no entries without resamples.
        by_type: Figures of each type of span, or of each plain tag: those of the data by name, then others predicted.
        gold: Number of spans in the data; None for plain tags.
        predicted: Number of predicted spans; None for plain tags.
        correct: Number of predicted spans that are right; None for plain tags.
        oov_tokens: Number of tokens whose word training lacked; None if that is unknown, and for segmented text.
        oov_accuracy: Accuracy on those tokens; None if there are none.
        iv_accuracy: Accuracy on the others.
        oov_spans: Number of spans of the data with such a token, or of words of segmented text that training lacked.
        oov_recall: Recall of those spans; None if there are none.
        iv_recall: Recall of the others.
        gold_repairs: Number of malformed tags in the data.
        predicted_repairs: Number of malformed predicted tags.
        tags: Tags of the data and predicted ones, both in the scheme of the data.
        cells: Nonzero cells of the confusion matrix: row (tag of the data) and column (predicted tag), as indices into
            ``tags``, and number of tokens, sorted by row and column: int64 [cells, 3].
        errors: The most frequent errors, with examples.
        unseen_tags: Tags of the data, as BIOES or plain tags, that training lacked.
        component: Registered name of the tagger.
        version: Version of nlmkit that computed the report.
        text_pipeline: Signature of the text pipeline.
        texts_digest: Digest of tokens and tags.
        model_digest: Digest of the fitted tagger.
        resamples: Number of bootstrap samples of the intervals.
        seed: Seed of the bootstrap.
    """

    headings: ClassVar[Mapping[str, str]] = {"f1": "F1", "accuracy": "accuracy"}

    n: int
    tokens: int
    scheme: str
    precision: float | None
    recall: float | None
    f1: float | None
    accuracy: float
    sentence_accuracy: float
    intervals: dict[str, tuple[float, float] | None]
    by_type: dict[str, TypeFigures]
    gold: int | None
    predicted: int | None
    correct: int | None
    oov_tokens: int | None
    oov_accuracy: float | None
    iv_accuracy: float | None
    oov_spans: int | None
    oov_recall: float | None
    iv_recall: float | None
    gold_repairs: int
    predicted_repairs: int
    tags: tuple[str, ...]
    cells: NDArray[np.int64]
    errors: tuple[TaggingError, ...]
    unseen_tags: tuple[str, ...]
    component: str
    version: str
    text_pipeline: str
    texts_digest: str
    model_digest: str
    resamples: int
    seed: int

    @property
    def score(self) -> float:
        """F1, or the accuracy of plain tags."""
        return self.accuracy if self.f1 is None else self.f1

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Confusion matrix, tags of the data as rows and predicted ones as columns, in the order of ``tags``: int64."""
        import numpy as np

        found = np.zeros((len(self.tags), len(self.tags)), np.int64)
        found[self.cells[:, 0], self.cells[:, 1]] = self.cells[:, 2]
        return found

    @property
    def reasons(self) -> dict[str, str]:
        """Return the reasons for undefined figures, by name."""
        plain = dict.fromkeys(("precision", "recall", "f1", "gold", "predicted", "correct"), "plain tags form no spans")
        segments = self.oov_tokens is None and self.oov_spans is not None
        about_tokens = "segmented text: see oov_recall" if segments else "the words of training are unknown"
        about_spans = plain["f1"] if self.scheme == PLAIN else "the words of training are unknown"
        reasons = dict(plain) if self.scheme == PLAIN else {}
        for what, rate, about in (("tokens", "accuracy", about_tokens), ("spans", "recall", about_spans)):
            if getattr(self, f"oov_{what}") is None:
                reasons |= dict.fromkeys((f"oov_{what}", f"oov_{rate}", f"iv_{rate}"), about)
                continue
            for which, words in (("oov", "unseen words"), ("iv", "words of training alone")):
                if getattr(self, f"{which}_{rate}") is None:
                    reasons[f"{which}_{rate}"] = f"there are no {what} of {words}"
        return reasons

    @property
    def signature(self) -> str:
        """Signature in the style of sacrebleu: one line with everything the figures depend on."""
        parts = [
            "nlmkit-accuracy" if self.scheme == PLAIN else "nlmkit-span-f1",
            f"v:{self.version}",
            *([self.component] if self.component else []),
            *([self.text_pipeline] if self.text_pipeline else []),
            f"scheme:{self.scheme}",
            f"sentences:{self.n}:{self.texts_digest}",
            *([f"model:{self.model_digest}"] if self.model_digest else []),
        ]
        return "|".join(parts)

    def to_dict(self, model: str | None = None) -> dict[str, Any]:
        """Return the report as strict JSON types; an undefined figure is None and has its reason under ``reasons``.

        ``tags`` names the rows and columns of ``confusion``. With more than 100 tags, ``confusion`` is None, and
        ``confusion_cells`` has [row, column, tokens] of each nonzero cell.

        Args:
            model: Path of the model; if given, it comes first.
        """
        values: dict[str, Any] = {} if model is None else {"model": model}
        names = [each.name for each in dataclasses.fields(self) if each.name not in ("cells", "errors", "by_type")]
        values |= {name: getattr(self, name) for name in names}
        is_small = len(self.tags) <= MATRIX_TAGS
        reasons = self.reasons
        if not is_small:
            reasons["confusion"] = f"more than {MATRIX_TAGS} tags: confusion_cells has the nonzero cells"
        return values | {
            "by_type": {name: _json(figures) for name, figures in self.by_type.items()},
            "intervals": {name: None if found is None else list(found) for name, found in self.intervals.items()},
            "confidence": CONFIDENCE,
            "tags": list(self.tags),
            "confusion": self.confusion.tolist() if is_small else None,
            **({} if is_small else {"confusion_cells": self.cells.tolist()}),
            "errors": [_json(error) for error in self.errors],
            "unseen_tags": list(self.unseen_tags),
            "signature": self.signature,
            "reasons": reasons,
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the tables ``figures``, ``types``, ``confusions`` (cells that are not 0) and ``errors``."""
        figures = {"component": self.component, **{name: getattr(self, name) for name in FIGURES}}
        figures |= {"n": self.n, "tokens": self.tokens}
        types = [{"type": name, **dataclasses.asdict(each)} for name, each in self.by_type.items()]
        for row in types:
            row["f1_low"], row["f1_high"] = row.pop("interval") or (None, None)
        cells = [
            {"tag": self.tags[tag], "predicted": self.tags[guess], "tokens": tokens}
            for tag, guess, tokens in self.cells.tolist()
        ]
        errors = [
            {"kind": each.kind, "gold": each.gold, "predicted": each.predicted, "count": each.count}
            for each in self.errors
        ]
        return {
            "figures": [with_intervals(figures, self.intervals)],
            "types": types,
            "confusions": cells,
            "errors": errors,
        }

    def __repr__(self) -> str:
        return short_repr(self)


def _json(value: Any) -> dict[str, Any]:
    """Return a dataclass as JSON types."""
    found = dataclasses.asdict(value)
    return {name: list(each) if isinstance(each, tuple) else each for name, each in found.items()}
