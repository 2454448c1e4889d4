"""Progress of long work on the terminal of the command line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from nlmkit.core.processes import is_main_process
from nlmkit.core.progress import Progress, display, watched


@contextlib.contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress | None]:
    """A progress display for the length of the body, or None when nobody would see it.

    Of several processes that train one model only the first draws.
    """
    with watched(None):  # what runs inside shows this display or nothing
        if quiet or sys.stderr is None or not sys.stderr.isatty() or not is_main_process():
            yield None
            return
        with display() as shown:
            yield shown
