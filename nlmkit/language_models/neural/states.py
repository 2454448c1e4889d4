"""States of a neural language model after each token, as features of other models.

A forward model's state after a token is a vector of the token and the words before it, a backward model's one of the
token and the words after it (Peters et al. 2017). A model of characters reads the words spelled out: the state after a
token is that after its last character, of a backward model that after its first (Akbik et al. 2018). Sentences are read
from the zero state after ``</s>``, as in scoring with context ``sentence``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.neural import scoring
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.readings import Reading, reading
from nlmkit.text.corpus import Corpus
from nlmkit.text.tagged import TaggedSentences
from nlmkit.text.tokenizers import CharTokenizer
from nlmkit.text.vocabulary import EOS_ID

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.language_models.neural.module import LanguageModule

Sentences = TaggedSentences | Corpus | Iterable[Sequence[str]]
"""Sentences of tokens."""


def token_states(lm: LanguageModel, sentences: Sentences, *, spaces: bool | None = None) -> NDArray[np.float32]:
    """Return the output of the last hidden layer after each token, as ``hidden`` of the model's states.

    Sentences do not depend on each other, and are read in batches of similar length; the batching changes values by at
    most 1e-5. Nothing is shortened. The states of all tokens are held in memory: pass large texts in parts.

    Args:
        lm: A fitted neural language model, forward or backward; it is not changed.
        sentences: Sentences of tokens, looked up in the Unicode form and case of the model.
        spaces: Whether a model of characters reads a space between tokens, if its vocabulary has one; None: unless the
            tokenizer of the sentences is ``char``.

    Returns:
        float32 [tokens, h], in the order of the text.

    Raises:
        HyperParameterError: The model is not a neural language model, or one of neither words nor characters.
        NotFittedError: The model is not fitted.
        DataError: An item of a list of sentences is not a list of tokens.
    """
    if not isinstance(lm, NeuralLanguageModel):
        raise HyperParameterError(f"states of tokens require a neural language model such as lstm, not {lm.name}")
    lm.check_fitted()
    if not isinstance(sentences, (TaggedSentences, Corpus)):
        sentences = TaggedSentences(sentences)
    words = sentences.words if isinstance(sentences, TaggedSentences) else sentences
    if spaces is None:
        spaces = _tokenizer_of(sentences) != CharTokenizer.name
    read = reading(lm, words.types, words.ids, sentences.offsets, spaces=spaces)
    return _states(lm.module_, read, sentences.offsets)


def _tokenizer_of(sentences: TaggedSentences | Corpus) -> str | None:
    if isinstance(sentences, TaggedSentences):
        return sentences.tokenizer
    return None if sentences.pipeline is None else sentences.pipeline.tokenizer


def _states(module: LanguageModule, read: Reading, offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the states after each token: float32 [tokens, h].

    Args:
        module: The network.
        read: What it reads.
        offsets: First token of each sentence, and the end of the last: int64 [sentences + 1].
    """
    found = np.empty((len(read.last), module.body.width), np.float32)
    lengths = np.diff(read.offsets)
    some = np.flatnonzero(lengths)
    for bucket in scoring.length_buckets(lengths[some]):
        sentences = some[bucket]
        rows = np.arange(lengths[sentences].max())[:, None]
        within = rows < lengths[sentences]
        inputs = np.full(within.shape, EOS_ID, np.int64)
        inputs[within] = read.ids[(read.offsets[sentences] + rows)[within]]
        tokens, wanted, columns = _wanted(read, offsets, sentences)
        state = module.initial_state(len(sentences))
        for begin in range(0, len(inputs), scoring.WINDOW):
            first, last = np.searchsorted(wanted, [begin, begin + scoring.WINDOW])
            with scoring.scoring(module):
                outputs, state = scoring.read_ids(module, inputs[begin : begin + scoring.WINDOW], state)
                places = torch.from_numpy(wanted[first:last] - begin), torch.from_numpy(columns[first:last])
                chosen = outputs[places[0].to(outputs.device), places[1].to(outputs.device)]
                found[tokens[first:last]] = chosen.cpu().numpy()
    return found


def _wanted(
    read: Reading, offsets: NDArray[np.int64], sentences: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the tokens of a batch of sentences, and row and column of the last symbol of each, by ascending row."""
    tokens = np.concatenate([np.arange(offsets[each], offsets[each + 1]) for each in sentences.tolist()])
    columns = np.repeat(np.arange(len(sentences)), np.diff(offsets)[sentences])
    rows = read.last[tokens] - read.offsets[sentences][columns]
    order = np.argsort(rows, kind="stable")
    return tokens[order], rows[order], columns[order]
