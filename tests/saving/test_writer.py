"""The writer of one file: bytes, checksum, and what is left after an error."""

import errno
import hashlib
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from nlmkit.saving import files
from nlmkit.saving.files import CHUNK_BYTES, HASHED_APART, HashedWriter


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES + 1, HASHED_APART - 1, HASHED_APART, HASHED_APART + 4097])
def test_large_and_small_data_are_written_and_hashed(size: int, tmp_path: Path) -> None:
    data = np.random.default_rng(size).bytes(size)
    with HashedWriter(tmp_path) as writer:
        writer.write(b"head")
        writer.write(data)
        writer.write(memoryview(data)[:10])
        assert writer.size == size + 4 + min(size, 10)
        writer.finish()
        written = writer.path.read_bytes()
    assert written == b"head" + data + data[:10]
    assert writer.sha256 == hashlib.sha256(written).hexdigest()


def test_a_full_disk_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk:
        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        def write(self, descriptor: int, data: memoryview) -> int:
            if data.nbytes < 4 * CHUNK_BYTES:
                raise OSError(errno.ENOSPC, "No space left on device")
            return os.write(descriptor, data[: CHUNK_BYTES * 3])

    before = threading.active_count()
    with HashedWriter(tmp_path) as writer:
        monkeypatch.setattr(files, "os", FullDisk())
        with pytest.raises(OSError, match="No space left"):
            writer.write(bytes(HASHED_APART))
    assert threading.active_count() == before
    assert list(tmp_path.iterdir()) == []
