"""Every check of training lets a correct component pass and catches one that breaks just its promise."""

from __future__ import annotations

import dataclasses

import pytest
from toys import broken_training as trainables
from toys.broken_training import Correct

from nlmkit.representations.one_hot import OneHot
from nlmkit.testing import checks_for, conformance
from nlmkit.testing.representation import Subject
from nlmkit.testing.training import CHECKS

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A component that breaks a promise of training.

    Attributes:
        cls: Its class.
        also: Checks which cannot but fail, too.
    """

    cls: type[Correct]
    also: frozenset[str] = frozenset()


def wrong(cls: type[Correct], *also: str) -> Wrong:
    return Wrong(cls, frozenset(also))


WITHOUT_A_CHECKPOINT = (
    "ctrl_c_says_how_to_resume",
    "sigterm_saves_a_checkpoint",
    "a_run_resumed_after_ctrl_c_ends_as_the_uninterrupted_one",
    "a_resumed_run_repeats_no_step",
    "a_resumed_run_goes_on_with_its_log",
    "a_checkpoint_of_another_run_is_refused",
    "a_resumed_run_keeps_its_budget",
)

CASES = [
    ("progress_adds_up", wrong(trainables.AnnouncesTooMuch)),
    ("the_log_is_complete", wrong(trainables.LogsNoTime)),
    ("the_log_is_complete", wrong(trainables.LogsTheFirstEpochs)),
    ("a_learning_curve_can_be_drawn", wrong(trainables.LogsNothingToDraw)),
    ("ctrl_c_saves_a_checkpoint", wrong(trainables.IgnoresCtrlC, *WITHOUT_A_CHECKPOINT)),
    ("sigterm_saves_a_checkpoint", wrong(trainables.IgnoresSigterm)),
    ("ctrl_c_says_how_to_resume", wrong(trainables.StopsSilently)),
    (
        "a_run_resumed_after_ctrl_c_ends_as_the_uninterrupted_one",
        # The log has the cost of vectors that moved otherwise, and with a budget they do so, too.
        wrong(trainables.ForgetsWhenStopped, "a_resumed_run_goes_on_with_its_log", "a_resumed_run_keeps_its_budget"),
    ),
    ("a_run_resumed_after_a_kill_ends_as_the_uninterrupted_one", wrong(trainables.ForgetsOnTheWay)),
    ("a_resumed_run_repeats_no_step", wrong(trainables.BeginsTheEpochAgain)),
    ("a_resumed_run_goes_on_with_its_log", wrong(trainables.LogsAnew)),
    ("a_resumed_run_goes_on_with_its_log", wrong(trainables.LogsTwice)),
    ("a_finished_run_is_not_trained_again", wrong(trainables.TrainsAgain)),
    ("checkpoints_can_be_removed", wrong(trainables.Litters)),
    ("checkpoints_replace_nothing_else", wrong(trainables.ReplacesModels)),
    ("a_checkpoint_of_another_run_is_refused", wrong(trainables.TakesAnyRun)),
    ("a_checkpoint_of_another_run_is_refused", wrong(trainables.TakesAnyRate)),
    ("nothing_to_resume_is_noted", wrong(trainables.BeginsSilently)),
    ("the_budget_is_kept", wrong(trainables.IgnoresBudget, "a_resumed_run_keeps_its_budget")),
    ("the_budget_is_kept", wrong(trainables.HasAClockOfItsOwn, "a_resumed_run_keeps_its_budget")),
    ("a_resumed_run_keeps_its_budget", wrong(trainables.ForgetsItsSeconds)),
    ("divergence_says_so", wrong(trainables.GoesOnDiverged)),
    ("divergence_says_so", wrong(trainables.DivergesVaguely)),
]

test_a_correct_component_passes = conformance(Correct(), Correct(epochs=7, dimension=2))


@pytest.mark.parametrize(
    ("name", "case"), [pytest.param(*case, id=f"{case[0]}-{case[1].cls.__name__}") for case in CASES]
)
def test_a_wrong_component_is_caught_by_its_check_alone(name: str, case: Wrong) -> None:
    subject = Subject(case.cls(), tolerance=0.0, sum_tolerance=0.0)
    outcomes = [check.run(subject) for check in CHECKS]
    failures = {outcome.name: outcome.message for outcome in outcomes if not outcome.passed}
    assert failures.keys() == {name} | case.also, failures
    assert failures[name]
    assert "\n" not in failures[name]


def test_every_check_has_a_wrong_component() -> None:
    assert {name for name, _ in CASES} == {check.name for check in CHECKS}
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_every_check_states_its_promise() -> None:
    assert all(check.promise.endswith(".") for check in CHECKS)


def test_only_what_trains_in_steps_is_checked() -> None:
    names = {check.name for check in CHECKS}
    assert names <= {check.name for check in checks_for(Correct())}
    assert not names & {check.name for check in checks_for(OneHot())}
