"""Checkpoints of language models with right hashes and wrong contents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from language_models.neural.test_checkpoints import EVENTS, EVERYTHING, VALID
from toys.checkpoint_mutations import Enough, check_every_mutation
from toys.neural import Clock, TimedModule, tiny, vocabulary

from nlmkit.core.run import RunOptions
from nlmkit.language_models.neural.training import train

pytestmark = pytest.mark.slow


class Briefly(TimedModule):
    """Raises once it was trained for a few steps, if that is wanted."""

    wanted = 10**9

    def forward(self, ids: Any, state: Any) -> Any:
        if self.training and self.steps == self.wanted:
            raise Enough
        return super().forward(ids, state)


@pytest.mark.parametrize("options", [{**EVERYTHING, "epochs": 1}, {"optimizer": "adagrad", "bptt": 20}])
def test_a_checkpoint_made_by_hand_goes_on_or_is_refused(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, events, valid = tmp_path / "run", EVENTS[:100], VALID[:60]

    def resume() -> None:
        run = RunOptions(checkpoint=folder, resume=True, budget_seconds=20, checkpoint_seconds=1e9)
        clock = Clock()
        train(Briefly(clock), events, valid, tiny(**options), vocabulary(EVENTS), run, clock=clock)

    monkeypatch.setattr(Briefly, "wanted", 12)
    with pytest.raises(Enough):
        train(
            Briefly(Clock()),
            events,
            valid,
            tiny(**options),
            vocabulary(EVENTS),
            RunOptions(checkpoint=folder, budget_seconds=20, checkpoint_seconds=1e-9),
        )
    monkeypatch.setattr(Briefly, "wanted", 2)
    check_every_mutation(folder, resume, fewest=150)
