"""The machinery of the site: pages from elsewhere, links, the reference, and what a built site must not do."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from checking import problems
from outside import OUTSIDE, example_pages, notebook_page, site_text
from reference import SUBJECTS, api_pages, command_page, file_of, homes

import nlmkit
import nlmkit.plugin
from nlmkit.cli.group import nlmkit as program
from pages.conftest import DOCS, ROOT


def test_links_become_links_of_the_site() -> None:
    text = "[a](../plugins/README.md#top) [b](arpa.md) [c](../benchmarks/trees.py) [d](https://x.org) [e](#here)"
    assert site_text(text, "docs/taggers.md") == "[a](plugins.md#top) [b](arpa.md) c [d](https://x.org) [e](#here)"
    assert site_text("[a](../../README.md)", "docs/kinds/trees.md") == "[a](../index.md)"
    assert site_text("[a](CONTRIBUTING.md) [`x`](nlmkit/core)", "ARCHITECTURE.md") == "[a](contributing.md) `x`"
    assert site_text("[x](digits.py)", "examples/README.md") == "[x](digits.md)"


def test_code_and_pictures_keep_their_addresses() -> None:
    text = "```python\nx[0](../README.md)\n```\n![words](pictures/words.svg)\n"
    assert site_text(text, "docs/index.md") == text


def test_every_public_name_is_in_the_reference() -> None:
    pages = api_pages()
    named = {line.removeprefix("::: nlmkit.") for page in pages.values() for line in page.splitlines() if ":::" in line}
    assert named == set(homes())
    assert named >= set(nlmkit.__all__) - {"__version__"}
    assert {name.removeprefix("plugin.") for name in named} >= set(nlmkit.plugin.__all__)
    assert set(pages) == {file_of(subject) for subject in SUBJECTS}
    assert "::: nlmkit.NGram\n" in pages["reference/language-models.md"]


def test_the_navigation_has_every_generated_page() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    places = [*OUTSIDE.values(), *api_pages(), "reference/commands.md"]
    assert [place for place in places if f" {place}\n" not in navigation] == []


def test_the_build_counts_warnings() -> None:
    """``--quiet`` would drop them before ``--strict`` counts them."""
    for file in (".ci/run", ".github/workflows/test.yml", "CONTRIBUTING.md"):
        assert "mkdocs build --strict\n" in (ROOT / file).read_text(encoding="utf-8")


def test_every_command_is_in_the_reference() -> None:
    page = command_page()
    for name in program.list_commands(click.Context(program)):
        assert f"\n## `nlmkit {name}`\n" in page
    assert "## `nlmkit plugins check`" in page


def test_notebooks_and_programs_are_pages() -> None:
    cells = [{"cell_type": "markdown", "source": ["# T\n", "t"]}, {"cell_type": "code", "source": ["x = 1"]}]
    assert notebook_page({"cells": cells}) == "# T\nt\n\n```python\nx = 1\n```\n"
    pages = example_pages()
    assert len(pages) == 11
    assert pages["examples/digits.md"].startswith('# digits.py\n\n```python\n"""')


def test_what_a_page_loads_from_elsewhere_is_found(tmp_path: Path) -> None:
    anchors = "".join(f'<h2 id="nlmkit.{name}">' for name in homes())
    page = tmp_path / "index.html"
    page.write_text(f'<a href="https://x.org"><script src="a.js"></script>{anchors}', encoding="utf-8")
    assert problems(tmp_path) == []
    page.write_text(f'<script defer src="https://x.org/a.js">{anchors.replace("nlmkit.NGram", "")}', encoding="utf-8")
    (tmp_path / "a.css").write_text("@import '//x.org/b.css'; a { background: url(c.png) }", encoding="utf-8")
    assert problems(tmp_path)[:2] == ["index.html loads https://x.org/a.js", "a.css loads //x.org/b.css"]
    assert "the reference lacks nlmkit.NGram" in problems(tmp_path)
    page.write_text(f'<link rel="preconnect" href="https://fonts.org">{anchors}', encoding="utf-8")
    assert problems(tmp_path)[0] == "index.html loads https://fonts.org"


def test_the_hook_adds_pages_and_refuses_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    import hooks
    from mkdocs.exceptions import PluginError
    from mkdocs.structure.files import File, Files

    monkeypatch.chdir(ROOT)
    config: Any = SimpleNamespace(site_dir=str(tmp_path), docs_dir=str(DOCS), use_directory_urls=False, plugins=None)
    config.plugins = SimpleNamespace(_current_plugin="hooks")
    files = hooks.on_files(Files([]), config)
    assert {"architecture.md", "examples/digits.md", "reference/errors.md"} <= set(files.src_uris)
    page = SimpleNamespace(file=File("taggers.md", str(DOCS), str(tmp_path), use_directory_urls=False))
    assert hooks.on_page_markdown("[a](../plugins/README.md)", page) == "[a](plugins.md)"
    generated = SimpleNamespace(file=files.get_file_from_path("plugins.md"))
    assert hooks.on_page_markdown("[a](../plugins/README.md)", generated) == "[a](../plugins/README.md)"
    with pytest.raises(PluginError, match="the reference lacks"):
        hooks.on_post_build(config)


def test_hyper_parameters_are_described_by_their_help() -> None:
    griffe = pytest.importorskip("griffe", reason="griffe is not installed")
    from parameters import Parameters

    extensions = griffe.load_extensions(Parameters())
    source = "class A:\n    order: int = param(5, ge=1, help='length')\n    other: int = param(5, help='a' * width)\n"
    module = griffe.visit("a", Path("a.py"), source, extensions=extensions)
    assert module["A.order"].docstring.value == "length"
    assert str(module["A.order"].value) == "5"
    assert module["A.other"].docstring.value == "'a' * width"
    source = "class A:\n    '''An A.\n\n    Example:\n        >>> A()\n\n    As::\n\n        b\n    '''\n"
    module = griffe.visit("a", Path("a.py"), source, extensions=extensions)
    text = module["A"].docstring.value
    assert "Examples:\n" in text
    assert "As:\n" in text
