"""Damaged, foreign and hostile folders: one clear line each, whatever the hashes say."""

from __future__ import annotations

import json
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.saved_models import OLD_ARRAYS, OLD_WORDS, save_new, which

from nlmkit.errors import IntegrityError, SavedModelError
from nlmkit.saving import load_folder, read_manifest

from .helpers import forge, header_bytes, one_line, payload_path, posix_only, reproducible


def test_paths_that_are_no_saved_model(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for path, part in [
        (tmp_path / "nowhere", "no such folder"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "below", "cannot be read"),
        (tmp_path / "empty", "no manifest.json"),
        (tmp_path / "nul\0byte", "cannot be read"),
        (tmp_path / ("x" * 5000), "cannot be read"),
    ]:
        for read in (load_folder, read_manifest):
            with pytest.raises(SavedModelError, match=part):
                read(path)


GOOD_ENTRY: dict[str, Any] = {
    "name": "arrays",
    "file": "arrays-" + "0" * 16 + ".safetensors",
    "bytes": 1,
    "sha256": "0" * 64,
}


def manifest_with(**changes: Any) -> bytes:
    return json.dumps({"format_version": 1, "payloads": [{**GOOD_ENTRY, **changes}]}).encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is not JSON"),
        (b"\0" * 100, "is not JSON"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1,}', "is not JSON"),
        (b"\x80\x04}", "is not UTF-8 (byte 0)"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        ('{"format_version": 1}'.encode("utf-16"), "is not UTF-8"),
        (b"[]", "not a JSON object"),
        (b'"manifest"', "not a JSON object"),
        (b'{"format_version": 1, "format_version": 1}', "the key 'format_version' twice"),
        (b'{"payloads": [{"a": {"b": 1, "b": 2}}]}', "the key 'b' twice"),
        (b'{"a": NaN}', "contains NaN"),
        (b'{"a": [-Infinity]}', "contains -Infinity"),
        (b'{"a": 1e999}', "contains the number 1e999, which is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels"),
        (b'{"a":' * 1_000_000, "nested deeper than 64 levels"),
        (b"[" * 15_000_000, "nested deeper than 64 levels"),
        (b'{"a": "' + b'\\"' * 3_000_000, "is not JSON"),
        (b" " * (16 * 2**20 + 1), "larger than 16777216 bytes"),
        (b"{}", "format_version is missing"),
        (b'{"format_version": "1"}', "format_version is '1'"),
        (b'{"format_version": true}', "format_version is True"),
        (b'{"format_version": 1.0}', "format_version is 1.0"),
        (b'{"format_version": 2}', "written by a newer nlmkit"),
        (b'{"format_version": 0}', "unknown format_version 0"),
        (b'{"format_version": 1}', "payloads is missing"),
        (b'{"format_version": 1, "payloads": {}}', "payloads is {}"),
        (b'{"format_version": 1, "payloads": []}', ", expected 'arrays' once and 'vocabulary' at most once"),
        (b'{"format_version": 1, "payloads": [7]}', "payloads[0] is 7"),
        (
            json.dumps({"format_version": 1, "payloads": [GOOD_ENTRY, GOOD_ENTRY]}).encode(),
            ", expected 'arrays' once and 'vocabulary' at most once; restore the manifest from a copy",
        ),
        (manifest_with(name="code"), "name is 'code'"),
        (manifest_with(name=["arrays"]), "name is ['arrays']"),
        (manifest_with(bytes=-1), "bytes is -1"),
        (manifest_with(bytes=1.0), "bytes is 1.0"),
        (manifest_with(bytes=True), "bytes is True"),
        (manifest_with(sha256="0" * 63), "sha256 is"),
        (manifest_with(sha256="0" * 63 + "G"), "sha256 is"),
        (manifest_with(sha256="A" * 64), "sha256 is"),
        (manifest_with(sha256=None), "sha256 is None"),
        (manifest_with(sha256=["0"] * 64), "sha256 is"),
        (manifest_with(file="../arrays-0000000000000000.safetensors"), "file is '../arrays"),
        (manifest_with(file="/etc/passwd"), "file is '/etc/passwd'"),
        (manifest_with(file="..\\x"), "file is"),
        (manifest_with(file="arrays-0000000000000001.safetensors"), "file is"),
        (manifest_with(file="arrays-0000000000000000.safetensors\n"), "file is"),
        (manifest_with(file="x" * 10_000), "file is 'xxx"),
        (manifest_with(file=None), "file is None"),
    ],
    ids=range(49),
)
def test_damaged_manifests(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    (tmp_path / GOOD_ENTRY["file"]).write_bytes(b"x")
    started = time.perf_counter()
    for read in (load_folder, read_manifest):
        with pytest.raises(SavedModelError) as error:
            read(tmp_path)
        one_line(error, tmp_path / "manifest.json", part)
        assert len(str(error.value)) < len(str(tmp_path)) + 400
        assert not isinstance(error.value, IntegrityError)
    assert time.perf_counter() - started < 5


def test_a_newer_version_is_said_to_be_newer_even_when_all_else_changed(model: Path) -> None:
    (model / "manifest.json").write_text('{"format_version": 3, "payloads": "elsewhere"}')
    with pytest.raises(SavedModelError, match="upgrade nlmkit"):
        load_folder(model)


def test_every_flipped_byte_of_a_payload_is_found(model: Path) -> None:
    for name in ("arrays", "vocabulary"):
        path = payload_path(model, name)
        whole = path.read_bytes()
        for position in range(len(whole)):
            damaged = bytearray(whole)
            damaged[position] ^= 0x10
            path.write_bytes(damaged)
            with pytest.raises(IntegrityError) as error:
                load_folder(model)
            one_line(error, path, "SHA-256")
        path.write_bytes(whole)
    assert which(model) == "old"


@pytest.mark.parametrize("verify", [True, False])
def test_every_truncation_and_extension_of_a_payload_is_found(model: Path, verify: bool) -> None:
    for name in ("arrays", "vocabulary"):
        path = payload_path(model, name)
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(IntegrityError) as error:
                load_folder(model, verify=verify)
            one_line(error, path, f"{length} bytes, but the manifest has {len(whole)}", "truncated")
        path.write_bytes(whole + b"\n")
        with pytest.raises(IntegrityError, match="altered"):
            load_folder(model, verify=verify)
        path.write_bytes(whole)
    assert which(model) == "old"


def test_verify_false_leaves_out_the_hash_and_nothing_else(model: Path) -> None:
    path = payload_path(model, "arrays")
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    load_folder(model, verify=False)
    damaged[8] = ord("[")
    path.write_bytes(damaged)
    with pytest.raises(SavedModelError, match=": its header does not start with a brace"):
        load_folder(model, verify=False)


def test_every_flipped_byte_of_the_manifest_is_an_error_or_harmless(model: Path) -> None:
    path = model / "manifest.json"
    whole = path.read_bytes()
    refused = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x04
        path.write_bytes(damaged)
        try:
            saved = load_folder(model)
        except SavedModelError:
            refused += 1
        else:  # a byte of the model's own description, or of the white space
            np.testing.assert_array_equal(saved.arrays["weights"], OLD_ARRAYS["weights"])
            assert saved.vocabulary == OLD_WORDS
    assert refused > 300


F32_2 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def entry(**changes: Any) -> dict[str, Any]:
    return {"a": {**F32_2, **changes}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "empty"),
        (b"1234567", "7 bytes are too few"),
        (pickle.dumps({"a": [1.0, 2.0]}), "looks like a pickle"),
        (pickle.dumps(list(range(3000)), protocol=2), "looks like a pickle"),
        (b"PK\x03\x04\x14\0\0\0\0\0" + bytes(100), "looks like a zip archive"),
        ((2**63).to_bytes(8, "little") + b"{}", ": its header would have 9223372036854775808 bytes"),
        ((2**24 + 1).to_bytes(8, "little") + b"{}", ": its header would have 16777217 bytes"),
        ((3).to_bytes(8, "little") + b"{}", ": its header would have 3 bytes"),
        (bytes(8) + b"{}", ": its header would have 0 bytes"),
        (header_bytes(b" {}"), ": its header does not start with a brace"),
        (header_bytes(b"[]"), ": its header does not start with a brace"),
        (header_bytes(b"{ "), "is not JSON"),
        (header_bytes(b"{\xff}"), "is not UTF-8 (byte 1)"),
        (header_bytes(b'{"a":' * 200_000), "nested deeper"),
        (header_bytes(b'{"a": NaN}'), "NaN"),
        (header_bytes(b'{"a":%s,"a":%s}' % ((json.dumps(F32_2).encode(),) * 2)) + bytes(8), "'a' twice"),
        (header_bytes({"a": []}), "not described by dtype, shape and data_offsets"),
        (header_bytes({"a": {"dtype": "F32", "shape": [2]}}), "not described by"),
        (header_bytes(entry(code="import os")) + bytes(8), "not described by"),
        (header_bytes(entry(dtype="BF16")) + bytes(8), "unknown dtype 'BF16'"),
        (header_bytes(entry(dtype="|O")) + bytes(8), "unknown dtype '|O'"),
        (header_bytes(entry(dtype=[1])) + bytes(8), "unknown dtype [1]"),
        (header_bytes(entry(shape=[-2])) + bytes(8), "impossible shape [-2]"),
        (header_bytes(entry(shape=[-1, -2])) + bytes(8), "impossible shape"),
        (header_bytes(entry(shape=[2.0])) + bytes(8), "impossible shape"),
        (header_bytes(entry(shape=[True, 2])) + bytes(8), "impossible shape"),
        (header_bytes(entry(shape=2)) + bytes(8), "impossible shape"),
        (header_bytes(entry(shape=[2] + [1] * 40)) + bytes(8), "impossible shape"),
        (header_bytes(entry(shape=[3])) + bytes(8), "does not fill its 8 bytes"),
        (header_bytes(entry(shape=[2**62, 2])) + bytes(8), "does not fill its 8 bytes"),
        (
            header_bytes(entry(shape=[2**61 + 1, 2**3], data_offsets=[0, 32])) + bytes(32),
            "does not fill",
        ),  # 32 bytes modulo 2**64
        (header_bytes(entry(shape=[0, 2**70], data_offsets=[0, 0])), "impossible shape"),
        (header_bytes(entry(shape=[0, 2**62, 2**62], data_offsets=[0, 0])), "impossible shape"),
        (header_bytes(entry(data_offsets=[8, 0])) + bytes(8), "impossible data_offsets"),
        (header_bytes(entry(data_offsets=[-8, 0])) + bytes(8), "impossible data_offsets"),
        (header_bytes(entry(data_offsets=[0])) + bytes(8), "impossible data_offsets"),
        (header_bytes(entry(data_offsets=[0, 4, 8])) + bytes(8), "impossible data_offsets"),
        (header_bytes(entry(data_offsets=[0.0, 8.0])) + bytes(8), "impossible data_offsets"),
        (header_bytes(entry(data_offsets="08")) + bytes(8), "impossible data_offsets"),
        (header_bytes(entry(data_offsets=[8, 16])) + bytes(16), "leaves a gap"),
        (header_bytes(entry()) + bytes(7), "the arrays end at byte"),
        (header_bytes(entry()) + bytes(9), "the arrays end at byte"),
        (header_bytes({}) + bytes(1), "the arrays end at byte"),
        (header_bytes({"a": F32_2, "b": F32_2}) + bytes(8), "overlaps"),
        (header_bytes({"a": F32_2, "b": {**F32_2, "data_offsets": [4, 12]}}) + bytes(12), "overlaps"),
        (header_bytes({"a": F32_2, "b": {**F32_2, "data_offsets": [9, 17]}}) + bytes(17), "leaves a gap"),
        (header_bytes({"a": F32_2, "e": {**F32_2, "shape": [0], "data_offsets": [4, 4]}}) + bytes(8), "overlaps"),
        (header_bytes(entry(dtype="BOOL", data_offsets=[0, 2])) + b"\1\2", "has dtype BOOL, but contains bytes"),
        (
            header_bytes(entry(dtype="F64", shape=[2**37], data_offsets=[0, 2**40])) + bytes(64),
            "the arrays end at byte 1099511627",  # a header that claims a terabyte
        ),
    ],
    ids=range(49),
)
@pytest.mark.parametrize("verify", [True, False])
def test_hostile_arrays_with_the_right_hash(tmp_path: Path, data: bytes, part: str, verify: bool) -> None:
    forge(tmp_path, data)
    with pytest.raises(SavedModelError) as error:
        load_folder(tmp_path, verify=verify)
    one_line(error, payload_path(tmp_path, "arrays"), part, "restore")
    assert not isinstance(error.value, IntegrityError)


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "run"),)

    with pytest.raises(SavedModelError, match="looks like a pickle"):
        load_folder(forge(tmp_path / "m", pickle.dumps(Payload())))
    assert not (tmp_path / "run").exists()


