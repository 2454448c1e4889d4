"""Pairs of texts: in memory, and from files of every form, whose faults are named by file and line, or both counts."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit.errors import DataError, HyperParameterError, MissingFileError
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.parallel import ParallelTexts


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def pairs(data: ParallelTexts) -> list[tuple[str, str]]:
    assert data.targets is not None
    return list(zip(data.required_texts(), data.targets, strict=True))


# ------------------------------------------------------------------------------------------------------ in memory


def test_texts_in_memory() -> None:
    data = ParallelTexts(["a b\n", "x\ny\r\n", "ü"], iter(["1", "2\r\n", "3"]))
    assert pairs(data) == [("a b", "1"), ("x y", "2"), ("ü", "3")]
    assert (len(data), data.has_vectors, data.dimension, data.lines) == (3, False, None, None)
    assert repr(data) == "<ParallelTexts: 3 pairs, sources are texts, from <pairs>>"


class ArrowColumn:
    """As a column of Arrow: sliced, and listed as values of Python."""

    def __init__(self, values: list[str]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[object]:
        return (object() for _ in self._values)

    def slice(self, start: int, length: int) -> ArrowColumn:
        return ArrowColumn(self._values[start : start + length])

    def to_pylist(self) -> list[str]:
        return self._values


class Frame:
    """As a table of pandas."""

    ndim, shape, columns = 2, (2, 2), ("source", "text")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.zeros((2, 2))

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


def test_columns_of_tables_are_sequences_of_texts() -> None:
    expected = [("a", "甲"), ("b", "乙")]
    assert pairs(ParallelTexts(np.array(["a", "b"]), np.array(["甲", "乙"], object))) == expected
    assert pairs(ParallelTexts(ArrowColumn(["a", "b"]), ArrowColumn(["甲", "乙"]))) == expected  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"list of sources was given as a \w+ Frame: pass one column"):
        ParallelTexts(Frame(), ["a", "b"])


@pytest.mark.parametrize(
    ("sources", "targets", "problem"),
    [
        (["a", "b"], ["c"], "2 sources and 1 targets: expected one target per source"),
        ("a text", ["c"], "not one source: pass a single source in a list"),
        (7, ["c"], "not int"),
        (["a", None], ["c", "d"], r"source 2 is missing \(None or NaN\): drop such rows$"),
        (["a"], [b"c"], "target 1 is bytes: decode it"),
        ([["a", "b"]], ["c"], "source 1 is list, not a string"),
        (["a", " \u3000"], ["c", "d"], "source 2 is empty: drop the pair"),
        (["a", "b\0"], ["c", "d"], "source 2 holds a NUL"),
        (["a"], ["\0"], "target 1 holds a NUL"),
        (["a", "b\ud800"], ["c", "d"], r"source 2 holds a lone surrogate U\+D800"),
        ({"a": "c"}, ["c"], "list of sources was given as a dict"),
        ({"a"}, ["c"], "must not be a set"),
        ([1, "a"], ["c", "d"], "row 2 is str, not a vector"),
    ],
)
def test_bad_input_in_memory(sources: Any, targets: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        ParallelTexts(sources, targets, source="here")
    assert caught.value.source == "here"


def test_a_blank_target_is_kept_until_a_fit_asks_for_targets() -> None:
    data = ParallelTexts(["a", "b"], ["c", " "])
    assert data.required_targets(blank=True) == ("c", " ")
    with pytest.raises(DataError, match="target 2 is empty"):
        data.required_targets()
    with pytest.raises(DataError, match="no targets"):
        data.without_targets().required_targets()


def test_lines_are_as_many_as_pairs() -> None:
    with pytest.raises(DataError, match="2 sources and 1 lines"):
        ParallelTexts(["a", "b"], ["c", "d"], lines=np.array([1]))


def test_marks() -> None:
    pipeline = TextPipeline()
    with pytest.raises(DataError, match=r"^here, target 2: the token <s>"):
        ParallelTexts(["a", "b"], ["c", "d <s>"], source="here").target_corpus(pipeline)
    from nlmkit.text import Decoding

    skipped = ParallelTexts(["a\0b"], ["c <s> d"], decoding=Decoding(marks="skip"))
    assert skipped.sources == ("a b",)
    assert skipped.target_corpus(pipeline).types == ("c", "d")
    literal = ParallelTexts(["a\0b"], ["c <s>"], decoding=Decoding(marks="literal"))
    assert literal.sources == ("a␀b",)
    assert literal.target_corpus(pipeline).types == ("c", "&lt;s&gt;")


def test_corpora_of_both_sides() -> None:
    data = ParallelTexts(["The cat", "a dog"], ["die Katze", "ein Hund"])
    lower = TextPipeline(lowercase=True)
    assert data.source_corpus(lower).types == ("the", "cat", "a", "dog")
    assert data.target_corpus(TextPipeline()).sentence(1) == ["ein", "Hund"]


def test_subset_swapped_and_references() -> None:
    data = ParallelTexts(["a", "b", "a", "c", "b"], ["1", "2", "3", "4", "2"], lines=np.arange(10, 15))
    assert pairs(data.subset([3, 0])) == [("c", "4"), ("a", "1")]
    assert data.subset([3, 0]).lines.tolist() == [13, 10]  # type: ignore[union-attr]
    assert len(data.subset([])) == 0
    assert pairs(data.swapped())[0] == ("1", "a")
    first, references = data.references()
    assert first.tolist() == [0, 1, 3]
    assert references == [["1", "3"], ["2", "2"], ["4"]]


def test_the_digest_is_of_both_sides() -> None:
    data = ParallelTexts(["a", "b"], ["c", "d"])
    others = [
        ParallelTexts(["a", "b"], ["c", "e"]),
        ParallelTexts(["a", "b"]),
        data.swapped(),
        ParallelTexts([[1.0], [2.0]], ["c", "d"]),
        ParallelTexts([[1.0, 2.0]], ["c"]),
    ]
    assert ParallelTexts(iter(["a", "b"]), ["c", "d"], source="x").digest == data.digest
    assert len({data.digest, *(other.digest for other in others)}) == 6


def test_notes() -> None:
    long = " ".join(["word"] * 20_000)
    data = ParallelTexts(["a", long], ["c", "d"], reading_notes=["read"])
    assert data.notes == ["read", "<pairs>: source 2 has 20,000 words: is it one sentence?"]
    copied = ParallelTexts(["a\tb", "\ufeffc\td"], ["a\tb", "e"], lines=np.array([4, 7]))
    assert [text.partition(": ")[2].partition(":")[0] for text in copied.notes] == [
        "every source holds a tab, which is white space here",
        "1 texts contain a byte-order mark (U+FEFF), probably from concatenated files",
    ]
    assert ParallelTexts([], []).notes == []
    (note,) = ParallelTexts(["a", "b"], ["a", "b"]).notes
    assert "2 of 2 targets equal their sources" in note


# ------------------------------------------------------------------------------------------------------ from files


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", 'a b\tA "B"\nc\tC\n'),
        ("a.txt", '\ufeffa b\tA "B"\r\n\r\n  \nc\tC'),
        ("a.tsv", 'source\ttarget\na b\tA "B"\nc\tC\n'),
        ("a.csv", 'target,id,source\n"A ""B""",1,a b\nC,2,c\n'),
        ("a.jsonl", '{"source": "a b", "target": "A \\"B\\"", "more": 1}\n\n{"target": "C", "source": "c"}\n'),
        ("a.tsv.gz", gzip.compress(b'a b\tA "B"\nc\tC\n', mtime=0)),
    ],
)
def test_files_with_both_sides(tmp_path: Path, name: str, content: str | bytes) -> None:
    file = write(tmp_path, name, content)
    data = ParallelTexts.read(file)
    assert pairs(data) == [("a b", 'A "B"'), ("c", "C")]
    assert data.source == data.target_source == file
    assert data.reading_notes == ()


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "a.tsv", "\nsource\ttarget\n\na\tb\nc\t<s>\n")
    data = ParallelTexts.read(file)
    assert data.lines is not None
    assert data.lines.tolist() == [4, 5]
    with pytest.raises(DataError, match=r"line 5: the token <s>"):
        data.target_corpus(TextPipeline())


