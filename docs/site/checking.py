"""What must hold of the site that was built: it loads nothing from elsewhere, and has every public name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from reference import homes

_LOADED: Final = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|icon|preconnect|preload|manifest))[^>]*\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
)
"""Addresses from which a browser loads something to show a page."""


def problems(folder: Path) -> list[str]:
    """Return what is wrong with a built site, one line each."""
    found = []
    anchors: set[str] = set()
    for page in sorted(folder.rglob("*.html")):
        html = page.read_text(encoding="utf-8")
        found += [f"{page.relative_to(folder)} loads {one or two}" for one, two in _LOADED.findall(html)]
        anchors |= set(re.findall(r'\bid="(nlmkit\.[\w.]+)"', html))
    for sheet in sorted(folder.rglob("*.css")):
        loaded = re.findall(r"(?:@import|url\()\s*[\"']?((?:https?:)?//[^\"')\s]+)", sheet.read_text(encoding="utf-8"))
        found += [f"{sheet.relative_to(folder)} loads {address}" for address in loaded]
    found += [f"the reference lacks nlmkit.{name}" for name in homes() if f"nlmkit.{name}" not in anchors]
    return found
