"""Chains of tags: scores that sentences share, of a tag after the one before it, or after several.

Inference (``nlmkit.decoding.chain``) moves over *states*. In a ``Chain`` they are the tags. In a ``ContextChain`` a
state is the latest tags, so that the next one can depend on all of them; it is exact, too, and costs more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_SPARSE: Final = 4  # how many times fewer transitions must be legal for a list of them to be faster

_ROOM: Final = 1 << 20  # sums of a score and a transition in memory at a time, unless one row needs more

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Chain:
    """Scores of a chain of K tags that do not depend on the sentence: natural logarithms, −inf for forbidden.

    Attributes:
        start: Score of each tag at the first token: float64 [K].
        transitions: Score of each pair of successive tags: float64 [K, K], from and to.
        end: Score of each tag at the last token: float64 [K].

    Raises:
        ValueError: Shapes disagree, or a score is NaN or +inf.
    """

    start: Floats
    transitions: Floats
    end: Floats

    def __post_init__(self) -> None:
        self._freeze()
        tags = len(self.start)
        if self.start.shape != (tags,) or self.transitions.shape != (tags, tags) or self.end.shape != (tags,):
            shapes = ", ".join(str(list(array.shape)) for array in (self.start, self.transitions, self.end))
            raise ValueError(f"start, transitions and end of a chain must be [K], [K, K] and [K], not {shapes}")

    def _freeze(self) -> None:
        for name in ("start", "transitions", "end"):
            values = np.ascontiguousarray(getattr(self, name), np.float64)
            if not (values < np.inf).all():
                raise ValueError("scores of a chain must be numbers below infinity")
            object.__setattr__(self, name, values)

    @property
    def tags(self) -> int:
        """Number of tags, K."""
        return len(self.start)

    @property
    def states(self) -> int:
        """Number of states, S."""
        return len(self.start)

    def constrained(self, start: ArrayLike, transitions: ArrayLike, end: ArrayLike) -> Chain:
        """Return a copy in which what is not legal is forbidden.

        Args:
            start: Whether each tag may come first: bool [K].
            transitions: Whether each pair of tags may be successive: bool [K, K].
            end: Whether each tag may come last: bool [K].
        """
        return Chain(
            np.where(start, self.start, -np.inf),
            np.where(transitions, self.transitions, -np.inf),
            np.where(end, self.end, -np.inf),
        )

    # ------------------------------------------------------------------------------------- tags and states

    def tag_of(self, states: Ids) -> Ids:
        """Return the tag that each state stands for."""
        return states

    def spread(self, values: Floats, outside: float = -np.inf) -> Floats:
        """Return values of tags as values of states: [..., K] to [..., S].

        Args:
            values: Scores, or factors.
            outside: Value of states that stand for no tag.
        """
        return values

    def gather(self, values: Floats) -> Floats:
        """Return sums over the states of each tag: [..., S] to [..., K]."""
        return values

    def first(self, tags: Ids) -> Ids:
        """Return the state of each tag at the first token."""
        return tags

    def after(self, states: Ids, tags: Ids) -> Ids:
        """Return the states that tags lead to from other states."""
        return tags

    # ---------------------------------------------------------------------------------------------- a step

    @cached_property
    def peak(self) -> float:
        """Largest score of a transition; 0 if all are forbidden."""
        highest = float(self.transitions.max(initial=-np.inf))
        return highest if highest > -np.inf else 0.0

    @cached_property
    def factors(self) -> Floats:
        """Transitions as factors of at most one: exp(transitions − peak)."""
        return np.exp(self.transitions - self.peak)

    @cached_property
    def _backward_factors(self) -> Floats:
        return np.ascontiguousarray(self.factors.T)

    def forward(self, values: Floats, out: Floats) -> None:
        """Multiply weights of states [n, S] by ``factors`` and sum over the states before: out [n, S]."""
        np.matmul(values, self.factors, out=out)

    def backward(self, values: Floats, out: Floats) -> None:
        """Multiply weights of states [n, S] by ``factors`` and sum over the states after: out [n, S]."""
        np.matmul(values, self._backward_factors, out=out)

    def best_before(self, values: Floats) -> Floats:
        """Return the largest score of a state before plus transition: [n, S] to [n, S]."""
        return self._by_rows(lambda rows: (rows[:, :, None] + self.transitions).max(axis=1), values)

    def log_forward(self, values: Floats) -> Floats:
        """Return log Σ exp(score + transition) over the states before: [n, S] to [n, S]."""
        return self._by_rows(lambda rows: log_sum(rows[:, :, None] + self.transitions, axis=1), values)

    def log_backward(self, values: Floats) -> Floats:
        """Return log Σ exp(transition + score) over the states after: [n, S] to [n, S]."""
        return self._by_rows(lambda rows: log_sum(rows[:, None] + self.transitions, axis=2), values)

    def _by_rows(self, function: Callable[[Floats], Floats], values: Floats) -> Floats:
        """Return a function of the rows of values [n, S], of few at a time since it takes n scores per transition."""
        size = max(1, _ROOM // max(1, self.transitions.size))
        if len(values) <= size:
            return function(values)
        return np.concatenate([function(values[low : low + size]) for low in range(0, len(values), size)])

    def follow(self, values: Floats, tag: int) -> Floats:
        """Return ``log_forward`` of one row if the next tag is given: [S] to [S]."""
        found = np.full(self.states, -np.inf)
        found[tag] = log_sum(values + self.transitions[:, tag])
        return found

    def before(self, states: Ids) -> tuple[Ids, Floats]:
        """Return the states that may precede each state, and the scores of the transitions: [n, P] each."""
        return np.broadcast_to(np.arange(self.states), (len(states), self.states)), self._into[states]

    def best_previous(self, values: Floats, states: Ids) -> Ids:
        """Return the state by which ``best_before`` reaches each state: values [n, S] and states [n] to [n]."""
        found: Ids = (values + self._into[states]).argmax(axis=1)
        return found

    @cached_property
    def _into(self) -> Floats:
        return np.ascontiguousarray(self.transitions.T)


@dataclasses.dataclass(frozen=True, eq=False)
class ContextChain(Chain):
    """Scores of a chain in which a tag depends on the m tags before it.

    A state is m successive tags, the latest last; K, one more than the last tag, stands for what is before the first
    token. With Q = K + 1 there are S = Qᵐ states, and state s stands for the tag s mod Q. O(T·B·S·Q).

    Attributes:
        start: Score of each tag at the first token: float64 [K].
        transitions: Score of each tag after each state: float64 [S, Q]; the last column is −inf.
        end: Score of each state at the last token: float64 [S].

    Raises:
        ValueError: Shapes disagree, or a score is NaN or +inf.
    """

    def __post_init__(self) -> None:
        self._freeze()
        base, states = len(self.start) + 1, len(self.end)
        power = base
        while power < states:
            power *= base
        if self.start.ndim != 1 or self.end.shape != (power,) or self.transitions.shape != (power, base):
            shapes = ", ".join(str(list(array.shape)) for array in (self.start, self.transitions, self.end))
            raise ValueError(
                f"a chain with contexts must have scores [K], [(K + 1)^m, K + 1], [(K + 1)^m], not {shapes}"
            )
        if (self.transitions[:, -1] > -np.inf).any():
            raise ValueError("a chain with contexts must not return to the beginning")
        start = np.full(power, -np.inf)
        start[power - base : power - 1] = self.start  # of states with nothing before their tag
        object.__setattr__(self, "start", start)

    @property
    def tags(self) -> int:
        """Number of tags, K."""
        return self._q - 1

    def constrained(self, start: ArrayLike, transitions: ArrayLike, end: ArrayLike) -> ContextChain:
        """Return a copy in which what is not legal is forbidden; arguments as of ``Chain.constrained``."""
        pairs = np.pad(np.asarray(transitions, bool), (0, 1), constant_values=True)
        last = self.tag_of(np.arange(self.states))
        return ContextChain(
            np.where(start, self.start[-self.tags - 1 : -1], -np.inf),
            np.where(pairs[last], self.transitions, -np.inf),
            np.where(np.append(np.asarray(end, bool), True)[last], self.end, -np.inf),
        )

    @property
    def _q(self) -> int:
        found: int = self.transitions.shape[1]
        return found

    @property
    def _rest(self) -> int:
        """Number of contexts without their first tag, R."""
        return self.states // self._q

    @cached_property
    def _cube(self) -> Floats:
        """Transitions by first tag of the context, its rest, and next tag: [Q, R, Q]."""
        return self.transitions.reshape(self._q, self._rest, self._q)

    @cached_property
    def _by_rest(self) -> Floats:
        """Factors by rest: [R, Q, Q], from and to."""
        return np.ascontiguousarray(self.factors.reshape(self._q, self._rest, self._q).transpose(1, 0, 2))

    @cached_property
    def _by_rest_backward(self) -> Floats:
        return np.ascontiguousarray(self._by_rest.transpose(0, 2, 1))

    def tag_of(self, states: Ids) -> Ids:
        """Return the tag that each state stands for."""
        return states % self._q

    def spread(self, values: Floats, outside: float = -np.inf) -> Floats:
        """Return values of tags as values of states: [..., K] to [..., S]."""
        shape = values.shape[:-1]
        found = np.full((*shape, self._rest, self._q), outside)
        found[..., :-1] = values[..., None, :]
        return found.reshape(*shape, self.states)

    def first(self, tags: Ids) -> Ids:
        """Return the state of each tag at the first token."""
        return self.states - self._q + tags

    def after(self, states: Ids, tags: Ids) -> Ids:
        """Return the states that tags lead to from other states."""
        found: Ids = (states * self._q + tags) % self.states
        return found

    def gather(self, values: Floats) -> Floats:
        """Return sums over the states of each tag: [..., S] to [..., K]."""
        total: Floats = values.reshape(*values.shape[:-1], self._rest, self._q).sum(axis=-2)
        return total[..., :-1]

    def forward(self, values: Floats, out: Floats) -> None:
        """Multiply weights of states [n, S] by ``factors`` and sum over the states before: out [n, S]."""
        by_rest = values.reshape(len(values), self._q, self._rest).transpose(2, 0, 1) @ self._by_rest
        out.reshape(len(values), self._rest, self._q)[:] = by_rest.transpose(1, 0, 2)

    def backward(self, values: Floats, out: Floats) -> None:
        """Multiply weights of states [n, S] by ``factors`` and sum over the states after: out [n, S]."""
        by_rest = values.reshape(len(values), self._rest, self._q).transpose(1, 0, 2) @ self._by_rest_backward
        out.reshape(len(values), self._q, self._rest)[:] = by_rest.transpose(1, 2, 0)

    def best_before(self, values: Floats) -> Floats:
        """Return the largest score of a state before plus transition: [n, S] to [n, S]."""
        sources, scores, targets, begins = self._edges
        if _SPARSE * len(sources) < self.transitions.size:
            sparse = np.full(values.shape, -np.inf)
            if len(sources):
                found = values.take(sources, axis=1)
                found += scores
                sparse[:, targets] = np.maximum.reduceat(found, begins, axis=1)
            return sparse
        by_first = values.reshape(len(values), self._q, self._rest, 1)
        found = by_first[:, 0] + self._cube[0]
        for first in range(1, self._q):
            np.maximum(found, by_first[:, first] + self._cube[first], out=found)
        flat: Floats = found.reshape(len(values), self.states)
        return flat

    @cached_property
    def _edges(self) -> tuple[Ids, Floats, Ids, Ids]:
        """Transitions that are not forbidden, by target: sources, scores; the targets, and where each begins."""
        sources, tags = np.nonzero(self.transitions > -np.inf)
        targets = self.after(sources, tags)
        order = np.argsort(targets, kind="stable")
        unique, begins = np.unique(targets[order], return_index=True)
        return sources[order], self.transitions[sources, tags][order], unique, begins

    def log_forward(self, values: Floats) -> Floats:
        """Return log Σ exp(score + transition) over the states before: [n, S] to [n, S]."""

        def moved(rows: Floats) -> Floats:
            found = log_sum(rows.reshape(len(rows), self._q, self._rest, 1) + self._cube, axis=1)
            return found.reshape(len(rows), self.states)

        return self._by_rows(moved, values)

    def log_backward(self, values: Floats) -> Floats:
        """Return log Σ exp(transition + score) over the states after: [n, S] to [n, S]."""

        def moved(rows: Floats) -> Floats:
            found = log_sum(rows.reshape(len(rows), 1, self._rest, self._q) + self._cube, axis=3)
            return found.reshape(len(rows), self.states)

        return self._by_rows(moved, values)

    def follow(self, values: Floats, tag: int) -> Floats:
        """Return ``log_forward`` of one row if the next tag is given: [S] to [S]."""
        found = np.full((self._rest, self._q), -np.inf)
        found[:, tag] = log_sum(values.reshape(self._q, self._rest) + self._cube[:, :, tag], axis=0)
        return found.ravel()

    def before(self, states: Ids) -> tuple[Ids, Floats]:
        """Return the states that may precede each state, and the scores of the transitions: [n, Q] each."""
        rest, tag = np.divmod(states, self._q)
        previous = np.arange(self._q) * self._rest + rest[:, None]
        return previous, self.transitions[previous, tag[:, None]]

    def best_previous(self, values: Floats, states: Ids) -> Ids:
        """Return the state by which ``best_before`` reaches each state: values [n, S] and states [n] to [n]."""
        previous, moves = self.before(states)
        choice = (np.take_along_axis(values, previous, axis=1) + moves).argmax(axis=1)
        found: Ids = previous[np.arange(len(states)), choice]
        return found


def log_sum(values: Floats, axis: int = -1) -> Floats:
    """Return log Σ exp(values) along an axis; −inf where all are."""
    highest = values.max(axis=axis, keepdims=True)
    shift = np.where(highest > -np.inf, highest, 0.0)
    with np.errstate(divide="ignore"):
        found: Floats = np.log(np.exp(values - shift).sum(axis=axis)) + shift.squeeze(axis)
    return found
