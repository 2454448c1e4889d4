"""Tests of ``template``: the contract that every language model keeps, and what is its own."""

import pytest
from nlmkit.plugin import conformance

from nlmkit_template.language_model import Template

MODELS = [
    Template(),
    Template(k=0.1, vocabulary_size=12),
]

test_contract = conformance(*MODELS, tolerance=0.0, sum_tolerance=1e-9)


def test_probabilities_are_shares_of_the_smoothed_counts() -> None:
    """Of ``a a b`` and its ``</s>``, with 1 added to the counts of a, b, </s> and <unk>."""
    model = Template().fit([["a", "a", "b"]])
    found = [model.next_log_probs(model.start())[model.vocabulary_.id(word)] for word in ("a", "b", "zyzzyva")]
    assert [2.718281828459045**value for value in found] == pytest.approx([3 / 8, 2 / 8, 1 / 8])
