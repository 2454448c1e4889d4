"""Optional packages: found, missing, and broken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nlmkit import NlmkitError
from nlmkit.core import optional


def test_a_module_that_is_there_is_returned() -> None:
    assert optional.require("json.decoder", extra="neural", who="lstm") is sys.modules["json.decoder"]


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(NlmkitError, match=r"^lstm needs absent: pip install 'nlmkit\[neural\]'$"):
        optional.require("absent.part", extra="neural", who="lstm")


def test_a_plugin_names_the_package_itself() -> None:
    with pytest.raises(NlmkitError, match=r"^the plugin needs absent: pip install absent>=2$"):
        optional.require("absent", extra="absent>=2", who="the plugin")


def test_what_an_installed_package_lacks_is_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "incomplete.py").write_text("import absent_dependency\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="absent_dependency"):
        optional.require("incomplete", extra="neural", who="lstm")
