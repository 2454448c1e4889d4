"""Which precision a run trains in, and why."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nlmkit import LSTM, NNLM
from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.layers.projection import Projection
from nlmkit.layers.recurrent import WIDE as WIDE_LAYER
from nlmkit.layers.recurrent import WIDE_IN_TORCH
from nlmkit.training import precision
from nlmkit.training.precision import ComputesInBfloat16, Precision, choose_precision, cpu_units

CPU = torch.device("cpu")
WIDE, NARROW = (300, 300), (3, 3)


@pytest.fixture(autouse=True)
def a_cpu_with_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its units are one and a half times as fast."""
    monkeypatch.setattr(precision, "cpu_units", lambda: "AVX512-BF16")
    monkeypatch.setattr(precision, "_measured_speed", lambda: 1.5)


def network(*shapes: tuple[int, int]) -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), *(Projection(*shape) for shape in shapes))


def test_auto_lowers_the_layers_that_gain_and_bfloat16_all_that_can() -> None:
    module = network(WIDE, NARROW)
    assert all(isinstance(layer, ComputesInBfloat16) for layer in list(module)[1:])
    found = choose_precision(module, CPU, "auto")
    assert found.name == "bfloat16"
    assert found.reason == "this CPU has AVX512-BF16 and is 1.5 times as fast in bfloat16"
    assert found.layers == (module[1],)
    forced = choose_precision(module, CPU, "bfloat16")
    assert (forced.name, forced.reason, forced.layers) == ("bfloat16", "as requested", (module[1], module[2]))
    assert not found.autocast
    assert not forced.autocast
    assert choose_precision(module, CPU, "float32") == Precision("float32", "as requested")


def test_layers_are_lowered_while_a_precision_is_in_use() -> None:
    module = network(WIDE)
    inputs = torch.randn(4, 300, generator=torch.Generator().manual_seed(1))
    layer: Any = module[1]
    exact = layer(inputs)
    found = choose_precision(module, CPU, "auto")
    found.use(on=True)
    near = layer(inputs)
    assert near.dtype == torch.float32
    assert not torch.equal(near, exact)
    torch.testing.assert_close(near, exact, atol=0.02, rtol=0.01)
    near.sum().backward()
    torch.testing.assert_close(layer.weight.grad, inputs.sum(dim=0).expand(300, 300), atol=0.1, rtol=0.01)
    assert torch.equal(layer.eval()(inputs), exact)
    found.use(on=False)
    assert torch.equal(layer.train()(inputs), exact)


@pytest.mark.parametrize(
    ("patch", "shape", "reason"),
    [
        ({"cpu_units": lambda: None}, WIDE, "this CPU has no units for bfloat16, AVX512-BF16 or AMX-BF16"),
        ({}, NARROW, "no layer of this network is wide enough to gain from bfloat16"),
        (
            {"_measured_speed": lambda: 1.1},
            WIDE,
            "this CPU has AVX512-BF16, but is only 1.1 times as fast in bfloat16",
        ),
    ],
)
def test_auto_is_float32_where_bfloat16_would_not_be_faster(
    patch: dict[str, Any], shape: tuple[int, int], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in patch.items():
        monkeypatch.setattr(precision, name, value)
    assert choose_precision(network(shape), CPU, "auto") == Precision("float32", reason)


def test_bfloat16_is_refused_where_there_is_no_way_to_compute_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HyperParameterError, match=r"precision=bfloat16: no layer .*; use precision=float32"):
        choose_precision(network(), CPU, "bfloat16")
    assert choose_precision(network(WIDE), torch.device("mps"), "auto").reason.startswith("mps has no units")
    with pytest.raises(HyperParameterError, match=r"precision=bfloat16: mps has no units"):
        choose_precision(network(WIDE), torch.device("mps"), "bfloat16")
    monkeypatch.setattr(precision, "cpu_units", lambda: None)
    with pytest.raises(HyperParameterError, match=r"precision=bfloat16: this CPU has no units .*; use precision="):
        choose_precision(network(WIDE), CPU, "bfloat16")


