"""What only a process of its own shows: streams, signals, terminals, locales."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.conftest import Run
from nlmkit.cli.progress import progress
from nlmkit.core.run import RunOptions

pytestmark = pytest.mark.slow

posix = pytest.mark.skipif(os.name != "posix", reason="pipes, signals and terminals as POSIX has them")
Process = Callable[..., subprocess.CompletedProcess[bytes]]
# A locale without UTF-8, and Python kept from helping itself.
ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@contextmanager
def started(*args: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "nlmkit", *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def say(process: subprocess.Popen[bytes], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text.encode())
    process.stdin.flush()


def hear(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode()


@pytest.mark.parametrize("by", ["--per-line", "--per-token"])
def test_a_line_in_a_pipe_is_answered_at_once(by: str, model: str, environment: dict[str, str]) -> None:
    with started("perplexity", model, "-", by, environment=environment) as process:
        say(process, "猫 坐\n")
        assert "log_prob" in hear(process)
        answers = [hear(process) for _ in range(1 if by == "--per-line" else 3)]
        assert "猫" in answers[0]
        say(process, "\n")
        assert "\t" in hear(process)
        say(process, "the")  # no line feed: the end of the text ends the line
        assert process.stdin is not None
        process.stdin.close()
        assert "the" in hear(process)
        assert process.wait(timeout=60) == 0


@posix
def test_ctrl_c(model: str, environment: dict[str, str]) -> None:
    with started("perplexity", model, "-", "--per-line", environment=environment) as process:
        say(process, "the cat\n")
        hear(process)
        hear(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"nlmkit: interrupted\n"


@posix
@pytest.mark.parametrize(
    "args", [["perplexity", "MODEL", "many.txt", "--per-token"], ["generate", "MODEL", "-n", "100000"]], ids=" ".join
)
def test_a_reader_that_leaves_ends_it_quietly(args: list[str], model: str, environment: dict[str, str]) -> None:
    Path("many.txt").write_text("the cat sat on the mat\n" * 20_000)
    args = [model if arg == "MODEL" else arg for arg in args]
    with started(*args, environment=environment) as process:
        hear(process)
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""


@posix
def test_a_reader_that_was_never_there(environment: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for args in (["list"], ["--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "nlmkit", *args],
            stdout=writing,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (141, b"")
    os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is needed")
@pytest.mark.parametrize(("args", "where"), [(["list"], b"standard output: "), (["--help"], b"")])
def test_a_full_disk_under_stdout(args: list[str], where: bytes, environment: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nlmkit", *args],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"nlmkit: " + where + b"No space left on device\n")


@posix
def test_closed_stdout(environment: dict[str, str]) -> None:
    command = f'exec "{sys.executable}" -m nlmkit list >&-'
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_chinese_text_under_an_ascii_locale(process: Process, model: str, texts: Path) -> None:
    done = process("perplexity", model, texts / "test.txt", "--per-line", env=ASCII)
    assert done.returncode == 0
    assert "\t猫 ran away\n" in done.stdout.decode("utf-8")
    done = process("show", "没有", env=ASCII)
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"nlmkit: no component named ")


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no Unicode")
def test_file_names_that_are_no_unicode(process: Process, run: Run, texts: Path) -> None:
    name = b"mod\xe9l\xff"
    assert run("fit", "toy-recency", texts / "train.txt", "-o", os.fsdecode(name)).stdout_bytes.endswith(name + b"\n")
    shown = process("fit", "toy-recency", texts / "train.txt", "-o", name, env=ASCII)
    assert shown.returncode == 0
    assert shown.stdout.endswith(name + b"\n")
    report = run("perplexity", os.fsdecode(name), texts / "test.txt", "--json")
    assert json.loads(report.stdout_bytes.decode("utf-8"))["model"] == "mod\\xe9l\\xff"
    missing = process("perplexity", name, b"t\xff.txt", env=ASCII)
    assert missing.returncode == 1
    assert b"t\\udcff.txt" in missing.stderr
    assert b"no such file" in missing.stderr
    assert missing.stderr.count(b"\n") == 1


def on_terminal(*args: str, environment: dict[str, str], stdin: bytes = b"") -> tuple[int, bytes]:
    """Run with stdout and stderr on one terminal; exit code, and what the terminal was sent."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "nlmkit", *args],
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm-256color", "COLUMNS": "80"},
    )
    os.close(theirs)
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    sent = b""
    try:
        while chunk := os.read(ours, 4096):
            sent += chunk
    except OSError:  # Linux ends a terminal so
        pass
    finally:
        os.close(ours)
    return process.wait(timeout=60), sent


COLOUR = re.compile(rb"\x1b\[[0-9;]*[34][0-9][0-9;]*m")


@posix
def test_progress_on_a_terminal_and_no_colour(texts: Path, environment: dict[str, str]) -> None:
    args = ["fit", "toy-recency", str(texts / "train.txt"), "-o", "m"]
    environment = {name: value for name, value in environment.items() if name != "NO_COLOR"}
    code, sent = on_terminal(*args, environment=environment)
    assert code == 0
    assert b"counting words" in sent
    assert b"saving to m" in sent
    assert b"saved to" in sent
    assert COLOUR.search(sent)
    code, sent = on_terminal(*args, environment=environment | {"NO_COLOR": "1"})
    assert code == 0
    assert b"counting words" in sent
    assert not COLOUR.search(sent)


def test_nothing_is_drawn_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    with progress() as display:
        assert display is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress(quiet=True) as display:
        assert display is None
    with progress() as display:
        assert display is not None


@posix
def test_text_cannot_drive_the_terminal(model: str, environment: dict[str, str], run: Run) -> None:
    hostile = "\x1b]0;owned\x07 \u202e猫\n".encode()
    for by in ("--per-line", "--per-token"):
        code, sent = on_terminal("perplexity", model, "-", by, environment=environment, stdin=hostile)
        assert code == 0
        shown = sent.decode()
        assert "猫" in shown
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert run("perplexity", model, "-", "--per-line", input=hostile).stdout_bytes.endswith(b"\t" + hostile)


def test_the_display_shows_the_stage_and_its_latest_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = io.StringIO()
    drawn.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", drawn)
    for name, value in {"TERM": "xterm", "COLUMNS": "160"}.items():
        monkeypatch.setenv(name, value)
    with progress() as display:
        assert display is not None
        run = RunOptions(progress=display)
        run.note("before any stage: shown nowhere")
        run.stage("training", 4)
        run.advance(1)
        run.note("valid 93.0 · 8,000 tokens/s [b]")
    shown = drawn.getvalue()
    assert "training" in shown
    assert " 25%" in shown
    assert "valid 93.0 · 8,000 tokens/s [b]" in shown
    assert "shown nowhere" not in shown


def test_of_several_processes_the_first_saves_and_tells(texts: Path, environment: dict[str, str]) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    sizes = ("hidden=8", "embedding=4", "epochs=2", "batch=2", "bptt=5")
    small = [word for size in sizes for word in ("-p", size)]
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(
                started(
                    *("fit", "lstm", str(texts / "train.txt"), "-o", "trained", *small),
                    environment=environment | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                )
            )
            for rank in range(2)
        ]
        told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert b"saved to" in told[0][0]
    assert told[1] == (b"", b"")
    assert Path("trained", "manifest.json").exists()
