"""Figures of classification, against scikit-learn's and by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from nlmkit.classifiers.report import bootstrap_interval, classification_report
from nlmkit.errors import DataError


def report(labels: Any, predicted: Any, classes: Any, **options: Any) -> Any:
    return classification_report(
        labels,
        predicted,
        classes=classes,
        component="toy",
        model_digest="0123",
        text_pipeline="tok:space",
        texts_digest="4567",
        **options,
    )


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_figures_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = zip(*pairs, strict=True)
    found = report(labels, predicted, [0, 1, 2, 3])
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="macro", zero_division=0))
    assert found.confusion.tolist() == metrics.confusion_matrix(labels, predicted, labels=[0, 1, 2, 3]).tolist()
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=[0, 1, 2, 3], zero_division=0
    )
    for index, row in enumerate(found.per_class):
        assert (row.precision or 0) == pytest.approx(precision[index])
        assert (row.recall or 0) == pytest.approx(recall[index])
        assert (row.f1 or 0) == pytest.approx(f1[index])
        assert row.support == support[index]
    json.dumps(found.to_dict(), allow_nan=False)


def test_undefined_figures_are_none_and_say_why() -> None:
    found = report(["a", "a", "b"], ["a", "b", "b"], ["a", "b", "c"])
    assert [row.precision for row in found.per_class] == [1.0, 0.5, None]
    assert [row.recall for row in found.per_class] == [0.5, 1.0, None]
    assert found.per_class[2].f1 is None
    assert found.macro_f1 == pytest.approx(2 / 3)
    reasons = found.to_dict()["reasons"]
    assert set(reasons) == {"per_class[2].precision", "per_class[2].recall", "per_class[2].f1"}


def test_unseen_labels_are_errors_and_named() -> None:
    found = report(["a", "z", "b", "y"], ["a", "b", "b", "a"], ["a", "b"])
    assert found.unseen == ("y", "z")
    assert found.accuracy == 0.5
    assert [row.label for row in found.per_class] == ["a", "b", "y", "z"]
    assert found.confusion.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]
    assert "labels unseen in training, counted as errors: y, z (2 texts)" in found.render()
    assert found.signature.endswith("|toy|tok:space|classes:2|texts:4:4567|model:0123")


def test_the_interval_is_the_bootstrap_of_the_accuracy() -> None:
    low, high = bootstrap_interval(0.8, 500, resamples=20_000, seed=0) or (0, 0)
    right = np.arange(500) < 400
    generator = np.random.default_rng(1)
    drawn = [right[generator.integers(0, 500, 500)].mean() for _ in range(4000)]
    expected = np.quantile(drawn, [0.025, 0.975])
    assert low == pytest.approx(expected[0], abs=0.004)
    assert high == pytest.approx(expected[1], abs=0.004)
    assert bootstrap_interval(0.8, 500, resamples=100, seed=3) == bootstrap_interval(0.8, 500, resamples=100, seed=3)
    assert bootstrap_interval(1.0, 10, resamples=100, seed=0) == (1.0, 1.0)


def test_no_resamples_no_interval() -> None:
    found = report([1, 0], [1, 1], [0, 1], resamples=0)
    assert found.interval is None
    assert found.to_dict()["interval"] is None
    assert "interval" not in found.render()


def test_the_form_that_other_programs_rely_on() -> None:
    facts = report(["a", "b"], ["a", "a"], ["a", "b"]).to_dict("model")
    assert facts["model"] == "model"
    assert (facts["accuracy"], facts["n"]) == (0.5, 2)
    assert facts["macro_f1"] == pytest.approx(1 / 3)
    assert len(facts["interval"]) == 2
    assert facts["labels"] == ["a", "b"]
    assert facts["confusion"] == [[1, 0], [1, 0]]


def test_labels_that_could_drive_a_terminal_are_quoted() -> None:
    text = report(["\x1b[31m", " b"], [" b", " b"], ["\x1b[31m", " b"]).render()
    assert "\x1b" not in text
    assert "'\\x1b[31m'" in text
    assert "' b'" in text


def test_chinese_labels_are_aligned_by_their_width() -> None:
    lines = report(["好", "差评多"], ["好", "好"], ["好", "差评多"]).render().splitlines()
    rows = [line for line in lines if line.startswith(("好 ", "差评多 "))]
    columns = [len(row) + sum(0x4E00 <= ord(char) < 0xA000 for char in row) for row in rows[:2]]
    assert columns[0] == columns[1]


def test_unusable_predictions_are_refused() -> None:
    with pytest.raises(DataError, match="no texts"):
        report([], [], ["a", "b"])
    with pytest.raises(DataError, match="a prediction is not one of the classes"):
        report(["a"], ["c"], ["a", "b"])
    with pytest.raises(DataError, match="shape"):
        report(["a", "b"], ["a"], ["a", "b"])


# ------------------------------------------------------------------------------------------------------ many classes


def many(classes: int) -> Any:
    """Two texts of each class: one is right, the other taken for the next class; class 0 is taken for 1 five times."""
    names = [f"c{number:05}" for number in range(classes)]
    labels = [*names, *names, *[names[0]] * 4]
    predicted = [*names, *names[1:], names[0], *[names[1]] * 4]
    return names, report(labels, predicted, names, resamples=0)


def test_the_cells_are_the_confusion_matrix() -> None:
    names, found = many(4)
    assert found.cells.tolist() == [
        [0, 0, 1],
        [0, 1, 5],
        [1, 1, 1],
        [1, 2, 1],
        [2, 2, 1],
        [2, 3, 1],
        [3, 0, 1],
        [3, 3, 1],
    ]
    assert found.confusion.tolist() == [[1, 5, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1]]
    assert found.confusions.tolist()[:2] == [[0, 1, 5], [1, 2, 1]]
    assert found.to_dict()["confusion"] == found.confusion.tolist()
    assert "confusion_cells" not in found.to_dict()
    assert found.render().count(names[0]) == 3


def test_many_classes_are_told_by_their_largest_confusions() -> None:
    _, found = many(3000)
    assert "confusion" not in vars(found)  # nine million cells that nobody asked for
    shown = found.render()
    assert "confusion" not in vars(found)
    assert len(shown) < 6000
    assert "the 50 of 3000 classes with most texts (--json has all):\n" in shown
    assert "the largest of 3000 confusions (--json has all):\n" in shown
    assert "c00000      5           83.3%     c00001\n" in shown
    assert max(map(len, shown.splitlines())) < 100
    facts = found.to_dict()
    assert facts["confusion"] is None
    assert facts["reasons"]["confusion"] == "more than 100 classes: confusion_cells has the nonzero cells"
    assert facts["confusion_cells"][:2] == [[0, 0, 1], [0, 1, 5]]
    assert len(facts["confusion_cells"]) == 6000
    assert len(facts["per_class"]) == len(facts["labels"]) == 3000
    assert len(json.dumps(facts)) < 1_000_000


def test_the_matrix_is_there_up_to_its_bounds() -> None:
    assert "label \\ predicted" in many(30)[1].render()
    assert "label \\ predicted" not in many(31)[1].render()
    assert len(many(100)[1].to_dict()["confusion"]) == 100
    assert many(101)[1].to_dict()["confusion"] is None
    names = [str(number) for number in range(40)]
    assert "no text was misclassified" in report(names, names, names).render()


@pytest.mark.slow
def test_classes_of_numbers_beyond_any_matrix_are_reported() -> None:
    labels = np.arange(200_000)  # as where another column was taken for the label: a matrix would take 320 GB
    found = report(labels, np.zeros_like(labels), [0, 1], resamples=0)
    assert found.accuracy == 1 / 200_000
    assert len(found.cells) == 200_000
    shown = found.render()
    assert "labels unseen in training, counted as errors: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 199988 more" in shown
    assert len(shown) < 6000


def test_a_long_label_is_cut_where_it_is_shown() -> None:
    found = report(["x" * 1000, "y"], ["y", "y"], ["x" * 1000, "y"])
    assert "x" * 57 + "..." in found.render()
    assert max(map(len, found.render().splitlines())) < 200
    assert found.to_dict()["labels"][0] == "x" * 1000


def test_joiners_within_words_are_shown_as_they_are_and_others_escaped() -> None:
    persian, hidden = "می\u200cخواهم", "po\u200cs"
    text = report([persian, hidden], [persian, hidden], [persian, hidden]).render()
    assert persian in text
    assert hidden not in text
    assert r"'po\u200cs'" in text
