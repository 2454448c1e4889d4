"""Files of vectors: what is written, what comes back, and every kind of damaged or hostile file, by its place."""

from __future__ import annotations

import bz2
import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nlmkit.core.run import RunOptions
from nlmkit.errors import DataError, ExportError, HyperParameterError
from nlmkit.representations.formats import FORMATS, suffix_of
from nlmkit.representations.formats.reading import read_vectors
from nlmkit.representations.vectors import Vectors
from nlmkit.text import Decoding

WORDS = {"the": [0.25, -1.5], "猫": [3e-7, 1e30], "</s>": [0.5, 0.125], ".": [0.0, 2.0]}
TEXT = "4 2\nthe 0.25 -1.5\n猫 3e-07 1e+30\n</s> 0.5 0.125\n. 0 2\n"


def binary(vectors: dict[str, list[float]] = WORDS, header: str | None = None, between: bytes = b"\n") -> bytes:
    size = len(next(iter(vectors.values())))
    parts = [(header or f"{len(vectors)} {size}\n").encode()]
    for word, values in vectors.items():
        parts += [word.encode(), b" ", struct.pack(f"<{len(values)}f", *values), between]
    return b"".join(parts)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def check_words(words: list[str], matrix: np.ndarray) -> None:
    assert words == ["the", "猫", "."]
    assert matrix.dtype == np.float32
    expected = [[0, 0], [0, 0], WORDS["</s>"], WORDS["the"], WORDS["猫"], WORDS["."]]
    np.testing.assert_array_equal(matrix, np.array(expected, np.float32))


# ------------------------------------------------------------------------------------------------------ reading


@pytest.mark.parametrize("named", [None, "word2vec"])
@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.removesuffix("\n"),
        TEXT + "\n\n",
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", " \n"),  # as word2vec's own program ends lines
        TEXT.replace(" ", "\t"),
        "\ufeff" + TEXT,
    ],
    ids=["plain", "no final line feed", "blank lines at the end", "CRLF", "trailing space", "tabs", "byte order mark"],
)
def test_word2vec_text(text: str, named: str | None, tmp_path: Path) -> None:
    words, matrix, format = read_vectors(written(tmp_path / "v.txt", text), named)
    check_words(words, matrix)
    assert format == "word2vec"


@pytest.mark.parametrize("named", [None, "glove"])
def test_glove_text(named: str | None, tmp_path: Path) -> None:
    words, matrix, format = read_vectors(written(tmp_path / "v.txt", TEXT.partition("\n")[2]), named)
    check_words(words, matrix)
    assert format == "glove"


@pytest.mark.parametrize("between", [b"\n", b""], ids=["line feeds", "nothing between"])
@pytest.mark.parametrize(("name", "named"), [("v.bin", None), ("v.dat", "word2vec-binary")])
def test_word2vec_binary(name: str, named: str | None, between: bytes, tmp_path: Path) -> None:
    words, matrix, format = read_vectors(written(tmp_path / name, binary(between=between)), named)
    check_words(words, matrix)
    assert format == "word2vec-binary"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.vec.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("v.txt.bz2", bz2.compress(TEXT.encode())),
        ("v.bin.gz", gzip.compress(binary(), mtime=0)),
    ],
)
def test_compressed_files(name: str, content: bytes, tmp_path: Path) -> None:
    words, matrix, _ = read_vectors(written(tmp_path / name, content))
    check_words(words, matrix)


def test_words_may_hold_spaces_where_values_tell_them_apart(tmp_path: Path) -> None:
    text = "a 1 2\n. . . 3 4\nat name@domain.com 5 6\n\u00a0 7 8\n"
    words, matrix, _ = read_vectors(written(tmp_path / "v.txt", text))
    assert words == ["a", ". . .", "at name@domain.com", "\u00a0"]
    assert matrix[3:, 0].tolist() == [1, 3, 5, 7]


def test_many_batches_in_small_chunks_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    vectors = Vectors.from_arrays([f"w{i}" for i in range(300)], random.normal(size=(300, 7)).astype(np.float32))
    for format in FORMATS:
        vectors.export(tmp_path / "v", format)
        with monkeypatch.context() as patch:
            patch.setattr("nlmkit.representations.formats.reading._CHUNK", 13)
            patch.setattr("nlmkit.representations.formats.text._VALUES", 50)
            patch.setattr("nlmkit.representations.formats.binary._VALUES", 50)
            words, matrix, _ = read_vectors(tmp_path / "v", format)
        assert words == list(vectors.vocabulary_.words[3:])
        np.testing.assert_array_equal(matrix, vectors.matrix)


