"""Characters, feature values and pairs of words, by hand; and what a saved tagger may hold of them."""

from __future__ import annotations

import numpy as np
import pytest

from nlmkit.errors import SavedModelError
from nlmkit.taggers.neural.batching import Sentences, Spellings
from nlmkit.taggers.neural.shapes import SHAPES, shape
from nlmkit.taggers.neural.tables import BEGIN, END, FIRST_ID, LONGEST, MARKS, Tables, unknown_chances
from nlmkit.text.tagged import TaggedSentences

DATA = TaggedSentences([["ab", "ba", "ab"], ["bc", "ab", "ba"]], features=[[["x", "y", "x"], ["x", "z", "y"]]])
IDS = np.array([3, 4, 3, 5, 3, 4])
"""Vocabulary ids of the words of ``DATA``: ab 3, ba 4, bc 5."""

A, B = FIRST_ID + MARKS, FIRST_ID + MARKS + 1


def tables(pairs_from: int | None = 2) -> Tables:
    return Tables.of(DATA, IDS, 6, characters=True, pairs_from=pairs_from)


def test_characters_of_one_word_alone_are_unknown() -> None:
    found = tables()
    assert found.characters == "ab"
    ids, offsets = found.spellings(["ab", "", "cb"])
    assert ids.tolist() == [BEGIN, A, B, END, BEGIN, END, BEGIN, 1, B, END]
    assert offsets.tolist() == [0, 4, 6, 10]


def test_long_words_lose_their_middle() -> None:
    ids, offsets = tables().spellings(["a" * 100 + "c" + "b" * 100])
    assert offsets.tolist() == [0, LONGEST + MARKS]
    assert ids.tolist() == [BEGIN, *[A] * (LONGEST // 2), *[B] * (LONGEST // 2), END]


def test_values_seen_once_are_unknown() -> None:
    assert tables().feature_ids(0, ["x", "y", "z", "?"]).tolist() == [2, 3, 1, 1]


def test_pairs_have_marks_at_both_ends() -> None:
    """Pairs seen twice: ab ba. Others, such as <s> ab, are unknown, as are words from V on."""
    found = tables()
    assert found.pairs.tolist() == [3 * 6 + 4]
    assert found.pair_counts.tolist() == [2]
    left, right = found.pair_ids(IDS, DATA.offsets)
    assert left.tolist() == [1, 2, 1, 1, 1, 2]
    assert right.tolist() == [2, 1, 1, 1, 2, 1]
    every = tables(pairs_from=1)
    assert len(every.pairs) == 7
    left, right = every.pair_ids(np.array([9]), np.array([0, 1]))
    assert left.tolist() == right.tolist() == [1]


def test_chances_of_being_unknown() -> None:
    counts = np.array([0, 1, 2, 7])
    np.testing.assert_allclose(unknown_chances("frequency", 0.5, counts, 1), [1, 1 / 3, 1 / 5, 1 / 15], rtol=1e-6)
    assert unknown_chances("frequency", 0.0, counts, 1).tolist() == [0, 0, 0, 0]
    assert unknown_chances("once-seen", 0.25, counts, 1).tolist() == [0, 0.25, 0, 0]


def test_tables_are_restored_and_checked() -> None:
    one = tables()
    arrays = one.arrays()
    again = Tables.restored(arrays, 6, features=1)
    assert (again.characters, again.features, again.pairs.tolist()) == (one.characters, one.features, [22])
    for name, array in {
        "tables.pairs": np.array([5, 5]),
        "tables.characters": np.array([ord("b"), 10, ord("a"), 10]),
        "tables.feature 1": np.array([ord("x")]),
    }.items():
        with pytest.raises(SavedModelError):
            Tables.restored({**arrays, name: array}, 6, features=1)
    with pytest.raises(SavedModelError, match="feature 2"):
        Tables.restored(arrays, 6, features=2)


def test_a_batch_has_each_word_once_and_nothing_in_its_padding() -> None:
    spellings = Spellings(*tables().spellings(DATA.words.types), DATA.words.ids.astype(np.int64))
    lengths = np.array([0, 3, 4, 6])
    sentences = Sentences(lengths, IDS, IDS[None] + 1, spellings, tags=np.arange(6))
    batch = sentences.batch(np.array([1, 2]))
    assert batch.words.tolist() == [[5, 3], [1, 4]]
    assert batch.columns.tolist() == [[[6, 4], [0, 5]]]
    assert batch.tags is not None
    assert batch.tags.tolist() == [[3, 0], [4, 5]]
    assert batch.characters is not None
    assert len(batch.characters.words) == 3
    assert batch.characters.words[batch.characters.places[0, 1]].tolist() == [BEGIN, A, B, END]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("dog", "lower"),
        ("Dog", "Title"),
        ("NATO", "UPPER"),
        ("A", "Capital"),
        ("iPhone", "mixedCase"),
        ("1,234.5", "number"),
        ("F16", "with-digit"),
        ("马", "uncased"),
        ("...", "punctuation"),
        ("+", "symbol"),
        ("well-known", "hyphenated"),
        ("", "symbol"),
    ],
)
def test_shapes(word: str, expected: str) -> None:
    assert SHAPES[shape(word)] == expected
