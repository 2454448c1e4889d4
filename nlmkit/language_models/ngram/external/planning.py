"""How a memory cap becomes sizes of chunks and parts."""

from __future__ import annotations

import dataclasses
from typing import Final

from nlmkit.core.memory import as_size
from nlmkit.errors import HyperParameterError

FIXED_BYTES: Final = 48 << 20
"""What a run needs whatever its sizes: text that is being read, buffers of files."""

TYPE_BYTES: Final = 360
"""A word of the vocabulary: its text, twice, and places in dictionaries."""

WORD_BYTES: Final = 120
"""A word of the vocabulary in the estimation: sums and counts of unigrams."""

_CHUNK_BYTES: Final = 64
_LEAST_WINDOWS: Final = 1 << 16
_LEAST_BITS: Final = 18
_KEY_BITS: Final = 63


@dataclasses.dataclass(frozen=True)
class Plan:
    """Sizes of the work.

    Attributes:
        chunk_events: Events of a chunk of text.
        part_windows: Windows of a part, about.
    """

    chunk_events: int
    part_windows: int


def window_bytes(order: int) -> int:
    """Memory of counting and estimating a part, per window."""
    return 4 * (order + 1) + 72


def check_vocabulary(cap: int, types: int) -> None:
    """Raise if the vocabulary needs more than half of the cap.

    Raises:
        HyperParameterError: With the numbers.
    """
    needed = types * TYPE_BYTES
    if needed > cap // 2:
        raise HyperParameterError(
            f"memory={as_size(cap)}: the vocabulary of {types} words so far takes about {as_size(needed)}, more than "
            f"half of it: at least {as_size(2 * needed)} are required"
        )


def plan(cap: int, types: int, vocabulary: int, order: int) -> Plan:
    """Return the sizes that keep the working memory below ``cap`` bytes.

    Raises:
        HyperParameterError: The cap is too small; with the least.
    """
    fixed = FIXED_BYTES + types * TYPE_BYTES + vocabulary * WORD_BYTES
    windows = (cap - fixed) // window_bytes(order)
    if windows < _LEAST_WINDOWS:
        least = fixed + _LEAST_WINDOWS * window_bytes(order)
        raise HyperParameterError(
            f"memory={as_size(cap)} is too small for a vocabulary of {vocabulary} words and order {order}: at least "
            f"{as_size(least)} are required"
        )
    # beyond this, keys of a context, a word and a position have more than 63 bits and sort slowly
    bits = max((_KEY_BITS - vocabulary.bit_length()) // 2, _LEAST_BITS)
    return Plan(min(windows * window_bytes(order) // (_CHUNK_BYTES + 12 * order), 1 << 23), min(windows, 1 << bits))


def check_parts(cap: int, sizes: list[int], order: int, planned: Plan) -> None:
    """Raise if a part that cannot be split is far larger than planned.

    Raises:
        HyperParameterError: With the cap that it requires.
    """
    excess = max(sizes, default=0) - 5 * planned.part_windows // 4
    room = (cap // window_bytes(order)) - planned.part_windows
    if excess > max(room, 0):
        least = cap + excess * window_bytes(order)
        raise HyperParameterError(
            f"memory={as_size(cap)} is too small for this text: one pair of words makes up {max(sizes)} of its events, "
            f"and at least {as_size(least)} are required"
        )
