"""Over-generation and reranking: the order of candidates, what is refused, and the two methods that use it."""

from __future__ import annotations

import pytest

from nlmkit.errors import HyperParameterError
from nlmkit.seq2seq.reranking import number_of_candidates, reranked
from nlmkit.seq2seq.translations import Translation


def found(*texts):
    """Candidates, best first."""
    return [Translation(text, tuple(text.split()), -1.0 * place, -1.0 * place) for place, text in enumerate(texts)]


def test_least_cost_first_and_ties_in_the_order_of_scores():
    candidates = [found("a b", "a", "b", "c"), found("c c", "c")]
    wanted = ["a", "c"]

    def cost(place, candidate):
        return abs(candidate.tokens.count(wanted[place]) - 1)

    ranked = reranked(candidates, cost, 3)
    assert [[each.text for each in best] for best in ranked] == [["a b", "a", "b"], ["c", "c c"]]


def test_infinite_costs_are_last_and_nan_is_refused():
    ranked = reranked([found("a", "b")], lambda _, each: float("inf") if each.text == "a" else 1, 2)
    assert [each.text for each in ranked[0]] == ["b", "a"]
    with pytest.raises(HyperParameterError, match="rerank returned nan for the candidate 'b' of source 1"):
        reranked([found("a", "b")], lambda _, each: float("nan") if each.text == "b" else 0, 1)


def test_number_of_candidates():
    def cost(_, candidate):
        return 0.0

    assert number_of_candidates(3, None, None) == 3
    assert number_of_candidates(3, cost, None) == 20
    assert number_of_candidates(30, cost, None) == 30
    assert number_of_candidates(3, cost, 4) == 4
    with pytest.raises(HyperParameterError, match="candidates=5 has no effect: it needs rerank"):
        number_of_candidates(3, None, 5)
    for wrong in (2, 4.0, True):
        with pytest.raises(HyperParameterError, match="candidates must be an integer of at least n=3"):
            number_of_candidates(3, cost, wrong)
