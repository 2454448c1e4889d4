"""The vocabulary file: one word per line. Only LF ends a line; words can contain any character except LF and NUL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nlmkit.errors import SavedModelError
from nlmkit.saving.strict_json import shown

_BATCH = 65536


def encode_vocabulary(words: Sequence[str], folder: Path) -> list[bytes]:
    """Yield the content of the file in blocks.

    Raises:
        SavedModelError: A word contains LF or NUL, is not valid Unicode, or is not a string.
    """
    return [_encode(words[start : start + _BATCH], start, folder) for start in range(0, len(words), _BATCH)]


def decode_vocabulary(data: bytes, file: Path) -> list[str]:
    """Return the words of a vocabulary file, in order.

    Raises:
        SavedModelError: The file is not UTF-8, contains NUL, or lacks the final line end; the message names the byte.
    """
    remedy = "restore it from a copy or save the model again"
    nul = data.find(b"\0")
    if nul >= 0:
        raise SavedModelError(f"{file}: NUL at byte {nul}, not a vocabulary; {remedy}")
    if data and not data.endswith(b"\n"):
        raise SavedModelError(f"{file}: no line end after the last word (byte {len(data)}); {remedy}")
    try:
        return data.decode("utf-8").split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise SavedModelError(f"{file}: not UTF-8 at byte {error.start}; {remedy}") from None


def _encode(words: Sequence[str], start: int, folder: Path) -> bytes:
    try:
        text = "\n".join([*words, ""])
        data = text.encode("utf-8")
    except (TypeError, UnicodeEncodeError):
        data = b""
    if data.count(b"\n") == len(words) and b"\0" not in data:
        return data
    position, word = next((i, word) for i, word in enumerate(words, start) if not _is_line(word))
    raise SavedModelError(
        f"{folder}: word {position} of the vocabulary is {shown(word)}; words must be strings of valid Unicode without "
        "line feed and NUL"
    )


def _is_line(word: object) -> bool:
    if not isinstance(word, str) or "\n" in word or "\0" in word:
        return False
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
