"""Surprisal per word: that of its tokens, summed up, whatever tokens the model reads.

By the chain rule a word's surprisal, −log2 p(word | words before it), is the sum of those of its tokens where each of
them is part of one word. ``nlmkit.text.token_spans`` says which word a token belongs to. Where tokens begin with the
space in front of a word, as those of ``bpe`` and ``unigram``, the end of a word is predicted with the next word's first
token; no correction is made for it (Pimentel & Meister 2024; Oh & Schuler 2024).
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.core.short_repr import short_repr
from nlmkit.core.tabular import Tabular
from nlmkit.errors import DataError, NotNormalizedError
from nlmkit.text import EOS, Corpus
from nlmkit.text.joining import joined, whole
from nlmkit.text.tables import items_of, refuse_table, words_with_space
from nlmkit.text.token_spans import normalized_words, spans_of_tokens, words_of_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.language_models.base import Context, LanguageModel
    from nlmkit.text.pipeline import TextPipeline
    from nlmkit.text.token_spans import Span

COLUMNS: Final = ("sentence", "position", "word", "log_prob", "surprisal_bits", "tokens", "oov")
"""Columns of a table of words."""

_BITS_PER_NAT: Final = 1 / math.log(2)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class WordSurprisals(Tabular):
    """Surprisal of each word of a text, and of the end of each sentence.

    Attributes:
        words: The words, each sentence ended by ``</s>``.
        sentences: Number of the sentence of each word, from 1: int64 [words].
        positions: Place of each word in its sentence, from 1: int64 [words].
        log_probs: Natural log-probability of each word: float64 [words].
        tokens: Number of the model's tokens in each word: int64 [words].
        oov: Whether a token of each word is outside the vocabulary: bool [words].
    """

    words: tuple[str, ...]
    sentences: NDArray[np.int64]
    positions: NDArray[np.int64]
    log_probs: NDArray[np.float64]
    tokens: NDArray[np.int64]
    oov: NDArray[np.bool_]

    @property
    def surprisal_bits(self) -> NDArray[np.float64]:
        """Return −log2 of the probability of each word: float64 [words]."""
        bits: NDArray[np.float64] = 0.0 - self.log_probs * _BITS_PER_NAT
        return bits

    def columns(self) -> dict[str, list[Any]]:
        """Return the values of each of ``COLUMNS``."""
        arrays = (self.log_probs, self.surprisal_bits, self.tokens, self.oov)
        values = [
            self.sentences.tolist(),
            self.positions.tolist(),
            list(self.words),
            *(each.tolist() for each in arrays),
        ]
        return dict(zip(COLUMNS, values, strict=True))

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the table ``words``."""
        columns = self.columns()
        return {"words": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}

    def render(self) -> str:
        """Format the words as TSV: sentence, word and surprisal in bits."""
        rows = zip(self.sentences.tolist(), self.words, self.surprisal_bits.tolist(), strict=True)
        return "\n".join(f"{sentence}\t{word}\t{bits:.4f}" for sentence, word, bits in rows)

    def __repr__(self) -> str:
        return short_repr(self)


def word_surprisals(model: LanguageModel, text: Any, *, context: Context = "sentence") -> WordSurprisals:
    """Return the surprisal of each word of a text: that of the model's tokens in it, summed up.

    Words are what white space separates, or given. A token belongs to the word with its first character that is not
    white space; a token of white space alone to the word after it, or to ``</s>``.

    Args:
        model: Fitted language model, of words, subwords or characters.
        text: Anything ``Corpus.read`` takes, in raw form; or lists of words, such as documents of spaCy, whose spaces
            between words are read where they are known, and are one space each otherwise.
        context: ``sentence`` or ``stream``.

    Raises:
        DataError: The text cannot be read, or the tokens cannot be aligned with words.
        NotNormalizedError: The model's scores are not probabilities.

    ::

        nlmkit.word_surprisals(lm, ["The horse raced past the barn fell ."]).to_frame()
    """
    model.check_fitted()
    if not model.normalized:
        raise NotNormalizedError(f"scores of {model.name} are not probabilities and have no surprisal: use score")
    pipeline = model.pipeline_
    if not isinstance(text, (str, bytes, os.PathLike, Corpus)) and isinstance(text, Iterable):
        refuse_table(text, "text")
        text = text if hasattr(text, "read") else list(items_of(text))
    given = _word_lists(text)
    if given is None:
        corpus, lines = joined(whole(text, pipeline))
        spans = None
    else:
        lines, spans = given
        corpus = Corpus.read(iter(lines), pipeline)
    corpus = model.encode(corpus)
    log_probs = model.log_probs(corpus, context=context)
    return surprisals_of_lines(
        lines, corpus, log_probs, corpus.oov_events(model.vocabulary_), pipeline=pipeline, words=spans
    )


