import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import ngram_reference as reference
from toys.ngram_reference import Gram, Text
from toys.ngrams import (
    assert_batch_is_state,
    assert_by_definition,
    contexts,
    event_ids,
    keep_above,
    small,
    texts,
)

from nlmkit.errors import HyperParameterError
from nlmkit.language_models.ngram.counting import count_ngrams
from nlmkit.language_models.ngram.model import NGram
from nlmkit.language_models.ngram.smoothing import DISCOUNTS_PER_ORDER, METHODS, NEVER_PRUNED, estimate
from nlmkit.language_models.ngram.smoothing.options import Options

pytestmark = pytest.mark.slow

PRUNABLE = tuple(method for method in METHODS if method not in NEVER_PRUNED)

# ids: 0 <unk>, 1 <s>, 2 </s>, words from 3 on
ORDINARY: dict[Gram, int] = {
    (3, 4, 5): 3,
    (3, 4, 6): 1,
    (5, 3, 4, 5): 2,
    (6, 6, 3): 1,
    (4, 5, 6, 3, 4): 1,
    (7, 3, 5): 1,
    (): 2,
    (8,): 1,
}
CORPORA: dict[str, tuple[dict[Gram, int], int]] = {
    "ordinary": (ORDINARY, 9),
    "with trained <unk>": ({(0, 3, 0): 2, (3, 0): 1, (4, 3): 1, (4, 4): 3}, 5),
    "one word": ({(3,): 2, (3, 3): 1, (3, 3, 3): 1}, 4),
    "no word but <unk>": ({(0, 0): 1, (0,): 2}, 3),
    "every word after every context": ({(0, 0): 1, (): 1, (0, 0, 0, 0): 3}, 3),
    "blank lines": ({(): 5}, 4),
    "one blank line": ({(): 1}, 3),
    "great counts": ({(3, 4): 10_000, (4, 3): 20_000, (3, 3): 9, (4, 4): 30_000, (): 12, (5, 3): 8}, 6),
    "nothing": ({}, 5),
}


def test_names_are_those_of_the_component() -> None:
    assert NGram.hyper_parameters()["smoothing"].choices == (*METHODS, "imported", "mixed")


def test_importing_the_names_imports_no_numpy() -> None:
    code = "import sys; from nlmkit.language_models.ngram.smoothing import METHODS; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("method", METHODS)
def test_equals_definition(method: str, corpus: str, order: int) -> None:
    sentences, size = CORPORA[corpus]
    made = small(method, sentences, order, size)
    assert_by_definition(made, contexts(order, size))


@pytest.mark.parametrize("thresholds", [(1,), (0, 1), (2, 100)])
@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("method", PRUNABLE)
def test_pruned_equals_definition(method: str, corpus: str, thresholds: tuple[int, ...]) -> None:
    sentences, size = CORPORA[corpus]
    made = small(method, sentences, 3, size, thresholds)
    assert_by_definition(made, contexts(3, size))


@pytest.mark.parametrize("method", METHODS)
def test_order_above_the_longest_sentence(method: str) -> None:
    made = small(method, {(3,): 2, (4, 3): 1, (): 1}, 6, 5)
    assert [len(level) for level in made.counts.levels][4:] == [0, 0]
    assert_by_definition(made, [*contexts(3, 5), (1, 4, 3), (1, 3, 3, 4), (0, 4, 3, 3, 4), (4, 4, 1)[:2]])


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=12)
@given(text=texts(), order=st.integers(1, 3), thresholds=st.lists(st.integers(0, 4), max_size=2).map(sorted))
def test_random_texts_equal_definition(
    method: str, text: tuple[dict[Gram, int], int], order: int, thresholds: list[int]
) -> None:
    sentences, size = text
    made = small(method, sentences, order, size, () if method in NEVER_PRUNED else thresholds)
    assert_by_definition(made, contexts(order, size))


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=20)
@given(
    text=texts(),
    order=st.integers(1, 5),
    thresholds=st.lists(st.integers(0, 4), max_size=2).map(sorted),
    scored=st.lists(st.lists(st.sampled_from([0, 3, 4, 5]), max_size=7).map(tuple), max_size=4),
)
def test_batch_equals_state(
    method: str, text: tuple[dict[Gram, int], int], order: int, thresholds: list[int], scored: list[Gram]
) -> None:
    sentences, _ = text
    made = small(method, sentences, order, 6, () if method in NEVER_PRUNED else thresholds)
    assert_batch_is_state(made.table, [*scored, *sentences])


