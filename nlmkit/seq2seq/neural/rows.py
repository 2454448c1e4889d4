"""Hypotheses of a network side by side, for search, and one of them as a state of a state machine."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.seq2seq.neural.batching import Conditions
from nlmkit.seq2seq.neural.module import ConditionalModule, Memory, StepOutput
from nlmkit.seq2seq.neural.scoring import scoring


class NetworkRows:
    """Beginnings of targets, one per row; see ``nlmkit.decoding.rows.Rows``. Immutable.

    Args:
        module: The network.
        memory: Encoded sources.
        owners: Source of each row, as an index into ``memory``: int64 [rows].
        rows: The sources, row by row; None where ``memory`` has them in this order.
        last: Result of reading the last word of each row.
    """

    def __init__(
        self,
        module: ConditionalModule,
        memory: Memory,
        owners: NDArray[np.int64],
        rows: Memory | None,
        last: StepOutput,
    ) -> None:
        self._module, self._memory, self._owners, self._last = module, memory, owners, last
        self._rows = memory if rows is None else rows
        self._log_probs: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, module: ConditionalModule, conditions: Conditions) -> Self:
        """Return the beginnings of the targets of some conditions, in their order."""
        with scoring(module):
            memory = module.encode(conditions.batch(np.arange(len(conditions))).to(module.device))
            return cls(module, memory, np.arange(len(conditions)), None, module.first_step(memory))

    def __len__(self) -> int:
        return len(self._owners)

    def log_probs(self) -> NDArray[np.float32]:
        """Return the log-probability of each vocabulary id as the next event: float32 [rows, V], −inf at ``<s>``."""
        if self._log_probs is None:
            with scoring(self._module):
                self._log_probs = self._module.output.all_log_probs(self._last.features).cpu().numpy()
            self._log_probs.setflags(write=False)
        return self._log_probs

    def attention(self) -> NDArray[np.float32] | None:
        """Return the attention of the step of ``log_probs``: float32 [rows, S]; None without attention."""
        weights = self._last.attention
        return None if weights is None else weights.cpu().numpy()

    def take(self, rows: NDArray[np.int64], ids: NDArray[np.int64]) -> NetworkRows:
        """Return other rows: each continues one of these with a word.

        Args:
            rows: Row that each new one continues: int64 [n].
            ids: Its next word: int64 [n].
        """
        module, device = self._module, self._module.device
        owners = self._owners[rows]
        with scoring(module):
            same = np.array_equal(owners, self._owners)  # as in most steps of a search: then nothing is copied
            memory = self._rows if same else self._memory.take(torch.from_numpy(owners).to(device))
            places = torch.from_numpy(np.asarray(rows, np.int64)).to(device)
            state = tuple(part.index_select(1, places) for part in self._last.state)
            last = module.step(memory, state, torch.from_numpy(np.asarray(ids, np.int64)).to(device))
        return NetworkRows(module, self._memory, owners, memory, last)


class NetworkState:
    """State of a network after the words of one target read so far: an immutable value, compared bit by bit.

    Attributes:
        condition: The condition: int64 [S] events of a text, or float32 [1, d]; read-only.
        tensors: State of the decoder, as read-only arrays.
        features: Input of the output layer for the next event: float32 [f], read-only.
        attention: Weights of the source's events for the next event: float32 [S]; None without attention.
    """

    __slots__ = ("_key", "_memory", "attention", "condition", "features", "tensors")

    condition: NDArray[Any]
    tensors: tuple[NDArray[Any], ...]
    features: NDArray[np.float32]
    attention: NDArray[np.float32] | None
    _memory: Memory | None
    _key: tuple[bytes, ...]

    def __init__(
        self,
        condition: NDArray[Any],
        tensors: tuple[NDArray[Any], ...],
        features: NDArray[np.float32],
        attention: NDArray[np.float32] | None,
        memory: Memory | None = None,
    ) -> None:
        arrays = (condition, *tensors, features)
        for array in (*arrays, *(() if attention is None else (attention,))):
            array.setflags(write=False)
        values: dict[str, Any] = {"condition": condition, "tensors": tensors, "features": features}
        values |= {"attention": attention, "_memory": memory, "_key": tuple(array.tobytes() for array in arrays)}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def start(cls, module: ConditionalModule, condition: NDArray[Any]) -> NetworkState:
        """Return the state after the first ``</s>``.

        Args:
            module: The network.
            condition: As ``SequenceToSequence.start`` takes it.
        """
        with scoring(module):
            memory = _encoded(module, condition)
            return _kept(np.array(condition), memory, module.first_step(memory))

    def advance(self, module: ConditionalModule, word_id: int) -> NetworkState:
        """Return the state after one more word."""
        with scoring(module):
            memory = self._memory
            if memory is None or memory.vectors.device != module.device:  # the state was pickled, or the network moved
                memory = _encoded(module, self.condition)
            tensors = tuple(torch.tensor(array, device=module.device) for array in self.tensors)
            step = module.step(memory, tensors, torch.tensor([word_id], device=module.device))
            return _kept(self.condition, memory, step)

    def next_log_probs(self, module: ConditionalModule) -> NDArray[np.float64]:
        """Return the log-probability of each vocabulary id as the next event: float64 [V], −inf at ``<s>``."""
        with scoring(module):
            features = torch.tensor(self.features, device=module.device).unsqueeze(0)
            found: NDArray[np.float64] = module.output.all_log_probs(features)[0].cpu().numpy().astype(np.float64)
            return found

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"states are immutable; advance returns a new one (setting {name})")

    def __reduce__(self) -> tuple[Any, ...]:
        return NetworkState, (self.condition, self.tensors, self.features, self.attention)

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, NetworkState) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"<NetworkState {hash(self._key) & 0xFFFFFFFF:08x}>"


def _encoded(module: ConditionalModule, condition: NDArray[Any]) -> Memory:
    batch = Conditions.of_list([condition]).batch(np.zeros(1, np.int64))
    return module.encode(batch.to(module.device))


def _kept(condition: NDArray[Any], memory: Memory, step: StepOutput) -> NetworkState:
    attention = None if step.attention is None else step.attention[0].cpu().numpy().copy()
    tensors = tuple(part.cpu().numpy().copy() for part in step.state)
    return NetworkState(condition, tensors, step.features[0].cpu().numpy().copy(), attention, memory)
