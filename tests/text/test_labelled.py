"""Labelled texts: in memory, and from files of every form, whose faults are named by file and line."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError
from nlmkit.text import TextPipeline
from nlmkit.text.labelled import LabelledTexts, as_labels, as_texts, encode


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(data: LabelledTexts) -> list[tuple[str, str]]:
    return list(zip(data.labels.tolist(), data.texts, strict=True))


def refusal(path: Path, **options: str) -> str:
    with pytest.raises(DataError) as caught:
        LabelledTexts.read(path, **options)  # type: ignore[arg-type]
    assert caught.value.source == str(path)
    return str(caught.value).removeprefix(f"{path}, ")


# ------------------------------------------------------------------------------------------------------ in memory


def test_labels_keep_their_type_and_texts_their_characters() -> None:
    data = LabelledTexts(["a\nb", "", "ü"], [3, -1, 3])
    assert data.labels.dtype == np.int64
    assert data.texts == ("a\nb", "", "ü")
    assert len(data) == 3
    assert LabelledTexts(["x"], np.array(["very good"], object)).labels.dtype.kind == "U"
    assert LabelledTexts(["x", "y"], [True, np.False_]).labels.tolist() == [True, False]


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ([1, "1"], "label 2 is str and the first one int"),
        ([True, 1], "label 2 is int and the first one bool"),
        ([1.5, 2.5], "label 1 is float"),
        (["a", None], "label 2 is NoneType"),
        (["a", "b\0"], "label 2 ends in NUL"),
        (["a", "b\ud800"], r"label 2 contains a lone surrogate, U\+D800"),
        ([2**70, 1], "64 bits"),
        ("ab", "must be a sequence"),
        (5, "must be a sequence"),
    ],
)
def test_what_is_no_label_is_refused(labels: object, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        as_labels(labels)  # type: ignore[arg-type]


def test_each_text_needs_one_label() -> None:
    with pytest.raises(DataError, match="2 texts and 1 labels"):
        LabelledTexts(["a", "b"], ["x"])


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ("one text", "pass a single text in a list"),
        (7, "not int"),
        (["a", float("nan")], "text 2 is missing"),
        ([b"a"], "text 1 is bytes"),
    ],
)
def test_what_is_no_text_is_refused(texts: object, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        as_texts(texts)  # type: ignore[arg-type]


def test_take_keeps_what_belongs_to_the_chosen_texts(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", b"x\tone\n\ny\tt\xe4o\nz\tthree\n")
    data = LabelledTexts.read(path, encoding="latin-1").take([2, 0])
    assert rows(data) == [("z", "three"), ("x", "one")]
    assert data.lines is not None
    assert data.lines.tolist() == [4, 1]
    assert (data.encoding, data.source) == ("latin-1", str(path))


def test_the_digest_tells_texts_and_labels_apart() -> None:
    digests = [
        LabelledTexts(texts, labels).digest
        for texts, labels in (
            (["a", "b"], ["x", "y"]),
            (["b", "a"], ["x", "y"]),
            (["a", "b"], ["y", "x"]),
            (["a"], ["x"]),
        )
    ]
    assert len(set(digests)) == 4
    assert LabelledTexts(("a", "b"), np.array(["x", "y"])).digest == digests[0]


# --------------------------------------------------------------------------------------------------------- encode


def test_a_text_is_one_document_however_many_lines_it_has() -> None:
    corpus = encode(["A b\nc", "", "d\r\ne", "\n\n"], TextPipeline(tokenizer="word", lowercase=True))
    assert [corpus.sentence(index) for index in range(4)] == [["a", "b", "c"], [], ["d", "e"], []]
    chars = encode(["a\nb"], TextPipeline(tokenizer="char"))
    assert chars.sentence(0) == ["a", "▁", "b"]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12), max_size=6))
def test_encode_is_tokenize_text_by_text(texts: list[str]) -> None:
    pipeline = TextPipeline(tokenizer="word")
    corpus = encode(texts, pipeline)
    expected = [pipeline.tokenize(text.replace("\r\n", " ").replace("\n", " ")) for text in texts]
    assert [corpus.sentence(index) for index in range(len(texts))] == expected


def test_texts_that_name_files_are_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "great", "")
    monkeypatch.chdir(tmp_path)
    assert encode(["great", "great"], TextPipeline()).tokens == 2


def test_a_text_that_cannot_be_read_is_named_by_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="<texts>, text 2: the token </s> is the mark"):
        encode(["a", "b </s>"], TextPipeline(), marks="error")
    path = write(tmp_path, "a.tsv", "x\ta\n\n\ny\tb </s>\n")
    with pytest.raises(DataError, match=r"a\.tsv, line 4: the token </s>"):
        LabelledTexts.read(path, marks="error").encode(TextPipeline())


# ------------------------------------------------------------------------------------------------------------ tsv


def test_tsv_is_split_at_the_first_tab_and_nothing_else(tmp_path: Path) -> None:
    content = 'very good\tone\ttwo "x\nbad\t\n\n  1 \t u\x85v\u2028w \r\nbad\tlast'
    assert rows(LabelledTexts.read(write(tmp_path, "a.tsv", content))) == [
        ("very good", 'one\ttwo "x'),
        ("bad", ""),
        ("  1 ", " u\x85v\u2028w "),
        ("bad", "last"),
    ]


def test_a_first_line_of_the_column_names_is_a_header(tmp_path: Path) -> None:
    content = "label\ttext\nlabel\ttext\n"
    assert rows(LabelledTexts.read(write(tmp_path, "a.tsv", content))) == [("label", "text")]
    named = write(tmp_path, "b.tsv", "stars\treview\n5\tfine\n")
    assert rows(LabelledTexts.read(named, label_column="stars", text_column="review")) == [("5", "fine")]
    assert len(LabelledTexts.read(named)) == 2


@pytest.mark.parametrize(
    ("content", "columns", "wanted"),
    [
        (
            "sentence\tlabel\nfine film\t1\n\ndull\t0\n",
            {"text_column": "sentence"},
            [("1", "fine film"), ("0", "dull")],
        ),
        ("\nid\tlabel\treview\r\n1\tgood\tfine\r\n", {"text_column": "review"}, [("good", "fine")]),
        ("text\tid\tlabel\nfine\t\tx\n", {"label_column": "label"}, [("x", "fine")]),
        ("label\ttext\nx\ta\tb \n", {"label_column": "label", "text_column": "text"}, [("x", "a\tb ")]),
        ('id\tlabel\ttext\n1\tx\t"a\tb"\n', {"text_column": "text"}, [("x", '"a\tb"')]),
        ("", {"text_column": "review"}, []),
    ],
)
def test_named_columns_are_those_of_the_header_in_any_order(
    tmp_path: Path, content: str, columns: dict[str, str], wanted: list[tuple[str, str]]
) -> None:
    assert rows(LabelledTexts.read(write(tmp_path, "a.tsv", content), **columns)) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "id\treview\tstars\n1\tfine film\tgood\n2\tdull\tbad\n"),
        ("a.csv", "id,review,stars\n1,fine film,good\n2,dull,bad\n"),
        ("a.tsv", '"id"\t"review"\t"stars"\n"1"\t"fine film"\t"good"\n"2"\t"dull"\t"bad"\n'),
    ],
)
def test_a_number_is_the_place_of_a_column(tmp_path: Path, name: str, content: str) -> None:
    path = write(tmp_path, name, content)
    for label, text in (("3", "2"), ("stars", "2"), ("3", "review")):
        assert rows(LabelledTexts.read(path, label_column=label, text_column=text)) == [
            ("good", "fine film"),
            ("bad", "dull"),
        ]
    assert "no column '4' in the header (id, review, stars)" in refusal(path, label_column="4", text_column="2")
    assert "are the same column of the header" in refusal(path, label_column="stars", text_column="3")


def test_a_number_that_is_a_name_is_that_column(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "2,1\nfine,good\n")
    assert rows(LabelledTexts.read(path, label_column="1", text_column="2")) == [("good", "fine")]


@pytest.mark.parametrize(("name", "tab"), [("a.tsv", "\t"), ("a.csv", ",")])
def test_a_header_that_may_be_none_is_noted(tmp_path: Path, name: str, tab: str) -> None:
    lines = [tab.join(row) for row in (("good", "x", "fine"), ("bad", "y", "dull"), ("good", "z", "warm"))]
    data = LabelledTexts.read(write(tmp_path, name, "\n".join(lines)), label_column="1", text_column="3")
    assert [note for note in data.notes if "read as the header" in note and "1 other text has the label" in note]


def test_columns_are_not_named_in_vain(tmp_path: Path) -> None:
    bare = write(tmp_path, "a.tsv", f"pos\t{'good film ' * 9}\n")
    for columns in ({"text_column": "text"}, {"label_column": "label", "text_column": "text"}):
        problem = refusal(bare, **columns)
        assert problem.startswith("line 1: no column 'label' in the header (pos, good film")
        assert problem.endswith("or omit the names if the file is label<TAB>text without a header")
        assert len(problem) < 300
    with pytest.raises(HyperParameterError, match="format space has no column names"):
        LabelledTexts.read(write(tmp_path, "b.txt", "good fine\n"), format="space", text_column="text")


@pytest.mark.parametrize(
    "header",
    ["id\tlabel\ttext", "text\tlabel", "sentence\tlabel\r", "label\tsentence", "label\ttext\tid", "Label\tText"],
)
def test_another_header_is_not_taken_for_a_text(tmp_path: Path, header: str) -> None:
    content = f"\n{header}\nx\ta\n"
    assert refusal(write(tmp_path, "a.tsv", content)).startswith("line 2: this looks like a header (")
    exact = write(tmp_path, "b.tsv", f"label\ttext{content}")
    assert len(LabelledTexts.read(exact)) == 2  # as the error advises where that is a text


def test_a_text_may_speak_of_labels_and_a_later_line_may_be_like_a_header(tmp_path: Path) -> None:
    content = "x\tthe label text\nlabel\ttext\ntext\tlabel\n"
    assert len(LabelledTexts.read(write(tmp_path, "a.tsv", content))) == 3


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("id\tlabel\ttext\n1\tx\n", "line 2: 2 fields, but the header has 3"),
        ("text\tlabel\na\tx\ny\tb\tx\n", "line 3: 3 fields, but the header has 2: only a text in the last column"),
        ("text\tlabel\na\t\n", "line 2: the label is empty"),
        ("text\tlabel\ttext\na\tx\tb\n", "line 1: several columns are named 'text'"),
        ("txt\tlabel\na\tx\n", "line 1: no column 'text' in the header (txt, label); did you mean txt?"),
    ],
)
def test_a_malformed_tsv_with_a_header_is_refused_with_its_line(tmp_path: Path, content: str, problem: str) -> None:
    assert refusal(write(tmp_path, "a.tsv", content), text_column="text").startswith(problem)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "x\ta\nno tab here\n",
            "line 2: no tab on this line: the form is label<TAB>text (or set --text-format)",
        ),
        ("x\ta\n \tb\n", "line 2: the label is empty"),
        ("x\ta\n\tb\n", "line 2: the label is empty"),
        (b"x\ta\nx\t\xff\n", "line 2, byte 6: byte 0xFF is not valid utf-8"),
        (b"\x1f\x8b\x08\x00", "byte 0: this is .gz compressed data"),
    ],
)
def test_a_malformed_tsv_is_refused_with_its_line(tmp_path: Path, content: str | bytes, problem: str) -> None:
    assert refusal(write(tmp_path, "a.tsv", content)).startswith(problem)


def test_latin_1_and_compressed_files(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress("gut\tschön\x85\n".encode("latin-1")))
    data = LabelledTexts.read(path, encoding="latin-1")
    assert rows(data) == [("gut", "schön\x85")]
    assert data.encoding == "latin-1"
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(b"text,label\na,b\n"))
    assert rows(LabelledTexts.read(packed)) == [("b", "a")]


def test_space_separates_a_label_from_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, "train.all", "0 what is it ?\nDESC:def  two\n")
    assert rows(LabelledTexts.read(path, format="space")) == [("0", "what is it ?"), ("DESC:def", " two")]
    assert refusal(write(tmp_path, "bad", "word\n"), format="space").startswith("line 1: no space")


def test_several_files_are_one_and_a_directory_too(tmp_path: Path) -> None:
    first, second = write(tmp_path, "1.tsv", "a\tone\n"), write(tmp_path, "2.csv", "label,text\nb,two\n")
    both = LabelledTexts.read([str(first), str(second)])
    assert rows(both) == rows(LabelledTexts.read(tmp_path)) == [("a", "one"), ("b", "two")]
    assert both.lines is None


def test_streams_and_bundled_corpora_are_read() -> None:
    assert rows(LabelledTexts.read(io.BytesIO(b"a\tb\n"))) == [("a", "b")]
    bundled = LabelledTexts.read("corpus:reviews-zh/test")
    assert len(bundled) == 45
    assert set(bundled.labels.tolist()) == {"positive", "negative"}


def test_an_empty_file_has_no_texts(tmp_path: Path) -> None:
    assert len(LabelledTexts.read(write(tmp_path, "a.tsv", ""))) == 0


# ------------------------------------------------------------------------------------------------------------ csv


def test_csv_has_quoted_fields_line_feeds_and_columns_by_name(tmp_path: Path) -> None:
    content = '\ufeffid,review,label\r\n1,"a ""b"", c\nd",x\r\n\r\n2,,y z\r\n'
    data = LabelledTexts.read(write(tmp_path, "a.csv", content), text_column="review")
    assert rows(data) == [("x", 'a "b", c\nd'), ("y z", "")]
    assert data.lines is not None
    assert data.lines.tolist() == [2, 5]


def test_a_csv_field_may_be_longer_than_the_modules_limit(tmp_path: Path) -> None:
    import csv

    before = csv.field_size_limit()
    text = "word " * 50_000
    assert LabelledTexts.read(write(tmp_path, "a.csv", f"label,text\nx,{text}\n")).texts == (text,)
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("label,review\nx,a\n", "line 1: no column 'text' in the header (label, review)"),
        (
            "\nlabel,text,text\nx,a,b\n",
            "line 2: several columns are named 'text' in the header (label, text, text): rename all but one",
        ),
        (
            "label\ttext\nx\ta\n",
            "line 1: no column 'label' in the header (label\ttext); did you mean label\ttext?: "
            "name them with --label-column and --text-column, and set --format tsv",
        ),
        ("label,text\nx,a,b\n", "line 2: 3 fields, but the header has 2"),
        ('label,text\nx,"a\nb"\ny\n', "line 4: 1 fields, but the header has 2"),
        ('label,text\nx,"a\n', "line 2: invalid CSV"),
        ('label,text\nx,"a"b\n', "line 2: invalid CSV"),
        ("label,text\n,a\n", "line 2: the label is empty"),
    ],
)
def test_a_malformed_csv_is_refused_with_its_line(tmp_path: Path, content: str, problem: str) -> None:
    assert refusal(write(tmp_path, "a.csv", content)).startswith(problem)


# ---------------------------------------------------------------------------------------------------------- jsonl


def test_jsonl_labels_are_spelt_as_strings(tmp_path: Path) -> None:
    content = (
        '{"label": "a b", "text": "x\\ny"}\n\n{"text": "", "label": 3, "more": null}\n{"label": true, "text": "z"}\n'
    )
    data = LabelledTexts.read(write(tmp_path, "a.jsonl", content))
    assert rows(data) == [("a b", "x\ny"), ("3", ""), ("true", "z")]
    assert data.lines is not None
    assert data.lines.tolist() == [1, 3, 4]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"label": 1, "text": "a"}\n{"label": 1\n', "line 2: invalid JSON"),
        ("[1]\n", "line 1: each line must be a JSON object"),
        ('{"label": 1, "txt": "a"}\n', "line 1: no 'text' in this object (it has label, txt); did you mean txt?"),
        ('{"label": 1.5, "text": "a"}\n', "line 1: the label is 1.5"),
        ('{"label": null, "text": "a"}\n', "line 1: the label is null"),
        ('{"label": "x", "text": null}\n', "line 1: the text is null"),
        (
            '{"label": 1, "text": "a"}\n{"label": "a\\ud800", "text": "x"}\n',
            "line 2: the label contains a lone surrogate",
        ),
        ('{"label": "a\\u0000", "text": "x"}\n', "line 1: the label ends in NUL"),
        ("[" * 100_000 + "\n", "line 1: invalid JSON: a value is too long or nested too deeply"),
    ],
)
def test_a_malformed_jsonl_is_refused_with_its_line(tmp_path: Path, content: str, problem: str) -> None:
    assert refusal(write(tmp_path, "a.jsonl", content)).startswith(problem)


def test_a_lone_surrogate_in_a_text_is_found_with_its_line_when_the_text_is_encoded(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '\n{"label": "a", "text": "x \\ud800"}\n')
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: lone surrogate U\+D800"):
        LabelledTexts.read(path).encode(TextPipeline())
    pipeline = TextPipeline(errors="replace")
    assert LabelledTexts.read(path, errors="replace").encode(pipeline).sentence(0) == ["x", "\ufffd"]


def test_labels_that_are_nearly_all_different_are_noted() -> None:
    texts = [f"text {number}" for number in range(20)]
    for shared, noted in ((0, True), (2, True), (3, False)):
        labels = ["x"] * shared + [f"label {number}" for number in range(20 - shared)]
        assert bool(LabelledTexts(texts, labels).notes) is noted
    assert not LabelledTexts(texts[:19], texts[:19]).notes
    (told,) = LabelledTexts(texts, list(range(20))).notes
    assert told.startswith("20 of 20 texts have a unique label")


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", "a\tb\n")
    with pytest.raises(HyperParameterError, match="format must be one of tsv, space, csv, jsonl"):
        LabelledTexts.read(path, format="xml")
    with pytest.raises(HyperParameterError, match="cannot both be in the column"):
        LabelledTexts.read(path, label_column="text")
    with pytest.raises(DataError, match="no such file"):
        LabelledTexts.read(tmp_path / "none.tsv")


@pytest.mark.slow
def test_real_files_have_the_published_sizes(shared_data: Path) -> None:
    mr = LabelledTexts.read(shared_data / "mr" / "rt-polarity.all", format="space", encoding="latin-1")
    assert dict(zip(*np.unique(mr.labels, return_counts=True), strict=True)) == {"0": 5331, "1": 5331}
    trec = LabelledTexts.read(shared_data / "trec" / "train.all", format="space", encoding="latin-1")
    assert (len(trec), len(np.unique(trec.labels))) == (5452, 6)
    waimai = LabelledTexts.read(shared_data / "waimai" / "waimai_10k.csv", text_column="review")
    assert dict(zip(*np.unique(waimai.labels, return_counts=True), strict=True)) == {"0": 7987, "1": 4000}


@pytest.mark.parametrize("source", ["corpus:reviews-en/test", ["corpus:reviews-en/test"]])
def test_a_corpus_of_the_catalogue_has_no_named_columns(source: str | list[str]) -> None:
    assert len(LabelledTexts.read(source)) == 45
    problem = "corpus:reviews-en/test is not a table: omit --label-column and --text-column"
    with pytest.raises(HyperParameterError, match=problem):
        LabelledTexts.read(source, label_column="1", text_column="2")
