"""Shallow fusion: search by a model and a language model of its targets (Gülçehre et al. 2015).

Hypotheses are scored by log p(word) + w · log p_LM(word), of every word of the vocabulary: nothing is approximated. The
language model may be of any family, with a vocabulary of its own. A word that it lacks is read and scored as ``<unk>``;
all such words receive the whole of its probability, and are excluded if that is zero, as in a closed vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nlmkit.decoding.checks import is_finite
from nlmkit.errors import DataError, HyperParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.decoding.rows import Rows, SearchableMachine
    from nlmkit.text import TextPipeline, Vocabulary


class TargetModel(Protocol):
    """The part of a model that a language model must agree with."""

    vocabulary_: Vocabulary
    pipeline_: TextPipeline


class ShallowFusion:
    """A language model with a weight, ready to be added to the rows of a model.

    Args:
        model: What is searched: its vocabulary and tokenization are those of the targets.
        language_model: Fitted language model, forward, over the same tokens.
        weight: Factor w > 0 of its log-probabilities.

    Raises:
        HyperParameterError: The weight is not positive; or the model is no language model, or reads backward.
        NotFittedError: The language model is not fitted.
        DataError: The language model reads text in other tokens than the targets.
    """

    def __init__(self, model: TargetModel, language_model: SearchableMachine, weight: float) -> None:
        if not is_finite(weight) or weight <= 0:
            raise HyperParameterError(f"the weight of a language model must be a number > 0, not {weight!r}")
        if getattr(language_model, "kind", None) != "language-model":
            raise HyperParameterError(f"language_model must be a fitted language model, not {language_model!r}")
        language_model.check_fitted()
        theirs, ours = language_model.pipeline_.tokenization, model.pipeline_.tokenization
        if theirs != ours:
            raise DataError(
                f"the language model reads {theirs.signature}, but targets are {ours.signature}: fit one with the "
                "tokenization of the targets"
            )
        if language_model.reads_backward:
            raise HyperParameterError("language_model reads backward: search needs one that reads forward")
        self._model, self._weight = language_model, float(weight)
        words = model.vocabulary_.words
        same = words == language_model.vocabulary_.words
        self._ids = None if same else language_model.vocabulary_.ids(words).astype(np.int64)

    def rows(self, rows: Rows, sources: int) -> FusedRows:
        """Return rows of as many sources, with nothing read, with the share of the language model."""
        return FusedRows(rows, self._model.rows(sources), self._weight, self._ids)


class FusedRows:
    """Hypotheses scored by a model and a language model: log p + w · log p_LM.

    Args:
        rows: Hypotheses of the model.
        lm_rows: The same ones of the language model.
        weight: Factor w of its log-probabilities.
        ids: Id of each of the model's words in the language model: int64 [V]; None if they are the same.
    """

    def __init__(self, rows: Rows, lm_rows: Rows, weight: float, ids: NDArray[np.int64] | None = None) -> None:
        self._rows, self._lm_rows, self._weight, self._ids = rows, lm_rows, weight, ids

    def log_probs(self) -> NDArray[Any]:
        """log p + w · log p_LM of each id as the next event, in the wider dtype of both: [rows, V]."""
        theirs = self._lm_rows.log_probs()
        if self._ids is not None:
            theirs = theirs.take(self._ids, axis=1)
        fused: NDArray[Any] = theirs * theirs.dtype.type(self._weight) + self._rows.log_probs()
        return fused

    def attention(self) -> NDArray[Any] | None:
        """Attention of the model."""
        return self._rows.attention()

    def take(self, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> FusedRows:
        """Continue both."""
        theirs = ids if self._ids is None else self._ids[ids]
        return FusedRows(self._rows.take(rows, ids), self._lm_rows.take(rows, theirs), self._weight, self._ids)
