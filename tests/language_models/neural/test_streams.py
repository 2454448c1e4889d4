from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nlmkit.errors import DataError
from nlmkit.language_models.neural.streams import (
    BLANK_ID,
    Noise,
    TrainingStream,
    columns,
    evaluation_columns,
    fixed_windows,
    random_windows,
    reset_state,
)


def stream(events: Any, counts: Any = None, **values: Any) -> Any:
    defaults = {"batch": 3, "bptt": 4, "random": False, "unknown_rate": 0.0, "seed": 1}
    events = np.array(events, np.int32)
    counts = np.zeros(max(events.max(initial=2) + 1, 8), np.int64) if counts is None else counts
    return TrainingStream(events, counts, **{**defaults, **values})


def windows(epoch: Any) -> Any:
    return [epoch.ids(number) for number in range(epoch.windows)]


# ------------------------------------------------------------------------------------------------- columns


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 8), st.integers(1, 9))
def test_columns_continue_and_cover_all_but_fewer_than_batch_events(events: Any, batch: int, bptt: int) -> None:
    batch = min(batch, len(events))
    whole = stream(events, batch=batch, bptt=bptt)
    read = windows(whole.epoch(0))
    inputs = torch.cat([given for given, _ in read]).T.flatten().tolist()
    targets = torch.cat([wanted for _, wanted in read]).T.flatten().tolist()
    # Column after column the targets are the text itself, and each input is the event before its target.
    assert targets == events[: len(targets)]
    assert inputs == [2, *events][: len(targets)]
    assert whole.events_left_out == len(events) - len(targets) < batch
    assert all(len(given) <= bptt for given, _ in read)


def test_columns_by_hand() -> None:
    assert columns(np.array([3, 4, 5, 6, 7], np.int32), 2).tolist() == [[2, 4], [3, 5], [4, 6]]


def test_windows_are_int64_and_the_last_one_may_be_short() -> None:
    epoch = stream(range(3, 33), bptt=4).epoch(0)
    assert [epoch.rows(number) for number in range(epoch.windows)] == [4, 4, 2]
    assert all(ids.dtype == torch.int64 for pair in windows(epoch) for ids in pair)
    assert [epoch.scale(number) for number in range(3)] == [1, 1, 1]


def test_a_text_shorter_than_the_batch_is_read_in_as_many_columns_as_it_has_events() -> None:
    short = stream([3, 4], batch=64)
    assert short.batch == 2
    assert [pair[1].tolist() for pair in windows(short.epoch(0))] == [[[3, 4]]]


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(DataError, match="training text is empty"):
        stream([])
    with pytest.raises(DataError, match="2 events, fewer than the 3 processes"):
        stream([3, 4], share=(0, 3))


def test_processes_share_the_columns_of_one_process() -> None:
    events = np.arange(3, 103, dtype=np.int32)
    together = stream(events, batch=6, unknown_rate=0.5)
    shares = [stream(events, batch=6, unknown_rate=0.5, share=(rank, 3)) for rank in range(3)]
    for number in range(2):
        joint = windows(together.epoch(number))
        parts = [windows(share.epoch(number)) for share in shares]
        for window, (inputs, targets) in enumerate(joint):
            assert torch.equal(torch.cat([part[window][0] for part in parts], 1), inputs)
            assert torch.equal(torch.cat([part[window][1] for part in parts], 1), targets)


@given(st.lists(st.integers(3, 9), min_size=1, max_size=50), st.integers(1, 9))
def test_evaluation_counts_every_event_once(events: Any, batch: int) -> None:
    inputs, targets = evaluation_columns(np.array(events, np.int32), batch)
    real = targets.T.flatten() >= 0
    assert targets.T.flatten()[real].tolist() == events
    assert inputs.T.flatten()[real].tolist() == [2, *events][:-1]
    assert inputs.shape[1] <= batch
    assert (inputs >= 0).all()


# ------------------------------------------------------------------------------------------------- windows


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 5))
def test_random_windows_tile_the_columns(length: int, bptt: int, seed: int) -> None:
    bounds = random_windows(length, bptt, torch.Generator().manual_seed(seed))
    lengths = np.diff(bounds)
    assert bounds[0] == 0
    assert bounds[-1] == length
    assert (lengths > 0).all()
    assert (lengths[:-1] >= min(5, bptt)).all()


def test_random_windows_have_the_stated_distribution() -> None:
    lengths = np.diff(random_windows(1_000_000, 70, torch.Generator().manual_seed(3)))[:-1]
    halved = lengths < 52  # 3.4 deviations off either mean
    assert halved.mean() == pytest.approx(0.05, abs=0.01)
    assert lengths[~halved].mean() == pytest.approx(69.5, abs=0.3)  # rounded down
    assert lengths[~halved].std() == pytest.approx(5, abs=0.2)
    assert lengths[halved].mean() == pytest.approx(34.5, abs=1.0)


