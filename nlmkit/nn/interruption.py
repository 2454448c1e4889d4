"""Ctrl-C while something must not be torn."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interruption:
    """Notes the first Ctrl-C instead of raising it; the second one is raised.

    It does so only where ``wanted``, in the main thread (no other gets signals), and where Ctrl-C means what it usually
    does.

    Attributes:
        asked: Whether Ctrl-C was pressed.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self.asked = False
        self._wanted = wanted and threading.current_thread() is threading.main_thread()
        self._handler: Any = None

    def __enter__(self) -> Self:
        if self._wanted and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._handler = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
