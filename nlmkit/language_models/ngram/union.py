"""Union of the n-grams of several backoff tables, and a table's probabilities of all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text.vocabulary import UNK_ID

Unknown = Literal["share", "zero"]
"""Probability of a word that a member does not know: an equal share of its ``<unk>``, or zero."""

_KEY_BITS = 32


@dataclasses.dataclass(frozen=True)
class Member:
    """A table and its words in the vocabulary of the union.

    Attributes:
        table: The table.
        to_union: Union id of each word of the table, int32 [V of the table].
        from_union: Id in the table of each word of the union, int32 [V of the union]; ``<unk>`` for unknown words.
        log_shares: Natural logarithm of the share of the table's ``<unk>`` that each word of the union gets, float64 [V
            of the union]; 0 for the words of the table.
    """

    table: BackoffTable
    to_union: Ids
    from_union: Ids
    log_shares: Floats

    @classmethod
    def of(cls, table: BackoffTable, to_union: Ids, union_size: int, unknown: Unknown = "share") -> Member:
        """Return the member whose words have the ids ``to_union`` in a vocabulary of ``union_size`` ids."""
        from_union = np.full(union_size, UNK_ID, np.int32)
        from_union[to_union] = np.arange(len(to_union), dtype=np.int32)
        is_unknown = from_union == UNK_ID
        log_shares = np.zeros(union_size)
        if unknown == "share":
            log_shares[is_unknown] = -np.log(is_unknown.sum())
        else:
            log_shares[is_unknown] = -np.inf
            log_shares[UNK_ID] = 0.0
        return cls(table, to_union, from_union, log_shares)


@dataclasses.dataclass(frozen=True)
class Union:
    """N-grams of several tables in suffix order; list index k − 1 is order k, as in ``BackoffTable``.

    Attributes:
        first: First word of each n-gram, int32 [n_k].
        suffix: Index at order k − 1 of the n-gram without its first word, int32 [n_k]; empty for unigrams.
        history: The same without its last word.
        last: Last word of each n-gram, int32 [n_k].
    """

    first: list[Ids]
    suffix: list[Ids]
    history: list[Ids]
    last: list[Ids]

    @property
    def order(self) -> int:
        """Highest order."""
        return len(self.first)

    @classmethod
    def of(
        cls, members: Sequence[Member], union_size: int, advance: Callable[[int], None] = lambda ngrams: None
    ) -> Union:
        """Unite the n-grams of the members over a vocabulary of ``union_size`` ids.

        ``advance`` is called with the number of n-grams read.
        """
        words, nothing = np.arange(union_size, dtype=np.int32), np.empty(0, np.int32)
        union = cls([words], [nothing], [nothing], [words])
        places = [member.to_union for member in members]  # union index of each member's n-grams of the order below
        for k in range(2, max(member.table.order for member in members) + 1):
            rows = [number for number, member in enumerate(members) if member.table.order >= k]
            keys = []
            for number in rows:
                table = members[number].table
                suffix = places[number][table.suffix[k - 1]].astype(np.int64)
                keys.append(suffix << _KEY_BITS | members[number].to_union[table.first[k - 1]])
                advance(len(keys[-1]))
            every = np.sort(np.concatenate(keys))  # faster than the hashes of numpy.unique
            every = every[np.concatenate([[True], every[1:] != every[:-1]])] if len(every) else every
            union.first.append((every & ((1 << _KEY_BITS) - 1)).astype(np.int32))
            union.suffix.append((every >> _KEY_BITS).astype(np.int32))
            history = np.empty(len(every), np.int32)
            for number, own in zip(rows, keys, strict=True):
                found = np.searchsorted(every, own).astype(np.int32)
                history[found] = places[number][members[number].table.history[k - 1]]
                places[number] = found
            union.history.append(history)
            union.last.append(union.last[-1][union.suffix[-1]])
        return union


@dataclasses.dataclass(frozen=True)
class Scores:
    """What a member says of the n-grams of a union. Lists are as in ``Union``.

    Attributes:
        log_probs: Natural log-probability of each n-gram's last word after the others, backed off where the table
            lacks the n-gram: float64 [n_k].
        backoffs: Logarithm of the backoff weight of each n-gram as a context below the highest order of the union,
            0 where the table lacks it: float64 [n_k].
    """

    log_probs: list[Floats]
    backoffs: list[Floats]


def scores(member: Member, union: Union) -> Scores:
    """Score the n-grams of a union by one of its members.

    Words that the member does not know are ``<unk>`` to it, in histories too; as the last word of an n-gram, each gets
    its share. Backoff weights are added in the order of ``BackoffTable.score``, whose results these equal.
    """
    table = member.table
    log_probs: list[Floats] = []
    backoffs: list[Floats] = []
    ids = member.from_union
    found = table.log_probs[0][ids].astype(np.float64)
    for k in range(1, union.order + 1):
        if k > 1:
            history, suffix = union.history[k - 1], union.suffix[k - 1]
            found = found[suffix] + backoffs[-1][history]
            ids = _ids_longer(member, k, ids[suffix], union.first[k - 1])
            there = ids >= 0
            if there.any():
                found[there] = table.log_probs[k - 1][ids[there]]
        log_probs.append(found)
        if k < union.order:
            backoffs.append(_backoffs(table, k, ids))
    if len(member.to_union) < len(member.from_union):
        for row, last in zip(log_probs, union.last, strict=True):
            np.add(row, member.log_shares[last], out=row)
    return Scores(log_probs, backoffs)


def _ids_longer(member: Member, k: int, suffixes: Ids, first: Ids) -> Ids:
    """Return the ids in the member's table of k-grams with these suffixes and first words; −1 where it lacks them."""
    ids = np.full(len(suffixes), -1, np.int32)
    if k <= member.table.order:
        there = np.flatnonzero(suffixes >= 0)
        ids[there] = member.table.find(k, suffixes[there], member.from_union[first[there]])
    return ids


def _backoffs(table: BackoffTable, k: int, ids: Ids) -> NDArray[np.float64]:
    weights = np.zeros(len(ids))
    if k < table.order:
        there = ids >= 0
        weights[there] = table.backoffs[k - 1][ids[there]]
    return weights
