import dataclasses
import functools
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from toys.neural import Clock, TimedModule, TinyModule, text, tiny, tiny_module, vocabulary

from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, HyperParameterError, NlmkitError
from nlmkit.language_models.neural import task, validation
from nlmkit.language_models.neural.streams import random_windows
from nlmkit.language_models.neural.training import train
from nlmkit.plots.curves import plot_learning_curve
from nlmkit.training.clock import Stopwatch
from nlmkit.training.devices import choose_device, memory_errors
from nlmkit.training.distributed import Processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.randomness import Purpose, generator
from nlmkit.training.records import LogRecord, TrainingLog, read_log
from nlmkit.training.speed import SpeedTest, steps_that_fit

pytestmark = pytest.mark.slow

EVENTS, VALID = text(), text(300, seed=1)


def fit(options: Any = None, *, valid: Any = VALID, module: Any = None, run: Any = None, **values: Any) -> Any:
    module = TinyModule() if module is None else module
    result = train(module, EVENTS, valid, options or tiny(), vocabulary(EVENTS), run or RunOptions(), **values)
    return module, result


def perplexity(module: Any, events: Any, columns: Any = 1) -> Any:
    """Of one column, computed plainly."""
    module.eval()
    ids = torch.from_numpy(np.concatenate([[2], events]).astype(np.int64))[:, None]
    with torch.no_grad():
        output = module(ids[:-1], module.initial_state(1))
        return math.exp(functional.cross_entropy(module.output.linear(output.features[:, 0]), ids[1:, 0]).item())


def weights(module: Any) -> Any:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


class Watcher:
    def __init__(self) -> None:
        self.stages, self.notes, self.done = [], [], 0.0

    def start(self, description: Any, total: Any = None) -> None:
        self.stages.append((description, total))
        self.done = 0.0

    def advance(self, amount: Any) -> None:
        self.done += amount

    def note(self, text: Any) -> None:
        self.notes.append(text)


# ------------------------------------------------------------------------------------------------- the steps


@pytest.mark.parametrize("random", [False, True])
def test_training_equals_a_plain_loop(random: bool) -> None:
    """Two epochs of SGD, written out: windows, carried state, clipping, schedule, penalty, rate by window length."""
    options = tiny(optimizer="sgd", lr=0.5, epochs=2, weight_decay=0.01, clip_norm=0.3, bptt_random=random, bptt=9)
    module, result = fit(options, valid=None, module=TinyModule(dropout=0.0))

    plain = TinyModule(dropout=0.0)
    length = len(EVENTS) // 4
    ids = np.concatenate([[2], EVENTS])
    inputs = torch.tensor([[ids[length * b + t] for b in range(4)] for t in range(length)], dtype=torch.int64)
    targets = torch.tensor([[ids[length * b + t + 1] for b in range(4)] for t in range(length)], dtype=torch.int64)
    bounds = [
        random_windows(length, 9, generator(1, Purpose.WINDOWS, epoch)).tolist()
        if random
        else [*range(0, length, 9), length]
        for epoch in range(2)
    ]
    steps = sum(len(row) - 1 for row in bounds)
    taken = 0
    for row in bounds:
        hidden = torch.zeros(1, 4, 6)
        for begin, end in itertools.pairwise(row):
            output = plain(inputs[begin:end], (hidden,))
            hidden = output.state[0].detach()
            logits = plain.output.linear(output.features)
            loss = functional.cross_entropy(logits.flatten(0, 1), targets[begin:end].flatten())
            plain.zero_grad()
            (loss + 0.01 * output.raw.square().mean()).backward()
            trained = [weight for weight in plain.parameters() if weight.grad is not None]
            norm = torch.cat([weight.grad.flatten() for weight in trained]).norm()
            top = 0.1 * steps - 1
            share = taken / top if taken < top else (taken - max(top, 0)) / (steps - 1 - max(top, 0))
            low, high = (0.02, 0.5) if taken < top else (0.02 / 1e4, 0.5)
            part = (1 - math.cos(math.pi * share)) / 2 if taken < top else (1 + math.cos(math.pi * share)) / 2
            rate = (low + (high - low) * part) * ((end - begin) / 9 if random else 1)
            with torch.no_grad():
                for weight in trained:
                    gradient = weight.grad * min(1.0, 0.3 / (norm + 1e-6))
                    weight -= rate * (gradient + (0.01 * weight if weight.ndim > 1 else 0))
            taken += 1
    assert result.steps == taken
    for name, expected in plain.state_dict().items():
        torch.testing.assert_close(module.state_dict()[name], expected, rtol=1e-4, atol=1e-6, msg=name)