def test_a_file_per_side(tmp_path: Path) -> None:
    sources = write(tmp_path, "a.en", "a\tb\r\n\nc\n")
    targets = write(tmp_path, "a.zh", "\ufeff甲\n \t\n乙")
    data = ParallelTexts.read(sources, target=targets)
    assert pairs(data) == [("a\tb", "甲"), ("c", "乙")]
    assert (data.source, data.target_source) == (sources, targets)
    assert data.lines is not None
    assert data.lines.tolist() == [1, 3]
    assert data.reading_notes == (f"{sources}: 1 lines are blank here and in {targets}, and were passed over",)
    twice = ParallelTexts.read([sources, sources], target=[targets, targets])
    assert (len(twice), twice.lines) == (4, None)


def test_standard_input_and_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pairs(ParallelTexts.read(io.BytesIO(b"a\tb\n"))) == [("a", "b")]
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"c\n")))
    assert pairs(ParallelTexts.read("-", target=write(tmp_path, "t", "d\n"))) == [("c", "d")]


def test_encodings(tmp_path: Path) -> None:
    file = write(tmp_path, "a.tsv", "你\té\n".encode("utf-16"))
    assert pairs(ParallelTexts.read(file, encoding="utf-16")) == [("你", "é")]
    damaged = write(tmp_path, "b.tsv", b"a\xff\tb\n")
    assert pairs(ParallelTexts.read(damaged, errors="replace")) == [("a\ufffd", "b")]
    marked = write(tmp_path, "c.tsv", b"a\0b\tc\n")
    assert pairs(ParallelTexts.read(marked, marks="skip")) == [("a b", "c")]


