"""The n-gram language model."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
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

    from nlmkit.decoding.rows import Rows
    from nlmkit.language_models.ngram.counting import NGramCounts
    from nlmkit.language_models.ngram.estimates import Estimate, Keep
    from nlmkit.language_models.ngram.precision import Table
    from nlmkit.language_models.ngram.table import BackoffTable
    from nlmkit.text import Corpus, TextPipeline

IMPORTED = "imported"
"""Value of ``smoothing`` for a model read from a file; such a model cannot be fitted."""

PRECISIONS = ("float64", "float32", "packed", *(f"q{bits}" for bits in range(2, 17)))
"""Forms of the fitted table."""

_MASS_TOLERANCE = 1e-3  # of models that other programs wrote
_FITTED_TOLERANCE = 1e-6
_MOST_MASS = 10.0  # times that of the unigrams; sums of real files, pruned or rounded, stay near 1


@dataclasses.dataclass(kw_only=True)
class NGram(VocabularyLimits, LanguageModel):
    """Back-off and interpolated n-gram model; modified Kneser–Ney by default (Chen & Goodman 1998).

    Modified Kneser–Ney estimates equal those of KenLM's ``lmplz`` (Heafield et al. 2013).

    Fitted attributes, in addition to those of every language model: ``table_`` (``BackoffTable``,
    or ``CompactTable`` with ``precision=packed`` or ``q…``), and
    ``fit_report_``, a JSON-ready dictionary with the number of n-grams per order, discounts or weights, and notes such
    as a fallback.

    Example:
        >>> lm = NGram(order=3).fit([["the", "cat", "sat"], ["the", "dog", "sat"]])
        >>> round(lm.perplexity([["the", "cat", "sat"]]), 3) < 4
        True
    """

    name = "ngram"

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
        choices=PRECISIONS,
        help="form of the fitted table: float64, float32, packed (float32 values, packed words) or quantised to 2–16 "
        "bits, q2 to q16; q8 takes 4 to 5 bytes per n-gram",
    )

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Count n-grams and estimate the model.

        Args:
            data: Training text: anything ``Corpus.read`` takes, or a ``Corpus``.
            valid: Validation text. ``jelinek-mercer`` fits its weights on it; every method records its perplexity in
                ``fit_report_``.
            run: Run options, of which progress is used.

        Raises:
            HyperParameterError: Options contradict each other or do not apply to the smoothing method.
            DataError: The text is unusable.
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

        self._set_fitted(pipeline=pipeline, vocabulary=vocabulary, table=self._stored(table))
        self._objection = estimated.arpa_objection
        self.fit_report_ = {**_fit_report(corpus, counts, estimated, table), **self._gap_facts()}
        if valid_corpus is not None:
            self._validate(valid_corpus)
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

    def _stored(self, table: Table) -> Table:
        """Return a table in the model's precision."""
        from nlmkit.language_models.ngram.precision import in_precision

        return in_precision(table, self.precision, normalized=self.normalized)

    def _set_fitted(self, *, pipeline: TextPipeline, vocabulary: Any, table: Table) -> None:
        from nlmkit.language_models.ngram.precision import sum_gap

        self.pipeline_ = pipeline
        self.vocabulary_ = vocabulary
        self.table_ = table
        self._sum_gap = sum_gap(table) if self.normalized else None

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
        """``trained``, ``uniform-share``, or ``imported`` if the probability of ``<unk>`` comes from a file."""
        return IMPORTED if self.smoothing == IMPORTED else super().unknown_rule

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
        """Return the table's arrays; the fit report as metadata."""
        self.check_fitted()
        unseen = self.table_.unseen_backoff
        metadata = {"fit_report": self.fit_report_, "arpa_objection": self._objection, "unseen_backoff": unseen}
        if self._sum_gap is not None:
            metadata["sum_gap"] = self._sum_gap
        return FittedState(self.table_.arrays(), metadata)

    def restore(self, state: FittedState) -> None:
        """Rebuild the table from a saved model."""
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
        table = from_arrays(state.arrays, self.precision, self.order, len(self.vocabulary_), float(unseen))
        self._sum_gap = None
        if self.normalized and isinstance(table, BackoffTable):
            self._check_sums(table)
        elif self.normalized:
            self._check_gap(table, state.metadata.get("sum_gap"))
        self.table_ = table
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
        from nlmkit.language_models.ngram.precision import is_compact, plain
        from nlmkit.language_models.ngram.pruning import entropy_prune, history_log_probs_from_model

        smaller = NGram(**self.get_params())
        whole = plain(self.table_)
        table: Table = entropy_prune(whole, threshold, history_log_probs_from_model(whole))
        if is_compact(self.precision):
            table = self._stored(table)
        smaller._set_fitted(pipeline=self.pipeline_, vocabulary=self.vocabulary_, table=table)
        smaller._objection = None
        smaller.fit_report_ = {**self.fit_report_, "ngrams": table.sizes, "pruned_at": threshold}
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
        model._objection = self._objection
        report = {key: value for key, value in self.fit_report_.items() if key not in ("sum_gap", "converted_from")}
        model.fit_report_ = {**report, "converted_from": self.precision, **model._gap_facts()}
        return model

    def _gap_facts(self) -> dict[str, Any]:
        return {} if self._sum_gap is None else {"sum_gap": self._sum_gap}

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
        from nlmkit.language_models.ngram.precision import plain

        run = run or RunOptions()
        run.stage(f"writing {os.fspath(path)}", sum(self.table_.sizes))
        write_arpa(Path(path), plain(self.table_), self.vocabulary_.words, advance=run.advance)

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


def _notes_on(corpus: Corpus) -> list[str]:
    if corpus.tokens:
        return []
    lines = "one blank line" if corpus.sentences == 1 else f"{corpus.sentences} blank lines"
    return [f"the training text has no words, only {lines}: the model can only predict the end of a sentence"]


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
