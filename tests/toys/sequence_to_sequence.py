"""Two small correct sequence-to-sequence models. Nothing heavy is imported here, as in any component's module."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.core.parameters import param
from nlmkit.saving.checks import require_array
from nlmkit.saving.state import FittedState
from nlmkit.seq2seq.base import SequenceToSequence
from nlmkit.seq2seq.options import TextSources

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.seq2seq.pairs import Condition, Pairs


@dataclasses.dataclass(kw_only=True)
class ToyTranslator(TextSources, SequenceToSequence):
    """Word t of a target depends on token t of its source; those behind the end of the source on its absence."""

    name: ClassVar[str] = "kit-correct-translator"

    alpha: float = param(0.01, gt=0, help="what is added to every count")

    def fit_pairs(self, data: Pairs, *, valid: Any, run: Any) -> Mapping[str, Any]:
        import numpy as np

        counts = np.full((len(self.source_words()), len(self.vocabulary_)), self.alpha)
        counts[:, 1] = 0
        for condition, events in zip(data.conditions(), data.events(), strict=True):
            behind = np.full(max(0, len(events) - len(condition)), 2)
            np.add.at(counts, (np.concatenate([condition, behind])[: len(events)], events), 1)
        with np.errstate(divide="ignore"):
            self.table_ = np.log(counts / counts.sum(axis=1, keepdims=True))
        return {}

    def source_words(self) -> Any:
        assert self.source_vocabulary_ is not None
        return self.source_vocabulary_

    def start(self, condition: Condition) -> Hashable:
        self.check_fitted()
        return tuple(condition.tolist()), 0

    def advance(self, state: Any, word_id: int) -> Hashable:
        return state[0], state[1] + 1

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        self.check_fitted()
        source, place = state
        found: NDArray[np.float64] = self.table_[source[place] if place < len(source) else 2].copy()
        return found

    def fitted_state(self) -> FittedState:
        state = super().fitted_state()
        return FittedState({**state.arrays, "table": self.table_}, state.metadata)

    def restore(self, state: FittedState) -> None:
        super().restore(state)
        shape = (len(self.source_words()), len(self.vocabulary_))
        self.table_ = require_array(state.arrays, "table", dtype="float64", shape=shape)


@dataclasses.dataclass(kw_only=True)
class ToyDescriber(SequenceToSequence):
    """Word t of a target is that of the training targets, weighted by how near their vectors are."""

    name: ClassVar[str] = "kit-correct-describer"
    takes = "vectors"

    alpha: float = param(0.01, gt=0, help="what is added to the weight of every word")
    nearness: float = param(4.0, gt=0, help="factor of the squared distance")

    def fit_pairs(self, data: Pairs, *, valid: Any, run: Any) -> Mapping[str, Any]:
        import numpy as np

        assert data.sources.vectors is not None
        self.vectors_ = data.sources.vectors.copy()
        self.ids_ = np.full((len(data), self.longest_target_ + 1), 2, np.int32)
        for row, events in zip(self.ids_, data.events(), strict=True):
            row[: len(events)] = events
        return {}

    def start(self, condition: Condition) -> Hashable:
        self.check_fitted()
        return tuple(condition.tolist()), 0

    def advance(self, state: Any, word_id: int) -> Hashable:
        return state[0], state[1] + 1

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        import numpy as np

        self.check_fitted()
        vector, place = state
        distances = ((self.vectors_.astype(np.float64) - np.array(vector)) ** 2).sum(axis=1)
        weights = np.exp(-self.nearness * (distances - distances.min()))
        found = np.full(len(self.vocabulary_), self.alpha)
        found[1] = 0
        np.add.at(found, self.ids_[:, min(place, self.ids_.shape[1] - 1)], weights)
        with np.errstate(divide="ignore"):
            values: NDArray[np.float64] = np.log(found / found.sum())
        return values

    def fitted_state(self) -> FittedState:
        state = super().fitted_state()
        return FittedState({**state.arrays, "vectors": self.vectors_, "ids": self.ids_}, state.metadata)

    def restore(self, state: FittedState) -> None:
        super().restore(state)
        assert self.dimension_ is not None
        self.vectors_ = require_array(state.arrays, "vectors", dtype="float32", shape=(None, self.dimension_))
        shape = (len(self.vectors_), self.longest_target_ + 1)
        self.ids_ = require_array(state.arrays, "ids", dtype="int32", shape=shape)
