"""What the regular expressions of the package may not contain."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "nlmkit"


def test_no_pattern_repeats_a_group_possessively() -> None:
    # CPython before 3.11.5 matches such patterns wrongly (python/cpython#106052); the tests may run on a later one.
    paths = sorted(PACKAGE.glob("**/*.py"))
    assert paths
    for path in paths:
        found = re.findall(r"\)(?:\*|\+|\?|\{[^}]*\})\+", path.read_text(encoding="utf-8"))
        assert not found, f"{path}: {found}"
