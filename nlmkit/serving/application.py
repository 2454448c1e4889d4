"""The ASGI application: addresses, bodies of requests, errors as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from nlmkit.serving import pages
from nlmkit.serving.computing import LOG, Calculator, encoded
from nlmkit.serving.errors import RequestError
from nlmkit.serving.models import Served, all_questions, loaded
from nlmkit.serving.openapi import document
from nlmkit.serving.requests import call_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from nlmkit.serving.settings import Limits, Settings

_JSON: Final = "application/json"
_DIGITS: Final = 15  # of a length that is compared
_SAFE: Final = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def application(settings: Settings) -> ASGIApp:
    """Load the models and return the application; a process calls it once."""
    models = loaded(settings.models, verify=settings.verify)
    _share_cores(settings.workers)
    return application_of(models, settings)


def application_of(models: Mapping[str, Served], settings: Settings) -> ASGIApp:
    """Return the application of models that are loaded."""
    return HostGuard(_Server(models, settings).starlette(), settings.hosts)


def _share_cores(workers: int) -> None:
    """Let the workers' calculations with PyTorch share the cores, if a model has loaded it."""
    torch = sys.modules.get("torch")
    if torch is not None and workers > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // workers))


class HostGuard:
    """Refuses requests to other host names, by which a web page could reach a local server (DNS rebinding).

    Args:
        app: The application.
        hosts: Allowed names, without port; None for any.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self.hosts is not None and scope["type"] == "http":
            host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
            if bare_host(host) not in self.hosts:
                error = RequestError(421, "the host name of the request (header Host) is not served here", closes=True)
                await _refused(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def bare_host(host: str) -> str:
    """Return the host of a ``Host`` header without its port, in lower case and without brackets."""
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name.strip("[]").lower().rstrip(".")


class _Server:
    """Handlers of the addresses."""

    def __init__(self, models: Mapping[str, Served], settings: Settings) -> None:
        self.models, self.limits, self.debug = models, settings.limits, settings.debug
        self.calculator = Calculator(settings)
        self.list = encoded({"models": [served.facts for served in models.values()]})
        questions = all_questions()
        self.document = document(questions, models, self.limits)
        self.questions = list(questions)

    def starlette(self) -> Starlette:
        routes = [Route(f"/v1/{name}", self.answering(name), methods=["POST"]) for name in self.questions]
        api = encoded(self.document)
        fixed = {
            "/v1/models": (self.list, _JSON),
            "/health": (encoded({"status": "ok"}), _JSON),
            "/openapi.json": (api, _JSON),
            "/docs": (pages.reference(self.document), "text/html; charset=utf-8"),
            **pages.files(),
        }
        routes += [Route(path, _constant(*content), methods=["GET"]) for path, content in fixed.items()]
        handlers: dict[Any, Any] = {HTTPException: _http_error}
        return Starlette(routes=routes, exception_handlers=handlers, lifespan=self.lifespan)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        self.calculator.close()

    def answering(self, question: str) -> Callable[[Request], Awaitable[Response]]:
        """Return the handler of a question."""

        async def handler(request: Request) -> Response:
            try:
                body = await received(request, self.limits)
                call = call_of(body, question, self.models, self.limits)
                return Response(await self.calculator.answer(call), media_type=_JSON, headers=_SAFE)
            except RequestError as error:
                return _refused(error)
            except Exception as error:  # a fault of the server, of which clients read nothing more
                LOG.error("internal error: %s in a request of %s", type(error).__name__, question, exc_info=self.debug)
                return _refused(RequestError(500, "internal error", closes=True))

        return handler


async def received(request: Request, limits: Limits) -> bytes:
    """Return the body of a request.

    Raises:
        RequestError: It is not JSON by its type, is too long, or does not arrive in time.
    """
    headers = request.headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON:  # which browsers send to other servers than a page's own only if these allow it
        raise RequestError(415, f"send JSON with the header Content-Type: {_JSON}", closes=True)
    too_long = RequestError(413, f"the body is longer than {limits.body_bytes} bytes", closes=True)
    length = headers.get("content-length", "0")  # digits, which the parser of HTTP has checked
    if len(length) > _DIGITS or int(length) > limits.body_bytes:
        raise too_long
    parts, size = [], 0
    try:
        async with asyncio.timeout(limits.upload_seconds):
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise RequestError(400, "the request has no end", closes=True)
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limits.body_bytes:
                    raise too_long
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        late = f"the body did not arrive within {limits.upload_seconds:g} s"
        raise RequestError(408, late, closes=True) from None


def _refused(error: RequestError) -> Response:
    headers = {**_SAFE, **({"connection": "close"} if error.closes else {})}
    if error.status == 503:
        headers["retry-after"] = "1"
    return Response(encoded({"error": error.message}), error.status, headers=headers, media_type=_JSON)


def _constant(content: bytes, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that always answers the same."""
    headers = {**_SAFE, "content-security-policy": _POLICY, "referrer-policy": "no-referrer"}

    async def handler(_request: Request) -> Response:
        return Response(content, media_type=media_type, headers=headers)

    return handler


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer an unknown address, or a method that it does not have."""
    assert isinstance(error, HTTPException)
    messages = {404: "no such address: see /docs", 405: f"{request.method} is not allowed here: see /docs"}
    found = _refused(RequestError(error.status_code, messages.get(error.status_code, "refused"), closes=True))
    found.headers.update(error.headers or {})
    return found
