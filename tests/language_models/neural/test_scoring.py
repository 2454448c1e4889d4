"""Scoring against a network small enough to be computed again in NumPy, word by word."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from nlmkit.language_models.neural import parallel_stream, scoring
from nlmkit.text import EOS_ID

V, H = 11, 4


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Output(NamedTuple):
    features: Tensor
    state: tuple[Tensor, ...]
    raw: Tensor
    dropped: Tensor


class Softmax(nn.Module):
    """Full softmax, never ``<s>``."""

    def __init__(self, source: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(V, H, generator=source))

    def all_log_probs(self, features: Tensor) -> Tensor:
        logits = features @ self.weight.T
        logits[:, 1] = -math.inf
        return logits.log_softmax(1)

    def log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        return self.all_log_probs(features).gather(1, targets[:, None])[:, 0]


class Elman(nn.Module):
    """h = tanh(E[w] + U h'), with dropout in training, which scoring must not see."""

    vocabulary_size = V

    def __init__(self) -> None:
        super().__init__()
        source = torch.Generator().manual_seed(3)
        self.words = nn.Parameter(torch.randn(V, H, generator=source))
        self.body = nn.Linear(H, H, bias=False)
        self.body.weight.data.copy_(torch.randn(H, H, generator=source))
        self.output = Softmax(source)
        self.calls: list[tuple[int, int]] = []
        self.threads: set[int] = set()

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        return (torch.zeros(1, batch, H),)

    def forward(self, ids: Tensor, state: tuple[Tensor, ...]) -> Output:
        assert ids.dtype == torch.int64
        self.calls.append(tuple(ids.shape))
        self.threads.add(torch.get_num_threads())
        hidden, steps = state[0][0], []
        for row in ids:
            hidden = torch.tanh(self.words[row] + self.body(hidden))
            steps.append(nn.functional.dropout(hidden, 0.5, self.training))
        raw = torch.stack(steps)
        return Output(2 * raw, (hidden[None],), raw, raw)


def by_hand(module: Elman, stream: list[int]) -> NDArray[np.float64]:
    """Distributions before each event of a stream that begins with the zero state reading ``</s>``, in float64."""
    words, recurrent, weight = (
        parameter.detach().double().numpy() for parameter in (module.words, module.body.weight, module.output.weight)
    )
    hidden, rows = np.zeros(H), []
    for word_id in [EOS_ID, *stream[:-1]]:
        hidden = np.tanh(words[word_id] + recurrent @ hidden)
        logits = weight @ (2 * hidden)
        logits[1] = -np.inf
        rows.append(logits - np.log(np.exp(logits).sum()))
    return np.array(rows).reshape(-1, V)


def text(*sentences: list[int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Events and their offsets."""
    events = [word_id for sentence in sentences for word_id in (*sentence, EOS_ID)]
    lengths = [len(sentence) + 1 for sentence in sentences]
    return np.array(events, np.int32), np.cumsum([0, *lengths]).astype(np.int64)


@pytest.fixture
def module() -> Elman:
    return Elman().train()


def picked(rows: NDArray[np.float64], ids: NDArray[np.int32]) -> NDArray[np.float64]:
    return rows[np.arange(len(ids)), ids]


SENTENCES = ([3, 4, 5], [], [6], [3, 4, 5, 6, 7, 8, 9, 10, 3], [10, 10], [0, 0, 7])


def test_each_sentence_is_read_from_the_zero_state_after_the_end_mark(module: Elman) -> None:
    events, offsets = text(*SENTENCES)
    expected = [picked(by_hand(module, [*s, EOS_ID]), np.array([*s, EOS_ID])) for s in SENTENCES]
    found = scoring.log_probs(module, events, offsets, "sentence")
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=0, atol=1e-5)


def test_a_stream_carries_its_state_over_the_end_mark(module: Elman) -> None:
    events, offsets = text(*SENTENCES)
    found = scoring.log_probs(module, events, offsets, "stream")
    np.testing.assert_allclose(found, picked(by_hand(module, events.tolist()), events), rtol=0, atol=1e-5)
    alone = scoring.log_probs(module, events, offsets, "sentence")
    assert np.array_equal(found[:4] > -np.inf, alone[:4] > -np.inf)
    np.testing.assert_allclose(found[:4], alone[:4], atol=1e-5)
    assert np.abs(found[4:] - alone[4:]).max() > 0.1


def test_a_stream_is_one_column_in_long_windows(module: Elman, monkeypatch: pytest.MonkeyPatch) -> None:
    events, offsets = text(*SENTENCES)
    expected = scoring.log_probs(module, events, offsets, "stream")
    assert module.calls == [(len(events), 1)]
    for window in (1, 5, len(events)):
        monkeypatch.setattr(parallel_stream, "LONGEST_CALL", window)
        module.calls.clear()
        np.testing.assert_allclose(scoring.stream_log_probs(module, events), expected, rtol=0, atol=1e-5)
        assert len(module.calls) == math.ceil(len(events) / window)
        assert {batch for _, batch in module.calls} == {1}


@settings(max_examples=40)
@given(st.lists(st.lists(st.sampled_from([0, *range(3, V)]), max_size=12), max_size=8), st.integers(1, 40), st.data())
def test_batches_padding_and_order_change_nothing(sentences: list[list[int]], padded: int, data: st.DataObject) -> None:
    module = Elman().eval()
    events, offsets = text(*sentences)
    order = data.draw(st.permutations(range(len(sentences))))
    alone = [scoring.sentence_log_probs(module, *text(sentence)) for sentence in sentences]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "PADDED_TOKENS", padded)
        patch.setattr(scoring, "WINDOW", 3)
        together = scoring.sentence_log_probs(module, events, offsets)
        shuffled = scoring.sentence_log_probs(module, *text(*(sentences[i] for i in order)))
    np.testing.assert_allclose(together, np.concatenate([*alone, []]), rtol=0, atol=1e-5)
    np.testing.assert_allclose(shuffled, np.concatenate([*(alone[i] for i in order), []]), rtol=0, atol=1e-5)


@given(st.lists(st.integers(1, 30), max_size=60), st.integers(1, 100))
def test_buckets_hold_every_sentence_once_and_stay_within_their_size(lengths: list[int], padded: int) -> None:
    buckets = [bucket.tolist() for bucket in scoring.length_buckets(np.array(lengths, np.int64), padded)]
    assert sorted(number for bucket in buckets for number in bucket) == list(range(len(lengths)))
    for bucket in buckets:
        assert len(bucket) == 1 or len(bucket) * max(lengths[number] for number in bucket) <= padded
    # Greedy: the first sentence of the next bucket would not have gone into this one.
    for bucket, following in itertools.pairwise(buckets):
        assert (len(bucket) + 1) * lengths[following[0]] > padded
        assert lengths[bucket[-1]] <= lengths[following[0]]


def test_the_state_machine_is_the_stream(module: Elman) -> None:
    events, _ = text(*SENTENCES)
    rows = by_hand(module, events.tolist())
    state = scoring.start(module)
    for row, word_id in zip(rows, events.tolist(), strict=True):
        found = scoring.next_log_probs(module, state)
        assert found.dtype == np.float64
        assert found[1] == -np.inf
        np.testing.assert_allclose(np.delete(found, 1), np.delete(row, 1), rtol=0, atol=1e-5)
        np.testing.assert_allclose(2 * state.hidden, state.features)
        state = scoring.advance(module, state, word_id)


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_distributions_and_hidden_states_come_sentence_by_sentence(module: Elman, context: str) -> None:
    events, offsets = text(*SENTENCES)
    outputs = list(scoring.sentence_outputs(module, events, offsets, context))
    chunks = [scoring.all_log_probs(module, output.features) for output in outputs]
    assert [len(chunk) for chunk in chunks] == [len(sentence) + 1 for sentence in SENTENCES]
    np.testing.assert_allclose(
        picked(np.concatenate(chunks), events), scoring.log_probs(module, events, offsets, context), rtol=0, atol=1e-5
    )
    for chunk, output in zip(chunks, outputs, strict=True):
        assert chunk.dtype == np.float64
        np.testing.assert_allclose(np.exp(chunk).sum(1), 1, rtol=0, atol=1e-5)
        logits = 2 * output.hidden.numpy() @ module.output.weight.detach().numpy().T
        np.testing.assert_allclose(
            np.delete(chunk - chunk[:, :1], 1, 1), np.delete(logits - logits[:, :1], 1, 1), atol=1e-5
        )


@pytest.mark.parametrize("context", ["sentence", "stream"])
def test_a_text_without_sentences_has_no_values(module: Elman, context: str) -> None:
    events, offsets = text()
    assert scoring.log_probs(module, events, offsets, context).shape == (0,)
    assert list(scoring.sentence_outputs(module, events, offsets, context)) == []


def test_a_blank_sentence_is_one_event(module: Elman) -> None:
    events, offsets = text([], [])
    found = scoring.log_probs(module, events, offsets, "sentence")
    assert found.tolist() == pytest.approx([by_hand(module, [EOS_ID])[0, EOS_ID]] * 2, abs=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_scoring_is_without_dropout_and_gives_the_mode_back(module: Elman, training: bool) -> None:
    module.train(training)
    events, offsets = text(*SENTENCES)
    first, again = (scoring.log_probs(module, events, offsets, "sentence") for _ in range(2))
    assert np.array_equal(first, again)
    scoring.next_log_probs(module, scoring.start(module))
    assert [part.training for part in module.modules()] == [training] * 3


@pytest.mark.parametrize(("small_step", "expected"), [(0, 2), (H * H - 1, 2), (H * H, 1)])
def test_small_steps_are_taken_by_one_thread(
    module: Elman, monkeypatch: pytest.MonkeyPatch, small_step: int, expected: int
) -> None:
    monkeypatch.setattr(scoring, "SMALL_STEP", small_step)
    torch.set_num_threads(2)
    try:
        scoring.stream_log_probs(module, text(*SENTENCES)[0])
        scoring.advance(module, scoring.start(module), 3)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert module.threads == {expected}


def test_a_failure_gives_the_mode_back(module: Elman) -> None:
    with pytest.raises(IndexError):
        scoring.advance(module, scoring.start(module), V)
    assert module.training


def test_states_are_immutable_values(module: Elman) -> None:
    one = scoring.advance(module, scoring.start(module), 5)
    same = scoring.advance(module, scoring.start(module), 5)
    other = scoring.advance(module, scoring.start(module), 6)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "state"
    assert len({one, same, other}) == 2
    with pytest.raises(AttributeError, match="states are immutable"):
        one.features = other.features
    with pytest.raises(ValueError, match="read-only"):
        one.tensors[0][:] = 0
    assert copy.deepcopy(one) == one
    before = [array.copy() for array in one.tensors]
    scoring.advance(module, one, 7)
    assert all(np.array_equal(old, new) for old, new in zip(before, one.tensors, strict=True))
    assert repr(one) == repr(same) != repr(other)
