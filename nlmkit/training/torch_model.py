"""Base class of components that wrap a torch module: device, and saving and loading of weights.

This module imports neither torch nor NumPy until something is fitted or loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from nlmkit.core.component import Component

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

M = TypeVar("M", bound="nn.Module")


class TorchModel(Component, Generic[M]):
    """Component that wraps a torch module.

    Attributes:
        module_: The fitted module.
        fit_report_: Fit report, JSON-ready.
    """

    module_: M
    fit_report_: dict[str, Any]

    def to(self, device: str) -> Self:
        """Move the network to a device (``cpu``, ``cuda``, ``auto``), where it then scores, and return self.

        Raises:
            HyperParameterError: The device is not available.
        """
        self.check_fitted()
        from nlmkit.training.devices import choose_device

        self.module_.to(choose_device(device))
        return self

    def saved_weights(self) -> dict[str, NDArray[Any]]:
        """Return the weights by torch name."""
        return {name: tensor.cpu().numpy() for name, tensor in self.module_.state_dict().items()}


def put_weights(module: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Put saved weights into a module that was built anew; it is in evaluation mode afterwards.

    Args:
        module: A module with the same options.
        arrays: The weights under their torch names.

    Raises:
        SavedModelError: Arrays are missing, unexpected, of a wrong shape or dtype, or contain NaN or infinity.
    """
    import numpy as np
    import torch

    from nlmkit.saving import require, require_array, require_weights

    expected = module.state_dict()
    unexpected = sorted(set(arrays) - set(expected))
    require(not unexpected, f"the arrays {', '.join(unexpected[:5])} belong to no part of the network")
    found = {}
    for name, tensor in expected.items():
        array = require_array(arrays, name, dtype=tensor.numpy().dtype, shape=tuple(tensor.shape))
        require_weights(array, name)
        found[name] = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("=")))
    module.load_state_dict(found)
    module.eval()
