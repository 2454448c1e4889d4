"""A small correct language model, and for each check one that breaks the promise it is about.

Import nothing heavy here, as in any component's module.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.core.parameters import param
from nlmkit.errors import DataError
from nlmkit.language_models.base import LanguageModel, check_context
from nlmkit.saving.state import FittedState
from toys.language_models import Bigram

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclasses.dataclass(kw_only=True)
class Correct(Bigram):
    """Counts of neighboring words, plus a constant; each sentence begins anew."""

    name: ClassVar[str] = "kit-correct"
    restarts: ClassVar[bool] = True

    alpha: float = param(0.1, gt=0, help="added to every count")
    cutoffs: tuple[int, ...] | None = param(None, ge=0, help="of no effect: a hyper-parameter that JSON has as a list")

    def log_probs(self, data: Any, *, context: Any = "sentence") -> NDArray[np.float64]:
        import numpy as np

        check_context(context)
        events = self.encode(data).event_ids(self.vocabulary_)
        before = np.ones_like(events)
        before[1:] = np.where(events[:-1] == 2, 1, events[:-1])
        return self.table_[before, events]

    def restore(self, state: FittedState) -> None:
        """Take what is there, unchecked: models that save the wrong thing must get as far as the check about it."""
        self.table_ = state.arrays["table"]
        self.trained_on_ = state.metadata["trained_on"]


@dataclasses.dataclass(kw_only=True)
class Uniform(Correct):
    """Every type is as probable as every other."""

    name: ClassVar[str] = "kit-uniform"

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Uniform:
        super().fit(data, valid=valid, run=run)
        self.table_[:] = -math.log(self.vocabulary_.size_predictable)
        self.table_[:, 1] = -math.inf
        return self


class Scorer(Correct):
    """Scores that are not probabilities, and says so."""

    @property
    def normalized(self) -> bool:
        return False

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Scorer:
        super().fit(data, valid=valid, run=run)
        self.table_ -= 0.5
        return self


class Cache(Correct):
    """Twice as probable a word for each time that the text has had it: later sentences remember earlier ones."""

    @property
    def adapts_to_test_text(self) -> bool:
        return True

    def start(self) -> tuple[int, ...]:
        self.check_fitted()
        return (1,)

    def advance(self, state: tuple[int, ...], word_id: int) -> tuple[int, ...]:
        return (*state, super().advance(state, word_id))

    def next_log_probs(self, state: tuple[int, ...]) -> NDArray[np.float64]:
        import numpy as np

        probabilities = np.exp(self.table_[state[-1]])
        heard = np.bincount(state, minlength=len(probabilities)) * (probabilities > 0)
        probabilities *= 2.0 ** np.minimum(heard, 3)
        with np.errstate(divide="ignore"):
            return np.log(probabilities / probabilities.sum())

    log_probs = LanguageModel.log_probs


# ------------------------------------------------------------------------------------------------- declaration


class NoSummary(Correct):
    pass


@dataclasses.dataclass(kw_only=True)
class GeneratedSummary(Correct):
    beta: float = param(0.1, gt=0, help="of no effect")


@dataclasses.dataclass(kw_only=True)
class NoHelp(Correct):
    """Leaves a hyper-parameter unexplained."""

    alpha: float = param(0.1, gt=0, help="")


@dataclasses.dataclass(kw_only=True)
class BadDefault(Correct):
    """Cannot be made with its own default."""

    alpha: float = param(-1.0, gt=0, help="added to every count")


class RoundsInJson(Correct):
    """Loses digits of a hyper-parameter on the way to JSON."""

    def params_as_json(self) -> dict[str, Any]:
        return super().params_as_json() | {"alpha": round(self.alpha, 1)}


class TakesAnyName(Correct):
    """Lets set_params set whatever it is given."""

    def set_params(self, **values: Any) -> TakesAnyName:
        for name, value in values.items():
            object.__setattr__(self, name, value)
        return self


@dataclasses.dataclass(kw_only=True)
class CopiesValues(Correct):
    """Keeps an equal value of a hyper-parameter, and not the object that was given."""

    def __post_init__(self) -> None:
        self.alpha = float(str(self.alpha))


class OtherName(Correct):
    """Is declared under another name; see the test's package."""

    name: ClassVar[str] = "kit-own-name"


# ----------------------------------------------------------------------------------------------------- fitting


