"""Adaptation of weights to the scored text: dynamic evaluation (Krause, Kahembwe, Murray & Renals 2018).

A text is read in short segments. After each, the weights θ take one step: toward the trained weights θ₀, and down
the gradient g of the segment's mean loss. With R, the root mean square of each weight's gradient on training text, and
R̄, the mean of R over all weights,

    rms:  θ ← θ + min(1, λ R / R̄) (θ₀ − θ) − η g / (R + ε R̄)
    sgd:  θ ← θ + λ (θ₀ − θ) − η g

so that under ``rms`` weights with large gradients, such as the vectors of frequent words, neither diverge nor drift
permanently. Masks are always off. The trained network is not changed: an ``Adapter`` has a copy.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.language_models.neural import scoring
from nlmkit.language_models.neural.streams import columns
from nlmkit.text.vocabulary import EOS_ID

if TYPE_CHECKING:
    from nlmkit.language_models.base import Context
    from nlmkit.language_models.neural.module import LanguageModule
    from nlmkit.layers.backbone import State

Weights = tuple[Tensor, ...]
"""Values of the adapted weights, in the order of the module's parameters."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """Update rule of adapted weights.

    Attributes:
        lr: η.
        decay: λ, in [0, 1].
        clip_norm: Maximum norm of a segment's gradient; None for no clipping.
        epsilon: ε, of the rule ``rms``.
        rms: R by parameter name, float32; None for the rule ``sgd``.
    """

    lr: float
    decay: float
    clip_norm: float | None = None
    epsilon: float = 1.0
    rms: Mapping[str, NDArray[np.float32]] | None = None


class Segment(NamedTuple):
    """Result of a network on one segment, before its weights are updated.

    Attributes:
        log_probs: ln p of the events: [n].
        features: Input of the output layer for each event: [n, d].
        hidden: Output of the last hidden layer before each event: [n, h].
        state: The network's state after the segment's inputs.
        gradients: Gradients of the mean −ln p by each adapted weight.
    """

    log_probs: Tensor
    features: Tensor
    hidden: Tensor
    state: State
    gradients: Weights


@dataclasses.dataclass(frozen=True, eq=False)
class AdaptedState:
    """State of an adapted network after the events read so far: an immutable value, equal after equal histories.

    Attributes:
        network: State of the network with the adapted weights.
        weights: These weights, shared by the states within a segment and never changed.
        begin: State of the network before the segment's first input.
        ids: Ids read since then: the segment's first input, and its events so far.
        history: Digest of everything read.
    """

    network: scoring.NeuralState
    weights: Weights
    begin: tuple[NDArray[Any], ...]
    ids: tuple[int, ...]
    history: bytes

    @property
    def hidden(self) -> NDArray[np.float32]:
        """Output of the last hidden layer: float32 [h]."""
        return self.network.hidden

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AdaptedState):
            return NotImplemented
        return self.history == other.history and self.network == other.network

    def __hash__(self) -> int:
        return hash(self.history)


def adapted_parameters(module: LanguageModule) -> dict[str, torch.nn.Parameter]:
    """Return the adapted parameters by name: all except frozen ones."""
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad}


def gradient_rms(
    module: LanguageModule,
    events: NDArray[np.int32],
    *,
    batch: int,
    segment: int,
    steps: int,
    advance: Callable[[float], None] = lambda amount: None,
) -> dict[str, NDArray[np.float32]]:
    """Return the root mean square of each weight's gradient on a text.

    The text is read as in training, in ``batch`` contiguous columns; each gradient is that of the mean loss of one
    window of ``segment`` rows, with masks off.

    Args:
        module: The trained network, which is not changed.
        events: Ids of the text: int32 [N], N ≥ 1.
        batch: Number of columns; fewer if the text has fewer events.
        segment: Rows per window.
        steps: Maximum number of windows, from the start of each column.
        advance: Called after each window.

    Returns:
        float32 arrays with the names and shapes of the adapted parameters.
    """
    module = _copy_of(module)
    device = scoring.device_of(module)
    parameters = adapted_parameters(module)
    squares = [torch.zeros_like(weight) for weight in parameters.values()]
    ids = columns(events, min(batch, len(events))).long().to(device)
    begins = range(0, min(len(ids) - 1, steps * segment), segment)
    state = module.initial_state(ids.shape[1])
    for begin in begins:
        window = ids[begin : begin + segment + 1]
        with torch.enable_grad():
            output = module(window[:-1], state)
            loss = module.output.loss(output.features.flatten(0, 1), window[1:].flatten())
            gradients = _gradients(loss, list(parameters.values()))
        state = _detached(output.state)
        for total, gradient in zip(squares, gradients, strict=True):
            total.addcmul_(gradient, gradient)
        advance(1)
    return {name: (total / len(begins)).sqrt_().cpu().numpy() for name, total in zip(parameters, squares, strict=True)}


class Adapter:
    """Copy of a network with weights adapted to the text that it reads.

    Args:
        module: The trained network, which is not changed.
        rule: Update rule of the weights.
        segment: Events per update.
    """

    def __init__(self, module: LanguageModule, rule: Rule, segment: int) -> None:
        self.module = _copy_of(module)
        self.rule, self.segment = rule, segment
        named = adapted_parameters(self.module)
        self._parameters = list(named.values())
        self._trained: Weights = tuple(weight.detach().clone() for weight in self._parameters)
        self._shares: Sequence[float | Tensor] = [rule.decay] * len(named)
        self._factors: list[Tensor] | None = None
        if rule.rms is not None:
            device = scoring.device_of(self.module)
            arrays = [rule.rms[name] for name in named]
            mean = sum(float(array.sum(dtype=np.float64)) for array in arrays) / sum(array.size for array in arrays)
            mean = mean or 1.0  # without any gradient, no weight changes
            rms = [torch.tensor(array, device=device) for array in arrays]
            self._shares = [(values * (rule.decay / mean)).clamp_(max=1) for values in rms]
            self._factors = [1 / (values + rule.epsilon * mean) for values in rms]

    # ------------------------------------------------------------------------------------------------ whole texts

    def read(
        self, events: NDArray[np.int32], offsets: NDArray[np.int64], context: Context
    ) -> Iterator[tuple[int, Segment]]:
        """Yield the segments of a text, each read with weights adapted to those before it.

        In the context ``sentence`` the network's state is reset at each sentence, where a segment ends too; the
        weights are not reset.

        Args:
            events: Ids of the words, with ``</s>`` after each sentence: int32 [events].
            offsets: Start of each sentence's events, and the end of the last: int64 [sentences + 1].
            context: ``sentence`` or ``stream``.

        Yields:
            Start of a segment, and the segment; until the next one is requested, the module has its weights.
        """
        weights = tuple(weight.clone() for weight in self._trained)
        self._use(weights)
        inputs = np.concatenate([np.array([EOS_ID], np.int32), events[:-1]])
        before: Segment | None = None
        texts = offsets.tolist() if context == "sentence" else [0, len(events)]
        for first, last in itertools.pairwise(texts):
            state = self.module.initial_state(1)
            for begin in range(first, last, self.segment):
                if before is not None:
                    self._update(weights, before.gradients)
                end = min(begin + self.segment, last)
                before = self._read(state, inputs[begin:end].tolist(), events[begin:end].tolist())
                state = before.state
                yield begin, before

    # ---------------------------------------------------------------------------------------------- state machine

    def start(self) -> AdaptedState:
        """Return the zero state after reading ``</s>``, with the trained weights."""
        return self._begun(self._trained, b"")

    def restart(self, state: AdaptedState) -> AdaptedState:
        """Return the zero state after reading ``</s>``, with the adapted weights."""
        weights = state.weights
        if len(state.ids) > 1:
            weights, _ = self._followed(state, state.ids)
        return self._begun(weights, _digest(state.history, -1))

    def advance(self, state: AdaptedState, word_id: int) -> AdaptedState:
        """Return the state after reading one more id; update the weights if it ends a segment."""
        history, ids = _digest(state.history, int(word_id)), (*state.ids, int(word_id))
        if len(state.ids) < self.segment:
            self._use(state.weights)
            network = scoring.advance(self.module, state.network, int(word_id))
            return AdaptedState(network, state.weights, state.begin, ids, history)
        weights, after = self._followed(state, ids)
        self._use(weights)
        network = scoring.read(self.module, after, int(word_id))
        begin = tuple(tensor.cpu().numpy() for tensor in after)
        return AdaptedState(network, weights, begin, ids[-1:], history)

    def next_log_probs(self, state: AdaptedState) -> NDArray[np.float64]:
        """Return the natural log-probability of each id as the next event: float64 [V], −inf at ``<s>``."""
        self._use(state.weights)
        return scoring.next_log_probs(self.module, state.network)

    def _begun(self, weights: Weights, history: bytes) -> AdaptedState:
        self._use(weights)
        network = scoring.start(self.module)
        begin = tuple(tensor.cpu().numpy() for tensor in self.module.initial_state(1))
        return AdaptedState(network, weights, begin, (EOS_ID,), history)

    def _followed(self, state: AdaptedState, ids: tuple[int, ...]) -> tuple[Weights, State]:
        """Return the weights updated on the segment of these ids, and the network's state after its inputs."""
        device = scoring.device_of(self.module)
        self._use(state.weights)
        read = self._read(tuple(torch.tensor(array, device=device) for array in state.begin), ids[:-1], ids[1:])
        weights = tuple(weight.clone() for weight in state.weights)
        self._update(weights, read.gradients)
        return weights, read.state

    # --------------------------------------------------------------------------------------------------- a segment

    def _use(self, weights: Weights) -> None:
        for parameter, weight in zip(self._parameters, weights, strict=True):
            parameter.data = weight

    def _read(self, state: State, inputs: Sequence[int], targets: Sequence[int]) -> Segment:
        device = scoring.device_of(self.module)
        with torch.enable_grad():
            output = self.module(torch.tensor(inputs, device=device)[:, None], state)
            log_probs = self.module.output.log_probs(output.features[:, 0], torch.tensor(targets, device=device))
            gradients = _gradients(-log_probs.mean(), self._parameters)
        return Segment(
            log_probs.detach(),
            output.features[:, 0].detach(),
            output.raw[:, 0].detach(),
            _detached(output.state),
            gradients,
        )

    @torch.no_grad()
    def _update(self, weights: Weights, gradients: Weights) -> None:
        """Update the weights on a segment, in place."""
        rate = self.rule.lr
        if self.rule.clip_norm is not None:
            norm = float(torch.nn.utils.get_total_norm(gradients))
            rate *= min(1.0, self.rule.clip_norm / norm) if math.isfinite(norm) and norm > 0 else 1.0
        for number, (weight, trained, gradient) in enumerate(zip(weights, self._trained, gradients, strict=True)):
            weight.lerp_(trained, self._shares[number])
            if self._factors is None:
                weight.add_(gradient, alpha=-rate)
            else:
                weight.addcmul_(gradient, self._factors[number], value=-rate)


def _copy_of(module: LanguageModule) -> LanguageModule:
    """Return a copy with separate weights, in evaluation mode; the generator, unused there, is shared."""
    return copy.deepcopy(module, {id(module.generator): module.generator}).eval()


def _gradients(loss: Tensor, parameters: Sequence[Tensor]) -> Weights:
    # A weight, such as that of a cluster of rare words, may be unused in a segment.
    return torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)


def _detached(state: State) -> State:
    return tuple(tensor.detach() for tensor in state)


def _digest(history: bytes, word_id: int) -> bytes:
    return hashlib.blake2b(history + word_id.to_bytes(8, "little", signed=True), digest_size=16).digest()
