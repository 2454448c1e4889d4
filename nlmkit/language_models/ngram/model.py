"""The n-gram language model."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core.parameters import param, value_of
from nlmkit.core.run import RunOptions, shows_progress
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import ExportError, HyperParameterError, SavedModelError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.language_models.ngram.smoothing import METHODS, check_options
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.language_models.ngram.counting import NGramCounts
    from nlmkit.language_models.ngram.estimates import Estimate, Keep
    from nlmkit.language_models.ngram.external.fitting import Fitted
    from nlmkit.language_models.ngram.rows import NGramRows
    from nlmkit.language_models.ngram.table import BackoffTable
    from nlmkit.text import Corpus, TextPipeline
    from nlmkit.text.streamed import StreamedText

IMPORTED = "imported"
"""Value of ``smoothing`` for a model read from a file; such a model cannot be fitted."""

_MASS_TOLERANCE = 1e-3  # of models that other programs wrote
_FITTED_TOLERANCE = 1e-6
_MOST_MASS = 10.0  # times that of the unigrams; sums of real files, pruned or rounded, stay near 1


@dataclasses.dataclass(kw_only=True)
class NGram(VocabularyLimits, LanguageModel):
    """Back-off and interpolated n-gram model; modified Kneser–Ney by default (Chen & Goodman 1998).

    Modified Kneser–Ney estimates equal those of KenLM's ``lmplz`` (Heafield et al. 2013).

    Fitted attributes, in addition to those of every language model: ``table_`` (``BackoffTable``), and
    ``fit_report_``, a JSON-ready dictionary with the number of n-grams per order, discounts or weights, and notes such
    as a fallback.

    Example:
        >>> lm = NGram(order=3).fit([["the", "cat", "sat"], ["the", "dog", "sat"]])
        >>> round(lm.perplexity([["the", "cat", "sat"]]), 3) < 4
        True
    """

    name = "ngram"
    takes_memory: ClassVar[bool] = True
    takes_workers: ClassVar[bool] = True

    order: int = param(5, ge=1, le=20, help="length of the longest n-gram")
    smoothing: str = param("modified-kneser-ney", choices=(*METHODS, IMPORTED), help="smoothing method")
    discounts: tuple[float | tuple[float, ...] | None, ...] | None = param(
        None, ge=0, help="discounts per order instead of estimated ones; null keeps the estimates of an order"
    )
    prune: tuple[int, ...] | None = param(
        None, ge=0, help="drop n-grams with at most this count, per order; the last applies to higher orders"
    )
    entropy_prune: float = param(
        0.0, ge=0, help="drop n-grams whose removal raises perplexity by less than this fraction (Stolcke 1998)"
    )
    add_k: float = param(
        1.0, gt=0, le=1e9, help="constant added to each count by smoothing=add-k", needs=value_of("smoothing", "add-k")
    )
    katz_max: int = param(
        5, ge=1, le=1000, help="largest count discounted by smoothing=katz", needs=value_of("smoothing", "katz")
    )
    backoff_factor: float = param(
        0.4,
        gt=0,
        le=1,
        help="factor of smoothing=stupid-backoff",
        needs=value_of("smoothing", "stupid-backoff"),
    )
    precision: str = param(
        "float64",
        choices=("float64", "float32"),
        help="data type of the fitted table; float32 halves the size of its probabilities",
    )

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Count n-grams and estimate the model.

        Args:
            data: Training text: anything ``Corpus.read`` takes, or a ``Corpus``.
            valid: Validation text. ``jelinek-mercer`` fits its weights on it; every method records its perplexity in
                ``fit_report_``.
            run: Run options, of which progress, workers, memory, temporary_folder and engine are used. The model does
                not depend on them.

        Raises:
            HyperParameterError: Options contradict each other or do not apply to the smoothing method.
            DataError: The text is unusable.
        """
        run = run or RunOptions()
        self._check_options(valid)
        if run.external:
            return self._fit_outside_memory(data, valid, run)
        from nlmkit.language_models.ngram.counting import count_ngrams
        from nlmkit.language_models.ngram.pruning import count_keep
        from nlmkit.language_models.ngram.smoothing import estimate
        from nlmkit.language_models.ngram.smoothing.options import Options
        from nlmkit.language_models.ngram.table import BackoffTable
        from nlmkit.text import Corpus, TextPipeline

        run.stage("reading text")
        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        pipeline = corpus.pipeline or TextPipeline()
        valid_corpus = None
        if valid is not None:
            valid_corpus = valid if isinstance(valid, Corpus) else Corpus.read(valid, pipeline)
        vocabulary = self.limited_vocabulary(corpus)

        run.stage("counting n-grams", corpus.events)
        counts = count_ngrams(
            corpus.event_ids(vocabulary), self.order, len(vocabulary), workers=run.workers, advance=run.advance
        )
        keep = count_keep(counts, self.prune)

        run.stage("estimating probabilities")
        options = Options(
            keep=keep,
            discounts=self.discounts,
            add_k=self.add_k,
            katz_max=self.katz_max,
            stupid_backoff=self.backoff_factor,
            valid_event_ids=None if valid_corpus is None else valid_corpus.event_ids(vocabulary),
        )
        estimated = estimate(self.smoothing, counts, options)
        table = BackoffTable.from_estimate(counts, estimated, keep)
        if self.entropy_prune > 0:
            table = self._entropy_pruned(table, counts, keep)
        if self.precision == "float32":
            table = table.as_float32()

        self._set_fitted(pipeline=pipeline, vocabulary=vocabulary, table=table)
        self._objection = estimated.arpa_objection
        self.fit_report_ = _fit_report(corpus, [len(level) for level in counts.levels], estimated, table)
        if valid_corpus is not None:
            self._validate(valid_corpus)
        return self

    def _fit_outside_memory(self, data: Any, valid: Any, run: RunOptions) -> Self:
        """Fit by tasks over temporary files; the fitted state is that of ``fit``."""
        from nlmkit.language_models.ngram.external.outside import fit_model

        text, fitted = fit_model(self, data, run)
        self._set_fitted(pipeline=text.pipeline_or_default, vocabulary=fitted.vocabulary, table=fitted.table)
        self._objection = fitted.arpa_objection
        self.fit_report_ = _fit_report(text, fitted.sizes, fitted, fitted.table)
        if valid is not None:
            from nlmkit.text import Corpus

            self._validate(valid if isinstance(valid, Corpus) else Corpus.read(valid, self.pipeline_))
        return self

    def _validate(self, valid: Corpus) -> None:
        """Record the perplexity of the validation text, or the reason why it is undefined."""
        if not self.normalized:
            reason = f"validation text ignored: scores of smoothing={self.smoothing} have no perplexity"
            self.fit_report_ = {**self.fit_report_, "notes": [*self.fit_report_["notes"], reason]}
            return
        perplexity = self.perplexity(valid)
        if not valid.events:
            reason = "no perplexity: the validation text is empty"
        elif not math.isfinite(perplexity):
            reason = "no finite perplexity: an event of the validation text has probability zero"
        else:
            self.fit_report_ = {**self.fit_report_, "validation_perplexity": perplexity}
            return
        notes = [*self.fit_report_["notes"], reason]
        self.fit_report_ = {**self.fit_report_, "notes": notes, "validation_perplexity": None}

    def _check_options(self, valid: Any) -> None:
        if self.smoothing == IMPORTED:
            raise HyperParameterError(
                "smoothing=imported is reserved for models read from a file: choose a smoothing method to fit a model"
            )
        pruned = self.entropy_prune > 0 or any(self.prune or ())
        check_options(self.smoothing, order=self.order, discounts=self.discounts, pruned=pruned)
        if self.smoothing == "jelinek-mercer" and valid is None:
            raise HyperParameterError("smoothing=jelinek-mercer requires validation text: add --valid FILE")
        if self.entropy_prune > 0 and self.smoothing == "stupid-backoff":
            raise HyperParameterError(
                "entropy_prune requires probabilities, but smoothing=stupid-backoff produces scores"
            )

    def _entropy_pruned(self, table: BackoffTable, counts: NGramCounts, keep: Keep) -> BackoffTable:
        from nlmkit.language_models.ngram.pruning import entropy_prune, history_log_probs_from_counts

        log_probs = history_log_probs_from_counts(counts)
        return entropy_prune(table, self.entropy_prune, [row[kept] for row, kept in zip(log_probs, keep, strict=True)])

    def _set_fitted(self, *, pipeline: TextPipeline, vocabulary: Any, table: BackoffTable) -> None:
        self.pipeline_ = pipeline
        self.vocabulary_ = vocabulary
        self.table_ = table

    @property
    def normalized(self) -> bool:
        """False for ``stupid-backoff``."""
        return self.smoothing != "stupid-backoff"

    @property
    def unknown_rule(self) -> str:
        """``trained``, ``uniform-share``, or ``imported`` if the probability of ``<unk>`` comes from a file."""
        return IMPORTED if self.smoothing == IMPORTED else super().unknown_rule

    def start(self) -> tuple[int, ...]:
        """Return the context ``<s>``, empty for a unigram model."""
        from nlmkit.text.vocabulary import BOS_ID

        self.check_fitted()
        return (BOS_ID,) if self.order > 1 else ()

    def advance(self, state: tuple[int, ...], word_id: int) -> tuple[int, ...]:
        """Return the shortest context under which every continuation has the same probability as after the history."""
        from nlmkit.text.vocabulary import EOS_ID

        if not 0 <= word_id < len(self.vocabulary_):
            raise IndexError(f"word id {word_id} is out of range: the vocabulary has {len(self.vocabulary_)} entries")
        if word_id == EOS_ID:
            return self.start()
        if self.order == 1:
            return ()
        context = (*state, int(word_id))[-(self.order - 1) :]
        if self.table_.unseen_backoff != 0.0:
            return context
        return context[len(context) - len(self.table_.context_ids(context)) :]

    def next_log_probs(self, state: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id after ``state``: float64 [V]."""
        self.check_fitted()
        return self.table_.distribution(state)

    def rows(self, count: int) -> NGramRows:
        """Return the beginnings of that many texts, whose distributions are looked up all at once, in float32."""
        self.check_fitted()
        from nlmkit.language_models.ngram.rows import NGramRows

        return NGramRows.start(self.table_, count)

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Natural log-probability of every event: float64 [events]; both context modes agree."""
        return self.log_probs_and_details(data, context=context)[0]

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """``ngram_length``: length of the n-gram whose stored probability was used, int8 [events]."""
        return self.log_probs_and_details(data)[1]

    def log_probs_and_details(
        self, data: Any, *, context: Context = "sentence"
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[Any]]]:
        """Both from one pass over the text."""
        check_context(context)
        events = self.encode(data).event_ids(self.vocabulary_)
        log_probs, lengths = self.table_.score(events)
        return log_probs, {"ngram_length": lengths}

    def fitted_state(self) -> FittedState:
        """Return the table's arrays; the fit report as metadata."""
        self.check_fitted()
        unseen = self.table_.unseen_backoff
        metadata = {"fit_report": self.fit_report_, "arpa_objection": self._objection, "unseen_backoff": unseen}
        return FittedState(self.table_.arrays(), metadata)

    def restore(self, state: FittedState) -> None:
        """Rebuild the table from a saved model."""
        from nlmkit.language_models.ngram.table import BackoffTable

        unseen, report = state.metadata.get("unseen_backoff"), state.metadata.get("fit_report")
        if not isinstance(unseen, (int, float)) or isinstance(unseen, bool) or not isinstance(report, dict):
            raise SavedModelError(
                "the saved model is damaged: unseen_backoff or fit_report is missing from its metadata"
            )
        objection = state.metadata.get("arpa_objection")
        if not isinstance(objection, (str, type(None))):
            raise SavedModelError("the saved model is damaged: arpa_objection in its metadata is not a string")
        if unseen != 0 and self.smoothing != "stupid-backoff":
            raise SavedModelError(f"the saved model is damaged: unseen_backoff is {unseen} with {self.smoothing}")
        table = BackoffTable.from_arrays(state.arrays, self.order, len(self.vocabulary_), float(unseen))
        if self.normalized:
            self._check_sums(table)
        self.table_ = table
        self.fit_report_ = dict(report)
        self._objection = objection

    def _check_sums(self, table: BackoffTable) -> None:
        """Raise an error if a sample of contexts shows that a saved table was changed after it was fitted.

        For an imported model, sums other than one come from its file and are only noted.
        """
        import numpy as np

        from nlmkit.core.notes import note
        from nlmkit.language_models.ngram.soundness import gram_of, sampled_sums

        imported = self.smoothing == IMPORTED
        most = _MOST_MASS * max(1.0, float(np.exp(table.log_probs[0]).sum()))
        for sample in sampled_sums(table):
            gap = np.abs(sample.sums - 1.0) - sample.slack
            wrong = ~(gap <= (_MASS_TOLERANCE if imported else _FITTED_TOLERANCE)) | ~sample.agree  # true for NaN
            if not wrong.any():
                continue
            at = int((wrong & ~sample.agree if not sample.agree.all() else wrong).argmax())
            gram = gram_of(table, self.vocabulary_.words, sample.length, int(sample.ids[at]))
            after = f"after {gram!r}" if sample.length else "of single words"
            problem = f"the probabilities {after} sum to {sample.sums[at]:.6g}, not to 1"
            if not sample.agree[at]:
                problem = f"n-grams listed after {gram!r} have another context"
            if not imported or not sample.agree[at] or not sample.sums[at] <= most:
                raise SavedModelError(f"the saved model is damaged: {problem}; save it again from its source")
            note(f"{problem}: perplexities of this model are not comparable with others")
            return

    def pruned(self, threshold: float) -> NGram:
        """Return a smaller copy of a fitted or imported model, by relative-entropy pruning (Stolcke 1998).

        Without counts, history probabilities come from the model itself; for Kneser–Ney, prefer ``entropy_prune`` at
        fitting time (Chelba et al. 2010).
        """
        self.check_fitted()
        if not self.normalized or self._objection is not None:
            raise HyperParameterError(
                f"smoothing={self.smoothing} cannot be pruned: it has no lower order to back off to"
            )
        from nlmkit.language_models.ngram.pruning import entropy_prune, history_log_probs_from_model

        smaller = NGram(**self.get_params())
        table = entropy_prune(self.table_, threshold, history_log_probs_from_model(self.table_))
        smaller._set_fitted(pipeline=self.pipeline_, vocabulary=self.vocabulary_, table=table)
        smaller._objection = None
        smaller.fit_report_ = {**self.fit_report_, "ngrams": table.sizes, "pruned_at": threshold}
        return smaller

    def export(self, path: str | os.PathLike[str], format: str | None = None, *, run: RunOptions | None = None) -> None:
        """Write the model as an ARPA file, compressed when ``path`` ends in ``.gz``.

        Raises:
            ExportError: ``format`` is not ARPA, or ARPA cannot represent the model.
        """
        self.check_fitted()
        name = Path(path).name.lower()
        if format not in (None, "arpa") or (format is None and not name.endswith((".arpa", ".arpa.gz"))):
            raise ExportError(f"{path}: n-gram models export to .arpa or .arpa.gz only (or with --format arpa)")
        if self._objection is not None:
            raise ExportError(f"{path}: ARPA cannot represent this model: {self._objection}")
        from nlmkit.language_models.ngram.arpa import write_arpa

        run = run or RunOptions()
        run.stage(f"writing {os.fspath(path)}", sum(self.table_.sizes))
        write_arpa(Path(path), self.table_, self.vocabulary_.words, advance=run.advance)

    @classmethod
    @shows_progress
    def from_arpa(
        cls, path: str | os.PathLike[str], *, pipeline: TextPipeline | None = None, run: RunOptions | None = None
    ) -> NGram:
        """Read an ARPA file, plain or gzip.

        Args:
            path: File to read.
            pipeline: Text pipeline for scoring; splits at spaces by default, like KenLM.
            run: Run options, of which progress is used.

        Raises:
            DataError: The file is not a valid ARPA model; names the line.
        """
        import numpy as np

        from nlmkit.language_models.ngram.arpa import read_arpa
        from nlmkit.text import TextPipeline, Vocabulary

        run = run or RunOptions()
        run.stage(f"reading {os.fspath(path)}")
        notes: list[str] = []
        table, words = read_arpa(Path(path), advance=run.advance, note=notes.append)
        mass = float(np.exp(table.log_probs[0]).sum())
        if abs(mass - 1) > _MASS_TOLERANCE:
            notes.append(f"the unigram probabilities sum to {mass:.4f}, not to 1: perplexities will be wrong")
        model = cls(order=table.order, smoothing=IMPORTED)
        model._set_fitted(pipeline=pipeline or TextPipeline(), vocabulary=Vocabulary(words[3:]), table=table)
        model._objection = None
        model.fit_report_ = {"ngrams": table.sizes, "notes": notes}
        return model


def _notes_on(corpus: Corpus | StreamedText) -> list[str]:
    if corpus.tokens:
        return []
    lines = "one blank line" if corpus.sentences == 1 else f"{corpus.sentences} blank lines"
    return [f"the training text has no words, only {lines}: the model can only predict the end of a sentence"]


def _fit_report(
    corpus: Corpus | StreamedText, sizes: list[int], estimated: Estimate | Fitted, table: BackoffTable
) -> dict[str, Any]:
    report: dict[str, Any] = {
        "sentences": corpus.sentences,
        "events": corpus.events,
        "ngrams": table.sizes,
        "ngrams_before_pruning": sizes,
        "notes": [*_notes_on(corpus), *estimated.notes],
    }
    if estimated.discounts is not None:
        report["discounts"] = estimated.discounts
    weights = getattr(estimated, "weights", None)
    if weights is not None:
        report["weights"] = weights
    return report
