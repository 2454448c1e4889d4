"""Progress: one line that never wraps, drawn where somebody looks, from every fit; and nothing elsewhere."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from nlmkit import NBSVM, NGram, OneHot, RunOptions, load
from nlmkit.core import progress
from nlmkit.core.progress import LineProgress, watched, with_prefix
from nlmkit.documents.cross_validation import cross_validate
from nlmkit.errors import HyperParameterError
from nlmkit.text.labelled import LabelledTexts

posix = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")

TEXT = ["the cat sat", "the dog ran", "a cat ran"]


class Watcher:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.notes: list[str] = []
        self.advanced = 0.0

    def start(self, description: str, total: float | None = None) -> None:
        self.stages.append(description)

    def advance(self, amount: float) -> None:
        self.advanced += amount

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Watcher:
    """As if stderr were a terminal, with a watcher in the place of the drawing."""
    watcher = Watcher()

    @contextlib.contextmanager
    def display() -> Any:
        watcher.stages.append("<")
        yield watcher
        watcher.stages.append(">")

    monkeypatch.setattr(progress, "_is_looked_at", lambda: True)
    monkeypatch.setattr(progress, "display", display)
    return watcher


def drawn(width: int, description: str, total: float | None, note: str, *, steps: int = 5) -> str:
    """What is drawn after 11 seconds a step, each of 8 units."""
    clock = itertools.count(0, 11)
    now = [0.0]
    bars = progress._bars(Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None))
    bars.get_time = lambda: now[0]
    line = LineProgress(bars)
    line.start(description, total)
    next(clock)
    for _ in range(steps):
        now[0] = float(next(clock))
        line.advance(8)
    line.note(note)
    with bars.console.capture() as captured:
        bars.console.print(bars.get_renderable())
    return captured.get()


NAMES = (
    "counting n-grams",
    "reading /data/vectors/of/a/very/long/path/glove.840B.300d.txt.gz",
    "读取名字很长的文件夹里面的一个文件",
)


@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("description", NAMES)
@pytest.mark.parametrize("total", [None, 100])
@pytest.mark.parametrize("note", ["", "epoch 3 · loss 4.12 · valid 93.0 · 8,000 tokens/s [b]"])
def test_a_stage_is_one_line_at_every_width(width: int, description: str, total: float | None, note: str) -> None:
    line = drawn(width, description, total, note)
    assert line.count("\n") == 1
    assert cell_len(line.rstrip("\n")) < width
    assert line.startswith(description[:5])


def test_what_is_elapsed_is_called_so_and_what_is_left_is_what_the_speed_gives() -> None:
    known = drawn(80, "training", 100, "")  # 40 of 100 after 55 s; the speed is 8 per 11 s
    assert " 40% elapsed 0:00:55 left 0:01:23" in known
    unknown = drawn(80, "counting n-grams", None, "")
    assert "elapsed 0:00:55" in unknown
    assert "left" not in unknown
    assert "left" not in drawn(80, "counting n-grams", 100, "", steps=0)
    assert "left" not in drawn(80, "training", 40, "")  # done
    assert "left 0:01:23" in drawn(40, "training", 100, "")
    assert "elapsed" not in drawn(40, "training", 100, "")


def test_names_cannot_drive_the_terminal() -> None:
    line = drawn(120, "reading \x1b]0;owned\x07\u202e[b]\udcff.txt", 10, "\x1b[2J\n loss [i]")
    assert not {"\x1b", "\x07", "\u202e", "\udcff"} & set(line)
    assert "\\x1b]0;owned\\x07\\u202e[b]\\udcff.txt" in line
    assert "\\x1b[2J\\x0a loss [i]" in line
    assert line.count("\n") == 1


def test_by_default_fits_exports_imports_and_saving_are_shown_where_somebody_looks(
    looked_at: Watcher, tmp_path: Path
) -> None:
    model = NGram(order=2, smoothing="witten-bell").fit(TEXT)
    assert looked_at.stages[0] == "<"
    assert looked_at.stages[-1] == ">"
    assert "counting n-grams" in looked_at.stages
    assert looked_at.advanced > 0
    for act, stage in (
        (lambda: model.save(tmp_path / "m"), f"saving to {tmp_path / 'm'}"),
        (lambda: model.export(tmp_path / "m.arpa"), f"writing {tmp_path / 'm.arpa'}"),
        (lambda: NGram.from_arpa(tmp_path / "m.arpa"), f"reading {tmp_path / 'm.arpa'}"),
    ):
        looked_at.stages.clear()
        act()
        assert looked_at.stages[:2] == ["<", stage]
        assert looked_at.stages.count("<") == 1


def test_a_fit_inside_another_draws_no_second_display(looked_at: Watcher) -> None:
    class Outer(NGram):
        name = "outer"

        def fit(self, data: Any, *, valid: Any = None, run: RunOptions | None = None) -> Any:
            NGram(order=1).fit(data)  # of its own accord: silent
            return super().fit(data, valid=valid, run=run)

    Outer(order=2, smoothing="witten-bell").fit(TEXT)
    assert looked_at.stages.count("<") == 1
    assert looked_at.stages.count("reading text") == 1


def test_none_and_a_receiver_of_ones_own_draw_nothing(looked_at: Watcher) -> None:
    NGram(order=1).fit(TEXT, run=RunOptions(progress=None))
    mine = Watcher()
    NGram(order=1).fit(TEXT, run=RunOptions(progress=mine))
    assert looked_at.stages == []
    assert "counting n-grams" in mine.stages


def test_the_same_model_comes_out_whether_watched_or_not(looked_at: Watcher) -> None:
    assert NGram(order=1).fit(TEXT).digest == NGram(order=1).fit(TEXT, run=RunOptions(progress=None)).digest


def test_each_stage_of_cross_validation_names_its_fold(looked_at: Watcher) -> None:
    pytest.importorskip("sklearn", reason="nbsvm needs scikit-learn")
    data = LabelledTexts(["good film", "bad film", "good", "bad"] * 2, ["+", "-", "+", "-"] * 2)
    cross_validate(NBSVM(), data, folds=2)
    assert "fold 1 of 2: counting n-grams" in looked_at.stages
    assert "fold 2 of 2: counting n-grams" in looked_at.stages


def test_nothing_is_drawn_in_pipes_tests_threads_and_child_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not progress._is_looked_at()  # a test
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert not progress._is_looked_at()  # captured: no terminal
    monkeypatch.setattr(progress, "_is_terminal", lambda: True)
    assert progress._is_looked_at()
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(progress._is_looked_at()))
    thread.start()
    thread.join()
    assert found == [False]
    group = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in group.items():
        monkeypatch.setenv(name, value)
    assert not progress._is_looked_at()
    for name in group:
        monkeypatch.delenv(name)
    monkeypatch.setattr("multiprocessing.current_process", lambda: SimpleNamespace(name="LokyProcess-1"))
    assert not progress._is_looked_at()


def test_a_closed_or_missing_stderr_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        assert not progress._is_terminal()


def test_a_notebook_shows_one_output_that_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    updates: list[str] = []
    handle = SimpleNamespace(update=lambda data, raw: updates.append(data["text/plain"]))
    shown = SimpleNamespace(display=lambda data, raw, display_id: handle)
    fake = ModuleType("IPython")
    fake.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", shown)  # type: ignore[arg-type]
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_UPDATES", -1)
    NGram(order=1).fit(TEXT)
    assert any(update.startswith("counting n-grams") for update in updates)
    assert all("\n" not in update and "\x1b" not in update for update in updates)
    assert updates[-1] == ""
    fake.get_ipython = lambda: SimpleNamespace()  # type: ignore[attr-defined]  # IPython in a terminal has no kernel
    assert progress._notebook() is None


@pytest.mark.parametrize("wrong", ["yes", True, 1, object()])
def test_what_cannot_receive_progress_is_refused(wrong: object) -> None:
    with pytest.raises(HyperParameterError, match="progress must be 'auto', None or an object with start and advance"):
        RunOptions(progress=wrong)  # type: ignore[arg-type]


def test_options_that_nobody_resolved_are_silent() -> None:
    run = RunOptions()
    assert run.progress == "auto"
    run.stage("unseen")
    run.advance()
    run.note("unseen")


def test_a_prefix_passes_everything_on() -> None:
    watcher = Watcher()
    prefixed = with_prefix(watcher, "fold 2")
    assert prefixed is not None
    assert prefixed != "auto"
    run = RunOptions(progress=prefixed)
    run.stage("training", 3)
    run.advance(2)
    run.note("loss")
    assert (watcher.stages, watcher.advanced, watcher.notes) == (["fold 2: training"], 2, ["loss"])
    assert with_prefix("auto", "x") == "auto"
    assert with_prefix(None, "x") is None


def test_a_display_ends_when_the_work_fails(looked_at: Watcher) -> None:
    with pytest.raises(ZeroDivisionError), watched("auto"):
        raise ZeroDivisionError
    with watched("auto") as shown:  # and the next one draws again
        assert shown is looked_at


CODE = """
import sys
from nlmkit import NGram
NGram(order=1, smoothing="mle").fit(["a b"])
print("rich" in sys.modules)
"""


def test_a_pipe_gets_no_progress_and_rich_is_not_imported() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout == "False\n"


@posix
def test_a_script_in_a_terminal_draws_on_stderr_only(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment | {"TERM": "xterm"}, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    sent = os.read(ours, 1 << 16)
    os.close(ours)
    assert done.returncode == 0
    assert done.stdout == b"True\n"
    assert b"counting n-grams" in sent


def test_loading_needs_no_display(tmp_path: Path, looked_at: Watcher) -> None:
    NGram(order=1).fit(TEXT, run=RunOptions(progress=None)).save(tmp_path / "m")
    looked_at.stages.clear()
    load(tmp_path / "m")
    assert looked_at.stages == []


@pytest.mark.parametrize("run", [{"progress": None}, True, "auto"])
def test_run_options_of_another_type_are_refused(run: Any) -> None:
    for fit in (NGram().fit, OneHot().fit):
        with pytest.raises(HyperParameterError, match=r"run takes RunOptions, such as RunOptions\(.*\), not"):
            fit(["a b"], run=run)
