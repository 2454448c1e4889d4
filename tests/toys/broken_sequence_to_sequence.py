"""For each check of sequence-to-sequence models, one that breaks the promise it is about.

Nothing heavy is imported here, as in any component's module.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any, Self

from nlmkit.errors import DataError
from toys.sequence_to_sequence import ToyDescriber, ToyTranslator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.seq2seq.pairs import Pairs


# --------------------------------------------------------------------------------------------- what fit leaves


class ForgetsTheSourceSide(ToyTranslator):
    """Says that its sources have a dimension."""

    def fit_pairs(self, data: Pairs, **options: Any) -> Any:
        self.dimension_ = 3
        return super().fit_pairs(data, **options)


class LearnsValidWords(ToyTranslator):
    """Has the held-out targets' words in its vocabulary."""

    def fit_pairs(self, data: Pairs, *, valid: Any, run: Any) -> Any:
        from nlmkit.seq2seq.pairs import Pairs
        from nlmkit.text import Vocabulary

        more = [word for word in valid.targets.types if word not in self.vocabulary_]
        self.vocabulary_ = Vocabulary([*self.vocabulary_.words, *more])
        return super().fit_pairs(Pairs(data.sources, data.targets, self.vocabulary_), valid=valid, run=run)


class MakesUpPerplexity(ToyTranslator):
    """Reports a perplexity of its own."""

    def fit_pairs(self, data: Pairs, **options: Any) -> Any:
        return {**super().fit_pairs(data, **options), "validation_perplexity": 1.5}


class ForgetsWhenItFails(ToyTranslator):
    """Forgets its fit before it knows whether the next one succeeds."""

    def fit(self, sources: Any, targets: Any = None, **options: Any) -> Self:
        self._forget()
        return super().fit(sources, targets, **options)


# ----------------------------------------------------------------------------------------------- forms of input


class TurnsTuplesRound(ToyTranslator):
    """Reads a tuple from its end."""

    def conditions(self, sources: Any) -> Any:
        return super().conditions(sources[::-1] if isinstance(sources, tuple) else sources)

    def fit(self, sources: Any, targets: Any = None, **options: Any) -> Self:
        return super().fit(sources[::-1] if isinstance(sources, tuple) else sources, targets, **options)


class LowersFiles(ToyTranslator):
    """Drops the last pair of a file."""

    def fit(self, sources: Any, targets: Any = None, **options: Any) -> Self:
        if getattr(sources, "lines", None) is not None:
            sources = sources.subset(range(len(sources) - 1))
        return super().fit(sources, targets, **options)


class TakesAnyCorpus(ToyTranslator):
    """Takes any corpus of targets as it is."""

    def encode(self, data: Any) -> Any:
        return data


class MakesUpTargets(ToyTranslator):
    """Fills in targets that are missing."""

    def fit(self, sources: Any, targets: Any = None, **options: Any) -> Self:
        if targets is None and isinstance(sources, list):
            targets = ["x"] * len(sources)
        return super().fit(sources, targets, **options)


class IgnoresTheDimension(ToyDescriber):
    """Takes validation vectors of any dimension."""

    def fit(self, sources: Any, targets: Any = None, *, valid: Any = None, **options: Any) -> Self:
        try:
            return super().fit(sources, targets, valid=valid, **options)
        except DataError:
            return super().fit(sources, targets, **options)


# -------------------------------------------------------------------------------------------------------- learning


class NeverLearns(ToyTranslator):
    """Takes all words to be equally probable, and nearly so those of training."""

    def fit_pairs(self, data: Pairs, **options: Any) -> Any:
        import numpy as np

        found = super().fit_pairs(data, **options)
        with np.errstate(divide="ignore"):
            mixed = 0.98 / (len(self.vocabulary_) - 1) + 0.02 * np.exp(self.table_)
            mixed[:, 1] = 0
            self.table_ = np.log(mixed / mixed.sum(axis=1, keepdims=True))
        return found


class DislikesRepetition(ToyTranslator):
    """Wants each source once."""

    def fit_pairs(self, data: Pairs, **options: Any) -> Any:
        sources = [tuple(condition.tolist()) for condition in data.conditions()]
        if len(set(sources)) < len(sources):
            raise DataError("a source stands twice")
        return super().fit_pairs(data, **options)


# --------------------------------------------------------------------------------------------------------- judging


class ScoresPairs(ToyTranslator):
    """Has the mean log-probability per pair for its score."""

    def score(self, sources: Any, targets: Any = None) -> float:
        values = self.log_probs(sources, targets)
        return float(values.sum()) / len(self.encode_pairs(sources, targets))


class CountsWords(ToyTranslator):
    """Identifies no sources in its report."""

    def perplexity_report(self, sources: Any, targets: Any = None) -> Any:
        report = super().perplexity_report(sources, targets)
        return dataclasses.replace(report, labels={})


class ReportsOther(ToyTranslator):
    """Reports the score of another text."""

    def report(self, sources: Any, targets: Any = None, **options: Any) -> Any:
        report = super().report(sources, targets, **options)
        events = report.perplexity_report.events + 1
        return dataclasses.replace(
            report, perplexity_report=dataclasses.replace(report.perplexity_report, events=events)
        )


class ClonesFitted(ToyTranslator):
    """Is cloned with its fit."""

    def __sklearn_clone__(self) -> Self:
        return copy.copy(self)


# --------------------------------------------------------------------------------------------------- probabilities


class Unnormalized(ToyTranslator):
    """Adds to each log-probability."""

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        return super().next_log_probs(state) + 0.01


