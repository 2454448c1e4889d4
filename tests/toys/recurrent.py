"""An Elman network of a few units with random weights: a model that has hidden states, without any training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nlmkit.core.parameters import param
from nlmkit.language_models.base import Context, LanguageModel
from nlmkit.saving import require_array
from nlmkit.saving.state import FittedState
from nlmkit.text import BOS_ID, EOS_ID, Corpus, TextPipeline, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

GROUPS = {
    "nlmkit.language_models": {
        "toy-recurrent": "toys.recurrent:Recurrent",
        "toy-streaming-recurrent": "toys.recurrent:ByArray",
    }
}


class State:
    """A hidden state that is a value."""

    def __init__(self, hidden: NDArray[np.float32]) -> None:
        self.hidden = hidden

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self.hidden.tobytes() == other.hidden.tobytes()

    def __hash__(self) -> int:
        return hash(self.hidden.tobytes())


@dataclass(kw_only=True)
class Recurrent(LanguageModel):
    """An Elman network with random weights; its hidden states come sentence by sentence."""

    name: ClassVar[str] = "toy-recurrent"

    units: int = param(4, ge=1, help="hidden units")
    seed: int = param(0, ge=0, help="of the weights")

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Recurrent:
        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        self.pipeline_ = corpus.pipeline or TextPipeline()
        self.vocabulary_ = Vocabulary.from_corpus(corpus)
        random = np.random.default_rng(self.seed)
        self.input_ = random.normal(size=(len(self.vocabulary_), self.units)).astype(np.float32)
        self.recurrent_ = random.normal(size=(self.units, self.units)).astype(np.float32)
        self.output_ = random.normal(size=(self.units, len(self.vocabulary_)))
        return self

    def start(self) -> State:
        self.check_fitted()
        return self.advance(State(np.zeros(self.units, np.float32)), EOS_ID)

    def advance(self, state: State, word_id: int) -> State:
        return State(np.tanh(self.input_[word_id] + state.hidden @ self.recurrent_))

    def next_log_probs(self, state: State) -> NDArray[np.float64]:
        scores = state.hidden @ self.output_
        scores[BOS_ID] = -np.inf
        highest = scores.max()
        return np.asarray(scores - highest - np.log(np.exp(scores - highest).sum()))

    def hidden_states(self, data: Any, *, context: Context = "sentence") -> Any:
        return self._chunks(self.encode(data), context)

    def _chunks(self, corpus: Corpus, context: Context) -> Iterator[NDArray[np.float32]]:
        walk = self._walk(corpus, context)
        for length in np.diff(corpus.event_offsets).tolist():
            yield np.stack([next(walk)[0].hidden for _ in range(length)])

    def fitted_state(self) -> FittedState:
        self.check_fitted()
        return FittedState({"input": self.input_, "recurrent": self.recurrent_, "output": self.output_})

    def restore(self, state: FittedState) -> None:
        size = len(self.vocabulary_)
        self.input_ = require_array(state.arrays, "input", dtype="float32", shape=(size, self.units))
        self.recurrent_ = require_array(state.arrays, "recurrent", dtype="float32", shape=(self.units, self.units))
        self.output_ = require_array(state.arrays, "output", dtype="float64", shape=(self.units, size))


@dataclass(kw_only=True)
class ByArray(Recurrent):
    """The same, whose hidden states come as one array."""

    name: ClassVar[str] = "toy-streaming-recurrent"

    def hidden_states(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float32]:
        corpus = self.encode(data)
        return np.concatenate([np.empty((0, self.units), np.float32), *self._chunks(corpus, context)])
