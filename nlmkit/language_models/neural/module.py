"""Network of a neural language model: word vectors, body, output layer.

::

    ids [T, B] ─ words ─► vectors [T, B, e] ─ dropout ─ body ─► raw [T, B, h] ─ dropout ─► dropped [T, B, h]
                ─ projection, direct connections ─► features [T, B, d] ─ output ─► log-probabilities

Everything is time-major.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.neural.options import (
    FeedForwardModelOptions,
    NetworkOptions,
    RecurrentModelOptions,
    chosen_softmax,
)
from nlmkit.layers.backbone import Body, State
from nlmkit.layers.embeddings import WordVectors
from nlmkit.layers.feedforward import DirectConnections, FeedForwardBody
from nlmkit.layers.masks import Dropout
from nlmkit.layers.projection import Projection
from nlmkit.layers.recurrent import RecurrentStack
from nlmkit.layers.recurrent_steps import Steps
from nlmkit.layers.row_order import WordOrder
from nlmkit.layers.softmax import AdaptiveSoftmax, ClassFactoredSoftmax, FullSoftmax, OutputLayer, SampledSoftmax
from nlmkit.layers.softmax.adaptive import adaptive_cutoffs
from nlmkit.layers.softmax.class_factored import class_cutoffs
from nlmkit.text.vocabulary import EOS_ID
from nlmkit.training.muon import hidden_matrices

__all__ = ["LanguageModule", "Output", "State", "Trace", "feedforward_module", "module_around", "recurrent_module"]


class Output(NamedTuple):
    """Output of a module for ids [T, B].

    Attributes:
        features: Input of the output layer for the next events: [T, B, d].
        state: State after the last step.
        raw: Outputs of the body: [T, B, h].
        dropped: The same after ``dropout_output``: [T, B, h].
    """

    features: Tensor
    state: State
    raw: Tensor
    dropped: Tensor


class Trace(NamedTuple):
    """Every step of a forward pass, in the graph.

    Attributes:
        output: Result of ``forward``.
        layers: Gates and states by name for each layer, one tensor [B, h] per step. LSTM: ``input``, ``forget``,
            ``candidate``, ``output``, ``cell``, ``hidden``; GRU: ``reset``, ``update``, ``candidate``, ``hidden``;
            Elman and feed-forward: ``hidden``.
    """

    output: Output
    layers: tuple[Steps, ...]


class LanguageModule(nn.Module):
    """Network of a neural language model.

    ``module.output`` is the ``OutputLayer``: losses and log-probabilities from features.

    Args:
        words: Input layer.
        body: Recurrent stack or feed-forward body.
        output: Output layer.
        generator: Source of masks and samples.
        projection: Map from the body's outputs to features; None if they are the features.
        direct: Direct connection from the word vectors to the output layer.
        dropout_input: Dropout on word vectors.
        dropout_output: Dropout on the body's outputs.
        ar: Weight of activation regularisation.
        tar: Weight of temporal activation regularisation.
        l1: Weight of the L1 penalty.
    """

    def __init__(
        self,
        words: WordVectors,
        body: Body,
        output: OutputLayer,
        generator: torch.Generator,
        *,
        projection: nn.Linear | None = None,
        direct: DirectConnections | None = None,
        dropout_input: Dropout,
        dropout_output: Dropout,
        ar: float = 0.0,
        tar: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        super().__init__()
        self.words, self.dropout_input = words, dropout_input
        self.body, self.dropout_output = body, dropout_output
        self.projection, self.direct = projection, direct
        self.output = output
        self.ar, self.tar, self.l1 = ar, tar, l1
        self.set_generator(generator)

    @property
    def vocabulary_size(self) -> int:
        """Number of vocabulary ids V."""
        return len(self.words.rank)

    @property
    def softmax(self) -> OutputLayer:
        """Softmax of the output layer; here the output layer itself."""
        return self.output

    @property
    def order(self) -> WordOrder:
        """Row order of the words."""
        return self.words.order

    def set_generator(self, generator: torch.Generator) -> None:
        """Set the source of masks and samples, which are drawn on its device and moved."""
        self.generator = generator
        self.output.generator = generator

    def initial_state(self, batch: int) -> State:
        """Return the zero state; for the feed-forward model a context of ``</s>``."""
        return self.body.initial_state(batch)

    def forward(self, ids: Tensor, state: State) -> Output:
        """Read ids.

        Args:
            ids: Vocabulary ids, int64 [T, B], T ≥ 1.
            state: State before the first of them.
        """
        vectors, raw, state = self._read(ids, state)
        return self._output(vectors, raw, state)

    def read(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read ids like ``forward``, without the layers above the body.

        Returns:
            Outputs of the body [T, B, h], and the state after the last step.
        """
        _, raw, state = self._read(ids, state)
        return raw, state

    def _read(self, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        context = self.body.context(ids, state)
        vectors = self.dropout_input(self.words(context, self.generator), self.generator)
        return vectors, *self.body(vectors, context, state, self.generator)

    def trace(self, ids: Tensor, state: State) -> Trace:
        """Like ``forward``, but step by step, with all gates and states."""
        context = self.body.context(ids, state)
        vectors = self.dropout_input(self.words(context, self.generator), self.generator)
        raw, state, layers = self.body.trace(vectors, context, state, self.generator)
        return Trace(self._output(vectors, raw, state), layers)

    def _output(self, vectors: Tensor, raw: Tensor, state: State) -> Output:
        dropped = self.dropout_output(raw, self.generator)
        features = dropped if self.projection is None else self.projection(dropped)
        if self.direct is not None:
            features = self.direct(features, vectors)
        return Output(features, state, raw, dropped)

    def gradient_norms(self, ids: Tensor, targets: Tensor, state: State) -> dict[str, Tensor]:
        """Return the norm of the gradient of one event's loss by the state k steps earlier.

        The loss is −ln p(target) after the last id; masks are off. Each state is a separate node: the gradient
        by ``hidden`` is that through h, without that through the cell.

        Args:
            ids: int64 [T, B].
            targets: The event after the last id: int64 [B].
            state: State before the first id.

        Returns:
            ``hidden``, and for the LSTM ``cell``: float32 [layers, T, B]. Entry k belongs to step T − 1 − k.
        """
        training = self.training
        self.eval()
        try:
            with torch.enable_grad():
                trace = self.trace(ids, state)
                loss = -self.output.log_probs(trace.output.features[-1], targets).sum()
        finally:
            self.train(training)
        norms = {}
        for name in ("hidden", "cell"):
            steps = [step for layer in trace.layers for step in layer.get(name, ())]
            if steps:
                found = torch.autograd.grad(loss, steps, retain_graph=True, allow_unused=True, materialize_grads=True)
                by_step = torch.stack([part.norm(dim=1) for part in found])
                norms[name] = by_step.view(len(trace.layers), len(ids), -1).flip(1)
        return norms

    def penalty(self, output: Output) -> Tensor:
        """Return the penalty on the loss: ar · mean(dropped²) + tar · mean((h_t − h_{t−1})²) + l1 · Σ|w|, a scalar.

        h are the body's outputs before dropout (Merity et al. 2017); w are all trained weights except biases and
        layer norms.
        """
        total = output.raw.new_zeros(())
        if self.ar:
            total = total + self.ar * output.dropped.square().mean()
        if self.tar and len(output.raw) > 1:
            total = total + self.tar * (output.raw[1:] - output.raw[:-1]).square().mean()
        if self.l1:
            total = total + self.l1 * torch.stack([weight.abs().sum() for weight in self._matrices()]).sum()
        return total

    def parameter_groups(self, weight_decay: float = 0.0) -> list[dict[str, Any]]:
        """Return parameter groups for ``build_optimizer``: weight decay for matrices, not for biases and layer norms.

        Matrices between word vectors and output layer are groups with ``blocks``.
        """
        hidden = {weight: blocks for part in self.hidden_parts() for weight, blocks in hidden_matrices(part).items()}
        vectors = [weight for weight in self.parameters() if weight.requires_grad and weight.ndim < 2]
        return [
            *(
                {"params": [weight], "weight_decay": weight_decay, "blocks": hidden.get(weight, 0)}
                for weight in self._matrices()
            ),
            {"params": vectors, "weight_decay": 0.0},
        ]

    def _matrices(self) -> list[nn.Parameter]:
        return [weight for weight in self.parameters() if weight.requires_grad and weight.ndim >= 2]

    def hidden_parts(self) -> list[nn.Module]:
        """Return what is between word vectors and output layer."""
        return [part for part in (self.body, self.projection, self.direct) if part is not None]

    def parameter_counts(self) -> dict[str, int]:
        """Return the number of parameters per layer, in the order of the forward pass; shared weights count once."""
        counts = {"words": self.words.weight.numel(), **self.body.parameter_counts()}
        for name in ("projection", "direct", "output"):
            part = getattr(self, name)
            size = 0 if part is None else sum(weight.numel() for weight in part.parameters())
            if size:
                counts[name] = size
        return counts

    def word_vectors(self) -> Tensor:
        """Return a copy of the input vectors in the order of vocabulary ids: float32 [V, e]."""
        return self.words.weight.detach()[self.words.rank]

    def set_word_vectors(self, vectors: Tensor, ids: Tensor | None = None) -> None:
        """Replace input vectors and, if tied, output weights.

        Args:
            vectors: [n, e].
            ids: Their vocabulary ids: int64 [n]; None for all, in order.
        """
        rows = self.words.rank if ids is None else self.words.rank[ids]
        with torch.no_grad():
            self.words.weight[rows] = vectors.to(self.words.weight)

    def copy_words(self, other: LanguageModule, ids: NDArray[np.int64]) -> None:
        """Copy the weights and word order of ``other``, whose vocabulary this one extends (warm start).

        New words are initialized around the mean of the old ones, so that their probability is neither large nor tiny
        (after Hewitt 2021): their random values and the biases of their frequency are shifted by the mean change of
        training.

        Args:
            other: A module with the same options.
            ids: Id in ``other`` for each vocabulary id, −1 for a new word: int64 [V].

        Raises:
            ValueError: The vocabulary lacks old words, or the shapes differ by more than the number of words.
        """
        before = self.order.rank
        rank = other.order.grown(ids)
        rows = np.empty(len(rank), np.int64)
        rows[before] = rank
        cutoffs = self.output.grown_cutoffs(other.order.cutoffs)
        theirs = dict(other.named_parameters())
        with torch.no_grad():
            self.words.order = WordOrder(rank, cutoffs)
            self.output.reorder(torch.tensor(rows[:-1], device=self.words.rank.device))
            for name, weight in self.named_parameters():
                old = theirs.get(name)
                if old is None:  # a tail of the larger vocabulary only
                    continue
                if old.shape[1:] != weight.shape[1:] or len(old) > len(weight):
                    raise ValueError(
                        f"a warm start requires modules with the same options, but {name} differs in shape"
                    )
                if weight is self.words.weight:  # <s> remains last
                    _continue(weight[:-1], old[:-1])
                    weight[-1] = old[-1]
                else:
                    _continue(weight, old)

    def check_structure(self) -> None:
        """Check the order of words after loading weights.

        Raises:
            SavedModelError: It is invalid.
        """
        order = WordOrder.from_arrays(self.words.rank.cpu().numpy(), self.words.cutoffs.cpu().numpy())
        self.output.check_cutoffs(order.cutoffs)


def _continue(weight: Tensor, old: Tensor) -> None:
    """Old rows in place; further ones are shifted as those were training."""
    weight[len(old) :] += (old - weight[: len(old)]).mean(dim=0)
    weight[: len(old)] = old


def recurrent_module(
    kind: str,
    options: RecurrentModelOptions,
    counts: NDArray[np.int64],
    generator: torch.Generator,
    *,
    forget_bias: float = 0.0,
) -> LanguageModule:
    """Build the network of a recurrent language model, with initial weights.

    Args:
        kind: ``rnn``, ``lstm`` or ``gru``.
        options: Hyper-parameters of the component.
        counts: Training counts by vocabulary id, int64 [V]; zeros if unknown.
        generator: Source of the initial weights, and of masks and samples until another is set.
        forget_bias: Initial bias of an LSTM's forget gates.

    Raises:
        HyperParameterError: Options contradict each other or the vocabulary.
    """

    def stack(width: int) -> Body:
        widths = [width, *[options.hidden] * options.layers]
        if options.projection == "last-layer":
            widths[-1] = width
        return RecurrentStack(
            kind,
            widths,
            generator,
            dropout_hidden=options.dropout_hidden,
            locked=options.locked,
            layer_norm=options.layer_norm,
            weight_drop=options.weight_drop,
            dropout_recurrent=options.dropout_recurrent,
            zoneout=options.zoneout,
            forget_bias=forget_bias,
        )

    return module_around(stack, options, counts, generator, ar=options.ar, tar=options.tar)


def module_around(
    build_body: Callable[[int], Body],
    options: NetworkOptions,
    counts: NDArray[np.int64],
    generator: torch.Generator,
    *,
    ar: float = 0.0,
    tar: float = 0.0,
) -> LanguageModule:
    """Build the network around any body, with initial weights, for models of plugins.

    Args:
        build_body: Builds the body from the width of its word vectors.
        options: The component, with ``ArchitectureOptions`` and
            ``RegularizationOptions`` among its hyper-parameters.
        counts: Training counts by vocabulary id, int64 [V]; zeros if unknown.
        generator: Source of the initial weights, and of masks and samples until another is set.
        ar: Weight of activation regularisation.
        tar: Weight of temporal activation regularisation.

    Raises:
        HyperParameterError: Options contradict each other or the vocabulary.
    """
    words = _word_vectors(options, counts, generator)
    body = build_body(words.width)
    projection = _projection(options, body.width, words.width, generator)
    width = body.width if projection is None else projection.out_features
    return LanguageModule(
        words,
        body,
        _output_layer(options, words, width, counts, generator),
        generator,
        projection=projection,
        ar=ar,
        tar=tar,
        l1=options.l1,
        dropout_input=Dropout(options.dropout_input, locked=options.locked),
        dropout_output=Dropout(options.dropout_output, locked=options.locked),
    )


def feedforward_module(
    options: FeedForwardModelOptions, counts: NDArray[np.int64], generator: torch.Generator
) -> LanguageModule:
    """Build the network of a feed-forward model, with initial weights; arguments as in ``recurrent_module``."""
    words = _word_vectors(options, counts, generator)
    body = FeedForwardBody(options.order, words.width, options.hidden, EOS_ID, generator)
    if options.projection == "last-layer":
        raise HyperParameterError("projection=last-layer requires a recurrent model: set hidden to the desired width")
    projection = _projection(options, body.width, words.width, generator)
    width = body.width if projection is None else projection.out_features
    direct = None
    if options.direct:
        direct = DirectConnections(options.order, words.width, width, factored=options.tied, generator=generator)
        width = direct.width
    return LanguageModule(
        words,
        body,
        _output_layer(options, words, width, counts, generator),
        generator,
        projection=projection,
        direct=direct,
        l1=options.l1,
        dropout_input=Dropout(options.dropout_input, locked=options.locked),
        dropout_output=Dropout(options.dropout_output, locked=options.locked),
    )


def _word_vectors(options: NetworkOptions, counts: NDArray[np.int64], generator: torch.Generator) -> WordVectors:
    order = WordOrder.by_frequency(counts)
    softmax = chosen_softmax(options, len(counts))
    if softmax == "adaptive":
        order = order.with_cutoffs(adaptive_cutoffs(order.words, options.softmax_head))
    elif softmax == "class-factored":
        order = order.with_cutoffs(class_cutoffs(order.sorted(counts), options.softmax_classes))
    return WordVectors(order, options.embedding, generator, options.dropout_embedding)


def _projection(options: NetworkOptions, hidden: int, embedding: int, generator: torch.Generator) -> nn.Linear | None:
    """Build the linear layer between body and output layer, if any."""
    wanted = options.projection == "linear" or (options.projection == "auto" and options.tied and hidden != embedding)
    if not wanted:
        if options.tied and hidden != embedding:
            raise HyperParameterError(
                f"tied weights with hidden={hidden} and vectors of width {embedding} require a projection: "
                "set projection=linear, or equal widths, or tied=false"
            )
        return None
    projection = Projection(hidden, embedding)
    nn.init.xavier_uniform_(projection.weight, generator=generator)
    nn.init.zeros_(projection.bias)
    return projection


def _output_layer(
    options: NetworkOptions, words: WordVectors, width: int, counts: NDArray[np.int64], generator: torch.Generator
) -> OutputLayer:
    by_row = words.order.sorted(counts)
    softmax = chosen_softmax(options, len(counts))
    if softmax == "sampled":
        samples = options.softmax_samples
        return SampledSoftmax(words, width, by_row, generator, tied=options.tied, samples=samples)
    layers = {"full": FullSoftmax, "adaptive": AdaptiveSoftmax, "class-factored": ClassFactoredSoftmax}
    return layers[softmax](words, width, by_row, generator, tied=options.tied)
