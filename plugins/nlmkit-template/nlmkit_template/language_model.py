"""The language model ``template``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Self

from nlmkit.plugin import Context, FittedState, LanguageModel, RunOptions, VocabularyLimits, check_context, param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclasses.dataclass(kw_only=True)
class Template(VocabularyLimits, LanguageModel):
    """Unigram model with add-k smoothing: the probability of a word depends on its frequency only, not on its
    context."""

    name = "template"

    k: float = param(1.0, gt=0, le=1e6, help="constant added to the count of each word")

    def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Self:
        """Count the words of ``data``: anything that Corpus.read takes, or a Corpus."""
        import numpy as np
        from nlmkit.plugin import BOS_ID, Corpus, TextPipeline

        run = run or RunOptions()
        run.stage("reading text")
        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        vocabulary = self.limited_vocabulary(corpus)
        run.stage("counting words")
        counts = np.bincount(corpus.event_ids(vocabulary), minlength=len(vocabulary)) + self.k
        counts[BOS_ID] = 0  # <s> is no event
        with np.errstate(divide="ignore"):
            self.word_log_probs_ = np.log(counts / counts.sum())
        self.vocabulary_, self.pipeline_ = vocabulary, corpus.pipeline or TextPipeline()
        return self

    def start(self) -> tuple[()]:
        """Return the only state, as the model has no context."""
        self.check_fitted()
        return ()

    def advance(self, state: tuple[()], word_id: int) -> tuple[()]:
        """Return the same state; a model with a context would return a new one with ``word_id``."""
        return state

    def next_log_probs(self, state: tuple[()]) -> NDArray[np.float64]:
        """Natural log-probability of each vocabulary id: float64 [V]."""
        self.check_fitted()
        found: NDArray[np.float64] = self.word_log_probs_.copy()
        return found

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Return the natural log-probability of every event at once: float64 [events]."""
        check_context(context)
        events = self.encode(data).event_ids(self.vocabulary_)
        found: NDArray[np.float64] = self.word_log_probs_[events]
        return found

    def fitted_state(self) -> FittedState:
        """Return the arrays to save; vocabulary and text pipeline are saved automatically."""
        self.check_fitted()
        return FittedState({"word_log_probs": self.word_log_probs_})

    def restore(self, state: FittedState) -> None:
        """Restore the array after checking its shape."""
        from nlmkit.plugin import require_array

        shape = (len(self.vocabulary_),)
        self.word_log_probs_ = require_array(state.arrays, "word_log_probs", dtype="float64", shape=shape)
