"""Taggers of an ensemble: which can be combined, and their scores."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.core import groups
from nlmkit.core.groups import Group
from nlmkit.errors import HyperParameterError
from nlmkit.taggers.chain_tagger import ChainTagger, places_of
from nlmkit.taggers.inputs import changed
from nlmkit.text.tagged import TaggedSentences

FLOOR: Final = 1e-12
"""Share of a word's most probable tag that a tag has which a model rules out, so that no model decides this alone."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlmkit.decoding.chain import Chain


def resolved(given: Any, number: int) -> ChainTagger:
    """Return a tagger whose scores form a chain; see ``nlmkit.core.groups.resolved``.

    Raises:
        HyperParameterError: Another kind of model is there, or its scores form no chain.
        SavedModelError: The folder cannot be loaded.
    """
    model = groups.resolved(given, number, ChainTagger.kind)
    if not isinstance(model, ChainTagger):
        problem = "has no scores of single tags and transitions, which an ensemble adds up"
        raise HyperParameterError(f"model {number} ({model.name}) {problem}")
    return model


def check(model: ChainTagger, number: int, ensemble: ChainTagger) -> None:
    """Check that a model suits the tags, columns and Unicode form of an ensemble.

    Raises:
        HyperParameterError: It does not.
    """
    who = f"model {number} ({model.name})"
    if ensemble.unicode_form not in (None, model.unicode_form):
        raise HyperParameterError(
            f"{who} looks words up in the Unicode form {model.unicode_form}, and the ensemble in "
            f"{ensemble.unicode_form}: set unicode_form=null in the ensemble"
        )
    if getattr(ensemble, "decoding", None) == "mbr" and model.tags_before > 1:
        raise HyperParameterError(
            f"decoding=mbr: {who} scores a tag by {model.tags_before} tags before it, and only chains of pairs can be "
            "decoded so: use decoding=viterbi, or for an hmm-tagger order=2"
        )
    if not model.is_fitted:
        if model.scheme is not None:
            raise HyperParameterError(f"{who} has scheme={model.scheme}: set the scheme of the ensemble instead")
        return
    if model.inner_scheme_ != ensemble.inner_scheme_ or {*model.tags_} != {*ensemble.tags_}:
        raise HyperParameterError(
            f"{who} has the tags {_shown(model.tags_)}, and these sentences have {_shown(ensemble.tags_)}: an ensemble "
            "needs the same ones"
        )
    missing = [name for name in model.feature_names_ if name not in ensemble.feature_names_]
    if missing:
        raise HyperParameterError(f"{who} reads the feature columns {', '.join(missing)}, which these sentences lack")


def _shown(tags: Sequence[str]) -> str:
    named = ", ".join(sorted(tags)[:8])
    return f"{named}, ... ({len(tags)})" if len(tags) > 8 else named


def view(data: TaggedSentences, names: Sequence[str]) -> TaggedSentences:
    """Return sentences with the feature columns of these names alone, in this order."""
    if tuple(data.feature_names) == tuple(names):
        return data
    columns = tuple(data.features[data.feature_names.index(name)] for name in names)
    return changed(data, feature_names=tuple(names), features=columns)


@dataclasses.dataclass(frozen=True, eq=False)
class Factors:
    """Fitted models whose scores are added up, each with its share.

    Attributes:
        models: The models; all have the tags of the ensemble.
        owners: For each the place of the hyper-parameter that it is a version of: int64 [models].
        orders: For each the number in it of each tag of the ensemble: int64 [tags].
    """

    models: tuple[ChainTagger, ...]
    owners: NDArray[np.int64]
    orders: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, models: Sequence[Group], tags: Sequence[str]) -> Factors:
        """Return the versions of all models."""
        flat = tuple(model for group in models for model in group)
        owners = np.repeat(np.arange(len(models)), [len(group) for group in models])
        return cls(flat, owners, tuple(np.array([model.tags_.index(tag) for tag in tags]) for model in flat))

    def shares(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weight of each version, of which those of a model share its weight: float64 [versions]."""
        shares: NDArray[np.float64] = weights[self.owners] / np.bincount(self.owners)[self.owners]
        return shares

    def chain(self, weights: NDArray[np.float64]) -> Chain:
        """Return the chain of the weighted sum of scores."""
        from nlmkit.decoding.products import product

        chains = [model.chain() for model in self.models]
        return product(chains, self.shares(weights).tolist(), self.orders)

    def emissions(self, data: TaggedSentences) -> NDArray[np.float64]:
        """Return the scores of tags at tokens, the mean over the versions of each model: [models, tokens, tags]."""
        found = np.zeros((self.owners[-1] + 1, data.tokens, len(self.orders[0])))
        shares = self.shares(np.ones(len(found)))
        for model, owner, order, share in zip(self.models, self.owners.tolist(), self.orders, shares, strict=True):
            own = model.encode(view(data, model.feature_names_))
            for sentences, scores, lengths in model.emissions(own):
                times, rows = places_of(lengths)
                found[owner, data.offsets[sentences][rows] + times] += share * _possible(scores[times, rows][:, order])
        return found


def _possible(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Return scores [tokens, tags] with tags that are impossible for a word at ``FLOOR`` of its most probable tag."""
    found = scores.astype(np.float64)
    lowest = np.log(FLOOR) + found.max(axis=1, keepdims=True)
    return np.where(found > -np.inf, found, lowest)
