"""Training of unigram subword models (Kudo 2018) by expectation maximization and pruning.

Each word of the text can be divided into subwords in many ways: the paths of a lattice whose nodes are the places
between its characters. All lattices are worked on at once, one place after another. The library ``tokenizers`` can
train such models, too, but from the same text it makes another model each time.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LONGEST: Final = 16  # characters of a subword
_LONGEST_WORD: Final = 48  # characters; longer words are cut
_TEXT: Final = 1 << 21  # characters of different words that are trained on, the most frequent ones
_SEEDS: Final = 10  # candidates per subword wanted
_FEWEST_SEEDS: Final = 20_000
_STEPS: Final = 2  # of expectation maximization between prunings
_KEPT: Final = 0.75  # share of subwords that a pruning leaves
_LEAST: Final = 0.5  # expected count of a subword that is not expected

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_Bools = NDArray[np.bool_]


def train_unigram(words: Mapping[str, int], alphabet: Sequence[str], size: int) -> dict[str, float]:
    """Train a model.

    Args:
        words: Words of the text and how often each occurs; they consist of characters of the alphabet.
        alphabet: Characters, all of which become subwords.
        size: Number of subwords wanted; there are fewer if fewer occur twice.

    Returns:
        The subwords and the natural log-probability of each, the most probable first.
    """
    strings, counts = _frequent(words)
    subwords = np.array([*alphabet, *_seeds(strings, counts, max(_SEEDS * size, _FEWEST_SEEDS))], object)
    text, own = _Lattices.of(strings, subwords), _Lattices.of([*subwords], subwords)
    own = own.without_whole_words()
    character = np.arange(len(subwords)) < len(alphabet)
    alive = np.ones(len(subwords), np.bool_)
    scores = np.zeros(len(subwords))  # each division of a word is equally probable
    while True:
        for _ in range(_STEPS):
            expected = text.expected_counts(scores, counts, len(subwords))
            scores = _probabilities(expected, alive)
        if alive.sum() <= size:
            break
        own = own.only(alive)
        loss = expected * (scores - own.best_scores(scores, len(subwords)))
        loss[character] = np.inf
        loss[~alive] = -np.inf
        left = max(size, int(_KEPT * alive.sum()))
        alive[np.argsort(-loss, kind="stable")[left:]] = False
        text = text.only(alive)
    found = sorted((-round(float(scores[index]), 6), str(subwords[index])) for index in np.flatnonzero(alive))
    return {subword: -score for score, subword in found}


def _frequent(words: Mapping[str, int]) -> tuple[list[str], _Ints]:
    """Return the most frequent words, long ones cut, up to a number of characters, and their counts."""
    found: list[str] = []
    counts: list[int] = []
    room = _TEXT
    for word in sorted(words, key=lambda word: (-words[word], word)):
        parts = [word[begin : begin + _LONGEST_WORD] for begin in range(0, len(word), _LONGEST_WORD)]
        found += parts
        counts += [words[word]] * len(parts)
        room -= len(word)
        if room < 0:
            break
    return found, np.array(counts, np.int64)


def _seeds(words: Sequence[str], counts: _Ints, most: int) -> list[str]:
    """Return the strings of two characters or more that occur twice or more, of the greatest length times count.

    Of strings that occur equally often because one is the beginning of the other, only the longest is returned.
    """
    text, places, ends = _joined(words)
    weights = np.repeat(counts, [len(word) for word in words])
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64)
    groups = np.unique(codes, return_inverse=True)[1]
    before = np.zeros(int(groups.max(initial=0)) + 1)  # counts of the groups of the strings that are one shorter
    found: list[tuple[_Floats, _Ints, int]] = []
    for length in range(2, _LONGEST + 1):
        inside = places + length <= ends[places]
        places, groups = places[inside], groups[inside]
        if not len(places):
            break
        keys = (groups << 21) | codes[places + length - 1]  # code points take 21 bits
        keys, first, now = np.unique(keys, return_index=True, return_inverse=True)
        total = np.bincount(now, weights[places]).astype(np.float64)
        if found:  # strings that always go on in the same way
            parents = groups[first]
            found[-1][0][parents[total == before[parents]]] = 0
        kept = total >= 2
        renumbered = np.cumsum(kept) - 1
        found.append((total[kept], places[first[kept]], length))
        going_on = kept[now]
        places, groups, before = places[going_on], renumbered[now[going_on]], total[kept]
    if not found:
        return []
    totals = np.concatenate([total for total, _, _ in found])
    begins = np.concatenate([begin for _, begin, _ in found])
    lengths = np.repeat([length for *_, length in found], [len(begin) for _, begin, _ in found])
    order = np.argsort(-(totals * lengths), kind="stable")[:most]
    order = order[totals[order] > 0]
    return [
        text[begin : begin + length]
        for begin, length in zip(begins[order].tolist(), lengths[order].tolist(), strict=True)
    ]


def _joined(words: Sequence[str]) -> tuple[str, _Ints, _Ints]:
    """Return the words as one string, the places in it, and for each place where its word ends: int64 [characters]."""
    lengths = np.array([len(word) for word in words], np.int64)
    text = "".join(words)
    return text, np.arange(len(text)), np.repeat(np.cumsum(lengths), lengths)


def _probabilities(expected: _Floats, alive: _Bools) -> _Floats:
    """Return the log-probabilities of subwords by their expected counts; ψ in place of log favors frequent ones."""
    counts = np.where(alive, np.maximum(expected, _LEAST), 1)
    scores: _Floats = _digamma(counts) - _digamma(np.array([counts[alive].sum()]))
    return scores


def _digamma(values: _Floats) -> _Floats:
    """Return ψ of positive values: its recurrence up to 6, and from there its asymptotic series."""
    shifted = values + 6
    squared = 1 / (shifted * shifted)
    series = np.log(shifted) - 0.5 / shifted - squared * (1 / 12 - squared * (1 / 120 - squared / 252))
    found: _Floats = series - sum(1 / (values + step) for step in range(6))
    return found


@dataclass(frozen=True)
class _Edges:
    """Edges of lattices in an order in which each node's edges are together.

    Attributes:
        tails: Node that is computed, of each edge.
        heads: Node that it is computed from.
        subwords: Subword of each edge.
        steps: Where the edges of each step begin; nodes of one step do not depend on one another.
    """

    tails: _Ints
    heads: _Ints
    subwords: _Ints
    steps: _Ints

    @classmethod
    def sorted(cls, tails: _Ints, heads: _Ints, subwords: _Ints, ranks: _Ints) -> _Edges:
        """Return edges in steps by the rank of the node that is computed."""
        order = np.lexsort((tails, ranks))
        ranks = ranks[order]
        return cls(tails[order], heads[order], subwords[order], _beginnings(ranks))

    def only(self, kept: _Bools) -> _Edges:
        """Return the edges of the subwords that are kept; each node keeps at least one."""
        chosen = kept[self.subwords]
        before = np.concatenate([[0], np.cumsum(chosen)])
        steps = before[self.steps]
        return _Edges(self.tails[chosen], self.heads[chosen], self.subwords[chosen], np.unique(steps))

    def scores(self, scores: _Floats, nodes: int, *, best: bool) -> _Floats:
        """Return the score of all paths to each node, or of the best path: natural log, float64 [nodes]."""
        values = np.zeros(nodes)
        bounds = [*self.steps.tolist(), len(self.tails)]
        for begin, end in itertools.pairwise(bounds):
            if begin == end:
                continue
            tails = self.tails[begin:end]
            groups = _beginnings(tails)
            paths = values[self.heads[begin:end]] + scores[self.subwords[begin:end]]
            highest = np.maximum.reduceat(paths, groups)
            if not best:
                sizes = np.diff(groups, append=len(tails))
                sums = np.add.reduceat(np.exp(paths - np.repeat(highest, sizes)), groups)
                highest = highest + np.log(sums)
            values[tails[groups]] = highest
        return values


@dataclass(frozen=True)
class _Lattices:
    """Lattices of words, side by side.

    Attributes:
        forward: Edges to each node from those before it.
        backward: Edges from each node to those after it.
        lengths: Characters of each word.
    """

    forward: _Edges
    backward: _Edges
    lengths: _Ints

    @classmethod
    def of(cls, words: Sequence[str], subwords: Sequence[str] | NDArray[np.object_]) -> _Lattices:
        """Return the lattices of words: an edge wherever a subword occurs in one."""
        lengths = np.array([len(word) for word in words], np.int64)
        places, sizes, found = _occurrences(words, subwords)
        word_of = np.repeat(np.arange(len(words)), lengths)[places]
        begins = places + word_of  # a word has one node more than characters
        within = places - (np.cumsum(lengths) - lengths)[word_of]
        ends = begins + sizes
        return cls(
            _Edges.sorted(ends, begins, found, within + sizes),
            _Edges.sorted(begins, ends, found, lengths[word_of] - within),
            lengths,
        )

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return int((self.lengths + 1).sum())

    @property
    def last(self) -> _Ints:
        """The last node of each word."""
        return np.cumsum(self.lengths + 1) - 1

    def only(self, kept: _Bools) -> _Lattices:
        """Return the lattices of the subwords that are kept."""
        return _Lattices(self.forward.only(kept), self.backward.only(kept), self.lengths)

    def without_whole_words(self) -> _Lattices:
        """Return the lattices without the edges from a word's first node to its last, other than single characters."""
        edges = self.forward
        sizes = edges.tails - edges.heads
        word_of = np.searchsorted(self.last, edges.tails)
        chosen = (sizes < self.lengths[word_of]) | (sizes == 1)
        before = np.concatenate([[0], np.cumsum(chosen)])
        kept = _Edges(edges.tails[chosen], edges.heads[chosen], edges.subwords[chosen], np.unique(before[edges.steps]))
        return _Lattices(kept, kept, self.lengths)

    def expected_counts(self, scores: _Floats, counts: _Ints, subwords: int) -> _Floats:
        """Return how often each subword is expected to occur: float64 [subwords]."""
        alpha = self.forward.scores(scores, self.nodes, best=False)
        beta = self.backward.scores(scores, self.nodes, best=False)
        edges = self.forward
        word_of = np.repeat(np.arange(len(self.lengths)), self.lengths + 1)[edges.tails]
        total = alpha[self.last]
        shares = np.exp(alpha[edges.heads] + scores[edges.subwords] + beta[edges.tails] - total[word_of])
        return np.bincount(edges.subwords, shares * counts[word_of], minlength=subwords).astype(np.float64, copy=False)

    def best_scores(self, scores: _Floats, subwords: int) -> _Floats:
        """Return the score of the best path of each word: float64 [words]."""
        found = self.forward.scores(scores, self.nodes, best=True)[self.last]
        assert len(found) == subwords
        return found