class ScoresUnfitted(Correct):
    """Has a score before it is fitted."""

    def score(self, data: Any) -> float:
        return super().score(data) if self.is_fitted else math.nan


class SavesUnfitted(Correct):
    """Begins to save before it looks whether it is fitted."""

    def save(self, path: Any) -> None:
        Path(path).mkdir(parents=True, exist_ok=True)
        super().save(path)


class ReturnsNothing(Correct):
    """Forgets to return itself from fit."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(data, valid=valid, run=run)


class BareAttribute(Correct):
    """Sets fitted state under a name without an underscore."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        object.__setattr__(self, "counted", True)
        return super().fit(data, valid=valid, run=run)


class SetsItsHyperParameter(Correct):
    """Replaces a hyper-parameter by the value that it prefers."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        self.alpha = 0.5
        return super().fit(data, valid=valid, run=run)


@dataclasses.dataclass(kw_only=True)
class FitsItsPart(Correct):
    """Fits the model that it was given for a part, where a copy of it was to be fitted."""

    part: Correct | None = param(None, help="a model inside the model")

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        if self.part is not None:
            self.part.fit(data, valid=valid, run=run)
        return super().fit(data, valid=valid, run=run)


class WritesIntoText(Correct):
    """Appends to the sentences that it was given."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(data, valid=valid, run=run)
        if isinstance(data, list) and data and isinstance(data[0], list):
            data[0].append("end")
        return self


class WritesIntoCorpus(Correct):
    """Sorts the ids of the Corpus that it scores."""

    def score(self, data: Any) -> float:
        score = super().score(data)
        if getattr(data, "ids", None) is not None:
            data.ids.base.sort()
        return score


class CountsFits(Correct):
    """Gives another model each time, whatever the seed."""

    fits: ClassVar[Iterator[int]] = itertools.count()

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(data, valid=valid, run=run)
        self.trained_on_ = next(self.fits)
        return self


class Accumulates(Correct):
    """Adds to what it knows from its first fit."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        earlier = self.trained_on_ if self.is_fitted else 0
        super().fit(data, valid=valid, run=run)
        self.trained_on_ += earlier
        return self


class KeepsOldAttributes(Correct):
    """Keeps a remark on a former text when it is fitted on another one."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(data, valid=valid, run=run)
        if len(self.vocabulary_) < 12:
            self.remark_ = "a small text"
        return self


class ChangesWhenWatched(Correct):
    """Trains differently while somebody watches the progress."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(data, valid=valid, run=run)
        if run is not None and run.progress is not None:
            self.table_ = self.table_.astype("float32")
        return self


class ScoreOfNumPy(Correct):
    """Returns its score as NumPy's single-precision number."""

    def score(self, data: Any) -> Any:
        import numpy as np

        return np.float32(super().score(data))


# ------------------------------------------------------------------------------------------------------ saving


class StateOfLists(Correct):
    """Gives lists where arrays were asked for."""

    def fitted_state(self) -> Any:
        state = super().fitted_state()
        return FittedState({"table": state.arrays["table"].tolist()}, state.metadata)


class RoundsWhenSaved(Correct):
    """Saves in half the precision that it computes with."""

    def fitted_state(self) -> Any:
        state = super().fitted_state()
        return FittedState({"table": state.arrays["table"].astype("float16")}, state.metadata)


class ForgetsWhenLoaded(Correct):
    """Does not restore all of its state."""

    def restore(self, state: FittedState) -> None:
        super().restore(state)
        self.trained_on_ = 0


class SavesBeside(Correct):
    """Writes a file beside the folder that it is told to save to, and needs it again."""

    def save(self, path: Any) -> None:
        super().save(path)
        (Path(path).parent / "weights.txt").write_text("needed", "utf-8")

    def restore(self, state: Any) -> None:
        super().restore(state)
        (state.arrays.file.parent.parent / "weights.txt").read_text("utf-8")


# ------------------------------------------------------------------------------------------------- what fit leaves


class OwnPipeline(Correct):
    """Does not keep the text pipeline of the Corpus it is fitted on."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        from nlmkit.text import TextPipeline

        super().fit(data, valid=valid, run=run)
        if self.pipeline_.tokenizer == "space":
            self.pipeline_ = TextPipeline()
        return self


class DropsRareWords(Correct):
    """Leaves rare words out of the vocabulary without having been told to."""

    def limited_vocabulary(self, corpus: Any) -> Any:
        from nlmkit.text import Vocabulary

        return Vocabulary.from_corpus(corpus, size=25)


class ReadsTwice(Correct):
    """Goes through the training text twice, which an iterator does not allow."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        if not isinstance(data, (str, Path)) and not hasattr(data, "types"):
            sum(1 for _ in data)
        return super().fit(data, valid=valid, run=run)