class PredictsTheBeginning(ToyTranslator):
    """Gives ``<s>`` a probability."""

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        found = super().next_log_probs(state)
        found[1] = found[0]
        return found


class ScoresOtherwise(ToyTranslator):
    """Scores pairs by another way than the state machine's."""

    def log_probs_of(self, pairs: Pairs) -> NDArray[np.float64]:
        return super().log_probs_of(pairs) * 1.01


class BatchMatters(ToyTranslator):
    """Scores and translates sources beside others differently."""

    def log_probs_of(self, pairs: Pairs) -> NDArray[np.float64]:
        return super().log_probs_of(pairs) - 0.001 * (len(pairs) > 1)

    def rows(self, conditions: Any) -> Any:
        return super().rows(conditions if len(conditions) == 1 else [conditions[0], *conditions[:-1]])


class RowsOfOthers(ToyTranslator):
    """Returns the rows in another order."""

    def rows(self, conditions: Any) -> Any:
        return super().rows(conditions[::-1])


class IgnoresSources(ToyTranslator):
    """Has one distribution for all sources."""

    def fit_pairs(self, data: Pairs, **options: Any) -> Any:
        found = super().fit_pairs(data, **options)
        self.table_[:] = self.table_[3]
        return found


# ----------------------------------------------------------------------------------------------------- predictions


class GreedyForTheSecond(ToyTranslator):
    """Predicts, with a beam of 1, the second best word."""

    def n_best(self, sources: Any, n: int, *, beam: int | None = None, **options: Any) -> Any:
        if beam != 1:
            return super().n_best(sources, n, beam=beam, **options)
        return [best[1:] for best in super().n_best(sources, 2, beam=3, **options)]


class BestTwice(ToyTranslator):
    """Returns the best target twice."""

    def n_best(self, sources: Any, n: int, **options: Any) -> Any:
        return [[best[0], *best][:n] for best in super().n_best(sources, n, **options)]


class ScoresForLogProbs(ToyTranslator):
    """Calls the score a log-probability."""

    def n_best(self, sources: Any, n: int, **options: Any) -> Any:
        found = super().n_best(sources, n, **options)
        return [[dataclasses.replace(one, log_prob=one.score) for one in best] for best in found]


class AnyLength(ToyTranslator):
    """Ignores the limits of lengths."""

    def n_best(self, sources: Any, n: int, **options: Any) -> Any:
        options = {name: value for name, value in options.items() if name not in ("min_length", "max_length")}
        return super().n_best(sources, n, **options)


class AnyOption(ToyTranslator):
    """Ignores options that it does not know."""

    def n_best(self, sources: Any, n: int, **options: Any) -> Any:
        options.pop("breadth", None)
        return super().n_best(sources, n, **options)


class NeedsKnownWords(ToyTranslator):
    """Refuses sources without a known word."""

    def start(self, condition: Any) -> Any:
        if condition.max() < 3:
            raise ValueError("no known word")
        return super().start(condition)


class NeedsSources(ToyTranslator):
    """Fails without sources."""

    def n_best(self, sources: Any, n: int, **options: Any) -> Any:
        found = super().n_best(sources, n, **options)
        return found if found else [[]]


class CutsSources(ToyTranslator):
    """Refuses long sources."""

    def start(self, condition: Any) -> Any:
        if len(condition) > 100:
            raise ValueError("too long")
        return super().start(condition)


class GeneratesTheSame(ToyTranslator):
    """Samples with one seed."""

    def generate(self, source: Any, *, seed: int = 0, **options: Any) -> list[str]:
        return super().generate(source, seed=0, **options)


class MakesUpAttention(ToyTranslator):
    """Has no attention, and returns some."""

    def attention(self, sources: Any, targets: Any = None) -> Any:
        return []


class ToyAligner(ToyTranslator):
    """Looks at the source token at the place of each word, or at the ``</s>`` behind them."""

    @property
    def has_attention(self) -> bool:
        return True

    def attention_of(self, pairs: Pairs) -> Any:
        import numpy as np

        found = []
        for condition, events in zip(pairs.conditions(), pairs.events(), strict=True):
            width = len(condition) + 1
            found.append(np.eye(width, dtype=np.float32)[np.minimum(np.arange(len(events)), width - 1)])
        return found

    def rows(self, conditions: Any) -> Any:
        return _Aligned(super().rows(conditions), [len(condition) for condition in conditions], 0)


class _Aligned:
    """Rows with attention, of which each is as old as the others."""

    def __init__(self, rows: Any, lengths: list[int], place: int) -> None:
        self._rows, self._lengths, self._place = rows, lengths, place

    def log_probs(self) -> Any:
        return self._rows.log_probs()

    def attention(self) -> Any:
        import numpy as np

        width = max(self._lengths, default=0) + 1
        return np.eye(width)[[min(self._place, length) for length in self._lengths]]

    def take(self, rows: Any, ids: Any) -> _Aligned:
        lengths = [self._lengths[row] for row in rows.tolist()]
        return _Aligned(self._rows.take(rows, ids), lengths, self._place + 1)


class AttendsTwice(ToyAligner):
    """Has weights of sum 2."""

    def attention_of(self, pairs: Pairs) -> Any:
        return [2 * weights for weights in super().attention_of(pairs)]


class TakesBlanks(ToyTranslator):
    """Takes one text for a source."""

    def predict(self, sources: Any, **options: Any) -> list[str]:
        return super().predict([sources] if isinstance(sources, str) else sources, **options)


class TakesNaN(ToyDescriber):
    """Takes NaN for 0."""

    def n_best(self, sources: Any, n: int, **options: Any) -> Any:
        import numpy as np

        return super().n_best(np.nan_to_num(sources), n, **options)
