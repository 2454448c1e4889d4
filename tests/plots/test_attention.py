"""The picture of attention weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlmkit.errors import DataError

pytest.importorskip("matplotlib")

from nlmkit.plots.attention import MOST_WORDS, plot_attention

SOURCE = ["我", "$x$ _is_", "\x1b[31m"]
TARGET = ["I", "</s>"]
WEIGHTS = [[0.75, 0.25, 0.0], [0.004, 0.0, 0.996]]


@pytest.mark.slow
def test_words_and_weights_are_drawn_and_the_same_sentence_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("p.svg", "q.svg", "p.png", "p.pdf"):
        plot_attention(SOURCE, TARGET, WEIGHTS, tmp_path / name, title="a $title$")
    drawn = (tmp_path / "p.svg").read_text(encoding="utf-8")
    for text in ("我", "$x$ _is_", "I", "&lt;/s&gt;", "75", "25", "100", "a $title$", "source", "target"):
        assert f">{text}<" in drawn, text
    assert "\x1b" not in drawn
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "p.svg").read_bytes() == (tmp_path / "q.svg").read_bytes()


@pytest.mark.slow
def test_a_row_is_a_target_word_and_a_column_a_source_word(tmp_path: Path) -> None:
    from matplotlib import figure as figures

    kept = []
    original = figures.Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures.Figure, "savefig", lambda self, *a, **k: (kept.append(self), original(self, *a, **k)))
        plot_attention(["a", "b", "c"], ["x", "y"], WEIGHTS, tmp_path / "p.svg")
    axes = kept[0].axes[0]
    assert axes.images[0].get_array().tolist() == WEIGHTS
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x", "y"]
    numbers = {text.get_position(): text.get_text() for text in axes.texts}
    assert numbers == {(0, 0): "75", (1, 0): "25", (2, 1): "100"}
    assert axes.get_ylim() == (1.5, -0.5), "the first target word is at the top"


@pytest.mark.slow
def test_long_sentences_are_cut_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = [f"w{number}" for number in range(MOST_WORDS + 5)]
    weights = np.full((2, len(words)), 1 / len(words))
    plot_attention(words, TARGET, weights, tmp_path / "p.svg")
    drawn = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert f">w{MOST_WORDS - 1}<" in drawn
    assert f">w{MOST_WORDS}<" not in drawn
    assert f"the first {MOST_WORDS} of {len(words)} source words are drawn" in caplog.text
    assert "target words" not in caplog.text


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    for source, target, weights in (
        ([], TARGET, np.empty((2, 0))),
        (SOURCE, [], np.empty((0, 3))),
        (SOURCE, TARGET, np.transpose(WEIGHTS)),
    ):
        with pytest.raises(DataError, match=f"{len(source)} source words, {len(target)} target words"):
            plot_attention(source, target, weights, tmp_path / "p.svg")
    for wrong in (np.nan, -0.1, 1.1, np.inf):
        with pytest.raises(DataError, match="numbers from 0 to 1"):
            plot_attention(["a"], ["x"], [[wrong]], tmp_path / "p.svg")
    with pytest.raises(DataError, match="unsupported picture format"):
        plot_attention(["a"], ["x"], [[1]], tmp_path / "p.gif")
    assert list(tmp_path.iterdir()) == []
