"""Compressed files of several members, and small ones that unpack to far too much."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

from nlmkit.errors import DataError
from nlmkit.text import Corpus, sources, stream_blocks

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
TEXT = b"one two\nthree\n"


def write(folder: Path, suffix: str, data: bytes) -> Path:
    path = folder / f"text{suffix}"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
@pytest.mark.parametrize("suffix", PACKERS)
def test_members_are_read_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, step: int
) -> None:
    monkeypatch.setattr(sources, "_PACKED_STEP", step)
    monkeypatch.setattr(sources, "_ZSTD_STEP", step)
    pack = PACKERS[suffix]
    path = write(tmp_path, suffix, pack(TEXT) + pack(b"") + pack(TEXT))
    assert Corpus.read(path).sentences == 4
    assert [line for block in stream_blocks(path) for line in block.lines] == ["one two", "three"] * 2


def _flipped(packed: bytes) -> bytes:
    middle = len(packed) // 2
    return packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1 :]


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize(
    "second",
    [
        pytest.param(_flipped, id="flipped"),
        pytest.param(lambda packed: packed[:-3], id="cut short"),
        pytest.param(lambda packed: packed[:1], id="one byte"),
        pytest.param(lambda packed: b"text that is not packed\n", id="text"),
        pytest.param(lambda packed: b"\x01" + packed, id="a byte between"),
        pytest.param(lambda packed: packed + b"\x01", id="a byte after"),
    ],
)
def test_a_damaged_further_member_is_an_error_with_its_place(
    tmp_path: Path, suffix: str, second: Callable[[bytes], bytes]
) -> None:
    path = write(tmp_path, suffix, PACKERS[suffix](TEXT) + second(PACKERS[suffix](TEXT)))
    with pytest.raises(DataError, match=r"the file is damaged|is truncated") as caught:
        Corpus.read(path)
    assert caught.value.source == str(path)
    assert caught.value.byte is not None


@pytest.mark.parametrize("suffix", [".bz2", ".xz", ".zst"])
def test_what_comes_before_the_damage_is_read(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, suffix, PACKERS[suffix](TEXT) + b"garbage")
    lines: list[str] = []

    def read() -> None:
        for block in stream_blocks(path):
            lines.extend(block.lines)

    with pytest.raises(DataError) as caught:
        read()
    assert lines == ["one two", "three"]
    assert caught.value.byte == len(TEXT)


@pytest.mark.parametrize("step", [1, 3, 1 << 16])
@pytest.mark.parametrize(("zeros", "fine"), [(4, True), (8, True), (1024, True), (1, False), (3, False), (6, False)])
@pytest.mark.parametrize("follows", [True, False])
def test_an_xz_file_is_padded_by_multiples_of_four(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zeros: int, fine: bool, follows: bool, step: int
) -> None:
    monkeypatch.setattr(sources, "_PACKED_STEP", step)
    packed = lzma.compress(TEXT)
    path = write(tmp_path, ".xz", packed + bytes(zeros) + packed * follows)
    if fine:
        assert Corpus.read(path).sentences == 2 * (1 + follows)
    else:
        with pytest.raises(DataError, match=f"{zeros} bytes of padding"):
            Corpus.read(path)


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_file_that_unpacks_to_far_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(sources, "_BOMB_BYTES", 1 << 16)
    path = write(tmp_path, suffix, PACKERS[suffix](b"a line\n" * (1 << 17)))
    with pytest.raises(
        DataError, match=rf"the \{suffix} file unpacks to more than 250 times its size.*unpack it"
    ) as caught:
        Corpus.read(path)
    assert caught.value.source == str(path)


def test_text_that_packs_well_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_BOMB_BYTES", 1 << 10)
    text = "".join(f"2024-01-01 00:{number % 60:02} GET /page/{number * number % 97} 200\n" for number in range(20_000))
    assert Corpus.read(write(tmp_path, ".gz", gzip.compress(text.encode()))).sentences == 20_000


def test_blank_lines_take_little_memory(tmp_path: Path) -> None:
    """Nine bytes each and the blocks that are at work; it was thirty, and a gzip file of 100 KB took gigabytes."""
    lines = 4_000_000
    path = write(tmp_path, ".gz", gzip.compress(b"\n" * lines, 1))
    tracemalloc.start()
    try:
        corpus = Corpus.read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (corpus.sentences, corpus.tokens) == (lines, 0)
    assert corpus.offsets.dtype == np.int64
    assert peak < 14 * lines + (64 << 20)
