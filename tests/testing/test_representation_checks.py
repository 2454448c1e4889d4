"""Every check of representations lets a correct one pass and catches one that breaks just its promise."""

from __future__ import annotations

import dataclasses

import pytest
from toys import broken_representations as representations
from toys.broken_representations import Correct, Subwords

from nlmkit.representations.base import Representation
from nlmkit.representations.one_hot import OneHot
from nlmkit.representations.vectors import Vectors
from nlmkit.testing import check_registered, checks_for, conformance, run_checks
from nlmkit.testing import component as shared
from nlmkit.testing.representation import CHECKS

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A representation that breaks a promise.

    Attributes:
        cls: Its class.
        also: Checks which cannot but fail, too.
    """

    cls: type[Representation]
    also: frozenset[str] = frozenset()


def wrong(cls: type[Representation], *also: str) -> Wrong:
    return Wrong(cls, frozenset(also))


STATE = ("fit_forgets_the_previous_fit", "run_options_do_not_change_the_model", "all_forms_of_text_agree")

SHARED = {
    "unfitted_use_is_refused": wrong(representations.UsedUnfitted),
    "fit_returns_self": wrong(representations.ReturnsNothing),
    "inputs_are_not_changed": wrong(representations.SortsItsArgument),
    "fit_is_reproducible": wrong(representations.CountsFits, *STATE),
    "fit_forgets_the_previous_fit": wrong(representations.KeepsOldAttributes),
    "run_options_do_not_change_the_model": wrong(representations.ChangesWhenWatched),
    "score_is_a_float": wrong(representations.ScoreOfNumPy),
    "saved_and_loaded_results_are_equal": wrong(representations.RoundsWhenSaved),
    "saved_and_loaded_state_is_equal": wrong(representations.ForgetsWhenLoaded),
}

OWN = {
    "fit_sets_vocabulary_and_pipeline": wrong(representations.OwnPipeline),
    "vocabulary_counts_the_training_text": wrong(representations.CountsTwice),
    "fit_report_is_json": wrong(representations.ReportsNaN),
    "all_forms_of_text_agree": wrong(representations.LikesFiles),
    "empty_training_text_is_answered": wrong(representations.LearnsFromNothing),
    "validation_text_is_refused": wrong(representations.IgnoresValidation),
    "matrix_has_a_row_for_each_id": wrong(representations.DoublePrecision),
    "special_rows_are_told": wrong(representations.ClaimsMarks),
    "vectors_are_rows_of_the_matrix": wrong(representations.DropsRepeats),
    "vectors_are_copies": wrong(representations.GivesViews),
    "words_are_spelt_as_the_pipeline_spells_them": wrong(representations.CaseSensitive),
    "unknown_words_follow_the_rule": wrong(representations.ShrugsAtUnknown),
    "similarity_is_that_of_the_vectors": wrong(representations.DotProducts, "most_similar_words_are_the_most_similar"),
    "most_similar_words_are_the_most_similar": wrong(representations.ListsItself),
    "analogies_leave_out_their_words": wrong(representations.AnswersWithTheQuestion),
    "the_odd_word_is_one_of_them": wrong(representations.TakesTheFirst),
    "alignment_has_the_consumers_order": wrong(representations.OwnOrder),
    "alignment_reports_coverage": wrong(representations.CountsTypesAsTokens),
    "alignment_repeats_with_its_seed": wrong(representations.DrawsAnew),
    "alignment_refuses_unknown_words_when_asked": wrong(representations.LetsUnknownPass),
    "normalized_copies_are_vectors": wrong(representations.NormalizesItself),
    "exported_vectors_come_back": wrong(representations.RoundsExports),
}

test_correct_representations_pass = pytest.mark.slow(
    conformance(Correct(), Correct(dimension=3, min_count=2), Subwords())
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}-{case.cls.__name__}") for name, case in [*SHARED.items(), *OWN.items()]],
)
def test_a_wrong_representation_is_caught_by_its_check_alone(name: str, case: Wrong) -> None:
    failures = {outcome.name: outcome.message for outcome in run_checks(case.cls()) if not outcome.passed}
    assert failures.keys() == {name} | case.also, failures
    assert failures[name]
    assert "\n" not in failures[name]


def test_every_check_has_a_wrong_representation() -> None:
    common = {check.name for check in shared.CHECKS}
    assert set(OWN) == {check.name for check in CHECKS} - common
    assert set(SHARED) <= common  # the others look at nothing that is a representation's own
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_every_check_states_its_promise() -> None:
    assert all(check.promise.endswith(".") for check in CHECKS)


def test_only_promises_that_are_made_are_checked() -> None:
    of_text = {check.name for check in checks_for(OneHot())}
    of_vectors = {check.name for check in checks_for(Vectors())}
    with_subwords = {check.name for check in checks_for(Subwords())}
    assert of_text - of_vectors == {
        "vocabulary_counts_the_training_text",
        "all_forms_of_text_agree",
        "empty_training_text_is_answered",
        "words_are_spelt_as_the_pipeline_spells_them",
    }
    assert of_text - with_subwords == {"alignment_refuses_unknown_words_when_asked"}


def test_a_registered_representation_is_checked_by_its_name() -> None:
    outcomes = check_registered("one-hot", "representation")
    assert len(outcomes) == len(checks_for(OneHot()))
    assert all(outcome.passed for outcome in outcomes)


def test_a_fitted_representation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"OneHot\(\) is fitted: pass it unfitted"):
        run_checks(OneHot().fit([["a"]]))
