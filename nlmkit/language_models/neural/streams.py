"""Training text as contiguous columns of ids, with random draws per epoch or window.

The training stream is the text's events after one ``</s>``; the target at each position is the next event. It is
cut into B columns of L = ⌊N / B⌋ consecutive targets, so that a window of rows continues,
in every column, where the window before it ended. An epoch omits the last N − B·L of the N events, fewer than B.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlmkit.errors import DataError
from nlmkit.text.vocabulary import BOS_ID, EOS_ID, UNK_ID
from nlmkit.training.randomness import Purpose, generator

Ids = NDArray[np.int32]

BLANK_ID: Final = BOS_ID
"""Id inserted by blank noising: ``<s>``, whose vector is otherwise unused."""

_SPREAD = 5.0
_SHORTEST = 5
_HALVED = 0.05


def columns(events: Ids, batch: int) -> Tensor:
    """Return the stream in columns: int32 [L + 1, batch]; rows 0 … L−1 are inputs, rows 1 … L their targets.

    Args:
        events: Ids of the text's events: int32 [N].
        batch: Number of columns; at most N.
    """
    length = len(events) // batch
    stream = np.empty(len(events) + 1, np.int32)
    stream[0] = EOS_ID
    stream[1:] = events
    item = stream.itemsize
    view = np.lib.stride_tricks.as_strided(stream, (length + 1, batch), (item, length * item), writeable=False)
    return torch.from_numpy(view.copy())


def fixed_windows(length: int, bptt: int) -> NDArray[np.int64]:
    """Return the starts of windows of ``bptt`` rows, and the end of the last, shorter one: int64 [windows + 1]."""
    return np.append(np.arange(0, length, bptt), length)


def random_windows(length: int, bptt: int, source: torch.Generator) -> NDArray[np.int64]:
    """Return the bounds of windows of random length (Merity et al. 2018): int64 [windows + 1], from 0 to ``length``.

    Each length is drawn from N(base, 5), with base = ``bptt`` or, with probability 0.05, its half; it is at least 5 (or
    ``bptt`` if that is less).
    """
    shortest = min(_SHORTEST, bptt)
    bounds = [np.zeros(1, np.int64)]
    end = 0
    while end < length:
        # Usually more than enough; the rest is not used.
        count = math.ceil((length - end) / bptt * 1.2) + 8
        base = torch.where(torch.rand(count, generator=source, dtype=torch.float64) < _HALVED, bptt / 2, float(bptt))
        drawn = base + _SPREAD * torch.randn(count, generator=source, dtype=torch.float64)
        lengths = np.maximum(drawn.numpy().astype(np.int64), shortest)
        bounds.append(end + np.cumsum(lengths))
        end = int(bounds[-1][-1])
    found = np.concatenate(bounds)
    return np.append(found[found < length], length)


class Epoch:
    """One pass over the text: its columns and windows.

    Attributes:
        bounds: Starts of windows, and the end: int64 [windows + 1].
    """

    def __init__(self, ids: Tensor, bounds: NDArray[np.int64], scales: NDArray[np.float64]) -> None:
        self._ids = ids
        self._scales = scales
        self.bounds = bounds

    @property
    def windows(self) -> int:
        """Number of windows; each is one step."""
        return len(self.bounds) - 1

    def rows(self, window: int) -> int:
        """Return the number of time steps of a window."""
        return int(self.bounds[window + 1] - self.bounds[window])

    def scale(self, window: int) -> float:
        """Return the factor of the learning rate: a random window's share of ``bptt``, else 1."""
        return float(self._scales[window])

    def ids(self, window: int) -> tuple[Tensor, Tensor]:
        """Return inputs and targets of a window: int64 [T, B] each, on the stream's device."""
        begin, end = int(self.bounds[window]), int(self.bounds[window + 1])
        block = self._ids[begin : end + 1].long()
        return block[:-1], block[1:]


