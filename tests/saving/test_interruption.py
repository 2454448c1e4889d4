"""Crashes, full disks, signals and other processes: the old model or the new one, always whole."""

from __future__ import annotations

import errno
import gc
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from toys.saved_models import NEW, OLD_ARRAYS, OLD_WORDS, check_large, listing, save_large, save_new, save_old, which

import nlmkit.saving.files as files_module
import nlmkit.saving.reading as reading_module
from nlmkit.errors import IntegrityError, SavedModelError
from nlmkit.saving import load_folder, read_manifest, save_folder
from nlmkit.saving.manifest import read_manifest_bytes

from .helpers import one_line, payload_path, posix_only, snapshot, subprocess_environment


class Killed(BaseException):
    """Stands for a signal: nothing that handles errors may swallow it."""


def fail_at(monkeypatch: pytest.MonkeyPatch, name: str, call: int, error: BaseException) -> None:
    real = getattr(os, name)
    calls = iter(range(10**9))

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if next(calls) >= call:
            raise error
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, wrapper)


@pytest.mark.slow
@pytest.mark.parametrize("error", [Killed(), OSError(errno.EIO, "Input/output error")], ids=["killed", "EIO"])
@pytest.mark.parametrize("name", ["replace", "fsync", "write"])
@pytest.mark.parametrize("call", range(8))
def test_an_error_at_any_call_leaves_the_old_model_or_the_new_one(
    tmp_path: Path, name: str, call: int, error: BaseException
) -> None:
    model, first = tmp_path / "model", tmp_path / "first"
    save_old(model)
    old_files = listing(model)
    for folder in (model, first):
        failed = False
        with pytest.MonkeyPatch.context() as monkeypatch:
            fail_at(monkeypatch, name, call, error)
            try:
                save_new(folder)
            except (SavedModelError, Killed) as raised:
                failed = True
                message = str(raised)
        if failed and not isinstance(error, Killed):
            assert "Input/output error" in message
        if (folder / "manifest.json").exists():
            outcome = which(folder)
            if not failed:
                assert outcome == "new"
            elif outcome == "old":
                assert listing(folder) == old_files  # an error that is handled leaves nothing of the attempt
        else:
            assert failed
            assert folder == first
            assert listing(folder) == set()
            with pytest.raises(SavedModelError, match=r"no manifest\.json"):
                load_folder(folder)
        save_new(folder)
        assert which(folder) == "new"
        assert len(listing(folder)) == 3
    if call == 0:
        assert failed


CRASH_DRIVER = """
import os, shutil, sys
from pathlib import Path
import filelock, hashlib, numpy
import nlmkit.saving.tensors
from nlmkit.errors import SavedModelError
from toys import saved_models as t

base, state, style = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
NAMES = ["open", "mkdir", "write", "fsync", "replace", "unlink", "close", "listdir"]

def crashing(real, name, counter, call):
    def wrapper(*args, **kwargs):
        counter[0] += 1
        if counter[0] == call:
            try:
                if style == "after" and name == "write":
                    real(args[0], args[1][: len(args[1]) // 2])
                elif style == "after":
                    real(*args, **kwargs)
            finally:
                os._exit(9)
        return real(*args, **kwargs)
    return wrapper

os.fsync = lambda descriptor: None
outcomes = []
for call in range(1, 1000):
    folder = base / str(call)
    if state == "replace":
        t.save_old(folder)
    pid = os.fork()
    if pid == 0:
        counter = [0]
        for name in NAMES:
            setattr(os, name, crashing(getattr(os, name), name, counter, call))
        t.save_new(folder)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, 9), status
    try:
        outcomes.append(t.which(folder))
    except SavedModelError as error:
        assert state == "first" and ("no manifest.json" in str(error) or "no such folder" in str(error)), error
        outcomes.append("none")
    t.save_new(folder)
    assert t.which(folder) == "new" and len(t.listing(folder)) == 3, os.listdir(folder)
    shutil.rmtree(folder)
    if status == 0:
        break
print(" ".join(outcomes))
"""


