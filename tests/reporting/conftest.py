"""Small fitted models for reports, and a parser that checks a page while it reads it."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from nlmkit import LSTM, Mixture, NGram, RunOptions

TRAIN = [
    "the cat sat on the mat",
    "the dog sat on the log",
    "a cat saw the dog",
    "the dog saw a cat on the mat",
    "a dog ran",
    "the cat ran and the dog ran after the cat",
] * 4
TEST = [
    "the cat sat on the log",
    "a dog saw the cat and the cat saw a zebra on the mat",
    "",
    "the dog ran after a cat",
    "the zebra ran",
    "a cat sat and a dog sat on the mat and ran",
]

VOID = {"meta", "input", "br", "img", "link"}
EMPTY_IN_SVG = {"line", "rect", "circle", "polyline", "polygon"}


class Page(HTMLParser):
    """Contents of a page: elements, attributes, identifiers, headings, scripts and text.

    Raises an AssertionError where an element is closed in the wrong place.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.headings: list[tuple[int, str]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append((int(tag[1]), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        {"script": self.scripts, "style": self.styles}.get(inside, self.texts).append(data)
        for place in reversed(self._open):
            if len(place) == 2 and place[0] == "h" and place[1].isdigit():
                level, text = self.headings.pop()
                self.headings.append((level, text + data))

    def values(self, name: str, tag: str | None = None) -> list[str]:
        """The values of an attribute, of one element or of all."""
        return [value or "" for of, found, value in self.attributes if found == name and tag in (None, of)]

    @property
    def text(self) -> str:
        return " ".join(self.texts)


@pytest.fixture(scope="session")
def kn() -> NGram:
    return NGram(order=3).fit(TRAIN)


@pytest.fixture(scope="session")
def lstm() -> LSTM:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return LSTM(embedding=8, hidden=8, epochs=3, batch=4).fit(TRAIN, valid=TRAIN[:6], run=RunOptions(progress=None))


@pytest.fixture(scope="session")
def mixed(kn: NGram, lstm: LSTM) -> Mixture:
    return Mixture(models=(kn, lstm)).fit(valid=TRAIN[:6])


@pytest.fixture(scope="session")
def models(kn: NGram, lstm: LSTM, mixed: Mixture) -> dict[str, Any]:
    return {"3-gram": kn, "LSTM": lstm, "mixture": mixed}


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory, models: dict[str, Any]) -> Path:
    """Folder with the saved models ``3-gram``, ``LSTM`` and ``mixture``, and the text ``test.txt``."""
    folder = tmp_path_factory.mktemp("saved")
    for name, model in models.items():
        model.save(folder / name)
    (folder / "test.txt").write_text("\n".join(TEST) + "\n", encoding="utf-8")
    return folder
