"""Blocks of lines: as characters or as UTF-8, the same text and the same faults."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError
from nlmkit.text import Corpus, Decoding, TextPipeline
from nlmkit.text.blocks import TextBlock, byte_blocks, line_blocks
from nlmkit.text.labelled import encode
from nlmkit.text.sources import ByteReader, ByteSource

PARTS = ["a b", "é", "\n", "\r\n", "中", "\0", "\ufeff", "\x85", "\U0001f600", "<s>"]


def blocks_of(data: bytes, decoding: Decoding, size: int, *, characters: bool) -> list[TextBlock] | list[object]:
    """The blocks, and what the error says if there is one."""
    made: list[object] = []
    try:
        with ByteReader(ByteSource("text", "text", stream=io.BytesIO(data)), utf8=decoding.is_utf8) as reader:
            made += byte_blocks(reader, decoding, "text", size=size, characters=characters)
    except DataError as error:
        made.append((str(error), error.line, error.byte))
    return made


def as_characters(block: object) -> object:
    if not isinstance(block, TextBlock):
        return block
    text = block.text()
    assert (block.lines, block.characters, block.size) == (text.count("\n"), len(text), len(text.encode()))
    return block.first_line, text


@given(
    st.lists(st.sampled_from(PARTS), max_size=12),
    st.sampled_from(["utf-8", "utf-16-le", "gb18030", "cp1252"]),
    st.sampled_from(["strict", "replace"]),
    st.sampled_from(["error", "skip", "literal"]),
    st.binary(max_size=2),
    st.integers(1, 30),
)
def test_both_forms_hold_the_same_text(
    parts: list[str], encoding: str, errors: str, marks: str, fault: bytes, size: int
) -> None:
    decoding = Decoding(encoding, errors, marks)  # type: ignore[arg-type]
    data = "".join(parts).encode(encoding, "ignore")
    for text in (data, data + fault, fault + data):
        found = {form: blocks_of(text, decoding, size, characters=form) for form in (False, True)}
        for form, blocks in found.items():
            kind = str if form else bytes
            assert all(isinstance(block.content, kind) for block in blocks if isinstance(block, TextBlock))
        assert [as_characters(block) for block in found[False]] == [as_characters(block) for block in found[True]]


@pytest.mark.parametrize("characters", [False, True])
def test_lines_in_both_forms(characters: bool) -> None:
    lines = ["a b", "", "é\n", "中 文"]
    (block,) = line_blocks(lines, Decoding(), "lines", size=100, most=10, characters=characters)
    text = "a b\n\né\n中 文\n"
    assert block == TextBlock(text if characters else text.encode(), 1, 4, len(text), len(text.encode()))
    assert [(part.first_line, part.text()) for part in block.split(3)] == [(1, "a b\n\né\n"), (4, "中 文\n")]
    made = line_blocks(["x", "a\ud800"], Decoding(errors="replace"), "lines", size=100, most=10, characters=characters)
    assert [part.text() for part in made] == ["x\na\ufffd\n"]
    with pytest.raises(DataError, match=r"line 2: lone surrogate U\+D800"):
        list(line_blocks(["x", "a\ud800"], Decoding(), "lines", size=100, most=10, characters=characters))


@pytest.mark.parametrize("tokenizer", ["word", "char"])
def test_characters_are_not_made_bytes_to_become_tokens(tokenizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.text import indexing

    seen = []

    class Index(indexing.TypeIndex):
        def add(self, block: TextBlock, name: str) -> object:  # type: ignore[override]
            seen.append(type(block.content))
            return super().add(block, name)

    monkeypatch.setattr("nlmkit.text.corpus.TypeIndex", Index)
    pipeline = TextPipeline(tokenizer=tokenizer)
    corpus = encode(["a b", "é"], pipeline)
    assert corpus.tokens == {"word": 3, "char": 4}[tokenizer]
    Corpus.read(io.BufferedReader(io.BytesIO("a b\né\n".encode())), pipeline)  # type: ignore[arg-type]
    Corpus.read(["a b", "é"])
    assert seen == [str, str, bytes]