@reproducible
@given(data=st.data())
def test_any_change_of_a_header_is_an_error_or_gives_arrays_inside_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(header_bytes({"a": F32_2, "b": {"dtype": "U8", "shape": [2, 2], "data_offsets": [8, 12]}}))
    whole += bytes(range(12))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(whole) - 1))
        whole[position] = data.draw(st.one_of(st.sampled_from(b'0123456789,[]{}":'), st.integers(0, 255)))
    folder = forge(tmp_path_factory.mktemp("fuzz") / "m", bytes(whole))
    try:
        saved = load_folder(folder)
    except SavedModelError as refused:
        message = str(refused)
    else:
        message = ""
        assert sum(array.nbytes for array in saved.arrays.values()) == len(whole) - 8 - int.from_bytes(
            whole[:8], "little"
        )
        assert all(array.tobytes() in whole for array in saved.arrays.values())
    assert "\n" not in message


@pytest.mark.parametrize(
    ("vocabulary", "part"),
    [
        (b"the\ncat", "no line end after the last word (byte 7)"),
        (b"the\nc\0t\n", ": NUL at byte 5, not a vocabulary;"),
        (b"the\n\xff\n", "not UTF-8 at byte 4"),
        (b"\xed\xa0\x80\n", "not UTF-8 at byte 0"),
        ("the\n".encode("utf-16-le"), ": NUL at byte 1, not a vocabulary;"),
    ],
)
def test_damaged_vocabularies_with_the_right_hash(tmp_path: Path, vocabulary: bytes, part: str) -> None:
    forge(tmp_path, header_bytes({}), vocabulary)
    with pytest.raises(SavedModelError) as error:
        load_folder(tmp_path)
    one_line(error, payload_path(tmp_path, "vocabulary"), part, "restore")


