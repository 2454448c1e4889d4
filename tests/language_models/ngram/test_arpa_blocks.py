"""Fields and lines of ARPA files in blocks, beside one at a time."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nlmkit import NGram, RunOptions
from nlmkit.errors import DataError
from nlmkit.language_models.ngram.arpa import read_arpa
from nlmkit.language_models.ngram.arpa_cells import LineWriter, NumberCells, word_columns
from nlmkit.language_models.ngram.arpa_fields import Fields, WordIndex, _hashed

_DECIMALS = st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{0,17})?(e-?[0-9]{1,2})?", fullmatch=True)
_WORDS = st.text(st.sampled_from("abé\x0b\x1c語"), min_size=1, max_size=40).map(str.encode)


@given(st.lists(_DECIMALS, min_size=1, max_size=8))
@example(["-0", "0", "-0.0", "1.", "9.99999999999999", "-1.23456789", "0.12345678901234", "0.123456789012345"])
def test_numbers_are_those_of_float(texts: list[str]) -> None:
    """A value is either that of ``float``, the sign of zero included, or left to it."""
    fields = Fields(" ".join(texts).encode() + b"\n")
    values, others = fields.numbers(np.arange(len(texts)))
    left = set(others.tolist())
    for at, text in enumerate(texts):
        assert at in left or struct.pack("d", values[at]) == struct.pack("d", float(text))


def test_common_numbers_are_read_in_blocks() -> None:
    """Those that nlmkit, KenLM and SRILM write are not left to ``float``; what is no number is."""
    fields = Fields(b"-1.2345679 -0.938968046 0 -6.06310211 -0.5\tx 1.x 1..2 -1e-5 12.5 nan 1_0 -\n")
    _, others = fields.numbers(np.arange(13))
    assert others.tolist() == [5, 6, 7, 8, 9, 10, 11, 12]


@given(st.lists(_WORDS, min_size=1, max_size=40))
def test_words_are_found_by_all_their_bytes(words: list[bytes]) -> None:
    known = {word: at for at, word in enumerate(dict.fromkeys(words[::2]))}
    fields = Fields(b" ".join(words) + b"\n")
    assert [fields.field(at) for at in range(len(words))] == words
    found = WordIndex(known).find(fields, np.arange(len(words)))
    assert found.tolist() == [known.get(word, -1) for word in words]


def test_words_of_one_slot_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word is found where the hash of all of them is the same."""

    def hashed(*arguments: Any) -> tuple[Any, Any]:
        firsts, hashes = _hashed(*arguments)
        return firsts, np.full_like(hashes, 7)

    monkeypatch.setattr("nlmkit.language_models.ngram.arpa_fields._hashed", hashed)
    words = [f"a{number}{'b' * (number % 20)}".encode() for number in range(60)]
    index = WordIndex({word: at for at, word in enumerate(words)})
    fields = Fields(b" ".join([*words, b"a", b"a60", b"a19bbbbbbbbbbbbbbbbbbc"]) + b"\n")
    assert index.find(fields, np.arange(63)).tolist() == [*range(60), -1, -1, -1]


def _text(value: float) -> str:
    """Format one number as the file has it."""
    if value == 0.0:
        return "0"
    if 1e-4 <= abs(value) < 1e8:
        return f"{value:.9g}"
    return np.format_float_positional(value, precision=9, unique=False, fractional=False, trim="-")


@given(st.lists(st.floats(-720.0, 720.0) | st.floats(-12.0, 0.0) | st.sampled_from([-math.inf, 0.0]), max_size=40))
@example([-0.5 * math.log(10.0), -math.log(10.0), -2.0 * math.log(10.0), -1e-4 * math.log(10.0), -1e-9])
def test_numbers_are_written_with_nine_digits(values: list[float]) -> None:
    numbers = np.array(values, np.float64)
    cells = NumberCells(numbers)
    at = np.cumsum(cells.widths()) - cells.widths()
    out = np.zeros(int(cells.widths().sum()), np.uint64)
    cells.write(out, at)
    data = out.astype("<u8").tobytes()
    ends = [*(8 * at).tolist()[1:], len(data)]
    texts = [data[8 * begin : end].replace(b"\0", b"").decode() for begin, end in zip(at.tolist(), ends, strict=False)]
    logs = [-99.0 if value == -math.inf else value / math.log(10.0) + 0.0 for value in values]
    assert texts == [_text(value) for value in logs]


