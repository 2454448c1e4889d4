"""Recurrent layers over windows: against the plain loop and torch's kernels; machine code, compiled and as Python."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from toys.networks import randomized, seeded

from nlmkit.layers.fused import windows
from nlmkit.layers.fused.products import StepProduct
from nlmkit.layers.fused.threads import in_parts
from nlmkit.layers.fused.windows import run_window
from nlmkit.layers.recurrent import RecurrentLayer
from nlmkit.layers.recurrent_steps import CELLS

KINDS = ("rnn", "lstm", "gru")
N, H = 5, 4
SHAPES = [(9, 3), (1, 1), (1, 4), (5, 1)]
HAS_NUMBA = importlib.util.find_spec("numba") is not None
needs_numba = pytest.mark.skipif(not HAS_NUMBA, reason="numba is not installed")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than such small products."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def layer(kind: str, hidden: int = H, **values: Any) -> RecurrentLayer:
    module: RecurrentLayer = randomized(RecurrentLayer(kind, N, hidden, seeded(), **values))
    return module


def inputs_and_state(
    kind: str, shape: tuple[int, int], dtype: torch.dtype = torch.float32, hidden: int = H
) -> tuple[Tensor, tuple[Tensor, ...]]:
    source = seeded(11)
    inputs = torch.randn(*shape, N, generator=source, dtype=dtype).requires_grad_()
    states = [torch.randn(1, shape[1], hidden, generator=source, dtype=dtype) for _ in CELLS[kind].states]
    return inputs, tuple(state.requires_grad_() for state in states)


def in_windows(
    module: RecurrentLayer, inputs: Tensor, state: tuple[Tensor, ...], dtype: torch.dtype
) -> tuple[Tensor, tuple[Tensor, ...]]:
    weights = module.weight_input, module.weight_recurrent, module.bias
    return run_window(module.kind, inputs, state, *weights, dtype=dtype)


def results(
    module: RecurrentLayer,
    run: Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, tuple[Tensor, ...]]],
    inputs: Tensor,
    state: tuple[Tensor, ...],
) -> list[Tensor]:
    """Outputs, last states, and the gradients of a loss that weighs each differently by all that it depends on."""
    outputs, after = run(inputs, state)
    source = seeded(13)
    loss = torch.stack(
        [(part * torch.randn(part.shape, generator=source).to(part)).sum() for part in (outputs, *after)]
    ).sum()
    gradients = torch.autograd.grad(loss, [inputs, *state, *module.parameters()])
    return [outputs.detach(), *(part.detach() for part in after), *gradients]


def assert_near(found: list[Tensor], expected: list[Tensor], share: float) -> None:
    """Each differs by at most that share of the largest expected value."""
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        assert float((ours - theirs).abs().max()) <= share * float(theirs.abs().max())


def as_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine code of gates be the Python that it is compiled from, and use it for layers of any size."""
    from nlmkit.layers.fused import arithmetic, gate_kernels

    for module in (arithmetic, gate_kernels):
        for name, value in vars(module).copy().items():
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
    monkeypatch.setattr(windows, "COMPILED_UNITS", 0)


