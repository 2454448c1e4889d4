"""Threads for NumPy's work, most of which runs outside Python's lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Threads:
    """Calls functions in ``workers`` threads, or here if that is one."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None

    def map(self, function: Callable[..., T], *arguments: Iterable[Any]) -> Iterator[T]:
        """Yield the results in order; no more calls wait than there are threads, so that arguments can be large."""
        if self._pool is None:
            yield from map(function, *arguments)
            return
        running: deque[Future[T]] = deque()
        for given in zip(*arguments, strict=True):
            if len(running) == self.workers:
                yield running.popleft().result()
            running.append(self._pool.submit(function, *given))
        while running:
            yield running.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
