"""Masks: what they hold, over what they are held, and where they come from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toys.networks import array, seeded

from nlmkit.layers.masks import Dropout, WeightDrop, WordDropout, Zoneout, chance, keep_mask

LIKE = torch.zeros(())


@given(rate=st.floats(0.0, 0.95), seed=st.integers(0, 1000))
def test_a_mask_holds_zeros_at_the_rate_and_keeps_the_expectation(rate, seed):
    mask = keep_mask((100, 100), rate, seeded(seed), LIKE)
    torch.testing.assert_close(mask[mask != 0], torch.tensor(1 / (1 - rate)).expand(int((mask != 0).sum())))
    assert (mask == 0).float().mean().item() == pytest.approx(rate, abs=0.025)
    assert mask.mean().item() == pytest.approx(1, abs=6 * (rate / (1 - rate) / 10_000) ** 0.5)


def test_masks_come_from_the_generator_alone():
    torch.manual_seed(0)
    first = keep_mask((5, 7), 0.5, seeded(3), LIKE)
    torch.manual_seed(1)
    source = seeded(3)
    assert torch.equal(keep_mask((5, 7), 0.5, source, LIKE), first)
    assert not torch.equal(keep_mask((5, 7), 0.5, source, LIKE), first)


def test_a_mask_has_the_dtype_of_what_it_is_for():
    assert keep_mask((2,), 0.5, seeded(), torch.zeros(1, dtype=torch.float64)).dtype == torch.float64
    assert chance((2,), 0.5, seeded(), torch.zeros(1, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_a_locked_mask_is_held_over_time_and_differs_in_the_batch():
    dropped = Dropout(0.5, locked=True)(torch.ones(20, 3, 40), seeded())
    assert (dropped == dropped[0]).all()
    assert not torch.equal(dropped[0, 0], dropped[0, 1])
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_an_unlocked_mask_differs_at_each_step():
    dropped = Dropout(0.5, locked=False)(torch.ones(20, 3, 40), seeded())
    assert all(not torch.equal(dropped[t], dropped[t + 1]) for t in range(19))


def test_a_locked_mask_is_drawn_anew_at_each_call():
    dropout, source = Dropout(0.5, locked=True), seeded()
    first = dropout(torch.ones(2, 3, 40), source)
    assert not torch.equal(dropout(torch.ones(2, 3, 40), source), first)


@pytest.mark.parametrize("locked", [True, False])
def test_nothing_is_dropped_or_drawn_in_evaluation_or_at_rate_zero(locked):
    sequence, weight, source = torch.randn(4, 2, 3), torch.randn(5, 5), seeded()
    before = source.get_state()
    for training, rate in [(False, 0.5), (True, 0.0)]:
        assert Dropout(rate, locked=locked).train(training)(sequence, source) is sequence
        assert WordDropout(rate).train(training)(sequence, torch.zeros(4, 2, dtype=torch.int64), 9, source) is sequence
        assert WeightDrop(rate).train(training)(weight, source) is weight
    assert torch.equal(source.get_state(), before)


def test_word_dropout_drops_all_of_a_word_or_nothing_of_it():
    rows = torch.arange(50).repeat(4)[:, None]
    dropped = WordDropout(0.3)(torch.ones(200, 1, 6), rows, 50, seeded())
    assert dropped.unique().tolist() == [0, pytest.approx(1 / 0.7)]
    assert (dropped == dropped[..., :1]).all()
    by_word = dropped[:, 0, 0].view(4, 50)
    assert (by_word == by_word[0]).all()


def test_weight_drop_leaves_the_parameter_and_masks_its_gradient():
    weight = torch.nn.Parameter(torch.randn(30, 10, generator=seeded(1)))
    before = weight.detach().clone()
    masked = WeightDrop(0.4)(weight, seeded())
    assert masked is not weight
    assert torch.equal(weight, before)
    zero = masked == 0
    assert 0.3 < zero.float().mean() < 0.5
    torch.testing.assert_close(masked[~zero], before[~zero] / 0.6)
    masked.sum().backward()
    assert (weight.grad[zero] == 0).all()
    torch.testing.assert_close(weight.grad[~zero], torch.full_like(weight.grad[~zero], 1 / 0.6))


def test_zoneout_keeps_units_exactly_in_training_and_averages_in_evaluation():
    last, new = torch.randn(3, 50, generator=seeded(1)), torch.randn(3, 50, generator=seeded(2))
    zoneout = Zoneout(0.25)
    masks = zoneout.masks(40, last, seeded())
    assert masks.shape == (40, 3, 50)
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    assert masks.mean().item() == pytest.approx(0.25, abs=0.02)
    state = zoneout(last, new, masks[0])
    assert torch.equal(state, torch.where(masks[0] == 1, last, new))
    zoneout.eval()
    assert zoneout.masks(40, last, seeded()) is None
    np.testing.assert_allclose(array(zoneout(last, new, None)), 0.25 * array(last) + 0.75 * array(new), atol=1e-6)


def test_every_transform_says_its_rate():
    shown = [repr(part) for part in (Dropout(0.1, locked=True), WordDropout(0.2), WeightDrop(0.3), Zoneout(0.4))]
    assert shown == ["Dropout(0.1, locked=True)", "WordDropout(0.2)", "WeightDrop(0.3)", "Zoneout(0.4)"]
