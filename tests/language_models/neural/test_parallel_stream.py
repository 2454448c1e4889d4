"""One long stream in pieces that are read side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlmkit.language_models.neural import parallel_stream, scoring
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.text.vocabulary import EOS_ID

MODELS: list[tuple[Any, dict[str, Any]]] = [
    (LSTM, {"layers": 2}),
    (LSTM, {"softmax": "adaptive", "softmax_head": 4}),
    (GRU, {}),
    (RNNLM, {}),
    (NNLM, {"order": 4}),
]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of some dozens of events."""
    for name, value in {"MOST_COLUMNS": 6, "SHORTEST_PIECE": 40, "LONGEST_CALL": 16, "ROWS": 8, "UNSURE": 2}.items():
        monkeypatch.setattr(parallel_stream, name, value)


def module(cls: Any, values: dict[str, Any], scale: float = 1.0) -> Any:
    built = cls(hidden=8, embedding=8, **values).build_module(np.arange(20), torch.Generator().manual_seed(1))
    for weight in built.body.parameters():
        weight.data *= scale
    return built


def stream(size: int, seed: int = 1) -> Any:
    events = np.random.default_rng(seed).integers(3, 20, size).astype(np.int32)
    events[::7] = EOS_ID
    return events


def in_one_column(built: Any, events: Any) -> Any:
    """By the state machine, word by word."""
    state, found = scoring.start(built), []
    for event in events.tolist():
        found.append(scoring.next_log_probs(built, state)[event])
        state = scoring.advance(built, state, event)
    return np.array(found)


class Shapes:
    """The shapes of all calls of a module."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[tuple[int, int]] = []
        forward = scoring.forward

        def watched(built: Any, inputs: Any, state: Any) -> Any:
            self.found.append(inputs.shape)
            return forward(built, inputs, state)

        monkeypatch.setattr(scoring, "forward", watched)

    @property
    def columns(self) -> list[int]:
        return [columns for _, columns in self.found]


@pytest.mark.parametrize(("cls", "values"), MODELS)
def test_the_result_is_that_of_one_column(cls: Any, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    built, events = module(cls, values, scale=0.5), stream(500)
    expected = in_one_column(built, events)
    calls = Shapes(monkeypatch)
    found = scoring.stream_log_probs(built, events)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert calls.columns[0] == 6
    rereading = [columns for columns in calls.columns if columns < 6]
    assert len(rereading) < 500 / 6 / 8  # never to the end of a piece
    features = scoring.features(built, events, np.array([0, 500]), "stream")
    assert features.shape == (500, built.output.width)
    picked = built.output.log_probs(torch.from_numpy(features), torch.from_numpy(events).long())
    np.testing.assert_allclose(picked.detach().numpy(), expected, rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 400), st.integers(0, 3))
def test_whatever_its_length(size: int, seed: int) -> None:
    built, events = module(GRU, {}), stream(size, seed)
    np.testing.assert_allclose(scoring.stream_log_probs(built, events), in_one_column(built, events), rtol=0, atol=1e-5)


def test_a_short_stream_is_one_column(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Shapes(monkeypatch)
    scoring.stream_log_probs(module(GRU, {}), stream(79))
    assert calls.found == [(16, 1)] * 4 + [(15, 1)]


class Counting(torch.nn.Module):
    """A body that never forgets: its state is the sum of what it has read, without end."""

    width = 8

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(1, batch, 8),)

    def context(self, ids: torch.Tensor, state: Any) -> torch.Tensor:
        return ids

    def forward(self, vectors: torch.Tensor, context: Any, state: Any, generator: Any) -> Any:
        sums = state[0] + vectors.cumsum(0)
        return torch.sin(sums), (sums[-1:],)


@pytest.mark.parametrize("size", [300, 490])
def test_a_network_that_does_not_forget_is_read_in_one_column(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    built, events = module(GRU, {}), stream(size)
    built.body = Counting()
    built.words.weight.data = (built.words.weight.data * 160).round() / 8  # so that sums are exact in any order
    expected = in_one_column(built, events)
    calls = Shapes(monkeypatch)
    np.testing.assert_allclose(scoring.stream_log_probs(built, events), expected, rtol=0, atol=1e-5)
    assert calls.found[-1][1] == 1
    monkeypatch.setattr(parallel_stream, "_ROUNDS", 10)  # piece by piece the right state gets to the end as well
    np.testing.assert_allclose(scoring.stream_log_probs(built, events), expected, rtol=0, atol=1e-5)


def test_no_call_writes_zero_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last piece is filled up, and alone in the last round of a network that does not forget."""
    monkeypatch.setattr(parallel_stream, "_ROUNDS", 10)
    built = module(GRU, {})
    built.body = Counting()
    sizes = []

    def read(inputs: Any, state: Any) -> Any:
        output = scoring.forward(built, inputs, state)
        return output.features, output.state

    def write(places: Any, features: torch.Tensor) -> None:
        assert len(features) == len(places)
        sizes.append(len(places))

    with scoring.scoring(built):
        parallel_stream.read_in_parallel(stream(300).astype(np.int64), built.initial_state, read, write)
    assert min(sizes) > 0


def test_a_network_with_a_long_memory_takes_more_than_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    built, events = module(LSTM, {}), stream(400)
    built.body.layers[0].bias.data[8:16] = 4.5  # forget gates near 1
    expected = in_one_column(built, events)
    calls = Shapes(monkeypatch)
    np.testing.assert_allclose(scoring.stream_log_probs(built, events), expected, rtol=0, atol=1e-5)
    assert len(calls.found) > 2 * 400 / 6 / 8
