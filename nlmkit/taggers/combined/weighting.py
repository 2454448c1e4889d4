"""Weights of the models of a tagger ensemble: those under which held-out tags are most probable."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlmkit.decoding.chain import log_partition, path_scores
from nlmkit.taggers.chain_tagger import batches, padded, tokens_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.taggers.combined.members import Factors
    from nlmkit.text.tagged import TaggedSentences

_PRIOR: Final = 1.0
"""Strength of the pull towards equal weights, in sentences: it decides only where these leave the weights open."""


@dataclasses.dataclass(frozen=True, eq=False)
class HeldOut:
    """Sentences on which no model was trained, scored by the models.

    Attributes:
        factors: The fitted models.
        emissions: Scores of tags at tokens: float64 [models, tokens, tags].
        offsets: Where each sentence begins, and the last one ends: int64 [sentences + 1].
        tags: Right tags: int64 [tokens].
        legal: Which tags may come first, follow each other and come last.
    """

    factors: Factors
    emissions: NDArray[np.float64]
    offsets: NDArray[np.int64]
    tags: NDArray[np.int64]
    legal: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]

    @classmethod
    def of(cls, factors: Factors, data: TaggedSentences, legal: Any) -> HeldOut:
        """Return the sentences whose tags the models know, scored; there may be none."""
        assert data.tags is not None
        unknown = np.append(0, np.cumsum(data.tags.ids >= len(factors.orders[0])))
        low, high = data.offsets[:-1], data.offsets[1:]
        usable = (high > low) & (unknown[high] == unknown[low])
        part = data.subset(np.flatnonzero(usable))
        tags = data.tags.ids[np.repeat(usable, high - low)].astype(np.int64)  # a subset numbers its tags anew
        return cls(factors, factors.emissions(part), part.offsets, tags, legal)

    @property
    def sentences(self) -> int:
        """Number of sentences."""
        return len(self.offsets) - 1

    def loss(self, weights: NDArray[np.float64]) -> float:
        """Return the mean −ln p of the right tag sequences, per sentence."""
        chain = self.factors.chain(weights).constrained(*self.legal)
        scores = np.tensordot(weights, self.emissions, axes=1)
        total = 0.0
        for sentences in batches(self.offsets, chain.states):
            places, lengths = tokens_of(self.offsets, sentences)
            emissions = padded(scores[places], lengths)
            paths = padded(self.tags[places, None], lengths)[:, :, 0]
            normalizers = log_partition(chain, emissions, lengths)
            total += float((normalizers - path_scores(chain, emissions, paths, lengths)).sum())
        return total / self.sentences

    def best_weights(self) -> NDArray[np.float64]:
        """Return the weights with the lowest loss: float64 [models], not negative; the problem is convex."""
        from scipy.optimize import minimize

        models = len(self.emissions)
        equal = np.full(models, 1 / models)

        def loss(weights: NDArray[np.float64]) -> float:
            return self.loss(weights) + _PRIOR * float(((weights - equal) ** 2).sum()) / self.sentences

        found = minimize(loss, equal, method="L-BFGS-B", bounds=[(0, None)] * models, options={"ftol": 1e-10})
        return np.asarray(found.x, np.float64)

    def report(self, weights: NDArray[np.float64]) -> dict[str, Any]:
        """Return −ln p per sentence of each model alone and of all together, JSON-ready."""
        alone = np.eye(len(weights))
        return {
            "held_out_sentences": self.sentences,
            "loss_alone": [self.loss(each) for each in alone],
            "loss_together": self.loss(weights),
        }
