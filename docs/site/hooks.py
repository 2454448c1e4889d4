"""Hook of MkDocs: pages that are written elsewhere or generated, and a check of what was built.

MkDocs calls ``on_files``, ``on_page_markdown`` and ``on_post_build``. Links in a Markdown file are right in the
repository; here they are turned into links of the site.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))

from checking import problems
from outside import OUTSIDE, example_pages, site_text
from reference import api_pages, command_page


def generated() -> dict[str, str]:
    """Return the text of each page that is not in docs/, by its place on the site."""
    pages = {page: site_text(Path(file).read_text(encoding="utf-8"), file) for file, page in OUTSIDE.items()}
    return pages | example_pages() | api_pages() | {"reference/commands.md": command_page()}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not in docs/."""
    for place, text in generated().items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links out of docs/ into links of the site."""
    if page.file.generated_by:
        return markdown
    return site_text(markdown, f"docs/{page.file.src_uri}")


def on_post_build(config: Any) -> None:
    """Refuse a site that loads anything from elsewhere, or lacks a public name."""
    found = problems(Path(config.site_dir))
    if found:
        raise PluginError("; ".join(found[:10]))
