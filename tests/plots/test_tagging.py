"""The picture of a tagging report."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlmkit.errors import DataError
from nlmkit.taggers.evaluation import tagging_report

pytest.importorskip("matplotlib")

from nlmkit.plots.tagging import plot_report


@pytest.mark.slow
def test_tags_numbers_and_figures_are_drawn(tmp_path: Path) -> None:
    gold = [["B-$x$", "I-$x$", "O"]] * 11 + [["B-人"]]
    predicted = [["B-$x$", "I-$x$", "O"]] * 8 + [["O", "O", "O"]] * 3 + [["B-人"]]
    found = tagging_report(gold, predicted, resamples=0)
    for name in ("t.svg", "t.png"):
        plot_report(found, tmp_path / name, title="a $title$")
    drawn = (tmp_path / "t.svg").read_text(encoding="utf-8")
    # 9 of 12 spans and of 9 predicted ones; 28 of 34 tokens.
    for text in (">B-$x$<", ">I-$x$<", ">B-人<", ">8<", ">3<", "F1 85.71 %, accuracy 82.35 %, 34 tokens", "a $title$"):
        assert text in drawn, text
    assert drawn.index(">B-$x$<") < drawn.index(">I-$x$<") < drawn.index(">B-人<")  # by type
    assert (tmp_path / "t.png").read_bytes()[:4] == b"\x89PNG"


def test_plain_tags_have_no_f1(tmp_path: Path) -> None:
    found = tagging_report([["NN", "VB"]], [["NN", "NN"]], scheme="plain", resamples=0)
    for name in ("one.svg", "two.svg"):
        plot_report(found, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    drawn = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert "accuracy 50.00 %, 2 tokens" in drawn
    assert ">F1 " not in drawn


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unsupported picture format"):
        plot_report(tagging_report([["NN"]], [["NN"]], scheme="plain", resamples=0), tmp_path / "t.gif")
