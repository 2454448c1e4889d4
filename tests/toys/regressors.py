"""A regressor that is small enough to be calculated by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.run import RunOptions
from nlmkit.regressors.base import Regressor
from nlmkit.saving.state import FittedState
from nlmkit.text import Corpus


@dataclasses.dataclass(kw_only=True)
class LengthRegressor(Regressor):
    """The least-squares line through the numbers by the texts' lengths in words; remembers what it was fitted to."""

    name = "length-regressor"
    seen: ClassVar[list[tuple[NDArray[np.float64], Any]]] = []

    def fit_corpus(
        self, corpus: Corpus, targets: NDArray[np.float64], *, valid: Any, run: RunOptions
    ) -> Mapping[str, Any]:
        self.seen.append((targets, valid))
        lengths = np.diff(corpus.offsets)
        self.line_ = np.linalg.lstsq(np.stack([lengths, np.ones(len(lengths))], axis=1), targets, rcond=None)[0]
        return {}

    def estimates(self, corpus: Corpus) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.line_[0] * np.diff(corpus.offsets) + self.line_[1]
        return found

    def fitted_state(self) -> FittedState:
        state = super().fitted_state()
        return FittedState({"line": self.line_}, state.metadata)

    def restore(self, state: FittedState) -> None:
        super().restore(state)
        self.line_ = np.asarray(state.arrays["line"])
