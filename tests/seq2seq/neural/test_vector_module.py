"""Network of the vector-decoder: what each condition computes, word by word and as a whole, and adds to the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from toys.networks import COUNTS, array, randomized, seeded, words

from nlmkit.layers.masks import Dropout
from nlmkit.layers.semantic_lstm import reading_losses
from nlmkit.layers.softmax import FullSoftmax
from nlmkit.seq2seq.neural.module import SourceBatch
from nlmkit.seq2seq.neural.readout import Readout
from nlmkit.seq2seq.neural.vector_input import VectorInput
from nlmkit.seq2seq.neural.vector_layers import told_layers
from nlmkit.seq2seq.neural.vector_module import ReadingWeights, VectorModule

T, B, D, E, H = 5, 4, 3, 6, 8
CONDITIONS = [
    ("initial", "lstm"),
    ("initial", "gru"),
    ("every-step", "lstm"),
    ("every-step", "gru"),
    ("sc-gate", "lstm"),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def module(condition="every-step", kind="lstm", layers=1, *, reading=None, rate=0.0, **of_input):
    inputs = VectorInput(D, seeded(1), **{"scaling": "none", "projection": None, "dropout": 0.0, **of_input})
    read = words(E)
    told = told_layers(condition, kind, [E, *[H] * layers], inputs.width, seeded(2), dropout_hidden=rate, locked=True)
    found = VectorModule(
        inputs,
        read,
        told,
        Readout(H, 0, E, seeded(4), linear=False),
        FullSoftmax(read, E, COUNTS[COUNTS > 0], seeded(5), tied=True),
        generator=seeded(6),
        dropout_input=Dropout(rate, locked=True),
        dropout_output=Dropout(rate, locked=True),
        reading=reading,
    )
    return randomized(found)


def drawn():
    source = seeded(9)
    vectors = torch.randn(B, D, generator=source)
    ids = torch.randint(3, len(COUNTS), (T, B), generator=source)
    ids[0] = 2
    return SourceBatch(vectors=vectors), ids


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("condition", "kind"), CONDITIONS)
def test_whole_targets_equal_steps(condition, kind, layers):
    network = module(condition, kind, layers).eval()
    sources, ids = drawn()
    memory = network.encode(sources)
    whole = network(memory, ids)
    state, steps = network.initial_state(memory), []
    for each in ids:
        found = network.step(memory, state, each)
        state = found.state
        steps.append(found.features)
        assert found.attention is None
        assert all(part.ndim == 3 and part.shape[1] == B for part in state)
    torch.testing.assert_close(torch.stack(steps), whole, atol=1e-6, rtol=1e-5)
    assert network.first_step(memory).features.shape == (B, E)
    assert not network.has_attention


@pytest.mark.parametrize(("condition", "kind"), CONDITIONS)
def test_a_row_depends_on_its_own_vector_alone(condition, kind):
    network = module(condition, kind, 2).eval()
    sources, ids = drawn()
    whole = network(network.encode(sources), ids)
    memory = network.encode(sources).take(torch.tensor([2]))
    torch.testing.assert_close(network(memory, ids[:, 2:3]), whole[:, 2:3], atol=1e-6, rtol=1e-5)
    other = sources.vectors.clone()
    other[0] += 1
    changed = network(network.encode(SourceBatch(vectors=other)), ids)
    assert (changed[:, 0] - whole[:, 0]).abs().max() > 1e-3
    torch.testing.assert_close(changed[:, 1:], whole[:, 1:], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_initial_state_by_hand(kind):
    """tanh(W v + b), cut into the states of each layer: hidden and cell of the first, then of the second."""
    network = module("initial", kind, 2)
    sources, _ = drawn()
    bridge = network.layers.bridge
    wanted = np.tanh(array(sources.vectors) @ array(bridge.weight).T + array(bridge.bias))
    state = network.initial_state(network.encode(sources))
    assert len(state) == (4 if kind == "lstm" else 2)
    for number, part in enumerate(state):
        np.testing.assert_allclose(array(part)[0], wanted[:, number * H : (number + 1) * H], atol=1e-6)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_every_step_reads_words_and_vector_side_by_side(kind):
    """As torch's own layer with the same weights does."""
    network = module("every-step", kind).eval()
    sources, ids = drawn()
    (layer,) = network.layers.stack.layers
    reference = (nn.LSTM if kind == "lstm" else nn.GRU)(E + D, H)
    with torch.no_grad():
        reference.weight_ih_l0.copy_(layer.weight_input)
        reference.weight_hh_l0.copy_(layer.weight_recurrent)
        reference.bias_ih_l0.copy_(layer.bias)
        reference.bias_hh_l0.zero_()
    read = torch.cat([network.words(ids, seeded()), sources.vectors.expand(T, B, D)], dim=2)
    outputs, _ = reference(read)
    torch.testing.assert_close(network(network.encode(sources), ids), network.readout(outputs, None))
    assert not any(part.any() for part in network.initial_state(network.encode(sources)))


