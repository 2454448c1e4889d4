"""Arrays in files: each form comes back, and what is damaged, hostile or ambiguous is one error."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit.errors import DataError, MissingFileError
from nlmkit.text.vector_files import is_array_file, read_array

VECTORS = np.array([[0.5, -1, 3], [2, 4, 1e-3]], np.float32)


def npy(array: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asarray(array), **options)
    return out.getvalue()


def npz(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return out.getvalue()


def tensors(header: Any, data: bytes = b"") -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def f32(shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


def header(text: str) -> bytes:
    """An .npy file with a header of our own, and eight bytes of data."""
    padded = text.encode() + b" " * (245 - len(text)) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + b"\0" * 8


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        ("a.npy", npy(VECTORS), None),
        ("a.NPY", npy(VECTORS, version=(2, 0)), None),
        ("a.npy", npy(VECTORS, version=(3, 0)), None),
        ("a.npy", npy(np.asfortranarray(VECTORS)), None),
        ("a.npy", npy(VECTORS.astype(">f8")), None),
        ("a.npz", npz(x=npy(VECTORS)), None),
        ("a.npz", npz(x=npy([1]), y=npy(VECTORS)), "y"),
        ("a.safetensors", tensors({"x": f32([2, 3], 0, 24)}, VECTORS.tobytes()), None),
        (
            "a.safetensors",
            tensors({"x": f32([2, 3], 0, 24), "y": f32([0], 24, 24), "__metadata__": {"a": "b"}}, VECTORS.tobytes()),
            "x",
        ),
    ],
)
def test_arrays_are_read(tmp_path: Path, name: str, data: bytes, key: str | None) -> None:
    (tmp_path / name).write_bytes(data)
    assert is_array_file(tmp_path / name)
    found = read_array(str(tmp_path / name), key)
    np.testing.assert_array_equal(found, VECTORS)
    (tmp_path / name).unlink()


def test_what_numpy_and_safetensors_write_is_read(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    np.savez(tmp_path / "a.npz", x=VECTORS)
    np.savez_compressed(tmp_path / "b.npz", x=VECTORS)
    np.save(tmp_path / "c.npy", VECTORS)
    safetensors.save_file({"x": VECTORS}, tmp_path / "d.safetensors")
    for name in ("a.npz", "b.npz", "c.npy", "d.safetensors"):
        np.testing.assert_array_equal(read_array(tmp_path / name), VECTORS)


@pytest.mark.parametrize("name", ["a.txt", "-", "a.npy.gz", "corpus:x", ["a.npy"], 3, None])
def test_other_names(name: object) -> None:
    assert not is_array_file(name)


class Hostile:
    def __reduce__(self) -> Any:
        return (Path("/nonexistent-nlmkit").touch, ())


CASES: list[tuple[str, bytes, str]] = [
    ("a.npy", b"", "not an .npy file: it does not begin as one"),
    ("a.npy", b"the cat sat on the mat", "not an .npy file"),
    ("a.npy", pickle.dumps(Hostile()), "not an .npy file"),
    ("a.npy", npy(VECTORS)[:-1], "24 bytes, and 23 bytes follow: the file is damaged"),
    ("a.npy", npy(VECTORS) + b"\0", "24 bytes, and 25 bytes follow"),
    ("a.npy", npy(VECTORS)[:40], "not a valid .npy file"),
    ("a.npy", npy(np.array([Hostile()], object), allow_pickle=True), "of .O, which is not a type of real numbers"),
    ("a.npy", npy(["a"]), "of <U1, which is not a type of real numbers"),
    ("a.npy", npy(np.zeros(2, [("x", "f4")])), "not a type of real numbers"),
    ("a.npy", b"\x93NUMPY\x04\x00", "version 4.0 of .npy, expected 1.0 to 3.0"),
    ("a.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "header is damaged"),
    ("a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2**40,)}"), "not a valid"),
    ("a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 4)}"), "and 8 bytes follow"),
    ("a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -2)}"), "header is damaged"),
    ("a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (%s,)}" % ("9" * 60)), "header is damaged"),
    ("a.npy", header("{'descr': '<f4', 'fortran_order': False}"), "not a valid"),
    ("a.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1, " * 40 + ")}"), "has 40 dimensions"),
    ("a.npy", header("{'descr': '<f1', 'fortran_order': False, 'shape': (8,)}"), "of <f1, which is not a type of real"),
    ("a.npy", header("__import__('os').getcwd()"), "not a valid"),
    ("a.npy", header("{'descr': '<V0', 'fortran_order': False, 'shape': (2,)}"), "not a type of real numbers"),
    ("a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9999999999999999999)}")[:-8], "impossible"),
    ("a.npy", header("[" * 100), "not a valid"),
    ("a.npz", b"", "not a valid .npz file"),
    ("a.npz", npy(VECTORS), "not a valid .npz file"),
    ("a.npz", npz(), "the file has no arrays"),
    ("a.npz", npz(x=npy(VECTORS)[:-4]), "24 bytes, and 20 bytes follow"),
    ("a.npz", npz(x=b""), "not an .npy file"),
    ("a.npz", npz(x=npy(VECTORS))[:-8], "not a valid .npz file"),
    ("a.npz", npz(x=npy(VECTORS), y=npy([1])), r"the file has 2 arrays \(x, y\): name one as the key"),
    ("a.safetensors", b"", "the file is empty"),
    ("a.safetensors", b"abc", "3 bytes are too few"),
    ("a.safetensors", pickle.dumps(Hostile()) + b"\0" * 100, "not a safetensors file"),
    ("a.safetensors", tensors({"x": f32([2], 0, 8)}, b"\0" * 4), "ends at byte"),
    ("a.safetensors", tensors({"x": f32([2**40, 2**20], 0, 8)}, b"\0" * 8), "x"),
    ("a.safetensors", tensors({"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, b"\0" * 4), "BF16"),
    ("a.safetensors", tensors({}), "the file has no arrays"),
    ("a.safetensors", tensors(b"{" * 50), "not"),
]


@pytest.mark.parametrize(("name", "data", "problem"), CASES)
def test_bad_files_are_one_error(tmp_path: Path, name: str, data: bytes, problem: str) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(DataError, match=problem) as caught:
        read_array(file)
    assert caught.value.source == str(file)
    assert str(caught.value).count(str(file)) == 1
    assert "\n" not in str(caught.value)
    file.unlink()  # nothing keeps it open


def test_keys(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(npz(train=npy(VECTORS), valid=npy(VECTORS)))
    with pytest.raises(DataError, match=r"no array 'trian' in the file \(it has train, valid\); did you mean train"):
        read_array(tmp_path / "a.npz", "trian")
    (tmp_path / "a.npy").write_bytes(npy(VECTORS))
    with pytest.raises(DataError, match="one array, which has no name: omit the key 'x'"):
        read_array(tmp_path / "a.npy", "x")


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    data = bytearray(npz(x=npy(VECTORS)))
    data[6] |= 1  # the flag in the header of the member, and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DataError, match=r"not a valid .npz file: .*encrypted"):
        read_array(tmp_path / "a.npz")


def test_a_changed_byte_in_an_archive_is_found(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:  # not packed
        archive.writestr("x.npy", npy(VECTORS))
    data = bytearray(out.getvalue())
    data[data.index(VECTORS.tobytes()) + 5] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DataError, match="CRC"):
        read_array(tmp_path / "a.npz")


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.text.vector_files._BOMB_BYTES", 1 << 16)
    (tmp_path / "a.npz").write_bytes(npz(x=npy(np.zeros((1 << 10, 1 << 8), np.float32))))
    with pytest.raises(DataError, match="unpacks to more than 250 times its size"):
        read_array(tmp_path / "a.npz")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        read_array(tmp_path / "none.npy")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(DataError, match="is a directory"):
        read_array(tmp_path / "folder.npy")