def surprisals_of_lines(
    lines: Sequence[str],
    corpus: Corpus,
    log_probs: NDArray[np.float64],
    oov: NDArray[np.bool_],
    *,
    pipeline: TextPipeline,
    words: Sequence[Sequence[Span]] | None = None,
    first: int = 1,
) -> WordSurprisals:
    """Return the surprisal of each word of lines from that of their tokens.

    Args:
        lines: The raw lines.
        corpus: Their tokens, one sentence per line.
        log_probs: Natural log-probability of each event of the corpus: float64 [events].
        oov: Whether each event is a word outside the vocabulary: bool [events].
        pipeline: How the lines became tokens.
        words: Where the words of each line are; by default what white space separates.
        first: Number of the first sentence.

    Raises:
        DataError: Tokens cannot be aligned with words.
    """
    tokenizer = pipeline.resolved_tokenizer
    shown: list[str] = []
    lengths, groups = [], []
    for index, line in enumerate(lines):
        text, spans, names = normalized_words(line, pipeline)
        if words is not None:
            spans, names = _given_words(line, text, words[index])
        tokens = list(corpus.sentence(index))
        try:
            places = words_of_tokens(text, spans, spans_of_tokens(text, tokens, tokenizer))
        except DataError as error:
            raise DataError(error.problem, source=error.source, line=first + index) from None
        groups.append(np.array([*places, len(spans)], np.int64) + len(shown))
        shown += [*names, EOS]
        lengths.append(len(spans) + 1)
    group = np.concatenate(groups) if groups else np.empty(0, np.int64)
    sizes = np.array(lengths, np.int64)
    ends = np.cumsum(sizes)
    return WordSurprisals(
        words=tuple(shown),
        sentences=np.repeat(np.arange(first, first + len(sizes)), sizes),
        positions=np.arange(1, len(shown) + 1) - np.repeat(ends - sizes, sizes),
        log_probs=np.bincount(group, log_probs, minlength=len(shown)).astype(np.float64),
        tokens=np.bincount(group, minlength=len(shown)),
        oov=np.bincount(group, oov, minlength=len(shown)) > 0,
    )


def _word_lists(text: Any) -> tuple[list[str], list[list[Span]]] | None:
    """Return the lines of lists of words, and where the words are in them; None for any other text."""
    if not isinstance(text, list) or not text or words_with_space(text[0]) is None:
        return None
    lines, spans = [], []
    for line, own in map(_line_of, text):
        lines.append(line)
        spans.append(own)
    return lines, spans


def _line_of(item: Any) -> tuple[str, list[Span]]:
    """Return words with the spaces between them as a line, and where they are in it."""
    pairs = words_with_space(item)
    if pairs is None:
        raise DataError("expected a list of words per sentence: do not mix lists of words with anything else")
    parts, spans, begin = [], [], 0
    for word, space in pairs:
        if not isinstance(word, str) or "\n" in word:
            raise DataError(f"expected words that are strings without line feeds, not {word!r}")
        parts.append(word + space)
        if word.strip():
            spans.append((begin, begin + len(word)))
        begin += len(word) + len(space)
    return "".join(parts), spans


def _given_words(line: str, text: str, spans: Sequence[Span]) -> tuple[list[Span], list[str]]:
    """Return the words of a line where normalization has left them.

    Raises:
        DataError: It has changed the number of characters.
    """
    if len(line) != len(text):
        raise DataError(
            "the model's Unicode form or case changes the length of this line, so that the given words cannot be found "
            "in it: pass the text with spaces between its words"
        )
    return list(spans), [line[begin:end] for begin, end in spans]
