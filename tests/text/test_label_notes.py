"""Labels that look alike, headers taken for texts, quoted tables, long labels, and tables in place of columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit import DataError
from nlmkit.classifiers.linear.nbsvm import NBSVM
from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg
from nlmkit.text.label_notes import likeness_note, lone_note, look
from nlmkit.text.labelled import LabelledTexts, as_labels, as_texts, label_kind
from nlmkit.text.quoting import unquoted

BASE = [(("pos", "neg")[number % 2], f"this is film number {number} , i say") for number in range(10)]


def tsv(folder: Path, rows: list[tuple[str, str]], name: str = "a.tsv") -> Path:
    path = folder / name
    path.write_text("".join(f"{label}\t{text}\n" for label, text in rows), encoding="utf-8")
    return path


# ------------------------------------------------------------------------------------------------------ look alike


@pytest.mark.parametrize(
    ("label", "alike"),
    [
        ("Pos", "pos"),
        ("neg ", "neg"),
        (" neg", "neg"),
        ("neg\u00a0", "neg"),
        ("very  good", "very good"),
        ("\ufeffpos", "pos"),
        ("po\u200bs", "pos"),
        ("ｐｏｓ", "pos"),
        ("１", "1"),
        ("1.0", "1"),
        ("01", "1"),
        ('"pos"', "pos"),
        ("“pos”", "pos"),
        (unicodedata.normalize("NFD", "négatif"), unicodedata.normalize("NFC", "négatif")),
        ("STRASSE", "straße"),
    ],
)
def test_labels_that_look_alike_are_noted_with_their_counts(label: str, alike: str) -> None:
    assert look(label) == look(alike)
    data = LabelledTexts(["x"] * 5, [alike] * 3 + [label, "other"])
    (told,) = data.notes
    assert told.startswith("similar labels are separate classes: ")
    assert "(3 texts)" in told
    assert "(1 text)" in told
    shown = told.partition(": ")[2].split(", ")
    assert shown[0].partition(" (")[0] != shown[1].partition(" (")[0]  # a reader can tell them apart


def test_labels_that_only_resemble_each_other_are_not_noted() -> None:
    for labels in (["pos", "neg"], ["1", "10"], ["a b", "ab"], ["c", "c++"], ["好", "坏"], ["-1", "1"], ["x", "x-y"]):
        assert not LabelledTexts(["t"] * 4, labels * 2).notes
    assert not LabelledTexts(["t"] * 4, [1, 2, 1, 2]).notes
    assert not LabelledTexts(["t"] * 4, [True, False, True, False]).notes


@pytest.mark.parametrize(
    ("label", "start"),
    [
        ("neg ", "labels contain leading, trailing or invisible characters: 'neg ' (2 texts)"),
        ("\ufeffneg", "labels contain leading, trailing or invisible characters: '\\ufeffneg' (2 texts)"),
        ('"neg"', "quotation marks are kept in labels because only some cells have them: '\"neg\"' (2 texts)"),
        ("nan", "a label that looks like a missing value is a separate class: 'nan' (2 texts)"),
    ],
)
def test_odd_labels_without_a_twin_are_noted(label: str, start: str) -> None:
    assert LabelledTexts(["t"] * 4, ["pos", label] * 2).notes == [start]


def test_many_groups_are_cut_short() -> None:
    labels = [f"{name}{number}x" for number in range(30) for name in ("a", "A")]
    (told,) = LabelledTexts(["t"] * 180, labels * 3).notes
    assert "; and 25 more;" in told
    assert len(told) < 400


def test_marks_of_joined_files_are_counted(tmp_path: Path) -> None:
    """A second file's byte-order mark comes to be part of its first label, or of a text."""
    joined = tmp_path / "joined.tsv"
    parts = [tsv(tmp_path, BASE, f"{number}.tsv").read_text("utf-8") for number in range(2)]
    joined.write_text("\ufeff" + "\ufeff".join(parts), encoding="utf-8")
    (told,) = LabelledTexts.read(joined).notes
    assert "'pos' (9 texts), '\\ufeffpos' (1 text)" in told
    texts = ["one", "\ufefftwo", "three"]
    assert LabelledTexts(texts, ["a", "b", "a"]).notes == [
        "1 texts contain a byte-order mark (U+FEFF), probably from concatenated files: remove it"
    ]


