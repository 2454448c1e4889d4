"""What a target of the fuzz harness is, and what holds of every model that a reader accepts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from nlmkit.errors import DataError


@dataclass(frozen=True)
class Target:
    """A reader under test.

    Attributes:
        name: What the report calls it.
        inputs: Strategy for its inputs.
        read: Reads an input, inside a folder of its own; may raise NlmkitError and nothing else.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    read: Callable[[Any, Path], None]


def check_scores(model: Any) -> None:
    """Use an accepted language model: no probability above one, none that is not a number."""
    values = model.log_probs(["the horse eats bread", "", "nothing known 马"])
    assert not np.isnan(values).any(), "NaN among the log-probabilities"
    assert values.max() <= 1e-6, f"log-probability {values.max()}"
    state = model.advance(model.start(), min(3, len(model.vocabulary_) - 1))
    values = model.next_log_probs(state)
    assert not np.isnan(values).any(), "NaN among the log-probabilities of the next word"
    assert values.max() <= 1e-6, f"log-probability {values.max()} of the next word"


def check_vectors(model: Any) -> None:
    """Use an accepted representation: all that comes of it is finite."""
    for word in model.vocabulary_.words[3:6]:
        try:
            vector = model.vectors([word])
        except DataError:  # it has none
            continue
        assert np.isfinite(vector).all()
        if not np.any(vector):
            continue
        for measure in ("cosine", "euclidean"):
            found = model.most_similar(word, n=3, measure=measure)
            assert all(np.isfinite(score) for _, score in found), f"similarities by {measure}"