@pytest.mark.parametrize("method", METHODS)
def test_text_without_events_is_uniform(method: str) -> None:
    made = small(method, {}, 2, 5)
    np.testing.assert_allclose(np.exp(made.table.distribution(())), [0.25, 0, 0.25, 0.25, 0.25], rtol=1e-12)
    assert made.estimate.notes == ["the text has no events; all words have the same probability"]


@pytest.mark.parametrize("method", [method for method in METHODS if method != "mle"])
def test_unknown_word_keeps_a_share(method: str) -> None:
    made = small(method, ORDINARY, 3, 9)
    for context in ((), (1,), (1, 3), (3, 4), (8, 8)):
        distribution = made.table.distribution(context)
        assert np.isfinite(distribution[0])
        if method != "katz":  # which gives it all that unigrams save, here more than a word seen once
            assert distribution[0] == min(distribution[[0, 2, *range(3, 9)]])


# fallbacks


@pytest.mark.parametrize(
    ("method", "sentences", "expected"),
    [
        ("absolute", {(3, 3, 4, 4): 1, (): 1}, "order 1: no n-gram has a count of 1, so no discount can be estimated"),
        ("kneser-ney", {(3, 4): 1}, "order 2: no n-gram has a count of 2, so no discount can be estimated"),
        ("katz", {(3, 4): 1}, "order 2: no n-gram has a count of 2, so ratios for counts up to 3 cannot be estimated"),
    ],
)
def test_fallback_is_reported(method: str, sentences: dict[Gram, int], expected: str) -> None:
    made = small(method, sentences, 2, 5)
    note = next(note for note in made.estimate.notes if note.startswith(expected))
    assert note.endswith({"katz": "taking 0.5 from counts up to 3"}.get(method, "using discount 0.75"))
    assert_by_definition(made, contexts(2, 5))


# 40 words seen once, 12 twice, 5 three times
GOOD_TURING: dict[Gram, int] = {(word,): 1 if word < 43 else 2 if word < 55 else 3 for word in range(3, 60)}


@pytest.mark.parametrize("method", METHODS)
def test_no_fallback_no_notes(method: str) -> None:
    discounts = {"modified-kneser-ney": ((0.5, 0.75, 1.0),)}.get(method)
    assert small(method, GOOD_TURING, 1, 60, katz_max=2, discounts=discounts).estimate.notes == []


def test_katz_ratios_by_hand() -> None:
    # counts above two being trusted, 3 · 5 / 40 is taken off numerator and denominator
    expected = [(2 * 12 / 40 - 0.375) / (1 - 0.375), (3 * 5 / (2 * 12) - 0.375) / (1 - 0.375)]
    assert small("katz", GOOD_TURING, 1, 60, katz_max=2).estimate.discounts == [pytest.approx(expected)]


def test_katz_discounts_fewer_counts_before_it_gives_up_estimates() -> None:
    made = small("katz", GOOD_TURING, 1, 61, katz_max=3)
    assert made.estimate.notes == [
        "order 1: no n-gram has a count of 4, so ratios for counts up to 3 cannot be estimated;"
        " discounting counts up to 2"
    ]
    assert made.estimate.discounts == small("katz", GOOD_TURING, 1, 61, katz_max=2).estimate.discounts
    assert_by_definition(made, [()])


# discounts


@pytest.mark.parametrize("method", ["kneser-ney", "absolute"])
def test_given_discounts_replace_estimates(method: str) -> None:
    made = small(method, ORDINARY, 3, 9, discounts=(None, 0.25, (0.5,)))
    estimated = small(method, ORDINARY, 3, 9).estimate.discounts
    assert estimated is not None
    assert made.estimate.discounts == [estimated[0], [0.25], [0.5]]
    assert estimated[1] != [0.25]
    assert not any(note.startswith(("order 2", "order 3")) for note in made.estimate.notes)
    exact = [[Fraction(value) for value in row] for row in made.estimate.discounts]
    made.model = {"kneser-ney": reference.KneserNey, "absolute": reference.Absolute}[method](made.model.text, exact)
    assert_by_definition(made, contexts(3, 9))


def test_given_ratios_replace_katz_estimates() -> None:
    ratios = (0.5, 0.75, 1.0)
    made = small("katz", ORDINARY, 2, 9, discounts=(ratios, ratios))
    assert made.estimate.discounts == [[*ratios]] * 2
    assert made.estimate.notes == []
    made.model = reference.Katz(made.model.text, 3, [[Fraction(ratio) for ratio in ratios]] * 2)
    assert_by_definition(made, contexts(2, 9))


