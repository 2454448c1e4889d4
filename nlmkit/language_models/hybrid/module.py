"""Network of a hybrid model: a recurrent network whose state has the last words and whose output is a mixture."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.hybrid.context_features import FEATURES
from nlmkit.language_models.hybrid.gate import Gate
from nlmkit.language_models.hybrid.output import HybridOutput
from nlmkit.language_models.neural.module import LanguageModule, Output, State, Trace
from nlmkit.layers.softmax import OutputLayer
from nlmkit.text.vocabulary import BOS_ID, EOS_ID

LARGEST_ID: Final = 2**24
"""Limit of ids among features, which are float32."""

_NOTHING: Final = -1


class HybridModule(LanguageModule):
    """Network of a hybrid model.

    Its state is that of the recurrent layers, and the last words, the last one first: int64 [order − 1, B], −1 where
    there is none. ``</s>`` is followed by the context ``<s>`` of a new sentence.

    Args:
        neural: A recurrent network, whose parts it takes over.
        order: Highest order of the n-grams.
        units: Hidden units of the gate.

    Raises:
        HyperParameterError: The vocabulary is too large.
    """

    output: HybridOutput

    def __init__(self, neural: LanguageModule, order: int, units: int) -> None:
        if neural.vocabulary_size > LARGEST_ID:
            raise HyperParameterError(
                f"a hybrid model takes at most {LARGEST_ID} words, not {neural.vocabulary_size}: set vocabulary_size"
            )
        gate = Gate(neural.body.width, FEATURES * (order - 1), order + 1, units, neural.generator)
        super().__init__(
            neural.words,
            neural.body,
            HybridOutput(neural.output, gate, order),
            neural.generator,
            projection=neural.projection,
            dropout_input=neural.dropout_input,
            dropout_output=neural.dropout_output,
            ar=neural.ar,
            tar=neural.tar,
            l1=neural.l1,
        )
        self._words_before = order - 1

    @property
    def softmax(self) -> OutputLayer:
        """Softmax in the mixture."""
        return self.output.neural

    def set_generator(self, generator: torch.Generator) -> None:
        """Set the source of masks and samples."""
        super().set_generator(generator)
        self.softmax.generator = generator

    def initial_state(self, batch: int) -> State:
        """Return the zero state without words."""
        state = super().initial_state(batch)
        return (*state, torch.full((self._words_before, batch), _NOTHING, dtype=torch.int64, device=state[0].device))

    def forward(self, ids: Tensor, state: State) -> Output:
        """Read ids [T, B] from a state."""
        return self._with_contexts(super().forward(ids, state[:-1]), ids, state[-1])

    def read(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read ids without the layers above the body."""
        raw, after = super().read(ids, state[:-1])
        return raw, (*after, _last_words(_contexts(ids, state[-1])))

    def trace(self, ids: Tensor, state: State) -> Trace:
        """Like ``forward``, with all gates and states."""
        trace = super().trace(ids, state[:-1])
        return trace._replace(output=self._with_contexts(trace.output, ids, state[-1]))

    def _output(self, vectors: Tensor, raw: Tensor, state: State) -> Output:
        found = super()._output(vectors, raw, state)
        return found._replace(features=torch.cat([found.features, self.output.gate.by_hidden(found.dropped)], dim=2))

    def _with_contexts(self, output: Output, ids: Tensor, before: Tensor) -> Output:
        contexts = _contexts(ids, before)
        features = torch.cat([output.features, contexts.float()], dim=2)
        return output._replace(features=features, state=(*output.state, _last_words(contexts)))

    def parameter_counts(self) -> dict[str, int]:
        """Return the number of parameters per layer; the gate is a layer of its own."""
        counts = super().parameter_counts()
        gate = sum(weight.numel() for weight in self.output.gate.parameters())
        return {**counts, "output": counts["output"] - gate, "gate": gate}


def _contexts(ids: Tensor, before: Tensor) -> Tensor:
    """Return the last words after each id, the last one first, −1 before ``<s>``: int64 [T, B, order − 1].

    Args:
        ids: int64 [T, B].
        before: Last words before the first id, the last one first: int64 [order − 1, B].
    """
    most = len(before)
    words = torch.cat([before.flip(0), ids.masked_fill(ids == EOS_ID, BOS_ID)])
    inside = torch.ones_like(ids, dtype=torch.bool)
    found = []
    for back in range(most):
        word = words[most - back : most - back + len(ids)].masked_fill(~inside, _NOTHING)
        found.append(word)
        inside = inside & (word != BOS_ID)
    return torch.stack(found, dim=2)


def _last_words(contexts: Tensor) -> Tensor:
    return contexts[-1].t().contiguous()
