"""Engines that run the tasks of a stage: here, in other processes, or on a cluster.

A task is a top-level function ``task(store, settings, number)`` that reads and writes tables of the store and returns a
small result that JSON can hold. Its tables depend on its arguments only, so it may run twice, or be killed and run
again. When it returns, its marker ``done/STAGE/NUMBER`` is written; a task with a marker does not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from nlmkit.language_models.ngram.external.store import Store

DONE: Final = "done/"
"""Beginning of the names of the markers of tasks."""

Task = Callable[[Store, Any, int], Any]


class Engine(Protocol):
    """What runs the tasks of a stage."""

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
        """Run ``function(store, settings, number)`` for each number.

        Args:
            stage: Name of the stage, part of the names of its markers; letters, digits, ``-``, ``_``.
            function: Top-level function of a module.
            store: Store of the tables and markers.
            settings: Arguments that all tasks share; small, and can be pickled.
            numbers: Numbers of the tasks.
            advance: Called with 1 when a task has finished, or was found finished.

        Returns:
            The results, in the order of the numbers.
        """

    def close(self) -> None:
        """Release processes and connections that this engine opened."""


def perform(stage: str, function: Task, store: Store, settings: Any, number: int) -> Any:
    """Run a task unless its marker is there, write the marker, and return the result as JSON gives it back."""
    marker = f"{DONE}{stage}/{number}"
    if not store.done(marker):
        store.commit(marker, function(store, settings, number))
    return store.result(marker)


class Serial:
    """Runs one task after the other in this process."""

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
        """See ``Engine.run``."""
        results = []
        for number in numbers:
            results.append(perform(stage, function, store, settings, number))
            advance(1)
        return results

    def close(self) -> None:
        """Do nothing."""
