"""Groups of models that differ only in their seed."""

from __future__ import annotations

import json
import math
import statistics

import pytest

from nlmkit import NGram
from nlmkit.classifiers.combined.ensemble import Ensemble
from nlmkit.core.seeds import seed_groups, settings_without_seed


def test_a_group_has_mean_and_sample_deviation() -> None:
    figures = [("lstm-seed0", "l", 80.0), ("kn5", "k", 100.0), ("lstm-seed1", "l", 84.0), ("lstm-seed12", "l", 85.0)]
    lstm, kn5 = seed_groups(figures)
    values = [80.0, 84.0, 85.0]
    assert lstm.models == ("lstm-seed0", "lstm-seed1", "lstm-seed12")
    assert (lstm.name, lstm.mean) == ("lstm-seed", statistics.fmean(values))
    assert lstm.standard_deviation == pytest.approx(statistics.stdev(values))
    assert (lstm.smallest, lstm.largest) == (80.0, 85.0)
    assert lstm.spread == f"{lstm.mean:.4f} ± {lstm.standard_deviation:.4f}"
    assert (kn5.name, kn5.standard_deviation, kn5.spread) == ("kn5", None, "100.0000")
    assert [group.name for group in seed_groups(figures, descending=True)] == ["kn5", "lstm-seed"]
    assert json.loads(json.dumps(lstm.to_dict()))["models"] == list(lstm.models)


def test_infinite_figures_have_no_deviation_and_names_stay_apart() -> None:
    groups = seed_groups(
        [("a1", 1, math.inf), ("a2", 1, 2.0), ("a3", 2, 1.0), ("a4", 2, 1.0), ("x", 3, 9.0), ("y", 3, 9.0)]
    )
    assert [group.name for group in groups] == ["a (2)", "x", "a"]
    assert groups[-1].standard_deviation is None


def test_settings_leave_out_seeds_at_any_depth() -> None:
    pytest.importorskip("torch")
    from nlmkit import CNN, LSTM

    assert settings_without_seed(LSTM(seed=1)) == settings_without_seed(LSTM(seed=2))
    assert settings_without_seed(LSTM(seed=1)) != settings_without_seed(LSTM(seed=1, hidden=7))
    one, other = (Ensemble(models=[CNN(seed=seed)]) for seed in (1, 2))
    assert settings_without_seed(one) == settings_without_seed(other) != ""
    assert settings_without_seed(NGram(order=2)) == ""  # which has no seed: two of them differ in something else
