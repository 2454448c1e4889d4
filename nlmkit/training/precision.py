"""Precision of training steps: which layers compute in bfloat16, and why.

Weights, gradients, optimizer and loss are float32 in any case, and so are evaluation and scoring. GPUs use torch's
autocast. On CPUs, layers that have an own way in bfloat16 take it in training, and all others stay in float32: torch's
operations gain little from bfloat16 there, and its LSTM nothing.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from nlmkit.errors import HyperParameterError

WORTHWHILE: Final = 1.2
"""Speed of a bfloat16 product, relative to float32, from which ``auto`` selects it."""

_UNITS: Final = {"amx_bf16": "AMX-BF16", "avx512_bf16": "AVX512-BF16"}
_ASKED: Final = {"amx_bf16": "_is_amx_tile_supported", "avx512_bf16": "_is_avx512_bf16_supported"}
_ROWS, _DEPTH, _WIDTH, _TURNS = 64, 512, 2048, 9


@runtime_checkable
class ComputesInBfloat16(Protocol):
    """Layer that can compute its training steps in bfloat16 on a CPU.

    Attributes:
        trains_in_bfloat16: Whether it does; False until a run sets it, and after the run.
    """

    trains_in_bfloat16: bool

    @property
    def gains_from_bfloat16(self) -> bool:
        """Whether it is wide enough to be faster so."""


class Precision(NamedTuple):
    """Precision of the steps of a run.

    Attributes:
        name: ``float32`` or ``bfloat16``.
        reason: Why, in a few words.
        layers: Layers that compute in bfloat16 by themselves.
        autocast: Whether torch's autocast selects the operations in bfloat16.
    """

    name: str = "float32"
    reason: str = "as requested"
    layers: tuple[ComputesInBfloat16, ...] = ()
    autocast: bool = False

    def use(self, on: bool) -> None:
        """Let the layers compute in bfloat16 in training, or no longer."""
        for layer in self.layers:
            layer.trains_in_bfloat16 = on


FLOAT32: Final = Precision()


def choose_precision(
    module: nn.Module,
    device: torch.device,
    precision: str,
    *,
    agreed: Callable[[Sequence[float]], Sequence[float]] = lambda values: values,
) -> Precision:
    """Return the precision of the steps that train a network.

    On a CPU, ``auto`` selects bfloat16 for the layers that gain from it, if the CPU has units for it and a product of
    matrices, measured here, is indeed faster. ``bfloat16`` selects it for all layers that can.

    Args:
        module: The network.
        device: Device of the steps.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        agreed: Function that returns the first process's values in all processes of a run.

    Raises:
        HyperParameterError: ``bfloat16`` where device or network cannot compute in it.
    """
    if precision == "float32":
        return FLOAT32
    forced = precision == "bfloat16"
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return Precision("bfloat16", "as requested" if forced else "the GPU has units for it", autocast=True)
    units = cpu_units() if device.type == "cpu" else None
    able: list[ComputesInBfloat16] = [layer for layer in module.modules() if isinstance(layer, ComputesInBfloat16)]
    found = able if forced else [layer for layer in able if layer.gains_from_bfloat16]
    reason = ""
    if device.type != "cpu":
        reason = f"{device.type} has no units for bfloat16 that torch reports"
    elif units is None:
        reason = "this CPU has no units for bfloat16, AVX512-BF16 or AMX-BF16"
    elif not found:
        what = "has a layer that computes in bfloat16 on a CPU" if forced else "is wide enough to gain from bfloat16"
        reason = f"no layer of this network {what}"
    if forced and reason:
        raise HyperParameterError(f"precision=bfloat16: {reason}; use precision=float32")
    if forced:
        return Precision("bfloat16", "as requested", tuple(found))
    if reason:
        return Precision("float32", reason)
    (ratio,) = agreed([_measured_speed()])
    if ratio < WORTHWHILE:
        return Precision("float32", f"this CPU has {units}, but is only {ratio:.1f} times as fast in bfloat16")
    return Precision("bfloat16", f"this CPU has {units} and is {ratio:.1f} times as fast in bfloat16", tuple(found))


def cpu_units() -> str | None:
    """Return the name of the CPU's units for bfloat16, or None."""
    flags = _cpu_flags()
    for flag, name in _UNITS.items():
        asked: Any = getattr(torch.cpu, _ASKED[flag], None)
        if bool(asked()) if asked is not None else flag in flags:
            return name
    return None


@functools.cache
def _cpu_flags() -> frozenset[str]:
    """Return the CPU's features by Linux, for releases of torch that cannot be asked; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(word for line in lines if line.startswith("flags") for word in line.split()[2:])


@functools.cache
def _measured_speed() -> float:
    """Return the speed of a product in bfloat16 relative to float32: the best of turns, some milliseconds each."""
    source = torch.Generator().manual_seed(0)
    pair = [torch.randn(*shape, generator=source) for shape in ((_ROWS, _DEPTH), (_DEPTH, _WIDTH))]
    exact, near = (_product(*(each.to(dtype) for each in pair)) for dtype in (torch.float32, torch.bfloat16))
    for action in (exact, near):
        action()
    times = [(_seconds(exact), _seconds(near)) for _ in range(_TURNS)]
    return min(a for a, _ in times) / min(b for _, b in times)


def _product(one: Tensor, other: Tensor) -> Callable[[], Tensor]:
    return lambda: torch.mm(one, other)


def _seconds(action: Callable[[], Tensor]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
