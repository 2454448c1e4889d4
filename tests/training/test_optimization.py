import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from toys.neural import TinyModule

from nlmkit.training.averaging import WeightAverage
from nlmkit.training.metrics import epochs_without_improvement, plateaus, starts_averaging
from nlmkit.training.optimization import build_optimizer, clip_gradients
from nlmkit.training.options import Optimization
from nlmkit.training.schedules import cosine, learning_rate, one_cycle

CPU = torch.device("cpu")

# ------------------------------------------------------------------------------------------------- optimizer


def weights(*values: Any) -> Any:
    return [nn.Parameter(torch.tensor(value)) for value in values]


def one_step(name: Any, decay: Any = 0.0, gradient: Any = 0.5, weight: Any = 2.0, lr: Any = 0.1) -> Any:
    matrix, bias = weights([[weight]], [weight])
    groups = [{"params": [matrix], "weight_decay": decay}, {"params": [bias], "weight_decay": 0.0}]
    optimizer = build_optimizer(groups, Optimization(optimizer=name, lr=lr), CPU)
    matrix.grad, bias.grad = torch.full_like(matrix, gradient), torch.full_like(bias, gradient)
    optimizer.step()
    return matrix.item(), bias.item()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sgd", 2 - 0.1 * 0.5),
        ("adam", 2 - 0.1),  # the first step of Adam is the sign of the gradient
        ("adamw", 2 - 0.1),
        ("rmsprop", 2 - 0.1 * 0.5 / math.sqrt(0.01 * 0.25)),
        ("adagrad", 2 - 0.1),
    ],
)
def test_each_optimizer_takes_its_first_step(name: str, expected: Any) -> None:
    assert one_step(name) == pytest.approx((expected, expected), rel=1e-5)


def test_weight_decay_is_apart_from_the_gradient_with_adamw_and_part_of_it_otherwise() -> None:
    matrix, bias = one_step("adamw", decay=0.3)
    assert matrix == pytest.approx(2 * (1 - 0.1 * 0.3) - 0.1, rel=1e-5)
    assert bias == pytest.approx(2 - 0.1, rel=1e-5)
    matrix, bias = one_step("sgd", decay=0.3)
    assert matrix == pytest.approx(2 - 0.1 * (0.5 + 0.3 * 2), rel=1e-6)
    assert bias == pytest.approx(2 - 0.1 * 0.5, rel=1e-6)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "rmsprop", "adagrad"])
def test_updates_equal_those_of_torchs_plain_implementation(name: str) -> None:
    plain = {
        "adamw": torch.optim.AdamW,
        "adam": torch.optim.Adam,
        "sgd": torch.optim.SGD,
        "rmsprop": torch.optim.RMSprop,
        "adagrad": torch.optim.Adagrad,
    }[name]
    source = torch.Generator().manual_seed(1)
    ours, theirs = (nn.Parameter(torch.ones(5, 7)) for _ in range(2))
    first = build_optimizer([{"params": [ours], "weight_decay": 0.1}], Optimization(optimizer=name, lr=0.02), CPU)
    second = plain([theirs], lr=0.02, weight_decay=0.1, foreach=False)
    for _ in range(4):
        gradient = torch.randn(5, 7, generator=source)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        first.step()
        second.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------------------------------------- schedules


