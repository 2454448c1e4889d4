"""Every check of language models lets a correct model pass and catches one that breaks just its promise."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from toys import broken_language_models as models
from toys.broken_language_models import Cache, Correct, Scorer, Uniform
from toys.heavy_import import HeavyImport
from toys.plugin_packages import write_package

from nlmkit.language_models.base import LanguageModel
from nlmkit.testing import CheckOutcome, checks_for, conformance, run_checks
from nlmkit.testing.language_model import CHECKS, Subject

pytestmark = pytest.mark.slow

ALPHA = 0.123

BLANKS = "blank_sentences_are_scored"
STATE = {"fit_forgets_the_previous_fit", "run_options_do_not_change_the_model", "all_forms_of_text_agree"}


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A model that breaks a promise.

    Attributes:
        model: Its class.
        also: Checks which cannot but fail, too.
    """

    model: type[LanguageModel]
    also: frozenset[str] = frozenset()


def wrong(model: type[LanguageModel], *also: str) -> Wrong:
    return Wrong(model, frozenset(also))


WRONG = {
    "class_has_a_summary": [wrong(models.NoSummary), wrong(models.GeneratedSummary)],
    "hyper_parameters_have_help": [wrong(models.NoHelp)],
    "default_hyper_parameters_are_valid": [wrong(models.BadDefault, "hyper_parameters_are_kept_as_given")],
    "hyper_parameters_round_trip_through_json": [
        wrong(models.RoundsInJson, "saved_and_loaded_hyper_parameters_are_equal")
    ],
    "unknown_hyper_parameters_are_refused": [wrong(models.TakesAnyName)],
    "hyper_parameters_are_kept_as_given": [wrong(models.CopiesValues)],
    "name_is_the_registered_one": [wrong(models.OtherName)],
    "import_is_light": [wrong(HeavyImport)],
    "unfitted_use_is_refused": [wrong(models.ScoresUnfitted), wrong(models.SavesUnfitted)],
    "fit_returns_self": [wrong(models.ReturnsNothing)],
    "fitted_state_ends_in_an_underscore": [wrong(models.BareAttribute)],
    "fit_keeps_hyper_parameters": [wrong(models.SetsItsHyperParameter)],
    "inputs_are_not_changed": [wrong(models.WritesIntoText), wrong(models.WritesIntoCorpus)],
    "fit_is_reproducible": [wrong(models.CountsFits, *STATE)],
    "fit_forgets_the_previous_fit": [wrong(models.Accumulates), wrong(models.KeepsOldAttributes)],
    "run_options_do_not_change_the_model": [wrong(models.ChangesWhenWatched)],
    "score_is_a_float": [wrong(models.ScoreOfNumPy)],
    "fitted_state_is_arrays_and_json": [wrong(models.StateOfLists)],
    "saved_and_loaded_results_are_equal": [wrong(models.RoundsWhenSaved)],
    "saved_and_loaded_state_is_equal": [wrong(models.ForgetsWhenLoaded)],
    "saved_and_loaded_hyper_parameters_are_equal": [
        wrong(models.RoundsInJson, "hyper_parameters_round_trip_through_json")
    ],
    "saved_model_can_be_moved": [wrong(models.SavesBeside)],
    "fit_sets_vocabulary_and_pipeline": [wrong(models.OwnPipeline)],
    "vocabulary_is_that_of_the_training_text": [wrong(models.DropsRareWords)],
    "all_forms_of_text_agree": [wrong(models.ReadsTwice)],
    "scored_text_passes_the_pipeline": [wrong(models.ReadsAsItLikes)],
    "empty_training_text_is_answered": [wrong(models.DividesByWords)],
    "labels_fit_the_signature": [wrong(models.RuleWithBar), wrong(models.LabelWithColon)],
    "next_log_probs_cover_the_vocabulary": [wrong(models.SinglePrecision)],
    "begin_mark_is_never_predicted": [wrong(models.PredictsBegin)],
    "distributions_sum_to_one": [wrong(models.LosesMass)],
    "states_are_values": [wrong(models.ListStates), wrong(models.ObjectStates)],
    "advance_keeps_its_argument": [wrong(models.MovingState, "single_words_have_the_log_probs_of_the_distribution")],
    "end_mark_opens_the_next_sentence": [wrong(models.EndsForever)],
    "log_probs_have_one_value_per_event": [wrong(models.SinglePrecisionBatch)],
    "log_probs_are_those_of_the_state_machine": [wrong(models.OtherBatch, BLANKS)],
    "distributions_are_those_of_the_state_machine": [wrong(models.NoEndRow), wrong(models.OtherRows)],
    "single_words_have_the_log_probs_of_the_distribution": [wrong(models.ForgetsInSteps)],
    "rows_are_those_of_the_state_machine": [wrong(models.OneWordForAll), wrong(models.LooksAround)],
    "earlier_words_do_not_depend_on_later_ones": [
        wrong(models.ReadsBothWays, BLANKS, "log_probs_are_those_of_the_state_machine")
    ],
    "sentences_do_not_depend_on_each_other": [
        wrong(models.PaddingLeaks, BLANKS, "earlier_words_do_not_depend_on_later_ones"),
        wrong(models.RemembersSentences, BLANKS),
    ],
    "event_details_have_one_value_per_event": [
        wrong(models.ShortDetails),
        wrong(models.OtherDetailsTogether),
        wrong(models.OtherScoresTogether),
    ],
    "score_is_the_mean_log_prob": [wrong(models.SumScore)],
    "perplexity_is_exp_of_the_mean": [wrong(models.MeanOfPerplexities)],
    "report_counts_events": [wrong(models.CountsWords)],
    "probabilities_are_at_most_one": [wrong(models.Overconfident)],
    "no_perplexity_without_distribution": [wrong(models.Unashamed), wrong(models.ReportsScores)],
    "overfits_a_tiny_text": [wrong(Uniform)],
    "unknown_words_are_scored": [wrong(models.DividesByKnown), wrong(models.CountsNoUnknown)],
    "empty_text_is_scored": [wrong(models.FailsWithoutSentences)],
    "blank_sentences_are_scored": [wrong(models.SkipsBlanks)],
    "literal_unk_is_a_word": [wrong(models.DislikesUnk)],
    "sentence_marks_are_refused": [wrong(models.DropsMarks)],
    "foreign_corpus_is_refused": [wrong(models.TakesAnyCorpus)],
    "unknown_context_is_refused": [wrong(models.TakesAnyContext)],
    "greedy_generation_yields_words": [wrong(models.GeneratesMarks), wrong(models.GeneratesTooMuch)],
    "seeded_generation_repeats": [wrong(models.NeverRepeats), wrong(models.IgnoresSeed)],
}

