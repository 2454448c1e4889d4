"""Progress of long work, drawn on stderr with rich, and only when stderr is a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nlmkit.cli.output import one_line
from nlmkit.components import Progress
from nlmkit.nn.distributed import is_main_process

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class TerminalProgress:
    """Draws one line: the current stage with its bar and share, time taken and to go, and its latest figures."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def start(self, description: str, total: float | None = None) -> None:
        """Show a new stage in place of the one before; a bar without ``total`` only moves."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(one_line(description), total=total, note="")

    def advance(self, amount: float) -> None:
        """Move the bar of the current stage."""
        if self._task is not None:
            self._bars.advance(self._task, amount)

    def note(self, text: str) -> None:
        """Show the stage's latest figures at the end of the line."""
        if self._task is not None:
            self._bars.update(self._task, note=one_line(text))


@contextlib.contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress | None]:
    """A progress display for the length of the body, or None when nobody would see it.

    Of several processes that train one model only the first draws.

    The line is removed at the end. rich honours ``NO_COLOR`` and ``TERM=dumb``.
    """
    if quiet or sys.stderr is None or not sys.stderr.isatty() or not is_main_process():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        # Steps differ in length, and evaluation stands between them: a short memory would make the estimate jump.
        TimeRemainingColumn(elapsed_when_finished=False),
        TextColumn("{task.fields[note]}", markup=False),
    )
    # stdout stays as it is: results must not pass through the display.
    console = Console(stderr=True)
    with Bars(*columns, console=console, transient=True, redirect_stdout=False, speed_estimate_period=120) as bars:
        yield TerminalProgress(bars)
