"""Language models small enough to check by hand: uniform, bigram, and one whose scores a test dictates.

``registered`` makes the first two known to the registry, as a plugin's. Importing this module imports no NumPy, as the
contract asks of a component's module: ``broken_language_models`` derives from ``Bigram``, and one check is about that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nlmkit.core.parameters import param
from nlmkit.core.vocabulary_limits import VocabularyLimits
from nlmkit.language_models.base import LanguageModel
from nlmkit.saving import require, require_array
from nlmkit.saving.state import FittedState
from toys.plugin_packages import write_package

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.text import Vocabulary

PACKAGE = "toy-models"
GROUPS = {
    "nlmkit.language_models": {
        "toy-uniform": "toys.language_models:Uniform",
        "toy-bigram": "toys.language_models:Bigram",
    }
}


@contextmanager
def registered(folder: Path) -> Iterator[None]:
    """Make the models of this module known to the registry."""
    import pytest

    write_package(folder, PACKAGE, groups=GROUPS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@dataclass(kw_only=True)
class Uniform(VocabularyLimits, LanguageModel):
    """Every type is as probable as every other."""

    name: ClassVar[str] = "toy-uniform"

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Uniform:
        from nlmkit.text import Corpus, TextPipeline

        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        self.pipeline_ = corpus.pipeline or TextPipeline()
        self.vocabulary_ = self.limited_vocabulary(corpus)
        return self

    def start(self) -> int:
        return 0

    def advance(self, state: int, word_id: int) -> int:
        return 0

    def next_log_probs(self, state: int) -> NDArray[np.float64]:
        import numpy as np

        row = np.full(len(self.vocabulary_), -np.log(self.vocabulary_.size_predictable))
        row[1] = -np.inf
        return row

    def fitted_state(self) -> FittedState:
        return FittedState({})

    def restore(self, state: FittedState) -> None:
        require(not state.arrays, "a uniform model has no arrays")


@dataclass(kw_only=True)
class Bigram(VocabularyLimits, LanguageModel):
    """Counts of neighbors plus a constant; after ``</s>`` it remembers that a sentence has ended.

    It reads its training text as one stream, so that the row of ``</s>`` differs from that of ``<s>``, and with it
    the context ``stream`` from ``sentence``. A subclass that sets ``restarts`` forgets at each ``</s>`` instead.
    """

    name: ClassVar[str] = "toy-bigram"
    restarts: ClassVar[bool] = False

    alpha: float = param(1.0, gt=0, help="added to every count")

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Self:
        import numpy as np

        from nlmkit.text import BOS_ID, Corpus, TextPipeline

        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        self.pipeline_ = corpus.pipeline or TextPipeline()
        self.vocabulary_ = self.limited_vocabulary(corpus)
        size = len(self.vocabulary_)
        counts = np.full((size, size), float(self.alpha))
        counts[:, BOS_ID] = 0
        previous = BOS_ID
        for word_id in corpus.event_ids(self.vocabulary_).tolist():
            counts[previous, word_id] += 1
            previous = self._context_after(word_id)
        with np.errstate(divide="ignore"):
            self.table_ = np.log(counts / counts.sum(axis=1, keepdims=True))
        self.trained_on_ = corpus.events
        return self

    def _context_after(self, word_id: int) -> int:
        """Row of the table that holds the next word's distribution."""
        from nlmkit.text import BOS_ID, EOS_ID

        return BOS_ID if self.restarts and word_id == EOS_ID else word_id

    def start(self) -> Any:
        from nlmkit.text import BOS_ID

        self.check_fitted()
        return BOS_ID

    def advance(self, state: Any, word_id: int) -> Any:
        return self._context_after(word_id)

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        return self.table_[state]

    def fitted_state(self) -> FittedState:
        self.check_fitted()
        return FittedState({"table": self.table_}, {"trained_on": self.trained_on_})

    def restore(self, state: FittedState) -> None:
        import numpy as np

        size = len(self.vocabulary_)
        self.table_ = require_array(state.arrays, "table", dtype=np.float64, shape=(size, size))
        self.trained_on_ = state.metadata["trained_on"]
        require(self.trained_on_ >= 0, "trained_on is negative")


class Scripted(LanguageModel):
    """Gives the same next-word scores always, so that what generation and reports make of them is known exactly."""

    name: ClassVar[str] = "toy-scripted"
    digest = "0123456789abcdef"

    def __init__(self, vocabulary: Vocabulary, scores: dict[str, float]) -> None:
        import numpy as np

        from nlmkit.text import TextPipeline

        self.vocabulary_, self.pipeline_ = vocabulary, TextPipeline()
        self.row_ = np.full(len(vocabulary), -np.inf)
        for word, score in scores.items():
            self.row_[vocabulary.words.index(word)] = score

    def start(self) -> tuple[int, ...]:
        return ()

    def advance(self, state: tuple[int, ...], word_id: int) -> tuple[int, ...]:
        return (*state, word_id)

    def next_log_probs(self, state: tuple[int, ...]) -> NDArray[np.float64]:
        return self.row_
