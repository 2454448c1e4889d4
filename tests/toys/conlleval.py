"""Span figures by definition, token by token, for comparison with the reports of taggers.

Tags are IOB1 or IOB2. Both sequences are read in parallel, and a span is right if it begins with the other's, ends with
it, and has its type throughout; nothing is shared with ``nlmkit``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Counted(NamedTuple):
    """Numbers of spans by type, and numbers of tokens."""

    gold: Counter[str]
    predicted: Counter[str]
    correct: Counter[str]
    tokens: int
    right: int

    def figures(self, kind: str | None = None) -> tuple[float, float, float]:
        """Precision, recall and F1 in percent, of one type or of all; 0 where there is nothing to divide by."""
        gold, predicted, correct = (
            sum(each.values()) if kind is None else each[kind] for each in (self.gold, self.predicted, self.correct)
        )
        precision, recall = 100 * correct / predicted if predicted else 0.0, 100 * correct / gold if gold else 0.0
        return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def count(gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> Counted:
    """Count spans of sentences; a tag ``I`` without an open span of its type begins one."""
    found = Counted(Counter(), Counter(), Counter(), 0, 0)
    tokens = right = 0
    for one, two in zip(gold, predicted, strict=True):
        running: str | None = None  # type of a span that both sequences have from its first token on
        before = ("O", "O")
        for true, guess in [*zip(one, two, strict=True), ("O", "O")]:
            begins = tuple(_begins(last, now) for last, now in zip(before, (true, guess), strict=True))
            ends = tuple(_ends(last, now) for last, now in zip(before, (true, guess), strict=True))
            if running is not None and (ends[0] or ends[1]):
                found.correct[running] += ends[0] and ends[1]
                running = None
            if begins[0] and begins[1] and true[2:] == guess[2:]:
                running = true[2:]
            found.gold[true[2:]] += begins[0]
            found.predicted[guess[2:]] += begins[1]
            before = (true, guess)
        tokens += len(one)
        right += sum(map(str.__eq__, one, two))
    return found._replace(tokens=tokens, right=right)


def _begins(last: str, now: str) -> bool:
    """Whether a span begins with the tag ``now`` after the tag ``last``."""
    return now != "O" and (now[0] == "B" or last == "O" or last[2:] != now[2:])


def _ends(last: str, now: str) -> bool:
    """Whether a span ends with the tag ``last`` before the tag ``now``."""
    return last != "O" and (now == "O" or now[0] == "B" or last[2:] != now[2:])
