"""Co-occurrence counts of words with words and with documents, in pieces of bounded size.

Counts are integers, so the result does not depend on the size or order of the pieces.

Words outside the vocabulary are removed before counting, so the words around them become neighbours, as in word2vec
and GloVe. A literal ``<unk>`` in the text is counted like any other word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlmkit.text.vocabulary import UNK, UNK_ID

if TYPE_CHECKING:
    import scipy.sparse

    from nlmkit.text import Corpus, Vocabulary

Ids = NDArray[np.int32]

_BYTES_PER_PAIR = 48
"""Bytes per pair of a piece while pairs are sorted and summed: six 64-bit values."""

_LEAST_PAIRS = 1 << 16


@dataclasses.dataclass(frozen=True)
class KnownText:
    """Corpus reduced to the words of a vocabulary.

    Attributes:
        ids: Vocabulary ids, int32 [tokens].
        offsets: Start of each sentence, and end of the last one, int64 [sentences + 1].
    """

    ids: Ids
    offsets: NDArray[np.int64]

    @property
    def has_pairs(self) -> bool:
        """Whether any sentence has at least two words."""
        return bool((np.diff(self.offsets) > 1).any())


def rows_of_types(corpus: Corpus, vocabulary: Vocabulary, min_count: int = 1) -> Ids:
    """Return the vocabulary ids of a corpus's types: int32 [types], −1 for those that are not in the vocabulary.

    A literal ``<unk>`` has the id 0 if it occurs at least ``min_count`` times.
    """
    rows = vocabulary.ids(corpus.types)
    rows[rows == UNK_ID] = -1
    if UNK in corpus.types:
        literal = corpus.types.index(UNK)
        if np.count_nonzero(corpus.ids == literal) >= min_count:
            rows[literal] = UNK_ID
    return rows


def known_text(corpus: Corpus, rows: Ids) -> KnownText:
    """Return the corpus as vocabulary ids, without the types whose row is −1.

    Args:
        corpus: The text.
        rows: Result of ``rows_of_types``: int32 [types].
    """
    ids = rows[corpus.ids]
    known = ids >= 0
    dropped = np.flatnonzero(~known)
    if not len(dropped):
        return KnownText(ids, corpus.offsets)
    return KnownText(ids[known], corpus.offsets - np.searchsorted(dropped, corpus.offsets))


def window_counts(
    text: KnownText,
    size: int,
    window: int,
    *,
    linear: bool = False,
    memory: int = 1 << 28,
    advance: Callable[[int], None] = lambda tokens: None,
) -> scipy.sparse.csr_array:
    """Count co-occurrences of words within a window: a symmetric int64 matrix [size, size].

    Two tokens of a sentence at most ``window`` words apart count once for each of them, so a word next to itself counts
    twice.

    Args:
        text: The text.
        size: Number of vocabulary ids.
        window: Maximum distance.
        linear: Weight counts by distance: ``window`` at distance 1, down to 1 at distance ``window`` (the average of
            word2vec's shrinking windows; Levy, Goldberg & Dagan 2015).
        memory: Bytes for a piece of the text during counting, in addition to the text and the result, which has one
            entry per distinct pair.
        advance: Called with the number of tokens done.
    """
    tokens = max(memory // _BYTES_PER_PAIR, _LEAST_PAIRS) // window + 1
    counts = _Sum(size, size)
    for begin in range(0, len(text.ids), tokens):
        end = min(begin + tokens, len(text.ids))
        pairs, weights = _pairs(text, begin, end, size=size, window=window, linear=linear)
        counts.add(pairs, weights)
        advance(end - begin)
    ahead = counts.total()
    both = ahead + ahead.T.tocsr()
    both.sort_indices()
    return both


def _pairs(
    text: KnownText, begin: int, end: int, *, size: int, window: int, linear: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return distinct pairs (left · size + right) with left tokens from ``begin`` to ``end``, and their counts."""
    first = int(np.searchsorted(text.offsets, begin, side="right")) - 1
    last = int(np.searchsorted(text.offsets, end, side="left"))
    bounds = text.offsets[first : last + 1]
    limits = np.repeat(bounds[1:], np.diff(bounds.clip(begin, end)))  # where the sentence of each left token ends
    places = np.arange(begin, end)
    kinds = window if linear else 1
    keys = []
    for distance in range(1, window + 1):
        left = places[places + distance < limits]
        pairs = text.ids[left].astype(np.int64) * size + text.ids[left + distance]
        keys.append(pairs * kinds + (distance - 1 if linear else 0))
    return _sums(np.concatenate(keys), np.arange(window, 0, -1) if linear else None)


def _sums(
    keys: NDArray[np.int64], weights: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct values, sorted, and their counts.

    With ``weights``, a key is value · len(weights) + index of its weight, and weights are summed. Sorts ``keys``.
    """
    keys.sort()
    values, places = (keys, None) if weights is None else np.divmod(keys, len(weights))
    differs = np.ones(len(keys), np.bool_)
    differs[1:] = values[1:] != values[:-1]
    starts = np.flatnonzero(differs)
    if weights is None:
        return values[starts], np.diff(starts, append=len(keys))
    sums = np.add.reduceat(weights[places], starts) if len(starts) else starts
    return values[starts], sums


def document_counts(
    text: KnownText,
    size: int,
    lines: int = 1,
    *,
    memory: int = 1 << 28,
    advance: Callable[[int], None] = lambda tokens: None,
) -> scipy.sparse.csr_array:
    """Count the occurrences of each word in each document: an int64 matrix [size, documents].

    Args:
        text: The text.
        size: Number of vocabulary ids.
        lines: Number of consecutive sentences per document, including empty ones; the last document can have fewer.
            Documents without words are dropped.
        memory: Bytes for a piece of the text during counting, see ``window_counts``. Documents are never split.
        advance: Called with the number of tokens done.
    """
    import scipy.sparse

    documents = np.unique(np.append(text.offsets[:-1:lines], text.offsets[-1]))
    pieces = []
    for begin, end in _document_pieces(documents, max(memory // _BYTES_PER_PAIR, _LEAST_PAIRS)):
        lengths = np.diff(documents[begin : end + 1])
        keys = np.repeat(np.arange(end - begin), lengths) * size
        keys += text.ids[documents[begin] : documents[end]]
        pieces.append(_matrix(*_sums(keys), end - begin, size))
        advance(int(lengths.sum()))
    if not pieces:
        return scipy.sparse.csr_array((size, 0), dtype=np.int64)
    terms = scipy.sparse.vstack(pieces, format="csr").T.tocsr()
    terms.sort_indices()
    return terms


def _document_pieces(documents: NDArray[np.int64], tokens: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of documents with about a given number of tokens, at least one document each."""
    begin, last = 0, len(documents) - 1
    while begin < last:
        end = int(np.searchsorted(documents, documents[begin] + tokens, side="right")) - 1
        end = min(max(end, begin + 1), last)
        yield begin, end
        begin = end


class _Sum:
    """Running sum of sparse matrices.

    Partial sums are merged only with ones of similar size, so every entry is added few times, for any number of
    pieces.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self._shape = rows, columns
        self._parts: list[Any] = []

    def add(self, keys: NDArray[np.int64], values: NDArray[np.int64]) -> None:
        self._parts.append(_matrix(keys, values, *self._shape))
        while len(self._parts) > 1 and self._parts[-2].nnz <= 2 * self._parts[-1].nnz:
            self._merge()

    def total(self) -> Any:
        while len(self._parts) > 1:
            self._merge()
        if not self._parts:
            return _matrix(np.empty(0, np.int64), np.empty(0, np.int64), *self._shape)
        return self._parts[0]

    def _merge(self) -> None:
        last = self._parts.pop()
        self._parts[-1] = self._parts[-1] + last


def _matrix(keys: NDArray[np.int64], values: NDArray[np.int64], rows: int, columns: int) -> Any:
    """Return the sparse matrix with ``values`` at ``keys`` (row · columns + column), which are sorted and distinct."""
    import scipy.sparse

    index = np.int32 if max(len(keys), columns) < 2**31 else np.int64
    starts = np.searchsorted(keys, np.arange(rows + 1, dtype=np.int64) * columns)
    return scipy.sparse.csr_array(
        (values, (keys % columns).astype(index), starts.astype(index)), shape=(rows, columns), dtype=np.int64
    )
