"""The part of a run in which a sampled softmax trains on samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.sampled_phase import SampledPhase
from nlmkit.layers.softmax.sampled import SampledSoftmax

COUNTS = np.arange(30)


def module(softmax: str, **values: Any) -> Any:
    model = GRU(hidden=4, embedding=4, projection="none", softmax=softmax, **values)
    return model.build_module(COUNTS, torch.Generator().manual_seed(1))


def test_steps_are_on_samples_up_to_a_share_and_on_all_words_after_it() -> None:
    built = module("sampled", softmax_samples=5)
    phase = SampledPhase(built, 0.25)
    body = 3 * 4 * (4 + 4 + 1)
    relative = (body + 4 * 5) / (body + 4 * 29)
    assert phase.begin_step(0.0) == pytest.approx(relative)
    assert not built.output.is_full
    assert phase.begin_step(0.25) == 1.0
    assert built.output.is_full
    assert phase.begin_step(0.2) == pytest.approx(relative)  # the run has been given more steps
    assert not built.output.is_full
    assert phase.saves_work
    assert phase.cost(0.0, 1.0) == pytest.approx(0.25 * relative + 0.75)
    assert phase.cost(0.25, 1.0) == phase.cost(0.5, 1.0) == 1
    assert phase.cost(0.0, 0.1) == pytest.approx(relative)


def test_with_other_softmaxes_and_from_the_start_all_words_are_computed() -> None:
    full, never = SampledPhase(module("full"), 1.0), SampledPhase(module("sampled"), 0.0)
    assert full.begin_step(0.0) == never.begin_step(0.0) == 1.0
    assert [full.saves_work, never.saves_work] == [False, False]


def test_a_run_ends_on_all_words(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    sample = SampledSoftmax.sample

    def counted(self: Any) -> Any:
        seen.append(1)
        return sample(self)

    monkeypatch.setattr(SampledSoftmax, "sample", counted)
    text = ["the cat sees the dog", "a bird sings"] * 8
    values: dict[str, Any] = {"hidden": 4, "embedding": 4, "epochs": 4, "batch": 2, "bptt": 4, "lr": 0.01}
    lm = GRU(**values, softmax="sampled", softmax_samples=3, full_after=0.5).fit(text)
    steps = lm.fit_report_["steps"]
    assert len(seen) == -(-steps // 2)
    assert np.exp(lm.next_log_probs(lm.start())).sum() == pytest.approx(1, abs=1e-5)
    seen.clear()
    GRU(**values, softmax="sampled", softmax_samples=3).fit(text)
    assert len(seen) == steps
