"""Draw the pictures of the pages anew: run their code, as it is, and keep what the pages show.

    python docs/site/pictures.py [PAGE ...]

A page that shows ``pictures/NAME.svg`` has a command that writes ``NAME.svg``. Without PAGE, all pages with pictures
run, in some minutes.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from pathlib import Path

from running import Page

DOCS = Path(__file__).parents[1]


def shown(page: str) -> list[str]:
    """Return the names of the pictures that a page shows."""
    return re.findall(r"!\[[^\]]*\]\((?:\.\./)?pictures/([\w.-]+)\)", page)


def draw(file: Path) -> None:
    """Run a page in a temporary folder, and copy its pictures."""
    text = file.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Page(text, small=False).run()
        for name in shown(text):
            shutil.copy(name, DOCS / "pictures" / name)
            print(f"{DOCS / 'pictures' / name}: {Path(name).stat().st_size:,} bytes")


if __name__ == "__main__":
    pages = [Path(page).resolve() for page in sys.argv[1:]] or sorted(DOCS.rglob("*.md"))
    for page in pages:
        if shown(page.read_text(encoding="utf-8")):
            draw(page)
