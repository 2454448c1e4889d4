"""Pictures: what is in them is read back from SVG; that they can be drawn is tried for what is hard to draw."""

from __future__ import annotations

import dataclasses
import math
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from language_models.test_comparison import made_up

from nlmkit.errors import DataError, NlmkitError
from nlmkit.language_models.comparison import Comparison, Ranked
from nlmkit.language_models.report import PerplexityReport
from nlmkit.plots import perplexities as plots
from nlmkit.plots.figure import check_plot
from nlmkit.plots.perplexities import plot_perplexities

pytest.importorskip("matplotlib", reason="pictures need matplotlib")

pytestmark = pytest.mark.slow


def ranked(name: str, perplexity: float, interval: tuple[float, float] | None = None, **facts: Any) -> Ranked:
    report: PerplexityReport = made_up("x", [-1.0, -2.0]).report
    report = dataclasses.replace(report, perplexity=perplexity, events=82430, **facts)
    return Ranked(rank=1, model=name, report=report, interval=interval)


def comparison(*rows: Ranked, differing: tuple[str, ...] = ()) -> Comparison:
    return Comparison(ranked=rows, differences=(), refused=(), differing=differing, notes=(), samples=1000, seed=0)


def texts(path: Path) -> list[str]:
    found = re.findall(r"<text[^>]*>(.*?)</text>", path.read_text(encoding="utf-8"), re.DOTALL)
    spans = (re.sub(r"<[^>]+>", "", text).strip() for text in found)
    return [text.replace("&lt;", "<").replace("&gt;", ">") for text in spans if text]


def test_the_picture_shows_names_figures_and_what_differs(tmp_path: Path) -> None:
    rows = [
        ranked("models/mixture", 76.421, (74.0, 79.0), context="stream", adapted=True),
        ranked("models/kn5", 141.186, (136.5, 145.7), unknown_rule="trained", direction="backward"),
        ranked("broken", math.inf, (3.0, math.inf)),
    ]
    path = tmp_path / "out.svg"
    differing = ("context", "direction", "adapted", "unknown_rule")
    plot_perplexities(comparison(*rows, differing=differing), path, title="ptb/test.txt")
    shown = texts(path)
    for expected in (
        "models/mixture",
        "models/kn5",
        "broken",
        "76.42",
        "141.19",
        "infinite",
        "ptb/test.txt",
        "adapted to the text",
        "stream, forward, <unk> uniform-share",
        "sentence, backward, <unk> trained",
    ):
        assert expected in shown, (expected, shown)
    assert "Perplexity on 82\u202f430 events, lower is better" in shown
    assert "whiskers: 95 % of bootstrap samples" in shown
    order = [shown.index(name) for name in ("models/mixture", "models/kn5", "broken")]
    assert order == sorted(order)


def test_nothing_is_said_that_is_the_same_for_all(tmp_path: Path) -> None:
    plot_perplexities(comparison(ranked("a", 2.0), ranked("b", 3.0)), tmp_path / "out.svg", title="t")
    shown = texts(tmp_path / "out.svg")
    assert "a" in shown
    assert not any("sentence" in text or "adapted" in text or "whiskers" in text for text in shown)


@pytest.mark.parametrize("suffix", ["png", "PNG", "svg", "pdf"])
def test_the_name_tells_the_format(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"out.{suffix}"
    plot_perplexities(comparison(ranked("a", 2.0, (1.5, 2.5))), path, title="t")
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert path.read_bytes().startswith(starts[suffix.lower()])


def test_names_that_are_hard_to_draw(tmp_path: Path) -> None:
    hard = ["$x_1$ \\frac", "模型/五元", "a" * 300 + "-end", "two\nlines\x1b[31m", "", "😀 naïve", "<&>"]
    plot_perplexities(
        comparison(*(ranked(name, 5.0, (4.0, 6.0)) for name in hard)), tmp_path / "out.svg", title="$\\bad"
    )
    shown = texts(tmp_path / "out.svg")
    assert "$x_1$ \\frac" in shown
    assert any(text.startswith("…") and text.endswith("-end") and len(text) == 40 for text in shown)
    plot_perplexities(comparison(*(ranked(name, 5.0) for name in hard)), tmp_path / "out.png", title="模型")


@pytest.mark.parametrize("perplexity", [1.0, 1e12, math.inf])
def test_extreme_perplexities(perplexity: float, tmp_path: Path) -> None:
    plot_perplexities(comparison(ranked("a", perplexity)), tmp_path / "out.png", title="t")
    assert (tmp_path / "out.png").stat().st_size > 1000


@pytest.mark.parametrize("name", ["out.jpg", "out", "png", "out.png.txt"])
def test_an_unknown_format_is_refused_first(name: str, tmp_path: Path) -> None:
    for act in (
        lambda: check_plot(tmp_path / name),
        lambda: plot_perplexities(comparison(), tmp_path / name, title=""),
    ):
        with pytest.raises(DataError, match=r"unsupported picture format: use a file name in \.png, \.svg, \.pdf"):
            act()


def test_without_matplotlib_the_install_line_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NlmkitError, match=r"a picture needs matplotlib: pip install 'nlmkit\[plot\]'"):
        check_plot("out.png")


@pytest.mark.parametrize(
    "code",
    [
        "from nlmkit.plots.perplexities import check_plot; check_plot('out.png')",
        "from nlmkit.plots.curves import plot_learning_curve; plot_learning_curve({}, 'out.png')",
    ],
)
def test_an_unknown_backend_is_one_error(code: str) -> None:
    import os
    import subprocess
    import sys

    result = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env={**os.environ, "MPLBACKEND": "x"}
    )
    assert result.stderr.splitlines()[-1] == (
        "nlmkit.errors.NlmkitError: unknown matplotlib backend 'x' in MPLBACKEND: unset it, since pictures in files "
        "do not require it"
    )


def test_a_place_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "nowhere" / "out.png", tmp_path / "folder.png"):
        with pytest.raises(DataError, match="the picture cannot be written there: choose another file"):
            check_plot(path)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_names_that_are_no_utf8(suffix: str, tmp_path: Path) -> None:
    name = b"m\xff$".decode("utf-8", "surrogateescape")
    path = tmp_path / f"{name}.{suffix}"
    plot_perplexities(comparison(ranked(name, 2.0)), path, title=name)
    assert path.stat().st_size > 1000
    if suffix == "svg":
        assert texts(path).count("m\ufffd$") == 2


def test_a_picture_has_no_more_pixels_than_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plots._TALLEST * 150 < 2**16
    monkeypatch.setattr(plots, "_TALLEST", 5.0)
    plot_perplexities(comparison(*(ranked("a", 2.0) for _ in range(9))), tmp_path / "out.svg", title="t")
    assert 'height="360pt"' in (tmp_path / "out.svg").read_text()


def test_settings_of_the_user_do_not_matter(tmp_path: Path) -> None:
    import matplotlib

    for name, settings in (("one.png", {}), ("other.png", {"text.usetex": True, "font.family": "cursive"})):
        with matplotlib.rc_context(settings):
            plot_perplexities(comparison(ranked("$a", 2.0)), tmp_path / name, title="t")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_importing_the_module_imports_no_matplotlib() -> None:
    import subprocess
    import sys

    code = "import nlmkit.plots.perplexities, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
