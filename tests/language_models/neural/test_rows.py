"""Neural models as rows of hypotheses, against their state machine; and search for their most probable sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nlmkit import GRU, LSTM, NNLM, Mixture, NGram
from nlmkit.decoding.beam import beam_search
from nlmkit.decoding.hypotheses import BeamOptions
from nlmkit.decoding.rows import MachineRows

pytestmark = pytest.mark.slow

TEXT = ["a b c a b d", "b c a", "a b c d", "d d d a b", "c", "a b c a d", "b d e f"] * 3


@pytest.fixture(scope="module", params=["lstm", "nnlm", "gru", "mixture"])
def model(request: pytest.FixtureRequest) -> Any:
    made = {
        "lstm": lambda: LSTM(embedding=6, hidden=7, layers=2, epochs=1).fit(TEXT),
        "gru": lambda: GRU(embedding=6, hidden=7, epochs=1, softmax="class-factored").fit(TEXT),
        "nnlm": lambda: NNLM(embedding=6, hidden=7, epochs=1, order=3).fit(TEXT),
    }
    if request.param != "mixture":
        return made[request.param]()
    return Mixture(models=(NGram(order=3).fit(TEXT), made["nnlm"]())).fit(valid=TEXT)


def test_rows_are_those_of_the_state_machine(model: Any) -> None:
    generator = np.random.default_rng(3)
    rows, machine = model.rows(3), MachineRows(model, [model.start()] * 3)
    count = 3
    for _ in range(6):
        np.testing.assert_allclose(rows.log_probs(), machine.log_probs(), atol=1e-5)
        taken = generator.integers(0, count, 4)
        ids = generator.integers(2, len(model.vocabulary_), 4)
        rows, machine, count = rows.take(taken, ids), machine.take(taken, ids), 4
    assert rows.attention() is None


def test_search_by_rows_is_search_by_states(model: Any) -> None:
    options = BeamOptions(beam=4, n_best=3, max_length=8, normalization="none")
    (found,) = beam_search(model.rows(1), sources=1, options=options)
    (expected,) = beam_search(MachineRows(model, [model.start()]), sources=1, options=options)
    assert [each.ids for each in found] == [each.ids for each in expected]
    for hypothesis in found:
        words = [model.vocabulary_.word(id_) for id_ in hypothesis.ids]
        assert model.log_probs([words]).sum() == pytest.approx(hypothesis.log_prob, abs=1e-4)
