"""A language model with the methods of those of ``nltk.lm``: ``score``, ``logscore``, ``perplexity``, ``generate``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from nlmkit.errors import DataError, HyperParameterError, NotNormalizedError
from nlmkit.text import BOS, EOS

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.text import Vocabulary


class NltkStyle:
    """Wrapper of a fitted language model for programs that are written for ``nltk.lm``.

    A context is the words before in one sentence; marks ``<s>`` at its beginning are left out. Unlike those of
    ``nltk.lm``, models read a context of any length from the beginning of a sentence, and drop no word of it.
    Logarithms are those of base 2.

    Attributes:
        model: The model.
        vocab: Its vocabulary.

    Args:
        model: Fitted language model that reads forward and whose scores are probabilities.

    Raises:
        HyperParameterError: The model reads backward.
        NotFittedError: The model is not fitted.
        NotNormalizedError: Its scores are not probabilities.

    ::

        NltkStyle(lm).score("sat", ["the", "cat"])
    """

    def __init__(self, model: LanguageModel) -> None:
        model.check_fitted()
        if not model.normalized:
            raise NotNormalizedError(f"scores of {model.name} are not probabilities: use its score")
        if model.reads_backward:
            raise HyperParameterError(f"{model.name} reads backward: a context is the words before, not those after")
        self.model = model
        self.vocab: Vocabulary = model.vocabulary_

    def score(self, word: str, context: Sequence[str] | None = None) -> float:
        """Return the probability of a word after a context; ``</s>`` is the end of the sentence."""
        return math.exp(self._log_prob(word, context))

    def logscore(self, word: str, context: Sequence[str] | None = None) -> float:
        """Return log2 of ``score``."""
        return self._log_prob(word, context) / math.log(2)

    def entropy(self, text_ngrams: Iterable[Sequence[str]]) -> float:
        """Return the mean of −log2 of the probability of the last word of each n-gram, given the others.

        Raises:
            DataError: There are no n-grams, or an n-gram is empty.
        """
        scores = []
        for ngram in text_ngrams:
            if not len(ngram):
                raise DataError("an n-gram is empty")
            scores.append(self.logscore(ngram[-1], ngram[:-1]))
        if not scores:
            raise DataError("no n-grams: pass the n-grams of a text, such as those of nltk.ngrams")
        return -sum(scores) / len(scores)

    def perplexity(self, text_ngrams: Iterable[Sequence[str]]) -> float:
        """Return 2 to the power of ``entropy``."""
        return float(2 ** self.entropy(text_ngrams))

    def generate(
        self, num_words: int = 1, text_seed: Sequence[str] | None = None, random_seed: int = 0
    ) -> str | list[str]:
        """Sample words after ``text_seed``, at most ``num_words``: a string for one word, otherwise a list.

        A sentence ends before that where ``</s>`` is sampled, which is not returned.
        """
        from nlmkit.decoding.sample import sample

        ids = sample(self.model, self._after(text_seed), max_tokens=num_words, seed=random_seed)
        found = [self.vocab.word(word_id) for word_id in ids]
        return found if num_words != 1 else (found[0] if found else EOS)

    def _log_prob(self, word: str, context: Sequence[str] | None) -> float:
        return float(self.model.log_prob(self._after(context), word)[0])

    def _after(self, context: Sequence[str] | None) -> Any:
        """Return the state after a context."""
        state: Any = self.model.start()
        for word in _without_marks(context):
            state = self.model.advance(state, self.vocab.id(word))
        return state


def _without_marks(context: Sequence[str] | None) -> list[str]:
    words = list(context or ())
    while words and words[0] == BOS:
        words.pop(0)
    return words