def test_penalty_by_hand():
    """Per event of the batch, 3 + 5 + 1 + 4 here; steps behind the end of a target do not count."""
    weights = ReadingWeights(unread=0.5, eta=0.01, xi=10.0)
    network = module("sc-gate", layers=2, reading=weights)
    sources, ids = drawn()
    lengths = torch.tensor([3, 5, 1, 4])
    memory = network.encode(sources)
    features, penalty = network.training_features(memory, ids, lengths)
    torch.testing.assert_close(features, network(memory, ids))
    vectors, state, total = sources.vectors, network.layers.initial_state(sources.vectors), 0.0
    for row in range(B):
        here = tuple(part[:, row : row + 1] for part in state)
        _, left, _ = network.layers.read(network.words(ids[: lengths[row], row : row + 1], seeded()), here, seeded())
        trail = array(torch.cat([vectors[row : row + 1], left[:, 0]]))
        steps = np.linalg.norm(np.diff(trail, axis=0), axis=1)
        total += 0.5 * np.linalg.norm(trail[-1]) + 0.01 * (10.0**steps).sum()
    assert penalty.item() == pytest.approx(total / 13, rel=1e-5)
    penalty.backward()
    assert network.layers.semantic.weight_recurrent.grad.abs().sum() > 0


def test_no_penalty_without_weights_or_gate():
    sources, ids = drawn()
    for network in (module("sc-gate"), module("every-step", reading=ReadingWeights(1.0, 1.0, 100.0))):
        found = network.training_features(network.encode(sources), ids, torch.full((B,), T))
        assert found[1] is None


def test_penalty_is_finite_at_the_start():
    """η ξ^‖·‖ of attribute vectors, with the published constants."""
    semantic, left = torch.ones(1, 12), torch.zeros(1, 1, 12)
    unread, changes = reading_losses(semantic, left, torch.tensor([1]), 100.0)
    assert unread.item() == 0
    assert changes.item() == pytest.approx(100 ** np.sqrt(12), rel=1e-4)


def test_standardized_on_the_training_vectors():
    """A constant component is centered and not scaled."""
    vectors = np.array([[1, 5, 0], [3, 5, 2], [5, 5, 10]], np.float32)
    inputs = VectorInput(3, seeded(), scaling="standardize", projection=None, dropout=0.0)
    inputs.measure(vectors)
    found = array(inputs(torch.tensor([[3.0, 5.0, 4.0], [1.0, 7.0, 4.0]]), seeded()))
    spread = [np.sqrt(8 / 3), 1, np.sqrt(56 / 3)]
    np.testing.assert_allclose(found, np.array([[0, 0, 0], [-2, 2, 0]]) / spread, atol=1e-6)


def test_unit_length():
    inputs = VectorInput(2, seeded(), scaling="unit", projection=None, dropout=0.0)
    inputs.measure(np.ones((1, 2), np.float32))
    found = array(inputs(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), seeded()))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]], atol=1e-6)


def test_projection_by_hand():
    inputs = randomized(VectorInput(3, seeded(), scaling="none", projection=2, dropout=0.0))
    vectors = torch.randn(4, 3, generator=seeded(3))
    wanted = np.tanh(array(vectors) @ array(inputs.weight).T + array(inputs.bias))
    np.testing.assert_allclose(array(inputs(vectors, seeded())), wanted, atol=1e-6)
    assert inputs.width == 2


def test_dropout_in_training_alone():
    inputs = VectorInput(1000, seeded(), scaling="none", projection=None, dropout=0.25)
    vectors = torch.ones(2, 1000)
    found = array(inputs(vectors, seeded()))
    np.testing.assert_allclose(np.unique(found), [0, 4 / 3], rtol=1e-6)
    assert 0.2 < (found == 0).mean() < 0.3
    assert torch.equal(inputs.eval()(vectors, seeded()), vectors)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("initial", ["projection", "target words", "bridge", "decoder", "readout", "output"]),
        ("every-step", ["projection", "target words", "decoder", "readout", "output"]),
        ("sc-gate", ["projection", "target words", "decoder", "readout", "output"]),
    ],
)
def test_parts_have_every_parameter_once(condition, wanted):
    network = module(condition, layers=2, projection=5)
    parts = network.parts()
    assert [name for name, _ in parts] == wanted
    found = [id(weight) for _, weights in parts for weight in weights]
    assert sorted(found) == sorted(id(weight) for weight in network.parameters())
    assert sum(network.parameter_counts().values()) == sum(weight.numel() for weight in network.parameters())