def test_labels_that_training_wrote_otherwise_are_noted(caplog: pytest.LogCaptureFixture) -> None:
    assert likeness_note(["Pos", "new"], ["neg", "pos"]) == (
        "unknown labels are similar to known ones but counted as different: 'Pos' like 'pos'"
    )
    assert likeness_note(["new"], ["neg", "pos"]) is None
    texts, labels = [text for _, text in BASE], [label for label, _ in BASE]
    classifier = TfidfLogReg().fit(texts, labels, valid=(texts[:2], ["pos", "Neg"]))
    assert any("'Neg' like 'neg'" in told for told in classifier.fit_report_["notes"])
    caplog.clear()  # of the notes of the fit
    classifier.score(texts, labels)
    assert not caplog.messages
    classifier.score(texts, [label.upper() for label in labels])
    assert caplog.messages == [
        "unknown labels are similar to known ones but counted as different: 'NEG' like 'neg'; 'POS' like 'pos'"
    ]


def test_classes_of_one_text_are_noted_in_the_fit() -> None:
    texts, labels = [text for _, text in BASE], [label for label, _ in BASE]
    told = "1 of 3 classes have only one text, which is too few to learn from: 'odd'"
    assert told in TfidfLogReg().fit([*texts, "one"], [*labels, "odd"]).fit_report_["notes"]
    assert TfidfLogReg().fit(texts, labels).fit_report_["notes"] == []
    assert lone_note({"a": 1, "b": 1}) is None  # then no class is the odd one
    assert lone_note({str(number): 1 for number in range(50)}) is None  # which has a note of its own


# ---------------------------------------------------------------------------------------------------------- headers


@pytest.mark.parametrize("header", [("sentiment", "review"), ("stars", "opinion"), ("Class", "Tweet"), ("c1", "c2")])
def test_a_header_taken_for_a_text_is_noted_with_its_line(tmp_path: Path, header: tuple[str, str]) -> None:
    path = tsv(tmp_path, [header, *BASE])
    data = LabelledTexts.read(path)
    assert len(data) == 11  # it is told, not dropped
    (told,) = data.notes
    assert told.startswith(f"{path}: line 1 looks like a header ({header[0]!r}, {header[1]!r})")
    several = LabelledTexts.read([str(tsv(tmp_path, BASE, "b.tsv")), str(path)])
    assert several.notes == [told]
    label, text = header
    assert LabelledTexts.read(path, label_column=label, text_column=text).notes == []
    in_memory = LabelledTexts([text for _, text in [header, *BASE]], [label for label, _ in [header, *BASE]])
    assert in_memory.notes[0].startswith("text 1 looks like a header (")


def test_a_header_of_the_form_with_spaces_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("label text\n" + "".join(f"{label} {text}\n" for label, text in BASE), encoding="utf-8")
    (told,) = LabelledTexts.read(path, format="space").notes
    assert told.startswith(f"{path}: line 1 looks like a header ('label', 'text')")


@pytest.mark.parametrize(
    "first",
    [("pos", "review"), ("neutral", "it is a film ."), ("5", "fine"), ("happy", "so happy to be here")],
)
def test_an_ordinary_first_text_is_no_header(tmp_path: Path, first: tuple[str, str]) -> None:
    assert LabelledTexts.read(tsv(tmp_path, [first, *BASE])).notes == []


def test_short_texts_are_no_headers() -> None:
    assert LabelledTexts(["good", "bad", "fine"], ["x", "y", "y"]).notes == []


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.csv", "label,text\npos,fine\nlabel,text\nneg,dull\n", 3),
        ("a.tsv", "label\ttext\npos\tfine\nlabel\ttext\n", 3),
    ],
)
def test_a_repeated_header_is_noted(tmp_path: Path, name: str, content: str, line: int) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert LabelledTexts.read(path).reading_notes == (
        f"{path}: line {line} repeats the header but was read as a text: delete it",
    )


