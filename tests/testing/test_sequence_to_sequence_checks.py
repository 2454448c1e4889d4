"""Every check of sequence-to-sequence models lets a correct one pass and catches one that breaks its promise."""

from __future__ import annotations

import pytest
from toys import broken_sequence_to_sequence as models
from toys.sequence_to_sequence import ToyDescriber, ToyTranslator

from nlmkit.seq2seq.base import SequenceToSequence
from nlmkit.testing import checks_for, conformance, run_checks
from nlmkit.testing.component import CHECKS as SHARED
from nlmkit.testing.sequence_to_sequence import CHECKS, OWN, Subject

pytestmark = pytest.mark.slow

# By check, models that fail it.
WRONG: dict[str, list[type[SequenceToSequence]]] = {
    "fit_sets_both_sides": [models.ForgetsTheSourceSide],
    "vocabularies_are_of_the_training_pairs": [models.LearnsValidWords],
    "fit_reports_pairs_and_perplexity": [models.MakesUpPerplexity],
    "failed_fit_leaves_the_model_as_it_was": [models.ForgetsWhenItFails],
    "all_forms_of_pairs_agree": [models.TurnsTuplesRound],
    "files_are_read_like_lists": [models.LowersFiles],
    "foreign_corpus_is_refused": [models.TakesAnyCorpus],
    "unusable_pairs_are_refused": [models.MakesUpTargets],
    "vectors_of_one_dimension_are_needed": [models.IgnoresTheDimension],
    "learns_the_training_pairs": [models.NeverLearns],
    "several_targets_of_a_source_are_taken": [models.DislikesRepetition],
    "score_is_the_mean_log_prob": [models.ScoresPairs],
    "perplexity_report_counts_events": [models.CountsWords],
    "report_has_bleu_and_perplexity": [models.ReportsOther],
    "works_inside_scikit_learn": [models.ClonesFitted],
    "probabilities_sum_to_one": [models.Unnormalized, models.PredictsTheBeginning],
    "log_probs_agree_with_the_state_machine": [models.ScoresOtherwise],
    "pairs_do_not_depend_on_each_other": [models.BatchMatters],
    "rows_agree_with_the_state_machine": [models.RowsOfOthers],
    "sources_matter": [models.IgnoresSources],
    "predictions_do_not_depend_on_the_batch": [models.BatchMatters],
    "beam_of_one_is_greedy": [models.GreedyForTheSecond],
    "n_best_are_different_and_ordered": [models.BestTwice, models.ScoresForLogProbs],
    "lengths_are_limited": [models.AnyLength, models.AnyOption],
    "unusual_sources_have_predictions": [models.NeedsKnownWords],
    "no_sources_have_no_predictions": [models.NeedsSources],
    "long_sources_are_translated": [models.CutsSources],
    "seeded_generation_repeats": [models.GeneratesTheSame],
    "attention_is_a_distribution": [models.AttendsTwice],
    "no_attention_is_an_error": [models.MakesUpAttention],
    "unusable_texts_are_refused": [models.TakesBlanks],
    "unusable_vectors_are_refused": [models.TakesNaN],
}

test_a_correct_model_passes = conformance(
    ToyTranslator(),
    ToyTranslator(joint=True, target_tokenizer="space", lowercase=True),
    models.ToyAligner(source_min_count=2, unicode_form="NFC"),
    ToyDescriber(),
    tolerance=1e-9,
    sum_tolerance=1e-9,
)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [pytest.param(name, wrong, id=f"{name}-{wrong.__name__}") for name, cases in WRONG.items() for wrong in cases],
)
def test_a_wrong_model_is_caught_by_its_check(name: str, wrong: type[SequenceToSequence]) -> None:
    subject = Subject(wrong(), tolerance=1e-9, sum_tolerance=1e-9)
    (check,) = (check for check in OWN if check.name == name)
    assert check.applies(subject)
    message = check.run(subject).message
    assert message
    assert "\n" not in message


def test_every_check_has_a_wrong_model() -> None:
    assert set(WRONG) == {check.name for check in OWN}
    assert [check.name for check in CHECKS] == [check.name for check in (*SHARED, *OWN)]
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.promise.endswith(".") for check in CHECKS)


def test_checks_apply_to_what_makes_the_promise() -> None:
    own = {check.name for check in OWN}
    of_vectors = {"unusable_vectors_are_refused", "vectors_of_one_dimension_are_needed"}
    of_texts = {"unusable_texts_are_refused", "long_sources_are_translated", "files_are_read_like_lists"}
    assert own - {check.name for check in checks_for(ToyTranslator())} == {*of_vectors, "attention_is_a_distribution"}
    assert own - {check.name for check in checks_for(ToyDescriber())} == {*of_texts, "attention_is_a_distribution"}
    assert own - {check.name for check in checks_for(models.ToyAligner(min_count=2))} == {
        *of_vectors,
        "no_attention_is_an_error",
        "vocabularies_are_of_the_training_pairs",
    }


def test_a_fitted_model_is_not_checked() -> None:
    with pytest.raises(ValueError, match="is fitted"):
        run_checks(ToyTranslator().fit(["a"], ["b"]))
