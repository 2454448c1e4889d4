"""The page of a report: template, style and script, rendered by Jinja2 with everything escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core import optional
from nlmkit.core.tables import visible
from nlmkit.core.version import own_version
from nlmkit.reporting.blocks import COLORS, LEVELS, Section

if TYPE_CHECKING:
    from jinja2 import Template

_WHO: Final = "an HTML report"


def check_page() -> None:
    """Check before the work that pages can be rendered.

    Raises:
        NlmkitError: Jinja2 is not installed.
    """
    optional.require("jinja2", extra="report", who=_WHO)


def page(title: str, facts: Sequence[str], sections: Sequence[tuple[str, Section]]) -> str:
    """Return the page.

    Args:
        title: Title.
        facts: Facts below the title.
        sections: Sections with their identifiers.

    Raises:
        NlmkitError: Jinja2 is not installed.
    """
    check_page()
    from markupsafe import Markup

    style, script = _style(), _part("report.js")
    return _template().render(
        title=title,
        facts=facts,
        sections=sections,
        version=own_version(),
        style=Markup(style),  # files of this package, not input
        script=Markup(script),
        policy=_policy(style, script),
    )


def _policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy: nothing is loaded, and only this style and script apply."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _part(name: str) -> str:
    return files("nlmkit.reporting.page").joinpath(name).read_text("utf-8").strip()


@cache
def _style() -> str:
    """Return the style, with the dark colors once for the system's setting and once for the reader's choice."""
    light, dark = _part("light.css"), _part("dark.css")
    themes = (
        f":root{{{light}}}"
        f"@media (prefers-color-scheme:dark){{:root:not(:has(#theme-light:checked)){{{dark}}}}}"
        f":root:has(#theme-dark:checked){{{dark}}}"
    )
    shades = "".join(
        f".{scale}{level}{{background:var(--{scale}{level});color:var(--{scale}t{level})}}"
        f"svg .{scale}{level}{{fill:var(--{scale}{level})}}"
        for scale in "qd"
        for level in range(LEVELS)
    )
    labels = "".join(
        f"svg .t{level}{{fill:var(--qt{level})}}svg .u{level}{{fill:var(--dt{level})}}" for level in range(LEVELS)
    )
    colors = "".join(f".c{color}{{--own:var(--c{color})}}" for color in range(COLORS))
    return "".join(line.strip() for line in f"{themes}{_part('report.css')}{shades}{labels}{colors}".splitlines())


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    return environment.from_string(_part("report.html"))


def _shown(value: Any) -> Any:
    """Return a value of the template for output: control characters of texts become visible."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
