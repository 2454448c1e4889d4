"""Pages of the site whose source is elsewhere in the repository, and links between the two."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).parents[2]

OUTSIDE: Final = {
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "plugins/README.md": "plugins.md",
    "examples/README.md": "examples/index.md",
}
"""Page of the site by the file that it is made of."""

_LINK: Final = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE: Final = re.compile(r"^(?:```.*?^```$|~~~.*?^~~~$)", re.MULTILINE | re.DOTALL)


def place_of(file: str) -> str | None:
    """Return the page of the site that shows a file of the repository, if one does."""
    if file == "README.md":
        return "index.md"
    if file in OUTSIDE:
        return OUTSIDE[file]
    path = PurePosixPath(file)
    if path.parts[0] == "docs":
        return str(PurePosixPath(*path.parts[1:]))
    if path.parts[0] == "examples" and path.suffix in {".py", ".ipynb"}:
        return f"examples/{path.stem}.md"
    return None


def site_text(text: str, file: str) -> str:
    """Return a Markdown text with the links that it has on the site.

    Args:
        text: Markdown with links that are right in the repository.
        file: Path of the file from the root of the repository.

    A link to a file that no page shows loses its address and keeps its words.
    """
    here = PurePosixPath(place_of(file) or file).parent

    def link(match: re.Match[str]) -> str:
        words, address = match.groups()
        target, mark, anchor = address.partition("#")
        if ":" in target or not target:
            return match[0]
        place = place_of(os.path.normpath(PurePosixPath(file).parent / target))
        if place is None:
            return words
        return f"[{words}]({os.path.relpath(place, here)}{mark}{anchor})"

    parts, last = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(link, text[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join([*parts, _LINK.sub(link, text[last:])])


def example_pages() -> dict[str, str]:
    """Return a page for each program and notebook in examples/."""
    pages = {}
    for file in sorted((ROOT / "examples").iterdir()):
        if file.suffix == ".py":
            code = file.read_text(encoding="utf-8")
            pages[f"examples/{file.stem}.md"] = f"# {file.name}\n\n```python\n{code}```\n"
        elif file.suffix == ".ipynb":
            text = notebook_page(json.loads(file.read_text(encoding="utf-8")))
            pages[f"examples/{file.stem}.md"] = site_text(text, f"examples/{file.name}")
    return pages


def notebook_page(notebook: dict[str, list[dict[str, object]]]) -> str:
    """Return a notebook as Markdown: its text, and its code in fences."""
    cells = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])  # type: ignore[arg-type]
        cells.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    return "\n\n".join(cells) + "\n"
