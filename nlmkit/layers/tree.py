"""Tree-LSTM over forests, level by level (Tai, Socher & Manning 2015).

With x_j the vector of node j's word (zero without a word) and C(j) its children; σ is the logistic function, ∘
multiplies entry by entry. The child-sum form takes any number of children, in any order::

    h̃_j = Σ_{k ∈ C(j)} h_k
    i_j, o_j = σ(W x_j + U h̃_j + b)        u_j = tanh(W x_j + U h̃_j + b)      each with its own weights
    f_jk = σ(W_f x_j + U_f h_k + b_f)      for each child k
    c_j = i_j ∘ u_j + Σ_{k ∈ C(j)} f_jk ∘ c_k
    h_j = o_j ∘ tanh(c_j)

The N-ary form takes up to N children, and knows which is which; a missing child has h = c = 0::

    i_j, o_j = σ(W x_j + Σ_l U_l h_jl + b)        u_j = tanh(W x_j + Σ_l U_l h_jl + b)
    f_jk = σ(W_f x_j + Σ_l U_kl h_jl + b_f)       for k = 1 … N
    c_j = i_j ∘ u_j + Σ_l f_jl ∘ c_jl             h_j = o_j ∘ tanh(c_j)

Over a chain, each is the LSTM without peepholes. All nodes of the same height, in all trees of a batch, are calculated
at once: the number of operations depends on the height of the highest tree, not on the number of nodes. The gradient is
written out, since that of each operation would allocate arrays for the whole forest.
"""

from __future__ import annotations

import itertools
from typing import Any, Final, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from nlmkit.layers.masks import keep_mask

FORGET_BIAS: Final = 1.0
"""Initial bias of the forget gates, so that the cell keeps the content of the children at first."""


class Levels(NamedTuple):
    """Nodes of a forest by their height: leaves first, each node after its children.

    Within a level, nodes with a word come first.

    Attributes:
        bounds: Start of each level among the nodes, and the end of the last: [levels + 1].
        words: Number of nodes with a word in each level: [levels].
        child_bounds: Start of each level among the children, and the end of the last: [levels + 1].
        children: Children of all nodes, node by node, siblings in their order, as indices of nodes: int64 [edges].
        owners: Parent of each of them, as an index within its level, increasing: int64 [edges].
        places: Place of each of them among its siblings, from 0: int64 [edges].
    """

    bounds: tuple[int, ...]
    words: tuple[int, ...]
    child_bounds: tuple[int, ...]
    children: Tensor
    owners: Tensor
    places: Tensor

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return self.bounds[-1]

    def to(self, device: torch.device) -> Self:
        """Return a copy on a device."""
        return self._replace(
            children=self.children.to(device), owners=self.owners.to(device), places=self.places.to(device)
        )

    def spans(self) -> list[_Span]:
        """Return the levels, from the leaves to the roots."""
        found, begin = [], 0
        pairs = zip(itertools.pairwise(self.bounds), itertools.pairwise(self.child_bounds), self.words, strict=True)
        for nodes, children, words in pairs:
            found.append(_Span(slice(*nodes), slice(*children), slice(begin, begin + words)))
            begin += words
        return found


class _Span(NamedTuple):
    """One level: its nodes, their children among all children, and its words among all words."""

    nodes: slice
    children: slice
    words: slice

    @property
    def size(self) -> int:
        return int(self.nodes.stop - self.nodes.start)

    @property
    def number_of_words(self) -> int:
        return int(self.words.stop - self.words.start)