def test_progress_is_in_bytes_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "v.vec.gz", gzip.compress(TEXT.encode(), mtime=0))
    done: list[int] = []
    read_vectors(path, advance=done.append)
    assert sum(done) == path.stat().st_size


def test_words_are_decoded_as_the_pipeline_says(tmp_path: Path) -> None:
    path = written(tmp_path / "v.txt", "mür 1 2\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"v\.txt, line 1: the word b'm\\xfcr' is not utf-8 .*--encoding"):
        read_vectors(path)
    assert read_vectors(path, decoding=Decoding(encoding="latin-1"))[0] == ["mür"]
    assert read_vectors(path, decoding=Decoding(errors="replace"))[0] == ["m\ufffdr"]
    with pytest.raises(HyperParameterError, match="encodings that extend ASCII, not in utf-16"):
        read_vectors(path, decoding=Decoding(encoding="utf-16"))


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        HyperParameterError, match=r"format must be one of word2vec, .*, not 'word2vek'; did you mean w"
    ):
        read_vectors(written(tmp_path / "v.txt", TEXT), "word2vek")


@pytest.mark.parametrize("format", [None, "glove"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (". . . 0.1 0.2\nb 0.3 0.4\n", [". . .", "b"]),
        ("b 0.3 0.4\n. . . 0.1 0.2\n", ["b", ". . ."]),
        (". . . 0.1 0.2\n. . 0.3 0.4\n", [". . .", ". ."]),
        ("at name@domain.com 1 2 \nb 3 4 \n", ["at name@domain.com", "b"]),
        ("300 0.1 0.2\n1e5 0.3 0.4\nnan 1 2\n", ["300", "1e5", "nan"]),
        ("New York\t1\t2\r\nb\t3\t4\r\n", ["New York", "b"]),
        ("a\u00a0b 1 2\n\u3000 3 4\n\u0085 5 6\n", ["a\u00a0b", "\u3000", "\u0085"]),
        ("a\x0bb\t1\t2\n\x0c 3 4\n\x1c 5 6\n", ["a\x0bb", "\x0c", "\x1c"]),
        ("\ufeff. . 1 2\nb 3 4\n", [". .", "b"]),
    ],
    ids=[
        "spaces",
        "spaces later",
        "spaces only",
        "trailing spaces",
        "numbers",
        "tabs and CRLF",
        "Unicode",
        "VT",
        "BOM",
    ],
)
def test_without_header_most_lines_say_how_long_vectors_are(
    text: str, words: list[str], format: str | None, tmp_path: Path
) -> None:
    found, matrix, kind = read_vectors(written(tmp_path / "v.txt", text), format)
    assert (found, kind, matrix.shape[1]) == (words, "glove", 2)
    assert np.isfinite(matrix).all()
    assert matrix[3:].all()


def test_the_sample_is_bounded_and_all_lines_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.representations.formats.text._SAMPLED_LINES", 3)
    text = ". . 1 2\na 3 4\nb 5 6\n" + "".join(f"w{i} 7 8\n" for i in range(5))
    assert len(read_vectors(written(tmp_path / "v.txt", text))[0]) == 8
    monkeypatch.setattr("nlmkit.representations.formats.text._SAMPLED_BYTES", 1)  # the first line alone
    with pytest.raises(DataError, match="line 2: 2 values, expected 3"):
        read_vectors(written(tmp_path / "v.txt", "a 1 2 3\nb 3 4\nc 5 6\n"))


@pytest.mark.parametrize(
    ("text", "format", "words"),
    [
        ("2 5\n3 6\n", "glove", ["2", "3"]),  # the word 2 and its one value
        ("2 1\n3 6\n4 7\n", "word2vec", ["3", "4"]),
        ("1 2\n3 6 7\n", "word2vec", ["3"]),
    ],
)
def test_two_numbers_are_a_header_unless_all_lines_have_one_value(
    text: str, format: str, words: list[str], tmp_path: Path
) -> None:
    found, _, kind = read_vectors(written(tmp_path / "v.txt", text))
    assert (found, kind) == (words, format)