def test_the_rate_is_scaled_by_a_random_windows_length() -> None:
    epoch = stream(range(3, 903), bptt=20, random=True).epoch(0)
    assert [epoch.scale(n) for n in range(epoch.windows)] == [epoch.rows(n) / 20 for n in range(epoch.windows)]
    assert len({epoch.rows(n) for n in range(epoch.windows)}) > 3


def test_steps_are_the_windows_of_all_epochs() -> None:
    for random in (False, True):
        whole = stream(range(3, 903), bptt=20, random=random)
        assert whole.steps(4) == sum(whole.epoch(number).windows for number in range(4))
    assert fixed_windows(10, 5).tolist() == [0, 5, 10]


@given(size=st.integers(1, 60), batch=st.integers(1, 9), number=st.integers(0, 3))
def test_a_rotated_column_has_its_events_from_another_one_on(size: int, batch: int, number: int) -> None:
    events = np.arange(size, dtype=np.int32) + 3
    plain, rotated = (stream(events, batch=batch, rotated=value) for value in (False, True))
    assert rotated.steps(2) == plain.steps(2)
    assert rotated.events_left_out == plain.events_left_out
    before, after = (each.epoch(number)._ids for each in (plain, rotated))
    for column in range(plain.batch):
        old, new = before[:, column].tolist(), after[:, column].tolist()
        offset = old[1:].index(new[1])
        assert new == [old[offset], *old[1 + offset :], *old[1 : 1 + offset]]


def test_rotations_depend_on_seed_and_epoch_alone() -> None:
    def ids(number: int, seed: int = 1) -> list[list[int]]:
        made = stream(np.arange(3, 3003, dtype=np.int32), batch=5, rotated=True, seed=seed)
        return made.epoch(number)._ids.T.tolist()

    assert ids(0) == ids(0)
    assert ids(0) != ids(1)
    assert ids(0) != ids(0, seed=2)
    offsets = {column[1] % 600 for column in ids(0)}
    assert len(offsets) > 3  # columns have offsets of their own


def test_processes_rotate_the_columns_of_one_process() -> None:
    events = np.arange(3, 103, dtype=np.int32)
    whole = stream(events, batch=4, rotated=True).epoch(1)._ids
    parts = [stream(events, batch=4, rotated=True, share=(rank, 2)).epoch(1)._ids for rank in (0, 1)]
    assert torch.equal(torch.cat(parts, dim=1), whole)


def test_an_epoch_depends_on_seed_and_number_alone() -> None:
    def bounds(number: Any, seed: Any = 1) -> Any:
        return stream(range(3, 903), bptt=20, random=True, seed=seed).epoch(number).bounds.tolist()

    assert bounds(2) == bounds(2)
    assert bounds(2) != bounds(3)
    assert bounds(2) != bounds(2, seed=2)


# ------------------------------------------------------------------------------------------------- <unk>


def substituted(number: Any, rate: Any = 0.5, **values: Any) -> Any:
    events = np.array([3, 4, 4, 5, 2, 6, 7, 2, 8, 9, 9, 2, *range(10, 90)], np.int32)
    whole = stream(events, np.zeros(90, np.int64), batch=1, bptt=200, unknown_rate=rate, **values)
    inputs, targets = whole.epoch(number).ids(0)
    return events, inputs[:, 0], targets[:, 0]


def test_words_seen_once_read_as_unk_as_input_and_as_target() -> None:
    events, inputs, targets = substituted(0)
    changed = targets.numpy() != events
    assert (targets.numpy()[changed] == 0).all()
    assert torch.equal(inputs[1:], targets[:-1])
    once = np.array([Counter(events.tolist())[event] == 1 for event in events])
    assert not changed[~once].any()
    assert 0.3 < changed[once].mean() < 0.7
    assert not torch.equal(substituted(1)[2], targets)
    assert torch.equal(substituted(0)[2], targets)


def test_all_or_none_of_them_at_the_extreme_rates() -> None:
    events, _, targets = substituted(0, rate=1.0)
    once = np.array([Counter(events.tolist())[event] == 1 for event in events])
    assert ((targets.numpy() == 0) == once).all()
    assert substituted(0, rate=0.0)[2].tolist() == events.tolist()


def test_sentence_ends_are_never_unk_even_when_there_is_one() -> None:
    whole = stream([3, 3, 2], batch=1, unknown_rate=1.0)
    assert whole.epoch(0).ids(0)[1].flatten().tolist() == [3, 3, 2]


