"""The training loop, driven by a stepper without a network."""

from __future__ import annotations

import json
import math
import signal
from pathlib import Path
from typing import Any

import pytest
from toys.neural import Clock
from toys.steppers import Sums

from nlmkit.core.run import RunOptions
from nlmkit.errors import NlmkitError, SavedModelError
from nlmkit.training.records import read_log
from nlmkit.training.run import run

GETTING_BETTER = [(0.1 * number, 1.0) for number in range(1, 10)]


class Watcher:
    def __init__(self) -> None:
        self.stages: list[Any] = []
        self.notes: list[str] = []
        self.advanced: list[float] = []

    def start(self, description: str, total: float | None = None) -> None:
        self.stages.append((description, total))

    def advance(self, amount: float) -> None:
        self.advanced.append(amount)

    def note(self, text: str) -> None:
        self.notes.append(text)


def interrupt_at(*steps: int) -> Any:
    """What presses Ctrl-C within the steps after those."""
    left = list(steps)

    def before_step(step: int) -> None:
        if step in left:
            left.remove(step)
            signal.raise_signal(signal.SIGINT)

    return before_step


# --------------------------------------------------------------------------------------------------- a whole run


def test_a_run_takes_its_epochs_and_says_what_came_of_it() -> None:
    stepper = Sums(epochs=3)
    result = run(stepper, RunOptions())
    assert stepper.total == 30
    assert stepper.finished
    assert (result.steps, result.epochs, result.stopped, result.plan.steps) == (12, 3.0, "completed", 12)
    assert result.best is None
    assert result.notes == ("a note of the stepper",)
    assert stepper.judged == (None, None)
    assert result.summary("held-out texts") == {"steps": 12, "epochs": 3.0, "stopped": "completed", "weights": "last"}


def test_without_held_out_data_the_history_has_the_loss_of_each_epoch() -> None:
    history = run(Sums(epochs=2), RunOptions()).history
    assert [(entry.step, entry.epoch, entry.loss, entry.ends_epoch) for entry in history] == [
        (4, 1.0, 2.5, True),
        (8, 2.0, 2.5, True),
    ]
    assert [entry.metrics for entry in history] == [{}, {}]


def test_a_step_is_told_where_the_run_is() -> None:
    stepper = Sums(epochs=2)
    run(stepper, RunOptions())
    assert [moment.step for moment in stepper.moments] == list(range(8))
    assert [moment.place for moment in stepper.moments] == [float(step) for step in range(8)]
    assert {moment.schedule_steps for moment in stepper.moments} == {8}
    assert [moment.past_half for moment in stepper.moments] == [False] * 4 + [True] * 4
    assert [moment.share for moment in stepper.moments] == [step / 8 for step in range(8)]


def test_the_first_metric_decides_and_the_second_breaks_ties() -> None:
    scores = [(0.5, 2.0), (0.7, 3.0), (0.7, 1.0), (0.7, 1.0), (0.6, 0.1)]
    stepper = Sums(epochs=5, scores=scores)
    result = run(stepper, RunOptions())
    assert result.best is not None
    assert (result.best.step, stepper.best) == (12, 12)
    assert stepper.ranks == [(-accuracy, loss) for accuracy, loss in scores]
    assert stepper.judged == ({"accuracy": 0.7, "loss": 1.0}, {"accuracy": 0.6, "loss": 0.1})
    assert result.summary("held-out texts")["weights"] == "best on held-out texts, step 12"


def test_epochs_that_do_not_improve_are_counted_for_the_schedule_and_by_patience() -> None:
    stepper = Sums(epochs=9, scores=[(0.5, 1.0), (0.6, 1.0), (0.6, 1.0), (0.5, 1.0), (0.9, 1.0)])
    result = run(stepper, RunOptions(), patience=2)
    assert (result.stopped, result.steps) == ("patience", 16)
    assert [stepper.moments[4 * epoch].plateaus for epoch in range(4)] == [0, 0, 0, 1]


def test_a_metric_that_is_not_a_number_ends_the_run() -> None:
    with pytest.raises(NlmkitError) as caught:
        run(Sums(scores=[(0.5, 1.0), (math.nan, 1.0)]), RunOptions())
    assert str(caught.value) == (
        "training diverged at step 4 (epoch 1): the accuracy of the validation text is not a number; try another number"
    )


def test_evaluations_that_are_all_infinitely_bad_end_the_run() -> None:
    with pytest.raises(NlmkitError, match=r"at step 4 .*the accuracy of the validation text is -inf; try another"):
        run(Sums(epochs=1, scores=[(-math.inf, 1.0)] * 4), RunOptions())


def test_what_a_stepper_finds_wrong_is_told_with_its_step(tmp_path: Path) -> None:
    class Negative(Sums):
        def step(self, moment: Any) -> float:
            work = super().step(moment)
            if self.taken == 6:
                self.total = -1
            return work

    options = RunOptions(checkpoint=tmp_path / "run", checkpoint_seconds=1e-9)
    with pytest.raises(NlmkitError) as caught:
        run(Negative(each=10), options)
    assert str(caught.value) == (
        "training diverged at step 60 (epoch 2): the sum is negative; try another number; "
        f"{tmp_path / 'run'} contains the last good checkpoint"
    )


# ------------------------------------------------------------------------------------------------ log, progress


