"""N-gram models as rows of hypotheses, against their state machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import NGram
from nlmkit.decoding.rows import MachineRows
from nlmkit.text import EOS_ID

reproducible = settings(derandomize=True, deadline=None, database=None, max_examples=25)

TEXT = ["a b c a b d", "b c a", "a b c d", "d d d a b", "c", "a b c a d", "b d e f"]

MODELS = [
    NGram(order=1).fit(TEXT),
    NGram(order=2, smoothing="absolute").fit(TEXT),
    NGram(order=4).fit(TEXT),
    NGram(order=5, smoothing="witten-bell").fit(TEXT),
    NGram(order=3, smoothing="stupid-backoff").fit(TEXT),  # words before unseen contexts count, too
    NGram(order=3, smoothing="add-k", min_count=2).fit(TEXT),
]


@pytest.mark.slow
@reproducible
@given(number=st.integers(0, len(MODELS) - 1), data=st.data())
def test_rows_are_those_of_the_state_machine(number: int, data: st.DataObject) -> None:
    model = MODELS[number]
    rows: Any = model.rows(2)
    machine: Any = MachineRows(model, [model.start()] * 2)
    count = 2
    for _ in range(6):
        found, expected = rows.log_probs(), machine.log_probs()
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=5e-6)
        taken = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=4)))
        words = st.sampled_from([0, *range(EOS_ID, len(model.vocabulary_))])
        ids = np.array(data.draw(st.lists(words, min_size=len(taken), max_size=len(taken))))
        rows, machine, count = rows.take(taken, ids), machine.take(taken, ids), len(taken)
    assert rows.attention() is None
