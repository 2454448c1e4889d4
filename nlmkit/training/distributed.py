"""Distributed training of one model in several processes, started by ``torchrun``.

Each process reads its own columns of the stream; ``DistributedDataParallel`` averages gradients, so that a
step of W processes equals the step of one process with all columns. Only process 0 writes files. Importing this
module does not import torch.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nlmkit.core.processes import number_in, process_count
from nlmkit.errors import NlmkitError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Processes:
    """Processes of a run, from the view of one of them. With one process, every method returns its argument.

    Attributes:
        rank: Rank of this process, from 0.
        count: Number of processes.
        local_rank: Rank of this process on its machine; the index of its device.
        device: Device of this process, also for the exchange of numbers.
    """

    def __init__(self, rank: int = 0, count: int = 1, local_rank: int = 0, device: torch.device | str = "cpu") -> None:
        self.rank, self.count, self.local_rank, self.device = rank, count, local_rank, device

    def on(self, device: torch.device) -> Processes:
        """Return the same processes, with another device for this one."""
        return Processes(self.rank, self.count, self.local_rank, device)

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def parallel(self, module: nn.Module) -> nn.Module:
        """Wrap a module so that gradients are averaged over all processes, starting with the weights of process 0."""
        if self.count == 1:
            return module
        import inspect

        import torch
        from torch.nn.parallel import DistributedDataParallel

        # Buffers never change, so they are not sent with each step; the option's name depends on torch's version.
        known = inspect.signature(DistributedDataParallel).parameters
        no_buffers: dict[str, Any] = {
            "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False
        }
        device = torch.device(self.device)
        ids = [device.index] if device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=ids, **no_buffers)

    def decided(self, numbers: Sequence[float]) -> list[float]:
        """Return the numbers of process 0, so that all processes use the same clock."""
        if self.count == 1:
            return list(numbers)
        import torch
        import torch.distributed as dist

        told = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.broadcast(told, 0)
        return told.tolist()

    def total(self, numbers: Sequence[float]) -> list[float]:
        """Return the sums of the numbers over all processes, in float64."""
        if self.count == 1:
            return list(numbers)
        import torch
        import torch.distributed as dist

        summed = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(summed)
        return summed.tolist()

    def gathered(self, tensor: Tensor, *, dim: int = 0) -> Tensor:
        """Return the tensors of all processes, of equal shape, concatenated along a dimension."""
        if self.count == 1:
            return tensor
        import torch
        import torch.distributed as dist

        sent = tensor.to(self.device).contiguous()
        parts = [torch.empty_like(sent) for _ in range(self.count)]
        dist.all_gather(parts, sent)
        return torch.cat(parts, dim).to(tensor.device)


def processes(device: str = "auto") -> Processes:
    """Return the processes started by ``torchrun``, connected at the first call; one process without it.

    Args:
        device: As in the run options; determines the backend, ``nccl`` or ``gloo``.

    Raises:
        NlmkitError: The others cannot be reached, or the environment variables of torchrun are invalid.
    """
    if process_count() == 1:
        return Processes()
    import torch
    import torch.distributed as dist

    rank, count, local = number_in("RANK"), number_in("WORLD_SIZE"), number_in("LOCAL_RANK", 0)
    if not dist.is_available():
        raise NlmkitError("this PyTorch was built without torch.distributed: train in one process")
    if not dist.is_initialized():
        on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
        try:
            if on_gpu:
                torch.cuda.set_device(local)
            dist.init_process_group("nccl" if on_gpu else "gloo", rank=rank, world_size=count)
        except (RuntimeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise NlmkitError(
                f"process {rank} of {count} cannot reach the others ({reason}): restart them all"
            ) from error
        atexit.register(_leave)
    return Processes(rank, count, local)


def _leave() -> None:
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()
