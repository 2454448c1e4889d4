"""The training log as a file: how it is begun, written and read."""

from __future__ import annotations

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
