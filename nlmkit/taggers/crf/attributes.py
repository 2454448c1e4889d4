"""Attributes of tokens as row numbers: what templates find at each token, as far as it was seen in training."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import HyperParameterError
from nlmkit.saving import ascends, require, require_array
from nlmkit.saving.strings import require_strings, strings_as_bytes
from nlmkit.taggers.crf.templates import Template
from nlmkit.taggers.crf.views import COLUMN, view
from nlmkit.text.tagged import Column, TaggedSentences

_OUTSIDE, _NOTHING, _FIRST = 0, 1, 2  # ids of values: beyond the sentence; none, or not seen in training; the first one

_TOO_MANY: Final = 1 << 63  # combinations, which int64 cannot number

Keys = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Attributes:
    """Attributes that training has seen, numbered template by template.

    Attributes:
        templates: What is looked at together.
        values: Values of each view that occurs in ``templates``.
        keys: Of each template, the combinations of values of its parts, as one number each: int64, ascending.
    """

    templates: tuple[Template, ...]
    values: Mapping[str, tuple[str, ...]]
    keys: tuple[Keys, ...]

    @cached_property
    def bases(self) -> list[int]:
        """Number of the first attribute of each template, and the number of all."""
        return [0, *np.cumsum([len(keys) for keys in self.keys]).tolist()]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return values and keys as arrays, for saving."""
        found = {f"view.{name}": strings_as_bytes(values) for name, values in self.values.items()}
        return found | {f"keys.{number}": keys for number, keys in enumerate(self.keys)}

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]], templates: Sequence[Template]) -> Attributes:
        """Return the attributes that ``arrays`` gave.

        Raises:
            SavedModelError: An array is missing or is something else.
        """
        values: dict[str, tuple[str, ...]] = {}
        for name, _ in itertools.chain(*templates):
            if name not in values:
                values[name] = require_strings(arrays, f"view.{name}")
                unique = len(set(values[name])) == len(values[name])
                require(unique, f"array 'view.{name}' has a value twice; save the model again")
        found = []
        for number, template in enumerate(templates):
            keys = require_array(arrays, f"keys.{number}", dtype="int64", shape=(None,))
            number_of_keys = combinations(template, values)
            sound = number_of_keys < _TOO_MANY and ascends(keys) and (not len(keys) or int(keys[-1]) < number_of_keys)
            require(sound, f"array 'keys.{number}' does not hold combinations of values; save the model again")
            found.append(np.asarray(keys))
        return cls(tuple(templates), values, tuple(found))

    def kept(self, chosen: NDArray[np.bool_]) -> Attributes:
        """Return the chosen attributes, in the same order: bool [attributes]."""
        parts = np.split(chosen, self.bases[1:-1])
        return dataclasses.replace(self, keys=tuple(k[c] for k, c in zip(self.keys, parts, strict=True)))


def learn(
    data: TaggedSentences, templates: Sequence[Template], min_count: int, *, advance: Callable[[], None]
) -> tuple[Attributes, NDArray[np.int32]]:
    """Return the attributes that occur at least ``min_count`` times, and those of each token.

    Args:
        data: The training sentences.
        templates: What to look at.
        min_count: Least number of occurrences of an attribute.
        advance: Is called after each template.

    Returns:
        The attributes, and their numbers: int32 [templates, tokens], −1 where there is none.

    Raises:
        HyperParameterError: There are too many distinct values to combine.
    """
    values = {name: _distinct(data, name) for template in templates for name, _ in template}
    windows = Windows(Views(data, values), data.offsets, np.arange(len(data)))
    rows = np.empty((len(templates), data.tokens), np.int32)
    keys, base = [], 0
    for number, template in enumerate(templates):
        refuse_overflow(template, values)
        found = windows.keys(template)
        known = found >= 0
        unique, inverse, counts = np.unique(found[known], return_inverse=True, return_counts=True)
        often = counts >= min_count
        place = np.where(often, np.cumsum(often) - 1 + base, -1).astype(np.int32)
        rows[number] = -1
        rows[number, known] = place[inverse]
        keys.append(unique[often])
        base += len(keys[-1])
        advance()
    return Attributes(tuple(templates), values, tuple(keys)), rows


