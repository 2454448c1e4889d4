"""The one reader of rows behind columns of text and labelled texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlmkit.errors import DataError
from nlmkit.text import Decoding
from nlmkit.text.rows import READERS, Columns, Lines, Row, RowReader, TableFormat
from nlmkit.text.sources import path_source

CONTENT: dict[TableFormat, str] = {
    "tsv": "id\tlabel\ttext\n1\tx\ta\tb\r\n\n2\ty\t\n",
    "csv": 'id,label,text\n1,x,"a\nb"\n\n2,y,\n',
    "jsonl": '{"id": 1, "label": "x", "text": "a b"}\n \n{"text": "", "id": 2, "label": true}\n',
}


def read(form: TableFormat, content: str, columns: Columns, folder: Path) -> tuple[list[Row], RowReader]:
    (folder / "table").write_text(content, encoding="utf-8", newline="")
    reader = READERS[form]("table", columns)
    lines = Lines(path_source(folder / "table"), Decoding(), "a table is", size=7, most=2)
    return list(reader.rows(lines)), reader


def test_two_columns_and_no_others(tmp_path: Path) -> None:
    columns = Columns(("label", "text"), "name others")
    wanted = {
        "tsv": [(["x", "a\tb"], 2), (["y", ""], 4)],
        "csv": [(["x", "a\nb"], 2), (["y", ""], 5)],
        "jsonl": [(["x", "a b"], 1), ([True, ""], 3)],
    }
    for form, content in CONTENT.items():
        rows, reader = read(form, content, columns, tmp_path)
        assert [(row.wanted, row.line) for row in rows] == wanted[form]
        assert [row.others for row in rows] == [[], []]
        assert reader.names == []
        assert reader.cells == ([] if form == "jsonl" else ["label", "text"])


def test_one_column_beside_the_others(tmp_path: Path) -> None:
    columns = Columns(("text",), "name it", with_others=True)
    records = {
        "tsv": ["1\tx\ta\tb\r", "2\ty\t"],
        "csv": ['1,x,"a\nb"', "2,y,"],
        "jsonl": [line for line in CONTENT["jsonl"].split("\n") if line.strip()],
    }
    for form, content in CONTENT.items():
        rows, reader = read(form, content, columns, tmp_path)
        assert reader.names == ["id", "label"]
        assert [row.others for row in rows] == ([[1, "x"], [2, True]] if form == "jsonl" else [["1", "x"], ["2", "y"]])
        assert [row.record for row in rows] == records[form]
        assert reader.header == (None if form == "jsonl" else content.split("\n")[0])


@pytest.mark.parametrize(
    ("form", "content", "problem"),
    [
        ("tsv", "label\tx\n", "table, line 1: no column 'text' in the header (label, x): name others; tsv helps"),
        ("csv", "label\ttext,x\n", "line 1: no column 'label' in the header (label\ttext, x)"),
        ("csv", "label\ttext,x\n", ": name others; csv helps"),
        ("csv", "label,x\n", "(label, x): name others"),
        ("jsonl", '{"text": "a"}\n', "line 1: no 'label' in this object (it has text): name others"),
        ("tsv", "label\n", "line 1: no column 'text'"),
    ],
)
def test_a_missing_column_is_named_with_what_helps(
    form: TableFormat, content: str, problem: str, tmp_path: Path
) -> None:
    columns = Columns(("label", "text"), "name others", tsv_hint="; tsv helps", csv_hint="; csv helps")
    with pytest.raises(DataError) as caught:
        read(form, content, columns, tmp_path)
    assert problem in str(caught.value)


def test_two_columns_must_be_two(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="are the same column of the header: choose two columns"):
        read("tsv", "a\tb\nx\ty\n", Columns(("1", "a"), "name others"), tmp_path)
