"""Device of a network, and errors when memory runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from nlmkit.errors import HyperParameterError


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """Return the device of a run option.

    ``auto`` selects ``cuda`` if available, else the CPU. Several processes on a machine use one GPU each.

    Args:
        name: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        local_rank: Number of this process on its machine.

    Raises:
        HyperParameterError: The device is not available.
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


def settle(device: torch.device) -> None:
    """Wait for a device to finish its work, so that it can be timed."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextlib.contextmanager
def memory_errors(what: str) -> Iterator[None]:
    """Raise torch's out-of-memory errors as MemoryError, with the requested size.

    Args:
        what: Purpose of the memory, and how to need less.

    Raises:
        MemoryError: The ``with`` block ran out of memory.
    """
    try:
        yield
    except RuntimeError as error:  # base class of torch.OutOfMemoryError, and raised itself on CPUs
        text = str(error)
        if "ried to allocate " not in text:
            raise
        _, _, asked = text.rpartition("ried to allocate ")
        size = asked.partition(". ")[0].strip() or "an unknown size"
        raise MemoryError(f"{size} could not be allocated for {what}") from error
