"""How weights are found: the optimizer, its learning rate over time, clipping, and averages of the weights.

The learning rate is a pure function of the step, the number of steps and the validation history; no object counts
along, so there is nothing that a resumed run could have lost.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from nlmkit.language_models.neural.options import OptimisationOptions

START_DIVISOR: Final = 25.0
"""One-cycle begins at the peak rate over this; so do steps that are taken before their number is known."""

END_DIVISOR: Final = 1e4
"""One-cycle ends at its first rate over this."""


# ---------------------------------------------------------------------------------------------------- optimizer


def build_optimizer(
    groups: list[dict[str, Any]], options: OptimisationOptions, device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer that ``options.optimizer`` names, with torch's values for all but rate and weight decay.

    ``adamw`` decays weights apart from the gradient (Loshchilov & Hutter 2019); for the others the decay is an L2
    penalty in the gradient. ``sgd`` has no momentum.

    Args:
        groups: Parameter groups, each with its ``weight_decay``; usually matrices with and vectors (biases, gains of
            layer norms) without.
        options: Name and highest rate.
        device: Where the parameters are. Where torch has a fused update, it is used: one pass over memory.
    """
    return torch_optimizer(_by_decay(groups), options, device)


def torch_optimizer(
    groups: list[dict[str, Any]], options: OptimisationOptions, device: torch.device
) -> torch.optim.Optimizer:
    """As :func:`build_optimizer`, with the groups as they are, and whatever else stands in them."""
    fused = True if device.type in ("cpu", "cuda") else None
    match options.optimizer:
        case "adamw":
            return torch.optim.AdamW(groups, lr=options.lr, fused=fused)
        case "adam":
            return torch.optim.Adam(groups, lr=options.lr, fused=fused)
        case "sgd":
            return torch.optim.SGD(groups, lr=options.lr, fused=fused)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=options.lr)
        case "adagrad":
            return torch.optim.Adagrad(groups, lr=options.lr, fused=True if device.type == "cpu" else None)
    raise AssertionError(f"the options let {options.optimizer!r} through")


