"""Body of the feed-forward neural language model (Bengio et al. 2003)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nlmkit.layers.backbone import Body, State
from nlmkit.layers.recurrent_steps import Steps


def windows(vectors: Tensor, width: int) -> Tensor:
    """Return the vectors of ``width`` neighbours side by side, oldest first: [T + width, B, e] → [T, B, width · e].

    Entry t ends with the vector at t + width: the first vector is in no window.
    """
    steps = len(vectors) - width
    return torch.cat([vectors[1 + shift : 1 + shift + steps] for shift in range(width)], dim=-1)


class FeedForwardBody(Body):
    """One hidden layer over the vectors of the last order−1 words: h = tanh(d + H x), x their concatenation.

    H is initialized Glorot-uniform, d with zeros. The state is the last order−1 ids, initially ``</s>``.

    Args:
        order: Order of the model; the context is one word less.
        embedding: Width e of the word vectors.
        hidden: Units h.
        start_id: Id that fills the context at the start of a text.
        generator: Source of the initial weights.
    """

    def __init__(self, order: int, embedding: int, hidden: int, start_id: int, generator: torch.Generator) -> None:
        super().__init__()
        self.words, self.width, self.start_id = order - 1, hidden, start_id
        self.linear = nn.Linear((order - 1) * embedding, hidden)
        nn.init.xavier_uniform_(self.linear.weight, generator=generator)
        nn.init.zeros_(self.linear.bias)

    def initial_state(self, batch: int) -> State:
        """Return a context of ``</s>`` alone: int64 [order−1, B]."""
        filled = torch.full((self.words, batch), self.start_id, dtype=torch.int64, device=self.linear.weight.device)
        return (filled,)

    def context(self, ids: Tensor, state: State) -> Tensor:
        """Return the ids whose vectors ``forward`` needs: the state's, then those read now, int64 [order−1 + T, B]."""
        return torch.cat([state[0], ids])

    def forward(
        self, vectors: Tensor, context: Tensor, state: State, generator: torch.Generator
    ) -> tuple[Tensor, State]:
        """Return the hidden layer [T, B, h] and the last order−1 ids.

        Args:
            vectors: Word vectors of the context: [order−1 + T, B, e].
            context: Result of ``context``.
            state: Unused; it is part of the context.
            generator: Unused; there are no masks.
        """
        return torch.tanh(self.linear(windows(vectors, self.words))), (context[-self.words :],)

    def trace(
        self, vectors: Tensor, context: Tensor, state: State, generator: torch.Generator
    ) -> tuple[Tensor, State, tuple[Steps, ...]]:
        """Like ``forward``, but also return the hidden layer at each step, in the graph."""
        raw, state = self(vectors, context, state, generator)
        hidden = raw.unbind()
        return torch.stack(hidden), state, ({"hidden": hidden},)

    def parameter_counts(self) -> dict[str, int]:
        """Return the parameters of the hidden layer."""
        return {"hidden": sum(weight.numel() for weight in self.parameters())}


class DirectConnections(nn.Module):
    """Direct connection from word vectors to output layer, bypassing the hidden layer (Bengio et al. 2003).

    The published model is y = b + W x + U h. With untied weights the output layer's features are h and x concatenated,
    and its weights [U, W]. An output layer tied to the word vectors C has features of their width; there
    y = b + C (P h + D x): W is factored into C and D.

    Args:
        order: Order of the model.
        embedding: Width e of the word vectors.
        features: Width of the features so far.
        factored: The output layer is tied.
        generator: Source of the initial weights.
    """

    def __init__(self, order: int, embedding: int, features: int, factored: bool, generator: torch.Generator) -> None:
        super().__init__()
        self.words = order - 1
        inputs = self.words * embedding
        self.width = features if factored else features + inputs
        self.linear = nn.Linear(inputs, features, bias=False) if factored else None
        if self.linear is not None:
            nn.init.xavier_uniform_(self.linear.weight, generator=generator)

    def forward(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Return the features [T, B, width] from those of the hidden layer and the vectors of the context."""
        direct = windows(vectors, self.words)
        return torch.cat([features, direct], dim=-1) if self.linear is None else features + self.linear(direct)
