"""Fitting outside memory: text to a table in memory-mapped files, by stages of tasks.

Stages: text to chunks of codes; chunks to windows, by part; parts to counts; bigrams merged; discounts; unigrams and
bigrams estimated; parts estimated; orders assembled. Every stage reads and writes tables of a store, so that any engine
can run its tasks, and a task can run again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.external import planning
from nlmkit.language_models.ngram.external.assembly import assemble_order
from nlmkit.language_models.ngram.external.bigrams import estimate_bigrams, merge_bigrams
from nlmkit.language_models.ngram.external.counts import count_part, numbers_by_count, remove_windows
from nlmkit.language_models.ngram.external.engines import Engine, Serial
from nlmkit.language_models.ngram.external.files import ArrayFile, mapped
from nlmkit.language_models.ngram.external.folders import Needs
from nlmkit.language_models.ngram.external.formulas import ADJUSTED, Grams, discounts_of, formula
from nlmkit.language_models.ngram.external.probabilities import estimate_part, remove_counts
from nlmkit.language_models.ngram.external.resumption import Resumption
from nlmkit.language_models.ngram.external.store import Store
from nlmkit.language_models.ngram.external.windows import (
    SAMPLES,
    TEXT,
    TYPES,
    codes_to_ids,
    context_words,
    sampled_keys,
    split_windows,
    splitters,
)
from nlmkit.language_models.ngram.smoothing import HAS_ZEROS, add_k, stupid_backoff
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text.streamed import SENTENCE_END, StreamedText
from nlmkit.text.vocabulary import BOS_ID, EOS_ID

if TYPE_CHECKING:
    from nlmkit.text import Vocabulary

MOST_NGRAMS: Final = 2**31 - 2
"""Most n-grams of one order that the finished table can index."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What to fit.

    Attributes:
        order: Highest order.
        smoothing: Method.
        thresholds: Of count pruning, by order.
        options: Options of the method; ``keep`` is not used.
        precision: ``float64`` or ``float32``.
        cap: Memory in bytes; None for as much as chunks and parts of the usual size need.
    """

    order: int
    smoothing: str
    thresholds: list[int]
    options: Options
    precision: str
    cap: int | None


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Result of ``fit_outside_memory``.

    Attributes:
        table: The table; its arrays are memory-mapped.
        vocabulary: Vocabulary.
        sizes: Number of n-grams of each order before pruning.
        discounts: As of ``Estimate``.
        notes: As of ``Estimate``.
        arpa_objection: As of ``Estimate``.
    """

    table: BackoffTable
    vocabulary: Vocabulary
    sizes: list[int]
    discounts: list[list[float]] | None
    notes: list[str]
    arpa_objection: str | None


USUAL_CAP: Final = 2 << 30
"""Memory for which work is planned where no cap is given."""


def fit_outside_memory(
    text: StreamedText,
    vocabulary_of: Callable[[StreamedText], Vocabulary],
    request: Request,
    *,
    engine: Engine,
    store: Store,
    folder: Path,
    needs: Needs | None = None,
    run: RunOptions | None = None,
    planned: planning.Plan | None = None,
    kept: bool = False,
) -> Fitted:
    """Fit a back-off table to a text.

    Args:
        text: The text, not read yet.
        vocabulary_of: Returns the vocabulary once the text was read.
        request: What to fit.
        engine: Runs the tasks.
        store: Where tables are kept.
        folder: Folder on this machine for the arrays of the table; they can be removed once the table is in memory
            maps.
        needs: Checks that there is room.
        run: Shows the progress.
        planned: Sizes of the work instead of those that follow from the cap.
        kept: Whether the store may hold finished tasks of an earlier run, and keeps those of this one if it fails.

    Raises:
        DataError: The text is unusable, or there is too little room.
        HyperParameterError: The cap is too small, or a method needs more than counts.
    """
    fit = _Fit(request, engine, store, folder=folder, needs=needs, run=run or RunOptions(), planned=planned, kept=kept)
    return fit.of(text, vocabulary_of)