def test_training_learns_and_keeps_the_best_weights() -> None:
    before = perplexity(TinyModule(), VALID)
    module, result = fit(tiny(epochs=6))
    assert perplexity(module, VALID) < 0.6 * before
    best = min(result.history, key=lambda evaluation: evaluation.metrics["perplexity"])
    assert result.best == best
    assert not module.training
    # 300 events are two columns while training: the second one begins cold.
    assert perplexity(module, VALID) == pytest.approx(best.metrics["perplexity"], rel=0.05)


def test_validation_perplexity_is_exact_for_one_column() -> None:
    valid = VALID[:200]
    module, result = fit(valid=valid, module=TinyModule())
    assert perplexity(module, valid) == pytest.approx(result.best.metrics["perplexity"], rel=1e-5)


def test_the_best_weights_are_kept_when_later_ones_are_worse() -> None:
    """At rates far too high the loss goes up and down; where it ends lower than ever depends on the machine."""
    valid = VALID[:200]
    worse = 0
    for lr in (0.3, 0.5, 0.8, 1.2):
        module, result = fit(tiny(epochs=6, lr=lr, schedule="constant", clip_norm=None), valid=valid)
        assert result.best.metrics["perplexity"] == min(each.metrics["perplexity"] for each in result.history)
        assert perplexity(module, valid) == pytest.approx(result.best.metrics["perplexity"], rel=1e-4)
        worse += result.best.step < result.steps
    assert worse


