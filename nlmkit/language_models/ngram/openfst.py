"""Writing a backoff model as a weighted automaton in the text format of OpenFst, for Kaldi and k2.

As by Kaldi's ``arpa2fst``, a state is a context, an arc reads a word, and an arc with a label of its own leads to the
state of the shorter context with the backoff weight. ``<s>`` is the start state and ``</s>`` a final weight.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.errors import ExportError, HyperParameterError
from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.soundness import gram_of
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.saving.files import reason
from nlmkit.saving.replacing import replacing
from nlmkit.text.vocabulary import BOS_ID, EOS_ID

BackoffLabel = Literal["#0", "<eps>"]
"""Input label of the arcs that back off: a disambiguation symbol, or nothing."""

EPSILON: Final = "<eps>"
SYMBOLS: Final = "words.txt"
"""Name of the symbol table beside the automaton."""

_LINES: Final = 100_000
_UNSAYABLE: Final = re.compile(r"[ \t\r\n\v\f\0]")


def write_openfst(
    path: str | os.PathLike[str],
    table: BackoffTable,
    words: Sequence[str],
    *,
    symbols: str | os.PathLike[str] | None = None,
    backoff_label: BackoffLabel = "#0",
    advance: Callable[[int], None] = lambda ngrams: None,
) -> None:
    """Write a backoff model in the text format of OpenFst, and its symbol table.

    Lines are ``source destination input output weight`` and, for final states, ``state weight``, with the numbers of
    the symbol table as labels: what ``fstcompile`` and ``k2.Fsa.from_openfst(…, acceptor=False)`` read. Weights are
    negative natural log-probabilities. The first line belongs to the start state, 0.

    In the symbol table, ``<eps>`` is 0, a word of the vocabulary its id plus one, and ``#0`` the last.

    Args:
        path: File to write or replace, gzipped if the name ends in ``.gz``.
        table: The model.
        words: Words by vocabulary id, the special ones included.
        symbols: File for the symbol table, written or replaced; None: ``words.txt`` in the folder of ``path``, which
            must not be there with other words.
        backoff_label: Input label of backoff arcs; their output label is ``<eps>``.
        advance: Called with the number of n-grams written.

    Raises:
        HyperParameterError: ``backoff_label`` is neither label.
        ExportError: A word is empty, contains white space or NUL, or is ``<eps>`` or ``#0``; an n-gram of two words or
            more has the probability zero; contexts outside the table have a backoff weight; or a file cannot be
            written.
    """
    if backoff_label not in get_args(BackoffLabel):
        raise HyperParameterError(f"backoff_label must be #0 or <eps>, not {backoff_label!r}")
    path = Path(path)
    if len(words) != table.vocabulary_size:
        raise ValueError(f"{len(words)} words for a table of {table.vocabulary_size} words")
    problem = _unsayable_word(words) or _unsayable_number(table, words)
    if problem:
        raise ExportError(f"{path}: OpenFst cannot represent this model: {problem}")
    listed = [EPSILON, *words, *(["#0"] if backoff_label == "#0" else [])]
    content = "".join(f"{word} {number}\n" for number, word in enumerate(listed)).encode()
    target = _symbol_file(path, symbols, content)
    label = len(listed) - 1 if backoff_label == "#0" else 0
    try:
        with replacing(path, "an automaton is") as stream:
            for block in _blocks(_Automaton.of(table), label, advance):
                stream.write(block.encode())
        with replacing(target, "a symbol table is") as stream:
            stream.write(content)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ExportError(f"{error.filename or path}: cannot be written ({reason(error)})") from error


def symbol_file(path: Path) -> Path:
    """Return the file of the symbol table that none is named for."""
    return path.parent / SYMBOLS


def _symbol_file(path: Path, given: str | os.PathLike[str] | None, content: bytes) -> Path:
    """Return the file to write the symbol table to."""
    target = symbol_file(path) if given is None else Path(given)
    if os.path.realpath(target) == os.path.realpath(path):
        raise ExportError(f"{path}: the automaton and its symbol table require two files")
    if given is None:
        try:
            differs = target.read_bytes() != content
        except FileNotFoundError:
            return target
        except OSError as error:
            raise ExportError(f"{target}: cannot be read ({reason(error)}); name another symbol table") from error
        if differs:
            raise ExportError(
                f"{target}: has other symbols; name the symbol table to write or replace (--symbols FILE)"
            )
    return target


def _unsayable_word(words: Sequence[str]) -> str | None:
    for word in words:
        if not word or _UNSAYABLE.search(word):
            return f"the word {word!r} is empty or contains white space or NUL"
        if word in (EPSILON, "#0"):
            return f"the word {word!r} is a symbol of the automaton; fit the model on a text that spells it differently"
    return None


def _unsayable_number(table: BackoffTable, words: Sequence[str]) -> str | None:
    if table.unseen_backoff != 0.0:
        return "contexts outside the table have a backoff weight"
    for k, log_probs in enumerate(table.log_probs[1:], 2):
        zero = np.isneginf(log_probs)
        if zero.any():
            gram = gram_of(table, words, k, int(zero.argmax()))
            return f"the probability of {gram!r} is zero, and the automaton would back off; smooth the model"
    return None


@dataclasses.dataclass(frozen=True)
class _Automaton:
    """States of a table's contexts; list index k is for contexts of length k, the empty one being 0.

    Attributes:
        table: The table.
        states: State of each n-gram as a context, int32 [n_k]; −1 for n-grams that nothing follows.
        reached: State of the longest context at the end of each n-gram, int32 [n_k].
    """

    table: BackoffTable
    states: list[Ids]
    reached: list[Ids]

    @classmethod
    def of(cls, table: BackoffTable) -> _Automaton:
        """Number the states: the start state is 0."""
        states, reached, number = [np.zeros(1, np.int32)], [np.zeros(1, np.int32)], 1
        last = table.last
        for k in range(1, table.order):
            followed = np.zeros(table.sizes[k - 1], bool)
            followed[table.history[k]] = True
            # a weight without n-grams, as in files of other programs, counts too
            followed |= np.asarray(table.backoffs[k - 1]) != 0.0
            followed[last[k - 1] == EOS_ID] = False
            own = np.full(len(followed), -1, np.int32)
            own[followed] = np.arange(number, number + int(followed.sum()), dtype=np.int32)
            number += int(followed.sum())
            shorter = reached[-1][table.suffix[k - 1]] if k > 1 else np.zeros(len(own), np.int32)
            states.append(own)
            reached.append(np.where(followed, own, shorter))
        start = int(reached[1][BOS_ID]) if table.order > 1 else 0
        for rows in (states, reached):
            for row in rows:
                zero, begin = row == 0, row == start
                row[zero], row[begin] = start, 0
        return cls(table, states, reached)

    def arcs(self, k: int, begin: int, end: int) -> tuple[Ids, Ids, Ids, NDArray[np.float64]]:
        """Return source, destination, last word and log-probability of k-grams; ``</s>`` leads nowhere."""
        table, part = self.table, slice(begin, end)
        source = self.states[k - 1][table.history[k - 1][part]] if k > 1 else np.full(end - begin, self.states[0][0])
        if k < table.order:
            reached = self.reached[k][part]
        elif k > 1:
            reached = self.reached[k - 1][table.suffix[k - 1][part]]
        else:
            reached = source
        return source, reached, table.last[k - 1][part], table.log_probs[k - 1][part].astype(np.float64)

    def backoffs(self, k: int, begin: int, end: int) -> tuple[Ids, Ids, NDArray[np.float64]]:
        """Return source, destination and log-weight of the backoff arcs of contexts among k-grams."""
        table, part = self.table, slice(begin, end)
        empty = np.full(end - begin, self.states[0][0])
        reached = self.reached[k - 1][table.suffix[k - 1][part]] if k > 1 else empty
        source, weights = self.states[k][part], table.backoffs[k - 1][part].astype(np.float64)
        there = (source >= 0) & ~np.isneginf(weights)
        return source[there], reached[there], weights[there]


def _blocks(automaton: _Automaton, label: int, advance: Callable[[int], None]) -> Iterator[str]:
    """Yield the lines in blocks, those of the start state first, since the first line names it."""
    table = automaton.table
    for of_start in (True, False):
        for k in range(1, min(table.order, 2) + 1 if of_start else table.order + 1):
            for begin in range(0, table.sizes[k - 1], _LINES):
                end = min(begin + _LINES, table.sizes[k - 1])
                yield _arcs(automaton.arcs(k, begin, end), of_start)
                if k < table.order:
                    source, reached, weights = automaton.backoffs(k, begin, end)
                    chosen = (source == 0) == of_start
                    labels = np.full(int(chosen.sum()), label), np.zeros(int(chosen.sum()), np.int64)
                    yield _lines([source[chosen], reached[chosen], *labels], weights[chosen])
                if not of_start:
                    advance(end - begin)


def _arcs(found: tuple[Ids, Ids, Ids, NDArray[np.float64]], of_start: bool) -> str:
    source, reached, words, log_probs = found
    chosen = ((source == 0) == of_start) & ~np.isneginf(log_probs)
    final = chosen & (words == EOS_ID)
    chosen &= words != EOS_ID
    labels = words[chosen] + 1
    arcs = _lines([source[chosen], reached[chosen], labels, labels], log_probs[chosen])
    return arcs + _lines([source[final]], log_probs[final])


def _lines(columns: Sequence[NDArray[Any]], log_probs: NDArray[np.float64]) -> str:
    if not len(log_probs):
        return ""
    texts = [map(str, column.tolist()) for column in columns]
    weights = map("%.9g".__mod__, (0.0 - log_probs).tolist())
    return "\n".join(map("\t".join, zip(*texts, weights, strict=True))) + "\n"
