"""Shallow fusion, against the sum of two state machines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.decoding import DrawnMachine
from toys.language_models import Bigram, Scripted, Uniform

from nlmkit import NGram
from nlmkit.decoding.beam import beam_search
from nlmkit.decoding.fusion import FusedRows, ShallowFusion
from nlmkit.decoding.hypotheses import BeamOptions
from nlmkit.decoding.rows import MachineRows
from nlmkit.errors import DataError, HyperParameterError, NotFittedError
from nlmkit.text import EOS_ID, Corpus, TextPipeline, Tokenization, Vocabulary

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=20)

NO_TIES = (0, 0, 0, *(number**0.5 for number in range(3, 100)))

TEXT = ["w0 w1 w2", "w1 other w0", "w2 w0 w0", "w2"]


class Targets(DrawnMachine):
    """A drawn machine with a tokenization."""

    pipeline_ = TextPipeline()


@dataclass
class Sum:
    """A machine of both, by definition."""

    machine: DrawnMachine
    language_model: Any
    weight: float

    def __post_init__(self) -> None:
        self.vocabulary_ = self.machine.vocabulary_
        theirs = self.language_model.vocabulary_
        self.map = [theirs.id(word) for word in self.vocabulary_.words]

    def start(self, source: int) -> Any:
        return self.machine.start(source), self.language_model.start()

    def advance(self, state: Any, word_id: int) -> Any:
        return self.machine.advance(state[0], word_id), self.language_model.advance(state[1], self.map[word_id])

    def next_log_probs(self, state: Any) -> Any:
        theirs = self.language_model.next_log_probs(state[1])
        return np.array(
            [a + self.weight * theirs[b] for a, b in zip(self.machine.row(state[0]), self.map, strict=True)]
        )


def beginnings(machine: Any, sources: int) -> MachineRows:
    return MachineRows(machine, [machine.start(source) for source in range(sources)])


MODELS = [
    Bigram(alpha=0.5).fit(TEXT),
    Uniform().fit(["w2 w1 w0"]),
    NGram(order=3).fit([*TEXT, *TEXT]),
    Bigram(alpha=0.5).fit(["unlike all"]),
]


@pytest.mark.slow
@reproducible
@given(
    seed=st.integers(0, 2**20),
    number=st.integers(0, len(MODELS) - 1),
    weight=st.sampled_from([0.1, 0.5, 2]),
    beam=st.integers(1, 4),
    allow_unk=st.booleans(),
)
def test_fused_search_is_search_by_the_sum(seed: int, number: int, weight: float, beam: int, allow_unk: bool) -> None:
    machine, model = Targets(seed, weights=NO_TIES), MODELS[number]
    options = BeamOptions(beam=beam, n_best=beam, max_length=5, normalization="average", allow_unk=allow_unk)
    found = beam_search(
        ShallowFusion(machine, model, weight).rows(beginnings(machine, 2), 2), sources=2, options=options
    )
    expected = beam_search(beginnings(Sum(machine, model, weight), 2), sources=2, options=options)
    for ours, theirs in zip(found, expected, strict=True):
        assert [each.log_prob for each in ours] == pytest.approx([each.log_prob for each in theirs], abs=1e-5)
        if beam == 1:  # of several, nearly equal ones may change places
            assert [each.ids for each in ours] == [each.ids for each in theirs]


def test_every_word_is_scored_whatever_the_beam() -> None:
    """The language model decides on a word that the model alone has last: no candidate is left out beforehand."""
    words = Vocabulary([f"w{number}" for number in range(2000)])
    flat = Scripted(words, {word: -float(number) / 100 - 7 for number, word in enumerate(words.words[3:])})
    fond = Scripted(words, {"w1999": -1.0, "</s>": -2.0} | dict.fromkeys(words.words[3:-1], -200.0))
    rows = ShallowFusion(flat, fond, 1.0).rows(MachineRows(flat, [flat.start()]), 1)
    values = rows.log_probs()[0]
    assert int(values.argmax()) == len(words) - 1
    assert values[-1] == pytest.approx(-19.99 - 7 - 1)


def test_words_that_the_language_model_lacks_are_its_unk() -> None:
    machine = Targets(0)
    model = Bigram(alpha=1.0).fit(["w0 odd", "odd w0"])
    rows = ShallowFusion(machine, model, 0.5).rows(beginnings(machine, 1), 1)
    row, plain = rows.log_probs()[0], machine.row(machine.start(0))
    theirs = model.next_log_probs(model.start())
    for word in ("w1", "w2", "<unk>"):
        place = machine.vocabulary_.id(word)
        if plain[place] > -math.inf:
            assert row[place] == pytest.approx(plain[place] + 0.5 * theirs[0])
    place = machine.vocabulary_.id("w0")
    taken = rows.take(np.array([0, 0]), np.array([place, machine.vocabulary_.id("w2")]))
    after = [model.next_log_probs(model.vocabulary_.id("w0")), model.next_log_probs(0)]
    for row, known, ids in zip(taken.log_probs(), after, [(place,), (5,)], strict=True):
        ours = machine.row((0, ids))[EOS_ID]
        assert row[EOS_ID] == pytest.approx(ours + 0.5 * known[EOS_ID])


def test_attention_is_that_of_the_model() -> None:
    class Looking(MachineRows):
        def attention(self) -> Any:
            return np.ones((1, 2))

    machine = DrawnMachine(0)
    rows = FusedRows(Looking(machine, [machine.start(0)]), MachineRows(machine, [machine.start(0)]), 1.0)
    np.testing.assert_array_equal(rows.attention(), np.ones((1, 2)))


def test_what_cannot_be_fused_is_refused() -> None:
    machine = Targets(0)
    model = MODELS[0]
    for weight in (0, -0.5, math.nan, math.inf, True, "0.5"):
        with pytest.raises(HyperParameterError, match="the weight of a language model must be a number > 0"):
            ShallowFusion(machine, model, weight)  # type: ignore[arg-type]
    with pytest.raises(HyperParameterError, match="must be a fitted language model, not 'kn5'"):
        ShallowFusion(machine, "kn5", 1.0)  # type: ignore[arg-type]
    with pytest.raises(NotFittedError):
        ShallowFusion(machine, Bigram(), 1.0)
    characters = Bigram().fit(Corpus.read(["ab"], TextPipeline(tokenizer="char")))
    with pytest.raises(DataError, match=r"reads tok:char\|lc:no\|nf:none, but targets are tok:space\|lc:no\|nf:none"):
        ShallowFusion(machine, characters, 1.0)
    assert characters.tokenization_ == Tokenization("char")

    class Backward(Bigram):
        reads_backward = True

    with pytest.raises(HyperParameterError, match="reads backward"):
        ShallowFusion(machine, Backward().fit(TEXT), 1.0)
