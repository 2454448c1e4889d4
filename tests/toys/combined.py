"""A component that contains others, as small as one can be; tests register it as a plugin's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nlmkit.core.parameters import param
from nlmkit.language_models.base import LanguageModel
from nlmkit.saving import require, require_array
from nlmkit.saving.state import FittedState
from nlmkit.text import Corpus, TextPipeline, Vocabulary
from toys.language_models import Bigram

if TYPE_CHECKING:
    from numpy.typing import NDArray

GROUPS = {
    "nlmkit.language_models": {
        "toy-uniform": "toys.language_models:Uniform",
        "toy-bigram": "toys.language_models:Bigram",
        "toy-stack": "toys.combined:Stack",
    }
}


@dataclass(kw_only=True)
class Stack(LanguageModel):
    """Gives every word the mean probability that its members give it; fits one member of its own besides."""

    name: ClassVar[str] = "toy-stack"

    first: LanguageModel | None = param(None, help="a member")
    others: tuple[LanguageModel, ...] = param((), help="more members")
    scale: float = param(1.0, gt=0, help="a number")

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Stack:
        corpus = data if isinstance(data, Corpus) else Corpus.read(data)
        self.pipeline_ = corpus.pipeline or TextPipeline()
        self.vocabulary_ = Vocabulary.from_corpus(corpus)
        self.own_ = Bigram(alpha=self.scale).fit(corpus)
        self.weights_ = np.full(1 + len(self._given()), self.scale)
        return self

    def _given(self) -> list[LanguageModel]:
        return [member for member in (self.first, *self.others) if member is not None and member.is_fitted]

    def start(self) -> tuple[Any, ...]:
        return tuple(member.start() for member in (self.own_, *self._given()))

    def advance(self, state: tuple[Any, ...], word_id: int) -> tuple[Any, ...]:
        members = (self.own_, *self._given())
        return tuple(member.advance(each, word_id) for member, each in zip(members, state, strict=True))

    def next_log_probs(self, state: tuple[Any, ...]) -> NDArray[np.float64]:
        members = (self.own_, *self._given())
        rows = [member.next_log_probs(each) for member, each in zip(members, state, strict=True)]
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.mean(np.exp(rows), axis=0)))

    def fitted_state(self) -> FittedState:
        return FittedState({"weights": self.weights_}, {"scale": self.scale}, {"own_": self.own_})

    def restore(self, state: FittedState) -> None:
        own = state.members.get("own_")
        require(isinstance(own, Bigram), "the own member is missing")
        assert isinstance(own, Bigram)
        self.own_ = own
        self.weights_ = require_array(state.arrays, "weights", dtype="float64", shape=(1 + len(self._given()),))
        require(set(state.arrays) == {"weights"}, "more arrays than there should be")
