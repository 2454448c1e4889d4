"""What language models answer: scores of sentences, surprisal of tokens, next words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.decoding.prompt import prompt_ids
from nlmkit.decoding.top_k import top_k
from nlmkit.errors import DataError
from nlmkit.language_models.report import line_figures
from nlmkit.serving.questions import MAYBE, NUMBER, STRING, WHOLE, Option, Question, list_of
from nlmkit.text import EOS, Corpus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.language_models.base import LanguageModel

_BITS_PER_NAT: Final = 1 / math.log(2)


def facts(model: LanguageModel) -> dict[str, Any]:
    """Return what the list of models says of one."""
    return {
        "vocabulary_size": model.vocabulary_.size_predictable,
        "tokenization": model.tokenization_.signature,
        "direction": "backward" if model.reads_backward else "forward",
        "normalized": model.normalized,
    }


def _corpora(model: LanguageModel, texts: Sequence[str]) -> Iterator[tuple[Corpus, Sequence[str]]]:
    """Yield the texts as corpora; one by one for a model that remembers what it has scored.

    Raises:
        DataError: A text has a line feed, or cannot be read.
    """
    for number, text in enumerate(texts, start=1):
        if "\n" in text:
            raise DataError("has a line feed: send one sentence per text", line=number)
    for group in [[text] for text in texts] if model.adapts_to_test_text else [texts]:
        yield Corpus.read(iter(group), model.pipeline_), group


def score(model: LanguageModel, texts: Sequence[str], _options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the figures of each sentence, as ``nlmkit perplexity --per-line`` prints them."""
    for corpus, group in _corpora(model, texts):
        oov = corpus.oov_events(model.vocabulary_)
        lengths = np.fromiter(map(len, group), np.int64, len(group)) + 1  # the line feed counts
        figures = line_figures(model.log_probs(corpus), corpus.event_offsets, oov, lengths)
        columns = {
            "log_prob": figures.log_prob,
            "perplexity": figures.perplexity,
            "perplexity_excluding_oov": figures.perplexity_excluding_oov,
            "bits_per_character": figures.bits_per_character,
            "events": figures.events,
            "oov": figures.oov,
        }
        if not model.normalized:  # such scores have no perplexity
            columns = {name: columns[name] for name in ("log_prob", "events", "oov")}
        yield from _rows(columns)


def _rows(columns: Mapping[str, NDArray[Any] | None]) -> Iterator[dict[str, Any]]:
    lists = [each.tolist() for each in columns.values() if each is not None]
    for values in zip(*lists, strict=True):
        yield dict(zip(columns, values, strict=True))


def surprisal(model: LanguageModel, texts: Sequence[str], _options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the tokens of each sentence, as ``nlmkit perplexity --per-token`` prints them."""
    for corpus, _ in _corpora(model, texts):
        values, details = model.log_probs_and_details(corpus)
        columns = {
            "log_prob": values,
            "surprisal_bits": (0.0 - values) * _BITS_PER_NAT,
            "oov": corpus.oov_events(model.vocabulary_).astype(np.int64),
            **details,
        }
        rows = list(_rows(columns))
        offsets = corpus.event_offsets.tolist()
        for index in range(corpus.sentences):
            own = rows[offsets[index] : offsets[index + 1]]
            words = [*corpus.sentence(index), EOS]
            yield {"tokens": [{"token": word, **row} for word, row in zip(words, own, strict=True)]}


def next_words(model: LanguageModel, texts: Sequence[str], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the most probable next words after each beginning of a sentence."""
    for number, text in enumerate(texts, start=1):
        if "\n" in text:
            raise DataError("has a line feed: send one sentence per text", line=number)
        try:
            ids = prompt_ids(model, text, model.pipeline_.marks)
        except DataError as error:
            raise DataError(error.problem, line=number) from None
        state: Any = model.start()
        for word_id in reversed(ids) if model.reads_backward else ids:
            state = model.advance(state, word_id)
        values, places = top_k(model.next_log_probs(state)[None, :], options["top"])
        words = [
            {"word": model.vocabulary_.word(place), "probability": math.exp(value), "log_prob": value}
            for value, place in zip(values[0].tolist(), places[0].tolist(), strict=True)
            if value > -math.inf
        ]
        yield {"words": words}


def _has_probabilities(model: LanguageModel) -> bool:
    return model.normalized


_FIGURES: Final = {
    "log_prob": MAYBE | {"description": "natural logarithm, with that of </s>; null for zero probability"},
    "perplexity": MAYBE | {"description": "missing for scores that are not probabilities, as are the next two"},
    "perplexity_excluding_oov": MAYBE,
    "bits_per_character": MAYBE,
    "events": WHOLE | {"description": "words, and one </s>"},
    "oov": WHOLE | {"description": "words that the vocabulary lacks"},
}

_TOKEN: Final = {
    "token": STRING,
    "log_prob": MAYBE | {"description": "natural logarithm; null for zero probability"},
    "surprisal_bits": MAYBE,
    "oov": WHOLE | {"description": "1 for a word that the vocabulary lacks, else 0"},
    "ngram_length": WHOLE | {"description": "of n-gram models: length of the n-gram that was used"},
}

QUESTIONS: Final = (
    Question(
        name="score",
        about="Log-probability and perplexity of each sentence.",
        answer=score,
        result=_FIGURES,
    ),
    Question(
        name="surprisal",
        about="Surprisal of each token of a sentence, and of its end, </s>.",
        answer=surprisal,
        result={"tokens": list_of(_TOKEN)},
        applies=_has_probabilities,
    ),
    Question(
        name="next",
        about="Most probable words after the beginning of a sentence; of a backward model, before its end.",
        answer=next_words,
        result={"words": list_of({"word": STRING, "probability": NUMBER, "log_prob": NUMBER})},
        options=(Option(name="top", default=10, about="how many words"),),
        together=1,
        applies=_has_probabilities,
    ),
)
