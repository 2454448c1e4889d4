"""Scoring with a language module: as a state machine, in length-bucketed batches of sentences, and as one stream.

Only ``forward`` and ``read`` of the module are used, with ids and a state. They never read ``<s>``: every text starts
with the zero state after ``</s>``, and in sentence context each sentence does. Rows are grouped, padded and split for
speed and memory; this affects results only by float32 rounding.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.language_models.neural.parallel_stream import State, read_in_parallel
from nlmkit.text import EOS_ID

if TYPE_CHECKING:
    from nlmkit.language_models.base import Context
    from nlmkit.language_models.neural.module import LanguageModule, Output

PADDED_TOKENS = 4096
"""Maximum positions, padding included, of a batch of sentences; a longer sentence is one batch."""

WINDOW = 1024
"""Maximum time steps of one call of the module; the state is passed from call to call."""


SMALL_STEP = 2**22
"""Multiply-adds per time step up to which one thread is faster than several."""


class NeuralState:
    """State of a module after the words read so far: an immutable value, compared bit by bit.

    Attributes:
        tensors: State of the module for one text, as read-only arrays.
        features: Input of the output layer for the next event: float32 [d], read-only.
        hidden: Output of the last hidden layer: float32 [h], read-only.
    """

    __slots__ = ("_key", "features", "hidden", "tensors")

    tensors: tuple[NDArray[Any], ...]
    features: NDArray[np.float32]
    hidden: NDArray[np.float32]
    _key: tuple[bytes, ...]

    def __init__(
        self, tensors: tuple[NDArray[Any], ...], features: NDArray[np.float32], hidden: NDArray[np.float32]
    ) -> None:
        for array in (*tensors, features, hidden):
            array.setflags(write=False)
        values: dict[str, Any] = {"tensors": tensors, "features": features, "hidden": hidden}
        values["_key"] = tuple(array.tobytes() for array in (*tensors, features, hidden))
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"states are immutable; advance returns a new one (setting {name})")

    def __reduce__(self) -> tuple[Any, ...]:
        return NeuralState, (self.tensors, self.features, self.hidden)

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, NeuralState) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"<NeuralState {hash(self._key) & 0xFFFFFFFF:08x}>"


# ---------------------------------------------------------------------------------------------- state machine


def start(module: LanguageModule) -> NeuralState:
    """Return the zero state after reading ``</s>``."""
    return read(module, module.initial_state(1), EOS_ID)


def advance(module: LanguageModule, state: NeuralState, word_id: int) -> NeuralState:
    """Return the state after reading one more id; ``</s>`` is read like a word and does not reset the hidden state."""
    device = device_of(module)
    return read(module, tuple(torch.tensor(array, device=device) for array in state.tensors), word_id)


def next_log_probs(module: LanguageModule, state: NeuralState) -> NDArray[np.float64]:
    """Return the natural log-probability of each id as the next event: float64 [V], −inf at ``<s>``."""
    with scoring(module):
        features = torch.tensor(state.features, device=device_of(module))
        return _as_float64(module.output.all_log_probs(features.unsqueeze(0))[0])


def read(module: LanguageModule, tensors: tuple[torch.Tensor, ...], word_id: int) -> NeuralState:
    """Return the state after reading one id, from the module's state for one text."""
    with scoring(module):
        output = forward(module, np.full((1, 1), word_id, np.int64), tensors)
        return NeuralState(
            tuple(_as_array(tensor) for tensor in output.state),
            _as_array(output.features[0, 0]),
            _as_array(output.raw[0, 0]),
        )


# ------------------------------------------------------------------------------------------------- whole texts


def log_probs(
    module: LanguageModule, events: NDArray[np.int32], offsets: NDArray[np.int64], context: Context
) -> NDArray[np.float64]:
    """Return the natural log-probability of every event of a text.

    Args:
        module: The network.
        events: Ids of the words, with ``</s>`` after each sentence: int32 [events].
        offsets: Start of each sentence's events, and the end of the last: int64 [sentences + 1].
        context: ``sentence`` reads each sentence from the zero state, ``stream`` reads all of them in one column.

    Returns:
        float64 [events].
    """
    return stream_log_probs(module, events) if context == "stream" else sentence_log_probs(module, events, offsets)