@posix_only
@pytest.mark.parametrize("name", ["arrays", "vocabulary", "manifest"])
def test_links_devices_folders_and_fifos_are_refused(model: Path, name: str) -> None:
    path = model / "manifest.json" if name == "manifest" else payload_path(model, name)
    elsewhere = model.parent / "elsewhere"
    path.rename(elsewhere)
    makers: list[tuple[Callable[[], None], str]] = [
        (lambda: path.symlink_to(elsewhere), "symbolic link"),
        (lambda: path.symlink_to(model.parent / "nowhere"), "symbolic link"),
        (lambda: path.symlink_to("/dev/zero"), "symbolic link"),
        (lambda: os.mkfifo(path), ": is not a regular file; restore the saved model from a copy"),
        (path.mkdir, ": is not a regular file; restore the saved model from a copy"),
    ]
    for make, part in makers:
        make()
        with pytest.raises(SavedModelError) as error:
            load_folder(model)
        one_line(error, path, part)
        if name == "manifest":
            with pytest.raises(SavedModelError):
                read_manifest(model)
        with pytest.raises(SavedModelError, match=", which is not part of a saved model"):
            save_new(model)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    elsewhere.rename(path)
    assert which(model) == "old"


@posix_only
def test_a_link_put_in_place_between_the_check_and_the_opening_is_not_followed(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = payload_path(model, "vocabulary")
    elsewhere = model.parent / "elsewhere"
    real = Path.lstat

    def lstat(self: Path) -> os.stat_result:
        status = real(self)
        if self == path and not elsewhere.exists():
            path.rename(elsewhere)
            path.symlink_to(elsewhere)
        return status

    monkeypatch.setattr(Path, "lstat", lstat)
    with pytest.raises(SavedModelError, match="cannot be read"):
        load_folder(model)


def test_a_folder_reached_through_a_link_is_as_good_as_any(model: Path) -> None:
    link = model.parent / "link"
    try:
        link.symlink_to(model, target_is_directory=True)
    except OSError:
        pytest.skip("the system does not let this user make links")
    assert which(link) == "old"
    save_new(link)
    assert link.is_symlink()
    assert which(model) == "new"
