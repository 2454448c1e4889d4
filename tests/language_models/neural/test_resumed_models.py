"""The four models, interrupted and resumed: the same bytes as if nothing had happened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from nlmkit.core.run import RunOptions
from nlmkit.errors import SavedModelError
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.gru import GRU
from nlmkit.language_models.neural.lstm import LSTM
from nlmkit.language_models.neural.nnlm import NNLM
from nlmkit.language_models.neural.rnnlm import RNNLM
from nlmkit.saving import load_folder
from nlmkit.training import precision

TRAIN = ["the cat sees the dog", "the dog sees a cat", "a bird sings", "", "the bird sees the cat and sings"] * 4
VALID = ["a cat sings", "the dog sees the bird"]
TINY: dict[str, Any] = {"hidden": 6, "embedding": 4, "epochs": 3, "batch": 3, "lr": 0.02}
# With these, steps are taken one by one in Python and draw from the generator of masks.
BY_STEPS = {"bptt": 5, "dropout_recurrent": 0.2, "zoneout": 0.1}
MODELS: list[tuple[type[NeuralLanguageModel], dict[str, Any]]] = [
    (LSTM, {"bptt": 5, "bptt_random": True, "layers": 2, "dropout": 0.2, "weight_drop": 0.3, "state_reset": 0.2}),
    (GRU, {**BY_STEPS, "noising": 0.2, "averaging": "ema"}),
    (GRU, {"optimizer": "muon", "muon_every": 2, "partial_shuffle": True, "bptt": 4, "averaging": "tail"}),
    *((LSTM, {"softmax": "sampled", "softmax_samples": 4, "full_after": share, "bptt": 6}) for share in (0.3, 0.8)),
    (RNNLM, {"bptt": 5, "layer_norm": True, "softmax": "sampled", "softmax_samples": 4}),
    (NNLM, {"order": 3, "direct": True, "dropout_embedding": 0.1}),
]

torch.set_num_threads(1)


class Interrupts:
    """A display that presses Ctrl-C after so many steps of training."""

    def __init__(self, step: int) -> None:
        self.left = step

    def start(self, description: str, total: float | None = None) -> None:
        pass

    def advance(self, amount: float) -> None:
        self.left -= int(amount)
        if not self.left:
            raise KeyboardInterrupt


def interrupted_and_resumed(lm: NeuralLanguageModel, folder: Path, step: int, **run: Any) -> NeuralLanguageModel:
    options: dict[str, Any] = {"checkpoint": folder, "device": "cpu", **run}
    with pytest.raises(KeyboardInterrupt):
        lm.fit(TRAIN, valid=VALID, run=RunOptions(progress=Interrupts(step), **options))
    assert json.loads((folder / "manifest.json").read_text())["step"] == step
    return lm.fit(TRAIN, valid=VALID, run=RunOptions(resume=True, **options))


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "values"), MODELS, ids=lambda value: getattr(value, "name", ""))
def test_the_digest_is_that_of_an_uninterrupted_run(
    cls: type[NeuralLanguageModel], values: dict[str, Any], tmp_path: Path
) -> None:
    through = cls(**{**TINY, **values}).fit(TRAIN, valid=VALID, run=RunOptions(device="cpu"))
    steps = through.fit_report_["steps"]
    assert steps > 2
    resumed = interrupted_and_resumed(cls(**{**TINY, **values}), tmp_path / "run", steps // 2 + 1)
    assert resumed.digest == through.digest
    # It is no digest that never changes: another interruption is the same run, another seed is not.
    assert cls(**{**TINY, **values, "seed": 2}).fit(TRAIN, valid=VALID).digest != through.digest


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "values"), [*MODELS, (RNNLM, {"bptt": 5}), (GRU, {"bptt": 5})])
def test_bfloat16_runs_resume_with_the_same_bytes_and_states_in_float32(
    cls: type[NeuralLanguageModel], values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "cpu_units", lambda: "AVX512-BF16")
    run: dict[str, Any] = {"device": "cpu", "precision": "bfloat16"}
    lm = interrupted_and_resumed(cls(**{**TINY, **values}), tmp_path / "run", 2, checkpoint_seconds=1e-9, **run)
    assert lm.fit_report_["precision"] == "bfloat16"
    arrays = load_folder(tmp_path / "run").arrays
    states = {array.dtype.name for name, array in arrays.items() if name.startswith("state.")}
    assert states == ({"int64"} if cls is NNLM else {"float32"})
    through = cls(**{**TINY, **values}).fit(TRAIN, valid=VALID, run=RunOptions(**run))
    assert lm.digest == through.digest
    exact = cls(**{**TINY, **values}).fit(TRAIN, valid=VALID, run=RunOptions(device="cpu"))
    assert exact.fit_report_["precision"] == "float32"  # too small to gain
    assert exact.digest != through.digest


def test_a_run_with_another_rate_of_dropout_is_not_gone_on_with(tmp_path: Path) -> None:
    lm = NNLM(**TINY, order=2, dropout=0.4)
    with pytest.raises(KeyboardInterrupt):
        lm.fit(TRAIN, run=RunOptions(progress=Interrupts(2), checkpoint=tmp_path / "run"))
    with pytest.raises(SavedModelError, match=r"dropout=0.4 there, 0.2 here; dropout_input=0.4 there, 0.2 here"):
        lm.set_params(dropout=0.2).fit(TRAIN, run=RunOptions(checkpoint=tmp_path / "run", resume=True))
