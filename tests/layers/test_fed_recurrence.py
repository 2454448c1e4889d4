"""Recurrent layers that are fed: the same as the plain layers, had they known what is fed beforehand."""

from __future__ import annotations

import pytest
import torch

from nlmkit.layers.fed_recurrence import FedRecurrence
from nlmkit.layers.recurrent import RecurrentStack

STEPS, ROWS, WORDS, FED, HIDDEN = 5, 3, 4, 2, 6


def stack(kind: str, layers: int, dropout: float = 0.0, *, locked: bool = True) -> FedRecurrence:
    generator = torch.Generator().manual_seed(1)
    widths = [WORDS, *[HIDDEN] * layers]
    return FedRecurrence(kind, widths, FED, generator, dropout_hidden=dropout, locked=locked)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_steps_equal_the_fused_layers_over_joined_inputs(kind: str, layers: int) -> None:
    fed_stack = stack(kind, layers)
    plain = RecurrentStack(kind, [WORDS + FED, *[HIDDEN] * layers], torch.Generator())
    plain.load_state_dict(fed_stack.state_dict())
    draws = torch.Generator().manual_seed(2)
    vectors = torch.randn(STEPS, ROWS, WORDS, generator=draws)
    fed = torch.randn(STEPS, ROWS, FED, generator=draws)
    state = tuple(torch.randn(part.shape, generator=draws) for part in plain.initial_state(ROWS))

    expected, last = plain(torch.cat([vectors, fed], dim=2), vectors, state, torch.Generator())
    found, states = [], tuple(part[0] for part in state)
    for driven, given in zip(fed_stack.driven(vectors), fed, strict=True):
        hidden, states = fed_stack.advance(driven, given, states, None)
        found.append(hidden)
    assert torch.allclose(torch.stack(found), expected, atol=1e-6)
    assert all(torch.allclose(one, other[0], atol=1e-6) for one, other in zip(states, last, strict=True))


def test_masks_are_locked_or_drawn_per_step() -> None:
    like = torch.zeros(ROWS, HIDDEN)
    locked = stack("lstm", 3, 0.5).train().masks(like, STEPS, torch.Generator().manual_seed(1))
    assert locked[0] is not None
    assert locked[0].shape == (2, ROWS, HIDDEN)
    assert all(mask is locked[0] for mask in locked)
    free = stack("lstm", 3, 0.5, locked=False).train().masks(like, STEPS, torch.Generator().manual_seed(1))
    assert free[0] is not None
    assert free[1] is not None
    assert not torch.equal(free[0], free[1])
    assert stack("lstm", 3, 0.5).eval().masks(like, STEPS, torch.Generator()) == [None] * STEPS
    assert stack("lstm", 1, 0.5).train().masks(like, STEPS, torch.Generator()) == [None] * STEPS


def test_masks_apply_between_layers() -> None:
    fed_stack = stack("gru", 2)
    state = tuple(torch.zeros(ROWS, HIDDEN) for _ in range(2))
    driven = fed_stack.driven(torch.ones(1, ROWS, WORDS))[0]
    fed = torch.ones(ROWS, FED)
    _, plain = fed_stack.advance(driven, fed, state, None)
    _, masked = fed_stack.advance(driven, fed, state, torch.zeros(1, ROWS, HIDDEN))
    assert torch.equal(plain[0], masked[0])
    assert not torch.equal(plain[1], masked[1])
