"""The n-gram language model."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core.run import RunOptions, shows_progress
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.base import Context, check_context
from nlmkit.language_models.ngram.base import IMPORTED, NOT_FITTED, NGramBase
from nlmkit.language_models.ngram.fitted_parts import FittedParts
from nlmkit.language_models.ngram.option_checks import check_fit, check_prunable
from nlmkit.language_models.ngram.size import Size
from nlmkit.saving.state import FittedState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows
    from nlmkit.language_models.ngram.estimation import Estimated
    from nlmkit.language_models.ngram.gathering import Gathered
    from nlmkit.language_models.ngram.kept_counts import KeptCounts
    from nlmkit.language_models.ngram.openfst import BackoffLabel
    from nlmkit.language_models.ngram.table import BackoffTable
    from nlmkit.text import TextPipeline, Vocabulary


@dataclasses.dataclass(kw_only=True)
class NGram(NGramBase):
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

    takes_counts: ClassVar[bool] = True
    takes_memory: ClassVar[bool] = True
    takes_workers: ClassVar[bool] = True
    scores_in_threads: ClassVar[bool] = True

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
        from nlmkit.language_models.ngram.estimation import estimated_outside_memory
        from nlmkit.language_models.ngram.gathering import training_text

        if run.external:
            return self._complete(estimated_outside_memory(self, data, valid, run), run)
        return self.fit_counts(training_text(self, data, valid, run), run)

    def fit_counts(self, text: Gathered, run: RunOptions) -> Self:
        """Estimate the model from counts over a vocabulary that may be another component's.

        Args:
            text: The counts, with vocabulary and text pipeline.
            run: Run options, of which progress is used.
        """
        from nlmkit.language_models.ngram.estimation import estimated

        return self._complete(estimated(self, text, run), run)

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
        from nlmkit.language_models.ngram.estimation import estimated
        from nlmkit.language_models.ngram.gathering import more_text

        run = run or RunOptions()
        self.check_fitted()
        if self.counts_ is None:
            raise HyperParameterError("the model has no counts to add to: fit it with keep_counts=true")
        self.check_options_for(valid)
        self._complete(estimated(self, more_text(self, self.counts_, data, valid, run), run), run)
        for text in self.fit_report_["notes"]:
            note(str(text))
        return self

    def _complete(self, found: Estimated, run: RunOptions) -> Self:
        """Set the fitted state from what was estimated: prune to a size, convert to the precision, and validate."""
        from nlmkit.language_models.ngram.kept_counts import KeptCounts
        from nlmkit.language_models.ngram.reports import with_validation
        from nlmkit.language_models.ngram.reshaping import pruned_to

        kept = KeptCounts.of(found.counts[0]) if self.keep_counts and found.counts is not None else None
        self.restore_text(found.vocabulary, found.pipeline)
        self._set_fitted(FittedParts(table=found.table, report=found.report, objection=found.objection, counts=kept))
        if self.prune_to is None:
            self._store(found.table, {})
        else:
            run.stage("pruning")
            pruned = pruned_to(self, Size.of(self.prune_to), found.table, found.history_log_probs())
            self._store(pruned.table, pruned.facts)
        if found.valid is not None:
            self.fit_report_ = with_validation(self.fit_report_, self, found.valid, f"smoothing={self.smoothing}")
        return self

    def check_options_for(self, valid: Any) -> None:
        """Raise an error for options that contradict each other or lack the validation text that they require.

        Raises:
            HyperParameterError: There are some.
        """
        check_fit(self, valid)

    @property
    def report_labels(self) -> Mapping[str, str]:
        """``precision`` of a quantised model, whose probabilities are rounded."""
        return {"precision": self.precision} if self.precision.startswith("q") else {}

    @property
    def unknown_rule(self) -> str:
        """``trained``, ``uniform-share``, ``closed`` (zero), or ``imported`` or ``mixed`` (from elsewhere)."""
        if self.smoothing in NOT_FITTED:
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
        from nlmkit.language_models.ngram.restoring import restored

        self._set_fitted(restored(self, state))

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
        check_prunable(self, threshold, to)
        from nlmkit.language_models.ngram.reshaping import pruned

        report = {key: value for key, value in self.fit_report_.items() if key != "validation_perplexity"}
        smaller = self._copy(report, None, keep_counts=False)
        found = pruned(smaller, threshold, to)
        smaller._store(found.table, found.facts)
        return smaller

    def converted(self, precision: str) -> NGram:
        """Return a copy of a fitted or imported model with its table in another precision.

        Log-probabilities of ``packed`` equal those of ``float32``. Quantised ones are rounded, and the probabilities
        after a context no longer sum to exactly one: by how much is in ``fit_report_``, as ``sum_gap``. Backoff weights
        are recomputed from the rounded probabilities first, where these leave enough for them.

        Raises:
            HyperParameterError: ``precision`` is not one of the hyper-parameter's, or the model is quantised and
                ``precision`` is a plain form, in which sums must be one.
        """
        self.check_fitted()
        from nlmkit.language_models.ngram.precision import bits_of

        if bits_of(self.precision) is not None and precision in ("float64", "float32"):
            raise HyperParameterError(
                f"a model with precision={self.precision} cannot be converted to {precision}, which would not restore "
                "what was rounded: convert the model that it was made from"
            )
        report = {key: value for key, value in self.fit_report_.items() if key not in ("sum_gap", "converted_from")}
        model = self._copy(report, self.counts_, precision=precision)
        model._store(self.table_, {"converted_from": self.precision})
        return model

    def _copy(self, report: dict[str, Any], counts: KeptCounts | None, **changed: Any) -> NGram:
        """Return a copy with some hyper-parameters changed and the same table; ``_store`` follows."""
        copy = NGram(**{**self.get_params(), **changed})
        copy.restore_text(self.vocabulary_, self.pipeline_)
        copy._set_fitted(FittedParts(table=self.table_, report=report, objection=self._objection, counts=counts))
        return copy

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
        from nlmkit.language_models.ngram.exporting import export

        export(self, path, format, run or RunOptions())

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
        from nlmkit.language_models.ngram.exporting import export_openfst

        export_openfst(self, path, symbols, backoff_label, run or RunOptions())

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
        from nlmkit.language_models.ngram.exporting import arpa_model
        from nlmkit.text import TextPipeline, Vocabulary

        table, words, report = arpa_model(path, run or RunOptions())
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
        model.restore_text(vocabulary, pipeline)
        model._set_fitted(FittedParts(table=table, report=report))
        return model