@pytest.mark.parametrize("trained", ["text", "counts"])
def test_a_trained_unk_is_left_alone(trained: str) -> None:
    events = [3, 4, 5, 0 if trained == "text" else 6]
    counts = np.zeros(8, np.int64)
    counts[0] = trained == "counts"
    whole = stream(events, counts, batch=1, unknown_rate=1.0)
    assert whole.epoch(0).ids(0)[1].flatten().tolist() == events


def test_words_that_an_earlier_text_has_often_are_not_rare() -> None:
    counts = np.array([0, 0, 1, 40, 1, 1, 0, 0])
    whole = stream([3, 4, 5], counts, batch=1, unknown_rate=1.0)
    assert whole.epoch(0).ids(0)[1].flatten().tolist() == [3, 0, 0]


# ------------------------------------------------------------------------------------------------- noise

TEXT = np.array([3, 4, 2, 3, 5, 2, 3, 4, 2, 6, 3, 2], np.int32)
"""As contexts: </s> 4 times before 3 and 6, 3 four times before 4, 5 and </s>, 4 twice before </s>."""


def noise(scheme: Any, rate: Any = 0.5, batch: Any = 1000, **values: Any) -> Any:
    return Noise(TEXT, 7, rate=rate, scheme=scheme, batch=batch, **values)


def noised(scheme: Any, word: Any, rate: Any = 0.5) -> Any:
    inputs = torch.full((40, 1000), word)
    targets = torch.full((40, 1000), 4)
    return noise(scheme, rate)(inputs, targets, torch.Generator().manual_seed(7))


def shares(ids: Any) -> Any:
    return (torch.bincount(ids.flatten(), minlength=7) / ids.numel()).tolist()


def test_blank_noise_replaces_inputs_with_a_word_that_no_text_reads() -> None:
    inputs, targets = noised("blank", 3)
    assert shares(inputs)[BLANK_ID] == pytest.approx(0.5, abs=0.01)
    assert shares(inputs)[3] == pytest.approx(0.5, abs=0.01)
    assert (targets == 4).all()
    assert BLANK_ID not in TEXT


def test_unigram_noise_replaces_inputs_by_frequency() -> None:
    inputs, targets = noised("unigram", 5, rate=1.0)
    assert shares(inputs) == pytest.approx([0, 0, 4 / 12, 4 / 12, 2 / 12, 1 / 12, 1 / 12], abs=0.01)
    assert (targets == 4).all()
    assert shares(noised("unigram", 5, rate=0.4)[0])[5] == pytest.approx(0.6 + 0.4 / 12, abs=0.01)


def test_kneser_ney_noise_replaces_inputs_and_targets_by_the_words_histories() -> None:
    # Distinct words before: </s> after 4, 5 and 3 (3), 3 after </s> and 6 (2), 4 after 3, 5 after 3, 6 after </s>.
    proposal = np.array([0, 0, 3, 2, 1, 1, 1]) / 8
    for word, chance in ((2, 0.5 * 2 / 4), (3, 0.5 * 3 / 4), (4, 0.5 * 1 / 2), (5, 0.5 * 1 / 1), (6, 0.5 * 1 / 1)):
        inputs, targets = noised("kneser-ney", word)
        kept = np.eye(7)
        assert shares(inputs) == pytest.approx(chance * proposal + (1 - chance) * kept[word], abs=0.01)
        assert shares(targets) == pytest.approx(chance * proposal + (1 - chance) * kept[4], abs=0.01)


@pytest.mark.parametrize("scheme", ["blank", "unigram", "kneser-ney"])
def test_noise_leaves_its_arguments_alone_and_draws_the_same_for_every_share(scheme: str) -> None:
    inputs = torch.from_numpy(np.resize(TEXT, (6, 4)).astype(np.int64))
    targets = torch.from_numpy(np.resize(TEXT[::-1], (6, 4)).astype(np.int64))
    before = inputs.clone(), targets.clone()
    joint = noise(scheme, batch=4)(inputs, targets, torch.Generator().manual_seed(5))
    assert torch.equal(inputs, before[0])
    assert torch.equal(targets, before[1])
    for share in (slice(0, 2), slice(2, 4)):
        part = noise(scheme, batch=4, share=share)(
            inputs[:, share], targets[:, share], torch.Generator().manual_seed(5)
        )
        assert torch.equal(part[0], joint[0][:, share])
        assert torch.equal(part[1], joint[1][:, share])


# ------------------------------------------------------------------------------------------------- state


def test_reset_columns_begin_anew_and_others_do_not() -> None:
    state = (torch.ones(2, 3, 4), torch.arange(6).view(2, 3))
    initial = (torch.zeros(2, 3, 4), torch.full((2, 3), 9))
    hidden, ids = reset_state(state, initial, torch.tensor([False, True, False]))
    assert hidden[:, 1].eq(0).all()
    assert hidden[:, [0, 2]].eq(1).all()
    assert ids.tolist() == [[0, 9, 2], [3, 9, 5]]