REPEATED = {"a": [1.0, 2.0], "b": [3.0, 4.0]}
AGAIN = struct.pack("<2f", 5, 6)
WITH_REPEATS = {
    "glove": ("v.txt", b"a 1 2\nb 3 4\na 5 6\nb 7 8\n", "'a' at line 3, first at line 1"),
    "word2vec": ("v.vec", b"4 2\na 1 2\nb 3 4\na 5 6\nb 7 8\n", "'a' at line 4, first at line 2"),
    "word2vec, its header counts words": (
        "v.vec",
        b"2 2\na 1 2\na 5 6\nb 3 4\nb 7 8\n",
        "'a' at line 3, first at line 2",
    ),
    "packed": (
        "v.vec.gz",
        gzip.compress(b"2 2\na 1 2\na 5 6\nb 3 4\nb 7 8\n", mtime=0),
        "'a' at line 3, first at line 2",
    ),
    "binary": (
        "v.bin",
        binary(REPEATED, "4 2\n") + b"a " + AGAIN + b"\nb " + AGAIN + b"\n",
        "'a' at byte 26, first at byte 4",
    ),
    "binary, its header counts words": (
        "v.bin",
        binary(REPEATED, "2 2\n", b"").replace(b"b ", b"a " + AGAIN + b"b ") + b"b " + AGAIN,
        "'a' at byte 14, first at byte 4",
    ),
}


@pytest.mark.parametrize(("name", "content", "example"), WITH_REPEATS.values(), ids=WITH_REPEATS)
def test_the_first_vector_of_a_repeated_word_is_kept_and_the_others_noted(
    name: str, content: bytes, example: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path / name, content)
    words, matrix, _ = read_vectors(path)
    assert words == ["a", "b"]
    np.testing.assert_array_equal(matrix[3:], np.array([[1, 2], [3, 4]], np.float32))
    (message,) = caplog.messages
    assert message.startswith(f"{path}: 2 vectors repeat a word; the first vector")
    assert example in message
    caplog.clear()
    with pytest.raises(DataError, match=r"duplicate word '.', first at .*: keep one of them"):
        read_vectors(path, repeated="error")
    assert caplog.messages == []


def test_special_words_and_words_that_decoding_makes_equal_are_repeated_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words, matrix, _ = read_vectors(written(tmp_path / "v.vec", "3 1\n</s> 1\nb 3\n</s> 5\n"))
    assert (words, matrix[2].tolist()) == (["b"], [1])
    path = written(tmp_path / "v.txt", "mü 1 2\nmä 3 4\n".encode("latin-1"))
    assert read_vectors(path, decoding=Decoding(errors="replace"))[0] == ["m\ufffd"]
    assert [message.count("1 vector repeats a word") for message in caplog.messages] == [1, 1]


def test_an_unknown_way_with_repeated_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HyperParameterError, match="repeated must be one of first, error, not 'last'"):
        read_vectors(written(tmp_path / "v.txt", TEXT), repeated="last")  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------- bad files

BAD_TEXT = {
    "empty": ("", 1, "the file is empty"),
    "blank": ("\n\n", 1, "the file is empty|a blank line"),
    "header alone": ("2 3\n", 1, "values, which take at least 15 bytes, but 0 follow"),
    "no header": ("a 1 2\nb 3 4\n", 1, "missing word2vec header with the number of vectors and their length"),
    "cut in a line": ("3 2\na 1.25 2.25\nb 3.25 4.25\nc 5", 4, "1 values, expected 2"),
    "cut after a line": ("3 2\na 1.25 2.25\nb 3.25 4.25\n", 4, "truncated file: it ends after 2 of 3 vectors"),
    "longer than its header": ("1 2\na 1 2\nb 3 4\n", 3, "more vectors than the 1 declared in the header"),
    "too few values": ("2 2\na 1.5 2.5\nb 3.25\n", 3, "1 values, expected 2"),
    "too many values": ("2 2\na 1 2\nb 3 4 5\n", 3, "3 values, expected 2"),
    "blank line within": ("2 2\na 1 2\n\nb 3 4\n", 3, "a blank line"),
    "no number": ("2 2\na 1 2\nb 3 x4\n", 3, "'x4' is not a number"),
    "underscore": ("2 2\na 1 2\nb 3 1_0\n", 3, "'1_0' is not a number"),
    "NaN": ("2 2\na 1 2\nb nan 4\n", 3, "value 1 of the word 'b' is NaN"),
    "infinity": ("2 2\na 1 2\nb 3 -inf\n", 3, "value 2 of the word 'b' is infinite"),
    "overflow": ("2 2\na 1 2\nb 3 1e39\n", 3, "value 2 of the word 'b' is infinite in single precision"),
    "longer than its header, with a repeated word": (
        "2 2\na 1 2\na 1 2\nb 3 4\nc 5 6\n",
        5,
        "more vectors than the 2 declared in the header",
    ),
    "a header that counts neither vectors nor words": (
        "3 2\na 1 2\nb 3 4\na 5 6\na 5 6\n",
        1,
        "the header declares 3 vectors, but 4 follow, of 2 words",
    ),
    "NUL": ("1 2\na\0b 1 2\n", 2, "contains a line feed or NUL:"),
    "no vectors": ("0 2\n", 1, "the header declares 0 vectors of 2 values"),
    "no values": ("2 0\na\nb\n", 1, "the header declares 2 vectors of 0 values"),
    "special words alone": ("1 2\n</s> 1 2\n", None, "no words in the file"),
    "a count of terabytes": ("999999999999 300\na 1 2\n", 1, "values, which take at least 601999999999397 bytes"),
    "a dimension of terabytes": ("1 999999999999\na 1 2\n", 1, "the header declares 1 vectors of 999999999999 values"),
    "digits without end": (f"{'9' * 5000} 2\n", 1, "missing word2vec header with the number of vectors and their"),
}


