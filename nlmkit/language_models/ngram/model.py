"""The n-gram language model."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core.parameters import param, value_of
from nlmkit.core.run import RunOptions, shows_progress
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.errors import DataError, ExportError, HyperParameterError, SavedModelError
from nlmkit.language_models.base import Context, LanguageModel, check_context
from nlmkit.language_models.ngram.size import Size
from nlmkit.language_models.ngram.smoothing import METHODS, check_options
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows
    from nlmkit.language_models.ngram.counting import NGramCounts
    from nlmkit.language_models.ngram.estimates import Keep
    from nlmkit.language_models.ngram.kept_counts import KeptCounts
    from nlmkit.language_models.ngram.openfst import BackoffLabel
    from nlmkit.language_models.ngram.precision import Table
    from nlmkit.language_models.ngram.table import BackoffTable
    from nlmkit.text import Corpus, TextPipeline, Vocabulary

IMPORTED = "imported"
"""Value of ``smoothing`` for a model read from a file; such a model cannot be fitted."""

MIXED = "mixed"
"""Value of ``smoothing`` for a model mixed from others; such a model cannot be fitted."""

_NOT_FITTED = {IMPORTED: "models read from a file", MIXED: "models mixed from others"}

PRECISIONS = ("float64", "float32", "packed", *(f"q{bits}" for bits in range(2, 17)))
"""Forms of the fitted table."""

_MASS_TOLERANCE = 1e-3  # of models that other programs wrote
_FITTED_TOLERANCE = 1e-6
_MOST_MASS = 10.0  # times that of the unigrams; sums of real files, pruned or rounded, stay near 1


@dataclasses.dataclass(kw_only=True)
class NGram(VocabularyLimits, LanguageModel):
    """Back-off and interpolated n-gram model; modified Kneser–Ney by default (Chen & Goodman 1998).

    Modified Kneser–Ney estimates equal those of KenLM's ``lmplz`` (Heafield et al. 2013).

    Fitted attributes, in addition to those of every language model: ``table_`` (``BackoffTable``, or ``CompactTable``
    with ``precision=packed`` or ``q…``), ``counts_`` (``KeptCounts``; None without ``keep_counts``), and
    ``fit_report_``, a JSON-ready dictionary with the number of n-grams per order, discounts or weights, and notes such
    as a fallback.

    Example:
        >>> lm = NGram(order=3).fit([["the", "cat", "sat"], ["the", "dog", "sat"]])
        >>> round(lm.perplexity([["the", "cat", "sat"]]), 3) < 4
        True
    """

    name = "ngram"
    takes_counts: ClassVar[bool] = True
    takes_memory: ClassVar[bool] = True
    takes_workers: ClassVar[bool] = True
    scores_in_threads: ClassVar[bool] = True

    order: int = param(5, ge=1, le=20, help="length of the longest n-gram")
    smoothing: str = param("modified-kneser-ney", choices=(*METHODS, *_NOT_FITTED), help="smoothing method")
    discounts: tuple[float | tuple[float, ...] | None, ...] | None = param(
        None, ge=0, help="discounts per order instead of estimated ones; null keeps the estimates of an order"
    )
    prune: tuple[int, ...] | None = param(
        None, ge=0, help="drop n-grams with at most this count, per order; the last applies to higher orders"
    )
    entropy_prune: float = param(
        0.0, ge=0, help="drop n-grams whose removal raises perplexity by less than this fraction (Stolcke 1998)"
    )
    prune_to: int | str | None = param(
        None,
        ge=1,
        later=True,
        help="keep at most this many n-grams (1M), or bytes of the saved model (20MB), by entropy; single words stay",
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
        choices=PRECISIONS,
        help="form of the fitted table: float64, float32, packed (float32 values, packed words) or quantised to 2–16 "
        "bits, q2 to q16; q8 takes 4 to 5 bytes per n-gram",
    )
    closed: bool = param(
        False, later=True, help="leave <unk> no probability; the training text must not have unknown words"
    )
    keep_counts: bool = param(
        False, later=True, help="save the counts with the model, to add more text (update) or write them to a file"
    )

    def _set_fitted(self, *, pipeline: TextPipeline, vocabulary: Any, table: Table) -> None:
        from nlmkit.language_models.ngram.precision import sum_gap

        self.pipeline_ = pipeline
        self.vocabulary_ = vocabulary
        self.table_: Table = table
        self._sum_gap = sum_gap(table) if self.normalized else None
        self.counts_: KeptCounts | None = None

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Count n-grams and estimate the model.

        Args:
            data: Training text: anything ``Corpus.read`` takes, a ``Corpus``, or ``NGramCountFiles``.
            valid: Validation text. ``jelinek-mercer`` fits its weights on it; every method records its perplexity in
                ``fit_report_``.
            run: Run options, of which progress, workers, memory, temporary_folder and engine are used. The model does
                not depend on them.

        Raises:
            HyperParameterError: Options contradict each other or do not apply to the smoothing method.
            DataError: The text is unusable.
        """
        run = run or RunOptions()
        self.check_options_for(valid)
        if run.external:
            return self._fit_outside_memory(data, valid, run)
        from nlmkit.language_models.ngram.count_files import NGramCountFiles
        from nlmkit.language_models.ngram.counting import count_ngrams
        from nlmkit.language_models.ngram.vocabularies import check_closed
        from nlmkit.text import Corpus, TextPipeline

        if isinstance(data, NGramCountFiles):
            valid_corpus = _read(valid, data.pipeline)
            vocabulary, counts = data.read(self, order=self.order, closed=self.closed, run=run)
            return self._estimate(counts, vocabulary, data.pipeline, valid_corpus, run)
        run.stage("reading text")
        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        pipeline = corpus.pipeline or TextPipeline()
        valid_corpus = _read(valid, pipeline)
        vocabulary = self.limited_vocabulary(corpus)
        if self.closed:
            check_closed(corpus, vocabulary)

        run.stage("counting n-grams", corpus.events)
        counts = count_ngrams(
            corpus.event_ids(vocabulary), self.order, len(vocabulary), workers=run.workers, advance=run.advance
        )
        return self._estimate(counts, vocabulary, pipeline, valid_corpus, run)

    @shows_progress
    def update(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Add the counts of more text, and estimate the model again from all counts.

        The result equals that of one ``fit`` over the old text followed by ``data``, to the last bit. Words that the
        old text lacks are appended to the vocabulary, except to that of a ``vocabulary_file``.

        Args:
            data: Further text: anything ``Corpus.read`` takes, or a ``Corpus``. It is tokenized like the old text.
            valid: Validation text, as for ``fit``.
            run: Run options, of which progress is used.

        Raises:
            HyperParameterError: The model was fitted without ``keep_counts``, or with ``vocabulary_size`` or
                ``min_count``, whose choice of words may depend on the new text.
            DataError: The text is unusable.
        """
        from nlmkit.core.notes import note
        from nlmkit.language_models.ngram.combining import added, with_more_words
        from nlmkit.language_models.ngram.counting import count_ngrams
        from nlmkit.language_models.ngram.vocabularies import check_closed, check_growing, grown

        run = run or RunOptions()
        self.check_fitted()
        if self.counts_ is None:
            raise HyperParameterError("the model has no counts to add to: fit it with keep_counts=true")
        self.check_options_for(valid)
        check_growing(self)
        run.stage("reading text")
        corpus, pipeline = self.encode(data), self.pipeline_
        if not corpus.sentences:
            raise DataError("the text to add is empty", source=", ".join(corpus.sources) or None)
        valid_corpus = _read(valid, pipeline)
        vocabulary = grown(self.vocabulary_, corpus, fixed=self.vocabulary_file is not None)
        if self.closed:
            check_closed(corpus, vocabulary)
        old = self.counts_.counts(self.order, len(self.vocabulary_))
        run.stage("counting n-grams", corpus.events)
        new = count_ngrams(corpus.event_ids(vocabulary), self.order, len(vocabulary), advance=run.advance)
        self._estimate(added(with_more_words(old, len(vocabulary)), new), vocabulary, pipeline, valid_corpus, run)
        for text in self.fit_report_["notes"]:
            note(str(text))
        return self

    def _estimate(
        self,
        counts: NGramCounts,
        vocabulary: Vocabulary,
        pipeline: TextPipeline,
        valid: Corpus | None,
        run: RunOptions,
    ) -> Self:
        """Set the fitted state from the counts of the training text."""
        from nlmkit.language_models.ngram.kept_counts import KeptCounts
        from nlmkit.language_models.ngram.pruning import count_keep
        from nlmkit.language_models.ngram.reports import fit_report, with_validation
        from nlmkit.language_models.ngram.smoothing import estimate
        from nlmkit.language_models.ngram.smoothing.options import Options
        from nlmkit.language_models.ngram.table import BackoffTable

        counts.closed = self.closed
        keep = count_keep(counts, self.prune)
        run.stage("estimating probabilities")
        options = Options(
            keep=keep,
            discounts=self.discounts,
            add_k=self.add_k,
            katz_max=self.katz_max,
            stupid_backoff=self.backoff_factor,
            valid_event_ids=None if valid is None else valid.event_ids(vocabulary),
        )
        estimated = estimate(self.smoothing, counts, options)
        table = BackoffTable.from_estimate(counts, estimated, keep)
        if self.entropy_prune > 0:
            table = self._entropy_pruned(table, counts, keep)
        self._set_fitted(pipeline=pipeline, vocabulary=vocabulary, table=table)
        self.counts_ = KeptCounts.of(counts) if self.keep_counts else None
        self._objection = estimated.arpa_objection
        self.fit_report_ = fit_report(
            estimated,
            table,
            sizes=[len(level) for level in counts.levels],
            sentences=counts.sentences,
            events=counts.events,
        )
        if self.prune_to is not None:
            run.stage("pruning")
            table = self._pruned_to(Size.of(self.prune_to), table, _history_log_probs(counts, keep))
        self._store(table)
        if valid is not None:
            self.fit_report_ = with_validation(self.fit_report_, self, valid, f"smoothing={self.smoothing}")
        return self

    def _fit_outside_memory(self, data: Any, valid: Any, run: RunOptions) -> Self:
        """Fit by tasks over temporary files; the fitted state is that of ``fit``."""
        from nlmkit.language_models.ngram.external.outside import fit_model
        from nlmkit.language_models.ngram.reports import fit_report, with_validation

        text, fitted = fit_model(self, data, run)
        self._set_fitted(pipeline=text.pipeline_or_default, vocabulary=fitted.vocabulary, table=fitted.table)
        self._objection = fitted.arpa_objection
        self.fit_report_ = fit_report(
            fitted, fitted.table, sizes=fitted.sizes, sentences=text.sentences, events=text.events
        )
        valid_corpus = _read(valid, self.pipeline_)
        if valid_corpus is not None:
            self.fit_report_ = with_validation(self.fit_report_, self, valid_corpus, f"smoothing={self.smoothing}")
        return self

    def check_options_for(self, valid: Any) -> None:
        """Raise an error for options that contradict each other or lack the validation text that they require.

        Raises:
            HyperParameterError: There are some.
        """
        if self.smoothing in _NOT_FITTED:
            raise HyperParameterError(
                f"smoothing={self.smoothing} is reserved for {_NOT_FITTED[self.smoothing]}: "
                "choose a smoothing method to fit a model"
            )
        if self.prune_to is not None:
            Size.of(self.prune_to).check_precision(self.precision)  # before any text is read
        by_entropy = "entropy_prune" if self.entropy_prune > 0 else "prune_to" if self.prune_to is not None else None
        if self.entropy_prune > 0 and self.prune_to is not None:
            raise HyperParameterError("entropy_prune and prune_to both prune by entropy: drop one of them")
        pruned = by_entropy is not None or any(self.prune or ())
        check_options(self.smoothing, order=self.order, discounts=self.discounts, pruned=pruned)
        if self.smoothing == "jelinek-mercer" and valid is None:
            raise HyperParameterError("smoothing=jelinek-mercer requires validation text: add --valid FILE")
        if by_entropy is not None and self.smoothing == "stupid-backoff":
            raise HyperParameterError(
                f"{by_entropy} requires probabilities, but smoothing=stupid-backoff produces scores"
            )

    def _entropy_pruned(self, table: BackoffTable, counts: NGramCounts, keep: Keep) -> BackoffTable:
        from nlmkit.language_models.ngram.pruning import entropy_prune

        return entropy_prune(table, self.entropy_prune, _history_log_probs(counts, keep))

    def _pruned_to(
        self, size: Size, table: BackoffTable, history_log_probs: Sequence[NDArray[np.float64]]
    ) -> BackoffTable:
        """Return the fitted table pruned to a size, and say so in the fit report."""
        from nlmkit.core.parts import stored_bytes
        from nlmkit.language_models.ngram.pruning import prune_to_size
        from nlmkit.language_models.ngram.size import bytes_per_ngram, overhead

        size.check_precision(self.precision)
        budget, costs = size.number, [1] * table.order
        if size.in_bytes:
            budget -= overhead(table, stored_bytes(self))
            costs = bytes_per_ngram(table, self.precision)
        pruned = prune_to_size(table, budget, costs, history_log_probs)
        self.fit_report_ = {**self.fit_report_, "ngrams": pruned.table.sizes, "pruned_at": pruned.threshold}
        return pruned.table

    def _stored(self, table: Table) -> Table:
        """Return a table in the model's precision."""
        from nlmkit.language_models.ngram.precision import in_precision

        return in_precision(table, self.precision, normalized=self.normalized)

    def _store(self, table: Table) -> None:
        """Keep a table in the model's precision."""
        from nlmkit.language_models.ngram.precision import sum_gap

        self.table_ = self._stored(table)
        self._sum_gap = sum_gap(self.table_) if self.normalized else None
        self.fit_report_ = {**self.fit_report_, **self._gap_facts()}

    @property
    def normalized(self) -> bool:
        """False for ``stupid-backoff``."""
        return self.smoothing != "stupid-backoff"

    @property
    def report_labels(self) -> Mapping[str, str]:
        """``precision`` of a quantised model, whose probabilities are rounded."""
        return {"precision": self.precision} if self.precision.startswith("q") else {}

    @property
    def unknown_rule(self) -> str:
        """``trained``, ``uniform-share``, ``closed`` (zero), or ``imported`` or ``mixed`` (from elsewhere)."""
        if self.smoothing in _NOT_FITTED:
            return self.smoothing
        return "closed" if self.closed else super().unknown_rule

    def start(self) -> tuple[int, ...]:
        """Return the context ``<s>``, empty for a unigram model."""
        from nlmkit.text.vocabulary import BOS_ID

        self.check_fitted()
        return (BOS_ID,) if self.order > 1 else ()

    def advance(self, state: tuple[int, ...], word_id: int) -> tuple[int, ...]:
        """Return the shortest context under which every continuation has the same probability as after the history."""
        self._check_word_id(word_id)
        return self.table_.steps.advance(state, int(word_id))

    def next_log_probs(self, state: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id after ``state``: float64 [V]."""
        self.check_fitted()
        return self.table_.distribution(state)

    def _check_word_id(self, word_id: int) -> None:
        if not 0 <= word_id < len(self.vocabulary_):
            raise IndexError(f"word id {word_id} is out of range: the vocabulary has {len(self.vocabulary_)} entries")

    def log_prob(self, state: tuple[int, ...], word: str | int) -> tuple[float, tuple[int, ...]]:
        """Return the natural log-probability of ``word`` after ``state`` and the next state, in some microseconds.

        Equal to ``next_log_probs`` and ``advance``.
        """
        word_id = self.vocabulary_.id(word) if isinstance(word, str) else int(word)
        self._check_word_id(word_id)
        return self.table_.steps.step(state, word_id)

    def word_at(self, state: tuple[int, ...], place: float, *, allow_unk: bool = True) -> int | None:
        """Return the word at a share of the distribution, from the words listed after ``state``."""
        self.check_fitted()
        return self.table_.draw(state, place, allow_unk=allow_unk)

    def rows(self, count: int) -> Rows:
        """Return the beginnings of that many texts, whose distributions are looked up all at once, in float32.

        Those of a compact table are looked up one by one.
        """
        self.check_fitted()
        from nlmkit.language_models.ngram.rows import NGramRows
        from nlmkit.language_models.ngram.table import BackoffTable

        if not isinstance(self.table_, BackoffTable):
            return super().rows(count)
        return NGramRows.start(self.table_, count)

    def log_probs(self, data: Any, *, context: Context = "sentence", threads: int = 1) -> NDArray[np.float64]:
        """Natural log-probability of every event: float64 [events]; both context modes agree.

        Args:
            data: As for ``encode``.
            context: ``sentence`` or ``stream``.
            threads: Number of threads; results do not depend on it. Of texts of two million events and more, machine
                code scores without Python's lock if numba is installed (extra ``fast``), with the same results.
        """
        return self.log_probs_and_details(data, context=context, threads=threads)[0]

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """``ngram_length``: length of the n-gram whose stored probability was used, int8 [events]."""
        return self.log_probs_and_details(data)[1]

    def log_probs_and_details(
        self, data: Any, *, context: Context = "sentence", threads: int = 1
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[Any]]]:
        """Both from one pass over the text; see ``log_probs``."""
        check_context(context)
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise HyperParameterError(f"threads must be a whole number of at least 1, not {threads!r}")
        events = self.encode(data).event_ids(self.vocabulary_)
        log_probs, lengths = self.table_.score(events, threads)
        return log_probs, {"ngram_length": lengths}

    def fitted_state(self) -> FittedState:
        """Return the arrays of the table and of kept counts; the fit report as metadata."""
        self.check_fitted()
        unseen = self.table_.unseen_backoff
        metadata = {"fit_report": self.fit_report_, "arpa_objection": self._objection, "unseen_backoff": unseen}
        if self._sum_gap is not None:
            metadata["sum_gap"] = self._sum_gap
        kept = {} if self.counts_ is None else self.counts_.arrays
        return FittedState({**self.table_.arrays(), **kept}, metadata)

    def restore(self, state: FittedState) -> None:
        """Rebuild the table from a saved model."""
        from nlmkit.language_models.ngram.kept_counts import PREFIX, KeptCounts
        from nlmkit.language_models.ngram.precision import from_arrays
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
        kept = {name: state.arrays[name] for name in state.arrays if name.startswith(PREFIX)}
        stored = {name: state.arrays[name] for name in state.arrays if name not in kept}
        table = from_arrays(stored, self.precision, self.order, len(self.vocabulary_), float(unseen))
        self._sum_gap = None
        if self.normalized and isinstance(table, BackoffTable):
            self._check_sums(table)
        elif self.normalized:
            self._check_gap(table, state.metadata.get("sum_gap"))
        self.table_ = table
        self.counts_ = KeptCounts.restored(kept, self.order) if self.keep_counts or kept else None
        self.fit_report_ = dict(report)
        self._objection = objection

    def _check_gap(self, table: Table, stored: Any) -> None:
        """Raise an error if the sums of a compact table, which rounding moved from one, are not those it had."""
        from nlmkit.language_models.ngram.precision import sum_gap

        found = sum_gap(table)
        if not isinstance(stored, float) or found is None or not abs(found - stored) <= _FITTED_TOLERANCE:
            raise SavedModelError(
                f"the saved model is damaged: sums of its probabilities differ from 1 by {found}, not by {stored}; "
                "save it again from its source"
            )
        self._sum_gap = stored

    def _check_sums(self, table: BackoffTable) -> None:
        """Raise an error if a sample of contexts shows that a saved table was changed after it was fitted.

        For an imported model, or one mixed from such, sums other than one come from a file and are only noted.
        """
        import numpy as np

        from nlmkit.core.notes import note
        from nlmkit.language_models.ngram.soundness import gram_of, sampled_sums

        imported = self.smoothing in _NOT_FITTED
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

    def pruned(self, threshold: float | None = None, *, to: int | str | None = None) -> NGram:
        """Return a smaller copy of a fitted or imported model, by relative-entropy pruning (Stolcke 1998).

        Without counts, history probabilities come from the model itself; for Kneser–Ney, prefer ``entropy_prune`` or
        ``prune_to`` at fitting time (Chelba et al. 2010).

        Args:
            threshold: Relative rise in perplexity below which an n-gram is removed; see ``entropy_prune``.
            to: Instead, the largest size: a number of n-grams (``1_000_000``, ``"1M"``) or bytes of the saved model
                (``"20MB"``, ``"20MiB"``). The n-grams that ``threshold`` would remove first are removed until the
                others fit; single words always stay. ``fit_report_["pruned_at"]`` is the threshold reached.

        Raises:
            HyperParameterError: Neither or both are given, they are invalid, the size is too small for the single
                words, or the model has no lower order to back off to.
        """
        self.check_fitted()
        if (threshold is None) == (to is None):
            raise HyperParameterError("pruning requires a threshold, or the size to prune to, and not both")
        if not self.normalized or self._objection is not None:
            raise HyperParameterError(
                f"smoothing={self.smoothing} cannot be pruned: it has no lower order to back off to"
            )
        from nlmkit.language_models.ngram.precision import plain
        from nlmkit.language_models.ngram.pruning import entropy_prune, history_log_probs_from_model

        smaller = NGram(**{**self.get_params(), "keep_counts": False})
        whole = plain(self.table_)
        log_probs, report = history_log_probs_from_model(whole), {**self.fit_report_}
        report.pop("validation_perplexity", None)  # of the larger model
        smaller._set_fitted(pipeline=self.pipeline_, vocabulary=self.vocabulary_, table=self.table_)
        smaller._objection, smaller.fit_report_ = None, report
        if to is not None:
            table = smaller._pruned_to(Size.of(to, "the size to prune to"), whole, log_probs)
        else:
            assert threshold is not None
            table = entropy_prune(whole, threshold, log_probs)
            smaller.fit_report_ = {**report, "ngrams": table.sizes, "pruned_at": threshold}
        smaller._store(table)
        return smaller

    def converted(self, precision: str) -> NGram:
        """Return a copy of a fitted or imported model with its table in another precision.

        Log-probabilities of ``packed`` equal those of ``float32``. Quantised ones are rounded, and the probabilities
        after a context no longer sum to exactly one: by how much is in ``fit_report_``, as ``sum_gap``. Backoff weights
        are recomputed from the rounded probabilities first, where these leave enough for them. Precision that was lost
        does not come back.

        Raises:
            HyperParameterError: ``precision`` is not one of the hyper-parameter's.
        """
        self.check_fitted()
        model = NGram(**{**self.get_params(), "precision": precision})
        model._set_fitted(pipeline=self.pipeline_, vocabulary=self.vocabulary_, table=model._stored(self.table_))
        model._objection, model.counts_ = self._objection, self.counts_
        report = {key: value for key, value in self.fit_report_.items() if key not in ("sum_gap", "converted_from")}
        model.fit_report_ = {**report, "converted_from": self.precision, **model._gap_facts()}
        return model

    def _gap_facts(self) -> dict[str, Any]:
        return {} if self._sum_gap is None else {"sum_gap": self._sum_gap}

    def export(self, path: str | os.PathLike[str], format: str | None = None, *, run: RunOptions | None = None) -> None:
        """Write the model as an ARPA file or an automaton in the text format of OpenFst, or its counts as a count file.

        The name or ``format`` decides: ``.arpa`` or ``arpa``, ``.fst.txt`` or ``openfst``; ``.gz`` after it compresses.
        Counts (``counts``) have no suffix of their own. ``export_openfst`` has the options of automata. The ``<unk>``
        of a closed vocabulary is written to ARPA files with the log10 probability −99.

        Of the run options, progress and workers (threads that format; the file is the same) are used.

        Raises:
            ExportError: The format is another, cannot represent the model, or the model has no counts.
        """
        self.check_fitted()
        name = Path(path).name.lower().removesuffix(".gz")
        suffixes = {".arpa": "arpa", ".fst.txt": "openfst"}
        chosen = format or next((value for suffix, value in suffixes.items() if name.endswith(suffix)), None)
        if chosen == "openfst":
            self.export_openfst(path, run=run)
            return
        if chosen == "counts":
            self._write_counts(Path(path), run or RunOptions())
            return
        if chosen != "arpa":
            raise ExportError(
                f"{path}: n-gram models export to .arpa, .arpa.gz or .fst.txt only "
                "(or with --format arpa, openfst or counts)"
            )
        if self._objection is not None:
            raise ExportError(f"{path}: ARPA cannot represent this model: {self._objection}")
        from nlmkit.language_models.ngram.arpa import write_arpa
        from nlmkit.language_models.ngram.precision import plain

        run = run or RunOptions()
        run.stage(f"writing {os.fspath(path)}", sum(self.table_.sizes))
        write_arpa(
            Path(path),
            plain(self.table_),
            self.vocabulary_.words,
            closed=self.closed,
            workers=run.workers,
            advance=run.advance,
        )

    def export_openfst(
        self,
        path: str | os.PathLike[str],
        *,
        symbols: str | os.PathLike[str] | None = None,
        backoff_label: BackoffLabel = "#0",
        run: RunOptions | None = None,
    ) -> None:
        """Write the model as a weighted automaton in the text format of OpenFst, and its symbol table.

        See ``write_openfst``: contexts are states, weights negative natural log-probabilities, and ``backoff_label``
        (``#0`` or ``<eps>``) is the input of the arcs that back off. ``symbols`` is ``words.txt`` beside ``path`` if it
        is None, which is not replaced by another one.

        Raises:
            ExportError: An automaton cannot represent the model, or a file cannot be written.
        """
        self.check_fitted()
        from nlmkit.language_models.ngram.openfst import write_openfst
        from nlmkit.language_models.ngram.precision import plain

        run = run or RunOptions()
        run.stage(f"writing {os.fspath(path)}", sum(self.table_.sizes))
        words = self.vocabulary_.words
        write_openfst(
            path, plain(self.table_), words, symbols=symbols, backoff_label=backoff_label, advance=run.advance
        )

    def _write_counts(self, path: Path, run: RunOptions) -> None:
        from nlmkit.language_models.ngram.count_writing import write_counts

        if self.counts_ is None:
            raise ExportError(f"{path}: the model has no counts to write: fit it with keep_counts=true")
        counts = self.counts_.counts(self.order, len(self.vocabulary_))
        run.stage(f"writing {path}", sum(map(len, counts.levels)))
        write_counts(path, counts, self.vocabulary_.words, advance=run.advance)

    @classmethod
    @shows_progress
    def from_arpa(
        cls, path: str | os.PathLike[str], *, pipeline: TextPipeline | None = None, run: RunOptions | None = None
    ) -> NGram:
        """Read an ARPA file, plain or gzip.

        Args:
            path: File to read.
            pipeline: Text pipeline for scoring; splits at spaces by default, like KenLM.
            run: Run options, of which progress and workers (threads that parse; the model is the same) are used.

        Raises:
            DataError: The file is not a valid ARPA model; names the line.
        """
        import numpy as np

        from nlmkit.language_models.ngram.arpa import read_arpa
        from nlmkit.text import TextPipeline, Vocabulary

        run = run or RunOptions()
        run.stage(f"reading {os.fspath(path)}")
        notes: list[str] = []
        table, words = read_arpa(Path(path), workers=run.workers, advance=run.advance, note=notes.append)
        mass = float(np.exp(table.log_probs[0]).sum())
        if abs(mass - 1) > _MASS_TOLERANCE:
            notes.append(f"the unigram probabilities sum to {mass:.4f}, not to 1: perplexities will be wrong")
        report = {"ngrams": table.sizes, "notes": notes}
        vocabulary = Vocabulary(words[3:])
        return cls.of_table(table, vocabulary, pipeline or TextPipeline(), smoothing=IMPORTED, report=report)

    @classmethod
    def of_table(
        cls,
        table: BackoffTable,
        vocabulary: Vocabulary,
        pipeline: TextPipeline,
        *,
        smoothing: str,
        report: dict[str, Any],
    ) -> NGram:
        """Return the model of a table that was not fitted here: ``smoothing`` is ``imported`` or ``mixed``."""
        model = cls(order=table.order, smoothing=smoothing)
        model._set_fitted(pipeline=pipeline, vocabulary=vocabulary, table=table)
        model._objection = None
        model.fit_report_ = report
        return model


def _history_log_probs(counts: NGramCounts, keep: Keep) -> list[NDArray[np.float64]]:
    """Return the log-probabilities of the n-grams to keep as contexts, by their counts."""
    from nlmkit.language_models.ngram.pruning import history_log_probs_from_counts

    return [row[kept] for row, kept in zip(history_log_probs_from_counts(counts), keep, strict=True)]


def _read(valid: Any, pipeline: TextPipeline) -> Corpus | None:
    """Return the validation text, if there is any."""
    from nlmkit.text import Corpus

    return valid if valid is None or isinstance(valid, Corpus) else Corpus.read(valid, pipeline)