test_correct_models_pass = pytest.mark.slow(
    conformance(
        Correct(),
        Correct(alpha=ALPHA, cutoffs=(1, 2), min_count=2),
        Scorer(),
        Cache(),
        tolerance=1e-12,
        sum_tolerance=1e-12,
    )
)

test_a_uniform_model_only_learns_nothing = pytest.mark.slow(
    conformance(Uniform(), expected_failures={"overfits_a_tiny_text": "it learns nothing"})
)


@pytest.fixture(scope="module", autouse=True)
def declared_otherwise(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An installed package that declares one of the models under a wrong name, and another one as it should."""
    folder = tmp_path_factory.mktemp("packages")
    points = {
        "kit-other-name": "toys.broken_language_models:OtherName",
        "kit-uniform": "toys.broken_language_models:Uniform",
    }
    write_package(folder, "kit-models", groups={"nlmkit.language_models": points})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}-{case.model.__name__}") for name, cases in WRONG.items() for case in cases],
)
def test_a_wrong_model_is_caught_by_its_check_alone(name: str, case: Wrong) -> None:
    failures = {outcome.name: outcome.message for outcome in run_checks(case.model(alpha=ALPHA)) if not outcome.passed}
    assert failures.keys() == {name} | case.also, failures
    assert failures[name]
    assert "\n" not in failures[name]


def test_every_check_has_a_wrong_model() -> None:
    assert set(WRONG) == {check.name for check in CHECKS}
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_every_check_states_its_promise() -> None:
    assert all(check.promise.endswith(".") for check in CHECKS)


def test_each_check_is_passed_by_a_correct_model() -> None:
    applied = {check.name for model in (Correct(), Scorer()) for check in checks_for(model)}
    assert applied == {check.name for check in CHECKS}


def test_a_uniform_model_has_the_size_of_its_vocabulary_as_perplexity() -> None:
    train, text = ["a b", "c", ""], ["a a", "z b c"]
    report = Uniform().fit(train).report(text)
    assert report.perplexity == pytest.approx(5, rel=1e-15)
    assert report.perplexity_excluding_oov == pytest.approx(5, rel=1e-15)
    assert report.vocabulary_size == 5
    assert (report.events, report.oov) == (7, 1)


def test_checks_that_do_not_apply_are_left_out() -> None:
    def names(model: LanguageModel) -> set[str]:
        return {check.name for check in checks_for(model)}

    everything = {check.name for check in CHECKS}
    assert everything - names(Correct()) == {"no_perplexity_without_distribution"}
    assert everything - names(Correct(min_count=2)) == {
        "no_perplexity_without_distribution",
        "vocabulary_is_that_of_the_training_text",
    }
    assert everything - names(Scorer()) == {
        "distributions_sum_to_one",
        "overfits_a_tiny_text",
        "perplexity_is_exp_of_the_mean",
        "probabilities_are_at_most_one",
        "report_counts_events",
    }
    assert everything - names(Cache()) == {
        "no_perplexity_without_distribution",
        "sentences_do_not_depend_on_each_other",
    }


def test_a_part_is_to_be_left_unfitted() -> None:
    def outcome(model: LanguageModel) -> CheckOutcome:
        (check,) = (check for check in CHECKS if check.name == "fit_keeps_hyper_parameters")
        return check.run(Subject(model, tolerance=0, sum_tolerance=1e-9))

    part = Correct()
    assert outcome(models.FitsItsPart(part=part)).message.startswith("fit fits part itself; fit a copy")
    assert not part.is_fitted
    assert outcome(models.FitsItsPart(part=Correct().fit(["a b"]))).passed
    assert outcome(models.FitsItsPart()).passed


def test_json_is_not_asked_for_a_fitted_part() -> None:
    names = {check.name for check in checks_for(models.FitsItsPart(part=Correct().fit(["a"])))}
    assert {check.name for check in checks_for(models.FitsItsPart(part=Correct()))} - names == {
        "hyper_parameters_round_trip_through_json"
    }


def test_the_tolerances_are_those_that_were_given() -> None:
    def failures(model: LanguageModel, **tolerances: float) -> set[str]:
        return {outcome.name for outcome in run_checks(model, **tolerances) if not outcome.passed}

    assert failures(models.LosesMass(), sum_tolerance=0.02) == set()
    assert failures(models.OtherBatch(), tolerance=0.1) == set()
    assert failures(models.SinglePrecisionBatch(), tolerance=0) == {
        "log_probs_have_one_value_per_event",
        "log_probs_are_those_of_the_state_machine",
        "blank_sentences_are_scored",
    }
