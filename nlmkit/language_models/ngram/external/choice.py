"""The engine that the options of a run ask for."""

from __future__ import annotations

from typing import Any, Final, cast

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.external.engines import Engine, Serial

DASK: Final = "dask://"
"""Beginning of the URL of a Dask cluster."""


def engine_of(engine: Any, workers: int = 1) -> Engine:
    """Return the engine of the options of a run; its owner closes it.

    Args:
        engine: ``RunOptions.engine``: None, ``dask://HOST:PORT``, a ``distributed.Client``, or an ``Engine``.
        workers: ``RunOptions.workers``: number of processes, without an engine.

    Raises:
        HyperParameterError: The engine is unknown, or workers contradict it.
        NlmkitError: The engine is not installed or does not answer.
    """
    if engine is None:
        if workers == 1:
            return Serial()
        from nlmkit.language_models.ngram.external.processes import Processes

        return Processes(workers)
    if workers > 1:
        raise HyperParameterError(f"workers={workers}: an engine has workers of its own: omit one of them")
    from nlmkit.language_models.ngram.external.cluster import Dask

    if isinstance(engine, str) and engine.startswith(DASK):
        return Dask(f"tcp://{engine.removeprefix(DASK)}")
    if callable(getattr(engine, "submit", None)) and callable(getattr(engine, "scheduler_info", None)):
        return Dask(engine)
    if not isinstance(engine, (str, type)) and all(callable(getattr(engine, name, None)) for name in ("run", "close")):
        return cast(Engine, engine)
    raise HyperParameterError(f"engine must be dask://HOST:PORT or a distributed.Client, not {engine!r}")
