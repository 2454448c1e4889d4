"""Progress display: one line on stderr that never wraps, in a terminal or a notebook, and nothing elsewhere.

It is drawn with rich, which is imported only when needed. ``fit`` and similar functions are wrapped in ``watched``; the
command line uses ``display``.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, runtime_checkable

from nlmkit.core.tables import visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress as Bars
    from rich.progress import Task, TaskID

AUTO: Final = "auto"
"""Draw on stderr if it is a terminal, or in a Jupyter notebook."""

_GAP: Final = 1
_SHORTEST_DESCRIPTION: Final = 12  # columns that a description keeps while anything else has room
_LONGEST_BAR, _SHORTEST_BAR = 40, 8
_SECONDS_BETWEEN_UPDATES: Final = 0.25  # of a notebook's output
_NOTEBOOK_WIDTH: Final = 100

_watched: contextvars.ContextVar[bool] = contextvars.ContextVar("nlmkit-watched", default=False)


@runtime_checkable
class Progress(Protocol):
    """Receiver of progress."""

    def start(self, description: str, total: float | None = None) -> None:
        """Start a stage; ``total`` is in the stage's unit, None if unknown."""

    def advance(self, amount: float) -> None:
        """Advance the current stage by ``amount``."""


class LineProgress:
    """Display of one line: current stage with share and bar, elapsed and remaining time, and latest figures."""

    def __init__(self, bars: Bars, changed: Callable[[], None] = lambda: None) -> None:
        self._bars, self._changed = bars, changed
        self._task: TaskID | None = None

    def start(self, description: str, total: float | None = None) -> None:
        """Replace the stage; a bar without ``total`` only moves."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(visible(description), total=total, note="")
        self._changed()

    def advance(self, amount: float) -> None:
        """Move the bar of the current stage."""
        if self._task is not None:
            self._bars.advance(self._task, amount)
            self._changed()

    def note(self, text: str) -> None:
        """Show the stage's latest figures at the end of the line."""
        if self._task is not None:
            self._bars.update(self._task, note=visible(text))
            self._changed()


class _Prefixed:
    """Forwards progress with a prefix on the name of each stage."""

    def __init__(self, shown: Progress, prefix: str) -> None:
        self._shown, self._prefix = shown, prefix

    def start(self, description: str, total: float | None = None) -> None:
        self._shown.start(f"{self._prefix}: {description}", total)

    def advance(self, amount: float) -> None:
        self._shown.advance(amount)

    def note(self, text: str) -> None:
        if callable(show := getattr(self._shown, "note", None)):
            show(text)


def with_prefix(progress: Progress | Literal["auto"] | None, prefix: str) -> Progress | Literal["auto"] | None:
    """Wrap ``progress`` to prefix the name of each stage with ``prefix: ``, such as the number of a fold."""
    if progress is None or progress == AUTO:
        return progress
    return _Prefixed(progress, prefix)


# --------------------------------------------------------------------------------------------------- who watches


@contextlib.contextmanager
def watched(progress: Progress | Literal["auto"] | None) -> Iterator[Progress | None]:
    """Resolve ``progress`` for the body: ``auto`` becomes a display, or None without a terminal or notebook.

    Inside another display, ``auto`` draws nothing.
    """
    inside = _watched.get()
    mark = _watched.set(True)
    try:
        if progress != AUTO:
            yield progress
        elif inside or not _is_looked_at():
            yield None
        else:
            with display() as shown:
                yield shown
    finally:
        _watched.reset(mark)


def _is_looked_at() -> bool:
    """Return whether a display from this thread would be visible and the only one."""
    if threading.current_thread() is not threading.main_thread() or "PYTEST_CURRENT_TEST" in os.environ:
        return False
    if not (_is_terminal() or _notebook() is not None):
        return False
    from multiprocessing import current_process

    from nlmkit.core.processes import is_main_process

    return current_process().name == "MainProcess" and is_main_process()


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # closed
        return False


