"""Numbers of words by machine code, against those of the dictionary."""

import random
from pathlib import Path

import pytest

from nlmkit.errors import DataError
from nlmkit.text import Corpus, TextPipeline, indexing

pytest.importorskip("numba")


def equal(one: Corpus, other: Corpus) -> bool:
    return one.types == other.types and one.events_digest == other.events_digest and one.bytes == other.bytes


def text_of(generator: random.Random, words: int) -> str:
    pieces = []
    for _ in range(words):
        length = generator.choice([1, 2, 3, 5, 8, 40])
        pieces.append("".join(generator.choice("abé你\x0b😀") for _ in range(length)))
        pieces.append(generator.choice([" ", " ", "  ", "\t", "\r\n", "\n", " \n\n", "\r"]))
    return "".join(pieces)


@pytest.mark.parametrize("begin", [0, 3000])
@pytest.mark.parametrize("words", [0, 1, 20_000, 120_000])
def test_a_text_is_the_same(words: int, begin: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text"
    file.write_bytes(text_of(random.Random(words), words).encode())
    monkeypatch.setattr("nlmkit.text.corpus.BLOCK_BYTES", 1 << 14)
    expected = Corpus.read(file)
    monkeypatch.setattr(indexing, "COMPILED_BYTES", begin)
    assert equal(Corpus.read(file), expected)
    assert equal(Corpus.read(file, TextPipeline(lowercase=True)), Corpus.read(file, TextPipeline(lowercase=True)))


def test_tables_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text"
    file.write_text("".join(f"{'w' * (number % 50)}{number} {number % 7}\n" for number in range(80_000)), "utf-8")
    expected = Corpus.read(file)
    monkeypatch.setattr(indexing, "COMPILED_BYTES", 0)
    assert equal(Corpus.read(file), expected)


def test_lower_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text"
    file.write_text("The the THE É\n", "utf-8")
    monkeypatch.setattr(indexing, "COMPILED_BYTES", 0)
    assert Corpus.read(file, TextPipeline(lowercase=True)).types == ("the", "é")


def test_sentence_marks_are_refused_with_their_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text"
    file.write_text("a b\nc </s> <s>\n", "utf-8")
    monkeypatch.setattr(indexing, "COMPILED_BYTES", 0)
    with pytest.raises(DataError, match=r"token </s> is the mark") as error:
        Corpus.read(file)
    assert error.value.line == 2


def test_the_source_of_the_machine_code_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlmkit.text import indexing_kernels

    file = tmp_path / "text"
    file.write_bytes(text_of(random.Random(5), 300).encode())
    expected = Corpus.read(file)
    monkeypatch.setattr(indexing, "COMPILED_BYTES", 0)
    for name, value in vars(indexing_kernels).copy().items():
        if hasattr(value, "py_func"):
            monkeypatch.setattr(indexing_kernels, name, value.py_func)
    with pytest.warns(RuntimeWarning, match="overflow"):  # of NumPy's scalars; machine code wraps
        assert equal(Corpus.read(file), expected)
