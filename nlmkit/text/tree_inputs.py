"""Trees in memory as they are given: bracketed strings, trees of NLTK, rows of heads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nlmkit.errors import DataError
from nlmkit.text.tables import items_of, problem_of_item, refuse_table
from nlmkit.text.tree_brackets import BracketReader, add_nltk
from nlmkit.text.tree_columns import TreeColumns
from nlmkit.text.tree_dependencies import Sentence


def tree_items(trees: Any) -> Iterable[Any]:
    """Return a sequence of trees.

    Raises:
        DataError: It is a table, one tree, or nothing to iterate over.
    """
    refuse_table(trees, "the list of trees")
    if _is_tree(trees) or not isinstance(trees, Iterable):
        what = "one tree" if _is_tree(trees) else type(trees).__name__
        raise DataError(f"expected a sequence of trees, not {what}: pass a single tree in a list")
    found: Iterable[Any] = items_of(trees)
    return found


def add_tree(columns: TreeColumns, tree: Any, place: str) -> None:
    """Append a tree that is a bracketed string or one of NLTK.

    Args:
        columns: What takes the nodes.
        tree: The tree.
        place: What errors call it.

    Raises:
        DataError: It is neither, malformed, or several trees.
    """
    if not _is_tree(tree):
        problem = problem_of_item(tree, may_be_empty=False) or f"is {type(tree).__name__}"
        raise DataError(f"{problem}: expected a bracketed string or a tree of NLTK", source=place)
    if not isinstance(tree, str):
        add_nltk(columns, tree, place)
        return
    reader = BracketReader(columns, place)
    reader.line(tree, None)
    reader.end()
    if len(reader.lines) != 1:
        raise DataError(f"{len(reader.lines) or 'no'} trees in one string: expected one", source=place)


def _is_tree(item: Any) -> bool:
    return isinstance(item, str) or (isinstance(item, (list, tuple)) and hasattr(item, "label"))


def sentence_of(rows: Iterable[Any], place: str) -> Sentence:
    """Return a sentence of rows ``(head, word, label)``.

    Raises:
        DataError: It is empty, or a row is malformed; names the word by its number.
    """
    found = list(rows)
    if not found:
        raise DataError("the sentence has no words", source=place)
    for number, row in enumerate(found, start=1):
        problem = _row_problem(row)
        if problem:
            raise DataError(f"word {number} {problem}: expected (head, word, label)", source=place)
    heads, words, labels = zip(*found, strict=True)
    return Sentence(words, [int(head) for head in heads], [label or "" for label in labels], [None] * len(words))


def _row_problem(row: Any) -> str | None:
    if not isinstance(row, (tuple, list)) or len(row) != 3:
        return "is not a triple"
    head, word, label = row
    if isinstance(head, bool) or not isinstance(head, (int, np.integer)):
        return f"has the head {head!r}"
    if not isinstance(word, str) or not word:
        return f"is {word!r}"
    return None if label is None or isinstance(label, str) else f"has the label {label!r}"
