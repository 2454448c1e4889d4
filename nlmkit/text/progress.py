"""Progress of reading: the amount read, as reported to a progress display."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from nlmkit.core.progress import Progress

Watcher: TypeAlias = Progress | Callable[[int, int | None], None]
"""A progress display, or a function that is called now and then with how much is read and, where known, of how much.

Files count in bytes as they lie on disk, lines and token lists in sentences.
"""


class Reading:
    """The reading of a text as a stage of a progress display.

    Args:
        watcher: Who is told; None for nobody.
        stage: What the stage is called.
    """

    def __init__(self, watcher: Watcher | None, stage: str) -> None:
        self._watcher, self._stage = watcher, stage
        self._shown = -1

    def at(self, done: int, total: int | None) -> None:
        """Report the amount read so far, and the total if known."""
        if self._watcher is None:
            return
        if not isinstance(self._watcher, Progress):
            self._watcher(done, total)
            return
        if self._shown < 0:
            self._watcher.start(self._stage, total)
            self._shown = 0
        self._watcher.advance(done - self._shown)
        self._shown = done
