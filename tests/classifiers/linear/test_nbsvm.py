"""NBSVM against the formulas of the paper, written out on dense arrays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from toys.classifiers import many_classes

from nlmkit import load
from nlmkit.classifiers.linear import nbsvm
from nlmkit.classifiers.linear import weights as linear
from nlmkit.classifiers.linear.nbsvm import NBSVM
from nlmkit.core.run import RunOptions
from nlmkit.documents.splits import k_folds, stratified_split
from nlmkit.errors import DataError, HyperParameterError, SavedModelError
from nlmkit.saving.state import FittedState
from nlmkit.text.labelled import LabelledTexts

pytestmark = pytest.mark.slow

TRAIN = LabelledTexts.read("corpus:reviews-en")
TEST = LabelledTexts.read("corpus:reviews-en/test")


def reference_margins(
    train: list[str], right: np.ndarray, test: list[str], *, beta: float, loss: str, alpha: float = 1.0, C: float = 1.0
) -> np.ndarray:
    """Margins of the one class against the rest, as sections 2.1 to 2.3 of the paper have them."""
    vectorizer = CountVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), binary=True, lowercase=True)
    x = vectorizer.fit_transform(train).toarray().astype(float)
    p, q = alpha + x[right].sum(axis=0), alpha + x[~right].sum(axis=0)
    r = np.log((p / np.abs(p).sum()) / (q / np.abs(q).sum()))
    if loss == "logistic":
        classifier: Any = LogisticRegression(solver="liblinear", dual=True, C=C, tol=1e-8, max_iter=100_000)
    else:
        classifier = LinearSVC(C=C, tol=1e-8, max_iter=100_000)
    classifier.fit(x * r, right)
    w = classifier.coef_[0]
    interpolated = (1 - beta) * np.abs(w).sum() / len(w) + beta * w
    return vectorizer.transform(test).toarray() * r @ interpolated + classifier.intercept_[0]


@pytest.mark.parametrize(
    ("beta", "loss"), [(0.25, "squared-hinge"), (1.0, "squared-hinge"), (0.0, "logistic"), (0.5, "logistic")]
)
def test_margins_are_the_papers(beta: float, loss: str) -> None:
    classifier = NBSVM(tokenizer="space", beta=beta, loss=loss, calibration=0).fit(TRAIN)
    expected = reference_margins(list(TRAIN.texts), TRAIN.labels == "positive", list(TEST.texts), beta=beta, loss=loss)
    probabilities = classifier.predict_proba(TEST)
    margins = np.log(probabilities[:, 1] / probabilities[:, 0]) / 2
    assert margins == pytest.approx(expected, abs=0.02)
    assert np.corrcoef(margins, expected)[0, 1] > 0.9999


def test_more_than_two_classes_are_one_against_the_rest() -> None:
    labels = np.array([("a", "b", "c")[index % 3] for index in range(len(TRAIN))])
    classifier = NBSVM(tokenizer="space", calibration=0).fit(TRAIN.texts, labels)
    assert classifier.weights_.shape == (3, len(classifier.features_))
    logs = np.log(classifier.predict_proba(TEST))
    expected = np.stack(
        [
            reference_margins(list(TRAIN.texts), labels == name, list(TEST.texts), beta=0.25, loss="squared-hinge")
            for name in "abc"
        ],
        axis=1,
    )
    centred = expected - expected.mean(axis=1, keepdims=True)
    assert logs - logs.mean(axis=1, keepdims=True) == pytest.approx(centred, abs=0.02)


def noisy(texts: int) -> LabelledTexts:
    """Texts of which seven in ten hold a word that tells their class; those of the second class are longer."""
    generator = np.random.default_rng(0)
    words = {"a": ["fine", "good", "kind"], "b": ["dull", "bad", "grim"]}
    made, labels = [], []
    for index in range(texts):
        label, other = ("a", "b") if index % 2 else ("b", "a")
        noise = [f"w{number}" for number in generator.integers(0, 300, 4 if label == "a" else 16)]
        made.append(" ".join([*noise, words[label if generator.random() < 0.7 else other][index % 3]]))
        labels.append(label)
    return LabelledTexts(made, labels)


@pytest.fixture(scope="module")
def bare_and_calibrated() -> tuple[NBSVM, NBSVM, LabelledTexts]:
    data = noisy(600)
    inside, outside = (data.take(part) for part in stratified_split(data.labels, (0.6, 0.4), seed=0))
    return NBSVM(calibration=0).fit(inside), NBSVM(calibration=5).fit(inside), outside


def test_a_single_fold_of_calibration_is_refused() -> None:
    with pytest.raises(HyperParameterError, match="calibration=1 leaves no texts to learn from"):
        NBSVM(calibration=1).fit(TRAIN)


def test_calibration_fits_the_probabilities_to_texts_that_were_held_out(
    bare_and_calibrated: tuple[NBSVM, NBSVM, LabelledTexts],
) -> None:
    bare, fitted, outside = bare_and_calibrated
    right = np.searchsorted(fitted.classes_, outside.labels)
    losses = [-np.log(one.predict_proba(outside)[np.arange(len(right)), right]).mean() for one in (bare, fitted)]
    assert losses[1] < losses[0]
    assert (bare.scale_, bare.offsets_.tolist()) == (1.0, [0.0, 0.0])
    assert (bare.weights_ == fitted.weights_).all()
    assert fitted.offsets_.sum() == pytest.approx(0)


def test_the_offsets_put_a_lopsided_decision_right(bare_and_calibrated: tuple[NBSVM, NBSVM, LabelledTexts]) -> None:
    bare, fitted, outside = bare_and_calibrated
    shares = [abs(float((one.predict(outside) == "a").mean()) - 0.5) for one in (bare, fitted)]
    assert shares[1] < shares[0]
    assert fitted.score(outside) > bare.score(outside)


def test_hyper_parameters_matter() -> None:
    plain = NBSVM().fit(TRAIN)
    assert len(NBSVM(order=1).fit(TRAIN).features_) < len(plain.features_) < len(NBSVM(order=3).fit(TRAIN).features_)
    assert len(NBSVM(min_documents=3).fit(TRAIN).features_) < len(plain.features_)
    for changed in (NBSVM(alpha=0.1), NBSVM(C=0.01), NBSVM(beta=0.9), NBSVM(lowercase=False)):
        assert changed.fit(TRAIN).digest != plain.digest
    assert NBSVM().fit(TRAIN).digest == plain.digest


def test_slow_convergence_is_a_note_and_not_a_warning() -> None:
    notes = NBSVM(max_iter=1).fit(TRAIN).fit_report_["notes"]
    assert notes == ["liblinear did not converge in 1 passes: raise max_iter or lower C"]


def test_liblinear_converges_in_tens_of_passes() -> None:
    # with scikit-learn's tolerance of 1e-4 it takes more than 30
    assert NBSVM(calibration=0, max_iter=25).fit(noisy(300)).fit_report_["notes"] == []


def test_fits_at_the_same_time_are_the_fits_alone() -> None:
    data = noisy(200)
    alone = NBSVM().fit(data).digest
    with ThreadPoolExecutor(4) as threads:
        digests = list(threads.map(lambda _: NBSVM().fit(data).digest, range(4)))
    assert digests == [alone] * 4


def test_many_classes_are_calibrated_on_some_of_the_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    data = noisy(200)
    monkeypatch.setattr(nbsvm, "_MOST_MARGINS", 2 * 200 * 2 // 5)
    classifier = NBSVM().fit(data)
    assert classifier.fit_report_["notes"] == ["2 classes: only 2 of 5 folds fit the probabilities"]
    monkeypatch.undo()
    assert classifier.scale_ == pytest.approx(NBSVM().fit(data).scale_, rel=0.3)


def test_a_fold_of_too_many_margins_is_cut_to_some_of_its_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbsvm, "_MOST_MARGINS", 2 * 20)
    classifier = NBSVM().fit(noisy(200))
    assert classifier.fit_report_["notes"] == ["2 classes: only 20 of 200 texts fit the probabilities"]


def test_over_many_values_each_class_is_fitted_against_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    data, test = many_classes(12, 30), many_classes(12, 20, seed=1)
    whole = NBSVM().fit(data)
    monkeypatch.setattr(linear, "_MOST_VALUES", 1 << 15)
    sampled = NBSVM().fit(data)
    assert whole.fit_report_["notes"] == []
    (note,) = sampled.fit_report_["notes"]
    assert note.startswith("12 classes and 360 texts: each class was fitted against a sample of ")
    assert (sampled.weights_ != whole.weights_).any()
    assert sampled.score(test) > whole.score(test) - 0.05 > 0.8
    assert NBSVM().fit(data).digest == sampled.digest


def test_progress_counts_the_decisions_of_the_calibration_and_an_interrupted_one_ends() -> None:
    class Watched:
        stages: ClassVar[list[tuple[str, float | None]]] = []
        done = 0.0

        def start(self, description: str, total: float | None = None) -> None:
            self.stages.append((description, total))
            self.done = 0.0

        def advance(self, amount: float) -> None:
            self.done += amount

    class Interrupting(Watched):
        def advance(self, amount: float) -> None:
            super().advance(amount)
            if self.stages[-1][0].startswith("calibrating") and self.done == 2:
                raise KeyboardInterrupt

    data, watched, interrupting = many_classes(4, 10), Watched(), Interrupting()
    NBSVM(calibration=3).fit(data, run=RunOptions(progress=watched))
    assert watched.stages[-1] == ("calibrating probabilities", 3 * 4)
    assert watched.done == 3 * 4
    with pytest.raises(KeyboardInterrupt):
        NBSVM(calibration=3).fit(data, run=RunOptions(progress=interrupting))
    assert interrupting.done < 3 * 4


def test_classes_that_no_held_out_text_has_take_no_part_in_the_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbsvm, "_MOST_MARGINS", 1)
    texts = ["good fine"] * 11 + ["bad dull"] * 10 + ["odd thing"] * 2
    labels = ["a"] * 11 + ["b"] * 10 + ["c"] * 2
    folds = k_folds(np.array(labels), 5, seed=0)
    assert "c" not in np.array(labels)[folds == 0]
    classifier = NBSVM().fit(texts, labels)
    assert classifier.offsets_[2] == 0
    assert classifier.predict(["odd thing", "good fine", "bad dull"]).tolist() == ["c", "a", "b"]


def test_features_that_are_all_too_rare_are_an_error() -> None:
    with pytest.raises(DataError, match="no n-gram occurs in 9 texts: lower min_documents"):
        NBSVM(min_documents=9).fit(["a b", "c d"], ["x", "y"])


def test_two_texts_cannot_be_calibrated() -> None:
    classifier = NBSVM().fit(["good", "bad"], ["x", "y"])
    assert classifier.predict(["good", "bad"]).tolist() == ["x", "y"]
    assert classifier.fit_report_["notes"] == [
        "too few texts to fit the probabilities: they are the softmax of the margins"
    ]


def test_highlights_sum_to_the_margin_of_the_predicted_class() -> None:
    for classifier in (NBSVM(calibration=0), NBSVM(calibration=0, order=3)):
        classifier.fit(TRAIN)
        for text in TEST.texts[:5]:
            probabilities = classifier.predict_proba([text])[0]
            margin = abs(np.log(probabilities[1] / probabilities[0])) / 2
            sign = 1 if probabilities[1] > probabilities[0] else -1
            found = sum(weight for _, weight in classifier.highlights(text))
            assert found == pytest.approx(margin - sign * classifier.intercepts_[0])


def test_chinese_characters_are_its_words() -> None:
    train, test = (LabelledTexts.read(f"corpus:reviews-zh/{split}") for split in ("train", "test"))
    classifier = NBSVM(tokenizer="char").fit(train)
    assert classifier.score(test) > 0.6
    assert [token for token, _ in classifier.highlights("很好 吃")] == ["很", "好", "▁", "吃"]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("weights", np.zeros((1, 3)), "shape"),
        ("weights", None, "missing"),
        ("intercepts", np.zeros(2), "shape"),
        ("scale", np.array([0.0]), "not positive"),
        ("scale", np.array([np.nan]), "not positive"),
        ("offsets", np.array([np.inf, 0]), "NaN or infinity"),
    ],
)
def test_damaged_arrays_are_refused(name: str, value: np.ndarray | None, problem: str) -> None:
    fitted = NBSVM(order=1).fit(["good", "bad", "good", "bad"], ["x", "y"] * 2)
    state = fitted.fitted_state()
    arrays = {key: array for key, array in (dict(state.arrays) | {name: value}).items() if array is not None}
    damaged = NBSVM(order=1)
    vars(damaged).update(pipeline_=fitted.pipeline_, vocabulary_=fitted.vocabulary_)
    with pytest.raises(SavedModelError, match=problem):
        damaged.restore(FittedState(arrays, state.metadata))


def test_nan_weights_are_refused() -> None:
    fitted = NBSVM(order=1).fit(["good", "bad", "good", "bad"], ["x", "y"] * 2)
    state = fitted.fitted_state()
    damaged = NBSVM(order=1)
    vars(damaged).update(pipeline_=fitted.pipeline_, vocabulary_=fitted.vocabulary_)
    weights = np.full_like(state.arrays["weights"], np.nan)
    with pytest.raises(SavedModelError, match="'weights' contains NaN"):
        damaged.restore(FittedState({**state.arrays, "weights": weights}, state.metadata))


def test_a_loaded_classifier_needs_no_scikit_learn(tmp_path: Path) -> None:
    import subprocess
    import sys

    NBSVM().fit(TRAIN).save(tmp_path / "model")
    code = (
        "import sys; from nlmkit import load; model = load(sys.argv[1]); print(model.predict(['a fine thing'])[0]);"
        "sys.exit('sklearn' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == load(tmp_path / "model").predict(["a fine thing"])[0]  # type: ignore[attr-defined]
