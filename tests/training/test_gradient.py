"""Steps down a gradient, on a task that is no language model."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys.tasks import ROWS, Net, Regression

from nlmkit.core.run import RunOptions
from nlmkit.errors import NlmkitError, SavedModelError
from nlmkit.training.distributed import Processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.options import Optimization
from nlmkit.training.records import read_log
from nlmkit.training.run import run
from nlmkit.training.schedules import slanted_triangular

SGD: dict[str, Any] = {"optimizer": "sgd", "lr": 0.1}


def train(task: Regression, options: RunOptions | None = None, **optimization: Any) -> Any:
    stepper = GradientStepper(task, Optimization(**{**SGD, **optimization}), Processes())
    return run(stepper, options or RunOptions())


def weights(module: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def plain(task: Regression, rates: list[float], *, scale: float = 1.0, epochs: int = 3) -> tuple[Net, list[Any]]:
    """The same by hand: SGD with an L2 penalty on matrices, one rate per step; gives the network and all iterates."""
    net, iterates = Net(), []
    rates = list(rates)
    for number in range(epochs):
        for rows in task.epoch(number).batches:
            rate = rates.pop(0)
            loss = (net(task.inputs[rows]) - task.targets[rows]).square().mean()
            net.zero_grad()
            loss.backward()
            with torch.no_grad():
                for name, weight in net.named_parameters():
                    gradient = weight.grad + (0.1 * weight if weight.ndim > 1 else 0)
                    weight -= rate * (scale if name == "below" else 1) * gradient
            iterates.append(weights(net))
    return net, iterates


def assert_same(module: Any, expected: dict[str, torch.Tensor]) -> None:
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6, msg=name)


# ------------------------------------------------------------------------------------------------------- steps


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_training_equals_a_plain_loop_however_a_batch_is_divided(pieces: int) -> None:
    task = Regression(pieces=pieces)
    result = train(task)
    assert result.steps == 9
    assert_same(task.module, plain(task, [0.1] * 9)[0].state_dict())


def test_a_group_has_a_rate_of_its_own_and_a_batch_a_factor() -> None:
    task = Regression(scale=0.25, rate=0.5)
    train(task)
    assert_same(task.module, plain(task, [0.05] * 9, scale=0.25)[0].state_dict())


def test_the_slanted_triangle_is_a_schedule() -> None:
    task = Regression()
    train(task, schedule="slanted-triangular", warmup=0.3)
    rates = [slanted_triangular(step, 9, peak=0.1, warmup=0.3) for step in range(9)]
    assert rates[0] == pytest.approx(0.1 / 32)
    assert_same(task.module, plain(task, rates)[0].state_dict())


def test_every_optimizer_moves_the_weights() -> None:
    found = []
    for name in ("adamw", "adam", "sgd", "rmsprop", "adagrad", "adadelta"):
        task = Regression()
        train(task, optimizer=name)
        found.append(tuple(task.module.above.flatten().tolist()))
    assert len(set(found)) == 6


def test_the_log_has_the_mean_loss_and_the_norm_of_the_gradient(tmp_path: Path) -> None:
    task = Regression(epochs=1)
    train(task, RunOptions(log=tmp_path / "log"), lr=1e-12)
    (record,) = read_log(tmp_path / "log")
    net = Net()
    with torch.no_grad():
        loss = float((net(task.inputs) - task.targets).square().mean())
    assert record.metrics == {"loss": pytest.approx(loss, rel=1e-5)}
    norms = []
    for rows in task.epoch(0).batches:
        net.zero_grad()
        (net(task.inputs[rows]) - task.targets[rows]).square().mean().backward()  # type: ignore[no-untyped-call]
        norms.append(float(torch.cat([weight.grad.flatten() for weight in net.parameters()]).norm()))  # type: ignore[union-attr]
    assert record.gradient_norm == pytest.approx(np.mean(norms), rel=1e-5)
    assert record.unit == "rows"
    assert record.speed is not None


def test_a_norm_that_nobody_watches_is_not_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.training import gradient

    train(Regression(watches=False), RunOptions(log=tmp_path / "clipped"), clip_norm=0.5)
    assert read_log(tmp_path / "clipped")[-1].gradient_norm is not None

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("the norm was computed")

    monkeypatch.setattr(gradient, "clip_gradients", refuse)
    train(Regression(watches=False), RunOptions(log=tmp_path / "log"))
    assert read_log(tmp_path / "log")[-1].gradient_norm is None


def test_weights_are_changed_after_each_step() -> None:
    task = Regression(largest=0.2)
    train(task)
    assert float(task.module.above.detach().abs().max()) == pytest.approx(0.2)


def test_layers_are_unfrozen_as_epochs_begin() -> None:
    frozen, whole = Regression(frozen_until=9), Regression(frozen_until=2, epochs=2)
    train(frozen)
    assert torch.equal(frozen.module.below, Net().below)
    assert not torch.equal(frozen.module.above, Net().above)
    assert all(weight.requires_grad for weight in frozen.module.parameters())  # once it is over
    train(whole)
    assert torch.equal(whole.module.below, Net().below)
    later = Regression(frozen_until=2, epochs=3)
    train(later)
    assert not torch.equal(later.module.below, Net().below)


def test_a_carry_goes_from_step_to_step_and_begins_anew_with_each_epoch() -> None:
    seen = []

    class Watched(Regression):
        def loss(self, data: Any, carry: Any) -> Any:
            seen.append(float(carry[0]))
            return super().loss(data, carry)

    train(Watched(decays=True, epochs=2))
    assert seen == [1, 0.5, 0.25] * 2


# ------------------------------------------------------------------------------------------- averages, the end


@pytest.mark.parametrize("from_first", [False, True])
def test_an_exponential_average_by_hand(from_first: bool) -> None:
    class Averaged(Regression):
        averages_from_first_weights = from_first

    task = Averaged()
    result = train(task, averaging="ema", ema_decay=0.5)
    assert result.averaged
    _, iterates = plain(task, [0.1] * 9)
    average = weights(Net()) if from_first else iterates[0]
    for number, iterate in enumerate(iterates, start=1):
        decay = min(0.5, (1 + number) / (10 + number))
        average = {name: decay * average[name] + (1 - decay) * iterate[name] for name in average}
    assert_same(task.module, average)


@pytest.mark.parametrize(("share", "averaged"), [(1.0, 9), (0.5, 4), (0.34, 3), (0.1, 0)])
def test_the_last_steps_are_averaged(share: float, averaged: int) -> None:
    task = Regression()
    result = train(task, averaging="tail", averaging_share=share)
    assert result.averaged == (averaged > 0)
    _, iterates = plain(task, [0.1] * 9)
    last = iterates[-max(1, averaged) :]
    assert_same(task.module, {name: torch.stack([each[name] for each in last]).mean(0) for name in last[0]})


def test_a_task_is_told_its_share_of_the_run_and_says_what_a_step_costs() -> None:
    shares = []

    class Watched(Regression):
        def begin_step(self, share: float) -> float:
            shares.append(share)
            return 0.5

    task = Watched(epochs=1)
    stepper = GradientStepper(task, Optimization(**SGD), Processes())
    works = []

    class Counted:
        def __getattr__(self, name: str) -> Any:
            return getattr(stepper, name)

        def step(self, moment: Any) -> float:
            works.append(stepper.step(moment))
            return works[-1]

    run(Counted(), RunOptions())  # type: ignore[arg-type]
    assert shares == pytest.approx([0, 1 / 3, 2 / 3])
    assert works == [2.0, 2.0, 1.0]  # half of the rows
    assert Regression().begin_step(0.5) == 1.0


def test_a_device_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: waited.append(device.type))
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    task = Regression()
    stepper = GradientStepper(task, Optimization(**SGD), Processes())
    for kind in ("cpu", "cuda", "mps"):
        task.device = torch.device(kind)
        stepper.settle()
    assert waited == ["cuda", "mps"]


def test_the_best_weights_are_judged_and_kept() -> None:
    task = Regression(held_out=True, epochs=3)
    result = train(task, lr=0.45)  # too high a rate, by which the error rises again
    errors = [entry.metrics["error"] for entry in result.history]
    assert result.best.metrics["error"] == min(errors) < errors[-1]
    assert task.evaluate(lambda: False)["error"] == min(errors)
    assert result.notes == (f"the error is {min(errors):.6f}",)


def test_a_task_may_refuse_the_result() -> None:
    with pytest.raises(
        NlmkitError, match=r"at step 9 \(epoch 3\): the error is .*, largest weight norm .*; try a lower lr"
    ):
        train(Regression(), lr=1.9)


def test_weights_that_are_not_finite_at_the_end_are_refused() -> None:
    class Broken(Regression):
        def after_step(self) -> None:
            if float(self.module.bias.detach()) and len(self.done) == 8:
                with torch.no_grad():
                    self.module.above.fill_(math.inf)
            self.done.append(1)

    task = Broken()
    task.done = []  # type: ignore[attr-defined]
    with pytest.raises(NlmkitError, match=r"at step 9 .*the final weights have the loss (inf|nan), largest weight"):
        train(task)


# ------------------------------------------------------------------------------------------------- checkpoints


class Interrupted(Regression):
    """Ctrl-C is pressed within a step."""

    at = -1
    calls = 0

    def loss(self, data: Any, carry: Any) -> Any:
        self.calls += 1
        if self.calls == self.at:
            signal.raise_signal(signal.SIGINT)
        return super().loss(data, carry)


@pytest.mark.parametrize("optimizer", ["adamw", "adadelta", "rmsprop"])
@pytest.mark.parametrize("at", [1, 3, 5, 8])
def test_a_resumed_run_gives_the_same_bytes(at: int, optimizer: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"optimizer": optimizer, "averaging": "ema", "schedule": "cosine"}

    def task(kind: type[Regression] = Regression) -> Any:
        made = kind(decays=True, held_out=True, frozen_until=1)
        made.module.dropout = 0.4
        return made

    whole = task()
    expected = train(whole, **settings)
    stopped = task(Interrupted)
    stopped.at = at
    with pytest.raises(KeyboardInterrupt):
        train(stopped, RunOptions(checkpoint=tmp_path / "run"), **settings)
    resumed = task()
    found = train(resumed, RunOptions(checkpoint=tmp_path / "run", resume=True), **settings)
    assert all(
        torch.equal(value, whole.module.state_dict()[name]) for name, value in resumed.module.state_dict().items()
    )
    assert [entry.metrics for entry in found.history] == [entry.metrics for entry in expected.history]
    assert [entry.loss for entry in found.history] == [entry.loss for entry in expected.history]


def test_what_does_not_suit_the_task_is_refused() -> None:
    def stepper(**values: Any) -> GradientStepper[Any]:
        return GradientStepper(Regression(**values), Optimization(**SGD), Processes())

    def restore(into: GradientStepper[Any], *, step: int = 0, has_best: bool = False, **changed: Any) -> None:
        facts, arrays = stepper(decays=True).snapshot()
        into.restore({**facts, **changed}, arrays, step=step, has_best=has_best)

    restore(stepper(decays=True))
    with pytest.raises(SavedModelError, match="more hidden states"):
        restore(stepper())
    with pytest.raises(SavedModelError, match="best weights and evaluations contradict each other"):
        restore(stepper(decays=True), has_best=True)
    with pytest.raises(SavedModelError, match="step 4 is not step 0 of epoch 0"):
        restore(stepper(decays=True), step=4)
    with pytest.raises(SavedModelError, match="epoch 0 has no step 3"):
        restore(stepper(decays=True), step=3, index=3)
    with pytest.raises(SavedModelError, match="the run does not average"):
        restore(stepper(decays=True), averaging=True)


def test_another_network_makes_another_run() -> None:
    wide = Net()
    wide.above = torch.nn.Parameter(torch.zeros(2, 3))
    first, second = (
        GradientStepper(Regression(module=module), Optimization(**SGD), Processes()).identity()
        for module in (Net(), wide)
    )
    assert first["network"] != second["network"]
    assert first["component"] == second["component"] == "regression"


def test_speed_counts_what_the_task_says() -> None:
    task = Regression()
    stepper = GradientStepper(task, Optimization(**SGD), Processes())
    run(stepper, RunOptions())
    assert stepper.items == 3 * 100 * ROWS
