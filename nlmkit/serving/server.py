"""The server's processes: one, or several that share a socket; ``serve``."""

from __future__ import annotations

import functools
import signal
import socket
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from nlmkit.errors import NlmkitError
from nlmkit.serving.application import application, application_of
from nlmkit.serving.protocol import protocol_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nlmkit.serving.models import Served
    from nlmkit.serving.settings import Settings

_LAST_ANSWERS: Final = 5
"""Seconds beyond the time limit of a request until a server that is stopped gives up on requests."""


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.

    Raises:
        NlmkitError: The address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no such address"
        raise NlmkitError(f"cannot listen on {host}, port {port}: {reason}; use --host and --port") from None
    # asyncio does not set it on connections of a socket made here; without it, the second part of an answer waits until
    # the client acknowledges the first, 40 ms later.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.set_inheritable(True)
    return made


def address(listener: socket.socket) -> str:
    """Return the URL of a socket."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def configuration(settings: Settings, models: Mapping[str, Served]) -> uvicorn.Config:
    """Return the configuration of uvicorn; one that does not hold models can be sent to other processes."""
    limits = settings.limits
    made = functools.partial(application_of, models, settings) if models else functools.partial(application, settings)
    return uvicorn.Config(
        made,
        factory=True,
        http=protocol_of(limits),
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        workers=settings.workers,
        timeout_graceful_shutdown=int(limits.seconds) + _LAST_ANSWERS,
    )


def serve(settings: Settings, listener: socket.socket, models: Mapping[str, Served]) -> None:
    """Serve until SIGTERM or Ctrl-C, then answer the requests that have arrived.

    Args:
        settings: Settings of the server.
        listener: Socket.
        models: The models; empty for several workers, which load them.

    Raises:
        KeyboardInterrupt: It was Ctrl-C.
        NlmkitError: A process could not start.
    """
    config = configuration(settings, models)
    if settings.workers == 1:
        before = signal.signal(signal.SIGTERM, _stopped)
        try:
            uvicorn.Server(config).run(sockets=[listener])  # sends itself the signal again once it has ended
        finally:
            signal.signal(signal.SIGTERM, before)
        return
    supervisor = _Supervisor(config, [listener])
    supervisor.run()
    if supervisor.interrupted:
        raise KeyboardInterrupt
    if not supervisor.terminated:
        raise NlmkitError("a worker process could not start: see above")


def _stopped(_signal: int, _frame: Any) -> None:
    """Do nothing: the server has stopped already."""


class _Supervisor(Multiprocess):
    """Starts workers, and others for those that die."""

    interrupted = terminated = False

    def handle_int(self) -> None:
        self.interrupted = True
        super().handle_int()

    def handle_term(self) -> None:
        self.terminated = True
        super().handle_term()
