"""Lists of strings as arrays of bytes."""

from __future__ import annotations

import numpy as np
import pytest

from nlmkit.errors import SavedModelError
from nlmkit.saving.strings import require_strings, strings_as_bytes


@pytest.mark.parametrize("strings", [(), ("",), ("a", "", "中\0文", "a b\t"), ("x",) * 3])
def test_strings_come_back(strings: tuple[str, ...]) -> None:
    assert require_strings({"words": strings_as_bytes(strings)}, "words") == strings


def test_lf_cannot_be_saved() -> None:
    with pytest.raises(ValueError, match="a string to be saved holds LF"):
        strings_as_bytes(["a\nb"])


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"a\nb", "lacks the end of its last string"), (b"a\n\xff\n", "'words' is not UTF-8 at byte 2")],
)
def test_other_bytes_are_refused(data: bytes, problem: str) -> None:
    with pytest.raises(SavedModelError, match=problem):
        require_strings({"words": np.frombuffer(data, np.uint8)}, "words")
