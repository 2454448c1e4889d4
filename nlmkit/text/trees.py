"""Labelled trees, in memory and from files: bracketed constituents, and dependencies in CoNLL-U."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nlmkit.core.optional import require
from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.corpus import Corpus
from nlmkit.text.decoding import Decoding, DecodingErrors
from nlmkit.text.labels import as_labels
from nlmkit.text.marks import Marks
from nlmkit.text.pipeline import TextPipeline
from nlmkit.text.sources import TextSource
from nlmkit.text.tree_brackets import bracketed, unescaped
from nlmkit.text.tree_checks import column_problem, shape_problem
from nlmkit.text.tree_columns import NONE, UNLABELLED, Nodes, TreeColumns
from nlmkit.text.tree_dependencies import add_sentence
from nlmkit.text.tree_inputs import add_tree, sentence_of, tree_items
from nlmkit.text.tree_reading import FORMATS, read_trees
from nlmkit.text.tree_shapes import Direction, binary_nodes

__all__ = ["FORMATS", "Form", "LabelledTrees"]

Form = Literal["constituency", "dependency"]

_IN_MEMORY: Final = Decoding(marks="literal")


@dataclass(frozen=True, eq=False, repr=False)
class LabelledTrees:
    """A forest: trees over words, whose nodes may have labels. Immutable.

    The nodes of a tree are consecutive and in post-order, children in the order of the sentence: each node comes after
    its children, and the root is the last one. In constituency trees the leaves have words, and inner nodes have none;
    in dependency trees each node has one.

    With ``labels``, ``texts``, ``take`` and the rest it has what ``LabelledTexts`` has: one label per tree, that of the
    root.

    Attributes:
        word_types: Distinct words, without those of other forests that this one was taken from.
        word_ids: Word of each node as an index into ``word_types``; -1 without a word: int32 [nodes].
        label_names: Distinct labels, in the order of their first appearance among the nodes.
        label_ids: Label of each node as an index into ``label_names``; -1 without a label: int32 [nodes].
        parent: Parent of each node as an index into all nodes; -1 at roots: int32 [nodes].
        positions: Place of each word in its sentence, from 0; -1 without a word: int32 [nodes].
        offsets: Where each tree begins among the nodes, and where the last one ends: int64 [trees + 1].
        form: ``constituency`` or ``dependency``.
        source: What errors call the trees.
        lines: Line of the source on which each tree begins: int64 [trees]; None where there are no lines.
        decoding: How the bytes were decoded, and what is done with NUL and the words ``<s>`` and ``</s>``.
        reading_notes: What was found when the trees were read.

    Raises:
        DataError: The columns contradict each other; says how.
    """

    word_types: tuple[str, ...]
    word_ids: NDArray[np.int32]
    label_names: tuple[str, ...]
    label_ids: NDArray[np.int32]
    parent: NDArray[np.int32]
    positions: NDArray[np.int32]
    offsets: NDArray[np.int64]
    form: Form = "constituency"
    source: str = "<trees>"
    lines: NDArray[np.int64] | None = None
    decoding: Decoding = _IN_MEMORY
    reading_notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("word_ids", "label_ids", "parent", "positions", "offsets"):
            column = np.array(getattr(self, name), np.int64 if name == "offsets" else np.int32)
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        problem = column_problem(self._columns, self.form, self.lines) or shape_problem(self._columns, self.form)
        if problem:
            raise DataError(problem, source=self.source)

    @property
    def _columns(self) -> Nodes:
        return Nodes(*(getattr(self, name) for name in Nodes._fields))

    # ------------------------------------------------------------------------------------------------------- making

    @classmethod
    def read(
        cls,
        source: TextSource | Sequence[str],
        *,
        format: str | None = None,
        encoding: str = "utf-8",
        errors: DecodingErrors = "strict",
        marks: Marks = "literal",
    ) -> LabelledTrees:
        r"""Read trees.

        ``brackets``: ``(3 (2 A) (3 (4 fine) (2 film)))``, several trees on a line or one over several lines; the module
        ``nlmkit.text.tree_brackets`` has the rules. A tree has the form ``constituency``.

        ``conllu``: CoNLL-U, the words FORM and their heads HEAD. ``# label = LABEL`` in front of a sentence is the
        label of its root, ``Label=LABEL`` in MISC that of a word. A tree has the form ``dependency``.

        Args:
            source: A path, several path names, ``-`` for standard input, ``corpus:NAME/SPLIT``, an open binary file,
                an iterator of lines, or a list of bracketed trees; compressed files are unpacked.
            format: ``brackets`` or ``conllu``; by default ``conllu`` for files that end in .conllu, else ``brackets``.
            encoding: Encoding of the files.
            errors: What to do with undecodable bytes: ``strict``, ``replace`` or ``ignore``.
            marks: What to do with NUL and the words ``<s>`` and ``</s>``: ``error``, or ``literal`` for another
                spelling.

        Raises:
            DataError: A source is missing or has no tree, brackets are unbalanced, a node is empty, or heads form no
                tree; names the file and the line.
            HyperParameterError: The format is unknown, or marks are to be skipped.
        """
        decoding = Decoding(encoding, errors, marks)
        found = read_trees(source, decoding, format)
        return cls._of_nodes(found.nodes, found.form, source=found.source, lines=found.lines, decoding=decoding)

    @classmethod
    def from_strings(cls, trees: Iterable[str], *, source: str = "<trees>") -> LabelledTrees:
        """Read bracketed trees, one per string; see ``of``."""
        return cls.of(trees, source=source)

    @classmethod
    def from_nltk(cls, trees: Iterable[Any], *, source: str = "<trees>") -> LabelledTrees:
        """Convert trees of NLTK, with the rules of bracketed trees in files: ``-LRB-`` is a bracket; see ``of``."""
        return cls.of(trees, source=source)

    @classmethod
    def from_dependencies(
        cls, sentences: Iterable[Iterable[tuple[int, str, str | None]]], *, source: str = "<trees>"
    ) -> LabelledTrees:
        """Convert sentences of words, each ``(head, word, label)``.

        Args:
            sentences: The sentences. A head is the number of a word of the sentence, from 1, or 0 for the root; a label
                may be None.
            source: What errors call them.

        Raises:
            DataError: A sentence is empty, a word or label is not a string, or the heads form no tree; names the
                sentence by its number.
        """
        columns = TreeColumns()
        for number, sentence in enumerate(sentences, start=1):
            add_sentence(columns, sentence_of(sentence, place := f"{source}, tree {number}"), place)
        return cls._of_nodes(columns.nodes(), "dependency", source=source)

    @classmethod
    def of(cls, trees: Any, labels: Any = None, *, source: str = "<trees>") -> LabelledTrees:
        """Return trees in any form as one forest: as they are, as bracketed strings, or as trees of NLTK.

        Args:
            trees: ``LabelledTrees``, or a sequence of strings and trees of NLTK.
            labels: Label of each root, in place of its own; None to leave them.
            source: What errors call them.

        Raises:
            DataError: They are a table or one string, an item is not one tree, or the numbers of trees and labels
                differ; names the tree by its number.
        """
        if not isinstance(trees, LabelledTrees):
            columns = TreeColumns(respell=unescaped)
            for number, tree in enumerate(tree_items(trees), start=1):
                add_tree(columns, tree, f"{source}, tree {number}")
            trees = cls._of_nodes(columns.nodes(), "constituency", source=source)
        made: LabelledTrees = trees
        return made if labels is None else made.with_labels(labels)

    @classmethod
    def _of_nodes(cls, nodes: Nodes, form: Form, **facts: Any) -> LabelledTrees:
        return cls(**nodes._asdict(), form=form, **facts)

    # ------------------------------------------------------------------------------------------------- nodes, words

    @property
    def nodes(self) -> int:
        """Number of nodes of all trees."""
        return len(self.parent)

    @property
    def roots(self) -> NDArray[np.int64]:
        """Index of the root of each tree: int64 [trees]."""
        return self.offsets[1:] - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of nodes of each tree: int64 [trees]."""
        return np.diff(self.offsets)

    @property
    def words(self) -> tuple[str, ...]:
        """Word of each node; empty without a word."""
        types = (*self.word_types, "")  # -1 is the last
        return tuple(types[id_] for id_ in self.word_ids.tolist())

    @property
    def node_labels(self) -> tuple[str | None, ...]:
        """Label of each node; None without a label."""
        names = (*self.label_names, None)
        return tuple(names[id_] for id_ in self.label_ids.tolist())

    @cached_property
    def in_sentence_order(self) -> NDArray[np.int64]:
        """Indices of the nodes with words, tree by tree in the order of the sentence: int64 [words]."""
        found = np.flatnonzero(self.word_ids >= 0)
        if self.form == "constituency":
            return found
        tree = np.repeat(np.arange(len(self)), self.sizes)[found]
        return found[np.lexsort((self.positions[found], tree))]

    def corpus(self, pipeline: TextPipeline | None = None) -> Corpus:
        """Return the words as a corpus with one sentence per tree.

        Args:
            pipeline: How raw text becomes such words.
        """
        order = self.in_sentence_order
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.word_ids >= 0, dtype=np.int64)])
        types, ids = _compact(self.word_types, self.word_ids[order])
        return Corpus(types, ids, before[self.offsets], pipeline=pipeline, sources=(self.source,))

    def sentences(self) -> list[list[str]]:
        """Return the words of each tree, in the order of the sentence."""
        corpus = self.corpus()
        words = [corpus.types[id_] for id_ in corpus.ids.tolist()]
        return [words[start:end] for start, end in pairwise(corpus.offsets.tolist())]

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Words of each tree, separated by spaces."""
        return tuple(map(" ".join, self.sentences()))

    # ------------------------------------------------------------------------------------------------------- labels

    @property
    def root_label_ids(self) -> NDArray[np.int32]:
        """Label of each root as an index into ``label_names``; -1 without a label: int32 [trees]."""
        return self.label_ids[self.roots]

    @cached_property
    def labels(self) -> NDArray[Any]:
        """Label of each root: array [trees] of strings, as the labels of ``LabelledTexts``.

        Raises:
            DataError: A root has none; names its place.
        """
        ids = self.root_label_ids
        if (ids < 0).any():
            raise DataError("the root has no label", **self.place(int(np.argmax(ids < 0))))
        return as_labels([self.label_names[id_] for id_ in ids.tolist()], source=self.source)

    @property
    def root_labels(self) -> NDArray[Any]:
        """The same as ``labels``."""
        return self.labels

    @property
    def counts(self) -> dict[str, int]:
        """Number of trees per label of their root, in the order of the labels."""
        labels, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True))

    def place(self, tree: int) -> dict[str, Any]:
        """Return where a tree is, as arguments of ``DataError``."""
        if self.lines is None:
            return {"source": f"{self.source}, tree {tree + 1}"}
        return {"source": self.source, "line": int(self.lines[tree])}

    def with_labels(self, labels: Any) -> LabelledTrees:
        """Return the same trees with other labels of their roots: strings, or integers and booleans as they are spelt.

        Raises:
            DataError: Their number is not that of the trees, or one of them is not a label.
        """
        given = as_labels(labels, source=self.source)
        if len(given) != len(self):
            raise DataError(f"{len(self)} trees and {len(given)} labels: expected one per tree", source=self.source)
        numbers = {name: id_ for id_, name in enumerate(self.label_names)}
        ids = [numbers.setdefault(str(label), len(numbers)) for label in given.tolist()]
        label_ids = self.label_ids.copy()
        label_ids[self.roots] = ids
        return self._changed(label_names=tuple(numbers), label_ids=label_ids)

    def with_node_labels(self, label_ids: ArrayLike, label_names: Sequence[str]) -> LabelledTrees:
        """Return the same trees with other labels of all nodes; arguments are as the attributes."""
        return self._changed(label_names=tuple(label_names), label_ids=np.asarray(label_ids, np.int32))

    # ------------------------------------------------------------------------------------------------------ changes

    def take(self, indices: ArrayLike) -> Self:
        """Return the trees with these indices, in their order, with only their own words and labels; without notes."""
        chosen = np.asarray(indices, np.int64).reshape(-1)
        sizes = self.sizes[chosen]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        shift = self.offsets[:-1][chosen] - offsets[:-1]
        nodes = np.arange(offsets[-1]) + np.repeat(shift, sizes)
        parent = self.parent[nodes]
        word_types, word_ids = _compact(self.word_types, self.word_ids[nodes])
        label_names, label_ids = _compact(self.label_names, self.label_ids[nodes])
        return self._changed(
            word_types=word_types,
            word_ids=word_ids,
            label_names=label_names,
            label_ids=label_ids,
            parent=np.where(parent == NONE, NONE, parent - np.repeat(shift, sizes)),
            positions=self.positions[nodes],
            offsets=offsets,
            lines=None if self.lines is None else self.lines[chosen],
            reading_notes=(),
        )

    def binarized(self, direction: Direction = "left") -> LabelledTrees:
        """Return constituency trees each of whose inner nodes has two children.

        A node with one child and the child become one node, whose label is that of the upper one, or of the lower one
        if the upper one has none. Of more than two children, ``left`` joins the first two below a new node without a
        label, then that node and the third, and so on; ``right`` joins the last two first.

        Args:
            direction: ``left`` or ``right``.

        Raises:
            DataError: The trees are dependency trees.
            HyperParameterError: The direction is unknown.
        """
        return self.binarized_with_places(direction)[0]

    def binarized_with_places(self, direction: Direction = "left") -> tuple[LabelledTrees, NDArray[np.int64]]:
        """Return binarized trees, and for each node of these trees the node over the same words there: int64 [nodes].

        Arguments and errors are as for ``binarized``.
        """
        if direction not in get_args(Direction):
            raise HyperParameterError(f"the direction of binarization must be left or right, not {direction!r}")
        if self.form != "constituency":
            raise DataError(f"{self.form} trees cannot be binarized, only constituency trees", source=self.source)
        children = np.bincount(self.parent[self.parent >= 0], minlength=self.nodes)
        if np.isin(children, (0, 2)).all():
            return self, np.arange(self.nodes)
        nodes, places = binary_nodes(self._columns, direction)
        return self._changed(**nodes._asdict()), places

    def _changed(self, **values: Any) -> Self:
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return type(self)(**(own | values))

    # ------------------------------------------------------------------------------------------------------- output

    def strings(self) -> list[str]:
        """Return constituency trees as bracketed strings, from which ``from_strings`` makes the same trees.

        Raises:
            DataError: The trees are dependency trees.
        """
        return [self.string(index) for index in range(len(self))]

    def string(self, index: int) -> str:
        """Return a constituency tree as a bracketed string; see ``strings``."""
        if self.form != "constituency":
            raise DataError(f"{self.form} trees have no bracketed form", source=self.source)
        start, end = self._span(index)
        types, names = self.word_types, self.label_names
        return bracketed(
            [types[id_] if id_ >= 0 else "" for id_ in self.word_ids[start:end].tolist()],
            [names[id_] if id_ >= 0 else "" for id_ in self.label_ids[start:end].tolist()],
            [max(parent - start, NONE) for parent in self.parent[start:end].tolist()],
        )

    def to_nltk(self) -> list[Any]:
        """Return constituency trees as trees of NLTK, with unlabelled nodes labelled ``_``; deep ones have no repr.

        Raises:
            DataError: The trees are dependency trees.
            NlmkitError: NLTK is not installed.
        """
        tree_class = require("nltk", extra="trees", who="LabelledTrees.to_nltk").Tree
        if self.form != "constituency":
            raise DataError(f"{self.form} trees cannot be trees of NLTK's class Tree", source=self.source)
        words, labels = self.words, self.node_labels
        made: list[Any] = []
        below: list[list[Any]] = [[] for _ in words]
        for node, parent in enumerate(self.parent.tolist()):
            label = labels[node]
            tree = tree_class(UNLABELLED if label is None else label, [words[node]] if words[node] else below[node])
            (below[parent] if parent >= 0 else made).append(tree)
        return made

    def _span(self, index: int) -> tuple[int, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"tree {index} is out of range: the number of trees is {len(self)}")
        index %= len(self)
        return int(self.offsets[index]), int(self.offsets[index + 1])

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of a SHA-256 over shapes, words and labels."""
        digest = hashlib.sha256(f"{len(self)} {self.nodes} {self.form}\n".encode())
        digest.update(np.ascontiguousarray(self.offsets, "<i8").data)
        columns: list[NDArray[np.int32]] = [self.parent, self.positions]
        for types, ids in ((self.word_types, self.word_ids), (self.label_names, self.label_ids)):
            own, numbers = _compact(types, ids)
            digest.update(f"{len(own)}\n".encode())
            digest.update("\n".join(own).encode())
            columns.append(numbers)
        for column in columns:
            digest.update(np.ascontiguousarray(column, "<i4").data)
        return digest.hexdigest()[:16]

    @cached_property
    def notes(self) -> list[str]:
        """Notes for users of the trees."""
        return [*self.reading_notes]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        labelled = int((self.label_ids >= 0).sum())
        of_labels = f"{labelled} labelled with {len(self.label_names)} labels" if labelled else "no labels"
        return f"<LabelledTrees: {len(self)} {self.form} trees, {self.nodes} nodes, {of_labels}, from {self.source}>"


def _compact(types: tuple[str, ...], ids: NDArray[np.int32]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the types that occur, in the order of their first appearance, and their ids; -1 stays."""
    occurring, first = np.unique(ids, return_index=True)
    occurring, first = occurring[occurring >= 0], first[occurring >= 0]
    order = occurring[np.argsort(first)]
    place = np.full(len(types) + 1, NONE, np.int32)  # -1 is the last
    place[order] = np.arange(len(order), dtype=np.int32)
    return tuple(types[id_] for id_ in order.tolist()), place[ids]
