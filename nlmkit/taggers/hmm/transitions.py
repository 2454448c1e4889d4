"""Transitions of an HMM: an n-gram language model of sequences of tags, as a chain of scores."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.decoding.chain import Chain, ContextChain
from nlmkit.errors import HyperParameterError
from nlmkit.text import BOS_ID, EOS_ID, UNK_ID, Corpus
from nlmkit.text.vocabulary import SPECIAL

if TYPE_CHECKING:
    from nlmkit.language_models.ngram.model import NGram
    from nlmkit.text.tagged import TaggedSentences

Legal = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]
Floats = NDArray[np.float64]

MOST_SCORES: Final = 1 << 23
"""Largest number of transition scores: (tags + 1) to the order of the n-gram model."""


def tag_corpus(data: TaggedSentences, tags: Sequence[str]) -> Corpus:
    """Return the tags of sentences as a text of ``tag_words``.

    Args:
        data: Sentences, whose tags have ids that are indices into ``tags``; others are left out with their sentence.
        tags: All inner tags.
    """
    assert data.tags is not None
    foreign = np.add.reduceat(np.append(data.tags.ids >= len(tags), False), data.offsets[:-1])
    chosen = data.subset(np.flatnonzero((foreign == 0) | (np.diff(data.offsets) == 0)))
    assert chosen.tags is not None
    names = dict(zip(tags, tag_words(tags), strict=True))
    column = chosen.tags.compact()
    return Corpus(tuple(names[tag] for tag in column.types), column.ids, chosen.offsets)


def tag_words(tags: Sequence[str]) -> tuple[str, ...]:
    """Return a word per tag, which is the tag itself except for tags that a vocabulary cannot hold."""
    taken = set(tags)
    found = []
    for number, tag in enumerate(tags):
        word = tag
        while word in SPECIAL or "\0" in word or (word != tag and word in taken):
            word = f"tag-{number}" if word == tag else f"{word}'"
        found.append(word)
    return tuple(found)


def check_size(tags: int, order: int) -> None:
    """Raise an error if a chain with these tags has too many scores.

    Raises:
        HyperParameterError: It has.
    """
    scores = (tags + 1) ** max(order, 2)
    if scores > MOST_SCORES:
        raise HyperParameterError(
            f"transitions of order {order} over {tags} tags are {scores:,} scores, more than {MOST_SCORES:,}: "
            "choose a lower order"
        )


def chain_of(model: NGram, tags: int, legal: Legal) -> Chain:
    """Return the scores of tags by an n-gram model, among legal ones.

    Tags that training lacked share what the model gives to ``<unk>``. The probabilities of tags and the end sum to one
    after each history.

    Args:
        model: Fitted on ``tag_corpus``; its words are the first tags, in order.
        tags: Number of tags.
        legal: What ``Tagger.legal`` returns.

    Raises:
        HyperParameterError: A tag has the probability zero after some history, so that sentences could have no tags.
    """
    start, pairs, _ = legal
    known = len(model.vocabulary_) - len(SPECIAL)
    ids = np.array([*range(len(SPECIAL), len(SPECIAL) + known), *[UNK_ID] * (tags - known), EOS_ID])
    shares = np.zeros(len(ids))
    if known < tags:
        shares[known:-1] = -np.log(tags - known)

    def scores(context: Sequence[int]) -> Floats:
        """Score of each tag, and of the end, after tags; −1 is what is before the sentence."""
        words = [BOS_ID if tag < 0 else int(ids[tag]) for tag in context]
        values: Floats = model.table_.distribution(tuple(words))[ids] + shares
        if not np.isfinite(values).all():
            raise HyperParameterError(
                f"the transitions, an ngram with smoothing={model.smoothing}, give some sequences of tags the "
                "probability zero: choose another smoothing or other discounts"
            )
        normalized: Floats = values - np.logaddexp.reduce(values)
        return normalized

    first = scores([-1][: model.order - 1])[:-1]
    if model.order <= 2:
        after = np.array([scores([tag][: model.order - 1]) for tag in range(tags)])
        return Chain(first, after[:, :-1], after[:, -1]).constrained(*legal)
    length, base = model.order - 1, tags + 1
    moves, ends = np.full((base**length, base), -np.inf), np.full(base**length, -np.inf)
    for state, context in enumerate(itertools.product(range(base), repeat=length)):
        given = [tag for tag in context if tag < tags]
        is_padded = context[length - len(given) :] == tuple(given)  # nothing is before the beginning but nothing
        is_whole = len(given) == length
        is_legal = all(pairs[one, two] for one, two in itertools.pairwise(given))
        if given and is_padded and is_legal and (is_whole or start[given[0]]):
            values = scores(given if is_whole else [-1, *given])
            moves[state, :-1], ends[state] = values[:-1], values[-1]
    return ContextChain(first, moves, ends).constrained(*legal)
