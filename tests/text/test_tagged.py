"""Tagged sentences in memory and from files."""

from __future__ import annotations

from pathlib import Path

from nlmkit.text.tagged import TaggedSentences


def test_lists_of_tokens_and_tags() -> None:
    data = TaggedSentences([["a", "b"], [], ["b"]], [["B-X", "I-X"], [], ["O"]], features=[[["n", "v"], [], ["v"]]])
    assert (len(data), data.tokens, data.scheme, data.feature_names) == (3, 3, "IOB2", ("feature 1",))
    assert (data.sentence(0), data.tags_of(-1), data.feature_of(0, 0)) == (["a", "b"], ["O"], ["n", "v"])
    assert data.token_lists() == [["a", "b"], [], ["b"]]


def test_columns(tmp_path: Path) -> None:
    file = tmp_path / "data.txt"
    file.write_text("a N B-X\nb V O\n\n\nc N S-X\n", encoding="utf-8")
    data = TaggedSentences.read(file, feature_columns=[1])
    assert data.token_lists() == [["a", "b"], ["c"]]
    assert data.tag_lists() == [["B-X", "O"], ["S-X"]]
    assert data.split(data.features[0]) == [["N", "V"], ["N"]]
    assert (data.scheme, data.lines.tolist() if data.lines is not None else None) == ("BIOES", [1, 5])
