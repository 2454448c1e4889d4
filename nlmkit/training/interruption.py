"""Ctrl-C and SIGTERM while something must not be torn."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Self


class Terminated(KeyboardInterrupt):
    """SIGTERM: as Ctrl-C, but sent by another program, such as a batch system whose time is up."""


class Interruption:
    """Notes the first Ctrl-C or SIGTERM instead of raising it; the second one is raised.

    It does so only where ``wanted``, in the main thread (no other gets signals), and where the signal means what it
    usually does.

    Attributes:
        asked: Whether there was one.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self.asked = False
        self._wanted = wanted and threading.current_thread() is threading.main_thread()
        self._kind: type[KeyboardInterrupt] = KeyboardInterrupt
        self._handlers: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> Self:
        usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        for number, handler in usual.items():
            if self._wanted and signal.getsignal(number) is handler:
                self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def error(self, what: str = "") -> KeyboardInterrupt:
        """What to raise once everything is in order: :class:`Terminated` after SIGTERM.

        Args:
            what: The message; none if empty.
        """
        return self._kind(what) if what else self._kind()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            self._kind = Terminated
        if self.asked:
            raise self.error()
        self.asked = True


@contextlib.contextmanager
def interruption_saying(what: str) -> Iterator[None]:
    """Let a Ctrl-C or SIGTERM in the body, of which nothing can be saved, be raised with ``what`` as its message."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    is_main = threading.current_thread() is threading.main_thread()
    usual = is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if usual:
        signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except KeyboardInterrupt as error:
        raise error if str(error) else type(error)(what) from None
    finally:
        if usual:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
