"""What ``preset=auto`` needs of a neural language model. This module does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.language_models.neural.shorthands import WithDropout

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.module import LanguageModule


class Choosable(WithDropout):
    """Component whose hyper-parameters can be chosen for a time budget."""

    budget_family: ClassVar[str | None] = None
    """Family of ``nlmkit.language_models.neural.recipe`` by which ``preset=auto`` chooses; None chooses nothing."""

    start_from: Any
    tune: str

    def build_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """Build the untrained network.

        Args:
            counts: Training counts by vocabulary id: int64 [V].
            generator: Source of the initial weights, and of masks and samples later.
        """
        raise NotImplementedError

    def build_timed_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """Build a network whose steps, by ``LanguageTask``, take about the time of those of the network to be trained.

        Arguments as in ``build_module``, whose network this is unless a subclass has another task.
        """
        return self.build_module(counts, generator)
