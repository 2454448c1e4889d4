"""What is written, replaced and refused, and how it is read back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.saved_models import NEW, NEW_ARRAYS, OLD, OLD_ARRAYS, OLD_WORDS, listing, save_new, save_old, which

from nlmkit.errors import IntegrityError, SavedModelError
from nlmkit.saving import FORMAT_VERSION, SavedFolder, load_folder, read_manifest, save_folder
from nlmkit.saving.strict_json import MAX_DEPTH

from .helpers import forge, one_line, payload_path, reproducible, snapshot

DTYPES = [
    *("float64", "float32", "float16", "bool"),
    *("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"),
]


def test_the_folder_is_what_the_format_says(model: Path) -> None:
    arrays, vocabulary = payload_path(model, "arrays"), payload_path(model, "vocabulary")
    assert listing(model) == {"manifest.json", arrays.name, vocabulary.name}
    manifest = json.loads((model / "manifest.json").read_bytes())
    assert manifest == {
        **OLD,
        "format_version": 1,
        "payloads": [
            {
                "name": name,
                "file": f"{name}-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}{path.suffix}",
                "bytes": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for name, path in (("arrays", arrays), ("vocabulary", vocabulary))
        ],
    }
    assert FORMAT_VERSION == 1
    assert vocabulary.read_bytes() == b"the\ncat\n"
    text = (model / "manifest.json").read_text("utf-8")
    assert text == json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_the_callers_manifest_is_not_changed(tmp_path: Path) -> None:
    manifest = {"kind": "language_model"}
    save_folder(tmp_path / "m", manifest, arrays={})
    assert manifest == {"kind": "language_model"}


def test_load_gives_a_frozen_folder_of_read_only_memory_mapped_views(model: Path) -> None:
    saved = load_folder(str(model))
    assert isinstance(saved, SavedFolder)
    assert saved.path == model
    assert saved.manifest == read_manifest(model)
    assert saved.vocabulary == OLD_WORDS
    weights, ids = saved.arrays["weights"], saved.arrays["ids"]
    with pytest.raises(ValueError, match="read-only"):
        weights[0, 0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        weights.flags.writeable = True
    with pytest.raises(AttributeError):
        saved.path = model  # type: ignore[misc]
    with pytest.raises(TypeError):
        saved.arrays["ids"] = ids  # type: ignore[index]
    assert not weights.flags.owndata
    assert weights.ctypes.data % 4 == 0
    low = min(weights.ctypes.data, ids.ctypes.data)
    assert low % 64 == 0  # page-aligned map, data at a multiple of 64
    assert abs(weights.ctypes.data - ids.ctypes.data) < 4096  # one map


def test_no_arrays_and_no_vocabulary(tmp_path: Path) -> None:
    save_folder(tmp_path / "m", {}, arrays={})
    saved = load_folder(tmp_path / "m")
    assert dict(saved.arrays) == {}
    assert saved.vocabulary is None
    assert not list((tmp_path / "m").glob("vocabulary*"))


@pytest.mark.parametrize(
    "words",
    [
        [],
        [""],
        ["", "a", ""],
        ["\ufeffbom", "carriage\r", "\r\n"[:1], "next\x85line", "line\u2028sep", "para\u2029", "\v\f\x1c\x1d\x1e"],
        ["\U0001f600", "中文", "a b\tc", "\x1b[31m"],
    ],
)
def test_a_word_may_hold_anything_but_lf_and_nul(tmp_path: Path, words: list[str]) -> None:
    save_folder(tmp_path / "m", {}, arrays={}, vocabulary=words)
    assert load_folder(tmp_path / "m").vocabulary == words


def test_a_vocabulary_of_several_blocks(tmp_path: Path) -> None:
    words = tuple(f"w{i}" for i in range(140_000))
    save_folder(tmp_path / "m", {}, arrays={}, vocabulary=words)
    assert load_folder(tmp_path / "m").vocabulary == list(words)
    with pytest.raises(SavedModelError, match=r": word 139999 of the vocabulary is 'a\\nb'"):
        save_folder(tmp_path / "m", {}, arrays={}, vocabulary=[*words[:-1], "a\nb"])


@pytest.mark.slow
@reproducible
@given(
    arrays=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
        ),
        max_size=4,
    ),
    change=st.sampled_from(["none", "transpose", "reverse", "byteswap", "every second"]),
)
def test_round_trip_of_every_dtype_shape_and_memory_order(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray], change: str
) -> None:
    import safetensors.numpy

    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "none": lambda array: array,
        "transpose": np.transpose,
        "reverse": lambda array: array[::-1] if array.ndim else array,
        "byteswap": lambda array: array.astype(array.dtype.newbyteorder(">")),
        "every second": lambda array: array[..., ::2] if array.ndim else array,
    }
    arrays = {name: changes[change](array) for name, array in arrays.items()}
    folder = tmp_path_factory.mktemp("round") / "m"
    save_folder(folder, {}, arrays=arrays)
    saved = load_folder(folder)
    public = safetensors.numpy.load_file(payload_path(folder, "arrays"))
    assert set(saved.arrays) == set(public) == set(arrays)
    for name, array in arrays.items():
        wanted = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))).reshape(array.shape)
        for found in (saved.arrays[name], public[name]):
            np.testing.assert_array_equal(found, wanted, strict=True)
            assert found.tobytes() == wanted.tobytes()  # NaN payloads and negative zeros too
        assert saved.arrays[name].flags.aligned
        assert not saved.arrays[name].flags.writeable


@pytest.mark.parametrize("change", ["transpose", "byteswap"])
def test_an_array_of_several_blocks_in_another_memory_order(tmp_path: Path, change: str) -> None:
    array = np.random.default_rng(1).standard_normal((1234, 777)).astype(np.float32)  # 3.8 MB, blocks of 1 MiB
    given_array = array.T if change == "transpose" else array.astype(">f4")
    save_folder(tmp_path / "m", {}, arrays={"a": given_array})
    np.testing.assert_array_equal(load_folder(tmp_path / "m").arrays["a"], given_array)


def test_files_of_the_public_safetensors_library_are_read(tmp_path: Path) -> None:
    import safetensors.numpy

    arrays: dict[str, np.ndarray] = {
        "b": np.arange(3, dtype=np.int8),
        "a": np.eye(3, dtype=np.float64),
        "c": np.array(True),
    }
    data = safetensors.numpy.save(arrays, metadata={"made": "elsewhere"})
    saved = load_folder(forge(tmp_path / "m", data))
    assert set(saved.arrays) == {"a", "b", "c"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(saved.arrays[name], array, strict=True)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    save_folder(tmp_path / "a", {"x": 1, "y": 2}, arrays=OLD_ARRAYS, vocabulary=OLD_WORDS)
    save_folder(tmp_path / "b", {"y": 2, "x": 1}, arrays=dict(reversed(list(OLD_ARRAYS.items()))), vocabulary=OLD_WORDS)
    assert {name: data for name, (data, _) in snapshot(tmp_path / "a").items()} == {
        name: data for name, (data, _) in snapshot(tmp_path / "b").items()
    }


@pytest.mark.parametrize("transposed", [False, True])
def test_saving_and_loading_do_not_copy_the_arrays(tmp_path: Path, transposed: bool) -> None:
    array = np.ones((4096, 1024), np.float32)  # 16 MiB
    save_folder(tmp_path / "warm", {}, arrays={})
    load_folder(tmp_path / "warm")
    tracemalloc.start()
    try:
        save_folder(tmp_path / "m", {}, arrays={"a": array.T if transposed else array})
        saved = load_folder(tmp_path / "m")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert saved.arrays["a"].size == array.size
    assert peak < 6 * 2**20


# --- replacing ---


def test_a_save_replaces_the_model_and_removes_what_it_leaves_behind(model: Path) -> None:
    before = listing(model)
    (model / ".tmp-0123456789abcdef").write_bytes(b"left by a crash")
    (model / f"arrays-{'a' * 16}.safetensors").write_bytes(b"left by a crash")
    save_new(model)
    assert which(model) == "new"
    assert len(listing(model)) == 3
    assert listing(model) & before == {"manifest.json"}


def test_a_payload_that_both_models_share_stays(model: Path) -> None:
    save_folder(model, NEW, arrays=OLD_ARRAYS, vocabulary=OLD_WORDS)
    saved = load_folder(model)
    assert saved.manifest["which"] == "new"
    assert saved.vocabulary == OLD_WORDS


def test_a_loaded_model_can_replace_itself(model: Path) -> None:
    saved = load_folder(model)
    save_folder(model, OLD, arrays=saved.arrays, vocabulary=saved.vocabulary)
    assert which(model) == "old"
    save_folder(model, OLD, arrays={**saved.arrays, "more": saved.arrays["ids"]}, vocabulary=saved.vocabulary)
    np.testing.assert_array_equal(load_folder(model).arrays["weights"], OLD_ARRAYS["weights"])
    np.testing.assert_array_equal(saved.arrays["weights"], OLD_ARRAYS["weights"])  # the old map lives on


def test_saving_again_repairs_a_damaged_payload(model: Path) -> None:
    path = payload_path(model, "arrays")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError):
        load_folder(model)
    save_old(model)
    assert which(model) == "old"


def test_parents_are_created_and_an_empty_folder_is_used(tmp_path: Path) -> None:
    save_old(tmp_path / "a" / "b" / "c")
    assert which(tmp_path / "a" / "b" / "c") == "old"
    (tmp_path / "empty").mkdir()
    save_old(tmp_path / "empty")
    assert which(tmp_path / "empty") == "old"


def test_a_saved_model_can_be_moved_and_copied(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "copy")
    model.rename(tmp_path / "moved")
    assert which(tmp_path / "copy") == which(tmp_path / "moved") == "old"
    save_new(tmp_path / "copy")
    assert which(tmp_path / "copy") == "new"


def test_files_of_file_managers_are_left_alone(model: Path) -> None:
    (model / ".DS_Store").write_bytes(b"x")
    save_new(model)
    assert which(model) == "new"
    assert (model / ".DS_Store").read_bytes() == b"x"


@pytest.mark.parametrize("with_model", [False, True])
@pytest.mark.parametrize(
    "name", ["thesis.tex", "arrays.safetensors", ".hidden", "arrays-0123456789abcdef.safetensors.bak"]
)
def test_a_folder_with_foreign_files_is_refused_and_left_as_it_was(tmp_path: Path, name: str, with_model: bool) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    if with_model:
        save_old(folder)
    (folder / name).write_bytes(b"years of work")
    before = snapshot(folder)
    with pytest.raises(SavedModelError) as error:
        save_new(folder)
    one_line(error, folder, name, "choose another folder")
    assert snapshot(folder) == before


def test_a_folder_inside_the_folder_is_foreign_whatever_its_name(model: Path) -> None:
    (model / "arrays-0123456789abcdef.safetensors").mkdir()
    with pytest.raises(SavedModelError, match=", which is not part of a saved model"):
        save_new(model)
    assert which(model) == "old"


@pytest.mark.parametrize(
    "content", [b'{"name": "a web app", "start_url": "/"}', b"[]", b"", b"{", b'{"format_version": 1}', b"\xff"]
)
def test_a_manifest_of_something_else_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(SavedModelError) as error:
        save_new(tmp_path)
    one_line(error, tmp_path / "manifest.json", "nothing was written")
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    assert (tmp_path / "manifest.json").read_bytes() == content


def test_an_existing_file_and_impossible_paths_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"precious")
    with pytest.raises(SavedModelError) as error:
        save_new(file)
    one_line(error, file, "is a file")
    with pytest.raises(SavedModelError, match="cannot save"):
        save_new(file / "below")
    with pytest.raises(SavedModelError, match="invalid path"):
        save_new(tmp_path / "nul\0byte")
    with pytest.raises(SavedModelError, match="cannot save"):
        save_new(tmp_path / ("x" * 5000))
    assert file.read_bytes() == b"precious"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_one_clear_error(model: Path) -> None:
    model.chmod(0o555)
    try:
        with pytest.raises(SavedModelError, match="cannot save the model"):
            save_new(model)
        assert which(model) == "old"
    finally:
        model.chmod(0o755)


# --- what cannot be saved is refused before anything is touched ---


@pytest.mark.parametrize(
    ("manifest", "part"),
    [
        ({"seed": float("nan")}, "nan in seed"),
        ({"h": {"rates": [0.5, float("inf")]}}, "inf in h.rates[1]"),
        ({"h": {1: "one"}}, "key 1 in h"),
        ({"seed": np.int64(3)}, "int64 in seed"),
        ({"when": b"bytes"}, "bytes in when"),
        ({"name": "\ud800"}, "not valid Unicode"),
        ({"\ud800": 1}, "not valid Unicode"),
        ({"n": 10**5000}, "contains a number with too many digits in n"),
        ({"format_version": 1}, "format_version"),
        ({"payloads": []}, "payloads"),
        ({"text": "x" * 2**24}, "keep large values in arrays"),
    ],
)
def test_a_manifest_that_json_cannot_hold_is_refused(model: Path, manifest: dict[str, Any], part: str) -> None:
    before = snapshot(model)
    with pytest.raises(SavedModelError) as error:
        save_folder(model, manifest, arrays=NEW_ARRAYS)
    one_line(error, model, part)
    assert snapshot(model) == before


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"": value}
    return value


@pytest.mark.slow
def test_the_deepest_manifest_that_is_saved_is_the_deepest_that_loads(tmp_path: Path) -> None:
    save_folder(tmp_path / "m", nested(MAX_DEPTH), arrays={})
    assert load_folder(tmp_path / "m").manifest[""] == nested(MAX_DEPTH - 1)
    for levels in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(SavedModelError, match="nested deeper than 64"):
            save_folder(tmp_path / "m", nested(levels), arrays={})


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        ({"a": np.zeros(2, np.complex64)}, "complex64"),
        ({"a": np.array(["text"])}, "<U4"),
        ({"a": np.array([None])}, "object"),
        ({"a": np.zeros(2, "datetime64[s]")}, "datetime64"),
        ({"a": np.zeros(2, [("x", "i4")])}, "dtype"),
        ({"": np.zeros(2)}, "name of an array"),
        ({"__metadata__": np.zeros(2)}, "name of an array"),
        ({"\udc80": np.zeros(2)}, "name of an array"),
        ({"a": np.zeros((1,) * 40)}, "dimensions"),
    ],
)
def test_arrays_that_the_format_cannot_hold_are_refused(model: Path, arrays: dict[str, Any], part: str) -> None:
    before = snapshot(model)
    with pytest.raises(SavedModelError) as error:
        save_folder(model, NEW, arrays=arrays)
    one_line(error, model, part)
    assert snapshot(model) == before


@pytest.mark.parametrize("word", ["a\nb", "a\0b", "\ud83d", b"bytes", None])
def test_words_that_the_file_cannot_hold_are_refused(model: Path, word: Any) -> None:
    before = snapshot(model)
    with pytest.raises(SavedModelError) as error:
        save_folder(model, NEW, arrays=NEW_ARRAYS, vocabulary=["fine", word])
    one_line(error, model, "word 1 of the vocabulary", "line feed")
    assert snapshot(model) == before
