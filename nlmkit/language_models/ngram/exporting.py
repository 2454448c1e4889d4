"""Files that an ``NGram`` is written to and read from: ARPA, OpenFst, and counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.errors import ExportError
from nlmkit.language_models.ngram.precision import plain
from nlmkit.language_models.ngram.soundness import FOREIGN_TOLERANCE

if TYPE_CHECKING:
    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.ngram.base import NGramBase
    from nlmkit.language_models.ngram.openfst import BackoffLabel
    from nlmkit.language_models.ngram.table import BackoffTable

_SUFFIXES = {".arpa": "arpa", ".fst.txt": "openfst"}


def export(model: NGramBase, path: str | os.PathLike[str], format: str | None, run: RunOptions) -> None:
    """Write a fitted model, or its counts; arguments and errors of ``NGram.export``."""
    name = Path(path).name.lower().removesuffix(".gz")
    chosen = format or next((value for suffix, value in _SUFFIXES.items() if name.endswith(suffix)), None)
    if chosen == "openfst":
        export_openfst(model, path, None, "#0", run)
    elif chosen == "counts":
        _export_counts(model, Path(path), run)
    elif chosen == "arpa":
        _export_arpa(model, path, run)
    else:
        raise ExportError(
            f"{path}: n-gram models export to .arpa, .arpa.gz or .fst.txt only "
            "(or with --format arpa, openfst or counts)"
        )


def export_openfst(
    model: NGramBase,
    path: str | os.PathLike[str],
    symbols: str | os.PathLike[str] | None,
    backoff_label: BackoffLabel,
    run: RunOptions,
) -> None:
    """Write a fitted model as an automaton; arguments and errors of ``NGram.export_openfst``."""
    from nlmkit.language_models.ngram.openfst import write_openfst

    run.stage(f"writing {os.fspath(path)}", sum(model.table_.sizes))
    words = model.vocabulary_.words
    write_openfst(path, plain(model.table_), words, symbols=symbols, backoff_label=backoff_label, advance=run.advance)


def _export_arpa(model: NGramBase, path: str | os.PathLike[str], run: RunOptions) -> None:
    if model._objection is not None:
        raise ExportError(f"{path}: ARPA cannot represent this model: {model._objection}")
    from nlmkit.language_models.ngram.arpa import write_arpa

    run.stage(f"writing {os.fspath(path)}", sum(model.table_.sizes))
    write_arpa(
        Path(path),
        plain(model.table_),
        model.vocabulary_.words,
        closed=model.closed,
        workers=run.workers,
        advance=run.advance,
    )


def _export_counts(model: NGramBase, path: Path, run: RunOptions) -> None:
    from nlmkit.language_models.ngram.count_writing import write_counts

    if model.counts_ is None:
        raise ExportError(f"{path}: the model has no counts to write: fit it with keep_counts=true")
    counts = model.counts_.counts(model.order, len(model.vocabulary_))
    run.stage(f"writing {path}", sum(map(len, counts.levels)))
    write_counts(path, counts, model.vocabulary_.words, advance=run.advance)


def arpa_model(path: str | os.PathLike[str], run: RunOptions) -> tuple[BackoffTable, list[str], dict[str, Any]]:
    """Return the table of an ARPA file, its words, and the report; errors of ``NGram.from_arpa``."""
    from nlmkit.language_models.ngram.arpa import read_arpa

    run.stage(f"reading {os.fspath(path)}")
    notes: list[str] = []
    table, words = read_arpa(Path(path), workers=run.workers, advance=run.advance, note=notes.append)
    mass = float(np.exp(table.log_probs[0]).sum())
    if abs(mass - 1) > FOREIGN_TOLERANCE:
        notes.append(f"the unigram probabilities sum to {mass:.4f}, not to 1: perplexities will be wrong")
    return table, words, {"ngrams": table.sizes, "notes": notes}
