"""Trees that come bit by bit: the same as when they are read at once, each as soon as it is complete."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text.decoding import Decoding
from nlmkit.text.tree_streaming import stream_trees
from nlmkit.text.trees import LabelledTrees

LITERAL = Decoding(marks="literal")
WORD = "1\t{}\t_\t_\t_\t_\t0\t_\t_\t_\n"


def test_streamed_trees_are_those_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "trees.txt"
    file.write_text("".join(f"(1 (2 w{number})\n (3 \0)) " for number in range(600)), encoding="utf-8")
    parts = [*stream_trees([str(file), "corpus:trees-zh/test"], LITERAL)]
    whole = LabelledTrees.read(file)
    assert [text for part in parts for text in part.strings()] == [
        *whole.strings(),
        *LabelledTrees.read("corpus:trees-zh/test").strings(),
    ]
    lines = [part.lines for part in parts if part.source == str(file)]
    assert np.concatenate(lines).tolist() == whole.lines.tolist()  # type: ignore[arg-type,union-attr]
    assert next(iter(stream_trees([str(file)], LITERAL, "brackets"))).form == "constituency"


def test_dependencies(tmp_path: Path) -> None:
    file = tmp_path / "trees.conllu"
    file.write_text("\n".join(WORD.format(f"w{number}") for number in range(300)), encoding="utf-8")
    parts = [*stream_trees([str(file)], LITERAL)]
    assert len(parts) == 2
    assert [text for part in parts for text in part.texts] == [f"w{number}" for number in range(300)]
    assert {part.form for part in parts} == {"dependency"}
    file.write_text(WORD.format("w") + "\n# the end\n", encoding="utf-8")
    assert [part.texts for part in stream_trees([str(file)], LITERAL)] == [("w",)]


def test_trees_before_a_fault_come_out(tmp_path: Path) -> None:
    file = tmp_path / "trees.txt"
    file.write_text("(1 a) (2 b)\n(3 (1 c) (1 (2\n", encoding="utf-8")
    stream = stream_trees([str(file), str(tmp_path / "missing")], LITERAL)
    assert next(stream).strings() == ["(1 a)", "(2 b)"]
    with pytest.raises(DataError, match=r"trees\.txt, line 2: unbalanced brackets: 3 brackets"):
        next(stream)
    (tmp_path / "empty.txt").touch()
    stream = stream_trees([str(tmp_path / "empty.txt"), str(tmp_path / "missing")], LITERAL)
    with pytest.raises(DataError, match="missing"):
        next(stream)
    with pytest.raises(HyperParameterError, match="cannot lose its word"):
        next(stream_trees([str(file)], Decoding(marks="skip")))
    file.write_text("(1 <s>)", encoding="utf-8")
    with pytest.raises(DataError, match="<s>"):
        next(stream_trees([str(file)], Decoding()))


def test_a_tree_comes_out_of_a_pipe_when_it_is_complete() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        os.write(writing, b"(1 a)\n(1\n")
        stream = stream_trees([f"/dev/fd/{pipe.fileno()}"], LITERAL)
        os.write(writing, b"(1 b) (2 c))\n")
        assert next(stream).strings() == ["(1 a)", "(1 (1 b) (2 c))"]
        os.write(writing, b"(2 d)\n")
        assert next(stream).strings() == ["(2 d)"]
        os.close(writing)
        assert [*stream] == []