def test_gpus_with_units_use_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    device = torch.device("cuda")
    assert choose_precision(network(), device, "auto") == Precision("bfloat16", "the GPU has units for it", (), True)
    assert choose_precision(network(), device, "bfloat16").reason == "as requested"
    assert choose_precision(network(WIDE), device, "auto").layers == ()
    assert choose_precision(network(), device, "float32").name == "float32"


def test_processes_of_a_run_agree_on_the_first_ones_measurement() -> None:
    assert choose_precision(network(WIDE), CPU, "auto", agreed=lambda values: [1.0]).name == "float32"
    assert choose_precision(network(WIDE), CPU, "auto", agreed=lambda values: [2.0]).name == "bfloat16"


# -------------------------------------------------------------------------------------------------------- the CPU


class Asked:
    """Functions of torch's module about the CPU."""

    def __init__(self, **answers: bool) -> None:
        for name, answer in answers.items():
            setattr(self, f"_is_{name}_supported", lambda answer=answer: answer)


@pytest.mark.parametrize(
    ("answers", "flags", "units"),
    [
        ({"amx_tile": True, "avx512_bf16": True}, "", "AMX-BF16"),
        ({"amx_tile": False, "avx512_bf16": True}, "", "AVX512-BF16"),
        ({"amx_tile": False, "avx512_bf16": False}, "avx512_bf16", None),
        ({}, "fpu avx512f avx512_bf16", "AVX512-BF16"),
        ({}, "fpu amx_bf16", "AMX-BF16"),
        ({}, "fpu avx512f", None),
        ({}, None, None),
    ],
)
def test_units_are_those_that_torch_or_else_linux_reports(
    answers: dict[str, bool], flags: str | None, units: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\nbugs : amx_bf16\n")
    monkeypatch.setattr(precision, "Path", lambda path: tmp_path / "cpuinfo")
    monkeypatch.setattr(torch, "cpu", Asked(**answers))
    precision._cpu_flags.cache_clear()
    assert cpu_units() == units
    precision._cpu_flags.cache_clear()


def test_speed_is_that_of_two_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    precision._measured_speed.cache_clear()
    times = iter([0.0, 3.0, 3.0, 4.0] * 9)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: next(times))
    assert precision._measured_speed() == 3.0
    precision._measured_speed.cache_clear()


# --------------------------------------------------------------------------------------------------------- a fit


TEXT = ["the cat sees the dog", "the dog sees a cat", "a bird sings"] * 3


def test_a_report_names_precision_and_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: dict[str, Any] = {"hidden": 6, "embedding": 4, "epochs": 1, "batch": 2}
    report = LSTM(**sizes).fit(TEXT, run=RunOptions(device="cpu")).fit_report_
    assert report["precision"] == "float32"
    assert report["precision_reason"] == "no layer of this network is wide enough to gain from bfloat16"
    lm = NNLM(**sizes).fit(TEXT, run=RunOptions(device="cpu", precision="bfloat16"))
    assert (lm.fit_report_["precision"], lm.fit_report_["precision_reason"]) == ("bfloat16", "as requested")
    assert not any(getattr(layer, "trains_in_bfloat16", False) for layer in lm.module_.modules())
    monkeypatch.setattr(precision, "cpu_units", lambda: None)
    with pytest.raises(HyperParameterError, match="this CPU has no units"):
        LSTM(**sizes).fit(TEXT, run=RunOptions(device="cpu", precision="bfloat16"))


def test_the_code_of_the_guide_runs(capsys: pytest.CaptureFixture[str]) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "training-speed.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.S)
    exec(code, {})
    assert capsys.readouterr().out == (
        "float32 because no layer of this network is wide enough to gain from bfloat16\n"
    )
    widths = re.search(r"gain from ([0-9]+) units on \(([0-9]+) without", guide)
    assert widths is not None
    assert (int(widths[1]), int(widths[2])) == (WIDE_LAYER, WIDE_IN_TORCH)
    assert f"at least {precision.WORTHWHILE} times as fast" in guide
