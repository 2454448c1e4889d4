"""The measurement that a budget's number of steps comes from."""

from __future__ import annotations

import pytest

from nlmkit.nn.budget import SpeedTest


def measured(seconds: list[float], *, budget: float = 50.0) -> SpeedTest:
    test = SpeedTest(budget)
    for each in seconds:
        test.add(each, 10)
    return test


def test_the_first_steps_do_not_count() -> None:
    assert measured([9.0] * 3 + [0.2] * 5).seconds_a_row == pytest.approx(0.02)


def test_a_pause_beside_training_does_not_shorten_the_plan() -> None:
    assert measured([0.2] * 3 + [0.2, 0.2, 8.0, 8.0, 0.2, 0.2]).seconds_a_row == pytest.approx(0.02)


def test_it_ends_after_enough_steps_that_took_long_enough() -> None:
    assert not measured([0.3] * (3 + 4)).done  # a fiftieth of the budget is over, but these are few
    assert measured([0.3] * (3 + 5)).done
    assert not measured([0.1] * (3 + 9)).done
    assert measured([0.1] * (3 + 11)).done
