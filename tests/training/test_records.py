"""The training log as a file: how it is begun, written and read."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from pathlib import Path

import pytest

from nlmkit.errors import DataError
from nlmkit.training.records import LogRecord, TrainingLog, read_log

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and devices of POSIX")


def record(step: int) -> LogRecord:
    return LogRecord(
        step=step,
        epoch=step / 2,
        metrics={"loss": 1.5, "perplexity": 4.4},
        lr=0.1,
        speed=1e3,
        seconds=float(step),
        validation={"perplexity": None},
    )


def write(path: Path, steps: range, *, after: int = 0) -> None:
    with TrainingLog(path, after=after) as log:
        for step in steps:
            log.write(record(step))


def test_a_resumed_log_keeps_what_came_before_and_a_new_one_does_not(tmp_path: Path) -> None:
    file = tmp_path / "new" / "log.jsonl"
    write(file, range(1, 6))
    write(file, range(4, 8), after=3)
    assert read_log(file) == [record(step) for step in range(1, 8)]
    write(file, range(1, 3))
    assert [each.step for each in read_log(file)] == [1, 2]
    assert os.listdir(file.parent) == ["log.jsonl"]


@posix
def test_its_mode_is_kept_and_no_trap_is_stepped_in(tmp_path: Path) -> None:
    file, victim = tmp_path / "log.jsonl", tmp_path / "victim"
    write(file, range(1, 3))
    file.chmod(0o600)
    victim.write_text("mine")
    (tmp_path / ".log.jsonl.tmp").symlink_to(victim)
    write(file, range(1, 3), after=2)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "nothing")
    write(tmp_path / "link.jsonl", range(1, 2))
    assert victim.read_text() == "mine"
    assert not (tmp_path / "nothing").exists()


@posix
def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(tmp_path / "pipe", range(1, 3))
        (tmp_path / "read.jsonl").write_bytes(os.read(reader, 1 << 16))
    finally:
        os.close(reader)
    assert read_log(tmp_path / "read.jsonl") == [record(1), record(2)]
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)
    write(Path("/dev/null"), range(1, 3))
    with pytest.raises(DataError, match="is not a training log"):
        TrainingLog(tmp_path)


@posix
def test_a_full_disk_names_the_log(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.jsonl")
    assert log._file is not None
    log._file.close()
    log._file = os.fdopen(os.open("/dev/full", os.O_WRONLY), "w")
    with pytest.raises(OSError, match="No space left") as error, log:
        log.write(record(1))
    assert error.value.filename == str(tmp_path / "log.jsonl")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no file without end")
def test_a_file_without_end_is_no_log() -> None:
    with pytest.raises(DataError, match="/dev/zero, line 1: the line is too long, so this is not a training log"):
        read_log("/dev/zero")


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_number_of_many_digits_is_refused_with_its_line(digits: int, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    write(file, range(1, 2))
    line = file.read_text()
    file.write_text(line + line.replace('"seconds": 1.0', '"seconds": ' + "9" * digits))
    with pytest.raises(DataError, match=r"log\.jsonl, line 2: .*(is too large|too many digits)"):
        read_log(file)


def test_a_last_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    write(file, range(1, 3))
    file.write_bytes(file.read_bytes()[:-5])
    assert [each.step for each in read_log(file)] == [1]


# ------------------------------------------------------------------------------------- logs of versions and kinds

FIRST_RELEASE = {
    "language model": (
        '{"step": 25, "epoch": 0.5, "loss": 2.0, "perplexity": 7.389, "lr": 0.1, "gradient_norm": 0.3, '
        '"tokens_per_second": 950.5, "seconds": 1.25, "validation_perplexity": 8.5}'
    ),
    "word2vec": (
        '{"step": 4, "epoch": 1.0, "loss": 3.5, "perplexity": null, "lr": 0.025, "gradient_norm": null, '
        '"tokens_per_second": 1000.0, "seconds": 0.5, "validation_perplexity": null}'
    ),
    "glove": (
        '{"step": 12, "epoch": 1.0, "loss": 0.08, "perplexity": null, "lr": 0.05, "gradient_norm": null, '
        '"tokens_per_second": null, "seconds": 2.0, "validation_perplexity": null}'
    ),
}
"""Lines that version 0.1 wrote."""


@pytest.mark.parametrize("kind", FIRST_RELEASE)
def test_logs_of_the_first_release_are_read_and_gone_on_with(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(FIRST_RELEASE[kind] + "\n")
    (found,) = read_log(file)
    line = json.loads(FIRST_RELEASE[kind])
    assert found.metrics == {"loss": line["loss"], "perplexity": line["perplexity"]}
    assert found.validation == {"perplexity": line["validation_perplexity"]}
    assert (found.speed, found.unit) == (line["tokens_per_second"], "tokens")
    assert (found.step, found.epoch, found.lr) == (line["step"], line["epoch"], line["lr"])
    with TrainingLog(file, after=found.step) as log:
        log.write(record(found.step + 1))
    first, second = file.read_text().splitlines()
    assert first == FIRST_RELEASE[kind]
    assert list(json.loads(second)) == list(line)


def test_a_line_has_a_field_for_each_metric(tmp_path: Path) -> None:
    line = LogRecord(
        step=3,
        epoch=0.5,
        metrics={"loss": 0.7},
        lr=0.1,
        speed=12.0,
        seconds=2.0,
        validation={"accuracy": 0.75, "loss": float("inf")},
        unit="texts",
    )
    with TrainingLog(tmp_path / "log") as log:
        log.write(line)
    assert json.loads((tmp_path / "log").read_text()) == {
        "step": 3,
        "epoch": 0.5,
        "loss": 0.7,
        "lr": 0.1,
        "gradient_norm": None,
        "texts_per_second": 12.0,
        "seconds": 2.0,
        "validation_accuracy": 0.75,
        "validation_loss": None,
    }
    assert read_log(tmp_path / "log") == [dataclasses.replace(line, validation={"accuracy": 0.75, "loss": None})]


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": ...},
        {"tokens_per_second": ...},
        {"words_per_second": 1.0},
        {"a name": 1.0},
        {"step": 1.5},
        {"step": True},
        {"loss": "low"},
        {"accuracy": [1]},
    ],
)
def test_other_json_is_no_log_and_is_not_replaced(change: dict[str, object], tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    line = {**json.loads(FIRST_RELEASE["language model"]), **change}
    text = json.dumps({name: value for name, value in line.items() if value is not ...}) + "\n"
    file.write_text(text)
    with pytest.raises(DataError, match=r"log\.jsonl, line 1: "):
        TrainingLog(file)
    assert file.read_text() == text