# What follows a header is not known before it is unpacked, and a .gz of nothing is refused for that.
PACKED = {name: case for name, case in BAD_TEXT.items() if case[0] and "take at least" not in case[2]}


@pytest.mark.parametrize(
    ("text", "line", "problem", "packed"),
    [
        *(pytest.param(*case, False, id=name) for name, case in BAD_TEXT.items()),
        *(pytest.param(*case, True, id=f"{name}, packed") for name, case in PACKED.items()),
    ],
)
def test_bad_word2vec_text_is_refused_by_its_line(
    text: str, line: int | None, problem: str, packed: bool, tmp_path: Path
) -> None:
    path = written(
        tmp_path / ("v.vec.gz" if packed else "v.vec"), gzip.compress(text.encode(), mtime=0) if packed else text
    )
    with pytest.raises(DataError, match=problem) as caught:
        read_vectors(path, "word2vec")
    assert caught.value.source == str(path)
    assert caught.value.line == line
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a\nb 1\n", 1, "0 values after the word, expected 1 to"),
        ("a 1 2\nb 3\n", 2, "1 values, expected 2"),
        ("a 1 2\nb c 3\n", 2, "'c' is not a number"),
        ("3 2\na 1 2\n", 2, "; if line 1 is a header, use --format word2vec"),
        ("a 1 2\nb\0\0 1\n", 2, "; if the file is binary, use --format word2vec-binary"),
        (". . . 1 2\nb 3 4\nc 5\n", 3, "1 values, expected 2"),
        ("a 1\nb 3 4\nc 5 6\n", 1, "1 values, expected 2"),
        ("an essay\nof words\n", 1, "0 values after the word, expected 1 to"),
    ],
)
def test_bad_glove_text_is_refused_by_its_line(text: str, line: int, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        read_vectors(written(tmp_path / "v.txt", text), "glove")
    assert caught.value.line == line


HEAD = len("4 2\n")
FIRST = len("the ") + 8 + 1
BAD_BINARY = {
    "empty": (b"", 0, "its header is missing"),
    "text": (b"the 0.1 0.2\n", 0, "its header is missing"),
    "fastText's own": (b"\xba\x16\x4f\x2f\x0c\0\0\0", 0, "looks like a fastText model; its .vec file"),
    "a pickle": (b"\x80\x04\x95abc\n", 0, "looks like a pickle, which nlmkit never opens"),
    "cut in the values": (binary()[:-3], len(binary()) - 3, "truncated file: it ends within vector 4 of 4"),
    "a vector less": (
        binary(header="5 2\n"),
        HEAD + 4 * 9 + 3 + 3 + 4 + 1 + 4,
        "truncated file: it ends within vector 5 of 5",
    ),
    "more than the header": (binary(header="3 2\n"), len(binary()) - 11, "data after the 3 vectors declared in the"),
    "more than the header, with a repeated word": (
        binary(header="2 2\n") + b"the " + bytes(8),
        HEAD + 9 + 4 + 4 + 9 + 4 + 1 - 5,
        "data after the 2 vectors declared in the header",
    ),
    "NaN": (
        binary()[: HEAD + FIRST + 4] + struct.pack("<2f", 1, float("nan")) + binary()[HEAD + FIRST + 12 :],
        HEAD + FIRST,
        "value 2 of the word '猫' is NaN",
    ),
    "an empty word": (binary({"": [1.0, 2.0], "b": [1.0, 2.0]}), HEAD, "the word is empty"),
    "no UTF-8": (b"1 1\n\xff\xfe \0\0\0\0", HEAD, "is not utf-8"),
    "a count of terabytes": (b"999999999999 300\nthe ", 0, "take at least"),
    "a dimension of terabytes": (b"1 999999999999\nthe ", 0, "the header declares 1 vectors of 999999999999 values"),
    "a word without end": (b"1 1\n" + b"x" * 20_000, HEAD, "no end of a word within 16384 bytes"),
}


@pytest.mark.parametrize(("content", "byte", "problem"), BAD_BINARY.values(), ids=BAD_BINARY)
def test_bad_binary_is_refused_by_its_byte(content: bytes, byte: int, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        read_vectors(written(tmp_path / "v.bin", content))
    assert caught.value.byte == byte
    assert "\n" not in str(caught.value)


def test_a_compressed_binary_file_that_is_cut_short_is_refused_by_its_byte(tmp_path: Path) -> None:
    path = written(tmp_path / "v.bin.gz", gzip.compress(binary()[:-3], mtime=0))
    with pytest.raises(DataError, match="truncated file: it ends within vector 4 of 4") as caught:
        read_vectors(path)
    assert caught.value.byte == len(binary()) - 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.vec", b"4000000 60000\na 1 2\n"),
        ("v.bin", b"4000000 60000\na 1 2\n"),
        ("v.vec.gz", gzip.compress(b"4000000 60000\na 1 2\n", mtime=0)),
        ("v.bin.gz", gzip.compress(b"4000000 60000\na 1 2\n", mtime=0)),
    ],
)
def test_a_header_makes_no_room_for_what_is_not_there(name: str, content: bytes, tmp_path: Path) -> None:
    path = written(tmp_path / name, content)
    read_vectors(written(tmp_path / "v.txt", TEXT))  # whatever is imported is imported now
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            read_vectors(path)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["none.vec", "none.bin"])
def test_a_missing_file_and_a_folder_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_vectors(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="directory"):
        read_vectors(tmp_path / name)