def _occurrences(words: Sequence[str], subwords: Sequence[str] | NDArray[np.object_]) -> tuple[_Ints, _Ints, _Ints]:
    """Return where subwords occur in words: place in the joined words, length, index of the subword."""
    text, places, ends = _joined(words)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64)
    sizes = np.array([len(subword) for subword in subwords], np.int64)
    joined, _, _ = _joined([*subwords])
    spelt = np.frombuffer(joined.encode("utf-32-le"), np.uint32).astype(np.int64)
    begins = np.cumsum(sizes) - sizes
    of_subword = np.zeros(len(sizes), np.int64)  # node of the trie of all subwords that each has come to
    of_place = np.zeros(len(text), np.int64)
    found: list[tuple[_Ints, _Ints, _Ints]] = []
    active = np.arange(len(sizes))
    for length in range(1, _LONGEST + 1):
        active = active[sizes[active] >= length]
        inside = places + length <= ends[places]
        places, of_place = places[inside], of_place[inside]
        if not len(active) or not len(places):
            break
        keys, nodes = np.unique((of_subword[active] << 21) | spelt[begins[active] + length - 1], return_inverse=True)
        of_subword[active] = nodes
        wanted = (of_place << 21) | codes[places + length - 1]
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        matched = keys[at] == wanted
        places, of_place = places[matched], at[matched]
        whole = np.full(len(keys), -1)
        ending = active[sizes[active] == length]
        whole[of_subword[ending]] = ending
        hits = whole[of_place] >= 0
        found.append((places[hits], np.full(int(hits.sum()), length), whole[of_place[hits]]))
    parts = [np.concatenate([*column]) for column in zip(*found, strict=True)]
    return parts[0], parts[1], parts[2]


def _beginnings(values: _Ints) -> _Ints:
    """Return where each run of equal values begins."""
    return np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
