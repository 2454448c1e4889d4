"""Pictures of inspections, and of several training logs on the command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from nlmkit.cli.group import nlmkit
from nlmkit.errors import DataError
from nlmkit.plots.inspection import MOST_UNITS, plot_inspection

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@dataclasses.dataclass
class Inspected:
    inputs: tuple[str, ...]
    layers: tuple[dict[str, Any], ...]
    norms: dict[str, Any]

    def mean_gradient_norms(self) -> dict[str, Any]:
        return self.norms


def made(units: int = 3, *, gradients: bool = True) -> Inspected:
    random = np.random.default_rng(0)
    words = ("</s>", "the", "<script>", "$x^2$")
    layer = {"input": random.random((4, units)), "cell": random.normal(0, 2, (4, units))}
    norms = {"hidden": np.array([[1.0, 0.5, 0.0, 0.1]] * 2)} if gradients else {"hidden": np.empty((2, 0))}
    return Inspected(words, (layer, layer), norms)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_layer_is_drawn(suffix: str, tmp_path: Path) -> None:
    plot_inspection(made(), tmp_path / f"a.{suffix}", title="LSTM <b>")
    plot_inspection(made(MOST_UNITS + 1, gradients=False), tmp_path / f"b.{suffix}", layer=0)
    for name in "ab":
        assert (tmp_path / f"{name}.{suffix}").stat().st_size > 1000
    if suffix == "svg":
        text = (tmp_path / "a.svg").read_text()
        assert "<script>" not in text
        assert "<b>" not in text
        plot_inspection(made(), tmp_path / "again.svg", title="LSTM <b>")
        assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "a.svg").read_bytes()


def test_there_must_be_such_a_layer(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="layer 2 does not exist: the network has 2 layers, from 0"):
        plot_inspection(made(), tmp_path / "a.png", layer=2)


def test_an_inspection_draws_itself(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    from nlmkit.language_models.neural.inspection import Inspection

    values = made()
    inspection = Inspection(
        inputs=values.inputs,
        targets=values.inputs,
        log_probs=np.zeros(4),
        layers=values.layers,
        gradient_norms={"hidden": np.ones((2, 4, 4))},
    )
    inspection.plot(tmp_path / "a.png", title="a")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_logs_are_drawn_in_one_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen: dict[str, Any] = {}
    monkeypatch.setattr("nlmkit.training.records.read_log", lambda path: [path])
    monkeypatch.setattr("nlmkit.plots.curves.plot_learning_curve", lambda curves, path: seen.update({path: curves}))
    for name in ("a/log.jsonl", "b/log.jsonl", "c.jsonl"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("")
    run = CliRunner().invoke
    assert run(nlmkit, ["plot", "a/log.jsonl", "b/log.jsonl", "c.jsonl", "-o", "x.png"]).exit_code == 0
    assert seen["x.png"] == {"a/log.jsonl": ["a/log.jsonl"], "b/log.jsonl": ["b/log.jsonl"], "c": ["c.jsonl"]}
    twice = run(nlmkit, ["plot", "c.jsonl", "c.jsonl", "-o", "x.png"])
    assert twice.exit_code == 2
    assert "c.jsonl is named twice" in twice.output
    assert run(nlmkit, ["plot", "c.jsonl", "-o", "x.txt"]).exit_code == 1