@pytest.mark.parametrize("method", METHODS)
def test_discounts_are_refused_where_there_are_none(method: str) -> None:
    if method in DISCOUNTS_PER_ORDER:
        number = DISCOUNTS_PER_ORDER[method] or 3
        discounts = ((0.5, 0.75, 1.0)[:number],)
        made = small(method, ORDINARY, 2, 9, discounts=discounts)
        assert made.estimate.discounts is not None
        assert made.estimate.discounts[0] == [*discounts[0]]
    else:
        with pytest.raises(HyperParameterError, match=f"smoothing={method} has no discounts"):
            small(method, ORDINARY, 2, 9, discounts=(0.5,))


@pytest.mark.parametrize(
    ("method", "discounts", "problem"),
    [
        ("absolute", ((0.5, 0.5),), "discounts of order 1 must be 1 numbers, not 2"),
        ("kneser-ney", (None, 1.5), r"discount 1\.5 of order 2 is not between 0 and"),
        ("modified-kneser-ney", (0.5,), "discounts of order 1 must be 3 numbers, not 1"),
        ("katz", (None, (0.5, 0.5)), "discounts of order 2 must be 3 numbers, not 2"),
        (
            "katz",
            ((0.5, 1.5, 0.9),),
            r"discount 1\.5 of order 1 is not a ratio: katz requires numbers above 0",
        ),
        (
            "katz",
            ((0.0, 0.5, 0.9),),
            r"discount 0\.0 of order 1 is not a ratio: katz requires numbers above 0",
        ),
        ("absolute", (0.5, 0.5, 0.5), "discounts for 3 orders, but the model has order 2"),
    ],
)
def test_bad_discounts(method: str, discounts: object, problem: str) -> None:
    with pytest.raises(HyperParameterError, match=problem):
        small(method, ORDINARY, 2, 9, discounts=discounts)


# other options


def test_unknown_method() -> None:
    counts = count_ngrams(event_ids(ORDINARY), 2, 9)
    with pytest.raises(HyperParameterError, match="unknown smoothing 'kneser-nay'; did you mean kneser-ney"):
        estimate("kneser-nay", counts, Options(keep=keep_above(counts, ())))


@pytest.mark.parametrize("method", NEVER_PRUNED)
def test_never_pruned(method: str) -> None:
    with pytest.raises(HyperParameterError, match=f"smoothing={method} cannot be pruned"):
        small(method, ORDINARY, 2, 9, thresholds=(1,))


@pytest.mark.parametrize("order", [1, 3])
def test_add_k_by_hand(order: int) -> None:
    made = small("add-k", {(3, 4, 3): 1, (3, 4, 4): 1}, order, 5, add_k=2.0)
    context, total, count = ((), 8, 3) if order == 1 else ((3, 4), 2, 1)
    assert np.exp(made.table.distribution(context)[3]) == pytest.approx((count + 2) / (total + 2 * 4))


def test_stupid_backoff_by_hand() -> None:
    made = small("stupid-backoff", {(3, 4, 3): 1, (3, 4, 4): 1}, 3, 6, stupid_backoff=0.5)
    after = lambda context: np.exp(made.table.distribution(context))  # noqa: E731
    assert after((3, 4))[4] == pytest.approx(1 / 2)
    assert after((3, 4))[2] == pytest.approx(0.5 * 1 / 3)  # </s> after 4, which three words follow
    assert after((5, 5))[3] == pytest.approx(0.5 * 0.5 * 3 / 8)  # contexts never seen cost the factor
    assert after(())[0] == after(())[5] == pytest.approx(0.5 / 8)  # never seen: half an occurrence
    assert not made.estimate.normalized


@pytest.mark.parametrize(
    ("method", "order", "expected"),
    [
        ("add-k", 1, None),
        ("add-k", 2, "no lower orders"),
        ("stupid-backoff", 2, "not probabilities"),
        ("mle", 2, "some of its probabilities are zero"),
        ("mle", 1, "some of its probabilities are zero"),
        ("katz", 3, None),
        ("jelinek-mercer", 3, None),
        ("modified-kneser-ney", 3, None),
    ],
)
def test_what_an_arpa_file_cannot_say(method: str, order: int, expected: str | None) -> None:
    objection = small(method, ORDINARY, order, 9).estimate.arpa_objection
    assert objection is None if expected is None else expected in (objection or "")


def test_zero_discounts_leave_zeros_that_arpa_cannot_say() -> None:
    made = small("absolute", ORDINARY, 2, 9, discounts=(0.0, 0.0))
    assert made.table.distribution((8,))[0] == -np.inf
    assert made.estimate.arpa_objection is not None
    assert small("absolute", ORDINARY, 2, 9, discounts=(0.5, 0.0)).estimate.arpa_objection is not None
    assert small("absolute", ORDINARY, 2, 9, discounts=(0.5, 0.5)).estimate.arpa_objection is None
    assert small("mle", {(0, 3): 1, (3, 0): 1}, 1, 4).estimate.arpa_objection is None


