"""For each check of taggers, one that breaks the promise it is about.

Nothing heavy is imported here, as in any component's module.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nlmkit.errors import DataError
from toys.taggers import ToyTagger

if TYPE_CHECKING:
    from nlmkit.text.tagged import TaggedSentences


# --------------------------------------------------------------------------------------------- what fit leaves


class SortsTags(ToyTagger):
    """Says that its tags are a list."""

    def fit_sentences(self, data: TaggedSentences, **options: Any) -> Any:
        found = super().fit_sentences(data, **options)
        self.tags_ = list(self.tags_)  # type: ignore[assignment]
        return found


class OtherScheme(ToyTagger):
    """Says that the training file had the scheme of its own tags."""

    def fit_sentences(self, data: TaggedSentences, **options: Any) -> Any:
        self.scheme_ = "BIOES"
        return super().fit_sentences(data, **options)


class Miscounts(ToyTagger):
    """Counts the sentences with a word alone."""

    def fit_sentences(self, data: TaggedSentences, **options: Any) -> Any:
        return {**super().fit_sentences(data, **options), "sentences": 1}


class MakesUpF1(ToyTagger):
    """Reports an F1 of its own."""

    def fit_sentences(self, data: TaggedSentences, **options: Any) -> Any:
        return {**super().fit_sentences(data, **options), "validation_f1": 0.5}


class LearnsValidWords(ToyTagger):
    """Knows the validation sentences' words."""

    def fit_sentences(self, data: TaggedSentences, *, valid: Any, run: Any) -> Any:
        self.known_words_ |= set(valid.words.types)
        return super().fit_sentences(data, valid=valid, run=run)


class ForgetsWhenItFails(ToyTagger):
    """Forgets its fit before it knows whether the next one succeeds."""

    def fit(self, sentences: Any, tags: Any = None, **options: Any) -> Any:
        self._forget()
        return super().fit(sentences, tags, **options)


# ----------------------------------------------------------------------------------------------- forms of input


class TurnsTuplesRound(ToyTagger):
    """Reads a tuple from its end."""

    def encode(self, sentences: Any, **options: Any) -> Any:
        return super().encode(sentences[::-1] if isinstance(sentences, tuple) else sentences, **options)


class TakesAnyCorpus(ToyTagger):
    """Takes any corpus as it is."""

    def encode(self, sentences: Any, **options: Any) -> Any:
        from nlmkit.text import Corpus

        if isinstance(sentences, Corpus):
            sentences = [sentences.sentence(index) for index in range(sentences.sentences)]
        return super().encode(sentences, **options)


class KeepsWidth(ToyTagger):
    """Looks words up as they are written."""

    def encode(self, sentences: Any, **options: Any) -> Any:
        from nlmkit.text.tagged import TaggedSentences

        found = super().encode(sentences, **options)
        if isinstance(sentences, list) and sentences and isinstance(sentences[0], list):
            return TaggedSentences(sentences)
        return found


class IgnoresFeatures(ToyTagger):
    """Takes sentences without the columns of training."""

    def encode(self, sentences: Any, **options: Any) -> Any:
        from nlmkit.text.tagged import TaggedSentences

        if self.is_fitted and self.feature_names_ and isinstance(sentences, list) and not options.get("features"):
            return TaggedSentences(sentences, features=[sentences], feature_names=self.feature_names_)
        return super().encode(sentences, **options)


class SwallowsFeatures(ToyTagger):
    """Says that it uses no feature columns, and drops them."""

    takes_features = False

    def fit(self, sentences: Any, tags: Any = None, **options: Any) -> Any:
        from nlmkit.taggers.inputs import changed, tagged

        data = changed(tagged(sentences, tags), features=(), feature_names=())
        return super().fit(data, **{**options, "valid": None})


# -------------------------------------------------------------------------------------------------- predictions


class IgnoresTheScheme(ToyTagger):
    """Takes the best tag at each token."""

    def tag_ids(self, data: TaggedSentences) -> Any:
        return self.scores(data).argmax(axis=1)


class PredictsInnerTags(ToyTagger):
    """Predicts its own tags whatever the scheme of the file."""

    def predict(self, sentences: Any, **options: Any) -> Any:
        data = self.encode(sentences, **options)
        tags = [self.tags_[tag] for tag in self.tag_ids(data).tolist()]
        ends = data.offsets.tolist()
        return [tags[start:end] for start, end in pairwise(ends)]


class NeedsWords(ToyTagger):
    """Cannot tag an empty sentence."""

    def scores(self, data: TaggedSentences) -> Any:
        if (data.offsets[1:] == data.offsets[:-1]).any():
            raise ValueError("empty sentence")
        return super().scores(data)


class NeedsSentences(ToyTagger):
    """Cannot tag nothing."""

    def encode(self, sentences: Any, **options: Any) -> Any:
        found = super().encode(sentences, **options)
        if not len(found):
            raise DataError("no sentences")
        return found


class CutsSentences(ToyTagger):
    """Refuses long sentences."""

    def scores(self, data: TaggedSentences) -> Any:
        if data.tokens and (data.offsets[1:] - data.offsets[:-1]).max() > 512:
            raise DataError("the sentence is too long")
        return super().scores(data)


class BatchMatters(ToyTagger):
    """Adds a little for the longest sentence beside."""

    def scores(self, data: TaggedSentences) -> Any:
        import numpy as np

        found = super().scores(data)
        found[:, 0] += 1e-3 * float(np.diff(data.offsets).max(initial=0))
        return found


