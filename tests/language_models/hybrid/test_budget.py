"""Sizes of a hybrid model are chosen for a budget, too."""

from __future__ import annotations

from typing import Any

import pytest

from nlmkit.core.run import RunOptions
from nlmkit.language_models.hybrid.model import Hybrid
from nlmkit.language_models.neural import budget, probing
from nlmkit.language_models.neural.costs import Speed
from nlmkit.training.clock import clock_of

TEXT = [["the", animal, verb, "the", other] for animal in "cdp" for verb in "sbm" for other in "hfo"]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_hybrid_is_timed_and_chosen(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[str] = []
    real = probing.timed_step

    def timed_step(component: Hybrid, *args: Any, **keywords: Any) -> float:
        timed.append(component.cell)
        seconds: float = real(component, *args, **keywords)
        return seconds

    monkeypatch.setattr(budget, "machine_speed", lambda *_, **__: Speed(1e9, 1e7))
    monkeypatch.setattr(budget, "steps_that_fit", lambda *_: 2 if not timed else 0)
    monkeypatch.setattr(budget, "timed_step", timed_step)
    now = iter(range(10**9))
    with clock_of(lambda: next(now) * 1e-3):
        lm = Hybrid(cell=cell, order=2, gate_units=4).fit(TEXT, run=RunOptions(progress=None, budget_seconds=0.2))
    assert timed == [cell]
    chosen = lm.fit_report_["chosen_for_budget"]
    assert (lm.hidden, lm.embedding, lm.softmax) == (chosen["hidden"], chosen["embedding"], "full")
    assert "order" not in chosen