@pytest.mark.parametrize(
    ("content", "options", "problem"),
    [
        ("", {}, "no pairs"),
        ("\n\n", {}, "no pairs"),
        ("source\ttarget\n", {}, "no pairs"),
        ("a\n", {}, "line 1: no tab on this line: the form is source<TAB>target"),
        ("a\tb\nc\td\te\n", {}, "line 2: 3 columns, expected 2, source<TAB>target: pass two of them"),
        ("a\tb\n\tc\n", {}, "line 2: the source is empty: drop the pair"),
        ("a\t\n", {}, "line 1: the target is empty"),
        ("a\t \r\n", {}, "line 1: the target is empty"),
        ("\t\n", {}, "line 1: the source is empty"),
        ("a\tb\nc\0\td\n", {}, r"line 2, byte 5: NUL byte"),
        (b"a\tb\nc\xff\td\n", {}, r"line 2, byte 5: byte 0xFF is not valid utf-8"),
        ("a\tb\n".encode("utf-16"), {}, "byte order mark of utf-16: read it with --encoding utf-16"),
        (gzip.compress(b"a\tb\n", mtime=0), {}, r"this is .gz compressed data"),
        ("{}\n", {"format": "jsonl"}, "line 1: no 'source' in this object"),
        ('{"source": "a", "translation": "b"}\n', {"format": "jsonl"}, "no 'target' in this object .*call the two"),
        ('{"source": "a", "target": "b"}\n[1]\n', {"format": "jsonl"}, "line 2: each line must be a JSON object"),
        ('{"source": "a", "target": 3}\n', {"format": "jsonl"}, "line 1: the target is 3: it must be a string"),
        ('{"source": null, "target": "b"}\n', {"format": "jsonl"}, "line 1: the source is null"),
        ('{"source": "\\ud800", "target": "b"}\n', {"format": "jsonl"}, "line 1: the source holds a lone surrogate"),
        ('{"source": " ", "target": "b"}\n', {"format": "jsonl"}, "line 1: the source is empty"),
        ("{\n", {"format": "jsonl"}, "line 1: invalid JSON"),
        ("en,zh\na,b\n", {"format": "csv"}, "line 1: no column 'source' in the header .*call the two sides"),
        ("source,target\na\n", {"format": "csv"}, "line 2: 1 fields, but the header has 2"),
    ],
)
def test_bad_files(tmp_path: Path, content: str | bytes, options: Any, problem: str) -> None:
    file = write(tmp_path, "pairs", content)
    with pytest.raises(DataError, match=problem) as caught:
        ParallelTexts.read(file, **options)
    assert caught.value.source == file
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sources", "targets", "problem"),
    [
        ("a\nb\nc\n", "a\n", r"s: 3 lines, and 1 in \S+t: expected"),
        ("a\n", "a\nb\nc", r"s: 1 lines, and 3 in \S+t: expected"),
        ("", "a\n", r"s: 0 lines, and 1 in \S+t"),
        ("a\n", "", r"s: 1 lines, and 0 in \S+t"),
        ("", "", r"s, \S+t: no pairs"),
        ("\n\n", "\n \n", r"s, \S+t: no pairs"),
        ("a\n\nb\n", "1\n2\n3\n", "s, line 2: the source is empty: drop the line from both files"),
        ("a\nb\n", "1\n\t\n", "t, line 2: the target is empty: drop the line from both files"),
        ("a\n", "b\0\n", "t, line 1, byte 1: NUL"),
    ],
)
def test_bad_files_per_side(tmp_path: Path, sources: str, targets: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        ParallelTexts.read(write(tmp_path, "s", sources), target=write(tmp_path, "t", targets))


def test_bad_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "a.tsv", "a\tb\n")
    with pytest.raises(MissingFileError):
        ParallelTexts.read(str(tmp_path / "none"))
    with pytest.raises(DataError, match="2 files of sources and 1 of targets"):
        ParallelTexts.read([file, file], target=file)
    with pytest.raises(DataError, match="no pairs: pass at least one file"):
        ParallelTexts.read([])
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"c\n")))
    with pytest.raises(DataError, match="standard input cannot be both"):
        ParallelTexts.read("-", target="-")
    with pytest.raises(DataError, match="files or lines, not from token lists"):
        ParallelTexts.read([["a", "b"]])
    with pytest.raises(HyperParameterError, match="format of pairs must be one of tsv, csv, jsonl, not 'json'; did"):
        ParallelTexts.read(file, format="json")
    with pytest.raises(HyperParameterError, match="do not set the format tsv"):
        ParallelTexts.read(file, target=file, format="tsv")


