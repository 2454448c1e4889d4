"""Fonts for pictures: which are chosen, what is noted of those that lack characters, in every picture."""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toys.representations import toy

pytest.importorskip("matplotlib", reason="pictures need matplotlib")

import matplotlib
from matplotlib import font_manager, ft2font

from nlmkit.classifiers.report import classification_report
from nlmkit.plots import fonts
from nlmkit.plots.confusion import plot_confusion
from nlmkit.plots.curves import plot_learning_curve
from nlmkit.plots.figure import printable
from nlmkit.plots.perplexities import plot_perplexities
from nlmkit.plots.projection import plot_projection
from nlmkit.training.records import LogRecord

from .test_perplexities import comparison, ranked

pytestmark = pytest.mark.slow

OWN = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")


@pytest.fixture
def own_fonts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without any font but those that come with matplotlib."""
    own = [font for font in font_manager.fontManager.ttflist if font.fname.startswith(OWN)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(fonts, "PACKAGED", ("nlmkit_no_fonts", ""))


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = font_manager.FontEntry
    installed = [
        entry(fname="/z.ttf", name="Zeta", style="normal", weight=400),
        entry(fname="/b.ttf", name="Beta", style="italic", weight=400),
        entry(fname="/a.ttf", name="Alpha", style="normal", weight=900),
        entry(fname="/p.ttf", name="SimHei", style="normal", weight=400),
    ]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", installed)
    monkeypatch.setattr(font_manager, "findfont", lambda name: "/first.ttf")
    has = {"/first.ttf": "abc", "/z.ttf": "好", "/b.ttf": "好差", "/a.ttf": "好", "/p.ttf": "中"}
    monkeypatch.setattr(fonts, "characters", lambda path, wanted: frozenset(has[path]) & frozenset(wanted))
    monkeypatch.setattr(fonts, "PACKAGED", ("nlmkit_no_fonts", ""))


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("text", "families", "missing"),
    [
        ("ab", [], ""),
        ("a 好", ["Zeta"], ""),
        ("a好差", ["Zeta", "Beta"], ""),
        ("好中", ["SimHei", "Zeta"], ""),
        ("好x", ["Zeta"], "x"),
        ("a\u200d\ufe0f\u00ad", [], ""),  # joiner, variation selector, soft hyphen: nothing to see
    ],
)
def test_fonts_are_added_for_what_the_ones_before_lack(text: str, families: list[str], missing: str) -> None:
    assert fonts.covering(text) == (["DejaVu Sans", *families], set(missing))


def test_what_has_a_glyph() -> None:
    assert fonts.characters(f"{OWN}/DejaVuSans.ttf", "aé好") == {"a", "é"}
    assert fonts.characters(f"{OWN}/LastResortHE-Regular.ttf", "a好") == set()  # which has boxes for all


def test_a_file_that_is_no_font_has_no_characters(tmp_path: Path) -> None:
    (tmp_path / "no.ttf").write_bytes(b"nothing")
    assert fonts.characters(str(tmp_path / "no.ttf"), "a") == set()
    assert fonts.characters(str(tmp_path / "missing.ttf"), "a") == set()


def test_bitmaps_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bitmaps:
        scalable = False

        def __init__(self, path: str) -> None:
            pass

        def get_char_index(self, code: int) -> int:
            return int(code != 0x10FFFF)

    monkeypatch.setattr(ft2font, "FT2Font", Bitmaps)
    assert fonts.characters("/emoji-bitmaps.ttf", "🥰") == set()
    monkeypatch.setattr(Bitmaps, "scalable", True)
    assert fonts.characters("/emoji-outlines.ttf", "🥰") == {"🥰"}


@pytest.mark.usefixtures("own_fonts_only")
def test_fonts_for_formulas_do_not_count() -> None:
    assert fonts.covering("\ue000") == (["DejaVu Sans"], {"\ue000"})  # STIX has a glyph of its own there


# ---------------------------------------------------------------------------------------------------- every picture


def _projection(path: Path, name: str) -> list[str]:
    vectors = np.random.default_rng(1).normal(size=(3, 4))
    return plot_projection(toy(dict(zip([name, "b", "c"], vectors, strict=True))), path, [name, "b", "c"])


def _confusion(path: Path, name: str) -> list[str]:
    labels = [name, "b"]
    plot_confusion(
        classification_report(labels, labels, classes=sorted(labels), component="toy", model_digest=""), path
    )
    return []


def _perplexities(path: Path, name: str) -> list[str]:
    plot_perplexities(comparison(ranked(name, 2.0), ranked("b", math.inf)), path, title="t")
    return []


def _curve(path: Path, name: str) -> list[str]:
    record = LogRecord(
        step=1, epoch=1.0, metrics={"perplexity": 7.4}, lr=0.1, seconds=60.0, validation={"perplexity": 9.0}
    )
    plot_learning_curve({name: [record]}, path)
    return []


PICTURES = [_projection, _confusion, _perplexities, _curve]


@pytest.mark.usefixtures("own_fonts_only")
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
@pytest.mark.parametrize("draw", PICTURES)
def test_missing_characters_are_noted_once(
    draw: Callable[[Path, str], list[str]], suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"out.{suffix}"
    (note,) = draw(path, "很好") + caplog.messages
    remedy = "an .svg keeps them as text" if suffix == "svg" else "nlmkit[cjk] brings one for Chinese and Japanese"
    assert note.startswith("no installed font has the characters 好很")
    assert remedy in note
    if suffix == "svg":
        assert "很好" in path.read_text(encoding="utf-8")
    caplog.clear()
    assert draw(path, "$plain$") + caplog.messages == []


@pytest.mark.usefixtures("own_fonts_only")
@pytest.mark.parametrize("name", ["ไทย", "हिन्दी", "한국", "🥰"])
def test_other_scripts_and_emoji_are_noted(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _curve(tmp_path / "out.png", name)
    (note,) = caplog.messages
    assert note.startswith("no installed font has the characters")
    assert "nlmkit[cjk]" not in note


@pytest.mark.usefixtures("own_fonts_only")
@pytest.mark.parametrize("name", ["مرحبا", "שלום"])
def test_scripts_that_old_matplotlib_does_not_shape_are_noted(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(ft2font, "__libraqm_version__", raising=False)
    _curve(tmp_path / "out.svg", name)
    assert caplog.messages == []
    _curve(tmp_path / "out.png", name)
    assert caplog.messages == [
        "Arabic and Hebrew are drawn from left to right and unjoined: matplotlib 3.11 draws them right"
    ]
    caplog.clear()
    monkeypatch.setattr(ft2font, "__libraqm_version__", "0.10", raising=False)
    _curve(tmp_path / "out.png", name)
    assert caplog.messages == []


# -------------------------------------------------------------------------------------------------- the extra cjk


@pytest.fixture
def fresh_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [font for font in font_manager.fontManager.ttflist if font.fname.startswith(OWN)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)


@pytest.mark.usefixtures("fresh_fonts")
def test_the_packaged_font_is_added_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("some_fonts")
    package.__file__ = str(tmp_path / "__init__.py")
    (tmp_path / "Some.otf").write_bytes(Path(f"{OWN}/STIXGeneral.ttf").read_bytes())
    monkeypatch.setitem(sys.modules, "some_fonts", package)
    monkeypatch.setattr(fonts, "PACKAGED", ("some_fonts", "Some.otf"))
    name = str(tmp_path / "Some.otf")
    assert fonts.covering("abc") == (["DejaVu Sans"], set())
    assert name not in {font.fname for font in font_manager.fontManager.ttflist}
    for _ in range(2):
        fonts.covering("好")
    assert [font.fname for font in font_manager.fontManager.ttflist].count(name) == 1


@pytest.mark.usefixtures("fresh_fonts")
def test_the_extra_has_chinese_and_japanese(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip(fonts.PACKAGED[0], reason="the extra cjk is not installed")
    assert fonts.covering("模型カなa") == (["DejaVu Sans", "Noto Sans SC"], set())
    for draw in PICTURES:
        for suffix in ("png", "svg", "pdf"):
            assert draw(tmp_path / f"out.{suffix}", "模型") + caplog.messages == []


@pytest.mark.usefixtures("own_fonts_only")
@pytest.mark.parametrize("draw", PICTURES)
@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("❤\ufe0f\u200d☆", "❤\ufe0f\u200d☆"),
        ("ab\u202edc", "ab\ufffddc"),  # it would turn the rest of the line around
    ],
)
def test_joiners_are_drawn_and_bidirectional_controls_are_not(
    draw: Callable[[Path, str], list[str]], name: str, drawn: str, tmp_path: Path
) -> None:
    path = tmp_path / "out.svg"
    draw(path, name)
    text = path.read_text(encoding="utf-8")
    assert drawn in text or (draw is _confusion and "\\u202e" in text)
    assert "\u202e" not in text


def test_a_soft_hyphen_is_not_seen() -> None:
    assert printable("soft\u00adhyphen") == "softhyphen"


@pytest.mark.parametrize("installed", [True, False])
def test_the_extra_is_named_where_it_would_help(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = [font for font in font_manager.fontManager.ttflist if font.fname.startswith(OWN)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    package = types.ModuleType("nlmkit_fonts")
    package.__file__ = f"{OWN}/__init__.py"
    monkeypatch.setitem(sys.modules, "nlmkit_fonts", package)
    monkeypatch.setattr(fonts, "PACKAGED", ("nlmkit_fonts" if installed else "nlmkit_no_fonts", "DejaVuSerif.ttf"))
    _curve(tmp_path / "out.png", "𠮷")
    (note,) = caplog.messages
    assert ("nlmkit[cjk]" in note) == (not installed)