class TrainingStream:
    """Training text in columns, by epoch. Random draws of an epoch depend only on the seed and its number.

    With ``rotated``, each column is rotated by a random offset per epoch (partial shuffling: Press 2019): it begins
    anywhere, reads on to its end, and then from its start to where it began. So windows have other bounds, and columns
    other neighbours, in each epoch; only the event at the old start follows another context.

    If the vocabulary has no trained ``<unk>``, each once-seen word is read as ``<unk>`` in a share of the
    epochs, as target and as input, so that ``<unk>`` is trained on rare words.

    Args:
        events: Ids of the text's events: int32 [N].
        counts: Training counts by id: int64 [V]; a nonzero count of ``<unk>`` disables the substitution.
        batch: Number of columns; fewer if the text has fewer events.
        bptt: Rows per window.
        random: Whether windows have random lengths.
        rotated: Whether columns are rotated.
        unknown_rate: Probability per epoch that a once-seen word is read as ``<unk>``.
        seed: Random seed.
        share: Columns to return: rank of the process, and number of processes.
        device: Device of the ids.

    Attributes:
        batch: Number of columns, including those of other processes.

    Raises:
        DataError: The text has no events, or too few for the processes.
    """

    def __init__(
        self,
        events: Ids,
        counts: NDArray[np.int64],
        *,
        batch: int,
        bptt: int,
        random: bool,
        rotated: bool = False,
        unknown_rate: float,
        seed: int,
        share: tuple[int, int] = (0, 1),
        device: torch.device | None = None,
    ) -> None:
        process, processes = share
        if not len(events):
            raise DataError("the training text is empty")
        if len(events) < processes:
            raise DataError(f"the training text has {len(events)} events, fewer than the {processes} processes")
        self.batch = min(batch, len(events)) // processes * processes
        self.length = len(events) // self.batch
        self._width = self.batch // processes
        self._own = slice(process * self._width, (process + 1) * self._width)
        self._events = events
        self._bptt, self._random, self._rotated, self._seed = bptt, random, rotated, seed
        self._device = device or torch.device("cpu")
        seen = np.maximum(np.bincount(events, minlength=len(counts)), counts)
        rare = np.flatnonzero(seen[events] == 1) if unknown_rate > 0 and not seen[UNK_ID] else np.empty(0, np.int64)
        self._rare = rare[events[rare] > EOS_ID]
        self._unknown_rate = unknown_rate
        self._plain: Tensor | None = None

    @property
    def share(self) -> slice:
        """Columns of this process."""
        return self._own

    @property
    def events_left_out(self) -> int:
        """Number of events at the end of the text that an epoch omits, fewer than ``batch``."""
        return len(self._events) - self.batch * self.length

    def bounds(self, number: int) -> NDArray[np.int64]:
        """Return the starts of the windows of epoch ``number`` (from 0), and the end: int64 [windows + 1]."""
        if not self._random:
            return fixed_windows(self.length, self._bptt)
        return random_windows(self.length, self._bptt, generator(self._seed, Purpose.WINDOWS, number))

    def steps(self, epochs: int) -> int:
        """Return the number of windows in the first ``epochs`` epochs."""
        if not self._random:
            return epochs * math.ceil(self.length / self._bptt)
        return sum(len(self.bounds(number)) - 1 for number in range(epochs))

    def epoch(self, number: int) -> Epoch:
        """Return epoch ``number``, from 0."""
        bounds = self.bounds(number)
        scales = np.diff(bounds) / self._bptt if self._random else np.ones(len(bounds) - 1)
        return Epoch(self._columns(number), bounds, scales)

    def _columns(self, number: int) -> Tensor:
        if not len(self._rare) and not self._rotated:
            if self._plain is None:
                self._plain = self._placed(self._events)
            return self._plain
        events = self._events
        if len(self._rare):
            source = generator(self._seed, Purpose.UNKNOWN_IN_STREAM, number)
            drawn = torch.rand(len(self._rare), generator=source, dtype=torch.float64).numpy() < self._unknown_rate
            events = events.copy()
            events[self._rare[drawn]] = UNK_ID
        placed = self._placed(events)
        return self._turned(placed, number) if self._rotated else placed

    def _placed(self, events: Ids) -> Tensor:
        return columns(events, self.batch)[:, self._own].contiguous().to(self._device)

    def _turned(self, ids: Tensor, number: int) -> Tensor:
        """Return the columns of this process, rotated so that the target in the row of the offset becomes the first."""
        source = generator(self._seed, Purpose.ROTATIONS, number)
        # of the columns of all processes
        offsets = torch.randint(self.length, (self.batch,), generator=source)[self._own].to(ids.device)
        rows = (torch.arange(self.length, device=ids.device)[:, None] + offsets) % self.length
        # The first input is the one before that target; each other one is the target before it.
        return torch.cat([ids.gather(0, offsets[None]), ids[1:].gather(0, rows)])


