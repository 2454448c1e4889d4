"""Reports as tables: every report has frames and markup with its figures, and nothing in them is markup of its own."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.frequent_tagger import FrequentTagger
from toys.translators import Translator

from nlmkit import NBSVM, HyperParameterError, NGram, OneHot, ParallelTexts, TfidfRidge, compare
from nlmkit.core import markup
from nlmkit.core.tabular import Tabular, with_intervals
from nlmkit.documents.cross_validation import cross_validate
from nlmkit.errors import NlmkitError
from nlmkit.representations.analogies import AnalogySet, evaluate_analogies
from nlmkit.representations.report import PairSet, SetScore, SimilarityReport
from nlmkit.representations.stability import neighbour_stability

TEXTS = [f"a {word} {thing}" for word in ("fine", "dull") for thing in ("film", "song", "meal")]
LABELS = ["<b>good</b>"] * 3 + ["bad & worse"] * 3
SENTENCES, TAGS = [["New", "York"], ["is", "old"]], [["B-LOC", "I-LOC"], ["O", "O"]]
EVIL = '<script>alert("x")</script> | a_b & 50% $x$ \\ `c` *d* [e](f) #1 ~ ^ {g}\n\x1b[31m'


def reports() -> dict[str, Tabular]:
    lm = NGram(order=2).fit(TEXTS)
    classifier = NBSVM(calibration=0).fit(TEXTS, LABELS)
    numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]
    pairs = ParallelTexts(["a dog", "a cat"], ["ein Hund", "eine Katze"])
    translator = Translator(target_tokenizer="space", alpha=0.001).fit(pairs)
    words = OneHot().fit(TEXTS)
    pair_set = PairSet(name="p", pairs=(("film", "song"),), judgements=(1.0,))
    return {
        "perplexity": lm.report(TEXTS),
        "comparison": compare({"a": lm, "b": NGram(order=1).fit(TEXTS)}, TEXTS, samples=10),
        "classification": classifier.report(TEXTS, LABELS, resamples=10),
        "regression": TfidfRidge().fit(TEXTS, numbers).report(TEXTS, numbers, resamples=10),
        "tagging": FrequentTagger().fit(SENTENCES, TAGS).report(SENTENCES, TAGS, resamples=10),
        "translation": translator.report(pairs, resamples=10),
        "similarity": SimilarityReport(
            sets=(SetScore(name="p", digest=pair_set.digest, spearman=math.nan, interval=None, n=1, pairs=1),),
            measure="cosine",
            lowercase=False,
            samples=0,
            seed=0,
        ),
        "analogies": evaluate_analogies(
            words, AnalogySet(name="q", sections={"s": (("fine", "film", "dull", "song"),)})
        ),
        "stability": neighbour_stability([words, words], k=2),
        "cross-validation": cross_validate(NBSVM(calibration=0), (TEXTS, LABELS), folds=3),
    }


@pytest.fixture(scope="module")
def every() -> dict[str, Tabular]:
    return reports()


def test_every_report_is_a_frame_with_its_figures(every: dict[str, Tabular]) -> None:
    pandas = pytest.importorskip("pandas")
    for name, report in every.items():
        for table, rows in report.tables().items():
            frame = report.to_frame(table)
            assert isinstance(frame, pandas.DataFrame)
            assert len(frame) == len(rows), (name, table)
            for row in rows:
                assert list(row) == list(rows[0]), (name, table)
                assert all(value is None or isinstance(value, (str, int, float)) for value in row.values()), (
                    name,
                    table,
                    row,
                )
        first = next(iter(report.tables()))
        assert report.to_frame().equals(report.to_frame(first))
    assert every["perplexity"].to_frame()["perplexity"][0] == every["perplexity"].perplexity  # type: ignore[attr-defined]
    assert every["classification"].to_frame("classes")["support"].tolist() == [3, 3]
    assert list(every["comparison"].to_frame()["model"]) == ["a", "b"]
    assert every["cross-validation"].to_frame()["fold"].tolist() == [1, 2, 3]
    assert every["tagging"].to_frame("types")["type"].tolist() == ["LOC"]


def test_markup_has_a_row_per_row(every: dict[str, Tabular]) -> None:
    for report in every.values():
        for table, rows in report.tables().items():
            if not rows:
                assert report.to_markdown(table) == report.to_latex(table) == report.to_csv(table) == ""
                continue
            assert report.to_markdown(table).count("\n") == len(rows) + 2
            assert report.to_latex(table).count("\\\\\n") == len(rows) + 1
            read = list(csv.DictReader(io.StringIO(report.to_csv(table))))
            assert [list(row) for row in read] == [list(rows[0])] * len(rows)
            for got, row in zip(read, rows, strict=True):
                for name, value in row.items():
                    if isinstance(value, float):
                        assert float(got[name]) == value or math.isnan(value)
                    else:
                        assert got[name] == ("" if value is None else str(value))


def test_a_notebook_shows_the_tables_escaped(every: dict[str, Tabular]) -> None:
    shown = every["classification"]._repr_html_()
    assert "&lt;b&gt;good&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert every["classification"].signature in shown  # type: ignore[attr-defined]
    for report in every.values():
        text = report._repr_html_()
        assert text.startswith("<table>")
        assert text.count("<table>") == text.count("</table>")


def test_no_cell_is_markup() -> None:
    rows = [{EVIL: EVIL, "n": 1}]
    html = markup.html_table(rows, caption=EVIL) + markup.html_facts(rows[0])
    assert "<script" not in html
    assert "\x1b" not in html
    row = markup.markdown(rows).split("\n")
    assert len(row) == 4
    assert row[2].replace("\\|", "").count("|") == 3
    assert "\\<script\\>" in row[2]
    assert "&amp;" in row[2]
    latex = markup.latex(rows)
    assert r"\textless{}script\textgreater{}" in latex
    assert r"a\_b \& 50\% \$x\$ \textbackslash{}" in latex
    assert latex.splitlines()[0] == r"\begin{tabular}{lr}"


@settings(max_examples=30)
@given(st.lists(st.tuples(st.text(), st.floats(allow_nan=False)), min_size=1, max_size=5))
def test_csv_is_read_back_exactly(rows: list[tuple[str, float]]) -> None:
    rows = [(text.replace("\r", ""), value) for text, value in rows if "\0" not in text]
    written = markup.comma_separated([{"text": text, "value": value} for text, value in rows])
    read = list(csv.DictReader(io.StringIO(written, newline="")))
    assert [(row["text"], float(row["value"])) for row in read] == rows


def test_long_tables_are_cut_in_notebooks() -> None:
    rows = [{"n": number} for number in range(60)]
    assert "… 10 more rows" in markup.html_table(rows, most=50)
    assert markup.html_table(rows).count("<tr>") == 61
    assert markup.html_table([]) == ""


def test_cells_are_for_readers() -> None:
    values: list[Any] = [None, math.nan, True, False, 0.5, 1e-9, math.inf, 7, "a\tb"]
    shown = ["–", "–", "yes", "no", "0.5000", "1.0000e-09", "inf", "7", "a\\x09b"]
    assert [markup.cell_text(value) for value in values] == shown


def test_an_unknown_table_is_named(every: dict[str, Tabular], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HyperParameterError, match=r"table must be one of figures, classes, confusions of a Class"):
        every["classification"].to_frame("rows")
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(NlmkitError, match=r"to_frame needs pandas: pip install 'nlmkit\[pandas\]'"):
        every["classification"].to_frame()


def test_intervals_follow_their_figures() -> None:
    found = with_intervals({"a": 1.0, "b": 2.0, "c": 3.0}, {"a": (0.5, 1.5), "c": None})
    assert found == {"a": 1.0, "a_low": 0.5, "a_high": 1.5, "b": 2.0, "c": 3.0, "c_low": None, "c_high": None}
    with pytest.raises(NotImplementedError):
        Tabular().tables()
