"""Columns of a forest while it is built, node by node in post-order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.text.indexing import reserved_token
from nlmkit.text.labels import LABEL_CHARACTERS
from nlmkit.text.marks import LITERAL, NUL_SYMBOL, Marks

UNLABELLED: Final = "_"
"""What files have in place of a label that is not there, as in CoNLL-U."""

NONE: Final = -1
"""Id of a missing word or label, and parent of a root."""

_SHOWN: Final = 40  # characters of a word or label in an error
_UNUSABLE: Final = re.compile("[\n\ud800-\udfff]")


class Nodes(NamedTuple):
    """Nodes of a forest; see the attributes of ``LabelledTrees``."""

    word_types: tuple[str, ...]
    word_ids: NDArray[np.int32]
    label_names: tuple[str, ...]
    label_ids: NDArray[np.int32]
    parent: NDArray[np.int32]
    positions: NDArray[np.int32]
    offsets: NDArray[np.int64]


def _mark_error(mark: str, source: str, line: int | None) -> DataError:
    """Return the error for a word that is a sentence mark."""
    error = reserved_token(mark, source, line or 0)
    return error if line is not None else DataError(error.problem, source=source)


def _check(value: str, what: str, source: str, line: int | None) -> None:
    """Raise for a word or label that no file could hold."""
    found = _UNUSABLE.search(value)
    if found is not None:
        character = "a line feed" if found[0] == "\n" else f"a lone surrogate, U+{ord(found[0]):04X}"
        raise DataError(f"the {what} {value[:_SHOWN]!r} contains {character}", source=source, line=line)


class _Words(dict[str, int]):
    """Ids of words by how they are spelt in a source; a spelling that is new is looked at once."""

    def __init__(self, marks: Marks, respell: Callable[[str], str]) -> None:
        super().__init__()
        self.types: dict[str, int] = {}
        self.place: tuple[str, int | None] = ("", None)  # source and line, for errors
        self._marks, self._respell = marks, respell

    def __missing__(self, spelling: str) -> int:
        word = self._respell(spelling)
        _check(word, "word", *self.place)
        if "\0" in word:
            word = word.replace("\0", NUL_SYMBOL)
        if word in LITERAL:
            if self._marks == "error":
                raise _mark_error(word, *self.place)
            word = LITERAL[word]
        self[spelling] = id_ = self.types.setdefault(word, len(self.types))
        return id_


class _Labels(dict[str, int]):
    """Ids of labels; ``_`` and the empty label are none."""

    def __init__(self) -> None:
        super().__init__()
        self.place: tuple[str, int | None] = ("", None)

    def __missing__(self, label: str) -> int:
        _check(label, "label", *self.place)
        if len(label) > LABEL_CHARACTERS:
            problem = (
                f"a label has {len(label)} characters ({label[:_SHOWN]!r}...), and {LABEL_CHARACTERS} are the most"
            )
            raise DataError(problem, source=self.place[0], line=self.place[1])
        self[label] = id_ = len(self)
        return id_


class TreeColumns:
    """Nodes of trees, appended one by one: children before their parent, the root last.

    Args:
        marks: What to do with the words ``<s>`` and ``</s>``: ``error``, or ``literal`` for another spelling.
        respell: Word of a spelling in the source.

    Attributes:
        word_ids: Word of each node; -1 for none.
        label_ids: Label of each node; -1 for none.
        parent: Parent of each node; -1 at roots.
        positions: Place of each word in its sentence, from 0; -1 without a word.
        ends: Number of nodes up to the end of each tree.
    """

    def __init__(self, marks: Marks = "literal", respell: Callable[[str], str] = str) -> None:
        self._words = _Words(marks, respell)
        self._labels = _Labels()
        self.word_ids: list[int] = []
        self.label_ids: list[int] = []
        self.parent: list[int] = []
        self.positions: list[int] = []
        self.ends: list[int] = []

    def at(self, source: str, line: int | None) -> None:
        """Set the place that errors about the next words and labels name."""
        self._words.place = self._labels.place = source, line

    def word(self, spelling: str) -> int:
        """Return the id of a word.

        Raises:
            DataError: It is ``<s>`` or ``</s>``, where that is an error.
        """
        return self._words[spelling]

    def label(self, label: str) -> int:
        """Return the id of a label; -1 for ``_`` and the empty one.

        Raises:
            DataError: It has too many characters.
        """
        return self._labels[label] if label and label != UNLABELLED else NONE

    def node(self, word: int, label: int, position: int) -> int:
        """Append a node whose parent is not known yet, and return its index."""
        self.word_ids.append(word)
        self.label_ids.append(label)
        self.parent.append(NONE)
        self.positions.append(position)
        return len(self.parent) - 1

    def drop_last(self) -> None:
        """Remove the node that was appended last."""
        for column in (self.word_ids, self.label_ids, self.parent, self.positions):
            column.pop()

    def end_tree(self) -> None:
        """End the tree of which the last node is the root."""
        self.ends.append(len(self.parent))

    def nodes(self) -> Nodes:
        """Return the trees that were ended."""
        end = self.ends[-1] if self.ends else 0
        return Nodes(
            word_types=tuple(self._words.types),
            word_ids=np.array(self.word_ids[:end], np.int32),
            label_names=tuple(self._labels),
            label_ids=np.array(self.label_ids[:end], np.int32),
            parent=np.array(self.parent[:end], np.int32),
            positions=np.array(self.positions[:end], np.int32),
            offsets=np.array([0, *self.ends], np.int64),
        )
