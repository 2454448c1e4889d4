"""Folders forged around any payload, and what these tests look at."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import nlmkit

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs fork, signals, links or resource limits")
reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=60)


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def payload_path(folder: Path, name: str) -> Path:
    (path,) = folder.glob(f"{name}-*")
    return path


def header_bytes(header: Any) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


def forge(folder: Path, arrays: bytes, vocabulary: bytes | None = None) -> Path:
    """A folder whose manifest has the right size and hash of any payload whatever."""
    folder.mkdir(exist_ok=True)
    payloads = []
    for name, suffix, data in (("arrays", ".safetensors", arrays), ("vocabulary", ".txt", vocabulary)):
        if data is not None:
            sha256 = hashlib.sha256(data).hexdigest()
            file = f"{name}-{sha256[:16]}{suffix}"
            (folder / file).write_bytes(data)
            payloads.append({"name": name, "file": file, "bytes": len(data), "sha256": sha256})
    (folder / "manifest.json").write_text(json.dumps({"format_version": 1, "payloads": payloads}), "utf-8")
    return folder


def one_line(error: pytest.ExceptionInfo[BaseException], *parts: object) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message, message


def subprocess_environment() -> dict[str, str]:
    paths = [Path(__file__).parents[1], Path(nlmkit.__path__[0]).parent]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "OPENBLAS_NUM_THREADS": "1"}