def test_a_corpus_of_the_catalogue() -> None:
    data = ParallelTexts.read("corpus:pairs-en-zh/valid")
    assert len(data) == 60
    assert data.lines is not None
    assert data.source.endswith("valid.tsv")
    assert all(text.isascii() for text in data.required_texts())
    assert not any(text.isascii() for text in data.required_targets())
    assert Corpus.read("corpus:pairs-en-zh/valid").sentences == 120  # as text, each side is a line
    with pytest.raises(DataError, match="corpus:english/train has no pairs, it is a corpus for language-modelling"):
        ParallelTexts.read("corpus:english/train")
    with pytest.raises(DataError, match="has both sides"):
        ParallelTexts.read("corpus:pairs-en-zh", target="corpus:english")
    assert len(ParallelTexts.read("corpus:english/test", target="corpus:english/test")) == 86


# ----------------------------------------------------------------------------------------------------- round trips

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r\t"), min_size=1).filter(str.strip)
_PAIRS = st.lists(st.tuples(_TEXTS, _TEXTS), min_size=1, max_size=5)


@pytest.mark.slow
@given(given_pairs=_PAIRS, form=st.sampled_from(["tsv", "csv", "jsonl", "sides"]), end=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=40)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, given_pairs: list[tuple[str, str]], form: str, end: str
) -> None:
    """Any texts without line ends and tabs come back, from every form, with the same digest."""
    import csv

    if given_pairs[0] == ("source", "target") or given_pairs[0][0].startswith("\ufeff"):
        return  # a header; a byte order mark
    folder = tmp_path_factory.mktemp("pairs")
    options: dict[str, Any] = {}
    if form == "sides":
        write(folder, "pairs", end.join([source for source, _ in given_pairs]) + end)
        if given_pairs[0][1].startswith("\ufeff"):
            return
        options["target"] = write(folder, "targets", end.join([target for _, target in given_pairs]))
    else:
        out = io.StringIO(newline="")
        if form == "csv":
            csv.writer(out, lineterminator=end).writerows([("source", "target"), *given_pairs])
        for source, target in given_pairs:
            if form == "tsv":
                out.write(f"{source}\t{target}{end}")
            elif form == "jsonl":
                out.write(json.dumps({"target": target, "source": source}) + end)
        write(folder, "pairs", out.getvalue())
        options["format"] = form
    data = ParallelTexts.read(str(folder / "pairs"), **options)
    assert pairs(data) == given_pairs
    assert data.digest == ParallelTexts(*map(list, zip(*given_pairs, strict=True))).digest