@pytest.mark.parametrize(("steps", "warmup"), [(100, 0.1), (57, 0.3), (10, 0.5), (1000, 0.25)])
def test_one_cycle_equals_torchs(steps: int, warmup: float) -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.004, total_steps=steps, pct_start=warmup, cycle_momentum=False
    )
    for step in range(steps):
        assert one_cycle(step, steps, peak=0.004, warmup=warmup) == pytest.approx(reference.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        if step + 1 < steps:
            reference.step()


def test_cosine_by_hand() -> None:
    rates = [cosine(step, 10, peak=2.0, warmup=0.2) for step in range(10)]
    assert rates[:3] == pytest.approx([2 / 3, 4 / 3, 2.0])
    assert rates[6] == pytest.approx(1.0)
    assert rates[9] == pytest.approx(1 + math.cos(math.pi * 7 / 8))


@pytest.mark.parametrize("function", [one_cycle, cosine])
@given(steps=st.integers(1, 400), warmup=st.floats(0, 0.99))
def test_a_cycle_rises_to_the_peak_and_then_falls(function: Any, steps: int, warmup: float) -> None:
    rates = [function(step, steps, peak=0.5, warmup=warmup) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 0.5 * (1 + 1e-12) for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    if steps > 10 and warmup <= 0.5:
        assert rates[-1] < 0.05
        assert rates[top] > 0.45


def test_without_warmup_a_cycle_begins_at_the_peak() -> None:
    assert one_cycle(0, 50, peak=0.5, warmup=0) == 0.5
    assert cosine(0, 50, peak=0.5, warmup=0) == 0.5
    assert one_cycle(0, 1, peak=0.5, warmup=0.1) == 0.5


def test_the_schedule_option_chooses() -> None:
    assert learning_rate(Optimization(schedule="constant", lr=0.3), 7, 10) == 0.3
    assert learning_rate(Optimization(schedule="constant", lr=0.3), 0, None) == 0.3
    assert learning_rate(Optimization(schedule="plateau", lr=0.4, decay=0.5), 7, 10, plateaus=2) == pytest.approx(0.1)
    assert learning_rate(Optimization(schedule="one-cycle", lr=0.4, warmup=0.2), 3, 10) == one_cycle(
        3, 10, peak=0.4, warmup=0.2
    )
    assert learning_rate(Optimization(schedule="cosine", lr=0.4, warmup=0.2), 3, 10) == cosine(
        3, 10, peak=0.4, warmup=0.2
    )


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_before_the_number_of_steps_is_known_the_rate_is_that_of_a_beginning(schedule: str) -> None:
    assert learning_rate(Optimization(schedule=schedule, lr=0.5), 3, None) == pytest.approx(0.02)
    assert learning_rate(Optimization(schedule=schedule, lr=0.5, warmup=0.0), 3, None) == 0.5


def ranks(*values: float) -> list[tuple[float, ...]]:
    return [(value,) for value in values]


def test_plateaus_count_epochs_that_did_not_improve_on_all_before() -> None:
    rows: list[tuple[float, ...]] = [(), (9.0,), (9, 8, 7), (9, 9), (9, 8, 8.5, 8.2, 7.9, 7.9)]
    assert [plateaus(ranks(*row)) for row in rows] == [0, 0, 0, 1, 3]
    assert plateaus(ranks(math.inf, math.inf, 3.0)) == 2
    rows = [(), (9.0,), (9, 8, 8.5, 8.0), (7, 8, 9, 6)]
    assert [epochs_without_improvement(ranks(*row)) for row in rows] == [0, 0, 2, 0]


def test_later_metrics_break_ties() -> None:
    assert plateaus([(0.5, 2.0), (0.5, 1.0), (0.5, 1.0), (0.6, 0.1)]) == 2
    assert epochs_without_improvement([(0.5, 2.0), (0.5, 1.0), (0.5, 1.0)]) == 1


def test_averaging_starts_when_the_last_evaluation_is_worse_than_one_long_before() -> None:
    history = ranks(9.0, 8.0, 7.0, 6.5, 6.6, 6.7, 6.8)
    begins = [length for length in range(1, 8) if starts_averaging(history[:length], 2)]
    # 6.8 is the first that exceeds the best of those more than two before it, 6.5.
    assert begins == [7]
    assert [length for length in range(1, 8) if starts_averaging(history[:length], 1)] == [6, 7]
    assert not starts_averaging(ranks(5.0, 6.0), 5)


# ------------------------------------------------------------------------------------------------- clipping


def with_gradients(*values: Any) -> Any:
    found = weights(*([0.0] * len(value) for value in values))
    for weight, value in zip(found, values, strict=True):
        weight.grad = torch.tensor(value)
    return found


def test_clipping_the_norm_scales_all_gradients_together() -> None:
    found = with_gradients([3.0, 0.0], [4.0])
    assert clip_gradients(found, norm=1.0, value=None).item() == pytest.approx(5)
    assert torch.cat([weight.grad for weight in found]).tolist() == pytest.approx([0.6, 0, 0.8], rel=1e-5)


def test_a_small_gradient_is_left_alone() -> None:
    found = with_gradients([0.3, 0.0], [0.4])
    assert clip_gradients(found, norm=1.0, value=1.0).item() == pytest.approx(0.5)
    assert [weight.grad.tolist() for weight in found] == [[pytest.approx(0.3), 0], [pytest.approx(0.4)]]


def test_values_are_clipped_before_the_norm() -> None:
    found = with_gradients([3.0, -0.1], [-4.0])
    assert clip_gradients(found, norm=None, value=1.0).item() == pytest.approx(math.sqrt(25.01))
    assert torch.cat([weight.grad for weight in found]).tolist() == pytest.approx([1, -0.1, -1])
    found = with_gradients([3.0, 0.0], [-4.0])
    clip_gradients(found, norm=0.5, value=1.0)
    assert torch.cat([weight.grad for weight in found]).tolist() == pytest.approx(
        [0.5 / math.sqrt(2), 0, -0.5 / math.sqrt(2)], rel=1e-5
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_norm_of_a_broken_gradient_is_not_finite(bad: float) -> None:
    assert not clip_gradients(with_gradients([1.0, bad]), norm=1.0, value=None).isfinite()
    assert not clip_gradients(with_gradients([1.0, bad]), norm=None, value=1.0).isfinite()


def test_weights_without_a_gradient_are_passed_over() -> None:
    module = TinyModule()
    module.recurrent.weight.grad = torch.full_like(module.recurrent.weight, 1 / 6)
    assert clip_gradients(module.parameters(), norm=0.5, value=None).item() == pytest.approx(1)


# ------------------------------------------------------------------------------------------------- averaging


def iterates(count: Any, seed: Any = 0) -> Any:
    source = torch.Generator().manual_seed(seed)
    return [torch.randn(3, 4, generator=source) for _ in range(count)]


def averaged(kind: Any, values: Any, **options: Any) -> Any:
    weight = nn.Parameter(values[0].clone())
    average = WeightAverage(kind, [weight], **options)
    average.start()
    for value in values[1:]:
        weight.data.copy_(value)
        average.update()
    return weight, average


@pytest.mark.parametrize("kind", ["asgd", "nt-asgd", "tail"])
def test_the_average_equals_the_mean_of_the_iterates(kind: str) -> None:
    values = iterates(31)
    _, average = averaged(kind, values)
    torch.testing.assert_close(average.tensors[0], torch.stack(values[1:]).mean(0), rtol=1e-5, atol=1e-6)
    assert average.count == 30


def test_ema_by_its_definition() -> None:
    values = iterates(40)
    expected = values[0].double()
    for number, value in enumerate(values[1:], 1):
        decay = min(0.75, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * value.double()
    _, average = averaged("ema", values, decay=0.75)
    torch.testing.assert_close(average.tensors[0].double(), expected, rtol=1e-5, atol=1e-6)


def test_the_average_takes_the_weights_place_and_gives_it_back() -> None:
    values = iterates(5)
    weight, average = averaged("asgd", values)
    with average.in_place():
        assert torch.equal(weight, average.tensors[0])
    assert torch.equal(weight, values[-1])
    with pytest.raises(KeyboardInterrupt), average.in_place():
        raise KeyboardInterrupt
    assert torch.equal(weight, values[-1])
    average.keep()
    assert torch.equal(weight, average.tensors[0])


def test_without_an_average_the_weights_stay() -> None:
    weight = nn.Parameter(torch.ones(2))
    for average in (WeightAverage("none", [weight]), WeightAverage("nt-asgd", [weight])):
        average.update()
        with average.in_place():
            assert weight.tolist() == [1, 1]
        average.keep()
        assert weight.tolist() == [1, 1]
        assert not average.active
    never = WeightAverage("none", [weight])
    never.start()
    assert never.tensors is None


def test_starting_twice_does_not_forget() -> None:
    _, average = averaged("asgd", iterates(4))
    before = average.tensors[0].clone()
    average.start()
    assert torch.equal(average.tensors[0], before)
    assert average.count == 3
