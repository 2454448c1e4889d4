"""Every check of regressors lets a correct one pass and catches one that breaks just its promise."""

from __future__ import annotations

import pytest
from toys import broken_regressors as regressors
from toys.broken_regressors import Correct

from nlmkit.regressors.base import Regressor
from nlmkit.testing import check_registered, checks_for, conformance, run_checks
from nlmkit.testing.component import CHECKS as SHARED
from nlmkit.testing.regressor import _OWN, CHECKS, Subject

pytestmark = pytest.mark.slow

RESULTS = {
    "all_forms_of_texts_agree",
    "failed_fit_leaves_the_regressor_as_it_was",
    "numbers_of_every_type_agree",
    "unit_of_the_numbers_does_not_matter",
}

# By check, regressors that fail it, each with the checks that it cannot but fail, too.
WRONG: dict[str, list[tuple[type[Regressor], set[str]]]] = {
    "vocabulary_is_of_the_training_texts": [(regressors.LearnsValidWords, set())],
    "all_forms_of_texts_agree": [(regressors.TurnsTuplesRound, set())],
    "texts_pass_the_pipeline": [(regressors.KeepsCase, {"highlights_are_tokens_with_weights"})],
    "line_feeds_are_spaces": [(regressors.FirstLineOnly, set())],
    "texts_do_not_depend_on_each_other": [(regressors.BatchMatters, set())],
    "foreign_corpus_is_refused": [(regressors.TakesAnyCorpus, set())],
    "highlights_are_tokens_with_weights": [(regressors.HighlightsAllButTheLast, set())],
    "works_inside_scikit_learn": [(regressors.Untagged, set())],
    "fit_sets_scale_and_pipeline": [
        (regressors.OwnPipeline, {"texts_pass_the_pipeline"}),
        (regressors.KeepsTheFirstScale, set()),
    ],
    "fit_reports_texts_and_numbers": [(regressors.Miscounts, set())],
    "failed_fit_leaves_the_regressor_as_it_was": [(regressors.ForgetsWhenItFails, set())],
    "numbers_of_every_type_agree": [(regressors.RoundsIntegers, set())],
    "unit_of_the_numbers_does_not_matter": [(regressors.WantsSmallNumbers, set())],
    "predictions_are_numbers": [
        (
            regressors.SinglePrecision,
            {
                "chinese_texts_have_predictions",
                "empty_and_unknown_texts_have_predictions",
                "repeated_and_contradictory_texts_are_taken",
                "unit_of_the_numbers_does_not_matter",
            },
        )
    ],
    "empty_and_unknown_texts_have_predictions": [
        (regressors.DividesByWords, RESULTS | {"texts_do_not_depend_on_each_other", "chinese_texts_have_predictions"})
    ],
    "no_texts_have_no_predictions": [(regressors.NeedsTexts, set())],
    "learns_the_training_texts": [(regressors.PredictsTheMean, {"chinese_texts_have_predictions"})],
    "chinese_texts_have_predictions": [(regressors.WordsOnly, set())],
    "repeated_and_contradictory_texts_are_taken": [(regressors.DislikesContradictions, set())],
    "unusable_training_data_are_refused": [(regressors.MakesUpNumbers, set())],
    "score_is_r_squared": [(regressors.ScoresCorrelation, set())],
    "equal_numbers_have_no_score": [(regressors.ScoresFlatNumbers, set())],
}

test_correct_regressors_pass = conformance(Correct(), Correct(alpha=0.5, tokenizer="space", lowercase=False))


@pytest.mark.parametrize(
    ("name", "wrong", "also"),
    [pytest.param(name, *case, id=f"{name}-{case[0].__name__}") for name, cases in WRONG.items() for case in cases],
)
def test_a_wrong_regressor_is_caught_by_its_check_alone(name: str, wrong: type[Regressor], also: set[str]) -> None:
    subject = Subject(wrong(), tolerance=1e-9, sum_tolerance=1e-9)
    failures = {check.name: check.run(subject).message for check in _OWN}
    failures = {check: message for check, message in failures.items() if message}
    assert failures.keys() == {name} | also, failures
    assert "\n" not in failures[name]


def test_every_check_has_a_wrong_regressor() -> None:
    assert set(WRONG) == {check.name for check in _OWN}
    assert [check.name for check in CHECKS] == [check.name for check in (*SHARED, *_OWN)]
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_every_check_states_its_promise_and_applies_to_a_correct_regressor() -> None:
    assert all(check.promise.endswith(".") for check in CHECKS)
    in_steps = {check.name for check in CHECKS} - {check.name for check in checks_for(Correct())}
    assert not in_steps & {check.name for check in _OWN}
    names = {check.name for check in checks_for(Correct(lowercase=False))}
    assert {check.name for check in _OWN} - names == {"texts_pass_the_pipeline"}


def test_a_fitted_regressor_is_not_checked() -> None:
    fitted = Correct().fit(["a", "b"], [1, 2])
    with pytest.raises(ValueError, match="is fitted"):
        run_checks(fitted)


def test_registered_regressors_are_checked_by_name() -> None:
    outcomes = check_registered("tfidf-ridge", "regressor")
    assert {outcome.name for outcome in outcomes} >= {check.name for check in _OWN}
    assert all(outcome.passed for outcome in outcomes)
