"""Fonts for pictures: choice of fonts that cover the characters of a text, and notes on missing characters.

matplotlib draws each character in the first font of a list that has it. Its list ends in a font that claims every
character and shows boxes ("Last Resort"), so that no character is reported as missing: the character maps of the
fonts are checked here, before drawing.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import unicodedata
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from nlmkit.core.notes import note

DEFAULT: Final = "DejaVu Sans"
"""Font bundled with matplotlib."""

PREFERRED: Final = (
    "Noto Sans SC",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Noto Sans CJK JP",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "SimHei",
    "Arial Unicode MS",
)
"""Plain fonts with Chinese characters, checked before other installed ones."""

PACKAGED: Final = ("pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf")
"""Module of the extra ``cjk``, and the font in its folder."""

_NONCHARACTER: Final = 0x10FFFF
"""Noncharacter: only fonts that show a box for every character have a glyph for it."""

_SHOWN: Final = 10
_CHINESE_OR_JAPANESE: Final = ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC")
_UNSHAPED: Final = frozenset(("R", "AL"))  # bidirectional classes of Hebrew and Arabic letters


@contextlib.contextmanager
def drawing(text: str, settings: Mapping[str, Any] | None = None) -> Iterator[set[str]]:
    """Context in which matplotlib draws text in fonts that have its characters, and never as a formula.

    Args:
        text: All text to draw, except numbers.
        settings: Further settings of matplotlib.

    Yields:
        Characters missing from all fonts, for ``notes_on``.
    """
    import matplotlib

    families, missing = covering(text)
    chosen: dict[Any, Any] = {
        "font.family": families,
        "svg.fonttype": "none",
        "text.usetex": False,
        "text.parse_math": False,
        **(settings or {}),
    }
    with matplotlib.rc_context(chosen), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # reported by the note
        yield missing


@contextlib.contextmanager
def noted_drawing(text: str, path: Path, settings: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Like ``drawing``, and send ``notes_on`` the text.

    Args:
        text: All text to draw, except numbers.
        path: File of the picture.
        settings: Further settings of matplotlib.
    """
    with drawing(text, settings) as missing:
        for message in notes_on(text, missing, path):
            note(message)
        yield


def covering(text: str) -> tuple[list[str], set[str]]:
    """Return names of fonts that together cover a text, and the characters missing from all fonts.

    The order is matplotlib's own font, that of the extra ``cjk``, then all installed ones: the preferred ones,
    then the others, upright ones of normal weight first, in the order of their names.
    """
    from matplotlib import font_manager

    families = [DEFAULT]
    wanted = {char for char in text if not (char.isspace() or _is_invisible(char))}
    missing = wanted - characters(font_manager.findfont(DEFAULT), "".join(sorted(wanted)))
    if missing:
        _add_packaged()
    for font in sorted(font_manager.fontManager.ttflist, key=_first):
        if not missing:
            break
        if font.name in families or _is_mathematical(font.fname):
            continue
        if has := characters(font.fname, "".join(sorted(missing))):
            families.append(font.name)
            missing -= has
    return families, missing


@functools.lru_cache(maxsize=4096)
def characters(path: str, wanted: str) -> frozenset[str]:
    """Return the characters for which a font file has glyphs.

    None if it cannot be read, contains bitmaps, which matplotlib does not draw, or has a box for every character.
    """
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
        if not font.scalable or font.get_char_index(_NONCHARACTER):
            return frozenset()
        return frozenset(char for char in wanted if font.get_char_index(ord(char)))
    except (OSError, RuntimeError, ValueError):
        return frozenset()


def notes_on(text: str, missing: set[str], path: Path) -> list[str]:
    """Return notes on the fonts of a picture: missing characters, and unjoined letters."""
    from matplotlib import ft2font

    notes = []
    is_svg = path.suffix.lower() == ".svg"  # text is drawn by the viewer
    if missing:
        some = "".join(sorted(missing)[:_SHOWN]) + ("…" if len(missing) > _SHOWN else "")
        notes.append(f"no installed font has the characters {some}{_remedy(missing, is_svg)}")
    shapes = hasattr(ft2font, "__libraqm_version__")
    if not (shapes or is_svg) and any(unicodedata.bidirectional(char) in _UNSHAPED for char in text):
        notes.append("Arabic and Hebrew are drawn from left to right and unjoined: matplotlib 3.11 draws them right")
    return notes


def _remedy(missing: set[str], is_svg: bool) -> str:
    if is_svg:
        return "; an .svg keeps them as text, and shows them where a font has them"
    chinese = any(unicodedata.name(char, "").startswith(_CHINESE_OR_JAPANESE) for char in missing)
    brings = chinese and _packaged() is None  # it has no rare characters either
    example = " (nlmkit[cjk] brings one for Chinese and Japanese)" if brings else ""
    return f", so boxes are drawn: install one{example}, or write an .svg, which keeps them as text"


def _add_packaged() -> None:
    """Register the font of the extra ``cjk`` in matplotlib, if installed."""
    from matplotlib import font_manager

    path = _packaged()
    if path is not None and path not in {font.fname for font in font_manager.fontManager.ttflist}:
        font_manager.fontManager.addfont(path)


def _packaged() -> str | None:
    """Return the path of the font of the extra ``cjk``, if installed."""
    module, name = PACKAGED
    try:
        package = importlib.import_module(module)
    except ModuleNotFoundError:
        return None
    path = Path(package.__file__ or "").parent / name
    return str(path) if path.is_file() else None


def _first(font: Any) -> tuple[int, bool, bool, str, str]:
    """Return the sort key of an installed font: decorative and bold ones last."""
    preference = PREFERRED.index(font.name) if font.name in PREFERRED else len(PREFERRED)
    plain = str(font.weight) in ("400", "normal", "regular")
    return preference, font.style != "normal", not plain, font.name, font.fname


def _is_mathematical(path: str) -> bool:
    """Return whether it is one of matplotlib's fonts for formulas, whose glyphs differ from their characters."""
    import matplotlib

    return path.startswith(matplotlib.get_data_path()) and not Path(path).name.startswith("DejaVu")


def _is_invisible(char: str) -> bool:
    """Return whether a character only joins or selects forms of others: a joiner, a variation selector."""
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
