"""Batches: every document once, ids in place, held-out parts that are fair."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nlmkit import Corpus
from nlmkit.documents.neural.batching import (
    Documents,
    dev_split,
    scoring_batches,
    similar_lengths,
    with_unknown,
)
from nlmkit.documents.subsets import subset
from nlmkit.layers.word_input import PAD_ID
from nlmkit.training.batches import once_seen, training_batches

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=60)
SENTENCES = st.lists(st.lists(st.sampled_from([1, 2, 3, 5, 8, 60, 400]), max_size=50), min_size=1, max_size=12)


def documents(lengths: list[int]) -> Documents:
    """Documents whose every word is an id of its own, from 3 on."""
    return Documents.whole(np.arange(3, 3 + sum(lengths)), np.append(0, np.cumsum(lengths)))


def divided(lengths: list[list[int]]) -> Documents:
    """The same with sentences."""
    whole = documents([length for sentences in lengths for length in sentences])
    return Documents(whole.ids, whole.sentence_offsets, np.append(0, np.cumsum(list(map(len, lengths)))))


@given(LENGTHS, st.integers(1, 9), st.integers(1, 5), st.integers(0, 5))
def test_an_epoch_has_every_document_once(lengths: list[int], size: int, within: int, seed: int) -> None:
    batches = training_batches(np.array(lengths), size, within, torch.Generator().manual_seed(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // size)
    assert max(map(len, batches)) <= size


def test_sorting_saves_padding_and_seeds_decide() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 2000)

    def padding(within: int) -> int:
        return sum(
            int((lengths[b].max() - lengths[b]).sum())
            for b in training_batches(lengths, 50, within, torch.Generator().manual_seed(1))
        )

    assert padding(20) < padding(1) / 5
    first, same, other = (training_batches(lengths, 50, 20, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert all(map(np.array_equal, first, same))
    assert not all(map(np.array_equal, first, other))
    means = [float(lengths[batch].mean()) for batch in first]
    assert means != sorted(means)


@given(LENGTHS, st.integers(1, 200))
def test_scoring_has_every_document_once_within_the_limit(lengths: list[int], words: int) -> None:
    array = np.array(lengths)
    batches = list(scoring_batches(documents(lengths), words))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(1, array[batch].max()) * len(batch) <= words


@pytest.mark.slow
@given(SENTENCES, st.integers(1, 3000))
def test_scoring_keeps_to_the_limit_where_sentences_are_padded(lengths: list[list[int]], words: int) -> None:
    all_of_them = divided(lengths)
    batches = list(scoring_batches(all_of_them, words))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for chosen in batches:
        batch = all_of_them.batch(chosen)
        padded = sum(rows.ids.numel() for rows in batch.groups)
        assert all_of_them.padded(chosen) == padded
        assert len(chosen) == 1 or padded <= words
        assert len(chosen) == 1 or len(chosen) * int(batch.sentences.max()) <= words


@pytest.mark.slow
@given(SENTENCES)
def test_a_batch_holds_the_sentences_of_its_documents(lengths: list[list[int]]) -> None:
    all_of_them = divided(lengths)
    batch = all_of_them.batch(np.arange(len(lengths)))
    assert batch.sentences.tolist() == [len(sentences) for sentences in lengths]
    assert batch.lengths.tolist() == [length for sentences in lengths for length in sentences]
    found: dict[int, list[int]] = {}
    for rows in batch.groups:
        assert rows.ids.shape[1] == max((int(batch.lengths[number]) for number in rows.numbers), default=1)
        for number, ids in zip(rows.numbers.tolist(), rows.ids.tolist(), strict=True):
            length = int(batch.lengths[number])
            assert set(ids[length:]) <= {PAD_ID}
            found[number] = ids[:length]
    assert [word for number in sorted(found) for word in found[number]] == all_of_them.ids.tolist()


def test_rows_of_similar_length_are_grouped() -> None:
    assert [group.tolist() for group in similar_lengths(np.array([], np.int64))] == [[]]
    assert [group.tolist() for group in similar_lengths(np.array([9]))] == [[0]]
    assert [group.tolist() for group in similar_lengths(np.full(200, 7))] == [list(range(200))]
    # Little is saved, or nothing for all the steps that are added.
    assert [len(group) for group in similar_lengths(np.repeat([9, 10], 100))] == [200]
    assert [len(group) for group in similar_lengths(np.array([5, 9, 7, 20]))] == [4]
    one_long = similar_lengths(np.array([8] * 30 + [900] + [8] * 70))
    assert sorted(group.tolist() for group in one_long) == [[*range(30), *range(31, 101)], [30]]
    lengths = np.random.default_rng(3).lognormal(2.6, 1.0, 1000).astype(np.int64) + 1
    groups = similar_lengths(lengths)
    assert sorted(np.concatenate(groups).tolist()) == list(range(1000))
    assert 1 < len(groups) < 8
    assert sum(len(group) * lengths[group].max() for group in groups) < 2 * lengths.sum()
    assert 1000 * lengths.max() > 8 * lengths.sum()


@given(LENGTHS, st.randoms(use_true_random=False))
def test_a_batch_holds_its_documents(lengths: list[int], random: object) -> None:
    all_of_them = documents(lengths)
    chosen = np.array(random.sample(range(len(lengths)), random.randint(1, len(lengths))))  # type: ignore[attr-defined]
    batch = all_of_them.batch(chosen)
    assert batch.ids.shape == (len(chosen), max(1, max(lengths[number] for number in chosen)))
    assert batch.sentences.tolist() == [1] * len(chosen)
    for row, number in enumerate(chosen.tolist()):
        begin = sum(lengths[:number])
        expected = list(range(3 + begin, 3 + begin + lengths[number]))
        assert batch.ids[row].tolist() == expected + [PAD_ID] * (batch.ids.shape[1] - len(expected))
        assert int(batch.lengths[row]) == lengths[number]


def test_a_batch_of_documents_with_sentences() -> None:
    found = Documents(np.arange(3, 9), np.array([0, 2, 3, 6]), np.array([0, 2, 2, 3]))
    assert found.lengths.tolist() == [3, 0, 3]
    batch = found.batch(np.array([2, 0, 1]))
    assert batch.ids.tolist() == [[6, 7, 8], [3, 4, 1], [5, 1, 1]]
    assert batch.lengths.tolist() == [3, 2, 1]
    assert batch.sentences.tolist() == [1, 2, 0]
    empty = found.batch(np.array([1]))
    assert empty.ids.shape == (0, 1)


def test_once_seen_words_are_hidden_at_the_rate() -> None:
    counts = np.array([0, 0, 1, 1, 2] + [1] * 2000)
    rare = once_seen(counts)
    assert rare[:5].tolist() == [False, False, False, True, False]
    before = Documents.whole(np.arange(3, 2005), np.array([0, 2002]))
    after = with_unknown(before, rare, 0.3, torch.Generator().manual_seed(1))
    hidden = after.ids == 0
    assert not hidden[1]
    assert hidden.mean() == pytest.approx(0.3, abs=0.04)
    assert (after.ids[~hidden] == before.ids[~hidden]).all()
    assert with_unknown(before, rare, 0.0, torch.Generator().manual_seed(1)) is before


@given(st.lists(st.integers(0, 3), min_size=1, max_size=200), st.floats(0, 0.9), st.integers(0, 3))
def test_the_held_out_part(labels: list[int], share: float, seed: int) -> None:
    targets = np.array(labels)
    train, dev = dev_split(targets, share, seed)
    assert sorted([*train.tolist(), *dev.tolist()]) == list(range(len(labels)))
    assert len(dev) <= round(share * len(labels))
    assert set(targets[train].tolist()) == set(labels)
    for label, count in zip(*np.unique(targets, return_counts=True), strict=True):
        got = int((targets[dev] == label).sum())
        assert got <= count * share + 1
    again = dev_split(targets, share, seed)
    assert np.array_equal(again[0], train)


def test_the_held_out_part_is_stratified() -> None:
    train, dev = dev_split(np.repeat([0, 1, 2], [500, 300, 200]), 0.1, 1)
    assert np.bincount(np.repeat([0, 1, 2], [500, 300, 200])[dev]).tolist() == [50, 30, 20]
    assert not np.array_equal(dev, dev_split(np.repeat([0, 1, 2], [500, 300, 200]), 0.1, 2)[1])
    assert len(train) == 900


@pytest.mark.slow
@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=5), min_size=1, max_size=8), st.data())
def test_a_subset_is_what_reading_its_sentences_gives(texts: list[list[str]], data: st.DataObject) -> None:
    corpus = Corpus.read(texts)
    chosen = data.draw(st.permutations(range(len(texts))))[: data.draw(st.integers(0, len(texts)))]
    found = subset(corpus, np.array(chosen, np.int64))
    assert [found.sentence(number) for number in range(found.sentences)] == [texts[number] for number in chosen]
    assert set(found.types) == {word for number in chosen for word in texts[number]}


def test_batches_go_to_a_device() -> None:
    batch = documents([2, 1]).batch(np.array([0, 1])).to(torch.device("cpu"))
    assert batch.ids.device.type == "cpu"
