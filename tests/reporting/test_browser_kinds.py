"""Pages of models that are not language models in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nlmkit
from nlmkit import HMMTagger, TfidfLogReg, TfidfRidge

from .test_browser import CONTRAST, SIZES, WIDEST, Visit, browser
from .test_other_kinds import HOSTILE, LABELS, TAGS, TEXTS, TREES, WORDS, TreeCounts, vectors

__all__ = ["browser"]

pytestmark = pytest.mark.slow

NUMBERS = [4.0, 5.0, 1.0, 0.5, 2.5, 2.0] * 3
MADE: dict[str, Any] = {
    "classifiers": lambda: {name: TfidfLogReg().fit(TEXTS, LABELS) for name in ("one", HOSTILE)},
    "regressors": lambda: {name: TfidfRidge().fit(TEXTS, NUMBERS) for name in ("one", HOSTILE)},
    "trees": lambda: {"trees": TreeCounts().fit(TREES)},
    "taggers": lambda: {"one": HMMTagger().fit(WORDS, TAGS)},
    "representations": lambda: {"one": vectors(0), "two": vectors(1)},
}
TEXT: dict[str, Any] = {
    "classifiers": ([*TEXTS, HOSTILE], [*LABELS[1:], *LABELS[:1], HOSTILE]),
    "regressors": ([*TEXTS, HOSTILE], [*NUMBERS[1:], *NUMBERS[:1], -1.0]),
    "trees": TREES,
    "taggers": (WORDS, TAGS),
    "representations": None,
}


@pytest.mark.parametrize("kind", list(MADE))
def test_pages_open_in_silence_and_fit(browser: Any, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "report.html"
    nlmkit.report(MADE[kind](), TEXT[kind], samples=20, progress=None).save(file)
    for size, scheme in (("phone", "dark"), ("wide", "light")):
        with Visit(browser, file, size, scheme) as visit:
            assert visit.page.evaluate(WIDEST) <= SIZES[size]["width"]
            assert visit.page.evaluate(CONTRAST) == []
            assert (visit.said, visit.requests) == ([], [file.as_uri()])