class ReadsAsItLikes(Correct):
    """Reads text to score in the ordinary way, whatever the way of the training text."""

    def encode(self, data: Any) -> Any:
        from nlmkit.text import Corpus

        self.check_fitted()
        return super().encode(data if isinstance(data, Corpus) else Corpus(*_arrays(Corpus.read(data))))


def _arrays(corpus: Any) -> tuple[Any, Any, Any]:
    return corpus.types, corpus.ids, corpus.offsets


class DividesByWords(Correct):
    """Falls over a training text without words."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(data, valid=valid, run=run)
        self.mean_length_ = self.vocabulary_.counts.sum() / (len(self.vocabulary_) - 3 or math.inf)
        1 / (len(self.vocabulary_) - 3)
        return self


class RuleWithBar(Correct):
    """Describes its unknown words in a way that breaks the signature."""

    @property
    def unknown_rule(self) -> str:
        return "trained|somehow"


class LabelWithColon(Correct):
    """Labels its reports in a way that breaks the signature."""

    def report(self, data: Any, *, context: Any = "sentence") -> Any:
        return dataclasses.replace(super().report(data, context=context), labels={"window": "500: words"})


# ------------------------------------------------------------------------------------------- the state machine


class SinglePrecision(Correct):
    """Computes distributions in single precision."""

    def next_log_probs(self, state: Any) -> Any:
        return super().next_log_probs(state).astype("float32")


class PredictsBegin(Correct):
    """Leaves a little probability to the mark before a sentence."""

    def next_log_probs(self, state: Any) -> Any:
        import numpy as np

        row = np.array(super().next_log_probs(state))
        row[1] = -60.0
        return row


class LosesMass(Correct):
    """Loses a hundredth of all probability."""

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> Any:
        super().fit(data, valid=valid, run=run)
        self.table_ -= 0.01
        return self


class ForgetsInSteps(Correct):
    """Returns the first state with the log-probability of a word."""

    def log_prob(self, state: Any, word: Any) -> Any:
        return super().log_prob(state, word)[0], self.start()


class OneWordForAll(Correct):
    """Continues all hypotheses by the same word."""

    def rows(self, count: int) -> Any:
        from nlmkit.decoding.rows import MachineRows

        class Rows(MachineRows):
            def take(self, rows: Any, ids: Any) -> Any:
                return Rows(self._machine, super().take(rows, ids[:1].repeat(len(ids))).states)

        return Rows(self, [self.start()] * count)


class LooksAround(Correct):
    """Claims to look at the words of a source."""

    def rows(self, count: int) -> Any:
        from nlmkit.decoding.rows import MachineRows

        class Rows(MachineRows):
            def attention(self) -> Any:
                return [[1.0]] * len(self.states)

            def take(self, rows: Any, ids: Any) -> Any:
                return Rows(self._machine, super().take(rows, ids).states)

        return Rows(self, [self.start()] * count)


class ListStates(Correct):
    """Has lists for states."""

    def start(self) -> Any:
        return [super().start()]

    def advance(self, state: Any, word_id: int) -> Any:
        return [super().advance(state[0], word_id)]

    def next_log_probs(self, state: Any) -> Any:
        return super().next_log_probs(state[0])


class ObjectStates(ListStates):
    """Has states that equal nothing but themselves."""

    def start(self) -> Any:
        return _Identity(super().start())

    def advance(self, state: Any, word_id: int) -> Any:
        return _Identity(super().advance(state, word_id))


class _Identity(list):  # type: ignore[type-arg]
    __hash__ = object.__hash__
    __eq__ = object.__eq__


@dataclasses.dataclass
class Cursor:
    """A state that moves."""

    at: int

    def __hash__(self) -> int:
        return hash(self.at)


class MovingState(Correct):
    """Changes the state that it is asked to advance from."""

    def start(self) -> Any:
        return Cursor(super().start())

    def advance(self, state: Any, word_id: int) -> Any:
        if word_id > 3:
            state.at = word_id
            return state
        return Cursor(super().advance(state.at, word_id))

    def next_log_probs(self, state: Any) -> Any:
        return super().next_log_probs(state.at)


class EndsForever(Correct):
    """Expects nothing but further ends after the first end of a sentence."""

    def advance(self, state: Any, word_id: int) -> Any:
        return 2 if word_id == 2 or state == 2 else super().advance(state, word_id)

    def next_log_probs(self, state: Any) -> Any:
        import numpy as np

        if state != 2:
            return super().next_log_probs(state)
        row = np.full(len(self.vocabulary_), -np.inf)
        row[2] = 0
        return row

    log_probs = LanguageModel.log_probs


# ---------------------------------------------------------------------------------------------------- log_probs


class SinglePrecisionBatch(Correct):
    """Computes the log-probabilities of a text in single precision."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        return super().log_probs(data, context=context).astype("float32")


