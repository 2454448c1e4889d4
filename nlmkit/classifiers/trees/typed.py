"""Trees whose labels have a type: strings, integers or booleans."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.text.labels import as_labels, label_kind
from nlmkit.text.trees import LabelledTrees

if TYPE_CHECKING:
    from nlmkit.classifiers.trees.words import TreeCorpus
    from nlmkit.text import TextPipeline

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_BOOLEANS: Final = {"True": True, "true": True, "False": False, "false": False}
_NAMES: Final = {"i": "an integer", "b": "True or False"}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TypedTrees(LabelledTrees):
    """Trees whose labels are of one type. In trees themselves, as in files, labels are strings.

    Attributes:
        kind: Type of the labels: ``U`` (strings), ``i`` (integers) or ``b`` (booleans).

    Raises:
        DataError: See ``LabelledTrees``.
    """

    kind: str = "U"

    @classmethod
    def as_kind(cls, trees: LabelledTrees, kind: str) -> TypedTrees:
        """Return trees with labels of a type."""
        if isinstance(trees, cls) and trees.kind == kind:
            return trees
        values = {field.name: getattr(trees, field.name) for field in dataclasses.fields(LabelledTrees)}
        return cls(**values, kind=kind)

    @classmethod
    def gather(cls, trees: Any, labels: Any = None) -> TypedTrees:
        """Return trees, and labels of their roots if given, in any supported form.

        Args:
            trees: Trees in a form of ``LabelledTrees.of``; or a pair of such trees and labels.
            labels: One label per tree, in place of that of its root: strings, integers or booleans. The labels of other
                nodes are then of the same type.

        Raises:
            DataError: Trees or labels are unusable, or their numbers differ.
        """
        if labels is None and isinstance(trees, (tuple, list)) and len(trees) == 2 and _is_forest(trees[0]):
            trees, labels = trees
        found = LabelledTrees.of(trees)
        if labels is None:
            return found if isinstance(found, cls) else cls.as_kind(found, "U")
        given = as_labels(labels, source=found.source)
        return cls.as_kind(found.with_labels(given), label_kind(given))

    def encode(self, pipeline: TextPipeline) -> TreeCorpus:
        """Return the words in Unicode form and case of a pipeline, as a corpus with one tree per sentence."""
        from nlmkit.classifiers.trees.words import TreeCorpus

        return TreeCorpus.of_trees(self, pipeline)

    @property
    def typed_names(self) -> list[Any]:
        """Labels by id, of their type.

        Raises:
            DataError: One does not spell an integer, or a boolean.
        """
        return typed(self.label_names, self.kind, self.source)

    @cached_property
    def labels(self) -> NDArray[Any]:
        """Label of each root: array [trees].

        Raises:
            DataError: A root has none, or one of another type.
        """
        names = super().labels.tolist()
        return as_labels(typed(names, self.kind, self.source), source=self.source)

    @property
    def root_labels(self) -> NDArray[Any]:
        """The same as ``labels``."""
        return self.labels

    @property
    def counts(self) -> dict[Any, int]:
        """Number of trees per label of their root, in the order of the labels."""
        labels, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def typed(names: Sequence[str], kind: str, source: str) -> list[Any]:
    """Return labels, given as strings, in their type.

    Raises:
        DataError: One does not spell an integer, or a boolean.
    """
    if kind == "U":
        return [*names]
    convert: Callable[[str], Any] = _integer if kind == "i" else _BOOLEANS.__getitem__
    found = []
    for name in names:
        try:
            found.append(convert(name))
        except (KeyError, ValueError):
            problem = f"the label {name[:40]!r} is not {_NAMES[kind]}, as the labels of the roots are"
            raise DataError(problem, source=source) from None
    return found


def _integer(name: str) -> int:
    if not _INTEGER.fullmatch(name):
        raise ValueError(name)
    return int(name)


def _is_forest(value: object) -> bool:
    """Return whether the first of two values is several trees, and not one: a tree of NLTK is a list, too."""
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes)) and not hasattr(value, "label")
