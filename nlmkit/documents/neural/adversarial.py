"""Adversarial and virtual adversarial training of models of texts (Miyato, Dai & Goodfellow 2017).

The word vectors s of a text of n words are shifted by r towards what changes the output most, to first order::

    adversarial          r = ε √n g / ‖g‖,  g = ∇_s loss(s)                   adds  weight · loss(s + r)
    virtual adversarial  r = ε √n g / ‖g‖,  g = ∇_d D(s, s + d) at d = ξ u    adds  weight · D(s, s + r)

u is random of norm 1. D is the divergence of the output at s + r from that at s, which is taken as constant: it needs
no target, and so takes unlabelled texts, too. All passes of a step share the masks of dropout; the first alone, without
a shift, moves the running statistics of batch normalization.

Norms are over all words of a text. The paper has no √n; its norm of 5 for reviews of 400 words is ε = .25 here, which
suits sentences, too.

Norms are those of normalized vectors: every dimension has mean 0 and variance 1 over the words of the training texts.
The paper normalizes the vectors that the network reads; here the network reads the vectors as they are, and r is
multiplied by the standard deviation of each dimension, which is the same for the network up to a linear map of its
inputs. So large vectors do not make r small, and vectors of a representation or language model can be taken over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.documents.neural.batching import Documents
from nlmkit.layers.word_input import PAD_ID
from nlmkit.training.batches import Indices, training_batches
from nlmkit.training.randomness import Purpose, generator
from nlmkit.training.task import Step

if TYPE_CHECKING:
    from nlmkit.documents.neural.batching import Batch
    from nlmkit.documents.neural.module import TextModule

PROBE: Final = 0.1
"""ξ: norm of the random shift at which the divergence is differentiated."""

_NOTHING: Final = 1e-30
"""Norm below which a gradient counts as zero."""

Loss = Callable[[Tensor], Tensor]
"""Mean loss of outputs [B, O]: a scalar."""

Divergence = Callable[[Tensor, Tensor], Tensor]
"""Mean divergence of outputs [B, O] from others that are constant [B, O] and come first: a scalar."""


class Adversary:
    """Adversarial losses of a network.

    Args:
        module: The network.
        ids: Ids of all words of the training texts, whose vectors are normalized: int64 [words].
        norm: ε, per square root of the number of words.
        adversarial: Weight of the adversarial loss.
        virtual: Weight of the virtual adversarial loss.
    """

    def __init__(self, module: TextModule, ids: NDArray[np.int64], *, norm: float, adversarial: float, virtual: float):
        self._module = module
        counts = np.bincount(ids, minlength=len(module.words.channels[0]))
        self._shares = torch.from_numpy(counts / max(1, counts.sum())).float().to(module.device)
        self._norm, self._adversarial, self._virtual = norm, adversarial, virtual

    def step(self, batch: Batch, loss: Loss, divergence: Divergence) -> Step:
        """Return the mean loss of labelled texts, with the weighted adversarial losses as its penalty.

        Args:
            batch: The texts.
            loss: Mean loss; weights of the texts are a part of it, and so of the adversarial loss.
            divergence: Mean divergence.
        """
        passes = _Passes(self._module, batch, self._scales(), draws=self._virtual > 0)
        found = passes.outputs(passes.origin)
        mean = loss(found)
        penalty = mean.new_zeros(())
        if self._adversarial:
            (gradient,) = torch.autograd.grad(mean, passes.origin, retain_graph=True)
            penalty = penalty + self._adversarial * loss(passes.outputs(passes.shift(gradient, self._norm)))
        if self._virtual:
            penalty = penalty + self._virtual * self._worst(passes, found.detach(), divergence)
        return Step(mean, penalty=penalty)

    def unlabelled_step(self, batch: Batch, divergence: Divergence) -> Step:
        """Return a loss of zero, for texts without targets, with the weighted virtual adversarial loss as penalty."""
        passes = _Passes(self._module, batch, self._scales(), draws=True)
        with torch.no_grad():
            found = passes.outputs(passes.origin)
        return Step(found.new_zeros(()), penalty=self._virtual * self._worst(passes, found, divergence))

    def _worst(self, passes: _Passes, found: Tensor, divergence: Divergence) -> Tensor:
        """Return the divergence from the outputs found at the shift that is worst to first order."""
        probe = passes.probe().requires_grad_()
        (gradient,) = torch.autograd.grad(divergence(found, passes.outputs(probe)), probe)
        return divergence(found, passes.outputs(passes.shift(gradient, self._norm)))

    @torch.no_grad()
    def _scales(self) -> Tensor:
        """Return the standard deviation of each dimension over the words of the training texts: [width]."""
        # From the weights of each step alone, so that a resumed run takes the same steps.
        found = [
            (self._shares @ (matrix - self._shares @ matrix).square()).sqrt() for matrix in self._module.words.channels
        ]
        return torch.cat(found)


class _Passes:
    """Passes of a network over one batch, with shifted vectors and the same masks.

    Args:
        module: The network.
        batch: The batch.
        scales: Standard deviation of each dimension of the vectors: [width].
        draws: Whether a random shift is needed.
    """

    def __init__(self, module: TextModule, batch: Batch, scales: Tensor, *, draws: bool) -> None:
        self._module, self._batch, self._scales = module, batch, scales
        texts = torch.repeat_interleave(batch.sentences)  # the text of each row
        groups = batch.groups
        self._texts = torch.cat([texts[rows.numbers].repeat_interleave(rows.ids.shape[1]) for rows in groups])
        self._is_word = torch.cat([rows.ids.flatten() for rows in groups]).ne(PAD_ID).unsqueeze(1)
        self.origin = scales.new_zeros(len(self._is_word), len(scales)).requires_grad_()
        source = module.generator
        self._random = torch.randn(self.origin.shape, generator=source, device=source.device) if draws else None
        self._masks = source.get_state()
        self._statistics: list[Tensor] | None = None  # after the first pass

    def outputs(self, shift: Tensor) -> Tensor:
        """Return the outputs of the network [B, O], with its vectors shifted: [words, width]."""
        self._module.generator.set_state(self._masks)
        with self._module.words.shifted(shift):
            found: Tensor = self._module(self._batch)
        if self._module.training:
            self._keep_statistics()
        return found.float()

    def _keep_statistics(self) -> None:
        """Note the running statistics after the first pass, and put them back after the others."""
        moved = self._module.statistics()
        if self._statistics is None:
            self._statistics = [statistic.clone() for statistic in moved]
        for statistic, kept in zip(moved, self._statistics, strict=True):
            statistic.copy_(kept)

    def shift(self, gradient: Tensor, norm: float) -> Tensor:
        """Return the shift along a gradient [words, width], with that norm times √n; zero where that is zero."""
        words = self._per_text(self._is_word.float()[:, 0]).sqrt()
        return self._of_norm(gradient * self._scales, norm * words)

    def probe(self) -> Tensor:
        """Return the random shift of each text [words, width]."""
        assert self._random is not None
        norms = self._scales.new_full((len(self._batch.sentences),), PROBE)
        return self._of_norm(self._random.to(self._scales), norms)

    def _of_norm(self, shift: Tensor, norms: Tensor) -> Tensor:
        """Return a shift of normalized vectors, with the norm given for each text [B], in the units of the vectors."""
        shift = shift * self._is_word
        factors = norms / self._per_text(shift.square().sum(dim=1)).sqrt().clamp_min(_NOTHING)
        return shift * factors[self._texts].unsqueeze(1) * self._scales

    def _per_text(self, values: Tensor) -> Tensor:
        """Return the sum over the words of each text [B], of a value for each word and padding [words]."""
        return values.new_zeros(len(self._batch.sentences)).index_add_(0, self._texts, values)


def joined(one: Documents, other: Documents) -> Documents:
    """Return the documents of both, in this order."""
    return Documents(
        np.concatenate([one.ids, other.ids]),
        np.concatenate([one.sentence_offsets, other.sentence_offsets[1:] + one.sentence_offsets[-1]]),
        np.concatenate([one.document_offsets, other.document_offsets[1:] + one.document_offsets[-1]]),
    )


def unlabelled_batches(
    lengths: Indices, size: int, steps: int, *, sort_within: int, seed: int, epoch: int
) -> list[Indices]:
    """Return the unlabelled texts of each step of an epoch, as many as labelled ones; all come up equally often.

    Args:
        lengths: Number of words of each unlabelled text: int64 [texts].
        size: Texts per step.
        steps: Steps per epoch.
        sort_within: See ``training_batches``.
        seed: Seed of the component.
        epoch: Number of the epoch; together, epochs read the texts in rounds, each in random order.
    """
    count, wanted = len(lengths), size * steps
    places = np.arange(epoch * wanted, (epoch + 1) * wanted)
    chosen = np.empty(wanted, np.int64)
    for turn in range(int(places[0]) // count, int(places[-1]) // count + 1):
        order = torch.randperm(count, generator=generator(seed, Purpose.ROUND_OF_UNLABELLED_TEXTS, turn)).numpy()
        within = places // count == turn
        chosen[within] = order[places[within] - turn * count]
    source = generator(seed, Purpose.ORDER_OF_UNLABELLED_TEXTS, epoch)
    return [chosen[batch] for batch in training_batches(lengths[chosen], size, sort_within, source)]
