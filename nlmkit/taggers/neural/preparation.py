"""What is settled before a neural tagger is trained: held-out sentences, unknown words, notes on coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.representations.alignment import POOR_COVERAGE
from nlmkit.taggers.neural.tables import FIRST_ID, Tables, unknown_chances
from nlmkit.text.vocabulary import SPECIAL

if TYPE_CHECKING:
    from nlmkit.taggers.neural.options import BiLSTMOptions
    from nlmkit.text import Vocabulary
    from nlmkit.text.tagged import TaggedSentences


def held_out(
    data: TaggedSentences, valid: TaggedSentences | None, share: float, seed: int
) -> tuple[TaggedSentences, TaggedSentences | None, dict[str, Any], list[str]]:
    """Return training and held-out sentences, how they were split, and notes.

    Args:
        data: Training sentences.
        valid: Held-out sentences; None to hold out some of the others.
        share: Share of the training sentences held out then.
        seed: Seed of the choice.
    """
    if valid is not None:
        return data, valid, {"sentences": len(valid), "chosen": "given"}, []
    count = round(share * len(data))
    if not 0 < count < len(data):
        none = "too few sentences to hold any out: the last weights were kept"
        return data, None, {"sentences": 0, "chosen": "none"}, [none] if share else []
    order = np.random.default_rng([seed, 0x646576]).permutation(len(data))
    chosen = f"{share:g} of the training sentences, seed {seed}"
    own, dev = data.subset(np.sort(order[count:])), data.subset(np.sort(order[:count]))
    return own, dev, {"sentences": count, "chosen": chosen}, []


def unknown_rates(
    options: BiLSTMOptions, vocabulary: Vocabulary, tables: Tables, columns: int, *, bigrams: bool
) -> dict[str, Any]:
    """Return the probabilities with which words and pairs are read as unknown in training, for ``TaskSetup``.

    Args:
        options: Hyper-parameters.
        vocabulary: Vocabulary with counts.
        tables: Tables with counts of pairs.
        columns: Number of columns of features; the last two are those of pairs, if there are any.
        bigrams: Whether pairs are read.
    """
    rule, rate = options.unknown_rule, options.unknown_rate
    words = unknown_chances(rule, rate, vocabulary.counts, 1)
    words[: len(SPECIAL)] = 0
    values = {}
    if bigrams:
        pairs = np.zeros(FIRST_ID + len(tables.pairs), np.float32)
        pairs[FIRST_ID:] = unknown_chances(rule, rate, tables.pair_counts, options.bigram_min_count)
        values = {columns - 2: pairs, columns - 1: pairs}
    return {"unknown_words": words, "unknown_values": values}


def coverage_notes(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return notes on language models that know few of the training words.

    Args:
        models: Entries of the fit report on language models.
    """
    notes = []
    for each in models:
        units = "words" if "token_coverage" in each else "characters"
        known = each["token_coverage" if units == "words" else "character_coverage"]
        if known < POOR_COVERAGE:
            notes.append(
                f"a language model ({each['component']} {each['digest']}) knows only {known:.0%} of the training "
                f"{units}: check that it was trained on text with the same {'tokens' if units == 'words' else units}"
            )
    return notes
