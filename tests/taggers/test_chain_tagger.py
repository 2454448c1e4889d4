"""A chain tagger's answers equal enumeration of the legal sequences, however sentences fall into batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from nlmkit.decoding.chain import Chain
from nlmkit.taggers.chain_tagger import ChainTagger, batches, padded

TRAIN = (
    [["a", "b", "c"], [], ["b"], ["c", "a", "b", "b"]],
    [["B-X", "I-X", "O"], [], ["B-X"], ["O", "B-X", "O", "O"]],
)


class Scored(ChainTagger):
    """Scores of words and pairs of tags from a table of random numbers; not registered."""

    name = "scored"
    size_ = 8  # scores in a batch

    def fit_sentences(self, data: Any, *, valid: Any, run: Any) -> Mapping[str, Any]:
        draw, tags = np.random.default_rng(3), len(self.tags_)
        self.words_ = {word: draw.normal(size=tags) * 2 for word in "abc"}
        self.pairs_ = draw.normal(size=(tags, tags))
        return {}

    def chain(self) -> Chain:
        zeros = np.zeros(len(self.tags_))
        return Chain(zeros, self.pairs_, zeros).constrained(*self.legal())

    def emissions(self, data: Any) -> Iterator[tuple[Any, Any, Any]]:
        for sentences in batches(data.offsets, len(self.tags_), self.size_):
            lengths = np.diff(data.offsets)[sentences]
            rows = [self.words_[word] for sentence in sentences for word in data.sentence(sentence)]
            yield sentences, padded(np.array(rows), lengths), lengths


@pytest.fixture(scope="module")
def tagger() -> Scored:
    return Scored().fit(*TRAIN)


SENTENCES = [["b", "a"], [], ["c", "c", "b", "a"], ["a"], ["b", "b", "b"]]


def every(tagger: Scored, words: list[str]) -> list[tuple[float, tuple[int, ...]]]:
    """All legal sequences with their log-probabilities, best first, by definition."""
    start, pairs, end = tagger.legal()
    found = []
    for path in itertools.product(range(len(tagger.tags_)), repeat=len(words)):
        if start[path[0]] and end[path[-1]] and all(pairs[one, two] for one, two in itertools.pairwise(path)):
            score = sum(tagger.words_[word][tag] for word, tag in zip(words, path, strict=True))
            score += sum(tagger.pairs_[one, two] for one, two in itertools.pairwise(path))
            found.append((float(score), path))
    total = np.logaddexp.reduce([score for score, _ in found])
    return sorted(((score - total, path) for score, path in found), reverse=True)


@pytest.mark.parametrize("size", [1, 8, 1000])
def test_answers_equal_enumeration(tagger: Scored, size: int) -> None:
    tagger.size_ = size
    data = tagger.encode(SENTENCES)
    ids = np.split(tagger.tag_ids(data), data.offsets[1:-1])
    shares = np.split(tagger.marginals(data), data.offsets[1:-1])
    best = tagger.best(data, 5)
    asked = [[(0, np.array([0])), (len(s) - 1, np.array([1]))] if s else [] for s in SENTENCES]
    spans = tagger.span_log_probabilities(data, asked)
    for words, path, share, several, parts, probabilities in zip(
        SENTENCES, ids, shares, best, asked, spans, strict=True
    ):
        if not words:
            assert [(score, path.tolist()) for score, path in several] == [(0.0, [])]
            assert not len(probabilities)
            continue
        legal = every(tagger, words)
        assert tuple(path) == legal[0][1]
        assert [tuple(each.tolist()) for _, each in several] == [each for _, each in legal[:5]]
        assert [score for score, _ in several] == pytest.approx([score for score, _ in legal[:5]])
        for time, tag in itertools.product(range(len(words)), range(len(tagger.tags_))):
            assert share[time, tag] == pytest.approx(sum(np.exp(s) for s, each in legal if each[time] == tag))
        for (time, (tag,)), found in zip(parts, probabilities, strict=True):
            assert np.exp(found) == pytest.approx(sum(np.exp(s) for s, each in legal if each[time] == tag))


def test_batches_hold_each_sentence_with_tokens_once_and_bound_the_scores() -> None:
    offsets = np.array([0, 3, 3, 4, 9, 11])
    found = [batch.tolist() for batch in batches(offsets, 2, 12)]
    assert found == [[3], [0, 4], [2]]
    assert [batch.tolist() for batch in batches(np.array([0]), 2)] == []


def test_no_sentence_has_tags_that_are_not_legal(tagger: Scored) -> None:
    words = list("abccbaabcab")
    assert tagger.predict([words])[0] != []
    start, pairs, end = tagger.legal()
    for _, path in tagger.best(tagger.encode([words]), 50)[0]:
        assert start[path[0]]
        assert end[path[-1]]
        assert pairs[path[:-1], path[1:]].all()
