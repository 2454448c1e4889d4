"""Encodings: a fixed list, so that no name makes Python import a module of anybody's choosing."""

from __future__ import annotations

import encodings
import pkgutil
import sys
from pathlib import Path

import pytest

from nlmkit.errors import HyperParameterError, SavedModelError
from nlmkit.text import TextPipeline
from nlmkit.text.known_encodings import _MODULES, check_encoding

NO_TEXT = {
    *("aliases", "base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"),
    *("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"),
}


def test_the_list_has_every_text_encoding_of_the_standard_library() -> None:
    modules = {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    assert modules - NO_TEXT - _MODULES <= {module for module in modules if module.startswith("_")}
    assert not NO_TEXT & _MODULES


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(_MODULES - {"mbcs", "oem"}))
def test_each_is_taken_and_decodes(name: str) -> None:
    check_encoding(name)
    check_encoding(name.upper().replace("_", "-"))


@pytest.mark.parametrize(
    "name", ["latin-1", "ISO-8859-1", "l1", "UTF8", "u8", "utf-8-sig", "windows-1252", "sjis", "cp936"]
)
def test_aliases_are_taken(name: str) -> None:
    check_encoding(name)


@pytest.mark.parametrize("name", ["evil", "nlmkit_evil", "evil ", "EVIL", "Evil-"])
def test_no_other_module_is_imported(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the package `encodings` would be, if Python were asked."""
    for module in ("evil", "nlmkit_evil"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.setattr(encodings, "__path__", [*encodings.__path__, str(tmp_path)])
    values = TextPipeline().to_dict() | {"encoding": name}
    with pytest.raises(SavedModelError, match="unknown text encoding"):
        TextPipeline.from_dict(values)
    with pytest.raises(HyperParameterError, match="unknown text encoding"):
        TextPipeline(encoding=name)
    assert "encodings.evil" not in sys.modules


@pytest.mark.parametrize(
    ("name", "near"), [("utf9", "utf"), ("latin2000", "latin"), ("gb18031", "gb18030"), ("cp1259", "cp125")]
)
def test_the_nearest_name_is_suggested(name: str, near: str) -> None:
    with pytest.raises(HyperParameterError, match=f"did you mean {near}"):
        check_encoding(name)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has it")
def test_an_encoding_that_the_system_lacks_is_not_suggested_for_itself() -> None:
    with pytest.raises(HyperParameterError, match="'mbcs', which is not available on this system: use"):
        check_encoding("mbcs")
