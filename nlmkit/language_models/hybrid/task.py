"""Task of the training engine for hybrid models: windows bring the n-gram probabilities of their targets along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from nlmkit.language_models.neural.task import LanguageTask, Window, Windows, carried

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.language_models.hybrid.left_out import LeftOut
    from nlmkit.language_models.hybrid.module import HybridModule
    from nlmkit.language_models.neural.settings import LanguageModelSettings
    from nlmkit.text import Vocabulary
    from nlmkit.training.distributed import Processes
    from nlmkit.training.task import Batch, Carry


class HybridTask(LanguageTask):
    """Task of a hybrid model.

    The n-grams' probability of a target is that without this occurrence of it, so that each event of a window has
    ``Window.beside``: log-probabilities float32 [T · B, order] and features of the context float32 [T · B, …]. Noise
    does not reach them: the n-grams read the text itself. Nor does it matter where a once-seen word is read as
    ``<unk>``: without its one occurrence it is as unknown as ``<unk>``, as a target and in a context.

    Args:
        module: The network, which is moved to the device.
        events: Ids of the training text's events: int32 [N].
        valid_events: Ids of the validation text's events: int32 [M].
        settings: Hyper-parameters that training reads.
        vocabulary: Vocabulary of the ids.
        together: Processes.
        left_out: Leave-one-out probabilities of the training text.
        alone: ε, share of the loss of the softmax alone.
    """

    module: HybridModule

    def __init__(  # noqa: PLR0917
        self,
        module: HybridModule,
        events: NDArray[np.int32],
        valid_events: NDArray[np.int32] | None,
        settings: LanguageModelSettings,
        vocabulary: Vocabulary,
        together: Processes,
        *,
        left_out: LeftOut,
        alone: float,
    ) -> None:
        self._left_out, self._alone = left_out, alone
        super().__init__(module, events, valid_events, settings, vocabulary, together)
        # The numbers of the events, in the columns and windows of the events.
        self._numbers = self.columns(np.arange(len(events), dtype=np.int32), np.zeros(1, np.int64), 0.0)

    def objective(self, chunk: int) -> nn.Module:
        """Return the objective, which takes the n-grams' probabilities."""
        return _HybridObjective(self.module, chunk, self._alone)

    def epoch(self, number: int) -> Windows:
        """Return the windows of epoch ``number``."""
        return _HybridWindows(super().epoch(number), self._numbers.epoch(number).ids, self._left_out, self.device)


class _HybridWindows(Windows):
    """Windows with the probabilities of their targets."""

    def __init__(self, windows: Windows, numbers: Any, left_out: LeftOut, device: torch.device) -> None:
        vars(self).update(vars(windows))
        self._numbers, self._left_out, self._device = numbers, left_out, device

    def __getitem__(self, index: int) -> Batch[Window]:
        batch = super().__getitem__(index)
        places = self._numbers(index)[1].flatten().cpu().numpy()
        beside = (
            torch.from_numpy(self._left_out.log_probs[places]),
            torch.from_numpy(self._left_out.features[places].reshape(len(places), -1)).float(),
        )
        return batch._replace(data=batch.data._replace(beside=tuple(each.to(self._device) for each in beside)))


class _HybridObjective(nn.Module):
    """Objective of a step.

    The loss that is reported is −ln p of the mixture; ε of the softmax alone is among the penalties.
    """

    def __init__(self, module: HybridModule, chunk: int, alone: float) -> None:
        super().__init__()
        self.module = module
        self._chunk, self._alone = chunk, alone

    def forward(
        self, inputs: Tensor, targets: Tensor, state: Carry, log_probs: Tensor, context: Tensor
    ) -> tuple[Tensor, Tensor, Carry]:
        output = self.module(inputs, state)
        loss, mean = self.module.output.mixture_loss_of(
            output.features.flatten(0, 1), targets.flatten(), log_probs, context, chunk=self._chunk, alone=self._alone
        )
        return mean, self.module.penalty(output) + loss - mean, carried(state, output.state)
