"""Projections: components against the covariance's eigenvectors, labels that never overlap, and what is in the file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.representations import ToyVectors, toy

from nlmkit.errors import DataError, NotFittedError
from nlmkit.plots import fonts, projection
from nlmkit.plots.projection import DEFAULT_WORDS, MOST_WORDS, place_labels, plot_projection, project

pytest.importorskip("matplotlib", reason="pictures need matplotlib")


def random_toy(words: int = 30, names: list[str] | None = None, **options: Any) -> ToyVectors:
    rows = np.random.default_rng(2).normal(size=(words, 8))
    return toy(dict(zip(names or [f"word{n}" for n in range(words)], rows, strict=True)), **options)


def texts(path: Path) -> list[str]:
    found = re.findall(r"<text[^>]*>(.*?)</text>", path.read_text(encoding="utf-8"), re.DOTALL)
    return [re.sub(r"<[^>]+>", "", text).strip().replace("&lt;", "<").replace("&gt;", ">") for text in found]


# ------------------------------------------------------------------------------------------------- the projection


def test_components_are_the_covariances_eigenvectors() -> None:
    vectors = np.random.default_rng(3).normal(size=(20, 6)) * [5, 4, 3, 2, 1, 1]
    found = project(vectors)
    values, axes = np.linalg.eigh(np.cov(vectors.T))
    for axis in range(2):
        direction = axes[:, -1 - axis]
        direction = direction * np.sign(direction[np.abs(direction).argmax()])
        assert found.points[:, axis] == pytest.approx((vectors - vectors.mean(axis=0)) @ direction)
        assert found.explained[axis] == pytest.approx(values[-1 - axis] / values.sum())


def test_moving_the_vectors_moves_nothing() -> None:
    vectors = np.random.default_rng(3).normal(size=(20, 6))
    assert project(vectors + 5).points == pytest.approx(project(vectors).points)


def test_two_vectors_lie_on_a_line() -> None:
    found = project([[0.0, 3.0], [4.0, 0.0]])
    assert np.abs(found.points[:, 0]).tolist() == pytest.approx([2.5, 2.5])
    assert found.points[:, 1] == pytest.approx([0, 0])
    assert found.explained == pytest.approx((1, 0))
    assert project([[1.0], [3.0]]).points == pytest.approx(np.array([[-1.0, 0.0], [1.0, 0.0]]))


@pytest.mark.parametrize("vectors", [[[1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]], np.empty((3, 0)), [1.0, 2.0]])
def test_what_cannot_be_projected_is_refused(vectors: Any) -> None:
    with pytest.raises(DataError):
        project(vectors)


# ---------------------------------------------------------------------------------------------------- the labels


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(0, 300), st.floats(0, 200), st.floats(1, 90), st.floats(1, 20)), min_size=1, max_size=40
    )
)
def test_labels_overlap_nothing(rows: list[tuple[float, float, float, float]]) -> None:
    points, sizes = np.array(rows)[:, :2], np.array(rows)[:, 2:]
    corners = place_labels(points, sizes, 300, 200)
    placed = ~np.isnan(corners).any(axis=1)
    boxes = np.concatenate([corners, corners + sizes], axis=1)[placed]
    assert (boxes >= 0).all()
    assert (boxes <= [300, 200, 300, 200]).all()
    for one, box in enumerate(boxes):
        inside = (points > box[:2]).all(axis=1) & (points < box[2:]).all(axis=1)
        assert not inside.any()
        for other in boxes[:one]:
            assert (box[:2] >= other[2:]).any() or (box[2:] <= other[:2]).any()
    assert np.array_equal(corners, place_labels(points, sizes, 300, 200), equal_nan=True)


def test_a_single_label_stands_right_of_its_point() -> None:
    (corner,) = place_labels([[50, 50]], [[20, 10]], 100, 100)
    assert corner[0] > 50
    assert corner[1] == pytest.approx(45)
    (corner,) = place_labels([[95, 50]], [[20, 10]], 100, 100)
    assert corner[0] + 20 < 95  # no room there, so left


def test_a_label_without_room_is_left_out() -> None:
    corners = place_labels([[50, 50], [50, 50]], [[98, 40], [98, 98]], 100, 100)
    assert not np.isnan(corners[0]).any()
    assert np.isnan(corners[1]).all()


def test_crowded_points_all_get_labels() -> None:
    points = np.random.default_rng(0).normal((250, 200), 40, size=(60, 2))
    assert not np.isnan(place_labels(points, np.tile([30.0, 11.0], (60, 1)), 500, 400)).any()


# --------------------------------------------------------------------------------------------------- the picture


def test_every_word_is_in_the_picture(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(5, 25)]
    path = tmp_path / "out.svg"
    assert plot_projection(random_toy(), path, [*words, "word5"], title="glove <100 d>") == []
    shown = texts(path)
    assert [text for text in shown if text.startswith("word")] == words
    assert "glove <100 d>" in shown
    share = project(random_toy().vectors(words)).explained[0]
    assert f"first principal component ({share:.1%} of the variance)" in shown


@pytest.mark.slow
def test_labels_in_the_file_do_not_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the renderer itself says that the text is."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    boxes: list[Any] = []

    def keep(figure: Figure, *args: Any, **kwargs: Any) -> None:
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes.extend(text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_text())

    monkeypatch.setattr(Figure, "savefig", keep)
    notes = plot_projection(random_toy(80), tmp_path / "out.png", [f"word{n}" for n in range(80)])
    assert notes == []
    assert len(boxes) == 80
    for one, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:one])


def test_the_most_frequent_words_are_drawn_by_default(tmp_path: Path) -> None:
    counts = np.random.default_rng(0).permutation(100).tolist()
    names = [f"word{n}" for n in range(100)]
    marks = {"“": [1.0] * 8, "…": [2.0] * 8}
    vectors = dict(zip(names, random_toy(100).vectors(names), strict=True)) | marks
    plot_projection(toy(vectors, counts=[*counts, 500, 600]), tmp_path / "out.svg")
    assert not set(marks) & set(texts(tmp_path / "out.svg"))
    shown = {text for text in texts(tmp_path / "out.svg") if text.startswith("word")}
    assert shown == {f"word{n}" for n in range(100) if counts[n] >= 100 - DEFAULT_WORDS}


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_the_name_tells_the_format(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"out.{suffix}"
    plot_projection(random_toy(), path)
    assert path.read_bytes().startswith({"png": b"\x89PNG", "pdf": b"%PDF"}[suffix])


def test_the_same_words_give_the_same_picture(tmp_path: Path) -> None:
    for name in ("one.png", "other.png"):
        plot_projection(random_toy(), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_words_without_vectors_are_left_out_with_a_note(tmp_path: Path) -> None:
    notes = plot_projection(random_toy(), tmp_path / "out.svg", ["word1", "nobody", "word2", "word3", "<s>"])
    assert notes == ["no vectors, so not drawn: nobody, <s>"]
    assert "nobody" not in texts(tmp_path / "out.svg")


def test_labels_without_room_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "place_labels", lambda points, *_: np.full((len(points), 2), np.nan))
    (note,) = plot_projection(random_toy(), tmp_path / "out.svg")
    assert note.startswith("30 of 30 labels had no room (word0, word1, word2, word3, word4, …)")


def test_characters_that_no_font_has_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import font_manager

    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    monkeypatch.setattr(fonts, "PACKAGED", ("nlmkit_no_fonts", ""))
    words = ["好", "差", "很好", "plain"]
    for name, remedy in (("out.png", "install one"), ("out.svg", "an .svg keeps them as text")):
        (note,) = plot_projection(random_toy(4, words), tmp_path / name)
        assert note.startswith("no installed font has the characters 好差很")
        assert remedy in note
    assert set(words) <= set(texts(tmp_path / "out.svg"))


def test_labels_that_are_hard_to_draw(tmp_path: Path) -> None:
    names = ["$x_1$", "\\frac", "a" * 300, "two\u2028lines", "\x1b[31m", "_", "^"]
    plot_projection(random_toy(7, names), tmp_path / "out.svg", title="$\\bad")
    shown = texts(tmp_path / "out.svg")
    assert {"$x_1$", "\\frac", "a" * 39 + "…", "two�lines", "�[31m", "$\\bad"} <= set(shown)


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"three words that have vectors, and 2 of 3"):
        plot_projection(random_toy(), tmp_path / "out.png", ["word1", "word2", "nobody"])
    with pytest.raises(DataError, match=f"at most {MOST_WORDS}"):
        plot_projection(random_toy(501), tmp_path / "out.png", [f"word{n}" for n in range(501)])
    with pytest.raises(DataError, match=r"unsupported picture format: use a file name in \.png"):
        plot_projection(random_toy(), tmp_path / "out.jpg")
    with pytest.raises(NotFittedError):
        plot_projection(ToyVectors(), tmp_path / "out.png")
    assert not list(tmp_path.iterdir())


def test_importing_the_module_imports_no_matplotlib() -> None:
    code = "import nlmkit.plots.projection, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