class _TreeLSTM(nn.Module):
    """What both forms have in common.

    Args:
        inputs: Width n of the word vectors.
        hidden: Units h.
        recurrent: Shape of the recurrent weights, in blocks of h × h.
        generator: Source of the initial weights.
        forget_bias: Initial bias of the forget gates.
        dropout: Rate of dropout on the candidates u, with one mask per node (Semeniuta et al. 2016).
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        recurrent: tuple[int, int],
        generator: torch.Generator,
        *,
        forget_bias: float = FORGET_BIAS,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.inputs, self.hidden, self.dropout = inputs, hidden, dropout
        rows, columns = recurrent
        self.weight_input = nn.Parameter(torch.empty(4 * hidden, inputs))
        self.weight_recurrent = nn.Parameter(torch.empty(rows * hidden, columns * hidden))
        self.bias = nn.Parameter(torch.zeros(4 * hidden))
        for gate in torch.split(self.weight_input.data, hidden):
            nn.init.xavier_uniform_(gate, generator=generator)
        for gate in torch.split(self.weight_recurrent.data, hidden):
            for block in torch.split(gate, hidden, dim=1):
                block.copy_(nn.init.orthogonal_(torch.empty(hidden, hidden), generator=generator))
        self.bias.data[3 * hidden :] = forget_bias

    def forward(self, vectors: Tensor, levels: Levels, generator: torch.Generator) -> Tensor:
        """Return the hidden state of each node, in the order of the levels: [nodes, h].

        Args:
            vectors: Vectors of the nodes with a word, in the order of the levels: [words, n].
            levels: The nodes.
            generator: Source of the masks.
        """
        # The recursion keeps its dtype: sums of bfloat16 over a deep tree would be far off.
        with torch.autocast(vectors.device.type, enabled=False):
            # Forget gates of leaves have nothing to forget.
            gates = 4 if sum(levels.words[1:]) else 3
            driven = vectors.to(self.bias.dtype) @ self.weight_input[: gates * self.hidden].T
            mask = None
            if self.training and self.dropout:
                mask = keep_mask((levels.nodes, self.hidden), self.dropout, generator, driven)
            return self.recursion(driven, mask, levels)

    def recursion(self, driven: Tensor, mask: Tensor | None, levels: Levels) -> Tensor:
        """Return the hidden states [nodes, h].

        Args:
            driven: W x of the words: [words, 4h], or [words, 3h], without f, if leaves alone have words.
            mask: Masks of the candidates: [nodes, h], or None.
            levels: The nodes.
        """
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.inputs}, {self.hidden}, dropout={self.dropout}"


class ChildSumTreeLSTM(_TreeLSTM):
    """Child-sum Tree-LSTM; see the module's equations.

    Parameters are ``weight_input`` [4h, n], ``weight_recurrent`` [4h, h] and ``bias`` [4h], with rows for i, o, u and
    f, in that order.

    Args:
        inputs: Width n of the word vectors.
        hidden: Units h.
        generator: Source of the initial weights.
        options: ``forget_bias`` (1) and ``dropout`` (0), the rate of dropout on the candidates.
    """

    def __init__(self, inputs: int, hidden: int, generator: torch.Generator, **options: float) -> None:
        super().__init__(inputs, hidden, (4, 1), generator, **options)

    def recursion(self, driven: Tensor, mask: Tensor | None, levels: Levels) -> Tensor:
        """See ``_TreeLSTM.recursion``."""
        found: Tensor = _ChildSum.apply(  # type: ignore[no-untyped-call]
            driven, self.weight_recurrent, self.bias, mask, levels
        )
        return found


class NaryTreeLSTM(_TreeLSTM):
    """N-ary Tree-LSTM; see the module's equations.

    Parameters are ``weight_input`` [4h, n] and ``bias`` [4h], with rows for i, o, u and f, in that order, and
    ``weight_recurrent`` [(3 + N)h, Nh], with rows for i, o, u, f_1 … f_N and columns for h_1 … h_N.

    Args:
        inputs: Width n of the word vectors.
        hidden: Units h.
        generator: Source of the initial weights.
        branching: Maximum number of children N.
        options: ``forget_bias`` (1) and ``dropout`` (0), the rate of dropout on the candidates.
    """

    def __init__(
        self, inputs: int, hidden: int, generator: torch.Generator, *, branching: int = 2, **options: float
    ) -> None:
        super().__init__(inputs, hidden, (3 + branching, branching), generator, **options)
        self.branching = branching

    def recursion(self, driven: Tensor, mask: Tensor | None, levels: Levels) -> Tensor:
        """See ``_TreeLSTM.recursion``."""
        found: Tensor = _Nary.apply(  # type: ignore[no-untyped-call]
            driven, self.weight_recurrent, self.bias, mask, levels, self.branching
        )
        return found


def _sums(of_words: Tensor, bias: Tensor, size: int) -> Tensor:
    """Return W x + b of the nodes of a level, of which the first have words."""
    found = bias.expand(size, -1).clone()
    found[: len(of_words), : of_words.shape[1]] += of_words
    return found


def _leave(gates: Tensor, cell: Tensor, hidden: Tensor, mask: Tensor | None) -> None:
    """Turn the sums of i, o and u into their values, in place; add i ∘ u to the cell, and set the hidden state."""
    units = cell.shape[1]
    gates[:, : 2 * units].sigmoid_()
    gates[:, 2 * units : 3 * units].tanh_()
    enter, leave, candidate = torch.split(gates[:, : 3 * units], units, dim=1)
    cell.addcmul_(enter, candidate if mask is None else candidate * mask)
    torch.mul(cell.tanh(), leave, out=hidden)


def _enter(gates: Tensor, cell: Tensor, of_hidden: Tensor, of_cell: Tensor, mask: Tensor | None) -> tuple[Tensor, ...]:
    """Return the gradients of the sums of i, o and u, side by side, and of the cell, given those from above."""
    units = cell.shape[1]
    enter, leave, candidate = torch.split(gates[:, : 3 * units], units, dim=1)
    squashed = cell.tanh()
    of_cell = of_cell + of_hidden * leave * (1 - squashed * squashed)
    kept, through = (candidate, enter) if mask is None else (candidate * mask, enter * mask)
    of_sums = torch.cat(
        [
            of_cell * kept * enter * (1 - enter),
            of_hidden * squashed * leave * (1 - leave),
            of_cell * through * (1 - candidate * candidate),
        ],
        dim=1,
    )
    return of_sums, of_cell


class _ChildSum(torch.autograd.Function):
    """Hidden states by the child-sum form."""

    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any, driven: Tensor, weight: Tensor, bias: Tensor, mask: Tensor | None, levels: Levels
    ) -> Tensor:
        units, nodes, edges = weight.shape[1], levels.nodes, len(levels.children)
        hidden, cell = driven.new_empty(nodes, units), driven.new_zeros(nodes, units)
        gates, kept = driven.new_empty(nodes, 3 * units), driven.new_empty(edges, units)
        below = driven.new_zeros(nodes, units)
        of_rest, of_forget = weight[: 3 * units].T, weight[3 * units :].T
        for span in levels.spans():
            sums = _sums(driven[span.words], bias, span.size)
            gates[span.nodes] = sums[:, : 3 * units]
            if span.children.stop > span.children.start:
                children, owners = levels.children[span.children], levels.owners[span.children]
                of_children = hidden[children]
                below[span.nodes].index_add_(0, owners, of_children)
                gates[span.nodes].addmm_(below[span.nodes], of_rest)
                forget = torch.addmm(sums[:, 3 * units :][owners], of_children, of_forget).sigmoid_()
                kept[span.children] = forget
                cell[span.nodes].index_add_(0, owners, forget * cell[children])
            _leave(gates[span.nodes], cell[span.nodes], hidden[span.nodes], None if mask is None else mask[span.nodes])
        ctx.levels, ctx.masked, ctx.columns = levels, mask is not None, driven.shape[1]
        ctx.save_for_backward(weight, hidden, cell, gates, kept, below, *(() if mask is None else (mask,)))
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight, hidden, cell, gates, kept, below, *masks = ctx.saved_tensors
        levels: Levels = ctx.levels
        mask = masks[0] if ctx.masked else None
        units, spans = weight.shape[1], levels.spans()
        of_hidden, of_cell = gradients[0].clone(), torch.zeros_like(cell)
        of_sums, of_forgets = gates.new_zeros(len(gates), 4 * units), torch.empty_like(kept)
        of_rest, of_forget = weight[: 3 * units], weight[3 * units :]
        for span in reversed(spans):
            here = None if mask is None else mask[span.nodes]
            of_gates, of_cells = _enter(
                gates[span.nodes], cell[span.nodes], of_hidden[span.nodes], of_cell[span.nodes], here
            )
            of_sums[span.nodes, : 3 * units] = of_gates
            if span.children.stop > span.children.start:
                children, owners = levels.children[span.children], levels.owners[span.children]
                forget, of_owners = kept[span.children], of_cells[owners]
                of_cell[children] = of_owners * forget
                gradient = of_owners * cell[children] * forget * (1 - forget)
                of_forgets[span.children] = gradient
                of_sums[span.nodes, 3 * units :].index_add_(0, owners, gradient)
                # Each node is a child once, so no gradient is added twice.
                of_hidden[children] += (of_gates @ of_rest)[owners] + gradient @ of_forget
        of_weight = torch.cat([of_sums[:, : 3 * units].T @ below, of_forgets.T @ hidden[levels.children]])
        of_driven = torch.cat([of_sums[_words(span), : ctx.columns] for span in spans])
        return of_driven, of_weight, of_sums.sum(0), None, None


class _Nary(torch.autograd.Function):
    """Hidden states by the N-ary form."""

    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any, driven: Tensor, weight: Tensor, bias: Tensor, mask: Tensor | None, levels: Levels, branching: int
    ) -> Tensor:
        nodes, units = levels.nodes, weight.shape[1] // branching
        leaves = levels.bounds[1] if len(levels.bounds) > 1 else 0
        hidden, cell = driven.new_empty(nodes, units), driven.new_zeros(nodes, units)
        gates = driven.new_empty(nodes, (3 + branching) * units)
        # States of the children side by side, above the leaves: of a missing child, zero.
        states, cells = (driven.new_zeros(nodes - leaves, branching, units) for _ in range(2))
        bias = torch.cat([bias[: 3 * units], bias[3 * units :].repeat(branching)])
        for span in levels.spans():
            here, words = gates[span.nodes], span.number_of_words
            if span.children.stop > span.children.start:
                inner = slice(span.nodes.start - leaves, span.nodes.stop - leaves)
                children, at = levels.children[span.children], _at(levels, span)
                states[inner][at], cells[inner][at] = hidden[children], cell[children]
                torch.addmm(bias, states[inner].flatten(1), weight.T, out=here)
                if words:
                    here[:words, : 4 * units] += driven[span.words]
                    for place in range(1, branching):
                        here[:words, (3 + place) * units : (4 + place) * units] += driven[span.words, 3 * units :]
                forget = here[:, 3 * units :].sigmoid_().view(span.size, branching, units)
                torch.sum(forget * cells[inner], dim=1, out=cell[span.nodes])
            else:
                here[:, : 3 * units] = bias[: 3 * units]
                here[:words, : 3 * units] += driven[span.words, : 3 * units]
            _leave(here, cell[span.nodes], hidden[span.nodes], None if mask is None else mask[span.nodes])
        ctx.levels, ctx.masked, ctx.branching = levels, mask is not None, branching
        ctx.columns = driven.shape[1]
        ctx.save_for_backward(weight, cell, gates, states, cells, *(() if mask is None else (mask,)))
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight, cell, gates, states, cells, *masks = ctx.saved_tensors
        levels: Levels = ctx.levels
        branching: int = ctx.branching
        mask = masks[0] if ctx.masked else None
        units, spans = weight.shape[1] // branching, levels.spans()
        leaves = levels.bounds[1] if len(levels.bounds) > 1 else 0
        of_hidden, of_cell = gradients[0].clone(), torch.zeros_like(cell)
        of_sums = torch.zeros_like(gates)
        for span in reversed(spans):
            here = None if mask is None else mask[span.nodes]
            of_gates, of_cells = _enter(
                gates[span.nodes], cell[span.nodes], of_hidden[span.nodes], of_cell[span.nodes], here
            )
            of_sums[span.nodes, : 3 * units] = of_gates
            if span.children.stop > span.children.start:
                inner = slice(span.nodes.start - leaves, span.nodes.stop - leaves)
                children, at = levels.children[span.children], _at(levels, span)
                forget = gates[span.nodes, 3 * units :].view(span.size, branching, units)
                through = of_cells.unsqueeze(1) * forget
                torch.mul(
                    (through * cells[inner]).flatten(1),
                    (1 - forget).flatten(1),
                    out=of_sums[span.nodes, 3 * units :],
                )
                of_cell[children] = through[at]
                # Each node is a child once, so no gradient is added twice.
                of_hidden[children] += (of_sums[span.nodes] @ weight).view(span.size, branching, units)[at]
        of_weight = of_sums[leaves:].T @ states.flatten(1)
        of_forget = of_sums[:, 3 * units :].view(-1, branching, units).sum(1)
        of_gates = torch.cat([of_sums[:, : 3 * units], of_forget], dim=1)
        of_driven = torch.cat([of_gates[_words(span), : ctx.columns] for span in spans])
        return of_driven, of_weight, of_gates.sum(0), None, None, None


def _words(span: _Span) -> slice:
    """Return the nodes of a level that have words."""
    return slice(span.nodes.start, span.nodes.start + span.number_of_words)


def _at(levels: Levels, span: _Span) -> tuple[Tensor, Tensor]:
    """Return where the children of a level go: the parent within the level, and the place among its siblings."""
    return levels.owners[span.children], levels.places[span.children]
