"""The n-gram language model."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

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
    from nlmkit.language_models.ngram.table import BackoffTable
    from nlmkit.text import Corpus, TextPipeline

IMPORTED = "imported"
"""Value of ``smoothing`` for a model that was read from a file; such a model cannot be fitted."""

_MASS_TOLERANCE = 1e-3  # of models that other programs wrote
_FITTED_TOLERANCE = 1e-6
_MOST_MASS = 10.0  # times that of the unigrams; sums of real files, pruned or rounded, stay near 1


@dataclasses.dataclass(kw_only=True)
class NGram(VocabularyLimits, LanguageModel):
    """Back-off and interpolated n-gram model; modified Kneser–Ney by default (Chen & Goodman 1998).

    Modified Kneser–Ney estimates equal those of KenLM's ``lmplz`` (Heafield et al. 2013).

    Fitted attributes beside those of every language model: ``table_``
    (``BackoffTable``), and ``fit_report_``, a JSON-ready dictionary with the number of
    n-grams of each order, discounts or weights, and notes such as a fallback.

    Example:
        >>> lm = NGram(order=3).fit([["the", "cat", "sat"], ["the", "dog", "sat"]])
        >>> round(lm.perplexity([["the", "cat", "sat"]]), 3) < 4
        True
    """

    name = "ngram"

    order: int = param(5, ge=1, le=20, help="length of the longest n-gram")
    smoothing: str = param(
        "modified-kneser-ney", choices=(*METHODS, IMPORTED), help="how probabilities are estimated from counts"
    )
    discounts: tuple[float | tuple[float, ...] | None, ...] | None = param(
        None, ge=0, help="discounts of each order instead of estimated ones; null keeps an order's estimates"
    )
    prune: tuple[int, ...] | None = param(
        None, ge=0, help="drop n-grams seen at most this often, by order; the last value goes on"
    )
    entropy_prune: float = param(0.0, ge=0, help="drop n-grams that raise relative perplexity by less (Stolcke 1998)")
    add_k: float = param(
        1.0, gt=0, le=1e9, help="what smoothing=add-k adds to each count", needs=value_of("smoothing", "add-k")
    )
    katz_max: int = param(
        5, ge=1, le=1000, help="largest count that smoothing=katz discounts", needs=value_of("smoothing", "katz")
    )
    backoff_factor: float = param(
        0.4, gt=0, le=1, help="factor of smoothing=stupid-backoff", needs=value_of("smoothing", "stupid-backoff")
    )
    precision: str = param(
        "float64", choices=("float64", "float32"), help="of the fitted table; float32 halves its probabilities' size"
    )

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Count n-grams and estimate the model.

        Args:
            data: Training text: anything :meth:`nlmkit.text.Corpus.read` takes, or a Corpus.
            valid: Validation text. ``jelinek-mercer`` fits its weights on it; for every method its perplexity
                is noted in ``fit_report_``.
            run: Progress.

        Raises:
            HyperParameterError: options that contradict each other or do not suit the smoothing.
            DataError: unusable text.
        """
        run = run or RunOptions()
        self._check_options(valid)
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
        counts = count_ngrams(corpus.event_ids(vocabulary), self.order, len(vocabulary), advance=run.advance)
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
        self.fit_report_ = _fit_report(corpus, counts, estimated, table)
        if valid_corpus is not None:
            self._validate(valid_corpus)
        return self

    def _validate(self, valid: Corpus) -> None:
        """Note the perplexity of the validation text, or why there is none."""
        if not self.normalized:
            reason = f"the validation text is not used: smoothing={self.smoothing} gives scores without a perplexity"
            self.fit_report_ = {**self.fit_report_, "notes": [*self.fit_report_["notes"], reason]}
            return
        perplexity = self.perplexity(valid)
        if not valid.events:
            reason = "the validation text is empty, so it has no perplexity"
        elif not math.isfinite(perplexity):
            reason = "the validation text has no finite perplexity: the model gives an event in it no probability"
        else:
            self.fit_report_ = {**self.fit_report_, "validation_perplexity": perplexity}
            return
        notes = [*self.fit_report_["notes"], reason]
        self.fit_report_ = {**self.fit_report_, "notes": notes, "validation_perplexity": None}

    def _check_options(self, valid: Any) -> None:
        if self.smoothing == IMPORTED:
            raise HyperParameterError("smoothing=imported marks a model read from a file; choose a method to fit one")
        pruned = self.entropy_prune > 0 or any(self.prune or ())
        check_options(self.smoothing, order=self.order, discounts=self.discounts, pruned=pruned)
        if self.smoothing == "jelinek-mercer" and valid is None:
            raise HyperParameterError("smoothing=jelinek-mercer fits its weights on validation text: give --valid FILE")
        if self.entropy_prune > 0 and self.smoothing == "stupid-backoff":
            raise HyperParameterError("entropy_prune needs probabilities; smoothing=stupid-backoff has none")

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
        """``trained``, ``uniform-share``, or ``imported`` where a file says what ``<unk>`` gets."""
        return IMPORTED if self.smoothing == IMPORTED else super().unknown_rule

    def start(self) -> tuple[int, ...]:
        """``<s>``, or nothing for a unigram model."""
        from nlmkit.text.vocabulary import BOS_ID

        self.check_fitted()
        return (BOS_ID,) if self.order > 1 else ()

    def advance(self, state: tuple[int, ...], word_id: int) -> tuple[int, ...]:
        """The shortest context that gives every continuation the same probability as the whole history does."""
        from nlmkit.text.vocabulary import EOS_ID

        if not 0 <= word_id < len(self.vocabulary_):
            raise IndexError(f"no word has the id {word_id}: the vocabulary has {len(self.vocabulary_)}")
        if word_id == EOS_ID:
            return self.start()
        if self.order == 1:
            return ()
        context = (*state, int(word_id))[-(self.order - 1) :]
        if self.table_.unseen_backoff != 0.0:
            return context
        return context[len(context) - len(self.table_.context_ids(context)) :]

    def next_log_probs(self, state: tuple[int, ...]) -> NDArray[np.float64]:
        """Log-probability of each vocabulary id after ``state``: float64 [V]."""
        self.check_fitted()
        return self.table_.distribution(state)

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
        """The table's arrays; the fit report as metadata."""
        self.check_fitted()
        unseen = self.table_.unseen_backoff
        metadata = {"fit_report": self.fit_report_, "arpa_objection": self._objection, "unseen_backoff": unseen}
        return FittedState(self.table_.arrays(), metadata)

    def restore(self, state: FittedState) -> None:
        """Rebuild the table from a saved model."""
        from nlmkit.language_models.ngram.table import BackoffTable

        unseen, report = state.metadata.get("unseen_backoff"), state.metadata.get("fit_report")
        if not isinstance(unseen, (int, float)) or isinstance(unseen, bool) or not isinstance(report, dict):
            raise SavedModelError("the saved model is damaged: its metadata lack unseen_backoff or fit_report")
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
        """Refuse a saved table that was changed since it was fitted, as far as a sample of its contexts shows it.

        The sums of an imported model are whatever its file made them: those that are not one are noted.
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
                problem = f"the n-grams listed after {gram!r} do not begin so"
            if not imported or not sample.agree[at] or not sample.sums[at] <= most:
                raise SavedModelError(f"the saved model is damaged: {problem}; save it again from its source")
            note(f"{problem}: the perplexities of this model cannot be compared with others")
            return

    def pruned(self, threshold: float) -> NGram:
        """A smaller copy of a fitted or imported model, by relative-entropy pruning (Stolcke 1998).

        The counts being gone, history probabilities come from the model itself; prefer ``entropy_prune`` when
        fitting Kneser–Ney (Chelba et al. 2010).
        """
        self.check_fitted()
        if not self.normalized or self._objection is not None:
            raise HyperParameterError(
                f"smoothing={self.smoothing} cannot be pruned: no lower order takes the mass over"
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
            ExportError: another format is asked for, or ARPA cannot say what the model says.
        """
        self.check_fitted()
        name = Path(path).name.lower()
        if format not in (None, "arpa") or (format is None and not name.endswith((".arpa", ".arpa.gz"))):
            raise ExportError(f"{path}: an n-gram model is exported as .arpa or .arpa.gz (or with --format arpa)")
        if self._objection is not None:
            raise ExportError(f"{path}: an ARPA file cannot say this model: {self._objection}")
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
            path: The file.
            pipeline: How text is read when the model scores it; split at spaces by default, as KenLM does.
            run: Progress.

        Raises:
            DataError: the file is no sound ARPA model (names the line).
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
            notes.append(f"the unigram probabilities sum to {mass:.4f}, not to 1: perplexities will not be honest")
        model = cls(order=table.order, smoothing=IMPORTED)
        model._set_fitted(pipeline=pipeline or TextPipeline(), vocabulary=Vocabulary(words[3:]), table=table)
        model._objection = None
        model.fit_report_ = {"ngrams": table.sizes, "notes": notes}
        return model


def _notes_on(corpus: Corpus) -> list[str]:
    if corpus.tokens:
        return []
    lines = "one blank line" if corpus.sentences == 1 else f"{corpus.sentences} blank lines"
    return [f"the training text has no words, only {lines}: the model knows nothing but the ends of sentences"]


def _fit_report(corpus: Corpus, counts: NGramCounts, estimated: Estimate, table: BackoffTable) -> dict[str, Any]:
    report: dict[str, Any] = {
        "sentences": corpus.sentences,
        "events": corpus.events,
        "ngrams": table.sizes,
        "ngrams_before_pruning": [len(level) for level in counts.levels],
        "notes": [*_notes_on(corpus), *estimated.notes],
    }
    if estimated.discounts is not None:
        report["discounts"] = estimated.discounts
    if estimated.weights is not None:
        report["weights"] = estimated.weights
    return report
