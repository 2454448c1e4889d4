"""The table of kinds: every address in it leads somewhere."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import nlmkit
from nlmkit.cli.kinds import part_of
from nlmkit.core import registry
from nlmkit.core.component import Component
from nlmkit.core.kinds import KINDS, Kind, kind_called, kind_of
from nlmkit.scaffold import KINDS as TEMPLATES

PACKAGE = Path(nlmkit.__file__).parent


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_address_of_a_row_leads_somewhere(kind: Kind) -> None:
    base = kind.base_class()
    assert issubclass(base, Component)
    assert kind_of(base) is kind is kind_called(kind.name)
    assert base.__name__ == kind.base_name
    assert callable(kind.reader())
    assert part_of(kind).kind is kind
    kit = import_module(kind.kit)
    assert kit.CHECKS
    assert issubclass(kit.Subject, import_module("nlmkit.testing.component").Subject)
    serving = import_module(kind.serving)
    assert serving.QUESTIONS
    assert callable(serving.facts)
    folder = PACKAGE / "scaffold" / "template" / kind.template
    assert {file.name for file in folder.iterdir()} == {"component.py.txt", "test.py.txt", "summary.txt"}


def test_the_registry_and_new_plugins_have_every_kind() -> None:
    names = [kind.name for kind in KINDS]
    assert list(registry.GROUPS.values()) == [*names, "tokenizer"]
    assert sorted(TEMPLATES) == sorted([*names, "tokenizer"])
    assert {entry.kind for entry in registry.entries()} == {*names, "tokenizer"}


def test_no_kind_is_named_where_the_table_is_read() -> None:
    """Only the default of ``plugins new`` is a name."""
    readers = [*(PACKAGE / "core").glob("*.py"), *(PACKAGE / "scaffold").glob("*.py")]
    readers += [PACKAGE / "testing" / name for name in ("__init__.py", "registration.py")]
    readers += [PACKAGE / "cli" / f"{name}.py" for name in ("fit", "score", "summary", "list_", "show", "members")]
    quoted = re.compile("|".join(f'"{kind.name}"' for kind in KINDS))
    found = {
        f"{file.relative_to(PACKAGE).as_posix()}: {line.strip()}"
        for file in readers
        for line in file.read_text(encoding="utf-8").splitlines()
        if file.name != "kinds.py" and quoted.search(line)
    }
    assert found == {'scaffold/__init__.py: _DEFAULT: Final = "language-model"'}
