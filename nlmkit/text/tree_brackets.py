r"""Bracketed trees: reading and writing, without recursion.

``(3 (2 The) (3 (3 good) (2 film)))`` is a tree whose nodes have labels. The first word after an opening bracket is the
label; the label ``_``, or another bracket in its place, means none. A bracket with one word and nothing else, such as
``(2 The)``, is one node, a leaf with a word and a label. Of several words in one bracket each becomes a leaf without a
label. Space, tab, CR, LF, VT and FF separate; a word may hold other white space.

As in the Penn Treebank, ``-LRB-`` and its like are brackets, ``\/`` is a slash and ``\*`` an asterisk; an outermost
bracket without a label around one tree is dropped, and so are empty elements (``-NONE-``) with all that holds nothing
else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from nlmkit.errors import DataError
from nlmkit.text.tree_columns import NONE, UNLABELLED, TreeColumns

EMPTY_ELEMENT: Final = "-NONE-"

_TOKEN: Final = re.compile(r"[()]|(?:\\[()]|[^() \t\r\n\f\v])+")
_ESCAPED: Final = re.compile(r"\\([()/*])")
_BRACKETS: Final = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_BARE_BRACKET: Final = re.compile(r"(?<!\\)([()])")
_ESCAPES: Final = {character: name for name, character in _BRACKETS.items()}
_SPACES: Final = re.compile(r"[ \t\r\n\f\v]")
_EXAMPLE: Final = "such as (3 (2 good) (2 film))"
_SHOWN: Final = 40  # characters of a word in an error


def unescaped(word: str) -> str:
    """Return a word of a bracketed tree as it is in plain text."""
    if word in _BRACKETS:
        return _BRACKETS[word]
    return _ESCAPED.sub(r"\1", word) if "\\" in word else word


def escaped(word: str) -> str:
    r"""Return a word as bracketed trees spell it; ``unescaped`` gives it back.

    Slashes and asterisks stay as they are, except after a backslash. White space that separates words becomes ``_``.
    """
    if word in _ESCAPES:
        return _ESCAPES[word]
    return _SPACES.sub("_", re.sub(r"([()]|(?<=\\)[/*])", r"\\\1", word))


class BracketReader:
    """Reads trees line by line into columns.

    Args:
        columns: What takes the nodes.
        source: Name of the source, for errors.

    Attributes:
        lines: Line on which each tree begins.
    """

    def __init__(self, columns: TreeColumns, source: str) -> None:
        self._columns, self._source = columns, source
        self._labels: list[str] = []  # of the open brackets
        self._children: list[list[int]] = []  # of each; ~index for a word that no bracket of its own holds
        self._dropped: list[bool] = []  # whether one of the children of each was an empty element
        self._due = False  # whether the next word is a label
        self._position = 0
        self.lines: list[int] = []

    @property
    def is_open(self) -> bool:
        """Whether a tree is not complete yet."""
        return bool(self._labels)

    def line(self, text: str, number: int | None) -> None:
        """Read a line.

        Args:
            text: The line.
            number: Its number; None where it has none.

        Raises:
            DataError: It is malformed, or holds a word that is an error; names the line.
        """
        columns, labels, children, dropped = self._columns, self._labels, self._children, self._dropped
        columns.at(self._source, number)
        due = self._due
        for token in _TOKEN.findall(text):
            if token == "(":
                if not labels:
                    self.lines.append(number or 0)
                    self._position = 0
                labels.append("")
                children.append([])
                dropped.append(False)
                due = True
            elif token == ")":
                due = False
                self._close(number)
            elif due:
                labels[-1], due = token, False
            elif labels:
                children[-1].append(~columns.node(columns.word(token), NONE, self._position))
                self._position += 1
            else:
                raise self._error(f"{_shown(token)} is outside brackets: expected a tree, {_EXAMPLE}", number)
        self._due = due

    def _close(self, number: int | None) -> None:
        """Complete the innermost node that is open."""
        if not self._labels:
            raise self._error("unbalanced brackets: a bracket is closed that was not opened", number)
        columns = self._columns
        label, children, dropped = self._labels.pop(), self._children.pop(), self._dropped.pop()
        if not children:
            if not dropped:
                raise self._error(_empty(label), number)
            return self._drop(number)
        if len(children) == 1 and children[0] < 0:  # (LABEL word)
            if label == EMPTY_ELEMENT:
                columns.drop_last()
                self._position -= 1
                return self._drop(number)
            node = ~children[0]
            columns.label_ids[node] = columns.label(label)
        elif not label and len(children) == 1 and not self._labels:
            node = children[0]  # the outermost bracket of the Penn Treebank
        else:
            node = columns.node(NONE, columns.label(label), NONE)
            for child in children:
                columns.parent[child if child >= 0 else ~child] = node
        if self._children:
            self._children[-1].append(node)
        else:
            columns.end_tree()
        return None

    def _drop(self, number: int | None) -> None:
        """Pass over a node that has only empty elements."""
        if not self._dropped:
            raise self._error(f"a tree without words: it has empty elements ({EMPTY_ELEMENT}) alone", number)
        self._dropped[-1] = True

    def end(self) -> None:
        """End the source.

        Raises:
            DataError: A tree is not complete.
        """
        if self._labels:
            brackets = "a bracket is" if len(self._labels) == 1 else f"{len(self._labels)} brackets are"
            problem = f"unbalanced brackets: {brackets} not closed in the tree that begins here"
            raise self._error(problem, self.lines[-1] or None)

    def _error(self, problem: str, number: int | None) -> DataError:
        return DataError(problem, source=self._source, line=number)


def _empty(label: str) -> str:
    if not label:
        return f"an empty tree, (): expected a label and words, {_EXAMPLE}"
    return f"({_shown(label, quoted=False)}) has a label and no word: expected a word after it, {_EXAMPLE}"


def _shown(token: str, *, quoted: bool = True) -> str:
    cut = token if len(token) <= _SHOWN else f"{token[:_SHOWN]}..."
    return repr(cut) if quoted else repr(cut)[1:-1]


def add_nltk(columns: TreeColumns, tree: Any, place: str) -> None:
    """Append a tree of NLTK, or any list of such lists and words with a method ``label``.

    Raises:
        DataError: It has an empty node, or a leaf that is not a string.
    """
    reader = BracketReader(columns, place)
    pending: list[Any] = [tree]  # trees, words, and None for the end of a node
    parts: list[str] = []
    while pending:
        item = pending.pop()
        if item is None:
            parts.append(")")
        elif isinstance(item, str):
            if not item or _SPACES.search(item):
                raise DataError(f"the word {_shown(item)} is empty or holds white space", source=place)
            parts.append(_BARE_BRACKET.sub(r"\\\1", item))
        elif isinstance(item, (list, tuple)) and hasattr(item, "label"):
            node: Any = item
            label = node.label()
            label = "" if label is None else str(label)
            if _SPACES.search(label) or "(" in label or ")" in label:
                raise DataError(f"the label {_shown(label)} holds white space or a bracket", source=place)
            no_label = "" if item and not isinstance(item[0], str) else UNLABELLED
            parts.append(f"({label or no_label}")
            pending += [None, *reversed(item)]
        else:
            raise DataError(f"a leaf is {type(item).__name__}, not a string", source=place)
    reader.line(" ".join(parts), None)


def bracketed(words: Sequence[str], labels: Sequence[str], parents: Sequence[int]) -> str:
    """Return a constituency tree as a string on one line.

    Args:
        words: Word of each node, in post-order; empty for none.
        labels: Label of each node; empty for none.
        parents: Parent of each node as an index into these; -1 at the root.
    """
    opened: list[list[str]] = [[] for _ in words]  # brackets in front of each leaf, the innermost first
    first = list(range(len(words)))  # leaf with which each node begins
    seen = [False] * len(words)
    for node, parent in enumerate(parents):
        if parent >= 0 and not seen[parent]:
            first[parent], seen[parent] = first[node], True
        if not words[node]:
            opened[first[node]].append(f"({labels[node] or UNLABELLED} ")
    parts: list[str] = []
    for node, word in enumerate(words):
        if not word:
            parts.append(")")
            continue
        space = " " if parts else ""
        end = " )" if word.endswith("\\") else ")"  # a backslash would escape it
        parts.append(f"{space}{''.join(reversed(opened[node]))}({labels[node] or UNLABELLED} {escaped(word)}{end}")
    return "".join(parts)