# Jelinek–Mercer


VARIED: tuple[Gram, ...] = ((3, 4, 5), (3, 4, 6, 3), (7, 5), (8,), (8, 5, 3), (6, 6), (0, 4), (), (5, 3, 4, 6))


def test_jelinek_mercer_weights_by_em() -> None:
    made = small("jelinek-mercer", ORDINARY, 3, 9, valid_event_ids=event_ids(VARIED))
    expected = reference.em_weights(Text(ORDINARY, 3, 9), VARIED, 2000)
    assert made.estimate.weights is not None
    assert [len(row) for row in expected] == [1, 3, 3]
    assert len(made.estimate.weights[0]) == 1
    for row, expected_row in zip(made.estimate.weights, expected, strict=True):
        for bucket, weight in expected_row.items():
            assert row[bucket] == pytest.approx(weight, abs=1e-4)


@pytest.mark.parametrize("thresholds", [(), (1,), (0, 2)])
def test_jelinek_mercer_weights_are_a_maximum(thresholds: tuple[int, ...]) -> None:
    made = small("jelinek-mercer", ORDINARY, 3, 9, thresholds, valid_event_ids=event_ids(VARIED))
    assert made.estimate.weights is not None
    best = reference.log_posterior(reference.JelinekMercer(made.model.text, made.estimate.weights), VARIED)
    used = reference.em_weights(Text(ORDINARY, 3, 9), VARIED, 1)
    for k, row in enumerate(used):
        for bucket in row:
            for change in (-0.002, 0.002):
                moved = [list(weights) for weights in made.estimate.weights]
                moved[k][bucket] += change
                model = reference.JelinekMercer(made.model.text, moved)
                assert reference.log_posterior(model, VARIED) < best


@pytest.mark.parametrize(
    ("valid", "spans", "filled", "source"),
    [([(5,), (6,)], "32 to 63 times", [5], 3), ([(3,)], "once or 2 to 3 times", [0, 1, 2], 3)],
)
def test_jelinek_mercer_weight_without_events(valid: list[Gram], spans: str, filled: list[int], source: int) -> None:
    # contexts: 3 is counted 36 times, <s> 13, 4 and 5 three times, 6 once
    sentences: dict[Gram, int] = {(3, 3, 3, 3): 9, (5, 4): 3, (6,): 1}
    made = small("jelinek-mercer", sentences, 2, 7, valid_event_ids=event_ids(valid))
    assert made.estimate.weights is not None
    row = made.estimate.weights[1]
    assert row[source] != 0.5
    assert [row[bucket] for bucket in filled] == [row[source]] * len(filled)
    assert made.estimate.notes == [
        f"order 2: no validation event has a context counted {spans};"
        " using the weight of the nearest smaller count that has, or else the nearest greater"
    ]


@pytest.mark.parametrize(("valid", "problem"), [(None, "--valid FILE"), (np.empty(0, np.int32), "--valid is empty")])
def test_jelinek_mercer_needs_validation_text(valid: object, problem: str) -> None:
    with pytest.raises(HyperParameterError, match=problem):
        small("jelinek-mercer", ORDINARY, 2, 9, valid_event_ids=valid)


# Katz


def test_katz_context_that_saves_nothing_gets_one_added() -> None:
    made = small("katz", {(3, 4): 7, (5,): 1, (6,): 1, (4,): 2}, 2, 8)
    after = np.exp(made.table.distribution((3,)))
    assert after[4] == pytest.approx(7 / 8)
    assert after.sum() == pytest.approx(1, abs=1e-12)


def test_katz_saves_nothing_whatever_the_rounding() -> None:
    made = small("katz", {(3, word): 7 for word in range(4, 14)}, 2, 15)
    after = made.counts.levels[1].history == 3
    assert sum(made.counts.levels[1].raw[after] / 70) != 1.0
    assert_by_definition(made, [(3,)])
    assert np.exp(made.table.distribution((3,))[4]) == pytest.approx(7 / 71)


def test_katz_rest_too_small_for_a_subtraction() -> None:
    # after 3 every word but <unk> was seen, whose unigram has less than 1e-6
    sentences: dict[Gram, int] = {(3, 3, 4): 200_000, (4,): 200_000, (3,): 1}
    made = small("katz", sentences, 3, 5)
    rest = float(made.model.probability(0, ()))
    assert rest < 1e-6
    assert_by_definition(made, contexts(3, 5))
