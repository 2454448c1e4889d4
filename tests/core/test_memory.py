"""Running out of memory: recognised whoever says so, and said with what the memory was for."""

from __future__ import annotations

import errno

import pytest

from nlmkit.core.memory import as_size, is_out_of_memory, out_of_memory

TORCH = (
    "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8"
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError(TORCH), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("shapes differ"), False),
        (OSError(errno.EMFILE, "Too many open files"), False),
        (RecursionError("maximum recursion depth exceeded"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_for_want_of_memory(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
    with (
        pytest.raises(MemoryError if expected else type(error)) as caught,
        out_of_memory("m: loading", lambda: "9 MiB"),
    ):
        raise error
    assert str(caught.value).startswith("m: loading (9 MiB") is expected


def test_a_size_that_cannot_be_told_is_left_out() -> None:
    def size() -> str:
        raise OSError

    with pytest.raises(MemoryError, match=r"^m: loading$"), out_of_memory("m: loading", size):
        raise MemoryError
    with pytest.raises(MemoryError, match=r"^m: saving \(Unable to allocate 8 bytes\)$"), out_of_memory("m: saving"):
        raise MemoryError("Unable to allocate\n 8 bytes")


def test_sizes() -> None:
    numbers = [0, 1023, 1024, 1536, 471 * 2**20, 5 * 2**40]
    assert list(map(as_size, numbers)) == ["0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "471 MiB", "5 TiB"]
