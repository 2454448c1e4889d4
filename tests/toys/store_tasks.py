"""Tasks that worker processes can import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from nlmkit.errors import DataError
from nlmkit.language_models.ngram.external.store import Store


def count(store: Store, settings: Any, number: int) -> dict[str, Any]:
    """Write a table, and return its sum, the process, and nothing else."""
    values = np.arange(number * settings, dtype=np.int64)
    store.write(f"runs/{number}", {"values": values})
    return {"sum": int(values.sum()), "process": os.getpid()}


def total(store: Store, settings: Any, number: int) -> int:
    """Sum the tables of the stage before."""
    return sum(int(store.read(name)["values"].sum()) for name in store.names("runs/"))


def killed_once(store: Store, settings: Any, number: int) -> dict[str, Any]:
    """Kill the own process in the middle of writing, the first time number 2 runs."""
    with store.writer(f"runs/{number}") as table:
        table.append({"values": np.arange(number, dtype=np.int64)})
        if number == 2 and not Path(settings).exists():
            Path(settings).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        table.append({"values": np.arange(number, dtype=np.int64)})
    return {"sum": number}


def killed_always(store: Store, settings: Any, number: int) -> None:
    """Kill the own process."""
    with store.writer("runs/part") as table:
        table.append({"values": np.arange(3)})
        os.kill(os.getpid(), signal.SIGKILL)


def fails(store: Store, settings: Any, number: int) -> None:
    """Raise an error for number 1; the others take long."""
    if number == 1:
        raise DataError("has no words", source="text.txt", line=3)
    time.sleep(60)


def sleeps(store: Store, settings: Any, number: int) -> None:
    """Say that the task has begun, and take long."""
    store.write(f"begun/{number}", {"process": np.array([os.getpid()])})
    time.sleep(60)


def raises_key_error(store: Store, settings: Any, number: int) -> None:
    """Have a fault."""
    raise KeyError("no")
