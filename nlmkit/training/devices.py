"""Where a network computes, in which precision, and what is said when memory runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from nlmkit.errors import HyperParameterError


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """The device that a run option names.

    ``auto`` takes ``cuda`` where there is one and else the CPU. Several processes on a machine take one GPU each.

    Args:
        name: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        local_rank: Number of this process on its machine.

    Raises:
        HyperParameterError: There is no such device.
    """
    kind, _, number = name.partition(":")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "mps" and not torch.backends.mps.is_available():
        raise HyperParameterError("device=mps: this PyTorch has no Metal device; use device=cpu")
    if kind != "cuda":
        return torch.device(kind)
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(number or local_rank)
    if index >= found:
        raise HyperParameterError(f"device={name}: PyTorch sees {found} CUDA devices here; use device=cpu")
    return torch.device("cuda", index)


def trains_in_bfloat16(device: torch.device, precision: str) -> bool:
    """Whether steps compute in bfloat16: only on GPUs that have units for it. CPUs mostly emulate it, slowly.

    Args:
        device: Where the steps are computed.
        precision: ``auto``, ``float32`` or ``bfloat16``.

    Raises:
        HyperParameterError: bfloat16 is asked for where it is not computed.
    """
    has_units = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "bfloat16" and not has_units:
        raise HyperParameterError(f"precision=bfloat16: {device.type} does not compute in it; use precision=float32")
    return has_units and precision != "float32"


@contextlib.contextmanager
def memory_errors(what: str) -> Iterator[None]:
    """Torch's ways to run out of memory as Python's own, with the size that was asked for.

    Args:
        what: What the memory was for, and what would need less of it.

    Raises:
        MemoryError: The body ran out of memory.
    """
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one, the CPU has none of its own
        text = str(error)
        if "ried to allocate " not in text:
            raise
        _, _, asked = text.rpartition("ried to allocate ")
        size = asked.partition(". ")[0].strip() or "an unknown size"
        raise MemoryError(f"{size} could not be had for {what}") from error