class OtherBatch(Correct):
    """Has a fast path that does not compute what the model is."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        return super().log_probs(data, context=context) * 1.001


class NoEndRow(Correct):
    """Leaves the distribution of the end of the sentence out."""

    def distributions(self, data: Any, *, context: Any = "sentence") -> Any:
        chunks = super().distributions(data, context=context)
        return (chunk[:-1] for chunk in chunks)


class OtherRows(Correct):
    """Has a fast path to distributions that does not compute what the model is."""

    def distributions(self, data: Any, *, context: Any = "sentence") -> Any:
        chunks = super().distributions(data, context=context)
        return (chunk - 0.001 for chunk in chunks)


class ReadsBothWays(Correct):
    """Scores a word by the word after it, too."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        import numpy as np

        corpus = self.encode(data)
        values = super().log_probs(corpus, context=context)
        events = corpus.event_ids(self.vocabulary_)
        return values - 0.001 * np.append(events[1:] % 7, 0) * (events != 2)


class PaddingLeaks(Correct):
    """Scores a sentence lower among longer ones."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        import numpy as np

        corpus = self.encode(data)
        values = super().log_probs(corpus, context=context)
        lengths = np.diff(corpus.event_offsets)
        if context == "stream" or not len(lengths):
            return values
        return values - 0.001 * np.repeat(lengths.max() - lengths, lengths)


class RemembersSentences(Correct):
    """Lets the sentence before shine through although the context is the sentence."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        corpus = self.encode(data)
        values = super().log_probs(corpus, context=context)
        if context == "sentence":
            values[corpus.event_offsets[1:-1]] -= 0.001
        return values


class ShortDetails(Correct):
    """Leaves the ends of sentences out of the details."""

    def event_details(self, data: Any) -> Any:
        corpus = self.encode(data)
        return super().event_details(corpus) | {"id": corpus.ids_for(self.vocabulary_)}


class OtherDetailsTogether(Correct):
    """Leaves a column out where log-probabilities and details are asked for at once."""

    def event_details(self, data: Any) -> Any:
        return {"id": self.encode(data).event_ids(self.vocabulary_)}

    def log_probs_and_details(self, data: Any, *, context: Any = "sentence") -> Any:
        return self.log_probs(data, context=context), {}


class OtherScoresTogether(Correct):
    """Scores a text otherwise where details are asked for at once."""

    def log_probs_and_details(self, data: Any, *, context: Any = "sentence") -> Any:
        return self.log_probs(data, context=context) - 0.1, self.event_details(data)


# ------------------------------------------------------------------------------------------------------ reports


class SumScore(Correct):
    """Scores a text by its whole log-probability."""

    def score(self, data: Any) -> float:
        return float(self.log_probs(data).sum()) if self.encode(data).events else math.nan


class MeanOfPerplexities(Correct):
    """Averages the perplexities of the sentences."""

    def perplexity(self, data: Any, *, context: Any = "sentence") -> float:
        from nlmkit.text import Corpus

        corpus = self.encode(data)
        if not isinstance(data, Corpus) and corpus.sentences > 1 and corpus.tokens < 100:
            each = [super(MeanOfPerplexities, self).perplexity([words]) for words in data]
            return sum(each) / len(each)
        return super().perplexity(data, context=context)


class CountsWords(Correct):
    """Counts words alone as events in its reports."""

    def report(self, data: Any, *, context: Any = "sentence") -> Any:
        report = super().report(data, context=context)
        return dataclasses.replace(report, events=report.events - report.sentences)


