"""Fitting an ``NGram`` outside memory: from its options and those of the run to the temporary folder and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.external.engines import engine_of
from nlmkit.language_models.ngram.external.fitting import Fitted, Request, fit_outside_memory
from nlmkit.language_models.ngram.external.folders import working_folder
from nlmkit.language_models.ngram.external.formulas import check_method
from nlmkit.language_models.ngram.external.planning import Plan
from nlmkit.language_models.ngram.external.store import Store
from nlmkit.language_models.ngram.pruning import thresholds_by_order
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.text.streamed import StreamedText
from nlmkit.text.unspaced import note_unspaced

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.model import NGram
    from nlmkit.text import Vocabulary


def fit_model(model: NGram, data: Any, run: RunOptions, *, planned: Plan | None = None) -> tuple[StreamedText, Fitted]:
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
    text = data if isinstance(data, StreamedText) else StreamedText(data)
    request = Request(
        order=model.order,
        smoothing=model.smoothing,
        thresholds=thresholds_by_order(model.prune, model.order),
        options=Options(keep=[], discounts=model.discounts, add_k=model.add_k, stupid_backoff=model.backoff_factor),
        precision=model.precision,
        cap=run.memory_bytes,
    )

    def vocabulary_of(read: StreamedText) -> Vocabulary:
        if read.sample is not None:
            note_unspaced(read.sample)
        return model.limited_vocabulary(read, noted=True)  # type: ignore[arg-type]

    engine = engine_of(run.engine, run.workers)
    try:
        with working_folder(run.temporary_folder) as (folder, needs):
            arrays = folder / "arrays"
            arrays.mkdir()
            fitted = fit_outside_memory(
                text,
                vocabulary_of,
                request,
                engine=engine,
                store=Store(folder / "store"),
                folder=arrays,
                needs=needs,
                run=run,
                planned=planned,
            )
    finally:
        engine.close()
    return text, fitted
