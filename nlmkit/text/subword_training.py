"""Training of subword tokenizers. The same text gives the same model, in any order of its lines, on any threads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.subword_models import BYTES, Kind, SubwordModel, library
from nlmkit.text.subword_pieces import PieceCounts

_MIN_COUNT: Final = 2  # of a pair of subwords that is merged
_CHUNK: Final = 1 << 16  # characters that the library is given at once


def train(kind: Kind, size: int, texts: Iterable[str], *, name: str, source: str | None = None) -> SubwordModel:
    """Train a model.

    Args:
        kind: ``bpe`` or ``unigram``.
        size: Number of tokens: bytes, characters and subwords. There are fewer if the text does not repeat as many.
        texts: The normalized text, in parts of whole lines, each ended by LF.
        name: What errors call the tokenizer.
        source: What errors call the text.

    Raises:
        DataError: The text has no character other than white space.
        HyperParameterError: The number of tokens is smaller than that of bytes and characters.
        NlmkitError: The library ``tokenizers`` is not installed.
    """
    package = library(name)
    counts = PieceCounts()
    for text in texts:
        counts.add(text)
    alphabet = counts.alphabet()
    if len(alphabet) == 1:  # the space
        raise DataError(f"there is no text to train the tokenizer {name} on", source=source)
    least = len(BYTES) + len(alphabet)
    if size < least:
        raise HyperParameterError(
            f"the tokenizer {name} is too small for this text: its {len(alphabet)} characters and {len(BYTES)} bytes "
            f"are tokens, too, so use {kind}:{least} at least"
        )
    words = counts.words(alphabet)
    if kind == "bpe":
        return _bpe(package, words, alphabet, size - len(BYTES))
    from nlmkit.text.unigram_training import train_unigram

    scores = train_unigram(words, alphabet, size - len(BYTES))
    return SubwordModel("unigram", tuple(scores), scores=tuple(scores.values()))


def _bpe(package: Any, words: Mapping[str, int], alphabet: Sequence[str], size: int) -> SubwordModel:
    """Train by merging the most frequent pair again and again (Sennrich et al. 2016)."""
    tokenizer = package.Tokenizer(package.models.BPE())
    tokenizer.pre_tokenizer = package.pre_tokenizers.Split("\n", "removed")
    trainer = package.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=_MIN_COUNT,
        initial_alphabet=list(alphabet),
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_repeated(words), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    subwords = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return SubwordModel("bpe", tuple(subwords), merges=tuple((left, right) for left, right in model["merges"]))


def _repeated(words: Mapping[str, int]) -> Iterator[str]:
    """Yield each word as often as it occurs, ended by LF, in chunks: the library counts words itself."""
    chunk: list[str] = []
    length = 0
    for word, count in words.items():
        line = f"{word}\n"
        most = max(_CHUNK // len(line), 1)
        for begin in range(0, count, most):
            chunk.append(line * min(most, count - begin))
            length += len(chunk[-1])
            if length >= _CHUNK:
                yield "".join(chunk)
                chunk, length = [], 0
    yield "".join(chunk)
