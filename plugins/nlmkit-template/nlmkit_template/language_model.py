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
    """Unigram model with add-k smoothing: every word is as likely as it is frequent, whatever stands before it."""

    name = "template"

    k: float = param(1.0, gt=0, le=1e6, help="what is added to every word's count")

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
        """Nothing is remembered, so there is one state."""
        self.check_fitted()
        return ()

    def advance(self, state: tuple[()], word_id: int) -> tuple[()]:
        """The same state again; a model that looks back would take ``word_id`` into a new one."""
        return state

    def next_log_probs(self, state: tuple[()]) -> NDArray[np.float64]:
        """Natural log-probability of each vocabulary id: float64 [V]."""
        self.check_fitted()
        found: NDArray[np.float64] = self.word_log_probs_.copy()
        return found

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Natural log-probability of every event, all at once: float64 [events]."""
        check_context(context)
        events = self.encode(data).event_ids(self.vocabulary_)
        found: NDArray[np.float64] = self.word_log_probs_[events]
        return found

    def fitted_state(self) -> FittedState:
        """What a saved model holds; vocabulary and text pipeline are saved without being named here."""
        self.check_fitted()
        return FittedState({"word_log_probs": self.word_log_probs_})

    def restore(self, state: FittedState) -> None:
        """Take the array back, once it has the shape that it must have."""
        from nlmkit.plugin import require_array

        shape = (len(self.vocabulary_),)
        self.word_log_probs_ = require_array(state.arrays, "word_log_probs", dtype="float64", shape=shape)
