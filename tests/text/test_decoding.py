"""Decoding under fire: any bytes in any encoding are read or refused with their place; and CR for a line end."""

from __future__ import annotations

import io
import logging
import random
from pathlib import Path
from typing import Any

import pytest

from nlmkit.errors import DataError
from nlmkit.text import Corpus, TextPipeline, Vocabulary, stream_blocks
from nlmkit.text.labelled import LabelledTexts

pytestmark = pytest.mark.slow

ENCODINGS = (
    "utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be utf-7 utf-8 utf-8-sig gb18030 gbk gb2312 big5 big5hkscs "
    "shift_jis shift_jis_2004 shift_jisx0213 cp932 cp949 cp950 euc_jp euc_jis_2004 euc_jisx0213 euc_kr johab hz "
    "iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext iso2022_kr cp1252 ascii cp037"
)
LINES = ["hello world\n", "中文 文本\n", "日本語 カナ\n", "한국어\n", "\U0001f600 x\n", "é\n", "a\0b\n", "x \r y"]
FAULTS = [
    *(b"\x00\xd8", b"\x00\xdc", b"\xd8\x00", b"\xdc\x00", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\xef\xbb\xbf"),
    *(b"\x1b$B", b"\x1b(B", b"\x1b$)C", b"\x1b$(D", b"\x0e", b"\x0f", b"~{", b"~}", b"+", b"+AGE-", b"+2AA-", b"-"),
    *(b"\n", b"\0", b"\x81", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
]


def read(data: bytes, pipeline: TextPipeline) -> Corpus:
    stream = io.BytesIO(data)
    stream.name = "file"  # type: ignore[attr-defined]
    return Corpus.read(stream, pipeline)


def corpus_or_error(data: bytes, pipeline: TextPipeline) -> Corpus | DataError:
    try:
        return read(data, pipeline)
    except DataError as error:
        return error


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS.split())
def test_any_bytes_are_read_or_refused_with_their_place(encoding: str) -> None:
    random_ = random.Random(encoding)
    for _ in range(400):
        parts = []
        for _ in range(random_.randint(1, 6)):
            line = random_.choice(LINES).encode(encoding, "ignore")
            parts.append(random_.choice([line, line, random_.choice(FAULTS), random_.randbytes(random_.randint(1, 8))]))
        data = b"".join(parts)
        options: dict[str, Any] = {
            "errors": random_.choice(["strict", "strict", "replace", "ignore"]),
            "marks": random_.choice(["error", "skip", "literal"]),
            "tokenizer": random_.choice(["space", "char", "word"]),
            "unicode_form": random_.choice([None, "NFC", "NFKD"]),
        }
        pipeline = TextPipeline(encoding=encoding, **options)
        found = corpus_or_error(data, pipeline)
        if isinstance(found, Corpus):
            streamed = list(stream_blocks(io.BytesIO(data), pipeline))
            assert sum(block.corpus.tokens for block in streamed) == found.tokens, (data, options)
        else:
            assert found.source == "file", (data, options)
            assert found.line, (data, options)
            assert found.byte is None or 0 <= found.byte <= len(data), (data, options)
            assert found.byte is not None or "the mark that models put" in str(found), (data, options)


@pytest.mark.parametrize(
    ("encoding", "data", "line", "byte", "problem"),
    [
        ("utf-16", b"\x00\xdc", 1, 0, "not valid utf-16"),
        ("utf-16", b"\x41\x00\x00\xdc", 1, 0, "no byte order mark, use --encoding utf-16-le"),
        ("utf-16", b"\xff\xfea\0\n\0\x00\xd8x\0", 2, 6, "byte 0x00 is not valid utf-16"),
        ("utf-16", b"\xff\xfea\0\n\0\x00\xdc", 2, 6, "byte 0x00 is not valid utf-16"),
        ("utf-16-be", b"\0a\0\n\xd8\x00\0x", 2, 4, "byte 0xD8 is not valid utf-16-be"),
        ("utf-32", b"a\0\0\0", 1, 0, "no byte order mark, use --encoding utf-32-le"),
        ("utf-32-le", b"a\0\0\0\x00\xd8\0\0", 1, 4, "not valid utf-32-le"),
        ("utf-7", b"a\n+2AA-\n", 2, 8, r"lone surrogate U\+D800"),
    ],
)
def test_half_a_surrogate_is_named(encoding: str, data: bytes, line: int, byte: int, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        read(data, TextPipeline(encoding=encoding))
    assert (caught.value.source, caught.value.line, caught.value.byte) == ("file", line, byte)


# ---- lines that end with CR ----


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_one_line_that_is_several_by_cr_is_noted(encoding: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read("a b\rc d\re\r".encode(encoding), TextPipeline(encoding=encoding)).sentences == 1
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("nlmkit", logging.WARNING)
    assert "file: the whole text is one line, with 2 carriage returns in it" in record.getMessage()
    assert "classic Mac OS" in record.getMessage()


@pytest.mark.parametrize("text", ["a b", "a b\r", "a b\r\n", "a\rb\r\nc\r\n", "a\n\rb", "", "\r"])
def test_other_texts_are_not(text: str, caplog: pytest.LogCaptureFixture) -> None:
    read(text.encode(), TextPipeline())
    assert not caplog.records


def test_every_reader_notes_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"pos\tgood\rneg\tbad\r")
    assert LabelledTexts.read(path).labels.tolist() == ["pos"]
    Vocabulary.from_corpus(Corpus.read(["x"]), file=_words(tmp_path, b"x"))
    assert len(caplog.records) == 1
    assert len(list(stream_blocks(path))) == 1
    assert len(caplog.records) == 2
    with pytest.raises(DataError):
        Vocabulary.from_corpus(Corpus.read(["x y"]), file=_words(tmp_path, b"x\ry\r"))
    assert len(caplog.records) == 3


def _words(folder: Path, data: bytes) -> Path:
    path = folder / "words.txt"
    path.write_bytes(data)
    return path
