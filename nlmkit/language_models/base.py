"""Base class of language models: ``LanguageModel``.

This module must not import NumPy or any model.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nlmkit.core.component import Component
from nlmkit.errors import DataError, HyperParameterError, NotNormalizedError

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.decoding.continuations import Continuation
    from nlmkit.decoding.rows import Rows
    from nlmkit.language_models.reading import ReadingOrder
    from nlmkit.language_models.report import LineFigures, PerplexityReport
    from nlmkit.text import Corpus, TextPipeline, Vocabulary
    from nlmkit.text.marks import Marks

Context = Literal["sentence", "stream"]


class LanguageModel(Component):
    """Language model: a probability distribution over the next word given the preceding words.

    The specification is a state machine over vocabulary ids: ``start``, ``advance``, ``next_log_probs``. It defines
    everything else; an override of ``log_probs`` for speed must agree with it. Logarithms are natural, results are
    float64.

    A backward model (``reads_backward``) is a model of the reversed text: its state machine reads the last word of a
    text first. Values by event are in the order of the text all the same, each at its own word; see ``ReadingOrder``.

    Fitted attributes: ``vocabulary_`` (``Vocabulary``) and ``pipeline_``
    (``TextPipeline``), whose tokenization is applied to every text that is scored; its decoding is
    that of the training text, and the default for others.
    """

    kind = "language-model"
    predicts_words = True
    takes_counts: ClassVar[bool] = False
    """Whether ``fit`` takes ``NGramCountFiles``, too."""
    scores_in_threads: ClassVar[bool] = False
    """Whether ``log_probs`` and ``log_probs_and_details`` take ``threads``, on which results do not depend."""

    vocabulary_: Vocabulary
    pipeline_: TextPipeline

    @property
    def normalized(self) -> bool:
        """Whether the probabilities after every context sum to one; required for a perplexity."""
        return True

    @property
    def adapts_to_test_text(self) -> bool:
        """Whether scored text changes later scores beyond its context (caches, dynamic evaluation)."""
        return False

    @property
    def reads_backward(self) -> bool:
        """Whether the model reads a text from its end: the last sentence first, each from its last word."""
        return False

    @property
    def unknown_rule(self) -> str:
        """Rule for the probability of ``<unk>``; part of the report's signature."""
        return "trained" if self.vocabulary_.counts[0] else "uniform-share"

    @property
    def report_labels(self) -> Mapping[str, str]:
        """Further facts for reports and their signature by short name; neither can contain ``:`` or ``|``."""
        return {}

    def start(self) -> Hashable:
        """Return the state at the beginning of a text: only ``<s>`` has been read."""
        raise NotImplementedError

    def restart(self, state: Any) -> Hashable:
        """Return the state at the start of another sentence in the context ``sentence``, after ``state``.

        By default ``start``; models with a memory of the text, such as a cache, keep it.
        """
        return self.start()

    def advance(self, state: Any, word_id: int) -> Hashable:
        """Return the state after reading ``word_id``; ``</s>`` starts the next sentence."""
        raise NotImplementedError

    def next_log_probs(self, state: Any) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id as the next event: float64 [V], −inf at ``<s>``."""
        raise NotImplementedError

    def log_prob(self, state: Any, word: str | int) -> tuple[float, Hashable]:
        """Return the natural log-probability of ``word`` after ``state``, and the state after it.

        For decoders that ask for one word at a time. By default through the whole distribution; an override for speed
        must agree with it.

        Args:
            state: From ``start``, ``advance`` or this method.
            word: Word, read as ``<unk>`` if the vocabulary lacks it, or vocabulary id.
        """
        self.check_fitted()
        word_id = self.vocabulary_.id(word) if isinstance(word, str) else int(word)
        if not 0 <= word_id < len(self.vocabulary_):
            raise IndexError(f"word id {word_id} is out of range: the vocabulary has {len(self.vocabulary_)} entries")
        return float(self.next_log_probs(state)[word_id]), self.advance(state, word_id)

    def sentence_log_prob(self, words: Sequence[str | int]) -> float:
        """Return the natural log-probability of a sentence, from ``start`` to ``</s>``.

        Args:
            words: Words or vocabulary ids of a sentence, without ``<s>`` and ``</s>``.

        Raises:
            DataError: ``words`` is a string.
        """
        self.check_fitted()
        if isinstance(words, str):
            raise DataError(f"a sentence is a list of words, not the string {words[:40]!r}: split it first")
        state: Any = self.start()
        total = 0.0
        for word in reversed(words) if self.reads_backward else words:
            value, state = self.log_prob(state, word)
            total += value
        return total + self.log_prob(state, 2)[0]  # </s>

    def word_at(self, state: Any, place: float, *, allow_unk: bool = True) -> int | None:
        """Return the first word at which the running sum of the distribution, by id, exceeds a share of the whole.

        Sampling asks it before the whole distribution. By default None, which leaves the word to the distribution.

        Args:
            state: State.
            place: Share, from 0 to below 1.
            allow_unk: Whether ``<unk>`` takes part; its share goes to the others.
        """
        return None

    def encode(self, data: Any) -> Corpus:
        """Read ``data`` (anything ``Corpus.read`` takes, or a ``Corpus``) with the model's pipeline and vocabulary.

        Raises:
            DataError: A Corpus was tokenized differently from the model's training text.
        """
        self.check_fitted()
        from nlmkit.text import Corpus

        if not isinstance(data, Corpus):
            return Corpus.read(data, self.pipeline_)
        if data.tokenization is not None and data.tokenization != self.tokenization_:
            raise DataError(
                f"the corpus was tokenized with {data.tokenization.signature}, but the model uses "
                f"{self.tokenization_.signature}: pass the text itself, or tokenize it with the model's tokenization_"
            )
        return data

    def log_probs(self, data: Any, *, context: Context = "sentence") -> NDArray[np.float64]:
        """Return the natural log-probability of every event (words and ``</s>``, in order): float64 [events].

        The value of an event is at its own word whichever way the model reads. A backward model predicts a word from
        the words after it, and the ``</s>`` of a sentence, which is last, from all of its words.
        """
        import numpy as np

        corpus = self.encode(data)
        values = (self.next_log_probs(state)[word_id] for state, word_id in self._walk(corpus, context))
        return self.reading_order(corpus).placed(np.fromiter(values, np.float64, corpus.events))

    def distributions(self, data: Any, *, context: Context = "sentence") -> Iterator[NDArray[np.float64]]:
        """Yield the full next-word distributions, one chunk per sentence: float64 [events of the sentence, V]."""
        import numpy as np

        check_context(context)
        corpus = self.encode(data)
        walk = self._walk(corpus, context)
        order = self.reading_order(corpus)
        chunks = (
            np.stack([self.next_log_probs(state) for state, _ in itertools.islice(walk, events)])
            for events in np.diff(order.offsets).tolist()
        )
        return (order.rows(chunk) for chunk in order.sentences(chunks))

    def reading_order(self, corpus: Corpus) -> ReadingOrder:
        """Return the order in which the model reads the events of a text."""
        from nlmkit.language_models.reading import ReadingOrder

        return ReadingOrder.of(corpus.event_offsets, backward=self.reads_backward)

    def _walk(self, corpus: Corpus, context: Context) -> Iterator[tuple[Any, int]]:
        """Yield every event's id with the state before it, in the order in which the model reads them."""
        check_context(context)
        order = self.reading_order(corpus)
        events, offsets = corpus.event_ids(self.vocabulary_)[order.places], order.offsets.tolist()
        state: Any = self.start()
        for begin, end in itertools.pairwise(offsets):
            if context == "sentence" and begin:
                state = self.restart(state)
            for word_id in events[begin:end].tolist():
                yield state, word_id
                state = self.advance(state, word_id)

    def event_details(self, data: Any) -> dict[str, NDArray[Any]]:
        """Return further facts per event, by column name, for a table of tokens."""
        self.encode(data)
        return {}

    def log_probs_and_details(
        self, data: Any, *, context: Context = "sentence"
    ) -> tuple[NDArray[np.float64], dict[str, NDArray[Any]]]:
        """``log_probs`` and ``event_details`` in one; a model that finds both at once scores the text once."""
        corpus = self.encode(data)
        return self.log_probs(corpus, context=context), self.event_details(corpus)

    def threads_option(self, threads: int) -> dict[str, Any]:
        """Return the argument ``threads`` of ``log_probs`` by name; nothing for one thread.

        Raises:
            HyperParameterError: The model is scored by one thread.
        """
        if threads == 1:
            return {}
        if not self.scores_in_threads:
            raise HyperParameterError(f"threads={threads}: {self.name} is scored by one thread, unlike ngram")
        return {"threads": threads}

    def score(self, data: Any, *, threads: int = 1) -> float:
        """Return the mean natural log-probability per event (NaN for a text without events).

        Args:
            data: As for ``encode``.
            threads: Number of threads, for models that ``scores_in_threads``; results do not depend on it.

        Raises:
            HyperParameterError: The model is scored by one thread.
        """
        values = self.log_probs(data, **self.threads_option(threads))
        return float(values.mean()) if len(values) else float("nan")

    def report(self, data: Any, *, context: Context = "sentence", threads: int = 1) -> PerplexityReport:
        """Return the perplexity report of a text.

        Args:
            data: As for ``encode``.
            context: ``sentence`` or ``stream``.
            threads: Number of threads, for models that ``scores_in_threads``; results do not depend on it.

        Raises:
            NotNormalizedError: The model's scores are not probabilities.
            HyperParameterError: The model is scored by one thread.
        """
        self._check_normalized()
        from nlmkit.language_models.unknown_words import note_cheap_unknown

        corpus = self.encode(data)
        log_probs = self.log_probs(corpus, context=context, **self.threads_option(threads))
        report = self.report_of(log_probs, corpus, context=context)
        note_cheap_unknown(self, report.oov, corpus.tokens)
        return report

    def report_of(self, log_probs: NDArray[np.float64], corpus: Corpus, *, context: Context) -> PerplexityReport:
        """Return the perplexity report of a text from its log-probabilities.

        Args:
            log_probs: Result of ``log_probs``: float64 [events].
            corpus: Text from ``encode``.
            context: Context of ``log_probs``.

        Raises:
            NotNormalizedError: The model's scores are not probabilities.
        """
        self._check_normalized()
        from nlmkit.language_models.report import perplexity_report

        return perplexity_report(
            log_probs,
            corpus=corpus,
            vocabulary=self.vocabulary_,
            context=context,
            component=self.name,
            model_digest=self.digest,
            unknown_rule=self.unknown_rule,
            adapted=self.adapts_to_test_text,
            labels=self.report_labels,
            direction="backward" if self.reads_backward else "forward",
        )

    def line_figures(self, data: Any, *, context: Context = "sentence") -> LineFigures:
        """Return perplexity with and without OOV words and bits per character per line, as ``--per-line`` prints them.

        Args:
            data: As for ``encode``; a ``Corpus`` and token lists have no raw lines and so no bits per character.
            context: ``sentence`` or ``stream``.

        Returns:
            Arrays with one value per line, blank lines included.

        Raises:
            NotNormalizedError: The model's scores are not probabilities.
            DataError: The text cannot be read.
        """
        self._check_normalized()
        from nlmkit.language_models.report import line_figures
        from nlmkit.text import Corpus
        from nlmkit.text.joining import joined, line_lengths, whole

        lines = None
        if isinstance(data, Corpus):
            corpus = self.encode(data)
        else:
            corpus, lines = joined(whole(data, self.pipeline_))
        characters = None if lines is None or corpus.pipeline is None else line_lengths(lines)
        log_probs = self.log_probs(corpus, context=context)
        return line_figures(log_probs, corpus.event_offsets, corpus.oov_events(self.vocabulary_), characters)

    def perplexity(self, data: Any, *, context: Context = "sentence") -> float:
        """Return exp(−mean log-probability per event); ``report`` adds the facts needed for comparison.

        Raises:
            NotNormalizedError: The model's scores are not probabilities.
        """
        self._check_normalized()
        from nlmkit.language_models.report import perplexity

        corpus = self.encode(data)
        return perplexity(self.log_probs(corpus, context=context), corpus.event_offsets)

    def _check_normalized(self) -> None:
        self.check_fitted()
        if not self.normalized:
            raise NotNormalizedError(f"scores of {self.name} are not probabilities and have no perplexity: use score")

    def rows(self, count: int) -> Rows:
        """Return the beginnings of that many texts, for search and shallow fusion: one row each.

        An override for speed must agree with the state machine within 1e-5.
        """
        self.check_fitted()
        from nlmkit.decoding.rows import MachineRows

        return MachineRows(self, [self.start()] * count)

    def generate(
        self,
        *,
        max_tokens: int = 50,
        prompt: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        allow_unk: bool = False,
        seed: int = 0,
        marks: Marks = "error",
    ) -> list[str]:
        """Sample the words after ``prompt``, of a backward model those before it, up to ``</s>``; see ``generate``."""
        self.check_fitted()
        from nlmkit.decoding.sample import generate

        return generate(
            self,
            max_tokens=max_tokens,
            prompt=prompt,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            allow_unk=allow_unk,
            seed=seed,
            marks=marks,
        )

    def most_probable(
        self,
        n: int = 1,
        *,
        beam: int = 5,
        max_tokens: int = 50,
        prompt: str = "",
        allow_unk: bool = False,
        marks: Marks = "error",
    ) -> list[Continuation]:
        """Search for the most probable words after ``prompt``, up to ``</s>``, best first; see ``most_probable``."""
        self.check_fitted()
        from nlmkit.decoding.continuations import most_probable

        return most_probable(self, n, beam=beam, max_tokens=max_tokens, prompt=prompt, allow_unk=allow_unk, marks=marks)


def check_context(context: str) -> None:
    """Raise an error for an unknown context mode."""
    if context not in ("sentence", "stream"):
        raise HyperParameterError(f"context must be sentence or stream, not {context!r}")
