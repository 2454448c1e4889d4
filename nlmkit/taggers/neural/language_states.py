"""States of fitted language models as features of tokens (Peters et al. 2017; Akbik et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.language_models.neural.estimator import NeuralLanguageModel
from nlmkit.language_models.neural.readings import coverage, reads_characters
from nlmkit.language_models.neural.states import token_states
from nlmkit.saving import require

if TYPE_CHECKING:
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.taggers.neural.batching import Indices
    from nlmkit.text.tagged import TaggedSentences

IN_MEMORY: Final = 2 << 30
"""Maximum bytes of states of training sentences that are kept; more are calculated anew for each batch."""

_TOKENS: Final = 8192  # read at a time


def fitted_models(given: Sequence[str | LanguageModel]) -> tuple[LanguageModel, ...]:
    """Return the language models of a hyper-parameter, loaded where it has their folders.

    Raises:
        HyperParameterError: One of them is not fitted, or is no neural language model of words or characters.
        SavedModelError: A folder cannot be loaded.
    """
    from nlmkit.core.storage import load

    found: list[LanguageModel] = []
    for each in given:
        model: Any = load(each) if isinstance(each, str) else each
        where = f"language_models: {each}" if isinstance(each, str) else "language_models: a model"
        if not isinstance(model, NeuralLanguageModel):
            raise HyperParameterError(f"{where} is of type {model.name}: expected a neural one, such as lstm")
        if not model.is_fitted:
            raise HyperParameterError(f"{where} is not fitted: fit the language model first")
        reads_characters(model, where)  # refuse other tokens before training
        found.append(model)
    return tuple(found)


def restored_models(
    given: Sequence[str | LanguageModel], members: Mapping[str, Any], name: str
) -> tuple[LanguageModel, ...]:
    """Return the language models of a saved tagger.

    Args:
        given: Hyper-parameter, whose models were saved with it; those of folders are members.
        members: Members of the tagger.
        name: Name of the members, before their number.

    Raises:
        SavedModelError: One of them is missing or no fitted neural language model.
    """
    found: list[LanguageModel] = []
    for number, each in enumerate(given):
        model = members.get(f"{name}.{number}") if isinstance(each, str) else each
        fitted = isinstance(model, NeuralLanguageModel) and model.is_fitted
        require(fitted, f"language model {number + 1} is missing; save the model again")
        found.append(cast("LanguageModel", model))
    return tuple(found)


def width_of(models: Sequence[LanguageModel]) -> int:
    """Return the width of the states of all models side by side."""
    networks: list[Any] = list(models)
    return sum(int(network.module_.body.width) for network in networks)


def facts(models: Sequence[LanguageModel], data: TaggedSentences) -> list[dict[str, Any]]:
    """Return an entry of the fit report per model: what it is, and its share of known training tokens or characters."""
    return [
        {
            "component": model.name,
            "digest": model.digest,
            "direction": "backward" if model.reads_backward else "forward",
            "width": width_of([model]),
            "character_coverage" if reads_characters(model) else "token_coverage": coverage(
                model, data.words.types, data.words.ids
            ),
        }
        for model in models
    ]


class LanguageStates:
    """States of language models at the tokens of sentences, calculated when asked for, or all at once.

    Args:
        models: Fitted language models.
        data: The sentences.
        spaces: Whether models of characters read a space between tokens.
    """

    def __init__(self, models: Sequence[LanguageModel], data: TaggedSentences, *, spaces: bool) -> None:
        self._models, self._data, self._spaces = models, data, spaces
        self._kept: NDArray[np.float32] | None = None

    def keep(self, run: RunOptions) -> None:
        """Calculate all states, unless they are more than ``IN_MEMORY``."""
        if 4 * width_of(self._models) * self._data.tokens > IN_MEMORY:
            return
        run.stage("reading the sentences with the language models")
        offsets = self._data.offsets
        kept = np.empty((self._data.tokens, width_of(self._models)), np.float32)
        begin = 0
        while begin < len(offsets) - 1:
            end = max(begin + 1, int(np.searchsorted(offsets, offsets[begin] + _TOKENS, side="right")) - 1)
            kept[offsets[begin] : offsets[end]] = self._read(np.arange(begin, end))
            begin = end
        self._kept = kept

    def __call__(self, chosen: Indices) -> NDArray[np.float32]:
        """Return the states at the tokens of some sentences, one after another: float32 [tokens, h]."""
        if self._kept is None:
            return self._read(chosen)
        offsets = self._data.offsets
        return np.concatenate([self._kept[offsets[each] : offsets[each + 1]] for each in chosen.tolist()])

    def _read(self, chosen: Indices) -> NDArray[np.float32]:
        some = self._data.subset(chosen)
        return np.concatenate([token_states(model, some, spaces=self._spaces) for model in self._models], axis=1)
