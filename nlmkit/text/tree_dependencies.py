"""Dependency trees: sentences of CoNLL-U and rows of heads, as nodes in post-order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from nlmkit.errors import DataError
from nlmkit.text.tagged_rows import CONLLU_COLUMNS, FORM, is_word_id
from nlmkit.text.tree_columns import TreeColumns

_HEAD: Final = CONLLU_COLUMNS.index("head")
_MISC: Final = CONLLU_COLUMNS.index("misc")
_NUMBER: Final = re.compile("[0-9]{1,9}")
_SENTENCE_LABEL: Final = re.compile(r"#\s*label\s*=\s*(.*?)\s*")
_WORD_LABEL: Final = "Label="
_SHOWN: Final = 40  # characters of a cell in an error


class Sentence(NamedTuple):
    """Words of one sentence with their heads.

    Attributes:
        words: The words.
        heads: Head of each word, from 1; 0 for the root.
        labels: Label of each word; empty for none.
        lines: Line of each word; None where there are no lines.
    """

    words: Sequence[str]
    heads: Sequence[int]
    labels: Sequence[str]
    lines: Sequence[int | None]


def conllu_sentences(lines: Iterable[tuple[int, str]], name: str) -> Iterator[Sentence]:
    """Yield the sentences of a CoNLL-U file; ranges of words (``1-2``) and empty nodes (``1.1``) are passed over.

    ``# label = LABEL`` in front of a sentence is the label of its root, ``Label=LABEL`` in MISC that of a word.

    Args:
        lines: Number and content of each line.
        name: Of the source.

    Raises:
        DataError: A line is malformed; names it.
    """
    rows: list[tuple[str, int, str, int]] = []
    label, label_line = "", 0
    for number, text in lines:
        line = text.removesuffix("\r")
        if not line or line.isspace():
            if rows:
                yield _sentence(rows, label)
            rows, label = [], ""
        elif line[0] == "#":
            found = _SENTENCE_LABEL.fullmatch(line)
            if found is not None:
                label, label_line = found[1], number
        else:
            row = _row(line, name, number, expected=len(rows) + 1)
            rows += [row] if row else []
    if rows:
        yield _sentence(rows, label)
    elif label:
        raise DataError("a label of a sentence that has no words", source=name, line=label_line)


def _sentence(rows: Sequence[tuple[str, int, str, int]], label: str) -> Sentence:
    words, heads, labels, lines = zip(*rows, strict=True)
    if label:
        labels = tuple(label if head == 0 else own for head, own in zip(heads, labels, strict=True))
    return Sentence(words, heads, labels, lines)


def _row(line: str, name: str, number: int, *, expected: int) -> tuple[str, int, str, int] | None:
    """Return word, head, label and line of a row; None for one that is passed over."""
    cells = line.split("\t")
    if len(cells) != len(CONLLU_COLUMNS):
        problem = f"{len(cells)} columns separated by tabs, expected the 10 of CoNLL-U"
        raise DataError(f"{problem}: set the format to brackets if these are bracketed trees", source=name, line=number)
    if not is_word_id(cells[0], name, number):
        return None
    if cells[0] != str(expected):
        problem = f"the ID is {cells[0][:_SHOWN]}, expected {expected}: words are numbered from 1 in each sentence"
        raise DataError(problem, source=name, line=number)
    if not cells[FORM]:
        raise DataError("the word (FORM) is empty", source=name, line=number)
    if not _NUMBER.fullmatch(cells[_HEAD]):
        problem = f"the HEAD is {cells[_HEAD][:_SHOWN]!r}, expected the ID of a word, or 0 for the root"
        raise DataError(problem, source=name, line=number)
    labels = [part.removeprefix(_WORD_LABEL) for part in cells[_MISC].split("|") if part.startswith(_WORD_LABEL)]
    return cells[FORM], int(cells[_HEAD]), labels[-1].strip() if labels else "", number


def add_sentence(columns: TreeColumns, sentence: Sentence, name: str) -> None:
    """Append the tree of a sentence: the dependents of a word before it, each with its own, in the sentence's order.

    Raises:
        DataError: The heads do not form a tree: no root, two roots, a cycle, or a head that is not a word. The error
            names the line.
    """
    heads, count = sentence.heads, len(sentence.words)
    below: list[list[int]] = [[] for _ in range(count + 1)]  # dependents of each word, from 1; of 0 the roots
    for place, head in enumerate(heads, start=1):
        if not 0 <= head <= count:
            words = "1 word" if count == 1 else f"{count} words"
            raise _error(sentence, place, f"the head of word {place} is {head}, but the sentence has {words}", name)
        below[head].append(place)
    if len(below[0]) > 1:
        first, second = below[0][:2]
        raise _error(sentence, second, f"two roots, words {first} and {second}: expected one HEAD of 0", name)
    if not below[0]:
        raise _error(sentence, 1, "no root: the HEAD of one word of the sentence must be 0", name)
    reached, pending = [False] * (count + 1), [below[0][0]]
    order: list[int] = []  # each word before its dependents, the last of them first: post-order backwards
    while pending:
        place = pending.pop()
        reached[place] = True
        order.append(place)
        pending += below[place]
    if len(order) < count:
        place = reached.index(False, 1)
        raise _error(sentence, place, f"a cycle: the heads of word {place} do not lead to the root", name)
    node_of = {}
    for place in reversed(order):
        columns.at(name, sentence.lines[place - 1])
        word, label = columns.word(sentence.words[place - 1]), columns.label(sentence.labels[place - 1])
        node_of[place] = node = columns.node(word, label, place - 1)
        for child in below[place]:
            columns.parent[node_of[child]] = node
    columns.end_tree()


def _error(sentence: Sentence, place: int, problem: str, name: str) -> DataError:
    return DataError(problem, source=name, line=sentence.lines[place - 1])