def combinations(template: Template, values: Mapping[str, Sequence[str]]) -> int:
    """Return the number of combinations of values that a template can find."""
    return math.prod(len(values[name]) + _FIRST for name, _ in template)


def refuse_overflow(template: Template, values: Mapping[str, Sequence[str]]) -> None:
    """Raise an error if combinations of values do not fit into 63 bits.

    Raises:
        HyperParameterError: They do not.
    """
    if combinations(template, values) >= _TOO_MANY:
        problem = " × ".join(f"{len(values[name])} ({name})" for name, _ in template)
        raise HyperParameterError(f"too many values to combine, {problem}: choose a lower ngram")


class Views:
    """Values of all tokens under each view, as ids."""

    def __init__(self, data: TaggedSentences, values: Mapping[str, tuple[str, ...]]) -> None:
        self.ids = {name: _ids(_column(data, name), name, known) for name, known in values.items()}
        self.sizes = {name: len(known) + _FIRST for name, known in values.items()}


class Windows:
    """Values around the tokens of some sentences."""

    def __init__(self, views: Views, offsets: NDArray[np.int64], sentences: NDArray[np.int64]) -> None:
        lengths = np.diff(offsets)[sentences]
        self._views = views
        self._first = np.repeat(offsets[sentences], lengths)
        self._last = np.repeat(offsets[sentences] + lengths, lengths)
        self._tokens = np.arange(len(self._first)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + self._first
        self._seen: dict[tuple[str, int], NDArray[np.int32]] = {}

    def keys(self, template: Template) -> Keys:
        """Return the combination of values at each token: int64 [tokens], −1 where one is missing or unknown."""
        found = np.zeros(len(self._tokens), np.int64)
        missing = np.zeros(len(self._tokens), bool)
        for name, offset in template:
            ids = self._at(name, offset)
            found = found * self._views.sizes[name] + ids
            missing |= ids == _NOTHING
        found[missing] = -1
        return found

    def _at(self, name: str, offset: int) -> NDArray[np.int32]:
        found = self._seen.get((name, offset))
        if found is None:
            at = self._tokens + offset
            found = self._views.ids[name].take(at, mode="clip")
            if offset:
                found[(at < self._first) | (at >= self._last)] = _OUTSIDE
            self._seen[name, offset] = found
        return found

    def rows(self, attributes: Attributes) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield tokens (by their places among these) and their attributes, template by template: int64 [found] each."""
        for template, keys, base in zip(attributes.templates, attributes.keys, attributes.bases[:-1], strict=True):
            if len(keys):
                wanted = self.keys(template)
                place = np.searchsorted(keys, wanted)
                (found,) = np.nonzero(keys.take(place, mode="clip") == wanted)
                yield found, place[found] + base

    def __len__(self) -> int:
        return len(self._tokens)


def _column(data: TaggedSentences, name: str) -> Column:
    return data.features[int(name.removeprefix(COLUMN))] if name.startswith(COLUMN) else data.words


def _distinct(data: TaggedSentences, name: str) -> tuple[str, ...]:
    """Return the values of a view in the order of their first appearance."""
    function = view(name)
    found = dict.fromkeys(map(function, _column(data, name).compact().types))
    return tuple(value for value in found if value is not None)


def _ids(column: Column, name: str, known: Sequence[str]) -> NDArray[np.int32]:
    """Return the value of each token as an id."""
    function, places = view(name), {value: place for place, value in enumerate(known, _FIRST)}
    by_type = [places.get(function(type_), _NOTHING) for type_ in column.types]  # type: ignore[arg-type]
    return np.array(by_type, np.int32)[column.ids] if len(column) else np.empty(0, np.int32)
