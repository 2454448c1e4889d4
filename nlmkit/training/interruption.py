"""Deferred handling of Ctrl-C and SIGTERM."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Self


class Terminated(KeyboardInterrupt):
    """SIGTERM: like Ctrl-C, but sent by another program, such as a batch system after a time limit."""


class Interruption:
    """Context that records the first Ctrl-C or SIGTERM instead of raising it; the second one is raised.

    It does so only if ``wanted``, in the main thread (others get no signals), and if the signal has its default
    handler.

    Attributes:
        asked: Whether a signal was received.
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
        """Return the error to raise once the state is consistent: ``Terminated`` after SIGTERM.

        Args:
            what: Message; none if empty.
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
    """Raise a Ctrl-C or SIGTERM within the ``with`` block with the message ``what``, for work that cannot be saved."""

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