def test_a_pickle_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="looks like a pickle, which nlmkit never opens"):
        read_vectors(written(tmp_path / "w2v.model", b"\x80\x04\x95\x10 1 2\n"))


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.representations.formats.text._MAX_LINE", 1000)
    path = written(tmp_path / "v.txt", "a 1\n" + "1 " * 10_000)
    monkeypatch.setattr("nlmkit.representations.formats.reading._CHUNK", 500)
    with pytest.raises(DataError, match="line of more than 1000 bytes: not a text file of word vectors") as caught:
        read_vectors(path)
    assert caught.value.line == 2


@given(st.binary(max_size=80), st.sampled_from(FORMATS))
def test_any_bytes_are_vectors_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, format: str
) -> None:
    path = written(tmp_path_factory.mktemp("any") / "v", content)
    try:
        words, matrix, _ = read_vectors(path, format)
    except DataError as error:
        source = error.source
    else:
        source = str(path)
        assert matrix.shape[0] == len(words) + 3
        assert np.isfinite(matrix).all()
    assert source == str(path)


@given(st.data(), st.sampled_from(["word2vec", "word2vec-binary"]))
def test_a_file_with_a_changed_byte_is_vectors_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, format: str
) -> None:
    content = bytearray(binary() if format == "word2vec-binary" else TEXT.encode())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = written(tmp_path_factory.mktemp("changed") / "v", bytes(content))
    try:
        _, matrix, _ = read_vectors(path, format)
    except DataError:
        return
    assert np.isfinite(matrix).all()


# ----------------------------------------------------------------------------------------------------- writing


