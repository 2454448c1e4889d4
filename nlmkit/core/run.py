"""Options of a run of ``fit`` that do not define the model."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from nlmkit.core.memory import as_bytes
from nlmkit.core.parameters import shown
from nlmkit.core.progress import AUTO, Progress, watched
from nlmkit.errors import HyperParameterError

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of a run of ``fit`` that do not define the model.

    The options are the same for every component. Components that train in a single pass, such as the n-gram model, use
    only ``progress``.

    Attributes:
        progress: ``auto`` draws a line on stderr if that is a terminal, or in a Jupyter notebook, and nothing otherwise
            (in a pipe, log file, test, or thread or process other than the main one); None draws nothing. An object
            with ``start`` and ``advance`` (``Progress``) receives the progress, and the latest figures if it has a
            method ``note(text)``.
        device: Device of neural models: ``auto`` (``cuda`` if available, else ``cpu``), ``cpu``, ``cuda``, ``cuda:N``
            or ``mps``.
        precision: Precision of a neural model's training steps (weights, loss and scores stay in float32). ``auto``
            selects ``bfloat16`` on GPUs with units for it, and on CPUs with AVX512-BF16 or AMX-BF16 if that is faster
            there and a recurrent or output layer is wide enough; the fit report has the choice and its reason.
            ``float32`` and ``bfloat16`` force it.
        workers: Number of threads, for components that support them. Results of word2vec and glove, which train without
            locks, depend on it. An n-gram model counts and estimates in this many threads, or with ``memory`` in this
            many processes, which share it; the result does not depend on it.
        memory: Cap on the working memory of ``fit``, in bytes or as text such as ``512M``; more than that goes to
            ``temporary_folder``. The result does not depend on it. None has no cap.
        temporary_folder: Folder for what exceeds ``memory``: a path, or an fsspec URL for an engine of several
            machines; None for the system's. Nothing is left there, except the finished tasks of a run on shared
            storage that failed, from which the next run goes on.
        engine: What runs the tasks of ``fit``: None for this process, a URL such as ``dask://HOST:PORT``, or a client
            of Dask. The result does not depend on it.
        budget_seconds: Approximate training time in seconds, instead of a number of epochs.
        checkpoint: Folder of the checkpoint for resuming; written during training.
        checkpoint_seconds: Seconds between checkpoints.
        resume: Resume from the checkpoint if it exists.
        log: File for training records, one line of JSON each. It can be in the folder of the saved model or a
            subfolder; saving keeps training logs, pictures and settings there.

    Raises:
        HyperParameterError: An option has an invalid value.
    """

    progress: Progress | Literal["auto"] | None = AUTO
    device: str = "auto"
    precision: str = "auto"
    workers: int = 1
    memory: int | str | None = None
    temporary_folder: str | os.PathLike[str] | None = None
    engine: Any = None
    budget_seconds: float | None = None
    checkpoint: str | os.PathLike[str] | None = None
    checkpoint_seconds: float = 120.0
    resume: bool = False
    log: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        is_display = all(callable(getattr(self.progress, name, None)) for name in ("start", "advance"))
        if not (self.progress is None or self.progress == AUTO or is_display):
            raise HyperParameterError(
                f"progress must be {AUTO!r}, None or an object with start and advance, not {self.progress!r}"
            )
        if not isinstance(self.device, str) or not _DEVICE.fullmatch(self.device):
            raise HyperParameterError(f"device must be auto, cpu, cuda, cuda:N or mps, not {self.device!r}")
        if self.precision not in _PRECISIONS:
            raise HyperParameterError(f"precision must be one of {', '.join(_PRECISIONS)}, not {self.precision!r}")
        if isinstance(self.workers, bool) or not isinstance(self.workers, int) or self.workers < 1:
            raise HyperParameterError(f"workers must be a whole number of at least 1, not {shown(self.workers)}")
        self._check_external()
        for name in ("budget_seconds", "checkpoint_seconds"):
            value = getattr(self, name)
            if (value is not None or name == "checkpoint_seconds") and not _is_duration(value):
                raise HyperParameterError(f"{name} must be a positive number of seconds, not {shown(value)}")
        for name in ("checkpoint", "log"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, Path(getattr(self, name)))
        if self.log is not None and self.checkpoint is not None:
            log, checkpoint = (Path(os.path.realpath(path)) for path in (self.log, self.checkpoint))
            if log == checkpoint or checkpoint in log.parents:
                raise HyperParameterError(
                    f"the log {self.log} is inside the checkpoint folder {self.checkpoint}, which is removed at the "
                    "end: choose another file for the log"
                )
        if self.resume and self.checkpoint is None:
            raise HyperParameterError("resume requires the checkpoint folder of the interrupted run")

    def _check_external(self) -> None:
        """Convert ``memory`` to bytes, and check the options of work outside of memory and of this process."""
        memory = self.memory
        if isinstance(memory, str):
            try:
                object.__setattr__(self, "memory", as_bytes(memory))
            except ValueError as error:
                raise HyperParameterError(f"memory: {error}") from None
        elif memory is not None and (isinstance(memory, bool) or not isinstance(memory, int) or memory < 1):
            raise HyperParameterError(f"memory must be a number of bytes or a size such as 512M, not {shown(memory)}")
        if self.temporary_folder is not None:
            try:
                object.__setattr__(self, "temporary_folder", os.fspath(self.temporary_folder))
            except TypeError:
                raise HyperParameterError(
                    f"temporary_folder must be a path or a URL, not {shown(self.temporary_folder)}"
                ) from None
        if isinstance(self.engine, str) and not _ENGINE.fullmatch(self.engine):
            raise HyperParameterError(f"engine must be a URL such as dask://HOST:PORT, not {self.engine!r}")

    @property
    def memory_bytes(self) -> int | None:
        """Cap on the working memory in bytes; None without a cap."""
        assert not isinstance(self.memory, str)
        return self.memory

    @property
    def external(self) -> tuple[str, ...]:
        """Names of the options of external work that were given: memory, temporary_folder, engine."""
        return tuple(name for name in EXTERNAL if getattr(self, name) is not None)

    def stage(self, description: str, total: float | None = None) -> None:
        """Start a stage of the progress."""
        if self.display is not None:
            self.display.start(description, total)

    def advance(self, amount: float = 1) -> None:
        """Advance the stage by ``amount``."""
        if self.display is not None:
            self.display.advance(amount)

    def note(self, text: str) -> None:
        """Show the latest figures of the stage, if the display supports them."""
        show = getattr(self.display, "note", None)
        if callable(show):
            show(text)

    def watched_by(self, display: Progress | None) -> RunOptions:
        """Return the options with ``auto`` progress replaced by ``display``; other progress is unchanged."""
        return dataclasses.replace(self, progress=display) if self.progress == AUTO else self

    @property
    def display(self) -> Progress | None:
        """Receiver of the progress; None if there is none, or while ``auto`` is unresolved."""
        return None if self.progress == AUTO else self.progress


EXTERNAL = ("memory", "temporary_folder", "engine")
"""Options of work outside of memory and of this process, for components with ``takes_memory``."""

_ENGINE = re.compile(r"[a-z][a-z0-9+.-]{0,31}://\S{1,500}")
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,4})?")
_PRECISIONS = ("auto", "float32", "bfloat16")


def _is_duration(value: object) -> bool:
    # bool is an int, NaN fails every comparison, and neither infinity nor an int beyond float is a duration.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= sys.float_info.max


def shows_progress(function: _Function) -> _Function:
    """Resolve ``run.progress`` of a function that has a parameter ``run``, and show it while the function runs."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # which raises the same error under the function's own name
        given = bound.arguments.get("run")
        if given is not None and not isinstance(given, RunOptions):
            raise HyperParameterError(
                f"run takes RunOptions, such as RunOptions(progress=None), not {type(given).__name__}"
            )
        with watched(AUTO if given is None else given.progress) as shown:
            run = (given or RunOptions()).watched_by(shown)
            if shown is not None or given is not None:
                bound.arguments["run"] = run
            return function(*bound.args, **bound.kwargs)

    return cast(_Function, wrapper) if "run" in signature.parameters else function
