"""Packages of the server: ``check_packages``."""

from __future__ import annotations

from nlmkit.core.optional import require


def check_packages() -> None:
    """Raise an error unless the packages of the server are installed.

    Raises:
        NlmkitError: One is missing; the message says how to install it.
    """
    for module in ("starlette", "uvicorn", "httptools", "jinja2"):
        require(module, extra="serve", who="nlmkit serve")