def test_what_is_written_to_the_byte(tmp_path: Path) -> None:
    vectors = Vectors().fit({word: WORDS[word] for word in ("the", "</s>", ".")})
    vectors.export(tmp_path / "v.vec")
    assert (tmp_path / "v.vec").read_text("utf-8") == "3 2\n</s> 0.5 0.125\nthe 0.25 -1.5\n. 0 2\n"
    vectors.export(tmp_path / "v.txt", "glove")
    assert (tmp_path / "v.txt").read_text("utf-8") == "</s> 0.5 0.125\nthe 0.25 -1.5\n. 0 2\n"
    vectors.export(tmp_path / "v.bin")
    expected = binary({"</s>": WORDS["</s>"], "the": WORDS["the"], ".": WORDS["."]})
    assert (tmp_path / "v.bin").read_bytes() == expected
    vectors.export(tmp_path / "v.vec.gz")
    assert gzip.decompress((tmp_path / "v.vec.gz").read_bytes()) == (tmp_path / "v.vec").read_bytes()


def test_gensim_reads_what_is_written_and_writes_what_is_read(tmp_path: Path) -> None:
    from gensim.models import KeyedVectors

    vectors = Vectors().fit(WORDS)
    for name, is_binary in (("v.vec", False), ("v.bin", True)):
        vectors.export(tmp_path / name)
        keyed = KeyedVectors.load_word2vec_format(str(tmp_path / name), binary=is_binary)
        assert keyed.index_to_key == ["</s>", "the", "猫", "."]
        for word, values in WORDS.items():
            np.testing.assert_array_equal(keyed[word], np.array(values, np.float32))
        keyed.save_word2vec_format(str(tmp_path / f"g{name}"), binary=is_binary)
        again = Vectors.from_file(tmp_path / f"g{name}")
        np.testing.assert_array_equal(again.matrix, vectors.matrix)


@pytest.mark.slow
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 5)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    st.sampled_from(FORMATS),
    st.sampled_from(["", ".gz"]),
)
def test_every_value_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, matrix: np.ndarray, format: str, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("round") / f"v{suffix}"
    words = ["a", "猫", "3", "</s>"][: len(matrix)]
    vectors = Vectors.from_arrays(words, matrix)
    vectors.export(path, format)
    again = Vectors.from_file(path, format=format)
    np.testing.assert_array_equal(again.matrix, vectors.matrix)
    assert set(again.vocabulary_.words) == set(vectors.vocabulary_.words)


def test_what_a_format_cannot_say_is_refused(tmp_path: Path) -> None:
    spaced = Vectors().fit({"a": [1.0], "New York": [2.0]})
    for format in FORMATS:
        with pytest.raises(ExportError, match=f"{format} separates by spaces and cannot represent the word 'New York'"):
            spaced.export(tmp_path / "v", format)
    marked = Vectors().fit({"\ufeffa": [1.0], "b": [2.0]})
    marked.export(tmp_path / "m.vec")
    assert "\ufeffa" in Vectors.from_file(tmp_path / "m.vec").vocabulary_
    (tmp_path / "m.vec").unlink()
    with pytest.raises(ExportError, match=": the byte order mark at the start of the word"):
        marked.export(tmp_path / "m", "glove")
    vectors = Vectors().fit(WORDS)
    with pytest.raises(ExportError, match=r": unknown format"):
        vectors.export(tmp_path / "v.txt")
    with pytest.raises(ExportError, match="written as word2vec, word2vec-binary, glove, not as arpa"):
        vectors.export(tmp_path / "v.vec", "arpa")
    with pytest.raises(ExportError, match=r"written plain or as \.gz"):
        vectors.export(tmp_path / "v.vec.bz2")
    with pytest.raises(ExportError, match=r"nowhere.*No such file"):
        vectors.export(tmp_path / "nowhere" / "v.vec")
    with pytest.raises(ExportError, match="is a directory"):
        vectors.export(tmp_path, "glove")
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    vectors = Vectors().fit(WORDS)
    path = written(tmp_path / "v.vec", "old")

    class Stops:
        def start(self, description: str, total: float | None = None) -> None:
            assert (description, total) == (f"writing {path}", 4)

        def advance(self, amount: float) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vectors.export(path, run=RunOptions(progress=Stops()))
    assert [file.name for file in tmp_path.iterdir()] == ["v.vec"]
    assert path.read_text() == "old"
    vectors.export(path)
    assert path.read_text("utf-8").startswith("4 2\n")


def test_the_suffix_is_that_without_compression() -> None:
    assert [suffix_of(name) for name in ("A.VEC", "a.bin.gz", "b/c.d/x.txt.ZST", "none", "x.gz")] == [
        ".vec",
        ".bin",
        ".txt",
        "",
        "",
    ]
