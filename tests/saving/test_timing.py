"""Reports without what no two runs share."""

from __future__ import annotations

from nlmkit.saving.timing import without_timing


def test_times_and_speeds_are_left_out_at_any_depth() -> None:
    report = {
        "steps": 3,
        "seconds": 1.5,
        "words_per_second": 2.0,
        "history": ({"loss": 1.0, "seconds": 0.5}, {"loss": 0.5, "tokens_per_second": 9}),
        "notes": ["seconds"],
        "seconds_left": 1,
    }
    assert without_timing(report) == {
        "steps": 3,
        "history": [{"loss": 1.0}, {"loss": 0.5}],
        "notes": ["seconds"],
        "seconds_left": 1,
    }
