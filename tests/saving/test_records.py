"""Logs, pictures and settings of runs in a model's folder: saving leaves them, and nothing else is let in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nlmkit import NGram, load
from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, ExportError, HyperParameterError, SavedModelError
from nlmkit.saving.records import model_around
from nlmkit.training.records import LogRecord, TrainingLog

TEXT = ["the cat sat", "the dog sat"]
RECORD = LogRecord(step=1, epoch=0.5, metrics={"loss": 1.0}, lr=0.1, seconds=1.0)


def model(order: int = 2) -> NGram:
    return NGram(order=order).fit(iter(TEXT))


def log(path: Path) -> None:
    with TrainingLog(path) as kept:
        kept.write(RECORD)


@pytest.mark.parametrize(
    "name", ["training.jsonl", "log", "logs/training.jsonl", "c.png", "a/b/c.svg", "run.toml", "empty.jsonl"]
)
def test_a_model_is_saved_beside_the_records_of_runs(name: str, tmp_path: Path) -> None:
    file = tmp_path / "m" / name
    file.parent.mkdir(parents=True)
    if file.suffix == ".toml":
        file.write_bytes(b"[fit]\ncomponent = 'ngram'\n")
    elif name == "empty.jsonl":
        file.touch()
    elif file.suffix in (".png", ".svg"):
        file.write_bytes(b"picture")
    else:
        log(file)
    content = file.read_bytes()
    for order in (2, 3):  # a new folder, and one with a model
        model(order).save(tmp_path / "m")
        loaded: Any = load(tmp_path / "m")
        assert loaded.order == order
        assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("training.jsonl", b'{"loss": 1}\n'),
        ("notes.txt", b"[fit]\n"),
        ("pyproject.toml", b"[project]\n"),
        ("empty.txt", b""),
        ("sub/notes.txt", b"mine"),
        ("a/b/c/d/e/f.png", b"picture"),
    ],
)
def test_other_files_still_keep_a_model_out(name: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "m" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(SavedModelError, match=", which is not part of a saved model"):
        model().save(tmp_path / "m")


def test_a_link_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    log(tmp_path / "log")
    (tmp_path / "m" / "log").symlink_to(tmp_path / "log")
    with pytest.raises(SavedModelError, match=", which is not part of a saved model"):
        model().save(tmp_path / "m")


@pytest.mark.parametrize("name", ["manifest.json", ".lock", "arrays-x", "vocabulary-0123.txt", ".tmp-1"])
def test_a_log_has_no_name_of_the_models_files(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is reserved for the files of a saved model"):
        TrainingLog(tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("log_file", ["c", "c/log", "c/a/log", "other/../c/log"])
def test_a_log_in_the_checkpoints_folder_is_refused_before_the_run(log_file: str, tmp_path: Path) -> None:
    with pytest.raises(HyperParameterError, match="inside the checkpoint folder"):
        RunOptions(log=tmp_path / log_file, checkpoint=tmp_path / "c")
    RunOptions(log=tmp_path / "c.log", checkpoint=tmp_path / "c")


def test_nothing_is_exported_into_a_models_folder(tmp_path: Path) -> None:
    model().save(tmp_path / "m")
    before = sorted(tmp_path.rglob("*"))
    (tmp_path / "link").symlink_to(tmp_path / "m")
    for folder in ("m", "link"):
        with pytest.raises(ExportError, match="in the folder of the model"):
            model().export(tmp_path / folder / "lm.arpa")
    (tmp_path / "link").unlink()
    assert sorted(tmp_path.rglob("*")) == before


def test_another_programs_manifest_makes_no_model(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "an extension of a browser"}')
    assert model_around(tmp_path / "lm.arpa") is None
    model().export(tmp_path / "lm.arpa")