def _notebook() -> Any:
    """Return IPython's display module in the kernel of a notebook, otherwise None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    import importlib

    return importlib.import_module("IPython.display")


# ------------------------------------------------------------------------------------------------------- drawing


@contextlib.contextmanager
def display() -> Iterator[Progress]:
    """Show a display on stderr or in the notebook during the body; it is removed at the end.

    rich respects ``NO_COLOR`` and ``TERM=dumb``.
    """
    notebook = _notebook()
    if notebook is None:
        # stdout stays as it is: results must not pass through the display.
        with _bars() as bars:
            yield LineProgress(bars)
    else:
        with _in_notebook(notebook) as shown:
            yield shown


def _bars(console: Any = None) -> Bars:
    from rich.console import Console
    from rich.progress import Progress as Bars

    class OneLine(Bars):
        def get_renderables(self) -> Iterator[RenderableType]:
            for task in self.tasks:
                yield _line(task, self.console.width)

    return OneLine(
        console=console or Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        # Steps differ in length, and evaluation comes between them: a short memory would make the estimate jump.
        speed_estimate_period=120,
    )


@contextlib.contextmanager
def _in_notebook(notebook: Any) -> Iterator[Progress]:
    """Display in a notebook: one output of the cell that is replaced on changes, without widgets."""
    import io

    from rich.console import Console

    bars = _bars(Console(file=io.StringIO(), width=_NOTEBOOK_WIDTH, force_jupyter=False, color_system=None))
    handle = notebook.display({"text/plain": ""}, raw=True, display_id=True)
    last = -math.inf

    def update() -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_UPDATES:
            last = time.monotonic()
            with bars.console.capture() as drawn:
                bars.console.print(bars.get_renderable())
            handle.update({"text/plain": drawn.get().rstrip()}, raw=True)

    try:
        yield LineProgress(bars, update)
    finally:
        handle.update({"text/plain": ""}, raw=True)


def _line(task: Task, width: int) -> RenderableType:
    """Format the line of a stage in at most ``width - 1`` columns, dropping the least important parts first."""
    from rich.cells import cell_len
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    room = max(1, width - 1)  # a full line makes some terminals wrap
    left = task.time_remaining
    facts = {
        "share": f"{min(task.percentage, 100):3.0f}%" if task.total else "",
        "left": "" if left is None or not task.total or task.finished else f"left {_clock(left)}",
        "elapsed": f"elapsed {_clock(task.elapsed or 0)}",
    }
    description, note = task.description, str(task.fields.get("note", ""))
    room -= min(cell_len(description), _SHORTEST_DESCRIPTION)
    kept = {}
    for name, text in facts.items():
        if text and _GAP + len(text) <= room:
            kept[name] = text
            room -= _GAP + len(text)
    more = min(max(0, cell_len(description) - _SHORTEST_DESCRIPTION), room)
    room -= more
    bar = room - _GAP if not note else min(room // 2, room - _GAP - cell_len(note) - _GAP)
    bar = min(_LONGEST_BAR, max(bar, _SHORTEST_BAR if room > _SHORTEST_BAR + _GAP else 0))
    room -= bar + _GAP if bar else 0
    note_width = max(0, min(cell_len(note), room - _GAP))

    cells: list[tuple[int, RenderableType]] = []
    shown = min(cell_len(description), _SHORTEST_DESCRIPTION) + more
    cells.append((shown, Text(description, no_wrap=True, overflow="ellipsis")))
    if bar:
        drawn = ProgressBar(
            total=task.total,
            completed=task.completed,
            width=bar,
            pulse=task.total is None,
            animation_time=task.get_time(),
        )
        cells.append((bar, drawn))
    styles = {"share": "progress.percentage", "left": "progress.remaining", "elapsed": "progress.elapsed"}
    for name in ("share", "elapsed", "left"):
        if name in kept:
            cells.append((len(kept[name]), Text(kept[name], style=styles[name], no_wrap=True)))
    if note_width > 1:
        cells.append((note_width, Text(note, no_wrap=True, overflow="ellipsis")))
    grid = Table.grid(padding=(0, _GAP), pad_edge=False)
    for columns, _ in cells:
        grid.add_column(width=columns, no_wrap=True, overflow="ellipsis")
    grid.add_row(*(cell for _, cell in cells))
    return grid


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
