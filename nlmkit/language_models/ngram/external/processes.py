"""Engine that runs tasks in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any, Final

from nlmkit.errors import NlmkitError
from nlmkit.language_models.ngram.external.engines import Task, perform
from nlmkit.language_models.ngram.external.store import Store

ATTEMPTS: Final = 3
"""How often a task is begun whose process is killed."""


class Processes:
    """Runs tasks in ``workers`` new processes, which end with ``close``.

    A task whose process is killed is run again, at most ``ATTEMPTS`` times in all. An error of a task, or Ctrl-C, stops
    the processes at once. They are started with ``spawn``: a script that uses them must be protected by
    ``if __name__ == "__main__":``.
    """

    is_local: Final = True
    """Whether tasks can write files of this machine."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._context = _Context()
        self._pool: ProcessPoolExecutor | None = None

    def run(
        self,
        stage: str,
        function: Task,
        store: Store,
        settings: Any,
        numbers: Iterable[int],
        *,
        advance: Callable[[float], None] = lambda tasks: None,
    ) -> list[Any]:
        """See ``Engine.run``.

        Raises:
            NlmkitError: The processes were killed too often.
        """
        order = list(numbers)
        waiting, attempts = deque(dict.fromkeys(order)), Counter[int]()
        results: dict[int, Any] = {}
        running: dict[Future[Any], int] = {}
        try:
            while waiting or running:
                # no more than there are processes, so that these alone can be what killed one
                while waiting and len(running) < self.workers:
                    number = waiting.popleft()
                    running[self._submit(stage, function, store, settings, number)] = number
                killed = []
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    number = running.pop(future)
                    try:
                        results[number] = future.result()
                        advance(1)
                    except BrokenProcessPool:
                        killed.append(number)
                if killed:
                    self._stop()
                    waiting.extendleft(self._again(stage, [*killed, *running.values()], attempts))
                    running.clear()
        except BaseException:
            self._stop()
            store.remove_unfinished()
            raise
        return [results[number] for number in order]

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._context.started.clear()

    def _submit(self, stage: str, function: Task, store: Store, settings: Any, number: int) -> Future[Any]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.workers, mp_context=self._context, initializer=_begin)
        try:
            return self._pool.submit(perform, stage, function, store, settings, number)
        except BrokenProcessPool as error:  # a process was killed since the last task
            future: Future[Any] = Future()
            future.set_exception(error)
            return future

    def _again(self, stage: str, numbers: list[int], attempts: Counter[int]) -> list[int]:
        attempts.update(numbers)
        number, times = attempts.most_common(1)[0]
        if times >= ATTEMPTS:
            raise NlmkitError(
                f"task {number} of stage {stage} was begun {times} times, and its process was killed each time: use "
                "fewer workers if memory is short; a script must be protected by if __name__ == '__main__'"
            )
        return sorted(numbers, reverse=True)

    def _stop(self) -> None:
        """Kill the processes; what they were writing has a temporary name."""
        pool, self._pool = self._pool, None
        for process in self._context.started:
            process.kill()
        if pool is not None:
            pool.shutdown(cancel_futures=True)
        for process in self._context.started:
            process.join()
        self._context.started.clear()


class _Context(SpawnContext):
    """Context that knows the processes it has started."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[BaseProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> BaseProcess:  # type: ignore[override]
        process = super().Process(*args, **kwargs)
        self.started.append(process)
        return process


def _begin() -> None:
    """Prepare a process: Ctrl-C is for its parent, and it ends with its parent however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