def test_progress_and_log_count_in_what_the_steps_are_of(tmp_path: Path) -> None:
    watcher, log = Watcher(), tmp_path / "log"
    run(Sums(epochs=2, each=10), RunOptions(progress=watcher, log=log))
    assert watcher.stages == [("training", 80)]
    assert watcher.advanced == [0, *[10] * 8]
    assert [record.step for record in read_log(log)] == [40, 80]
    first = json.loads(log.read_text().splitlines()[0])
    assert list(first) == [
        *("step", "epoch", "mean", "lr", "gradient_norm", "records_per_second", "seconds"),
        *("validation_accuracy", "validation_loss"),
    ]
    assert (first["mean"], first["lr"], first["validation_accuracy"]) == (2.5, 0.5, None)


def test_a_line_is_about_the_steps_since_the_line_before(tmp_path: Path) -> None:
    clock = Clock()

    def tick(step: int) -> None:
        clock.now += 1 + step

    stepper = Sums(epochs=1, scores=GETTING_BETTER, each=10, tick=3, before_step=tick)
    watcher = Watcher()
    run(stepper, RunOptions(log=tmp_path / "log", progress=watcher), clock=clock)
    records = read_log(tmp_path / "log")
    assert [(record.step, record.metrics["mean"]) for record in records] == [(10, 1), (20, 2), (30, 3), (40, 4)]
    assert [record.speed for record in records] == pytest.approx([10 / 1, 10 / 2, 10 / 3, 10 / 4])
    assert records[-1].validation == {"accuracy": pytest.approx(0.4), "loss": 1.0}
    assert watcher.notes[-1] == "epoch 1.00 · mean 4 · valid 40% · 2 records/s"


def test_lines_come_with_ticks_where_a_stepper_wants_them(tmp_path: Path) -> None:
    run(Sums(epochs=2, tick=3), RunOptions(log=tmp_path / "log"))
    records = read_log(tmp_path / "log")
    assert [record.step for record in records] == [3, 4, 6, 8]
    assert [record.metrics["mean"] for record in records] == [2, 4, 1.5, 3.5]


# -------------------------------------------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("scores", [None, GETTING_BETTER])
@pytest.mark.parametrize("step", [0, 2, 3, 4, 9, 11])
def test_a_run_that_is_interrupted_and_resumed_is_that_which_was_not(step: int, scores: Any, tmp_path: Path) -> None:
    whole = run(Sums(scores=scores), RunOptions(log=tmp_path / "whole"))
    options = {"checkpoint": tmp_path / "run", "checkpoint_seconds": 1e9, "log": tmp_path / "log"}
    with pytest.raises(KeyboardInterrupt):
        run(Sums(scores=scores, before_step=interrupt_at(step)), RunOptions(**options))
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["step"] == step + 1
    stepper = Sums(scores=scores)
    resumed = run(stepper, RunOptions(**options, resume=True))
    assert stepper.total == 30
    assert len(stepper.moments) == 12 - step - 1

    def facts(result: Any) -> Any:
        return [(entry.step, entry.loss, entry.metrics) for entry in result.history]

    def lines(path: Path) -> Any:
        return [(record.step, record.metrics, record.validation) for record in read_log(path)]

    assert facts(resumed) == facts(whole)
    assert lines(tmp_path / "log") == lines(tmp_path / "whole")


def test_a_checkpoint_of_fewer_epochs_is_gone_on_from_where_a_stepper_allows_it(tmp_path: Path) -> None:
    options = RunOptions(checkpoint=tmp_path / "run", resume=True)
    run(Sums(epochs=2, prolongs=True), options)
    longer = Sums(epochs=5, prolongs=True)
    assert run(longer, options).steps == 20
    assert longer.total == 50
    assert len(longer.moments) == 12
    with pytest.raises(SavedModelError, match="has already trained 5 epochs, but epochs=3 are requested"):
        run(Sums(epochs=3, prolongs=True), options)
    with pytest.raises(SavedModelError, match="its plan contradicts its number of epochs"):
        run(Sums(epochs=6), options)


def test_the_checkpoint_of_a_run_with_other_options_is_refused(tmp_path: Path) -> None:
    options = RunOptions(checkpoint=tmp_path / "run", resume=True)
    run(Sums(each=2), options)
    with pytest.raises(SavedModelError, match=r"belongs to another run \(each=2 there, 3 here\)"):
        run(Sums(each=3), options)
    with pytest.raises(SavedModelError, match=r"belongs to another run \(budget None there, 60\.0 here\)"):
        run(Sums(each=2), RunOptions(checkpoint=tmp_path / "run", resume=True, budget_seconds=60))


def test_evaluations_of_a_checkpoint_have_the_metrics_of_the_run(tmp_path: Path) -> None:
    options = RunOptions(checkpoint=tmp_path / "run", resume=True)
    run(Sums(), options)
    with pytest.raises(SavedModelError, match="evaluations are not those of the run's held-out data"):
        run(Sums(scores=GETTING_BETTER), options)


# -------------------------------------------------------------------------------------------------------- budget


def test_a_budget_is_used_and_the_schedule_ends_with_it() -> None:
    clock = Clock()

    def second(step: int) -> None:
        clock.now += 1

    stepper = Sums(epochs=1, before_step=second)
    result = run(stepper, RunOptions(budget_seconds=100), clock=clock)
    assert result.steps == 98  # 1.5 % are kept back
    assert result.seconds == 98
    last = stepper.moments[-1]
    assert last.schedule_steps == 98
    assert last.place == 97
    assert stepper.moments[0].schedule_steps is None


def test_what_came_before_the_run_is_part_of_the_budget() -> None:
    clock = Clock()

    def second(step: int) -> None:
        clock.now += 1

    result = run(Sums(before_step=second), RunOptions(budget_seconds=100), clock=clock, started=clock.now - 40)
    assert result.steps == 58
    assert result.seconds == 98