def _by_decay(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same parameters in one group for each weight decay: every group costs a call of the update."""
    found: dict[float, list[Tensor]] = {}
    for group in groups:
        found.setdefault(group["weight_decay"], []).extend(group["params"])
    return [{"params": parameters, "weight_decay": decay} for decay, parameters in found.items()]


def optimizer_state(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, dict[str, Tensor]]:
    """What the optimizer remembers of each parameter, by the parameter's name and its own key."""
    return {
        name: {key: value for key, value in optimizer.state[parameter].items() if isinstance(value, Tensor)}
        for name, parameter in module.named_parameters()
        if parameter in optimizer.state
    }


def load_optimizer_state(
    optimizer: torch.optim.Optimizer, module: nn.Module, saved: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Let the optimizer remember what :func:`optimizer_state` gave."""
    names = {parameter: name for name, parameter in module.named_parameters()}
    ordered = [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
    state = optimizer.state_dict()
    state["state"] = {number: dict(saved[name]) for number, name in enumerate(ordered) if saved.get(name)}
    optimizer.load_state_dict(state)


# ---------------------------------------------------------------------------------------------------- schedules


def learning_rate(options: OptimisationOptions, step: float, steps: float | None, *, plateaus: int = 0) -> float:
    """The learning rate of a step.

    Args:
        options: Schedule, peak rate, share of warm-up, factor of plateau.
        step: Steps taken before, from 0; may be between two steps where a schedule is shortened.
        steps: Steps of the whole schedule; None while that is not known, which counts as its beginning.
        plateaus: Epochs so far that did not improve on validation text.
    """
    match options.schedule:
        case "constant":
            return options.lr
        case "plateau":
            return options.lr * options.decay**plateaus
        case "one-cycle" | "cosine" as schedule:
            if steps is None:
                return options.lr / START_DIVISOR if options.warmup > 0 else options.lr
            function = one_cycle if schedule == "one-cycle" else cosine
            return function(step, steps, peak=options.lr, warmup=options.warmup)
    raise AssertionError(f"the options let {options.schedule!r} through")


def one_cycle(step: float, steps: float, *, peak: float, warmup: float) -> float:
    """Rise from peak / 25 to the peak, then fall to peak / 250,000, both along half a cosine (Smith & Topin 2017).

    Momentum does not cycle. The last step of the warm-up is the one at the peak.

    Args:
        step: From 0 to ``steps`` − 1.
        steps: Of the whole schedule.
        peak: Highest rate.
        warmup: Share of the steps in which the rate rises.
    """
    first = peak / START_DIVISOR
    top, end = max(warmup * steps - 1, 0.0), steps - 1
    if step < top:
        return _half_cosine(first, peak, step / top)
    return _half_cosine(peak, first / END_DIVISOR, (step - top) / (end - top)) if end > top else peak


def cosine(step: float, steps: float, *, peak: float, warmup: float) -> float:
    """Rise linearly to the peak, then fall to zero along half a cosine (Loshchilov & Hutter 2017, without restarts).

    The rate would reach zero with the step after the last one. Arguments are those of :func:`one_cycle`.
    """
    top = warmup * steps
    if step < top:
        return peak * (step + 1) / (top + 1)
    return _half_cosine(peak, 0.0, (step - top) / (steps - top))


def _half_cosine(begin: float, end: float, share: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2


def epochs_without_improvement(perplexities: Sequence[float]) -> int:
    """How many epochs there have been since the best one.

    Args:
        perplexities: Of the validation text, one an epoch.
    """
    if not perplexities:
        return 0
    return len(perplexities) - 1 - min(range(len(perplexities)), key=perplexities.__getitem__)


def plateaus(perplexities: Sequence[float]) -> int:
    """How many epochs did not improve on all before them; arguments are those of `epochs_without_improvement`."""
    best, found = math.inf, 0
    for perplexity in perplexities:
        found += not perplexity < best
        best = min(best, perplexity)
    return found


def starts_averaging(perplexities: Sequence[float], window: int) -> bool:
    """Whether NT-ASGD begins to average after the last evaluation (Merity et al. 2018, algorithm 1).

    It does when that one is worse than the best of those more than ``window`` evaluations before it.

    Args:
        perplexities: Of the validation text, one an evaluation, the newest last.
        window: The non-monotone interval n.
    """
    *before, last = perplexities
    return len(before) > window and last > min(before[: len(before) - window])


# ----------------------------------------------------------------------------------------------------- clipping


def clip_gradients(parameters: Iterable[Tensor], *, norm: float | None, value: float | None) -> Tensor:
    """Clip gradients in place, entries first and then their norm.

    Args:
        parameters: Whose gradients are clipped together; those without one are passed over.
        norm: Largest Euclidean norm of all gradients as one vector.
        value: Largest absolute value of an entry.

    Returns:
        The norm before anything was clipped: a scalar, not finite when an entry is not.
    """
    with_gradient = [parameter for parameter in parameters if parameter.grad is not None]
    gradients = [parameter.grad for parameter in with_gradient if parameter.grad is not None]
    before = torch.nn.utils.get_total_norm(gradients)
    after = before
    if value is not None:
        torch.nn.utils.clip_grad_value_(with_gradient, value)
        after = torch.nn.utils.get_total_norm(gradients) if norm is not None else before
    if norm is not None:
        torch.nn.utils.clip_grads_with_norm_(with_gradient, norm, after)
    return before


# ---------------------------------------------------------------------------------------------------- averaging


class WeightAverage:
    """A running average of the weights, which takes their place for evaluation and at the end.

    ``asgd`` and ``nt-asgd`` average all iterates alike since the average was started (Polyak & Juditsky 1992);
    ``ema`` moves by 1 − d each step, with d = min(decay, (1 + n) / (10 + n)) at the n-th, so that the first weights
    are soon forgotten.

    Args:
        kind: ``none``, ``asgd``, ``nt-asgd`` or ``ema``.
        parameters: What is averaged; they stay the same tensors.
        decay: Of ``ema``.

    Attributes:
        count: Iterates averaged so far.
        tensors: The average, a tensor a parameter; None while it has not been started.
    """

    def __init__(self, kind: str, parameters: Sequence[Tensor], *, decay: float = 0.999) -> None:
        self.kind = kind
        self.count = 0
        self.tensors: list[Tensor] | None = None
        self._parameters = list(parameters)
        self._decay = decay

    @property
    def active(self) -> bool:
        """Whether there is an average that stands for the weights."""
        return self.tensors is not None and self.count > 0

    @torch.no_grad()
    def start(self) -> None:
        """Average the iterates from the next step on; nothing happens where that has begun or is not wanted."""
        if self.tensors is None and self.kind != "none":
            self.tensors = [parameter.detach().clone() for parameter in self._parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        if self.tensors is None:
            return
        self.count += 1
        decay = min(self._decay, (1 + self.count) / (10 + self.count))
        share = 1 - decay if self.kind == "ema" else 1 / self.count
        for average, parameter in zip(self.tensors, self._parameters, strict=True):
            average.lerp_(parameter, share)

    @torch.no_grad()
    def load(self, tensors: Sequence[Tensor], count: int) -> None:
        """Go on from an average that was saved."""
        self.start()
        assert self.tensors is not None
        for average, tensor in zip(self.tensors, tensors, strict=True):
            average.copy_(tensor)
        self.count = count

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The parameters hold the average for the length of the body, where there is one."""
        if not self.active:
            yield
            return
        assert self.tensors is not None
        kept = [parameter.detach().clone() for parameter in self._parameters]
        _copy(self.tensors, self._parameters)
        try:
            yield
        finally:
            _copy(kept, self._parameters)

    def keep(self) -> None:
        """The parameters hold the average from now on, where there is one."""
        if self.active and self.tensors is not None:
            _copy(self.tensors, self._parameters)


@torch.no_grad()
def _copy(source: Sequence[Tensor], target: Sequence[Tensor]) -> None:
    # Values, not storage: a cuDNN network keeps its weights in one piece of memory.
    for values, tensor in zip(source, target, strict=True):
        tensor.copy_(values)
