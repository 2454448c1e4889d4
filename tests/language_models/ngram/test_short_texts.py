"""Scores of short texts, word by word, are exactly those of arrays."""

from __future__ import annotations

import copy
import pickle
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import NGram
from nlmkit.language_models.ngram import scoring
from nlmkit.text.vocabulary import EOS_ID

TEXT = ["a b c a b", "b c a", "a b d c", "c c a b", "", "d a b c a"]
MODELS: dict[str, dict[str, Any]] = {
    "unigrams": {"order": 1, "smoothing": "add-k"},
    "modified": {"order": 4},
    "closed": {"order": 3, "closed": True, "smoothing": "witten-bell"},
    "stupid": {"order": 3, "smoothing": "stupid-backoff"},
    "packed": {"order": 4, "precision": "packed"},
    "quantised": {"order": 4, "precision": "q8"},
}


@cache
def model(name: str) -> NGram:
    return NGram(**MODELS[name]).fit(TEXT)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0, *range(3, 7)]), max_size=6), min_size=1, max_size=8))
def test_they_are_equal(name: str, sentences: list[list[int]]) -> None:
    events = np.array([word for sentence in sentences for word in [*sentence, EOS_ID]], np.int32)
    table: Any = model(name).table_
    scores, lengths = scoring.score_by_steps(table, events)
    wanted, wanted_lengths = scoring.score_by_arrays(table, events)
    assert scores.tolist() == wanted.tolist()
    assert lengths.tolist() == wanted_lengths.tolist()
    assert (scores.dtype, lengths.dtype) == (wanted.dtype, wanted_lengths.dtype) == (np.float64, np.int8)


@pytest.mark.parametrize("events", [0, scoring.FEW_EVENTS, scoring.FEW_EVENTS + 1])
def test_the_number_of_events_decides(events: int, monkeypatch: pytest.MonkeyPatch) -> None:
    table = model("modified").table_
    ids = np.array([3, EOS_ID] * 40, np.int32)[-events:] if events else np.empty(0, np.int32)
    wanted = scoring.score_by_arrays(table, ids)[0] if events else np.empty(0)
    if events <= scoring.FEW_EVENTS:
        monkeypatch.setattr(scoring, "score_by_arrays", None)
    else:
        monkeypatch.setattr(scoring, "score_by_steps", None)
    assert table.score(ids)[0].tolist() == wanted.tolist()


@pytest.mark.parametrize("precision", ["float64", "float32", "packed", "q8"])
def test_a_model_that_has_scored_a_short_text_can_be_pickled_and_copied(precision: str) -> None:
    model = NGram(order=3, precision=precision).fit(["the cat sat on the mat", "the dog sat"])
    before = model.log_probs(["the cat"]).tolist()
    model.next_log_probs(model.start())
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other.digest == model.digest
        assert other.log_probs(["the cat"]).tolist() == before
