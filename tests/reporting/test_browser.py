"""Pages in a real browser: on phones and wide screens, in light and dark, without messages and requests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nlmkit
from nlmkit import NGram

from .conftest import TEST, TRAIN
from .test_report import HOSTILE

pytestmark = pytest.mark.slow

SIZES = {"phone": {"width": 390, "height": 844}, "wide": {"width": 1440, "height": 900}}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium; the tests are skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser was found (looked for {', '.join(NAMES)}): apt-get install chromium")
    with api.sync_playwright() as playwright:
        # In a container there are no namespaces for Chromium's own sandbox, and no network is used here.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, models: dict[str, Any]) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    nlmkit.report(models, TEST, samples=50).save(file)
    return file


class Visit:
    """A page that was opened, with what it said and asked for."""

    def __init__(self, browser: Any, path: Path, size: str = "wide", scheme: str = "light", **options: Any) -> None:
        self.context = browser.new_context(
            viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce", **options
        )
        self.context.set_default_timeout(120_000)  # of a busy machine
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


CONTRAST = """() => {
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = numbers(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *:not(script):not(.skip)")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
    const style = getComputedStyle(node), svg = node instanceof SVGElement;
    const one = light(numbers(svg ? style.fill : style.color));
    const label = svg && /\\b[tu]\\d/.test(node.getAttribute("class") || "");
    const two = label ? null : light(behind(node));
    if (two === null) continue;
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) faint.push([node.tagName, node.getAttribute("class"), ratio, node.textContent.slice(0, 30)]);
  }
  return faint;
}"""
"""Texts whose contrast is below 4.5 : 1, the ratio of WCAG AA."""


WIDEST = """() => {
  document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
  const width = () => document.documentElement.scrollWidth;
  return Math.max(width(), ...[...document.querySelectorAll("[role=tab]")].map((tab) => (tab.click(), width())));
}"""
"""Width of the page with everything unfolded, the largest over all tabs."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_the_page_opens_in_silence_and_fits(browser: Any, path: Path, size: str, scheme: str) -> None:
    with Visit(browser, path, size, scheme) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert visit.page.evaluate(WIDEST) <= SIZES[size]["width"]
        dark = visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 27)"
        assert dark == (scheme == "dark")
        assert visit.page.evaluate(CONTRAST) == []
        assert (visit.said, visit.requests) == ([], [path.as_uri()])


@pytest.fixture(scope="module")
def visit(browser: Any, path: Path) -> Iterator[Visit]:
    """One page for the tests that press keys."""
    with Visit(browser, path) as visit:
        yield visit


def test_the_reader_can_choose_the_theme(visit: Visit) -> None:
    color = "getComputedStyle(document.body).backgroundColor"
    before = visit.page.evaluate(color)
    visit.page.locator("#theme-auto").focus()
    visit.page.keyboard.press("ArrowLeft")
    assert visit.page.evaluate(color) == "rgb(20, 22, 27)" != before
    visit.page.keyboard.press("ArrowLeft")
    assert visit.page.evaluate(color) == before


def test_tables_are_sorted_by_keyboard(visit: Visit) -> None:
    table = visit.page.locator("#section-comparison table").first
    cells = table.locator("tbody tr td:nth-child(2)")
    values = [float(text.split()[0].replace(",", "")) for text in cells.all_inner_texts()]
    button = table.get_by_role("button", name="Perplexity").first
    for order in ("ascending", "descending"):
        button.focus()
        visit.page.keyboard.press("Enter")
        found = [float(text.split()[0].replace(",", "")) for text in cells.all_inner_texts()]
        assert found == sorted(values, reverse=order == "descending")
        assert table.locator("th").nth(1).get_attribute("aria-sort") == order
    table.get_by_role("button", name="Model").click()
    names = table.locator("tbody th").all_inner_texts()
    assert [name.strip() for name in names] == ["3-gram", "LSTM", "mixture"]


def test_panels_are_tabs_with_arrow_keys(visit: Visit) -> None:
    tabs = visit.page.locator("#section-samples [role=tab]")
    panels = visit.page.locator("#section-samples [role=tabpanel]")
    assert [panel.is_visible() for panel in panels.all()] == [True, False, False]
    tabs.first.focus()
    visit.page.keyboard.press("ArrowRight")
    assert [panel.is_visible() for panel in panels.all()] == [False, True, False]
    visit.page.keyboard.press("End")
    assert tabs.nth(2).get_attribute("aria-selected") == "true"


def test_words_are_walked_with_arrow_keys_and_have_tips(visit: Visit) -> None:
    sentence = visit.page.locator("#section-surprisal .words").first
    sentence.focus()
    visit.page.keyboard.press("ArrowRight")
    tip = visit.page.locator("#tip")
    assert tip.is_visible()
    assert sentence.locator(".word").first.inner_text() in tip.inner_text()
    assert "bits, p = " in tip.inner_text()
    visit.page.keyboard.press("Escape")
    assert tip.is_hidden()
    visit.page.locator("#section-bands [data-tip]").last.hover()
    assert "mixture: " in tip.inner_text()


def test_without_script_everything_is_there(browser: Any, path: Path) -> None:
    with Visit(browser, path, java_script_enabled=False) as visit:
        panels = visit.page.locator("#section-samples [data-panel]")
        assert [panel.is_visible() for panel in panels.all()] == [True, True, True]
        assert visit.page.locator("#section-comparison table").first.is_visible()


def test_hostile_text_is_shown_and_runs_nothing(browser: Any, tmp_path: Path) -> None:
    text = [" ".join(HOSTILE), " ".join(reversed(HOSTILE))]
    model = NGram(order=2).fit([*text * 3, *TRAIN])
    file = tmp_path / '"><img src=x onerror=alert(1)>.html'
    nlmkit.report(dict.fromkeys(HOSTILE[:3], model), text, title=HOSTILE[0], samples=10).save(file)
    with Visit(browser, file, "phone") as visit:
        visit.page.locator("#section-surprisal .words").first.focus()
        visit.page.keyboard.press("ArrowRight")
        assert visit.page.evaluate(WIDEST) <= SIZES["phone"]["width"]
        assert visit.page.evaluate("window.hacked === undefined && document.images.length === 0")
        assert visit.page.locator("h1").inner_text() == HOSTILE[0]
        assert (visit.said, visit.requests) == ([], [file.as_uri()])


def test_a_frame_of_a_notebook_shows_the_page(browser: Any, tmp_path: Path, kn: NGram) -> None:
    file = tmp_path / "notebook.html"
    file.write_text(f"<!DOCTYPE html><title>notebook</title>{nlmkit.report(kn, TEST)._repr_html_()}", encoding="utf-8")
    with Visit(browser, file) as visit:
        frame = visit.page.frame_locator("iframe")
        assert frame.locator("h1").inner_text() == "Report of ngram"
        frame.locator("#tip").wait_for(state="attached")  # its script has run
        assert visit.said == []
