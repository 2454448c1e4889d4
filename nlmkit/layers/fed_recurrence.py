"""Stacked recurrent layers with a further input that is known only after the step before.

Such an input is a context of attention, or the features of the last step (input feeding). All that depends on the words
alone is computed for the whole sequence at once; a step then is one matrix product per layer and its gates.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from nlmkit.layers.backbone import State
from nlmkit.layers.masks import keep_mask
from nlmkit.layers.recurrent import RecurrentStack


class FedRecurrence(RecurrentStack):
    """Stacked recurrent layers whose first layer reads the words' vectors and, at each step, a fed vector.

    Args:
        kind: ``lstm`` or ``gru``.
        widths: Width of the words' vectors, then of each layer.
        fed: Width of the fed vector.
        generator: Source of the initial weights.
        dropout_hidden: Rate of dropout between layers.
        locked: Use the same mask of that dropout at all steps.
    """

    def __init__(
        self,
        kind: str,
        widths: Sequence[int],
        fed: int,
        generator: torch.Generator,
        *,
        dropout_hidden: float = 0.0,
        locked: bool = True,
    ) -> None:
        super().__init__(kind, [widths[0] + fed, *widths[1:]], generator, dropout_hidden=dropout_hidden, locked=locked)
        self.words, self.fed = widths[0], fed

    def driven(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """Return what the words contribute to the gates of the first layer, per step: [B, G·h].

        Args:
            vectors: Vectors of the words: [T, B, e].
        """
        first = self._layers()[0]
        return functional.linear(vectors, first.weight_input[:, : self.words], first.bias).unbind(0)

    def masks(self, like: Tensor, steps: int, generator: torch.Generator) -> list[Tensor | None]:
        """Return the dropout masks of some steps, those of all layers above the first: [layers − 1, B, h] each.

        Args:
            like: A state [B, h].
            steps: Number of steps.
            generator: Source of randomness.
        """
        rate, above = self.dropout_hidden.rate, len(self.layers) - 1
        if not (self.training and rate and above):
            return [None] * steps
        if self.dropout_hidden.locked:
            return [keep_mask((above, *like.shape), rate, generator, like)] * steps
        return list(keep_mask((steps, above, *like.shape), rate, generator, like))

    def advance(self, driven: Tensor, fed: Tensor, state: State, mask: Tensor | None) -> tuple[Tensor, State]:
        """Take one step; return the output of the last layer [B, h] and the state after it.

        Args:
            driven: Entry of ``driven``: [B, G·h].
            fed: The fed vector: [B, n].
            state: State before the step, [B, h] each.
            mask: Entry of ``masks``.
        """
        found: list[Tensor] = []
        below = fed
        for number, (layer, part) in enumerate(zip(self._layers(), self._by_layer(state), strict=True)):
            if number == 0:
                driven = torch.addmm(driven, fed, layer.weight_input[:, self.words :].t())
            else:
                below = below if mask is None else below * mask[number - 1]
                driven = functional.linear(below, layer.weight_input, layer.bias)
            recurrent = functional.linear(part[0], layer.weight_recurrent)
            steps = layer.cell.step(driven, recurrent, part)
            found += (steps[name] for name in layer.cell.states)
            below = steps["hidden"]
        return below, tuple(found)