# ---------------------------------------------------------------------------------------------------------- quoting


def test_quotation_marks_are_read_where_every_cell_has_them(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    body = '"pos"\t"a ""fine"" film"\n\n"neg"\t"two\nlines"\n"pos"\t""\n'
    path.write_text(body, encoding="utf-8")
    wanted = [("pos", 'a "fine" film'), ("neg", "two\nlines"), ("pos", "")]
    data = LabelledTexts.read(path)
    assert list(zip(data.labels.tolist(), data.texts, strict=True)) == wanted
    assert data.notes == [f"{path}: every cell is in quotation marks, which were removed as in CSV"]
    assert data.lines is not None
    assert data.lines.tolist() == [1, 3, 5]
    path.write_text('"label"\t"text"\n' + body, encoding="utf-8")
    assert LabelledTexts.read(path).labels.tolist() == ["pos", "neg", "pos"]
    path.write_text('"text"\t"id"\t"stars"\n"fine\tfilm"\t"7"\t"5"\n', encoding="utf-8")
    named = LabelledTexts.read(path, label_column="stars")
    assert list(zip(named.labels.tolist(), named.texts, strict=True)) == [("5", "fine\tfilm")]
    path.write_text('"pos" "a film"\n"very good" "x"\n', encoding="utf-8")
    assert LabelledTexts.read(path, format="space").labels.tolist() == ["pos", "very good"]


@pytest.mark.parametrize(
    "content",
    [
        '"pos"\t"fine"\nneg\tdull\n',
        '"pos"\tfine\n"neg"\tdull\n',
        '"pos"\t"a "fine" film"\n"neg"\t"dull"\n',
        '"pos"\t"never closed\n"neg"\t"dull"\n',
    ],
)
def test_other_quotation_marks_are_part_of_the_text(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(content, encoding="utf-8")
    rows = LabelledTexts.read(path)
    wanted = [line.split("\t") for line in content.splitlines()]
    assert [list(row) for row in zip(rows.labels.tolist(), rows.texts, strict=True)] == wanted


def test_quoted_records_are_as_wide_as_expected(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('"pos"\t"fine"\n"neg"\t"dull"\t"more"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: 3 cells, expected 2"):
        LabelledTexts.read(path)
    path.write_text('"id"\t"label"\t"text"\n"1"\t"x"\t"y"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"line 1: this looks like a header \(id, label, text\)"):
        LabelledTexts.read(path)
    assert unquoted([(1, '"a"')], "\t") is None  # one cell is no record


def test_json_labels_of_two_types_that_are_spelt_alike_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = ['{"label": 1, "text": "a"}', '{"label": "1", "text": "b"}', '{"label": true, "text": "c"}']
    path.write_text("\n".join([*rows, '{"label": "x", "text": "d"}']), encoding="utf-8")
    data = LabelledTexts.read(path)
    assert data.labels.tolist() == ["1", "1", "true", "x"]
    (told,) = data.reading_notes
    assert told.endswith("are read as the same class: 1")


# -------------------------------------------------------------------------------------------------------- long labels


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "x\ta\n{label}\tb\n"),
        ("a.txt", "x a\n{label} b\n"),
        ("a.csv", "label,text\n{label},b\n"),
        ("a.jsonl", '{{"label": "x", "text": "a"}}\n{{"label": "{label}", "text": "b"}}\n'),
    ],
)
def test_a_label_has_at_most_a_thousand_characters(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    form = "space" if name.endswith(".txt") else None
    path.write_text(content.format(label="y" * 1000), encoding="utf-8")
    assert "y" * 1000 in LabelledTexts.read(path, format=form).labels
    path.write_text(content.format(label="y" * 1001), encoding="utf-8")
    with pytest.raises(
        DataError, match=r"line 2: the label has 1001 characters \('yyy.*and 1000 are the most"
    ) as error:
        LabelledTexts.read(path, format=form)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < 400


def test_long_labels_take_no_more_memory_than_they_have(tmp_path: Path) -> None:
    """Above 64 characters labels are objects; an array of fixed width would repeat the longest one's for each text."""
    long = "y" * 1000
    labels = as_labels(["x", "z"] * 500 + [long])
    assert labels.dtype == np.object_
    assert label_kind(labels) == "U"
    assert labels.nbytes == 8 * 1001
    assert as_labels(["x", "y" * 64]).dtype == np.dtype("<U64")  # as ever
    with pytest.raises(DataError, match="label 2 has 1001 characters"):
        as_labels(["x", "y" * 1001])


@pytest.mark.parametrize("cls", [NBSVM, TfidfLogReg])
def test_a_classifier_of_long_labels_works_as_any(cls: Any, tmp_path: Path) -> None:
    from nlmkit import load

    long = "y" * 1000
    texts = [f"a {word} film" for word in ("fine", "dull", "odd") for _ in range(6)]
    labels = ["pos"] * 6 + ["neg"] * 6 + [long] * 6
    classifier = cls().fit(texts, labels)
    assert classifier.classes_.tolist() == ["neg", "pos", long]
    found = classifier.predict(texts)
    assert np.unique(found).tolist() == ["neg", "pos", long]
    assert classifier.score(texts, labels) == 1
    assert classifier.report(texts, labels).accuracy == 1
    classifier.save(tmp_path / "model")
    loaded: Any = load(tmp_path / "model")
    assert loaded.digest == classifier.digest
    assert loaded.predict(texts[-1:]).tolist() == [long]
    with pytest.raises(DataError, match="these labels are integers"):
        loaded.score(texts, [1] * len(texts))


def test_a_model_saved_with_a_longer_label_still_loads() -> None:
    assert as_labels(["x", "y" * 2000], longest=None).tolist() == ["x", "y" * 2000]
    classifier = NBSVM().fit(["a b", "c d"] * 3, ["x", "y"] * 3)
    state = classifier.fitted_state()
    state.metadata["classes"] = ["x", "y" * 2000]
    fresh = NBSVM()
    fresh.pipeline_, fresh.vocabulary_ = classifier.pipeline_, classifier.vocabulary_
    fresh.restore(state)
    assert fresh.predict(["c d"]).tolist() == ["y" * 2000]


# -------------------------------------------------------------------------------------------------------------- tables


class Frame:
    """What a pandas frame is to a reader: it has columns, and iterating over it gives their names."""

    columns = ("text", "label")

    def __len__(self) -> int:
        return 200

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


class Column:
    """What a column of Arrow is to a reader."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[object]:
        return (object() for _ in self.values)

    def slice(self, start: int, length: int) -> Column:
        return Column(self.values[start : start + length])

    def to_pylist(self) -> list[Any]:
        return self.values


@pytest.mark.parametrize("table", [Frame(), {"text": ["a", "b"]}, {"a", "b"}])
def test_tables_are_no_texts_and_no_labels(table: Any) -> None:
    texts, labels = ["a b", "c d"] * 3, ["x", "y"] * 3
    fitted = NBSVM().fit(texts, labels)
    kind = type(table).__name__
    for attempt in (
        lambda: NBSVM().fit(table),
        lambda: NBSVM().fit(table, labels),
        lambda: NBSVM().fit(texts, table),
        lambda: NBSVM().fit((table, labels)),
        lambda: NBSVM().fit(texts, labels, valid=table),
        lambda: fitted.predict(table),
        lambda: fitted.predict_proba(table),
        lambda: fitted.score(table, labels),
        lambda: fitted.score(table),
        lambda: fitted.report(texts, table),
        lambda: LabelledTexts(table, labels),
    ):
        with pytest.raises(DataError, match=f"{kind}.*pass"):
            attempt()


def test_columns_of_arrow_are_texts_and_labels() -> None:
    assert as_texts(Column(["a", "b"])) == ("a", "b")  # type: ignore[arg-type]
    assert as_labels(Column([1, 2])).tolist() == [1, 2]  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_missing_values_are_named(missing: object) -> None:
    with pytest.raises(DataError, match=r"text 2 is .*missing"):
        as_texts(["a", missing])  # type: ignore[list-item]
    with pytest.raises(DataError, match=r"label 2 is .*missing"):
        as_labels(["a", missing])