@pytest.mark.slow
@posix_only
@pytest.mark.parametrize("style", ["before", "after"])
@pytest.mark.parametrize("state", ["first", "replace"])
def test_dying_at_any_system_call_leaves_the_old_model_or_the_new_one(tmp_path: Path, state: str, style: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH_DRIVER, str(tmp_path), state, style],
        env=subprocess_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = done.stdout.split()
    before = "none" if state == "first" else "old"
    turning_point = outcomes.index("new")
    assert outcomes == [before] * turning_point + ["new"] * (len(outcomes) - turning_point)
    assert turning_point >= 15  # the driver did stop the save at its many calls, and after the manifest too
    assert len(outcomes) - turning_point >= 5


SAVE_FOREVER = """
import os, sys
from toys import saved_models as t
print("ready", flush=True)
os.fsync = lambda descriptor: None
while True:
    t.save_large(sys.argv[1], "a")
    t.save_large(sys.argv[1], "b")
"""


@posix_only
def test_sigkill_at_any_moment_leaves_a_whole_model(tmp_path: Path) -> None:
    save_large(tmp_path / "m", "a")
    for delay in (0.0, 0.013, 0.031, 0.057):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_FOREVER, str(tmp_path / "m")],
            env=subprocess_environment(),
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(delay)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert check_large(tmp_path / "m") in "ab"
    save_large(tmp_path / "m", "c")  # the dead writer's lock does not stand in the way
    assert check_large(tmp_path / "m") == "c"
    assert len(listing(tmp_path / "m")) == 3


SAVE_OFTEN = """
import os, sys
from toys import saved_models as t
os.fsync = lambda descriptor: None
for _ in range(20):
    t.save_large(sys.argv[1], sys.argv[2])
"""


@pytest.mark.slow
def test_two_processes_saving_to_one_path_while_a_third_reads(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    save_large(folder, "a")
    processes = [
        subprocess.Popen([sys.executable, "-c", SAVE_OFTEN, str(folder), letter], env=subprocess_environment())
        for letter in "ab"
    ]
    seen = set()
    while any(process.poll() is None for process in processes):
        seen.add(check_large(folder))
    assert [process.wait() for process in processes] == [0, 0]
    assert seen <= {"a", "b"}
    assert check_large(folder) in "ab"
    assert len(listing(folder)) == 3


def test_a_writer_waits_for_the_lock_and_says_when_it_gives_up(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    monkeypatch.setattr(files_module, "LOCK_SECONDS", 0.1)
    with FileLock(str(model / ".lock")), pytest.raises(SavedModelError) as error:
        in_thread(save_new, model)
    one_line(error, model, "another process has been saving")
    assert which(model) == "old"


def in_thread(function: Callable[[Path], None], folder: Path) -> None:
    """Runs in another thread, as filelock tells a lock of the same thread apart."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(function, folder).result()


def test_bytes_are_on_the_disk_before_the_names_that_promise_them(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power cut keeps is up to fsync; the deletions come when all of the new model is safe."""
    log: list[str] = []
    synced: set[tuple[int, int]] = set()

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.add((status.st_dev, status.st_ino))
        log.append("sync folder" if stat.S_ISDIR(status.st_mode) else "sync file")

    def replace(source: Path, target: Path) -> None:
        status = os.stat(source)
        assert (status.st_dev, status.st_ino) in synced
        log.append(f"rename {Path(target).name.partition('-')[0]}")
        os.rename(source, target)

    def unlink(path: Path) -> None:
        if not Path(path).name.startswith(".tmp-"):
            log.append(f"delete {Path(path).name.partition('-')[0]}")
        os.remove(path)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "unlink", unlink)
    save_new(model)
    steps = [
        *("sync file", "rename arrays", "sync file", "rename vocabulary", "sync folder"),
        *("sync file", "rename manifest.json", "sync folder"),
    ]
    assert log[:-2] == (steps if os.name == "posix" else [step for step in steps if step != "sync folder"])
    assert sorted(log[-2:]) == ["delete arrays", "delete vocabulary"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT], ids=["ENOSPC", "EDQUOT"])