# ------------------------------------------------------------------------------------------------ probabilities


class SinglePrecision(ToyTagger):
    """Gives float32."""

    def marginals(self, data: TaggedSentences) -> Any:
        return super().marginals(data).astype("float32")


class SoftmaxAtEachToken(ToyTagger):
    """Takes scores of single tokens for probabilities, whatever is around them."""

    def marginals(self, data: TaggedSentences) -> Any:
        import numpy as np

        found = np.exp(self.scores(data))
        return found / found.sum(axis=1, keepdims=True)


class BestTwice(ToyTagger):
    """Returns the best sequence again in place of the second."""

    def best(self, data: TaggedSentences, n: int) -> Any:
        return [[each[0], each[0], *each[2:]] if len(each) > 1 else each for each in super().best(data, n)]


class ScoresForProbabilities(ToyTagger):
    """Returns scores that are not divided by the sum over all sequences."""

    def best(self, data: TaggedSentences, n: int) -> Any:
        return [[(score - 1.0 if len(path) else score, path) for score, path in each] for each in super().best(data, n)]


class BestIsNotPredicted(ToyTagger):
    """Predicts the second best sequence."""

    def tag_ids(self, data: TaggedSentences) -> Any:
        import numpy as np

        return np.concatenate(
            [np.empty(0, np.int64), *(found[min(1, len(found) - 1)][1] for found in self.best(data, 2))]
        )


class ProductsOfMarginals(ToyTagger):
    """Multiplies the probabilities of the tags of a span, which depend on each other."""

    def span_log_probabilities(self, data: TaggedSentences, paths: Any) -> Any:
        import numpy as np

        values = np.split(np.log(self.marginals(data)), data.offsets[1:-1])
        return [
            np.array([own[range(start, start + len(ids)), ids].sum() for start, ids in each])
            for own, each in zip(values, paths, strict=True)
        ]


# ----------------------------------------------------------------------------------------------------- learning


class NeverLearns(ToyTagger):
    """Says that every word is unknown."""

    def rows(self, column: Any, words: Any) -> Any:
        return super().rows(column, {}) * 0


class SpansOnly(ToyTagger):
    """Refuses tags without spans."""

    def fit_sentences(self, data: TaggedSentences, **options: Any) -> Any:
        if self.scheme_ == "plain":
            raise DataError("plain tags")
        return super().fit_sentences(data, **options)


class WordsOnly(ToyTagger):
    """Splits raw text at spaces, though it was trained on characters."""

    def fit_sentences(self, data: TaggedSentences, **options: Any) -> Any:
        from nlmkit.text import TextPipeline

        self.pipeline_ = TextPipeline()
        return super().fit_sentences(data, **options)


class SchemeMatters(ToyTagger):
    """Learns more from tags in IOB1."""

    def fit_sentences(self, data: TaggedSentences, **options: Any) -> Any:
        found = super().fit_sentences(data, **options)
        self.start_ = self.start_ * (2.0 if self.scheme_ == "IOB1" else 1.0)
        return found


class HidesRepairs(ToyTagger):
    """Says that nothing was malformed."""

    def fit_sentences(self, data: TaggedSentences, **options: Any) -> Any:
        return {**super().fit_sentences(data, **options), "repairs": 0}


class DislikesContradictions(ToyTagger):
    """Refuses a sentence of one token that has two tags."""

    def fit_sentences(self, data: TaggedSentences, **options: Any) -> Any:
        tags = data.required_tags().ids
        alone = data.offsets[:-1][data.offsets[1:] - data.offsets[:-1] == 1]
        pairs = set(zip(data.words.ids[alone].tolist(), tags[alone].tolist(), strict=True))
        if len(pairs) > len({word for word, _ in pairs}):
            raise DataError("a contradiction")
        return super().fit_sentences(data, **options)


class MakesUpTags(ToyTagger):
    """Takes missing tags for ``O``."""

    def fit(self, sentences: Any, tags: Any = None, **options: Any) -> Any:
        if isinstance(sentences, list) and tags is None and sentences and isinstance(sentences[0][0], str):
            tags = [["O" for _ in sentence] for sentence in sentences]
        return super().fit(sentences, tags, **options)


# ------------------------------------------------------------------------------------------------------ scoring


class ScoresAccuracy(ToyTagger):
    """Scores tags, and not spans."""

    def score(self, sentences: Any, tags: Any = None) -> float:
        if not any(map(len, tags or [])):
            return float("nan")
        return self.report(sentences, tags, resamples=0).accuracy


class LeavesOutUnseen(ToyTagger):
    """Judges without the sentences that have an unseen tag."""

    def report(self, sentences: Any, tags: Any = None, **options: Any) -> Any:
        known = {tag[2:] for tag in self.tags_}
        kept = [at for at, each in enumerate(tags or []) if {tag[2:] for tag in each} <= known]
        return super().report([sentences[at] for at in kept], [tags[at] for at in kept], **options)


class ComparesTags(ToyTagger):
    """Takes tags of another scheme for tags of its own."""

    def score(self, sentences: Any, tags: Any = None) -> float:
        data: Any = sentences
        if tags is None and hasattr(data, "tag_lists"):
            found = self.predict(data)
            hits = [
                one == two for both in zip(found, data.tag_lists(), strict=True) for one, two in zip(*both, strict=True)
            ]
            return sum(hits) / len(hits)
        return super().score(sentences, tags)


class ClonesFitted(ToyTagger):
    """Gives scikit-learn itself for a clone."""

    def __sklearn_clone__(self) -> Any:
        return self
