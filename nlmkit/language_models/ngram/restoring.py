"""The fitted state of a saved ``NGram``, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.core.notes import note
from nlmkit.errors import SavedModelError
from nlmkit.language_models.ngram.base import NOT_FITTED
from nlmkit.language_models.ngram.fitted_parts import FittedParts
from nlmkit.language_models.ngram.kept_counts import PREFIX, KeptCounts
from nlmkit.language_models.ngram.precision import from_arrays, sum_gap
from nlmkit.language_models.ngram.soundness import FOREIGN_TOLERANCE, gram_of, sampled_sums
from nlmkit.language_models.ngram.table import BackoffTable

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.base import NGramBase
    from nlmkit.language_models.ngram.precision import Table
    from nlmkit.saving.state import FittedState

_FITTED_TOLERANCE = 1e-6
_COMPARABLE_GAP = 0.05
_MOST_MASS = 10.0  # times that of the unigrams; sums of real files, pruned or rounded, stay near 1


def restored(model: NGramBase, state: FittedState) -> FittedParts:
    """Return the fitted state of a saved model with these options and vocabulary; the model is not changed.

    Raises:
        SavedModelError: The state is damaged.
    """
    unseen, report = state.metadata.get("unseen_backoff"), state.metadata.get("fit_report")
    if not isinstance(unseen, (int, float)) or isinstance(unseen, bool) or not isinstance(report, dict):
        raise SavedModelError("the saved model is damaged: unseen_backoff or fit_report is missing from its metadata")
    objection = state.metadata.get("arpa_objection")
    if not isinstance(objection, (str, type(None))):
        raise SavedModelError("the saved model is damaged: arpa_objection in its metadata is not a string")
    if unseen != 0 and model.smoothing != "stupid-backoff":
        raise SavedModelError(f"the saved model is damaged: unseen_backoff is {unseen} with {model.smoothing}")
    kept = {name: state.arrays[name] for name in state.arrays if name.startswith(PREFIX)}
    stored = {name: state.arrays[name] for name in state.arrays if name not in kept}
    table = from_arrays(stored, model.precision, model.order, len(model.vocabulary_), float(unseen))
    gap = None
    if model.normalized and isinstance(table, BackoffTable):
        _check_sums(table, model)
    elif model.normalized:
        gap = _checked_gap(table, state.metadata.get("sum_gap"))
    counts = KeptCounts.restored(kept, model.order) if model.keep_counts or kept else None
    return FittedParts(table=table, report=dict(report), objection=objection, counts=counts, sum_gap=gap)


def _checked_gap(table: Table, stored: Any) -> float:
    """Raise an error if the sums of a compact table, which rounding moved from one, are not those it had."""
    found = sum_gap(table)
    if not isinstance(stored, float) or found is None or not abs(found - stored) <= _FITTED_TOLERANCE:
        raise SavedModelError(
            f"the saved model is damaged: sums of its probabilities differ from 1 by {found}, not by {stored}; "
            "save it again from its source"
        )
    if stored > _COMPARABLE_GAP:
        note(
            f"the probabilities of this quantised model sum to one within {stored:.2g} only: its perplexities are not "
            "comparable with others"
        )
    return stored


def _check_sums(table: BackoffTable, model: NGramBase) -> None:
    """Raise an error if a sample of contexts shows that a saved table was changed after it was fitted.

    For an imported model, or one mixed from such, sums other than one come from a file and are only noted.
    """
    imported = model.smoothing in NOT_FITTED
    most = _MOST_MASS * max(1.0, float(np.exp(table.log_probs[0]).sum()))
    for sample in sampled_sums(table):
        gap = np.abs(sample.sums - 1.0) - sample.slack
        wrong = ~(gap <= (FOREIGN_TOLERANCE if imported else _FITTED_TOLERANCE)) | ~sample.agree  # true for NaN
        if not wrong.any():
            continue
        at = int((wrong & ~sample.agree if not sample.agree.all() else wrong).argmax())
        gram = gram_of(table, model.vocabulary_.words, sample.length, int(sample.ids[at]))
        after = f"after {gram!r}" if sample.length else "of single words"
        problem = f"the probabilities {after} sum to {sample.sums[at]:.6g}, not to 1"
        if not sample.agree[at]:
            problem = f"n-grams listed after {gram!r} have another context"
        if not imported or not sample.agree[at] or not sample.sums[at] <= most:
            raise SavedModelError(f"the saved model is damaged: {problem}; save it again from its source")
        note(f"{problem}: perplexities of this model are not comparable with others")
        return
