from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nlmkit.errors import DataError
from nlmkit.language_models.ngram.external.store import BLOCK_VALUES, Store


@pytest.fixture(params=["folder", "url"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "url":
        pytest.importorskip("fsspec")
        return Store((tmp_path / "shared").as_uri())
    return Store(tmp_path / "folder")


def some(store: Store) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "key": np.arange(10, dtype=np.int64) * 3,
        "count": np.array([2, 1, 7], np.int32),
        "none": np.zeros(0),
    }
    store.write("runs/2/7", arrays)
    return arrays


def test_a_table_comes_back(store: Store) -> None:
    arrays = some(store)
    found = store.read("runs/2/7")
    assert list(found) == list(arrays)
    for column, values in arrays.items():
        assert found[column].dtype == values.dtype
        np.testing.assert_array_equal(found[column], values)
    assert list(store.read("runs/2/7", ["count"])) == ["count"]
    assert store.length("runs/2/7", "key") == 10
    assert store.size("runs/2/7") > 0


def test_it_comes_back_elsewhere(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    some(store)
    sent = pickle.dumps(store)
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(sent).names() == ["runs/2/7"]
    assert pickle.loads(sent) == store


def test_a_relative_folder_is_the_same_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("here")
    some(store)
    monkeypatch.chdir("/")
    assert store.names() == ["runs/2/7"]


def test_a_column_streams_in_blocks(store: Store) -> None:
    keys = np.arange(2 * BLOCK_VALUES + 5)
    with store.writer("long") as table:
        table.append({"key": keys[:100], "count": keys[:100]})
        table.append({"key": keys[100:], "count": keys[100:]})
    assert max(len(block) for block in store.blocks("long", "key")) <= BLOCK_VALUES
    np.testing.assert_array_equal(np.concatenate(list(store.blocks("long", "key"))), keys)
    for row in store.rows("long"):
        np.testing.assert_array_equal(row["key"], row["count"])
    assert store.length("long", "key") == len(keys)


def test_names_and_removal(store: Store) -> None:
    for name in ("b/1", "a/1", "a/2"):
        store.write(name, {"x": np.zeros(1)})
    assert store.names() == ["a/1", "a/2", "b/1"]
    assert store.names("a/") == ["a/1", "a/2"]
    assert store.has("a/1")
    store.remove("a/1")
    store.remove("a/1")
    assert not store.has("a/1")
    assert store.names("a/") == ["a/2"]
    store.clear()
    store.clear()
    assert store.names() == []


def test_markers_hold_results(store: Store) -> None:
    assert not store.done("done/count/1")
    store.commit("done/count/1", {"sizes": [1, 2], "sum": 0.1 + 0.2})
    assert store.done("done/count/1")
    assert store.result("done/count/1") == {"sizes": [1, 2], "sum": 0.1 + 0.2}
    assert store.names() == []


def test_a_failed_writer_leaves_nothing(store: Store, tmp_path: Path) -> None:
    store.write("a", {"x": np.zeros(1)})

    def fail() -> None:
        with store.writer("b") as table:
            table.append({"x": np.zeros(1)})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.names() == ["a"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_table_being_written_is_not_listed(store: Store) -> None:
    with store.writer("a") as table:
        table.append({"x": np.zeros(1)})
        assert store.names() == []
        assert not store.has("a")
    assert store.names() == ["a"]


def table_file(folder: Path) -> Path:
    (file,) = folder.rglob("*.table")
    return file


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    some(store)
    file = table_file(tmp_path)
    data = file.read_bytes()
    for at in range(len(data)):
        file.write_bytes(data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :])
        with pytest.raises(DataError, match="damaged") as raised:
            store.read("runs/2/7")
        assert raised.value.source == str(file)
    for size in (0, 5, len(data) - 1):
        file.write_bytes(data[:size])
        with pytest.raises(DataError, match="damaged"):
            store.read("runs/2/7")


def test_a_changed_marker_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.commit("m", 17)
    (tmp_path / "m.done").write_bytes((tmp_path / "m.done").read_bytes().replace(b"17", b"18"))
    with pytest.raises(DataError, match=r"m\.done: the temporary file is damaged \(wrong checksum\)"):
        store.result("m")


def test_what_is_missing_is_named(store: Store) -> None:
    with pytest.raises(DataError, match=r"a\.table: the temporary file is missing"):
        store.read("a")
    some(store)
    with pytest.raises(DataError, match="has no column keys, only key, count, none"):
        store.read("runs/2/7", ["keys"])
    (file,) = store.names()
    store.remove(file)
    with pytest.raises(DataError, match=r"7\.table: the temporary file is missing"):
        store.blocks("runs/2/7", "key")
    with pytest.raises(DataError, match=r"m\.done: the temporary file is missing"):
        store.result("m")


@pytest.mark.parametrize("name", ["", "../a", "/a", "a/../b", "a//b", "a\0", ".part"])
def test_names_stay_in_the_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a name of a table"):
        Store(tmp_path).write(name, {})
    assert os.listdir(tmp_path) == []


def test_a_column_keeps_its_type(tmp_path: Path) -> None:
    with Store(tmp_path).writer("a") as table:
        table.append({"x": np.zeros(1)})
        with pytest.raises(TypeError, match="the column x holds f8, not i8"):
            table.append({"x": np.zeros(1, np.int64)})


def test_an_unknown_protocol_is_one_line() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(DataError, match="nowhere://x: fsspec cannot open this URL: "):
        Store("nowhere://x").names()