# ---------------------------------------------------------------------------------------------- against other ways


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_the_plain_loop_in_float64(kind: str, shape: tuple[int, int]) -> None:
    module = layer(kind).double()
    given = inputs_and_state(kind, shape, torch.float64)
    expected = results(module, lambda x, state: module.run_steps(x, state, seeded())[:2], *given)
    assert_near(results(module, lambda x, state: in_windows(module, x, state, torch.float64), *given), expected, 1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("code", ["torch", pytest.param("machine", marks=needs_numba)])
def test_float32_and_bfloat16_are_near_torchs_kernel(
    kind: str, shape: tuple[int, int], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if code == "machine":
        as_python(monkeypatch)
    module = layer(kind)
    given = inputs_and_state(kind, shape)
    expected = results(module, lambda x, state: module(x, state, seeded()), *given)
    near = results(module, lambda x, state: in_windows(module, x, state, torch.bfloat16), *given)
    exact = results(module, lambda x, state: in_windows(module, x, state, torch.float32), *given)
    assert_near(exact, expected, 1e-5)
    assert_near(near, expected, 0.04)
    assert not torch.equal(near[0], exact[0])


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiled_gates_are_torchs_within_rounding(
    kind: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = layer(kind, hidden=33)
    given = inputs_and_state(kind, (6, 3), hidden=33)

    def run() -> list[Tensor]:
        return results(module, lambda x, state: in_windows(module, x, state, dtype), *given)

    plain = run()
    monkeypatch.setattr(windows, "COMPILED_UNITS", 0)
    compiled = run()
    assert_near(compiled, plain, 1e-5 if dtype == torch.float32 else 0.02)
    assert any(not torch.equal(*pair) for pair in zip(compiled, plain, strict=True))
    monkeypatch.setattr(windows, "has_machine_code", lambda: False)
    assert all(torch.equal(*pair) for pair in zip(run(), plain, strict=True))


def test_gradients_that_are_not_wanted_are_not_computed() -> None:
    module = layer("lstm")
    inputs, state = inputs_and_state("lstm", (3, 2))
    outputs, _ = run_window(
        "lstm",
        inputs.detach(),
        tuple(part.detach() for part in state),
        module.weight_input,
        module.weight_recurrent.detach(),
        module.bias.detach(),
        dtype=torch.float32,
    )
    outputs.sum().backward()  # type: ignore[no-untyped-call]
    expected, _ = module(inputs, state, seeded())
    (gradient,) = torch.autograd.grad(expected.sum(), [module.weight_input])
    torch.testing.assert_close(module.weight_input.grad, gradient, atol=1e-5, rtol=1e-5)
    assert module.bias.grad is None
    with torch.no_grad():
        assert not in_windows(module, inputs, state, torch.float32)[0].requires_grad


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_way_back_through_the_same_window_is_an_error(kind: str) -> None:
    module = layer(kind)
    outputs, _ = in_windows(module, *inputs_and_state(kind, (3, 2)), torch.float32)
    outputs.sum().backward(retain_graph=True)  # type: ignore[no-untyped-call]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()  # type: ignore[no-untyped-call]


# --------------------------------------------------------------------------------------------------- in the layer


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_in_bfloat16_trains_near_float32_and_evaluates_equally(kind: str) -> None:
    module = layer(kind, weight_drop=0.4, layer_norm=True)
    given = inputs_and_state(kind, (6, 3))
    exact = results(module, lambda x, state: module(x, state, seeded(5)), *given)
    with torch.no_grad():
        evaluated = module.eval()(*given, seeded())[0]
    module.trains_in_bfloat16 = True
    near = results(module.train(), lambda x, state: module(x, state, seeded(5)), *given)
    assert_near(near, exact, 0.05)
    assert not torch.equal(near[0], exact[0])
    with torch.no_grad():
        assert torch.equal(module.eval()(*given, seeded())[0], evaluated)


def test_weight_drop_masks_the_recurrent_weights_of_a_window_and_their_gradient() -> None:
    module = layer("lstm", weight_drop=0.5)
    module.trains_in_bfloat16 = True
    inputs, state = inputs_and_state("lstm", (6, 3))
    outputs, _ = module(inputs, state, seeded(5))
    (gradient,) = torch.autograd.grad(outputs.sum(), [module.weight_recurrent])
    dropped = module.weight_drop(torch.ones_like(gradient), seeded(5)) == 0
    assert 0.3 < float(dropped.float().mean()) < 0.7
    assert (gradient[dropped] == 0).all()
    assert (gradient[~dropped] != 0).any()


@pytest.mark.parametrize("values", [{"zoneout": 0.3}, {"dropout_recurrent": 0.3}])
def test_options_of_single_steps_stay_in_the_plain_loop_and_in_float32(values: dict[str, float]) -> None:
    module = layer("lstm", **values)
    given = inputs_and_state("lstm", (6, 3))
    exact = results(module, lambda x, state: module(x, state, seeded(5)), *given)
    module.trains_in_bfloat16 = True
    lowered = results(module, lambda x, state: module(x, state, seeded(5)), *given)
    assert all(torch.equal(*pair) for pair in zip(lowered, exact, strict=True))


@needs_numba
@pytest.mark.parametrize("kind", KINDS)
def test_wide_layers_train_over_windows_in_float32_except_lstms(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    as_python(monkeypatch)
    used: list[str] = []

    def counted(name: str, *given: Any, **values: Any) -> Any:
        used.append(name)
        return run_window(name, *given, **values)

    monkeypatch.setattr("nlmkit.layers.recurrent.run_window", counted)
    module, given = layer(kind), inputs_and_state(kind, (2, 2))
    module(*given, seeded())
    assert used == ([] if kind == "lstm" else [kind])
    with torch.no_grad():
        module(*given, seeded())
    module.eval()(*given, seeded())
    module.double().train()(*inputs_and_state(kind, (2, 2), torch.float64), seeded())
    assert len(used) <= 1


@pytest.mark.parametrize(("numba", "gaining"), [(True, 256), (False, 768)])
def test_width_from_which_a_layer_gains(numba: bool, gaining: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.layers.recurrent.has_machine_code", lambda: numba)
    module = layer("rnn")
    for hidden in (gaining - 1, gaining):
        module.hidden = hidden
        assert module.gains_from_bfloat16 == (hidden == gaining)
    for values in ({"zoneout": 0.1}, {"dropout_recurrent": 0.1}):
        assert not layer("rnn", hidden=gaining, **values).gains_from_bfloat16


# ------------------------------------------------------------------------------------------------------- products


@pytest.mark.parametrize("packs", [True, False])
def test_a_step_product_is_one_with_the_transposed_weight(packs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not packs:
        monkeypatch.setattr(torch.ops, "mkldnn", types.SimpleNamespace())
    weight, x = (torch.randn(*shape, generator=seeded()) for shape in ((7, 5), (3, 5)))
    for calls in (1, 20):
        near = StepProduct(weight.bfloat16(), 3, calls)(x.bfloat16())
        assert near.dtype == torch.bfloat16
        torch.testing.assert_close(near.float(), x @ weight.t(), atol=0.05, rtol=0.02)
        torch.testing.assert_close(StepProduct(weight, 3, calls)(x), x @ weight.t())


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [0, 1, 2, 10])
def test_parts_cover_a_range_once(threads: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    parts: list[tuple[int, int]] = []
    in_parts(lambda begin, end: parts.append((begin, end)), size)
    assert sorted(at for begin, end in parts for at in range(begin, end)) == list(range(size))
    assert len(parts) == min(threads, size)


def test_an_error_in_a_part_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def fail(begin: int, end: int) -> None:
        if begin:
            raise ValueError("second")

    with pytest.raises(ValueError, match="second"):
        in_parts(fail, 2)


# ----------------------------------------------------------------------------------------------------- arithmetic


@needs_numba
def test_functions_are_near_those_of_numpy_and_keep_nan() -> None:
    from nlmkit.layers.fused.arithmetic import exp, logistic, tanh

    exact = np.linspace(-80, 80, 201)
    for function, reference in ((exp, np.exp), (logistic, lambda x: 1 / (1 + np.exp(-x))), (tanh, np.tanh)):
        source: Any = function
        with np.errstate(over="ignore"):
            found = [source.py_func(np.float32(x)) for x in exact]
            assert np.isnan(source.py_func(np.float32(np.nan)))
        expected = reference(exact.astype(np.float32).astype(np.float64))
        bound = 2.2e-7 * (1 + np.abs(exact) / 3) * expected if function is exp else 3e-7
        assert (np.abs(np.array(found, np.float64) - expected) < bound).all()


@needs_numba
def test_stored_bfloat16_is_rounded_as_by_torch() -> None:
    from nlmkit.layers.fused.arithmetic import load, store

    values = torch.cat([torch.randn(200, generator=seeded()), torch.tensor([0.0, -0.0, 1e30, -3e-30, torch.inf])])
    ties = torch.tensor([1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8])
    given = torch.cat([values, ties])
    places = np.zeros(len(given), np.int16)
    for at, value in enumerate(given.numpy()):
        store(places, at, value)
    rounded = given.bfloat16()
    np.testing.assert_array_equal(places, rounded.view(torch.int16).numpy())
    np.testing.assert_array_equal([load(places, at) for at in range(len(places))], rounded.float().numpy())
