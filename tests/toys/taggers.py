"""A small correct tagger. Nothing heavy is imported here, as in any component's module."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.core.parameters import param
from nlmkit.saving.checks import require_array
from nlmkit.saving.state import FittedState
from nlmkit.taggers.base import Tagger

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.chain import Chain
    from nlmkit.text.tagged import TaggedSentences


@dataclasses.dataclass(kw_only=True)
class ToyTagger(Tagger):
    """Bigram hidden Markov model: counts of tags after tags, and of words and features with tags, plus a little."""

    name: ClassVar[str] = "kit-correct-tagger"
    takes_features: ClassVar[bool] = True

    alpha: float = param(0.1, gt=0, help="what is added to every count")

    def fit_sentences(self, data: TaggedSentences, *, valid: Any, run: Any) -> Mapping[str, Any]:
        import numpy as np

        columns = self.columns_of(data)
        self.words_ = tuple({word: place for place, word in enumerate(self.words_of(data, valid))} for _ in columns[:1])
        self.words_ += tuple(
            {word: place for place, word in enumerate(column.compact().types)} for column in columns[1:]
        )
        tags, size = data.required_tags().ids, len(self.tags_)
        self.emissions_ = []
        for column, words in zip(columns, self.words_, strict=True):
            counts = np.full((len(words) + 1, size), self.alpha)
            np.add.at(counts, (self.rows(column, words), tags), 1)
            self.emissions_.append(np.log(counts / counts.sum(axis=0)))
        first = data.offsets[:-1][np.diff(data.offsets) > 0]
        starts = np.bincount(tags[first], minlength=size) + self.alpha
        pairs = np.full((size, size), self.alpha)
        follows = np.setdiff1d(np.arange(data.tokens), first)
        np.add.at(pairs, (tags[follows - 1], tags[follows]), 1)
        self.start_, self.pairs_ = np.log(starts / starts.sum()), np.log(pairs / pairs.sum(axis=1, keepdims=True))
        return {}

    def words_of(self, data: TaggedSentences, valid: Any) -> Sequence[str]:
        return data.words.compact().types

    def columns_of(self, data: TaggedSentences) -> tuple[Any, ...]:
        return (data.words, *data.features)

    def rows(self, column: Any, words: Mapping[str, int]) -> Any:
        import numpy as np

        return np.array([words.get(word, len(words)) for word in column.types], np.int64)[column.ids]

    def chain(self) -> Chain:
        import numpy as np

        from nlmkit.decoding.chain import Chain

        start, pairs, end = self.legal()
        found = (np.where(legal, score, -np.inf) for legal, score in ((start, self.start_), (pairs, self.pairs_)))
        return Chain(*found, np.where(end, 0.0, -np.inf))

    def scores(self, data: TaggedSentences) -> NDArray[np.float64]:
        columns = zip(self.columns_of(data), self.words_, self.emissions_, strict=True)
        return sum(emissions[self.rows(column, words)] for column, words, emissions in columns)  # type: ignore[return-value]

    def sentences(self, data: TaggedSentences) -> list[Any]:
        import numpy as np

        return np.split(self.scores(data), data.offsets[1:-1]) if len(data) else []

    def best(self, data: TaggedSentences, n: int) -> list[list[tuple[float, NDArray[np.int64]]]]:
        from nlmkit.decoding.chain import log_partition, n_best

        chain, found = self.chain(), []
        for scores in self.sentences(data):
            total = log_partition(chain, scores[:, None], [len(scores)])[0]
            found.append([(min(0.0, float(score - total)), path) for score, path in n_best(chain, scores, n)])
        return found

    def marginals(self, data: TaggedSentences) -> NDArray[np.float64]:
        import numpy as np

        from nlmkit.decoding.chain import marginals

        chain = self.chain()
        parts = [marginals(chain, scores[:, None], [len(scores)])[:, 0] for scores in self.sentences(data)]
        return np.concatenate([np.empty((0, len(self.tags_))), *parts])

    def span_log_probabilities(self, data: TaggedSentences, paths: Any) -> Any:
        from nlmkit.decoding.chain import span_log_probabilities

        chain = self.chain()
        return [span_log_probabilities(chain, *each) for each in zip(self.sentences(data), paths, strict=True)]

    def fitted_state(self) -> FittedState:
        state = super().fitted_state()
        arrays = {f"emissions.{place}": array for place, array in enumerate(self.emissions_)}
        words = {"words": [list(each) for each in self.words_]}
        return FittedState(
            {**state.arrays, **arrays, "start": self.start_, "pairs": self.pairs_}, {**state.metadata, **words}
        )

    def restore(self, state: FittedState) -> None:
        super().restore(state)
        size = len(self.tags_)
        self.words_ = tuple({word: place for place, word in enumerate(each)} for each in state.metadata["words"])
        self.start_ = require_array(state.arrays, "start", dtype="float64", shape=(size,))
        self.pairs_ = require_array(state.arrays, "pairs", dtype="float64", shape=(size, size))
        self.emissions_ = [
            require_array(state.arrays, f"emissions.{place}", dtype="float64", shape=(len(words) + 1, size))
            for place, words in enumerate(self.words_)
        ]