def features(
    module: LanguageModule, events: NDArray[np.int32], offsets: NDArray[np.int64], context: Context
) -> NDArray[np.float32]:
    """Return the input of the output layer for every event of a text; arguments as in ``log_probs``.

    Returns:
        float32 [events, d].
    """
    found = np.empty((len(events), module.output.width), np.float32)
    read_text(module, events, offsets, context, _features, found)
    return found


def read_text(  # noqa: PLR0917
    module: LanguageModule,
    events: NDArray[np.int32],
    offsets: NDArray[np.int64],
    context: Context,
    pick: Pick,
    found: NDArray[Any],
) -> None:
    """Write the result of ``pick`` for each event of a text to ``found`` [events, …]; others as in ``log_probs``."""
    if context == "stream":
        _read_stream(module, events, pick, found)
    else:
        _read_sentences(module, events, offsets, pick, found)


def stream_log_probs(module: LanguageModule, events: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the natural log-probability of every event of one stream, read without resets.

    A long stream is read in pieces side by side, with the result of a single column: see ``parallel_stream``.

    Args:
        module: The network.
        events: Ids of the stream: int32 [events].

    Returns:
        float64 [events].
    """
    found = np.empty(len(events), np.float64)
    _read_stream(module, events, _log_probs, found)
    return found


def sentence_log_probs(
    module: LanguageModule, events: NDArray[np.int32], offsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the natural log-probability of every event, with each sentence read from the zero state after ``</s>``.

    Sentences of similar length form a batch, padded at their ends, where padding cannot affect them.

    Args:
        module: The network.
        events: Ids of the words, with ``</s>`` after each sentence: int32 [events].
        offsets: Start of each sentence's events, and the end of the last: int64 [sentences + 1].

    Returns:
        float64 [events].
    """
    found = np.empty(len(events), np.float64)
    _read_sentences(module, events, offsets, _log_probs, found)
    return found


def length_buckets(lengths: NDArray[np.int64], padded_tokens: int = PADDED_TOKENS) -> Iterator[NDArray[np.int64]]:
    """Yield sentences in batches of similar length.

    Args:
        lengths: Number of events of each sentence: int64 [sentences].
        padded_tokens: Maximum positions of a batch, padding included.

    Yields:
        Indices of sentences, shortest first: int64 [batch]. Each sentence is in one batch.
    """
    order = np.argsort(lengths, kind="stable")
    begin = 0
    while begin < len(order):
        # In ascending order the last sentence of a batch is the longest, and batch × its length never falls.
        longest = lengths[order[begin : begin + padded_tokens]]
        positions = longest * np.arange(1, len(longest) + 1)
        size = max(1, int(np.searchsorted(positions, padded_tokens, side="right")))
        yield order[begin : begin + size]
        begin += size


class SentenceOutputs(NamedTuple):
    """Outputs of a module for one sentence.

    Attributes:
        features: Input of the output layer for each event: float32 [events, d].
        hidden: Output of the last hidden layer before each event: float32 [events, h].
    """

    features: torch.Tensor
    hidden: torch.Tensor


def sentence_outputs(
    module: LanguageModule, events: NDArray[np.int32], offsets: NDArray[np.int64], context: Context
) -> Iterator[SentenceOutputs]:
    """Yield the module's outputs per sentence, in the order of the text; arguments as in ``log_probs``."""
    state = module.initial_state(1)
    inputs = _inputs(np.asarray(events, np.int64)[:, None])  # the first input of a sentence is the ``</s>`` before it
    for begin, end in itertools.pairwise(offsets.tolist()):
        with scoring(module):
            output = forward(module, inputs[begin:end], state if context == "stream" else module.initial_state(1))
        state = output.state
        yield SentenceOutputs(output.features[:, 0], output.raw[:, 0])


def all_log_probs(module: LanguageModule, features: torch.Tensor) -> NDArray[np.float64]:
    """Return the natural log-probabilities of all ids from inputs of the output layer: float64 [events, V]."""
    with scoring(module):
        return _as_float64(module.output.all_log_probs(features))


Pick = Callable[["LanguageModule", torch.Tensor, torch.Tensor], torch.Tensor]
"""Function of features [N, d] and the events, int64 [N], that returns the desired values: [N] or [N, n]."""


def _log_probs(module: LanguageModule, features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return module.output.log_probs(features, targets)


def _features(module: LanguageModule, features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return features


def _read_stream(module: LanguageModule, events: NDArray[np.int32], pick: Pick, found: NDArray[Any]) -> None:
    """Write the result of ``pick`` for each event to ``found`` [events, …], reading them as one stream."""
    targets = np.asarray(events, np.int64)

    def read(inputs: NDArray[np.int64], state: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, State]:
        output = forward(module, inputs, state)
        return output.features, output.state

    def write(places: NDArray[np.int64], features: torch.Tensor) -> None:
        wanted = torch.from_numpy(targets[places]).to(features.device)
        found[places] = pick(module, features, wanted).cpu().numpy()

    with scoring(module):
        read_in_parallel(_inputs(targets), module.initial_state, read, write)


def _read_sentences(
    module: LanguageModule,
    events: NDArray[np.int32],
    offsets: NDArray[np.int64],
    pick: Pick,
    found: NDArray[Any],
) -> None:
    """Write the result of ``pick`` for each event to ``found`` [events, …], reading sentences from the zero state."""
    lengths = np.diff(offsets)
    for sentences in length_buckets(lengths):
        places = offsets[sentences] + np.arange(lengths[sentences].max())[:, None]
        real = np.arange(len(places))[:, None] < lengths[sentences]
        padded = np.full(places.shape, EOS_ID, np.int64)
        padded[real] = events[places[real]]
        found[places[real]] = _read_columns(module, padded, pick, found, real)[real]


def _read_columns(
    module: LanguageModule,
    targets: NDArray[np.int64],
    pick: Pick,
    like: NDArray[Any],
    real: NDArray[np.bool_] | None = None,
) -> NDArray[Any]:
    """Return the result of ``pick`` for each id after those above it in its column: [T, B, …], 0 if not ``real``.

    ``like`` has the dtype, and [N, …] as shape.
    """
    found = np.zeros((*targets.shape, *like.shape[1:]), like.dtype)
    real = np.ones(targets.shape, bool) if real is None else real
    inputs, state = _inputs(targets), module.initial_state(targets.shape[1])
    with scoring(module):
        for begin in range(0, len(targets), WINDOW):
            window = slice(begin, begin + WINDOW)
            output = forward(module, inputs[window], state)
            state = output.state
            mask = torch.from_numpy(real[window])
            wanted = torch.from_numpy(targets[window][real[window]])
            device = output.features.device
            features = output.features[mask.to(device)]
            found[window][real[window]] = pick(module, features, wanted.to(device)).cpu().numpy()
    return found


def _inputs(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the inputs of targets: ``</s>``, then the targets except the last."""
    inputs = np.empty_like(targets)
    inputs[:1] = EOS_ID
    inputs[1:] = targets[:-1]
    return inputs


def forward(module: LanguageModule, inputs: NDArray[np.int64], state: tuple[torch.Tensor, ...]) -> Output:
    """Return the output of the module for ids [T, B]."""
    ids = torch.from_numpy(inputs).to(device_of(module))
    with _threads(module, ids):
        output: Output = module(ids, state)
    return output


def read_ids(
    module: LanguageModule, inputs: NDArray[np.int64], state: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Return the outputs of the last hidden layer for ids [T, B], float32 [T, B, h], and the state after them."""
    ids = torch.from_numpy(inputs).to(device_of(module))
    with _threads(module, ids):
        return module.read(ids, state)


def _threads(module: LanguageModule, ids: torch.Tensor) -> contextlib.AbstractContextManager[None]:
    """Return a context with one thread if steps are small, else with all."""
    size = sum(weight.numel() for weight in module.body.parameters())
    small = ids.device.type == "cpu" and ids.shape[1] * size <= SMALL_STEP
    return _one_thread() if small else contextlib.nullcontext()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread: in a recurrence threads wait for each other at each step, on a busy machine most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


# ----------------------------------------------------------------------------------------------------- helpers


@contextlib.contextmanager
def scoring(module: LanguageModule) -> Iterator[None]:
    """Disable dropout and gradients within the ``with`` block; training mode is restored afterwards."""
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        module.train(was_training)


def device_of(module: torch.nn.Module) -> torch.device:
    """Return the device of the module's weights."""
    return next(module.parameters()).device


def _as_array(tensor: torch.Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.cpu().numpy().copy()
    return array


def _as_float64(tensor: torch.Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = tensor.cpu().numpy().astype(np.float64)
    return array
