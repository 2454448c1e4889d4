"""Recurrent layers: the fused kernels against the plain loop, and the plain loop against the equations in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from toys.networks import array, randomized, seeded

from nlmkit.layers.masks import chance, keep_mask
from nlmkit.layers.recurrent import RecurrentLayer, RecurrentStack
from nlmkit.layers.recurrent_steps import CELLS

KINDS = ("rnn", "lstm", "gru")
T, B, N, H = 7, 3, 5, 4


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def layer(kind, **values):
    return randomized(RecurrentLayer(kind, N, H, seeded(), **values))


def inputs_and_state(kind):
    source = seeded(11)
    inputs = torch.randn(T, B, N, generator=source).requires_grad_()
    return inputs, tuple(torch.randn(1, B, H, generator=source).requires_grad_() for _ in CELLS[kind].states)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(kind, module, inputs, state, *, recurrent=None, mask=1.0, kept=None, rate=None):
    """Outputs and last states of a layer in float64, from the equations.

    ``recurrent`` stands for the recurrent weights, ``mask`` for the factors on h in U h; ``kept`` [states, T, B, h]
    or ``rate`` is zoneout's.
    """
    w, b = array(module.weight_input), array(module.bias)
    u = array(module.weight_recurrent if recurrent is None else recurrent)
    w, u, b = (np.split(part, len(CELLS[kind].gates)) for part in (w, u, b))
    h, *rest = (array(part)[0] for part in state)
    outputs = []
    for t, x in enumerate(array(inputs)):
        seen = h * mask
        driven = [x @ wg.T + bg for wg, bg in zip(w, b, strict=True)]
        fed = [seen @ ug.T for ug in u]
        if kind == "rnn":
            new = [np.tanh(driven[0] + fed[0])]
        elif kind == "lstm":
            i, f, o = (sigmoid(driven[g] + fed[g]) for g in (0, 1, 3))
            cell = f * rest[0] + i * np.tanh(driven[2] + fed[2])
            new = [o * np.tanh(cell), cell]
        else:
            r, z = (sigmoid(driven[g] + fed[g]) for g in (0, 1))
            new = [(1 - z) * np.tanh(driven[2] + r * fed[2]) + z * h]
        last = [h, *rest]
        if kept is not None:
            new = [np.where(kept[s][t] == 1, last[s], new[s]) for s in range(len(new))]
        if rate is not None:
            new = [rate * last[s] + (1 - rate) * new[s] for s in range(len(new))]
        h, *rest = new
        outputs.append(h)
    return np.stack(outputs), [h, *rest]


def gradients(module, outputs, after, inputs, state):
    """Of a loss that weighs every output and last state differently."""
    source = seeded(13)
    loss = sum((part * torch.randn(part.shape, generator=source)).sum() for part in (outputs, *after))
    wanted = [inputs, *state, *(weight for weight in module.parameters())]
    return torch.autograd.grad(loss, wanted)


# ----------------------------------------------------------------------------------------------------- equations


@pytest.mark.parametrize("kind", KINDS)
def test_both_paths_follow_the_equations(kind):
    module = layer(kind)
    inputs, state = inputs_and_state(kind)
    expected, last = by_hand(kind, module, inputs, state)
    for outputs, after in (module(inputs, state, seeded()), module.run_steps(inputs, state, seeded())[:2]):
        np.testing.assert_allclose(array(outputs), expected, atol=1e-6)
        for found, wanted in zip(after, last, strict=True):
            np.testing.assert_allclose(array(found)[0], wanted, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_fused_kernel_and_plain_loop_agree_in_values_and_gradients(kind):
    module = layer(kind)
    inputs, state = inputs_and_state(kind)
    assert module.fused
    fused = module(inputs, state, seeded())
    plain = module.run_steps(inputs, state, seeded())[:2]
    torch.testing.assert_close(fused, plain, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        gradients(module, *fused, inputs, state), gradients(module, *plain, inputs, state), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize(("kind", "reference"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_a_layer_is_torchs_own_with_a_zero_second_bias(kind, reference):
    module, other = layer(kind), reference(N, H)
    other.load_state_dict(
        {
            "weight_ih_l0": module.weight_input,
            "weight_hh_l0": module.weight_recurrent,
            "bias_ih_l0": module.bias,
            "bias_hh_l0": torch.zeros_like(module.bias),
        }
    )
    inputs, state = inputs_and_state(kind)
    outputs, _ = other(inputs, state if kind == "lstm" else state[0])
    torch.testing.assert_close(module(inputs, state, seeded())[0], outputs)


@pytest.mark.parametrize(("kind", "gates"), [("rnn", 1), ("lstm", 4), ("gru", 3)])
def test_parameters_have_one_bias_vector_a_gate(kind, gates):
    module = RecurrentLayer(kind, 256, 128, seeded())
    assert sum(weight.numel() for weight in module.parameters()) == gates * (128 * 256 + 128 * 128 + 128)
    assert set(module.state_dict()) == {"weight_input", "weight_recurrent", "bias"}


def test_an_lstm_of_128_over_256_counts_197120():
    stack = RecurrentStack("lstm", [256, 128], seeded())
    assert stack.parameter_counts() == {"lstm 1": 197_120}


def test_initial_weights():
    module = RecurrentLayer("lstm", 20, 16, seeded(), forget_bias=1.5)
    biases = module.bias.detach().view(4, 16)
    assert (biases[1] == 1.5).all()
    assert (biases[[0, 2, 3]] == 0).all()
    for gate in module.weight_recurrent.detach().chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(16), atol=1e-5, rtol=0)
    assert module.weight_input.abs().max() <= (6 / 36) ** 0.5
    assert module.weight_input.abs().max() > 0.9 * (6 / 36) ** 0.5
    assert torch.equal(RecurrentLayer("lstm", 20, 16, seeded()).weight_input, module.weight_input)
    assert (RecurrentLayer("gru", 20, 16, seeded(), forget_bias=1.5).bias == 0).all()


# -------------------------------------------------------------------------------------------------- regularisers


@pytest.mark.parametrize("kind", KINDS)
def test_weight_drop_equals_the_plain_loop_and_the_equations_with_the_same_mask(kind):
    module = layer(kind, weight_drop=0.5)
    inputs, state = inputs_and_state(kind)
    parameter, before = module.weight_recurrent, module.weight_recurrent.detach().clone()
    fused = module(inputs, state, seeded(2))
    plain = module.run_steps(inputs, state, seeded(2))[:2]
    torch.testing.assert_close(fused, plain, atol=1e-5, rtol=1e-5)
    found = gradients(module, *fused, inputs, state)
    torch.testing.assert_close(found, gradients(module, *plain, inputs, state), atol=1e-5, rtol=1e-5)
    mask = keep_mask(before.shape, 0.5, seeded(2), before)
    np.testing.assert_allclose(
        array(fused[0]), by_hand(kind, module, inputs, state, recurrent=before * mask)[0], atol=1e-6
    )
    by_weight = found[1 + len(state) + [name for name, _ in module.named_parameters()].index("weight_recurrent")]
    assert (by_weight[mask == 0] == 0).all()
    assert module.weight_recurrent is parameter
    assert torch.equal(parameter, before)
    assert not torch.equal(module(inputs, state, seeded(3))[0], fused[0])


@pytest.mark.parametrize("kind", KINDS)
def test_weight_drop_does_nothing_in_evaluation(kind):
    module = layer(kind, weight_drop=0.5).eval()
    inputs, state = inputs_and_state(kind)
    np.testing.assert_allclose(
        array(module(inputs, state, seeded())[0]), by_hand(kind, module, inputs, state)[0], atol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_dropout_has_one_mask_for_all_steps(kind):
    module = layer(kind, dropout_recurrent=0.5)
    inputs, state = inputs_and_state(kind)
    assert not module.fused
    mask = keep_mask((B, H), 0.5, seeded(2), inputs)
    expected, last = by_hand(kind, module, inputs, state, mask=array(mask))
    outputs, after = module(inputs, state, seeded(2))
    np.testing.assert_allclose(array(outputs), expected, atol=1e-6)
    np.testing.assert_allclose(array(after[-1])[0], last[-1], atol=1e-6)
    module.eval()
    assert module.fused
    np.testing.assert_allclose(
        array(module(inputs, state, seeded())[0]), by_hand(kind, module, inputs, state)[0], atol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_zoneout_by_hand(kind):
    module = layer(kind, zoneout=0.3)
    inputs, state = inputs_and_state(kind)
    source = seeded(2)
    kept = [array(chance((T, B, H), 0.3, source, inputs)) for _ in state]
    outputs, after = module(inputs, state, seeded(2))
    expected, last = by_hand(kind, module, inputs, state, kept=kept)
    np.testing.assert_allclose(array(outputs), expected, atol=1e-6)
    for found, wanted in zip(after, last, strict=True):
        np.testing.assert_allclose(array(found)[0], wanted, atol=1e-6)
    module.eval()
    np.testing.assert_allclose(
        array(module(inputs, state, seeded())[0]), by_hand(kind, module, inputs, state, rate=0.3)[0], atol=1e-6
    )


def test_layer_norm_normalises_outputs_and_not_the_state():
    plain, normed = (layer("lstm", layer_norm=wanted) for wanted in (False, True))
    normed.load_state_dict(plain.state_dict() | {"norm.weight": torch.ones(H), "norm.bias": torch.zeros(H)})
    inputs, state = inputs_and_state("lstm")
    outputs, after = plain(inputs, state, seeded())
    found, found_after = normed(inputs, state, seeded())
    values = array(outputs)
    centred = values - values.mean(-1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(array(found), expected, atol=1e-5)
    torch.testing.assert_close(found_after, after)


@pytest.mark.parametrize("values", [{"zoneout": 0.3}, {"dropout_recurrent": 0.3}])
@pytest.mark.parametrize("kind", KINDS)
def test_the_plain_loop_computes_in_the_type_of_autocast(kind, values):
    module = layer(kind, **values)
    inputs, state = inputs_and_state(kind)
    exact, _ = module(inputs, state, seeded(2))
    with torch.autocast("cpu", torch.bfloat16):
        near, after = module(inputs, state, seeded(2))
        further, _ = module(inputs, after, seeded(2))
    torch.testing.assert_close(near.float(), exact, atol=0.05, rtol=0.05)
    assert not torch.equal(near.float(), exact)
    further.float().sum().backward()
    assert module.weight_recurrent.grad.dtype == torch.float32


# --------------------------------------------------------------------------------------------------------- stack


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_is_its_layers_in_turn(kind):
    stack = randomized(RecurrentStack(kind, [N, H, 6], seeded()))
    inputs = torch.randn(T, B, N, generator=seeded(1))
    state = stack.initial_state(B)
    assert [tuple(part.shape) for part in state] == [(1, B, width) for width in (H, 6) for _ in CELLS[kind].states]
    assert all((part == 0).all() for part in state)
    each = len(state) // 2
    below, first = stack.layers[0](inputs, state[:each], seeded())
    above, second = stack.layers[1](below, state[each:], seeded())
    outputs, after = stack(inputs, None, state, seeded())
    assert torch.equal(outputs, above)
    torch.testing.assert_close(after, (*first, *second))
    assert stack.width == 6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", [{}, {"zoneout": 0.2}, {"layer_norm": True}])
def test_two_windows_are_one(kind, values):
    stack = randomized(RecurrentStack(kind, [N, H, H], seeded(), **values)).eval()
    inputs = torch.randn(T, B, N, generator=seeded(1))
    whole, end = stack(inputs, None, stack.initial_state(B), seeded())
    first, state = stack(inputs[:3], None, stack.initial_state(B), seeded())
    second, state = stack(inputs[3:], None, state, seeded())
    torch.testing.assert_close(torch.cat([first, second]), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(state, end, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_later_inputs_and_other_columns_change_nothing(kind):
    stack = randomized(RecurrentStack(kind, [N, H, H], seeded())).eval()
    inputs = torch.randn(T, B, N, generator=seeded(1))
    other = inputs.clone()
    other[4:] += 1
    other[:, 2] -= 1
    before, after = (stack(given, None, stack.initial_state(B), seeded())[0] for given in (inputs, other))
    torch.testing.assert_close(before[:4, :2], after[:4, :2], atol=1e-6, rtol=0)
    assert (before[4:, 0] != after[4:, 0]).any()


@pytest.mark.parametrize("locked", [True, False])
def test_dropout_between_layers_is_between_layers_only(locked):
    values = {"dropout_hidden": 0.5, "locked": locked}
    inputs = torch.randn(T, B, N, generator=seeded(1))
    one = RecurrentStack("gru", [N, H], seeded(), **values)
    without = one(inputs, None, one.initial_state(B), seeded(2))[0]
    torch.testing.assert_close(without, one.eval()(inputs, None, one.initial_state(B), seeded(2))[0])
    two = RecurrentStack("gru", [N, H, H], seeded(), **values)
    state = two.initial_state(B)
    below, _ = two.layers[0](inputs, state[:1], seeded())
    mask = keep_mask((1 if locked else T, B, H), 0.5, seeded(2), below)
    expected, _ = two.layers[1](below * mask, state[1:], seeded())
    assert torch.equal(two(inputs, None, state, seeded(2))[0], expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [True, False])
def test_a_trace_shows_what_the_stack_does(kind, training):
    stack = randomized(RecurrentStack(kind, [N, H, H], seeded(), weight_drop=0.3, dropout_hidden=0.3)).train(training)
    inputs, state = torch.randn(T, B, N, generator=seeded(1)), stack.initial_state(B)
    outputs, after = stack(inputs, None, state, seeded(4))
    shown, shown_after, layers = stack.trace(inputs, None, state, seeded(4))
    torch.testing.assert_close(shown, outputs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(shown_after, after, atol=1e-5, rtol=1e-5)
    assert len(layers) == 2
    names = set(CELLS[kind].gates) | set(CELLS[kind].states)
    assert all(set(steps) == names and all(len(parts) == T for parts in steps.values()) for steps in layers)
    torch.testing.assert_close(torch.stack(layers[1]["hidden"]), outputs, atol=1e-5, rtol=1e-5)


def test_gates_of_a_trace_make_the_cell_and_hidden_state():
    module = layer("lstm")
    inputs, state = inputs_and_state("lstm")
    _, _, steps = module.trace(inputs, state, seeded())
    gates = {name: array(torch.stack(parts)) for name, parts in steps.items()}
    last = np.concatenate([array(state[1]), gates["cell"][:-1]])
    np.testing.assert_allclose(gates["cell"], gates["forget"] * last + gates["input"] * gates["candidate"], atol=1e-6)
    np.testing.assert_allclose(gates["hidden"], gates["output"] * np.tanh(gates["cell"]), atol=1e-6)
    for name in ("input", "forget", "output"):
        assert ((gates[name] > 0) & (gates[name] < 1)).all()
