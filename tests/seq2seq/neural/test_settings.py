"""Defaults of training that depend on the number of training pairs."""

from __future__ import annotations

from nlmkit import EncoderDecoder
from nlmkit.seq2seq.neural.settings import PairSettings, enough_epochs, enough_events


def test_small_sets_have_small_batches_and_many_passes() -> None:
    assert [enough_events(events) for events in (10, 5_000, 6_000, 60_000, 75_000, 10**7)] == [
        100,
        100,
        120,
        1200,
        1500,
        1500,
    ]
    assert [enough_epochs(steps) for steps in (1, 34, 50, 99, 101, 10_000)] == [30, 30, 20, 11, 10, 10]


def test_what_is_set_is_kept() -> None:
    found = PairSettings.of(EncoderDecoder(batch=7, epochs=3), 6_000)
    assert (found.batch, found.epochs) == (7, 3)
    found = PairSettings.of(EncoderDecoder(), 6_000)
    assert (found.batch, found.epochs) == (120, 20)
    found = PairSettings.of(EncoderDecoder(batch=1000), 6_000)
    assert (found.batch, found.epochs) == (1000, 30)
