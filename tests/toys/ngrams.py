"""Small n-gram models made twice: by nlmkit and by definition (``ngram_reference``); texts for property tests."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from nlmkit.language_models.ngram.counting import NGramCounts, count_ngrams
from nlmkit.language_models.ngram.estimates import Estimate, Keep
from nlmkit.language_models.ngram.smoothing import estimate
from nlmkit.language_models.ngram.smoothing.options import Options
from nlmkit.language_models.ngram.table import BackoffTable
from toys import ngram_reference as reference
from toys.ngram_reference import BOS, EOS, UNK, Gram, Model, Text

VALID = ((3, 4), (3, 3, 4), (0,), ())
"""Validation text of the models that need one."""

FACTOR = 0.25
ADDED = 0.5
KATZ_MAX = 3


def event_ids(sentences: Mapping[Gram, int] | Iterable[Gram]) -> NDArray[np.int32]:
    """The events of a text, int32 [events]; of a mapping, each sentence as often as it says."""
    times = sentences if isinstance(sentences, Mapping) else None
    rows = [np.empty(0, np.int32)]
    for sentence in sentences:
        rows.append(np.tile(np.array([*sentence, EOS], np.int32), times[sentence] if times is not None else 1))
    return np.concatenate(rows)


def keep_above(counts: NGramCounts, thresholds: Sequence[int]) -> Keep:
    """What count pruning keeps; ``thresholds`` begin with order 2, and the last goes on."""
    limits = [-1, *thresholds, *[thresholds[-1] if thresholds else 0] * counts.order]
    return [level.raw > limit for level, limit in zip(counts.levels, limits, strict=False)]


@dataclasses.dataclass
class Small:
    """One model, twice: as nlmkit makes it and by definition."""

    counts: NGramCounts
    keep: Keep
    estimate: Estimate
    table: BackoffTable
    model: Model


def small(
    method: str,
    sentences: Mapping[Gram, int],
    order: int,
    size: int,
    thresholds: Sequence[int] = (),
    **options: object,
) -> Small:
    counts = count_ngrams(event_ids(sentences), order, size)
    keep = keep_above(counts, thresholds)
    given = {
        "add_k": ADDED,
        "katz_max": KATZ_MAX,
        "stupid_backoff": FACTOR,
        "valid_event_ids": event_ids(tuple(word if word < size else UNK for word in sentence) for sentence in VALID),
        **options,
    }
    estimated = estimate(method, counts, Options(keep=keep, **given))
    text = Text(sentences, order, size, thresholds)
    model: Model
    match method:
        case "modified-kneser-ney":
            model = reference.ModifiedKneserNey(text)
        case "kneser-ney":
            model = reference.KneserNey(text)
        case "absolute":
            model = reference.Absolute(text)
        case "witten-bell":
            model = reference.WittenBell(text)
        case "katz":
            model = reference.Katz(text, KATZ_MAX)
        case "jelinek-mercer":
            assert estimated.weights is not None
            model = reference.JelinekMercer(text, estimated.weights)
        case "add-k":
            model = reference.AddK(text, Fraction(ADDED))
        case "stupid-backoff":
            model = reference.StupidBackoff(text, Fraction(FACTOR))
        case "mle":
            model = reference.MaximumLikelihood(text)
    return Small(counts, keep, estimated, BackoffTable.from_estimate(counts, estimated, keep), model)


def contexts(order: int, size: int) -> Iterator[Gram]:
    """Every context of less than ``order`` ids; ``<s>`` only in front."""
    for length in range(order):
        yield from (context for context in product(range(size), repeat=length) if BOS not in context[1:])


def assert_by_definition(made: Small, contexts: Iterable[Gram]) -> None:
    """Every probability after each of ``contexts`` is what the definition says, and they sum to one."""
    for context in contexts:
        probs = np.exp(made.table.distribution(context))
        expected = np.zeros(len(probs))
        for word in made.model.text.words:
            expected[word] = float(made.model.probability(word, context))
        np.testing.assert_allclose(probs, expected, rtol=1e-9, atol=0, err_msg=f"after {context}")
        if made.estimate.normalized:
            assert abs(probs.sum() - 1) < 1e-9, f"after {context}"


def assert_batch_is_state(table: BackoffTable, text: Iterable[Gram]) -> None:
    """Scoring a text gives exactly the values of the distributions after its contexts."""
    text = list(text)
    scores, lengths = table.score(event_ids(text))
    at = 0
    for sentence in text:
        marked = (BOS, *sentence, EOS)
        for place in range(1, len(marked)):
            context = marked[max(0, place - table.order + 1) : place]
            assert scores[at] == table.distribution(context)[marked[place]], (context, marked[place])
            assert lengths[at] == listed_length(table, (*context, marked[place]))
            at += 1
    assert at == len(scores)


def listed_length(table: BackoffTable, gram: Gram) -> int:
    """Length of the longest suffix of an n-gram that is in the table."""
    return len(table.context_ids(gram))


@st.composite
def texts(draw: st.DrawFn, most_words: int = 3) -> tuple[dict[Gram, int], int]:
    """A text of few words, some sentences repeated, and the size of its vocabulary (3 with no word but ``<unk>``)."""
    size = 3 + draw(st.integers(0, most_words))
    word = st.sampled_from([0, *range(3, size)])
    sentence = st.lists(word, max_size=6).map(tuple)
    return draw(st.dictionaries(sentence, st.integers(1, 6), max_size=8)), size
