"""Settings of the server: ``Settings`` and ``Limits``."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one request, and of requests at a time.

    Attributes:
        body_bytes: Bytes of a request's body.
        header_bytes: Bytes of a request's line and headers.
        items: Texts, words or vectors of one request.
        characters: Characters of one text; numbers of one vector.
        seconds: Seconds to answer a request.
        upload_seconds: Seconds until a request has arrived, headers and body each.
        concurrency: Requests that a worker answers at a time; it refuses others.
        threads: Threads of a worker that answer requests.
    """

    body_bytes: int = 1 << 20
    header_bytes: int = 1 << 15
    items: int = 256
    characters: int = 20_000
    seconds: float = 30.0
    upload_seconds: float = 10.0
    concurrency: int = 64
    threads: int = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a server.

    Attributes:
        models: Name and folder of each model.
        hosts: Host names that requests may be addressed to, without port; None for any.
        limits: Limits of requests.
        workers: Number of processes.
        verify: Whether workers compare payloads with their SHA-256, which the parent process has done already.
        debug: Whether tracebacks of internal errors are printed on stderr; they are never sent to a client.
    """

    models: tuple[tuple[str, str], ...]
    hosts: frozenset[str] | None = None
    limits: Limits = Limits()
    workers: int = 1
    verify: bool = True
    debug: bool = False