class Overconfident(Correct):
    """Gains confidence with every repetition of a word, without end."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        import numpy as np

        corpus = self.encode(data)
        values = super().log_probs(corpus, context=context)
        events = corpus.event_ids(self.vocabulary_)
        repeated = 0
        for at in range(1, len(events)):
            repeated = repeated + 1 if events[at] == events[at - 1] else 0
            values[at] += max(0, repeated - 50) * np.log(2)
        return values


class Unashamed(Scorer):
    """Calculates a perplexity from scores that are not probabilities."""

    def perplexity(self, data: Any, *, context: Any = "sentence") -> float:
        return math.exp(-self.score(data))


class ReportsScores(Scorer):
    """Refuses the perplexity of its scores, and reports it all the same."""

    def report(self, data: Any, *, context: Any = "sentence") -> Any:
        return Correct(alpha=self.alpha).fit(data).report(data)

    def perplexity(self, data: Any, *, context: Any = "sentence") -> float:
        return super(Scorer, self).report(data).perplexity


# ----------------------------------------------------------------------------------------------- unusual texts


class DividesByKnown(Correct):
    """Divides by the number of known words."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        corpus = self.encode(data)
        values = super().log_probs(corpus, context=context)
        known = corpus.tokens - int(corpus.oov_mask(self.vocabulary_).sum())
        return values if known or corpus.tokens < 2 or len(self.vocabulary_) == 3 else values * math.nan


class CountsNoUnknown(Correct):
    """Reports no OOV words where there is nothing else."""

    def report(self, data: Any, *, context: Any = "sentence") -> Any:
        report = super().report(data, context=context)
        return dataclasses.replace(report, oov=report.oov % (report.events - report.sentences or 1))


class FailsWithoutSentences(Correct):
    """Cannot do without a sentence."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        import numpy as np

        corpus = self.encode(data)
        parts = np.split(super().log_probs(corpus, context=context), corpus.event_offsets[1:-1].tolist())
        if not corpus.sentences:
            raise IndexError("no sentence")
        return np.concatenate(parts)


class SkipsBlanks(Correct):
    """Passes over blank sentences."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        import numpy as np

        corpus = self.encode(data)
        lengths = np.diff(corpus.event_offsets)
        return super().log_probs(corpus, context=context)[np.repeat(lengths > 1, lengths)]


class DislikesUnk(Correct):
    """Refuses a text with <unk>, as some toolkits do."""

    def encode(self, data: Any) -> Any:
        corpus = super().encode(data)
        if "<unk>" in corpus.types and corpus.sentence(-1)[:1] != ["<unk>"]:
            raise DataError("<unk> is reserved")
        return corpus


class DropsMarks(Correct):
    """Removes the marks of sentences from text."""

    def encode(self, data: Any) -> Any:
        if isinstance(data, list) and data and isinstance(data[0], list):
            data = [[word for word in words if word not in ("<s>", "</s>")] for words in data]
        return super().encode(data)


class TakesAnyCorpus(Correct):
    """Scores any Corpus, however it was read."""

    def encode(self, data: Any) -> Any:
        from nlmkit.text import Corpus

        self.check_fitted()
        return data if isinstance(data, Corpus) else super().encode(data)


class TakesAnyContext(Correct):
    """Takes every context but stream for the sentence."""

    def log_probs(self, data: Any, *, context: Any = "sentence") -> Any:
        return super().log_probs(data, context="stream" if context == "stream" else "sentence")


# -------------------------------------------------------------------------------------------------- generation


class GeneratesMarks(Correct):
    """Gives the mark of the end away."""

    def generate(self, **options: Any) -> list[str]:
        return [*super().generate(**options)[:-1], "</s>"]


class GeneratesTooMuch(Correct):
    """Does not stop at the limit."""

    def generate(self, **options: Any) -> list[str]:
        return super().generate(**options) * 20


class NeverRepeats(Correct):
    """Takes another seed each time."""

    calls: ClassVar[Iterator[int]] = itertools.count()

    def generate(self, *, seed: int = 0, **options: Any) -> list[str]:
        return super().generate(seed=seed + 100 * next(self.calls), **options)


class IgnoresSeed(Correct):
    """Takes always the same seed."""

    def generate(self, *, seed: int = 0, **options: Any) -> list[str]:
        return super().generate(seed=3, **options)
