"""Tagged sentences as they come: the same as when read at once, each as soon as its last line is there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import tagged_reading
from nlmkit.text.decoding import Decoding
from nlmkit.text.tagged import TaggedSentences
from nlmkit.text.tagged_streaming import stream_sentences

TEXT = "He PRP O\nleft VBD O\n\n\nRome NNP B-LOC\n\n-DOCSTART- -X- O\n\nis VBZ O\n"
CONLLU = (
    "# a\n1\tHe\t_\tPRON\t_\t_\t_\t_\t_\t_\n1.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n\n1\tRome\t_\tPROPN\t_\t_\t_\t_\t_\t_\n"
)


def in_parts(text: str, ends: list[int], monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[TaggedSentences]:
    """What streaming yields of a text that arrives in parts that end before these lines."""
    lines = text.splitlines(keepends=True)
    bounds = sorted({0, len(lines), *(end for end in ends if end < len(lines))})
    blocks = ["".join(lines[start:end]) for start, end in itertools.pairwise(bounds)]

    def decoded(*args: Any, **kwargs: Any) -> Iterator[str]:
        yield from blocks

    monkeypatch.setattr(tagged_reading, "decoded", decoded)
    return list(stream_sentences(["-"], **options))


def rows(parts: list[TaggedSentences]) -> list[tuple[Any, ...]]:
    """Tokens, tags, features and line of each sentence."""
    return [
        (
            part.sentence(index),
            part.tags_of(index) if part.tags else None,
            [part.feature_of(place, index) for place in range(len(part.features))],
            int(part.lines[index]) if part.lines is not None else None,
        )
        for part in parts
        for index in range(len(part))
    ]


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), max_size=9), st.sampled_from([TEXT, CONLLU, TEXT.replace(" ", "\t"), "", "\n\n"]))
def test_parts_of_any_size_give_the_same_sentences(ends: list[int], text: str) -> None:
    is_conllu = text == CONLLU
    options: Any = {"format": "conllu" if is_conllu else "columns", "feature_columns": ("id",) if is_conllu else (1,)}
    with pytest.MonkeyPatch.context() as patch:
        found = rows(in_parts(text, ends, patch, **options, scheme="plain" if is_conllu else "IOB2"))
    if text.strip():
        whole = TaggedSentences.read(iter(text.splitlines()), **options)
        assert found == rows([whole])
    else:
        assert found == []


def test_a_sentence_comes_out_with_the_blank_line_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def decoded(*args: Any, eager: bool = False, **kwargs: Any) -> Iterator[str]:
        assert eager
        for number, line in enumerate(TEXT.splitlines(keepends=True), 1):
            taken.append(number)
            yield line

    monkeypatch.setattr(tagged_reading, "decoded", decoded)
    seen = [(part.token_lists(), taken[-1]) for part in stream_sentences(["-"], feature_columns=(1,))]
    assert seen == [([["He", "left"]], 3), ([["Rome"]], 6), ([["is"]], 9)]


def test_sentences_before_the_block_with_a_fault_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = ["He PRP O\n\n", "left VBD\n"]
    monkeypatch.setattr(tagged_reading, "decoded", lambda *args, **kwargs: iter(parts))
    stream = stream_sentences(["-"])
    assert next(stream).token_lists() == [["He"]]
    with pytest.raises(DataError, match=r"-, line 3: 2 columns, expected 3 as on line 1"):
        next(stream)


def test_tags_of_another_scheme_are_named_by_their_line(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("He O\n\nRome S-LOC\n")
    with pytest.raises(DataError, match=r"t.txt, line 3: S-LOC is not a tag of the scheme IOB2"):
        list(stream_sentences([str(tmp_path / "t.txt")], scheme="IOB2"))


def test_files_of_several_formats_are_read_in_turn(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("He x\n")
    (tmp_path / "b.conllu").write_text(CONLLU)
    names = [str(tmp_path / name) for name in ("a.txt", "b.conllu")]
    found = list(stream_sentences(names, tag_column=None, decoding=Decoding(marks="literal")))
    assert [tokens for part in found for tokens in part.token_lists()] == [["He"], ["He"], ["Rome"]]
    assert all(part.tags is None for part in found)
    assert list(dict.fromkeys(part.source for part in found)) == names
    with pytest.raises(HyperParameterError, match=r"must be one of columns, conllu, segmented, not 'conll'"):
        list(stream_sentences(names, format="conll"))


def test_marks_are_dealt_with_as_in_reading(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("<s> O\na\0b O\n")
    (found,) = stream_sentences([str(tmp_path / "t.txt")])
    assert found.token_lists() == TaggedSentences.read(tmp_path / "t.txt").token_lists()
    with pytest.raises(DataError, match="line"):
        list(stream_sentences([str(tmp_path / "t.txt")], decoding=Decoding(marks="error")))