def test_halves_are_rounded_as_by_printf() -> None:
    """Numbers next to the middle between two of nine digits: the exact value of the float decides."""
    middle = [float(f"-{whole}.{rest}5") for whole in (0, 1, 7) for rest in ("12345678", "99999999", "00000001")]
    near = [step for value in middle for step in (value, math.nextafter(value, 0.0), math.nextafter(value, -9.0))]
    cells = NumberCells(np.array(near) * math.log(10.0))
    for at, value in enumerate((np.array(near) * math.log(10.0) / math.log(10.0)).tolist()):
        own = cells.others.get(at, np.array([cells.first[at], cells.second[at]]))
        assert own.astype("<u8").tobytes().replace(b"\0", b"").decode() == _text(value)


@pytest.fixture(scope="module")
def model() -> NGram:
    """Model with words shorter and longer than a cell."""
    lines = [
        "the extraordinarily long word",
        "the dog sat on the mat",
        "eightchr eightchrs é 語語語語",
        "the dog sat",
        "",
    ]
    return NGram(order=4).fit([line.split() for line in lines])


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_block_has_the_lines_of_its_ngrams(model: NGram, size: int) -> None:
    table, words = model.table_, model.vocabulary_.words
    writer = LineWriter(table, words)
    for k in range(1, table.order + 1):
        grams: list[Any] = [np.arange(table.sizes[k - 1])]
        for j in range(k, 1, -1):
            grams.append(table.suffix[j - 1][grams[-1]])
        expected = [table.first[k - 1 - j][ids] for j, ids in enumerate(grams)]
        assert all((a == b).all() for a, b in zip(word_columns(table, k, 0, table.sizes[k - 1]), expected, strict=True))
        whole = writer.lines(k, 0, table.sizes[k - 1])
        parts = [
            writer.lines(k, begin, min(begin + size, table.sizes[k - 1]))
            for begin in range(0, table.sizes[k - 1], size)
        ]
        assert b"".join(parts) == whole
        log_probs = table.log_probs[k - 1] / math.log(10.0)
        for at, line in enumerate(whole.decode().splitlines()):
            fields = line.split("\t")
            assert fields[1] == " ".join(words[int(ids[at])] for ids in expected)
            assert fields[0] == ("0" if fields[1] == "<s>" else _text(float(log_probs[at])))
            assert len(fields) == (2 if k == table.order else 3)


def test_threads_change_nothing(model: NGram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.language_models.ngram.arpa_writing._LINES", 4)
    monkeypatch.setattr("nlmkit.language_models.ngram.arpa_reading._BLOCK_BYTES", 64)
    for workers in (1, 3):
        model.export(tmp_path / f"{workers}.arpa", run=RunOptions(workers=workers, progress=None))
    assert (tmp_path / "1.arpa").read_bytes() == (tmp_path / "3.arpa").read_bytes()
    one, words = read_arpa(tmp_path / "1.arpa")
    three, same_words = read_arpa(tmp_path / "1.arpa", workers=3)
    assert words == same_words
    assert {name: array.tobytes() for name, array in one.arrays().items()} == {
        name: array.tobytes() for name, array in three.arrays().items()
    }


@pytest.mark.parametrize("later", ["\\9-grams:", "one two three four five six seven", "\\end\\"])
def test_threads_name_the_first_bad_line(
    model: NGram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    monkeypatch.setattr("nlmkit.language_models.ngram.arpa_reading._BLOCK_BYTES", 64)
    path = tmp_path / "bad.arpa"
    model.export(path)
    lines = path.read_text(encoding="utf-8").split("\n")
    at = lines.index("\\2-grams:") + 3
    lines[at], lines[at + 3] = lines[at].replace("-", "x", 1), later
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=f"line {at + 1}: 'x.*' is not a number"):
        read_arpa(path, workers=3)