def test_without_validation_text_the_last_weights_are_kept() -> None:
    first, result = fit(valid=None)
    assert result.best is None
    assert result.history == ()
    assert result.report()["weights"] == "last"
    averaged, result = fit(tiny(averaging="asgd"), valid=None)
    assert result.report()["weights"] == "last, averaged"
    assert not torch.equal(averaged.recurrent.weight, first.recurrent.weight)


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not() -> None:
    first, second, third = (fit(tiny(seed=seed))[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["recurrent.weight"], third["recurrent.weight"])


def test_frozen_weights_stay_as_they_are() -> None:
    assert torch.equal(fit()[0].frozen, torch.ones(6))


@pytest.mark.parametrize(
    "change",
    [
        {"noising": 0.3},
        {"noising": 0.3, "noising_scheme": "kneser-ney"},
        {"noising": 0.3, "noising_scheme": "blank"},
        {"state_reset": 0.5},
        {"label_smoothing": 0.2},
        {"weight_decay": 0.5},
        {"clip_value": 0.001},
        {"clip_norm": 0.001, "optimizer": "sgd"},
        {"averaging": "ema"},
        {"averaging": "asgd"},
        {"bptt_random": True},
        {"schedule": "constant"},
        {"schedule": "cosine"},
        {"warmup": 0.5},
        {"optimizer": "adagrad"},
    ],
)
def test_no_option_is_ignored(change: dict[str, Any]) -> None:
    plain = {name: value for name, value in change.items() if name == "optimizer" and len(change) > 1}
    assert not torch.equal(trained(**change), trained(**plain))


@functools.cache
def trained(**change: Any) -> Any:
    return fit(tiny(epochs=1, **change), valid=None)[0].recurrent.weight.detach()


def test_words_seen_once_stand_in_for_unk() -> None:
    events = np.concatenate([EVENTS, [12, 13, 14, 15]]).astype(np.int32)
    words = vocabulary(events, words=16)
    unknown = []
    for rate in (0.0, 1.0):
        module = TinyModule(words=16)
        train(module, events, None, tiny(unknown_rate=rate), words, RunOptions())
        unknown.append(module.output.linear.bias[0].item())
    assert unknown[1] > unknown[0]


# ------------------------------------------------------------------------------------------------- evaluation


@pytest.mark.parametrize(("epochs", "evaluations"), [(1, 4), (2, 4), (3, 6), (4, 4), (6, 6)])
def test_a_run_is_evaluated_after_each_epoch_and_four_times_at_least(epochs: int, evaluations: int) -> None:
    _, result = fit(tiny(epochs=epochs))
    assert len(result.history) == evaluations
    assert sum(evaluation.ends_epoch for evaluation in result.history) == epochs
    assert result.history[-1].step == result.steps
    assert result.history[-1].epoch == epochs


def test_averages_are_evaluated_in_place_of_the_weights() -> None:
    module = TinyModule()
    _, result = fit(tiny(averaging="ema", ema_decay=0.9), module=module)
    assert all(evaluation.averaged for evaluation in result.history)
    assert result.averaged
    assert result.report()["weights"].endswith("averaged")


def test_asgd_is_the_mean_of_the_second_half_of_the_iterates(monkeypatch: pytest.MonkeyPatch) -> None:
    iterates = []
    original = GradientStepper.step

    def noting(self: Any, moment: Any) -> Any:
        work = original(self, moment)
        iterates.append(self.task.module.recurrent.weight.detach().clone())
        return work

    monkeypatch.setattr(GradientStepper, "step", noting)
    module, _ = fit(tiny(averaging="asgd"), valid=None)
    half = iterates[len(iterates) // 2 :]
    torch.testing.assert_close(module.recurrent.weight.data, torch.stack(half).mean(0), rtol=1e-5, atol=1e-6)


def test_nt_asgd_begins_after_evaluations_that_do_not_improve() -> None:
    _, result = fit(tiny(averaging="nt-asgd", averaging_window=1, epochs=12, lr=1.0, schedule="constant"))
    kinds = [evaluation.averaged for evaluation in result.history]
    assert not kinds[0]
    assert kinds == sorted(kinds)
    assert kinds[-1]
    values = [evaluation.metrics["perplexity"] for evaluation in result.history]
    first = kinds.index(True)
    assert values[first - 1] > min(values[: first - 2])


def test_patience_stops_and_plateaus_lower_the_rate(tmp_path: Path) -> None:
    options = tiny(epochs=50, lr=2.0, schedule="plateau", decay=0.5, patience=3)
    _, result = fit(options, run=RunOptions(log=tmp_path / "log"))
    assert result.stopped == "patience"
    assert result.epochs < 50
    values = [evaluation.metrics["perplexity"] for evaluation in result.history]
    assert values.index(min(values)) == len(values) - 4
    worse = sum(value > min(values[:number], default=math.inf) for number, value in enumerate(values[:-1]))
    assert read_log(tmp_path / "log")[-1].lr == pytest.approx(2.0 * 0.5**worse)


@pytest.mark.parametrize("change", [{"schedule": "plateau"}, {"averaging": "nt-asgd"}, {"patience": 2}])
def test_what_watches_validation_text_is_refused_without(change: dict[str, Any]) -> None:
    with pytest.raises(HyperParameterError, match=f"{next(iter(change))}=.* requires validation text"):
        fit(tiny(**change), valid=None)


# ------------------------------------------------------------------------------------------------- bad input


def test_unusable_texts_are_refused() -> None:
    empty, foreign = np.empty(0, np.int32), np.array([3, 99], np.int32)
    for events, valid, problem in (
        (empty, None, "training text is empty"),
        (EVENTS, empty, "validation text is empty"),
        (foreign, None, "training text contains ids outside the vocabulary of size 12"),
        (EVENTS, foreign, "validation text contains ids"),
    ):
        with pytest.raises(DataError, match=problem):
            train(TinyModule(), events, valid, tiny(), vocabulary(), RunOptions())


def test_a_single_event_can_be_trained_on() -> None:
    module = TinyModule()
    result = train(module, np.array([2], np.int32), np.array([2], np.int32), tiny(epochs=1), vocabulary(), RunOptions())
    assert result.steps == 1
    assert result.batch == 1


def test_run_options_that_a_neural_model_cannot_keep_are_refused() -> None:
    with pytest.raises(HyperParameterError, match=r"workers=2: .* torchrun"):
        fit(run=RunOptions(workers=2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": "tpu"},
        {"device": "cuda:x"},
        {"device": 0},
        {"precision": "float16"},
        {"workers": 0},
        {"workers": True},
        {"workers": 1.5},
        {"budget_seconds": 0},
        {"budget_seconds": math.nan},
        {"budget_seconds": math.inf},
        {"budget_seconds": "20m"},
        {"checkpoint_seconds": -1},
        {"checkpoint_seconds": None},
        {"resume": True},
    ],
)
def test_wrong_run_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(HyperParameterError, match=next(iter(wrong))):
        RunOptions(**wrong)


def test_run_options_take_paths_and_stay_as_they_are() -> None:
    run = RunOptions(checkpoint="folder", log="log.jsonl", device="cuda:3", budget_seconds=90)
    assert (run.checkpoint, run.log) == (Path("folder"), Path("log.jsonl"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.device = "cpu"
    with pytest.raises(TypeError):
        RunOptions(None)


def test_notes_go_to_displays_that_have_a_place_for_them() -> None:
    class Plain:
        def start(self, description: Any, total: Any = None) -> None:
            pass

        def advance(self, amount: Any) -> None:
            pass

    RunOptions(progress=Plain()).note("unseen")
    RunOptions().note("unseen")
    watcher = Watcher()
    RunOptions(progress=watcher).note("seen")
    assert watcher.notes == ["seen"]


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(HyperParameterError, match=r"device=cuda:77: PyTorch sees [0-9]+ CUDA devices"):
        choose_device("cuda:77")
    if not torch.backends.mps.is_available():
        with pytest.raises(HyperParameterError, match="no Metal device"):
            choose_device("mps")


def test_running_out_of_memory_names_the_size() -> None:
    with (
        pytest.raises(MemoryError, match=r"4000000000000000 bytes could not be allocated for a test"),
        memory_errors("a test"),
    ):
        torch.empty(10**15, dtype=torch.float32)
    with pytest.raises(MemoryError, match=r"^20.00 GiB could not be allocated for a test$"), memory_errors("a test"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has 3 GiB free")
    with pytest.raises(RuntimeError, match="something else"), memory_errors("a test"):
        raise RuntimeError("something else")


class Breaking(TinyModule):
    """From a step on, the loss or its gradient is not finite."""

    def __init__(self, step: Any, how: Any) -> None:
        super().__init__()
        self.step, self.how, self.calls = step, how, 0

    def penalty(self, output: Any) -> Any:
        self.calls += 1
        if self.calls < self.step:
            return super().penalty(output)
        self.before = self.recurrent.weight.detach().clone()
        bad = output.raw.sum() * {"nan": math.nan, "inf": math.inf, "gradient": 0.0}[self.how]
        return bad + torch.sqrt(output.raw.sum() * 0)  # whose value is 0, and whose gradient is not finite


@pytest.mark.parametrize("how", ["nan", "inf", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_stops(how: str, tmp_path: Path) -> None:
    module = Breaking(8, how)
    run = RunOptions(checkpoint=tmp_path / "checkpoint", checkpoint_seconds=1e-9)
    with pytest.raises(NlmkitError) as caught:
        fit(module=module, run=run)
    message = str(caught.value)
    assert message.startswith("training diverged at step 8 (epoch 1): loss ")
    assert "gradient norm nan, largest weight norm " in message
    assert "try a lower lr (now 0.05), a lower clip_norm (now 0.5)" in message
    assert message.endswith(f"{run.checkpoint} contains the last good checkpoint")
    assert "\n" not in message
    assert torch.equal(module.recurrent.weight, module.before)
    assert json.loads((tmp_path / "checkpoint" / "manifest.json").read_text())["step"] == 7


def test_weights_that_overflow_are_noticed_before_they_spread(tmp_path: Path) -> None:
    with pytest.raises(NlmkitError, match=r"training diverged at step \d+ .*loss (nan|inf)"):
        fit(tiny(optimizer="sgd", lr=1e38, clip_norm=None, schedule="constant"))


def test_a_last_step_that_overflows_is_noticed_without_validation_text(tmp_path: Path) -> None:
    options = tiny(optimizer="sgd", lr=1e38, clip_norm=None, schedule="constant", epochs=1, bptt=1000)
    run = RunOptions(checkpoint=tmp_path / "run")
    with pytest.raises(NlmkitError, match=r"training diverged at step 1 .*: the final weights have the loss"):
        fit(options, valid=None, run=run)
    assert not run.checkpoint.exists()
    module, result = fit(tiny(epochs=1, bptt=1000), valid=None)
    assert result.steps == 1
    assert not module.training


def test_a_perplexity_that_is_no_number_stops() -> None:
    class Lost(TinyModule):
        def forward(self, ids: Any, state: Any) -> Any:
            output = super().forward(ids, state)
            return output if self.training else output._replace(features=output.features * math.nan)

    with pytest.raises(NlmkitError, match="perplexity of the validation text is not a number"):
        fit(module=Lost())


# ------------------------------------------------------------------------------------------------- budget


def timed(
    budget: Any,
    *,
    valid: Any = VALID,
    options: Any = None,
    slower_after: Any = None,
    slower: Any = 1.0,
    run: Any = None,
    **times: Any,
) -> Any:
    clock = Clock()
    module = TimedModule(clock, **times)
    module.slower_after, module.slower = slower_after, slower
    run = run or RunOptions(budget_seconds=budget)
    result = train(module, EVENTS, valid, options or tiny(), vocabulary(EVENTS), run, clock=clock)
    return result, clock.now - 1000


def test_a_budget_is_used_and_not_exceeded(tmp_path: Path) -> None:
    run = RunOptions(budget_seconds=100, log=tmp_path / "log")
    result, seconds = timed(100, valid=None, run=run)
    assert result.steps == 98  # at a second a step, 1.5 % are kept back
    assert seconds == 98
    rates = [record.lr for record in read_log(tmp_path / "log")]
    assert rates[-1] == pytest.approx(0.05 / 25 / 1e4)
    assert max(rates) > 0.045


def test_time_of_evaluation_is_part_of_the_budget() -> None:
    result, seconds = timed(300, evaluation=10.0)
    assert 285 <= seconds <= 315
    # Each takes 3 % of the budget, and the text is too small for parts: four are enough, each after three epochs.
    assert [evaluation.step for evaluation in result.history[:-1]] == [60, 120, 180]
    assert result.steps < 260
    assert result.divisor == 1


def test_dear_evaluations_read_a_part_and_the_kept_weights_are_evaluated_on_the_whole_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(validation, "_TOKENS", 40)
    monkeypatch.setattr(task, "_COMPARED", 50)
    clock = Clock()
    module: Any = TimedModule(clock, evaluation=1.0)
    result = train(module, EVENTS, VALID, tiny(), vocabulary(EVENTS), RunOptions(budget_seconds=300), clock=clock)
    assert 270 <= result.seconds <= 315  # the judgement of the weights takes no time here
    assert result.divisor == 6
    assert len(result.history) >= 4
    whole = validation.Validation(module, VALID, batch=4, chunk=50, together=Processes(), device=torch.device("cpu"))
    assert result.report()["validation_perplexity"] == pytest.approx(whole.perplexity(), rel=1e-9)
    (best,) = [each for each in result.history if each.step == result.best.step]
    assert best.metrics["perplexity"] == pytest.approx(whole.perplexity(divisor=6), rel=1e-9)
    assert best.metrics["perplexity"] == min(each.metrics["perplexity"] for each in result.history)
    assert result.report()["weights"] == f"best on 1/6 of the validation text, step {best.step}"


def test_measuring_an_evaluation_takes_little_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its 20 windows take half of the budget; timing eight of them would take another fifth.
    monkeypatch.setattr(validation, "_TOKENS", 400)
    valid = text(8000, seed=1)
    seconds, steps = [], []
    for pieces in (1.0, 2.0):
        result, took = timed(45, valid=valid, evaluation=1.1 * pieces, step=0.2)
        seconds.append(took)
        steps.append(result.steps)
        assert [evaluation.step for evaluation in result.history] == [result.steps]
    assert seconds[0] == pytest.approx(45, rel=0.05)
    assert steps[0] > 60
    assert seconds[1] < 1.15 * 45  # nearly all of it is evaluation


def test_an_evaluation_that_seemed_dearer_than_the_budget_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(validation, "_TOKENS", 400)

    class Busy(TimedModule):
        """Ten times slower for the first sixth of the budget."""

        stop: int | None = None

        def forward(self, ids: Any, state: Any) -> Any:
            begins = self.clock.now
            found = super().forward(ids, state)
            if begins < 1020:
                self.clock.now += 9 * (self.clock.now - begins)
            if self.training and self.steps == self.stop:
                self.stop = None
                raise KeyboardInterrupt
            return found

    def run(module: Busy, folder: Path, *, resume: bool = False) -> Any:
        options = RunOptions(budget_seconds=120, checkpoint=folder, checkpoint_seconds=1e9, resume=resume)
        valid = text(8000, seed=1)
        return train(module, EVENTS, valid, tiny(), vocabulary(EVENTS), options, clock=module.clock)

    whole = Busy(Clock(), step=0.4, evaluation=1.0)
    result = run(whole, tmp_path / "whole")
    assert 114 <= result.seconds <= 126
    assert result.steps > 100
    assert len(result.history) == 1
    assert result.plan.bent_at > 0
    # The change is in the checkpoint at once: a run whose power fails later takes the same steps.
    cut = Busy(Clock(), step=0.4, evaluation=1.0)
    cut.stop = result.plan.bent_at + 2
    with pytest.raises(KeyboardInterrupt):
        run(cut, tmp_path / "cut")
    resumed = Busy(cut.clock, step=0.4, evaluation=1.0)
    again = run(resumed, tmp_path / "cut", resume=True)
    assert again.plan == result.plan
    assert again.history[0].metrics == result.history[0].metrics
    for name, weight in weights(resumed).items():
        assert torch.equal(weight, weights(whole)[name])


def test_time_before_the_training_is_part_of_the_budget() -> None:
    clock = Clock()
    result = train(
        TimedModule(clock),
        EVENTS,
        None,
        tiny(),
        vocabulary(EVENTS),
        RunOptions(budget_seconds=300),
        started=clock.now - 100,
        clock=clock,
    )
    assert result.steps == 195
    assert result.seconds == 295


@pytest.mark.parametrize(
    ("slower", "schedule"), [(1.1, "cosine"), (1.5, "one-cycle"), (3.0, "cosine"), (8.0, "one-cycle")]
)
def test_a_slower_machine_takes_fewer_steps_and_still_anneals(slower: float, schedule: str, tmp_path: Path) -> None:
    run = RunOptions(budget_seconds=200, log=tmp_path / "log")
    result, seconds = timed(
        200, valid=None, slower_after=50, slower=slower, run=run, options=tiny(schedule=schedule, warmup=0.2)
    )
    assert result.steps < result.plan.first_steps == 197
    assert 190 < seconds <= 210
    log = read_log(tmp_path / "log")
    assert log[-1].lr < 1e-3 * max(record.lr for record in log)
    if slower > 1.3:
        assert f"the machine became slower than measured, so {result.steps} steps" in result.notes[0]
    else:
        assert result.notes == ()


def test_a_faster_machine_takes_more_steps_and_still_anneals(tmp_path: Path) -> None:
    run = RunOptions(budget_seconds=200, log=tmp_path / "log")
    result, seconds = timed(200, valid=None, slower_after=30, slower=0.25, run=run)
    assert result.steps > 600 > result.plan.first_steps
    assert 190 < seconds <= 210
    log = read_log(tmp_path / "log")
    assert log[-1].lr < 1e-3 * max(record.lr for record in log)
    assert "the machine became faster than measured" in result.notes[0]


def test_a_budget_that_is_too_small_takes_one_step_after_measuring() -> None:
    result, _ = timed(0.5, valid=None)
    assert result.steps == 2
    assert any("of the budget was used: a step takes 200% of it" in note for note in result.notes)


def test_measuring_takes_a_fiftieth_of_the_budget_or_twenty_seconds() -> None:
    for budget, expected in ((100, 5), (600, 12), (6000, 20)):
        test = SpeedTest(budget)
        for _ in range(3):
            test.add(1e-9, 7)
        count = 0
        while not test.done:
            test.add(1.0, 2)
            count += 1
        assert count == expected
        assert test.pace == 0.5


def test_steps_that_fit_by_hand() -> None:
    def fit_in(seconds: Any, taken: Any = 0, evaluations: Any = lambda steps: 0) -> Any:
        return steps_that_fit(seconds, taken=taken, step_seconds=2.0, evaluation_seconds=10.0, evaluations=evaluations)

    assert fit_in(97) == 48
    assert fit_in(97, taken=5) == 53
    assert fit_in(-5, taken=5) == 6
    assert fit_in(97, evaluations=lambda steps: 1 + steps // 20) == 38  # 76 + 20, and 97 are to be had
    assert fit_in(97, evaluations=lambda steps: math.ceil(steps / 10)) == 30


def test_a_stopwatch_counts_what_came_before() -> None:
    clock = Clock()
    watch = Stopwatch(clock, before=10.0)
    clock.now += 5
    assert watch.seconds == 15
    assert Stopwatch(clock, started=clock.now - 2).seconds == 2
    with watch.checkpoint():
        clock.now += 3
    with watch.evaluation():
        clock.now += 4
    assert (watch.seconds, watch.stepping, watch.last_saving) == (22, 15, 3)


# ------------------------------------------------------------------------------------------------- log, progress


def test_the_log_has_a_line_every_25_steps_and_at_every_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "training.jsonl"
    _, result = fit(run=RunOptions(log=path))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == sorted({25, 50, 60} | {entry.step for entry in result.history})
    assert {tuple(line) for line in lines} == {
        (
            "step",
            "epoch",
            "loss",
            "perplexity",
            "lr",
            "gradient_norm",
            "tokens_per_second",
            "seconds",
            "validation_perplexity",
        )
    }
    measured = {entry.step: entry.metrics["perplexity"] for entry in result.history}
    for line in lines:
        assert line["perplexity"] == pytest.approx(math.exp(line["loss"]))
        assert line["validation_perplexity"] == measured.get(line["step"])
        assert line["gradient_norm"] > 0
        assert line["tokens_per_second"] > 0
    assert lines[-1]["epoch"] == 3
    assert [record.to_json() for record in read_log(path)] == lines


def test_a_loss_that_is_no_log_probability_has_no_perplexity(tmp_path: Path) -> None:
    fit(tiny(label_smoothing=0.1), run=RunOptions(log=tmp_path / "log"))
    assert {record.metrics["perplexity"] for record in read_log(tmp_path / "log")} == {None}


@pytest.mark.parametrize(("scheme", "plain"), [("kneser-ney", False), ("unigram", True), ("blank", True)])
def test_noise_that_replaces_targets_leaves_no_perplexity(scheme: str, plain: bool, tmp_path: Path) -> None:
    fit(tiny(noising=0.1, noising_scheme=scheme), run=RunOptions(log=tmp_path / "log"))
    assert {record.metrics["perplexity"] is not None for record in read_log(tmp_path / "log")} == {plain}
    losses = [record.metrics["loss"] for record in read_log(tmp_path / "log")]
    assert all(loss > 0 for loss in losses if loss is not None)


def test_without_noise_its_scheme_costs_no_perplexity(tmp_path: Path) -> None:
    fit(tiny(noising_scheme="kneser-ney"), run=RunOptions(log=tmp_path / "log"))
    assert None not in {record.metrics["perplexity"] for record in read_log(tmp_path / "log") if record.metrics["loss"]}


def _line(step: int, *, loss: float = 2.0, perplexity: float | None = 7.4, gradient_norm: float | None = 1.0) -> Any:
    return LogRecord(
        step=step,
        epoch=0.1,
        metrics={"loss": loss, "perplexity": perplexity},
        lr=0.1,
        gradient_norm=gradient_norm,
        speed=3.0,
        seconds=4.0,
    )


def test_a_log_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    record = _line(1, perplexity=math.inf, gradient_norm=math.nan)
    for _ in range(2):
        with TrainingLog(path) as log:
            log.write(record)
        assert read_log(path) == [_line(1, perplexity=None, gradient_norm=None)]
    path.write_text("the only copy of my thesis\n")
    with pytest.raises(DataError, match=r"log, line 1: .* not a training log"):
        TrainingLog(path)
    path.write_text("one line without an end")
    with pytest.raises(DataError, match="nothing was written"):
        TrainingLog(path)
    assert path.read_text() == "one line without an end"
    with pytest.raises(DataError, match="nothing was written"):
        TrainingLog(tmp_path)


def test_a_torn_last_line_of_a_log_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with TrainingLog(path) as log:
        for step in (1, 2, 3):
            log.write(_line(step))
    with path.open("a") as file:
        file.write('{"step": 4, "epo')
    assert [record.step for record in read_log(path)] == [1, 2, 3]
    with TrainingLog(path, after=2) as log:
        log.write(_line(3, loss=2.5))
    assert [(record.step, record.metrics["loss"]) for record in read_log(path)] == [(1, 2.0), (2, 2.0), (3, 2.5)]
    path.write_text('{"step": 1, "epo')
    with TrainingLog(path):
        assert read_log(path) == []


@pytest.mark.parametrize("line", ["[]", '{"step": 1}', '{"step": NaN}', "not JSON"])
def test_a_line_that_is_no_record_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(line + "\n")
    with pytest.raises(DataError, match="log, line 1"):
        read_log(tmp_path / "log")
    with pytest.raises(DataError, match="cannot be read"):
        read_log(tmp_path / "none")


def test_progress_counts_steps_and_notes_figures() -> None:
    watcher = Watcher()
    _, result = fit(run=RunOptions(progress=watcher))
    assert watcher.stages == [("training", result.steps)]
    assert watcher.done == result.steps
    assert all(part in watcher.notes[-1] for part in ("epoch 3.00 · perplexity ", " · valid ", " tokens/s"))
    watcher = Watcher()
    timed(100, valid=None, run=RunOptions(budget_seconds=100, progress=watcher))
    assert watcher.stages == [("measuring speed", None), ("training", 98)]
    assert watcher.done == 98


def test_the_report_is_json_and_leaves_the_clock_to_two_keys() -> None:
    reports = [fit()[1].report() for _ in range(2)]
    json.dumps(reports, allow_nan=False)

    def without_time(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: without_time(v) for k, v in value.items() if k not in ("seconds", "tokens_per_second")}
        return [without_time(item) for item in value] if isinstance(value, list) else value

    assert without_time(reports[0]) == without_time(reports[1])
    assert reports[0]["events_left_out"] == 3
    assert reports[0]["seconds"] > 0


def test_the_learning_curve_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    _, result = fit(run=RunOptions(log=tmp_path / "training.jsonl"))
    plot_learning_curve(tmp_path / "training.jsonl", tmp_path / "log.png")
    plot_learning_curve({"one": result.history, "two": result.history}, tmp_path / "history.svg")
    assert (tmp_path / "log.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "history.svg").read_text()
    with pytest.raises(DataError, match="nothing to draw"):
        plot_learning_curve({"none": []}, tmp_path / "none.png")
    with pytest.raises(DataError, match="unsupported picture format"):
        plot_learning_curve({"one": result.history}, tmp_path / "curve.unknown")
    assert not (tmp_path / "none.png").exists()


def test_options_keep_the_interface_of_the_real_module() -> None:
    assert tiny_module(words=7).vocabulary_size == 7
