"""Linear-chain conditional random field over the tags of a sequence (Lafferty, McCallum & Pereira 2001).

The score of a tag sequence y of length T is the sum of its emissions, transitions, start and end::

    s(y) = start[y_1] + Σ_t emissions[t, y_t] + Σ_t transitions[y_t, y_{t+1}] + end[y_T]

and its probability exp(s(y)) / Z, where Z sums over the legal sequences alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Legal = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]
"""Tags that may start a sequence [K], pairs that may follow each other [K, K], tags that may end a sequence [K]."""

Scores = tuple[Tensor, Tensor, Tensor]
"""Start [K], transitions [K, K] (from, to) and end [K]; −inf forbids."""

_TINY: Final = torch.finfo(torch.float64).tiny
_IMPOSSIBLE: Final = -1e30


class ConditionalRandomField(nn.Module):
    """Scores of start, transitions and end of tag sequences, and the likelihood of sequences.

    ``start`` [K], ``transitions`` [K, K] (from, to) and ``end`` [K] are initially zero. Illegal entries are never read
    and get no gradient.

    Args:
        tags: Number of tags K.
        legal: Constraints; see ``Legal``.
    """

    legal_start: Tensor
    legal_transitions: Tensor
    legal_end: Tensor

    def __init__(self, tags: int, legal: Legal) -> None:
        super().__init__()
        self.tags = tags
        self.start = nn.Parameter(torch.zeros(tags))
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.end = nn.Parameter(torch.zeros(tags))
        for name, mask in zip(("start", "transitions", "end"), legal, strict=True):
            self.register_buffer(f"legal_{name}", torch.from_numpy(np.array(mask, np.bool_)), persistent=False)

    def loss(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Return the negative log-likelihood of each sequence: float64 [B]; 0 for an empty one.

        Args:
            emissions: Scores of the tags at each position; those of the padding are not used, but finite: [B, T, K].
            tags: The tags, legal sequences; any tags in the padding: int64 [B, T].
            lengths: Number of positions of each sequence: int64 [B].
        """
        emissions, tags, lengths = (_where_float64_is(each) for each in (emissions, tags, lengths))
        time_major = emissions.transpose(0, 1).double()
        scores = self._masked()
        return log_partition(time_major, scores, lengths) - path_scores(time_major, scores, tags.T, lengths)

    @torch.no_grad()
    def scores(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return start [K], transitions [K, K] and end [K], −inf where illegal, for decoding."""
        start, transitions, end = (each.cpu().numpy() for each in self._masked())
        return start, transitions, end

    def _masked(self) -> Scores:
        pairs = (
            (self.start, self.legal_start),
            (self.transitions, self.legal_transitions),
            (self.end, self.legal_end),
        )
        start, transitions, end = (
            _where_float64_is(scores).double().masked_fill(~_where_float64_is(legal), -torch.inf)
            for scores, legal in pairs
        )
        return start, transitions, end

    def extra_repr(self) -> str:
        """Shown by ``repr``."""
        return f"{self.tags}"


def _where_float64_is(tensor: Tensor) -> Tensor:
    """Return a tensor on its device, or on the CPU if that is Apple's MPS, which has no float64."""
    return tensor.cpu() if tensor.device.type == "mps" else tensor


def path_scores(emissions: Tensor, scores: Scores, tags: Tensor, lengths: Tensor) -> Tensor:
    """Return the score s(y) of a tag sequence per row: [B]; 0 for an empty one.

    Args:
        emissions: [T, B, K].
        scores: See ``Scores``.
        tags: int64 [T, B].
        lengths: Number of positions of each sequence: int64 [B].
    """
    start, transitions, end = scores
    time = torch.arange(len(tags), device=lengths.device).unsqueeze(1)
    inside = time < lengths
    found = (emissions.gather(2, tags.unsqueeze(2)).squeeze(2) * inside).sum(0)
    if not len(tags):
        return found
    # Not a product: pairs in the padding may score −inf.
    found = found + transitions[tags[:-1], tags[1:]].masked_fill(~inside[1:], 0.0).sum(0)
    last = tags.gather(0, (lengths - 1).clamp_min(0).unsqueeze(0)).squeeze(0)
    return found + (start[tags[0]] + end[last]).masked_fill(lengths == 0, 0.0)


def log_partition(emissions: Tensor, scores: Scores, lengths: Tensor) -> Tensor:
    """Return log Z of each row: [B]; 0 for an empty one, −inf where no sequence is allowed.

    Calculated by the forward-backward algorithm with scaled probabilities, which gives the gradient, too: the
    probability of each tag and of each pair of tags (Rabiner 1989). Where a probability underflows, because scores
    differ by more than about 700, it is calculated with logarithms instead.

    Args:
        emissions: float64 [T, B, K].
        scores: See ``Scores``; float64.
        lengths: Number of positions of each sequence: int64 [B].
    """
    if not emissions.shape[0]:
        return emissions.new_zeros(emissions.shape[1])
    found: Tensor = _LogPartition.apply(emissions, *scores, lengths)  # type: ignore[no-untyped-call]
    return found if bool(found.isfinite().all()) else log_partition_by_logarithms(emissions, scores, lengths)


def log_partition_by_logarithms(emissions: Tensor, scores: Scores, lengths: Tensor) -> Tensor:
    """Return the result of ``log_partition``, which has the same arguments, slowly but for any scores."""
    # Not −inf: the gradient of log-sum-exp of nothing else would be NaN.
    start, transitions, end = (each.clamp_min(_IMPOSSIBLE) for each in scores)
    alpha = start + emissions[0]
    for time in range(1, len(emissions)):
        following = torch.logsumexp(alpha.unsqueeze(2) + transitions, dim=1) + emissions[time]
        alpha = torch.where((time < lengths).unsqueeze(1), following, alpha)
    found = torch.logsumexp(alpha + end, dim=1)
    return found.masked_fill(found < _IMPOSSIBLE / 2, -torch.inf).masked_fill(lengths == 0, 0.0)


class _LogPartition(torch.autograd.Function):
    """``log_partition`` by scaled probabilities; not finite where one underflows.

    With X = exp(emissions) and M = exp(transitions), up to factors, the two recursions are::

        α_1 = start · X_1      α_t = (α_{t−1} M) · X_t
        γ_T = end · X_T        γ_t = (γ_{t+1} Mᵀ) · X_t

    each vector divided by its sum. They run side by side, γ on rows turned round, as one batched product per step.
    """

    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any, emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor
    ) -> Tensor:
        steps, rows, _ = emissions.shape
        time = torch.arange(steps, device=lengths.device).unsqueeze(1)
        inside = time < lengths
        turned = torch.where(inside, lengths - 1 - time, time) * rows + torch.arange(rows, device=lengths.device)
        largest = emissions.amax(2)
        weights = (emissions - largest.unsqueeze(2)).exp_()
        both = torch.stack([weights, _picked(weights, turned)], dim=1)
        (first, first_log), (matrix, matrix_log), (last, last_log) = map(_exp, (start, transitions, end))
        states, before, sums = _recursions(both, torch.stack([first, last]), torch.stack([matrix, matrix.T]))

        alphas = states[:, 0]
        final = _last(alphas, lengths)
        logs = (sums[:, 0, :, 0].log() + largest + matrix_log).masked_fill(~inside, 0.0).sum(0)
        found = logs + (final @ last).log() + (first_log - matrix_log + last_log)

        betas = _picked(before[:, 1], turned)  # what follows a tag: [T, B, K]
        gammas = _picked(states[:, 1], turned)
        ctx.save_for_backward(alphas, betas, gammas, matrix, lengths, inside)
        return found.masked_fill(lengths == 0, 0.0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        alphas, betas, gammas, matrix, lengths, inside = ctx.saved_tensors
        (gradient,) = gradients
        joint = alphas * betas
        share = torch.where(inside, gradient / joint.sum(2).clamp_min(_TINY), 0.0).unsqueeze(2)
        marginals = joint * share
        tags = alphas.shape[2]
        pairs = (alphas[:-1] * (share[:-1] * inside[1:].unsqueeze(2))).reshape(-1, tags).T @ gammas[1:].reshape(
            -1, tags
        )
        return marginals, marginals[0].sum(0), pairs * matrix, _last(marginals, lengths).sum(0), None


def _picked(vectors: Tensor, places: Tensor) -> Tensor:
    """Return the vectors [T, B, K] at some places among the T · B of them: int64 [T, B]."""
    return vectors.reshape(-1, vectors.shape[2]).index_select(0, places.flatten()).view(vectors.shape)


def _last(vectors: Tensor, lengths: Tensor) -> Tensor:
    """Return the vector of the last position of each row: [B, K]; the first one of an empty row."""
    return vectors[(lengths - 1).clamp_min(0), torch.arange(len(lengths), device=lengths.device)]


def _exp(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return exp(scores − largest), and the largest."""
    largest = scores.max()
    return (scores - largest).exp(), largest


def _recursions(weights: Tensor, first: Tensor, matrices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the states of two recursions, the vectors before the factor ``weights``, and the sums divided by.

    Args:
        weights: [T, 2, B, K].
        first: Vector before the first step: [2, K].
        matrices: [2, K, K].

    Returns:
        [T, 2, B, K], [T, 2, B, K] and [T, 2, B, 1].
    """
    states, before = torch.empty_like(weights), torch.empty_like(weights)
    sums = weights.new_empty(*weights.shape[:3], 1)
    for step, (state, unweighted, weight, total) in enumerate(zip(states, before, weights, sums, strict=True)):
        if step:
            torch.bmm(states[step - 1], matrices, out=unweighted)
        else:
            unweighted.copy_(first.unsqueeze(1))
        torch.mul(unweighted, weight, out=state)
        torch.sum(state, 2, keepdim=True, out=total)
        state.div_(total.clamp_min(_TINY))
    return states, before, sums
