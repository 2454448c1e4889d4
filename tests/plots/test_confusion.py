"""The picture of a confusion matrix."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlmkit.classifiers.report import ClassificationReport, classification_report
from nlmkit.errors import DataError

pytest.importorskip("matplotlib")

from nlmkit.plots.confusion import plot_confusion


def report(labels: list[str], predicted: list[str]) -> ClassificationReport:
    classes = sorted(set(predicted))
    return classification_report(labels, predicted, classes=classes, component="toy", model_digest="")


@pytest.mark.slow
def test_labels_numbers_and_accuracy_are_drawn(tmp_path: Path) -> None:
    found = report(["$a$"] * 17 + ["b", "差评"], ["$a$"] * 13 + ["b"] * 4 + ["b", "b"])
    for name in ("c.svg", "c.png", "c.pdf"):
        plot_confusion(found, tmp_path / name, title="a $title$")
    drawn = (tmp_path / "c.svg").read_text(encoding="utf-8")
    for text in (">$a$<", ">差评<", ">13<", ">4<", "accuracy 0.7368, n = 19", "a $title$"):
        assert text in drawn, text
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"


def test_the_same_report_gives_the_same_file(tmp_path: Path) -> None:
    found = report(["a", "b"], ["a", "b"])
    for name in ("one.svg", "two.svg"):
        plot_confusion(found, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_names_and_labels_that_are_hard_to_draw(tmp_path: Path) -> None:
    hard = ["m\udcff", "two\nlines\x1b", "$\\frac$"]
    for name in ("c.svg", "c.png"):
        plot_confusion(report(hard, hard), tmp_path / name, title="m\udcff$\n")
    drawn = (tmp_path / "c.svg").read_text(encoding="utf-8")
    for text in ("'m\\udcff'", r"'two\nlines\x1b'", "m\ufffd$\ufffd"):
        assert text in drawn


@pytest.mark.slow
def test_many_classes_fit(tmp_path: Path) -> None:
    labels = [f"class number {index}" for index in range(40)]
    plot_confusion(report(labels, labels), tmp_path / "many.png")
    assert (tmp_path / "many.png").stat().st_size > 10_000


@pytest.mark.slow
def test_of_very_many_classes_those_with_most_errors_are_drawn(tmp_path: Path) -> None:
    """3,000 classes: one wrong one after another would be nine million cells; 50 are drawn, and the others as one."""
    labels = [f"c{index:04}" for index in range(3000)]
    wrong = [labels[index + 1] for index in range(1000, 1050)]
    found = report([*labels, *labels[1000:1050]], [*labels, *wrong])
    plot_confusion(found, tmp_path / "c.svg")
    drawn = (tmp_path / "c.svg").read_text(encoding="utf-8")
    assert "the 50 of 3000 classes with most errors" in drawn
    assert ">(2950 others)<" in drawn
    assert ">c1001<" in drawn
    assert ">c0000<" not in drawn
    assert ">2950<" in drawn  # texts of the others, all right
    assert "confusion" not in vars(found)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unsupported picture format: use a file name in"):
        plot_confusion(report(["a", "b"], ["a", "b"]), tmp_path / "c.gif")
