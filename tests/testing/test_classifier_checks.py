"""Every check of classifiers lets a correct one pass and catches one that breaks just its promise."""

from __future__ import annotations

import pytest
from toys import broken_classifiers as classifiers
from toys.broken_classifiers import Correct

from nlmkit.classifiers.base import Classifier
from nlmkit.testing import check_registered, checks_for, conformance, run_checks
from nlmkit.testing.classifier import _OWN, CHECKS, Subject
from nlmkit.testing.component import CHECKS as SHARED

pytestmark = pytest.mark.slow

RESULTS = {"all_forms_of_texts_agree", "failed_fit_leaves_the_classifier_as_it_was", "labels_keep_their_type"}

# By check, classifiers that fail it, each with the checks that it cannot but fail, too.
WRONG: dict[str, list[tuple[type[Classifier], set[str]]]] = {
    "fit_sets_classes_and_pipeline": [(classifiers.OwnPipeline, {"texts_pass_the_pipeline"})],
    "fit_reports_texts_and_classes": [(classifiers.Miscounts, set())],
    "vocabulary_is_of_the_training_texts": [(classifiers.LearnsValidWords, set())],
    "failed_fit_leaves_the_classifier_as_it_was": [(classifiers.ForgetsWhenItFails, set())],
    "all_forms_of_texts_agree": [(classifiers.TurnsTuplesRound, set())],
    "labels_keep_their_type": [(classifiers.PredictsStrings, set())],
    "texts_pass_the_pipeline": [(classifiers.KeepsCase, {"highlights_are_tokens_with_weights"})],
    "line_feeds_are_spaces": [(classifiers.FirstLineOnly, set())],
    "chinese_texts_are_classified": [(classifiers.WordsOnly, set())],
    "probabilities_are_distributions": [
        (classifiers.LosesMass, {"a_class_of_one_text_is_taken"}),
        (
            classifiers.SinglePrecision,
            {
                "a_class_of_one_text_is_taken",
                "chinese_texts_are_classified",
                "empty_and_unknown_texts_are_classified",
                "repeated_and_contradictory_texts_are_taken",
                "unseen_labels_are_errors",
            },
        ),
    ],
    "predict_is_the_most_probable_class": [(classifiers.PredictsSeventhWrong, set())],
    "texts_do_not_depend_on_each_other": [(classifiers.BatchMatters, set())],
    "empty_and_unknown_texts_are_classified": [
        (classifiers.DividesByWords, RESULTS | {"texts_do_not_depend_on_each_other", "chinese_texts_are_classified"})
    ],
    "no_texts_have_no_predictions": [(classifiers.NeedsTexts, set())],
    "learns_the_training_texts": [(classifiers.LearnsNothing, {"chinese_texts_are_classified"})],
    "repeated_and_contradictory_texts_are_taken": [(classifiers.DislikesContradictions, set())],
    "a_class_of_one_text_is_taken": [(classifiers.WantsTwoOfEach, set())],
    "unusable_training_data_are_refused": [(classifiers.MakesUpLabels, set())],
    "score_is_the_accuracy": [(classifiers.SquaresItsScore, set())],
    "unseen_labels_are_errors": [(classifiers.LeavesUnseenOut, set())],
    "labels_of_another_type_are_refused": [(classifiers.TakesAnyLabel, set())],
    "foreign_corpus_is_refused": [(classifiers.TakesAnyCorpus, set())],
    "highlights_are_tokens_with_weights": [
        (classifiers.HighlightsAllButTheLast, set()),
        (classifiers.HighlightsWithNaN, set()),
    ],
    "works_inside_scikit_learn": [(classifiers.Untagged, set())],
}

test_correct_classifiers_pass = pytest.mark.slow(
    conformance(Correct(), Correct(alpha=1.0, tokenizer="space", lowercase=False), tolerance=1e-12, sum_tolerance=1e-12)
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "wrong", "also"),
    [pytest.param(name, *case, id=f"{name}-{case[0].__name__}") for name, cases in WRONG.items() for case in cases],
)
def test_a_wrong_classifier_is_caught_by_its_check_alone(name: str, wrong: type[Classifier], also: set[str]) -> None:
    subject = Subject(wrong(), tolerance=1e-9, sum_tolerance=1e-9)
    failures = {check.name: check.run(subject).message for check in _OWN}
    failures = {check: message for check, message in failures.items() if message}
    assert failures.keys() == {name} | also, failures
    assert "\n" not in failures[name]


def test_every_check_has_a_wrong_classifier() -> None:
    assert set(WRONG) == {check.name for check in _OWN}
    assert [check.name for check in CHECKS] == [check.name for check in (*SHARED, *_OWN)]
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_every_check_states_its_promise_and_applies_to_a_correct_classifier() -> None:
    assert all(check.promise.endswith(".") for check in CHECKS)
    assert {check.name for check in checks_for(Correct())} == {check.name for check in CHECKS}
    names = {check.name for check in checks_for(Correct(lowercase=False))}
    assert {check.name for check in CHECKS} - names == {"texts_pass_the_pipeline"}


def test_a_fitted_classifier_is_not_checked() -> None:
    fitted = Correct().fit(["a", "b"], ["x", "y"])
    with pytest.raises(ValueError, match="is fitted"):
        run_checks(fitted)


@pytest.mark.slow
def test_registered_classifiers_are_checked_by_name() -> None:
    outcomes = check_registered("tfidf-logreg", "classifier")
    assert {outcome.name for outcome in outcomes} == {check.name for check in CHECKS}
    assert all(outcome.passed for outcome in outcomes)
