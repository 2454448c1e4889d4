"""Learning curves as pictures."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from nlmkit.errors import DataError, NlmkitError
from nlmkit.plots.curves import plot_learning_curve
from nlmkit.plots.figure import check_plot
from nlmkit.training.records import Evaluation, LogRecord


def texts_of(picture: Path) -> list[str]:
    """What an SVG says, axis by axis."""
    return re.findall(r">([^<>]+)</text>", picture.read_text(encoding="utf-8"))


def classifier(step: int, **validation: float | None) -> LogRecord:
    found = validation or {"accuracy": None, "loss": None}
    return LogRecord(
        step=step, epoch=1.0, metrics={"loss": 2.0 / step}, lr=0.1, seconds=60.0 * step, validation=found, unit="words"
    )


def test_a_classifier_has_a_panel_for_accuracy_and_one_for_the_loss(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [
        classifier(1),
        classifier(2, accuracy=0.5, loss=0.9),
        classifier(3),
        classifier(4, accuracy=0.8, loss=0.7),
    ]
    plot_learning_curve({"cnn": points}, tmp_path / "curve.svg")
    said = texts_of(tmp_path / "curve.svg")
    assert said.index("accuracy") < said.index("minutes of training") < said.index("loss")
    assert said.count("minutes of training") == 1
    assert "perplexity" not in said
    assert [said.count(label) for label in ("cnn, training", "cnn, validation")] == [1, 2]


def test_a_language_model_has_one_panel_of_perplexity(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [_record(1.0, 9.0, 2.2, 10.0), _record(2.0, 8.0, 2.1)]
    plot_learning_curve({"lstm": points}, tmp_path / "curve.svg")
    said = texts_of(tmp_path / "curve.svg")
    assert "perplexity" in said
    assert "loss" not in said
    assert [said.count(label) for label in ("lstm, training", "lstm, validation")] == [1, 1]


def test_each_metric_is_on_an_axis_of_its_own_name(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    glove = LogRecord(step=1, epoch=1.0, metrics={"cost": 0.08}, lr=0.05, seconds=2.0, unit="records")
    plot_learning_curve({"glove": [glove]}, tmp_path / "cost.svg")
    assert "cost" in texts_of(tmp_path / "cost.svg")
    regressor = Evaluation(
        step=1, epoch=1.0, ends_epoch=True, loss=0.5, metrics={"r2": -0.25}, averaged=False, seconds=3.0
    )
    plot_learning_curve({"regressor": [regressor]}, tmp_path / "r2.svg")
    said = texts_of(tmp_path / "r2.svg")
    assert said.index("r2") < said.index("loss")


def test_a_curve_without_perplexity_shows_the_loss(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    record = LogRecord(step=1, epoch=1.0, metrics={"loss": 0.08}, lr=0.05, seconds=2.0)
    lower = dataclasses.replace(record, step=2, metrics={"loss": 0.04})
    plot_learning_curve({"glove": [record, lower]}, tmp_path / "loss.svg")
    assert "loss" in (tmp_path / "loss.svg").read_text()


def _record(seconds: Any, perplexity: Any, loss: Any = None, validation: Any = None) -> LogRecord:
    return LogRecord(
        step=1,
        epoch=1.0,
        metrics={"loss": loss, "perplexity": perplexity},
        lr=0.1,
        seconds=seconds,
        validation={"perplexity": validation},
    )


def _evaluation(loss: Any, perplexity: Any, *, step: int = 1) -> Evaluation:
    return Evaluation(
        step=step,
        epoch=0.5,
        ends_epoch=False,
        loss=loss,
        metrics={"perplexity": perplexity},
        averaged=True,
        seconds=1.5,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "record",
    [
        _record(1.0, None),
        _record(None, 2.0, 1.0, 3.0),
        _record(math.nan, 2.0, 1.0, 3.0),
        _record(1.0, math.nan, math.inf, math.inf),
        _record(1.0, 10**400, 10**400, 10**400),
        _record(10**400, 2.0, 1.0),
        _evaluation(math.nan, math.nan),
        _evaluation(math.inf, math.inf),
        _evaluation(None, None),
    ],
)
def test_what_has_no_value_is_left_out_of_a_curve(record: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(DataError, match="nothing to draw"):
        plot_learning_curve({"one": [record]}, tmp_path / "none.svg")
    plot_learning_curve({"one": [record, _record(1.0, 2.0)]}, tmp_path / "some.svg")


def test_a_log_of_null_values_is_one_error(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    names = list(_record(1.0, 2.0).to_json())
    (tmp_path / "log.jsonl").write_text(json.dumps({**dict.fromkeys(names), "step": 1}) + "\n")
    with pytest.raises(DataError, match="nothing to draw"):
        plot_learning_curve(tmp_path / "log.jsonl", tmp_path / "none.png")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(DataError, match="nothing to draw"):
        plot_learning_curve(tmp_path / "empty.jsonl", tmp_path / "none.png")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_curves_whose_names_are_hard_to_draw(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    names = ["_hidden", "$x_1$", "$\\frac", "m\udcff", "\x1b[31m", "a" * 300, "b" + "a" * 300]
    path = tmp_path / f"curve.{suffix}"
    plot_learning_curve({name: [_record(1.0, 2.0, validation=3.0)] for name in names}, path)
    if suffix == "svg":
        drawn = path.read_text(encoding="utf-8")
        for label in ("_hidden, training", "$x_1$, validation", "m\ufffd, training", "\ufffd[31m, training"):
            assert label in drawn
        assert drawn.count("…" + "a" * 59 + ", training") == 2


def test_a_loss_of_less_than_zero_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot_learning_curve({"one": [_record(1.0, None, 0.5), _record(2.0, None, -0.5)]}, tmp_path / "loss.svg")
    assert "−0.4" in (tmp_path / "loss.svg").read_text(encoding="utf-8")


def test_whether_a_picture_can_be_drawn_is_known_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    check_plot(tmp_path / "curve.png")
    with pytest.raises(
        DataError, match=r"curve.rgba: unsupported picture format: use a file name in \.png, \.svg, \.pdf"
    ):
        check_plot(tmp_path / "curve.rgba")
    with pytest.raises(DataError, match="cannot be written there"):
        check_plot(tmp_path / "nowhere" / "curve.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NlmkitError, match=r"pip install 'nlmkit\[plot\]'"):
        check_plot(tmp_path / "curve.png")
