"""Fitting an ``NGram`` outside memory: from its options and those of the run to the temporary folder and back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.count_files import NGramCountFiles
from nlmkit.language_models.ngram.external.choice import engine_of
from nlmkit.language_models.ngram.external.engines import Engine
from nlmkit.language_models.ngram.external.fitting import Fitted, Request, fit_outside_memory
from nlmkit.language_models.ngram.external.folders import working_folder
from nlmkit.language_models.ngram.external.formulas import check_method
from nlmkit.language_models.ngram.external.places import is_url
from nlmkit.language_models.ngram.external.planning import Plan
from nlmkit.language_models.ngram.external.store import Store
from nlmkit.language_models.ngram.precision import is_compact
from nlmkit.language_models.ngram.pruning import thresholds_by_order
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.text.streamed import StreamedText
from nlmkit.text.unspaced import note_unspaced

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.base import NGramBase
    from nlmkit.text import Vocabulary


def fit_model(
    model: NGramBase, data: Any, run: RunOptions, *, planned: Plan | None = None
) -> tuple[StreamedText, Fitted]:
    """Fit the table of a model; the model is not changed.

    Args:
        model: The model, whose options are checked.
        data: Training text, also ``StreamedText``.
        run: Options of the run.
        planned: Sizes of the work instead of those that follow from the cap.

    Raises:
        HyperParameterError: An option cannot be used outside memory; with the reason.
        DataError: The text is unusable, or there is too little room.
    """
    check_method(model.smoothing)
    if model.entropy_prune > 0:
        raise HyperParameterError(
            "entropy_prune compares each n-gram with the whole table, which a memory cap does not hold: omit the cap, "
            "or prune the saved model"
        )
    _check_in_memory_only(model, data)
    text = data if isinstance(data, StreamedText) else StreamedText(data)
    request = Request(
        order=model.order,
        smoothing=model.smoothing,
        thresholds=thresholds_by_order(model.prune, model.order),
        options=Options(keep=[], discounts=model.discounts, add_k=model.add_k, stupid_backoff=model.backoff_factor),
        precision=model.precision,
        cap=None if run.memory_bytes is None else run.memory_bytes // run.workers,  # of each process
    )

    def vocabulary_of(read: StreamedText) -> Vocabulary:
        if read.sample is not None:
            note_unspaced(read.sample)
        return model.limited_vocabulary(read, noted=True)  # type: ignore[arg-type]

    engine = engine_of(run.engine, run.workers)
    try:
        shared = _shared_store(text, request, engine, run.temporary_folder)
        local = None if run.temporary_folder is None or is_url(run.temporary_folder) else run.temporary_folder
        with working_folder(local) as (folder, needs):
            arrays = folder / "arrays"
            arrays.mkdir()
            fitted = fit_outside_memory(
                text,
                vocabulary_of,
                request,
                engine=engine,
                store=shared or Store(folder / "store"),
                folder=arrays,
                needs=None if shared else needs,
                run=run,
                planned=planned,
                kept=shared is not None,
            )
        if shared is not None:
            shared.clear()
    finally:
        engine.close()
    return text, fitted


def _check_in_memory_only(model: NGramBase, data: Any) -> None:
    """Raise an error for what needs the whole table or all counts in memory."""
    reasons = {
        "prune_to": (model.prune_to is not None, "ranks all n-grams of the table"),
        "keep_counts": (model.keep_counts, "keeps all counts in the model"),
        "precision": (is_compact(model.precision), "packs the table in memory"),
        "closed": (model.closed, "looks every word of the text up before it is counted"),
    }
    for name, (given, reason) in reasons.items():
        if given:
            raise HyperParameterError(f"{name} {reason}, which a memory cap does not allow: omit the cap, or {name}")
    if isinstance(data, NGramCountFiles):
        raise HyperParameterError("count files are read into memory, which a memory cap does not allow: omit the cap")


def _shared_store(
    text: StreamedText, request: Request, engine: Engine, temporary_folder: str | os.PathLike[str] | None
) -> Store | None:
    """Return the store of a run that a second one goes on with; None for one that ends with its temporary folder.

    It is in a folder of the temporary folder that is named after the names of the text and the request.
    """
    is_cluster = getattr(engine, "is_shared", False)
    if temporary_folder is None:
        if is_cluster:
            raise HyperParameterError(
                "engine: the workers of a cluster exchange files: add a temporary folder that all of them reach, a "
                "path or an fsspec URL (--temporary-folder)"
            )
        return None
    if not is_cluster and not is_url(temporary_folder):
        return None
    facts = [text.names, *(repr(value) for value in dataclasses.astuple(request))]
    digest = hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()
    store = Store(f"{os.fspath(temporary_folder).rstrip('/')}/nlmkit-run-{digest}")
    store.remove_unfinished()
    return store