@pytest.mark.parametrize("room", [0, 1, 100, 190, 215, 230, 400])
def test_a_full_disk_names_the_bytes_needed_and_keeps_the_old_model(
    model: Path, monkeypatch: pytest.MonkeyPatch, room: int, number: int
) -> None:
    needed = 0
    save_new(model.parent / "measure")
    for path in (model.parent / "measure").iterdir():
        needed += path.stat().st_size
    before = snapshot(model)
    real = os.write
    left = [room]

    def write(descriptor: int, data: Any) -> int:
        part = memoryview(data)[: left[0]]
        if not part:
            raise OSError(number, os.strerror(number))
        left[0] -= len(part)
        return real(descriptor, part)

    assert room < needed
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(SavedModelError) as error:
        save_new(model)
    one_line(error, model, os.strerror(number), f"{needed} bytes are required")
    assert {name: entry for name, entry in snapshot(model).items() if name != ".lock"} == {
        name: entry for name, entry in before.items() if name != ".lock"
    }
    assert which(model) == "old"
    with pytest.raises(SavedModelError):
        save_new(model.parent / "first")
    assert listing(model.parent / "first") == set()


LIMITED = """
import resource, signal, sys
import numpy as np
from nlmkit.errors import SavedModelError
from nlmkit.saving import save_folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    save_folder(sys.argv[1], {}, arrays={"w": np.zeros(100_000, np.float32)})
except SavedModelError as error:
    print(error)
"""


@posix_only
def test_a_real_limit_of_the_system_is_met_the_same_way(model: Path) -> None:
    before = listing(model)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(model)],
        env=subprocess_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith(f"{model}: cannot save the model (File too large); 400")
    assert listing(model) == before
    assert which(model) == "old"


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, memoryview(data)[:7]))
    save_old(tmp_path / "m")
    monkeypatch.undo()
    assert which(tmp_path / "m") == "old"


def test_a_mapped_payload_that_cannot_be_replaced_may_stay_if_it_is_the_same(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to replace a file that a reader has mapped."""
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(target).name != "manifest.json" and Path(target).exists():
            raise PermissionError(errno.EACCES, "Access is denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    save_folder(model, NEW, arrays=OLD_ARRAYS, vocabulary=OLD_WORDS)
    assert load_folder(model).manifest["which"] == "new"
    path = payload_path(model, "arrays")
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(SavedModelError, match="Access is denied"):
        save_folder(model, NEW, arrays=OLD_ARRAYS, vocabulary=OLD_WORDS)


# --- readers ---


def test_a_reader_that_loses_the_race_reads_the_manifest_again(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = read_manifest_bytes
    stale = real(model)
    save_new(model)
    answers = iter([stale])
    monkeypatch.setattr(reading_module, "read_manifest_bytes", lambda folder: next(answers, None) or real(folder))
    assert which(model) == "new"


def test_a_payload_that_is_missing_is_named(model: Path) -> None:
    for name in ("vocabulary", "arrays"):
        path = payload_path(model, name)
        path.unlink()
        with pytest.raises(SavedModelError) as error:
            load_folder(model)
        one_line(error, path, "missing, but listed in the manifest")


def test_loading_writes_nothing_and_takes_no_lock(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (model / ".lock").unlink(missing_ok=True)
    before = snapshot(model)
    real = os.open

    def only_reading(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        assert not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", only_reading)
    for name in ("replace", "unlink", "mkdir", "fsync"):
        monkeypatch.setattr(os, name, lambda *args, **kwargs: pytest.fail("a reader wrote"))
    assert which(model) == "old"
    read_manifest(model)
    assert snapshot(model) == before


@pytest.mark.slow
def test_no_file_stays_open(model: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("the system does not list open files")
    gc.collect()  # files that earlier tests left to it
    before = len(os.listdir("/proc/self/fd"))
    for damage in (lambda: None, lambda: payload_path(model, "vocabulary").write_bytes(b"x")):
        damage()
        for _ in range(3):
            try:
                load_folder(model)
            except IntegrityError as error:
                del error
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_package_and_a_manifest_need_neither_numpy_nor_filelock(model: Path) -> None:
    code = (
        "import sys; from nlmkit.saving import read_manifest; assert read_manifest(sys.argv[1])['which'] == 'old'; "
        "sys.exit(bool({'numpy', 'filelock', 'safetensors'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, str(model)], env=subprocess_environment(), timeout=60, check=True)
