from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.ngram_reference import Gram, ModifiedKneserNey, Text
from toys.ngrams import assert_by_definition, contexts, event_ids, keep_above, small

from nlmkit.language_models.ngram.counting import Ids, NGramCounts, count_ngrams
from nlmkit.language_models.ngram.smoothing import estimate
from nlmkit.language_models.ngram.smoothing.modified_kneser_ney import count_of_counts
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text import Corpus, TextPipeline, Vocabulary

METHOD = "modified-kneser-ney"

# Enough repeated and enough rare n-grams for the discounts of three orders to be estimated.
RICH: dict[Gram, int] = {
    **{(3 + i % 5, 3 + i * i % 7, 3 + i % 11): 1 + i % 3 for i in range(23)},
    **{(14 + i,): 1 for i in range(4)},
    (18, 18): 1,
    (19, 3, 18, 19): 1,
    (3, 4, 5, 6, 7): 2,
    (): 3,
}


def adjusted_numbers(counts: NGramCounts, k: int) -> list[int]:
    adjusted = counts.levels[k - 1].adjusted
    return [int(np.count_nonzero(adjusted == j)) for j in (1, 2, 3, 4)]


def test_estimated_discounts_by_definition() -> None:
    made = small(METHOD, RICH, 3, 20)
    expected = ModifiedKneserNey(Text(RICH, 3, 20)).discounts
    assert made.estimate.discounts is not None
    estimated = [row != [0.5, 1.0, 1.5] for row in made.estimate.discounts]
    assert estimated.count(True) >= 2
    for row, expected_row in zip(made.estimate.discounts, expected, strict=True):
        assert row == pytest.approx([float(discount) for discount in expected_row], rel=1e-12)
    assert_by_definition(made, [context for context in contexts(3, 20) if len(context) < 2 or context[0] in (1, 3, 4)])


def test_formula_by_hand() -> None:
    # unigrams, order 1: eight words once, four twice, three three times, two four times; </s> 34 times
    sentences: dict[Gram, int] = {(3 + i,): 1 if i < 8 else 2 if i < 12 else 3 if i < 15 else 4 for i in range(17)}
    made = small(METHOD, sentences, 1, 20)
    y = 8 / (8 + 2 * 4)
    assert made.estimate.notes == []
    assert made.estimate.discounts == [pytest.approx([1 - 2 * y * 4 / 8, 2 - 3 * y * 3 / 4, 3 - 4 * y * 2 / 3])]
    # what 18 types give up goes to all 19 ids but <s>, <unk> among them
    d1, d2, d3 = made.estimate.discounts[0]
    total = 8 + 8 + 9 + 8 + 33
    assert np.exp(made.table.distribution(())[0]) == pytest.approx((8 * d1 + 4 * d2 + 6 * d3) / total / 19)


@pytest.mark.parametrize(
    ("failing", "note"),
    [
        ({(3,): 1}, "order 2: no n-gram has an adjusted count of 2, so no discounts can be estimated"),
        ({(3,): 2, (4,): 1}, "order 2: no n-gram has an adjusted count of 3, so no discounts can be estimated"),
        ({(3,): 2}, "order 2: no n-gram has an adjusted count of 1, so no discounts can be estimated"),
    ],
)
def test_fallback_of_the_failing_order_alone(failing: dict[Gram, int], note: str) -> None:
    made = small(METHOD, failing, 2, 20)
    assert f"{note}; using discounts 0.5, 1 and 1.5" in made.estimate.notes
    assert made.estimate.discounts is not None
    assert made.estimate.discounts[1] == [0.5, 1.0, 1.5]


def test_fallback_for_a_discount_out_of_range() -> None:
    # one bigram once, one twice, many three times: D2 = 2 − 3 · (1/3) · n3/n2 is below zero
    sentences: dict[Gram, int] = {(3 + i,): 3 for i in range(9)} | {(13,): 1, (14,): 2}
    made = small(METHOD, sentences, 1, 20)
    assert made.estimate.notes == [
        "order 1: the estimated discount for counts of 2 is -7.000, outside 0 to 2; using discounts 0.5, 1 and 1.5"
    ]


def test_given_discounts_replace_the_estimates_of_their_order() -> None:
    estimated = small(METHOD, RICH, 3, 20).estimate.discounts
    made = small(METHOD, RICH, 3, 20, discounts=(None, (0.25, 0.5, 0.75)))
    assert estimated is not None
    assert made.estimate.discounts == [estimated[0], [0.25, 0.5, 0.75], estimated[2]]
    assert made.estimate.discounts != estimated


@settings(max_examples=30)
@given(sentences=st.dictionaries(st.lists(st.integers(3, 6), max_size=6).map(tuple), st.integers(1, 4), max_size=8))
def test_last_ngram_of_a_lower_order_enters_with_its_raw_count(sentences: dict[Gram, int]) -> None:
    counts = count_ngrams(event_ids(sentences), 3, 7)
    for k in (1, 2):
        level = counts.levels[k - 1]
        expected = adjusted_numbers(counts, k)
        if len(level):
            for count, step in ((level.adjusted[-1], -1), (level.raw[-1], 1)):
                if 1 <= count <= 4:
                    expected[count - 1] += step
        assert count_of_counts(level, lower=True) == expected
    assert count_of_counts(counts.levels[2], lower=False) == adjusted_numbers(counts, 3)


# Penn Treebank, with <unk> renamed UNK so that KenLM takes it for a word: lmplz and query say this

SIZES = {3: [10_002, 264_990, 586_558], 5: [10_002, 264_990, 586_558, 717_733, 737_952]}
PERPLEXITY = {3: 148.2814995, 5: 141.1862071}
DISCOUNTS = [
    [0.25656, 0.82888, 1.26492],
    [0.727802, 1.09876, 1.4713],
    [0.868879, 1.25462, 1.44822],
    [0.942828, 1.38314, 1.43173],
    [0.959671, 1.3879, 1.24171],
]


@pytest.fixture(scope="module")
def treebank(shared_data: Path) -> tuple[Ids, Ids, Vocabulary]:
    def corpus(name: str) -> Corpus:
        text = (shared_data / "ptb" / name).read_text(encoding="utf-8")
        return Corpus.read(text.replace("<unk>", "UNK").splitlines(), TextPipeline())

    train, test = corpus("train.txt"), corpus("test.txt")
    vocabulary = Vocabulary.from_corpus(train)
    return train.event_ids(vocabulary), test.event_ids(vocabulary), vocabulary


@pytest.mark.slow
@pytest.mark.parametrize("order", [3, 5])
def test_penn_treebank_equals_kenlm(treebank: tuple[Ids, Ids, Vocabulary], order: int) -> None:
    train, test, vocabulary = treebank
    counts = count_ngrams(train, order, len(vocabulary))
    keep = keep_above(counts, ())
    estimated = estimate(METHOD, counts, Options(keep=keep))
    # KenLM counts <s> and <unk> among its unigrams, as the vocabulary does
    assert [len(level) for level in counts.levels] == SIZES[order]
    assert estimated.discounts is not None
    assert estimated.notes == []
    if order == 5:
        for row, expected in zip(estimated.discounts, DISCOUNTS, strict=True):
            assert row == pytest.approx(expected, rel=1e-5)
    table = BackoffTable.from_estimate(counts, estimated, keep)
    scores, _ = table.score(test)
    assert len(scores) == 82_430
    assert np.exp(-scores.mean()) == pytest.approx(PERPLEXITY[order], rel=1e-7)
