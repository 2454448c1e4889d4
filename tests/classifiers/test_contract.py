"""What the base of classifiers does for all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit import Corpus, load
from nlmkit.classifiers.linear.nbsvm import NBSVM
from nlmkit.errors import DataError, HyperParameterError, NotFittedError, SavedModelError
from nlmkit.saving.state import FittedState
from nlmkit.text.labelled import LabelledTexts

TEXTS = ["a fine film", "a dull film", "fine , fine", "dull and long", "a fine end", "dull"]
LABELS = ["good", "bad"] * 3


@pytest.fixture(scope="module")
def fitted() -> NBSVM:
    return NBSVM().fit(TEXTS, LABELS)


def test_importing_a_classifier_imports_nothing_heavy() -> None:
    code = (
        "import sys, nlmkit.classifiers.base, nlmkit.classifiers.linear.nbsvm;"
        "import nlmkit.classifiers.linear.tfidf_logreg as t;"
        "t.TfidfLogReg(); sys.exit(len({'numpy', 'scipy', 'sklearn', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_texts_and_labels_come_in_three_forms(fitted: NBSVM) -> None:
    wanted = fitted.digest
    assert NBSVM().fit(LabelledTexts(TEXTS, LABELS)).digest == wanted
    assert NBSVM().fit((TEXTS, LABELS)).digest == wanted
    assert fitted.score(TEXTS, LABELS) == fitted.score(LabelledTexts(TEXTS, LABELS)) == 1.0
    with pytest.raises(DataError, match="already have labels"):
        fitted.score(LabelledTexts(TEXTS, LABELS), LABELS)
    with pytest.raises(DataError, match="labels are missing"):
        NBSVM().fit(TEXTS)


def test_the_decoding_of_the_training_texts_is_kept(fitted: NBSVM, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(
        "\n".join(f"{label}\t{text} été" for label, text in zip(LABELS, TEXTS, strict=True)).encode("latin-1")
    )
    classifier = NBSVM(tokenizer="char", unicode_form="NFC").fit(LabelledTexts.read(path, encoding="latin-1"))
    pipeline = classifier.pipeline_
    assert (pipeline.encoding, pipeline.tokenizer, pipeline.unicode_form) == ("latin-1", "char", "NFC")
    assert fitted.pipeline_.encoding == "utf-8"


def test_an_unknown_tokenizer_is_refused_when_fitted() -> None:
    with pytest.raises(Exception, match="no tokenizer named 'words'"):
        NBSVM(tokenizer="words").fit(TEXTS, LABELS)
    with pytest.raises(HyperParameterError, match="unicode_form must be"):
        NBSVM(unicode_form="NFX")


def test_one_class_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="all 2 training texts have the label 'x': a classifier needs two or more"):
        NBSVM().fit(["a", "b"], ["x", "x"])
    with pytest.raises(DataError, match="have the label 7"):
        NBSVM().fit(["a"], [7])


def test_an_error_of_a_text_names_its_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("x\ta\n\ny\tb <s> c\n")
    with pytest.raises(DataError, match=r"a\.tsv, line 3: the token <s>"):
        NBSVM(tokenizer="space").fit(LabelledTexts.read(path, marks="error"))


def test_validation_accuracy_is_told_and_unseen_labels_are_left_out() -> None:
    valid = ["fine", "dull", "long"], ["good", "good", "never seen"]
    report = NBSVM().fit(TEXTS, LABELS, valid=valid).fit_report_
    assert report["validation_accuracy"] == 0.5
    assert report["notes"] == ["1 validation texts are ignored: their labels are missing from training ('never seen')"]
    with pytest.raises(DataError, match="no validation text has a label of the training texts"):
        NBSVM().fit(TEXTS, LABELS, valid=(["a"], ["z"]))
    with pytest.raises(DataError, match="another type"):
        NBSVM().fit(TEXTS, LABELS, valid=(["a"], [1]))


def test_labels_of_another_type_are_an_error_and_not_zero(fitted: NBSVM) -> None:
    with pytest.raises(DataError, match="these labels are integers, but training used strings"):
        fitted.score(["fine"], [1])
    assert fitted.score(["fine", "dull"], ["good", "other"]) == 0.5
    assert fitted.report(["fine", "dull"], ["good", "other"]).unseen == ("other",)


def test_an_unfitted_classifier_says_so() -> None:
    for use in (lambda: NBSVM().predict(["a"]), lambda: NBSVM().score(["a"], ["b"])):
        with pytest.raises(NotFittedError):
            use()


def test_times_are_in_the_report_and_not_in_the_saved_state(fitted: NBSVM) -> None:
    classifier = NBSVM().fit(TEXTS, LABELS)
    classifier.fit_report_ = {**classifier.fit_report_, "seconds": 1.5, "history": [{"seconds": 2, "loss": 1.0}]}
    report = classifier.fitted_state().metadata["fit_report"]
    assert "seconds" not in report
    assert report["history"] == [{"loss": 1.0}]


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"fit_report": {}}, "classes are missing"),
        ({"classes": ["a"], "fit_report": {}}, "classes are missing"),
        ({"classes": ["b", "a"], "fit_report": {}}, "not sorted"),
        ({"classes": ["a", "a"], "fit_report": {}}, "not sorted"),
        ({"classes": ["a", 1], "fit_report": {}}, "classes are not labels"),
        ({"classes": [0.5, 1.5], "fit_report": {}}, "classes are not labels"),
        ({"classes": ["a", "b"]}, "fit_report is missing"),
    ],
)
def test_damaged_metadata_are_refused(fitted: NBSVM, metadata: dict[str, object], problem: str) -> None:
    classifier = NBSVM()
    vars(classifier).update(pipeline_=fitted.pipeline_, vocabulary_=fitted.vocabulary_)
    with pytest.raises(SavedModelError, match=problem):
        classifier.restore(FittedState(fitted.fitted_state().arrays, metadata))


def test_labels_come_back_from_a_saved_model(tmp_path: Path) -> None:
    for number, labels in enumerate((["very good", "bad"] * 3, [10, -2] * 3, [True, False] * 3)):
        classifier = NBSVM().fit(TEXTS, labels)
        classifier.save(tmp_path / str(number))
        again = load(tmp_path / str(number))
        assert isinstance(again, NBSVM)
        assert again.classes_.dtype.kind == np.asarray(labels).dtype.kind
        assert again.predict(TEXTS).tolist() == labels
        assert again.report(TEXTS, labels).to_dict()["labels"] == sorted(set(labels))


def test_predict_holds_a_bounded_number_of_probabilities(fitted: NBSVM, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many texts and classes they are predicted part by part, with the same labels."""
    texts = ["good film", "bad film", "", "unknown words", "bad"] * 3
    whole = fitted.predict(texts)
    sizes = []
    found = type(fitted).probabilities

    def watched(self: NBSVM, corpus: Corpus) -> Any:
        sizes.append(corpus.sentences)
        return found(self, corpus)

    monkeypatch.setattr(NBSVM, "probabilities", watched)
    monkeypatch.setattr("nlmkit.classifiers.base._CELLS", 9)
    assert fitted.predict(texts).tolist() == whole.tolist()
    assert sizes == [4, 4, 4, 3]
    assert fitted.predict([]).tolist() == []
