"""The order of reading, and the contract of backward models on a toy of the state machine alone."""

from __future__ import annotations

import itertools
import math
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.language_models import Bigram

from nlmkit.decoding.sample import generate
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.comparison import compare, score
from nlmkit.language_models.reading import ReadingOrder
from nlmkit.text import Corpus

TEXT = [["a", "b", "a"], [], ["c", "zebra", "b"], ["b"]]
MIRRORED = [["b"], ["b", "zebra", "c"], [], ["a", "b", "a"]]
TRAIN = [["a", "b", "c"], ["c", "a", "b", "a"], ["b", "c"]]


class BackwardBigram(Bigram):
    """The bigram model of the reversed text: its table is that of a forward model of a mirrored text."""

    name: ClassVar[str] = "toy-backward-bigram"
    reads_backward: ClassVar[bool] = True  # type: ignore[assignment]  # a property in the base

    def fit(self, data: Any, *, valid: Any = None, run: Any = None) -> BackwardBigram:
        return super().fit([sentence[::-1] for sentence in reversed(data)])


def by_hand(values: Any, mirrored: list[list[str]]) -> list[Any]:
    """Values by event of a mirrored text, at the events of the text that it mirrors."""
    found: list[Any] = []
    rest = list(values)
    for sentence in mirrored:
        own, rest = rest[: len(sentence) + 1], rest[len(sentence) + 1 :]
        found = [*own[-2::-1], own[-1], *found]
    return found


@pytest.fixture(scope="module")
def pair() -> tuple[BackwardBigram, Bigram]:
    """A backward model of a text, and the forward model of the mirrored text, with the same ids."""
    backward, forward = BackwardBigram().fit(TRAIN), Bigram().fit([sentence[::-1] for sentence in reversed(TRAIN)])
    assert np.array_equal(backward.table_, forward.table_)
    return backward, forward


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=6))
def test_a_backward_model_reads_the_reversed_text_with_each_end_mark_at_its_own_sentence(lengths: list[int]) -> None:
    offsets = np.cumsum([0, *(length + 1 for length in lengths)]).astype(np.int64)
    sentences = [list(range(begin, end)) for begin, end in itertools.pairwise(offsets.tolist())]
    order = ReadingOrder.of(offsets, backward=True)
    read = [[*sentence[-2::-1], sentence[-1]] for sentence in reversed(sentences)]
    events = np.arange(offsets[-1])
    assert events[order.places].tolist() == [event for sentence in read for event in sentence]
    assert order.offsets.tolist() == np.cumsum([0, *map(len, read)]).tolist()
    assert np.array_equal(order.placed(events[order.places]), events)
    assert np.array_equal(events[order.places][order.ranks], events)
    assert [order.rows(np.array(each)).tolist() for each in order.sentences(read)] == sentences


def test_a_forward_model_reads_events_as_they_stand_without_copies() -> None:
    offsets = np.array([0, 3, 4], np.int64)
    order = ReadingOrder.of(offsets, backward=False)
    events = np.arange(4)
    assert order.placed(events) is events
    assert np.shares_memory(events[order.places], events)
    assert order.ranks.tolist() == [0, 1, 2, 3]
    chunks = iter([events[:3], events[3:]])
    assert order.sentences(chunks) is chunks


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_values_of_the_state_machine_stay_at_their_words(pair: Any, context: Any) -> None:
    backward, forward = pair
    expected = by_hand(forward.log_probs(MIRRORED, context=context), MIRRORED)
    assert backward.log_probs(TEXT, context=context).tolist() == expected
    rows = by_hand(np.concatenate(list(forward.distributions(MIRRORED, context=context))), MIRRORED)
    chunks = list(backward.distributions(TEXT, context=context))
    assert [len(chunk) for chunk in chunks] == [4, 1, 4, 2]
    assert np.array_equal(np.concatenate(chunks), rows)


def test_the_end_mark_of_a_sentence_is_predicted_from_its_first_word(pair: Any) -> None:
    backward, _ = pair
    vocabulary, table = backward.vocabulary_, backward.table_
    a, b = vocabulary.id("a"), vocabulary.id("b")
    # read as: b after the start, a after b, </s> after a
    expected = [table[b, a], table[1, b], table[a, 2]]
    assert backward.log_probs([["a", "b"]]).tolist() == expected


def test_the_report_says_that_the_model_reads_backward(pair: Any) -> None:
    backward, forward = pair
    report = backward.report(TEXT)
    assert report.direction == report.to_dict()["direction"] == "backward"
    assert "|ctx:sentence|dir:backward|adapt:no|" in report.signature
    assert "\ndirection           backward, from last word to first\n" in report.render()
    assert report.perplexity == pytest.approx(forward.report(MIRRORED).perplexity)
    assert report.oov == 1
    known = np.delete(backward.log_probs(TEXT), 6)  # "zebra", by its place in the text
    assert report.perplexity_excluding_oov == pytest.approx(math.exp(-known.mean()))
    plain = forward.report(TEXT)
    assert plain.direction == plain.to_dict()["direction"] == "forward"
    assert "dir:" not in plain.signature
    assert "direction" not in plain.render()


def test_figures_by_line_are_those_of_the_same_lines(pair: Any) -> None:
    backward, forward = pair
    lines = [" ".join(words) for words in TEXT]
    figures = backward.line_figures(lines)
    mirrored = forward.line_figures([" ".join(words) for words in MIRRORED])
    for name in ("log_prob", "events", "oov", "perplexity", "perplexity_excluding_oov", "bits_per_character"):
        np.testing.assert_allclose(getattr(figures, name), getattr(mirrored, name)[::-1], rtol=1e-12, err_msg=name)


def test_comparison_ranks_directions_together_by_sentence_and_says_so(pair: Any) -> None:
    backward = pair[0]
    forward = Bigram(vocabulary_size=None).fit([*TRAIN])
    text = Corpus.read(TEXT)
    found = compare([score("forward", forward, text), score("backward", backward, text)], samples=20)
    assert len(found.ranked) == 2
    assert "direction" in found.differing
    assert any("whole sentences" in note for note in found.notes)
    assert "DIRECTION" in found.render()
    alone = compare([score("one", backward, text), score("two", backward, text)], samples=20)
    assert "direction backward" in alone.render()
    assert not any("whole sentences" in note for note in alone.notes)
    plain = compare([score("one", forward, text), score("two", forward, text)], samples=20)
    assert "direction" not in plain.render().lower()


def test_samples_are_in_the_order_of_the_text_and_end_with_the_prompt(pair: Any) -> None:
    backward, forward = pair
    for seed in range(5):
        assert backward.generate(seed=seed, max_tokens=6) == forward.generate(seed=seed, max_tokens=6)[::-1]
    found = generate(backward, prompt="b a", seed=3, max_tokens=6)
    assert found == generate(forward, prompt="a b", seed=3, max_tokens=6)[::-1]


def test_the_walk_is_in_the_order_of_reading(pair: Any) -> None:
    backward, _ = pair
    ids = [word_id for _, word_id in LanguageModel._walk(backward, Corpus.read([["a", "b"], ["c"]]), "stream")]
    assert ids == [*backward.vocabulary_.ids(["c", "</s>", "b", "a", "</s>"]).tolist()]
