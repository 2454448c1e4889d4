"""Texts with numbers: in memory, and from files of every form, whose faults are named by file and line."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import TextPipeline
from nlmkit.text.labelled import LabelledTexts
from nlmkit.text.numbered import NumberedTexts, as_numbers


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def refusal(path: Path, **options: str) -> str:
    with pytest.raises(DataError) as caught:
        NumberedTexts.read(path, **options)  # type: ignore[arg-type]
    assert caught.value.source == str(path)
    return str(caught.value).removeprefix(f"{path}, ")


# ------------------------------------------------------------------------------------------------------ in memory


def test_numbers_are_float64_whatever_they_were() -> None:
    for numbers in (
        [3, -1, 2.5],
        (3, np.int8(-1), np.float32(2.5)),
        np.array([3, -1, 2.5], np.float16),
        [3, -1, Fraction(5, 2)],
    ):
        data = NumberedTexts(["a", "b", "c"], numbers)
        assert data.numbers.dtype == np.float64
        assert data.numbers.tolist() == [3, -1, 2.5]
    assert NumberedTexts([], []).numbers.tolist() == []
    assert as_numbers(np.array([1, 2], np.uint8)).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ([1, None], r"number 2 is missing \(None or NaN\)"),
        ([1, float("nan")], r"number 2 is missing \(None or NaN\)"),
        (np.array([1, np.nan]), r"number 2 is missing \(None or NaN\)"),
        ([1, float("inf")], "number 2 is infinite or too large"),
        (np.array([-np.inf, 1]), "number 1 is infinite or too large"),
        ([1, 10**400], "number 2 is infinite or too large"),
        ([1, 1e101], r"number 2 is 1e\+101: numbers must be finite, from -1e100 to 1e100"),
        (np.array([1, -1e200]), r"number 2 is -1e\+200"),
        ([True, 1], r"number 1 is bool, not an integer or a float: convert it"),
        (np.array([True, False]), "number 1 is bool"),
        (["7", 8], r"number 1 is str \('7'\), not an integer or a float: convert it, as in float\(value\)"),
        ([1, Decimal(2)], "number 2 is Decimal, not an integer or a float"),
        ([1, 2j], "number 2 is complex"),
        ([1, [2]], "number 2 is list"),
        ("12", "numbers must be a sequence, one number per text, not str"),
        (5, "numbers must be a sequence, one number per text, not int"),
        ([1], "2 texts and 1 numbers: expected one per text"),
        ([1, 2, 3], "2 texts and 3 numbers"),
        (np.ones((2, 1)), "the list of numbers was given as a numpy ndarray of 2 dimensions"),
        ({"stars": [1, 2]}, "the list of numbers was given as a dict"),
        ({1, 2}, "which has no order"),
    ],
)
def test_what_is_no_number_is_refused(numbers: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        NumberedTexts(["a", "b"], numbers, source="mine")
    assert "\n" not in str(caught.value)


def test_the_largest_number_is_taken() -> None:
    assert NumberedTexts(["a", "b"], [1e100, -1e100]).numbers.tolist() == [1e100, -1e100]


def test_labelled_texts_whose_labels_are_numbers() -> None:
    integers = NumberedTexts.of(LabelledTexts(["a", "b"], [3, 4], source="here"))
    assert (integers.numbers.tolist(), integers.source) == ([3, 4], "here")
    assert NumberedTexts.of(integers) is integers
    lines = np.array([4, 9])
    spelt = NumberedTexts.of(LabelledTexts(["a", "b"], ["3", " 4.5"], lines=lines, encoding="latin-1"))
    assert spelt.numbers.tolist() == [3, 4.5]
    assert spelt.encoding == "latin-1"
    with pytest.raises(DataError, match=r"^f\.tsv, line 9: 'good' is not a number$"):
        NumberedTexts.of(LabelledTexts(["a", "b"], ["3", "good"], lines=lines, source="f.tsv"))
    with pytest.raises(DataError, match="number 1 is bool"):
        NumberedTexts.of(LabelledTexts(["a"], [True]))


def test_parts_and_other_numbers_are_texts_with_numbers() -> None:
    data = NumberedTexts(["a", "b", "c"], [1, 2, 3], source="s", encoding="latin-1")
    part = data.take([2, 0])
    assert isinstance(part, NumberedTexts)
    assert (part.texts, part.numbers.tolist(), part.source, part.encoding) == (("c", "a"), [3, 1], "s", "latin-1")
    assert data.with_labels([4, 5, 6.5]).numbers.tolist() == [4, 5, 6.5]
    assert data.encode(TextPipeline()).sentences == 3
    assert data.digest == NumberedTexts(["a", "b", "c"], [1.0, 2.0, 3.0]).digest
    assert data.digest != NumberedTexts(["a", "b", "c"], [1, 2, 4]).digest
    assert repr(data) == "<NumberedTexts: 3 texts, numbers from 1 to 3, from s>"
    assert data.notes == []


# ------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("f.tsv", "7\ta b\n\n-0.5\tc\td\n1e1\t\n", {}),
        ("f.tsv", "label\ttext\n7\ta b\n-0.5\tc\td\n10\t\n", {}),
        ("f.tsv", "stars\treview\n7\ta b\n-0.5\tc\td\n+10.\t\n", {"label_column": "stars", "text_column": "review"}),
        ("f.tsv", '"7"\t"a b"\n"-.5"\t"c\td"\n"10"\t""\n', {}),
        ("f.txt", "7 a b\n-0.5 c\td\n10 \n", {"format": "space"}),
        ("f.csv", 'text,label\na b, 7 \n"c\td",-5e-1\n"",10\n', {}),
        ("f.csv", 'id,text,n\n1,a b,7\n2,"c\td",-0.5\n3,"",10\n', {"label_column": "3"}),
        (
            "f.jsonl",
            '{"label": 7, "text": "a b"}\n{"label": "-0.5", "text": "c\\td"}\n{"label": 1e1, "text": ""}\n',
            {},
        ),
    ],
)
def test_every_form_of_file_has_the_same_numbers(
    name: str, content: str, options: dict[str, Any], tmp_path: Path
) -> None:
    data = NumberedTexts.read(write(tmp_path, name, content), **options)
    assert data.numbers.tolist() == [7, -0.5, 10]
    assert data.texts == ("a b", "c\td", "")


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("", "the number is missing"),
        ("  ", "the number is missing"),
        ("NA", "the number is missing ('NA')"),
        ("null", "the number is missing ('null')"),
        ("nan", "the number is 'nan', which is not finite"),
        ("-Infinity", "the number is '-Infinity', which is not finite"),
        ("1e999", "the number is infinite or too large: numbers must be finite, from -1e100 to 1e100"),
        ("1e101", "the number is 1e+101: numbers must be finite, from -1e100 to 1e100"),
        ("1,5", "'1,5' is not a number: write 1.5 with a point"),
        ("1_000", "'1_000' is not a number"),
        ("٣", "'٣' is not a number"),
        ("0x10", "'0x10' is not a number"),
        ("true", "'true' is not a number"),
        ("x" * 50, f"'{'x' * 40}...' is not a number"),
    ],
)
def test_a_cell_that_is_no_number_is_named_by_its_line(cell: str, problem: str, tmp_path: Path) -> None:
    assert refusal(write(tmp_path, "f.tsv", f"7\tgood\n\n{cell}\tbad\n")) == f"line 3: {problem}"
    assert refusal(write(tmp_path, "f.csv", f'label,text\n7,good\n"{cell}",bad\n')) == f"line 3: {problem}"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("null", "the number is missing (null)"),
        ("true", "the number is true: it must be a number"),
        ("[1]", "the number is [1]: it must be a number"),
        ("NaN", "the number is NaN, which is not finite"),
        ("Infinity", "the number is infinite or too large: numbers must be finite, from -1e100 to 1e100"),
        ('""', "the number is missing"),
    ],
)
def test_a_json_value_that_is_no_number_is_named_by_its_line(value: str, problem: str, tmp_path: Path) -> None:
    content = f'{{"label": 7, "text": "a"}}\n{{"label": {value}, "text": "b"}}\n'
    assert refusal(write(tmp_path, "f.jsonl", content)) == f"line 2: {problem}"


def test_with_several_files_the_right_one_is_named(tmp_path: Path) -> None:
    good, bad = write(tmp_path, "a.tsv", "7\tx\n"), write(tmp_path, "b.tsv", "8\ty\nbad\tz\n")
    with pytest.raises(DataError) as caught:
        NumberedTexts.read([str(good), str(bad)])
    assert (caught.value.source, caught.value.line) == (str(bad), 2)


def test_a_header_that_is_taken_for_a_text_leads_to_the_options(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "f.tsv", "rating\treview\n7\tgood\n"))
    assert message == (
        "line 1: 'rating' is not a number: if this line is a header, name its columns with --label-column and "
        "--text-column"
    )


def test_one_column_for_both_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HyperParameterError, match="number and text cannot both be in the column 'x'"):
        NumberedTexts.read(write(tmp_path, "f.csv", "x\n1\n"), label_column="x", text_column="x")


@given(st.floats(-1e100, 1e100))
def test_every_number_is_read_as_python_writes_it(number: float) -> None:
    assert NumberedTexts._checked(repr(number), "f", 1) == number
