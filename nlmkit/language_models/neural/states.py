"""States of a neural language model after each token, as features of other models (Peters et al. 2017).

A forward model's state after a token is a vector of the token and the words before it, a backward model's one of the
token and the words after it. Sentences are read from the zero state after ``</s>``, as in scoring with context
``sentence``.
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
from nlmkit.text.corpus import Corpus
from nlmkit.text.tagged import TaggedSentences
from nlmkit.text.vocabulary import EOS_ID, SPECIAL, UNK_ID

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.language_models.neural.module import LanguageModule

Sentences = TaggedSentences | Corpus | Iterable[Sequence[str]]
"""Sentences of tokens."""


def token_states(lm: LanguageModel, sentences: Sentences) -> NDArray[np.float32]:
    """Return the output of the last hidden layer after each token, as ``hidden`` of the model's states.

    Sentences do not depend on each other, and are read in batches of similar length; the batching changes values by at
    most 1e-5. Nothing is shortened. The states of all tokens are held in memory: pass large texts in parts.

    Args:
        lm: A fitted neural language model, forward or backward; it is not changed.
        sentences: Sentences of tokens, looked up by ``vocabulary_ids``.

    Returns:
        float32 [tokens, h], in the order of the text.

    Raises:
        HyperParameterError: The model is not a neural language model.
        NotFittedError: The model is not fitted.
        DataError: An item of a list of sentences is not a list of tokens.
    """
    if not isinstance(lm, NeuralLanguageModel):
        raise HyperParameterError(f"states of tokens require a neural language model such as lstm, not {lm.name}")
    lm.check_fitted()
    if not isinstance(sentences, (TaggedSentences, Corpus)):
        sentences = TaggedSentences(sentences)
    words = sentences.words if isinstance(sentences, TaggedSentences) else sentences
    ids = vocabulary_ids(lm, words.types, words.ids)
    return _states(lm.module_, ids, sentences.offsets, backward=lm.reads_backward)


def vocabulary_ids(lm: LanguageModel, types: Sequence[str], ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the ids in a language model's vocabulary of tokens that are given as such.

    Unicode form and case are changed as the model's tokenization does; its tokenizer is not applied. Words that the
    vocabulary lacks, and the marks ``<s>`` and ``</s>``, which no word is, become ``<unk>``.

    Args:
        lm: A fitted language model.
        types: Distinct tokens; some may not occur.
        ids: Type of each token: int32 [tokens].

    Returns:
        int64 [tokens].
    """
    occurring = np.flatnonzero(np.bincount(ids, minlength=len(types)))
    normalize = lm.tokenization_.normalize
    found = np.full(len(types), UNK_ID, np.int64)
    found[occurring] = lm.vocabulary_.ids([normalize(types[place]) for place in occurring.tolist()])
    found[found < len(SPECIAL)] = UNK_ID
    return found[ids]


def _states(
    module: LanguageModule, ids: NDArray[np.int64], offsets: NDArray[np.int64], *, backward: bool
) -> NDArray[np.float32]:
    """Return the states after each token: float32 [tokens, h].

    Args:
        module: The network.
        ids: Ids of the tokens: int64 [tokens].
        offsets: Start of each sentence, and the end of the last: int64 [sentences + 1].
        backward: Whether sentences are read from their last token to their first.
    """
    found = np.empty((len(ids), module.body.width), np.float32)
    lengths = np.diff(offsets)
    for sentences in scoring.length_buckets(lengths + 1):  # with the </s> that is read first
        rows = np.arange(-1, lengths[sentences].max())[:, None]
        read = (rows >= 0) & (rows < lengths[sentences])
        places = offsets[1:][sentences] - 1 - rows if backward else offsets[:-1][sentences] + rows
        inputs = np.full(read.shape, EOS_ID, np.int64)
        inputs[read] = ids[places[read]]
        state = module.initial_state(len(sentences))
        for begin in range(0, len(inputs), scoring.WINDOW):
            window = slice(begin, begin + scoring.WINDOW)
            with scoring.scoring(module):
                outputs, state = scoring.read_ids(module, inputs[window], state)
                wanted = torch.from_numpy(read[window]).to(outputs.device)
                found[places[window][read[window]]] = outputs[wanted].cpu().numpy()
    return found
