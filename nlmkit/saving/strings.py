"""Lists of strings as arrays of bytes, for the payload of a saved model: UTF-8 with an LF after each string."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nlmkit.saving.checks import require, require_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def strings_as_bytes(strings: Sequence[str]) -> NDArray[np.uint8]:
    """Return strings without LF as UTF-8: uint8 [bytes].

    Raises:
        ValueError: A string holds LF or a lone surrogate.
    """
    import numpy as np

    data = "".join([f"{string}\n" for string in strings]).encode()
    if data.count(b"\n") != len(strings):
        raise ValueError("a string to be saved holds LF")
    return np.frombuffer(data, np.uint8)


def require_strings(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[str, ...]:
    """Return the strings of an array that ``strings_as_bytes`` made.

    Raises:
        SavedModelError: The array is missing, or is something else.
    """
    data = require_array(arrays, name, dtype="uint8", shape=(None,)).tobytes()
    text = ""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        require(False, f"array {name!r} is not UTF-8 at byte {error.start}; save the model again")
    require(not text or text.endswith("\n"), f"array {name!r} lacks the end of its last string; save the model again")
    return tuple(text.split("\n")[:-1])
