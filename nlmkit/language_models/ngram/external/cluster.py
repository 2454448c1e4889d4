"""Engine that runs tasks on a Dask cluster: futures only; no data pass through the scheduler."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import queue
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from nlmkit.core.optional import require
from nlmkit.errors import DataError, NlmkitError
from nlmkit.language_models.ngram.external.engines import Task, perform
from nlmkit.language_models.ngram.external.store import Store

CONNECT_SECONDS: Final = 15.0
"""Longest wait for an answer of the scheduler."""

WORKER_SECONDS: Final = 300.0
"""Longest wait for a worker while there is none."""

_LOST: Final = (concurrent.futures.CancelledError, asyncio.CancelledError)
_POLL_SECONDS: Final = 2.0
_SHARED: Final = "shared"


class Dask:
    """Runs tasks on the workers of a Dask cluster, which all must reach the store.

    A task whose worker dies is run again by the scheduler, a few times (``distributed.scheduler.allowed-failures``).
    The markers in the store are what counts: after a lost scheduler a second run skips the finished tasks.

    Args:
        cluster: Address of the scheduler, such as ``tcp://10.0.0.1:8786``, or a ``distributed.Client``, which
            ``close`` leaves open.
        worker_seconds: Longest wait for a worker while there is none.

    Raises:
        NlmkitError: Dask is not installed, or the scheduler does not answer.
    """

    is_shared = True
    """Whether tasks run on other machines, which must reach the store."""

    def __init__(self, cluster: Any, *, worker_seconds: float = WORKER_SECONDS) -> None:
        self._worker_seconds = worker_seconds
        self._owned = isinstance(cluster, str)
        self._client = _connected(cluster) if self._owned else cluster

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
            NlmkitError: The scheduler or all workers are lost, or a task failed in Dask itself.
        """
        order = list(numbers)
        store.commit(_SHARED)
        finished: queue.SimpleQueue[int] = queue.SimpleQueue()
        run = uuid.uuid4().hex  # Dask would answer from memory if the same key were known
        futures: dict[int, Any] = {}
        results: dict[int, Any] = {}
        try:
            for number in dict.fromkeys(order):
                arguments = (stage, function, store, settings, number)
                future = self._client.submit(_perform, *arguments, pure=False, key=f"nlmkit-{stage}-{number}-{run}")
                futures[number] = future
                future.add_done_callback(lambda _, number=number: finished.put(number))
            while len(results) < len(futures):
                number = self._next(finished, stage)
                results[number] = _result(futures[number], stage, number)
                advance(1)
        except BaseException:
            with contextlib.suppress(Exception):  # the error at hand matters more
                self._client.cancel(list(futures.values()), force=True)
            raise
        return [results[number] for number in order]

    def close(self) -> None:
        """Close the connection that this engine opened; the cluster goes on."""
        if self._owned:
            self._client.close()

    def _next(self, finished: queue.SimpleQueue[int], stage: str) -> int:
        """Wait for a task to finish, as long as there are a scheduler and workers."""
        without_workers = time.monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                return finished.get(timeout=_POLL_SECONDS)
            if self._client.status != "running":
                raise _lost(stage)
            if _workers(self._client):
                without_workers = time.monotonic()
            elif time.monotonic() - without_workers > self._worker_seconds:
                raise NlmkitError(
                    f"the Dask cluster has had no workers for {self._worker_seconds:g} seconds (stage {stage}): start "
                    "dask worker on a machine and run again; finished tasks are kept"
                )


def _connected(address: str) -> Any:
    distributed = require("distributed", extra="distributed", who="an engine dask://")
    try:
        return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise NlmkitError(
            f"no Dask scheduler answers at {address}: start one with dask scheduler, or correct the engine ({error})"
        ) from error


def _workers(client: Any) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = client.scheduler_info()["workers"]
    except (OSError, RuntimeError, KeyError):
        return {}
    return found


def _result(future: Any, stage: str, number: int) -> Any:
    from distributed.comm.core import CommClosedError

    try:
        return future.result()
    except (*_LOST, CommClosedError) as error:
        raise _lost(stage) from error
    except (NlmkitError, OSError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        hint = "; install nlmkit in the workers" if isinstance(error, ImportError) else ""
        raise NlmkitError(f"task {number} of stage {stage} failed on the Dask cluster: {reason}{hint}") from error


def _lost(stage: str) -> NlmkitError:
    return NlmkitError(
        f"the connection to the Dask scheduler was lost in stage {stage}: start it and its workers and run again; "
        "finished tasks are kept"
    )


def _perform(stage: str, function: Task, store: Store, settings: Any, number: int) -> Any:
    """Run a task on a worker that has the store in reach."""
    if not store.done(_SHARED):
        raise DataError(
            "a worker of the Dask cluster does not see this folder: choose a --temporary-folder on shared storage",
            source=store.location,
        )
    return perform(stage, function, store, settings, number)