class _Fit:
    def __init__(
        self,
        request: Request,
        engine: Engine,
        store: Store,
        *,
        folder: Path,
        needs: Needs | None,
        run: RunOptions,
        planned: planning.Plan | None,
        kept: bool,
    ) -> None:
        self.request, self.engine, self.store, self.run, self.planned = request, engine, store, run, planned
        self.folder, self.needs, self.resumption = folder, needs, Resumption(store) if kept else None
        self.cap = request.cap or USUAL_CAP
        self.settings: dict[str, Any] = {
            "order": request.order,
            "smoothing": request.smoothing,
            "thresholds": request.thresholds,
            "pruned": any(request.thresholds),
            "adjusted": request.smoothing in ADJUSTED,
            "factor": request.options.stupid_backoff,
            "added": request.options.add_k,
            "dtype": request.precision,
            "folder": str(folder),
            "tidy": isinstance(engine, Serial) and not kept,
        }

    def of(self, text: StreamedText, vocabulary_of: Callable[[StreamedText], Vocabulary]) -> Fitted:
        order, settings = self.request.order, self.settings
        chunks = self._read(text)
        vocabulary = vocabulary_of(text)
        size = len(vocabulary)
        settings |= {"vocabulary": size, "absent": size}
        self._write_words(text, vocabulary)
        if order == 1:
            return self._unigrams_only(vocabulary)
        planned = self.planned or planning.plan(self.cap, len(text.types), size, order)
        self._check_room(text.events * (3 * context_words(order) + 5))
        settings["splitters"] = self._splitters(text.events, chunks, planned)
        parts = settings["parts"] = len(settings["splitters"]) + 1
        if self.resumption is not None:
            self.resumption.check(settings)
        found = self._stage("splitting text", "windows", split_windows, chunks)
        if self.planned is None:
            sizes = np.sum(found, axis=0).tolist()
            planning.check_parts(self.cap, sizes, order, planned)
        for chunk in range(chunks):
            self.store.remove(f"{TEXT}/{chunk}")
        counted = self._stage("counting n-grams", "counts", count_part, parts)
        if not settings["tidy"]:
            for part in range(parts):
                remove_windows(self.store, part)
        return self._estimated(vocabulary, counted)

    def _estimated(self, vocabulary: Vocabulary, counted: list[dict[str, Any]]) -> Fitted:
        order, settings, parts = self.request.order, self.settings, self.settings["parts"]
        merged = self._stage("merging bigrams", "bigrams", merge_bigrams, 1)[0]
        numbers, sizes = list(merged["numbers"]), [len(vocabulary), merged["total"]]
        for k in range(3, order + 1):
            of_order = [result["numbers"][k - 3] for result in counted]
            by_count, total = numbers_by_count(of_order, last_is_raw=settings["adjusted"] and k < order)
            numbers.append(by_count)
            sizes.append(total)
        discounts, notes = self._discounts(numbers)
        kept = np.array([result["kept"] for result in counted], np.int64).reshape(parts, -1)
        ends = np.cumsum(kept, axis=0)
        in_table = [len(vocabulary), merged["kept"], *ends[-1][1:].tolist()] if settings["pruned"] else sizes
        for k, total in enumerate(in_table, 1):
            _check_number(k, total)
        settings["bases"] = [[int(base) for base in column] for column in (ends - kept).T]
        width = np.dtype(self.request.precision).itemsize
        self._check_room(sum(sizes) * (2 * width + 12) + sum(sizes[2:]) * (width + 9))
        self.run.stage("estimating bigrams", 1)
        zeros = estimate_bigrams(self.store, settings, 0)["zeros"]  # here, where the arrays are to be mapped
        self.run.advance(1)
        if order > 2:
            results = self._stage("estimating probabilities", "estimates", estimate_part, parts)
            zeros = zeros or any(result["zeros"] for result in results)
            if not settings["tidy"]:
                for part in range(parts):
                    for k in range(3, order + 1):
                        remove_counts(self.store, k, part)
            self.run.stage("assembling the model", order - 2)
            self._assemble()
        return Fitted(self._table(len(vocabulary)), vocabulary, sizes, discounts, notes, self._objection(zeros))

    def _assemble(self) -> None:
        """Write the arrays of the orders from three on, on this machine, where they are to be mapped."""
        orders = range(self.request.order, 2, -1)  # the longest task first
        if getattr(self.engine, "is_local", False) and self.resumption is None:
            totals = self.engine.run(
                "assembly", assemble_order, self.store, self.settings, orders, advance=self.run.advance
            )
        else:  # without markers: the files of an earlier run are gone
            totals = []
            for k in orders:
                totals.append(assemble_order(self.store, self.settings, k))
                self.run.advance(1)
        for k, total in zip(orders, totals, strict=True):
            _check_number(k, total)

    def _read(self, text: StreamedText) -> int:
        """Write the text as chunks of codes; return their number."""
        chunk = self.planned.chunk_events if self.planned else max(min(self.cap // 64, 1 << 22), 1 << 12)
        width = context_words(self.request.order)
        before = np.full(width, SENTENCE_END, np.int32)
        waiting: list[Any] = []
        waits = chunks = 0

        def write(codes: Any) -> None:
            nonlocal before, chunks
            self.store.write(f"{TEXT}/{chunks}", {"codes": codes, "before": before})
            if self.resumption is not None:
                self.resumption.add(codes)
            before = np.concatenate([before, codes])[-width:]
            chunks += 1

        def check(types: int) -> None:
            if self.request.cap is not None:
                planning.check_vocabulary(self.request.cap, types)

        for codes in text.codes(self.run.display, check=check):
            waiting.append(codes)
            waits += len(codes)
            while waits >= chunk:
                joined = np.concatenate(waiting)
                write(joined[:chunk])
                waiting = [joined[chunk:]]
                waits = len(waiting[0])
        if waits:
            write(np.concatenate(waiting))
        return chunks

    def _write_words(self, text: StreamedText, vocabulary: Vocabulary) -> None:
        ids = vocabulary.ids(text.types)
        raw = np.zeros(len(vocabulary), np.int64)
        np.add.at(raw, ids, text.type_counts())
        raw[[BOS_ID, EOS_ID]] = text.sentences
        if self.resumption is not None:
            self.resumption.add(ids)
        self.store.write(TYPES, {"ids": np.concatenate([np.array([EOS_ID], np.int32), ids])})
        self.store.write("words", {"raw": raw})

    def _splitters(self, events: int, chunks: int, planned: planning.Plan) -> list[int]:
        # ends of sentences are contexts too; some room for what a sample leaves open
        parts = -(-events * 5 // (4 * planned.part_windows))
        if parts < 2:
            return []
        step, absent = max(1, events // SAMPLES), self.settings["absent"]
        vocabulary = codes_to_ids(self.store)
        sampled = [sampled_keys(self.store, chunk, vocabulary, step, absent) for chunk in range(chunks)]
        return splitters(np.concatenate(sampled), parts)

    def _discounts(self, numbers: list[list[int]]) -> tuple[list[list[float]] | None, list[str]]:
        discounts, notes = [], []
        for k, by_count in enumerate(numbers, 1):
            found = discounts_of(self.request.smoothing, k, by_count, self.request.options)
            if found is None:
                return None, []
            discounts.append(found[0])
            notes += found[1]
        self.settings["discounts"] = discounts
        return discounts, notes

    def _unigrams_only(self, vocabulary: Vocabulary) -> Fitted:
        values = self.store.read("words", ["raw"])["raw"]
        values[BOS_ID] = 0
        numbers = np.bincount(np.minimum(values, 5), minlength=6)[1:5]
        discounts, notes = self._discounts([[int(number) for number in numbers]])
        size = len(vocabulary)
        words = Grams(values, np.ones(size, np.bool_), np.zeros(size, np.int32), np.arange(size, dtype=np.int32))
        probs = formula(self.settings, 1).unigrams(words, size)
        zero = probs == 0.0
        zero[BOS_ID] = False
        with np.errstate(divide="ignore"):
            log_probs = np.log(probs)
        log_probs[BOS_ID] = -np.inf
        with ArrayFile(self.folder, "log_prob.1", self.request.precision) as file:
            file.append(log_probs)
        return Fitted(self._table(size), vocabulary, [size], discounts, notes, self._objection(bool(zero.any())))

    def _objection(self, zeros: bool) -> str | None:
        if self.request.smoothing == "stupid-backoff":
            return stupid_backoff.OBJECTION
        if self.request.smoothing == "add-k" and self.request.order > 1:
            return add_k.OBJECTION
        return HAS_ZEROS if zeros else None

    def _table(self, size: int) -> BackoffTable:
        orders, ids, dtype = range(1, self.request.order + 1), np.int32, self.request.precision
        unseen = 1.0 if self.request.smoothing != "stupid-backoff" else self.request.options.stupid_backoff
        return BackoffTable(
            first=[np.arange(size, dtype=ids), *(mapped(self.folder, f"first.{k}", ids) for k in orders[1:])],
            children=[mapped(self.folder, f"children.{k}", ids) for k in orders[:-1]],
            history=[np.empty(0, ids), *(mapped(self.folder, f"history.{k}", ids) for k in orders[1:])],
            log_probs=[mapped(self.folder, f"log_prob.{k}", dtype) for k in orders],
            backoffs=[mapped(self.folder, f"backoff.{k}", dtype) for k in orders[:-1]],
            unseen_backoff=float(np.log(unseen)),
        )

    def _stage(self, description: str, stage: str, function: Any, tasks: int) -> list[Any]:
        self.run.stage(description, tasks)
        return self.engine.run(stage, function, self.store, self.settings, range(tasks), advance=self.run.advance)

    def _check_room(self, needed: int) -> None:
        if self.needs is not None:
            self.needs.check(needed)


def _check_number(k: int, total: int) -> None:
    if total > MOST_NGRAMS:
        raise HyperParameterError(
            f"the model has {total} n-grams of order {k}, and a table holds at most {MOST_NGRAMS} of one order: choose "
            "a lower order, or prune n-grams by their counts"
        )
