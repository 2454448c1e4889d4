"""The picture of a sentence and the probabilities of its tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlmkit.errors import DataError

pytest.importorskip("matplotlib")

from nlmkit.plots.tag_probabilities import MOST_TAGS, MOST_TOKENS, plot_tag_probabilities

TOKENS = ["北京", "$x$ _is_", "\x1b[31m"]
TAGS = ["O", "S-LOC"]
SHARES = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]


@pytest.mark.slow
def test_tokens_tags_and_probabilities_are_drawn(tmp_path: Path) -> None:
    for name in ("p.svg", "q.svg", "p.png"):
        plot_tag_probabilities(TOKENS, ["S-LOC", "O", "O"], SHARES, TAGS, tmp_path / name, title="a $title$")
    drawn = (tmp_path / "p.svg").read_text(encoding="utf-8")
    for text in ("北京", "$x$ _is_", "S-LOC", "75", "100", "a $title$", "probability"):
        assert f">{text}<" in drawn, text
    assert "\x1b" not in drawn
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "p.svg").read_bytes() == (tmp_path / "q.svg").read_bytes()


@pytest.mark.slow
def test_cells_are_probabilities_and_frames_are_predicted_tags(tmp_path: Path) -> None:
    from matplotlib import figure as figures

    kept = []
    original = figures.Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures.Figure, "savefig", lambda self, *a, **k: (kept.append(self), original(self, *a, **k)))
        plot_tag_probabilities(["a", "b", "c"], ["S-LOC", "O", "O"], SHARES, TAGS, tmp_path / "p.svg")
    axes = kept[0].axes[0]
    assert axes.images[0].get_array().tolist() == np.transpose(SHARES).tolist()
    assert [(patch.get_x() + 0.5, patch.get_y() + 0.5) for patch in axes.patches] == [(0, 1), (1, 0), (2, 0)]
    assert [text.get_text() for text in axes.texts] == ["25", "75", "100", "50", "50"]


@pytest.mark.slow
def test_long_sentences_and_many_tags_are_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tags = [f"T{number}" for number in range(MOST_TAGS + 30)]
    length = MOST_TOKENS + 5
    shares = np.zeros((length, len(tags)))
    shares[:, -1], shares[:, 7], shares[:, 9:60] = 0.5, 0.1, 0.4 / 51
    plot_tag_probabilities([f"w{n}" for n in range(length)], [tags[-1]] * length, shares, tags, tmp_path / "p.svg")
    drawn = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert f">w{MOST_TOKENS - 1}<" in drawn
    assert f">w{MOST_TOKENS}<" not in drawn
    assert f">{tags[-1]}<" in drawn
    assert ">T7<" in drawn
    assert drawn.count(">T") == MOST_TAGS
    assert f"the first {MOST_TOKENS} of {length} tokens are drawn" in caplog.text


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    for tokens, predicted, shares in (([], [], np.empty((0, 2))), (["a"], [], [[1, 0]]), (["a"], ["O"], [[1]])):
        with pytest.raises(DataError, match=f"{len(tokens)} tokens"):
            plot_tag_probabilities(tokens, predicted, shares, TAGS, tmp_path / "p.svg")
    with pytest.raises(DataError, match="unsupported picture format"):
        plot_tag_probabilities(["a"], ["O"], [[1, 0]], TAGS, tmp_path / "p.gif")
    assert list(tmp_path.iterdir()) == []
