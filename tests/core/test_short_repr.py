"""What is printed: reports as reports, and objects that hold arrays as one short line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nlmkit import LSA, LSTM, NBSVM, Cache, NGram, OneHot, RunOptions, compare, load
from nlmkit.classifiers.report import classification_report
from nlmkit.core.short_repr import short_repr
from nlmkit.documents.cross_validation import cross_validate
from nlmkit.language_models.comparison import score
from nlmkit.language_models.report import line_figures
from nlmkit.plots.projection import project
from nlmkit.representations.analogies import AnalogyReport, SectionScore
from nlmkit.representations.report import SetScore, SimilarityReport
from nlmkit.representations.stability import StabilityReport
from nlmkit.saving.state import FittedState
from nlmkit.text.labelled import LabelledTexts

TEXT = ["the cat sat", "the dog ran", "a cat ran"]


@dataclasses.dataclass
class Holder:
    values: Any


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.zeros((3, 4), np.float32), "float32 [3, 4]"),
        (np.float64(0.5), "0.5"),
        (("a",) * 1000, "1000 × str"),
        ([1, 2, 0.5], "3 × float/int"),
        (["a", "b"], "['a', 'b']"),
        ({"cell": np.zeros(2)}, "{cell: float64 [2]}"),
        ([{"x": np.zeros(2)}] * 9, "[" + "{x: float64 [2]}, " * 8 + "…]"),
        ({str(n): n for n in range(9)}, "{0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, …}"),
        ("x" * 100, "str of 100"),
        (None, "None"),
    ],
)
def test_values_are_shown_by_their_shape(value: object, shown: str) -> None:
    assert short_repr(Holder(value)) == f"Holder(values={shown})"


def test_an_inspection_is_one_line_with_shapes() -> None:
    pytest.importorskip("torch", reason="neural models need torch")
    model = LSTM(hidden=4, embedding=4, epochs=1, batch=1, bptt=5).fit(TEXT, run=RunOptions(device="cpu"))
    shown = repr(model.inspect("the cat sat"))
    assert shown.startswith("Inspection(inputs=4 × str, targets=4 × str, log_probs=float64 [4], layers=[{")
    assert "hidden: float32 [4, 4]" in shown
    assert "hidden: float64 [1, 4, 4]" in shown
    assert "\n" not in shown
    assert len(shown) < 500


def test_what_holds_arrays_is_one_short_line() -> None:
    model = NGram(order=1).fit(TEXT)
    corpus = model.encode(TEXT)
    words = OneHot().fit(TEXT)
    objects = [
        line_figures(model.log_probs(corpus), corpus.event_offsets, corpus.oov_events(model.vocabulary_)),
        score("one", model, corpus),
        words.align(model.vocabulary_),
        project(np.eye(50)),
        FittedState({"table": np.zeros((1000, 3))}),
        classification_report(
            ["a", "b"] * 50, ["a"] * 100, classes=["a", "b"], component="c", model_digest="d", resamples=0
        ),
        StabilityReport(
            overlap=0.5,
            pairs=((0, 1, 0.5),),
            words=("w",) * 1000,
            by_word=np.zeros(1000),
            k=10,
            shared_words=1000,
            seed=0,
        ),
    ]
    for each in objects:
        assert "\n" not in repr(each)
        assert "array(" not in repr(each)
        assert len(repr(each)) < 1400, repr(each)


def test_printed_reports_are_reports(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="nbsvm needs scikit-learn")
    texts = LabelledTexts(["good film", "bad film", "good", "bad"] * 2, ["+", "-", "+", "-"] * 2)
    model = NBSVM().fit(texts)
    one = SetScore(name="ws", digest="d", spearman=0.5, interval=(0.25, 0.75), n=60, pairs=80, composed=2)
    section = SectionScore(name="capitals", correct=1, n=2, questions=4)
    classified = classification_report(
        texts.labels, model.predict(texts), classes=model.classes_, component="nbsvm", model_digest="d"
    )
    answered = AnalogyReport(
        name="a", digest="d", sections=(section,), method="3cosadd", restrict_vocabulary=None, candidates=9
    )
    agreed = StabilityReport(overlap=0.5, pairs=(), words=("a",), by_word=np.zeros(1), k=2, shared_words=9, seed=None)
    reports: list[tuple[Any, str]] = [
        (NGram(order=1).fit(TEXT).report(TEXT), "perplexity "),
        (classified, "accuracy  1.0000"),
        (cross_validate(NBSVM(), texts, folds=2), "fold  1  accuracy "),
        (SimilarityReport(sets=(one,), measure="cosine", lowercase=True, samples=10, seed=3), "SET  SPEARMAN"),
        (answered, "ANALOGIES  ACCURACY"),
        (agreed, "neighbour stability 0.5000: mean overlap of the 2 nearest"),
    ]
    for report, begins in reports:
        assert str(report) == report.render()
        assert str(report).startswith(begins)
        assert not str(report).endswith("\n")


def test_the_rows_of_a_similarity_report() -> None:
    one = SetScore(name="ws", digest="d", spearman=0.5, interval=(0.25, 0.75), n=60, pairs=80, composed=2)
    other = SetScore(name="sl", digest="e", spearman=float("nan"), interval=None, n=50, pairs=50)
    lines = (
        SimilarityReport(sets=(one, other), measure="cosine", lowercase=True, samples=10, seed=3).render().split("\n")
    )
    assert lines[1].split() == ["ws", "0.5000", "0.250–0.750", "60/80", "75.0%"]
    assert lines[2].split() == ["sl", "undefined", "-", "50/50", "100.0%"]
    assert lines[3] == (
        "mean Spearman undefined (cosine similarity; pairs lower-cased; intervals from 10 samples with seed 3; "
        "2 pairs have a word whose vector is composed of subwords)"
    )


def test_a_repr_of_a_components_own_is_kept_and_inherited() -> None:
    @dataclasses.dataclass(kw_only=True)
    class Own(NGram):
        def __repr__(self) -> str:
            return "own"

    @dataclasses.dataclass(kw_only=True)
    class Heir(Own):
        pass

    assert repr(Own()) == repr(Heir()) == "own"


def test_a_component_shows_what_was_set_and_what_it_was_fitted_to(tmp_path: Path) -> None:
    assert repr(NGram()) == "NGram()"
    assert repr(NGram(order=3, smoothing="witten-bell")) == "NGram(order=3, smoothing='witten-bell')"
    assert repr(NGram(prune=[0, 1])) == "NGram(prune=(0, 1))"
    fitted = NGram(order=1, smoothing="mle").fit(TEXT)
    assert repr(fitted) == "<NGram(order=1, smoothing='mle'): fitted, 9 words>"
    fitted.save(tmp_path / "m")
    assert repr(load(tmp_path / "m")) == repr(fitted)
    assert repr(Cache(model=fitted)) == f"Cache(model={fitted!r})"
    assert repr(LSA(dimension=2)) == "LSA(dimension=2)"


def test_a_notebook_shows_a_report_as_print_does() -> None:
    model = NGram(order=1).fit(TEXT)
    comparison = compare([model], TEXT, samples=10)
    for report in (model.report(TEXT), comparison, cross_validate(NBSVM(), LabelledTexts(TEXT * 4, list("abb") * 4))):
        assert "_repr_pretty_" in vars(type(report))  # IPython asks a class for it before the bases
        shown: list[str] = []
        report._repr_pretty_(SimpleNamespace(text=shown.append), False)
        assert shown == [str(report)]
    assert len(repr(comparison)) < 400
