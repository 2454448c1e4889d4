"""HTTP/1.1 of uvicorn with limits of the time and size of a request's headers: ``LimitedProtocol``."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nlmkit.serving.settings import Limits

_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class LimitedProtocol(HttpToolsProtocol):
    """Closes connections whose headers are too long, or do not arrive in time, which uvicorn waits for.

    Args:
        given: Arguments of uvicorn.
        limits: Limits of requests.
    """

    def __init__(self, *given: Any, limits: Limits, **named: Any) -> None:
        super().__init__(*given, **named)
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self._received = 0
        self._in_headers = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of headers."""
        super().data_received(data)
        if self._in_headers:
            self._received += len(data)
            if self._received > self._limits.header_bytes:
                self._refuse(431, f"the headers are longer than {self._limits.header_bytes} bytes")
        elif self._is_free and self._timer is None and self.timeout_keep_alive_task is None:
            self._wait()  # blank lines between requests end uvicorn's own waiting

    @property
    def _is_free(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of a request."""
        super().on_message_begin()
        self._in_headers, self._received = True, 0
        self._wait()

    def on_headers_complete(self) -> None:
        """Wait no longer."""
        self._in_headers = False
        self._stop_waiting()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(400, "the request is not HTTP/1.1")

    def _wait(self) -> None:
        self._stop_waiting()
        late = f"the request did not arrive within {self._limits.upload_seconds:g} s"
        self._timer = self.loop.call_later(self._limits.upload_seconds, self._refuse, 408, late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, message: str) -> None:
        """Answer and close the connection."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._is_free:  # else the answer to an earlier request is under way
            body = json.dumps({"error": message}).encode()
            head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\n"
            head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode() + body)
        self.transport.close()


def protocol_of(limits: Limits) -> Any:
    """Return what makes the protocol of a connection."""
    return functools.partial(LimitedProtocol, limits=limits)
