"""SC-LSTM: each step and the two loss terms against the equations of Wen et al. (2015) in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys.networks import array, randomized, seeded

from nlmkit.layers.semantic_lstm import SemanticLSTM, SemanticState, reading_losses

T, B, N, H, S = 6, 3, 5, 4, 7


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def layer():
    return randomized(SemanticLSTM(N, H, S, seeded()))


def drawn():
    source = seeded(11)
    inputs = torch.randn(T, B, N, generator=source).requires_grad_()
    state = (torch.randn(B, H, generator=source), torch.randn(B, H, generator=source))
    return inputs, SemanticState(*state, torch.rand(B, S, generator=source).requires_grad_())


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(layer, inputs, state):
    """Hidden states, what is left of the vectors, and the last cell state of one layer, sentence by sentence."""
    ends = np.cumsum([H, H, H, S])
    w, u, b = (np.split(array(part), ends) for part in (layer.weight_input, layer.weight_recurrent, layer.bias))
    v = array(layer.weight_semantic)
    hidden, left, cells = np.empty((T, B, H)), np.empty((T, B, S)), np.empty((B, H))
    for row in range(B):
        h, c, d = (array(part)[row] for part in state)
        for t in range(T):
            x = array(inputs)[t, row]
            i, f, o, r = (sigmoid(w[g] @ x + u[g] @ h + b[g]) for g in range(4))
            g = np.tanh(w[4] @ x + u[4] @ h + b[4])
            d = r * d
            c = f * c + i * g + np.tanh(v @ d)
            h = o * np.tanh(c)
            hidden[t, row], left[t, row] = h, d
        cells[row] = c
    return hidden, left, cells


def test_steps_follow_the_equations(layer):
    inputs, state = drawn()
    outputs, left, after = layer(inputs, state)
    hidden, remaining, cells = by_hand(layer, inputs, state)
    np.testing.assert_allclose(array(outputs), hidden, atol=1e-6)
    np.testing.assert_allclose(array(left), remaining, atol=1e-6)
    np.testing.assert_allclose(array(after.hidden), hidden[-1], atol=1e-6)
    np.testing.assert_allclose(array(after.cell), cells, atol=1e-6)
    np.testing.assert_allclose(array(after.remaining), remaining[-1], atol=1e-6)


def test_a_sequence_in_two_pieces_is_the_same(layer):
    inputs, state = drawn()
    outputs, left, _ = layer(inputs, state)
    first, first_left, between = layer(inputs[:2], state)
    second, second_left, _ = layer(inputs[2:], between)
    torch.testing.assert_close(torch.cat([first, second]), outputs)
    torch.testing.assert_close(torch.cat([first_left, second_left]), left)


def test_the_start_has_the_whole_vector(layer):
    vectors = torch.rand(B, S, generator=seeded(2))
    state = layer.initial_state(vectors)
    assert torch.equal(state.remaining, vectors)
    assert not state.hidden.any()
    assert not state.cell.any()


def test_a_shut_gate_reads_everything_at_once(layer):
    """With r = 0 nothing is left after one step, and d has no part in the cell: the layer is a plain LSTM."""
    with torch.no_grad():
        layer.bias[3 * H : 3 * H + S] = -1e4
    inputs, state = drawn()
    outputs, left, _ = layer(inputs, state)
    assert not left.any()
    other = state._replace(remaining=torch.zeros(B, S))
    torch.testing.assert_close(layer(inputs, other)[0], outputs)


def test_gradients(layer):
    double = layer.double()
    inputs, state = drawn()
    short = inputs[:2].detach().double().requires_grad_()
    vectors = state.remaining.detach().double().requires_grad_()
    before = [part.detach().double() for part in state[:2]]

    def loss(sequence, semantic):
        outputs, left, _ = double(sequence, SemanticState(*before, semantic))
        terms = reading_losses(semantic, left, torch.tensor([2, 1, 2]), 100.0)
        return outputs.sum(), *terms

    assert torch.autograd.gradcheck(loss, (short, vectors))


def test_losses_by_hand():
    """The second sequence has two steps; what is in its third does not count."""
    semantic = torch.tensor([[1.0, 1.0], [3.0, 4.0]])
    left = torch.tensor([[[1.0, 0.5], [3.0, 4.0]], [[1.0, 0.5], [0.0, 1.0]], [[0.6, 0.2], [9.0, 9.0]]])
    unread, changes = reading_losses(semantic, left, torch.tensor([3, 2]), 100.0)
    np.testing.assert_allclose(array(unread), [np.sqrt(0.6**2 + 0.2**2), 1.0], rtol=1e-6)
    np.testing.assert_allclose(
        array(changes), [100**0.5 + 1 + 100**0.5, 1 + 100 ** np.sqrt(18)], rtol=1e-5
    )  # ‖(0.4, 0.3)‖ = 0.5


def test_losses_of_a_vector_of_zeros_have_a_gradient():
    """As of an act without slots: the norm at zero has no gradient of its own."""
    semantic = torch.zeros(1, 2, requires_grad=True)
    terms = reading_losses(semantic, torch.stack([semantic, semantic]), torch.tensor([2]), 100.0)
    sum(term.sum() for term in terms).backward()
    assert torch.equal(semantic.grad, torch.zeros(1, 2))
