"""Pages of the server: one to try models, and the documentation of requests. They load nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

_FOLDER: Final = Path(__file__).parent
_STATIC: Final = {
    "/": ("try.html", "text/html; charset=utf-8"),
    "/static/style.css": ("style.css", "text/css; charset=utf-8"),
    "/static/try.js": ("try.js", "text/javascript; charset=utf-8"),
    "/static/icon.svg": ("icon.svg", "image/svg+xml"),
}


def files() -> dict[str, tuple[bytes, str]]:
    """Return the content and media type of each fixed address."""
    return {path: ((_FOLDER / name).read_bytes(), kind) for path, (name, kind) in _STATIC.items()}


def reference(document: Mapping[str, Any]) -> bytes:
    """Return the documentation of requests as HTML.

    Args:
        document: OpenAPI document.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = kind_in_words
    return environment.get_template("reference.html").render(document=document).encode()


def kind_in_words(schema: Mapping[str, Any]) -> str:
    """Return the type of a JSON schema in words, with bounds and default."""
    if "enum" in schema:
        found = "one of " + ", ".join(map(str, schema["enum"]))
    elif schema.get("type") == "array":
        found = f"list of {kind_in_words(schema['items'])}"
    elif "properties" in schema:
        found = f"object with {', '.join(schema['properties'])}"
    else:
        kinds = schema.get("type", "value")
        found = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "minimum" in schema:
        found += f" from {schema['minimum']} to {schema['maximum']}"
    return found + (f", by default {str(schema['default']).lower()}" if "default" in schema else "")
