"""Text as a column of a table: where it is, what is kept beside it, and which files look like tables."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import Corpus, Decoding, TextPipeline
from nlmkit.text.columns import TextColumn, looks_like_table, read_tables, stream_tables
from nlmkit.text.rows import FORMATS
from nlmkit.text.sources import path_source

SPACE = TextPipeline()
UTF8 = Decoding()
CONTENT = {
    "tsv": "item\ttext\tcondition\n1\tthe cat sat\ta\n\n2\t\tb\n3\tthe dög\tc\n",
    "csv": 'item,text,condition\n1,the cat sat,a\n2,"",b\n3,"the\ndög",c\n',
    "jsonl": '{"item": 1, "text": "the cat sat", "condition": "a"}\n{"item": 2, "text": "", "condition": "b"}\n\n'
    '{"item": 3, "text": "the\\ndög", "condition": "c"}\n',
}


def written(folder: Path, form: str, content: str | None = None) -> str:
    file = folder / f"t.{form}"
    file.write_text(CONTENT[form] if content is None else content, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("form", FORMATS)
def test_the_text_and_what_is_beside_it(form: str, tmp_path: Path) -> None:
    (rows,) = stream_tables([written(tmp_path, form)], UTF8, TextColumn("text"))
    assert rows.texts == ["the cat sat", "", "the dög"]
    items = [1, 2, 3] if form == "jsonl" else ["1", "2", "3"]
    assert rows.others == {"item": items, "condition": ["a", "b", "c"]}
    assert rows.lines == {"tsv": [2, 4, 5], "csv": [2, 3, 4], "jsonl": [1, 2, 4]}[form]
    lines = [line for line in CONTENT[form].split("\n") if line]
    assert [rows.header, *rows.records] == {
        "tsv": lines,
        "csv": [*lines[:3], "\n".join(lines[3:])],
        "jsonl": [None, *lines],
    }[form]


@pytest.mark.parametrize("form", FORMATS)
def test_the_corpus_is_that_of_the_texts_alone(form: str, tmp_path: Path) -> None:
    name = written(tmp_path, form)
    corpus = read_tables([name], SPACE, TextColumn("text"))
    plain = Corpus.read(iter(["the cat sat", "", "the dög"]))
    assert corpus.events_digest == plain.events_digest
    assert (corpus.characters, corpus.bytes, corpus.pipeline) == (plain.characters, plain.bytes, SPACE)
    assert corpus.sources == (name,)


@pytest.mark.parametrize(("column", "text"), [("2", "b"), ("1", "c"), ("3", "c"), ("x", "a")])
def test_a_column_by_its_name_goes_before_one_by_its_number(column: str, text: str, tmp_path: Path) -> None:
    (rows,) = stream_tables([written(tmp_path, "tsv", "x\t2\t1\na\tb\tc\n")], UTF8, TextColumn(column))
    assert rows.texts == [text]


def test_a_text_in_the_last_column_may_hold_tabs(tmp_path: Path) -> None:
    (rows,) = stream_tables([written(tmp_path, "tsv", "n\ttext\n1\ta\tb\r\n")], UTF8, TextColumn("text"))
    assert (rows.texts, rows.others) == (["a\tb"], {"n": ["1"]})


def test_other_columns_have_names_of_their_own(tmp_path: Path) -> None:
    (rows,) = stream_tables([written(tmp_path, "tsv", "n\ttext\tn\t\n1\ta\t2\t3\n")], UTF8, TextColumn("text"))
    assert rows.others == {"n": ["1"], "n_2": ["2"], "column_3": ["3"]}


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("tsv", "a\tb\n1\t2\n", "line 1: no column 'text' in the header (a, b)"),
        ("tsv", "a\ttexts\n1\t2\n", "did you mean texts?"),
        ("tsv", "text\ttext\n1\t2\n", "line 1: several columns are named 'text'"),
        ("tsv", "text\ta\nx\t1\ny\n", "line 3: 1 fields, but the header has 2"),
        ("tsv", "text\ta\nx\ty\t1\n", "line 2: 3 fields, but the header has 2: only a text in the last column"),
        ("csv", "text,a\nx,1\nx,y,1\n", "line 3: 3 fields, but the header has 2: quote"),
        ("csv", 'text,a\n"x,1\n', "line 2: invalid CSV"),
        ("jsonl", '{"text": "x"}\n[1]\n', "line 2: each line must be a JSON object"),
        ("jsonl", '{"texts": "x"}\n', "line 1: no 'text' in this object (it has texts)"),
        ("jsonl", '{"text": 3}\n', "line 1: 'text' must be a string, not int"),
        ("jsonl", '{"text": "x"}\n{"text": "y", "b": 1}\n', "line 2: this object has 'b', but the first one does not"),
        (
            "jsonl",
            '{"text": "x", "n": ' + "9" * 5000 + "}\n",
            "line 1: invalid JSON: a value is too long or nested too deeply",
        ),
        ("jsonl", '{"text": "x", "n": ' + "[" * 100_000 + "\n", "line 1: invalid JSON"),
        ("tsv", "n\ttext\n1\tfine\n2\ta <s> b\n", "line 3: "),
        ("csv", 'n,text\n1,"a\nb"\n2,a </s>\n', "line 4: "),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(form: str, content: str, message: str, tmp_path: Path) -> None:
    name = written(tmp_path, form, content)
    with pytest.raises(DataError) as error:
        read_tables([name], SPACE, TextColumn("text"))
    assert str(error.value).startswith(f"{name}, ")
    assert message in str(error.value)


def test_tables_that_are_read_together_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("text\tn\nx\t1\n")
    (tmp_path / "b.tsv").write_text("text\tm\nx\t1\n")
    names = [str(tmp_path / name) for name in ("a.tsv", "b.tsv")]
    with pytest.raises(DataError, match=r"b\.tsv: the other columns are m, and those of the table before n"):
        list(stream_tables(names, UTF8, TextColumn("text")))
    assert [rows.header for rows in stream_tables([names[0]] * 2, UTF8, TextColumn("text"))] == ["text\tn"] * 2


def test_the_format_is_told_by_the_name_or_said(tmp_path: Path) -> None:
    file = tmp_path / "table.txt"
    file.write_text(CONTENT["csv"], encoding="utf-8")
    assert read_tables([str(file)], SPACE, TextColumn("text", "csv")).sentences == 3
    with pytest.raises(HyperParameterError, match="tsv, csv, jsonl, not 'space'"):
        TextColumn("text", "space")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_row_comes_out_of_a_pipe_before_the_next_goes_in(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    seen = threading.Event()

    def write() -> None:
        with open(pipe, "w", encoding="utf-8") as file:
            file.write("n,text\n1,a\n")
            file.flush()
            assert seen.wait(30)
            file.write("2,b\n")

    writer = threading.Thread(target=write)
    writer.start()
    rows = stream_tables([str(pipe)], UTF8, TextColumn("text"))
    assert next(rows).texts == ["a"]
    seen.set()
    assert next(rows).texts == ["b"]
    writer.join()


def test_good_rows_before_a_fault_come_out(tmp_path: Path) -> None:
    rows = stream_tables([written(tmp_path, "tsv", "n\ttext\n1\ta\n2\n")], UTF8, TextColumn("text"))
    assert next(rows).texts == ["a"]
    with pytest.raises(DataError, match="line 3"):
        next(rows)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.tsv", "n\ttext\n1\ta\n", True),
        ("t.tsv", "a sentence\nanother\n", False),
        ("t.tsv", "a\tb\nc\n", False),
        ("t.tsv", "one\tline\n", False),
        ("t.csv", "n,text\n1,a\n", True),
        ("t.csv", "well, yes\nno\n", False),
        ("t.csv", 'n,text\n1,"a, b"\n2,c\n', True),
        ("t.csv", 'n,text\n1,"a\nb, c"\n2,d\n', True),
        ("t.csv", "n,text\n" + "1,a\n" * 18 + '2,"b, c\nd"\n', True),
        ("t.jsonl", '{"text": "a"}\n', True),
        ("t.txt", "n\ttext\n1\ta\n", False),
        ("t.tsv", "", False),
    ],
)
def test_what_looks_like_a_table(name: str, content: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert looks_like_table(path_source(tmp_path / name)) is expected


def test_tables_of_one_text_and_of_more_columns_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "one.tsv").write_text("text\na\n")
    (tmp_path / "two.tsv").write_text("n\ttext\n1\ta\n")
    names = [str(tmp_path / "one.tsv"), str(tmp_path / "two.tsv")]
    with pytest.raises(DataError, match="the other columns are n, and those of the table before none: "):
        list(stream_tables(names, UTF8, TextColumn("text")))


@pytest.mark.parametrize("name", ["corpus:english", "nltk:brown"])
def test_a_named_corpus_is_not_a_table(name: str) -> None:
    with pytest.raises(HyperParameterError, match=f"^{name} is not a table: omit --text-column$"):
        read_tables([name], SPACE, TextColumn("1"))
    with pytest.raises(HyperParameterError, match=f"^{name} is not a table: omit --text-column$"):
        next(stream_tables([name], Decoding(), TextColumn("1")))
