"""Errors are also what Python calls them: a ValueError, or a FileNotFoundError."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

import nlmkit
from nlmkit import Corpus, MissingFileError, MissingModelError, NGram, Vectors, load
from nlmkit.core.storage import describe
from nlmkit.errors import DataError, SavedModelError
from nlmkit.text.labelled import LabelledTexts

READERS: dict[str, Callable[[str], object]] = {
    "text": Corpus.read,
    "a path among several": lambda name: Corpus.read_files([name]),
    "training text": lambda name: NGram(order=1).fit(name),
    "ARPA file": NGram.from_arpa,
    "vectors": Vectors.from_file,
    "labelled texts": LabelledTexts.read,
    "word list": lambda name: NGram(order=1, vocabulary_file=name).fit(["a b"]),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_missing_file_is_a_file_not_found_error_and_a_value_error(
    read: Callable[[str], object], tmp_path: Path
) -> None:
    name = str(tmp_path / "absent.txt")
    with pytest.raises(MissingFileError) as caught:
        read(name)
    error = caught.value
    assert isinstance(error, FileNotFoundError)
    assert isinstance(error, DataError)
    assert isinstance(error, ValueError)
    assert str(error) == f"{name}: no such file or directory"
    assert (error.errno, error.filename, error.source) == (errno.ENOENT, name, name)


def test_a_missing_training_log_and_a_missing_file_of_pairs(tmp_path: Path) -> None:
    from nlmkit.representations.report import read_pairs
    from nlmkit.training.records import read_log

    for read in (read_log, read_pairs):
        with pytest.raises(FileNotFoundError, match=r"absent: .*[nN]o such file"):
            read(tmp_path / "absent")


def test_a_missing_model_is_a_file_not_found_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, says in (("absent", "no such folder"), ("folder", "no manifest.json")):
        for read in (load, describe):
            with pytest.raises(MissingModelError, match=f"{name}: {says}") as caught:
                read(tmp_path / name)
            assert isinstance(caught.value, SavedModelError)
            assert isinstance(caught.value, FileNotFoundError)
            assert caught.value.errno == errno.ENOENT
            assert str(tmp_path / name) in str(caught.value.filename)


def test_a_damaged_model_is_not_a_missing_one(tmp_path: Path) -> None:
    NGram(order=1, smoothing="mle").fit(["a"]).save(tmp_path / "m")
    (tmp_path / "m" / "manifest.json").write_text("{}")
    with pytest.raises(SavedModelError) as caught:
        load(tmp_path / "m")
    assert not isinstance(caught.value, FileNotFoundError)


def test_unusable_text_is_a_value_error_and_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"good\n\xff\n")
    with pytest.raises(ValueError, match=r"bad.txt, line 2, byte 5: ") as caught:
        Corpus.read(tmp_path / "bad.txt")
    assert isinstance(caught.value, DataError)
    assert caught.value.line == 2


def test_an_empty_name_and_an_empty_folder_keep_their_own_messages(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="empty file name"):
        Corpus.read("")
    with pytest.raises(DataError, match="the directory contains no files"):
        Corpus.read(tmp_path)


@pytest.mark.parametrize("error", [MissingFileError("none", source="a"), MissingModelError("m: none", path="m")])
def test_they_can_be_pickled(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


def test_all_of_them_are_public() -> None:
    from nlmkit import errors

    defined = {name for name in vars(errors) if name.endswith("Error")}
    assert defined == {name for name in nlmkit.__all__ if name.endswith("Error")}
