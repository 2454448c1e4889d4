"""State of a network in a run: weights, their average, the best ones, and optimizer state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlmkit.saving import require
from nlmkit.training.averaging import WeightAverage
from nlmkit.training.checkpoint_facts import flag, whole
from nlmkit.training.optimization import load_optimizer_state, optimizer_state
from nlmkit.training.stepper import Arrays, Facts
from nlmkit.training.torch_state import BEST, MODULE, arrays_of, averages, like, optimizer_states


class NetworkState:
    """Current, averaged and best weights of a module.

    Args:
        module: The network.
        parameters: Its trained parameters.
        optimizer: Their optimizer.
        average: Their average.
    """

    def __init__(
        self,
        module: nn.Module,
        parameters: Sequence[nn.Parameter],
        optimizer: torch.optim.Optimizer,
        average: WeightAverage,
    ) -> None:
        self._module, self._parameters, self._optimizer, self._average = module, parameters, optimizer, average
        self._best: dict[str, Tensor] | None = None

    def keep_best(self) -> None:
        """Keep a copy of the weights, or of their average if there is one, as the best so far."""
        with self._average.in_place():
            self._best = self._copy()

    @contextlib.contextmanager
    def as_kept(self) -> Iterator[None]:
        """Load the weights that would be kept now into the module, within the ``with`` block."""
        if self._best is None:
            with self._average.in_place():
                yield
            return
        own = self._copy()
        self._module.load_state_dict(self._best)
        try:
            yield
        finally:
            self._module.load_state_dict(own)

    def finish(self) -> None:
        """Load the best weights, or else the average, if there is one."""
        for parameter in self._parameters:
            parameter.requires_grad_(True)
        if self._best is not None:
            self._module.load_state_dict(self._best)
        else:
            self._average.keep()

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.detach().cpu().clone() for name, value in self._module.state_dict().items()}

    # ------------------------------------------------------------------------------------------- checkpoints

    def snapshot(self) -> tuple[Facts, Arrays]:
        """Return the state as JSON and arrays."""
        arrays = arrays_of(
            module=self._module.state_dict(),
            best=self._best,
            average=self._average.tensors,
            optimizer=optimizer_state(self._optimizer, self._module),
        )
        return {"average_count": self._average.count, "averaging": self._average.tensors is not None}, arrays

    def restore(
        self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, step: int, has_best: bool
    ) -> None:
        """Restore the state of ``snapshot``.

        Args:
            facts: JSON of the snapshot.
            arrays: Arrays of the snapshot.
            step: Number of steps taken by then.
            has_best: Whether best weights were kept by then.

        Raises:
            SavedModelError: The state is invalid, or does not match the network.
        """
        shapes = self._module.state_dict()
        weights = like(arrays, MODULE, shapes)
        kept = any(name.startswith(BEST) for name in arrays)
        require(kept == has_best, "best weights and evaluations contradict each other")
        self._best = like(arrays, BEST, shapes) if has_best else None
        memory = optimizer_states(arrays, self._optimizer, self._module)
        count, averaging = whole(facts, "average_count", most=step), flag(facts, "averaging")
        require(averaging or self._average.tensors is None, "its average of the weights is missing")
        if averaging:
            require(self._average.kind != "none", "it has an average of the weights, but the run does not average")
            self._average.load(averages(arrays, self._average.parameters), count)
        self._module.load_state_dict(weights)
        load_optimizer_state(self._optimizer, self._module, memory)
