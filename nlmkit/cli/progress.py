"""Progress display of the command line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from nlmkit.core.processes import is_main_process
from nlmkit.core.progress import Progress, display, watched


@contextlib.contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress | None]:
    """Show a progress display during the body; yield None if it would not be visible.

    In distributed training only the first process draws.
    """
    with watched(None):  # what runs inside shows this display or nothing
        if quiet or sys.stderr is None or not sys.stderr.isatty() or not is_main_process():
            yield None
            return
        with display() as shown:
            yield shown
