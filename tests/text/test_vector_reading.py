"""Vectors beside texts, from every form, and words that are looked up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.representations.vectors import Vectors
from nlmkit.text.parallel import ParallelTexts

VECTORS = np.array([[0.5, -1], [2, 1e-3]], np.float32)


def write(folder: Path, name: str, content: str) -> str:
    (folder / name).write_bytes(content.encode())
    return str(folder / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "0.5 -1\tone\n2 1e-3\ttwo\n"),
        ("a.tsv", "\ufeff0.5\t-1\tone\r\n\r\n +2.\t.001 \ttwo"),
        ("a.tsv", "source\ttarget\n0.5 -1\tone\n2 1E-3\ttwo\n"),
        ("a.csv", "source,target\n0.5 -1,one\n2 1e-3,two\n"),
        ("a.jsonl", '{"source": [0.5, -1], "target": "one"}\n{"target": "two", "source": [2, 1e-3]}\n'),
    ],
)
def test_numbers_in_files(tmp_path: Path, name: str, content: str) -> None:
    data = ParallelTexts.read_vectors(write(tmp_path, name, content))
    np.testing.assert_array_equal(data.required_vectors(2), VECTORS)
    assert data.targets == ("one", "two")
    assert data.lines is not None


def test_one_number_is_a_vector_of_one_dimension(tmp_path: Path) -> None:
    file = write(tmp_path, "a.tsv", "3\tthree\n5\tfive\n")
    assert ParallelTexts.read_vectors([file]).required_vectors().tolist() == [[3], [5]]
    file = write(tmp_path, "a.jsonl", '{"source": 3, "target": "three"}\n')
    assert ParallelTexts.read_vectors(file).required_vectors().tolist() == [[3]]


def test_numbers_and_texts_apart(tmp_path: Path) -> None:
    numbers, texts = write(tmp_path, "numbers", "0.5\t-1\n2 1e-3\n"), write(tmp_path, "texts", "one\ntwo\n")
    data = ParallelTexts.read_vectors(numbers, texts)
    np.testing.assert_array_equal(data.required_vectors(), VECTORS)
    assert data.targets == ("one", "two")
    alone = ParallelTexts.read_vectors(numbers, with_targets=False)
    np.testing.assert_array_equal(alone.required_vectors(), VECTORS)
    assert alone.targets is None


def test_an_array_and_texts(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", VECTORS)
    np.savez(tmp_path / "a.npz", x=VECTORS, y=VECTORS + 1)
    texts = write(tmp_path, "texts", "one\r\ntwo\n")
    for source in (tmp_path / "a.npy", [str(tmp_path / "a.npy")], VECTORS, VECTORS.tolist()):
        data = ParallelTexts.read_vectors(source, texts)
        np.testing.assert_array_equal(data.required_vectors(), VECTORS)
        assert (data.targets, data.target_source) == (("one", "two"), texts)
    data = ParallelTexts.read_vectors(tmp_path / "a.npz", [texts], key="y")
    np.testing.assert_array_equal(data.required_vectors(), VECTORS + 1)
    assert ParallelTexts.read_vectors(tmp_path / "a.npy").targets is None


@pytest.mark.parametrize(
    ("content", "form", "problem"),
    [
        ("", "tsv", "no pairs"),
        ("1 2\n", "tsv", "line 1: no tab on this line: the form is numbers<TAB>text"),
        ("1 2\ta\n1 2 3\tb\n", "tsv", "line 2: 3 numbers, and the first vector has 2"),
        ("1 2\ta\n1\tb\n", "tsv", "line 2: 1 number, and the first vector has 2"),
        ("1 2\ta\nnan 2\tb\n", "tsv", "line 2: not numbers: 'nan 2'"),
        ("1 2\ta\n1 inf\tb\n", "tsv", "line 2: not numbers: '1 inf'"),
        ("1 1_0\ta\n", "tsv", "line 1: not numbers: '1 1_0'"),
        ("1 ٣\ta\n", "tsv", "line 1: not numbers"),
        ("1,5 2\ta\n", "tsv", "line 1: not numbers: '1,5 2'"),
        ("1 e\ta\n", "tsv", "line 1: not numbers: '1 e'"),
        ("1 1e400\ta\n", "tsv", "line 1: number 2 of the vector is inf, which is not finite"),
        ("1 1e39\ta\n", "tsv", r"line 1: number 2 of the vector is 1e\+39, beyond float32"),
        (" \ta\n", "tsv", "line 1: the source is empty"),
        ("1 2\t\n", "tsv", "line 1: the target is empty"),
        ("id\ttext\n1 2\ta\n", "tsv", "line 1: not numbers: 'id'"),
        ('{"source": [1, NaN], "target": "a"}\n', "jsonl", "line 1: number 2 of the vector is nan"),
        ('{"source": [1, true], "target": "a"}\n', "jsonl", r"line 1: not a list of numbers: '\[1, true\]'"),
        ('{"source": [[1]], "target": "a"}\n', "jsonl", "line 1: not a list of numbers"),
        ('{"source": [], "target": "a"}\n', "jsonl", "line 1: the vector is empty"),
        ('{"source": null, "target": "a"}\n', "jsonl", "line 1: not a list of numbers: 'null'"),
        ('{"source": {"a": 1}, "target": "a"}\n', "jsonl", "line 1: not a list of numbers"),
        ('{"source": [1' + "0" * 400 + '], "target": "a"}\n', "jsonl", "line 1: a number is too large"),
        ('{"source": [1], "target": 2}\n', "jsonl", "line 1: the target is 2: it must be a string"),
        ('{"source": [1], "target": " "}\n', "jsonl", "line 1: the target is empty"),
    ],
)
def test_bad_numbers(tmp_path: Path, content: str, form: str, problem: str) -> None:
    file = write(tmp_path, "pairs", content)
    with pytest.raises(DataError, match=problem) as caught:
        ParallelTexts.read_vectors(file, format=form)
    assert caught.value.source == file


def test_several_files_have_no_lines(tmp_path: Path) -> None:
    one, two = write(tmp_path, "one.tsv", "1 2\ta\n"), write(tmp_path, "two.tsv", "3 4\tb\n3\tc\n")
    assert ParallelTexts.read_vectors([one, one]).lines is None
    with pytest.raises(DataError, match="vector 3: 1 number, and the first vector has 2"):
        ParallelTexts.read_vectors([one, two])
    words = write(tmp_path, "words.tsv", "green\tgrass\n")
    with pytest.raises(DataError, match=r"words.tsv, word 1: none of the words has a vector"):
        ParallelTexts.read_vectors([words, words], representation=Parts())


def test_bad_arrays(tmp_path: Path) -> None:
    file, texts = str(tmp_path / "a.npy"), write(tmp_path, "texts", "one\n\n")
    np.save(file, VECTORS)
    with pytest.raises(DataError, match=f"{texts}, line 2: the target is empty: drop the line, and its vector"):
        ParallelTexts.read_vectors(file, texts)
    with pytest.raises(DataError, match=f"{file}: 2 vectors, and 4 lines in {texts}: expected one line per"):
        ParallelTexts.read_vectors(file, [texts, texts])
    np.save(file, np.array([[1, 2], [3, np.nan], [4, 5]]))
    with pytest.raises(DataError, match=f"{file}: row 2 of 3: number 2 of the vector is nan, which is not finite"):
        ParallelTexts.read_vectors(file, texts)
    np.save(file, np.zeros((2, 8, 8)))
    with pytest.raises(DataError, match=r"shape \[2, 8, 8\]: expected two dimensions"):
        ParallelTexts.read_vectors(file, texts)
    np.save(file, np.zeros((0, 8)))
    with pytest.raises(DataError, match="no vectors"):
        ParallelTexts.read_vectors(file, texts)


def test_options_without_effect_are_refused(tmp_path: Path) -> None:
    file, texts = str(tmp_path / "a.npy"), write(tmp_path, "texts", "1\tone\n")
    np.save(file, VECTORS)
    for options, problem in (
        ({"vectors": file, "representation": Parts()}, "a representation is for words"),
        ({"vectors": file, "format": "tsv"}, "has no format tsv"),
        ({"vectors": VECTORS, "key": "x"}, "the key 'x' is for files of arrays"),
        ({"vectors": texts, "key": "x"}, "the key 'x' is for files of arrays"),
        ({"vectors": texts, "unknown": "zero"}, "unknown must be drop or error, not 'zero'"),
        ({"vectors": texts, "texts": texts, "with_targets": False}, "do not pass them"),
        ({"vectors": texts, "texts": texts, "format": "tsv"}, "do not set the format tsv"),
        ({"vectors": texts, "representation": "w2v"}, "not 'w2v': pass nlmkit.load of its folder"),
        ({"vectors": texts, "format": "x"}, "must be one of tsv, csv, jsonl"),
    ):
        with pytest.raises(HyperParameterError, match=problem):
            ParallelTexts.read_vectors(**options)


# ------------------------------------------------------------------------------------------------------- words


class Parts:
    """Has vectors of two words, and of any other that begins with ``un`` the negative one of its rest."""

    name = "parts"

    def ids(self, words: Sequence[str]) -> Any:
        return np.array([["red", "blue"].index(word) if word in ("red", "blue") else -1 for word in words])

    def __contains__(self, word: object) -> bool:
        return str(word).removeprefix("un") in ("red", "blue")

    def vectors(self, words: Sequence[str]) -> Any:
        sign = np.array([-1 if word.startswith("un") else 1 for word in words])
        return sign[:, None] * VECTORS[self.ids([word.removeprefix("un") for word in words])]


def test_words_are_looked_up(tmp_path: Path) -> None:
    file = write(tmp_path, "words.tsv", "red\ta color\nblue \tthe sky\nred\tangry\nunred\tnot red\n")
    data = ParallelTexts.read_vectors(file, representation=Parts())
    np.testing.assert_array_equal(data.required_vectors(), VECTORS[[0, 1, 0, 0]] * [[1], [1], [1], [-1]])
    assert data.targets == ("a color", "the sky", "angry", "not red")
    assert data.references()[1][0] == ["a color", "angry"]
    assert data.notes == []
    alone = write(tmp_path, "words.txt", "blue\n")
    found = ParallelTexts.read_vectors(alone, representation=Parts(), with_targets=False)
    np.testing.assert_array_equal(found.required_vectors(), VECTORS[[1]])
    apart = ParallelTexts.read_vectors(alone, write(tmp_path, "texts", "the sky\n"), representation=Parts())
    assert apart.targets == ("the sky",)


def test_words_without_a_vector_are_dropped_and_counted_or_an_error(tmp_path: Path) -> None:
    file = write(tmp_path, "words.tsv", "green\tgrass\nred\ta color\nicy road\tcold\ngreen\tnew\n")
    data = ParallelTexts.read_vectors(file, representation=Parts())
    assert data.targets == ("a color",)
    assert data.lines is not None
    assert data.lines.tolist() == [2]
    assert data.notes == [
        f"{file}: 2 of 3 words have no vector in parts and were passed over, 3 of 4 lines: green, icy road"
    ]
    with pytest.raises(DataError, match="line 1: 'green' has no vector in parts"):
        ParallelTexts.read_vectors(file, representation=Parts(), unknown="error")
    none = write(tmp_path, "none.tsv", "green\tgrass\n")
    with pytest.raises(DataError, match="line 1: none of the words has a vector in parts, such as 'green'"):
        ParallelTexts.read_vectors(none, representation=Parts())


def test_a_representation_of_the_toolkit(tmp_path: Path) -> None:
    model = Vectors.from_file(write(tmp_path, "vectors.txt", "2 2\nred 1 2\nblue 3 4\n"))
    file = write(tmp_path, "words.tsv", "red\ta color\ngreen\tgrass\n")
    data = ParallelTexts.read_vectors(file, representation=model)
    assert data.required_vectors().tolist() == [[1, 2]]


# ------------------------------------------------------------------------------------------------- round trips


@pytest.mark.slow
@given(
    rows=st.integers(1, 4).flatmap(
        lambda size: st.lists(
            st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=size, max_size=size),
            min_size=1,
            max_size=4,
        )
    ),
    form=st.sampled_from(["spaces", "tabs", "jsonl", "npy", "npz"]),
)
@settings(max_examples=40)
def test_vectors_that_are_written_are_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[float]], form: str
) -> None:
    import json

    folder = tmp_path_factory.mktemp("vectors")
    texts = [f"text {number}" for number in range(len(rows))]
    if form in ("npy", "npz"):
        source = str(folder / f"a.{form}")
        options: Any = {"texts": write(folder, "texts", "\n".join(texts))}
        np.save(source, rows) if form == "npy" else np.savez(source, x=np.array(rows, np.float32))
    else:
        between = " " if form == "spaces" else "\t"
        lines = [
            json.dumps({"source": row, "target": text})
            if form == "jsonl"
            else "\t".join([between.join(map(repr, row)), text])
            for row, text in zip(rows, texts, strict=True)
        ]
        source, options = write(folder, "a", "\n".join(lines)), {"format": "jsonl" if form == "jsonl" else "tsv"}
    data = ParallelTexts.read_vectors(source, **options)
    np.testing.assert_array_equal(data.required_vectors(), np.array(rows, np.float32))
    assert data.targets == tuple(texts)
