"""Reading: where text may come from, what is refused, and that nothing depends on how it is cut into blocks."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError, PluginError
from nlmkit.text import Corpus, TextPipeline, indexing
from nlmkit.text import blocks as blocks_module
from nlmkit.text.corpus import _read, stream_blocks
from nlmkit.text.sources import expand

from . import reference

pytestmark = pytest.mark.slow

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}

# Separators and look-alikes of separators, twice the line feed, and the pieces of the reserved words.
PIECES = [
    *"ab \t\r\v\f\n\n",
    "\xa0",
    "\u3000",
    "\u2028",
    "\x85",
    "é",
    "中",
    "<s>",
    "</s>",
    "<",
    "s>",
    "\ufeff",
    "▁",
    "e\u0301",
]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def sentences_of(corpus: Corpus) -> list[list[str]]:
    return [corpus.sentence(number) for number in range(corpus.sentences)]


def read_bytes(data: bytes, pipeline: TextPipeline | None = None, block_bytes: int = 1 << 20) -> Corpus:
    return _read(expand(io.BytesIO(data)), pipeline or TextPipeline(), None, block_bytes=block_bytes)


def error_of(read: Callable[..., object], *arguments: object, **options: object) -> DataError:
    with pytest.raises(DataError) as caught:
        read(*arguments, **options)
    assert "\n" not in str(caught.value)
    return caught.value


# ---- against the slow reference ----


@pytest.mark.parametrize("tokenizer", ["space", "word", "char"])
@given(text=texts, size=st.integers(1, 50))
def test_reads_what_the_slow_reference_reads(tokenizer: str, text: str, size: int) -> None:
    data = text.encode()
    pipeline = TextPipeline(tokenizer=tokenizer)
    expected = reference.read(data, tokenizer)
    if isinstance(expected, reference.Refused):
        error = error_of(read_bytes, data, pipeline, size)
        assert (error.line, error.byte) == expected
        return
    corpus = read_bytes(data, pipeline, size)
    assert sentences_of(corpus) == expected
    assert list(corpus.types) == list(dict.fromkeys(token for sentence in expected for token in sentence))
    raw = reference.raw_text(data)
    assert (corpus.characters, corpus.bytes) == (len(raw), len(raw.encode()))


@given(
    st.lists(st.sampled_from([b"a", b" ", b"\n", b"\xc3\xa9", b"\xe4\xb8\xad", b"\xff", b"\xe4", b"\xb8"])),
    st.integers(1, 9),
)
def test_invalid_utf8_is_named_to_the_byte(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)
    expected = reference.read(data)
    if isinstance(expected, reference.Refused):
        error = error_of(read_bytes, data, block_bytes=size)
        assert (error.line, error.byte) == expected
        assert "--encoding" in error.problem
        assert "--errors" in error.problem
    else:
        assert sentences_of(read_bytes(data, block_bytes=size)) == expected


@given(texts, st.sampled_from(["space", "word", "char"]), st.booleans(), st.sampled_from([None, "NFC", "NFKD"]))
def test_blocks_of_any_size_give_the_same_corpus(text: str, tokenizer: str, lowercase: bool, form: Any) -> None:
    data = text.replace("s>", "s").encode()
    pipeline = TextPipeline(tokenizer=tokenizer, lowercase=lowercase, unicode_form=form)
    whole = read_bytes(data, pipeline)
    assert sentences_of(whole) == [
        pipeline.tokenize(line) for line in reference.lines_of(data.decode().removeprefix("\ufeff"))
    ]
    for size in (1, 2, 3, 7, 64):
        part = read_bytes(data, pipeline, size)
        assert part.events_digest == whole.events_digest
        assert (part.characters, part.bytes) == (whole.characters, whole.bytes)


ENCODINGS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "gb18030"]


@given(texts, st.integers(1, 9))
def test_other_encodings_give_the_same_corpus(text: str, size: int) -> None:
    text = text.replace("s>", "s").lstrip("\ufeff")
    expected = read_bytes(text.encode())
    for encoding in ENCODINGS:
        corpus = read_bytes(text.encode(encoding), TextPipeline(encoding=encoding), size)
        assert sentences_of(corpus) == sentences_of(expected)
        # Raw sizes are of the text, not of the bytes that one encoding happens to need.
        assert (corpus.characters, corpus.bytes) == (expected.characters, expected.bytes)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift_jis", "iso2022_jp", "big5", "koi8-r"])
def test_legacy_encodings(encoding: str) -> None:
    text = {"latin-1": "é\x85 ü\x0b", "koi8-r": "мир ы"}.get(encoding, "中 文" if encoding != "cp1252" else "“é” €")
    data = f"{text}\r\n\n{text}".encode(encoding)
    for size in (1, 2, 100):
        corpus = read_bytes(data, TextPipeline(encoding=encoding), size)
        assert sentences_of(corpus) == [text.split(" "), [], text.split(" ")]


# ---- small texts ----


@pytest.mark.parametrize(
    ("data", "sentences", "raw"),
    [
        (b"", [], ""),
        (b"\n", [[]], "\n"),
        (b"\n \n\t\r\n", [[], [], []], "\n \n\t\r\n"),
        (b"a", [["a"]], "a\n"),
        (b"a\n", [["a"]], "a\n"),
        (b"a\r\nb\r\n", [["a"], ["b"]], "a\r\nb\r\n"),
        (b"a\rb", [["a", "b"]], "a\rb\n"),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [["a"], ["\ufeffb"]], "a\n\ufeffb\n"),
        (b"\xef\xbb\xbf", [], ""),
        (b"\xef\xbb\xbf\n", [[]], "\n"),
        (b"a</s>b <unk> <S>", [["a</s>b", "<unk>", "<S>"]], "a</s>b <unk> <S>\n"),
        ("a\u2028b\x85c\vd\fe".encode(), [["a\u2028b\x85c\vd\fe"]], "a\u2028b\x85c\vd\fe\n"),
    ],
)
def test_small_texts(data: bytes, sentences: list[list[str]], raw: str) -> None:
    for size in (1, 1000):
        corpus = read_bytes(data, block_bytes=size)
        assert sentences_of(corpus) == sentences
        assert (corpus.characters, corpus.bytes) == (len(raw), len(raw.encode()))


@pytest.mark.parametrize(("errors", "tokens"), [("replace", ["a\ufffd", "\ufffdb", "c"]), ("ignore", ["a", "b", "c"])])
def test_undecodable_bytes_can_be_passed_over(errors: Any, tokens: list[str]) -> None:
    for size in (1, 2, 100):
        corpus = read_bytes(b"a\xff \xe4b\nc", TextPipeline(errors=errors), size)
        assert sentences_of(corpus) == [tokens[:2], tokens[2:]]


# ---- faults of the text ----


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("encoding", "data", "line", "byte"),
    [
        ("ascii", b"ab\ncd\xe9", 2, 5),
        ("gb18030", "中\n中".encode("gb18030") + b"\n\x81\x20", 3, 6),
        ("gb18030", b"a\n\x81", 2, 2),
        ("shift_jis", "中\n".encode("shift_jis") + b"\xa0\n", 2, 3),
        ("cp1252", b"a\n\n\x81", 3, 3),
        ("utf-16-le", "a\nb".encode("utf-16-le") + b"\x00\xdc", 2, 6),
        ("utf-16", "a\nb".encode("utf-16") + b"\x00", 2, 8),
        ("utf-32-be", b"\x00\x00\x00a\x00\x00\x00\n\x00\x11\x00\x00", 2, 8),
    ],
)
def test_undecodable_bytes_of_other_encodings_are_named(
    encoding: str, data: bytes, line: int, byte: int, size: int
) -> None:
    error = error_of(read_bytes, data, TextPipeline(encoding=encoding), size)
    assert (error.line, error.byte) == (line, byte)
    assert f"is not valid {encoding}" in error.problem


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("encoding", "data", "line", "byte"),
    [
        ("utf-8", b"\xef\xbb\xbfa\nb\0", 2, 6),
        ("utf-8", b"\0", 1, 0),
        ("latin-1", b"a\n\xe9\0\n\0", 2, 3),
        ("utf-16", "a\n\nb\0".encode("utf-16"), 3, 10),
        ("utf-32-be", "a\n\0".encode("utf-32-be"), 2, 8),
        ("gb18030", "中\n\0".encode("gb18030"), 2, 3),
    ],
)
def test_nul_is_named(encoding: str, data: bytes, line: int, byte: int, size: int) -> None:
    error = error_of(read_bytes, data, TextPipeline(encoding=encoding), size)
    assert (error.line, error.byte) == (line, byte)
    assert "NUL" in error.problem


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_the_mark_of_another_encoding_is_named(encoding: str, errors: Any) -> None:
    for size in (1, 100):
        error = error_of(read_bytes, "ab\n".encode(encoding), TextPipeline(errors=errors), size)
        assert f"--encoding {encoding}" in error.problem


def test_wide_text_without_a_mark_needs_its_byte_order() -> None:
    data = "a\nb".encode("utf-16-le")
    assert "utf-16-le" in error_of(read_bytes, data).problem
    assert "utf-16-le or -be" in error_of(read_bytes, data, TextPipeline(encoding="utf-16")).problem
    assert read_bytes(data, TextPipeline(encoding="utf-16-le")).types == ("a", "b")


@pytest.mark.parametrize("word", ["<s>", "</s>"])
def test_sentence_marks_are_named_to_the_line(tmp_path: Path, word: str) -> None:
    file = tmp_path / "text.txt"
    file.write_text(f"a b\n\nc {word}", "utf-8")
    for size in (1, 5, 100):
        error = error_of(_read, expand(file), TextPipeline(), None, block_bytes=size)
        assert (error.source, error.line) == (str(file), 3)
        assert word in error.problem
    assert error_of(Corpus.read, ["A", word.upper()], TextPipeline(lowercase=True)).line == 2
    assert "</s>" in error_of(Corpus.read, ["a </s>", "<s>"]).problem  # the first is named
    assert error_of(Corpus.read, [f"＜{word[1:-1]}＞"], TextPipeline(unicode_form="NFKC")).line == 1
    assert Corpus.read([word], TextPipeline(tokenizer="word")).tokens == len(word.replace("</", "< "))
    assert Corpus.read([word], TextPipeline(tokenizer="char")).tokens == len(word)


def test_a_line_has_a_greatest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "MAX_LINE_BYTES", 9)
    for size in (1, 4):
        assert read_bytes(b"123456789\n123456789", block_bytes=size).tokens == 2
        assert error_of(read_bytes, b"a\n1234567890\n", block_bytes=size).line == 2
        assert error_of(read_bytes, b"a\nb\n1234567890", block_bytes=size).line == 3
    assert error_of(Corpus.read, ["123456789", "1234567890"]).line == 2
    assert Corpus.read(["12345678", "123456789"]).tokens == 2


class _Endless(io.RawIOBase):
    """A gigabyte, and more, without a line feed."""

    given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b"x" * len(buffer)
        self.given += len(buffer)
        return len(buffer)


def test_an_endless_line_is_given_up_at_64_mib() -> None:
    stream = _Endless()
    error = error_of(Corpus.read, stream)
    assert "more than 64 MiB" in error.problem
    assert stream.given < 66 << 20


# ---- where text comes from ----


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_files(tmp_path: Path, suffix: str) -> None:
    lines = b"".join(b"%d a b\n" % number for number in range(20_000))
    file = tmp_path / f"text{suffix.upper() if suffix == '.gz' else suffix}"
    pack = PACKERS[suffix]
    file.write_bytes(pack(lines) + pack(b"second part"))
    corpus = Corpus.read(file)
    assert corpus.events_digest == read_bytes(lines + b"second part").events_digest
    assert corpus.bytes == len(lines) + 12
    small = _read(expand(file), TextPipeline(), None, block_bytes=1000)
    assert small.events_digest == corpus.events_digest
    file.write_bytes(pack(b""))
    assert Corpus.read(file).sentences == 0


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_compressed_file_cut_short(tmp_path: Path, suffix: str) -> None:
    whole = PACKERS[suffix](bytes(range(33, 127)) * 50 + b"\n")
    file = tmp_path / f"text{suffix}"
    for length in (0, 5, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        error = error_of(Corpus.read, file)
        assert error.source == str(file)
        assert "truncated" in error.problem


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_file_named_as_compressed_that_is_not(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"text{suffix}"
    file.write_bytes(b"this is plain text\n" * 10)
    assert "its name has the wrong suffix" in error_of(Corpus.read, file).problem


def test_a_damaged_compressed_file(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(os.urandom(3000).hex().encode()))
    packed[len(packed) // 2] ^= 0xFF
    file = tmp_path / "text.gz"
    file.write_bytes(packed)
    assert "damaged" in error_of(Corpus.read, file).problem


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_compressed_file_passed_as_text(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(PACKERS[suffix](b"a b\n"))
    assert f"rename it to end in {suffix}" in error_of(Corpus.read, file).problem
    stream = io.BytesIO(file.read_bytes())
    assert "unpack it first" in error_of(Corpus.read, stream).problem
    latin = error_of(Corpus.read, file, TextPipeline(encoding="latin-1"))
    assert "compressed data" in latin.problem


def test_an_archive_passed_as_text(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(b"PK\x03\x04rest")
    assert "zip archive" in error_of(Corpus.read, file).problem


def test_zst_without_zstandard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text.zst"
    file.write_bytes(PACKERS[".zst"](b"a\n"))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert "pip install 'nlmkit[zstd]'" in error_of(Corpus.read, file).problem


def test_several_files_are_one_corpus(tmp_path: Path) -> None:
    one, two = tmp_path / "1.txt", tmp_path / "2.txt.gz"
    one.write_bytes(b"\xef\xbb\xbfa b")
    two.write_bytes(gzip.compress(b"\xef\xbb\xbfb c\n"))
    for corpus in (
        Corpus.read([one, two]),
        Corpus.read(iter((one, two))),
        Corpus.read_files([str(one), two]),
        Corpus.read(tmp_path),
        Corpus.read(str(tmp_path)),
    ):
        assert sentences_of(corpus) == [["a", "b"], ["b", "c"]]
        assert corpus.bytes == 8
        assert corpus.sources == (str(one), str(two))


def test_faults_are_counted_by_file(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_bytes(b"a\nb\nc\n")
    (tmp_path / "2.txt").write_bytes(b"d\ne\xff\n")
    error = error_of(Corpus.read, tmp_path)
    assert (error.source, error.line, error.byte) == (str(tmp_path / "2.txt"), 2, 3)


def test_a_directory_is_read_by_name_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b", "a10", "a9", ".hidden"):
        (tmp_path / name).write_text(name + "\n", "utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c").write_text("c\n", "utf-8")
    assert Corpus.read(tmp_path).types == ("a10", "a9", "b")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".hidden").touch()
    assert "contains no files" in error_of(Corpus.read, tmp_path / "empty").problem


@pytest.mark.parametrize("name", ["missing.txt", "missing/", "one line\nand another\n", "x" * 5000, "nul\0"])
def test_what_names_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    error = error_of(Corpus.read, name)
    assert error.source is not None
    assert error.source.startswith(name[:7]) or error.source.startswith("'")
    assert len(str(error)) < 500


def test_text_given_for_a_path_is_explained() -> None:
    assert "pass the text itself on standard input" in error_of(Corpus.read, "the cat sat on the mat").problem


@pytest.mark.skipif(sys.platform == "win32", reason="no sockets and FIFOs among Windows's files")
def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        path = tmp_path / "socket"
        listener.bind(os.fspath(path))
        error = error_of(Corpus.read, path)
    assert error.source == str(path)
    assert "cannot be read" in error.problem


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text.txt"
    file.write_text("a", "utf-8")

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    error = error_of(Corpus.read, file)
    assert str(error) == f"{file}: cannot be read: Permission denied"


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs among Windows's files")
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_fifo_is_read_like_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"fifo{suffix}"
    os.mkfifo(path)
    data = PACKERS.get(suffix, bytes)(b"a b\nc")
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    try:
        assert sentences_of(Corpus.read(path)) == [["a", "b"], ["c"]]
    finally:
        writer.join()


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\nc")))
    corpus = Corpus.read("-")
    assert (sentences_of(corpus), corpus.sources) == ([["a", "b"], ["c"]], ("-",))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\n\0")))
    assert str(error_of(Corpus.read, "-")).startswith("-, line 2, byte 2: NUL")
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in error_of(Corpus.read, "-").problem


def test_open_files(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(b"a\nb")
    with file.open("rb") as stream:
        assert Corpus.read(stream).types == ("a", "b")
        assert not stream.closed
    with file.open("rb", buffering=0) as raw:
        assert Corpus.read(raw).sources == (str(file),)
    with file.open(encoding="utf-8") as text:
        assert sentences_of(Corpus.read(text)) == [["a"], ["b"]]


# ---- lines and token lists ----


@given(
    st.lists(texts.map(lambda text: text.replace("\n", "").replace("s>", "s"))), st.integers(1, 40), st.integers(1, 3)
)
def test_lines_are_read_like_a_file_of_them(lines: list[str], size: int, most: int) -> None:
    data = "".join(line + "\n" for line in lines)
    from_lines = _read(expand(iter(lines)), TextPipeline(), None, block_bytes=size, most_lines=most)
    assert sentences_of(from_lines) == [reference.space(line) for line in lines]
    assert (from_lines.characters, from_lines.bytes) == (len(data), len(data.encode()))


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (["a", "b\nc"], 2, "several lines"),
        (["a", "b\n\n"], 2, "several lines"),
        (["a\0"], 1, "NUL"),
        (["a", "b", "\ud800c"], 3, "lone surrogate U\\+D800"),
        (["a", ["b"]], 2, "is list"),
        (["a", 3], 2, "is int"),
        ([3], 1, "is int"),
        ([b"a"], 1, "is bytes"),
        ([None], 1, "is missing"),
    ],
)
def test_faulty_lines_are_named(lines: list[Any], line: int, words: str) -> None:
    for most in (1, 100):
        with pytest.raises(DataError, match=words) as caught:
            _read(expand(lines), TextPipeline(), None, most_lines=most)
        assert caught.value.line == line
        assert caught.value.source == "<lines>"


def test_lone_surrogates_can_be_passed_over() -> None:
    assert Corpus.read(["a\ud800b"], TextPipeline(errors="replace")).types == ("a\ufffdb",)
    assert Corpus.read(["a\ud800b"], TextPipeline(errors="ignore")).types == ("ab",)


@pytest.mark.parametrize(
    ("sentences", "place", "words"),
    [
        ([["a"], ["b", ""]], "sentence 2, token 2", "empty"),
        ([["a\n"]], "sentence 1, token 1", "LF or NUL"),
        ([[], ["\0"]], "sentence 2, token 1", "LF or NUL"),
        ([["a", "a", "<s>"]], "sentence 1, token 3", "<s>"),
        ([["</s>"]], "sentence 1, token 1", "</s>"),
        ([["a", 3]], "sentence 1, token 2", "is int"),
        ([["a", ["b"]]], "sentence 1, token 2", "is list"),
        ([["a", b"b"]], "sentence 1, token 2", "is bytes"),
        ([["\udc80"]], "sentence 1, token 1", "surrogate"),
        ([["a"], "b"], "sentence 2", "is str"),
        ([["a"], 3], "sentence 2", "is int"),
    ],
)
def test_faulty_token_lists_are_named(sentences: list[Any], place: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        Corpus.read(sentences)
    assert str(caught.value).startswith((f"<tokens>, {place}: this", f"<tokens>, {place}: expected a list of tokens"))


def test_token_lists_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [["New York", "A"], ["\u2028", " ", "<unk>"], []]
    corpus = Corpus.read(sentences, TextPipeline(lowercase=True))
    assert sentences_of(corpus) == sentences
    assert corpus.pipeline is None
    monkeypatch.setattr("nlmkit.text.indexing._FLUSH", 2)
    assert Corpus.read(iter(sentences)).events_digest == corpus.events_digest


def test_names_of_files_in_a_list_are_not_taken_for_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("a", "utf-8")
    for names in (["text"], ["text", "-"], ["corpus:english"]):
        assert "Corpus.read_files" in error_of(Corpus.read, names).problem
    assert Corpus.read(iter(["text"])).types == ("text",)
    assert Corpus.read(["text", "and more"]).tokens == 3


@pytest.mark.parametrize("source", [b"a b", 3, None, Corpus.read(["a"])])
def test_what_is_no_source(source: Any) -> None:
    assert error_of(Corpus.read, source).problem


def test_paths_cannot_be_mixed_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert "item 2 of the paths" in error_of(Corpus.read, [tmp_path / "a", 3]).problem
    assert "empty file name" in error_of(Corpus.read, "").problem
    assert "empty file name" in error_of(Corpus.read_files, [""]).problem
    assert Corpus.read_files(str(tmp_path / "a")).sources == (str(tmp_path / "a"),)
    assert "at least one file" in error_of(lambda: Corpus.read_files([])).problem


# ---- the rest ----


def test_a_wrong_encoding_name_is_refused_before_reading() -> None:
    with pytest.raises(HyperParameterError, match="unknown text encoding"):
        Corpus.read("missing", TextPipeline(encoding="klingon"))


@pytest.mark.parametrize("token", ["", "a\nb", "\0", "\ud800", 3])
def test_a_plugin_that_returns_no_tokens_is_blamed(monkeypatch: pytest.MonkeyPatch, token: object) -> None:
    class Broken:
        def tokenize(self, line: str) -> list[object]:
            return ["fine", token] if line == "bad" else ["fine"]

    monkeypatch.setattr("nlmkit.core.registry.get_tokenizer", lambda name: Broken())
    with pytest.raises(PluginError, match=r"<lines>, line 2: the tokenizer broken returned"):
        Corpus.read(["good", "bad"], TextPipeline(tokenizer="broken"))


def test_a_plugin_that_fails_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def tokenize(self, line: str) -> list[str]:
            return [line[3]]

    monkeypatch.setattr("nlmkit.core.registry.get_tokenizer", lambda name: Failing())
    with pytest.raises(PluginError, match=r"<lines>, line 2: the tokenizer failing failed: IndexError"):
        Corpus.read(["good", "bad"], TextPipeline(tokenizer="failing"))


def test_a_plugin_that_takes_many_lines_is_given_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []

    class Blockwise:
        def tokenize(self, line: str) -> list[str]:
            raise AssertionError("the other method is faster")

        def tokenize_lines(self, lines: list[str]) -> list[list[str]]:
            given.append(list(lines))
            return [list(line) for line in lines]

    monkeypatch.setattr("nlmkit.core.registry.get_tokenizer", lambda name: Blockwise())
    pipeline = TextPipeline(tokenizer="blockwise", lowercase=True)
    corpus = Corpus.read(["Ab", "", "b"], pipeline)
    assert [corpus.sentence(index) for index in range(3)] == [["a", "b"], [], ["b"]]
    assert given == [["ab", "", "b"]]
    given.clear()
    assert [block.corpus.tokens for block in stream_blocks(["ab", "b", "a"], pipeline, max_lines=2)] == [3, 1]
    assert given == [["ab", "b"], ["a"]]
    given.clear()
    (tmp_path / "long.txt").write_text("a" * 99 + "\n" + ("b" * 999 + "\n") * 400, encoding="utf-8")
    seen: list[int] = []
    assert Corpus.read(tmp_path / "long.txt", pipeline, progress=lambda done, of: seen.append(done)).tokens == 399_699
    assert len(given) == len(set(seen)) == 4  # so that progress is shown


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([["a"]], "lines 1 to 2: the tokenizer many returned the tokens of 1 lines for 2"),
        ([["a"], [""]], "line 2: the tokenizer many returned '', which is not a token"),
        (3, "lines 1 to 2: the tokenizer many failed: TypeError"),
    ],
)
def test_a_plugin_that_takes_many_lines_is_blamed(monkeypatch: pytest.MonkeyPatch, found: Any, message: str) -> None:
    class Broken:
        def tokenize(self, line: str) -> list[str]:
            return [line]

        def tokenize_lines(self, lines: list[str]) -> Any:
            return found

    monkeypatch.setattr("nlmkit.core.registry.get_tokenizer", lambda name: Broken())
    with pytest.raises(PluginError, match=f"<lines>, {message}"):
        Corpus.read(["good", "bad"], TextPipeline(tokenizer="many"))


def test_progress_counts_bytes_on_disk_or_sentences(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.txt", tmp_path / "b.txt.gz"
    plain.write_bytes(b"a b\n" * 10)
    packed.write_bytes(gzip.compress(b"".join(b"%d\n" % number for number in range(50_000))))
    total = 40 + packed.stat().st_size
    calls: list[tuple[int, int | None]] = []
    _read(expand([plain, packed]), TextPipeline(), lambda *call: calls.append(call), block_bytes=20_000)
    assert calls[0] == (40, total)
    assert calls[-1] == (total, total)
    assert len(calls) > 5
    assert calls == sorted(calls)

    def told(source: Any) -> list[tuple[int, int | None]]:
        calls.clear()
        Corpus.read(source, progress=lambda *call: calls.append(call))
        return list(calls)

    assert told(["a", "b"]) == [(2, 2)]
    assert told(iter(["a", "b"])) == [(2, None)]
    assert told([["a"], ["b"]]) == [(2, 2)]
    assert told(io.BytesIO(b"a\nb\n")) == [(4, None)]


def test_progress_is_a_stage_of_a_display(tmp_path: Path) -> None:
    class Display:
        def __init__(self) -> None:
            self.calls: list[tuple[object, ...]] = []

        def start(self, description: str, total: float | None = None) -> None:
            self.calls.append((description, total))

        def advance(self, amount: float) -> None:
            self.calls.append((amount,))

    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, lines in zip(paths, (3, 5), strict=True):
        path.write_bytes(b"a b\n" * lines)
    display = Display()
    Corpus.read_files(paths, progress=display, stage="reading both")
    assert display.calls == [("reading both", 32), (12,), (20,)]
    display = Display()
    Corpus.read(iter(["a", "b"]), progress=display)
    assert display.calls == [("reading text", None), (2,)]


def test_lines_are_asked_for_only_once() -> None:
    def lines() -> Iterator[str]:
        yield from ("a", "b", "c")

    assert Corpus.read(lines()).types == ("a", "b", "c")


# ---- long lines ----


@given(texts, st.sampled_from(["space", "word", "char"]), st.integers(1, 9), st.sampled_from([None, "NFC", "NFKD"]))
def test_blocks_are_split_in_pieces_of_any_size(text: str, tokenizer: str, size: int, form: Any) -> None:
    pipeline = TextPipeline(tokenizer=tokenizer, lowercase=True, unicode_form=form, marks="literal")
    text += "ΑΣ \u0301Σ\u0301 Σ\r\nΑΣ"
    whole = Corpus.read(io.BytesIO(text.encode()), pipeline)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "_PIECE", size)
        pieces = Corpus.read(io.BytesIO(text.encode()), pipeline)
    assert pieces.events_digest == whole.events_digest


@pytest.mark.parametrize("tokenizer", ["space", "word", "char"])
def test_a_long_line_takes_memory_in_proportion(monkeypatch: pytest.MonkeyPatch, tokenizer: str) -> None:
    """Its text, its ids and the tokens of one piece; a list of all tokens took twice as much, and more if short."""
    monkeypatch.setattr(indexing, "_PIECE", 1 << 17)
    line = "the cat sat on the mat " * (1 << 18)
    tracemalloc.start()
    try:
        corpus = Corpus.read(iter([line]), TextPipeline(tokenizer=tokenizer))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert corpus.tokens == (len(line) if tokenizer == "char" else 6 << 18)
    assert peak < (14 if tokenizer == "char" else 11) * len(line)
