"""A tagger that is small enough to be calculated by hand: how often a word, or a feature, had each tag."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.parameters import param
from nlmkit.core.run import RunOptions
from nlmkit.decoding.chain import Chain
from nlmkit.saving.state import FittedState
from nlmkit.taggers.base import Tagger
from nlmkit.taggers.chain_tagger import ChainTagger
from nlmkit.text.tagged import Column, TaggedSentences

ENTRY_POINTS = {"nlmkit.taggers": {"toy-frequent": "toys.frequent_tagger:FrequentTagger"}}


@dataclasses.dataclass(kw_only=True)
class FrequentTagger(ChainTagger, Tagger):
    """Product, over the columns, of smoothed shares of tags; all legal transitions are equal."""

    name: ClassVar[str] = "toy-frequent"
    takes_features: ClassVar[bool] = True

    k: float = param(0.1, gt=0, help="added to every count")

    def fit_sentences(
        self, data: TaggedSentences, *, valid: TaggedSentences | None, run: RunOptions
    ) -> Mapping[str, Any]:
        assert data.tags is not None
        run.stage("counting tags", data.tokens)
        self.values_ = [list(column.types) for column in (data.words, *data.features)]
        self.counts_ = []
        for column in (data.words, *data.features):
            counts = np.zeros((len(column.types) + 1, len(self.tags_)))  # the last row is for what was not seen
            np.add.at(counts, (column.ids, data.tags.ids), 1)
            self.counts_.append(counts)
        run.advance(data.tokens)
        return {"held_out": None if valid is None else len(valid), "notes": ["the toy counted\x1b[31m"]}

    def emissions(self, data: TaggedSentences) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], Any]]:
        columns = zip((data.words, *data.features), self.values_, self.counts_, strict=True)
        scores = sum(self._scores(*each) for each in columns)
        for index, (start, end) in enumerate(zip(data.offsets, data.offsets[1:], strict=False)):
            yield np.array([index]), scores[start:end, None], np.array([end - start])

    def _scores(self, column: Column, values: list[str], counts: NDArray[np.float64]) -> NDArray[np.float64]:
        places = {value: place for place, value in enumerate(values)}
        rows = np.array([places.get(value, len(values)) for value in column.types], np.int64)
        shares = counts + self.k
        found: NDArray[np.float64] = np.log(shares / shares.sum(axis=1, keepdims=True))[rows][column.ids]
        return found

    def chain(self) -> Chain:
        return Chain(*(np.where(allowed, 0.0, -np.inf) for allowed in self.legal()))

    def fitted_state(self) -> FittedState:
        state = super().fitted_state()
        arrays = {f"counts{place}": counts for place, counts in enumerate(self.counts_)}
        return FittedState({**state.arrays, **arrays}, {**state.metadata, "values": self.values_})

    def restore(self, state: FittedState) -> None:
        super().restore(state)
        self.values_ = [list(values) for values in state.metadata["values"]]
        self.counts_ = [np.asarray(state.arrays[f"counts{place}"]) for place in range(len(self.values_))]
