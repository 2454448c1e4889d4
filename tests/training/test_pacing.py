"""How a budget becomes a number of steps, and what becomes of it on machines whose speed changes."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from nlmkit.training.pacing import Pacer
from nlmkit.training.plan import Plan
from nlmkit.training.speed import SpeedTest

BUDGET = 1200.0

PIECES = 100
"""Of an evaluation."""


def measured(seconds: list[float], *, budget: float = 50.0) -> SpeedTest:
    test = SpeedTest(budget)
    for each in seconds:
        test.add(each, 10)
    return test


def test_the_first_steps_do_not_count() -> None:
    assert measured([9.0] * 3 + [0.2] * 5, budget=500).pace == pytest.approx(0.02)


def test_a_pause_beside_training_does_not_shorten_the_plan() -> None:
    assert measured([0.2] * 3 + [0.2, 0.2, 8.0, 8.0, 0.2, 0.2]).pace == pytest.approx(0.02)


def test_it_ends_after_enough_steps_that_took_long_enough() -> None:
    assert not measured([0.3] * (3 + 4)).done  # a fiftieth of the budget is over, but these are few
    assert measured([0.3] * (3 + 5)).done
    assert not measured([0.1] * (3 + 9)).done
    assert measured([0.1] * (3 + 11)).done


def test_it_ends_at_a_tenth_of_the_budget_with_fewer_steps() -> None:
    assert not measured([2.4] * 2).done
    assert measured([2.4] * 3).done
    assert measured([2.4] * 3).pace == pytest.approx(0.24)
    assert measured([4.0] * 3 + [2.0]).pace == pytest.approx(0.2)


# ------------------------------------------------------------------------------------------------ simulation


@dataclasses.dataclass
class Run:
    """A run on a machine where a step at a time takes so long; between two steps it can be saved and gone on with."""

    step_seconds: Callable[[int, float], float]
    evaluation_seconds: float = 0.0
    budget: float = BUDGET
    windows: int = 100
    prepared: float = 5.0
    amounts: Callable[[int], float] = lambda step: 1.0
    saving: float = 0.0
    divisor: int = 1
    cheap: tuple[float, float] | None = None
    """Share of the plan up to which a step has this work relative to others."""

    def __post_init__(self) -> None:
        self.pacer = self.new_pacer()
        self.now = self.prepared
        self.evaluating = 0.0
        self.step = 0
        self.evaluations: list[int] = []
        self.places: list[float] = []
        self.changes: list[int] = []
        self.pacer.begin(seconds=self.now, stepping=self.now)

    def new_pacer(self) -> Pacer:
        amount = sum(self.amounts(step) for step in range(self.windows)) / self.windows
        evaluated = self.evaluation_seconds > 0
        return Pacer(
            None,
            budget=self.budget,
            windows=self.windows,
            amount=amount,
            cost=None if self.cheap is None else self.cost,
            is_evaluated=evaluated,
            divisor=self.divisor,
        )

    def cost(self, begin: float, end: float) -> float:
        assert self.cheap is not None
        until, relative = self.cheap
        cheap = max(0.0, min(end, until) - begin) / (end - begin)
        return cheap * relative + 1 - cheap

    @property
    def speed(self) -> float:
        """How slow the machine is at present, whatever a step does beside."""
        return self.step_seconds(-1, self.now)

    def look(self) -> bool:
        """What happens between two steps; whether the run goes on."""
        pacer = self.pacer
        if pacer.plan is None and pacer.speed.done:
            taken = self.evaluate(2) * PIECES / 2
            pacer.freeze(
                seconds=self.now,
                stepping=self.now - self.evaluating,
                step=self.step,
                pace=pacer.speed.pace,
                evaluation_seconds=taken,
            )
        if pacer.looks_at(self.step) and pacer.look(
            seconds=self.now,
            stepping=self.now - self.evaluating,
            saving=self.saving,
            step=self.step,
            is_due=self.evaluation_is_due,
        ):
            self.changes.append(self.step)
        if self.evaluation_is_due:
            pacer.evaluated(self.evaluate(PIECES // pacer.divisor) * (PIECES / (PIECES // pacer.divisor)))
            self.evaluations.append(self.step)
            if pacer.is_over(self.step) and pacer.look(
                seconds=self.now,
                stepping=self.now - self.evaluating,
                saving=self.saving,
                step=self.step,
                is_evaluated=True,
            ):
                self.changes.append(self.step)
            if pacer.is_over(self.step) and pacer.divisor > 1:
                self.evaluate(PIECES)
        return not pacer.is_over(self.step)

    @property
    def evaluation_is_due(self) -> bool:
        epoch, window = divmod(self.step, self.windows)
        due = self.pacer.is_over(self.step) or self.pacer.evaluates_at(epoch, window, self.windows)
        return bool(self.evaluation_seconds and self.step and due and self.step not in self.evaluations)

    def evaluate(self, pieces: int) -> float:
        """Some of the pieces of an evaluation, each at the speed of its time; gives the seconds."""
        begins = self.now
        for _ in range(pieces):
            self.now += self.evaluation_seconds / PIECES * self.speed
        self.evaluating += self.now - begins
        return self.now - begins

    def take(self) -> None:
        amount = self.amounts(self.step)
        if self.cheap is not None and self.pacer.share(self.step) < self.cheap[0]:
            amount *= self.cheap[1]
        seconds = self.step_seconds(self.step, self.now) * amount
        self.places.append(self.pacer.place(self.step) / max(1, (self.pacer.schedule_steps or 1) - 1))
        self.now += seconds
        self.pacer.worked(amount)
        if self.pacer.plan is None:
            self.pacer.speed.add(seconds, amount)
        self.step += 1

    def finish(self, until: float = math.inf) -> Run:
        while self.look() and self.step < until:
            self.take()
        return self

    def resumed(self) -> None:
        """As after an interruption: plan and pace from JSON, and a stopwatch that has forgotten its evaluations."""
        assert self.pacer.plan is not None
        stepping = self.now - self.evaluating
        saved = json.loads(json.dumps([self.pacer.plan.to_json(), self.pacer.to_json(stepping)], allow_nan=False))
        self.pacer = self.new_pacer()
        self.pacer.plan = Plan.from_json(saved[0])
        self.pacer.restore(saved[1])
        self.evaluating = 0.0
        self.pacer.begin(seconds=self.now, stepping=self.now)

    @property
    def notes(self) -> list[str]:
        return self.pacer.notes(seconds=self.now, finished=True)


def busy_start(step: int, now: float) -> float:
    return 3.0 if now < 60 else 0.55


MACHINES: dict[str, Any] = {
    "even": lambda step, now: 0.6,
    "busy for the first minute": busy_start,
    "measured fifty times too slow": lambda step, now: 30.0 if 0 <= step < 9 else 0.6,
    "slower for good": lambda step, now: 0.5 if now < 300 else 3.0,
    "slower for good, late": lambda step, now: 0.5 if now < 1000 else 2.0,
    "faster for good": lambda step, now: 3.0 if now < 500 else 0.5,
    "busy for two minutes midway": lambda step, now: 4.0 if 500 < now < 620 else 0.5,
    "one pause": lambda step, now: 100.0 if step == 400 else 0.5,
    "uneven": lambda step, now: (0.2, 0.5, 1.1)[step % 3],
    "busy every other half minute": lambda step, now: 2.0 if now % 60 < 30 else 0.5,
    "ever slower": lambda step, now: 0.3 + now / 600,
}


@pytest.mark.parametrize(("evaluation", "divisor"), [(0.0, 1), (20.0, 1), (20.0, 7)])
@pytest.mark.parametrize("machine", MACHINES)
def test_whatever_a_machine_does_the_budget_is_used_and_the_rate_annealed(
    machine: str, evaluation: float, divisor: int
) -> None:
    run = Run(MACHINES[machine], evaluation_seconds=evaluation, divisor=divisor).finish()
    assert 0.95 * BUDGET <= run.now <= 1.05 * BUDGET
    assert not any("budget" in note for note in run.notes)
    assert run.places == sorted(run.places)
    assert run.places[-1] == 1.0
    assert len(run.changes) <= 25  # each is written to the checkpoint
    if machine in ("even", "uneven", "one pause"):
        assert len(run.changes) <= 3


def test_a_busy_first_minute_costs_no_steps_but_its_own() -> None:
    run = Run(busy_start).finish()
    assert run.step > 0.93 * (60 / 3 + 1140 / 0.55)
    # The schedule was hardly passed through meanwhile: it is the share of the steps that counts.
    assert run.places[200] < 0.25
    assert run.notes == [
        f"the machine became faster than measured, so {run.step} steps were taken instead of the "
        f"{run.pacer.plan.first_steps} first planned"  # type: ignore[union-attr]
    ]


def test_speed_is_that_of_work_and_not_of_steps() -> None:
    # An epoch that has its long steps at the end: what is left of it is known to take longer.
    run = Run(lambda step, now: 0.1, amounts=lambda step: 1.0 if step % 100 < 80 else 30.0).finish()
    assert 0.95 * BUDGET <= run.now <= 1.05 * BUDGET
    assert len(run.changes) <= 3


@pytest.mark.parametrize("cheap", [(0.7, 0.3), (0.5, 0.1), (1.0, 0.2), (0.0, 0.2)])
@pytest.mark.parametrize("evaluation", [0.0, 20.0])
def test_steps_that_are_cheap_up_to_a_share_of_the_plan_are_planned_as_such(
    cheap: tuple[float, float], evaluation: float
) -> None:
    run = Run(lambda step, now: 0.6, evaluation_seconds=evaluation, cheap=cheap).finish()
    assert 0.95 * BUDGET <= run.now <= 1.05 * BUDGET
    assert len(run.changes) <= 1
    assert run.notes == []
    mean = cheap[0] * cheap[1] + 1 - cheap[0]
    spent = run.now - 5 - run.evaluating
    assert run.step == pytest.approx(spent / (0.6 * mean), rel=0.03)


@pytest.mark.parametrize("machine", ["slower for good", "faster for good", "busy for the first minute"])
def test_a_machine_that_changes_keeps_the_budget_with_cheap_steps(machine: str) -> None:
    run = Run(MACHINES[machine], cheap=(0.7, 0.3)).finish()
    assert 0.95 * BUDGET <= run.now <= 1.05 * BUDGET
    assert run.places[-1] == 1.0


def test_evaluations_have_a_share_of_the_budget() -> None:
    cheap = Run(lambda step, now: 1.0, evaluation_seconds=1.0).finish()
    assert 11 <= len(cheap.evaluations) <= 12  # one per epoch
    fewer = Run(lambda step, now: 1.0, evaluation_seconds=10.0).finish()
    assert len(fewer.evaluations) == 4
    within = Run(lambda step, now: 1.0, evaluation_seconds=10.0, windows=5000).finish()
    assert 4 <= len(within.evaluations) <= 5
    dear = Run(lambda step, now: 1.0, evaluation_seconds=140.0).finish()
    assert 1 <= len(dear.evaluations) <= 2
    within = Run(lambda step, now: 1.0, evaluation_seconds=140.0, windows=5000).finish()
    assert len(within.evaluations) <= 2
    huge = Run(lambda step, now: 1.0, evaluation_seconds=900.0).finish()
    assert len(huge.evaluations) == 1
    for run in (cheap, fewer, within, dear, huge):
        assert 0.95 * BUDGET <= run.now <= 1.05 * BUDGET


@pytest.mark.parametrize("windows", [20, 100, 1000, 5000])
@pytest.mark.parametrize("evaluation", [5.0, 10.0, 15.0])
def test_evaluations_on_a_part_leave_the_budget_to_the_steps(evaluation: float, windows: int) -> None:
    run = Run(lambda step, now: 1.0, evaluation_seconds=evaluation, windows=windows, divisor=7).finish()
    assert run.pacer.divisor > 1
    assert len(run.evaluations) >= 4
    assert run.evaluating <= 0.03 * BUDGET  # all of the held-out data at the end included
    assert 0.95 * BUDGET <= run.now <= 1.05 * BUDGET


def test_cheap_and_very_dear_evaluations_read_all_held_out_data() -> None:
    for evaluation in (1.0, 500.0):
        run = Run(lambda step, now: 1.0, evaluation_seconds=evaluation, windows=1000, divisor=7).finish()
        assert run.pacer.divisor == 1
        assert 0.95 * BUDGET <= run.now <= 1.05 * BUDGET


def test_a_lasting_change_of_speed_shortly_before_the_end_is_seen_in_time() -> None:
    run = Run(lambda step, now: 0.5 if now < 1000 else 2.0).finish()
    assert run.now <= BUDGET


def test_an_evaluation_that_is_due_is_part_of_what_is_left() -> None:
    run = Run(lambda step, now: 0.6, evaluation_seconds=60.0).finish()
    assert len(run.changes) <= 1


def test_the_divisor_is_in_the_checkpoint() -> None:
    run = Run(lambda step, now: 1.0, evaluation_seconds=10.0, divisor=7).finish(until=400)
    saved = run.pacer.to_json(run.now)
    assert saved is not None
    assert saved["divisor"] == run.pacer.divisor > 1
    for wrong in (0, 8, 1.5, True):
        with pytest.raises(ValueError, match="divisor is"):
            run.pacer.restore({**saved, "divisor": wrong})
    whole = Run(lambda step, now: 1.0, evaluation_seconds=10.0, divisor=7).finish()
    run.resumed()
    run.finish()
    assert (run.step, run.evaluations) == (whole.step, whole.evaluations)


@pytest.mark.parametrize("budget", [45.0, 10.0, 3.0])
def test_short_budgets_are_kept_or_the_reason_is_said(budget: float) -> None:
    run = Run(lambda step, now: 0.7, evaluation_seconds=4.0, budget=budget, windows=1000, prepared=1.0).finish()
    if abs(run.now / budget - 1) > 0.05:
        (note,) = [note for note in run.notes if "budget" in note]
        assert note.startswith(f"{run.now / budget:.0%} of the budget was used: an evaluation takes ")
    else:
        assert budget == 45


def test_what_comes_before_the_first_step_is_named() -> None:
    run = Run(lambda step, now: 0.1, budget=10, prepared=30.0).finish()
    (note,) = [note for note in run.notes if "budget" in note]
    assert "the work before the first step takes 300% of it" in note


def test_a_machine_that_is_slower_at_the_end_is_named() -> None:
    run = Run(lambda step, now: 0.5).finish()
    assert run.pacer.notes(seconds=1300.0, finished=True) == [
        "108% of the budget was used: the machine became slower at the end"
    ]


@pytest.mark.parametrize("at", [7.0, 400.0, 1100.0])
def test_a_machine_that_stands_still_is_named(at: float) -> None:
    slept = []

    def machine(step: int, now: float) -> float:
        if step >= 0 and now >= at and not slept:
            slept.append(step)
            return 1300.0
        return 0.5

    run = Run(machine).finish()
    assert any("the machine was nearly stopped for about 1" in note for note in run.notes)


def test_an_evaluation_that_was_dear_at_first_only_does_not_end_the_run() -> None:
    # While the machine is busy, one evaluation seems to take longer than the budget.
    run = Run(lambda step, now: 3.6 if now < 60 else 0.6, evaluation_seconds=500.0, windows=2000).finish()
    assert 0.95 * BUDGET <= run.now <= 1.05 * BUDGET
    assert len(run.evaluations) == 1
    assert run.step > 0.9 * (1.0 * BUDGET - 300 - 60) / 0.6
    assert run.places[-1] == 1.0


def test_a_run_goes_on_where_its_last_evaluation_took_less_than_it_was_given() -> None:
    # Busy to the very evaluation: only that shows how fast the machine has become.
    run = Run(lambda step, now: 6.0 if now < 160 else 0.6, evaluation_seconds=500.0, windows=2000).finish()
    assert len(run.evaluations) == 2
    assert 0.95 * BUDGET <= run.now <= 1.05 * BUDGET
    first, last = run.evaluations
    assert last > 10 * first
    # The schedule had come to its end, and most of the steps would be taken at the lowest rate.
    assert run.places[first - 1] == 1.0
    assert run.places[first] < 0.1
    assert run.places[-1] == 1.0
    assert run.places[first:] == sorted(run.places[first:])


def test_a_run_does_not_go_on_for_a_few_steps_and_another_evaluation() -> None:
    run = Run(lambda step, now: 1.0 if now < 800 else 0.5, evaluation_seconds=400.0, windows=2000).finish()
    assert len(run.evaluations) == 1


def test_the_judgement_after_the_last_evaluation_is_part_of_the_plan() -> None:
    def planned(closing: float) -> int:
        pacer = Pacer(None, budget=100.0, windows=1000, amount=10.0, is_evaluated=True, closing=closing)
        pacer.freeze(seconds=10.0, stepping=10.0, step=10, pace=0.1, evaluation_seconds=40.0)
        assert pacer.plan is not None
        return pacer.plan.steps

    assert planned(0.0) - planned(0.25) == 10


def test_what_a_machine_lost_is_in_the_checkpoint() -> None:
    run = Run(lambda step, now: 900.0 if step == 300 else 0.5).finish(until=400)
    run.resumed()
    run.finish()
    assert run.now < BUDGET
    assert run.pacer.to_json(run.now)["lost"] == pytest.approx(899.5, abs=1)  # type: ignore[index]


@pytest.mark.parametrize("machine", ["busy for the first minute", "slower for good", "faster for good", "uneven"])
def test_a_run_that_is_interrupted_anywhere_takes_the_same_steps(machine: str) -> None:
    whole = Run(MACHINES[machine], evaluation_seconds=20.0).finish()
    assert whole.changes or machine == "uneven"
    stops = sorted({40, 97, 98, *whole.changes, *(step + 1 for step in whole.changes), whole.step - 1})
    cut = Run(MACHINES[machine], evaluation_seconds=20.0)
    for stop in stops:
        cut.finish(until=stop)
        if cut.pacer.plan is not None:
            cut.resumed()
    cut.finish()
    assert cut.places == pytest.approx(whole.places, abs=1e-9)
    assert (cut.step, cut.evaluations, cut.now) == (whole.step, whole.evaluations, pytest.approx(whole.now))


def test_without_a_budget_the_clock_changes_nothing() -> None:
    pacer = Pacer(Plan.of(100), budget=None, windows=10, is_evaluated=True)
    assert not pacer.looks_at(50)
    assert not pacer.look(seconds=1e9, stepping=1e9, saving=0, step=50)
    assert pacer.plan == Plan.of(100)
    assert pacer.to_json(5.0) is None
    assert pacer.notes(seconds=1e9, finished=True) == []


# ---------------------------------------------------------------------------------------------------- the plan


def test_a_plan_bends_to_its_end_both_ways() -> None:
    plan = Plan.of(101)
    assert [plan.place(step) for step in (0, 50, 100)] == [0, 50, 100]
    shorter = plan.bent(20, 41)
    assert (shorter.steps, shorter.schedule_steps) == (61, 101)
    assert [shorter.place(step) for step in (20, 40, 60)] == [20, 60, 100]
    back = shorter.bent(40, 21)
    assert back is shorter
    again = shorter.bent(40, 41)
    assert [again.place(step) for step in (40, 60, 80)] == [60, 80, 100]
    longer = plan.bent(50, 451)  # half of the schedule is left, and the share of it at hand stays the same
    assert (longer.steps, longer.schedule_steps) == (501, 501)
    assert [longer.place(step) for step in (50, 275, 500)] == [250, 375, 500]
    assert longer.first_steps == again.first_steps == 101
    assert plan.bent(50, -3).steps == 51
    assert plan.bent(50, -3).place(50) == 100
    assert plan.bent(101, 20).place(110) == 120  # past its end it stays at the end of the schedule
    much_longer = plan.bent(101, 400)  # which would be most of the run at the lowest rate
    assert [much_longer.place(step) for step in (101, 300, 500)] == [101, 300, 500]
    assert much_longer.first_steps == 101
    for found in (shorter, again, longer, much_longer):
        assert Plan.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_plans_of_earlier_versions_are_read() -> None:
    old = {"steps": 61, "schedule_steps": 101, "bent_at": 20, "bent_from": 20.0}
    assert Plan.from_json(old) == Plan(61, 101, 20, 20.0)
    assert Plan.from_json({"steps": 5, "schedule_steps": 5}).first_steps == 5


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 500},
        {"steps": 10**30},
        {"bent_at": 1.5},
        {"bent_at": True},
        {"bent_from": math.nan},
        {"bent_from": -1.0},
        {"bent_from": 1e9},
        {"schedule_steps": None},
        {"parts": -1},
        {"between": 0},
        {"unknown": 1},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Plan.from_json(Plan.of(101).bent(20, 41).to_json() | change)
