"""Running averages of the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


class WeightAverage:
    """Running average of the weights, which replaces them for evaluation and at the end.

    ``asgd``, ``nt-asgd`` and ``tail`` average all iterates equally since the start of the average (Polyak & Juditsky
    1992); ``ema`` moves by 1 − d per step, with d = min(decay, (1 + n) / (10 + n)) at the n-th, so that the initial
    weights soon lose their influence.

    Args:
        kind: ``none``, ``asgd``, ``nt-asgd``, ``ema`` or ``tail``.
        parameters: Parameters to average, and buffers such as running statistics; they remain the same tensors.
        decay: Decay of ``ema``.

    Attributes:
        parameters: What is averaged.
        count: Number of iterates averaged so far.
        tensors: The average, one tensor per parameter; None before it starts.
    """

    def __init__(self, kind: str, parameters: Sequence[Tensor], *, decay: float = 0.999) -> None:
        self.kind = kind
        self.count = 0
        self.tensors: list[Tensor] | None = None
        self.parameters = list(parameters)
        self._decay = decay

    @property
    def active(self) -> bool:
        """Whether there is an average that replaces the weights."""
        return self.tensors is not None and self.count > 0

    @torch.no_grad()
    def start(self) -> None:
        """Average the iterates from the next step on; do nothing if already started, or with kind ``none``."""
        if self.tensors is None and self.kind != "none":
            self.tensors = [parameter.detach().clone() for parameter in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Update the average with the weights after a step."""
        if self.tensors is None:
            return
        self.count += 1
        decay = min(self._decay, (1 + self.count) / (10 + self.count))
        share = 1 - decay if self.kind == "ema" else 1 / self.count
        for average, parameter in zip(self.tensors, self.parameters, strict=True):
            average.lerp_(parameter, share)

    @torch.no_grad()
    def load(self, tensors: Sequence[Tensor], count: int) -> None:
        """Load a saved average."""
        self.start()
        assert self.tensors is not None
        for average, tensor in zip(self.tensors, tensors, strict=True):
            average.copy_(tensor)
        self.count = count

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Replace the parameters by the average, if there is one, within the ``with`` block."""
        if not self.active:
            yield
            return
        assert self.tensors is not None
        kept = [parameter.detach().clone() for parameter in self.parameters]
        _copy(self.tensors, self.parameters)
        try:
            yield
        finally:
            _copy(kept, self.parameters)

    def keep(self) -> None:
        """Replace the parameters by the average, if there is one."""
        if self.active and self.tensors is not None:
            _copy(self.tensors, self.parameters)


@torch.no_grad()
def _copy(source: Sequence[Tensor], target: Sequence[Tensor]) -> None:
    # Copy values, not storage: cuDNN requires the weights of a network to be contiguous.
    for values, tensor in zip(source, target, strict=True):
        tensor.copy_(values)