class Noise:
    """Data noising (Xie et al. 2017, table 1): words of a window are replaced at random while training.

    ========== ============================ =============================== ==================
    scheme     chance at a word x           drawn from                      replaces
    ========== ============================ =============================== ==================
    blank      γ                            the blank alone                 input
    unigram    γ                            c(x) / N                        input
    kneser-ney γ · N1+(x •) / c(x)          N1+(• x) / N1+(• •)             input and target
    ========== ============================ =============================== ==================

    c are counts of the training stream, N1+(x •) and N1+(• x) count the distinct words after and before x.

    Args:
        events: Ids of the training text's events: int32 [N].
        vocabulary_size: V.
        rate: γ.
        scheme: ``blank``, ``unigram`` or ``kneser-ney``.
        batch: Number of columns of the stream; draws cover all, so that they are equal in all processes.
        share: Columns passed to the call.
        device: Device of the ids.
    """

    def __init__(
        self,
        events: Ids,
        vocabulary_size: int,
        *,
        rate: float,
        scheme: str,
        batch: int,
        share: slice = slice(None),
        device: torch.device | None = None,
    ) -> None:
        self._batch, self._share = batch, share
        self._chances: float | Tensor = rate
        self._cumulative: Tensor | None = None
        self._targets_too = scheme == "kneser-ney"
        if scheme == "blank":
            return
        weights = np.bincount(events, minlength=vocabulary_size)
        if scheme == "kneser-ney":
            contexts = np.concatenate([np.array([EOS_ID], np.int32), events[:-1]])
            pairs = np.unique(contexts.astype(np.int64) * vocabulary_size + events)
            as_context = np.bincount(contexts, minlength=vocabulary_size)
            followers = np.bincount(pairs // vocabulary_size, minlength=vocabulary_size)
            weights = np.bincount(pairs % vocabulary_size, minlength=vocabulary_size)
            self._chances = torch.from_numpy(rate * followers / np.maximum(as_context, 1)).float().to(device)
        self._cumulative = torch.from_numpy(np.cumsum(weights) / weights.sum())

    def __call__(self, inputs: Tensor, targets: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return copies of inputs and targets with words replaced: int64 [T, B] each.

        The number of draws from ``source`` depends only on T, not on the words.
        """
        chances = self._chances[inputs] if isinstance(self._chances, Tensor) else self._chances
        hit = self._uniform(len(inputs), source).float().to(inputs.device) < chances
        if self._cumulative is None:
            return inputs.masked_fill(hit, BLANK_ID), targets
        noisy = torch.where(hit, self._words(inputs, source), inputs)
        return noisy, torch.where(hit, self._words(targets, source), targets) if self._targets_too else targets

    def _words(self, like: Tensor, source: torch.Generator) -> Tensor:
        assert self._cumulative is not None
        return torch.searchsorted(self._cumulative, self._uniform(len(like), source), right=True).to(like.device)

    def _uniform(self, rows: int, source: torch.Generator) -> Tensor:
        """Return random numbers in [0, 1): float64 [rows, B], on the CPU."""
        drawn = torch.rand(rows, self._batch, generator=source, dtype=torch.float64)
        return drawn[:, self._share].contiguous()


def evaluation_columns(events: Ids, batch: int) -> tuple[Tensor, Tensor]:
    """Return all of a text in columns, to measure perplexity during training.

    Args:
        events: Ids: int32 [N].
        batch: Maximum number of columns.

    Returns:
        Inputs int64 [L, B], and targets int64 [L, B], −1 after the end of the text in the last columns.
    """
    batch = min(batch, len(events))
    length = math.ceil(len(events) / batch)
    targets = np.full(length * batch, -1, np.int64)
    targets[: len(events)] = events
    inputs = np.full(length * batch, EOS_ID, np.int64)
    inputs[1 : len(events)] = events[:-1]
    return tuple(torch.from_numpy(ids.reshape(batch, length).T.copy()) for ids in (inputs, targets))  # type: ignore[return-value]


def reset_state(state: tuple[Tensor, ...], initial: tuple[Tensor, ...], drawn: Tensor) -> tuple[Tensor, ...]:
    """Reset the drawn columns of a state.

    Args:
        state: Tensors with the batch in dimension 1.
        initial: State at the beginning of a text, of the same shapes.
        drawn: Columns to reset: bool [B].
    """
    return tuple(
        torch.where(drawn.to(old.device).view(1, -1, *[1] * (old.ndim - 2)), new, old)
        for old, new in zip(state, initial, strict=True)
    )
