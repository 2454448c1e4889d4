"""Every check of taggers lets a correct one pass and catches one that breaks its promise."""

from __future__ import annotations

import pytest
from toys import broken_taggers as taggers
from toys.taggers import ToyTagger

from nlmkit.taggers.base import Tagger
from nlmkit.testing import checks_for, conformance, run_checks
from nlmkit.testing.component import CHECKS as SHARED
from nlmkit.testing.tagger import CHECKS, OWN, Subject

pytestmark = pytest.mark.slow

# By check, taggers that fail it.
WRONG: dict[str, list[type[Tagger]]] = {
    "fit_sets_tags_scheme_and_pipeline": [taggers.SortsTags, taggers.OtherScheme],
    "fit_reports_sentences_and_scheme": [taggers.Miscounts, taggers.MakesUpF1],
    "vocabulary_is_of_the_training_sentences": [taggers.LearnsValidWords],
    "failed_fit_leaves_the_tagger_as_it_was": [taggers.ForgetsWhenItFails],
    "all_forms_of_sentences_agree": [taggers.TurnsTuplesRound],
    "foreign_corpus_is_refused": [taggers.TakesAnyCorpus],
    "words_are_looked_up_in_their_unicode_form": [taggers.KeepsWidth],
    "features_are_refused": [taggers.SwallowsFeatures],
    "features_of_training_are_needed": [taggers.IgnoresFeatures],
    "every_token_has_a_legal_tag": [taggers.IgnoresTheScheme, taggers.PredictsInnerTags],
    "empty_and_unknown_sentences_have_tags": [taggers.NeedsWords],
    "no_sentences_have_no_tags": [taggers.NeedsSentences],
    "long_sentences_are_tagged": [taggers.CutsSentences],
    "sentences_do_not_depend_on_each_other": [taggers.BatchMatters],
    "marginals_are_distributions": [taggers.SinglePrecision],
    "n_best_are_all_legal_sequences": [taggers.BestTwice, taggers.ScoresForProbabilities],
    "n_best_begins_with_the_prediction": [taggers.BestIsNotPredicted],
    "marginals_are_exact": [taggers.SoftmaxAtEachToken],
    "span_probabilities_are_exact": [taggers.ProductsOfMarginals],
    "learns_the_training_sentences": [taggers.NeverLearns],
    "plain_tags_are_learned": [taggers.SpansOnly],
    "segmentation_is_learned": [taggers.WordsOnly],
    "schemes_agree": [taggers.SchemeMatters],
    "malformed_tags_are_repaired": [taggers.HidesRepairs],
    "empty_and_repeated_sentences_are_taken": [taggers.DislikesContradictions],
    "unusable_training_data_are_refused": [taggers.MakesUpTags],
    "score_is_f1_of_spans": [taggers.ScoresAccuracy],
    "unseen_tags_are_errors": [taggers.LeavesOutUnseen],
    "other_schemes_are_scored": [taggers.ComparesTags],
    "works_inside_scikit_learn": [taggers.ClonesFitted],
}

test_a_correct_tagger_passes = conformance(ToyTagger(), tolerance=1e-9, sum_tolerance=1e-9)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [pytest.param(name, wrong, id=f"{name}-{wrong.__name__}") for name, cases in WRONG.items() for wrong in cases],
)
def test_a_wrong_tagger_is_caught_by_its_check(name: str, wrong: type[Tagger]) -> None:
    subject = Subject(wrong(), tolerance=1e-9, sum_tolerance=1e-9)
    (check,) = (check for check in OWN if check.name == name)
    assert check.applies(subject)
    message = check.run(subject).message
    assert message
    assert "\n" not in message


def test_every_check_has_a_wrong_tagger() -> None:
    assert set(WRONG) == {check.name for check in OWN}
    assert [check.name for check in CHECKS] == [check.name for check in (*SHARED, *OWN)]
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.promise.endswith(".") for check in CHECKS)


def test_checks_apply_to_what_makes_the_promise() -> None:
    own = {check.name for check in OWN}
    assert own - {check.name for check in checks_for(ToyTagger())} == {"features_are_refused"}
    stated = {check.name for check in checks_for(ToyTagger(scheme="IOB2", unicode_form=None))}
    assert own - stated == {
        "features_are_refused",
        "malformed_tags_are_repaired",
        "plain_tags_are_learned",
        "schemes_agree",
        "segmentation_is_learned",
        "words_are_looked_up_in_their_unicode_form",
    }
    assert own - {check.name for check in checks_for(taggers.SwallowsFeatures())} == {"features_of_training_are_needed"}


def test_a_fitted_tagger_is_not_checked() -> None:
    with pytest.raises(ValueError, match="is fitted"):
        run_checks(ToyTagger().fit([["a"]], [["N"]]))
