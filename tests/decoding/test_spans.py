"""Spans by minimum Bayes risk equal the best choice among all of them, by enumeration of all legal paths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.decoding import spans
from nlmkit.decoding.chain import Chain, viterbi
from nlmkit.decoding.spans import SpanTags, best_spans
from nlmkit.text.tag_schemes import Span, legal, read_spans

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=40)

TYPED = ("O", "B-X", "I-X", "E-X", "S-X", "S-Y")
CHARACTERS = ("B", "E", "I", "S")


def types_of(tags: tuple[str, ...]) -> list[SpanTags]:
    kinds = {tag[2:]: None for tag in tags if tag != "O"}
    place = {tag: number for number, tag in enumerate(tags)}
    return [SpanTags(*(place.get(f"{letter}-{kind}" if kind else letter, -1) for letter in "BIES")) for kind in kinds]


def made(tags: tuple[str, ...], seed: int, lengths: list[int], scale: float) -> tuple[Chain, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    size = len(tags)
    chain = Chain(
        draw.normal(scale=scale, size=size), draw.normal(scale=scale, size=(size, size)), draw.normal(size=size)
    ).constrained(*legal(tags, "BIOES"))
    emissions = draw.normal(scale=scale, size=(max(lengths), len(lengths), size))
    emissions[np.arange(max(lengths))[:, None] >= np.array(lengths)] = np.nan  # must not be read
    return chain, emissions, np.array(lengths)


def by_enumeration(tags: tuple[str, ...], chain: Chain, emissions: np.ndarray) -> dict[frozenset[Span], float]:
    """The probability of each set of spans that a sentence can have."""
    found: dict[frozenset[Span], float] = {}
    for path in itertools.product(range(len(tags)), repeat=len(emissions)):
        score = chain.start[path[0]] + chain.end[path[-1]] + sum(emissions[time, tag] for time, tag in enumerate(path))
        score += sum(chain.transitions[pair] for pair in itertools.pairwise(path))
        if np.isfinite(score):
            own = frozenset(read_spans([tags[tag] for tag in path], "BIOES").spans)
            found[own] = found.get(own, 0.0) + float(np.exp(score))
    total = sum(found.values())
    return {own: share / total for own, share in found.items()}


def worth(chosen: frozenset[Span], chances: dict[frozenset[Span], float], threshold: float) -> float:
    """The expected number of right spans, less the threshold for each."""
    right = sum(share * len(own & chosen) for own, share in chances.items())
    return right - threshold * len(chosen)


@reproducible
@given(
    st.sampled_from([TYPED, CHARACTERS, ("O", "B", "E"), ("B", "I", "E", "S"), ("S-X", "S-Y")]),
    st.integers(0, 10**6),
    st.lists(st.integers(0, 4), min_size=1, max_size=3).filter(any),
    st.sampled_from([0.3, 1.0, 4.0]),
    st.sampled_from([0.0, 0.2, 0.45, 0.9]),
)
def test_chooses_the_spans_of_highest_worth(
    tags: tuple[str, ...], seed: int, lengths: list[int], scale: float, threshold: float
) -> None:
    chain, emissions, sizes = made(tags, seed, lengths, scale)
    outside = tags.index("O") if "O" in tags else None
    found = best_spans(chain, emissions, sizes, types_of(tags), outside=outside, threshold=threshold)
    for row, length in enumerate(lengths):
        assert not found[length:, row].any()
        if not length:
            continue
        chances = by_enumeration(tags, chain, emissions[:length, row])
        own = read_spans([tags[tag] for tag in found[:length, row]], "BIOES")
        assert not own.repairs
        highest = max(worth(each, chances, threshold) for each in chances)
        assert worth(frozenset(own.spans), chances, threshold) == pytest.approx(highest, abs=1e-9)


def test_prefers_the_likelier_spans_to_the_likeliest_path() -> None:
    # Tags O, S-X, S-Y. Three readings of two tokens, of .4, .3 and .3: the two latter agree on the first token.
    scores = np.log(np.array([[0.4, 0.6, 1e-9], [1.0, 0.5, 0.5]]))[:, None]
    chain = Chain(np.zeros(3), np.array([[0.0, -99, -99], [-99, 0.0, 0.0], [-99, 0.0, 0.0]]), np.zeros(3))
    assert viterbi(chain, scores, [2])[0].T.tolist() == [[0, 0]]
    types = [SpanTags(-1, -1, -1, 1), SpanTags(-1, -1, -1, 2)]
    assert best_spans(chain, scores, [2], types, outside=0, threshold=0.45).T.tolist() == [[1, 0]]


def test_batch_and_padding_change_nothing() -> None:
    chain, emissions, lengths = made(TYPED, 3, [40, 7, 25, 1, 40], 2.0)
    settings_ = {"types": types_of(TYPED), "outside": 0, "threshold": 0.4}
    together = best_spans(chain, emissions, lengths, **settings_)
    for row, length in enumerate(lengths.tolist()):
        alone = best_spans(chain, emissions[:length, row : row + 1], [length], **settings_)
        assert alone[:, 0].tolist() == together[:length, row].tolist()


def test_spans_too_long_for_memory_leave_the_best_path(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = ("B", "I", "E")
    chain, emissions, lengths = made(tags, 1, [9, 4], 1.0)
    chain = Chain(chain.start, np.where([[1, 1, 1], [1, 1, 1], [0, 0, 0]], chain.transitions, -np.inf), chain.end)
    whole = best_spans(chain, emissions, lengths, types_of(tags), outside=None, threshold=0.4)
    assert whole[:, 0].tolist() == [0, *[1] * 7, 2]
    monkeypatch.setattr(spans, "_ROOM", 4 * 18)
    some = best_spans(chain, emissions, lengths, types_of(tags), outside=None, threshold=0.4)
    assert some.tolist() == whole.tolist()


def test_long_sentences_and_none() -> None:
    chain, emissions, lengths = made(CHARACTERS, 5, [30_000], 1.0)
    found = best_spans(chain, emissions, lengths, types_of(CHARACTERS), outside=None, threshold=0.45)
    assert not read_spans([CHARACTERS[tag] for tag in found[:, 0]], "BIOES").repairs
    none = best_spans(chain, emissions[:0], [0], types_of(CHARACTERS), outside=None, threshold=0.45)
    assert none.shape == (0, 1)
